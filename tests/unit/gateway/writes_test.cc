// Create, update, patch and delete through the gateway, and their conditional forms (smart-fhir §4.7).
#include <gtest/gtest.h>

#include "support/gateway_writing.h"

namespace mitral::gateway::rig {
namespace {

namespace sample = sandbox::sample;
const std::string kLab = "/Observation/" + std::string(sample::kMariaLab);

struct Writes : testing::Test {
  WritingRig rig;
  std::string token = rig.jwt(maria("patient/*.cruds"));
  std::string doctor = rig.jwt(practitioner("user/*.cruds"));

  Json lab() { return rig.sandbox.current("Observation", sample::kMariaLab); }
  std::string lab_with(std::string_view name, Json value) {
    auto out = lab();
    out.set(name, std::move(value));
    return out.dump();
  }
};

TEST_F(Writes, CreateStoresWhatWasJudged) {
  const auto response = rig.post("/Observation", an_observation("Patient/maria"), token);
  ASSERT_EQ(response.status, 201) << response.body;
  const auto body = body_of(response);
  const std::string id(body["id"].string_or());
  EXPECT_EQ(response.headers.get("Location"), std::string(kPublic) + "/Observation/" + id + "/_history/1");
  EXPECT_EQ(response.headers.get("ETag"), "W/\"1\"");
  EXPECT_TRUE(response.headers.get("Last-Modified"));
  EXPECT_EQ(rig.sandbox.current("Observation", id)["subject"]["reference"].string_or(), "Patient/maria");
  EXPECT_EQ(rig.world.upstream_log.back().headers.get("Authorization"), "Bearer upstream-credential");
}

TEST_F(Writes, CreateIgnoresIdAndVersionOfTheBody) {
  const auto response = rig.post(
      "/Observation",
      R"({"resourceType":"Observation","id":"otto-glucose-1","meta":{"versionId":"7","lastUpdated":"2020-01-01T00:00:00Z"},)"
      R"("status":"final","code":{"text":"x"},"subject":{"reference":"Patient/maria"}})",
      token);
  ASSERT_EQ(response.status, 201);
  EXPECT_NE(body_of(response)["id"].string_or(), "otto-glucose-1");
  EXPECT_EQ(rig.world.upstream_log.back().body.find("versionId"), std::string::npos);
}

TEST_F(Writes, ReferencesBelowThePublicBaseBecomeRelative) {
  const auto response = rig.post("/Observation", an_observation(std::string(kPublic) + "/Patient/maria"), token);
  ASSERT_EQ(response.status, 201);
  EXPECT_NE(rig.world.upstream_log.back().body.find(R"("reference":"Patient/maria")"), std::string::npos);
}

TEST_F(Writes, S17_AListOfLinksWhereFhirHasOneIsRefused) {
  const auto response = rig.post(
      "/Observation",
      R"({"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/maria"},)"
      R"("performer":[{"reference":["Patient/otto"]}]})",
      token);
  EXPECT_GE(response.status, 400) << response.body;
  EXPECT_LT(response.status, 500);
  EXPECT_TRUE(rig.world.upstream_log.empty());
}

TEST_F(Writes, PreferSaysWhatComesBack) {
  const auto minimal = rig.post("/Observation", an_observation("Patient/maria"), token,
                                {.headers = {{"Prefer", "handling=lenient, return=minimal"}}});
  EXPECT_EQ(minimal.status, 201);
  EXPECT_TRUE(minimal.body.empty());
  EXPECT_TRUE(minimal.headers.get("Location"));
  const auto outcome = rig.post("/Observation", an_observation("Patient/maria"), token,
                                {.headers = {{"Prefer", "return=OperationOutcome"}}});
  EXPECT_EQ(body_of(outcome)["resourceType"].string_or(), "OperationOutcome");
  EXPECT_EQ(rig.post("/Observation", an_observation("Patient/maria"), token, {.headers = {{"Prefer", "respond-async"}}})
                .status,
            400);
}

TEST_F(Writes, WithoutReadNothingComesBack) {
  const auto blind = rig.jwt(maria("patient/Observation.cu"));
  const auto created = rig.post("/Observation", an_observation("Patient/maria"), blind,
                                {.headers = {{"Prefer", "return=representation"}}});
  EXPECT_EQ(created.status, 201);
  EXPECT_TRUE(created.body.empty());
  const auto updated = rig.put(kLab, lab_with("status", "amended"), blind);
  EXPECT_EQ(updated.status, 200);
  EXPECT_TRUE(updated.body.empty());
}

TEST_F(Writes, UpdateIsBoundToTheVersionThatWasJudged) {
  const auto before = std::string(lab()["meta"]["versionId"].string_or());
  const auto response = rig.put(kLab, lab_with("status", "amended"), token);
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(lab()["status"].string_or(), "amended");
  EXPECT_EQ(rig.world.upstream_log.back().headers.get("If-Match"), "W/\"" + before + "\"");
  EXPECT_FALSE(response.headers.get("Location"));
}

TEST_F(Writes, TheClientsOwnIfMatchMustAgree) {
  const auto version = std::string(lab()["meta"]["versionId"].string_or());
  EXPECT_EQ(rig.put(kLab, lab_with("status", "amended"), token, {.headers = {{"If-Match", "W/\"99\""}}}).status, 412);
  EXPECT_EQ(rig.writes(), 0U);
  EXPECT_EQ(
      rig.put(kLab, lab_with("status", "amended"), token, {.headers = {{"If-Match", "W/\"" + version + "\""}}}).status,
      200);
  EXPECT_EQ(rig.remove(kLab, token, {.headers = {{"If-Match", "W/\"" + version + "\""}}}).status, 412);
}

TEST_F(Writes, UpsertNeedsBothLetters) {
  const auto body = an_observation_with_id("brand-new", "Patient/maria");
  EXPECT_EQ(rig.put("/Observation/brand-new", body, rig.jwt(maria("patient/Observation.ru"))).status, 404);
  EXPECT_EQ(rig.writes(), 0U);
  const auto response = rig.put("/Observation/brand-new", body, token);
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(rig.world.upstream_log.back().headers.get("If-None-Match"), "*");
  EXPECT_EQ(response.headers.get("Location"), std::string(kPublic) + "/Observation/brand-new/_history/1");
  EXPECT_EQ(rig.put("/Observation/brand-new", body, token, {.headers = {{"If-None-Match", "*"}}}).status, 412);
}

TEST_F(Writes, DeleteAndThenItIsGone) {
  const auto response = rig.remove(kLab, token);
  EXPECT_EQ(response.status, 204);
  EXPECT_TRUE(response.body.empty());
  EXPECT_EQ(rig.get(kLab, token).status, 404);
  EXPECT_EQ(rig.remove(kLab, token).status, 404);
}

TEST_F(Writes, JsonPatchIsAppliedHere) {
  const auto response = rig.json_patch(
      kLab, R"([{"op":"test","path":"/status","value":"final"},{"op":"replace","path":"/status","value":"amended"}])",
      token);
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(lab()["status"].string_or(), "amended");
  EXPECT_EQ(rig.world.upstream_log.back().method, Method::put);
  EXPECT_EQ(rig.json_patch(kLab, R"([{"op":"test","path":"/status","value":"final"}])", token).status, 422);
  EXPECT_EQ(rig.json_patch(kLab, R"({"op":"remove"})", token).status, 400);
}

TEST_F(Writes, FhirPathPatchIsAppliedHere) {
  const std::string patch =
      R"({"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},)"
      R"({"name":"path","valueString":"Observation.status"},{"name":"value","valueCode":"amended"}]}]})";
  EXPECT_EQ(rig.write(Method::patch, kLab, patch, token).status, 200);
  EXPECT_EQ(lab()["status"].string_or(), "amended");
}

