// What an operator could be talked into registering or configuring: threats.md sections 1, 2, 4 and 5 where they begin.
// Nothing of this is a request from the network; it is what decides whether requests from the network can do harm.
#include "app/config.h"
#include "app/registration.h"
#include "support/as_harness.h"

namespace mitral::testing {
namespace {

app::ClientForm web_app() {
  app::ClientForm form;
  form.name = "Heart Diary";
  form.auth_method = "client_secret_basic";
  form.grant_types = {"authorization_code", "refresh_token"};
  form.redirect_uris = {"https://app.example.org/cb"};
  form.scopes = {"openid", "patient/Observation.rs"};
  return form;
}

Result<app::Registered> attempt(const app::ClientForm& form) {
  return app::register_client(Issuer(kIssuer), form, from_seconds(1'790'000'000));
}

std::string problems(std::string_view text) {
  std::string out;
  for (const auto& problem : app::parse_config(text, "m.toml").problems) out += problem.text + "\n";
  return out;
}

// M-4.1.1: a secret in an app that people install is no secret.
TEST(ThreatM4, M4_1_1_AppsOnDevicesGetNoSecret) {
  auto native = web_app();
  native.redirect_uris = {"org.example.diary:/cb"};
  for (const char* method : {"client_secret_basic", "client_secret_post"}) {
    native.auth_method = method;
    EXPECT_FALSE(attempt(native)) << method;
  }
  native.auth_method = "none";
  const auto registered = attempt(native);
  ASSERT_TRUE(registered) << registered.error().detail;
  EXPECT_TRUE(registered->secret.reveal().empty());
  EXPECT_TRUE(registered->client.credentials.secret_hashes.empty());
  // A client without a credential has nothing that a machine could act with.
  native.grant_types = {"authorization_code", "client_credentials"};
  EXPECT_FALSE(attempt(native));
  // What is better than a secret is on offer.
  AsHarness as;
  const auto metadata = as.json(as.get("/.well-known/oauth-authorization-server/t/clinic"));
  std::string methods = metadata["token_endpoint_auth_methods_supported"].dump();
  EXPECT_NE(methods.find("private_key_jwt"), std::string::npos) << methods;
}

// M-4.3.4: whoever reads the store learns no secret, and nobody is shown one twice.
TEST(ThreatM4, M4_3_4_SecretsAreKeptAsHashesAndShownOnce) {
  const auto one = attempt(web_app());
  const auto two = attempt(web_app());
  ASSERT_TRUE(one && two);
  const std::string secret(one->secret.reveal());
  EXPECT_GE(secret.size(), 43U) << "256 bits";
  EXPECT_NE(secret, two->secret.reveal());
  ASSERT_EQ(one->client.credentials.secret_hashes.size(), 1U);
  EXPECT_EQ(one->client.credentials.secret_hashes.front(), crypto::sha256(secret));
  const auto shown = app::client_to_json(one->client).dump();
  EXPECT_EQ(shown.find(secret), std::string::npos);
  EXPECT_EQ(shown.find("secret\""), std::string::npos) << shown;
  EXPECT_EQ(shown.find("hash"), std::string::npos) << shown;
  const auto server = app::register_resource(Issuer(kIssuer), {"gw", "https://fhir.example.org/r4", "Gateway"});
  ASSERT_TRUE(server) << server.error().detail;
  EXPECT_EQ(app::resource_to_json(server->server).dump().find(server->secret.reveal()), std::string::npos);
}

// M-4.4.1.6, B-4.1, N-1: where codes may be sent.
TEST(ThreatM4, M4_4_1_6_CodesTravelByHttpsOrStayOnTheDevice) {
  for (const char* uri : {"http://app.example.org/cb",
                          "http://192.0.2.1/cb",
                          "http://localhost.evil.example/cb",
                          "http://127.0.0.1.evil.example/cb",
                          "ftp://app.example.org/cb",
                          "javascript:alert(1)",
                          "JaVaScRiPt:alert(1)",
                          "data:text/html,x",
                          "file:///etc/passwd",
                          "blob:https://app.example.org/x",
                          "myapp:/cb",
                          "myapp://cb",
                          "https://user@app.example.org/cb",
                          "https://app.example.org/cb#f",
                          "https://app.example.org/*",
                          "https://*.example.org/cb",
                          "//app.example.org/cb",
                          "/cb",
                          "",
                          "urn:x:y"}) {
    auto form = web_app();
    form.auth_method = "none";
    form.redirect_uris = {uri};
    EXPECT_FALSE(attempt(form)) << uri;
  }
  for (const char* uri :
       {"https://app.example.org/cb", "org.example.diary:/cb", "http://127.0.0.1/cb", "http://[::1]:4000/cb"}) {
    auto form = web_app();
    form.auth_method = "none";
    form.redirect_uris = {uri};
    EXPECT_TRUE(attempt(form)) << uri;
  }
}

// B-4.15: no client is ever taken for a person.
TEST(ThreatB4, B4_15_NoClientIdLooksLikeAPerson) {
  for (const char* id : {"u_alice", "u_", "../x", "a b", "a\nb", "a/b", "a%20b", "a:b"}) {
    auto form = web_app();
    form.id = id;
    EXPECT_FALSE(attempt(form)) << id;
  }
  const auto made = attempt(web_app());
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->client.id.value.starts_with("c_"));
}

// W-1, W-4, W-5, J-9: what is fetched, linked and shown later.
TEST(ThreatW1, W1_W4_W5_AddressesAndNamesThatWouldDoHarmLater) {
  const auto refused = [](const std::function<void(app::ClientForm&)>& change) {
    auto form = web_app();
    change(form);
    return !attempt(form);
  };
  for (const char* uri : {"http://app.example.org/x", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x",
                          "//evil.example/x", "https://"}) {
    EXPECT_TRUE(refused([&](auto& f) { f.client_uri = uri; })) << uri;
    EXPECT_TRUE(refused([&](auto& f) { f.policy_uri = uri; })) << uri;
    EXPECT_TRUE(refused([&](auto& f) { f.tos_uri = uri; })) << uri;
    EXPECT_TRUE(refused([&](auto& f) { f.logo_uri = uri; })) << uri;
    EXPECT_TRUE(refused([&](auto& f) { f.launch_urls = {uri}; })) << uri;
    EXPECT_TRUE(refused([&](auto& f) {
      f.auth_method = "private_key_jwt";
      f.jwks_uri = uri;
    })) << uri;
  }
  for (const char* origin : {"*", "null", "http://app.example.org", "https://app.example.org/",
                             "https://app.example.org/x", "https://*.example.org", "https://user@app.example.org"}) {
    EXPECT_TRUE(refused([&](auto& f) { f.origins = {origin}; })) << origin;
  }
  for (const std::string& name : {std::string(),
                                  std::string("a\xE2\x80\xAE"
                                              "b"),
                                  std::string("a\xE2\x80\x8B"
                                              "b"),
                                  std::string("a\nb"), std::string("a\0b", 3), std::string(10'000, 'a')}) {
    EXPECT_TRUE(refused([&](auto& f) { f.name = name; })) << name.substr(0, 20);
  }
  const std::string one =
      R"({"kty":"RSA","kid":"k","e":"AQAB","n":")" + codec::base64url_encode(std::string(64, '\xF1')) + R"("})";
  const std::string octets = R"({"kty":"oct","kid":"k","k":"AAAA"})";
  for (const auto& jwks : {R"({"keys":[]})" + std::string(), R"({"keys":[)" + one + "]}",
                           R"({"keys":[)" + octets + "]}", std::string("[]"), std::string("{}"), std::string("x")}) {
    EXPECT_TRUE(refused([&](auto& f) {
      f.auth_method = "private_key_jwt";
      f.jwks = jwks;
    })) << jwks;
  }
}

// E-19: what is left out is the strict value.
TEST(ThreatE19, E19_WhatIsLeftOutIsStrict) {
  const auto made = attempt(web_app());
  ASSERT_TRUE(made);
  EXPECT_FALSE(made->client.verified);
  EXPECT_FALSE(made->client.offline_allowed);
  EXPECT_TRUE(made->client.dedicated_consent) << "people are asked";
  for (const char* profile : {"none", "SMART", "smart ", "../smart"}) {
    auto form = web_app();
    form.profile = profile;
    EXPECT_FALSE(attempt(form)) << profile;
  }
}

// M-4.6.1, M-4.2.1: tokens and health data never cross a network in the clear.
TEST(ThreatM4, M4_6_1_TheGatewayNeverListensInTheClear) {
  const auto gateway = [](std::string_view listen, std::string_view more = {}) {
    return "[gateway]\nlisten = \"" + std::string(listen) +
           "\"\npublic_base = \"https://fhir.example.org/r4\"\nupstream = \"http://127.0.0.1:9090/fhir\"\nissuer = "
           "\"https://auth.example.org\"\n"
           "credential_id = \"gw\"\ncredential_secret_file = \"s\"\nmaster_key_file = \"m\"\n" +
           std::string(more);
  };
  EXPECT_EQ(problems(gateway("127.0.0.1:8090")), "");
  EXPECT_EQ(problems(gateway("0.0.0.0:443", "certificate = \"c.pem\"\nkey = \"k.pem\"\n")), "");
  for (const char* listen : {"0.0.0.0:8090", "[::]:8090", "192.0.2.1:8090", "fhir.example.org:80"}) {
    EXPECT_NE(problems(gateway(listen)).find("not loopback"), std::string::npos) << listen;
  }
  EXPECT_NE(problems(gateway("0.0.0.0:443", "certificate = \"c.pem\"\n")).find("key"), std::string::npos);
  EXPECT_NE(problems(gateway("127.0.0.1:8090", "admin_listen = \"0.0.0.0:9\"\n")).find("admin_listen"),
            std::string::npos);
}

}  // namespace
}  // namespace mitral::testing
