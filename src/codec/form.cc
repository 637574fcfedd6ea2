#include "codec/form.h"

#include <algorithm>

#include "codec/text.h"

namespace mitral::codec {
namespace {

constexpr bool is_unreserved(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (text.size() - i < 3) return std::nullopt;
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high < 0 || low < 0 || (high | low) == 0) return std::nullopt;
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else if (c == '+' && plus_is_space) {
      out.push_back(' ');
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return std::nullopt;
    } else {
      out.push_back(c);
    }
  }
  if (!is_utf8(out)) return std::nullopt;
  return out;
}

}  // namespace

Result<Form> Form::parse(std::string_view text, std::size_t max_bytes, std::size_t max_parameters) {
  if (text.size() > max_bytes) return fail(ErrorCode::too_large, "the form is too large");
  Form out;
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
  if (duplicates(allowed).empty()) return {};
  return fail(ErrorCode::invalid_request, "a parameter occurs more than once");
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
  for (char c : text) {
    if (is_unreserved(c)) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kHex[byte >> 4U]);
    out.push_back(kHex[byte & 15U]);
  }
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
