// Character classes of HTTP (RFC 9110 §5.6.2, §5.5; RFC 3986 §3.2.2), for net/'s parsers and its response writer.
//
// Thread rules: pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mitral::net::chars {

namespace detail {
consteval std::array<bool, 256> token_table() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
  // ASCII only, at compile time.
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}
inline constexpr std::array<bool, 256> kToken = token_table();
}  // namespace detail

/// A non-empty token: header names, methods.
[[nodiscard]] inline bool is_token(std::string_view text) noexcept {
  if (text.empty()) return false;
  bool good = true;
  for (const char c : text) good &= detail::kToken[static_cast<std::uint8_t>(c)];
  return good;
}

/// A field value: no control character but HTAB. Bytes above 0x7f pass (obs-text); who reflects them decides.
[[nodiscard]] inline bool is_field_value(std::string_view text) noexcept {
  unsigned bad = 0;  // no early exit: the loop becomes vector code
  for (const char ch : text) {
    const auto c = static_cast<std::uint8_t>(ch);
    bad |= static_cast<unsigned>(c < 0x20U && c != 0x09U) | static_cast<unsigned>(c == 0x7fU);
  }
  return bad == 0;
}

/// Visible ASCII only, and no '#': what a request target may hold. More than RFC 3986 allows ('|', '"', '{'), because
/// FHIR clients send search tokens unencoded; who routes the path decides about its bytes.
[[nodiscard]] inline bool is_target(std::string_view text) noexcept {
  unsigned bad = 0;
  for (const char ch : text) {
    const auto c = static_cast<std::uint8_t>(ch);
    bad |= static_cast<unsigned>(c <= 0x20U) | static_cast<unsigned>(c >= 0x7fU) | static_cast<unsigned>(c == '#');
  }
  return bad == 0;
}

[[nodiscard]] inline std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

[[nodiscard]] constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
[[nodiscard]] constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

struct Authority {
  std::string_view host;  // an IPv6 literal without its brackets
  std::string_view port;  // empty when there is none
  bool ipv6 = false;
};

/// host [":" port], with names of letters, digits, '-', '.', '_' and IPv6 literals. No user information, no percent
/// encoding, no empty host or port: fewer forms than RFC 3986 has, none that two parsers read differently.
[[nodiscard]] std::optional<Authority> parse_authority(std::string_view text) noexcept;

}  // namespace mitral::net::chars
