// Attacks on a gateway that believes an authorization server of another make: threats.md section 4, S-3, S-27, B-4.15.
#include <gtest/gtest.h>

#include "support/foreign_issuer.h"

namespace mitral::gateway::rig {
namespace {

using namespace std::chrono_literals;

TEST(ForeignIssuerThreat, J1_J2_J3_SignaturesOfOtherKindsAreRefused) {
  ForeignRig foreign;
  ASSERT_EQ(foreign.status(ForeignRig::sign(foreign.claims())), 200);
  const auto body = codec::base64url_encode(foreign.claims().dump());
  for (const char* alg : {"none", "None", "NONE", ""}) {
    const auto head = codec::base64url_encode(std::string(R"({"typ":"JWT","kid":"kc-1","alg":")") + alg + "\"}");
    EXPECT_EQ(foreign.status(head + "." + body + "."), 401) << alg;
  }
  const auto text = codec::base64url_encode(R"({"typ":"JWT","kid":"kc-1","alg":"HS256"})") + "." + body;
  for (const auto& secret : {issuer_key().public_key().pem(), issuer_key().public_key().spki_der()})
    EXPECT_EQ(foreign.status(text + "." + codec::base64url_encode(crypto::hmac_sha256(secret, text))), 401);
  const auto jwk = jose::Jwk::from_key(other_key().public_key());
  EXPECT_EQ(foreign.status(*jose::sign_jws({"kc-1", jose::SignAlg::es256, other_key()},
                                           {.typ = "JWT", .cty = {}, .jwk = &jwk}, foreign.claims().dump())),
            401);
  EXPECT_EQ(foreign.status(ForeignRig::sign(foreign.claims(), "JWT", other_key(), "enc")), 401)
      << "a key for encryption verifies nothing";
  EXPECT_EQ(foreign.upstream_asked, 1);
}

TEST(ForeignIssuerThreat, J5_OtherTokensOfTheSameIssuerAreNoAccessTokens) {
  ForeignRig foreign(IssuerKind::jwks, [](Config& c) { c.foreign.required.clear(); });
  for (const char* claim : {"at_hash", "c_hash", "s_hash", "events"}) EXPECT_EQ(foreign.with(claim, "x"), 401) << claim;
  for (const char* kind : {"ID", "Refresh", "Offline", "Logout"}) EXPECT_EQ(foreign.with("typ", kind), 401) << kind;
  for (const char* typ : {"wrapped+jwt", "logout+jwt", "phantom+jwt", "dpop+jwt", "oauth-authz-req+jwt"})
    EXPECT_EQ(foreign.status(ForeignRig::sign(foreign.claims(), typ)), 401) << typ;
  EXPECT_EQ(foreign.status(ForeignRig::sign(foreign.claims(), "")), 401) << "no typ, unless that is configured";
  // A handle of ours is nothing to them.
  EXPECT_EQ(foreign.status(foreign.rig.opaque()), 401);
}

TEST(ForeignIssuerThreat, J6_S3_S27_IssuerAndAudienceAreComparedWhole) {
  ForeignRig foreign;
  for (const char* issuer : {"https://kc.example/realms/clinic/", "https://kc.example/realms/clini",
                             "https://kc.example/realms/other", "http://kc.example/realms/clinic", ""}) {
    EXPECT_EQ(foreign.with("iss", issuer), 401) << issuer;
  }
  EXPECT_EQ(foreign.with("iss", Json::array({Json(kRealm), Json("https://evil.example")})), 401);
  for (const char* audience : {"https://gw.example/fhir/", "https://gw.example/fhi", "https://gw.example/tB/fhir",
                               "http://gw.example/fhir", "https://gw.example", "account"}) {
    EXPECT_EQ(foreign.with("aud", audience), 401) << audience;
  }
  EXPECT_EQ(foreign.with("aud", 7), 401);
  EXPECT_EQ(foreign.with("aud", Json::object({{"0", kPublic}})), 401);
}

TEST(ForeignIssuerThreat, J20_TimesMustBeTimes) {
  ForeignRig foreign;
  const auto now = to_seconds(foreign.rig.clock.now());
  EXPECT_EQ(foreign.with("exp", std::to_string(now + 60)), 401);
  EXPECT_EQ(foreign.with("exp", now), 401);
  EXPECT_EQ(foreign.with("exp", *Json::number("1e300")), 401);
  EXPECT_EQ(foreign.with("nbf", now + 3600), 401);
  EXPECT_EQ(foreign.with("iat", now + 3600), 401);
}

TEST(ForeignIssuerThreat, J23_UnknownKeysDoNotMakeTheGatewayAskAgainAndAgain) {
  ForeignRig foreign;
  ASSERT_EQ(foreign.status(ForeignRig::sign(foreign.claims())), 200);
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(foreign.status(ForeignRig::sign(foreign.claims(), "JWT", other_key(), "k" + std::to_string(i))), 401);
  EXPECT_LE(foreign.realm.key_fetches, 2);
}

TEST(ForeignIssuerThreat, B4_15_APersonNamedLikeAClientIsNotTheClient) {
  ForeignRig foreign(IssuerKind::jwks,
                     [](Config& c) { c.foreign.system_when = {{"preferred_username", "service-account-{client}"}}; });
  auto service = foreign.claims();
  service.set("scope", "system/Patient.rs");
  service.erase("patient");
  EXPECT_EQ(foreign.status(ForeignRig::sign(service)), 403) << "a person's token holds no system scope";
  service.set("sub", "app");
  EXPECT_EQ(foreign.status(ForeignRig::sign(service)), 401) << "nor does she become the client by her name";
  service.set("sub", "9d2e-service");
  service.set("preferred_username", "service-account-other");
  EXPECT_EQ(foreign.status(ForeignRig::sign(service)), 403);
  service.set("preferred_username", "service-account-app");
  EXPECT_EQ(foreign.status(ForeignRig::sign(service)), 200);
}

TEST(ForeignIssuerThreat, B4_15_ATokenWithoutSubjectIsNobodysUnlessConfigured) {
  for (const bool configured : {false, true}) {
    ForeignRig foreign(IssuerKind::jwks, [&](Config& c) {
      if (configured) c.foreign.system_when = {{"sub", ""}};
    });
    auto body = foreign.claims();
    body.set("scope", "system/Patient.rs");
    EXPECT_EQ(foreign.status(ForeignRig::sign(body)), 403) << "there is a subject";
    body.erase("sub");
    EXPECT_EQ(foreign.status(ForeignRig::sign(body)), configured ? 200 : 401);
  }
}

TEST(ForeignIssuerThreat, W1_MetadataOfAnotherIssuerIsNotBelieved) {
  ForeignRig foreign;
  foreign.realm.named = "https://kc.example/realms/other";
  EXPECT_EQ(foreign.status(ForeignRig::sign(foreign.claims())), 503);
  EXPECT_EQ(foreign.rig.get("/.well-known/smart-configuration").status, 503);
  EXPECT_EQ(foreign.upstream_asked, 0);
}

TEST(ForeignIssuerThreat, AnIssuerThatIsDownLetsNobodyNewIn) {
  ForeignRig foreign;
  foreign.realm.down = true;
  EXPECT_EQ(foreign.status(ForeignRig::sign(foreign.claims())), 503);
  EXPECT_EQ(foreign.upstream_asked, 0);
}

TEST(ForeignIssuerThreat, S21_EmergencyPurposeOfAStrangerIsNotBelieved) {
  ForeignRig foreign;
  auto body = foreign.claims();
  body.set("purpose", "ETREAT");
  body.set("purpose_of_use", "ETREAT");
  const auto own = own_claims(
      body,
      [] {
        ForeignRules rules;
        rules.kind = IssuerKind::jwks;
        return rules;
      }(),
      kRealm, false, foreign.rig.clock.now());
  ASSERT_TRUE(own);
  EXPECT_FALSE(own->contains("purpose"));
  EXPECT_FALSE(own->contains("purpose_of_use"));
  for (const bool introspected : {false, true}) {
    ForeignRules trusting;
    trusting.kind = IssuerKind::jwks;
    EXPECT_FALSE(own_claims(body, trusting, kRealm, introspected, foreign.rig.clock.now())->contains("purpose_of_use"));
    trusting.trust_purpose = true;
    EXPECT_TRUE(own_claims(body, trusting, kRealm, introspected, foreign.rig.clock.now())->contains("purpose_of_use"));
  }
}

}  // namespace
}  // namespace mitral::gateway::rig
