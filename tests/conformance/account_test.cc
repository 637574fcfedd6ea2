// The account page: SMART App Launch 2.2 management_endpoint (smart-fhir 1.19).
#include "login/browser.h"
#include "support/emergency_rig.h"

namespace mitral::testing {
namespace {

constexpr std::string_view kAccount = "https://as.example.org/t/clinic/account";

class Account : public ::testing::Test {
 protected:
  EmergencyRig rig;
  Browser browser{rig};

  void sign_in(Browser& at, std::string_view who = "alice") {
    at.open(std::string(kAccount));
    ASSERT_TRUE(at.shows("password")) << at.response.body;
    at.submit("/account/sign-in", {{"username", std::string(who)}, {"password", std::string(kPassword)}});
    EXPECT_EQ(at.last_post_status, 303);
    EXPECT_TRUE(at.shows("apps")) << at.response.body;
  }
  /// Alice gives an app access by the pages; the token response.
  codec::Json give(Browser& at, std::string_view scope = "openid launch/patient offline_access patient/Observation.rs",
                   std::string_view patient = "alice") {
    at.open(FrontRig::authorize(FrontRig::request("app-basic", scope)));
    if (at.shows("username")) at.sign_in();
    if (at.shows("patient-alice")) at.pick(patient);
    if (at.shows("allow")) at.allow();
    const auto response = rig.token_response(at.answer()["code"], "app-basic");
    EXPECT_EQ(response.status, 200) << response.body;
    return AsHarness::json(response);
  }
  [[nodiscard]] std::string grant_of(const codec::Json& tokens) {
    return std::string(rig.as.introspect(tokens["access_token"].string_or())["grant_id"].string_or());
  }
  [[nodiscard]] bool says(std::string_view text) const { return browser.response.body.find(text) != std::string::npos; }
};

TEST_F(Account, AsksForASignInAndThenShowsThePage) {
  sign_in(browser);
  EXPECT_TRUE(browser.shows("no-apps"));
  EXPECT_TRUE(browser.shows("no-emergencies"));
  EXPECT_TRUE(says("Alice Example"));
  EXPECT_TRUE(says("This browser"));
  EXPECT_EQ(browser.response.headers.get("Cache-Control"), "no-store");
  const auto csp = browser.response.headers.get("Content-Security-Policy").value_or("");
  EXPECT_NE(csp.find("default-src 'none'"), std::string_view::npos);
  EXPECT_NE(csp.find("form-action 'self'"), std::string_view::npos);
  EXPECT_EQ(csp.find("script-src"), std::string_view::npos);
  EXPECT_EQ(browser.response.body.find("<script"), std::string::npos);
}

TEST_F(Account, AWrongPasswordIsAskedForAgain) {
  browser.open(std::string(kAccount));
  browser.submit("/account/sign-in", {{"username", "alice"}, {"password", "wrong"}});
  EXPECT_EQ(browser.last_post_status, 403);
  EXPECT_TRUE(browser.shows("problem"));
  EXPECT_TRUE(browser.session_cookie().empty());
}

TEST_F(Account, IsNamedInTheSmartConfiguration) {
  const auto json = AsHarness::json(rig.as.get("/t/clinic/.well-known/smart-configuration"));
  EXPECT_EQ(json["management_endpoint"].string_or(), kAccount);
}

TEST_F(Account, ShowsWhatAnAppMayDoInEverydayWords) {
  const auto tokens = give(browser);
  const auto grant = grant_of(tokens);
  rig.as.clock.advance(std::chrono::minutes(10));
  browser.open(std::string(kAccount));
  ASSERT_TRUE(browser.shows("app-" + grant));
  EXPECT_TRUE(says("Test app"));
  EXPECT_TRUE(says("app.example.org"));
  EXPECT_TRUE(says("Until you end it"));
  EXPECT_FALSE(says("patient/Observation.rs")) << "scopes are words here";
  EXPECT_FALSE(says("Last used"));
  const auto refreshed = rig.as.token(
      {{"grant_type", "refresh_token"}, {"refresh_token", std::string(tokens["refresh_token"].string_or())}},
      {AsHarness::basic("app-basic")});
  EXPECT_EQ(refreshed.status, 200);
  browser.open(std::string(kAccount));
  EXPECT_TRUE(says("Last used"));
}

TEST_F(Account, AnAppThatCanDoNothingAnyMoreIsNotShown) {
  give(browser, "openid launch/patient patient/Observation.rs");
  browser.open(std::string(kAccount));
  EXPECT_FALSE(browser.shows("no-apps"));
  EXPECT_TRUE(says("Ends by itself"));
  rig.as.clock.advance(limits::kAccessTokenLifetime);
  browser.open(std::string(kAccount));
  EXPECT_TRUE(browser.shows("no-apps"));
}

TEST_F(Account, Smart119_EndingAnAppEndsEverythingItHas) {
  const auto tokens = give(browser);
  const auto grant = grant_of(tokens);
  browser.open(std::string(kAccount));
  const auto before = rig.as.store().latest_change();
  browser.submit("/account/apps/" + grant);
  EXPECT_EQ(browser.last_post_status, 303);
  EXPECT_TRUE(browser.shows("news"));
  EXPECT_TRUE(browser.shows("no-apps"));
  EXPECT_FALSE(rig.as.introspect(tokens["access_token"].string_or())["active"].bool_or(true));
  const auto refreshed = rig.as.token(
      {{"grant_type", "refresh_token"}, {"refresh_token", std::string(tokens["refresh_token"].string_or())}},
      {AsHarness::basic("app-basic")});
  EXPECT_EQ(AsHarness::verdict(refreshed), "400 invalid_grant");
  const auto changes = *run_sync(rig.as.store().changes_after(before, 10));
  ASSERT_EQ(changes.size(), 1U) << "gateways are told at once";
  EXPECT_EQ(changes[0].kind, model::ChangeKind::grant_revoked);
  EXPECT_EQ(changes[0].subject, grant);
  const auto events = rig.events(model::AuditKind::revocation);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].reason, "ended_by_user");
  EXPECT_EQ(events[0].user, "u_alice");
  EXPECT_EQ(events[0].grant, grant);
  // She is asked again next time.
  browser.open(FrontRig::authorize(FrontRig::request("app-basic", "openid launch/patient patient/Observation.rs")));
  EXPECT_FALSE(browser.left());
}

