// The front channel as a browser meets it, from /authorize to the code: RFC 6749 §4.1, OpenID Connect Core §3.1.2,
// SMART App Launch 2.2, RFC 9207, RFC 9126, Form Post Response Mode.
#include <regex>

#include "support/browser.h"

namespace mitral::testing {
namespace {

class AuthorizeFlow : public ::testing::Test {
 protected:
  FrontRig rig;
  Browser browser{rig};

  /// Signed in as alice, own record, everything allowed: the parameters that the client gets.
  std::map<std::string, std::string> through(const codec::Form& request, std::vector<std::string> untick = {}) {
    browser.open(FrontRig::authorize(request));
    if (browser.shows("username")) browser.sign_in();
    if (browser.shows("patient-alice")) browser.pick("alice");
    if (browser.shows("allow")) browser.allow(std::move(untick));
    return browser.answer();
  }
  codec::Json tokens(const std::string& code) {
    codec::Form form{{"grant_type", "authorization_code"},
                     {"code", code},
                     {"code_verifier", std::string(kVerifier)},
                     {"redirect_uri", std::string(kRedirectUri)}};
    const auto response = rig.as.token(form, {AsHarness::basic("app-basic")});
    EXPECT_EQ(response.status, 200) << response.body;
    return AsHarness::json(response);
  }
};

TEST_F(AuthorizeFlow, SignInPickConsentCodeToken) {
  browser.open(FrontRig::authorize(
      FrontRig::request("app-basic", "launch/patient openid fhirUser offline_access patient/Observation.rs")));
  ASSERT_TRUE(browser.shows("username"));
  ASSERT_TRUE(browser.shows("password"));
  ASSERT_TRUE(browser.shows("sign-in"));
  browser.sign_in();
  EXPECT_EQ(browser.last_post_status, 303);
  ASSERT_TRUE(browser.shows("patient-alice"));
  ASSERT_TRUE(browser.shows("patient-ben"));
  EXPECT_NE(browser.response.body.find("2015-06-07"), std::string::npos);
  browser.pick("ben");
  ASSERT_TRUE(browser.shows("allow"));
  ASSERT_TRUE(browser.shows("offline"));
  EXPECT_NE(browser.response.body.find("Ben Example"), std::string::npos);
  browser.allow();
  EXPECT_EQ(browser.last_post_status, 303);
  auto answer = browser.answer();
  EXPECT_TRUE(browser.location().starts_with(kRedirectUri));
  EXPECT_EQ(answer["state"], "st 1/&=");
  EXPECT_EQ(answer["iss"], kIssuer);
  EXPECT_EQ(answer.size(), 3U);
  const auto json = tokens(answer["code"]);
  EXPECT_EQ(json["patient"].string_or(), "ben");
  EXPECT_EQ(json["scope"].string_or(), "launch/patient openid fhirUser offline_access patient/Observation.rs");
  EXPECT_FALSE(json["refresh_token"].is_null());
  EXPECT_FALSE(json["id_token"].is_null());
}

TEST_F(AuthorizeFlow, SingleSignOnAndRememberedConsentGoStraightThrough) {
  rig.only_own_record();
  EXPECT_FALSE(through(FrontRig::request())["code"].empty());
  const auto before = rig.as.counters();
  browser.send(codec::Method::get, FrontRig::authorize(FrontRig::request()));
  const auto after = rig.as.counters();
  EXPECT_EQ(browser.response.status, 302);
  EXPECT_FALSE(browser.answer()["code"].empty());
  EXPECT_EQ(after.reads - before.reads, 1U) << "session, user and consent in one look";
  EXPECT_EQ(after.commits - before.commits, 1U);
}

TEST_F(AuthorizeFlow, Smart25_UntickedTypesAreNotGranted) {
  rig.only_own_record();
  const auto answer = through(FrontRig::request("app-basic", "openid patient/*.rs"), {"patient.see.Condition"});
  const auto json = tokens(answer.at("code"));
  const auto scope = std::string(json["scope"].string_or());
  EXPECT_EQ(scope.find("Condition"), std::string::npos);
  EXPECT_EQ(scope.find("patient/*"), std::string::npos);
  EXPECT_NE(scope.find("patient/Observation.rs"), std::string::npos);
}

TEST_F(AuthorizeFlow, Smart28_CategoriesCanBeChosen) {
  rig.only_own_record();
  const auto answer = through(FrontRig::request("app-basic", "patient/Patient.rs patient/Observation.rs"),
                              {"patient.see.Observation.survey"});
  const auto scope = std::string(tokens(answer.at("code"))["scope"].string_or());
  EXPECT_TRUE(scope.starts_with("patient/Patient.rs patient/Observation.rs?category="));
  EXPECT_EQ(scope.find("survey"), std::string::npos);
}

TEST_F(AuthorizeFlow, Smart29_OfflineAccessCanBeTurnedOff) {
  rig.only_own_record();
  const auto answer = through(FrontRig::request("app-basic", "offline_access patient/Observation.rs"), {"yes"});
  const auto json = tokens(answer.at("code"));
  EXPECT_EQ(json["scope"].string_or(), "patient/Observation.rs");
  EXPECT_TRUE(json["refresh_token"].is_null());
}

TEST_F(AuthorizeFlow, DeclinedScopesAreNotAskedAgainButNewOnesAre) {
  rig.only_own_record();
  through(FrontRig::request("app-basic", "patient/Observation.rs patient/Condition.rs"), {"patient.see.Condition"});
  browser.open(FrontRig::authorize(FrontRig::request("app-basic", "patient/Condition.rs patient/Observation.rs")));
  EXPECT_EQ(tokens(browser.answer()["code"])["scope"].string_or(), "patient/Observation.rs");
  browser.open(FrontRig::authorize(FrontRig::request("app-basic", "patient/Observation.rs patient/Goal.rs")));
  EXPECT_TRUE(browser.shows("allow"));
}

TEST_F(AuthorizeFlow, UntickingEverythingAsksAgainInsteadOfGuessing) {
  rig.only_own_record();
  browser.open(FrontRig::authorize(FrontRig::request("app-basic", "patient/Goal.rs")));
  browser.sign_in();
  browser.allow({"patient.see.Goal"});
  EXPECT_TRUE(browser.shows("allow"));
  EXPECT_TRUE(browser.shows("problem"));
}

TEST_F(AuthorizeFlow, DenyIsAccessDenied) {
  rig.only_own_record();
  browser.open(FrontRig::authorize(FrontRig::request()));
  browser.sign_in();
  browser.deny();
  EXPECT_EQ(browser.answer()["error"], "access_denied");
  EXPECT_EQ(browser.answer()["state"], "st 1/&=");
  EXPECT_EQ(browser.answer()["iss"], kIssuer);
}

TEST_F(AuthorizeFlow, OidcCore_3_1_2_1_PostIsTheSameAsGet) {
  rig.only_own_record();
  browser.send(codec::Method::post, std::string(kIssuer) + "/authorize", FrontRig::request().serialize());
  EXPECT_EQ(browser.response.status, 303);
  EXPECT_NE(browser.location().find("request_uri="), std::string::npos);
  EXPECT_EQ(browser.location().find("Observation"), std::string::npos);
  browser.follow();
  browser.sign_in();
  browser.allow();
  EXPECT_FALSE(browser.answer()["code"].empty());
}

TEST_F(AuthorizeFlow, LongGranularScopesGoByPost) {
  std::string scope = "patient/Patient.rs";
  for (int i = 0; i < 200; ++i) scope += " patient/Observation.rs?code=http://loinc.org|" + std::to_string(10000 + i);
  auto form = FrontRig::request("app-basic", scope);
  browser.send(codec::Method::post, std::string(kIssuer) + "/authorize", form.serialize());
  browser.follow();
  EXPECT_TRUE(browser.shows("username"));
}

TEST_F(AuthorizeFlow, FormPostResponseMode) {
  rig.only_own_record();
  auto request = FrontRig::request();
  request.add("response_mode", "form_post");
  browser.open(FrontRig::authorize(request));
  browser.sign_in();
  browser.allow();
  EXPECT_EQ(browser.response.status, 200);
  const auto form = browser.form("/cb");
  ASSERT_TRUE(form);
  EXPECT_EQ(form->fields.get("state"), "st 1/&=");
  EXPECT_EQ(form->fields.get("iss"), kIssuer);
  EXPECT_TRUE(form->fields.get("code"));
  EXPECT_NE(browser.response.headers.get("Content-Security-Policy")->find("form-action https://app.example.org;"),
            std::string_view::npos);
}

TEST_F(AuthorizeFlow, Rfc9126_PushedRequestIsUsedAndItsSurroundingsAreNot) {
  rig.only_own_record();
  const auto pushed =
      rig.as.post("par", FrontRig::request("app-basic", "patient/Goal.rs"), {AsHarness::basic("app-basic")});
  ASSERT_EQ(pushed.status, 201) << pushed.body;
  const auto uri = std::string(AsHarness::json(pushed)["request_uri"].string_or());
  codec::Form request{{"client_id", "app-basic"},
                      {"request_uri", uri},
                      {"scope", "patient/*.cruds"},
                      {"redirect_uri", "https://evil.example/"},
                      {"state", "other"}};
  browser.open(FrontRig::authorize(request));
  browser.sign_in();
  rig.as.clock.advance(std::chrono::minutes(3));  // longer than a pushed request lives: she reads
  browser.allow();
  auto answer = browser.answer();
  EXPECT_TRUE(browser.location().starts_with(kRedirectUri));
  EXPECT_EQ(answer["state"], "st 1/&=");
  EXPECT_EQ(tokens(answer["code"])["scope"].string_or(), "patient/Goal.rs");
  browser.open(FrontRig::authorize(request));
  EXPECT_FALSE(browser.left()) << "E-8: used once";
  EXPECT_EQ(browser.response.status, 400);
}

// ---- prompt, max_age, hints
// ---------------------------------------------------------------------------------------------

TEST_F(AuthorizeFlow, OidcCore_PromptNone) {
  auto silent = FrontRig::request();
  silent.add("prompt", "none");
  browser.open(FrontRig::authorize(silent));
  EXPECT_EQ(browser.answer()["error"], "login_required");
  browser.open(FrontRig::authorize(FrontRig::request("app-basic", "openid")));
  browser.sign_in();
  browser.open(FrontRig::authorize(silent));
  EXPECT_EQ(browser.answer()["error"], "interaction_required") << "two records to choose from";
  rig.only_own_record();
  browser.open(FrontRig::authorize(silent));
  EXPECT_EQ(browser.answer()["error"], "consent_required");
  through(FrontRig::request());
  browser.open(FrontRig::authorize(silent));
  EXPECT_FALSE(browser.answer()["code"].empty());
}

TEST_F(AuthorizeFlow, OidcCore_PromptLoginAndMaxAgeAskAgainOnce) {
  rig.only_own_record();
  through(FrontRig::request());
  for (const auto& [name, value] :
       {std::pair("prompt", "login"), {"max_age", "1"}, {"max_age", "0"}, {"prompt", "select_account"}}) {
    auto request = FrontRig::request();
    request.add(name, value);
    rig.as.clock.advance(std::chrono::seconds(100));
    const auto cookie = browser.session_cookie();
    browser.open(FrontRig::authorize(request));
    ASSERT_TRUE(browser.shows("username")) << name << "=" << value;
    EXPECT_FALSE(browser.left());
    rig.as.clock.advance(std::chrono::seconds(5));
    browser.sign_in();
    EXPECT_FALSE(browser.answer()["code"].empty()) << name;
    EXPECT_NE(browser.session_cookie(), cookie) << "W-7";
  }
  auto relaxed = FrontRig::request();
  relaxed.add("max_age", "10000");
  browser.open(FrontRig::authorize(relaxed));
  EXPECT_FALSE(browser.answer()["code"].empty());
}

TEST_F(AuthorizeFlow, OidcCore_PromptConsentAsksAgain) {
  rig.only_own_record();
  through(FrontRig::request());
  auto request = FrontRig::request();
  request.add("prompt", "consent");
  browser.open(FrontRig::authorize(request));
  ASSERT_TRUE(browser.shows("allow"));
  browser.allow();
  EXPECT_FALSE(browser.answer()["code"].empty());
}

TEST_F(AuthorizeFlow, CancelOfReauthenticationLeavesTheSessionAlone) {
  rig.only_own_record();
  through(FrontRig::request());
  const auto cookie = browser.session_cookie();
  auto request = FrontRig::request();
  request.add("prompt", "login");
  browser.open(FrontRig::authorize(request));
  browser.submit("/cancel");
  EXPECT_EQ(browser.answer()["error"], "access_denied");
  EXPECT_EQ(browser.session_cookie(), cookie);
  browser.open(FrontRig::authorize(FrontRig::request()));
  EXPECT_FALSE(browser.answer()["code"].empty());
}

TEST_F(AuthorizeFlow, WrongPasswordInReauthenticationLeavesTheSessionAlone) {
  rig.only_own_record();
  through(FrontRig::request());
  auto request = FrontRig::request();
  request.add("prompt", "login");
  browser.open(FrontRig::authorize(request));
  browser.sign_in("alice", "wrong");
  EXPECT_TRUE(browser.shows("problem"));
  browser.open(FrontRig::authorize(FrontRig::request()));
  EXPECT_FALSE(browser.answer()["code"].empty());
}

TEST_F(AuthorizeFlow, OidcCore_IdTokenHint) {
  rig.only_own_record();
  const auto hint =
      std::string(tokens(through(FrontRig::request("app-basic", "openid"))["code"])["id_token"].string_or());
  auto request = FrontRig::request("app-basic", "openid");
  request.add("prompt", "none").add("id_token_hint", hint);
  rig.as.clock.advance(std::chrono::hours(1));  // an expired hint is still a hint
  browser.open(FrontRig::authorize(request));
  EXPECT_FALSE(browser.answer()["code"].empty());

  Browser doras(rig);
  doras.open(FrontRig::authorize(FrontRig::request("app-basic", "openid")));
  doras.sign_in("dora");
  doras.open(FrontRig::authorize(request));
  EXPECT_EQ(doras.answer()["error"], "login_required") << "another person than the hint names";

  auto forged = FrontRig::request("app-basic", "openid");
  forged.add("prompt", "none").add("id_token_hint", hint.substr(0, hint.size() - 8) + "AAAAAAAA");
  browser.open(FrontRig::authorize(forged));
  EXPECT_EQ(browser.answer()["error"], "invalid_request");
}

TEST_F(AuthorizeFlow, OidcCore_UnknownAndDisplayParametersAreIgnored) {
  auto request = FrontRig::request();
  request.add("ui_locales", "de-CH fr")
      .add("display", "touch")
      .add("claims_locales", "de")
      .add("acr_values", "a b")
      .add("foo", "bar")
      .add("login_hint", "alice");
  browser.open(FrontRig::authorize(request));
  EXPECT_TRUE(browser.shows("username"));
  EXPECT_NE(browser.response.body.find("value=\"alice\""), std::string::npos);
}

// ---- SMART
// --------------------------------------------------------------------------------------------------------------

TEST_F(AuthorizeFlow, Smart16_OneRecordSkipsThePicker) {
  rig.only_own_record();
  browser.open(FrontRig::authorize(FrontRig::request("app-basic", "launch/patient patient/Goal.rs")));
  browser.sign_in();
  EXPECT_FALSE(browser.shows("patient-alice"));
  EXPECT_TRUE(browser.shows("allow"));
}

TEST_F(AuthorizeFlow, Smart16_NobodyToChooseIsAccessDenied) {
  browser.open(FrontRig::authorize(FrontRig::request("app-basic", "launch/patient patient/Goal.rs")));
  browser.sign_in("dora");
  EXPECT_EQ(browser.answer()["error"], "access_denied");
}

TEST_F(AuthorizeFlow, Smart16_PatientScopeAloneNeedsARecordToo) {
  browser.open(FrontRig::authorize(FrontRig::request("app-basic", "patient/Goal.rs")));
  browser.sign_in();
  EXPECT_TRUE(browser.shows("patient-ben"));
}

TEST_F(AuthorizeFlow, FirstPartyAppsAreNotAskedUnlessTheyWantToStay) {
  rig.only_own_record();
  auto client = rig.as.client_record("app-basic");
  client.dedicated_consent = false;
  rig.as.put(client);
  browser.open(FrontRig::authorize(FrontRig::request("app-basic", "openid patient/Goal.rs")));
  browser.sign_in();
  EXPECT_FALSE(browser.answer()["code"].empty());
  browser.open(FrontRig::authorize(FrontRig::request("app-basic", "offline_access patient/Goal.rs")));
  EXPECT_TRUE(browser.shows("offline"));
}

class EhrLaunch : public AuthorizeFlow {
 protected:
  EhrLaunch() {
    auto ehr = rig.as.client_record("app-post");
    ehr.id = ClientId("ehr");
    ehr.scopes = {"launch-context"};
    ehr.verified = true;
    rig.as.put(ehr);
  }
  codec::Response launch(codec::Form form) {
    form.add("client_id", "ehr").add("client_secret", kSecret);
    const std::string body = form.serialize();
    codec::Request request;
    Browser poster(rig);
    poster.send(codec::Method::post, std::string(kIssuer) + "/launch", body);
    return poster.response;
  }
  codec::Form usual() {
    return {{"app", "app-basic"},
            {"user", "dora"},
            {"aud", std::string(kFhir)},
            {"context", R"({"patient":"p9","encounter":"e7","need_patient_banner":false,"intent":"reconcile"})"}};
  }
  std::string handle() { return std::string(AsHarness::json(launch(usual()))["launch"].string_or()); }
  codec::Form request(const std::string& launch,
                      std::string_view scope = "launch openid fhirUser user/Observation.rs patient/Patient.rs") {
    auto form = FrontRig::request("app-basic", scope);
    if (!launch.empty()) form.add("launch", launch);
    return form;
  }
};

TEST_F(EhrLaunch, Smart15_ContextArrivesWithTheToken) {
  const auto made = launch(usual());
  ASSERT_EQ(made.status, 201) << made.body;
  const auto json = AsHarness::json(made);
  EXPECT_TRUE(json["launch_url"].string_or().starts_with(
      "https://app.example.org/launch?iss=https%3A%2F%2Ffhir.example.org%2Fr4&launch=mlt_"));
  browser.open(FrontRig::authorize(request(std::string(json["launch"].string_or()))));
  browser.sign_in("dora");
  browser.allow();
  const auto token = tokens(browser.answer()["code"]);
  EXPECT_EQ(token["patient"].string_or(), "p9");
  EXPECT_EQ(token["encounter"].string_or(), "e7");
  EXPECT_EQ(token["need_patient_banner"].as_bool(), false);
  EXPECT_EQ(token["intent"].string_or(), "reconcile");
  EXPECT_EQ(token["scope"].string_or(), "launch openid fhirUser user/Observation.rs patient/Patient.rs");
  const auto style = std::string(token["smart_style_url"].string_or());
  ASSERT_TRUE(style.starts_with(std::string(kIssuer) + "/assets/"));
  browser.send(codec::Method::get, style, {}, {{"Origin", "https://any.example"}});
  EXPECT_EQ(browser.response.status, 200);
  EXPECT_EQ(browser.response.headers.get("Access-Control-Allow-Origin"), "*");
  EXPECT_TRUE(codec::Json::parse_object(browser.response.body));
}

TEST_F(EhrLaunch, S1_LaunchIsGoodOnceForOneAppAndNotForLong) {
  const auto used = handle();
  browser.open(FrontRig::authorize(request(used)));
  browser.sign_in("dora");
  browser.allow();
  EXPECT_FALSE(browser.answer()["code"].empty());
  browser.open(FrontRig::authorize(request(used)));
  EXPECT_EQ(browser.answer()["error"], "invalid_request");

  auto foreign = FrontRig::request("app-post", "launch user/Goal.rs");
  foreign.add("launch", handle());
  browser.open(FrontRig::authorize(foreign));
  EXPECT_EQ(browser.answer()["error"], "invalid_request") << "another app's launch";

  auto elsewhere = request(handle());
  elsewhere.set("aud", kLabs);
  browser.open(FrontRig::authorize(elsewhere));
  EXPECT_EQ(browser.answer()["error"], "invalid_request") << "another server's launch";

  const auto late = handle();
  rig.as.clock.advance(std::chrono::seconds(301));
  browser.open(FrontRig::authorize(request(late)));
  EXPECT_EQ(browser.answer()["error"], "invalid_request");

  browser.open(FrontRig::authorize(request("mlt_" + std::string(43, 'A'))));
  EXPECT_EQ(browser.answer()["error"], "invalid_request");
}

TEST_F(EhrLaunch, S1_ScopeAndParameterBelongTogether) {
  browser.open(FrontRig::authorize(FrontRig::request("app-basic", "openid")));
  browser.sign_in("dora");
  browser.open(FrontRig::authorize(request("")));
  EXPECT_EQ(browser.answer()["error"], "invalid_request");
  browser.open(FrontRig::authorize(request(handle(), "openid user/Goal.rs")));
  browser.allow();
  EXPECT_TRUE(tokens(browser.answer()["code"])["patient"].is_null()) << "context without the scope";
}

TEST_F(EhrLaunch, Smart115_CliniciansAreNotAskedForEachPatient) {
  browser.open(FrontRig::authorize(request(handle())));
  browser.sign_in("dora");
  browser.allow();
  auto next = usual();
  next.set("context", R"({"patient":"p10"})");
  browser.open(FrontRig::authorize(request(std::string(AsHarness::json(launch(next))["launch"].string_or()))));
  EXPECT_EQ(tokens(browser.answer()["code"])["patient"].string_or(), "p10");
}

TEST_F(EhrLaunch, S2_AnotherPersonCannotTakeTheLaunch) {
  browser.open(FrontRig::authorize(request(handle())));
  browser.sign_in("alice");
  EXPECT_EQ(browser.answer()["error"], "access_denied");
}

TEST_F(EhrLaunch, S2_SignedInAsAnotherPersonHasToSignInAsTheRightOne) {
  browser.open(FrontRig::authorize(FrontRig::request("app-basic", "openid")));
  browser.sign_in("alice");
  browser.open(FrontRig::authorize(request(handle())));
  ASSERT_TRUE(browser.shows("username"));
  browser.sign_in("dora");
  EXPECT_TRUE(browser.shows("allow"));
}

TEST_F(EhrLaunch, S5_PatientsAreNotHandedForeignRecords) {
  auto form = usual();
  form.set("user", "alice");
  EXPECT_EQ(AsHarness::verdict(launch(form)), "400 invalid_request");
  form.set("context", R"({"patient":"ben"})");
  EXPECT_EQ(launch(form).status, 201);
}

TEST_F(EhrLaunch, LaunchEndpointRefusesWhatDoesNotFit) {
  auto bad = [&](std::string_view name, std::string_view value) {
    auto form = usual();
    form.set(name, value);
    return AsHarness::verdict(launch(form));
  };
  EXPECT_EQ(bad("app", "nobody"), "400 invalid_request");
  EXPECT_EQ(bad("user", "nobody"), "400 invalid_request");
  EXPECT_EQ(bad("aud", "https://evil.example/fhir"), "400 invalid_request");
  EXPECT_EQ(bad("context", R"({"patient":"../x"})"), "400 invalid_request");
  EXPECT_EQ(bad("context", R"({"custom":1})"), "400 invalid_request");
  EXPECT_EQ(bad("context", "{"), "400 invalid_request");
  Browser poster(rig);
  auto form = usual();
  form.add("client_id", "app-post").add("client_secret", kSecret);
  poster.send(codec::Method::post, std::string(kIssuer) + "/launch", form.serialize());
  EXPECT_EQ(AsHarness::verdict(poster.response), "400 unauthorized_client");
  EXPECT_EQ(rig.events(model::AuditKind::launch).size(), 0U);
}

TEST_F(AuthorizeFlow, EverythingIsAudited) {
  rig.only_own_record();
  browser.open(FrontRig::authorize(FrontRig::request()));
  browser.sign_in("alice", "wrong");
  browser.sign_in();
  browser.allow();
  const auto sign_ins = rig.events(model::AuditKind::sign_in);
  ASSERT_EQ(sign_ins.size(), 2U);
  EXPECT_EQ(sign_ins[0].outcome, model::AuditOutcome::failure);
  EXPECT_EQ(sign_ins[1].outcome, model::AuditOutcome::success);
  EXPECT_EQ(sign_ins[1].client, "app-basic");
  ASSERT_EQ(rig.events(model::AuditKind::consent).size(), 1U);
  const auto codes = rig.events(model::AuditKind::code_issued);
  ASSERT_EQ(codes.size(), 1U);
  EXPECT_EQ(codes[0].patient, "alice");
  EXPECT_EQ(codes[0].user, "u_alice");
}

TEST_F(AuthorizeFlow, SignOutEndsTheSessionAfterAskingOnly) {
  rig.only_own_record();
  through(FrontRig::request());
  browser.open(std::string(kIssuer) + "/sign-out");
  ASSERT_TRUE(browser.shows("sign-out"));
  EXPECT_FALSE(browser.session_cookie().empty()) << "GET changes nothing";
  browser.submit("/sign-out");
  EXPECT_TRUE(browser.shows("signed-out"));
  EXPECT_TRUE(browser.session_cookie().empty());
  auto silent = FrontRig::request();
  silent.add("prompt", "none");
  browser.open(FrontRig::authorize(silent));
  EXPECT_EQ(browser.answer()["error"], "login_required");
}

TEST_F(AuthorizeFlow, HomePageAndAssets) {
  browser.send(codec::Method::get, std::string(kIssuer));
  EXPECT_EQ(browser.response.status, 200);
  EXPECT_TRUE(browser.shows("sign-out-link"));
  std::smatch css;
  const std::string body = browser.response.body;
  ASSERT_TRUE(std::regex_search(body, css, std::regex("href=\"(/t/clinic/assets/style-[0-9a-f]+\\.css)\"")));
  browser.send(codec::Method::get, css[1]);
  EXPECT_EQ(browser.response.status, 200);
  EXPECT_EQ(browser.response.headers.get("Content-Type"), "text/css; charset=utf-8");
  browser.send(codec::Method::get, std::string(kIssuer) + "/assets/../../etc/passwd");
  EXPECT_EQ(browser.response.status, 404);
}

}  // namespace
}  // namespace mitral::testing
