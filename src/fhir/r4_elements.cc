#include "fhir/r4_elements.h"

#include <algorithm>
#include <array>
#include <span>

#include "fhir/r4_elements_table.h"

namespace mitral::fhir {
namespace {

constexpr std::size_t kBasesMax = 4;              // of one type, itself counted; R4 has no longer chain
constexpr std::string_view kMarks = ":*@#";       // tools/make_fhir_elements.py
constexpr std::uint32_t kOrderOfBase = 0x1'0000;  // more than the text of a row is long

/// One element as it stands in the table.
struct Word {
  std::string_view name;
  char mark = ':';
  std::string_view types;
  std::uint32_t at = 0;
};

/// The part before the separator; `rest` goes on behind it.
std::string_view cut(std::string_view& rest, char separator) noexcept {
  const auto out = rest.substr(0, rest.find(separator));
  rest.remove_prefix(std::min(rest.size(), out.size() + 1));
  return out;
}

/// Calls visit(const Word&) -> bool until it says that it has found its own.
bool each_word(const R4TypeRow& row, auto&& visit) {
  auto rest = row.elements;
  while (!rest.empty()) {
    const auto at = static_cast<std::uint32_t>(row.elements.size() - rest.size());
    const auto text = cut(rest, ' ');
    const auto mark = text.find_first_of(kMarks);
    if (visit(Word{text.substr(0, mark), text[mark], text.substr(mark + 1), at})) return true;
  }
  return false;
}

/// value + Quantity, where the table has the type in lower case when it is a primitive.
bool is_named_after(std::string_view suffix, std::string_view type) noexcept {
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; };
  return suffix.size() == type.size() && !type.empty() && suffix.front() == upper(type.front()) &&
         suffix.substr(1) == type.substr(1);
}

const R4TypeRow* type_of_choice(const Word& word, std::string_view name) noexcept {
  if (word.mark != '#' || !name.starts_with(word.name)) return nullptr;
  const auto suffix = name.substr(word.name.size());
  const bool open = word.types == "?";
  for (auto rest = open ? kR4OpenTypes : word.types; !rest.empty();) {
    const auto type = cut(rest, open ? ' ' : '|');
    if (is_named_after(suffix, type)) return r4_type(type);
  }
  return nullptr;
}

std::optional<R4Element> match(const Word& word, std::string_view name) noexcept {
  if (const auto* const type = type_of_choice(word, name); type != nullptr)
    return R4Element{.type = type, .choice = word.name, .order = word.at};
  if (word.mark == '#' || word.name != name) return std::nullopt;
  const auto* const type = r4_type(word.types);
  if (type == nullptr) return std::nullopt;
  return R4Element{.type = type, .repeats = word.mark == '*', .attribute = word.mark == '@', .order = word.at};
}

/// The type and its bases, itself first.
struct Chain {
  std::array<const R4TypeRow*, kBasesMax> rows{};
  std::size_t size = 0;
};
Chain chain_of(const R4TypeRow& type) noexcept {
  Chain out;
  for (const auto* row = &type; out.size < kBasesMax; row = &kR4Types[row->base]) {
    out.rows[out.size++] = row;
    if (row->base < 0) break;
  }
  return out;
}

}  // namespace

const R4TypeRow* r4_type(std::string_view name) noexcept {
  const std::span all(kR4Types, kR4TypesCount);
  const auto found = std::ranges::lower_bound(all, name, {}, &R4TypeRow::name);
  return found != all.end() && found->name == name ? &*found : nullptr;
}

std::string_view r4_name(const R4TypeRow& type) noexcept { return type.name; }
R4Form r4_form(const R4TypeRow& type) noexcept { return type.form; }

bool r4_is_abstract(const R4TypeRow& type) noexcept {
  return type.name == "Resource" || type.name == "DomainResource" || type.name == "Element" ||
         type.name == "BackboneElement";
}

std::optional<R4Element> r4_element(const R4TypeRow& type, std::string_view name) noexcept {
  const auto chain = chain_of(type);
  std::optional<R4Element> out;
  for (std::size_t i = 0; i < chain.size && !out; ++i) {
    (void)each_word(*chain.rows[i], [&](const Word& word) { return (out = match(word, name)).has_value(); });
    if (out) out->order += static_cast<std::uint32_t>(chain.size - i) * kOrderOfBase;
  }
  return out;
}

bool r4_has_choice(const R4TypeRow& type, std::string_view name) noexcept {
  const auto chain = chain_of(type);
  return std::ranges::any_of(std::span(chain.rows).first(chain.size), [&](const R4TypeRow* row) {
    return each_word(*row, [&](const Word& word) { return word.mark == '#' && word.name == name; });
  });
}

}  // namespace mitral::fhir
