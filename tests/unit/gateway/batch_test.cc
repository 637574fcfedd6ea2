// Batches and transactions through the gateway (smart-fhir §4.8).
#include <gtest/gtest.h>

#include "support/gateway_writing.h"

namespace mitral::gateway::rig {
namespace {

namespace sample = sandbox::sample;
using Statuses = std::vector<std::string>;
const std::string kLab = "Observation/" + std::string(sample::kMariaLab);
const std::string kOttosLab = "Observation/" + std::string(sample::kStrangerLab);
constexpr const char* kFirst = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a";
constexpr const char* kSecond = "urn:uuid:88f151c0-a954-468a-88bd-5ae15c08e059";

struct Bundles : testing::Test {
  WritingRig rig;
  std::string token = rig.jwt(maria("patient/*.cruds"));
  std::string doctor = rig.jwt(practitioner("user/*.cruds"));

  Response send(std::string_view type, const std::vector<EntrySpec>& entries, const std::string& bearer) {
    return rig.post("", a_bundle(type, entries), bearer);
  }
  std::string changed_lab() {
    auto out = rig.sandbox.current("Observation", sample::kMariaLab);
    out.set("status", "amended");
    return out.dump();
  }
};

TEST_F(Bundles, BatchServesEachEntryByItself) {
  rig.audit.list.clear();
  const auto response = send("batch",
                             {{"GET", kLab},
                              {"GET", kOttosLab},
                              {"GET", "Observation?code=http://loinc.org|2339-0"},
                              {"POST", "Observation", an_observation("Patient/maria")},
                              {"PUT", kLab, changed_lab()},
                              {"DELETE", "Observation/" + std::string(sample::kTwoCategories)},
                              {"GET", "Observation?patient=Patient/otto"}},
                             token);
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(statuses(response), (Statuses{"200", "404", "200", "201", "200", "204", "403"}));
  const auto body = body_of(response);
  EXPECT_EQ(body["type"].string_or(), "batch-response");
  EXPECT_EQ(body["entry"][0]["resource"]["id"].string_or(), sample::kMariaLab);
  EXPECT_EQ(body["entry"][1]["response"]["outcome"]["resourceType"].string_or(), "OperationOutcome");
  EXPECT_EQ(body["entry"][2]["resource"]["type"].string_or(), "searchset");
  EXPECT_TRUE(body["entry"][3]["response"]["location"].string_or().starts_with(std::string(kPublic) + "/Observation/"));
  EXPECT_EQ(response.body.find("otto"), std::string::npos);
  EXPECT_EQ(rig.audit.list.size(), 7U) << "one event for each entry";
}

TEST_F(Bundles, BatchTakesPatches) {
  const auto response = send(
      "batch",
      {{"PATCH", kLab,
        R"({"resourceType":"Binary","contentType":"application/json-patch+json","data":"W3sib3AiOiJyZXBsYWNlIiwicGF0aCI6Ii9zdGF0dXMiLCJ2YWx1ZSI6ImFtZW5kZWQifV0="})"},
       {"PATCH", kLab,
        R"({"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},{"name":"path","valueString":"Observation.status"},{"name":"value","valueCode":"final"}]}]})"},
       // <diff xmlns="http://hl7.org/fhir"><replace sel="Observation/status/@value">amended</replace></diff>
       {"PATCH", kLab,
        R"({"resourceType":"Binary","contentType":"application/xml-patch+xml","data":"PGRpZmYgeG1sbnM9Imh0dHA6Ly9obDcub3JnL2ZoaXIiPjxyZXBsYWNlIHNlbD0iT2JzZXJ2YXRpb24vc3RhdHVzL0B2YWx1ZSI+YW1lbmRlZDwvcmVwbGFjZT48L2RpZmY+"})"}},
      token);
  EXPECT_EQ(statuses(response), (Statuses{"200", "200", "200"})) << response.body;
  EXPECT_EQ(rig.sandbox.current("Observation", sample::kMariaLab)["status"].string_or(), "amended");
}

TEST_F(Bundles, BatchConditions) {
  const auto version =
      std::string(rig.sandbox.current("Observation", sample::kMariaLab)["meta"]["versionId"].string_or());
  const auto response =
      send("batch",
           {{"PUT", kLab, changed_lab(), {}, R"("ifMatch":"W/\"99\"")"},
            {"GET", kLab, {}, {}, R"("ifNoneMatch":"W/\")" + version + R"(\"")"},
            {"POST", "Observation", an_observation("Patient/maria"), {}, R"("ifNoneExist":"identifier=a|b")"},
            {"GET", kLab, {}, {}, R"("ifNoneExist":"identifier=a|b")"}},
           token);
  EXPECT_EQ(statuses(response), (Statuses{"412", "304", "201", "400"})) << response.body;
}

TEST_F(Bundles, EmptyAndOversizedBundles) {
  EXPECT_EQ(send("batch", {}, token).status, 200);
  EXPECT_EQ(send("transaction", {}, token).status, 200);
  std::vector<EntrySpec> many(limits::kFhirBatchEntriesMax + 1, EntrySpec{"GET", "Patient/maria"});
  EXPECT_EQ(send("batch", many, token).status, 413);
  for (const auto* const type : {"document", "collection", "searchset", "batch-response", ""}) {
    EXPECT_EQ(send(type, {}, token).status, 400) << type;
  }
  EXPECT_EQ(rig.post("", an_observation("Patient/maria"), token).status, 400);
  EXPECT_EQ(rig.post("?_cascade=delete", a_bundle("batch", {}), token).status, 400);
  EXPECT_EQ(rig.world.upstream_log.size(), 0U);
}

