// ONC 170.315(g)(10): the rows of Inferno's kit that ask the authorization server, one test per row, by the kit's own
// names (smart-fhir 2.1 to 2.6, 2.8, 3.1). What is attested and what is hidden stands in onc_attested_test.cc, what
// needs FHIR data in onc_gateway_test.cc.
#include "conformance/onc_rig.h"

namespace mitral::testing {
namespace {

using codec::Json;

// ---- 2.2

TEST(Onc_2_2, g10_smart_well_known_capabilities) {
  Onc onc;
  const auto json = AsHarness::json(onc.as().get(kWellKnown));
  for (const auto* capability :
       {"launch-standalone", "launch-ehr", "client-public", "client-confidential-symmetric",
        "client-confidential-asymmetric", "sso-openid-connect", "context-banner", "context-style",
        "context-standalone-patient", "context-ehr-patient", "context-ehr-encounter", "permission-offline",
        "permission-patient", "permission-user", "authorize-post", "permission-v1", "permission-v2"}) {
    EXPECT_TRUE(lists(json["capabilities"], capability)) << capability;
  }
}

// ---- 3.1: US Core's own kit

TEST(Onc_3_1, UsCoreScopesSupportedListEveryRequiredScope) {
  Onc onc;
  const auto json = AsHarness::json(onc.as().get(kWellKnown));
  const auto& listed = json["scopes_supported"];
  EXPECT_TRUE(json["introspection_endpoint"].is_string());
  for (const std::string context : {"patient", "user", "system"}) {
    for (const auto* type : {"AllergyIntolerance",
                             "CarePlan",
                             "CareTeam",
                             "Condition",
                             "Coverage",
                             "Device",
                             "DiagnosticReport",
                             "DocumentReference",
                             "Encounter",
                             "Goal",
                             "Immunization",
                             "MedicationDispense",
                             "MedicationRequest",
                             "Observation",
                             "Organization",
                             "Patient",
                             "Practitioner",
                             "PractitionerRole",
                             "Procedure",
                             "Provenance",
                             "QuestionnaireResponse",
                             "RelatedPerson",
                             "ServiceRequest",
                             "Specimen"}) {
      EXPECT_TRUE(lists(listed, context + "/" + type + ".rs")) << context << type;
    }
    for (const auto& [type, system, code] :
         std::vector<std::array<std::string_view, 3>>{{"Condition", kConditionCategory, "encounter-diagnosis"},
                                                      {"Condition", kConditionCategory, "problem-list-item"},
                                                      {"Condition", kUsCoreConditionCategory, "health-concern"},
                                                      {"Observation", kObservationCategory, "laboratory"},
                                                      {"Observation", kObservationCategory, "social-history"},
                                                      {"Observation", kObservationCategory, "vital-signs"},
                                                      {"Observation", kObservationCategory, "survey"},
                                                      {"Observation", kUsCoreCategory, "sdoh"}}) {
      const auto scope = context + granular(type, system, code).substr(std::string_view("patient").size());
      EXPECT_TRUE(lists(listed, scope)) << scope;
    }
  }
  for (const auto& scope : listed.items()) EXPECT_EQ(scope.string_or().find("org//"), std::string_view::npos);
}

// ---- 2.3: discovery

TEST(Onc_2_3, well_known_endpoint) {
  Onc onc;
  for (const auto* accept : {"application/json", "application/fhir+json", "text/html", "*/*"}) {
    const auto response = onc.as().get(kWellKnown, {{"Accept", accept}});
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.headers.get("Content-Type"), "application/json") << accept;
  }
}

TEST(Onc_2_3, well_known_capabilities_stu2) {
  Onc onc;
  const auto json = AsHarness::json(onc.as().get(kWellKnown));
  for (const auto* url : {"issuer", "jwks_uri", "authorization_endpoint", "token_endpoint", "introspection_endpoint",
                          "revocation_endpoint", "management_endpoint"}) {
    EXPECT_TRUE(codec::is_https_url(json[url].string_or())) << url;
  }
  EXPECT_EQ(json["issuer"].string_or(), kIssuer);
  for (const auto& capability : json["capabilities"].items()) EXPECT_TRUE(capability.is_string());
  EXPECT_TRUE(lists(json["grant_types_supported"], "authorization_code"));
  EXPECT_TRUE(lists(json["grant_types_supported"], "client_credentials"));
  EXPECT_EQ(json["code_challenge_methods_supported"].dump(), R"(["S256"])");
  EXPECT_TRUE(lists(json["token_endpoint_auth_signing_alg_values_supported"], "RS384"));
  EXPECT_TRUE(lists(json["token_endpoint_auth_signing_alg_values_supported"], "ES384"));
}

TEST(Onc_2_3, smart_cors_well_known_endpoint) {
  Onc onc;
  const auto response = onc.as().get(kWellKnown, {{"Origin", "https://inferno.healthit.gov"}});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.get("Access-Control-Allow-Origin"), "*");
}