TEST_F(Account, AllThatAnAppHasIsOneLineAndEndsTogether) {
  const auto first = give(browser);
  rig.as.clock.advance(std::chrono::seconds(5));
  auto again = FrontRig::request("app-basic", "openid launch/patient patient/Condition.rs");
  again.add("prompt", "consent");
  browser.open(FrontRig::authorize(again));
  browser.pick("ben");
  browser.allow();
  const auto second = AsHarness::json(rig.token_response(browser.answer()["code"], "app-basic"));
  browser.open(std::string(kAccount));
  EXPECT_TRUE(says("Alice Example, Ben Example"));
  std::size_t lines = 0;
  for (auto at = browser.response.body.find("<article"); at != std::string::npos;
       at = browser.response.body.find("<article", at + 1)) {
    ++lines;
  }
  EXPECT_EQ(lines, 1U);
  browser.submit("/account/apps/" + grant_of(first));
  EXPECT_TRUE(browser.shows("no-apps"));
  EXPECT_FALSE(rig.as.introspect(first["access_token"].string_or())["active"].bool_or(true));
  EXPECT_FALSE(rig.as.introspect(second["access_token"].string_or())["active"].bool_or(true));
}

TEST_F(Account, S5_ForeignAndUnknownGrantsAreTheSame404) {
  const auto tokens = give(browser);
  const auto grant = grant_of(tokens);
  Browser dora(rig);
  sign_in(dora, "dora");
  const auto end = [&](const std::string& id) {
    dora.open(std::string(kAccount));
    auto form = dora.form("/end-sessions");
    EXPECT_TRUE(form);
    // The token of the page's app forms, as the page would hold it if dora had an app.
    const auto token = login::csrf_token(rig.as.issuer(), {.browser = dora.session_cookie(),
                                                           .session = flow::hash_of(dora.session_cookie()),
                                                           .purpose = "apps/",
                                                           .subject = {}});
    dora.send(codec::Method::post, std::string(kAccount) + "/apps/" + id, codec::Form{{"csrf", token}}.serialize());
    return dora.response;
  };
  const auto foreign = end(grant);
  const auto unknown = end(Id128::random(rig.as.random).text());
  const auto garbage = end("zzz");
  EXPECT_EQ(foreign.status, 404);
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(garbage.status, 404);
  EXPECT_EQ(foreign.body, unknown.body);
  EXPECT_EQ(foreign.body, garbage.body);
  EXPECT_TRUE(rig.as.introspect(tokens["access_token"].string_or())["active"].bool_or(false));
  EXPECT_EQ(rig.events(model::AuditKind::denial).back().reason, "grant_not_hers");
}

