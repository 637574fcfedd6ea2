#include "flow/endpoint.h"

namespace mitral::flow {

std::string_view name(Endpoint endpoint) noexcept {
  switch (endpoint) {
    case Endpoint::authorize: return "authorize";
    case Endpoint::par: return "par";
    case Endpoint::token: return "token";
    case Endpoint::introspect: return "introspect";
    case Endpoint::revoke: return "revoke";
    case Endpoint::userinfo: return "userinfo";
    case Endpoint::jwks: return "jwks";
    case Endpoint::revocations: return "revocations";
    case Endpoint::launch: return "launch";
    case Endpoint::interaction: return "interaction";
    case Endpoint::sign_out: return "sign_out";
    case Endpoint::account: return "account";
    case Endpoint::assets: return "assets";
    case Endpoint::openid_configuration: return "openid_configuration";
    case Endpoint::oauth_metadata: return "oauth_metadata";
    case Endpoint::smart_configuration: return "smart_configuration";
    case Endpoint::brands: return "brands";
  }
  return "unknown";
}

}  // namespace mitral::flow