TEST(Onc_2_3, smart_cors_token_exchange) {
  Onc onc;
  auto answer = onc.authorize(FrontRig::request("app-public", kFoundation));
  const codec::Header origin{"Origin", std::string(kOrigin)};
  const auto session = onc.redeem("app-public", answer["code"], {origin});
  EXPECT_EQ(session.response.headers.get("Access-Control-Allow-Origin"), kOrigin);
  const auto error = onc.token_request("app-public", Onc::code_form("BAD_CODE"), {origin});
  EXPECT_EQ(error.status, 400);
  EXPECT_EQ(error.headers.get("Access-Control-Allow-Origin"), kOrigin) << "a browser app has to read the error too";
  const auto stranger =
      onc.token_request("app-public", Onc::code_form("BAD_CODE"), {{"Origin", "https://evil.example"}});
  EXPECT_FALSE(stranger.headers.get("Access-Control-Allow-Origin"));
}

TEST(Onc_2_3, smart_openid_retrieve_configuration_and_required_fields) {
  Onc onc;
  const auto response = onc.as().get("/t/clinic/.well-known/openid-configuration");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.get("Content-Type"), "application/json");
  const auto json = AsHarness::json(response);
  for (const auto* field : {"issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"})
    EXPECT_FALSE(json[field].string_or().empty()) << field;
  for (const auto* field : {"response_types_supported", "subject_types_supported"})
    EXPECT_GT(json[field].size(), 0U) << field;
  EXPECT_TRUE(lists(json["id_token_signing_alg_values_supported"], "RS256"));
}

TEST(Onc_2_3, smart_openid_retrieve_jwks) {
  Onc onc;
  const auto json = AsHarness::json(onc.as().get("/t/clinic/jwks"));
  const auto rsa = std::ranges::count_if(json["keys"].items(), [](const Json& key) {
    return key["kty"].string_or() == "RSA" && !key["kid"].string_or().empty() && !key["n"].string_or().empty() &&
           !key["e"].string_or().empty() && !key.contains("d");
  });
  EXPECT_GE(rsa, 1);
}

// ---- 2.3: launches

TEST(Onc_2_3, smart_app_launch_and_smart_launch_received) {
  Onc onc;
  const auto parameters = onc.ehr_launch();
  EXPECT_EQ(parameters.at("iss"), kFhir) << "spelled exactly as the published base";
  EXPECT_FALSE(parameters.at("launch").empty());
}

TEST(Onc_2_3, smart_app_redirect_stu2_by_GET_and_POST) {
  Onc onc;
  for (const bool post : {false, true}) {
    auto form = FrontRig::request("app-basic", kFoundation);
    form.set("state", "0b9f1cd2-3f5e-4ad1-9a6d-9c5b1d0f0a11");
    const auto answer = onc.authorize(form, {}, "alice", post);
    EXPECT_FALSE(answer.at("code").empty());
    EXPECT_EQ(answer.at("state"), "0b9f1cd2-3f5e-4ad1-9a6d-9c5b1d0f0a11");
  }
}

TEST(Onc_2_3, smart_code_received) {
  Onc onc;
  const auto answer = onc.authorize(FrontRig::request("app-basic", kFoundation));
  EXPECT_TRUE(answer.contains("code"));
  EXPECT_FALSE(answer.contains("error"));
}

// ---- 2.3: tokens

TEST(Onc_2_3, smart_token_exchange_by_every_kind_of_client) {
  Onc onc;
  for (const auto* client : {"app-public", "app-basic", "app-jwt", "app-rsa"}) {
    const auto session = onc.standalone(kFoundation, {}, client);
    EXPECT_EQ(session.response.status, 200) << client;
    EXPECT_EQ(session.response.headers.get("Content-Type"), "application/json");
  }
}

