// RFC 8414 and OpenID Connect Discovery 1.0: the metadata document of an issuer.
//
// One set of facts makes both documents (and feeds the SMART one), so that shared members can never differ. Empty text
// and empty arrays are left out (RFC 8414 §3.2); members whose default would claim too much are written explicitly
// (request_uri_parameter_supported).
//
// Thread rules: pure; values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"

namespace mitral::spec::oauth {

struct ServerFacts {
  std::string issuer;
  std::string authorization_endpoint, token_endpoint, userinfo_endpoint, jwks_uri, introspection_endpoint,
      revocation_endpoint, pushed_authorization_request_endpoint;
  bool par_required = false;
  std::vector<std::string> scopes_supported;
  std::vector<std::string> response_modes;
  std::vector<std::string> grant_types;
  std::vector<std::string> auth_methods;  ///< of token, PAR, introspection and revocation endpoints alike
  std::vector<std::string> assertion_algs;
  std::vector<std::string> id_token_algs;
  std::vector<std::string> protected_resources;  ///< RFC 9728 §4
  bool iss_parameter = true;
};

/// Members of RFC 8414 §2, RFC 9126 §5, RFC 9207 §3, RFC 9728 §4.
[[nodiscard]] codec::Json oauth_metadata(const ServerFacts& facts);

}  // namespace mitral::spec::oauth
