// Emergency accesses as FHIR R4 Task and Communication, and their audit events as AuditEvent.
#include "audit/emergency_export.h"

#include <gtest/gtest.h>

#include "audit/fhir_export.h"

namespace mitral::audit {
namespace {

model::EmergencyAccess access() {
  model::EmergencyAccess out;
  out.id = Id128{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255}};
  out.issuer = Issuer("https://as.example");
  out.client = ClientId("er-app");
  out.user = UserId("u_dora");
  out.user_name = "Dr. Dora";
  out.fhir_user = "Practitioner/dora";
  out.patient_id = "p1";
  out.audience = "https://fhir.example/r4";
  out.reason = model::EmergencyReason::life_at_risk;
  out.statement = "severe bleeding";
  out.at = from_seconds(1'800'000'000);
  out.expires = out.at + std::chrono::minutes(15);
  return out;
}

const codec::Json* input(const codec::Json& task, std::string_view member, std::string_view code) {
  for (const auto& one : task[member].items()) {
    if (one["type"]["coding"][0]["code"].string_or() == code) return &one;
  }
  return nullptr;
}

TEST(EmergencyExport, OpenAccessIsARequestedTask) {
  const auto task = review_task(access());
  EXPECT_EQ(task["resourceType"].string_or(), "Task");
  EXPECT_EQ(task["id"].string_or(), "0102030405060708090a0b0c0d0e0fff");
  EXPECT_EQ(task["status"].string_or(), "requested");
  EXPECT_EQ(task["intent"].string_or(), "order");
  EXPECT_EQ(task["code"]["coding"][0]["code"].string_or(), "emergency-access-review");
  EXPECT_EQ(task["for"]["reference"].string_or(), "Patient/p1");
  EXPECT_EQ(task["requester"]["reference"].string_or(), "Practitioner/dora");
  EXPECT_EQ(task["reasonCode"]["coding"][0]["code"].string_or(), "ETREAT");
  EXPECT_FALSE(task.contains("output"));
  ASSERT_NE(input(task, "input", "time"), nullptr);
  EXPECT_EQ((*input(task, "input", "time"))["valueDateTime"].string_or(), to_rfc3339(access().at));
  EXPECT_EQ((*input(task, "input", "client"))["valueString"].string_or(), "er-app");
  EXPECT_EQ((*input(task, "input", "statement"))["valueString"].string_or(), "severe bleeding");
  EXPECT_EQ((*input(task, "input", "audit-grant"))["valueString"].string_or(), access().id.text());
}

TEST(EmergencyExport, ReviewedAccessIsACompletedTask) {
  auto one = access();
  one.review = {.at = one.at + std::chrono::hours(1),
                .by = "Privacy office",
                .verdict = model::EmergencyVerdict::unjustified,
                .note = "not on duty"};
  const auto task = review_task(one);
  EXPECT_EQ(task["status"].string_or(), "completed");
  EXPECT_EQ(task["lastModified"].string_or(), to_rfc3339(one.review->at));
  EXPECT_EQ((*input(task, "output", "verdict"))["valueCodeableConcept"]["coding"][0]["code"].string_or(),
            "unjustified");
  EXPECT_EQ((*input(task, "output", "reviewed-by"))["valueString"].string_or(), "Privacy office");
  EXPECT_EQ((*input(task, "output", "note"))["valueString"].string_or(), "not on duty");
}

TEST(EmergencyExport, TheNoticeTellsWhoAndWhenAndNotWhatWasStated) {
  const auto notice = patient_notice(access());
  EXPECT_EQ(notice["resourceType"].string_or(), "Communication");
  EXPECT_EQ(notice["status"].string_or(), "in-progress");
  EXPECT_EQ(notice["subject"]["reference"].string_or(), "Patient/p1");
  EXPECT_EQ(notice["recipient"][0]["reference"].string_or(), "Patient/p1");
  EXPECT_EQ(notice["about"][0]["reference"].string_or(), "Task/" + emergency_resource_id(access()));
  const auto text = notice["payload"][0]["contentString"].string_or();
  EXPECT_NE(text.find("Dr. Dora"), std::string_view::npos);
  EXPECT_NE(text.find("2027-01-15"), std::string_view::npos) << text;
  EXPECT_EQ(notice.dump().find("bleeding"), std::string::npos);
}

EmergencyUse use() {
  return {.issuer = "https://as.example",
          .id = access().id.text(),
          .client = "er-app",
          .subject = "u_dora",
          .clinician = "Practitioner/dora",
          .patient = "p1",
          .at = access().at,
          .expires = access().expires};
}

TEST(EmergencyExport, WhatAGatewayKnowsIsATaskOfTheSameIdentifier) {
  const auto task = review_task(use(), true);
  const auto exported = review_task(access());
  EXPECT_EQ(task["identifier"], exported["identifier"]);
  EXPECT_EQ(task["code"], exported["code"]);
  EXPECT_EQ(task["for"], exported["for"]);
  EXPECT_EQ(task["status"].string_or(), "requested");
  EXPECT_FALSE(task.contains("id")) << "the server's to give";
  EXPECT_NE(input(task, "input", "audit-grant"), nullptr);
  EXPECT_EQ(input(task, "input", "statement"), nullptr);
  EXPECT_EQ(input(task, "input", "reason"), nullptr);
  const auto notice = patient_notice(use(), true);
  EXPECT_EQ(notice["identifier"], exported["identifier"]);
  EXPECT_EQ(notice["about"][0]["identifier"], exported["identifier"][0]);
  EXPECT_NE(notice["payload"][0]["contentString"].string_or().find("Practitioner/dora"), std::string_view::npos);
}

TEST(EmergencyExport, NamesInWordsAreNoReferences) {
  EXPECT_EQ(review_task(use(), false).dump().find(R"("reference")"), std::string::npos);
  EXPECT_EQ(patient_notice(use(), false).dump().find(R"("reference")"), std::string::npos);
  EXPECT_EQ(review_task(use(), false)["requester"]["display"].string_or(), "Practitioner/dora");
  auto unknown = use();
  unknown.clinician.clear();
  EXPECT_EQ(review_task(unknown, true)["requester"]["identifier"]["value"].string_or(), "u_dora");
  unknown.patient.clear();
  EXPECT_FALSE(review_task(unknown, true).contains("for"));
}

TEST(EmergencyExport, AuditEventsCarryThePurpose) {
  ports::AuditStore::Record record;
  record.seq = 7;
  record.event.issuer = Issuer("https://as.example");
  record.event.kind = model::AuditKind::emergency;
  record.event.reason = "approved";
  record.event.details = {{"purpose_of_use", "ETREAT"}};
  const auto event = to_fhir(record, "mitral");
  EXPECT_EQ(event["purposeOfEvent"][0]["coding"][0]["code"].string_or(), "ETREAT");
  EXPECT_EQ(event["subtype"][0]["code"].string_or(), "110127");
  record.event.details.clear();
  EXPECT_FALSE(to_fhir(record, "mitral").contains("purposeOfEvent"));
}

}  // namespace
}  // namespace mitral::audit
