// Cookies, CSRF tokens and origins by themselves; the flows around them are in tests/threat/front_session.cc.
#include "login/browser.h"

#include <gtest/gtest.h>

#include "login/next_step.h"
#include "login/records.h"

namespace mitral::login {
namespace {

std::unique_ptr<flow::IssuerRuntime> issuer(std::string url) {
  flow::IssuerConfig config;
  config.issuer = std::move(url);
  config.extra_hosts = {"login.example"};
  auto made = flow::IssuerRuntime::make(config, {{1, Secret(std::string(32, 'k'))}});
  EXPECT_TRUE(made) << (made ? "" : made.error().detail);
  return std::move(*made);
}

codec::Request with(std::vector<codec::Header> headers) {
  codec::Request request;
  for (const auto& h : headers) request.headers.add(h.name, h.value);
  return request;
}

TEST(Browser, W9_HostPrefixOnHttpsAndPlainNameOnLoopback) {
  codec::Response secure;
  set_cookie(secure, *issuer("https://as.example"), CookieKind::session, std::string(43, 'a'));
  EXPECT_TRUE(secure.headers.get("Set-Cookie")->starts_with("__Host-mitral_session="));
  codec::Response plain;
  set_cookie(plain, *issuer("http://127.0.0.1:8080"), CookieKind::session, std::string(43, 'a'));
  EXPECT_TRUE(plain.headers.get("Set-Cookie")->starts_with("mitral_session="));
  EXPECT_EQ(plain.headers.get("Set-Cookie")->find("Secure"), std::string_view::npos);
}

TEST(Browser, S27_IssuersOfOneHostHaveCookiesOfTheirOwn) {
  EXPECT_NE(cookie_base_name(*issuer("https://as.example/t/a"), CookieKind::session),
            cookie_base_name(*issuer("https://as.example/t/b"), CookieKind::session));
}

TEST(Browser, W7_OnlyValuesOfOurFormAreRead) {
  const auto as = issuer("https://as.example");
  const std::string good(43, 'a');
  EXPECT_EQ(read_cookie(*as, with({{"Cookie", "__Host-mitral_session=" + good}}), CookieKind::session), good);
  EXPECT_FALSE(read_cookie(*as, with({{"Cookie", "mitral_session=" + good}}), CookieKind::session))
      << "without the prefix";
  EXPECT_FALSE(read_cookie(*as, with({{"Cookie", "__Host-mitral_session=" + good + "a"}}), CookieKind::session));
  EXPECT_FALSE(read_cookie(
      *as, with({{"Cookie", "__Host-mitral_session=" + good + "; __Host-mitral_session=" + std::string(43, 'b')}}),
      CookieKind::session));
  EXPECT_FALSE(read_cookie(*as, with({{"Cookie", "__Host-mitral_browser=" + good}}), CookieKind::session));
}

TEST(Browser, W6_TokenIsBoundToEveryPartOfItsScope) {
  const auto as = issuer("https://as.example");
  const CsrfScope scope{.browser = "b", .session = Hash256{1}, .purpose = "consent", .subject = "i"};
  const auto token = csrf_token(*as, scope);
  EXPECT_TRUE(csrf_token_fits(*as, scope, token));
  for (const auto& other : {CsrfScope{.browser = "c", .session = Hash256{1}, .purpose = "consent", .subject = "i"},
                            CsrfScope{.browser = "b", .session = Hash256{2}, .purpose = "consent", .subject = "i"},
                            CsrfScope{.browser = "b", .session = Hash256{1}, .purpose = "cancel", .subject = "i"},
                            CsrfScope{.browser = "b", .session = Hash256{1}, .purpose = "consent", .subject = "j"},
                            CsrfScope{.browser = "b", .session = Hash256{1}, .purpose = "consenti", .subject = ""},
                            CsrfScope{.browser = "", .session = Hash256{1}, .purpose = "consent", .subject = "i"}}) {
    EXPECT_FALSE(csrf_token_fits(*as, other, token));
  }
  EXPECT_FALSE(csrf_token_fits(*as, scope, ""));
  EXPECT_FALSE(csrf_token_fits(*issuer("https://other.example"), scope, token));
  const CsrfScope nobody{.browser = "", .session = {}, .purpose = "consent", .subject = "i"};
  EXPECT_FALSE(csrf_token_fits(*as, nobody, csrf_token(*as, nobody))) << "no cookie, no form";
}

TEST(Browser, W6_OriginAndFetchMetadata) {
  const auto as = issuer("https://as.example/t/a");
  const auto own = [&](std::vector<codec::Header> headers) { return from_own_pages(*as, with(std::move(headers))); };
  EXPECT_TRUE(own({}));
  EXPECT_TRUE(own({{"Origin", "https://as.example"}}));
  EXPECT_TRUE(own({{"Origin", "https://login.example"}})) << "a configured alias";
  EXPECT_TRUE(own({{"Origin", "null"}, {"Sec-Fetch-Site", "same-origin"}}));
  EXPECT_FALSE(own({{"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}}));
  EXPECT_FALSE(own({{"Origin", "http://as.example"}}));
  EXPECT_FALSE(own({{"Origin", "https://as.example.evil"}}));
  EXPECT_FALSE(own({{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "same-origin"}}));
  EXPECT_FALSE(own({{"Origin", "https://as.example"}, {"Origin", "https://evil.example"}}));
  EXPECT_FALSE(own({{"Sec-Fetch-Site", "same-site"}}));
}

TEST(Records, S5_OwnRecordFirstAndNoForeignOrBrokenIds) {
  model::User user;
  user.display_name = "Maria";
  user.fhir_user = "Patient/m1";
  user.patients = {{"l1", "Lena", "child", ""}, {"../x", "Bad", "", ""}, {"l1", "Twice", "", ""}};
  const auto records = records_of(user);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].patient_id, "m1");
  EXPECT_EQ(records[0].relationship, "self");
  EXPECT_EQ(records[1].display, "Lena");
  EXPECT_FALSE(record(user, "x"));
  user.fhir_user = "Practitioner/m1";
  EXPECT_EQ(own_record(user), "");
  user.fhir_user = "Patient/../x";
  EXPECT_EQ(own_record(user), "");
}

TEST(NextStep, E15_MaxAgeIsKeptPerRequest) {
  model::AuthorizationRequest request;
  request.extra = codec::Json::object();
  model::Session session;
  session.auth_time = from_seconds(1000);
  SignInFacts facts{.request = &request, .session = &session, .now = from_seconds(1100)};
  EXPECT_EQ(sign_in_state(facts), SignIn::done);
  request.max_age = 100;
  EXPECT_EQ(sign_in_state(facts), SignIn::done);
  request.max_age = 99;
  EXPECT_EQ(sign_in_state(facts), SignIn::again);
  model::Interaction interaction;
  interaction.reauthenticated = true;
  interaction.session = Hash256{9};
  facts.interaction = &interaction;
  EXPECT_EQ(sign_in_state(facts), SignIn::again) << "another session signed in within it";
  session.id_hash = Hash256{9};
  EXPECT_EQ(sign_in_state(facts), SignIn::done);
}

}  // namespace
}  // namespace mitral::login
