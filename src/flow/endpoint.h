// Endpoint: the doors of an issuer, by name. web/routes.h maps (method, path) to one; a pipeline row holds for a set.
//
// Thread rules: values.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace mitral::flow {

enum class Endpoint : std::uint8_t {
  authorize,  ///< GET, POST: front channel
  par,
  token,
  introspect,
  revoke,
  userinfo,  ///< GET, POST
  jwks,
  revocations,  ///< change feed for resource servers (long poll)
  launch,       ///< SMART EHR launch context, for authenticated clients
  interaction,  ///< pages of one authorization request: /interaction/{id}/...
  sign_out,     ///< GET, POST
  account,      ///< GET, POST: what a person gave to apps (SMART management_endpoint)
  assets,       ///< GET: home page (issuer itself), stylesheet, SMART style: /assets/...
  openid_configuration,
  oauth_metadata,  ///< RFC 8414
  smart_configuration,
  brands,  ///< GET: user-access brand Bundle (SMART App Launch 2.2)
};
inline constexpr std::size_t kEndpointCount = static_cast<std::size_t>(Endpoint::brands) + 1;

[[nodiscard]] std::string_view name(Endpoint endpoint) noexcept;

/// A set of endpoints: the mask of a pipeline row.
class Endpoints {
 public:
  constexpr Endpoints() noexcept = default;
  constexpr Endpoints(std::initializer_list<Endpoint> list) noexcept {
    for (Endpoint e : list) bits_ |= 1U << static_cast<unsigned>(e);
  }
  [[nodiscard]] constexpr bool contains(Endpoint e) const noexcept {
    return (bits_ & (1U << static_cast<unsigned>(e))) != 0;
  }

 private:
  std::uint32_t bits_ = 0;
};

}  // namespace mitral::flow
