// Parts of Bulk Data at the gateway that need no export: seals, the count of jobs, manifests, places of files, lines.
#include <gtest/gtest.h>

#include "base/random.h"
#include "crypto/random.h"
#include "gateway/bulk_jobs.h"
#include "gateway/bulk_lines.h"
#include "gateway/bulk_manifest.h"
#include "gateway/bulk_sealer.h"
#include "gateway/stream_judge.h"
#include "support/gateway_bulk.h"

namespace mitral::gateway::rig {
namespace {

using namespace std::chrono_literals;

constexpr Instant kNow = from_seconds(1'780'000'000);

struct Seals : testing::Test {
  SequenceRandom random;
  Secret key{std::string(32, 'k')};
  BulkSealer sealer{key, kPublic, random};
  BulkJob job{"j1", "/$export", "https://gw.example/fhir/$export", {"Patient"}, "/_jobs/1", kNow + 1h};
  BulkFile file{BulkFileKind::output, "j1", "/$export", {"Patient"}, false, "/_jobs/1/0.ndjson", kNow + 1h};
};

TEST_F(Seals, S12_OpenForTheirClientAloneAndNotForLong) {
  const auto sealed = sealer.seal(job, "c1").value();
  const auto opened = sealer.open_job(sealed, "c1", kNow);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->target, "/_jobs/1");
  EXPECT_EQ(opened->types, std::vector<std::string>{"Patient"});
  EXPECT_FALSE(sealer.open_job(sealed, "c2", kNow));
  EXPECT_FALSE(sealer.open_job(sealed, "", kNow));
  EXPECT_FALSE(sealer.open_job(sealed, "c1", kNow + 1h)) << "expired";
  EXPECT_FALSE(BulkSealer(key, "https://other.example", random).open_job(sealed, "c1", kNow)) << "another server's";
  EXPECT_FALSE(BulkSealer(Secret(std::string(32, 'x')), kPublic, random).open_job(sealed, "c1", kNow));
}

TEST_F(Seals, S12_AStatusLinkIsNoFileLink) {
  const auto status = sealer.seal(job, "c1").value();
  const auto download = sealer.seal(file, "c1").value();
  EXPECT_TRUE(sealer.open_file(download, "c1", kNow));
  EXPECT_FALSE(sealer.open_file(status, "c1", kNow));
  EXPECT_FALSE(sealer.open_job(download, "c1", kNow));
  EXPECT_NE(status, sealer.seal(job, "c1").value()) << "never the same twice";
}

TEST_F(Seals, AnyChangeBreaksThem) {
  const auto sealed = sealer.seal(job, "c1").value();
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    auto changed = sealed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    if (changed != sealed) EXPECT_FALSE(sealer.open_job(changed, "c1", kNow)) << i;
  }
  for (const std::string_view bad : {"", "A", "!!", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}) {
    EXPECT_FALSE(sealer.open_job(bad, "c1", kNow));
  }
  job.target = std::string(limits::kBulkLinkMax, 'x');
  EXPECT_FALSE(sealer.seal(job, "c1")) << "too long";
}

TEST(BulkJobsCount, BoundByClientAndByTime) {
  BulkJobs jobs;
  for (std::size_t i = 0; i < limits::kBulkJobsPerClientMax; ++i) {
    EXPECT_TRUE(jobs.begin("c1", std::to_string(i), kNow));
  }
  EXPECT_FALSE(jobs.begin("c1", "one more", kNow));
  EXPECT_TRUE(jobs.begin("c2", "a", kNow));
  jobs.end("c1", "0");
  EXPECT_TRUE(jobs.begin("c1", "b", kNow));
  EXPECT_FALSE(jobs.begin("c1", "c", kNow));
  EXPECT_TRUE(jobs.begin("c1", "d", kNow + limits::kBulkJobLifetime)) << "forgotten with their time";
  EXPECT_EQ(jobs.running("c1"), 1U);
  jobs.cancel("c1", "d");
  EXPECT_TRUE(jobs.cancelled("d"));
  EXPECT_FALSE(jobs.cancelled("a"));
  EXPECT_EQ(jobs.running("c1"), 0U);
}

TEST(BulkPlaces, OnlyBelowUpstreamOrAListedHost) {
  Config config;
  config.upstream = "http://fhir.internal:8090/r4";
  config.public_base = kPublic;
  config.bulk_storage = {"https://storage.example/bucket/"};
  EXPECT_EQ(file_place("http://fhir.internal:8090/r4/files/1", config)->location, "/files/1");
  EXPECT_EQ(file_place("/r4/files/1?x=1", config)->location, "/files/1?x=1");
  EXPECT_FALSE(file_place("http://fhir.internal:8090/r4/files/1", config)->storage);
  const auto stored = file_place("https://storage.example/bucket/1.ndjson?sig=x", config);
  ASSERT_TRUE(stored);
  EXPECT_TRUE(stored->storage);
  for (const std::string_view bad : {"http://fhir.internal:8090/admin",
                                     "http://fhir.internal:8090/r4x/1",
                                     "http://fhir.internal:8091/r4/1",
                                     "https://fhir.internal:8090/r4/1",
                                     "http://fhir.internal:8090@evil.example/r4/1",
                                     "http://evil.example/r4/1",
                                     "https://storage.example/other/1",
                                     "https://storage.example.evil/bucket/1",
                                     "https://storage.example/bucket/../x",
                                     "https://storage.example/bucket/%2e%2e/x",
                                     "http://storage.example/bucket/1",
                                     "https://user@storage.example/bucket/1",
                                     "https://storage.example/bucket/1#f",
                                     "ftp://storage.example/bucket/1",
                                     "//storage.example/bucket/1",
                                     "/files/1",
                                     "/r4/../admin",
                                     "/r4",
                                     "",
                                     "file:///etc/passwd",
                                     "http://169.254.169.254/latest",
                                     "http://fhir.internal:8090/r4/a b",
                                     "http://fhir.internal:8090/r4/a\r\nX: y"}) {
    EXPECT_FALSE(file_place(bad, config)) << bad;
  }
}

struct Manifests : Seals {
  Config config;
  Manifests() {
    config.upstream = "http://fhir.internal:8090/r4";
    config.public_base = kPublic;
  }
  Result<Manifest> made(const std::string& text) { return public_manifest(text, job, "c1", sealer, config); }
};

TEST_F(Manifests, KnownMembersOfAllowedTypesOnly) {
  const auto manifest =
      made(R"({"transactionTime":"2026-01-01T00:00:00Z","request":"http://fhir.internal:8090/r4/$export",
      "requiresAccessToken":false,"secret":"x","output":[
        {"type":"Patient","url":"http://fhir.internal:8090/r4/1","count":3,"extension":{}},
        {"type":"Observation","url":"http://fhir.internal:8090/r4/2"},
        {"type":"Patient","url":"http://evil.example/3"}, "junk", {"type":"Patient"}],
      "error":[{"type":"Patient","url":"http://fhir.internal:8090/r4/4"}],
      "link":[{"relation":"next","url":"http://fhir.internal:8090/r4/next"}]})");
  ASSERT_TRUE(manifest);
  EXPECT_EQ(manifest->files, 1U);
  EXPECT_EQ(manifest->left_out, 5U);
  EXPECT_EQ(manifest->body["output"].size(), 1U);
  EXPECT_TRUE(manifest->body["error"].empty());
  EXPECT_EQ(manifest->body["requiresAccessToken"].as_bool(), true);
  EXPECT_EQ(manifest->body["request"].string_or(), "https://gw.example/fhir/$export");
  for (const auto* const gone : {"internal", "secret", "evil", "link", "extension"})
    EXPECT_EQ(manifest->body.dump().find(gone), std::string::npos) << gone;
}