TEST_F(Writes, XmlPatchIsAppliedHere) {
  const auto xml = [&](std::string_view target, std::string_view operations, std::vector<codec::Header> headers = {}) {
    return rig.write(Method::patch, target,
                     R"(<diff xmlns:f="http://hl7.org/fhir">)" + std::string(operations) + "</diff>", token,
                     {.headers = std::move(headers), .type = "application/xml-patch+xml; charset=UTF-8"});
  };
  const auto response = xml(kLab, R"(<replace sel="f:Observation/f:status/@value">amended</replace>
    <add sel="f:Observation"><f:note><f:text value="by XML"/></f:note></add>)");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(lab()["status"].string_or(), "amended");
  EXPECT_EQ(lab()["note"].dump(), R"([{"text":"by XML"}])");
  const auto& sent = rig.world.upstream_log.back();
  EXPECT_EQ(sent.method, Method::put);
  EXPECT_EQ(sent.headers.get("Content-Type"), "application/fhir+json");
  EXPECT_TRUE(sent.headers.get("If-Match"));
  EXPECT_EQ(xml(kLab, R"(<remove sel="f:Observation/f:bodySite"/>)").status, 422);
  EXPECT_EQ(xml(kLab, "<move/>").status, 400);
  EXPECT_EQ(xml(kLab, "", {{"If-Match", "W/\"1\""}}).status, 412);
}

TEST_F(Writes, OtherMediaTypesAreRefused) {
  for (const auto* const type : {"application/fhir+xml", "text/plain", "application/json; charset=latin1",
                                 "application/fhir+json; fhirVersion=3.0", "application/merge-patch+json"}) {
    EXPECT_EQ(rig.write(Method::patch, kLab, "[]", token, {.headers = {}, .type = type}).status, 415) << type;
    EXPECT_EQ(rig.write(Method::put, kLab, "{}", token, {.headers = {}, .type = type}).status, 415) << type;
  }
  EXPECT_EQ(rig.write(Method::put, kLab, "<diff/>", token, {.headers = {}, .type = "application/xml-patch+xml"}).status,
            415);
  EXPECT_EQ(rig.put(kLab, "{}", token, {.headers = {{"Content-Encoding", "gzip"}}}).status, 415);
  EXPECT_EQ(rig.world.upstream_log.size(), 0U);
}

