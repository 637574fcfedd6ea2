#include "codec/form.h"

#include <algorithm>
#include <array>

#include "codec/text.h"

namespace mitral::codec {
namespace {

consteval std::array<bool, 256> make_unreserved() {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}
constexpr auto kUnreserved = make_unreserved();

constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// What can be copied as it is: visible ASCII and space, but for the two signs that mean something.
consteval std::array<bool, 256> make_plain() {
  std::array<bool, 256> table{};
  for (std::size_t i = 0x20; i < 0x7f; ++i) table[i] = i != '%' && i != '+';
  return table;
}
constexpr auto kPlain = make_plain();

const char* end_of_plain(const char* at, const char* end) noexcept {
  const auto plain = [](char c) { return kPlain[static_cast<unsigned char>(c)]; };
  while (end - at >= 4 && plain(at[0]) && plain(at[1]) && plain(at[2]) && plain(at[3])) at += 4;
  while (at != end && plain(*at)) ++at;
  return at;
}

/// Most texts are plain as a whole, and copied at once.
std::optional<std::string> decode(std::string_view text, bool plus_is_space) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const char* stop = end_of_plain(at, end);
  if (stop == end) return std::string(text);
  std::string out;
  out.reserve(text.size());
  for (;;) {
    out.append(at, stop);
    if (stop == end) break;
    at = stop;
    const char c = *at++;
    if (c == '%') {
      if (end - at < 2) return std::nullopt;
      const int high = hex_value(at[0]);
      const int low = hex_value(at[1]);
      if (high < 0 || low < 0 || (high | low) == 0) return std::nullopt;
      out.push_back(static_cast<char>(high * 16 + low));
      at += 2;
    } else if (c == '+') {
      out.push_back(plus_is_space ? ' ' : c);
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return std::nullopt;
    } else {
      out.push_back(c);
    }
    stop = end_of_plain(at, end);
  }
  if (!is_utf8(out)) return std::nullopt;
  return out;
}

}  // namespace

Result<Form> Form::parse(std::string_view text, std::size_t max_bytes, std::size_t max_parameters) {
  if (text.size() > max_bytes) return fail(ErrorCode::too_large, "the form is too large");
  Form out;
  out.list_.reserve(std::min(static_cast<std::size_t>(std::ranges::count(text, '&')) + 1, max_parameters));
  while (!text.empty()) {
    const auto end = std::min(text.find('&'), text.size());
    const auto pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    if (out.list_.size() == max_parameters) return fail(ErrorCode::too_large, "the form has too many parameters");
    const auto equals = pair.find('=');
    auto name = decode(pair.substr(0, equals), true);
    auto value = decode(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1), true);
    if (!name || !value) return fail(ErrorCode::malformed, "the form is not encoded correctly");
    out.list_.push_back({std::move(*name), std::move(*value)});
  }
  return out;
}

std::optional<std::string_view> Form::get(std::string_view name) const noexcept {
  for (const auto& p : list_) {
    if (p.name == name && !p.value.empty()) return p.value;
  }
  return std::nullopt;
}

std::vector<std::string_view> Form::all(std::string_view name) const {
  std::vector<std::string_view> out;
  for (const auto& p : list_) {
    if (p.name == name && !p.value.empty()) out.emplace_back(p.value);
  }
  return out;
}

std::size_t Form::count(std::string_view name) const noexcept {
  return static_cast<std::size_t>(std::ranges::count(list_, name, &Parameter::name));
}

std::vector<std::string_view> Form::duplicates(std::initializer_list<std::string_view> allowed) const {
  std::vector<std::string_view> names(list_.size());
  std::ranges::transform(list_, names.begin(), [](const Parameter& p) { return std::string_view(p.name); });
  std::ranges::sort(names);
  std::vector<std::string_view> out;
  for (std::size_t i = 1; i < names.size(); ++i) {
    if (names[i] != names[i - 1] || (!out.empty() && out.back() == names[i])) continue;
    if (std::ranges::find(allowed, names[i]) == allowed.end()) out.push_back(names[i]);
  }
  return out;
}

Result<void> Form::refuse_duplicates(std::initializer_list<std::string_view> allowed) const {
  // Each with those before it: the lists are short, and kFormParametersMax bounds them.
  for (auto at = list_.begin(); at != list_.end(); ++at) {
    const bool again = std::any_of(list_.begin(), at, [&](const Parameter& p) { return p.name == at->name; });
    if (again && std::ranges::find(allowed, at->name) == allowed.end())
      return fail(ErrorCode::invalid_request, "a parameter occurs more than once");
  }
  return {};
}

Form& Form::set(std::string_view name, std::string_view value) {
  remove(name);
  return add(name, value);
}

void Form::remove(std::string_view name) {
  std::erase_if(list_, [&](const Parameter& p) { return p.name == name; });
}

std::string Form::serialize() const {
  std::string out;
  for (const auto& p : list_) {
    if (!out.empty()) out.push_back('&');
    percent_encode_to(out, p.name);
    out.push_back('=');
    percent_encode_to(out, p.value);
  }
  return out;
}

void percent_encode_to(std::string& out, std::string_view text) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (kUnreserved[static_cast<unsigned char>(text[i])]) continue;
    const auto byte = static_cast<unsigned char>(text[i]);
    out.append(text, start, i - start);
    out.push_back('%');
    out.push_back(kHex[byte >> 4U]);
    out.push_back(kHex[byte & 15U]);
    start = i + 1;
  }
  out.append(text, start, text.size() - start);
}

std::string percent_encode(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  percent_encode_to(out, text);
  return out;
}

std::optional<std::string> percent_decode(std::string_view text) { return decode(text, false); }

std::optional<std::string> form_decode(std::string_view text) { return decode(text, true); }

}  // namespace mitral::codec
