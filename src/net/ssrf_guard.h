// SSRF guard: may a connection go to this address? (threats W-1, W-2)
//
// A URL that somebody registered may name any host, and its name may resolve differently each time. So the guard looks
// at addresses, never at names: the client resolves once, drops each address that is not public, and connects to
// exactly what was checked. Redirects are never followed.
//
// Refused: unspecified, loopback, private (RFC 1918, RFC 4193), link-local and cloud metadata (RFC 3927, RFC 4291),
// carrier-grade NAT (RFC 6598), documentation, benchmarking, multicast, reserved and broadcast ranges, and every IPv6 form
// that carries an IPv4 address inside (mapped, compatible, NAT64, 6to4, Teredo, ISATAP), whatever it carries.
//
// Thread rules: pure functions and values.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mitral::net {

/// An IP address in network order; IPv4 in the first four bytes.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};
  bool v6 = false;
  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

/// Textual address, dotted quad or RFC 4291 form; nothing of the old numeric shorthands ("0x7f.1", "2130706433").
[[nodiscard]] Result<IpAddress> parse_ip(std::string_view text);
[[nodiscard]] std::string to_string(const IpAddress& address);

/// True for addresses of the public internet that hold none of the ranges above.
[[nodiscard]] bool is_public(const IpAddress& address) noexcept;
/// 127.0.0.0/8 and ::1, in plain form.
[[nodiscard]] bool is_loopback(const IpAddress& address) noexcept;

/// Which addresses an outbound connection may use.
enum class AddressRule : std::uint8_t {
  public_only,         ///< URLs from clients, the default
  public_or_loopback,  ///< the demo and tests, where clients live on this machine
  any,                 ///< upstreams that the operator configured
};
[[nodiscard]] bool allowed(AddressRule rule, const IpAddress& address) noexcept;

}  // namespace mitral::net
