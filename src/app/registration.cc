#include "app/registration.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/base64url.h"
#include "codec/text.h"
#include "codec/uri.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "jose/alg.h"
#include "policy/profile.h"
#include "spec/oauth/rfc7591_client_metadata.h"

namespace mitral::app {
namespace {

std::unexpected<Error> invalid(std::string text) {
  return fail(ErrorCode::invalid_client_metadata, {}, std::move(text));
}

// B-4.15: a client's id can never be read as a user's ("u_…"), nor break a log line, a cookie or a URL.
Result<std::string> choose_id(const std::string& wanted) {
  if (wanted.empty()) return "c_" + Id128::random(crypto::system_random()).text();
  const bool plain = std::ranges::all_of(wanted, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
  if (!plain || wanted.size() > limits::kClientIdMax)
    return invalid("an id has letters, digits, '-', '_' and '.' only");
  if (wanted.starts_with("u_")) return invalid("an id must not begin with 'u_': those are people");
  return wanted;
}

}  // namespace

Secret new_client_secret() {
  std::string bytes(32, '\0');
  crypto::system_random().fill({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
  Secret secret(codec::base64url_encode(bytes));
  wipe(bytes);
  return secret;
}

Hash256 hash_secret(const Secret& secret) { return crypto::sha256(secret.reveal()); }

Result<Registered> register_client(const Issuer& issuer, const ClientForm& form, Instant now) {
  spec::oauth::ClientMetadata metadata;
  metadata.client_name = form.name;
  metadata.token_endpoint_auth_method = form.auth_method;
  metadata.grant_types = form.grant_types;
  metadata.redirect_uris = form.redirect_uris;
  metadata.scopes = form.scopes;
  metadata.jwks = form.jwks;
  metadata.jwks_uri = form.jwks_uri;
  metadata.token_endpoint_auth_signing_alg = form.assertion_alg;
  metadata.origins = form.origins;
  metadata.launch_urls = form.launch_urls;
  metadata.client_uri = form.client_uri;
  metadata.policy_uri = form.policy_uri;
  metadata.tos_uri = form.tos_uri;
  metadata.logo_uri = form.logo_uri;
  MITRAL_CHECK(spec::oauth::check_client_metadata(metadata));
  const bool for_system = std::ranges::any_of(form.scopes, [](const auto& s) { return s.starts_with("system/"); });
  if (for_system && form.auth_method != "private_key_jwt")
    return invalid("system scopes need private_key_jwt (SMART Backend Services)");
  if (!form.profile.empty() && policy::find_profile(form.profile) == nullptr) return invalid("no profile of this name");
  if (!form.id_token_alg.empty() && form.id_token_alg != "RS256" && form.id_token_alg != "ES256")
    return invalid("ID tokens are signed with RS256 or ES256");

  Registered out;
  model::Client& client = out.client;
  client.issuer = issuer;
  MITRAL_TRY(const std::string id, choose_id(form.id));
  client.id = ClientId(id);
  client.name = form.name;
  client.client_uri = form.client_uri;
  client.policy_uri = form.policy_uri;
  client.tos_uri = form.tos_uri;
  client.logo_uri = form.logo_uri;
  client.verified = form.verified;
  client.credentials.method = *model::parse_client_auth_method(form.auth_method);
  client.credentials.assertion_alg = form.assertion_alg;
  client.credentials.jwks_uri = form.jwks_uri;
  if (!form.jwks.empty()) {
    MITRAL_TRY(client.credentials.jwks, jose::JwkSet::parse(form.jwks));
  }
  client.redirect_uris = form.redirect_uris;
  client.launch_urls = form.launch_urls;
  client.origins = form.origins;
  for (const auto& grant : form.grant_types) client.grant_types.push_back(*model::parse_grant_type(grant));
  client.scopes = form.scopes;
  client.resources = form.resources;
  client.profile = form.profile;
  client.id_token_alg = form.id_token_alg;
  client.id_token_at_refresh = form.id_token_at_refresh;
  client.offline_allowed = form.offline_allowed;
  client.dedicated_consent = !form.no_consent;
  client.emergency_access = form.emergency_access;
  if (client.emergency_access && client.is_public())
    return invalid("emergency access is for clients that authenticate: a public client could be anybody's");
  client.created = now;
  client.updated = now;
  const bool secret = client.credentials.method == model::ClientAuthMethod::client_secret_basic ||
                      client.credentials.method == model::ClientAuthMethod::client_secret_post;
  if (secret) {
    out.secret = new_client_secret();
    client.credentials.secret_hashes.push_back(hash_secret(out.secret));
  }
  return out;
}

Result<RegisteredResource> register_resource(const Issuer& issuer, const ResourceForm& form) {
  RegisteredResource out;
  model::ResourceServer& server = out.server;
  server.issuer = issuer;
  MITRAL_TRY(server.id, choose_id(form.id));
  if (!codec::is_absolute_uri(form.audience))
    return invalid("the audience must be an absolute URI without a fragment (RFC 8707 §2)");
  if (form.audience.ends_with('/'))
    return invalid("the audience must not end with '/': clients compare it byte by byte");
  if (!codec::display_name_safe(form.name, limits::kClientNameMax))
    return invalid("the name is empty, too long or has invisible characters");
  const auto format = model::parse_token_format(form.token_format);
  if (!format) return invalid("the token format is one of jwt, opaque, wrapped");
  if (!jose::parse_sign_alg(form.signing_alg)) return invalid("the signing algorithm is not supported");
  if (form.token_lifetime_s < 30 || std::chrono::seconds(form.token_lifetime_s) > limits::kAccessTokenLifetimeMax) {
    return invalid("the token lifetime is 30 to 3600 seconds");
  }
  server.audience = form.audience;
  server.name = form.name;
  server.token_format = *format;
  server.signing_alg = form.signing_alg;
  server.token_lifetime = std::chrono::seconds(form.token_lifetime_s);
  server.context_in_jwt = form.context_in_jwt;
  server.credentials.method = model::ClientAuthMethod::client_secret_basic;
  out.secret = new_client_secret();
  server.credentials.secret_hashes.push_back(hash_secret(out.secret));
  return out;
}

codec::Json client_to_json(const model::Client& client) {
  using codec::Json;
  auto grants = Json::array();
  for (const auto grant : client.grant_types) grants.push_back(name(grant));
  auto out = Json::object({{"client_id", client.id.value},
                           {"client_name", client.name},
                           {"enabled", client.enabled},
                           {"verified", client.verified},
                           {"token_endpoint_auth_method", name(client.credentials.method)},
                           {"grant_types", std::move(grants)},
                           {"redirect_uris", Json::array_of(client.redirect_uris)},
                           {"scopes", Json::array_of(client.scopes)},
                           {"offline_allowed", client.offline_allowed},
                           {"created", to_rfc3339(client.created)},
                           {"updated", to_rfc3339(client.updated)}});
  if (client.emergency_access) out.set("emergency_access", true);
  if (!client.resources.empty()) out.set("resources", Json::array_of(client.resources));
  if (!client.origins.empty()) out.set("origins", Json::array_of(client.origins));
  if (!client.launch_urls.empty()) out.set("launch_urls", Json::array_of(client.launch_urls));
  if (!client.profile.empty()) out.set("profile", client.profile);
  if (!client.credentials.jwks_uri.empty()) out.set("jwks_uri", client.credentials.jwks_uri);
  if (!client.credentials.jwks.empty()) out.set("jwks", client.credentials.jwks.to_json());
  return out;
}

codec::Json resource_to_json(const model::ResourceServer& server) {
  return codec::Json::object(
      {{"id", server.id},
       {"audience", server.audience},
       {"name", server.name},
       {"enabled", server.enabled},
       {"token_format", name(server.token_format)},
       {"signing_alg", server.signing_alg},
       {"token_lifetime_s", std::chrono::duration_cast<std::chrono::seconds>(server.token_lifetime).count()},
       {"context_in_jwt", server.context_in_jwt}});
}

}  // namespace mitral::app
