// POST /par (RFC 9126), discovery (RFC 8414, OpenID Connect Discovery, SMART), JWKS and keys, CORS, the revocation
// feed.

#include "support/as_harness.h"

namespace mitral::testing {
namespace {

using codec::Method;

codec::Form request() {
  return {{"response_type", "code"},
          {"client_id", "app-public"},
          {"redirect_uri", std::string(kRedirectUri)},
          {"scope", "openid launch/patient patient/*.rs"},
          {"state", "xyz"},
          {"aud", std::string(kFhir)},
          {"code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"},
          {"code_challenge_method", "S256"}};
}
codec::Form with(std::string_view name, std::string_view value) {
  auto form = request();
  form.set(name, value);
  return form;
}

TEST(Rfc9126_2_2, PushedRequestsAre201) {
  AsHarness as;
  const auto response = as.post("par", request());
  ASSERT_EQ(response.status, 201) << response.body;
  const auto json = as.json(response);
  const auto uri = *json["request_uri"].as_string();
  EXPECT_TRUE(uri.starts_with("urn:ietf:params:oauth:request_uri:"));
  EXPECT_EQ(json["expires_in"].as_int64(), 90);
  EXPECT_EQ(response.headers.get("Cache-Control"), "no-store");
  const auto kept = run_sync(as.store().find_pushed_request(
      as.issuer_id(), *flow::stored_handle(uri, flow::kRequestUriPrefix), as.clock.now()));
  ASSERT_TRUE(kept && *kept);
  EXPECT_EQ((*kept)->client.value, "app-public");
}

TEST(Rfc9126_2_1, RejectsWhatAuthorizeWouldReject) {
  AsHarness as;
  EXPECT_EQ(as.verdict(as.post("par", with("request_uri", "urn:x"))), "400 invalid_request");
  EXPECT_EQ(as.verdict(as.post("par", with("request", "a.b.c"))), "400 request_not_supported");
  EXPECT_EQ(as.verdict(as.post("par", with("redirect_uri", "https://evil.example/cb"))), "400 invalid_request");
  EXPECT_EQ(as.verdict(as.post("par", with("code_challenge_method", "plain"))), "400 invalid_request");
  EXPECT_EQ(as.verdict(as.post("par", with("response_type", "token"))), "400 unsupported_response_type");
  EXPECT_EQ(as.verdict(as.post("par", with("scope", "system/*.rs"))), "400 invalid_scope");
  EXPECT_EQ(as.verdict(as.post("par", with("aud", "https://evil.example/fhir"))), "400 invalid_request");
  EXPECT_EQ(as.verdict(as.post("par", with("response_mode", "web_message"))), "400 invalid_request");  // B-4.17
  auto no_aud = request();
  no_aud.remove("aud");
  EXPECT_EQ(as.verdict(as.post("par", no_aud)), "400 invalid_request");
  auto twice = request();
  twice.add("scope", "openid");
  EXPECT_EQ(as.verdict(as.post("par", twice)), "400 invalid_request");
}

TEST(Rfc9126_2, ConfidentialClientsMustProveThemselves) {
  AsHarness as;
  auto form = with("client_id", "app-basic");
  EXPECT_EQ(as.verdict(as.post("par", form)), "401 invalid_client");
  EXPECT_EQ(as.post("par", form, {as.basic("app-basic")}).status, 201);
  form.set("client_id", "app-post");
  EXPECT_EQ(as.verdict(as.post("par", form, {as.basic("app-basic")})), "401 invalid_client");
  EXPECT_EQ(as.send(Method::put, "/t/clinic/par").status, 405);
}

TEST(Rfc8414_3, DocumentsAgree) {
  AsHarness as;
  const auto oauth = as.json(as.get("/.well-known/oauth-authorization-server/t/clinic"));
  const auto oidc = as.json(as.get("/t/clinic/.well-known/openid-configuration"));
  const auto inserted = as.json(as.get("/.well-known/openid-configuration/t/clinic"));
  const auto smart = as.json(as.get("/t/clinic/.well-known/smart-configuration"));
  EXPECT_EQ(oauth["issuer"].as_string(), kIssuer);
  EXPECT_EQ(oidc.dump(), inserted.dump());
  for (const auto& [key, value] : oauth.members()) EXPECT_EQ(oidc[key].dump(), value.dump()) << key;
  for (const auto& [key, value] : smart.members()) {
    if (oidc.contains(key)) {
      EXPECT_EQ(oidc[key].dump(), value.dump()) << key;
    }
  }
  for (const auto& [key, value] : oidc.members()) {
    if (value.is_array()) {
      EXPECT_FALSE(value.empty()) << key;
    }
    if (key.ends_with("_endpoint") || key == "jwks_uri") {
      EXPECT_TRUE(value.string_or().starts_with(std::string(kIssuer) + "/")) << key;
    }
  }
  EXPECT_EQ(as.get("/.well-known/oauth-authorization-server").status, 404);
  EXPECT_EQ(as.get("/.well-known/oauth-authorization-server/t/clinic/").status, 404);
}

TEST(OidcDiscovery_3, WhatClientsAndInfernoLookFor) {
  AsHarness as;
  const auto response = as.get("/t/clinic/.well-known/openid-configuration");
  EXPECT_EQ(response.headers.get("Content-Type"), "application/json");
  EXPECT_EQ(response.headers.get("Access-Control-Allow-Origin"), "*");
  const auto json = as.json(response);
  const auto has = [&](const char* key, std::string_view value) {
    const auto items = json[key].items();
    return std::any_of(items.begin(), items.end(), [&](const auto& item) { return item.as_string() == value; });
  };
  EXPECT_TRUE(has("id_token_signing_alg_values_supported", "RS256"));
  EXPECT_TRUE(has("scopes_supported", "openid"));
  EXPECT_TRUE(has("token_endpoint_auth_signing_alg_values_supported", "RS384"));
  EXPECT_TRUE(has("token_endpoint_auth_signing_alg_values_supported", "ES384"));
  EXPECT_FALSE(has("token_endpoint_auth_signing_alg_values_supported", "none"));
  EXPECT_TRUE(has("response_modes_supported", "form_post"));
  EXPECT_EQ(json["code_challenge_methods_supported"].dump(), R"(["S256"])");
  EXPECT_EQ(json["authorization_response_iss_parameter_supported"].as_bool(), true);
  EXPECT_EQ(json["request_uri_parameter_supported"].as_bool(), false);
  EXPECT_TRUE(has("protected_resources", kFhir));
}

TEST(Smart_1_1, ConfigurationDocument) {
  AsHarness as;
  const auto response = as.get("/t/clinic/.well-known/smart-configuration", {{"Accept", "application/fhir+json"}});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.get("Content-Type"), "application/json");
  const auto json = as.json(response);
  EXPECT_EQ(json["issuer"].as_string(), kIssuer);
  EXPECT_TRUE(json["capabilities"].is_array());
  EXPECT_TRUE(json["grant_types_supported"].dump().find("client_credentials") != std::string::npos);
}

TEST(ThreatW3, W3_MetadataComesFromConfigurationNotFromTheRequest) {
  AsHarness as;
  const auto json = as.get(
      "/t/clinic/.well-known/openid-configuration",
      {{"X-Forwarded-Host", "evil.example"}, {"Forwarded", "host=evil.example"}, {"X-Forwarded-Prefix", "/evil"}});
  EXPECT_EQ(json.body.find("evil"), std::string::npos);
}

TEST(ThreatW2, W2_ForeignHostsAre421) {
  AsHarness as;
  codec::Request request_;
  request_.method = Method::get;
  request_.set_target("/t/clinic/jwks");
  request_.headers.add("Host", "evil.example");
  EXPECT_EQ(run_sync(as.server().handle(std::move(request_))).status, 421);
}

TEST(ThreatW17, W17_ExactRoutesAndMethods) {
  AsHarness as;
  EXPECT_EQ(as.get("/t/clinic/jwks").status, 200);
  EXPECT_EQ(as.send(Method::head, "/t/clinic/jwks").status, 200);
  for (const char* path : {"/t/clinic/jwks/", "/t/clinic//jwks", "/t/clinic/JWKS", "/t/clinic/%6awks", "/jwks",
                           "/t/none/jwks", "/t/clinicjwks", "/t/clinic/interaction/"}) {
    EXPECT_EQ(as.get(path).status, 404) << path;
  }
  EXPECT_EQ(as.send(Method::post, "/t/clinic/jwks").status, 405);
  EXPECT_EQ(as.send(Method::other, "/t/clinic/token").status, 405);
  EXPECT_EQ(as.send(Method::head, "/t/clinic/authorize").status, 405);
  EXPECT_EQ(as.send(Method::post, "/t/clinic/jwks", {}, {{"X-HTTP-Method-Override", "GET"}}).status, 405);
}

TEST(Smart_1_3, CorsForRegisteredOriginsOnly) {
  AsHarness as;
  const codec::Header origin{"Origin", std::string(kOrigin)};
  const codec::Header foreign{"Origin", "https://evil.example"};
  // Errors must be readable too.
  auto response =
      as.token({{"grant_type", "refresh_token"}, {"refresh_token", "x"}, {"client_id", "app-public"}}, {origin});
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.headers.get("Access-Control-Allow-Origin"), kOrigin);
  EXPECT_EQ(response.headers.get("Vary"), "Origin");
  EXPECT_FALSE(response.headers.get("Access-Control-Allow-Credentials"));
  response =
      as.token({{"grant_type", "refresh_token"}, {"refresh_token", "x"}, {"client_id", "app-public"}}, {foreign});
  EXPECT_FALSE(response.headers.get("Access-Control-Allow-Origin"));
  response = as.send(Method::options, "/t/clinic/token", {}, {origin, {"Access-Control-Request-Method", "POST"}});
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(response.headers.get("Access-Control-Allow-Origin"), kOrigin);
  EXPECT_NE(response.headers.get("Access-Control-Allow-Headers")->find("Authorization"), std::string_view::npos);
  EXPECT_FALSE(as.send(Method::options, "/t/clinic/token", {}, {foreign}).headers.get("Access-Control-Allow-Origin"));
  // A known client answers for its own origins only.
  auto other = as.client_record("app-post");
  other.origins = {"https://other.example.org"};
  as.put(other);
  response = as.token({{"grant_type", "refresh_token"},
                       {"refresh_token", "x"},
                       {"client_id", "app-post"},
                       {"client_secret", std::string(kSecret)}},
                      {origin});
  EXPECT_FALSE(response.headers.get("Access-Control-Allow-Origin"));
  // Never where a browser navigates, and not where only servers call.
  for (const char* path : {"/t/clinic/authorize", "/t/clinic/sign-out"}) {
    EXPECT_FALSE(as.get(path, {origin}).headers.get("Access-Control-Allow-Origin")) << path;
    EXPECT_EQ(as.send(Method::options, path, {}, {origin}).status, 405) << path;
  }
  EXPECT_FALSE(
      as.post("introspect", {{"token", "x"}}, {origin, as.basic("fhir")}).headers.get("Access-Control-Allow-Origin"));
}

