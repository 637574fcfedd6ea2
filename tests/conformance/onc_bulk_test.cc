// ONC §170.315(g)(10), Inferno group 5 (multi-patient authorization and API), row by row, through the gateway in front
// of a real Bulk Data server (smart-fhir §2.7, §2.10). Backend authentication itself: onc_as_test.cc and the token
// tests.
#include <gtest/gtest.h>

#include <set>

#include "support/gateway_bulk.h"

namespace mitral::gateway::rig {
namespace {

using namespace std::chrono_literals;
namespace sample = sandbox::sample;

struct Onc_2_7 : testing::Test {
  BulkRig rig;
  std::string token = rig.jwt(backend());
  const std::string group = "/Group/" + std::string(sample::kGroupOfTwo) + "/$export";
};

TEST_F(Onc_2_7, CapabilityStatementListsExportOfGroupAndTheBulkCanonical) {
  const auto json = Json::parse(rig.get("/metadata").body).value();
  bool exports = false;
  for (const auto& resource : json["rest"][0]["resource"].items()) {
    if (resource["type"].string_or() != "Group") continue;
    for (const auto& operation : resource["operation"].items()) {
      exports = exports || (operation["name"].string_or() == "export" &&
                            operation["definition"].string_or() ==
                                "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/group-export");
    }
  }
  EXPECT_TRUE(exports);
  bool canonical = false;
  for (const auto& item : json["instantiates"].items()) {
    canonical = canonical || item.string_or() == "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data";
  }
  EXPECT_TRUE(canonical);
}

TEST_F(Onc_2_7, KickOffWithoutTokenIs401) {
  EXPECT_EQ(rig.kick_off(group, "").status, 401);
  EXPECT_EQ(rig.kick_off(group, "no-such-token").status, 401);
}

TEST_F(Onc_2_7, KickOffIs202WithAnAbsoluteContentLocation) {
  const auto response = rig.kick_off(group, token);
  EXPECT_EQ(response.status, 202);
  EXPECT_TRUE(response.headers.get("Content-Location").value_or("").starts_with(kPublic));
}

TEST_F(Onc_2_7, StatusIs202WithRetryAfterUntil200) {
  const auto status = rig.begin(group, token);
  const auto first = rig.follow(status, token);
  EXPECT_EQ(first.status, 202);
  EXPECT_EQ(first.headers.get("Retry-After"), "1");
  EXPECT_EQ(first.headers.get("X-Progress"), "50%");
  const auto second = rig.follow(status, token);
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(second.headers.get("Content-Type"), "application/json");
  EXPECT_TRUE(second.headers.get("Expires"));
}

TEST_F(Onc_2_7, ManifestHasItsMembers) {
  const auto json = rig.manifest(rig.begin(group, token), token);
  EXPECT_FALSE(json["transactionTime"].string_or().empty());
  EXPECT_EQ(json["request"].string_or(), std::string(kPublic) + group);
  EXPECT_EQ(json["requiresAccessToken"].as_bool(), true);
  EXPECT_TRUE(json["error"].is_array());
  ASSERT_FALSE(json["output"].empty());
  for (const auto& file : json["output"].items()) {
    EXPECT_FALSE(file["type"].string_or().empty());
    EXPECT_TRUE(file["url"].string_or().starts_with(kPublic)) << "absolute, at the gateway";
  }
}

TEST_F(Onc_2_7, OutputFormatInItsThreeSpellings) {
  for (const auto* const format : {"application/fhir%2Bndjson", "application/ndjson", "ndjson"}) {
    EXPECT_EQ(rig.kick_off(group + "?_outputFormat=" + format, token).status, 202) << format;
  }
  EXPECT_EQ(rig.kick_off(group + "?_outputFormat=text/csv", token).status, 400);
}

TEST_F(Onc_2_7, SinceIsAcceptedAndHonoured) {
  const auto since = [&](std::string_view when) {
    return rig.lines(rig.manifest(rig.begin(group + "?_since=" + std::string(when), token), token)["output"], token);
  };
  EXPECT_FALSE(since("2000-01-01T00:00:00Z").empty());
  EXPECT_TRUE(since("2099-01-01T00:00:00Z").empty());
}

TEST_F(Onc_2_7, DeleteIs202AndLaterPollsAre404WithAnOutcome) {
  const auto status = rig.begin(group, token);
  EXPECT_EQ(rig.follow(status, token, Method::del).status, 202);
  const auto later = rig.follow(status, token);
  EXPECT_EQ(later.status, 404);
  EXPECT_EQ(Json::parse(later.body).value()["resourceType"].string_or(), "OperationOutcome");
  EXPECT_EQ(rig.follow(status, token, Method::del).status, 404);
}

TEST_F(Onc_2_7, FilesNeedTheToken) {
  const auto json = rig.manifest(rig.begin(group, token), token);
  const auto url = std::string(json["output"][0]["url"].string_or());
  EXPECT_EQ(rig.follow(url, "").status, 401) << "exactly: not 403";
  const auto file = rig.follow(url, token);
  EXPECT_EQ(file.status, 200);
  EXPECT_EQ(file.headers.get("Content-Type"), "application/fhir+ndjson");
  EXPECT_TRUE(rig.complete);
}

TEST_F(Onc_2_7, PatientsAreThoseOfTheGroup) {
  const auto json = rig.manifest(rig.begin(group + "?_type=Patient,Observation", token), token);
  std::set<std::string> patients, subjects;
  for (const auto& line : rig.lines(json["output"], token)) {
    if (line["resourceType"].string_or() == "Patient") patients.emplace(line["id"].string_or());
    if (line["resourceType"].string_or() == "Observation") {
      EXPECT_EQ(line.dump().find("fhir.internal"), std::string::npos);
      subjects.emplace(line["subject"]["reference"].string_or());
    }
  }
  EXPECT_EQ(patients, (std::set<std::string>{"maria", "otto"})) << "at least two, and no others";
  EXPECT_TRUE(subjects.contains("Patient/maria") && subjects.contains("Patient/otto"));
}

TEST_F(Onc_2_7, SystemAndPatientLevelWorkTheSameWay) {
  for (const auto* const target : {"/$export", "/Patient/$export", "/Patient/$export?_type=Patient"}) {
    const auto json = rig.manifest(rig.begin(target, token), token);
    EXPECT_FALSE(rig.lines(json["output"], token).empty()) << target;
  }
}

TEST_F(Onc_2_7, KickOffByPostTakesParameters) {
  const auto response = rig.kick_off_by_post(
      group,
      Json::array(
          {Json::object({{"name", "_type"}, {"valueString", "Patient"}}),
           Json::object({{"name", "patient"}, {"valueReference", Json::object({{"reference", "Patient/otto"}})}})}),
      token);
  ASSERT_EQ(response.status, 202) << response.body;
  const auto json = rig.manifest(response.headers.get("Content-Location").value_or(""), token);
  const auto lines = rig.lines(json["output"], token);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["id"].string_or(), "otto");
}

TEST_F(Onc_2_7, ATokenOfFiveMinutesIsEnoughForAJobOfHours) {
  const auto status = rig.begin(group, token);
  rig.clock.advance(10min);
  ASSERT_TRUE(rig.hear());
  EXPECT_EQ(rig.follow(status, token).status, 401) << "expired";
  auto fresh = backend();
  fresh.jti = "jti-later";
  const auto later = rig.jwt(fresh);
  const auto json = rig.manifest(status, later);
  EXPECT_FALSE(rig.lines(json["output"], later).empty());
}

TEST_F(Onc_2_7, PreferRespondAsyncIsRequired) {
  EXPECT_EQ(rig.kick_off(group, token, "").status, 400);
  EXPECT_EQ(rig.kick_off(group, token, "return=minimal").status, 400);
  EXPECT_EQ(rig.kick_off(group, token, "handling=lenient, respond-async").status, 202);
}

}  // namespace
}  // namespace mitral::gateway::rig
