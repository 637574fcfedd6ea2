// Who sits at the browser: session, forms, framing, guessing. threats.md sections 1 to 3, 5 and 6.
#include <algorithm>
#include <regex>
#include <set>

#include "support/browser.h"

namespace mitral::testing {
namespace {

class FrontSession : public ::testing::Test {
 protected:
  FrontRig rig;
  Browser browser{rig};
  FrontSession() { rig.only_own_record(); }

  void sign_in_and_consent(Browser& at, std::string_view client = "app-basic") {
    at.open(FrontRig::authorize(FrontRig::request(client)));
    if (at.shows("username")) at.sign_in();
    if (at.shows("allow")) at.allow();
  }
};

// ---- BU-3, W-7, W-8, W-9
// ------------------------------------------------------------------------------------------------

TEST_F(FrontSession, BU3_AnotherBrowserCannotGoOnWithAFlow) {
  browser.open(FrontRig::authorize(FrontRig::request()));
  const auto url = browser.url;
  Browser victim(rig);
  victim.open(url);
  EXPECT_EQ(victim.response.status, 400);
  EXPECT_FALSE(victim.shows("username"));
  // With a browser cookie of her own it is still not hers.
  victim.open(FrontRig::authorize(FrontRig::request()));
  victim.open(url);
  EXPECT_EQ(victim.response.status, 400);
  // Nor can the attacker go on after the victim's consent page: the form's address is no right either.
  browser.sign_in();
  Browser other(rig);
  other.open(FrontRig::authorize(FrontRig::request()));
  auto form = browser.form("/consent");
  ASSERT_TRUE(form);
  form->fields.set("decision", "allow");
  other.send(codec::Method::post, form->action, form->fields.serialize());
  EXPECT_EQ(other.response.status, 400);
  EXPECT_EQ(rig.events(model::AuditKind::code_issued).size(), 0U);
}

TEST_F(FrontSession, W7_PresetCookiesAreNeverAdopted) {
  const std::string fixed(43, 'x');
  browser.open(FrontRig::authorize(FrontRig::request()));
  for (auto& [name, value] : browser.jar) {
    EXPECT_EQ(name.find("mitral_session"), std::string::npos);
  }
  std::string session_name;
  {
    Browser probe(rig);
    sign_in_and_consent(probe);
    for (const auto& [name, value] : probe.jar) {
      if (name.find("mitral_session") != std::string::npos) session_name = name;
    }
  }
  ASSERT_FALSE(session_name.empty());
  browser.jar[session_name] = fixed;
  browser.open(FrontRig::authorize(FrontRig::request()));
  browser.sign_in();
  EXPECT_NE(browser.session_cookie(), fixed);
  EXPECT_FALSE(browser.session_cookie().empty());
}

TEST_F(FrontSession, W7_EverySignInMakesANewId) {
  std::set<std::string> seen;
  for (int i = 0; i < 3; ++i) {
    auto request = FrontRig::request();
    request.add("prompt", "login");
    browser.open(FrontRig::authorize(request));
    browser.sign_in();
    EXPECT_TRUE(seen.insert(browser.session_cookie()).second);
  }
  // The ones before are dead.
  const auto newest = browser.session_cookie();
  for (auto& [name, value] : browser.jar) {
    if (value != newest) continue;
    value = *std::ranges::find_if(seen, [&](const auto& v) { return v != newest; });
  }
  auto silent = FrontRig::request();
  silent.add("prompt", "none");
  browser.open(FrontRig::authorize(silent));
  EXPECT_EQ(browser.answer()["error"], "login_required");
}

TEST_F(FrontSession, W8_AnotherUserEndsTheFirstOnesSession) {
  sign_in_and_consent(browser);
  const auto alices = browser.jar;
  auto request = FrontRig::request("app-basic", "openid");
  request.add("prompt", "login");
  browser.open(FrontRig::authorize(request));
  browser.sign_in("dora");
  browser.allow();
  EXPECT_FALSE(browser.answer()["code"].empty());
  browser.jar = alices;
  auto silent = FrontRig::request();
  silent.add("prompt", "none");
  browser.open(FrontRig::authorize(silent));
  EXPECT_EQ(browser.answer()["error"], "login_required");
}

TEST_F(FrontSession, W8_ConsentPageOfOneUserIsNotAnsweredByAnother) {
  browser.open(FrontRig::authorize(FrontRig::request()));
  browser.sign_in("alice");
  auto alices = browser.form("/consent");
  ASSERT_TRUE(alices);
  auto request = FrontRig::request("app-public", "openid");
  request.add("prompt", "login");
  browser.open(FrontRig::authorize(request));
  browser.sign_in("dora");
  alices->fields.set("decision", "allow");
  browser.send(codec::Method::post, alices->action, alices->fields.serialize());
  EXPECT_EQ(browser.response.status, 403);
  EXPECT_EQ(rig.events(model::AuditKind::code_issued).size(), 0U);
}

TEST_F(FrontSession, W9_CookiesCarryEveryFlagAndNoContent) {
  sign_in_and_consent(browser);
  ASSERT_GE(browser.set_cookies.size(), 2U);
  for (const auto& cookie : browser.set_cookies) {
    EXPECT_TRUE(cookie.starts_with("__Host-mitral_")) << cookie;
    for (const auto* flag : {"; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"})
      EXPECT_NE(cookie.find(flag), std::string::npos) << flag;
    EXPECT_EQ(cookie.find("Domain"), std::string::npos);
    const auto value = cookie.substr(cookie.find('=') + 1, cookie.find(';') - cookie.find('=') - 1);
    EXPECT_EQ(value.size(), 43U) << "256 random bits and nothing else";
  }
}

TEST_F(FrontSession, W21_BrokenCookiesAreNoSession) {
  sign_in_and_consent(browser);
  const auto good = browser.jar;
  auto silent = FrontRig::request();
  silent.add("prompt", "none");
  for (const std::string bad : {"", "x", "null", "../../etc", "%00", "\"quoted\""}) {
    browser.jar = good;
    for (auto& [name, value] : browser.jar) value = bad;
    browser.open(FrontRig::authorize(silent));
    EXPECT_EQ(browser.answer()["error"], "login_required") << bad;
  }
  browser.jar = good;
  std::string doubled;
  for (const auto& [name, value] : good) doubled += name + "=" + value + "; ";
  browser.send(codec::Method::get, FrontRig::authorize(silent), {}, {{"Cookie", doubled}});
  EXPECT_EQ(browser.answer()["error"], "login_required") << "tossed cookies: two of one name";
}

TEST_F(FrontSession, SessionsEndByIdlenessAndAge) {
  sign_in_and_consent(browser);
  auto silent = FrontRig::request();
  silent.add("prompt", "none");
  for (int i = 0; i < 5; ++i) {
    rig.as.clock.advance(std::chrono::hours(4));
    browser.open(FrontRig::authorize(silent));
    EXPECT_FALSE(browser.answer()["code"].empty()) << i;
  }
  rig.as.clock.advance(std::chrono::hours(4));
  browser.open(FrontRig::authorize(silent));
  EXPECT_EQ(browser.answer()["error"], "login_required") << "24 hours";
  Browser idle(rig);
  sign_in_and_consent(idle);
  rig.as.clock.advance(std::chrono::hours(8));
  idle.open(FrontRig::authorize(silent));
  EXPECT_EQ(idle.answer()["error"], "login_required");
}

// ---- W-6: forms
// ---------------------------------------------------------------------------------------------------------

TEST_F(FrontSession, W6_B47_M44110_FormsWithoutTheirOwnTokenDoNothing) {
  browser.open(FrontRig::authorize(FrontRig::request()));
  auto sign_in = *browser.form("/sign-in");
  const auto cancel_token = std::string(*browser.form("/cancel")->fields.get("csrf"));
  Browser attacker(rig);
  attacker.open(FrontRig::authorize(FrontRig::request()));
  const auto foreign = std::string(*attacker.form("/sign-in")->fields.get("csrf"));
  for (const std::string& token : {std::string(), std::string("x"), foreign, cancel_token, std::string(43, 'A')}) {
    codec::Form form{{"username", "alice"}, {"password", std::string(kPassword)}, {"csrf", token}};
    browser.send(codec::Method::post, sign_in.action, form.serialize());
    EXPECT_EQ(browser.response.status, 403) << token;
    EXPECT_TRUE(browser.session_cookie().empty());
  }
  codec::Form twice = sign_in.fields;
  twice.add("csrf", *sign_in.fields.get("csrf")).add("username", "alice").add("password", kPassword);
  browser.send(codec::Method::post, sign_in.action, twice.serialize());
  EXPECT_EQ(browser.response.status, 403) << "two tokens";
}

TEST_F(FrontSession, W6_TokenOfBeforeSignInIsDeadAfterwards) {
  browser.open(FrontRig::authorize(FrontRig::request()));
  const auto early = *browser.form("/cancel");
  browser.sign_in();
  browser.send(codec::Method::post, early.action, early.fields.serialize());
  EXPECT_EQ(browser.response.status, 403);
}

TEST_F(FrontSession, W6_CrossSiteRequestsAreRefusedEvenWithAToken) {
  for (const auto& header : std::vector<codec::Header>{{"Sec-Fetch-Site", "cross-site"},
                                                       {"Sec-Fetch-Site", "same-site"},
                                                       {"Origin", "https://evil.example"},
                                                       {"Origin", "https://as.example.org.evil"},
                                                       {"Origin", "http://as.example.org"},
                                                       {"Origin", "https://as.example.org:8443"}}) {
    browser.open(FrontRig::authorize(FrontRig::request()));
    auto form = *browser.form("/sign-in");
    form.fields.set("username", "alice").set("password", kPassword);
    browser.send(codec::Method::post, form.action, form.fields.serialize(), {header});
    EXPECT_EQ(browser.response.status, 403) << header.value;
    EXPECT_TRUE(browser.session_cookie().empty());
  }
  auto form = *[&] {
    browser.open(FrontRig::authorize(FrontRig::request()));
    return browser.form("/sign-in");
  }();
  form.fields.set("username", "alice").set("password", kPassword);
  browser.send(codec::Method::post, form.action, form.fields.serialize(),
               {{"Sec-Fetch-Site", "same-origin"}, {"Origin", "null"}});
  EXPECT_EQ(browser.response.status, 303) << "what browsers really send from a no-referrer page";
}

TEST_F(FrontSession, W6_SignOutNeedsItsToken) {
  sign_in_and_consent(browser);
  for (const auto* body : {"", "csrf=", "csrf=AAAA"}) {
    browser.send(codec::Method::post, std::string(kIssuer) + "/sign-out", body);
    EXPECT_EQ(browser.response.status, 403);
  }
  auto silent = FrontRig::request();
  silent.add("prompt", "none");
  browser.open(FrontRig::authorize(silent));
  EXPECT_FALSE(browser.answer()["code"].empty());
}

TEST_F(FrontSession, W6_JsonOrTextBodiesAreNoForms) {
  browser.open(FrontRig::authorize(FrontRig::request()));
  auto form = *browser.form("/sign-in");
  form.fields.set("username", "alice").set("password", kPassword);
  browser.send(codec::Method::post, form.action, form.fields.serialize(), {{"Content-Type", "text/plain"}});
  EXPECT_EQ(browser.response.status, 415);
}

// ---- framing, CORS, 303
// -------------------------------------------------------------------------------------------------

TEST_F(FrontSession, BB5_FramesWorkersAndFetchesGetNothing) {
  sign_in_and_consent(browser);
  for (const auto* destination : {"iframe", "frame", "embed", "object", "serviceworker", "script", "image", "empty"}) {
    browser.send(codec::Method::get, FrontRig::authorize(FrontRig::request()), {}, {{"Sec-Fetch-Dest", destination}});
    EXPECT_EQ(browser.response.status, 400) << destination;
    EXPECT_EQ(browser.location(), "");
  }
  browser.send(codec::Method::get, FrontRig::authorize(FrontRig::request()), {}, {{"Sec-Fetch-Dest", "document"}});
  EXPECT_EQ(browser.response.status, 302);
}

TEST_F(FrontSession, M4419_W10_B416_RealPagesForbidFraming) {
  const auto check = [&] {
    EXPECT_EQ(browser.response.headers.get("X-Frame-Options"), "DENY") << browser.url;
    const auto csp = browser.response.headers.get("Content-Security-Policy").value_or("");
    EXPECT_NE(csp.find("frame-ancestors 'none'"), std::string_view::npos) << browser.url;
    EXPECT_NE(csp.find("default-src 'none'"), std::string_view::npos);
    EXPECT_EQ(browser.response.headers.get("Cache-Control"), "no-store");
    EXPECT_EQ(browser.response.headers.get("Referrer-Policy"), "no-referrer");
    EXPECT_TRUE(browser.response.headers.get("Strict-Transport-Security"));
    EXPECT_FALSE(browser.response.headers.get("Access-Control-Allow-Origin"));
  };
  browser.open(FrontRig::authorize(FrontRig::request()));
  check();
  browser.sign_in("alice", "wrong");
  check();
  browser.sign_in();
  check();
  browser.send(codec::Method::get, std::string(kIssuer) + "/interaction/" + std::string(43, 'A'));
  check();
  browser.send(codec::Method::get, std::string(kIssuer) + "/authorize");
  check();
  browser.send(codec::Method::get, std::string(kIssuer) + "/sign-out");
  check();
}

TEST_F(FrontSession, BB3_NoCorsForTheFrontChannel) {
  for (const auto* origin : {"https://app.example.org", "null", "https://evil.example"}) {
    browser.send(codec::Method::get, FrontRig::authorize(FrontRig::request()), {}, {{"Origin", origin}});
    EXPECT_FALSE(browser.response.headers.get("Access-Control-Allow-Origin"));
    EXPECT_FALSE(browser.response.headers.get("Access-Control-Allow-Credentials"));
  }
}

TEST_F(FrontSession, B412_CredentialsAreNeverPostedOn) {
  browser.open(FrontRig::authorize(FrontRig::request()));
  browser.sign_in();
  EXPECT_EQ(browser.last_post_status, 303);
  browser.allow();
  EXPECT_EQ(browser.last_post_status, 303);
  auto again = FrontRig::request();
  again.add("prompt", "login");
  browser.open(FrontRig::authorize(again));
  browser.sign_in();
  EXPECT_EQ(browser.last_post_status, 303) << "straight to the client";
  EXPECT_FALSE(browser.answer()["code"].empty());
}

// ---- W-24, W-25
// ---------------------------------------------------------------------------------------------------------

TEST_F(FrontSession, W24_UnknownDisabledAndWrongLookTheSame) {
  auto dora = rig.as.user_record("u_dora");
  dora.enabled = false;
  rig.as.put(dora);
  std::set<std::string> bodies;
  for (const auto& [user, password] : {std::pair("alice", "wrong"), {"nobody", "wrong"}, {"dora", kPassword.data()}}) {
    Browser fresh(rig);
    fresh.address = std::string("192.0.2.") + user[0];
    fresh.open(FrontRig::authorize(FrontRig::request()));
    fresh.sign_in(user, password);
    EXPECT_EQ(fresh.response.status, 403);
    auto body = std::regex_replace(fresh.response.body,
                                   std::regex("(interaction/|name=\"csrf\" value=\")[A-Za-z0-9_-]{43}"), "$1");
    body = std::regex_replace(body, std::regex("value=\"" + std::string(user) + "\""), "value=\"\"");
    bodies.insert(body);
  }
  EXPECT_EQ(bodies.size(), 1U);
}

TEST_F(FrontSession, W25_GuessingIsSlowedDownByUserAndAddress) {
  browser.open(FrontRig::authorize(FrontRig::request()));
  int refused = 0;
  for (int i = 0; i < 15; ++i) {
    browser.sign_in("alice", "wrong" + std::to_string(i));
    if (browser.last_post_status == 429) ++refused;
  }
  EXPECT_GT(refused, 0);
  EXPECT_TRUE(browser.response.headers.get("Retry-After"));
  browser.sign_in("alice", kPassword);
  EXPECT_EQ(browser.last_post_status, 429) << "the right password is not looked at either";
  EXPECT_TRUE(browser.session_cookie().empty());
  Browser home(rig);
  home.address = "198.51.100.7";
  home.open(FrontRig::authorize(FrontRig::request()));
  home.sign_in();
  EXPECT_EQ(home.last_post_status, 303) << "she herself, from elsewhere, is not locked out";
  rig.as.clock.advance(std::chrono::minutes(5));
  browser.open(FrontRig::authorize(FrontRig::request()));
  browser.sign_in();
  EXPECT_EQ(browser.last_post_status, 303);
}

TEST_F(FrontSession, W25_SprayingFromOneAddressIsSlowedDown) {
  browser.open(FrontRig::authorize(FrontRig::request()));
  int refused = 0;
  for (int i = 0; i < 70; ++i) {
    browser.sign_in("user" + std::to_string(i), "Spring2026!");
    if (browser.last_post_status == 429) ++refused;
  }
  EXPECT_GT(refused, 0);
}

TEST_F(FrontSession, W25_ManyAddressesAgainstOneUserAreSlowedDown) {
  int refused = 0;
  for (int i = 0; i < 40; ++i) {
    Browser bot(rig);
    bot.address = "198.51.100." + std::to_string(i);
    bot.open(FrontRig::authorize(FrontRig::request()));
    bot.sign_in("alice", "x");
    if (bot.last_post_status == 429) ++refused;
  }
  EXPECT_GT(refused, 0);
}

class BusyHasher final : public ports::PasswordHasher {
 public:
  Task<Result<std::string>> hash(Secret) override { co_return fail(ErrorCode::unavailable); }
  Task<Result<bool>> verify(std::string, Secret) override { co_return fail(ErrorCode::unavailable); }
};

TEST_F(FrontSession, W32_FullPasswordPoolIs503WithRetryAfterAndAFreshForm) {
  browser.open(FrontRig::authorize(FrontRig::request()));
  BusyHasher busy;
  auto& s = rig.as.services();
  flow::Services services{s.store, s.clock,       s.random,          busy,      s.fetcher, s.keys, s.feed,
                          s.users, s.client_keys, s.client_throttle, s.metrics, s.issuers};
  web::AuthorizationServer server(services, rig.front);
  auto form = *browser.form("/sign-in");
  form.fields.set("username", "alice").set("password", kPassword);
  codec::Request request;
  request.method = codec::Method::post;
  request.set_target(form.action.substr(std::string("https://as.example.org").size()));
  request.headers.add("Host", "as.example.org");
  request.headers.add("Content-Type", "application/x-www-form-urlencoded");
  for (const auto& [name, value] : browser.jar) request.headers.add("Cookie", name + "=" + value);
  request.body = form.fields.serialize();
  request.tls = true;
  const auto response = run_sync(server.handle(std::move(request)));
  EXPECT_EQ(response.status, 503);
  EXPECT_TRUE(response.headers.get("Retry-After"));
  EXPECT_NE(response.body.find("id=\"password\""), std::string::npos);
  EXPECT_FALSE(response.headers.get("Set-Cookie"));
}

TEST_F(FrontSession, W27_WhatPeopleTypeIsNotRecorded) {
  browser.open(FrontRig::authorize(FrontRig::request()));
  browser.sign_in("hunter2-typed-as-name", "canary-password");
  browser.sign_in("alice", "canary-password");
  browser.sign_in();
  browser.allow();
  const auto code = browser.answer()["code"];
  for (const auto& record : rig.as.audit()) {
    std::string all =
        record.event.reason + record.event.user + record.event.client + record.event.grant + record.event.token;
    for (const auto& [key, value] : record.event.details) all += key + value;
    for (const auto* canary : {"canary", "hunter2", "st 1/"}) EXPECT_EQ(all.find(canary), std::string::npos);
    EXPECT_EQ(all.find(code), std::string::npos);
    EXPECT_EQ(all.find(browser.session_cookie()), std::string::npos);
  }
}

// ---- consent
// ------------------------------------------------------------------------------------------------------------

TEST_F(FrontSession, M423_PublicClientsThatCouldBeAnybodyAreNeverAutoApproved) {
  auto client = rig.as.client_record("app-public");
  client.redirect_uris = {"com.example.app:/cb", "http://127.0.0.1/cb", std::string(kRedirectUri)};
  rig.as.put(client);
  for (const auto* uri : {"com.example.app:/cb", "http://127.0.0.1:4711/cb"}) {
    auto request = FrontRig::request("app-public");
    request.set("redirect_uri", uri);
    browser.open(FrontRig::authorize(request));
    if (browser.shows("username")) browser.sign_in();
    ASSERT_TRUE(browser.shows("allow"));
    browser.allow();
    EXPECT_TRUE(browser.location().starts_with(uri)) << browser.location();
    request.add("prompt", "none");
    browser.open(FrontRig::authorize(request));
    EXPECT_NE(browser.location().find("error=consent_required"), std::string::npos) << uri;
  }
  // At an https address only its owner can receive.
  auto claimed = FrontRig::request("app-public");
  claimed.add("prompt", "none");
  browser.open(FrontRig::authorize(claimed));
  EXPECT_FALSE(browser.answer()["code"].empty());
}

TEST_F(FrontSession, BB1_SilentGrantsOfWritingAreNotForSinglePageApps) {
  auto request = FrontRig::request("app-public", "patient/Goal.cruds");
  browser.open(FrontRig::authorize(request));
  browser.sign_in();
  browser.allow();
  request.add("prompt", "none");
  browser.open(FrontRig::authorize(request));
  EXPECT_EQ(browser.answer()["error"], "consent_required");
}

TEST_F(FrontSession, E20_DoubleSubmitMakesOneCode) {
  browser.open(FrontRig::authorize(FrontRig::request()));
  browser.sign_in();
  auto form = *browser.form("/consent");
  form.fields.set("decision", "allow");
  int codes = 0;
  for (int i = 0; i < 5; ++i) {
    browser.send(codec::Method::post, form.action, form.fields.serialize());
    if (browser.left()) ++codes;
  }
  EXPECT_EQ(codes, 1);
  EXPECT_EQ(rig.events(model::AuditKind::code_issued).size(), 1U);
}

TEST_F(FrontSession, E18_TicksOfThisPageCountWhateverAnotherWindowLeft) {
  browser.open(FrontRig::authorize(FrontRig::request("app-basic", "patient/Goal.rs patient/Condition.rs")));
  browser.sign_in();
  auto narrow = *browser.form("/consent");
  browser.open(FrontRig::authorize(FrontRig::request("app-basic", "patient/Goal.rs patient/Condition.rs")));
  browser.allow();
  codec::Form sent{
      {"csrf", std::string(*narrow.fields.get("csrf"))}, {"share", "patient.see.Goal"}, {"decision", "allow"}};
  browser.send(codec::Method::post, narrow.action, sent.serialize());
  EXPECT_TRUE(browser.left());
  const auto issued = rig.events(model::AuditKind::code_issued);
  ASSERT_EQ(issued.size(), 2U);
  EXPECT_EQ(issued[1].details.front().second, "patient/Goal.rs");
}

TEST_F(FrontSession, DenialEndsTheInteraction) {
  browser.open(FrontRig::authorize(FrontRig::request()));
  browser.sign_in();
  auto form = *browser.form("/consent");
  browser.deny();
  EXPECT_EQ(browser.answer()["error"], "access_denied");
  form.fields.set("decision", "allow");
  browser.send(codec::Method::post, form.action, form.fields.serialize());
  EXPECT_FALSE(browser.left());
}

TEST_F(FrontSession, E18_MadeUpTicksGrantNothing) {
  browser.open(FrontRig::authorize(FrontRig::request("app-basic", "patient/Goal.rs")));
  browser.sign_in();
  auto form = *browser.form("/consent");
  form.fields.add("share", "patient.see.Condition")
      .add("share", "patient.change.Goal")
      .add("share", "patient/*.cruds")
      .add("scope", "patient/*.cruds");
  form.fields.add("offline", "yes").set("decision", "allow");
  browser.send(codec::Method::post, form.action, form.fields.serialize());
  EXPECT_TRUE(browser.left());
  const auto issued = rig.events(model::AuditKind::code_issued);
  ASSERT_EQ(issued.size(), 1U);
  EXPECT_EQ(issued[0].details.front().second, "patient/Goal.rs");
}

TEST_F(FrontSession, S5_OnlyOfferedRecordsCanBeChosen) {
  auto alice = rig.as.user_record("u_alice");
  alice.patients.push_back({"ben", "Ben Example", "child", "2015-06-07"});
  rig.as.put(alice);
  browser.open(FrontRig::authorize(FrontRig::request()));
  browser.sign_in();
  auto form = *browser.form("/patient");
  for (const auto* foreign : {"zoe", "", "Patient/alice", "alice,zoe", "../alice"}) {
    auto fields = form.fields;
    fields.set("patient", foreign);
    browser.send(codec::Method::post, form.action, fields.serialize());
    EXPECT_EQ(browser.response.status, 403) << foreign;
  }
  auto twice = form.fields;
  twice.add("patient", "alice").add("patient", "zoe");
  browser.send(codec::Method::post, form.action, twice.serialize());
  EXPECT_EQ(browser.response.status, 403);
}

TEST_F(FrontSession, S6_ARecordTakenAwayMeanwhileIsNotGranted) {
  auto alice = rig.as.user_record("u_alice");
  const auto before = alice;
  alice.patients.push_back({"ben", "Ben Example", "child", "2015-06-07"});
  rig.as.put(alice);
  browser.open(FrontRig::authorize(FrontRig::request()));
  browser.sign_in();
  browser.pick("ben");
  ASSERT_TRUE(browser.shows("allow"));
  rig.as.put(before);  // Ben has come of age
  browser.allow();
  for (const auto& event : rig.events(model::AuditKind::code_issued)) EXPECT_NE(event.patient, "ben");
}

TEST_F(FrontSession, E14_E15_StepsCannotBeSkipped) {
  auto request = FrontRig::request();
  request.add("prompt", "login");
  sign_in_and_consent(browser);
  browser.open(FrontRig::authorize(request));
  ASSERT_TRUE(browser.shows("username"));
  const auto page = browser.url;
  // The consent form's address before she has signed in again: no token, and with a stolen one the step is judged anew.
  browser.send(codec::Method::post, page + "/consent", "decision=allow");
  EXPECT_EQ(browser.response.status, 403);
  browser.open(page + "?prompt=none&max_age=99999");
  EXPECT_TRUE(browser.shows("username"));
  browser.open(page + "/consent");
  EXPECT_TRUE(browser.shows("username"));
}

TEST_F(FrontSession, X5_UserDisabledHalfwayGetsNothing) {
  browser.open(FrontRig::authorize(FrontRig::request()));
  browser.sign_in();
  auto alice = rig.as.user_record("u_alice");
  alice.enabled = false;
  rig.as.put(alice);
  browser.allow();
  EXPECT_FALSE(browser.left());
  EXPECT_EQ(rig.events(model::AuditKind::code_issued).size(), 0U);
}

TEST_F(FrontSession, ClientChangedHalfwayGetsNothing) {
  browser.open(FrontRig::authorize(FrontRig::request()));
  browser.sign_in();
  auto client = rig.as.client_record("app-basic");
  client.redirect_uris = {"https://elsewhere.example/cb"};
  rig.as.put(client);
  browser.allow();
  EXPECT_FALSE(browser.left());
  EXPECT_EQ(rig.events(model::AuditKind::code_issued).size(), 0U);
}

TEST_F(FrontSession, W4_HostileClientNameOnRealPages) {
  auto client = rig.as.client_record("app-basic");
  client.name = "\"><svg onload=alert(1)>";
  client.logo_uri = "javascript:alert(1)";
  client.tos_uri = "JaVaScRiPt:alert(1)";
  rig.as.put(client);
  auto request = FrontRig::request();
  request.add("login_hint", "\"><svg onload=alert(2)>");
  browser.open(FrontRig::authorize(request));
  EXPECT_EQ(browser.response.body.find("<svg onload"), std::string::npos);
  browser.sign_in("\"><svg onload=alert(3)>", "x");
  EXPECT_EQ(browser.response.body.find("<svg onload"), std::string::npos);
  browser.sign_in();
  EXPECT_EQ(browser.response.body.find("<svg onload"), std::string::npos);
  EXPECT_EQ(browser.response.body.find("ript:alert"), std::string::npos);
}

TEST_F(FrontSession, W28_ErrorsTellNothingOfTheInside) {
  for (const auto* rest : {"/interaction/", "/interaction/x", "/interaction/x/y/z", "/interaction/%2e%2e/token",
                           "/interaction//consent"}) {
    browser.send(codec::Method::get, std::string(kIssuer) + rest);
    EXPECT_GE(browser.response.status, 400) << rest;
    EXPECT_LT(browser.response.status, 500) << rest;
    for (const auto* leak : {"sqlite", ".cc", "std::", "exception"})
      EXPECT_EQ(browser.response.body.find(leak), std::string::npos);
  }
}

TEST_F(FrontSession, M432_StoredThingsHoldNoHandles) {
  browser.open(FrontRig::authorize(FrontRig::request()));
  browser.sign_in();
  const auto id = browser.url.substr(browser.url.rfind('/') + 1);
  const auto stored =
      run_sync(rig.as.store().find_interaction(rig.as.issuer_id(), *flow::stored_handle(id, ""), rig.as.clock.now()));
  ASSERT_TRUE(stored && *stored);
  const auto text = (*stored)->request.to_json().dump();
  EXPECT_EQ(text.find(id), std::string::npos);
  for (const auto& [name, value] : browser.jar) EXPECT_EQ(text.find(value), std::string::npos);
}

}  // namespace
}  // namespace mitral::testing
