// Forged tokens at the gateway: threats.md section 4 where a resource server verifies, and guessing (M-4.6.3).
#include <gtest/gtest.h>

#include <set>

#include "support/gateway_rig.h"

namespace mitral::gateway::rig {
namespace {

class GatewayForgery : public testing::Test {
 protected:
  GatewayForgery() { rig.world.upstream = fixed({{"/Patient/maria", patient("maria")}}); }
  int status(const std::string& token) { return rig.get("/Patient/maria", token).status; }
  std::string input(std::string_view header) {
    return codec::base64url_encode(header) + "." + codec::base64url_encode(rig.claims({}).dump());
  }
  static std::string es256(const crypto::PrivateKey& key, const std::string& input) {
    return input + "." + codec::base64url_encode(*crypto::sign(key, crypto::SignAlg::es256, input));
  }
  Rig rig;
};

TEST_F(GatewayForgery, J1_J2_UnsignedAndHmacTokensAreRefused) {
  ASSERT_EQ(status(rig.jwt()), 200);
  for (const char* typ : {"at+jwt", "wrapped+jwt"}) {
    for (const char* alg : {"none", "None", "NONE", "nOnE", ""}) {
      const auto text = input(std::string(R"({"alg":")") + alg + R"(","typ":")" + typ + R"(","kid":"k1"})");
      EXPECT_EQ(status(text + "."), 401) << alg;
      EXPECT_EQ(status(text + ".AAAA"), 401) << alg;
    }
    const auto jwk = jose::Jwk::from_key(issuer_key().public_key(), "k1").to_json().dump();
    for (const auto& secret : {issuer_key().public_key().pem(), issuer_key().public_key().spki_der(), jwk}) {
      const auto text = input(std::string(R"({"alg":"HS256","typ":")") + typ + R"(","kid":"k1"})");
      EXPECT_EQ(status(text + "." + codec::base64url_encode(crypto::hmac_sha256(secret, text))), 401);
    }
  }
}

TEST_F(GatewayForgery, J3_J4_TheHeaderDoesNotChooseTheKey) {
  ASSERT_EQ(status(rig.jwt()), 200);
  const auto fetches = rig.world.jwks_fetches;
  const auto jwk = jose::Jwk::from_key(other_key().public_key());
  EXPECT_EQ(status(*jose::sign_jws({"k1", jose::SignAlg::es256, other_key()}, {.typ = "at+jwt", .cty = {}, .jwk = &jwk},
                                   rig.claims({}).dump())),
            401);
  for (const char* member : {R"("jku":"https://evil.example/jwks")", R"("x5u":"https://evil.example/c")",
                             R"("kid":"../../dev/null")", R"("kid":["k1"])", R"("kid":7)", R"("kid":"' OR 1=1")"}) {
    EXPECT_EQ(status(es256(other_key(), input(std::string(R"({"alg":"ES256","typ":"at+jwt",)") + member + "}"))), 401)
        << member;
  }
  EXPECT_EQ(
      status(es256(other_key(), input(R"({"alg":"ES256","typ":"at+jwt","kid":")" + std::string(10'000, 'k') + "\"}"))),
      401);
  EXPECT_LE(rig.world.jwks_fetches, fetches + 1) << "J-23";
}

TEST_F(GatewayForgery, S25_AnIdTokenOpensNothing) {
  // Signed by the right key, for this very audience, with everything that an access token says but its type.
  TokenSpec spec;
  for (const auto* const typ : {"JWT", "", "jwt", "id+jwt", "logout+jwt", "secevent+jwt", "token-introspection+jwt"}) {
    auto claims = rig.claims(spec);
    claims.set("nonce", Json("n"));
    EXPECT_EQ(rig.get("/Patient/maria", Rig::sign(claims, typ)).status, 401) << typ;
  }
}

TEST_F(GatewayForgery, J7_DegenerateSignaturesAreRefused) {
  const auto text = input(R"({"alg":"ES256","typ":"at+jwt","kid":"k1"})");
  for (const std::size_t n : {0U, 1U, 63U, 64U, 65U, 72U})
    EXPECT_EQ(status(text + "." + codec::base64url_encode(std::string(n, '\0'))), 401) << n;
  EXPECT_EQ(status(text + "." + codec::base64url_encode(std::string(64, '\xff'))), 401);
}

TEST_F(GatewayForgery, J12_J13_J14_J15_OddWritingIsRefusedEvenWhenSigned) {
  for (const char* header : {R"({"alg":"ES256","typ":"at+jwt","kid":"k1","crit":["x"]})",
                             R"({"alg":"ES256","typ":"at+jwt","kid":"k1","crit":[]})",
                             R"({"alg":"ES256","typ":"at+jwt","kid":"k1","b64":false,"crit":["b64"]})",
                             R"({"alg":"ES256","alg":"ES256","typ":"at+jwt","kid":"k1"})"}) {
    EXPECT_EQ(status(es256(issuer_key(), input(header))), 401) << header;
  }
  const auto head = codec::base64url_encode(R"({"alg":"ES256","typ":"at+jwt","kid":"k1"})") + ".";
  auto twice = rig.claims({}).dump();
  twice.pop_back();
  EXPECT_EQ(status(es256(issuer_key(), head + codec::base64url_encode(twice + R"(,"patient":"otto"})"))), 401);
  EXPECT_EQ(status(es256(issuer_key(), head + codec::base64url_encode(twice + R"(,"\u0070atient":"otto"})"))), 401);
  EXPECT_EQ(
      status(es256(issuer_key(), head + codec::base64url_encode(std::string(2'000, '[') + std::string(2'000, ']')))),
      401);
  const auto good = rig.jwt();
  for (const auto* end : {"=", "==", ".", ".x"}) EXPECT_NE(status(good + end), 200) << end;
  EXPECT_NE(status(std::string(20'000, '.')), 200);
  EXPECT_TRUE(rig.world.upstream_log.empty());
}

TEST_F(GatewayForgery, J20_TimesOfAnotherKindAreRefused) {
  const auto with = [&](std::string_view name, Json value) {
    auto claims = rig.claims({});
    claims.set(name, std::move(value));
    return status(Rig::sign(claims, "at+jwt"));
  };
  const auto now = to_seconds(rig.clock.now());
  EXPECT_EQ(with("exp", std::to_string(now + 60)), 401);
  EXPECT_EQ(with("exp", *Json::number("1e300")), 401);
  EXPECT_EQ(with("exp", -1), 401);
  EXPECT_EQ(with("nbf", now + 3600), 401);
  auto none = rig.claims({});
  none.erase("exp");
  EXPECT_EQ(status(Rig::sign(none, "at+jwt")), 401);
}

// M-4.6.3: guesses never reach the FHIR server, and all look alike.
TEST_F(GatewayForgery, M4_6_3_GuessedTokensLookAlikeAndReachNobody) {
  std::set<std::string> bodies;
  for (int i = 0; i < 300; ++i) {
    const auto response = rig.get(
        "/Patient/maria", "mat_" + codec::base64url_encode("guess number " + std::to_string(i) + std::string(60, 'x')));
    EXPECT_EQ(response.status, 401);
    bodies.insert(response.body);
  }
  EXPECT_EQ(bodies.size(), 1U);
  EXPECT_TRUE(rig.world.upstream_log.empty());
  EXPECT_LE(rig.audit.list.size(), limits::kAuditDeniedPerSecond) << "W-32: nor do they fill the record";
}

}  // namespace
}  // namespace mitral::gateway::rig
