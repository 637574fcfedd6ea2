// POST /introspect (RFC 7662, SMART App Launch 2.2 §1.18), POST /revoke (RFC 7009), GET/POST /userinfo (OpenID Connect
// Core §5.3).

#include "support/as_harness.h"

namespace mitral::testing {
namespace {

constexpr const char* kInactive = R"({"active":false})";
const std::vector<std::string> kScopes{"openid",         "profile",        "fhirUser",    "email",
                                       "offline_access", "launch/patient", "patient/*.rs"};

std::string access(const codec::Json& json) { return std::string(json["access_token"].string_or()); }
std::string refresh(const codec::Json& json) { return std::string(json["refresh_token"].string_or()); }

TEST(Smart_1_18, ActiveAnswerEqualsTheTokenResponse) {
  AsHarness as;
  const auto tokens = as.tokens_for("app-public", kScopes);
  const auto response = as.post("introspect", {{"token", access(tokens)}}, {as.basic("fhir")});
  EXPECT_EQ(response.headers.get("Cache-Control"), "no-store");
  const auto json = as.json(response);
  EXPECT_EQ(json["active"].as_bool(), true);
  EXPECT_EQ(json["scope"].as_string(), tokens["scope"].as_string());
  EXPECT_EQ(json["client_id"].as_string(), "app-public");
  EXPECT_EQ(json["exp"].as_int64(), to_seconds(as.clock.now()) + *tokens["expires_in"].as_int64());
  EXPECT_EQ(json["patient"].as_string(), tokens["patient"].as_string());
  EXPECT_EQ(json["need_patient_banner"].as_bool(), true);
  EXPECT_EQ(json["iss"].as_string(), kIssuer);
  EXPECT_EQ(json["sub"].as_string(), "u_alice");
  EXPECT_EQ(json["aud"].as_string(), kFhir);
  EXPECT_EQ(json["fhirUser"].as_string(), std::string(kFhir) + "/Patient/alice");
  EXPECT_EQ(json["token_type"].as_string(), "Bearer");
  EXPECT_TRUE(json["grant_id"].is_string());
  EXPECT_TRUE(json["jti"].is_string());
}

TEST(Rfc7662_2_2, GarbageIsInactiveAndNothingElse) {
  AsHarness as;
  const auto tokens = as.tokens_for("app-public", kScopes);
  for (const auto& text :
       {std::string("invalid_token"), std::string("mat_AAAA"), std::string("a.b.c"), access(tokens) + "x",
        refresh(tokens), std::string(*tokens["id_token"].as_string()), std::string(20'000, 'A')}) {
    EXPECT_EQ(as.introspect(text).dump(), kInactive);
  }
}

TEST(Rfc7662_2_1, CallersMustProveThemselves) {
  AsHarness as;
  const auto token = access(as.tokens_for("app-public", kScopes));
  EXPECT_EQ(as.verdict(as.post("introspect", {{"token", token}})), "401 invalid_client");
  EXPECT_EQ(as.verdict(as.post("introspect", {{"token", token}, {"client_id", "app-public"}})), "401 invalid_client");
  const auto bad = as.post("introspect", {{"token", token}}, {as.basic("fhir", "wrong")});
  EXPECT_EQ(as.verdict(bad), "401 invalid_client");
  EXPECT_TRUE(bad.headers.get("WWW-Authenticate").value_or("").starts_with("Basic"));
  EXPECT_EQ(as.verdict(as.post("introspect", {}, {as.basic("fhir")})), "400 invalid_request");
}

// E-1
TEST(ThreatE1, E1_OnlyItsOwnAudienceLearnsAnything) {
  AsHarness as;
  const auto token = access(as.tokens_for("app-basic", kScopes));
  EXPECT_EQ(as.introspect(token, "labs").dump(), kInactive);
  EXPECT_EQ(as.introspect(token, "api").dump(), kInactive);
  EXPECT_EQ(as.introspect(token, "app-basic")["active"].as_bool(), true);  // the client that holds it
  EXPECT_EQ(as.json(as.post("introspect",
                            {{"token", token}, {"client_id", "app-post"}, {"client_secret", std::string(kSecret)}}))
                .dump(),
            kInactive);
}

TEST(Rfc7662_2_2, ExpiredIsInactive) {
  AsHarness as;
  const auto token = access(as.tokens_for("app-public", kScopes));
  as.clock.advance(std::chrono::seconds(299));
  EXPECT_EQ(as.introspect(token)["active"].as_bool(), true);
  as.clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(as.introspect(token).dump(), kInactive);
}

TEST(Rfc7662, AnotherIssuersTokenIsInactive) {
  AsHarness as;
  AsHarness other({.issuer = "https://as.example.org/t/elsewhere"});
  const auto code = other.mint_code("app-public", kScopes);
  auto form = other.code_form(code);
  form.add("client_id", "app-public");
  const auto response = other.send(codec::Method::post, "/t/elsewhere/token", form.serialize(),
                                   {{"Content-Type", "application/x-www-form-urlencoded"}});
  ASSERT_EQ(response.status, 200);
  EXPECT_EQ(as.introspect(access(other.json(response))).dump(), kInactive);
}

TEST(Performance, IntrospectionNeverCommits) {
  AsHarness as;
  const auto token = access(as.tokens_for("app-public", kScopes));
  (void)as.introspect(token);
  const auto before = as.counters();
  EXPECT_EQ(as.introspect(token)["active"].as_bool(), true);
  EXPECT_EQ(as.counters().commits, before.commits);
  EXPECT_EQ(as.counters().reads - before.reads, 1U);  // find_grant, which other stores answer from memory
  EXPECT_EQ(as.metrics().introspections_active.value(), 2U);
}

TEST(Rfc7009_2, ARefreshTokenTakesTheWholeGrantAlong) {
  AsHarness as;
  const auto tokens = as.tokens_for("app-basic", kScopes);
  const auto response =
      as.post("revoke", {{"token", refresh(tokens)}, {"token_type_hint", "refresh_token"}}, {as.basic("app-basic")});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(as.introspect(access(tokens)).dump(), kInactive);
  EXPECT_EQ(as.verdict(as.token({{"grant_type", "refresh_token"}, {"refresh_token", refresh(tokens)}},
                                {as.basic("app-basic")})),
            "400 invalid_grant");
  EXPECT_EQ(as.audited(model::AuditKind::revocation), 1U);
}

TEST(Rfc7009_2, AnAccessTokenGoesAlone) {
  AsHarness as;
  const auto tokens = as.tokens_for("app-basic", kScopes);
  EXPECT_EQ(as.post("revoke", {{"token", access(tokens)}, {"token_type_hint", "no-such-hint"}}, {as.basic("app-basic")})
                .status,
            200);
  EXPECT_EQ(as.introspect(access(tokens)).dump(), kInactive);
  EXPECT_EQ(
      as.token({{"grant_type", "refresh_token"}, {"refresh_token", refresh(tokens)}}, {as.basic("app-basic")}).status,
      200);
}

TEST(Rfc7009_2_2, UnknownTokensAre200) {
  AsHarness as;
  for (const char* text : {"nonsense", "mat_AAAA", "a.b.c"}) {
    EXPECT_EQ(as.post("revoke", {{"token", text}}, {as.basic("app-basic")}).status, 200) << text;
  }
  EXPECT_EQ(as.post("revoke", {{"token", "x"}, {"client_id", "app-public"}}).status, 200);
  EXPECT_EQ(as.verdict(as.post("revoke", {}, {as.basic("app-basic")})), "400 invalid_request");
  EXPECT_EQ(as.verdict(as.post("revoke", {{"token", "x"}})), "401 invalid_client");
}

// E-2
TEST(ThreatE2, E2_ForeignTokensStayAlive) {
  AsHarness as;
  const auto tokens = as.tokens_for("app-basic", kScopes);
  for (const auto& token : {access(tokens), refresh(tokens)}) {
    EXPECT_EQ(as.verdict(as.post("revoke", {{"token", token}, {"client_id", "app-public"}})), "400 invalid_grant");
  }
  EXPECT_EQ(as.introspect(access(tokens))["active"].as_bool(), true);
}

TEST(OidcCore_5_3, UserInfoByHeaderAndBody) {
  AsHarness as;
  const auto tokens = as.tokens_for("app-public", kScopes);
  const auto response = as.get("/t/clinic/userinfo", {as.bearer(access(tokens))});
  ASSERT_EQ(response.status, 200) << response.body;
  const auto json = as.json(response);
  EXPECT_EQ(json["sub"].as_string(), "u_alice");
  EXPECT_EQ(json["name"].as_string(), "Alice Example");
  EXPECT_EQ(json["email"].as_string(), "alice@example.org");
  EXPECT_EQ(json["fhirUser"].as_string(), std::string(kFhir) + "/Patient/alice");
  EXPECT_EQ(as.post("userinfo", {{"access_token", access(tokens)}}).status, 200);
  EXPECT_EQ(
      as.send(codec::Method::post, "/t/clinic/userinfo", {}, {{"Authorization", "bEARER " + access(tokens)}}).status,
      200);
}

TEST(Rfc6750_3, UserInfoChallenges) {
  AsHarness as;
  const auto tokens = as.tokens_for("app-public", {"patient/*.rs"});
  auto response = as.get("/t/clinic/userinfo");
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(response.headers.get("WWW-Authenticate"), "Bearer realm=\"" + std::string(kIssuer) + "\"");
  response = as.get("/t/clinic/userinfo", {as.bearer("nonsense")});
  EXPECT_EQ(response.status, 401);
  EXPECT_NE(response.headers.get("WWW-Authenticate")->find("error=\"invalid_token\""), std::string_view::npos);
  // E-11: no openid, no answer.
  response = as.get("/t/clinic/userinfo", {as.bearer(access(tokens))});
  EXPECT_EQ(as.verdict(response), "403 insufficient_scope");
  // B-4.3: never in the URL.
  EXPECT_EQ(as.get("/t/clinic/userinfo?access_token=" + access(tokens)).status, 401);
  EXPECT_EQ(as.verdict(as.post("userinfo", {{"access_token", "x"}}, {as.bearer("x")})), "400 invalid_request");
}

TEST(OidcCore_5_3_1, ClaimsOnlyForTheirScopes) {
  AsHarness as;
  const auto tokens = as.tokens_for("app-public", {"openid"});
  EXPECT_EQ(as.get("/t/clinic/userinfo", {as.bearer(access(tokens))}).body, R"({"sub":"u_alice"})");
}

}  // namespace
}  // namespace mitral::testing