TEST_F(Manifests, WhatIsNoManifestIsRefused) {
  for (const auto* const bad :
       {"", "[]", "{}", R"({"transactionTime":"now <b>","output":[]})", R"({"transactionTime":"2026-01-01T00:00:00Z"})",
        R"({"transactionTime":"2026-01-01T00:00:00Z","output":[],"output":[]})",
        R"({"resourceType":"Patient","output":[]})"}) {
    EXPECT_FALSE(made(bad)) << bad;
  }
}

TEST(BulkLines, AreRewrittenOneByOneAndCutWhenTheyBreak) {
  std::size_t withheld = 0;
  const auto run = [&](std::string text) {
    withheld = 0;
    Response response;
    response.stream = rewrite_lines(source_of(std::move(text)), public_error_line,
                                    [&](std::vector<Shown>, std::size_t count) -> Task<Result<void>> {
                                      withheld += count;
                                      return []() -> Task<Result<void>> { co_return Result<void>{}; }();
                                    });
    const bool whole = drain(response);
    return std::pair(whole, response.body);
  };
  const std::string line =
      R"({"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"invalid","diagnostics":"Otto"}]})";
  const auto [whole, body] = run(line + "\n\n" + R"({"resourceType":"Patient","id":"otto"})" + "\r\n" + line);
  EXPECT_TRUE(whole);
  EXPECT_EQ(body.find("tto"), std::string::npos);
  EXPECT_EQ(std::ranges::count(body, '\n'), 2);
  EXPECT_EQ(withheld, 1U);
  EXPECT_FALSE(run(line + "\n{broken").first);
  EXPECT_FALSE(run(std::string(limits::kFhirResourceMax + 10, ' ') + "x").first) << "a line without an end";
}

}  // namespace
}  // namespace mitral::gateway::rig
