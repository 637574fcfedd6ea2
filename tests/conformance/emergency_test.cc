// Emergency access from the request to the review's record (flow/emergency.h, docs/adr/0013-emergency-access.md).
#include "crypto/hash.h"
#include "support/emergency_rig.h"

namespace mitral::testing {
namespace {

using Reasons = std::vector<std::string>;

class Emergency : public ::testing::Test {
 protected:
  EmergencyRig rig;
  Browser browser{rig};
};

TEST_F(Emergency, SignInStatementCodeTokenIntrospection) {
  browser.open(
      FrontRig::authorize(EmergencyRig::request("openid fhirUser launch/patient patient/*.cruds offline_access")));
  ASSERT_TRUE(browser.shows("password"));
  EXPECT_FALSE(browser.shows("emergency-warning"));
  browser.sign_in("erin");
  EXPECT_EQ(browser.last_post_status, 303);
  ASSERT_TRUE(browser.shows("emergency-warning"));
  EXPECT_TRUE(browser.shows("patient"));
  EXPECT_FALSE(browser.shows("allow")) << "no consent page";
  EXPECT_NE(browser.response.body.find("ER viewer"), std::string::npos);
  browser.submit("/emergency", EmergencyRig::statement());
  EXPECT_EQ(browser.last_post_status, 303);
  auto answer = browser.answer();
  EXPECT_EQ(answer["state"], "st 1/&=");
  EXPECT_EQ(answer["iss"], kIssuer);

  const auto json = rig.tokens(answer["code"]);
  EXPECT_EQ(json["scope"].string_or(), "openid fhirUser launch/patient patient/*.rs") << "reading only, not offline";
  EXPECT_EQ(json["patient"].string_or(), "alice");
  EXPECT_TRUE(json["refresh_token"].is_null());
  EXPECT_EQ(json["expires_in"].as_int64(), std::chrono::seconds(limits::kEmergencyTokenLifetime).count());

  const std::string token(json["access_token"].string_or());
  const auto live = rig.as.introspect(token);
  EXPECT_TRUE(live["active"].bool_or(false));
  EXPECT_EQ(live["purpose_of_use"].string_or(), "ETREAT");
  EXPECT_EQ(live["patient"].string_or(), "alice");
  EXPECT_EQ(live["sub"].string_or(), "u_erin");
  EXPECT_EQ(live["fhirUser"].string_or(), std::string(kFhir) + "/Practitioner/erin");

  const auto accesses = rig.accesses();
  ASSERT_EQ(accesses.size(), 1U);
  const auto& one = accesses.front();
  EXPECT_EQ(one.id.text(), live["grant_id"].string_or()) << "the record is found from the token";
  EXPECT_EQ(one.user, UserId("u_erin"));
  EXPECT_EQ(one.user_name, "Dr. Erin Emergency");
  EXPECT_EQ(one.fhir_user, "Practitioner/erin");
  EXPECT_EQ(one.client, ClientId("app-er"));
  EXPECT_EQ(one.patient_id, "alice");
  EXPECT_EQ(one.audience, kFhir);
  EXPECT_EQ(one.reason, model::EmergencyReason::cannot_consent);
  EXPECT_EQ(one.statement, kStatement);
  EXPECT_EQ(one.at, rig.as.clock.now());
  EXPECT_EQ(one.expires, rig.as.clock.now() + limits::kEmergencyTokenLifetime);
  EXPECT_FALSE(one.review);
}

TEST_F(Emergency, EveryStepIsAuditedAndTheStatementIsNotInTheAudit) {
  const auto json = rig.tokens(rig.code_for(browser, EmergencyRig::request()));
  EXPECT_EQ(rig.told(), (Reasons{"requested", "approved", "issued"}));
  const auto approved = rig.events(model::AuditKind::emergency)[1];
  EXPECT_EQ(approved.user, "u_erin");
  EXPECT_EQ(approved.client, "app-er");
  EXPECT_EQ(approved.patient, "alice");
  EXPECT_EQ(approved.grant, rig.accesses().front().id.text());
  const auto detail = [&](std::string_view key) {
    for (const auto& [name, value] : approved.details) {
      if (name == key) return value;
    }
    return std::string();
  };
  EXPECT_EQ(detail("purpose_of_use"), "ETREAT");
  EXPECT_EQ(detail("emergency_reason"), "cannot_consent");
  EXPECT_EQ(detail("statement_sha256"), codec::base64url_encode(crypto::sha256(kStatement)));
  for (const auto& record : rig.as.audit()) {
    for (const auto& [name, value] : record.event.details) EXPECT_EQ(value.find("Unconscious"), std::string::npos);
    EXPECT_EQ(record.event.reason.find("Unconscious"), std::string::npos);
    if (record.event.kind == model::AuditKind::token_issued) {
      EXPECT_EQ(record.event.details.back(), (std::pair<std::string, std::string>{"purpose_of_use", "ETREAT"}));
    }
  }
  EXPECT_FALSE(json["access_token"].is_null());
}

TEST_F(Emergency, TheTokenIsWrappedWhateverTheServerUses) {
  for (const auto format : {model::TokenFormat::jwt, model::TokenFormat::opaque, model::TokenFormat::wrapped}) {
    auto server = *rig.as.store().directory()->resource_server(rig.as.issuer_id(), "fhir");
    server.token_format = format;
    server.context_in_jwt = true;
    rig.as.put(server);
    Browser fresh(rig);
    const auto json = rig.tokens(rig.code_for(fresh, EmergencyRig::request()));
    const std::string token(json["access_token"].string_or());
    const auto jws = jose::Jws::parse(token, jose::kAllSignAlgs);
    ASSERT_TRUE(jws) << name(format);
    EXPECT_TRUE(jose::typ_is(jws->header().typ, "wrapped+jwt"));
    // Only iss, aud, exp, iat, jti and the handle: neither who, nor whose, nor why (purpose included).
    const auto first = token.find('.') + 1;
    const auto payload = codec::base64url_decode(token.substr(first, token.rfind('.') - first));
    ASSERT_TRUE(payload);
    const auto claims = codec::Json::parse_object(*payload);
    ASSERT_TRUE(claims);
    EXPECT_EQ(claims->size(), 6U) << *payload;
    EXPECT_TRUE(claims->contains("opaque"));
    EXPECT_FALSE(claims->contains("purpose_of_use"));
  }
}

TEST_F(Emergency, TheEhrSaysWhichRecord) {
  model::LaunchTicket ticket;
  const auto handle = flow::make_handle(rig.as.random, flow::kLaunchPrefix, rig.as.clock.now());
  ticket.handle = handle.stored;
  ticket.issuer = rig.as.issuer_id();
  ticket.client = ClientId("app-er");
  ticket.user = UserId("u_erin");
  ticket.audience = kFhir;
  ticket.context = codec::Json::object({{"patient", "ben"}});
  ticket.expires = rig.as.clock.now() + limits::kLaunchLifetime;
  ASSERT_TRUE(run_sync(rig.as.store().put_launch(ticket, {})));
  auto request = EmergencyRig::request("openid launch patient/*.rs");
  request.add("launch", handle.text);
  browser.open(FrontRig::authorize(request));
  browser.sign_in("erin");
  ASSERT_TRUE(browser.shows("record-id"));
  EXPECT_FALSE(browser.shows("patient"));
  EXPECT_NE(browser.response.body.find(">ben<"), std::string::npos);
  browser.submit("/emergency", EmergencyRig::statement("alice"));  // what is typed does not count
  const auto json = rig.tokens(browser.answer()["code"]);
  EXPECT_EQ(json["patient"].string_or(), "ben");
  EXPECT_EQ(rig.accesses().front().patient_id, "ben");
}

TEST_F(Emergency, AnIncompleteStatementShowsThePageAgainWithWhatWasTyped) {
  browser.open(FrontRig::authorize(EmergencyRig::request()));
  browser.sign_in("erin");
  struct Case {
    codec::Form statement;
    std::string_view text;
  };
  auto without = [](std::string_view name, std::string_view value) {
    auto form = EmergencyRig::statement();
    form.set(name, value);
    return form;
  };
  const Case cases[] = {
      {without("patient", ""), "not the id of a record"},
      {without("patient", "a/b"), "not the id of a record"},
      {without("reason", "curious"), "choose a reason"},
      {without("statement", "short"), "in a few words"},
      {without("statement", "     \r\n    "), "in a few words"},
      {without("statement", std::string(401, 'x')), "in a few words"},
      {without("statement", "turned \xe2\x80\xae around it"), "in a few words"},
      {without("confirm", "no"), "Please confirm"},
  };
  for (const auto& one : cases) {
    browser.submit("/emergency", one.statement);
    EXPECT_TRUE(browser.shows("problem")) << one.text;
    EXPECT_NE(browser.response.body.find(one.text), std::string::npos) << one.text << browser.response.body;
    EXPECT_TRUE(browser.location().empty());
  }
  EXPECT_TRUE(rig.accesses().empty());
  browser.submit("/emergency", without("statement", "<script>alert(1)</script>"));
  EXPECT_FALSE(browser.answer()["code"].empty());
  EXPECT_EQ(rig.accesses().front().statement, "<script>alert(1)</script>");
}

TEST_F(Emergency, WhatWasTypedComesBackEscaped) {
  browser.open(FrontRig::authorize(EmergencyRig::request()));
  browser.sign_in("erin");
  auto form = EmergencyRig::statement("\"><b>");
  form.set("statement", "</textarea><script>alert(1)</script>");
  browser.submit("/emergency", form);
  ASSERT_TRUE(browser.shows("problem"));
  EXPECT_EQ(browser.response.body.find("<script"), std::string::npos);
  EXPECT_NE(browser.response.body.find("&lt;/textarea&gt;"), std::string::npos);
  EXPECT_NE(browser.response.body.find(
                "id=\"reason-cannot_consent\" name=\"reason\" value=\"cannot_consent\" required checked"),
            std::string::npos);
}

TEST_F(Emergency, RunsOfWhiteSpaceDoNotCount) {
  browser.open(FrontRig::authorize(EmergencyRig::request()));
  browser.sign_in("erin");
  auto form = EmergencyRig::statement(" alice ");
  form.set("statement", "  first line\r\n\r\n\tsecond   line ");
  browser.submit("/emergency", form);
  EXPECT_FALSE(browser.answer()["code"].empty());
  EXPECT_EQ(rig.accesses().front().statement, "first line second line");
  EXPECT_EQ(rig.accesses().front().patient_id, "alice");
}

TEST_F(Emergency, CancelEndsItAndIsAudited) {
  browser.open(FrontRig::authorize(EmergencyRig::request()));
  browser.sign_in("erin");
  browser.submit("/cancel");
  EXPECT_EQ(browser.answer()["error"], "access_denied");
  EXPECT_EQ(rig.told(), (Reasons{"requested", "cancelled"}));
  EXPECT_TRUE(rig.accesses().empty());
}

TEST_F(Emergency, ByPushedRequest) {
  auto pushed = EmergencyRig::request();
  const auto par = rig.as.post("par", pushed, {AsHarness::basic("app-er")});
  ASSERT_EQ(par.status, 201) << par.body;
  codec::Form query{{"client_id", "app-er"},
                    {"request_uri", std::string(AsHarness::json(par)["request_uri"].string_or())}};
  const auto json = rig.tokens(rig.code_for(browser, query));
  EXPECT_EQ(rig.as.introspect(json["access_token"].string_or())["purpose_of_use"].string_or(), "ETREAT");
}

TEST_F(Emergency, RequestsThatCanNotBe) {
  struct Case {
    codec::Form request;
    std::string_view error;
  };
  auto with = [](codec::Form form, std::string_view name, std::string_view value) {
    form.set(name, value);
    return form;
  };
  const Case cases[] = {
      {with(EmergencyRig::request(), "purpose_of_use", "TREAT"), "invalid_request"},
      {with(EmergencyRig::request(), "purpose_of_use", "etreat"), "invalid_request"},
      {with(EmergencyRig::request(), "purpose_of_use", "ETREAT TREAT"), "invalid_request"},
      {with(EmergencyRig::request(), "prompt", "none"), "invalid_request"},
      {EmergencyRig::request("openid launch/patient"), "invalid_scope"},
      {EmergencyRig::request("openid user/*.rs"), "invalid_scope"},
      {EmergencyRig::request("openid patient/*.cud"), "invalid_scope"},
      {with(EmergencyRig::request(), "aud", kApi), "invalid_target"},
      {EmergencyRig::request("patient/*.rs", "app-basic"), "access_denied"},
  };
  for (const auto& one : cases) {
    Browser fresh(rig);
    // Signed in, so that errors travel to the client at once.
    fresh.open(FrontRig::authorize(FrontRig::request()));
    fresh.sign_in("erin");
    fresh.open(FrontRig::authorize(one.request));
    EXPECT_EQ(fresh.answer()["error"], one.error) << one.request.serialize();
    const auto par = rig.as.post("par", one.request, {AsHarness::basic(one.request.get("client_id").value_or(""))});
    EXPECT_EQ(AsHarness::json(par)["error"].string_or(), one.error) << one.request.serialize();
  }
  EXPECT_EQ(rig.told(),
            (Reasons{"invalid_request", "invalid_request", "invalid_request", "invalid_request", "invalid_scope",
                     "invalid_scope", "invalid_scope", "invalid_target", "access_denied"}));
}

TEST_F(Emergency, OtherTokensHaveNoPurpose) {
  const auto json = rig.as.tokens_for("app-basic", {"patient/*.rs"});
  EXPECT_FALSE(rig.as.introspect(json["access_token"].string_or()).contains("purpose_of_use"));
}

TEST_F(Emergency, TheAccessEndsByItself) {
  const auto json = rig.tokens(rig.code_for(browser, EmergencyRig::request()));
  const std::string token(json["access_token"].string_or());
  rig.as.clock.advance(limits::kEmergencyTokenLifetime - std::chrono::seconds(1));
  EXPECT_TRUE(rig.as.introspect(token)["active"].bool_or(false));
  rig.as.clock.advance(std::chrono::seconds(1));
  EXPECT_FALSE(rig.as.introspect(token)["active"].bool_or(true));
}

TEST_F(Emergency, TheEndIsCountedFromTheApproval) {
  const auto code = rig.code_for(browser, EmergencyRig::request());
  rig.as.clock.advance(std::chrono::seconds(20));
  const auto json = rig.tokens(code);
  EXPECT_EQ(json["expires_in"].as_int64(), std::chrono::seconds(limits::kEmergencyTokenLifetime).count() - 20);
}

TEST_F(Emergency, AStoreThatCanNotWriteGivesNothing) {
  browser.open(FrontRig::authorize(EmergencyRig::request()));
  browser.sign_in("erin");
  rig.as.faults().writes_fail = true;
  browser.submit("/emergency", EmergencyRig::statement());
  EXPECT_EQ(browser.response.status, 503);
  rig.as.faults().writes_fail = false;
  EXPECT_TRUE(rig.accesses().empty());
}

}  // namespace
}  // namespace mitral::testing
