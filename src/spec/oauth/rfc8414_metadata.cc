#include "spec/oauth/rfc8414_metadata.h"

#include <algorithm>

namespace mitral::spec::oauth {
namespace {

void text(codec::Json& out, std::string_view name, const std::string& value) {
  if (!value.empty()) out.set(name, value);
}
void list(codec::Json& out, std::string_view name, const std::vector<std::string>& values) {
  if (!values.empty()) out.set(name, codec::Json::array_of(values));
}

}  // namespace

codec::Json oauth_metadata(const ServerFacts& facts) {
  codec::Json out = codec::Json::object();
  text(out, "issuer", facts.issuer);
  text(out, "authorization_endpoint", facts.authorization_endpoint);
  text(out, "token_endpoint", facts.token_endpoint);
  text(out, "jwks_uri", facts.jwks_uri);
  list(out, "scopes_supported", facts.scopes_supported);
  out.set("response_types_supported", codec::Json::array({"code"}));
  list(out, "response_modes_supported", facts.response_modes);
  list(out, "grant_types_supported", facts.grant_types);
  list(out, "token_endpoint_auth_methods_supported", facts.auth_methods);
  // RFC 8414 §2: required beside private_key_jwt, and without "none".
  const bool assertions = std::ranges::find(facts.auth_methods, "private_key_jwt") != facts.auth_methods.end();
  if (assertions) list(out, "token_endpoint_auth_signing_alg_values_supported", facts.assertion_algs);
  out.set("code_challenge_methods_supported", codec::Json::array({"S256"}));
  text(out, "revocation_endpoint", facts.revocation_endpoint);
  text(out, "introspection_endpoint", facts.introspection_endpoint);
  list(out, "revocation_endpoint_auth_methods_supported", facts.auth_methods);
  auto confidential = facts.auth_methods;
  std::erase(confidential, "none");
  list(out, "introspection_endpoint_auth_methods_supported", confidential);
  if (assertions) {
    list(out, "revocation_endpoint_auth_signing_alg_values_supported", facts.assertion_algs);
    list(out, "introspection_endpoint_auth_signing_alg_values_supported", facts.assertion_algs);
  }
  text(out, "pushed_authorization_request_endpoint", facts.pushed_authorization_request_endpoint);
  out.set("require_pushed_authorization_requests", facts.par_required);
  out.set("authorization_response_iss_parameter_supported", facts.iss_parameter);
  list(out, "protected_resources", facts.protected_resources);
  out.set("request_parameter_supported", false);
  out.set("request_uri_parameter_supported", false);
  return out;
}

}  // namespace mitral::spec::oauth
