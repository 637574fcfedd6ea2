// POST /token with client_credentials: RFC 6749 §4.4, SMART Backend Services 2.2.

#include "spec/oauth/rfc9068_access_token.h"
#include "support/as_harness.h"

namespace mitral::testing {
namespace {

codec::Form ask(std::string_view scope, std::string_view resource = kFhir) {
  codec::Form form{{"grant_type", "client_credentials"}, {"scope", std::string(scope)}};
  if (!resource.empty()) form.add("resource", resource);
  return form;
}

TEST(SmartBackend, TokenForAMachine) {
  AsHarness as;
  const auto response = as.token(as.with_assertion(ask("system/Patient.rs"), as.backend_assertion()));
  ASSERT_EQ(response.status, 200) << response.body;
  const auto json = as.json(response);
  EXPECT_EQ(json["scope"].as_string(), "system/Patient.rs");
  EXPECT_EQ(json["expires_in"].as_int64(), 300);
  EXPECT_FALSE(json.contains("refresh_token"));
  EXPECT_FALSE(json.contains("id_token"));
  const auto facts = as.introspect(*json["access_token"].as_string());
  EXPECT_EQ(facts["active"].as_bool(), true);
  EXPECT_EQ(facts["sub"].as_string(), "backend");
  EXPECT_EQ(facts["client_id"].as_string(), "backend");
  EXPECT_EQ(facts["exp"].as_int64(), to_seconds(as.clock.now()) + 300);
}

TEST(SmartBackend, TheOnlyFhirServerIsMeantWithoutResource) {
  AsHarness as;
  const auto json = as.json(as.token(as.with_assertion(ask("system/Patient.rs", ""), as.backend_assertion())));
  EXPECT_EQ(as.introspect(*json["access_token"].as_string())["aud"].as_string(), kFhir);
}

// M-4.4.4
TEST(ThreatM4, M4_4_4_NothingThatBelongsToAUser) {
  AsHarness as;
  for (const char* scope : {"openid", "offline_access", "patient/Patient.rs", "user/*.rs", "launch", "launch/patient",
                            "fhirUser", "system/Patient.rs openid"}) {
    EXPECT_EQ(as.verdict(as.token(as.with_assertion(ask(scope), as.backend_assertion()))), "400 invalid_scope")
        << scope;
  }
}

TEST(SmartBackend, WhatIsNotRegisteredIsToldAtOnce) {
  AsHarness as;
  for (const char* scope : {"system/Observation.cruds", "system/Patient.rs nothing.registered", "system/Nonsense.rs",
                            "system/Patient.sr"}) {
    EXPECT_EQ(as.verdict(as.token(as.with_assertion(ask(scope), as.backend_assertion()))), "400 invalid_scope")
        << scope;
  }
  // A wildcard may come back narrower.
  const auto json = as.json(as.token(as.with_assertion(ask("system/*.cruds"), as.backend_assertion())));
  EXPECT_NE(json["scope"].string_or().find("system/"), std::string_view::npos);
  EXPECT_EQ(json["scope"].string_or().find("system/*.cruds"), std::string_view::npos);
}

TEST(SmartBackend, ScopesAreSpelledAsAsked) {
  AsHarness as;
  const auto json =
      as.json(as.token(as.with_assertion(ask("system/Patient.read system/Observation.rs"), as.backend_assertion())));
  EXPECT_EQ(json["scope"].as_string(), "system/Patient.read system/Observation.rs");
}

TEST(Rfc8707_2, ForeignResourcesAreInvalidTarget) {
  AsHarness as;
  EXPECT_EQ(as.verdict(as.token(as.with_assertion(ask("system/*.rs", kLabs), as.backend_assertion()))),
            "400 invalid_target");
  EXPECT_EQ(as.verdict(as.token(as.with_assertion(ask("system/*.rs", "https://evil.example"), as.backend_assertion()))),
            "400 invalid_target");
}

TEST(Rfc9068_2, JwtForAnApiThatReadsThemItself) {
  AsHarness as;
  const auto json = as.json(as.token(as.with_assertion(ask("jobs.run", kApi), as.backend_assertion())));
  const auto token = *json["access_token"].as_string();
  const auto keys = *jose::JwkSet::parse(std::string_view(as.get("/t/clinic/jwks").body));
  const auto jwt = spec::oauth::read_access_token(token, keys, kIssuer, kApi, as.clock.now());
  ASSERT_TRUE(jwt);
  EXPECT_EQ(jwt->header.alg, jose::SignAlg::es256);
  EXPECT_EQ(jwt->header.typ, "at+jwt");
  EXPECT_EQ(jwt->claims.sub, "backend");
  EXPECT_EQ(jwt->claims.json["scope"].as_string(), "jobs.run");
  EXPECT_EQ(as.introspect(token, "api")["active"].as_bool(), true);
  // FHIR scopes mean nothing there.
  EXPECT_EQ(as.verdict(as.token(as.with_assertion(ask("system/Patient.rs", kApi), as.backend_assertion()))),
            "400 invalid_scope");
}

TEST(Performance, ClientCredentialsAreOneCommit) {
  AsHarness as;
  auto before = as.counters();
  ASSERT_EQ(as.token(ask("jobs.run", kApi), {as.basic("backend-basic")}).status, 200);
  EXPECT_EQ(as.counters().commits - before.commits, 1U);
  EXPECT_EQ(as.counters().reads - before.reads, 0U);
  // The assertion's jti is claimed in the same act.
  before = as.counters();
  ASSERT_EQ(as.token(as.with_assertion(ask("system/Patient.rs"), as.backend_assertion())).status, 200);
  EXPECT_EQ(as.counters().commits - before.commits, 1U);
  EXPECT_EQ(as.counters().reads - before.reads, 0U);
}

}  // namespace
}  // namespace mitral::testing
