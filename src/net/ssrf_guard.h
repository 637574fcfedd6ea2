// SSRF guard: may a connection go to this address? (threats W-1, W-2)
//
// A URL that somebody registered may name any host, and its name may resolve differently each time. So the guard looks
// at addresses, never at names: the client resolves once, drops each address that the rule does not allow, and connects
// to exactly what was checked. Redirects are never followed.
//
// What is public is codec/ip.h's to say: no unspecified, loopback, private, link-local, cloud metadata, carrier-grade
// NAT, documentation, multicast or reserved range, nor an IPv6 form that carries such an IPv4 address inside.
//
// Thread rules: pure functions and values.
#pragma once

#include <cstdint>

#include "codec/ip.h"

namespace mitral::net {

/// Which addresses an outbound connection may use.
enum class AddressRule : std::uint8_t {
  public_only,         ///< URLs from clients, the default
  public_or_loopback,  ///< the demo and tests, where clients live on this machine
  any,                 ///< upstreams that the operator configured
};

[[nodiscard]] bool allowed(AddressRule rule, const codec::IpAddress& address) noexcept;

}  // namespace mitral::net