TEST(Rfc7517, JwksHoldsPublicKeysWithUniqueKids) {
  AsHarness as;
  const auto json = as.json(as.get("/t/clinic/jwks"));
  std::map<std::string, int> kids;
  bool rs256 = false;
  for (const auto& key : json["keys"].items()) {
    ++kids[std::string(key["kid"].string_or())];
    rs256 |= key["alg"].as_string() == "RS256";
    for (const char* member : {"d", "p", "q", "dp", "dq", "qi", "k"}) EXPECT_FALSE(key.contains(member)) << member;
  }
  EXPECT_TRUE(rs256);
  EXPECT_GE(kids.size(), 2U);
  for (const auto& [kid, n] : kids) EXPECT_EQ(n, 1) << kid;
}

TEST(KeyRotation, PublishedBeforeUseAndKeptUntilEverythingHasExpired) {
  AsHarness as;
  const auto kid_in_use = [&] {
    return as.keys().snapshot(as.issuer_id())->signer(jose::SignAlg::es256, flow::TokenTyp::wrapped)->key().kid;
  };
  const auto published = [&](const std::string& kid) {
    return as.get("/t/clinic/jwks").body.find(kid) != std::string::npos;
  };
  const auto old_kid = kid_in_use();
  as.clock.advance(limits::kKeyActive - limits::kKeyPublishLead + std::chrono::seconds(1));
  ASSERT_TRUE(run_sync(as.keys().tick()));
  EXPECT_EQ(kid_in_use(), old_kid);
  const auto snapshot = as.keys().snapshot(as.issuer_id());
  EXPECT_EQ(snapshot->published.keys().size(), 4U);  // ES256 and RS256, now and next
  as.clock.advance(limits::kKeyPublishLead);
  ASSERT_TRUE(run_sync(as.keys().tick()));
  EXPECT_NE(kid_in_use(), old_kid);
  EXPECT_TRUE(published(kid_in_use()));
  EXPECT_TRUE(published(old_kid));
  as.clock.advance(limits::kKeyRetain + std::chrono::seconds(1));
  ASSERT_TRUE(run_sync(as.keys().tick()));
  EXPECT_FALSE(published(old_kid));
}

