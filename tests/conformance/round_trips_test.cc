// How often a request goes to storage, as numbers, with the store that the server runs on (SQLite): what makes the
// difference between thousands of answers a second and hundreds.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "store/sqlite/sqlite_store.h"
#include "support/as_harness.h"

namespace mitral::testing {
namespace {

struct RoundTrips {
  std::uint64_t reads = 0;
  std::uint64_t commits = 0;
  friend bool operator==(const RoundTrips&, const RoundTrips&) = default;
  friend void PrintTo(const RoundTrips& trips, std::ostream* out) {
    *out << trips.reads << " reads, " << trips.commits << " commits";
  }
};

class RoundTripsTest : public ::testing::Test {
 protected:
  RoundTripsTest() {
    char folder[] = "/tmp/mitral-trips-XXXXXX";
    folder_ = ::mkdtemp(folder);
    HarnessOptions options;
    options.make_store = [this](const Clock& clock) -> std::unique_ptr<ports::Store> {
      store::SqliteOptions where;
      where.path = folder_ + "/mitral.db";
      auto store = store::SqliteStore::open(std::move(where), clock);
      EXPECT_TRUE(store) << store.error().detail;
      return std::move(*store);
    };
    as.emplace(std::move(options));
  }
  ~RoundTripsTest() override {
    as.reset();
    std::filesystem::remove_all(folder_);
  }

  template <class F>
  RoundTrips trips(F&& request) {
    const auto before = as->counters();
    request();
    const auto after = as->counters();
    return {after.reads - before.reads, after.commits - before.commits};
  }

  const std::vector<std::string> scopes_{"openid", "offline_access", "patient/Patient.rs"};
  std::string folder_;
  std::optional<AsHarness> as;
};

TEST_F(RoundTripsTest, IntrospectionOfAGrantInMemory) {
  const auto tokens = as->tokens_for("app-basic", scopes_);
  const std::string token(*tokens["access_token"].as_string());
  EXPECT_EQ(as->introspect(token)["active"].as_bool(), true);
  EXPECT_EQ(trips([&] { EXPECT_EQ(as->introspect(token)["active"].as_bool(), true); }), (RoundTrips{0, 0}));
  // Forged handles die on their tag.
  EXPECT_EQ(trips([&] { EXPECT_EQ(as->introspect("mat_" + std::string(80, 'A'))["active"].as_bool(), false); }),
            (RoundTrips{0, 0}));
}

TEST_F(RoundTripsTest, ClientCredentials) {
  const codec::Form api{{"grant_type", "client_credentials"}, {"scope", "jobs.run"}, {"resource", std::string(kApi)}};
  const auto ask = [&] { EXPECT_EQ(as->token(api, {as->basic("backend-basic")}).status, 200); };
  EXPECT_EQ(trips(ask), (RoundTrips{1, 1})) << "a client is read when it first comes";
  EXPECT_EQ(trips(ask), (RoundTrips{0, 1}));
  const codec::Form fhir{
      {"grant_type", "client_credentials"}, {"scope", "system/Patient.rs"}, {"resource", std::string(kFhir)}};
  EXPECT_EQ(as->token(as->with_assertion(fhir, as->backend_assertion())).status, 200);
  const auto proven = as->with_assertion(fhir, as->backend_assertion());
  EXPECT_EQ(trips([&] { EXPECT_EQ(as->token(proven).status, 200); }), (RoundTrips{0, 1}))
      << "the jti is claimed and the token recorded in one act";
}

TEST_F(RoundTripsTest, RefreshWithRotation) {
  (void)as->tokens_for("app-public", scopes_);  // the person is known now
  const auto tokens = as->tokens_for("app-public", scopes_);
  const codec::Form form{{"grant_type", "refresh_token"},
                         {"refresh_token", std::string(*tokens["refresh_token"].as_string())},
                         {"client_id", "app-public"}};
  EXPECT_EQ(trips([&] { EXPECT_EQ(as->token(form).status, 200); }), (RoundTrips{0, 1}));
}

// W5 of the bench: with a new ID token (OpenID Connect Core §12.2), signed as the client registered.
TEST_F(RoundTripsTest, RefreshWithRotationAndAnIdToken) {
  auto client = as->client_record("app-public");
  client.id_token_alg = "ES256";
  client.id_token_at_refresh = true;
  as->put(client);
  (void)as->tokens_for("app-public", scopes_);
  const auto tokens = as->tokens_for("app-public", scopes_);
  const codec::Form form{{"grant_type", "refresh_token"},
                         {"refresh_token", std::string(*tokens["refresh_token"].as_string())},
                         {"client_id", "app-public"}};
  codec::Response response;
  EXPECT_EQ(trips([&] { response = as->token(form); }), (RoundTrips{0, 1}));
  EXPECT_NE(AsHarness::json(response)["id_token"].string_or(), "");
}

TEST_F(RoundTripsTest, CodeRedemption) {
  (void)as->tokens_for("app-basic", scopes_);
  const auto code = as->mint_code("app-basic", scopes_);
  EXPECT_EQ(trips([&] { (void)as->redeem("app-basic", code); }), (RoundTrips{0, 1}));
}

// What a commit costs is the pages it changes: with ids in the order of time all grants of a batch are on one of them.
TEST_F(RoundTripsTest, GrantsAreInTheOrderOfTime) {
  std::vector<Id128> known;
  for (int i = 0; i < 5; ++i) {
    (void)as->tokens_for("app-public", scopes_);
    for (const auto& grant : *run_sync(as->store().grants_of_user(as->issuer_id(), UserId("u_alice"), 10))) {
      if (std::ranges::find(known, grant.id) != known.end()) continue;
      if (!known.empty()) EXPECT_LT(known.back(), grant.id);
      known.push_back(grant.id);
    }
    as->clock.advance(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(known.size(), 5U);
}

TEST_F(RoundTripsTest, DocumentsThatEverybodyMayRead) {
  for (const auto* path : {"/t/clinic/.well-known/openid-configuration", "/t/clinic/jwks"})
    EXPECT_EQ(trips([&] { EXPECT_EQ(as->get(path).status, 200) << path; }), (RoundTrips{0, 0})) << path;
}

TEST_F(RoundTripsTest, ARefusalThatNobodyProvedIsOneAuditCommit) {
  const codec::Form form{{"grant_type", "client_credentials"}, {"client_id", "nobody"}, {"client_secret", "guess"}};
  EXPECT_EQ(trips([&] { EXPECT_EQ(as->token(form).status, 401); }), (RoundTrips{1, 1}))
      << "ids that don't exist are looked up each time: remembering them would let anybody fill memory";
}

}  // namespace
}  // namespace mitral::testing