TEST_F(Account, W6_FormsNeedTheTokenOfThisBrowserAndSession) {
  const auto tokens = give(browser);
  const auto grant = grant_of(tokens);
  browser.open(std::string(kAccount));
  const auto form = browser.form("/account/apps/" + grant);
  ASSERT_TRUE(form);
  const auto alive = [&] { return rig.as.introspect(tokens["access_token"].string_or())["active"].bool_or(false); };
  browser.send(codec::Method::post, form->action);
  EXPECT_EQ(browser.response.status, 403);
  browser.send(codec::Method::post, form->action, "csrf=x");
  EXPECT_EQ(browser.response.status, 403);
  browser.send(codec::Method::post, form->action, form->fields.serialize() + "&csrf=x");
  EXPECT_NE(browser.response.status, 303);
  browser.send(codec::Method::post, form->action, form->fields.serialize(), {{"Sec-Fetch-Site", "cross-site"}});
  EXPECT_EQ(browser.response.status, 403);
  browser.send(codec::Method::post, form->action, form->fields.serialize(), {{"Origin", "https://evil.example"}});
  EXPECT_EQ(browser.response.status, 403);
  browser.send(codec::Method::post, form->action, form->fields.serialize(), {{"Sec-Fetch-Dest", "iframe"}});
  EXPECT_EQ(browser.response.status, 400);
  browser.send(codec::Method::post, form->action, form->fields.serialize(), {{"Content-Type", "text/plain"}});
  EXPECT_EQ(browser.response.status, 415);
  // The token of another session of the same person.
  Browser other(rig);
  sign_in(other);
  other.send(codec::Method::post, form->action, form->fields.serialize());
  EXPECT_EQ(other.response.status, 403);
  // A token of the other form.
  browser.open(std::string(kAccount));
  const auto sessions = browser.form("/account/end-sessions");
  ASSERT_TRUE(sessions);
  browser.send(codec::Method::post, form->action, sessions->fields.serialize());
  EXPECT_EQ(browser.response.status, 403);
  EXPECT_TRUE(alive());
  browser.send(codec::Method::post, form->action, form->fields.serialize());
  EXPECT_EQ(browser.response.status, 303);
  EXPECT_FALSE(alive());
}

TEST_F(Account, GetChangesNothing) {
  const auto tokens = give(browser);
  browser.send(codec::Method::get, std::string(kAccount) + "/apps/" + grant_of(tokens));
  EXPECT_EQ(browser.response.status, 302);
  EXPECT_EQ(browser.location(), kAccount);
  browser.send(codec::Method::get, std::string(kAccount) + "/end-sessions");
  EXPECT_EQ(browser.response.status, 302);
  browser.send(codec::Method::get, std::string(kAccount) + "/else");
  EXPECT_EQ(browser.response.status, 404);
  browser.send(codec::Method::post, std::string(kAccount));
  EXPECT_EQ(browser.response.status, 405);
  EXPECT_TRUE(rig.as.introspect(tokens["access_token"].string_or())["active"].bool_or(false));
}

TEST_F(Account, SignInFormNeedsItsTokenToo) {
  browser.open(std::string(kAccount));
  const auto form = browser.form("/account/sign-in");
  ASSERT_TRUE(form);
  Browser victim(rig);  // log-in CSRF: the attacker's form in the victim's browser
  auto sent = form->fields;
  sent.set("username", "dora");
  sent.set("password", kPassword);
  victim.send(codec::Method::post, form->action, sent.serialize());
  EXPECT_EQ(victim.response.status, 403);
  EXPECT_TRUE(victim.session_cookie().empty());
}