TEST(KeyRotation, RevokedKeysTakeTheirTokensAlong) {
  AsHarness as;
  const auto token = std::string(as.tokens_for("app-public", {"patient/*.rs"})["access_token"].string_or());
  EXPECT_EQ(as.introspect(token)["active"].as_bool(), true);
  ASSERT_TRUE(run_sync(as.keys().rotate_now(as.issuer_id(), true)));
  EXPECT_EQ(as.introspect(token).dump(), R"({"active":false})");
  const auto fresh = std::string(as.tokens_for("app-public", {"patient/*.rs"})["access_token"].string_or());
  EXPECT_EQ(as.introspect(fresh)["active"].as_bool(), true);
}

TEST(RevocationFeed, TellsWhatDiedAndNothingToStrangers) {
  AsHarness as;
  const auto tokens = as.tokens_for("app-basic", {"offline_access", "patient/*.rs"});
  const auto grant = std::string(as.introspect(*tokens["access_token"].as_string())["grant_id"].string_or());
  as.tick();
  auto page = as.json(as.get("/t/clinic/revocations?after=0", {as.basic("fhir")}));
  const auto seq = *page["seq"].as_int64();
  EXPECT_TRUE(page["oldest"].as_int64());
  EXPECT_EQ(as.get("/t/clinic/revocations?after=0").status, 401);
  EXPECT_EQ(as.get("/t/clinic/revocations?after=0", {as.basic("app-basic")}).status, 401);
  EXPECT_EQ(as.get("/t/clinic/revocations?after=0&client_id=fhir&client_secret=" + std::string(kSecret)).status, 401);
  EXPECT_EQ(as.get("/t/clinic/revocations?after=-1", {as.basic("fhir")}).status, 400);

  EXPECT_EQ(
      as.post("revoke", {{"token", std::string(*tokens["refresh_token"].as_string())}}, {as.basic("app-basic")}).status,
      200);
  page = as.json(as.get("/t/clinic/revocations?wait=5&after=" + std::to_string(seq), {as.basic("fhir")}));
  bool told = false;
  for (const auto& change : page["changes"].items()) {
    EXPECT_GT(*change["seq"].as_int64(), seq);
    told |= change["kind"].as_string() == "grant_revoked" && change["subject"].as_string() == grant;
  }
  EXPECT_TRUE(told) << page.dump();
  // Another issuer's resource servers see none of it.
  const auto elsewhere = run_sync(as.services().feed.after(Issuer("https://as.example.org/t/other"), seq, Duration{}));
  ASSERT_TRUE(elsewhere);
  for (const auto& change : elsewhere->changes) EXPECT_NE(change.subject, grant);
}

