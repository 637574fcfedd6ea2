#include "codec/cookie.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/fields.h"
#include "codec/text.h"

namespace mitral::codec {
namespace {

// RFC 6265 §4.1.1 cookie-octet.
bool is_cookie_octets(std::string_view text) noexcept {
  unsigned bad = 0;  // no early exit: the loop becomes vector code
  for (const char ch : text) {
    const auto c = static_cast<unsigned char>(ch);
    bad |= static_cast<unsigned>(c <= 0x20U) | static_cast<unsigned>(c >= 0x7fU) | static_cast<unsigned>(c == '"') |
           static_cast<unsigned>(c == ',') | static_cast<unsigned>(c == ';') | static_cast<unsigned>(c == '\\');
  }
  return bad == 0;
}

std::string_view name_of(SameSite value) noexcept {
  switch (value) {
    case SameSite::strict: return "Strict";
    case SameSite::lax: return "Lax";
    case SameSite::none: break;
  }
  return "None";
}

}  // namespace

Cookies Cookies::parse(const Headers& headers) {
  Cookies out;
  std::size_t bytes = 0;
  for (const auto& header : headers.list()) {
    if (!iequals(header.name, "Cookie")) continue;
    bytes += header.value.size();
    if (bytes > limits::kCookieBytesMax) return {};
    out.add_header(header.value);
    if (out.list_.size() > limits::kCookiesMax) return {};
  }
  return out;
}

Cookies Cookies::parse(std::string_view header_value) {
  Cookies out;
  if (header_value.size() > limits::kCookieBytesMax) return out;
  out.add_header(header_value);
  if (out.list_.size() > limits::kCookiesMax) out.list_.clear();
  return out;
}

void Cookies::add_header(std::string_view value) {
  for (const auto piece : split(value, ';')) {
    const auto pair = trim(piece);
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    const auto key = pair.substr(0, equals);
    auto content = pair.substr(equals + 1);
    if (content.size() >= 2 && content.front() == '"' && content.back() == '"') {
      content = content.substr(1, content.size() - 2);
    }
    if (is_token(key) && is_cookie_octets(content)) list_.emplace_back(key, content);
  }
}

std::optional<std::string_view> Cookies::get(std::string_view name) const noexcept {
  return count(name) == 1 ? first(name) : std::nullopt;
}

std::optional<std::string_view> Cookies::first(std::string_view name) const noexcept {
  for (const auto& [key, value] : list_) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::size_t Cookies::count(std::string_view name) const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(list_, [&](const auto& pair) { return pair.first == name; }));
}

std::string cookie_name(std::string_view name, bool secure) { return (secure ? "__Host-" : "") + std::string(name); }

std::string render(const SetCookie& cookie) {
  if (!is_token(cookie.name) || !is_cookie_octets(cookie.value)) return {};
  std::string out = cookie_name(cookie.name, cookie.secure);
  out += '=';
  out += cookie.value;
  out += "; Path=/";
  if (cookie.max_age) out += "; Max-Age=" + std::to_string(std::max<std::int64_t>(cookie.max_age->count(), 0));
  if (cookie.secure) out += "; Secure";
  if (cookie.http_only) out += "; HttpOnly";
  out += "; SameSite=";
  out += name_of(cookie.same_site);
  return out;
}

}  // namespace mitral::codec
