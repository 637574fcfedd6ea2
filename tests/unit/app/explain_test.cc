// mitral explain: the same decision as at the gateway, told in words.
#include "app/explain.h"

#include <gtest/gtest.h>

#include "policy/consent.h"

namespace mitral::app {
namespace {

using codec::Json;

ExplainInput about(std::string scope, std::string method, std::string target) {
  ExplainInput out;
  out.token.scope = std::move(scope);
  out.token.patient = "maria";
  out.token.fhir_user = "Patient/maria";
  out.request.method = std::move(method);
  out.request.target = std::move(target);
  return out;
}

Json resource(std::string_view text) { return Json::parse(text).value(); }

TEST(Explain, ASearchShowsWhatUpstreamIsAskedFor) {
  const auto report = explain(about("patient/Observation.rs", "GET", "/Observation?code=1-8")).value();
  EXPECT_EQ(report["decision"]["verdict"].string_or(), "permit");
  EXPECT_NE(report.dump().find("patient=Patient/maria"), std::string::npos);
  EXPECT_NE(explain_text(report).find("bound to Patient/maria"), std::string::npos);
}

TEST(Explain, ADenialNamesTheScopeToAskFor) {
  const auto report = explain(about("patient/Observation.rs", "GET", "/Condition")).value();
  EXPECT_EQ(report["decision"]["verdict"].string_or(), "deny");
  EXPECT_EQ(report["decision"]["reason"].string_or(), "insufficient_scope");
  EXPECT_EQ(report["decision"]["scope_to_ask_for"].string_or(), "patient/Condition.rs");
}

TEST(Explain, AScopeWithoutItsContextHasNoEffectAndSaysWhy) {
  auto input = about("patient/Observation.rs user/Condition.rs", "GET", "/Observation");
  input.token.patient.clear();
  const auto report = explain(input).value();
  EXPECT_EQ(report["token"]["without_effect"][0]["scope"].string_or(), "patient/Observation.rs");
  EXPECT_EQ(report["token"]["without_effect"][0]["reason"].string_or(), "missing_context");
  EXPECT_EQ(report["decision"]["reason"].string_or(), "missing_context");
}

TEST(Explain, EachResourceIsJudged) {
  auto input = about("patient/Observation.rs", "GET", "/Observation");
  input.resources.push_back(
      resource(R"({"resourceType":"Observation","id":"a","subject":{"reference":"Patient/maria"}})"));
  input.resources.push_back(
      resource(R"({"resourceType":"Observation","id":"b","subject":{"reference":"Patient/otto"}})"));
  const auto report = explain(input).value();
  EXPECT_EQ(report["resources"][0]["verdict"].string_or(), "permit");
  EXPECT_EQ(report["resources"][1]["reason"].string_or(), "resource_not_in_bound");
}

TEST(Explain, AWriteIsJudgedByWhatItWouldLeave) {
  auto input = about("patient/Observation.cruds", "PUT", "/Observation/a");
  input.resources.push_back(
      resource(R"({"resourceType":"Observation","id":"a","subject":{"reference":"Patient/maria"}})"));
  input.request.body = resource(R"({"resourceType":"Observation","id":"a","subject":{"reference":"Patient/otto"}})");
  const auto report = explain(input).value();
  EXPECT_EQ(report["decision"]["verdict"].string_or(), "permit");
  EXPECT_EQ(report["resources"][0]["verdict"].string_or(), "deny");
}

TEST(Explain, ADirectiveOfThePatientCounts) {
  auto input = about("user/*.rs", "GET", "/Observation/a");
  input.token.patient.clear();
  input.token.fhir_user = "Practitioner/ada";
  input.resources.push_back(
      resource(R"({"resourceType":"Observation","id":"a","subject":{"reference":"Patient/maria"}})"));
  EXPECT_EQ(explain(input).value()["resources"][0]["verdict"].string_or(), "permit");
  input.consents.push_back(resource(
      R"({"resourceType":"Consent","id":"c","status":"active","patient":{"reference":"Patient/maria"},
          "scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]},
          "category":[{"coding":[{"code":"59284-0","system":"http://loinc.org"}]}],
          "policyRule":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"OPTOUT"}]}})"));
  policy::DataPolicy data;
  data.consents = true;
  input.data_policy = std::make_shared<const policy::DataPolicy>(std::move(data));
  EXPECT_EQ(explain(input).value()["resources"][0]["verdict"].string_or(), "deny");
}

TEST(Explain, AnAuditRecordBecomesItsRequest) {
  model::AuditEvent event;
  event.kind = model::AuditKind::fhir_access;
  event.details = {{"interaction", "read"}, {"resource", "Observation"}, {"id", "a"}};
  const auto request = ExplainedRequest::from_audit(event);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->method + " " + request->target, "GET /Observation/a");
  event.kind = model::AuditKind::sign_in;
  EXPECT_FALSE(ExplainedRequest::from_audit(event));
}

TEST(Explain, WhatIsNotARequestIsRefused) {
  EXPECT_FALSE(explain(about("patient/*.rs", "GET", "/Observation/../Patient")));
  EXPECT_FALSE(explain(about("patient/*.rs", "BREW", "/Observation")));
}

}  // namespace
}  // namespace mitral::app
