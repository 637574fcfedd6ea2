// Client assertions under attack: threats.md section 4 (JOSE), BU-1, and the rules of client authentication.

#include "support/as_harness.h"

namespace mitral::testing {
namespace {

using codec::Json;

codec::Form ask() { return {{"grant_type", "client_credentials"}, {"scope", "system/Patient.rs"}}; }

struct Attack {
  AsHarness as;
  [[nodiscard]] std::string verdict(const std::string& assertion) {
    return as.verdict(as.token(as.with_assertion(ask(), assertion)));
  }
  [[nodiscard]] Json claims() { return as.assertion_claims("backend"); }
  [[nodiscard]] std::string signed_(const Json& claims, std::string_view typ = "JWT") {
    return as.sign(as.backend_key, "backend-1", claims, typ);
  }
  [[nodiscard]] std::string signed_text(std::string_view payload) {
    return *jose::sign_jws({"backend-1", jose::SignAlg::es384, as.backend_key}, {.typ = "JWT", .cty = {}}, payload);
  }
  /// Any header in front of the same payload, with a signature that is no signature.
  [[nodiscard]] std::string with_header(std::string_view header, std::string_view signature = "AAAA") {
    return codec::base64url_encode(header) + "." + codec::base64url_encode(claims().dump()) + "." +
           std::string(signature);
  }
};
constexpr const char* kRefused = "401 invalid_client";

TEST(ThreatJ, GoodAssertionsPass) {
  Attack a;
  EXPECT_EQ(a.as.token(a.as.with_assertion(ask(), a.signed_(a.claims()))).status, 200);
  EXPECT_EQ(a.as.token(a.as.with_assertion(ask(), a.signed_(a.claims(), ""))).status, 200);
  EXPECT_EQ(a.as.token(a.as.with_assertion(ask(), a.signed_(a.claims(), "client-authentication+jwt"))).status, 200);
  EXPECT_EQ(a.as.token(a.as.with_assertion(ask(), a.signed_(a.as.assertion_claims("backend", kIssuer)))).status, 200);
}

TEST(ThreatJ, J1_AlgNoneInAnySpelling) {
  Attack a;
  for (const char* alg : {"none", "None", "NONE", "nOnE", ""}) {
    const auto header = std::string(R"({"alg":")") + alg + R"(","kid":"backend-1"})";
    EXPECT_EQ(a.verdict(a.with_header(header, "")), kRefused) << alg;
    EXPECT_EQ(a.verdict(a.with_header(header)), kRefused) << alg;
  }
}

TEST(ThreatJ, J2_PublicKeyAsHmacSecret) {
  Attack a;
  const auto jwk = jose::Jwk::from_key(a.as.backend_key.public_key(), "backend-1").to_json().dump();
  for (const auto& secret : {a.as.backend_key.public_key().pem(), a.as.backend_key.public_key().spki_der(), jwk}) {
    for (const char* alg : {"HS256", "HS384", "HS512"}) {
      const auto input = codec::base64url_encode(std::string(R"({"alg":")") + alg + R"(","kid":"backend-1"})") + "." +
                         codec::base64url_encode(a.claims().dump());
      EXPECT_EQ(a.verdict(input + "." + codec::base64url_encode(crypto::hmac_sha256(secret, input))), kRefused);
    }
  }
}

TEST(ThreatJ, J3_KeysFromTheHeaderAreNeverUsedOrFetched) {
  Attack a;
  const auto evil = *crypto::PrivateKey::generate(crypto::KeyKind::p384);
  const auto jwk = jose::Jwk::from_key(evil.public_key());
  const auto own = *jose::sign_jws({"backend-1", jose::SignAlg::es384, evil}, {.typ = "JWT", .cty = {}, .jwk = &jwk},
                                   a.claims().dump());
  EXPECT_EQ(a.verdict(own), kRefused);
  for (const char* member :
       {R"("jku":"https://evil.example/jwks")", R"("x5u":"https://evil.example/cert")", R"("jku":7)"}) {
    const auto header = std::string(R"({"alg":"ES384","kid":"backend-1",)") + member + "}";
    const auto input = codec::base64url_encode(header) + "." + codec::base64url_encode(a.claims().dump());
    const auto forged = input + "." + codec::base64url_encode(*crypto::sign(evil, crypto::SignAlg::es384, input));
    EXPECT_EQ(a.verdict(forged), kRefused) << member;
    // With the right key, a jku that was not registered still fails.
    const auto genuine =
        input + "." + codec::base64url_encode(*crypto::sign(a.as.backend_key, crypto::SignAlg::es384, input));
    if (std::string_view(member).starts_with("\"jku\"")) {
      EXPECT_EQ(a.verdict(genuine), kRefused) << member;
    }
  }
  EXPECT_EQ(a.as.fetcher.fetches, 0);
}

TEST(ThreatJ, J4_KidsAreNamesAndNothingElse) {
  Attack a;
  const std::string huge = '"' + std::string(10'000, 'k') + '"';
  for (const auto& kid : std::vector<std::string>{R"("../../dev/null")", R"("' OR 1=1")", R"(["backend-1"])", "7",
                                                  R"("backend-2")", "null", huge}) {
    const auto input = codec::base64url_encode(R"({"alg":"ES384","kid":)" + kid + "}") + "." +
                       codec::base64url_encode(a.claims().dump());
    EXPECT_EQ(a.verdict(input + "." +
                        codec::base64url_encode(*crypto::sign(a.as.backend_key, crypto::SignAlg::es384, input))),
              kRefused)
        << kid;
  }
}

TEST(ThreatJ, J5_OtherKindsOfJwtAreNoAssertions) {
  Attack a;
  for (const char* typ : {"at+jwt", "application/at+jwt", "dpop+jwt", "oauth-authz-req+jwt", "logout+jwt",
                          "secevent+jwt", "wrapped+jwt", "jose"}) {
    EXPECT_EQ(a.verdict(a.signed_(a.claims(), typ)), kRefused) << typ;
  }
  auto no_sub = a.claims();
  no_sub.erase("sub");
  EXPECT_EQ(a.verdict(a.signed_(no_sub)), kRefused);
  // Our own tokens neither.
  const auto tokens = a.as.tokens_for("app-basic", {"openid", "patient/*.rs"});
  EXPECT_EQ(a.verdict(std::string(*tokens["id_token"].as_string())), kRefused);
  EXPECT_EQ(a.verdict(std::string(*tokens["access_token"].as_string())), kRefused);
}

TEST(ThreatJ, J6_IssuerSubjectAndAudienceAreWhole) {
  Attack a;
  const auto set = [&](std::string_view name, Json value) {
    auto c = a.claims();
    c.set(name, std::move(value));
    return a.verdict(a.signed_(c));
  };
  EXPECT_EQ(set("iss", "backend/"), kRefused);
  EXPECT_EQ(set("iss", Json::array({"backend", "evil"})), kRefused);
  EXPECT_EQ(set("sub", "app-jwt"), kRefused);
  EXPECT_EQ(set("aud", 7), kRefused);
  EXPECT_EQ(set("aud", Json::object()), kRefused);
  EXPECT_EQ(set("aud", std::string(kTokenUrl) + "/"), kRefused);
  EXPECT_EQ(set("aud", "https://as.example.org"), kRefused);
}

TEST(ThreatBU, BU1_AudienceIsOnePlainString) {
  Attack a;
  for (const auto& aud :
       {Json::array({kTokenUrl}), Json::array({kIssuer}), Json::array({kIssuer, "https://evil.example"})}) {
    auto c = a.claims();
    c.set("aud", aud);
    EXPECT_EQ(a.verdict(a.signed_(c)), kRefused) << aud.dump();
  }
  const auto introspection = a.as.assertion_claims("backend", std::string(kIssuer) + "/introspect");
  EXPECT_EQ(a.verdict(a.signed_(introspection)), kRefused);
}

TEST(ThreatBU, BU1_IssuerOnlyWhereTheProfileSaysSo) {
  AsHarness as;
  auto client = as.client_record("backend");
  client.profile = "fapi2";
  client.credentials.jwks = {};
  const auto key = *crypto::PrivateKey::generate(crypto::KeyKind::p256);
  ASSERT_TRUE(client.credentials.jwks.add(jose::Jwk::from_key(key.public_key(), "f", "ES256", jose::KeyUse::sig)));
  as.put(client);
  const auto sign = [&](std::string_view aud) {
    return as.sign(key, "f", as.assertion_claims("backend", aud), "JWT", jose::SignAlg::es256);
  };
  EXPECT_EQ(as.verdict(as.token(as.with_assertion(ask(), sign(kTokenUrl)))), kRefused);
  // The issuer is accepted; then FAPI's demand for sender-constrained tokens speaks.
  EXPECT_EQ(as.verdict(as.token(as.with_assertion(ask(), sign(kIssuer)))), "400 invalid_request");
}

TEST(ThreatJ, J7_DegenerateEcdsaSignatures) {
  Attack a;
  const auto input = codec::base64url_encode(R"({"alg":"ES384","kid":"backend-1"})") + "." +
                     codec::base64url_encode(a.claims().dump());
  for (const std::size_t n : {0U, 1U, 95U, 96U, 97U, 104U}) {
    EXPECT_EQ(a.verdict(input + "." + codec::base64url_encode(std::string(n, '\0'))), kRefused) << n;
  }
  EXPECT_EQ(a.verdict(input + "." + codec::base64url_encode(std::string(96, '\xff'))), kRefused);
}

TEST(ThreatJ, J12_CritAndB64) {
  Attack a;
  for (const char* member :
       {R"("crit":["x"])", R"("crit":[])", R"("crit":["alg"])", R"("b64":false,"crit":["b64"])", R"("b64":false)"}) {
    const auto input = codec::base64url_encode(std::string(R"({"alg":"ES384","kid":"backend-1",)") + member + "}") +
                       "." + codec::base64url_encode(a.claims().dump());
    EXPECT_EQ(a.verdict(input + "." +
                        codec::base64url_encode(*crypto::sign(a.as.backend_key, crypto::SignAlg::es384, input))),
              kRefused)
        << member;
  }
}

TEST(ThreatJ, J13_DuplicateMembers) {
  Attack a;
  auto text = a.claims().dump();
  text.pop_back();
  EXPECT_EQ(a.verdict(a.signed_text(text + R"(,"aud":"https://as.example.org/t/clinic"})")), kRefused);
  EXPECT_EQ(a.verdict(a.signed_text(text + R"(,"\u0061ud":"https://as.example.org/t/clinic"})")), kRefused);
  EXPECT_EQ(a.verdict(a.with_header(R"({"alg":"ES384","alg":"none","kid":"backend-1"})")), kRefused);
}

TEST(ThreatJ, J14_DotsAndDepth) {
  Attack a;
  EXPECT_EQ(a.verdict(std::string(30'000, '.')), kRefused);
  EXPECT_EQ(a.verdict(a.signed_text(std::string(5'000, '[') + std::string(5'000, ']'))), kRefused);
  const auto large = a.as.token(a.as.with_assertion(ask(), std::string(limits::kFormBytesMax, '.')));
  EXPECT_EQ(large.status, 413);
}

TEST(ThreatJ, J15_Base64urlHasOneSpelling) {
  Attack a;
  const auto good = a.signed_(a.claims());
  EXPECT_EQ(a.verdict(good + "="), kRefused);
  EXPECT_EQ(a.verdict(good + "\n"), kRefused);
  EXPECT_EQ(a.verdict(good + " "), kRefused);
  auto standard = good;
  for (auto& c : standard) c = c == '-' ? '+' : c == '_' ? '/' : c;
  if (standard != good) {
    EXPECT_EQ(a.verdict(standard), kRefused);
  }
}

TEST(ThreatJ, J16_JsonSerialization) {
  Attack a;
  const auto good = a.signed_(a.claims());
  const auto dot1 = good.find('.');
  const auto dot2 = good.find('.', dot1 + 1);
  const auto json = Json::object({{"protected", good.substr(0, dot1)},
                                  {"payload", good.substr(dot1 + 1, dot2 - dot1 - 1)},
                                  {"signature", good.substr(dot2 + 1)}});
  EXPECT_EQ(a.verdict(json.dump()), kRefused);
}

TEST(ThreatJ, J20_TimesAreWholeSecondsInASaneRange) {
  Attack a;
  const auto now = to_seconds(a.as.clock.now());
  const auto set = [&](std::string_view name, Json value) {
    auto c = a.claims();
    c.set(name, std::move(value));
    return a.verdict(a.signed_(c));
  };
  EXPECT_EQ(set("exp", std::to_string(now + 60)), kRefused);
  EXPECT_EQ(set("exp", *Json::number("1e300")), kRefused);
  EXPECT_EQ(set("exp", *Json::number("1790000060.5")), kRefused);
  EXPECT_EQ(set("exp", (now + 60) * 1000), kRefused);
  EXPECT_EQ(set("exp", -1), kRefused);
  EXPECT_EQ(set("exp", now - 61), kRefused);
  EXPECT_EQ(set("exp", now + 3600), kRefused);
  EXPECT_EQ(set("iat", now + 61), kRefused);
  EXPECT_EQ(set("nbf", now + 61), kRefused);
  // Smart 2.10.8: now+300 and a clock a little ahead are fine.
  auto c = a.claims();
  c.set("exp", now + 308).set("iat", now + 8);
  EXPECT_EQ(a.as.token(a.as.with_assertion(ask(), a.signed_(c))).status, 200);
  auto none = a.claims();
  none.erase("exp");
  EXPECT_EQ(a.verdict(a.signed_(none)), kRefused);
}

TEST(ThreatJ, J21_AnAssertionIsGoodOnce) {
  Attack a;
  const auto assertion = a.signed_(a.claims());
  EXPECT_EQ(a.as.token(a.as.with_assertion(ask(), assertion)).status, 200);
  EXPECT_EQ(a.verdict(assertion), kRefused);
  // Elsewhere neither: one space of jtis for all endpoints.
  const auto app = a.as.app_assertion();
  EXPECT_EQ(a.as.post("revoke", a.as.with_assertion({{"token", "x"}}, app)).status, 200);
  EXPECT_EQ(a.as.verdict(a.as.post("introspect", a.as.with_assertion({{"token", "x"}}, app))), kRefused);
  // As long as it could be accepted: exp plus skew.
  a.as.clock.advance(std::chrono::seconds(359));
  EXPECT_EQ(a.verdict(assertion), kRefused);
  auto no_jti = a.claims();
  no_jti.erase("jti");
  EXPECT_EQ(a.verdict(a.signed_(no_jti)), kRefused);
}

TEST(ThreatJ, J21_ARefusedRequestUsesItUpToo) {
  Attack a;
  const auto assertion = a.signed_(a.claims());
  const codec::Form greedy{{"grant_type", "client_credentials"}, {"scope", "no-such-scope"}};
  EXPECT_EQ(a.as.verdict(a.as.token(a.as.with_assertion(greedy, assertion))), "400 invalid_scope");
  EXPECT_EQ(a.verdict(assertion), kRefused);
}

TEST(ThreatJ, J21_AForgerCannotUseUpAJti) {
  Attack a;
  const auto claims = a.claims();
  const auto evil = *crypto::PrivateKey::generate(crypto::KeyKind::p384);
  EXPECT_EQ(a.verdict(a.as.sign(evil, "backend-1", claims)), kRefused);
  EXPECT_EQ(a.as.token(a.as.with_assertion(ask(), a.signed_(claims))).status, 200);
}

TEST(ThreatJ, J23_RandomKidsLeadToFewFetches) {
  AsHarness as;
  const auto attempt = [&](const std::string& kid) {
    return as
        .post("revoke", as.with_assertion({{"token", "x"}}, as.sign(as.app_key, kid, as.assertion_claims("app-uri"))))
        .status;
  };
  EXPECT_EQ(attempt("app-uri-1"), 200);
  EXPECT_EQ(as.fetcher.fetches, 1);
  EXPECT_EQ(attempt("app-uri-1"), 200);
  EXPECT_EQ(as.fetcher.fetches, 1);
  for (int i = 0; i < 100; ++i) {
    as.services().client_throttle.succeeded("app-uri", kAddress);
    EXPECT_EQ(attempt("random-" + std::to_string(i)), 401);
  }
  EXPECT_EQ(as.fetcher.fetches, 1);
  as.clock.advance(limits::kJwksRefetchMin);
  for (int i = 0; i < 20; ++i) {
    as.services().client_throttle.succeeded("app-uri", kAddress);
    EXPECT_EQ(attempt("random-" + std::to_string(i)), 401);
  }
  EXPECT_EQ(as.fetcher.fetches, 2);
}

TEST(Rfc7517, ClientsMayRotateTheirKeysByJwksUri) {
  AsHarness as;
  const auto attempt = [&](const crypto::PrivateKey& key, const std::string& kid) {
    return as.post("revoke", as.with_assertion({{"token", "x"}}, as.sign(key, kid, as.assertion_claims("app-uri"))))
        .status;
  };
  EXPECT_EQ(attempt(as.app_key, "app-uri-1"), 200);
  const auto fresh = *crypto::PrivateKey::generate(crypto::KeyKind::p384);
  jose::JwkSet set;
  ASSERT_TRUE(set.add(jose::Jwk::from_key(fresh.public_key(), "app-uri-2", "ES384", jose::KeyUse::sig)));
  as.fetcher.documents[std::string(kJwksUri)].body = set.to_json().dump();
  as.clock.advance(std::chrono::seconds(61));
  EXPECT_EQ(attempt(fresh, "app-uri-2"), 200);
  EXPECT_EQ(attempt(as.app_key, "app-uri-1"), 401);
  // A document that can't be had any more fails closed once it is no longer fresh.
  as.fetcher.documents.clear();
  as.clock.advance(limits::kJwksCacheMax);
  EXPECT_EQ(attempt(fresh, "app-uri-2"), 401);
}

TEST(ThreatJ, J27_TheProvenMethodCountsNotTheOneThatWasSent) {
  AsHarness as;
  const auto code = as.mint_code("app-post", {"openid"});
  auto form = as.code_form(code);
  form.add("client_id", "app-post")
      .add("client_secret", kSecret)
      .add("client_assertion", "junk")
      .add("client_assertion_type", spec::oauth::kJwtBearerAssertionType);
  EXPECT_EQ(as.verdict(as.token(form)), "400 invalid_request");
  auto both = as.code_form(code);
  both.add("client_id", "app-basic").add("client_secret", kSecret);
  EXPECT_EQ(as.verdict(as.token(both, {as.basic("app-basic")})), "400 invalid_request");
  // The registered method and no other.
  auto basic_by_post = as.code_form(code);
  basic_by_post.add("client_id", "app-basic").add("client_secret", kSecret);
  EXPECT_EQ(as.verdict(as.token(basic_by_post)), kRefused);
  auto public_by_id = as.code_form(code);
  public_by_id.add("client_id", "app-jwt");
  EXPECT_EQ(as.verdict(as.token(public_by_id)), kRefused);
}

TEST(Rfc6749_2_3_1, BasicWorksFormEncodedAndRaw) {
  AsHarness as;
  const std::string secret = "p%2Bq+r:s";
  auto client = as.client_record("app-basic");
  client.credentials.secret_hashes = {crypto::sha256(secret)};
  as.put(client);
  EXPECT_EQ(as.post("revoke", {{"token", "x"}}, {as.basic("app-basic", secret)}).status, 200);
  EXPECT_EQ(as.post("revoke", {{"token", "x"}}, {as.basic("app-basic", codec::percent_encode(secret))}).status, 200);
  EXPECT_EQ(as.post("revoke", {{"token", "x"}}, {as.basic("app%2Dbasic", codec::percent_encode(secret))}).status, 200);
  EXPECT_EQ(as.post("revoke", {{"token", "x"}}, {as.basic("app-basic", "p+q+r:s")}).status, 401);
}

TEST(Rfc6749_2_3_1, TwoSecretsMayBeAliveAtOnce) {
  AsHarness as;
  auto client = as.client_record("app-basic");
  client.credentials.secret_hashes = {crypto::sha256("old"), crypto::sha256("new")};
  as.put(client);
  EXPECT_EQ(as.post("revoke", {{"token", "x"}}, {as.basic("app-basic", "old")}).status, 200);
  EXPECT_EQ(as.post("revoke", {{"token", "x"}}, {as.basic("app-basic", "new")}).status, 200);
  EXPECT_EQ(as.post("revoke", {{"token", "x"}}, {as.basic("app-basic", "")}).status, 401);
}

}  // namespace
}  // namespace mitral::testing
