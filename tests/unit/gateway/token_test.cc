// Tokens at the gateway: formats, refusals, cache, revocation feed.
#include <gtest/gtest.h>

#include "support/gateway_rig.h"

namespace mitral::gateway::rig {
namespace {

using namespace std::chrono_literals;

struct Tokens : testing::Test {
  Rig rig;
  Tokens() { rig.world.upstream = fixed({{"/Patient/maria", patient("maria")}}); }
  int status(const std::string& token) { return rig.get("/Patient/maria", token).status; }
};

TEST_F(Tokens, AllThreeFormatsOpenTheDoor) {
  EXPECT_EQ(status(rig.jwt()), 200);
  EXPECT_EQ(rig.world.introspections, 0);
  EXPECT_EQ(status(rig.opaque()), 200);
  EXPECT_EQ(status(rig.wrapped()), 200);
  EXPECT_EQ(rig.world.introspections, 2);
  EXPECT_EQ(rig.world.jwks_fetches, 1);
}

TEST_F(Tokens, AJwtWithoutItsContextIsCompletedByIntrospection) {
  TokenSpec bare;
  bare.patient.clear();
  bare.fhir_user.clear();
  const auto token = rig.jwt(bare);
  EXPECT_EQ(status(token), 401) << "not active at introspection";
  auto full = rig.claims({});
  full.set("active", true);
  rig.world.active[token] = full;
  EXPECT_EQ(status(token), 200);
}

TEST_F(Tokens, Rfc6750_3_NoTokenIs401WithoutErrorCode) {
  const auto response = rig.get("/Patient/maria");
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(response.headers.get("WWW-Authenticate"),
            R"(Bearer resource_metadata="https://gw.example/.well-known/oauth-protected-resource/fhir")");
  EXPECT_NE(response.body.find("OperationOutcome"), std::string::npos);
  EXPECT_EQ(rig.audit.list.size(), 0U);
  auto basic = Rig::request("/Patient/maria");
  basic.headers.add("Authorization", "Basic dTpw");
  EXPECT_EQ(rig.send(std::move(basic)).status, 401);
}

TEST_F(Tokens, Rfc6750_2_OneHeaderAndNowhereElse) {
  const auto token = rig.jwt();
  EXPECT_EQ(rig.get("/Patient/maria?access_token=" + token).status, 400);
  EXPECT_EQ(rig.get("/Patient/maria?access%5Ftoken=" + token, token).status, 400);
  EXPECT_EQ(rig.search("/Patient/_search", "access_token=" + token, {}).status, 400);
  auto twice = Rig::request("/Patient/maria", token);
  twice.headers.add("authorization", "Bearer " + token);
  EXPECT_EQ(rig.send(std::move(twice)).status, 400);
  auto list = Rig::request("/Patient/maria");
  list.headers.add("Authorization", "Bearer " + token + ", Bearer " + token);
  EXPECT_EQ(rig.send(std::move(list)).status, 400);
  EXPECT_TRUE(rig.world.upstream_log.empty());
}

TEST_F(Tokens, BadTokensAre401InvalidToken) {
  TokenSpec other_audience;
  other_audience.audience = "https://gw.example/other";
  TokenSpec other_issuer;
  other_issuer.issuer = "https://evil.example";
  TokenSpec old;
  old.age = 301;
  TokenSpec future;
  future.age = -400;
  const auto id_token = Rig::sign(rig.claims({}), "JWT");
  const auto untyped = Rig::sign(rig.claims({}), "");
  auto no_client = rig.claims({});
  no_client.erase("client_id");
  auto bound = rig.claims({});
  bound.set("cnf", Json::object({{"jkt", "x"}}));
  auto tampered = rig.jwt();
  tampered[tampered.find('.') + 5] ^= 1;
  auto flipped = rig.jwt();
  flipped.back() = flipped.back() == 'A' ? 'B' : 'A';
  const auto header = codec::base64url_encode(R"({"alg":"none","typ":"at+jwt"})");
  const std::vector<std::pair<const char*, std::string>> tokens{
      {"audience", rig.jwt(other_audience)},
      {"issuer", rig.jwt(other_issuer)},
      {"expired", rig.jwt(old)},
      {"future", rig.jwt(future)},
      {"S25 id token", id_token},
      {"no typ", untyped},
      {"no client_id", Rig::sign(no_client, "at+jwt")},
      {"cnf in a jwt", Rig::sign(bound, "at+jwt")},
      {"tampered", tampered},
      {"flipped signature", flipped},
      {"J1 alg none", header + "." + codec::base64url_encode(rig.claims({}).dump()) + "."},
      {"other key, known kid", Rig::sign(rig.claims({}), "at+jwt", other_key())},
      {"unknown kid", Rig::sign(rig.claims({}), "at+jwt", other_key(), "k9")},
      {"unknown opaque", "mat_" + codec::base64url_encode("nobody made this")},
      {"garbage", "garbage"},
      {"W21 truncated", rig.jwt().substr(0, 40)},
      {"refresh token", "mrt_abc"},
      {"wrapped without handle", Rig::sign(rig.claims({}), "wrapped+jwt")},
  };
  for (const auto& [what, token] : tokens) {
    const auto response = rig.get("/Patient/maria", token);
    EXPECT_EQ(response.status, 401) << what;
    EXPECT_NE(response.headers.get("WWW-Authenticate").value_or("").find("error=\"invalid_token\""), std::string::npos)
        << what;
  }
  EXPECT_TRUE(rig.world.upstream_log.empty());
  EXPECT_EQ(rig.audit.list.size(), tokens.size());
  EXPECT_EQ(rig.audit.list.front().outcome, model::AuditOutcome::denied);
}

TEST_F(Tokens, B410_BoundTokensAndOtherSchemesAreNoBearerTokens) {
  auto answer = rig.claims({});
  answer.set("active", true);
  answer.set("cnf", Json::object({{"x5t#S256", "x"}}));
  rig.world.active["mat_bound"] = answer;
  EXPECT_EQ(status("mat_bound"), 401);
  auto dpop = Rig::request("/Patient/maria");
  dpop.headers.add("Authorization", "DPoP " + rig.jwt());
  EXPECT_EQ(rig.send(std::move(dpop)).status, 401);
}

TEST_F(Tokens, IntrospectionThatSpeaksOfAnotherTokenOrAudienceIsRefused) {
  const auto wrapped = rig.wrapped();
  rig.world.active[wrapped].set("jti", "another");
  EXPECT_EQ(status(wrapped), 401);
  const auto opaque = rig.opaque();
  rig.world.active[opaque].set("aud", "https://gw.example/other");
  EXPECT_EQ(status(opaque), 401);
  rig.world.active[opaque].set("aud", std::string(kPublic));
  rig.world.active[opaque].set("active", "true");
  EXPECT_EQ(status(opaque), 503) << "active must be a boolean";
}

TEST_F(Tokens, GarbageIsWrittenDownOnlySoOften) {
  for (int i = 0; i < 200; ++i) EXPECT_EQ(status("garbage"), 401);
  EXPECT_EQ(rig.audit.list.size(), limits::kAuditDeniedPerSecond);
  EXPECT_EQ(rig.gateway->metrics().audit_skipped.value(), 200 - limits::kAuditDeniedPerSecond);
}

TEST_F(Tokens, TheCacheSavesIntrospections) {
  const auto token = rig.opaque();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(status(token), 200);
  EXPECT_EQ(rig.world.introspections, 1);
  EXPECT_EQ(rig.gateway->tokens_cached(), 1U);
  rig.clock.advance(301s);
  rig.hear();
  EXPECT_EQ(status(token), 401) << "expired in the cache";
}

TEST_F(Tokens, RevocationBitesByGrantTokenClientAndUser) {
  for (const auto& [kind, subject] : {std::pair{model::ChangeKind::grant_revoked, "grant-1"},
                                      {model::ChangeKind::token_revoked, "jti-1"},
                                      {model::ChangeKind::client_revoked, "app"},
                                      {model::ChangeKind::user_revoked, "u_maria"}}) {
    Rig fresh;
    fresh.world.upstream = fixed({{"/Patient/maria", patient("maria")}});
    const auto jwt = fresh.jwt();
    const auto opaque = fresh.opaque();
    const auto wrapped = fresh.wrapped();
    for (const auto& token : {jwt, opaque, wrapped}) EXPECT_EQ(fresh.get("/Patient/maria", token).status, 200);
    fresh.clock.advance(1s);
    fresh.revoke(model::name(kind), subject);
    ASSERT_TRUE(fresh.hear());
    for (const auto& token : {jwt, opaque, wrapped})
      EXPECT_EQ(fresh.get("/Patient/maria", token).status, 401) << subject;
    // A token that was never seen before, but belongs to what is dead.
    EXPECT_EQ(fresh.get("/Patient/maria", fresh.jwt({.age = 5})).status, 401) << subject;
    // Others live on; a client or user may come back with tokens issued later.
    EXPECT_EQ(
        fresh.get("/Patient/maria", fresh.jwt({.client = "app2", .subject = "u_2", .grant = "g2", .jti = "j2"})).status,
        200);
    if (kind == model::ChangeKind::client_revoked || kind == model::ChangeKind::user_revoked) {
      fresh.clock.advance(1s);
      EXPECT_EQ(fresh.get("/Patient/maria", fresh.jwt({.grant = "g3", .jti = "j3"})).status, 200);
    }
  }
}

TEST_F(Tokens, WhileTheFeedIsSilentNothingRememberedCounts) {
  const auto token = rig.opaque();
  const auto jwt = rig.jwt();
  EXPECT_EQ(status(token), 200);
  EXPECT_EQ(status(jwt), 200);
  rig.clock.advance(2001ms);
  EXPECT_FALSE(rig.gateway->ready());
  auto answer = rig.claims({});
  answer.set("active", true);
  rig.world.active[jwt] = answer;
  const auto before = rig.world.introspections;
  EXPECT_EQ(status(token), 200);
  EXPECT_EQ(status(token), 200);
  EXPECT_EQ(status(jwt), 200);
  EXPECT_EQ(rig.world.introspections, before + 3) << "each request asks";
  rig.world.active.clear();
  EXPECT_EQ(status(token), 401);
  EXPECT_EQ(status(jwt), 401);
  rig.world.issuer_down = true;
  const auto response = rig.get("/Patient/maria", token);
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.headers.get("Retry-After"), "1");
  EXPECT_EQ(status(jwt), 503);
  EXPECT_EQ(rig.get("/Patient/maria", rig.jwt({.jti = "new"})).status, 503);
}

TEST_F(Tokens, AFeedThatComesBackBringsWhatWasMissed) {
  const auto token = rig.opaque();
  EXPECT_EQ(status(token), 200);
  rig.world.issuer_down = true;
  rig.clock.advance(10s);
  EXPECT_FALSE(rig.hear());
  rig.revoke("grant_revoked", "grant-1");
  rig.world.issuer_down = false;
  ASSERT_TRUE(rig.hear());
  EXPECT_EQ(status(token), 401);
}

TEST_F(Tokens, AGapInTheFeedMeansAskAgain) {
  const auto token = rig.opaque();
  const auto jwt = rig.jwt({.jti = "j2"});
  EXPECT_EQ(status(token), 200);
  EXPECT_EQ(status(jwt), 200);
  EXPECT_EQ(rig.world.introspections, 1);
  // The server starts its list anew at line 4: what stood in 1 to 3 will never be heard.
  rig.world.lines.assign(5, R"({"seq":5,"kind":"grant_revoked","subject":"other","at":1,"expires":2})");
  rig.world.oldest = 4;
  rig.clock.advance(1s);
  ASSERT_TRUE(rig.hear());
  EXPECT_EQ(status(token), 200);
  EXPECT_EQ(rig.world.introspections, 2) << "what was confirmed before the gap is asked for again";
  EXPECT_EQ(status(jwt), 401) << "a jwt too, and the issuer does not know it";
  EXPECT_EQ(status(token), 200);
  EXPECT_EQ(rig.world.introspections, 3) << "and then believed again";
}

TEST_F(Tokens, DirectoryAndUserChangesMakeFactsOld) {
  for (const auto* const kind : {"directory_changed", "user_changed", "session_ended"}) {
    const auto token = rig.opaque();
    EXPECT_EQ(status(token), 200);
    rig.clock.advance(1s);
    rig.revoke(kind, "x");
    ASSERT_TRUE(rig.hear());
    rig.world.active.clear();
    EXPECT_EQ(status(token), 401) << kind;
  }
}

TEST_F(Tokens, AFeedLineThatCannotBeReadEndsTrust) {
  rig.world.lines.push_back(R"({"seq":1,"kind":"something new","subject":"x","at":1,"expires":2})");
  EXPECT_FALSE(rig.hear());
  rig.clock.advance(3s);
  EXPECT_FALSE(rig.gateway->ready());
}

TEST_F(Tokens, NewKeysAreFoundAndUnknownOnesDoNotHammerTheIssuer) {
  EXPECT_EQ(status(rig.jwt()), 200);
  EXPECT_EQ(rig.world.jwks_fetches, 1);
  rig.world.keys.emplace_back("k2", &other_key());
  rig.clock.advance(6s);
  rig.hear();
  EXPECT_EQ(status(Rig::sign(rig.claims({}), "at+jwt", other_key(), "k2")), 200);
  EXPECT_EQ(rig.world.jwks_fetches, 2);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(status(Rig::sign(rig.claims({}), "at+jwt", other_key(), "k" + std::to_string(i + 10))), 401);
  EXPECT_EQ(rig.world.jwks_fetches, 2) << "asked for at most once in 5 s";
  // A key that was withdrawn stops working once the feed says so.
  rig.world.keys.pop_back();
  rig.revoke("keys_changed", "k2");
  rig.clock.advance(1s);
  rig.hear();
  EXPECT_EQ(status(Rig::sign(rig.claims({.jti = "x"}), "at+jwt", other_key(), "k2")), 401);
}

TEST_F(Tokens, W21_IssuerDownIs503AndNever200) {
  rig.world.issuer_down = true;
  EXPECT_EQ(status(rig.jwt()), 503);
  EXPECT_EQ(status(rig.opaque()), 503);
  EXPECT_TRUE(rig.world.upstream_log.empty());
}

TEST(TokenCacheTest, StaysWithinItsCapacity) {
  TokenCache cache(160);
  const auto token = std::make_shared<const VerifiedToken>();
  for (std::uint32_t i = 0; i < 5000; ++i) {
    Hash256 key{};
    for (std::size_t b = 0; b < 32; ++b) key[b] = static_cast<std::uint8_t>((i * 2654435761U) >> (b % 4 * 8));
    cache.put(key, {token, Instant{}});
    if (i % 3 == 0) cache.erase(key);
  }
  EXPECT_LE(cache.size(), 16U * 11U);
  EXPECT_GT(cache.size(), 0U);
}

}  // namespace
}  // namespace mitral::gateway::rig