TEST(Onc_2_3, smart_token_response_body_2_2) {
  Onc onc;
  const auto session = onc.ehr("launch openid fhirUser offline_access user/Patient.rs",
                               R"({"patient":"alice","encounter":"visit","intent":"review",
                                   "fhirContext":[{"reference":"DiagnosticReport/report"}]})");
  const auto& token = session.token;
  EXPECT_FALSE(session.access().empty());
  EXPECT_TRUE(codec::iequals(session.text("token_type"), "Bearer"));
  EXPECT_GT(token["expires_in"].as_int64().value_or(0), 0);
  EXPECT_FALSE(session.scope().empty());
  for (const auto* text : {"id_token", "patient", "encounter", "intent", "refresh_token"})
    EXPECT_TRUE(token[text].is_string()) << text;
  EXPECT_EQ(token["fhirContext"].dump(), R"([{"reference":"DiagnosticReport/report"}])");
}

TEST(Onc_2_3, smart_token_response_headers) {
  Onc onc;
  EXPECT_TRUE(no_store(onc.standalone(kFoundation).response));
  EXPECT_TRUE(no_store(onc.token_request("app-basic", Onc::code_form("BAD_CODE"))));
}

TEST(Onc_2_3, smart_openid_decode_id_token_header_and_payload) {
  Onc onc;
  const auto session = onc.standalone(kFoundation);
  const auto claims = onc.id_token(session);  // RS256 by a published key with its kid
  EXPECT_EQ(claims["iss"].string_or(), kIssuer);
  EXPECT_EQ(claims["aud"].string_or(), "app-basic");
  EXPECT_FALSE(claims["sub"].string_or().empty());
  EXPECT_LT(claims["sub"].string_or().size(), 256U);
  EXPECT_GT(claims["exp"].int_or(0), to_seconds(onc.as().clock.now()));
  EXPECT_TRUE(claims["iat"].as_int64());
  EXPECT_EQ(claims["nonce"].string_or(), "n1");
}

TEST(Onc_2_3, smart_token_refresh_stu2) {
  Onc onc;
  auto session = onc.standalone(kAllPatientTypes);
  auto response = onc.refresh(session);
  ASSERT_EQ(response.status, 200) << response.body;
  session.token = AsHarness::json(response);
  response = onc.refresh(session, session.scope());
  EXPECT_EQ(response.status, 200) << response.body;
}

TEST(Onc_2_3, smart_token_refresh_body) {
  Onc onc;
  for (const auto* client : {"app-public", "app-basic", "app-jwt", "app-rsa"}) {
    const auto session = onc.standalone(kAllPatientTypes, {}, client);
    const auto response = onc.refresh(session, session.scope());
    ASSERT_EQ(response.status, 200) << client << response.body;
    const auto json = AsHarness::json(response);
    EXPECT_FALSE(json["access_token"].string_or().empty());
    EXPECT_TRUE(codec::iequals(json["token_type"].string_or(), "bearer"));
    EXPECT_TRUE(json["expires_in"].as_int64());
    for (const auto& scope : words_of(json["scope"].string_or())) EXPECT_TRUE(has_word(session.scope(), scope));
    EXPECT_EQ(json["patient"].string_or(), session.patient()) << "no silent change of patient";
    EXPECT_TRUE(no_store(response));
  }
}

// ---- 2.3: backend services

TEST(Onc_2_3, smart_backend_services_invalid_grant_type) {
  Onc onc;
  const auto response = onc.as().token(onc.as().with_assertion(
      {{"grant_type", "not_a_grant_type"}, {"scope", "system/*.rs"}}, onc.as().backend_assertion()));
  EXPECT_EQ(AsHarness::verdict(response), "400 unsupported_grant_type");
}

TEST(Onc_2_3, smart_backend_services_invalid_client_assertion) {
  Onc onc;
  const codec::Form form{{"grant_type", "client_credentials"},
                         {"scope", "system/*.rs"},
                         {"client_assertion_type", "not_an_assertion_type"},
                         {"client_assertion", onc.as().backend_assertion()}};
  EXPECT_TRUE(oauth_error(onc.as().token(form)));
}

