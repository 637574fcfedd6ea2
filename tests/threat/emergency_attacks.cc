// Every way around emergency access that we could think of (threats S-6, S-21).
#include "flow/refresh_token.h"
#include "login/browser.h"
#include "support/emergency_rig.h"

namespace mitral::testing {
namespace {

using Reasons = std::vector<std::string>;

class EmergencyAttacks : public ::testing::Test {
 protected:
  EmergencyRig rig;
  Browser browser{rig};

  /// Signed in as erin, by an ordinary request, some time ago.
  void signed_in_before(Browser& at) {
    at.open(FrontRig::authorize(FrontRig::request("app-er", "openid launch/patient patient/Patient.rs")));
    at.sign_in("erin");
    EXPECT_FALSE(at.session_cookie().empty());
  }
  /// Nothing came of it.
  void nothing_opened() {
    EXPECT_TRUE(rig.accesses().empty());
    EXPECT_EQ(rig.events(model::AuditKind::code_issued).size(), 0U);
  }
};

TEST_F(EmergencyAttacks, S21_AnOpenSessionIsNotEnough) {
  signed_in_before(browser);
  browser.open(FrontRig::authorize(EmergencyRig::request()));
  EXPECT_TRUE(browser.shows("password")) << "seconds after another sign-in, and asked for again";
  EXPECT_FALSE(browser.shows("emergency-warning"));
  nothing_opened();
}

TEST_F(EmergencyAttacks, S21_TheStatementWithoutTheSignInOpensNothing) {
  signed_in_before(browser);
  browser.open(FrontRig::authorize(EmergencyRig::request()));
  // The form of the page that comes later, made by hand with the token of the page that is shown.
  auto form = browser.form("/sign-in");
  ASSERT_TRUE(form);
  auto action = form->action.substr(0, form->action.rfind('/')) + "/emergency";
  auto forged = EmergencyRig::statement();
  forged.add("csrf", form->fields.get("csrf").value_or(""));
  browser.send(codec::Method::post, action, forged.serialize());
  EXPECT_EQ(browser.response.status, 403) << "a token of another form";
  nothing_opened();
}

TEST_F(EmergencyAttacks, S21_TheSignInGetsOldOnThePage) {
  browser.open(FrontRig::authorize(EmergencyRig::request()));
  browser.sign_in("erin");
  ASSERT_TRUE(browser.shows("emergency-warning"));
  rig.as.clock.advance(limits::kEmergencySignInAge);
  browser.submit("/emergency", EmergencyRig::statement());
  EXPECT_TRUE(browser.shows("password")) << browser.response.body;
  nothing_opened();
  browser.sign_in("erin");
  browser.submit("/emergency", EmergencyRig::statement());
  EXPECT_FALSE(browser.answer()["code"].empty());
}

TEST_F(EmergencyAttacks, S21_AWrongPasswordIsNoSignIn) {
  signed_in_before(browser);
  browser.open(FrontRig::authorize(EmergencyRig::request()));
  browser.sign_in("erin", "wrong");
  EXPECT_EQ(browser.last_post_status, 403);
  EXPECT_TRUE(browser.shows("password"));
  browser.open(browser.url.substr(0, browser.url.rfind('/')));
  EXPECT_TRUE(browser.shows("password"));
  nothing_opened();
}

TEST_F(EmergencyAttacks, S21_ConsentAndPickerFormsLeadNowhere) {
  browser.open(FrontRig::authorize(EmergencyRig::request()));
  browser.sign_in("erin");
  const auto form = browser.form("/emergency");
  ASSERT_TRUE(form);
  const auto base = form->action.substr(0, form->action.rfind('/'));
  const auto id = base.substr(base.rfind('/') + 1);
  const auto cookie = [&](std::string_view kind) {
    for (const auto& [name, value] : browser.jar) {
      if (name.find(kind) != std::string::npos) return value;
    }
    return std::string();
  };
  const auto session = browser.session_cookie();
  for (const std::string_view other : {"consent", "patient"}) {
    // Even with the right token for that form.
    const auto token = login::csrf_token(
        rig.as.issuer(), {.browser = cookie("mitral_browser").empty() ? cookie("browser") : cookie("mitral_browser"),
                          .session = flow::hash_of(session),
                          .purpose = other,
                          .subject = id});
    codec::Form sent{{"csrf", token}, {"decision", "allow"}, {"patient", "alice"}, {"share", "patient.see.other"}};
    browser.send(codec::Method::post, base + "/" + std::string(other), sent.serialize());
    EXPECT_EQ(browser.response.status, 303) << other << browser.response.body;
    EXPECT_FALSE(browser.left()) << other;
    browser.follow();
    EXPECT_TRUE(browser.shows("emergency-warning"));
  }
  nothing_opened();
}

TEST_F(EmergencyAttacks, S21_WithoutTheRole) {
  for (const std::string_view who : {"dora", "alice"}) {
    Browser fresh(rig);
    fresh.open(FrontRig::authorize(EmergencyRig::request()));
    fresh.sign_in(who);
    EXPECT_EQ(fresh.answer()["error"], "access_denied") << who;
  }
  EXPECT_EQ(rig.told(), (Reasons{"requested", "not_entitled", "requested", "not_entitled"}));
  nothing_opened();
}

TEST_F(EmergencyAttacks, S21_TheRoleWithoutBeingAPractitioner) {
  auto alice = rig.as.user_record("u_alice");
  alice.roles = {"emergency", "clinician"};
  rig.as.put(alice);
  browser.open(FrontRig::authorize(EmergencyRig::request()));
  browser.sign_in("alice");
  EXPECT_EQ(browser.answer()["error"], "access_denied");
  nothing_opened();
}

TEST_F(EmergencyAttacks, S21_APublicClientNeverMay) {
  auto client = rig.as.client_record("app-public");
  client.emergency_access = true;
  rig.as.put(client);
  signed_in_before(browser);
  browser.open(FrontRig::authorize(EmergencyRig::request("openid patient/*.rs", "app-public")));
  EXPECT_EQ(browser.answer()["error"], "access_denied");
  nothing_opened();
}

TEST_F(EmergencyAttacks, S21_TheRoleIsTakenAwayOnThePage) {
  browser.open(FrontRig::authorize(EmergencyRig::request()));
  browser.sign_in("erin");
  auto erin = rig.as.user_record("u_erin");
  erin.roles = {"clinician"};
  rig.as.put(erin);
  browser.submit("/emergency", EmergencyRig::statement());
  EXPECT_EQ(browser.answer()["error"], "access_denied");
  nothing_opened();
}

TEST_F(EmergencyAttacks, S21_TheFlagIsTakenAwayOnThePage) {
  browser.open(FrontRig::authorize(EmergencyRig::request()));
  browser.sign_in("erin");
  auto client = rig.as.client_record("app-er");
  client.emergency_access = false;
  rig.as.put(client);
  browser.submit("/emergency", EmergencyRig::statement());
  EXPECT_EQ(browser.answer()["error"], "access_denied");
  nothing_opened();
}

TEST_F(EmergencyAttacks, S21_TheFlagIsTakenAwayBeforeTheCodeIsRedeemedAndAfter) {
  const auto code = rig.code_for(browser, EmergencyRig::request());
  Browser second(rig);
  const std::string token(rig.tokens(rig.code_for(second, EmergencyRig::request()))["access_token"].string_or());
  EXPECT_TRUE(rig.as.introspect(token)["active"].bool_or(false));
  auto client = rig.as.client_record("app-er");
  client.emergency_access = false;
  rig.as.put(client);
  EXPECT_EQ(AsHarness::verdict(rig.token_response(code)), "400 invalid_grant");
  EXPECT_FALSE(rig.as.introspect(token)["active"].bool_or(true));
}

TEST_F(EmergencyAttacks, S21_PurposeBesideAPushedRequestDoesNotCount) {
  // Pushed without, added at the front: an ordinary request.
  const auto plain = rig.as.post("par", FrontRig::request("app-er", "openid launch/patient patient/*.rs"),
                                 {AsHarness::basic("app-er")});
  ASSERT_EQ(plain.status, 201);
  auto erin = rig.as.user_record("u_erin");
  erin.patients = {{"ben", "Ben Example", "patient", ""}};
  rig.as.put(erin);
  browser.open(FrontRig::authorize({{"client_id", "app-er"},
                                    {"request_uri", std::string(AsHarness::json(plain)["request_uri"].string_or())},
                                    {"purpose_of_use", "ETREAT"}}));
  browser.sign_in("erin");
  EXPECT_TRUE(browser.shows("allow"));
  EXPECT_FALSE(browser.shows("emergency-warning"));
  // Pushed with it, taken away at the front: still an emergency.
  const auto emergency = rig.as.post("par", EmergencyRig::request(), {AsHarness::basic("app-er")});
  Browser second(rig);
  second.open(FrontRig::authorize({{"client_id", "app-er"},
                                   {"request_uri", std::string(AsHarness::json(emergency)["request_uri"].string_or())},
                                   {"purpose_of_use", "TREAT"}}));
  second.sign_in("erin");
  EXPECT_TRUE(second.shows("emergency-warning"));
  nothing_opened();
}

TEST_F(EmergencyAttacks, S21_TwoPurposesAreNone) {
  auto request = EmergencyRig::request();
  request.add("purpose_of_use", "TREAT");
  browser.open(FrontRig::authorize(request));
  EXPECT_EQ(browser.response.status, 400);
  nothing_opened();
}

TEST_F(EmergencyAttacks, S21_AConsentIsNeitherUsedNorMade) {
  auto erin = rig.as.user_record("u_erin");
  erin.patients = {{"alice", "Alice Example", "patient", ""}};
  rig.as.put(erin);
  browser.open(FrontRig::authorize(FrontRig::request("app-er", "openid launch/patient patient/*.rs")));
  browser.sign_in("erin");
  browser.allow();
  EXPECT_FALSE(browser.answer()["code"].empty());
  ASSERT_TRUE(*run_sync(
      rig.as.store().find_consent(rig.as.issuer_id(), UserId("u_erin"), ClientId("app-er"), rig.as.clock.now())));
  browser.open(FrontRig::authorize(EmergencyRig::request()));
  EXPECT_TRUE(browser.shows("password")) << "agreed before, and signed in: nothing is skipped";

  Browser fresh(rig);
  auto client = rig.as.client_record("app-er");
  client.id = ClientId("app-er-2");
  rig.as.put(client);
  EXPECT_FALSE(rig.code_for(fresh, EmergencyRig::request("openid patient/*.rs", "app-er-2")).empty());
  EXPECT_FALSE(*run_sync(
      rig.as.store().find_consent(rig.as.issuer_id(), UserId("u_erin"), ClientId("app-er-2"), rig.as.clock.now())));
}

TEST_F(EmergencyAttacks, S21_AClientWithoutConsentPageIsNoShortcut) {
  auto client = rig.as.client_record("app-er");
  client.dedicated_consent = false;
  rig.as.put(client);
  signed_in_before(browser);
  browser.open(FrontRig::authorize(EmergencyRig::request()));
  EXPECT_TRUE(browser.shows("password"));
  EXPECT_EQ(rig.accesses().size(), 0U);
}

TEST_F(EmergencyAttacks, S21_NothingRenewsIt) {
  const auto code = rig.code_for(browser, EmergencyRig::request("openid patient/*.rs offline_access online_access"));
  const auto json = rig.tokens(code);
  EXPECT_TRUE(json["refresh_token"].is_null());
  const auto grant = rig.accesses().front().id;
  EXPECT_FALSE(*run_sync(rig.as.store().find_family(rig.as.issuer_id(), grant)));
  // A refresh token that is genuine in form but was never given out.
  const auto made = rig.as.issuer().refresh_tokens().make(grant, 1);
  const auto refreshed =
      rig.as.token({{"grant_type", "refresh_token"}, {"refresh_token", made}}, {AsHarness::basic("app-er")});
  EXPECT_EQ(AsHarness::verdict(refreshed), "400 invalid_grant");
  // Nor can the token be exchanged for another.
  const auto exchanged = rig.as.token({{"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"},
                                       {"subject_token", std::string(json["access_token"].string_or())},
                                       {"subject_token_type", "urn:ietf:params:oauth:token-type:access_token"}},
                                      {AsHarness::basic("app-er")});
  EXPECT_EQ(AsHarness::verdict(exchanged), "400 unsupported_grant_type");
}

TEST_F(EmergencyAttacks, S21_ACodeIsGoodOnce) {
  const auto code = rig.code_for(browser, EmergencyRig::request());
  const std::string token(rig.tokens(code)["access_token"].string_or());
  EXPECT_EQ(AsHarness::verdict(rig.token_response(code)), "400 invalid_grant");
  EXPECT_FALSE(rig.as.introspect(token)["active"].bool_or(true)) << "and the second try ends the first";
}

TEST_F(EmergencyAttacks, S21_ThePageIsGoodOnce) {
  browser.open(FrontRig::authorize(EmergencyRig::request()));
  browser.sign_in("erin");
  const auto form = browser.form("/emergency");
  ASSERT_TRUE(form);
  auto sent = form->fields;
  for (const auto& field : EmergencyRig::statement().list()) sent.set(field.name, field.value);
  browser.send(codec::Method::post, form->action, sent.serialize());
  EXPECT_FALSE(browser.answer()["code"].empty());
  sent.set("patient", "ben");
  browser.send(codec::Method::post, form->action, sent.serialize());
  EXPECT_EQ(browser.response.status, 400);
  EXPECT_FALSE(browser.left());
  EXPECT_EQ(rig.accesses().size(), 1U);
}

TEST_F(EmergencyAttacks, S21_AnotherBrowserCannotGoOn) {
  browser.open(FrontRig::authorize(EmergencyRig::request()));
  browser.sign_in("erin");
  const auto form = browser.form("/emergency");
  ASSERT_TRUE(form);
  auto sent = form->fields;
  for (const auto& field : EmergencyRig::statement().list()) sent.set(field.name, field.value);
  Browser other(rig);
  signed_in_before(other);
  other.send(codec::Method::post, form->action, sent.serialize());
  EXPECT_EQ(other.response.status, 400);
  nothing_opened();
}

TEST_F(EmergencyAttacks, S21_SomebodyElseSignsInMeanwhile) {
  browser.open(FrontRig::authorize(EmergencyRig::request()));
  browser.sign_in("erin");
  const auto url = browser.url;
  // In the same browser, another tab: dora. The page of erin's emergency is not hers.
  auto login = FrontRig::request("app-basic", "openid");
  login.add("prompt", "login");
  browser.open(FrontRig::authorize(login));
  browser.sign_in("dora");
  browser.open(url);
  EXPECT_TRUE(browser.shows("password"));
  EXPECT_FALSE(browser.shows("emergency-warning"));
  EXPECT_TRUE(rig.accesses().empty());
}

TEST_F(EmergencyAttacks, S6_OneRecordAndNoOther) {
  const auto json = rig.tokens(
      rig.code_for(browser, EmergencyRig::request("openid launch/patient patient/*.rs user/*.cruds"), "ben"));
  EXPECT_EQ(json["scope"].string_or(), "openid launch/patient patient/*.rs");
  const auto live = rig.as.introspect(json["access_token"].string_or());
  EXPECT_EQ(live["patient"].string_or(), "ben");
  EXPECT_EQ(live["scope"].string_or().find("user/"), std::string_view::npos);
  EXPECT_EQ(live["scope"].string_or().find("cud"), std::string_view::npos);
}

TEST_F(EmergencyAttacks, S21_LaunchContextCannotClaimAPurpose) {
  auto code =
      rig.as.code_record("app-basic", {"launch", "patient/*.rs"}, "verifier-verifier-verifier-verifier-verifier");
  code.context = codec::Json::object({{"patient", "alice"}, {"purpose_of_use", "ETREAT"}});
  const auto json = rig.as.redeem("app-basic", rig.as.store_code(code, "verifier-verifier-verifier-verifier-verifier"));
  EXPECT_FALSE(json.contains("purpose_of_use"));
  EXPECT_FALSE(rig.as.introspect(json["access_token"].string_or()).contains("purpose_of_use"));
}

TEST_F(EmergencyAttacks, S21_ACodeWithoutItsRecordIsWorthNothing) {
  auto code = rig.as.code_record("app-er", {"patient/*.rs"}, "verifier-verifier-verifier-verifier-verifier");
  code.request.extra.set("purpose_of_use", "ETREAT");
  const auto minted = rig.as.store_code(code, "verifier-verifier-verifier-verifier-verifier");
  const auto response = rig.as.token(AsHarness::code_form(minted), {AsHarness::basic("app-er")});
  EXPECT_EQ(AsHarness::verdict(response), "400 invalid_grant");
}

TEST_F(EmergencyAttacks, S6_RevokingTheClinicianEndsItAtOnce) {
  const std::string token(rig.tokens(rig.code_for(browser, EmergencyRig::request()))["access_token"].string_or());
  ASSERT_TRUE(run_sync(rig.as.store().revoke_user(rig.as.issuer_id(), UserId("u_erin"), {}, rig.as.clock.now())));
  rig.as.tick();
  EXPECT_FALSE(rig.as.introspect(token)["active"].bool_or(true));
}

}  // namespace
}  // namespace mitral::testing
