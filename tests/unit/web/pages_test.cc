// The pages as HTML: escaping, headers, accessibility, and that every text and id is where templates and tests expect
// it.
#include "web/pages/pages.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>

#include "codec/text.h"
#include "policy/scope_policy.h"
#include "web/pages/render.h"
#include "web/pages/scope_texts.h"
#include "web/pages/style.h"
#include "web/pages/templates.h"
#include "web/pages/texts_en.h"
#include "web/security_headers.h"

namespace mitral::web {
namespace {

std::unique_ptr<flow::IssuerRuntime> make_issuer(std::string url = "https://as.example") {
  flow::IssuerConfig config;
  config.issuer = std::move(url);
  config.display_name = "Riverside Clinic";
  auto made = flow::IssuerRuntime::make(config, {{1, Secret(std::string(32, 'k'))}});
  EXPECT_TRUE(made) << (made ? "" : made.error().detail);
  return std::move(*made);
}

model::Client make_client() {
  model::Client client;
  client.id = ClientId("c_heart");
  client.name = "Heart Diary";
  client.client_uri = "https://heartdiary.example/about";
  client.policy_uri = "https://heartdiary.example/privacy";
  client.redirect_uris = {"https://app.heartdiary.example/cb"};
  return client;
}

/// With MITRAL_PAGES_DIR set, pages are written there, so that people can look at them.
void keep(const std::string& name, const codec::Response& response) {
  const char* dir = std::getenv("MITRAL_PAGES_DIR");
  if (dir == nullptr) return;
  std::string html =
      std::regex_replace(response.body, std::regex("href=\"/assets/(style-[0-9a-f]+\\.css)\""), "href=\"$1\"");
  std::ofstream(std::string(dir) + "/" + name + ".html") << html;
  std::ofstream(std::string(dir) + "/" + stylesheet_name()) << stylesheet();
}

class Pages : public ::testing::Test {
 protected:
  std::unique_ptr<flow::IssuerRuntime> issuer = make_issuer();
  model::Client client = make_client();
  model::User user = [] {
    model::User u;
    u.id = UserId("u_1");
    u.username = "maria";
    u.display_name = "Maria Meyer";
    u.fhir_user = "Patient/m1";
    u.patients = {{"m1", "Maria Meyer", "self", "1985-03-14"},
                  {"l1", "Lena Meyer", "child", "2016-07-02"},
                  {"t1", "Tom Meyer", "child", "2019-11-23"}};
    return u;
  }();
  FormTarget target{"https://as.example/interaction/x/consent", "token"};

