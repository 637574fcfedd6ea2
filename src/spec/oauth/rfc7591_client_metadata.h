// RFC 7591 §2: what a client's registration must look like before anyone believes a word of it.
//
// The same checks serve the operator's commands and every later way to register. Nothing here is dropped or repaired:
// metadata that breaks a rule is refused with the code of §3.2.2, so that what is stored is what was asked for.
// Names and links are hostile text even afterwards: escape them wherever they are shown.
//
// Limits: limits::kClientNameMax, kRedirectUriMax, kRegistrationListMax entries per list.
// Errors: invalid_redirect_uri, invalid_client_metadata; the detail names the member.
// Thread rules: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mitral::spec::oauth {

struct ClientMetadata {
  std::string client_name;
  std::string token_endpoint_auth_method;
  std::vector<std::string> grant_types;
  std::vector<std::string> redirect_uris;
  std::vector<std::string> scopes;
  std::string jwks;  ///< JSON text, or empty
  std::string jwks_uri;
  std::string token_endpoint_auth_signing_alg;
  std::vector<std::string> origins;      ///< CORS
  std::vector<std::string> launch_urls;  ///< SMART App Launch
  std::string client_uri, policy_uri, tos_uri, logo_uri;
  bool native = true;  ///< private-use scheme and loopback redirects are allowed (RFC 8252)
};

/// All rules of one registration; the first that is broken is returned.
[[nodiscard]] Result<void> check_client_metadata(const ClientMetadata& metadata);

/// "https://host[:port]" exactly as browsers send it, or http on a loopback literal.
[[nodiscard]] bool is_web_origin(std::string_view text);

}  // namespace mitral::spec::oauth