TEST_F(Account, SignsOutEverywhere) {
  const auto tokens = give(browser, "openid launch/patient online_access patient/Observation.rs");
  Browser elsewhere(rig);
  sign_in(elsewhere);
  Browser dora(rig);
  sign_in(dora, "dora");
  browser.open(std::string(kAccount));
  browser.submit("/account/end-sessions");
  EXPECT_TRUE(browser.shows("password"));
  EXPECT_TRUE(browser.session_cookie().empty());
  elsewhere.open(std::string(kAccount));
  EXPECT_TRUE(elsewhere.shows("password"));
  dora.open(std::string(kAccount));
  EXPECT_TRUE(dora.shows("apps"));
  EXPECT_FALSE(rig.as.introspect(tokens["access_token"].string_or())["active"].bool_or(true));
  EXPECT_EQ(rig.events(model::AuditKind::sign_out).back().reason, "all_sessions_by_user");
}

TEST_F(Account, W4_NamesOfClientsAreEscaped) {
  auto client = rig.as.client_record("app-basic");
  client.name = "<img src=x onerror=alert(1)>\"'&";
  rig.as.put(client);
  give(browser);
  browser.open(std::string(kAccount));
  EXPECT_EQ(browser.response.body.find("<img"), std::string::npos);
  EXPECT_TRUE(says("&lt;img"));
}

TEST_F(Account, S6_ThePatientSeesWhoBrokeTheGlass) {
  Browser clinician(rig);
  EXPECT_FALSE(rig.tokens(rig.code_for(clinician, EmergencyRig::request()))["access_token"].is_null());
  sign_in(browser);
  EXPECT_TRUE(browser.shows("emergency-notice"));
  EXPECT_TRUE(says("Dr. Erin Emergency"));
  EXPECT_TRUE(says("ER viewer"));
  EXPECT_TRUE(says("The patient cannot be asked"));
  EXPECT_TRUE(says("Not finished yet"));
  EXPECT_FALSE(says("Unconscious")) << "the statement is for the reviewer";
  const auto id = rig.accesses().front().id;
  ASSERT_TRUE(run_sync(rig.as.store().review_emergency_once(rig.as.issuer_id(), id,
                                                            {.at = rig.as.clock.now(),
                                                             .by = "office",
                                                             .verdict = model::EmergencyVerdict::unjustified,
                                                             .note = "secret note"},
                                                            {})));
  browser.open(std::string(kAccount));
  EXPECT_TRUE(says("it was not justified"));
  EXPECT_FALSE(says("secret note"));
  rig.as.clock.advance(std::chrono::hours(24 * 31));
  Browser later(rig);
  sign_in(later);
  EXPECT_FALSE(later.shows("emergency-notice")) << "reviewed, and a month ago";
  EXPECT_TRUE(later.response.body.find("Dr. Erin Emergency") != std::string::npos);
}

TEST_F(Account, S6_OthersDoNotSeeIt) {
  Browser clinician(rig);
  EXPECT_FALSE(rig.code_for(clinician, EmergencyRig::request(), "carl").empty());
  sign_in(browser);
  EXPECT_TRUE(browser.shows("no-emergencies"));
  EXPECT_FALSE(says("Erin"));
  // A clinician's list of patients is no reason to be told.
  auto dora = rig.as.user_record("u_dora");
  dora.patients = {{"carl", "Carl", "patient", ""}};
  rig.as.put(dora);
  Browser other(rig);
  sign_in(other, "dora");
  EXPECT_EQ(other.response.body.find("Erin"), std::string::npos);
  EXPECT_FALSE(other.shows("emergencies"));
}

TEST_F(Account, TheClinicianSeesHerOwnEmergencyAmongHerApps) {
  Browser clinician(rig);
  const auto json = rig.tokens(rig.code_for(clinician, EmergencyRig::request()));
  sign_in(browser, "erin");
  EXPECT_TRUE(browser.shows("app-" + grant_of(json)));
  browser.submit("/account/apps/" + grant_of(json));
  EXPECT_FALSE(rig.as.introspect(json["access_token"].string_or())["active"].bool_or(true));
  EXPECT_EQ(rig.accesses().size(), 1U) << "what was done stays on record";
}

TEST_F(Account, AStoreThatIsOutOfOrderSaysSo) {
  sign_in(browser);
  rig.as.faults().reads_fail = true;
  browser.open(std::string(kAccount));
  EXPECT_EQ(browser.response.status, 503);
}

}  // namespace
}  // namespace mitral::testing
