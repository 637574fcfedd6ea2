#include "spec/smart/configuration.h"

#include <algorithm>
#include <array>

#include "codec/uri.h"

namespace mitral::spec::smart {
namespace {

using codec::Json;

std::unexpected<Error> wrong(std::string detail) { return fail(ErrorCode::config_invalid, {}, std::move(detail)); }

bool has(const std::vector<std::string>& list, std::string_view item) {
  return std::ranges::find(list, item) != list.end();
}

struct Endpoint {
  std::string_view name;
  const std::string ConfigurationFacts::* value;
};
constexpr auto kEndpoints = std::to_array<Endpoint>({
    {"authorization_endpoint", &ConfigurationFacts::authorization_endpoint},
    {"token_endpoint", &ConfigurationFacts::token_endpoint},
    {"introspection_endpoint", &ConfigurationFacts::introspection_endpoint},
    {"revocation_endpoint", &ConfigurationFacts::revocation_endpoint},
    {"registration_endpoint", &ConfigurationFacts::registration_endpoint},
    {"management_endpoint", &ConfigurationFacts::management_endpoint},
    {"user_access_brand_bundle", &ConfigurationFacts::user_access_brand_bundle},
});

Result<void> check(const ConfigurationFacts& facts) {
  for (const auto& [name, value] : kEndpoints) {
    const auto& url = facts.*value;
    if (!url.empty() && !codec::parse_http_url(url)) return wrong(std::string(name) + " is not an absolute URL");
  }
  if (facts.token_endpoint.empty()) return wrong("token_endpoint is required");
  if ((facts.launch_ehr || facts.launch_standalone) && facts.authorization_endpoint.empty()) {
    return wrong("a launch needs an authorization_endpoint");
  }
  if (facts.openid_connect && (!codec::parse_http_url(facts.issuer) || !codec::parse_http_url(facts.jwks_uri))) {
    return wrong("OpenID Connect needs issuer and jwks_uri as absolute URLs");
  }
  for (const auto& sibling : facts.associated_endpoints) {
    if (!codec::parse_http_url(sibling.url)) return wrong("an associated endpoint is not an absolute URL");
    if (sibling.capabilities.empty()) return wrong("an associated endpoint names no capabilities");
  }
  for (const auto& extra : facts.extra_capabilities) {
    if (!codec::is_absolute_uri(extra)) return wrong("a capability of one's own is an absolute URI");
  }
  return {};
}

}  // namespace

std::vector<std::string> capabilities(const ConfigurationFacts& facts) {
  std::vector<std::string> out;
  const auto add = [&](bool yes, std::string_view text) {
    if (yes) out.emplace_back(text);
  };
  const bool launch = facts.launch_ehr || facts.launch_standalone;
  const auto& methods = facts.token_endpoint_auth_methods;
  add(facts.launch_ehr, "launch-ehr");
  add(facts.launch_standalone, "launch-standalone");
  add(facts.authorize_post && launch, "authorize-post");
  add(has(methods, "none"), "client-public");
  add(has(methods, "client_secret_basic"), "client-confidential-symmetric");
  add(has(methods, "private_key_jwt"), "client-confidential-asymmetric");
  add(facts.openid_connect, "sso-openid-connect");
  add(facts.launch_ehr && facts.patient_banner, "context-banner");
  add(facts.launch_ehr && facts.style_url, "context-style");
  add(facts.launch_ehr && facts.ehr_patient, "context-ehr-patient");
  add(facts.launch_ehr && facts.ehr_encounter, "context-ehr-encounter");
  add(facts.launch_standalone && facts.standalone_patient, "context-standalone-patient");
  add(facts.launch_standalone && facts.standalone_encounter, "context-standalone-encounter");
  add(facts.offline_access, "permission-offline");
  add(facts.online_access, "permission-online");
  add(facts.patient_scopes, "permission-patient");
  add(facts.user_scopes, "permission-user");
  add(facts.scopes_v1, "permission-v1");
  add(facts.scopes_v2, "permission-v2");
  out.insert(out.end(), facts.extra_capabilities.begin(), facts.extra_capabilities.end());
  return out;
}

Result<Json> smart_configuration(const ConfigurationFacts& facts) {
  MITRAL_CHECK(check(facts));
  Json out = Json::object();
  if (facts.openid_connect) out.set("issuer", facts.issuer);
  if (!facts.jwks_uri.empty()) out.set("jwks_uri", facts.jwks_uri);
  for (const auto& [name, value] : kEndpoints) {
    if (!(facts.*value).empty()) out.set(name, facts.*value);
  }
  if (!facts.user_access_brand_identifier_value.empty()) {
    Json identifier = Json::object();
    if (!facts.user_access_brand_identifier_system.empty())
      identifier.set("system", facts.user_access_brand_identifier_system);
    identifier.set("value", facts.user_access_brand_identifier_value);
    out.set("user_access_brand_identifier", std::move(identifier));
  }
  if (!facts.associated_endpoints.empty()) {
    Json siblings = Json::array();
    for (const auto& sibling : facts.associated_endpoints) {
      Json one = Json::object({{"url", sibling.url}});
      one.set("capabilities", Json::array_of(sibling.capabilities));
      siblings.push_back(std::move(one));
    }
    out.set("associated_endpoints", std::move(siblings));
  }
  out.set("grant_types_supported", Json::array_of(facts.grant_types));
  if (!facts.authorization_endpoint.empty()) out.set("response_types_supported", Json::array({"code"}));
  if (!facts.scopes_supported.empty()) out.set("scopes_supported", Json::array_of(facts.scopes_supported));
  if (!facts.token_endpoint_auth_methods.empty()) {
    out.set("token_endpoint_auth_methods_supported", Json::array_of(facts.token_endpoint_auth_methods));
  }
  if (!facts.token_endpoint_auth_signing_algs.empty()) {
    out.set("token_endpoint_auth_signing_alg_values_supported", Json::array_of(facts.token_endpoint_auth_signing_algs));
  }
  // SMART demands S256 and forbids plain, whatever a deployment wants.
  out.set("code_challenge_methods_supported", Json::array({"S256"}));
  out.set("capabilities", Json::array_of(capabilities(facts)));
  return out;
}

Result<Json> capability_security(const ConfigurationFacts& facts, bool cors) {
  MITRAL_CHECK(check(facts));
  Json uris = Json::array();
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) uris.push_back(Json::object({{"url", name}, {"valueUri", value}}));
  };
  add("authorize", facts.authorization_endpoint);
  add("token", facts.token_endpoint);
  add("register", facts.registration_endpoint);
  add("manage", facts.management_endpoint);
  add("introspect", facts.introspection_endpoint);
  add("revoke", facts.revocation_endpoint);
  Json out = Json::object();
  out.set("cors", cors);
  // The extension's authorize is 1..1: without an authorization endpoint it can't be written at all.
  if (!facts.authorization_endpoint.empty()) {
    out.set("extension",
            Json::array({Json::object({{"url", "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"},
                                       {"extension", std::move(uris)}})}));
  }
  const auto coding = Json::object({{"system", "http://terminology.hl7.org/CodeSystem/restful-security-service"},
                                    {"code", "SMART-on-FHIR"},
                                    {"display", "SMART-on-FHIR"}});
  out.set("service", Json::array({Json::object({{"coding", Json::array({coding})}})}));
  return out;
}

}  // namespace mitral::spec::smart