TEST(Onc_2_3, smart_backend_services_invalid_jwt) {
  Onc onc;
  const auto response = onc.as().token(onc.as().with_assertion(
      {{"grant_type", "client_credentials"}, {"scope", "system/*.rs"}}, onc.as().backend_assertion() + "x"));
  EXPECT_TRUE(oauth_error(response));
  EXPECT_EQ(AsHarness::json(response)["error"].string_or(), "invalid_client");
}

TEST(Onc_2_3, smart_backend_services_auth_request_success_and_response_body) {
  Onc onc;
  // As Inferno makes it: exp exactly five minutes ahead, no iat, nbf or jku.
  const auto response = onc.backend();
  ASSERT_EQ(response.status, 200) << response.body;
  const auto json = AsHarness::json(response);
  EXPECT_FALSE(json["access_token"].string_or().empty());
  EXPECT_TRUE(codec::iequals(json["token_type"].string_or(), "bearer"));
  EXPECT_LE(json["expires_in"].as_int64().value_or(9999), 300);
  EXPECT_FALSE(json["scope"].string_or().empty());
  EXPECT_FALSE(json.contains("refresh_token"));
}

// ---- 2.3: introspection

TEST(Onc_2_3, token_introspection_active) {
  Onc onc;
  for (const auto& session : {onc.standalone(kAllPatientTypes), onc.ehr("launch openid fhirUser user/Patient.rs")}) {
    const auto answer = onc.as().introspect(session.access());
    EXPECT_EQ(answer["active"].as_bool(), true);
    EXPECT_EQ(answer["client_id"].string_or(), "app-basic");
    auto told = words_of(answer["scope"].string_or());
    auto granted = words_of(session.scope());
    std::ranges::sort(told);
    std::ranges::sort(granted);
    EXPECT_EQ(told, granted) << "as a multiset";
    EXPECT_EQ(answer["exp"].int_or(0), to_seconds(onc.as().clock.now()) + session.token["expires_in"].int_or(0));
    const auto id_token = onc.id_token(session);
    EXPECT_EQ(answer["iss"].string_or(), id_token["iss"].string_or());
    EXPECT_EQ(answer["sub"].string_or(), id_token["sub"].string_or());
    EXPECT_EQ(answer["fhirUser"].string_or(), id_token["fhirUser"].string_or());
    for (const auto* name : {"patient", "encounter", "need_patient_banner", "smart_style_url"})
      EXPECT_EQ(answer[name], session.token[name]) << name;
  }
}

TEST(Onc_2_3, token_introspection_garbage) {
  Onc onc;
  EXPECT_EQ(onc.as().introspect("invalid_token_value").dump(), R"({"active":false})");
}

// ---- 2.3: brands

TEST(Onc_2_3, smart_access_brands_absent_is_not_advertised) {
  Onc onc;
  const auto json = AsHarness::json(onc.as().get(kWellKnown));
  EXPECT_FALSE(json.contains("user_access_brand_bundle"));
  EXPECT_EQ(onc.as().get("/t/clinic/brands").status, 404);
}

// ---- 2.4, 2.6: scopes as received

TEST(Onc_2_4, g10_smart_scopes_standalone) {
  Onc onc;
  for (const auto ask :
       {kAllPatientTypes, std::string_view("launch/patient openid fhirUser offline_access patient/*.rs")}) {
    const auto session = onc.standalone(ask);
    for (const auto& scope : words_of(kFoundation)) EXPECT_TRUE(has_word(session.scope(), scope)) << scope;
    for (const auto& type : g10_types()) {
      const bool there =
          has_word(session.scope(), "patient/" + type + ".rs") || has_word(session.scope(), "patient/*.rs");
      EXPECT_TRUE(there) << type;
    }
    EXPECT_EQ(session.scope(), ask) << "granted unchanged, echoed unchanged";
  }
}

TEST(Onc_2_4, g10_invalid_token_refresh) {
  Onc onc;
  auto session = onc.standalone(kFoundation);
  session.token.set("refresh_token", "6c1a2f5e-0000-4000-8000-random");
  EXPECT_TRUE(oauth_error(onc.refresh(session)));
}