TEST_F(Bundles, TransactionIsOneAct) {
  rig.audit.list.clear();
  const auto response = send("transaction",
                             {{"POST", "Observation", an_observation("Patient/maria"), kFirst},
                              {"PUT", kLab, changed_lab()},
                              {"GET", kLab},
                              {"DELETE", "Observation/" + std::string(sample::kTwoCategories)}},
                             token);
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(statuses(response), (Statuses{"201", "200", "200", "204"}));
  const auto body = body_of(response);
  EXPECT_EQ(body["type"].string_or(), "transaction-response");
  EXPECT_EQ(body["entry"][2]["resource"]["status"].string_or(), "amended") << "reads come after writes";
  EXPECT_EQ(rig.writes(), 1U);
  EXPECT_EQ(rig.audit.list.size(), 4U);
  const auto sent = std::ranges::find(rig.world.upstream_log, Method::post, &Request::method);
  ASSERT_NE(sent, rig.world.upstream_log.end());
  const auto forwarded = Json::parse(sent->body).value();
  EXPECT_TRUE(forwarded["entry"][1]["request"]["ifMatch"].string_or().starts_with("W/\""));
  EXPECT_EQ(forwarded["entry"].size(), 3U) << "reads are served by their own handlers";
}

TEST_F(Bundles, TransactionResolvesReferences) {
  const auto response =
      send("transaction",
           {{"POST", "Patient", R"({"resourceType":"Patient","name":[{"family":"New"}]})", kFirst},
            {"POST", "Observation", an_observation(kFirst), kSecond},
            {"PUT", "Patient/leo", rig.sandbox.current("Patient", "leo").dump(), "urn:uuid:leo"},
            {"POST", "Observation",
             an_observation("urn:uuid:leo", R"(,"hasMember":[{"reference":")" + std::string(kSecond) + R"("}])")}},
           doctor);
  ASSERT_EQ(response.status, 200) << response.body;
  const auto body = body_of(response);
  const std::string patient(body["entry"][0]["resource"]["id"].string_or());
  ASSERT_FALSE(patient.empty());
  EXPECT_EQ(body["entry"][1]["resource"]["subject"]["reference"].string_or(), "Patient/" + patient);
  EXPECT_EQ(body["entry"][3]["resource"]["subject"]["reference"].string_or(), "Patient/leo");
  EXPECT_EQ(body["entry"][3]["resource"]["hasMember"][0]["reference"].string_or(),
            "Observation/" + std::string(body["entry"][1]["resource"]["id"].string_or()));
}

TEST_F(Bundles, TransactionWithConditions) {
  const std::string identifier = R"(,"identifier":[{"system":"urn:x","value":"7"}])";
  const std::vector<EntrySpec> entries{
      {"POST", "Observation", an_observation("Patient/maria", identifier), kFirst,
       R"("ifNoneExist":"identifier=urn:x|7")"},
      {"POST", "Observation",
       an_observation("Patient/maria", R"(,"hasMember":[{"reference":")" + std::string(kFirst) + R"("}])")}};
  const auto first = send("transaction", entries, token);
  ASSERT_EQ(statuses(first), (Statuses{"201", "201"})) << first.body;
  const auto second = send("transaction", entries, token);
  ASSERT_EQ(statuses(second), (Statuses{"200", "201"})) << second.body;
  EXPECT_EQ(body_of(second)["entry"][1]["resource"]["hasMember"][0]["reference"].string_or(),
            "Observation/" + std::string(body_of(first)["entry"][0]["resource"]["id"].string_or()));
}

TEST_F(Bundles, TransactionConflictsChangeNothing) {
  const auto before = rig.stored("Observation", sample::kMariaLab);
  const auto size = rig.sandbox.size();
  const auto stale = send("transaction",
                          {{"POST", "Observation", an_observation("Patient/maria")},
                           {"PUT", kLab, changed_lab(), {}, R"("ifMatch":"W/\"99\"")"}},
                          token);
  EXPECT_EQ(stale.status, 412);
  EXPECT_EQ(body_of(stale)["issue"][0]["expression"][0].string_or(), "Bundle.entry[1]");
  EXPECT_EQ(send("transaction", {{"PUT", kLab, changed_lab()}, {"DELETE", kLab}}, token).status, 400) << "no order";
  EXPECT_EQ(rig.stored("Observation", sample::kMariaLab), before);
  EXPECT_EQ(rig.sandbox.size(), size);
  EXPECT_EQ(rig.writes(), 0U);
}

TEST_F(Bundles, PreferReachesTheEntries) {
  const auto response = rig.post("", a_bundle("batch", {{"POST", "Observation", an_observation("Patient/maria")}}),
                                 token, {.headers = {{"Prefer", "return=minimal"}}});
  EXPECT_TRUE(body_of(response)["entry"][0]["resource"].is_null());
  EXPECT_EQ(rig.post("", a_bundle("batch", {}), token, {.headers = {{"Prefer", "respond-async"}}}).status, 400);
}

}  // namespace
}  // namespace mitral::gateway::rig
