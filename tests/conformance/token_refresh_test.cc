// POST /token with refresh_token: RFC 6749 §6, RFC 9700 §4.14, SMART App Launch 2.2 §1.13.

#include "support/as_harness.h"

namespace mitral::testing {
namespace {

const std::vector<std::string> kScopes{"openid", "offline_access", "patient/Observation.rs", "patient/Condition.rs"};

codec::Form refresh(std::string_view token, std::string_view scope = {}) {
  codec::Form form{{"grant_type", "refresh_token"}, {"refresh_token", std::string(token)}};
  if (!scope.empty()) form.add("scope", scope);
  return form;
}
std::string refresh_token(const codec::Json& json) { return std::string(json["refresh_token"].string_or()); }

TEST(Rfc6749_6, ConfidentialClientsKeepTheirToken) {
  AsHarness as;
  const auto first = as.tokens_for("app-basic", kScopes);
  as.clock.advance(std::chrono::seconds(10));
  const auto response = as.token(refresh(refresh_token(first)), {as.basic("app-basic")});
  ASSERT_EQ(response.status, 200) << response.body;
  const auto second = as.json(response);
  EXPECT_EQ(refresh_token(second), refresh_token(first));
  EXPECT_NE(second["access_token"].as_string(), first["access_token"].as_string());
  EXPECT_EQ(second["scope"].as_string(), first["scope"].as_string());
  EXPECT_EQ(second["patient"].as_string(), "alice");
  EXPECT_TRUE(second["expires_in"].as_int64());
  EXPECT_EQ(response.headers.get("Cache-Control"), "no-store");
}

TEST(OidcCore_12_2, ANewIdTokenForWhoRegisteredForIt) {
  AsHarness as;
  const auto plain = as.tokens_for("app-basic", kScopes);
  EXPECT_FALSE(as.json(as.token(refresh(refresh_token(plain)), {as.basic("app-basic")})).contains("id_token"));

  auto client = as.client_record("app-basic");
  client.id_token_alg = "ES256";
  client.id_token_at_refresh = true;
  as.put(client);
  const auto first = as.tokens_for("app-basic", kScopes);
  as.clock.advance(std::chrono::seconds(10));
  const auto second = as.json(as.token(refresh(refresh_token(first)), {as.basic("app-basic")}));
  const auto claims = [](const codec::Json& tokens) {
    const auto jws = jose::Jws::parse(tokens["id_token"].string_or(), jose::kAllSignAlgs);
    EXPECT_TRUE(jws);
    EXPECT_EQ(jws->header().alg, jose::SignAlg::es256);
    return *codec::Json::parse_object(jws->unverified_payload());
  };
  const auto before = claims(first), after = claims(second);
  for (const auto* same : {"iss", "sub", "aud", "auth_time"})
    EXPECT_EQ(before[same].dump(), after[same].dump()) << same;
  EXPECT_GT(*after["iat"].as_int64(), *before["iat"].as_int64());
  EXPECT_FALSE(after.contains("nonce")) << "it belongs to the authorization request";
  // Narrowed to scopes without openid, there is nothing to tell about the person.
  const auto narrow = as.json(as.token(refresh(refresh_token(first), kScopes[2]), {as.basic("app-basic")}));
  EXPECT_FALSE(narrow.contains("id_token"));
}

TEST(OidcRegistration_2, AnAlgorithmThatNobodyHasFallsBackToOneThatSigns) {
  AsHarness as;
  auto client = as.client_record("app-basic");
  client.id_token_alg = "HS256";
  as.put(client);
  const auto tokens = as.tokens_for("app-basic", kScopes);
  const auto jws = jose::Jws::parse(tokens["id_token"].string_or(), jose::kAllSignAlgs);
  ASSERT_TRUE(jws);
  EXPECT_EQ(jws->header().alg, jose::SignAlg::rs256);
}

TEST(Rfc9700_4_14_2, PublicClientsRotateAndReuseKillsTheFamily) {
  AsHarness as;
  const auto first = as.tokens_for("app-public", kScopes);
  const auto second = as.json(as.token(refresh(refresh_token(first)).add("client_id", "app-public")));
  EXPECT_NE(refresh_token(second), refresh_token(first));
  // A lost answer: within the short window the old token gets the same new one again.
  const auto again = as.json(as.token(refresh(refresh_token(first)).add("client_id", "app-public")));
  EXPECT_EQ(refresh_token(again), refresh_token(second));
  as.clock.advance(std::chrono::seconds(11));
  EXPECT_EQ(as.verdict(as.token(refresh(refresh_token(first)).add("client_id", "app-public"))), "400 invalid_grant");
  EXPECT_EQ(as.verdict(as.token(refresh(refresh_token(second)).add("client_id", "app-public"))), "400 invalid_grant");
  EXPECT_EQ(as.introspect(*second["access_token"].as_string()).dump(), R"({"active":false})");
  EXPECT_GE(as.audited(model::AuditKind::reuse_detected), 1U);
}

TEST(Smart_1_13, PublicClientsMayLeaveClientIdOut) {
  AsHarness as;
  const auto first = as.tokens_for("app-public", kScopes);
  EXPECT_EQ(as.token(refresh(refresh_token(first))).status, 200);
  // Confidential ones may not: the token alone proves nothing about them.
  const auto confidential = as.tokens_for("app-basic", kScopes);
  EXPECT_EQ(as.verdict(as.token(refresh(refresh_token(confidential)))), "401 invalid_client");
  EXPECT_EQ(as.verdict(as.token(refresh("mrt_" + std::string(59, 'A')))), "400 invalid_grant");
}

TEST(Smart_2_3, TheSameScopesInAnyOrderPass) {
  AsHarness as;
  const auto first = as.tokens_for("app-basic", kScopes);
  const auto response =
      as.token(refresh(refresh_token(first), "patient/Condition.rs patient/Observation.rs offline_access openid"),
               {as.basic("app-basic")});
  EXPECT_EQ(response.status, 200) << response.body;
}

TEST(Rfc6749_6, NarrowerScopesNarrowTheTokenButNotTheGrant) {
  AsHarness as;
  const auto first = as.tokens_for("app-basic", kScopes);
  const auto narrow =
      as.json(as.token(refresh(refresh_token(first), "patient/Observation.rs"), {as.basic("app-basic")}));
  EXPECT_EQ(narrow["scope"].as_string(), "patient/Observation.rs");
  EXPECT_EQ(as.introspect(*narrow["access_token"].as_string())["scope"].as_string(), "patient/Observation.rs");
  // Narrower in meaning, in words that the grant does not have.
  const auto letter =
      as.json(as.token(refresh(refresh_token(first), "patient/Observation.r openid"), {as.basic("app-basic")}));
  EXPECT_EQ(as.introspect(*letter["access_token"].as_string())["scope"].as_string(), "patient/Observation.r openid");
  const auto whole = as.json(as.token(refresh(refresh_token(narrow)), {as.basic("app-basic")}));
  EXPECT_EQ(whole["scope"].as_string(), first["scope"].as_string());
}

TEST(ThreatE3, E3_WiderScopesAndOtherResourcesAreRefused) {
  AsHarness as;
  const auto first = as.tokens_for("app-basic", kScopes);
  for (const char* scope : {"patient/*.rs", "patient/Observation.cruds", "user/Observation.rs", "fhirUser",
                            "patient/Observation.rs launch"}) {
    EXPECT_EQ(as.verdict(as.token(refresh(refresh_token(first), scope), {as.basic("app-basic")})), "400 invalid_scope")
        << scope;
  }
  EXPECT_EQ(as.verdict(as.token(refresh(refresh_token(first)).add("resource", kLabs), {as.basic("app-basic")})),
            "400 invalid_target");
}

// M-4.1.2
TEST(ThreatM4, M4_1_2_RefreshTokensAreBoundToTheirClient) {
  AsHarness as;
  const auto first = as.tokens_for("app-basic", kScopes);
  EXPECT_EQ(
      as.verdict(as.token(refresh(refresh_token(first)).add("client_id", "app-post").add("client_secret", kSecret))),
      "400 invalid_grant");
  EXPECT_EQ(as.verdict(as.token(refresh(refresh_token(first)).add("client_id", "app-public"))), "400 invalid_grant");
}

TEST(ThreatE4, E4_EachRefreshLooksAgain) {
  {
    AsHarness as;
    const auto tokens = as.tokens_for("app-basic", kScopes);
    auto alice = as.user_record("u_alice");
    alice.enabled = false;
    as.put(alice);
    EXPECT_EQ(as.verdict(as.token(refresh(refresh_token(tokens)), {as.basic("app-basic")})), "400 invalid_grant");
    EXPECT_EQ(as.introspect(*tokens["access_token"].as_string()).dump(), R"({"active":false})");
  }
  {
    AsHarness as;
    const auto tokens = as.tokens_for("app-basic", kScopes);
    auto client = as.client_record("app-basic");
    client.enabled = false;
    as.put(client);
    EXPECT_EQ(as.verdict(as.token(refresh(refresh_token(tokens)), {as.basic("app-basic")})), "401 invalid_client");
    EXPECT_EQ(as.introspect(*tokens["access_token"].as_string()).dump(), R"({"active":false})");
  }
  {
    AsHarness as;
    const auto tokens = as.tokens_for("app-basic", kScopes);
    as.clock.advance(std::chrono::seconds(1));
    ASSERT_TRUE(
        run_sync(as.store().revoke_client(as.issuer_id(), ClientId("app-basic"), {as.event()}, as.clock.now())));
    EXPECT_EQ(as.verdict(as.token(refresh(refresh_token(tokens)), {as.basic("app-basic")})), "400 invalid_grant");
  }
  {
    AsHarness as;
    const auto tokens = as.tokens_for("app-basic", kScopes);
    as.clock.advance(std::chrono::seconds(1));
    ASSERT_TRUE(run_sync(as.store().revoke_user(as.issuer_id(), UserId("u_alice"), {as.event()}, as.clock.now())));
    as.tick();
    EXPECT_EQ(as.verdict(as.token(refresh(refresh_token(tokens)), {as.basic("app-basic")})), "400 invalid_grant");
  }
}

TEST(Smart_1_13, OnlineAccessEndsWithTheSession) {
  AsHarness as;
  model::Session session;
  session.id_hash = Hash256{9};
  session.issuer = as.issuer_id();
  session.user = UserId("u_alice");
  session.sid = Id128::random(as.random);
  session.auth_time = session.created = session.last_seen = as.clock.now();
  session.expires = as.clock.now() + limits::kSessionAbsolute;
  ASSERT_TRUE(run_sync(as.store().put_session(session, std::nullopt, {as.event()})));
  auto mint = [&](const char* access) {
    auto record = as.code_record("app-basic", {"patient/*.rs", access}, std::string(43, 'v'));
    record.sid = session.sid;
    return as.store_code(record, std::string(43, 'v'));
  };
  const auto online = as.redeem("app-basic", mint("online_access"));
  const auto offline = as.redeem("app-basic", mint("offline_access"));
  const auto late = mint("online_access");  // not redeemed yet when the session ends
  ASSERT_TRUE(run_sync(as.store().end_session(as.issuer_id(), session.id_hash, {as.event()}, as.clock.now())));
  as.tick();
  EXPECT_EQ(as.verdict(as.token(refresh(refresh_token(online)), {as.basic("app-basic")})), "400 invalid_grant");
  EXPECT_EQ(as.token(refresh(refresh_token(offline)), {as.basic("app-basic")}).status, 200);
  EXPECT_EQ(as.verdict(as.token(as.code_form(late), {as.basic("app-basic")})), "400 invalid_grant");
}

TEST(Smart_1_13, ThreeMonthsThatEveryUseRenews) {
  AsHarness as;
  auto tokens = as.tokens_for("app-basic", kScopes);
  for (int quarter = 0; quarter < 4; ++quarter) {
    as.clock.advance(std::chrono::hours(24 * 92));
    const auto response = as.token(refresh(refresh_token(tokens)), {as.basic("app-basic")});
    ASSERT_EQ(response.status, 200) << quarter;
    tokens = as.json(response);
  }
  as.clock.advance(std::chrono::hours(24 * 101));
  EXPECT_EQ(as.verdict(as.token(refresh(refresh_token(tokens)), {as.basic("app-basic")})), "400 invalid_grant");
}

TEST(Rfc6749_6, GarbageIsInvalidGrant) {
  AsHarness as;
  for (const char* text : {"x", "mrt_", "mac_AAAA", "mat_AAAA"}) {
    EXPECT_EQ(as.verdict(as.token(refresh(text), {as.basic("app-basic")})), "400 invalid_grant") << text;
  }
  EXPECT_EQ(as.verdict(as.token({{"grant_type", "refresh_token"}}, {as.basic("app-basic")})), "400 invalid_request");
}

TEST(Performance, RefreshIsOneCommit) {
  AsHarness as;
  const auto tokens = as.tokens_for("app-basic", kScopes);
  const auto before = as.counters();
  ASSERT_EQ(as.token(refresh(refresh_token(tokens)), {as.basic("app-basic")}).status, 200);
  EXPECT_EQ(as.counters().commits - before.commits, 1U);
  EXPECT_EQ(as.counters().reads - before.reads, 1U);  // find_grant, which other stores answer from memory
}

}  // namespace
}  // namespace mitral::testing