  codec::Response sign_in(std::string problem = {}) {
    SignInPage page;
    page.client = &client;
    page.redirect_uri = client.redirect_uris.front();
    page.sign_in = page.cancel = target;
    page.problem = std::move(problem);
    page.status = page.problem.empty() ? 200 : 403;
    return sign_in_page(*issuer, page);
  }
  codec::Response consent(std::string_view scopes, std::function<void(ConsentPage&)> change = {}) {
    auto set = spec::smart::ScopeSet::parse(scopes, policy::scope_rules());
    EXPECT_TRUE(set);
    form = login::ConsentForm::make(*set);
    ConsentPage page;
    page.client = &client;
    page.redirect_uri = client.redirect_uris.front();
    page.decide = page.switch_user = target;
    page.user = &user;
    page.record = user.patients[1];
    page.form = &form;
    page.ticked = [](std::string_view) { return true; };
    page.duration = {.minutes = 5, .session_hours = 0, .idle_days = 100};
    if (change) change(page);
    return consent_page(*issuer, page);
  }
  login::ConsentForm form;
};

void expect_page_headers(const codec::Response& response) {
  const auto csp = response.headers.get("Content-Security-Policy").value_or("");
  for (const auto* part :
       {"default-src 'none'", "style-src 'self'", "base-uri 'none'", "frame-ancestors 'none'", "form-action"}) {
    EXPECT_NE(csp.find(part), std::string_view::npos) << part;
  }
  EXPECT_EQ(csp.find("unsafe"), std::string_view::npos);
  EXPECT_EQ(response.headers.get("X-Frame-Options"), "DENY");
  EXPECT_EQ(response.headers.get("Referrer-Policy"), "no-referrer");
  EXPECT_EQ(response.headers.get("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(response.headers.get("Cache-Control"), "no-store");
  EXPECT_EQ(response.headers.get("Cross-Origin-Opener-Policy"), "same-origin");
  EXPECT_TRUE(response.headers.get("Strict-Transport-Security"));
  EXPECT_FALSE(response.headers.get("Access-Control-Allow-Origin"));
}

TEST_F(Pages, M4419_W10_EveryPageForbidsFramingCachingAndReferrers) {
  expect_page_headers(sign_in());
  expect_page_headers(consent("patient/Observation.rs"));
  expect_page_headers(error_page(*issuer, {.status = 400, .text = "No."}));
  expect_page_headers(form_post_page(*issuer, "https://a.example/cb", {}, true));
  expect_page_headers(sign_out_page(*issuer, "Maria", target));
  expect_page_headers(signed_out_page(*issuer));
  expect_page_headers(home_page(*issuer));
  PickerPage picker;
  picker.client = &client;
  picker.people = user.patients;
  expect_page_headers(picker_page(*issuer, picker));
}

TEST_F(Pages, W4_HostileTextIsEscapedEverywhere) {
  const std::string evil = "\"><svg onload=alert(1)>'&{{body}}{{{body}}}";
  client.name = evil;  // an operator's import could skip the check of names: the page must hold by itself
  client.client_uri = "javascript:alert(1)";
  client.policy_uri = "JaVaScRiPt:alert(1)";
  client.tos_uri = "data:text/html,x";
  user.display_name = evil;
  user.patients[1].display = evil;
  user.patients[1].relationship = evil;
  const auto page = consent("patient/Observation.rs evil<scope>", {}).body;
  EXPECT_EQ(page.find("<svg onload"), std::string::npos);
  EXPECT_EQ(page.find("<scope>"), std::string::npos);
  EXPECT_NE(page.find("&lt;scope&gt;"), std::string::npos);
  EXPECT_EQ(page.find("href=\"javascript:"), std::string::npos);
  EXPECT_EQ(page.find("JaVaScRiPt"), std::string::npos);
  EXPECT_EQ(page.find("data:text"), std::string::npos);

  SignInPage sign;
  sign.client = &client;
  sign.sign_in = sign.cancel = target;
  sign.username = evil;
  sign.problem = evil;
  EXPECT_EQ(sign_in_page(*issuer, sign).body.find("<svg onload"), std::string::npos);
  const std::vector<std::pair<std::string, std::string>> fields = {{"state", evil}};
  EXPECT_EQ(form_post_page(*issuer, "https://a.example/cb?x=\"><svg onload=1>", fields, true).body.find("<svg onload"),
            std::string::npos);
}

TEST_F(Pages, W5_NameThatMayNotBeShownGivesTheId) {
  client.name = "Pay\u202Elap";
  EXPECT_EQ(client_title(client), "c_heart");
  client.name = std::string(10'000, 'a');
  EXPECT_EQ(client_title(client), "c_heart");
}

TEST_F(Pages, W4_TemplatesHaveOneUnescapedBodyAndOneUnescapedLiteral) {
  using namespace templates;
  for (const auto text : {kSignIn, kPicker, kConsent, kError, kSignOut, kSignedOut, kHome}) {
    EXPECT_EQ(text.find("{{{"), std::string_view::npos);
    EXPECT_EQ(text.find("{{&"), std::string_view::npos);
    EXPECT_EQ(text.find("style="), std::string_view::npos);
    EXPECT_EQ(text.find("onclick"), std::string_view::npos);
    EXPECT_EQ(text.find("<script"), std::string_view::npos);
  }
  EXPECT_NE(kLayout.find("{{{body}}}"), std::string_view::npos);
  EXPECT_NE(kFormPost.find("{{{script}}}"), std::string_view::npos);
}

TEST_F(Pages, B42_NothingIsLoadedFromElsewhere) {
  for (const auto& page : {sign_in().body, consent("patient/*.rs").body, home_page(*issuer).body}) {
    const std::regex loads("(src|href)=\"([^\"]*)\"");
    for (auto at = std::sregex_iterator(page.begin(), page.end(), loads); at != std::sregex_iterator(); ++at) {
      const std::string url = (*at)[2];
      const bool own = url.starts_with("/assets/") || url.starts_with("#") || url.starts_with("https://as.example/");
      const bool link_of_client = url == client.policy_uri;
      EXPECT_TRUE(own || link_of_client) << url;
    }
  }
  EXPECT_EQ(stylesheet().find("url("), std::string_view::npos);
  EXPECT_EQ(stylesheet().find("@import"), std::string_view::npos);
}

TEST_F(Pages, EveryTextKeyOfTheTemplatesExists) {
  using namespace templates;
  const std::regex key("\\{\\{t\\.([a-z_]+)\\}\\}");
  for (const auto view : {kLayout, kSignIn, kPicker, kConsent, kError, kFormPost, kSignOut, kSignedOut, kHome}) {
    const std::string text(view);
    for (auto at = std::sregex_iterator(text.begin(), text.end(), key); at != std::sregex_iterator(); ++at) {
      const std::string name = (*at)[1];
      EXPECT_NE(text_en(name), name);
    }
  }
}

TEST_F(Pages, IdsAreUniqueAndEveryInputHasALabel) {
  for (const auto& page : {sign_in("No.").body, consent("patient/*.cruds openid fhirUser offline_access").body}) {
    const std::regex id(" id=\"([^\"]*)\"");
    std::set<std::string> seen;
    for (auto at = std::sregex_iterator(page.begin(), page.end(), id); at != std::sregex_iterator(); ++at) {
      EXPECT_TRUE(seen.insert((*at)[1]).second) << (*at)[1];
    }
    const std::regex input("<input type=\"(text|password|checkbox)\" id=\"([^\"]*)\"");
    for (auto at = std::sregex_iterator(page.begin(), page.end(), input); at != std::sregex_iterator(); ++at) {
      EXPECT_NE(page.find("for=\"" + (*at)[2].str() + "\""), std::string::npos) << (*at)[2];
    }
    EXPECT_NE(page.find("<html lang=\"en\">"), std::string::npos);
    EXPECT_NE(page.find("<h1"), std::string::npos);
    EXPECT_NE(page.find("role=\"alert\"") != std::string::npos || page.find("id=\"allow\"") != std::string::npos,
              false);
  }
}

TEST_F(Pages, E18_UnverifiedClientsAreLabelled) {
  EXPECT_NE(consent("patient/Observation.rs").body.find("id=\"unverified\""), std::string::npos);
  client.verified = true;
  const auto page = consent("patient/Observation.rs").body;
  EXPECT_EQ(page.find("id=\"unverified\""), std::string::npos);
  EXPECT_NE(page.find("Checked by Riverside Clinic"), std::string::npos);
  EXPECT_NE(page.find("heartdiary.example"), std::string::npos);
}

TEST_F(Pages, Smart115_ConsentSpeaksEverydayWordsAndOffersEachCategory) {
  const auto page = consent(
                        "launch/patient openid fhirUser offline_access patient/Patient.rs patient/Observation.rs "
                        "patient/Condition.rs")
                        .body;
  for (const auto* text : {"Personal details", "Lab results", "Vital signs", "Problem list", "Lena Meyer (child)",
                           "id=\"offline\"", "100 days", "id=\"allow\"", "id=\"deny\"", "Heart Diary"}) {
    EXPECT_NE(page.find(text), std::string::npos) << text;
  }
  EXPECT_EQ(page.find("patient/Observation"), std::string::npos) << "no scope syntax for people";
}

TEST_F(Pages, CspFormActionNamesTheRedirectOriginOnly) {
  const auto csp = [](std::string_view uri) { return content_security_policy({.own_forms = true, .leads_to = uri}); };
  EXPECT_NE(csp("https://app.example:8443/cb?x=1").find("form-action 'self' https://app.example:8443"),
            std::string::npos);
  EXPECT_EQ(csp_source("com.example.app:/cb"), "com.example.app:");
  EXPECT_EQ(csp_source("http://[::1]:99/cb"), "http:");
  EXPECT_EQ(csp_source("http://127.0.0.1:99/cb"), "http://127.0.0.1:99");
  EXPECT_NE(content_security_policy({}).find("form-action 'none'"), std::string::npos);
  const auto with_script =
      content_security_policy({.own_forms = false, .leads_to = "https://a.example/cb", .script = "x"});
  EXPECT_NE(with_script.find("script-src 'sha256-"), std::string::npos);
  EXPECT_EQ(with_script.find("'self' https"), std::string::npos) << "the form_post page posts to the client only";
}

TEST_F(Pages, FormPostPageWorksWithoutScript) {
  const std::vector<std::pair<std::string, std::string>> fields = {{"code", "mac_x"}, {"state", "a&b"}};
  const auto page = form_post_page(*issuer, "https://a.example/cb", fields, true);
  EXPECT_NE(page.body.find("name=\"state\" value=\"a&amp;b\""), std::string::npos);
  EXPECT_NE(page.body.find("id=\"continue\" type=\"submit\""), std::string::npos);
  EXPECT_NE(page.body.find("<script>"), std::string::npos);
  const auto manual = form_post_page(*issuer, "https://a.example/cb", fields, false);
  EXPECT_EQ(manual.body.find("<script"), std::string::npos);
  EXPECT_EQ(manual.headers.get("Content-Security-Policy")->find("script-src"), std::string_view::npos);
}

TEST_F(Pages, AssetNamesFollowTheirContent) {
  EXPECT_TRUE(std::regex_match(stylesheet_name(), std::regex("style-[0-9a-f]{16}\\.css")));
  EXPECT_TRUE(codec::Json::parse_object(smart_style()));
  EXPECT_EQ(codec::Json::parse_object(smart_style())->size(), 11U);
}

TEST_F(Pages, FillLeavesNoHoles) {
  EXPECT_EQ(fill("{a} and {b}", {{"a", "x"}, {"b", "{a}"}}), "x and {a}");
  EXPECT_EQ(fill("{unknown}!", {}), "!");
  EXPECT_EQ(fill("open { brace", {}), "open { brace");
}

TEST_F(Pages, PicturesForPeople) {
  keep("sign_in", sign_in());
  keep("sign_in_wrong", sign_in(std::string(text_en("sign_in_bad"))));
  PickerPage picker;
  picker.client = &client;
  picker.redirect_uri = client.redirect_uris.front();
  picker.pick = picker.cancel = target;
  picker.people = user.patients;
  keep("picker", picker_page(*issuer, picker));
  keep("consent", consent("launch/patient openid fhirUser offline_access patient/Patient.rs patient/Observation.rs "
                          "patient/Condition.rs "
                          "patient/MedicationRequest.rs patient/AllergyIntolerance.rs patient/Immunization.rs"));
  keep("consent_wild", consent("patient/*.cruds openid offline_access", [&](ConsentPage& page) {
         client.verified = true;
         page.ticked = [](std::string_view value) { return value != "patient.see.Observation.survey"; };
         page.nothing_left = true;
       }));
  keep("consent_signin", consent("openid profile"));
  keep("error", error_page(*issuer, {.status = 400,
                                     .text = "redirect_uri is not registered for this client",
                                     .code = "invalid_request"}));
  keep("error_return", error_page(*issuer, {.status = 400,
                                            .text = "aud is missing",
                                            .code = "invalid_request",
                                            .continue_to = "https://app.heartdiary.example/cb?error=x",
                                            .client_domain = "app.heartdiary.example"}));
  keep("form_post", form_post_page(*issuer, "https://a.example/cb", {}, false));
  keep("sign_out", sign_out_page(*issuer, "Maria Meyer", target));
  keep("signed_out", signed_out_page(*issuer));
  keep("home", home_page(*issuer));
}

}  // namespace
}  // namespace mitral::web
