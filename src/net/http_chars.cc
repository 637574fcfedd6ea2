#include "net/http_chars.h"

#include <algorithm>

namespace mitral::net::chars {
namespace {

bool is_port(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5 || !std::ranges::all_of(text, is_digit)) return false;
  unsigned value = 0;
  for (const char c : text) value = value * 10 + static_cast<unsigned>(c - '0');
  return value > 0 && value <= 65535;
}

bool is_name_char(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_';
}

}  // namespace

std::optional<Authority> parse_authority(std::string_view text) noexcept {
  Authority out;
  std::string_view rest;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    out.host = text.substr(1, end - 1);
    out.ipv6 = true;
    rest = text.substr(end + 1);
    const bool literal =
        std::ranges::all_of(out.host, [](char c) { return hex_value(c) >= 0 || c == ':' || c == '.'; });
    if (!literal || out.host.size() < 2 || out.host.size() > 45) return std::nullopt;
  } else {
    const auto colon = text.find(':');
    out.host = text.substr(0, colon);
    rest = colon == std::string_view::npos ? std::string_view{} : text.substr(colon);
    if (out.host.empty() || out.host.size() > 255 || !std::ranges::all_of(out.host, is_name_char)) return std::nullopt;
  }
  if (rest.empty()) return out;
  out.port = rest.substr(1);
  if (rest.front() != ':' || !is_port(out.port)) return std::nullopt;
  return out;
}

}  // namespace mitral::net::chars
