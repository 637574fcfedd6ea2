// One kind of token in the place of another, codes and tokens out of their place, and floods of guesses: rows of
// threats.md sections 1, 2, 4 and 5 at endpoints that have no attack of that row elsewhere.
#include <set>

#include "spec/oidc/id_token.h"
#include "support/browser.h"

namespace mitral::testing {
namespace {

using codec::Json;

const std::vector<std::string> kScopes{"openid", "offline_access", "patient/*.rs"};
constexpr const char* kInactive = R"({"active":false})";

std::string text(const Json& json, std::string_view member) { return std::string(json[member].string_or()); }

/// A signed-in browser and a genuine ID token, for attacks on id_token_hint.
class Hint : public ::testing::Test {
 protected:
  void SetUp() override {
    rig.only_own_record();
    browser.open(FrontRig::authorize(FrontRig::request("app-basic", "openid")));
    browser.sign_in();
    if (!browser.left()) browser.allow();
    tokens = rig.as.tokens_for("app-basic", kScopes);
    genuine = text(tokens, "id_token");
    const auto dot = genuine.find('.');
    header = genuine.substr(0, dot);
    payload = genuine.substr(dot + 1, genuine.rfind('.') - dot - 1);
  }
  std::string error_of(const std::string& hint) {
    auto request = FrontRig::request("app-basic", "openid");
    request.add("prompt", "none").add("id_token_hint", hint);
    browser.open(FrontRig::authorize(request));
    return browser.left() ? browser.answer()["error"] : "page";
  }
  FrontRig rig;
  Browser browser{rig};
  Json tokens;
  std::string genuine, header, payload;
};

TEST_F(Hint, J1_J2_UnsignedAndHmacHintsAreNone) {
  EXPECT_EQ(error_of(genuine), "") << "the genuine one passes";
  for (const char* alg : {"none", "None", "NONE", "nOnE"}) {
    const auto head = codec::base64url_encode(std::string(R"({"alg":")") + alg + R"("})");
    EXPECT_EQ(error_of(head + "." + payload + "."), "invalid_request") << alg;
    EXPECT_EQ(error_of(head + "." + payload + ".AAAA"), "invalid_request") << alg;
  }
  EXPECT_EQ(error_of(header + "." + payload + "."), "invalid_request") << "signature stripped";
  const auto keys = *jose::JwkSet::parse(std::string_view(rig.as.get("/t/clinic/jwks").body));
  for (const auto& key : keys.keys()) {
    for (const auto& secret : {key.to_json().dump(), key.key().pem(), key.key().spki_der()}) {
      const auto input = codec::base64url_encode(R"({"alg":"HS256","kid":")" + key.kid() + R"("})") + "." + payload;
      EXPECT_EQ(error_of(input + "." + codec::base64url_encode(crypto::hmac_sha256(secret, input))), "invalid_request");
    }
  }
}

TEST_F(Hint, J3_J4_KeysAndKidsOfTheHeaderAreNotBelieved) {
  const auto evil = *crypto::PrivateKey::generate(crypto::KeyKind::p256);
  const auto jwk = jose::Jwk::from_key(evil.public_key());
  const auto claims = *codec::base64url_decode(payload);
  const auto real_kid = *jose::Jws::parse(genuine, jose::kAllSignAlgs)->header().kid;
  for (const std::string& kid :
       {std::string(real_kid), std::string("k"), std::string("../../dev/null"), std::string("' OR 1=1")}) {
    EXPECT_EQ(error_of(*jose::sign_jws({kid, jose::SignAlg::es256, evil}, {.typ = "JWT", .cty = {}, .jwk = &jwk},
                                       std::string_view(claims))),
              "invalid_request")
        << kid;
  }
  EXPECT_EQ(rig.as.fetcher.fetches, 0);
}

TEST_F(Hint, J5_OtherTokensAreNoHints) {
  EXPECT_EQ(error_of(text(tokens, "access_token")), "invalid_request") << "wrapped access token";
  EXPECT_EQ(error_of(text(tokens, "refresh_token")), "invalid_request");
  EXPECT_EQ(error_of(rig.as.app_assertion()), "invalid_request");
  // An ID token that another client got.
  EXPECT_EQ(error_of(text(rig.as.tokens_for("app-post", kScopes), "id_token")), "invalid_request");
  // A signature that was made for something else.
  EXPECT_EQ(error_of(genuine.substr(0, genuine.rfind('.')) +
                     text(tokens, "access_token").substr(text(tokens, "access_token").rfind('.'))),
            "invalid_request");
}

// J-5 at the endpoints that take tokens.
TEST(ThreatJ, J5_OnlyAccessTokensOpenUserInfo) {
  AsHarness as;
  const auto tokens = as.tokens_for("app-basic", kScopes);
  const auto code = as.mint_code("app-basic", kScopes);
  EXPECT_EQ(as.get("/t/clinic/userinfo", {as.bearer(text(tokens, "access_token"))}).status, 200);
  for (const auto& token : {text(tokens, "id_token"), text(tokens, "refresh_token"), code.text, as.app_assertion(),
                            std::string("mat_"), std::string("..")}) {
    EXPECT_EQ(as.verdict(as.get("/t/clinic/userinfo", {as.bearer(token)})).substr(0, 3), "401") << token.substr(0, 12);
  }
}

TEST(ThreatJ, J5_OnlyAccessTokensAreActiveForResourceServers) {
  AsHarness as;
  const auto tokens = as.tokens_for("app-basic", kScopes);
  EXPECT_EQ(as.introspect(text(tokens, "access_token"))["active"].as_bool(), true);
  for (const auto& token : {text(tokens, "id_token"), text(tokens, "refresh_token"),
                            as.mint_code("app-basic", kScopes).text, as.app_assertion()}) {
    EXPECT_EQ(as.introspect(token).dump(), kInactive) << token.substr(0, 12);
  }
  // A wrapper whose outside was changed is not opened, whatever is inside.
  auto wrapped = text(tokens, "access_token");
  const auto dot = wrapped.find('.');
  auto outside = *codec::base64url_decode(std::string_view(wrapped).substr(dot + 1, wrapped.rfind('.') - dot - 1));
  auto claims = *Json::parse_object(std::string_view(outside));
  claims.set("exp", to_seconds(as.clock.now()) + 86'400);
  EXPECT_EQ(as.introspect(wrapped.substr(0, dot + 1) + codec::base64url_encode(claims.dump()) +
                          wrapped.substr(wrapped.rfind('.')))
                .dump(),
            kInactive);
  const auto none = codec::base64url_encode(R"({"alg":"none","typ":"wrapped+jwt"})");
  EXPECT_EQ(as.introspect(none + "." + codec::base64url_encode(claims.dump()) + ".").dump(), kInactive);
}

// M-4.1.3: a stolen token is short-lived, and can't be made longer.
TEST(ThreatM4, M4_1_3_AStolenAccessTokenDiesSoon) {
  AsHarness as;
  const auto tokens = as.tokens_for("app-public", kScopes);
  EXPECT_LE(tokens["expires_in"].as_int64().value_or(9999), limits::kAccessTokenLifetime / std::chrono::seconds(1));
  as.clock.advance(limits::kAccessTokenLifetime + std::chrono::seconds(1));
  EXPECT_EQ(as.introspect(text(tokens, "access_token")).dump(), kInactive);
  EXPECT_EQ(as.get("/t/clinic/userinfo", {as.bearer(text(tokens, "access_token"))}).status, 401);
}

// M-4.2.1: a person who types the address again is taken to TLS, and a client can tell who answered.
TEST(ThreatM4, M4_2_1_BrowsersStayOnTlsAndAnswersNameTheirIssuer) {
  FrontRig rig;
  Browser browser(rig);
  rig.only_own_record();
  browser.open(FrontRig::authorize(FrontRig::request()));
  EXPECT_NE(browser.response.headers.get("Strict-Transport-Security").value_or("").find("max-age="), std::string::npos);
  browser.sign_in();
  EXPECT_TRUE(browser.response.headers.get("Strict-Transport-Security"));
  browser.allow();
  EXPECT_EQ(browser.answer()["iss"], kIssuer);
}

// M-4.4.1.1: whoever overheard a code can't use it.
TEST(ThreatM4, M4_4_1_1_ACodeAloneIsWorthNothing) {
  AsHarness as;
  const auto redeem = [&](const std::function<void(codec::Form&)>& change) {
    auto form = as.code_form(as.mint_code("app-public", kScopes));
    form.add("client_id", "app-public");
    change(form);
    return as.verdict(as.token(form));
  };
  EXPECT_EQ(redeem([](codec::Form& f) { f.remove("code_verifier"); }), "400 invalid_grant");
  EXPECT_EQ(redeem([](codec::Form& f) { f.set("code_verifier", std::string(43, 'a')); }), "400 invalid_grant");
  const auto code = as.mint_code("app-public", kScopes);
  as.clock.advance(limits::kCodeLifetime + std::chrono::seconds(1));
  auto late = as.code_form(code);
  late.add("client_id", "app-public");
  EXPECT_EQ(as.verdict(as.token(late)), "400 invalid_grant");
}

// M-4.4.1.3
TEST(ThreatM4, M4_4_1_3_CodesAreNotGuessed) {
  FrontRig rig;
  rig.only_own_record();
  Browser browser(rig);
  std::set<std::string> codes;
  browser.open(FrontRig::authorize(FrontRig::request()));
  browser.sign_in();
  browser.allow();
  for (int i = 0; i < 20; ++i) {
    const auto code = browser.answer()["code"];
    EXPECT_EQ(code.size(), 47U) << "the millisecond and 208 random bits";
    EXPECT_TRUE(codes.insert(code).second);
    browser.open(FrontRig::authorize(FrontRig::request()));
  }
  std::set<std::string> bodies;
  for (int i = 0; i < 100; ++i) {
    codec::Form guess{{"grant_type", "authorization_code"},
                      {"code", "mac_" + std::string(42, 'A') + static_cast<char>('a' + i % 26)},
                      {"redirect_uri", std::string(kRedirectUri)},
                      {"code_verifier", std::string(43, 'a')},
                      {"client_id", "app-public"}};
    const auto response = rig.as.token(guess);
    EXPECT_EQ(response.status, 400);
    bodies.insert(response.body);
  }
  EXPECT_EQ(bodies.size(), 1U);
}

// M-4.4.1.8: where a profile demands state, a request without one is refused; everywhere PKCE ties the code to its
// browser.
TEST(ThreatM4, M4_4_1_8_StateIsDemandedWhereTheProfileSaysSo) {
  HarnessOptions options;
  options.profile = "heart";
  FrontRig rig(options);
  auto client = rig.as.client_record("app-public");
  client.verified = true;  // errors of other apps stay on a page
  rig.as.put(client);
  Browser browser(rig);
  auto request = FrontRig::request("app-public");
  browser.open(FrontRig::authorize(request));
  EXPECT_FALSE(browser.left()) << "the sign-in page";
  request.remove("state");
  browser.open(FrontRig::authorize(request));
  EXPECT_EQ(browser.answer()["error"], "invalid_request");
  EXPECT_EQ(browser.answer().count("code"), 0U);
}

// M-4.6.3, M-4.5.3, W-31: a flood of made-up tokens costs no look-up and tells nothing.
TEST(ThreatM4, M4_6_3_GuessedTokensDieBeforeTheStore) {
  AsHarness as;
  const auto genuine = text(as.tokens_for("app-basic", kScopes), "access_token");
  ASSERT_EQ(as.introspect(genuine)["active"].as_bool(), true);
  as.faults().reads_fail = true;  // who asks the store now is told 503
  for (int i = 0; i < 300; ++i) {
    std::string bytes(80, '\0');
    as.random.fill({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
    EXPECT_EQ(as.introspect("mat_" + codec::base64url_encode(bytes)).dump(), kInactive);
    EXPECT_EQ(as.get("/t/clinic/userinfo", {as.bearer("mat_" + codec::base64url_encode(bytes))}).status, 401);
  }
}

// M-4.6.6, W-29: nothing that is secret or about a person is kept by a cache on the way.
TEST(ThreatM4, M4_6_6_AnswersAreNotStored) {
  AsHarness as;
  const auto tokens = as.tokens_for("app-basic", kScopes);
  const auto access = text(tokens, "access_token");
  const std::vector<codec::Response> answers{
      as.token({{"grant_type", "refresh_token"}, {"refresh_token", text(tokens, "refresh_token")}},
               {as.basic("app-basic")}),
      as.token({{"grant_type", "nonsense"}}),
      as.post("introspect", {{"token", access}}, {as.basic("fhir")}),
      as.post("introspect", {{"token", access}}, {as.basic("fhir", "wrong")}),
      as.post("revoke", {{"token", "x"}}, {as.basic("app-basic")}),
      as.post("par", FrontRig::request("app-public")),
      as.get("/t/clinic/userinfo", {as.bearer(access)}),
      as.get("/t/clinic/userinfo"),
      as.get("/t/clinic/revocations?after=0", {as.basic("fhir")}),
  };
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_NE(answers[i].headers.get("Cache-Control").value_or("").find("no-store"), std::string::npos)
        << i << ": " << answers[i].status;
    EXPECT_EQ(answers[i].headers.get("X-Content-Type-Options"), "nosniff") << i;
  }
}

// B-4.3, M-4.6.7: what stands in an address ends up in histories and logs.
TEST(ThreatB4, B4_3_TokensInTheAddressOpenNothing) {
  AsHarness as;
  const auto tokens = as.tokens_for("app-basic", kScopes);
  const auto access = text(tokens, "access_token");
  EXPECT_EQ(as.get("/t/clinic/userinfo?access_token=" + access).status, 401);
  EXPECT_NE(as.send(codec::Method::post, "/t/clinic/introspect?token=" + access, "",
                    {as.basic("fhir"), {"Content-Type", "application/x-www-form-urlencoded"}})
                .status,
            200);
  EXPECT_NE(as.send(codec::Method::post,
                    "/t/clinic/token?grant_type=refresh_token&refresh_token=" + text(tokens, "refresh_token"), "",
                    {as.basic("app-basic"), {"Content-Type", "application/x-www-form-urlencoded"}})
                .status,
            200);
}

// B-4.6, M-4.4.1.13: an access token that was slipped in does not fit its ID token.
TEST(ThreatB4, B4_6_TheIdTokenNamesItsAccessToken) {
  AsHarness as;
  const auto one = as.tokens_for("app-basic", kScopes);
  const auto two = as.tokens_for("app-basic", kScopes);
  const auto at_hash = [](const Json& tokens) {
    const auto jws = jose::Jws::parse(*tokens["id_token"].as_string(), jose::kAllSignAlgs);
    const auto id = *tokens["id_token"].as_string();
    const auto dot = id.find('.');
    const auto claims = *codec::base64url_decode(id.substr(dot + 1, id.rfind('.') - dot - 1));
    EXPECT_TRUE(jws);
    return text(*Json::parse_object(std::string_view(claims)), "at_hash");
  };
  EXPECT_EQ(at_hash(one), spec::oidc::half_hash(jose::SignAlg::rs256, text(one, "access_token")));
  EXPECT_NE(at_hash(one), spec::oidc::half_hash(jose::SignAlg::rs256, text(two, "access_token")));
}

// B-4.13, W-19: what a client writes into a header proves nothing and moves nothing.
TEST(ThreatB4, B4_13_HeadersOfProxiesAreNotBelieved) {
  AsHarness as;
  const std::vector<codec::Header> claims{{"X-SSL-Cert", "-----BEGIN CERTIFICATE-----"},
                                          {"X-Client-Cert", "x"},
                                          {"X-Client-Verify", "SUCCESS"},
                                          {"X-Forwarded-Client-Cert", "Subject=\"CN=backend\""},
                                          {"X-Client-Id", "app-basic"},
                                          {"X-Remote-User", "alice"},
                                          {"Forwarded", "for=127.0.0.1;proto=https"}};
  EXPECT_EQ(as.verdict(as.token({{"grant_type", "client_credentials"}, {"client_id", "backend-basic"}}, claims)),
            "401 invalid_client");
  EXPECT_EQ(as.verdict(as.post("introspect", {{"token", "x"}}, claims)), "401 invalid_client");
  // Guessing is counted by the address of the connection, whatever X-Forwarded-For says.
  int waiting = 0;
  for (int i = 0; i < 30; ++i) {
    const auto response = as.post("revoke", {{"token", "x"}},
                                  {as.basic("app-basic", "guess"),
                                   {"X-Forwarded-For", "198.51.100." + std::to_string(i)},
                                   {"X-Real-IP", "198.51.100." + std::to_string(i)}});
    waiting += response.status == 429 ? 1 : 0;
  }
  EXPECT_EQ(waiting, 20);
}

// B-2.x: what was authorized for one server is never a token for another.
TEST(ThreatB2, B2_TokensAreForTheServersThatWereAuthorized) {
  AsHarness as;
  auto form = as.code_form(as.mint_code("app-public", kScopes));
  form.add("client_id", "app-public").add("resource", kLabs);
  EXPECT_EQ(as.verdict(as.token(form)), "400 invalid_target");
  const auto tokens = as.tokens_for("app-public", kScopes);
  EXPECT_EQ(as.verdict(as.token({{"grant_type", "refresh_token"},
                                 {"refresh_token", text(tokens, "refresh_token")},
                                 {"client_id", "app-public"},
                                 {"resource", std::string(kLabs)}})),
            "400 invalid_target");
}

// W-30: cursors are numbers, and there is nothing to administrate over the network.
TEST(ThreatW30, W30_CursorsAreNumbersAndNoAdministrationIsServed) {
  AsHarness as;
  for (const char* cursor :
       {"%27%20OR%201%3D1", "-1", "1;DROP%20TABLE%20x", "99999999999999999999", "0x10", "1e3", "%00", "1%201"}) {
    EXPECT_EQ(as.verdict(as.get("/t/clinic/revocations?after=" + std::string(cursor), {as.basic("fhir")})),
              "400 invalid_request")
        << cursor;
  }
  for (const char* path : {"/admin", "/t/clinic/admin", "/t/clinic/clients", "/t/clinic/users", "/t/clinic/register",
                           "/metrics", "/healthz", "/t/clinic/metrics", "/debug", "/.env"}) {
    EXPECT_EQ(as.get(path).status, 404) << path;
  }
}

// W-32: after a few bad signatures no more of them are looked at.
TEST(ThreatW32, W32_BadAssertionsAreSoonNotVerifiedAnyMore) {
  AsHarness as;
  const auto evil = *crypto::PrivateKey::generate(crypto::KeyKind::p384);
  int refused = 0;
  for (int i = 0; i < 60; ++i) {
    const auto response =
        as.token(as.with_assertion({{"grant_type", "client_credentials"}, {"scope", "system/Patient.rs"}},
                                   as.sign(evil, "backend-1", as.assertion_claims("backend"))));
    if (response.status == 429) {
      ++refused;
      EXPECT_TRUE(response.headers.get("Retry-After"));
    } else {
      EXPECT_EQ(response.status, 401);
    }
  }
  EXPECT_EQ(refused, 50);
  // Another client at the same address goes on undisturbed.
  EXPECT_EQ(as.post("revoke", as.with_assertion({{"token", "x"}}, as.app_assertion())).status, 200);
}

}  // namespace
}  // namespace mitral::testing
