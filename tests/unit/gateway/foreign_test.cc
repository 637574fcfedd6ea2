// Tokens of an authorization server of another make: by its keys, by its introspection, and in its own words.
#include <gtest/gtest.h>

#include "support/foreign_issuer.h"

namespace mitral::gateway::rig {
namespace {

using namespace std::chrono_literals;

TEST(ForeignIssuer, AKeycloakAccessTokenOpensWhatItsScopesSay) {
  ForeignRig foreign;
  const auto token = ForeignRig::sign(foreign.claims());
  EXPECT_EQ(foreign.status(token), 200);
  EXPECT_EQ(foreign.rig.get("/Observation/x", token).status, 404);
  EXPECT_EQ(foreign.rig.get("/Patient/otto", token).status, 404);
  EXPECT_TRUE(foreign.rig.gateway->ready()) << "there is no feed that could be silent";
  EXPECT_FALSE(foreign.rig.gateway->follows_feed());
  ASSERT_FALSE(foreign.rig.audit.list.empty());
  EXPECT_EQ(foreign.rig.audit.list.front().client, "app");
}

TEST(ForeignIssuer, ClaimsGoByOtherNames) {
  ForeignRig foreign(IssuerKind::jwks, [](Config& c) {
    c.foreign.scope_claims = {"scp"};
    c.foreign.client_claims = {"cid"};
    c.foreign.patient_claim = "https://ehr.example/patient";
    c.foreign.required.clear();
    c.foreign.typs = {"application/okta-internal-at+jwt", ""};
  });
  auto body = foreign.claims();
  for (const char* name : {"typ", "azp", "scope", "patient"}) body.erase(name);
  body.set("cid", "app");
  body.set("scp", Json::array({Json("openid"), Json("patient/Patient.rs")}));
  body.set("https://ehr.example/patient", "Patient/maria");
  EXPECT_EQ(foreign.status(ForeignRig::sign(body, "application/okta-internal-at+jwt")), 200);
  body.set("scp", Json::array({Json("patient/Patient.rs user/*.cruds")}));
  EXPECT_EQ(foreign.status(ForeignRig::sign(body, "application/okta-internal-at+jwt")), 401)
      << "a list of single scopes";
  body.set("scp", 7);
  EXPECT_EQ(foreign.status(ForeignRig::sign(body, "application/okta-internal-at+jwt")), 401);
}

TEST(ForeignIssuer, WhatIsMissingIsNotGuessed) {
  ForeignRig foreign;
  for (const char* name : {"iss", "aud", "exp", "iat", "azp", "sub", "typ"})
    EXPECT_EQ(foreign.with(name, nullptr), 401) << name;
  EXPECT_EQ(foreign.with("scope", nullptr), 403) << "no scope is no permission";
  EXPECT_EQ(foreign.with("patient", nullptr), 403) << "a scope without its bound is none";
  EXPECT_EQ(foreign.with("patient", Json::array({Json("maria"), Json("otto")})), 401);
  EXPECT_EQ(foreign.with("patient", "Patient/maria/../otto"), 401);
  EXPECT_EQ(foreign.with("fhirUser", 7), 401);
  EXPECT_EQ(foreign.with("sub", Json::array({Json("x")})), 401);
  EXPECT_EQ(foreign.with("azp", ""), 401);
  EXPECT_EQ(foreign.with("cnf", Json::object({{"jkt", "x"}})), 401) << "bound to a key that can't be proven here";
}

TEST(ForeignIssuer, NoRevocationsMeansShortBelief) {
  ForeignRig foreign(IssuerKind::jwks, [](Config& c) {
    c.credential_id = "gw";
    c.foreign.introspect_too = true;
    c.foreign.believed = 10s;
  });
  const auto token = ForeignRig::sign(foreign.claims());
  EXPECT_EQ(foreign.status(token), 401) << "its issuer does not call it active";
  auto answer = foreign.claims();
  answer.set("active", true);
  foreign.realm.active[token] = answer;
  EXPECT_EQ(foreign.status(token), 200);
  const auto asked = foreign.realm.introspections;
  EXPECT_EQ(foreign.status(token), 200);
  EXPECT_EQ(foreign.realm.introspections, asked) << "believed";
  foreign.realm.active.clear();
  foreign.rig.clock.advance(10s + 1ms);
  EXPECT_EQ(foreign.status(token), 401) << "not a moment longer";
}

TEST(ForeignIssuer, BelievedKeysAreAskedForAgain) {
  ForeignRig foreign;
  auto body = foreign.claims();
  body.set("exp", to_seconds(foreign.rig.clock.now()) + 3600);
  const auto token = ForeignRig::sign(body);
  ASSERT_EQ(foreign.status(token), 200);
  foreign.realm.signing = {{"kc-2", &other_key()}};
  foreign.rig.clock.advance(limits::kForeignBelieved + 1s);
  EXPECT_EQ(foreign.status(token), 200) << "signature checked again, with the keys known";
  foreign.rig.clock.advance(limits::kJwksLifetime);
  EXPECT_EQ(foreign.status(token), 401) << "the key is gone";
  body.set("iat", to_seconds(foreign.rig.clock.now()));
  EXPECT_EQ(foreign.status(ForeignRig::sign(body, "JWT", other_key(), "kc-2")), 200);
}

TEST(ForeignIssuer, IntrospectionOfAnyText) {
  ForeignRig foreign(IssuerKind::introspection, [](Config& c) {
    c.credential_id = "gw";
    c.credential_secret = Secret("s3cret");
  });
  auto answer = foreign.claims();
  answer.set("active", true);
  answer.erase("iss");
  answer.erase("iat");
  foreign.realm.active["2YotnFZFEjr1zCsicMWpAA"] = answer;
  EXPECT_EQ(foreign.status("2YotnFZFEjr1zCsicMWpAA"), 200);
  EXPECT_EQ(foreign.realm.asked.back().headers.get("Authorization"), "Basic " + codec::base64_encode("gw:s3cret"));
  EXPECT_EQ(foreign.status("another"), 401);
  for (const char* name : {"aud", "exp", "azp", "sub"}) {
    auto less = answer;
    less.erase(name);
    foreign.realm.active[std::string("without-") + name] = less;
    EXPECT_EQ(foreign.status(std::string("without-") + name), 401) << name;
  }
  auto other = answer;
  other.set("iss", "https://kc.example/realms/other");
  foreign.realm.active["other"] = other;
  EXPECT_EQ(foreign.status("other"), 401);
  other = answer;
  other.set("active", "true");
  foreign.realm.active["text"] = other;
  EXPECT_EQ(foreign.status("text"), 503) << "no boolean is no answer";

  foreign.realm.active.erase("2YotnFZFEjr1zCsicMWpAA");
  EXPECT_EQ(foreign.status("2YotnFZFEjr1zCsicMWpAA"), 200) << "for five seconds";
  foreign.rig.clock.advance(limits::kForeignIntrospectionBelieved + 1ms);
  EXPECT_EQ(foreign.status("2YotnFZFEjr1zCsicMWpAA"), 401);
  foreign.realm.down = true;
  EXPECT_EQ(foreign.status("whatever"), 503);
}

TEST(ForeignIssuer, Rfc7523_TheGatewayProvesItselfByKey) {
  ForeignRig foreign(IssuerKind::introspection, [](Config& c) {
    c.credential_id = "gw";
    c.foreign.assertion_key = other_key();
    c.foreign.assertion_kid = "gw-1";
  });
  foreign.status("token");
  const auto& request = foreign.realm.asked.back();
  EXPECT_EQ(request.headers.count("Authorization"), 0U);
  const auto form = codec::Form::parse(request.body).value();
  EXPECT_EQ(form.get("client_assertion_type"), "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
  const auto jws = jose::Jws::parse(form.get("client_assertion").value_or(""), {jose::SignAlg::es256});
  ASSERT_TRUE(jws);
  EXPECT_EQ(jws->header().kid, "gw-1");
  jose::Validation expected;
  expected.issuer = "gw";
  expected.audiences = {kRealm};
  expected.sole_audience = true;
  expected.now = foreign.rig.clock.now();
  expected.typs = {"JWT"};
  expected.lifetime_max = 60s;
  expected.required = {"iss", "sub", "aud", "exp", "jti"};
  EXPECT_TRUE(jose::validated_jwt(jws->verify(other_key().public_key()).value(), expected));
}

TEST(ForeignIssuer, DocumentsNameTheIssuer) {
  ForeignRig foreign(IssuerKind::jwks, [](Config& c) {
    c.foreign.capabilities = {"launch-standalone", "permission-patient"};
    c.scopes_supported = {"patient/*.rs"};
    c.documentation = "https://gw.example/developers";
    c.identity.phantom = true;
  });
  const auto smart = Json::parse(foreign.rig.get("/.well-known/smart-configuration").body).value();
  EXPECT_EQ(smart["issuer"].string_or(), kRealm);
  EXPECT_EQ(smart["token_endpoint"].string_or(), std::string(kRealm) + "/token");
  EXPECT_EQ(smart["capabilities"].size(), 2U);
  EXPECT_FALSE(smart.contains("claims_supported"));
  auto request = Rig::request("", {});
  request.set_target("/.well-known/oauth-protected-resource/fhir");
  const auto metadata = Json::parse(foreign.rig.send(request).body).value();
  EXPECT_EQ(metadata["resource"].string_or(), kPublic);
  EXPECT_EQ(metadata["authorization_servers"][0].string_or(), kRealm);
  EXPECT_EQ(metadata["scopes_supported"].size(), 1U);
  EXPECT_EQ(metadata["bearer_methods_supported"][0].string_or(), "header");
  EXPECT_EQ(metadata["resource_name"].string_or(), "FHIR");
  EXPECT_EQ(metadata["resource_documentation"].string_or(), "https://gw.example/developers");
  EXPECT_EQ(metadata["jwks_uri"].string_or(), "https://gw.example/.well-known/mitral-gateway-jwks");
}

TEST(ForeignIssuer, SettingsThatCanNotWorkAreRefusedAtStart) {
  World world;
  MemoryAudit audit;
  ManualClock clock{from_seconds(1'780'000'000)};
  const auto made = [&](const std::function<void(Config&)>& change) {
    Config config;
    config.public_base = kPublic;
    config.upstream = kUpstream;
    config.issuer = kRealm;
    config.foreign.kind = IssuerKind::jwks;
    change(config);
    return Gateway::create(config, world, audit, clock, crypto::system_random()).has_value();
  };
  EXPECT_TRUE(made([](Config&) {}));
  EXPECT_FALSE(made([](Config& c) { c.foreign.typs.clear(); }));
  EXPECT_FALSE(made([](Config& c) { c.foreign.client_claims.clear(); }));
  EXPECT_FALSE(made([](Config& c) { c.foreign.believed = 1h; }));
  EXPECT_FALSE(made([](Config& c) { c.foreign.believed = 0s; }));
  EXPECT_FALSE(made([](Config& c) { c.jwks_url = "file:///etc/passwd"; }));
}

}  // namespace
}  // namespace mitral::gateway::rig
