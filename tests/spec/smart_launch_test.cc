// SMART App Launch 2.2: launch context parameters, fhirContext, and the configuration document.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/limits.h"
#include "fhir/r4.h"
#include "fhir/search_params.h"
#include "spec/smart/configuration.h"
#include "spec/smart/launch_context.h"

namespace mitral::spec::smart {
namespace {

using codec::Json;

Json json(std::string_view text) {
  auto parsed = Json::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? std::move(*parsed) : Json();
}
Result<LaunchContext> read(std::string_view text) { return from_json(json(text), fhir::resource_types()); }
ScopeSet granted(std::string_view text) {
  auto set = ScopeSet::parse(text, {fhir::resource_types(), &fhir::usable_in_scope});
  EXPECT_TRUE(set) << text;
  return set ? *set : ScopeSet{};
}

constexpr std::string_view kFull = R"({"patient":"p1","encounter":"e1","need_patient_banner":true,"intent":"review",
  "smart_style_url":"https://as.example/style/1.json","tenant":"t1",
  "fhirContext":[{"reference":"ImagingStudy/i1"},{"canonical":"http://q.example/Questionnaire/q1|2","type":"Questionnaire"},
                 {"identifier":{"system":"s","value":"v"},"type":"ServiceRequest"},
                 {"reference":"Patient/p9","role":"https://r.example/donor"}]})";

TEST(SmartLaunch, GoesThereAndBack) {
  const auto context = read(kFull);
  ASSERT_TRUE(context) << context.error().client.view();
  EXPECT_EQ(to_json(*context), json(kFull));
  EXPECT_TRUE(read("{}")->empty());
}

TEST(SmartLaunch, FhirContextRules) {
  for (const auto* wrong : {R"({})",
                            R"([{}])",
                            R"([{"type":"Observation"}])",
                            R"(["ImagingStudy/1"])",
                            R"([{"reference":"Patient/1"}])",
                            R"([{"reference":"Encounter/1"}])",
                            R"([{"reference":"Patient/1","role":"launch"}])",
                            R"([{"reference":"ImagingStudy/1","role":""}])",
                            R"([{"reference":"ImagingStudy/1","role":"donor"}])",
                            R"([{"reference":"Nonsense/1"}])",
                            R"([{"reference":"https://x.example/ImagingStudy/1"}])",
                            R"([{"reference":"ImagingStudy/1/_history/2"}])",
                            R"([{"canonical":"Questionnaire/1"}])",
                            R"([{"canonical":"http://x.example/1"}])",
                            R"([{"canonical":"urn:x:Questionnaire/1"}])",
                            R"([{"canonical":"http://x.example/Nonsense/1"}])",
                            R"([{"identifier":"x"}])",
                            R"([{"reference":"ImagingStudy/1","type":"Media"}])",
                            R"([{"reference":"ImagingStudy/1","extra":"x"}])",
                            R"([{"reference":7}])",
                            R"([{"type":"Patient","identifier":{"value":"1"}}])"}) {
    EXPECT_FALSE(validate_fhir_context(json(wrong), fhir::resource_types())) << wrong;
  }
  Json many = Json::array();
  for (std::size_t i = 0; i <= limits::kFhirContextMax; ++i) many.push_back(json(R"({"reference":"ImagingStudy/1"})"));
  EXPECT_FALSE(validate_fhir_context(many, fhir::resource_types()));
}