TEST_F(Writes, ConditionalCreateFindsOrCreates) {
  const std::string identifier = R"(,"identifier":[{"system":"urn:x","value":"42"}])";
  const WriteOptions condition{.headers = {{"If-None-Exist", "identifier=urn:x|42"}}};
  const auto first = rig.post("/Observation", an_observation("Patient/maria", identifier), token, condition);
  ASSERT_EQ(first.status, 201) << first.body;
  EXPECT_FALSE(rig.world.upstream_log.back().headers.get("If-None-Exist"));
  const auto count = rig.sandbox.size();
  const auto second = rig.post("/Observation", an_observation("Patient/maria", identifier), token, condition);
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(body_of(second)["id"], body_of(first)["id"]);
  EXPECT_EQ(second.headers.get("Location"), first.headers.get("Location"));
  EXPECT_EQ(rig.sandbox.size(), count);
}

TEST_F(Writes, ConditionalUpdatePatchAndDelete) {
  const std::string identifier = R"(,"identifier":[{"system":"urn:x","value":"43"}])";
  const std::string target = "/Observation?identifier=urn:x%7C43&patient=Patient/maria";
  const auto created = rig.put(target, an_observation("Patient/maria", identifier), doctor);
  ASSERT_EQ(created.status, 201) << created.body;
  const std::string id(body_of(created)["id"].string_or());
  const auto updated =
      rig.put(target, an_observation("Patient/maria", identifier + R"(,"issued":"2026-01-01T00:00:00Z")"), doctor);
  EXPECT_EQ(updated.status, 200) << updated.body;
  EXPECT_EQ(rig.world.upstream_log.back().path, "/r4/Observation/" + id);
  EXPECT_EQ(rig.world.upstream_log.back().headers.get("If-Match"), "W/\"1\"");
  EXPECT_EQ(rig.json_patch(target, R"([{"op":"replace","path":"/status","value":"amended"}])", doctor).status, 200);
  EXPECT_EQ(
      rig.write(Method::patch, target, R"(<diff xmlns="http://hl7.org/fhir"><remove sel="Observation/issued"/></diff>)",
                doctor, {.headers = {}, .type = "application/xml-patch+xml"})
          .status,
      200);
  EXPECT_FALSE(rig.sandbox.current("Observation", id).contains("issued"));
  EXPECT_EQ(rig.put(target, an_observation_with_id("other", "Patient/maria", identifier), doctor).status, 400);
  EXPECT_EQ(rig.remove(target, doctor).status, 204);
  EXPECT_EQ(rig.remove(target, doctor).status, 404);
  EXPECT_EQ(rig.json_patch(target, "[]", doctor).status, 404);
  EXPECT_EQ(rig.remove("/Observation?patient=Patient/maria", doctor).status, 412) << "several match";
}

TEST_F(Writes, ConditionalUpdateWithAWishedId) {
  const std::string target = "/Observation?identifier=urn:x%7C44";
  EXPECT_EQ(rig.put(target, an_observation_with_id("wish", "Patient/maria"), doctor).status, 201);
  EXPECT_EQ(rig.put(target, an_observation_with_id("wish", "Patient/maria"), doctor).status, 412) << "not the match";
}

TEST_F(Writes, AuditNamesWhatWasWritten) {
  rig.audit.list.clear();
  EXPECT_EQ(rig.put(kLab, lab_with("status", "amended"), token).status, 200);
  ASSERT_EQ(rig.audit.list.size(), 1U);
  const auto& event = rig.audit.list.front();
  EXPECT_EQ(event.patient, "maria");
  EXPECT_EQ(event.outcome, model::AuditOutcome::success);
  EXPECT_TRUE(std::ranges::find(event.details, std::pair<std::string, std::string>("interaction", "update")) !=
              event.details.end());
  rig.audit.fails = true;
  EXPECT_EQ(rig.put(kLab, lab_with("status", "final"), token).status, 503);
}

TEST_F(Writes, CorsLetsBrowsersWrite) {
  auto request = Rig::request("/Observation", {}, Method::options);
  request.headers.add("Origin", kOrigin);
  request.headers.add("Access-Control-Request-Method", "PUT");
  const auto response = rig.send(std::move(request));
  EXPECT_EQ(response.headers.get("Access-Control-Allow-Methods"), "GET, HEAD, POST, PUT, PATCH, DELETE");
}

}  // namespace
}  // namespace mitral::gateway::rig
