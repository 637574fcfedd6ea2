// Registration: from what an operator types (or a registration request says) to a client or resource server record.
//
// Errors: invalid_client_metadata, invalid_redirect_uri, config_invalid with what to do in the detail.
// Thread rules: pure but for fresh secrets and ids (crypto::system_random()).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "codec/json.h"
#include "model/client.h"

namespace mitral::app {

struct ClientForm {
  std::string id;  ///< empty: made up ("c_…")
  std::string name;
  std::string auth_method;
  std::vector<std::string> grant_types, redirect_uris, scopes, resources, origins, launch_urls;
  std::string jwks;  ///< JSON
  std::string jwks_uri, assertion_alg, id_token_alg, profile, client_uri, policy_uri, tos_uri, logo_uri;
  bool id_token_at_refresh = false;
  bool offline_allowed = false;
  bool verified = false;
  bool no_consent = false;
  bool emergency_access = false;
};

struct Registered {
  model::Client client;
  Secret secret;  ///< empty when it has none
};
[[nodiscard]] Result<Registered> register_client(const Issuer& issuer, const ClientForm& form, Instant now);

struct ResourceForm {
  std::string id, audience, name;
  std::string token_format = "wrapped";
  std::string signing_alg = "ES256";
  unsigned token_lifetime_s = 300;
  bool context_in_jwt = false;
};
struct RegisteredResource {
  model::ResourceServer server;
  Secret secret;
};
[[nodiscard]] Result<RegisteredResource> register_resource(const Issuer& issuer, const ResourceForm& form);

/// 256 random bits as base64url.
[[nodiscard]] Secret new_client_secret();
[[nodiscard]] Hash256 hash_secret(const Secret& secret);

/// For people and programs: everything but credentials.
[[nodiscard]] codec::Json client_to_json(const model::Client& client);
[[nodiscard]] codec::Json resource_to_json(const model::ResourceServer& server);

}  // namespace mitral::app
