#include "web/routes.h"

#include <array>

namespace mitral::web {
namespace {

using codec::Method;
using flow::Endpoint;

struct Door {
  std::string_view path;  ///< below the issuer's base path; a final '*' stands for any rest
  Endpoint endpoint;
  bool get, head, post;
  bool cors;  ///< answers preflight requests
  std::string_view allow;
};

constexpr std::string_view kGet = "GET, HEAD";
constexpr std::string_view kPost = "POST";
constexpr std::string_view kBoth = "GET, POST";
constexpr std::string_view kPostCors = "POST, OPTIONS";
constexpr std::string_view kBothCors = "GET, POST, OPTIONS";
constexpr std::string_view kGetCors = "GET, HEAD, OPTIONS";

// clang-format off
constexpr std::array kDoors{
    //   path                                   endpoint                        get    head   post   cors   allow
    Door{"/authorize",                          Endpoint::authorize,            true,  false, true,  false, kBoth},
    Door{"/par",                                Endpoint::par,                  false, false, true,  false, kPost},
    Door{"/token",                              Endpoint::token,                false, false, true,  true,  kPostCors},
    Door{"/introspect",                         Endpoint::introspect,           false, false, true,  false, kPost},
    Door{"/revoke",                             Endpoint::revoke,               false, false, true,  true,  kPostCors},
    Door{"/userinfo",                           Endpoint::userinfo,             true,  false, true,  true,  kBothCors},
    Door{"/jwks",                               Endpoint::jwks,                 true,  true,  false, true,  kGetCors},
    Door{"/revocations",                        Endpoint::revocations,          true,  false, true,  false, kBoth},
    Door{"/launch",                             Endpoint::launch,               false, false, true,  false, kPost},
    Door{"/interaction/*",                      Endpoint::interaction,          true,  false, true,  false, kBoth},
    Door{"/sign-out",                           Endpoint::sign_out,             true,  false, true,  false, kBoth},
    Door{"/account",                            Endpoint::account,              true,  false, false, false, kGet},
    Door{"/account/*",                          Endpoint::account,              true,  false, true,  false, kBoth},
    Door{"/.well-known/openid-configuration",   Endpoint::openid_configuration, true,  true,  false, true,  kGetCors},
    Door{"/.well-known/smart-configuration",    Endpoint::smart_configuration,  true,  true,  false, true,  kGetCors},
    Door{"/brands",                             Endpoint::brands,               true,  true,  false, true,  kGetCors},
    Door{"/assets/*",                           Endpoint::assets,               true,  true,  false, false, kGet},
    Door{"/",                                   Endpoint::assets,               true,  true,  false, false, kGet},
    Door{"",                                    Endpoint::assets,               true,  true,  false, false, kGet},
};
// Inserted between host and path of the issuer (RFC 8414 §3.1 and §5).
constexpr std::array kInserted{
    Door{"/.well-known/oauth-authorization-server", Endpoint::oauth_metadata,       true, true, false, true, kGetCors},
    Door{"/.well-known/openid-configuration",       Endpoint::openid_configuration, true, true, false, true, kGetCors},
};
// clang-format on

// "assets/*" hides nothing: the rest is a name that is looked up in a fixed table or a handle.
bool matches(const Door& door, std::string_view path, std::string_view& rest) {
  if (!door.path.ends_with('*')) return path == door.path;
  const auto prefix = door.path.substr(0, door.path.size() - 1);
  if (!path.starts_with(prefix) || path.size() == prefix.size()) return false;
  rest = path.substr(prefix.size());
  return true;
}

Route through(const Door& door, const flow::IssuerRuntime& issuer, Method method, std::string_view rest) {
  Route out{Route::Kind::found, &issuer, door.endpoint, rest, door.allow};
  const bool offered = (method == Method::get && door.get) || (method == Method::head && door.head) ||
                       (method == Method::post && door.post);
  if (!offered) out.kind = method == Method::options && door.cors ? Route::Kind::preflight : Route::Kind::wrong_method;
  return out;
}

}  // namespace

Route find_route(const std::vector<std::unique_ptr<flow::IssuerRuntime>>& issuers, const codec::Request& request) {
  const auto host = request.headers.get("Host").value_or(std::string_view{});
  Route out;
  bool host_known = false;
  // Longest base path first: an issuer at "/t/clinic" is not a page of the one at "".
  std::size_t best = 0;
  for (const auto& issuer : issuers) {
    if (!issuer->accepts_host(host)) continue;
    host_known = true;
    const std::string& base = issuer->base_path();
    if (out.kind != Route::Kind::not_found && base.size() < best) continue;
    for (const Door& door : kInserted) {
      if (request.path.starts_with(door.path) && request.path.substr(door.path.size()) == base) {
        return through(door, *issuer, request.method, {});
      }
    }
    if (!request.path.starts_with(base)) continue;
    const auto path = request.path.substr(base.size());
    for (const Door& door : kDoors) {
      std::string_view rest;
      if (!matches(door, path, rest)) continue;
      out = through(door, *issuer, request.method, rest);
      best = base.size();
      break;
    }
    if (out.issuer == nullptr) out.issuer = issuer.get();  // whose error page is shown
  }
  if (!host_known) out.kind = Route::Kind::misdirected;
  return out;
}

}  // namespace mitral::web