TEST(RevocationFeed, WaitersWakeByNewsOrTime) {
  AsHarness as;
  as.tick();
  auto& feed = as.services().feed;
  const auto seq = as.store().latest_change();
  int woken = 0;
  std::size_t lines = 0;
  const auto start = [&] {
    spawn(feed.after(as.issuer_id(), seq, std::chrono::seconds(5)),
          [&](std::exception_ptr, std::optional<Result<flow::ChangeFeed::Page>> page) {
            ++woken;
            lines = (*page)->changes.size();
          });
  };
  start();
  as.tick();
  EXPECT_EQ(woken, 0);
  as.clock.advance(std::chrono::seconds(5));
  as.tick();
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(lines, 0U);
  start();
  ASSERT_TRUE(run_sync(as.store().revoke_token(as.issuer_id(), Id128{{1}}, as.clock.now() + std::chrono::seconds(60),
                                               {as.event()}, as.clock.now())));
  as.tick();
  EXPECT_EQ(woken, 2);
  EXPECT_EQ(lines, 1U);
}

TEST(LaunchEndpoint, ComesWithAnAuthenticatedClient) {
  AsHarness as;
  EXPECT_EQ(as.post("launch", {}, {as.basic("app-basic")}).body, "app-basic");
  EXPECT_EQ(as.verdict(as.post("launch", {{"client_id", "app-public"}})), "401 invalid_client");
}

}  // namespace
}  // namespace mitral::testing