TEST(SmartLaunch, MembersAreChecked) {
  for (const auto* wrong :
       {R"([])", R"({"patient":"a/b"})", R"({"patient":""})", R"({"patient":7})", R"({"patient":".."})",
        R"({"encounter":"Encounter/1"})", R"({"need_patient_banner":"true"})", R"({"smart_style_url":"/style.json"})",
        R"({"smart_style_url":"javascript:x"})", R"({"intent":""})", R"({"tenant":"a\u0001"})", R"({"_custom":"x"})",
        R"({"__":"x"})", R"({"ftp://x.example/y":1})", R"({"custom":"x"})", R"({"appContext":""})",
        R"({"appContext":{}})", R"({"scope":"system/*.*"})"}) {
    EXPECT_FALSE(read(wrong)) << wrong;
  }
}

TEST(SmartLaunch, OnlyWhatTheScopesEntitleTo) {
  const auto context = *read(kFull);
  const auto part = [&](std::string_view scopes) { return context_for(context, granted(scopes)); };
  EXPECT_EQ(to_json(part("launch")), to_json(context));
  const auto nothing = part("openid user/Patient.rs");
  EXPECT_FALSE(nothing.patient);
  EXPECT_FALSE(nothing.encounter);
  EXPECT_FALSE(nothing.fhir_context);
  EXPECT_FALSE(nothing.need_patient_banner);
  EXPECT_TRUE(part("patient/Observation.rs").patient);
  EXPECT_FALSE(part("patient/Observation.rs").encounter);
  EXPECT_TRUE(part("launch/patient").patient);
  EXPECT_FALSE(part("launch/encounter").patient);
  EXPECT_TRUE(part("launch/encounter").encounter);
  EXPECT_EQ(part("launch/imagingstudy").fhir_context->size(), 1U);
  EXPECT_EQ(part("launch/questionnaire").fhir_context->size(), 1U);
  EXPECT_FALSE(part("launch/imagingstudy?role=https://r.example/other").fhir_context);
  EXPECT_EQ(part("launch/patient?role=https://r.example/donor").fhir_context->size(), 1U);
}

ConfigurationFacts facts() {
  ConfigurationFacts f;
  f.issuer = "https://as.example";
  f.jwks_uri = "https://as.example/jwks";
  f.authorization_endpoint = "https://as.example/authorize";
  f.token_endpoint = "https://as.example/token";
  f.introspection_endpoint = "https://as.example/introspect";
  f.grant_types = {"authorization_code", "refresh_token", "client_credentials"};
  f.token_endpoint_auth_methods = {"client_secret_basic", "private_key_jwt", "none"};
  f.openid_connect = f.launch_ehr = f.launch_standalone = f.standalone_patient = f.patient_scopes = f.scopes_v1 =
      f.scopes_v2 = true;
  return f;
}

TEST(SmartConfiguration, DocumentSaysWhatIsConfigured) {
  const auto document = smart_configuration(facts());
  ASSERT_TRUE(document);
  EXPECT_EQ((*document)["issuer"].string_or(), "https://as.example");
  EXPECT_EQ((*document)["code_challenge_methods_supported"].dump(), R"(["S256"])");
  EXPECT_FALSE(document->contains("registration_endpoint"));
  EXPECT_FALSE(document->contains("smart_app_state_endpoint"));
  auto without = facts();
  without.openid_connect = false;
  EXPECT_FALSE(smart_configuration(without)->contains("issuer")) << "issuer only with OpenID Connect";
}

TEST(SmartConfiguration, CapabilitiesAreComputed) {
  auto f = facts();
  const auto has = [&](std::string_view name) { return std::ranges::count(capabilities(f), name) == 1; };
  for (const auto* yes : {"launch-ehr", "launch-standalone", "client-public", "client-confidential-symmetric",
                          "client-confidential-asymmetric", "sso-openid-connect", "context-standalone-patient",
                          "permission-patient", "permission-v1", "permission-v2"}) {
    EXPECT_TRUE(has(yes)) << yes;
  }
  for (const auto* no : {"permission-user", "permission-offline", "permission-online", "context-banner",
                         "context-style", "context-ehr-patient", "authorize-post", "smart-app-state"}) {
    EXPECT_FALSE(has(no)) << no;
  }
  f.scopes_v2 = false;
  EXPECT_FALSE(has("permission-v2"));
  f.launch_standalone = false;
  EXPECT_FALSE(has("context-standalone-patient")) << "no context without its launch";
}

TEST(SmartConfiguration, WrongFactsAreRefused) {
  for (auto break_it : std::vector<void (*)(ConfigurationFacts&)>{
           [](ConfigurationFacts& f) { f.token_endpoint.clear(); },
           [](ConfigurationFacts& f) { f.token_endpoint = "/token"; },
           [](ConfigurationFacts& f) { f.authorization_endpoint.clear(); },
           [](ConfigurationFacts& f) { f.jwks_uri.clear(); },
           [](ConfigurationFacts& f) { f.extra_capabilities = {"my-capability"}; }}) {
    auto f = facts();
    break_it(f);
    ASSERT_FALSE(smart_configuration(f));
    EXPECT_EQ(smart_configuration(f).error().code, ErrorCode::config_invalid);
  }
}

TEST(SmartConfiguration, OauthUrisAreTheSameUrls) {
  const auto security = capability_security(facts(), true);
  ASSERT_TRUE(security);
  EXPECT_EQ((*security)["cors"], Json(true));
  EXPECT_EQ((*security)["service"][0]["coding"][0]["code"].string_or(), "SMART-on-FHIR");
  const auto& extension = (*security)["extension"][0];
  EXPECT_EQ(extension["url"].string_or(), "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris");
  const auto document = *smart_configuration(facts());
  EXPECT_EQ(extension["extension"][0]["valueUri"], document["authorization_endpoint"]);
  EXPECT_EQ(extension["extension"][1]["valueUri"], document["token_endpoint"]);
}

}  // namespace
}  // namespace mitral::spec::smart