TEST(Onc_2_6, g10_smart_scopes_ehr_practitioner_by_POST) {
  Onc onc;
  const std::string ask = "launch openid fhirUser offline_access user/Patient.rs user/Encounter.rs user/*.rs";
  const auto session = onc.ehr(ask);
  EXPECT_EQ(session.scope(), ask);
  EXPECT_EQ(session.patient(), "alice");
  EXPECT_EQ(session.text("encounter"), "visit");
  EXPECT_TRUE(session.token.contains("need_patient_banner"));
  const auto style = session.text("smart_style_url");
  Browser anyone(onc.rig);
  anyone.send(codec::Method::get, style);
  EXPECT_EQ(anyone.response.status, 200);
  EXPECT_TRUE(Json::parse_object(anyone.response.body)) << "JSON, without signing in";
  EXPECT_EQ(onc.refresh(session).status, 200);
  EXPECT_EQ(onc.refresh(session, session.scope()).status, 200);
}

// ---- 2.8

TEST(Onc_2_8, public_standalone_launch) {
  Onc onc;
  const auto session =
      onc.standalone("launch/patient openid fhirUser offline_access patient/Patient.rs", {}, "app-public");
  EXPECT_FALSE(session.text("id_token").empty());
  EXPECT_EQ(session.patient(), "alice");
}

TEST(Onc_2_8, invalid_aud) {
  Onc onc;
  for (const auto* aud :
       {"https://inferno.healthit.gov/invalid_aud", "http://fhir.example.org/r4", "https://fhir.example.org",
        "https://fhir.example.org/r4/more", "https://fhir.example.org/r4//"}) {
    auto form = FrontRig::request("app-basic", kFoundation);
    form.set("aud", aud);
    Browser browser(onc.rig);
    browser.open(FrontRig::authorize(form));
    EXPECT_EQ(browser.response.status, 400) << aud << ": a page, for nobody vouches for this app";
    EXPECT_NE(browser.response.body.find("invalid_request"), std::string::npos) << aud;
    EXPECT_EQ(browser.location(), "") << aud;
  }
}

TEST(Onc_2_8, invalid_token_request) {
  Onc onc;
  EXPECT_EQ(AsHarness::verdict(onc.token_request("app-basic", Onc::code_form("BAD_CODE"))), "400 invalid_grant");
  auto answer = onc.authorize(FrontRig::request("app-basic", kFoundation));
  auto form = Onc::code_form(answer["code"]);
  EXPECT_TRUE(oauth_error(onc.as().token(form, {AsHarness::basic("BAD_CLIENT_ID")})));
  form.add("client_id", "BAD_CLIENT_ID");
  EXPECT_TRUE(oauth_error(onc.as().token(form)));
}

TEST(Onc_2_8, invalid_pkce_missing_blank_wrong_and_plain) {
  Onc onc;
  const auto challenge = spec::oauth::s256_challenge(kVerifier);
  const std::string wrong(43, 'x');
  for (const auto& verifier : std::vector<std::optional<std::string>>{std::nullopt, "", wrong, challenge}) {
    auto answer = onc.authorize(FrontRig::request("app-basic", kFoundation));  // each is an authorization of its own
    auto form = Onc::code_form(answer["code"]);
    form.remove("code_verifier");
    if (verifier) form.add("code_verifier", *verifier);
    EXPECT_TRUE(oauth_error(onc.token_request("app-basic", form))) << verifier.value_or("(none)");
    EXPECT_TRUE(oauth_error(onc.token_request("app-basic", Onc::code_form(answer["code"])))) << "one try per code";
  }
}

TEST(Onc_2_8, ehr_launch_with_patient_scopes) {
  Onc onc;
  const std::string ask = "launch openid fhirUser offline_access patient/Patient.rs";
  const auto session = onc.ehr(ask, R"({"patient":"alice"})");
  EXPECT_EQ(session.scope(), ask) << "no folding, no rewriting";
  EXPECT_EQ(session.patient(), "alice");
}

TEST(Onc_2_8, asymmetric_standalone_launch_ES384_and_RS384) {
  Onc onc;
  for (const auto* client : {"app-jwt", "app-rsa"}) {
    auto session = onc.standalone(kFoundation, {}, client);
    EXPECT_FALSE(session.text("id_token").empty()) << client;
    const auto again = onc.refresh(session);
    EXPECT_EQ(again.status, 200) << client << again.body;
    session.token.set("refresh_token", "garbage");
    EXPECT_TRUE(oauth_error(onc.refresh(session))) << client;
  }
}

