// Attacks on Bulk Data exports through the gateway (threats S-12, S-14, S-22): other clients, lost scopes, guessed and
// cancelled links, a server that exports what nobody asked for, and a storage host.
#include "support/gateway_bulk.h"

#include <gtest/gtest.h>

#include <set>

namespace mitral::gateway::rig {
namespace {

using namespace std::chrono_literals;
namespace sample = sandbox::sample;

const std::string kGroup = "/Group/" + std::string(sample::kGroupOfTwo) + "/$export";

struct BulkThreat : testing::Test {
  BulkRig rig;
  std::string token = rig.jwt(backend());

  void misbehave(std::string_view name) {
    sandbox::Misbehaviour how;
    ASSERT_TRUE(sandbox::set_by_name(how, name));
    rig.sandbox.set_misbehaviour(how);
  }
  std::set<std::string> types_of(const Json& files) {
    std::set<std::string> out;
    for (const auto& line : rig.lines(files, token)) out.emplace(line["resourceType"].string_or());
    return out;
  }
};

TEST_F(BulkThreat, S22_StatusFileAndCancelBelongToTheClientThatBegan) {
  const auto other = rig.jwt(other_backend());
  const auto status = rig.begin(kGroup, token);
  const auto fixed = rig.follow(std::string(kPublic) + "/_bulk/status/guessed", other);
  EXPECT_EQ(fixed.status, 404);
  for (const auto method : {Method::get, Method::del}) {
    const auto response = rig.follow(status, other, method);
    EXPECT_EQ(response.status, 404);
    EXPECT_EQ(response.body, fixed.body) << "nothing tells a foreign job from none";
  }
  const auto json = rig.manifest(status, token);
  ASSERT_FALSE(json["output"].empty()) << "still there: the other one cancelled nothing";
  for (const auto& file : json["output"].items()) {
    const auto response = rig.follow(file["url"].string_or(), other);
    EXPECT_EQ(response.status, 404);
    EXPECT_EQ(response.body, fixed.body);
  }
}

TEST_F(BulkThreat, S22_NoTokenNoFileNoStatus) {
  const auto status = rig.begin(kGroup, token);
  const auto json = rig.manifest(status, token);
  for (const std::string_view url : {std::string_view(status), json["output"][0]["url"].string_or()}) {
    EXPECT_EQ(rig.follow(url, "").status, 401);
    EXPECT_EQ(rig.follow(url, "mat_forged").status, 401);
    EXPECT_EQ(rig.follow(url, "", Method::del).status, 401);
    EXPECT_EQ(rig.get(below_base(url) + "?access_token=" + token).status, 400) << "not in the query";
  }
}

TEST_F(BulkThreat, S22_TokensOfPeopleNeverExport) {
  for (const auto& spec : {maria(), maria("system/*.rs"), practitioner(), practitioner("user/*.cruds system/*.rs")}) {
    for (const auto& target : {kGroup, std::string("/$export"), std::string("/Patient/$export")}) {
      EXPECT_EQ(rig.kick_off(target, rig.jwt(spec)).status, 403) << spec.scope << " " << target;
    }
  }
  // Of the very client that began the export.
  const auto status = rig.begin(kGroup, token);
  auto person = practitioner();
  person.client = "backend";
  EXPECT_EQ(rig.follow(status, rig.jwt(person)).status, 403);
}

TEST_F(BulkThreat, S22_ScopesAreAskedForAgainAtEveryStep) {
  const auto status = rig.begin(kGroup + "?_type=Patient,Observation", token);
  const auto json = rig.manifest(status, token);
  const auto fewer = rig.jwt(backend("system/Patient.rs system/Group.rs"));
  EXPECT_EQ(rig.follow(status, fewer).status, 403);
  EXPECT_EQ(rig.follow(status, fewer, Method::del).status, 403);
  for (const auto& file : json["output"].items()) {
    EXPECT_EQ(rig.follow(file["url"].string_or(), fewer).status, file["type"].string_or() == "Patient" ? 200 : 403);
  }
}

TEST_F(BulkThreat, S22_RevokedAndExpiredTokensGetNothing) {
  const auto status = rig.begin(kGroup, token);
  const auto json = rig.manifest(status, token);
  const auto url = std::string(json["output"][0]["url"].string_or());
  rig.revoke("token_revoked", "jti-backend");
  ASSERT_TRUE(rig.hear());
  EXPECT_EQ(rig.follow(url, token).status, 401);
  EXPECT_EQ(rig.follow(status, token).status, 401);
  auto fresh = backend();
  fresh.jti = "jti-2";
  EXPECT_EQ(rig.follow(url, rig.jwt(fresh)).status, 200);
  rig.clock.advance(25h);
  ASSERT_TRUE(rig.hear());
  fresh.jti = "jti-3";
  EXPECT_EQ(rig.follow(url, rig.jwt(fresh)).status, 404) << "links end with the job's time";
}

TEST_F(BulkThreat, S22_FilesOfACancelledJobAreGone) {
  const auto status = rig.begin(kGroup, token);
  const auto json = rig.manifest(status, token);
  const auto url = std::string(json["output"][0]["url"].string_or());
  EXPECT_EQ(rig.follow(url, token).status, 200);
  EXPECT_EQ(rig.follow(status, token, Method::del).status, 202);
  EXPECT_EQ(rig.follow(url, token).status, 404);
}

TEST_F(BulkThreat, S12_GuessedAndTamperedLinksAreOne404) {
  const auto status = rig.begin(kGroup, token);
  const auto json = rig.manifest(status, token);
  const auto file = std::string(json["output"][0]["url"].string_or());
  const auto sealed = file.substr(file.rfind('/') + 1);
  auto tampered = file;
  tampered[tampered.size() - 3] = tampered[tampered.size() - 3] == 'A' ? 'B' : 'A';
  const auto upstream_requests = rig.world.upstream_log.size();
  for (const auto& url :
       {tampered, std::string(kPublic) + "/_bulk/status/" + sealed, std::string(kPublic) + "/_bulk/file/",
        std::string(kPublic) + "/_bulk/file/x", std::string(kPublic) + "/_bulk/status/", file + "A", status + "/",
        std::string(kPublic) + "/_bulk/other/x"}) {
    EXPECT_EQ(rig.follow(url, token).status, 404) << url;
  }
  EXPECT_EQ(rig.world.upstream_log.size(), upstream_requests) << "upstream is not asked";
  EXPECT_EQ(rig.follow(file, token, Method::post).status, 405);
  EXPECT_EQ(rig.follow(file, token, Method::del).status, 405);
}

TEST_F(BulkThreat, S12_UpstreamsOwnJobUrlsOpenNothing) {
  (void)rig.begin(kGroup, token);
  // What a client would try who knows the sandbox.
  for (const auto* const path : {"/_jobs/1", "/_jobs/00000000000000000000000000000000", "/_jobs/x/output-0.ndjson"}) {
    EXPECT_EQ(rig.get(path, token).status, 404) << path;
  }
}

TEST_F(BulkThreat, S14_TypesThatAreNotGrantedAreRefusedNotLeftOut) {
  const auto some = rig.jwt(backend("system/Patient.rs system/Group.rs"));
  EXPECT_EQ(rig.kick_off(kGroup + "?_type=Patient,Observation", some).status, 403);
  EXPECT_EQ(rig.kick_off(kGroup + "?_type=Observation", some).status, 403);
  EXPECT_EQ(rig.kick_off(kGroup + "?_typeFilter=Observation?code=x", some).status, 403);
  EXPECT_EQ(rig.kick_off(kGroup + "?_experimental=1", some).status, 400);
  EXPECT_EQ(rig.kick_off(kGroup, rig.jwt(backend("system/Patient.rs"))).status, 403) << "the Group is read as well";
  EXPECT_EQ(rig.kick_off("/Group/no-such-group/$export", token).status, 404);
  const auto json = rig.manifest(rig.begin(kGroup, some), some);
  for (const auto& file : json["output"].items()) {
    EXPECT_TRUE(file["type"].string_or() == "Patient" || file["type"].string_or() == "Group") << file.dump();
  }
}

TEST_F(BulkThreat, S22_FilesThatNobodyAskedForAreNotInTheManifest) {
  for (const auto* const fault : {"bulk-foreign-lines", "bulk-ignores-type"}) {
    misbehave(fault);
    const auto json = rig.manifest(rig.begin("/Patient/$export?_type=Observation", token), token);
    EXPECT_EQ(types_of(json["output"]), std::set<std::string>{"Observation"}) << fault;
  }
}

TEST_F(BulkThreat, S22_LinesOfAnotherTypeNeverLeave) {
  misbehave("bulk-wrong-type-lines");
  const auto json = rig.manifest(rig.begin("/Patient/$export?_type=Observation", token), token);
  for (const auto& file : json["output"].items()) {
    const auto response = rig.follow(file["url"].string_or(), token);
    EXPECT_EQ(response.body.find("\"resourceType\":\"Patient\""), std::string::npos);
  }
}

TEST_F(BulkThreat, S8_GranularSystemScopesHoldForEveryLine) {
  const auto vitals = rig.jwt(backend(
      "system/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category%7Cvital-signs"));
  const auto json = rig.manifest(rig.begin("/Patient/$export", vitals), vitals);
  std::size_t seen = 0;
  for (const auto& line : rig.lines(json["output"], vitals)) {
    EXPECT_NE(line["category"].dump().find("vital-signs"), std::string::npos) << line["id"].string_or();
    ++seen;
  }
  EXPECT_GT(seen, 0U);
  for (const auto& file : json["output"].items()) EXPECT_FALSE(file.contains("count")) << "would count hidden lines";
}

TEST_F(BulkThreat, S22_ErrorFilesAndProgressLoseUpstreamsWords) {
  misbehave("phi-in-errors");
  const auto status = rig.begin(kGroup, token);
  EXPECT_EQ(rig.follow(status, token).headers.get("X-Progress"), "50%");
  const auto json = rig.manifest(status, token);
  ASSERT_EQ(json["error"].size(), 1U);
  const auto lines = rig.lines(json["error"], token);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["resourceType"].string_or(), "OperationOutcome");
  EXPECT_EQ(lines[0].dump().find("otto"), std::string::npos);
  EXPECT_EQ(lines[0]["issue"][0]["severity"].string_or(), "error");
}

TEST_F(BulkThreat, S22_DeletionsOnlyOfTypesThatAreAllVisible) {
  const auto deletions = [&](const std::string& bearer) {
    const auto json =
        rig.manifest(rig.begin("/$export?_type=Observation,Patient&_since=2000-01-01T00:00:00Z", bearer), bearer);
    std::string out;
    for (const auto& line : rig.lines(json["deleted"], bearer)) out += line.dump();
    return out;
  };
  EXPECT_NE(deletions(token).find("Observation/deleted-observation"), std::string::npos);
  const auto granular = rig.jwt(backend("system/Patient.rs system/Observation.rs?code=2339-0"));
  EXPECT_EQ(deletions(granular).find("deleted-observation"), std::string::npos) << "whose it was nobody can tell";
}

TEST_F(BulkThreat, S22_RequiresAccessTokenIsAlwaysTrue) {
  misbehave("bulk-open-files");
  const auto json = rig.manifest(rig.begin(kGroup, token), token);
  EXPECT_EQ(json["requiresAccessToken"].as_bool(), true);
  EXPECT_EQ(rig.follow(json["output"][0]["url"].string_or(), "").status, 401);
  EXPECT_FALSE(json.contains("extension"));
}

TEST_F(BulkThreat, S18_StorageHostsThatNobodyListedAreNeverAsked) {
  misbehave("bulk-absolute-storage-url");
  const auto json = rig.manifest(rig.begin(kGroup, token), token);
  EXPECT_TRUE(json["output"].empty());
  EXPECT_TRUE(rig.storage_requests.empty());
  EXPECT_EQ(json.dump().find("storage.example"), std::string::npos);
}

TEST(BulkStorage, S22_AListedHostGetsNoCredentialAndItsUrlStaysHere) {
  BulkRig rig([](Config& config) { config.bulk_storage = {"https://storage.example/bucket/"}; });
  sandbox::Misbehaviour how;
  how.bulk_absolute_storage_url = true;
  rig.sandbox.set_misbehaviour(how);
  const auto token = rig.jwt(backend());
  const auto json = rig.manifest(rig.begin(kGroup, token), token);
  ASSERT_FALSE(json["output"].empty());
  EXPECT_EQ(json.dump().find("storage.example"), std::string::npos);
  EXPECT_EQ(json.dump().find("s3cr3t"), std::string::npos);
  EXPECT_EQ(json["requiresAccessToken"].as_bool(), true);
  EXPECT_FALSE(rig.lines(json["output"], token).empty());
  ASSERT_FALSE(rig.storage_requests.empty());
  for (const auto& request : rig.storage_requests) {
    EXPECT_EQ(request.headers.count("Authorization"), 0U);
    EXPECT_EQ(request.headers.count("Cookie"), 0U);
    EXPECT_NE(request.target.find("signature=s3cr3t"), std::string::npos) << "the key of the URL is enough";
  }
}

TEST_F(BulkThreat, EachClientHasSoManyJobsAndNoMore) {
  std::vector<std::string> links;
  for (std::size_t i = 0; i < limits::kBulkJobsPerClientMax; ++i) links.push_back(rig.begin(kGroup, token));
  const auto refused = rig.kick_off(kGroup, token);
  EXPECT_EQ(refused.status, 429);
  EXPECT_TRUE(refused.headers.get("Retry-After"));
  EXPECT_EQ(rig.kick_off(kGroup, rig.jwt(other_backend())).status, 202) << "others are not concerned";
  EXPECT_EQ(rig.follow(links[0], token, Method::del).status, 202);
  EXPECT_EQ(rig.kick_off(kGroup, token).status, 202);
  (void)rig.manifest(links[1], token);
  EXPECT_EQ(rig.kick_off(kGroup, token).status, 202) << "a finished one does not count";
}

TEST(BulkGroups, AListedClientExportsItsOwnGroupsOnly) {
  BulkRig rig([](Config& config) {
    config.bulk_groups = {{.client = "backend", .groups = {std::string(sample::kGroupOfTwo)}},
                          {.client = "other", .groups = {"another-group"}}};
  });
  const auto token = rig.jwt(backend());
  EXPECT_EQ(rig.kick_off("/$export", token).status, 404);
  EXPECT_EQ(rig.kick_off("/Patient/$export", token).status, 404);
  EXPECT_EQ(rig.kick_off(kGroup, rig.jwt(other_backend())).status, 404);
  sandbox::Misbehaviour how;
  how.bulk_foreign_lines = true;
  rig.sandbox.set_misbehaviour(how);
  const auto json = rig.manifest(rig.begin(kGroup, token), token);
  std::set<std::string> patients;
  for (const auto& line : rig.lines(json["output"], token)) {
    if (line["resourceType"].string_or() == "Patient") patients.emplace(line["id"].string_or());
  }
  EXPECT_EQ(patients, (std::set<std::string>{"maria", "otto"})) << "whatever else the server put into the files";
}

TEST(BulkGroups, S22_OfWhatIsDeletedAListedClientIsToldNothing) {
  const std::string since = "?_since=2000-01-01T00:00:00Z";
  BulkRig open;
  const auto anyone = open.jwt(backend());
  EXPECT_FALSE(open.manifest(open.begin(kGroup + since, anyone), anyone)["deleted"].empty())
      << "else this proves nothing";
  BulkRig rig([](Config& config) {
    config.bulk_groups = {{.client = "backend", .groups = {std::string(sample::kGroupOfTwo)}}};
  });
  const auto token = rig.jwt(backend());
  const auto json = rig.manifest(rig.begin(kGroup + since, token), token);
  EXPECT_TRUE(json["deleted"].empty()) << "nobody can tell whose it was: " << json.dump();
  EXPECT_FALSE(json["output"].empty());
}

TEST(BulkOff, NothingOfItIsThere) {
  BulkRig rig([](Config& config) { config.bulk = false; });
  const auto token = rig.jwt(backend());
  EXPECT_EQ(rig.kick_off(kGroup, token).status, 403);
  EXPECT_EQ(rig.get("/_bulk/status/x", token).status, 404);
  const auto metadata = rig.get("/metadata").body;
  EXPECT_EQ(metadata.find("\"export\""), std::string::npos);
  EXPECT_EQ(metadata.find("bulkdata"), std::string::npos);
}

TEST_F(BulkThreat, EveryFileIsWrittenDownBeforeItLeaves) {
  const auto json = rig.manifest(rig.begin(kGroup + "?_type=Patient", token), token);
  const auto url = std::string(json["output"][0]["url"].string_or());
  rig.audit.list.clear();
  EXPECT_EQ(rig.follow(url, token).status, 200);
  std::string ids;
  for (const auto& event : rig.audit.list) {
    EXPECT_EQ(event.client, "backend");
    for (const auto& [name, value] : event.details) ids += name == "ids" ? value + " " : "";
  }
  EXPECT_NE(ids.find("Patient/maria"), std::string::npos);
  EXPECT_NE(ids.find("Patient/otto"), std::string::npos);
  rig.audit.fails = true;
  EXPECT_EQ(rig.follow(url, token).status, 503);
  EXPECT_EQ(rig.follow(std::string(kPublic) + "/_bulk/status/x", token).status, 503);
}

TEST_F(BulkThreat, UnreadableUpstreamsAre502) {
  const auto status = rig.begin(kGroup, token);
  EXPECT_EQ(rig.follow(status, token).status, 202);
  for (const auto* const fault : {"not-json", "truncated"}) {
    misbehave(fault);
    EXPECT_NE(rig.follow(status, token).status, 200) << fault;
  }
}

TEST_F(BulkThreat, ACutFileIsCutForTheClientToo) {
  const auto json = rig.manifest(rig.begin(kGroup + "?_type=Observation", token), token);
  misbehave("truncated");
  const auto response = rig.follow(json["output"][0]["url"].string_or(), token);
  EXPECT_FALSE(rig.complete) << "half a line is no end";
}

}  // namespace
}  // namespace mitral::gateway::rig
