// threats.md sections 1, 2 and 6 at the back channel: guessing, substitution, races, oracles.

#include <set>

#include "flow/refresh_token.h"
#include "support/as_harness.h"

namespace mitral::testing {
namespace {

const std::vector<std::string> kScopes{"openid", "offline_access", "patient/*.rs"};

// M-4.3.5
TEST(ThreatM4, M4_3_5_GuessingSecretsIsSlowedDown) {
  AsHarness as;
  std::set<std::string> bodies;
  int refused = 0;
  for (int i = 0; i < 50; ++i) {
    const auto response = as.post("revoke", {{"token", "x"}}, {as.basic("app-basic", "guess" + std::to_string(i))});
    if (response.status == 429) {
      ++refused;
      EXPECT_TRUE(response.headers.get("Retry-After"));
    } else {
      EXPECT_EQ(response.status, 401);
    }
    bodies.insert(response.body);
  }
  EXPECT_EQ(refused, 40);
  EXPECT_EQ(bodies.size(), 2U);
  // While it lasts the right secret tells nothing either.
  EXPECT_EQ(as.post("revoke", {{"token", "x"}}, {as.basic("app-basic")}).status, 429);
  // Other clients at that address, and this client elsewhere, are not touched.
  EXPECT_EQ(as.post("revoke", {{"token", "x"}, {"client_id", "app-public"}}).status, 200);
  as.clock.advance(limits::kThrottleMaxWait);
  EXPECT_EQ(as.post("revoke", {{"token", "x"}}, {as.basic("app-basic")}).status, 200);
}

TEST(ThreatM4, M4_3_5_UnknownAndKnownClientsLookAlike) {
  AsHarness as;
  const auto known = as.post("revoke", {{"token", "x"}}, {as.basic("app-basic", "wrong")});
  const auto unknown = as.post("revoke", {{"token", "x"}}, {as.basic("no-such-client", "wrong")});
  EXPECT_EQ(known.status, unknown.status);
  EXPECT_EQ(known.body, unknown.body);
  ASSERT_EQ(known.headers.list().size(), unknown.headers.list().size());
  for (std::size_t i = 0; i < known.headers.list().size(); ++i)
    EXPECT_EQ(known.headers.list()[i].value, unknown.headers.list()[i].value);
}

// M-4.1.4, M-4.4.3
TEST(ThreatM4, M4_4_3_NoPasswordGrantForAnybody) {
  AsHarness as;
  EXPECT_EQ(as.verdict(as.token({{"grant_type", "password"}, {"username", "alice"}, {"password", "correct horse"}},
                                {as.basic("app-basic")})),
            "400 unsupported_grant_type");
}

// M-4.4.1.7, M-4.4.1.13
TEST(ThreatM4, M4_4_1_7_AnotherClientsCodeIsRefusedAndBurned) {
  AsHarness as;
  const auto code = as.mint_code("app-basic", kScopes);
  auto stolen = as.code_form(code);
  stolen.add("client_id", "app-post").add("client_secret", kSecret);
  EXPECT_EQ(as.verdict(as.token(stolen)), "400 invalid_grant");
  EXPECT_EQ(as.verdict(as.token(as.code_form(code), {as.basic("app-basic")})), "400 invalid_grant");
}

// M-4.4.1.3, E-7
TEST(ThreatE7, E7_CodesAreOpaqueAndOfOneKind) {
  AsHarness as;
  const auto code = as.mint_code("app-public", kScopes);
  std::vector<std::string> wrong{
      "mac_" + std::string(43, 'A'), code.text + "A",     code.text.substr(0, code.text.size() - 1),
      "mlt_" + code.text.substr(4),  code.text.substr(4), " " + code.text};
  for (const auto& text : wrong) {
    auto form = as.code_form(code);
    form.set("code", text).add("client_id", "app-public");
    EXPECT_EQ(as.verdict(as.token(form)), "400 invalid_grant") << text;
  }
  // None of that used it up.
  auto right = as.code_form(code);
  right.add("client_id", "app-public");
  EXPECT_EQ(as.token(right).status, 200);
}

// B-4.5, B-4.8b
TEST(ThreatB4, B4_5_CodeInjectedIntoAnotherFlowFailsItsVerifier) {
  AsHarness as;
  const auto mine = as.mint_code("app-public", kScopes);
  const auto victims = as.mint_code("app-public", kScopes);
  auto form = as.code_form(victims);
  form.set("code_verifier", mine.verifier).add("client_id", "app-public");
  EXPECT_EQ(as.verdict(as.token(form)), "400 invalid_grant");
}

TEST(ThreatB4, B4_8b_VerifierWithoutStoredChallenge) {
  AsHarness as;
  auto record = as.code_record("app-public", kScopes, std::string(43, 'v'));
  record.request.code_challenge.clear();
  auto form = as.code_form(as.store_code(record, std::string(43, 'v')));
  form.add("client_id", "app-public");
  EXPECT_EQ(as.verdict(as.token(form)), "400 invalid_grant");
}

// B-4.14, E-20
TEST(ThreatB4, B4_14_ManyUsesOfOneRefreshTokenNeverMakeTwoFamilies) {
  AsHarness as;
  const auto tokens = as.tokens_for("app-public", kScopes);
  std::set<std::string> next;
  for (int i = 0; i < 20; ++i) {
    const auto response = as.token({{"grant_type", "refresh_token"},
                                    {"refresh_token", std::string(*tokens["refresh_token"].as_string())},
                                    {"client_id", "app-public"}});
    if (response.status == 200) next.insert(std::string(as.json(response)["refresh_token"].string_or()));
  }
  EXPECT_EQ(next.size(), 1U);
}

TEST(ThreatE20, E20_ParallelRedemptionsOfOneCode) {
  AsHarness as;
  const auto code = as.mint_code("app-public", kScopes);
  int won = 0;
  std::string token;
  for (int i = 0; i < 50; ++i) {
    auto form = as.code_form(code);
    form.add("client_id", "app-public");
    const auto response = as.token(form);
    if (response.status == 200) {
      ++won;
      token = as.json(response)["access_token"].string_or();
    }
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(as.introspect(token).dump(), R"({"active":false})");
}

// B-4.15
TEST(ThreatB4, B4_15_MachineTokensAreNotUsers) {
  AsHarness as;
  const auto json = as.json(as.token(as.with_assertion(
      {{"grant_type", "client_credentials"}, {"scope", "system/Patient.rs"}}, as.backend_assertion())));
  const auto token = std::string(json["access_token"].string_or());
  const auto facts = as.introspect(token);
  EXPECT_FALSE(facts.contains("fhirUser"));
  EXPECT_FALSE(facts.contains("grant_id"));
  EXPECT_FALSE(facts.contains("patient"));
  EXPECT_EQ(as.verdict(as.get("/t/clinic/userinfo", {as.bearer(token)})), "403 insufficient_scope");
}

// M-4.5: tokens of one issuer mean nothing at another.
TEST(ThreatM4, M4_5_RefreshTokensOfAnotherIssuer) {
  AsHarness as;
  AsHarness other({.issuer = "https://as.example.org/t/elsewhere"});
  const auto foreign = other.issuer().refresh_tokens().make(Id128{{1}}, 1);
  EXPECT_EQ(
      as.verdict(as.token({{"grant_type", "refresh_token"}, {"refresh_token", foreign}}, {as.basic("app-basic")})),
      "400 invalid_grant");
}

// M-4.3.2, M-4.5.2: what is stored can't be used.
TEST(ThreatM4, M4_3_2_NoTokenOrCodeInTheAuditRecord) {
  AsHarness as;
  const auto code = as.mint_code("app-basic", kScopes);
  const auto tokens = as.redeem("app-basic", code);
  (void)as.token(as.code_form(code), {as.basic("app-basic")});
  (void)as.token(
      {{"grant_type", "refresh_token"}, {"refresh_token", std::string(*tokens["refresh_token"].as_string())}},
      {as.basic("app-basic", "bad-secret-canary")});
  std::string all;
  for (const auto& record : as.audit()) all += audit::canonical(record.event);
  for (const auto& secret :
       {code.text, code.verifier, std::string(*tokens["access_token"].as_string()),
        std::string(*tokens["refresh_token"].as_string()), std::string(*tokens["id_token"].as_string()),
        std::string("bad-secret-canary"), std::string(kSecret)}) {
    EXPECT_EQ(all.find(secret), std::string::npos);
  }
  EXPECT_NE(all.find("code_redeemed"), std::string::npos);
  EXPECT_NE(all.find("token_issued"), std::string::npos);
  EXPECT_NE(all.find("denial"), std::string::npos);
}

// M-4.6.5: a resource server that is compromised can't use a token elsewhere.
TEST(ThreatM4, M4_6_5_TokensHaveOneAudience) {
  AsHarness as;
  auto record = as.code_record("app-public", kScopes, std::string(43, 'v'));
  record.request.resources = {std::string(kFhir), std::string(kLabs)};
  auto form = as.code_form(as.store_code(record, std::string(43, 'v')));
  form.add("client_id", "app-public").add("resource", kFhir).add("resource", kLabs);
  EXPECT_EQ(as.verdict(as.token(form)), "400 invalid_target");
  auto again = as.code_form(as.store_code(record, std::string(43, 'v')));
  again.add("client_id", "app-public");
  const auto token = std::string(as.json(as.token(again))["access_token"].string_or());
  EXPECT_EQ(as.introspect(token, "fhir")["aud"].as_string(), kFhir);
  EXPECT_EQ(as.introspect(token, "labs").dump(), R"({"active":false})");
}

// W-28, and nothing is ever reflected.
TEST(ThreatW28, W28_ErrorsReflectNothing) {
  AsHarness as;
  const std::string canary = "<script>canary";
  for (const char* name :
       {"grant_type", "client_id", "scope", "code", "redirect_uri", "refresh_token", "token", "resource", "state"}) {
    for (const char* endpoint : {"token", "par", "introspect", "revoke", "launch", "revocations"}) {
      codec::Form form{{"grant_type", "authorization_code"}, {"client_id", "app-public"}};
      form.set(name, canary);
      const auto response = as.post(endpoint, form);
      EXPECT_LT(response.status, 500) << endpoint << " " << name;
      EXPECT_EQ(response.body.find("canary"), std::string::npos) << endpoint << " " << name;
      for (const auto& header : response.headers.list()) EXPECT_EQ(header.value.find("canary"), std::string::npos);
    }
  }
}

// E-2, W-21: a store that can't say is 503, and nothing has happened.
TEST(ThreatE2, E2_StoreFailuresAre503AndChangeNothing) {
  AsHarness as;
  const auto tokens = as.tokens_for("app-basic", kScopes);
  const auto access = std::string(tokens["access_token"].string_or());
  const auto refresh = std::string(tokens["refresh_token"].string_or());
  const auto code = as.mint_code("app-basic", kScopes);
  const codec::Form refresh_form{{"grant_type", "refresh_token"}, {"refresh_token", refresh}};
  const codec::Form machine{
      {"grant_type", "client_credentials"}, {"scope", "jobs.run"}, {"resource", std::string(kApi)}};
  const auto expect_503 = [&](const codec::Response& response) {
    EXPECT_EQ(as.verdict(response), "503 temporarily_unavailable");
    EXPECT_TRUE(response.headers.get("Retry-After"));
    EXPECT_EQ(response.body.find("mat_"), std::string::npos);
    EXPECT_EQ(response.body.find("eyJ"), std::string::npos);
  };
  as.faults().writes_fail = true;
  expect_503(as.post("revoke", {{"token", refresh}}, {as.basic("app-basic")}));
  expect_503(as.post("revoke", {{"token", access}}, {as.basic("app-basic")}));
  expect_503(as.token(as.code_form(code), {as.basic("app-basic")}));
  expect_503(as.token(refresh_form, {as.basic("app-basic")}));
  expect_503(as.token(machine, {as.basic("backend-basic")}));
  expect_503(as.token(as.with_assertion(machine, as.backend_assertion())));
  // A denial that can't be recorded is not told either.
  expect_503(as.post("revoke", {{"token", "x"}}, {as.basic("app-basic", "wrong")}));
  as.faults().reads_fail = true;
  expect_503(as.post("introspect", {{"token", access}}, {as.basic("fhir")}));
  expect_503(as.get("/t/clinic/userinfo", {as.bearer(access)}));
  as.faults().writes_fail = as.faults().reads_fail = false;
  EXPECT_EQ(as.introspect(access)["active"].as_bool(), true);
  EXPECT_EQ(as.token(refresh_form, {as.basic("app-basic")}).status, 200);
  EXPECT_EQ(as.token(as.code_form(code), {as.basic("app-basic")}).status, 200);
}

// M-4.4.1.11
TEST(ThreatM4, M4_4_1_11_PushedRequestsOfPublicClientsAreLimited) {
  AsHarness as;
  codec::Form form{{"response_type", "code"},
                   {"client_id", "app-public"},
                   {"redirect_uri", std::string(kRedirectUri)},
                   {"scope", "openid"},
                   {"code_challenge", spec::oauth::s256_challenge(std::string(43, 'v'))},
                   {"code_challenge_method", "S256"}};
  int stored = 0;
  for (int i = 0; i < 300; ++i) {
    const auto response = as.post("par", form);
    if (response.status == 201) {
      ++stored;
    } else {
      EXPECT_EQ(response.status, 429);
      EXPECT_TRUE(response.headers.get("Retry-After"));
    }
  }
  EXPECT_EQ(stored, 200);
  as.clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(as.post("par", form).status, 201);
}

// E-4: offline access taken from the client.
TEST(ThreatE4, E4_ClientThatMayNoLongerActOffline) {
  AsHarness as;
  const auto tokens = as.tokens_for("app-basic", kScopes);
  auto client = as.client_record("app-basic");
  client.offline_allowed = false;
  as.put(client);
  EXPECT_EQ(as.verdict(as.token(
                {{"grant_type", "refresh_token"}, {"refresh_token", std::string(tokens["refresh_token"].string_or())}},
                {as.basic("app-basic")})),
            "400 invalid_grant");
}

TEST(ThreatW21, W21_ClosedProfileMeansNothingIsAllowed) {
  AsHarness as;
  auto client = as.client_record("app-public");
  client.profile = "no-such-profile";
  as.put(client);
  auto form = as.code_form(as.mint_code("app-public", kScopes));
  form.add("client_id", "app-public");
  EXPECT_EQ(as.verdict(as.token(form)), "401 invalid_client");
}

}  // namespace
}  // namespace mitral::testing
