// Ip: addresses as text, and which of them belong to the public internet.
//
// Only canonical-looking text parses: four plain decimal parts for IPv4 (no leading zeros, no "0x7f.1", no
// "2130706433"), RFC 4291 §2.2 forms for IPv6 without zone. is_public() answers by the IANA special-purpose registries
// and looks through addresses that embed an IPv4 one (mapped, NAT64, 6to4), for the guard against server-side request
// forgery (threat W-1).
//
// Thread rules: pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mitral::codec {

struct IpAddress {
  bool v6 = false;
  std::array<std::uint8_t, 16> bytes{};  ///< the first 4 for IPv4
  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

/// "192.0.2.1" or "2001:db8::1", without brackets.
[[nodiscard]] std::optional<IpAddress> parse_ip(std::string_view text) noexcept;
[[nodiscard]] bool is_loopback(const IpAddress& address) noexcept;
/// False for private, loopback, link-local, shared, documentation, multicast, reserved and unspecified addresses.
[[nodiscard]] bool is_public(const IpAddress& address) noexcept;

}  // namespace mitral::codec
