// POST /token with authorization_code: RFC 6749 §4.1.3, RFC 7636, SMART App Launch 2.2, OpenID Connect Core §3.1.3.

#include "spec/oauth/rfc9068_access_token.h"
#include "spec/oidc/id_token.h"
#include "support/as_harness.h"

namespace mitral::testing {
namespace {

const std::vector<std::string> kScopes{"openid", "fhirUser", "offline_access", "launch/patient",
                                       "patient/Observation.rs"};

TEST(Rfc6749_5_1, TokenResponseOfACode) {
  AsHarness as;
  const auto code = as.mint_code("app-public", kScopes);
  auto form = as.code_form(code);
  form.add("client_id", "app-public");
  const auto response = as.token(form);
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.headers.get("Content-Type"), "application/json");
  EXPECT_EQ(response.headers.get("Cache-Control"), "no-store");
  EXPECT_EQ(response.headers.get("Pragma"), "no-cache");
  EXPECT_TRUE(response.headers.get("Strict-Transport-Security"));
  const auto json = as.json(response);
  EXPECT_EQ(json["token_type"].as_string(), "Bearer");
  EXPECT_EQ(json["expires_in"].as_int64(), 300);
  EXPECT_EQ(json["scope"].as_string(), "openid fhirUser offline_access launch/patient patient/Observation.rs");
  EXPECT_EQ(json["patient"].as_string(), "alice");
  EXPECT_EQ(json["need_patient_banner"].as_bool(), true);
  EXPECT_TRUE(json["refresh_token"].string_or().starts_with("mrt_"));
  EXPECT_TRUE(json["id_token"].is_string());
}

TEST(OidcCore_3_1_3_6, IdTokenIsRs256WithEverythingSmartNeeds) {
  AsHarness as;
  const auto json = as.tokens_for("app-basic", kScopes);
  const auto jws = jose::Jws::parse(*json["id_token"].as_string(), jose::kAllSignAlgs);
  ASSERT_TRUE(jws);
  EXPECT_EQ(jws->header().alg, jose::SignAlg::rs256);
  EXPECT_TRUE(jws->header().kid);
  const auto keys = jose::JwkSet::parse(std::string_view(as.get("/t/clinic/jwks").body));
  ASSERT_TRUE(keys);
  const auto verified = jws->verify(*keys);
  ASSERT_TRUE(verified);
  const auto claims = *jose::parse_claims(verified->payload());
  EXPECT_EQ(claims.iss, kIssuer);
  EXPECT_EQ(claims.sub, "u_alice");
  EXPECT_EQ(claims.aud, std::vector<std::string>{"app-basic"});
  EXPECT_EQ(claims.json["nonce"].as_string(), "n-123");
  EXPECT_EQ(claims.json["fhirUser"].as_string(), std::string(kFhir) + "/Patient/alice");
  EXPECT_EQ(claims.json["auth_time"].as_int64(), to_seconds(as.clock.now()) - 20);
  EXPECT_EQ(claims.json["at_hash"].as_string(),
            spec::oidc::half_hash(jose::SignAlg::rs256, *json["access_token"].as_string()));
}

TEST(Smart_1_13, NoRefreshTokenUnlessAccessIsOfflineOrOnline) {
  AsHarness as;
  EXPECT_FALSE(as.tokens_for("app-public", {"openid", "patient/*.rs"}).contains("refresh_token"));
  EXPECT_TRUE(as.tokens_for("app-public", {"openid", "online_access", "patient/*.rs"}).contains("refresh_token"));
}

TEST(Rfc9068_4, OpenidMissingMeansNoIdToken) {
  AsHarness as;
  EXPECT_FALSE(as.tokens_for("app-public", {"patient/*.rs"}).contains("id_token"));
}

TEST(Smart_1_9, AnEmptyGrantIsLegal) {
  AsHarness as;
  const auto json = as.tokens_for("app-public", {});
  EXPECT_EQ(json["scope"].as_string(), "");
}

// Smart 1.8: the decision table.
TEST(Smart_1_8, PkceDecisionTable) {
  AsHarness as;
  struct Row {
    std::string_view name;
    std::string verifier;
  };
  const auto probe = as.mint_code("app-public", kScopes);
  for (const auto& [name, verifier] : std::vector<Row>{{"missing", "-"},
                                                       {"blank", ""},
                                                       {"wrong", std::string(43, 'w')},
                                                       {"challenge", spec::oauth::s256_challenge(probe.verifier)},
                                                       {"short", "abc"},
                                                       {"long", std::string(129, 'a')},
                                                       {"charset", std::string(42, 'a') + "!"}}) {
    const auto code = as.mint_code("app-public", kScopes);
    auto form = as.code_form(code);
    form.add("client_id", "app-public");
    if (name == "challenge") {
      form.set("code_verifier", spec::oauth::s256_challenge(code.verifier));
    } else if (verifier == "-") {
      form.remove("code_verifier");
    } else {
      form.set("code_verifier", verifier);
    }
    EXPECT_EQ(as.verdict(as.token(form)), "400 invalid_grant") << name;
    // One guess: the right verifier comes too late.
    auto right = as.code_form(code);
    right.add("client_id", "app-public");
    EXPECT_EQ(as.verdict(as.token(right)), "400 invalid_grant") << name;
  }
}

// M-4.4.1.5
TEST(Rfc6749_4_1_3, M4_4_1_5_RedirectUriMustBeTheOneOfTheRequest) {
  AsHarness as;
  for (const char* uri : {"https://app.example.org/cb2", "https://app.example.org/cb/", ""}) {
    auto form = as.code_form(as.mint_code("app-public", kScopes));
    form.add("client_id", "app-public");
    form.set("redirect_uri", uri);
    EXPECT_EQ(as.verdict(as.token(form)), "400 invalid_grant") << uri;
  }
  // Left out at /authorize: may be left out here.
  std::string verifier(43, 'v');
  auto record = as.code_record("app-public", kScopes, verifier);
  record.request.redirect_uri_sent = false;
  auto form = as.code_form(as.store_code(record, verifier));
  form.add("client_id", "app-public").remove("redirect_uri");
  EXPECT_EQ(as.token(form).status, 200);
}

TEST(Rfc6749_4_1_2, CodesExpire) {
  AsHarness as;
  const auto code = as.mint_code("app-public", kScopes);
  as.clock.advance(limits::kCodeLifetime);
  auto form = as.code_form(code);
  form.add("client_id", "app-public");
  EXPECT_EQ(as.verdict(as.token(form)), "400 invalid_grant");
}

TEST(Rfc6749_4_1_2, ASecondUseKillsWhatTheFirstBrought) {
  AsHarness as;
  const auto code = as.mint_code("app-public", kScopes);
  const auto tokens = as.redeem("app-public", code);
  EXPECT_EQ(as.introspect(*tokens["access_token"].as_string())["active"].as_bool(), true);
  auto form = as.code_form(code);
  form.add("client_id", "app-public");
  EXPECT_EQ(as.verdict(as.token(form)), "400 invalid_grant");
  EXPECT_EQ(as.introspect(*tokens["access_token"].as_string()).dump(), R"({"active":false})");
  EXPECT_EQ(as.verdict(as.token({{"grant_type", "refresh_token"},
                                 {"refresh_token", std::string(*tokens["refresh_token"].as_string())},
                                 {"client_id", "app-public"}})),
            "400 invalid_grant");
  EXPECT_GE(as.audited(model::AuditKind::reuse_detected), 1U);
}

TEST(Rfc6749_4_1_2, ASecondUseAfterTheCodesOwnEndStillKills) {
  AsHarness as;
  const auto code = as.mint_code("app-public", kScopes);
  const auto tokens = as.redeem("app-public", code);
  as.clock.advance(std::chrono::seconds(45));
  auto form = as.code_form(code);
  form.add("client_id", "app-public");
  EXPECT_EQ(as.verdict(as.token(form)), "400 invalid_grant");
  EXPECT_EQ(as.introspect(*tokens["access_token"].as_string()).dump(), R"({"active":false})");
}

TEST(Smart_2_8, InvalidTokenRequests) {
  AsHarness as;
  EXPECT_EQ(as.verdict(as.token({{"grant_type", "authorization_code"},
                                 {"code", "BAD_CODE"},
                                 {"redirect_uri", std::string(kRedirectUri)},
                                 {"code_verifier", std::string(43, 'a')}},
                                {as.basic("app-basic")})),
            "400 invalid_grant");
  auto form = as.code_form(as.mint_code("app-public", kScopes));
  form.add("client_id", "BAD_CLIENT_ID");
  EXPECT_EQ(as.verdict(as.token(form)), "401 invalid_client");
}

TEST(Smart_2_3, UnknownGrantTypeIs400WhateverTheClient) {
  AsHarness as;
  EXPECT_EQ(as.verdict(as.token(as.with_assertion({{"grant_type", "not_a_grant_type"}}, as.backend_assertion()))),
            "400 unsupported_grant_type");
  EXPECT_EQ(as.verdict(as.token({{"grant_type", "password"}, {"username", "alice"}, {"password", "x"}})),
            "400 unsupported_grant_type");
  EXPECT_EQ(as.verdict(as.token({{"scope", "x"}})), "400 invalid_request");
}

TEST(Rfc6749_5_2, OtherClientsGrantTypesAreUnauthorized) {
  AsHarness as;
  EXPECT_EQ(as.verdict(as.token(
                as.with_assertion({{"grant_type", "authorization_code"}, {"code", "x"}}, as.backend_assertion()))),
            "400 unauthorized_client");
  EXPECT_EQ(as.verdict(as.token(
                {{"grant_type", "client_credentials"}, {"client_id", "app-public"}, {"scope", "system/*.rs"}})),
            "400 unauthorized_client");
}

TEST(Rfc6749_3_2, BodiesAreFormsWithoutDuplicates) {
  AsHarness as;
  const auto code = as.mint_code("app-public", kScopes);
  auto form = as.code_form(code);
  form.add("client_id", "app-public").add("code", code.text);
  EXPECT_EQ(as.verdict(as.token(form)), "400 invalid_request");
  const auto json = as.send(codec::Method::post, "/t/clinic/token", R"({"grant_type":"authorization_code"})",
                            {{"Content-Type", "application/json"}});
  EXPECT_EQ(as.verdict(json), "415 invalid_request");
  EXPECT_EQ(as.verdict(as.send(codec::Method::post, "/t/clinic/token", "grant_type=%zz",
                               {{"Content-Type", "application/x-www-form-urlencoded"}})),
            "400 invalid_request");
  // A parameter sent twice, once empty, is still a duplicate.
  EXPECT_EQ(as.verdict(as.send(codec::Method::post, "/t/clinic/token", "grant_type=authorization_code&grant_type=",
                               {{"Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"}})),
            "400 invalid_request");
}

// M-4.3.3: what stands in the URL does not count.
TEST(Rfc6749_2_3_1, M4_3_3_CredentialsInTheQueryAreIgnored) {
  AsHarness as;
  const auto code = as.mint_code("app-post", kScopes);
  auto form = as.code_form(code);
  form.add("client_id", "app-post");
  const auto response = as.send(codec::Method::post, "/t/clinic/token?client_secret=" + std::string(kSecret),
                                form.serialize(), {{"Content-Type", "application/x-www-form-urlencoded"}});
  EXPECT_EQ(as.verdict(response), "401 invalid_client");
}

TEST(Rfc6749_3_2, OnlyPost) {
  AsHarness as;
  for (const auto method : {codec::Method::get, codec::Method::head, codec::Method::put, codec::Method::del}) {
    const auto response = as.send(method, "/t/clinic/token");
    EXPECT_EQ(response.status, 405);
    EXPECT_EQ(response.headers.get("Allow"), "POST, OPTIONS");
  }
}

// B-2.x, RFC 8707
TEST(Rfc8707_2_2, TokenTimeResourceMustBeAuthorized) {
  AsHarness as;
  auto form = as.code_form(as.mint_code("app-public", kScopes));
  form.add("client_id", "app-public").add("resource", kLabs);
  EXPECT_EQ(as.verdict(as.token(form)), "400 invalid_target");
  auto record = as.code_record("app-public", kScopes, std::string(43, 'v'));
  record.request.resources = {std::string(kFhir), std::string(kLabs)};
  auto two = as.code_form(as.store_code(record, std::string(43, 'v')));
  two.add("client_id", "app-public").add("resource", kLabs);
  const auto json = as.json(as.token(two));
  EXPECT_EQ(as.introspect(*json["access_token"].as_string(), "labs")["aud"].as_string(), kLabs);
  EXPECT_EQ(as.introspect(*json["access_token"].as_string(), "fhir").dump(), R"({"active":false})");
}

TEST(Design_5, WrappedTokensTellNothingAndUnwrapByIntrospection) {
  AsHarness as;
  const auto json = as.tokens_for("app-public", kScopes);
  const auto token = *json["access_token"].as_string();
  const auto keys = *jose::JwkSet::parse(std::string_view(as.get("/t/clinic/jwks").body));
  const auto jwt = spec::oauth::read_wrapped_token(token, keys, kIssuer, kFhir, as.clock.now());
  ASSERT_TRUE(jwt);
  EXPECT_FALSE(jwt->claims.sub);
  EXPECT_FALSE(jwt->claims.json.contains("scope"));
  const auto inner = std::string(jwt->claims.json["opaque"].string_or());
  EXPECT_EQ(as.introspect(token).dump(), as.introspect(inner).dump());
  EXPECT_EQ(as.introspect(token)["sub"].as_string(), "u_alice");
}

// E-4: what changed between sign-in and redemption counts.
TEST(ThreatE4, E4_UserDisabledBetweenCodeAndToken) {
  AsHarness as;
  const auto code = as.mint_code("app-public", kScopes);
  auto alice = as.user_record("u_alice");
  alice.enabled = false;
  as.put(alice);
  auto form = as.code_form(code);
  form.add("client_id", "app-public");
  EXPECT_EQ(as.verdict(as.token(form)), "400 invalid_grant");
}

TEST(ThreatE4, E4_UserRevokedBetweenCodeAndToken) {
  AsHarness as;
  const auto code = as.mint_code("app-public", kScopes);
  as.clock.advance(std::chrono::seconds(1));
  ASSERT_TRUE(run_sync(as.store().revoke_user(as.issuer_id(), UserId("u_alice"), {as.event()}, as.clock.now())));
  as.tick();
  auto form = as.code_form(code);
  form.add("client_id", "app-public");
  EXPECT_EQ(as.verdict(as.token(form)), "400 invalid_grant");
}

TEST(ThreatE3, E3_ScopesTakenFromTheClientSinceAreNotIssued) {
  AsHarness as;
  const auto code = as.mint_code("app-public", {"openid", "patient/Observation.rs", "patient/Condition.rs"});
  auto client = as.client_record("app-public");
  client.scopes = {"openid", "patient/Observation.rs"};
  client.updated = as.clock.now() + std::chrono::seconds(1);
  as.put(client);
  EXPECT_EQ(as.redeem("app-public", code)["scope"].as_string(), "openid patient/Observation.rs");
}

TEST(Performance, CodeRedemptionIsOneReadAndOneCommit) {
  AsHarness as;
  (void)as.tokens_for("app-basic", kScopes);  // the person is known now
  const auto code = as.mint_code("app-basic", kScopes);
  const auto before = as.counters();
  (void)as.redeem("app-basic", code);
  EXPECT_EQ(as.counters().reads - before.reads, 1U);
  EXPECT_EQ(as.counters().commits - before.commits, 1U);
}

}  // namespace
}  // namespace mitral::testing
