// The account and emergency pages as HTML: escaping, ids, labels, words.
#include "web/pages/account_pages.h"

#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "policy/scope_policy.h"
#include "web/pages/emergency_pages.h"
#include "web/pages/templates.h"
#include "web/pages/texts_en.h"

namespace mitral::web {
namespace {

constexpr std::string_view kEvil = "<b onmouseover='x'>\"&";

class AccountPages : public ::testing::Test {
 protected:
  std::unique_ptr<flow::IssuerRuntime> issuer = [] {
    flow::IssuerConfig config;
    config.issuer = "https://as.example";
    auto made = flow::IssuerRuntime::make(config, {{1, Secret(std::string(32, 'k'))}});
    EXPECT_TRUE(made);
    return std::move(*made);
  }();
  FormTarget target{"https://as.example/account/apps", "token"};

  [[nodiscard]] std::string account(std::string_view name) const {
    AccountPage page;
    page.user = name;
    page.end_app = page.end_sessions = target;
    page.has_records = true;
    page.fresh_emergency = true;
    page.news = AccountNews::app_ended;
    for (const char* id : {"g1", "g2"}) {
      AccountApp app;
      app.grant = id;
      app.name = app.domain = app.record = name;
      app.words = access_words(policy::scope_set({"patient/Observation.rs", "patient/Condition.c"}));
      app.used = app.since = from_seconds(1'800'000'000);
      page.apps.push_back(std::move(app));
      AccountEmergency emergency;
      emergency.who = emergency.app = emergency.record = name;
      page.emergencies.push_back(std::move(emergency));
      page.sessions.push_back({from_seconds(0), from_seconds(0), page.sessions.empty()});
    }
    return account_page(*issuer, page).body;
  }
  [[nodiscard]] std::string emergency(std::string_view text) const {
    model::Client client;
    client.id = ClientId("c_er");
    client.name = text;
    model::User user;
    user.display_name = text;
    EmergencyPage page;
    page.client = &client;
    page.redirect_uri = "https://app.example/cb";
    page.open = page.cancel = target;
    page.user = &user;
    page.scopes = policy::scope_set({"patient/*.rs"});
    page.patient = page.statement = text;
    page.reason = "other";
    page.problem = flow::EmergencyProblem::confirmation;
    return emergency_page(*issuer, page).body;
  }
};

TEST_F(AccountPages, W4_EverythingHostileIsEscaped) {
  for (const auto& page : {account(kEvil), emergency(kEvil),
                           sign_in_page(*issuer, {.sign_in = target, .username = std::string(kEvil)}).body}) {
    EXPECT_EQ(page.find("<b "), std::string::npos);
    EXPECT_NE(page.find("&lt;b onmouseover="), std::string::npos);
    EXPECT_EQ(page.find("<script"), std::string::npos);
    EXPECT_EQ(page.find("style=\""), std::string::npos);
  }
}

TEST_F(AccountPages, IdsAreUniqueAndEveryInputHasALabel) {
  for (const auto& page : {account("Maria"), emergency("Ada"), sign_in_page(*issuer, {.sign_in = target}).body}) {
    const std::regex id(" id=\"([^\"]*)\"");
    std::set<std::string> seen;
    for (auto at = std::sregex_iterator(page.begin(), page.end(), id); at != std::sregex_iterator(); ++at)
      EXPECT_TRUE(seen.insert((*at)[1]).second) << (*at)[1];
    const std::regex input("<(input|textarea)( type=\"(text|password|checkbox|radio)\")? id=\"([^\"]*)\"");
    std::size_t inputs = 0;
    for (auto at = std::sregex_iterator(page.begin(), page.end(), input); at != std::sregex_iterator(); ++at, ++inputs)
      EXPECT_NE(page.find("for=\"" + (*at)[4].str() + "\""), std::string::npos) << (*at)[4];
    const std::regex labelled("aria-(labelledby|describedby)=\"([^\"]*)\"");
    for (auto at = std::sregex_iterator(page.begin(), page.end(), labelled); at != std::sregex_iterator(); ++at)
      EXPECT_TRUE(seen.contains((*at)[2])) << (*at)[2];
    EXPECT_NE(page.find("<h1"), std::string::npos);
  }
}

TEST_F(AccountPages, EveryTextKeyOfTheTemplatesExists) {
  const std::regex key("\\{\\{t\\.([a-z_]+)\\}\\}");
  for (const auto view : {kAccountTemplate, templates::kSignIn, kEmergencyTemplate}) {
    const std::string text(view);
    EXPECT_EQ(text.find("{{{"), std::string::npos);
    for (auto at = std::sregex_iterator(text.begin(), text.end(), key); at != std::sregex_iterator(); ++at) {
      const std::string name = (*at)[1];
      EXPECT_NE(text_en(name), name);
    }
  }
}

TEST_F(AccountPages, ScopesAreEverydayWords) {
  const auto words = [](std::vector<std::string> scopes) { return access_words(policy::scope_set(scopes)); };
  EXPECT_EQ(words({"openid", "fhirUser", "launch/patient"}).see, "");
  EXPECT_EQ(words({"patient/*.rs"}).see, "Everything in the record");
  EXPECT_EQ(words({"patient/*.rs"}).change, "");
  EXPECT_EQ(words({"patient/*.cruds"}).change, "Everything in the record");
  const auto some = words({"patient/Patient.rs", "patient/Condition.cruds"});
  EXPECT_EQ(some.see.find("patient/"), std::string::npos);
  EXPECT_NE(some.see.find("Personal details, Health problems"), std::string::npos) << some.see;
  EXPECT_EQ(some.change.find("Personal details"), std::string::npos);
  EXPECT_FALSE(some.change.empty());
}

TEST_F(AccountPages, TimesAreReadable) {
  EXPECT_EQ(day_and_time(from_seconds(0)), "1 January 1970, 00:00 UTC");
  EXPECT_EQ(day_and_time(from_seconds(1'795'356'300)), "22 November 2026, 14:05 UTC");
}

TEST_F(AccountPages, EveryReasonHasWords) {
  for (const auto reason : model::kEmergencyReasons) {
    EXPECT_FALSE(reason_text(reason).empty());
    EXPECT_NE(emergency("Ada").find("id=\"reason-" + std::string(name(reason)) + "\""), std::string::npos);
    EXPECT_EQ(model::parse_emergency_reason(name(reason)), reason);
  }
  EXPECT_FALSE(model::parse_emergency_reason(""));
}

}  // namespace
}  // namespace mitral::web
