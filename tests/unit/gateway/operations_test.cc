// Operations through the gateway, each by its treatment (smart-fhir §4.9; threats S-11, S-13, S-14), and reads at
// system level.
#include "gateway/operations.h"

#include <gtest/gtest.h>

#include <set>

#include "fhir/compartment.h"
#include "gateway/operation_bodies.h"
#include "support/gateway_sandbox.h"

namespace mitral::gateway::rig {
namespace {

namespace sample = sandbox::sample;

struct Operations : testing::Test {
  SandboxRig rig;
  std::string token = rig.jwt(maria());

  Response post(std::string_view target, const std::string& body, const std::string& bearer,
                std::string_view type = "application/fhir+json") {
    auto request = Rig::request(target, bearer, Method::post);
    request.headers.add("Content-Type", type);
    request.body = body;
    return rig.send(std::move(request));
  }
  void misbehave(std::string_view name) {
    sandbox::Misbehaviour how;
    ASSERT_TRUE(sandbox::set_by_name(how, name));
    rig.sandbox.set_misbehaviour(how);
  }
  static std::set<std::string> types_of(const std::vector<Json>& entries) {
    std::set<std::string> out;
    for (const auto& entry : entries) out.emplace(entry["resource"]["resourceType"].string_or());
    return out;
  }
  static void expect_hers(const std::vector<Json>& entries, std::string_view what) {
    for (const auto& entry : entries) {
      for (const auto& id : fhir::member_patients(entry["resource"], kPublic)) EXPECT_EQ(id, "maria") << what;
    }
  }
  /// One page, and no sign of the stranger or of the inner server.
  void expect_clean(const Response& response, std::string_view what) {
    EXPECT_EQ(response.body.find("Patient/otto"), std::string::npos) << what;
    EXPECT_EQ(response.body.find("fhir.internal"), std::string::npos) << what;
  }
};

TEST_F(Operations, S14_EverythingOfHerAndOfNobodyElse) {
  for (const auto* const fault :
       {"", "foreign-matches", "wrong-subject-includes", "unfiltered-next-pages", "wrong-totals"}) {
    if (*fault != 0) misbehave(fault);
    const auto entries = rig.all_pages("/Patient/maria/$everything?_count=7", token);
    EXPECT_GT(entries.size(), 20U) << fault;
    expect_hers(entries, fault);
  }
  EXPECT_EQ(rig.get("/Patient/otto/$everything", token).status, 403);
  EXPECT_EQ(rig.get("/Patient/$everything", token).status, 403) << "not of everybody";
  EXPECT_EQ(post("/Patient/maria/$everything", "", token).status, 200);
}

TEST_F(Operations, S14_EverythingHoldsNoTypeOutsideTheScopes) {
  const auto some = rig.jwt(maria("patient/Observation.rs patient/Condition.rs"));
  const auto entries = rig.all_pages("/Patient/maria/$everything", some);
  EXPECT_EQ(types_of(entries), (std::set<std::string>{"Condition", "Observation"}));
  EXPECT_EQ(types_of(rig.all_pages("/Patient/maria/$everything?_type=Condition", token)),
            std::set<std::string>{"Condition"});
  EXPECT_EQ(rig.get("/Patient/maria/$everything?_type=Condition", rig.jwt(maria("patient/Observation.rs"))).status,
            403);
  const auto by_post =
      post("/Patient/maria/$everything",
           R"({"resourceType":"Parameters","parameter":[{"name":"_type","valueCode":"Condition"}]})", token);
  EXPECT_EQ(by_post.status, 200);
  for (const auto& id : ids(by_post)) EXPECT_TRUE(id.starts_with("Condition/")) << id;
}

TEST_F(Operations, S12_PagesOfEverythingBelongToTheirOwner) {
  const auto first = rig.get("/Patient/maria/$everything?_count=3", token);
  const auto next = below_base(link(first, "next"));
  ASSERT_FALSE(next.empty());
  EXPECT_EQ(rig.get(next, token).status, 200);
  auto other = maria();
  other.client = "another-app";
  EXPECT_NE(rig.get(next, rig.jwt(other)).status, 200);
  EXPECT_EQ(rig.get(next).status, 401);
}

TEST_F(Operations, S11_EncounterEverythingSaysNothingOfForeignOnes) {
  const auto hers = rig.all_pages("/Encounter/" + std::string(sample::kMariaEncounter) + "/$everything", token);
  EXPECT_FALSE(hers.empty());
  expect_hers(hers, "encounter");
  const auto foreign = rig.get("/Encounter/otto-visit-1/$everything", token);
  const auto absent = rig.get("/Encounter/no-such-visit/$everything", token);
  EXPECT_EQ(foreign.status, 404);
  EXPECT_EQ(foreign.body, absent.body);
}

TEST_F(Operations, S14_ADocumentIsAllOrNothing) {
  const auto path = [](std::string_view id) { return "/Composition/" + std::string(id) + "/$document"; };
  const auto whole = rig.get(path(sample::kSummaryOfMaria), token);
  ASSERT_EQ(whole.status, 200) << whole.body;
  const auto json = Json::parse(whole.body).value();
  EXPECT_EQ(json["type"].string_or(), "document");
  EXPECT_EQ(ids(whole).front(), "Composition/" + std::string(sample::kSummaryOfMaria));
  expect_clean(whole, "document");
  const auto absent = rig.get(path("no-such-summary"), token);
  EXPECT_EQ(absent.status, 404);
  const auto mixed = rig.get(path(sample::kSummaryOfTwo), token);
  EXPECT_EQ(mixed.status, 404) << "a part of it is of somebody else";
  EXPECT_EQ(mixed.body, absent.body);
  EXPECT_EQ(rig.get(path(sample::kSummaryOfMaria), rig.jwt(maria("patient/Composition.rs patient/Patient.rs"))).status,
            404)
      << "a part of it is of a type without a scope";
  EXPECT_EQ(rig.get(path(sample::kSummaryOfMaria) + "?persist=true", token).status, 403) << "would store something";
  EXPECT_EQ(rig.get(path(sample::kSummaryOfTwo), rig.jwt(practitioner())).status, 200);
  misbehave("wrong-subject-includes");
  EXPECT_EQ(rig.get(path(sample::kSummaryOfMaria), token).status, 404);
}

TEST_F(Operations, S14_LastNIsASearchInOtherWords) {
  for (const auto* const fault : {"", "foreign-matches", "lenient-params", "unfiltered-next-pages"}) {
    if (*fault != 0) misbehave(fault);
    const auto entries = rig.all_pages("/Observation/$lastn?max=1&category=laboratory", token);
    EXPECT_FALSE(entries.empty()) << fault;
    expect_hers(entries, fault);
    EXPECT_EQ(types_of(entries), std::set<std::string>{"Observation"});
  }
  EXPECT_EQ(rig.get("/Observation/$lastn?patient=otto", token).status, 403);
  EXPECT_EQ(rig.get("/Observation/$lastn", rig.jwt(maria("patient/Condition.rs"))).status, 403);
  EXPECT_EQ(rig.get("/Observation/$stats", token).status, 403) << "not in the list";
}

TEST_F(Operations, S14_DocRefOnlyOfThePatientOfTheToken) {
  const auto hers = rig.get("/DocumentReference/$docref?patient=maria", token);
  ASSERT_EQ(hers.status, 200) << hers.body;
  EXPECT_FALSE(ids(hers).empty());
  expect_clean(hers, "docref");
  EXPECT_EQ(rig.get("/DocumentReference/$docref?patient=otto", token).status, 403);
  const auto posted = post("/DocumentReference/$docref",
                           R"({"resourceType":"Parameters","parameter":[{"name":"patient","valueId":"otto"}]})", token);
  EXPECT_EQ(posted.status, 403) << "the body counts as well";
  EXPECT_EQ(post("/DocumentReference/$docref?patient=maria",
                 R"({"resourceType":"Parameters","parameter":[{"name":"patient","valueId":"otto"}]})", token)
                .status,
            400)
      << "both at once";
  misbehave("foreign-matches");
  expect_clean(rig.get("/DocumentReference/$docref?patient=maria", token), "foreign-matches");
}

TEST_F(Operations, ValidateForwardsJsonOfItsTypeAndShowsFindingsOnly) {
  const auto mine = observation("x", "maria");
  const auto fine = post("/Observation/$validate", mine, token);
  ASSERT_EQ(fine.status, 200) << fine.body;
  EXPECT_EQ(Json::parse(fine.body).value()["resourceType"].string_or(), "OperationOutcome");
  const auto wrapped = R"({"resourceType":"Parameters","parameter":[{"name":"resource","resource":)" + mine + "}]}";
  EXPECT_EQ(post("/Observation/$validate", wrapped, token).status, 200);
  const auto sent = rig.world.upstream_log.size();
  EXPECT_EQ(post("/Observation/$validate", patient("x"), token).status, 400) << "another type";
  EXPECT_EQ(post("/Observation/$validate", "not json", token).status, 400);
  EXPECT_EQ(post("/Observation/$validate", R"({"resourceType":"Observation","resourceType":"Patient"})", token).status,
            400);
  EXPECT_EQ(post("/Observation/$validate", mine, token, "application/fhir+xml").status, 415);
  EXPECT_EQ(post("/Observation/$validate",
                 R"({"resourceType":"Parameters","parameter":[{"name":"mode","valueCode":"delete"}]})", token)
                .status,
            403);
  EXPECT_EQ(rig.world.upstream_log.size(), sent) << "none of these reached upstream";
  EXPECT_NE(rig.get("/Observation/maria-glucose-1/$validate", token).status, 200) << "not of what is stored";
  EXPECT_EQ(post("/Observation/$validate", mine, rig.jwt(maria("patient/Condition.rs"))).status, 403);
}

TEST_F(Operations, S13_WhatComesBackFromStatelessOnesHasNoRecords) {
  misbehave("operation-leaks");
  const auto mine = observation("x", "maria");
  for (const auto& bearer : {token, rig.jwt(practitioner())}) {
    EXPECT_EQ(post("/Observation/$validate", mine, bearer).status, 502);
    EXPECT_EQ(rig.get("/ValueSet/$expand?url=urn:x", bearer).status, 502);
    const auto lookup = rig.get("/CodeSystem/$lookup?code=2339-0&system=http://loinc.org", bearer);
    EXPECT_EQ(lookup.status, 200);
    EXPECT_NE(lookup.body.find("Glucose"), std::string::npos);
    EXPECT_EQ(lookup.body.find("Patient"), std::string::npos) << lookup.body;
  }
  misbehave("phi-in-errors");
  expect_clean(post("/Observation/$validate", mine, token), "words of upstream stay behind");
}

TEST_F(Operations, S14_WhatIsNotInTheListIsRefusedToEveryone) {
  const auto all = rig.jwt(backend("system/*.cruds"));
  const auto sent = rig.world.upstream_log.size();
  for (const auto* const target : {"/$graphql?query=x", "/Patient/maria/$graphql", "/$meta", "/Patient/maria/$meta",
                                   "/$reindex", "/Patient/$match", "/Patient/$merge", "/$process-message", "/$expunge",
                                   "/Patient/maria/$purge-history", "/$import", "/Measure/x/$evaluate-measure",
                                   "/Patient/$member-match", "/$convert", "/Observation/maria-glucose-1/$diff"}) {
    EXPECT_EQ(rig.get(target, all).status, 403) << target;
    EXPECT_EQ(post(target, R"({"resourceType":"Parameters"})", all).status, 403) << target;
  }
  EXPECT_EQ(rig.world.upstream_log.size(), sent);
}

TEST_F(Operations, SystemLevelReadsHoldOnlyTypesOfTheToken) {
  const auto some = rig.jwt(backend("system/Patient.rs system/Condition.rs"));
  for (const auto* const target : {"/?_type=Patient,Condition&_count=5", "/_history?_count=20"}) {
    int status = 0;
    const auto entries = rig.all_pages(target, some, &status);
    EXPECT_EQ(status, 200) << target << rig.get(target, some).body;
    EXPECT_FALSE(entries.empty()) << target;
    for (const auto& type : types_of(entries)) {
      EXPECT_TRUE(type == "Patient" || type == "Condition" || type.empty()) << target << " " << type;
    }
  }
  EXPECT_EQ(types_of(rig.all_pages("/?_type=Patient,Observation", some)), std::set<std::string>{"Patient"});
  EXPECT_EQ(rig.get("/?_type=Observation", some).status, 403);
}

TEST_F(Operations, SystemLevelReadsOfAPatientStayInHerCompartment) {
  for (const auto* const fault : {"", "foreign-matches", "lenient-params", "unfiltered-next-pages", "mixed-history"}) {
    if (*fault != 0) misbehave(fault);
    for (const auto* const target :
         {"/Patient/maria/*?_count=10", "/?_type=Observation,Condition&_count=10", "/_history?_count=10"}) {
      for (const auto& entry : rig.all_pages(target, token)) {
        for (const auto& id : fhir::member_patients(entry["resource"], kPublic))
          EXPECT_EQ(id, "maria") << fault << " " << target;
        EXPECT_EQ(entry.dump().find("Patient/otto"), std::string::npos) << fault << " " << target;
      }
    }
  }
  EXPECT_EQ(rig.get("/Patient/otto/*", token).status, 403);
}

// ---- pure parts

TEST(OperationBodies, SimpleValuesOnly) {
  const auto value = [](const char* json) { return simple_value(Json::parse(json).value()); };
  EXPECT_EQ(value(R"({"name":"a","valueString":"x"})"), "x");
  EXPECT_EQ(value(R"({"name":"a","valueInteger":7})"), "7");
  EXPECT_EQ(value(R"({"name":"a","valueBoolean":true})"), "true");
  EXPECT_EQ(value(R"({"name":"a","valueReference":{"reference":"Patient/1"}})"), "Patient/1");
  EXPECT_EQ(value(R"({"name":"a","valueCoding":{"system":"http://loinc.org","code":"1-2"}})"), "http://loinc.org|1-2");
  for (const auto* const bad :
       {R"({"name":"a"})", R"({"name":"a","valueString":"x","valueCode":"y"})", R"({"name":"a","resource":{}})",
        R"({"name":"a","part":[]})", R"({"name":"a","valueString":{"x":1}})",
        R"({"name":"a","valueCoding":{"code":"a,b"}})", R"({"name":"a","valueString":null})",
        R"({"name":"a","valueString":"x","extension":[]})", R"({"name":"a","valueReference":{"identifier":{}}})"}) {
    EXPECT_FALSE(value(bad)) << bad;
  }
}

TEST(OperationBodies, S13_WhereATextBelongsNothingElsePasses) {
  const auto made = public_outcome(Json::parse(R"J({"resourceType":"OperationOutcome","issue":[
      {"severity":"error","code":"structure","expression":[{"x":"Otto"}],"details":{"coding":[
        {"system":{"x":"Otto"},"code":"c1"},{"system":["Otto"],"code":"c2"},{"code":"c3"},{"system":"http://x","code":{"x":"Otto"}}]}}]
})J")
                                       .value());
  EXPECT_EQ(made.dump().find("Otto"), std::string::npos) << made.dump();
  EXPECT_EQ(made["issue"][0]["details"]["coding"].size(), 3U) << made.dump();
}

TEST(OperationBodies, S13_OutcomesLoseFreeText) {
  const auto made = public_outcome(Json::parse(R"J({"resourceType":"OperationOutcome","text":{"div":"Otto"},"issue":[
      {"severity":"error","code":"structure","diagnostics":"Otto","details":{"text":"Otto","coding":[{"system":"http://x","code":"c1","display":"Otto"}]},
       "expression":["Patient.name[0].given","Patient.name.where(family='Otto')"],"location":["/f:Patient/f:name"]},
      {"severity":"error","code":"not-found","diagnostics":"Patient/otto is not there"},
      {"severity":"Otto","code":"x"},{"severity":"warning","code":"O t t o"}]
})J")
                                       .value());
  EXPECT_EQ(made.dump().find("tto"), std::string::npos) << made.dump();
  EXPECT_EQ(made["issue"].size(), 1U);
  EXPECT_EQ(made["issue"][0]["expression"].size(), 1U);
  EXPECT_EQ(made["issue"][0]["details"]["coding"][0]["code"].string_or(), "c1");
  EXPECT_EQ(public_outcome(Json::object())["issue"].size(), 1U) << "an outcome has at least one issue";
}

}  // namespace
}  // namespace mitral::gateway::rig