TEST(Onc_2_8, v1_scopes) {
  Onc onc;
  std::string ask(kFoundation);
  for (const auto& type : g10_types()) ask += " patient/" + type + ".read";
  const auto session = onc.standalone(ask);
  EXPECT_EQ(session.scope(), ask) << "version 1 asked, version 1 answered";
  const auto wildcard = onc.standalone("launch/patient openid fhirUser offline_access patient/*.read");
  EXPECT_TRUE(has_word(wildcard.scope(), "patient/*.read"));
}

TEST(Onc_2_8, fine_grained_scopes_are_echoed_and_nothing_broader) {
  Onc onc;
  const std::vector<std::string> set_a{granular("Condition", kConditionCategory, "encounter-diagnosis"),
                                       granular("Condition", kUsCoreConditionCategory, "health-concern"),
                                       granular("Observation", kObservationCategory, "laboratory"),
                                       granular("Observation", kObservationCategory, "social-history")};
  const std::vector<std::string> set_b{granular("Condition", kConditionCategory, "problem-list-item"),
                                       granular("Observation", kObservationCategory, "vital-signs"),
                                       granular("Observation", kObservationCategory, "survey"),
                                       granular("Observation", kUsCoreCategory, "sdoh")};
  for (const auto& set : {set_a, set_b}) {
    std::string ask(kFoundation);
    for (const auto& scope : set) ask += " " + scope;
    const auto session = onc.standalone(ask);
    EXPECT_EQ(session.scope(), ask);
  }
}

TEST(Onc_2_8, granular_scope_selection) {
  Onc onc;
  const auto session = onc.standalone(
      "launch/patient openid fhirUser offline_access patient/Condition.rs patient/Observation.rs patient/Patient.rs",
      {"patient.see.Condition.health-concern", "patient.see.Observation.sdoh"});
  int conditions = 0;
  int observations = 0;
  for (const auto& scope : words_of(session.scope())) {
    EXPECT_NE(scope, "patient/Condition.rs");
    EXPECT_NE(scope, "patient/Observation.rs");
    conditions += scope.starts_with("patient/Condition.rs?category=") ? 1 : 0;
    observations += scope.starts_with("patient/Observation.rs?category=") ? 1 : 0;
  }
  EXPECT_EQ(conditions, 2);
  EXPECT_EQ(observations, 5);
  EXPECT_TRUE(has_word(session.scope(), "patient/Patient.rs"));
}

// 2.1: the choices that the regulation names, each on the page.
TEST(Onc_2_1, CategoryChoicesForConditionAndObservation) {
  Onc onc;
  Browser browser(onc.rig);
  browser.open(FrontRig::authorize(FrontRig::request("app-basic", "patient/Condition.rs patient/Observation.rs")));
  browser.sign_in();
  for (const auto* value : {"Condition.encounter-diagnosis", "Condition.problem-list-item", "Condition.health-concern",
                            "Observation.procedure", "Observation.laboratory", "Observation.social-history",
                            "Observation.sdoh", "Observation.survey", "Observation.vital-signs"}) {
    EXPECT_NE(browser.response.body.find("value=\"patient.see." + std::string(value) + "\""), std::string::npos)
        << value;
  }
}

// ---- 2.5: the patient unticks types

TEST(Onc_2_5, g10_limited_scope_grant) {
  Onc onc;
  for (const auto& ask : {std::string(kAllPatientTypes), std::string(kFoundation) + " patient/*.rs",
                          std::string(kFoundation) + " patient/*.read"}) {
    const auto session = onc.standalone(ask, {"patient.see.Condition", "patient.see.Observation"});
    for (const auto& scope : words_of(session.scope())) {
      EXPECT_FALSE(scope.starts_with("patient/Condition")) << ask << ": " << scope;
      EXPECT_FALSE(scope.starts_with("patient/Observation")) << ask << ": " << scope;
      EXPECT_FALSE(scope.starts_with("patient/*")) << ask << ": no wildcard is left";
    }
    const std::string letters = ask.find(".read") != std::string::npos ? ".read" : ".rs";
    for (const auto* type : {"Patient", "AllergyIntolerance", "Goal", "Provenance", "Coverage"})
      EXPECT_TRUE(has_word(session.scope(), std::string("patient/") + type + letters)) << ask << ": " << type;
  }
}

}  // namespace
}  // namespace mitral::testing
