// Key sets of clients: one fetch for all who come at once, and no longer kept than Cache-Control says.
#include "flow/client_keys.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "crypto/key.h"
#include "flow/metrics.h"

namespace mitral::flow {
namespace {

constexpr const char* kUrl = "https://app.example/jwks.json";

/// Answers when it is told to.
class SlowFetcher final : public ports::Fetcher {
 public:
  Task<Result<Document>> get(std::string, std::size_t) override {
    ++fetches;
    Completion<bool> released;
    released.start = [this](std::function<void(bool)> resume) { pending.push_back(std::move(resume)); };
    co_await released;
    if (!document) co_return fail(ErrorCode::unavailable, {}, "down");
    co_return *document;
  }
  void release() {
    auto all = std::exchange(pending, {});
    for (auto& resume : all) resume(true);
  }
  std::optional<Document> document;
  std::vector<std::function<void(bool)>> pending;
  int fetches = 0;
};

struct ClientKeysTest : ::testing::Test {
  ClientKeysTest() {
    log::configure(log::Level::off, log::Format::text);
    jose::JwkSet set;
    EXPECT_TRUE(set.add(jose::Jwk::from_key(crypto::PrivateKey::generate(crypto::KeyKind::p384)->public_key(), "k1",
                                            "ES384", jose::KeyUse::sig)));
    text = set.to_json().dump();
    fetcher.document = {text, "application/json", 300};
  }
  /// Asks, and notes the outcome when it comes: 'g'ot them or 'n'ot.
  void ask(const char* kid, std::string& outcomes) {
    spawn(keys.get(kUrl, std::string(kid), jose::SignAlg::es384, now),
          [&outcomes](std::exception_ptr failed, auto result) {
            EXPECT_EQ(failed, nullptr);
            outcomes += *result ? 'g' : 'n';
          });
  }

  Metrics metrics;
  SlowFetcher fetcher;
  ClientKeys keys{fetcher, metrics};
  std::string text;
  Instant now = from_seconds(1'790'000'000);
};

TEST_F(ClientKeysTest, ManyAtOnceShareOneFetch) {
  std::string outcomes;
  for (int i = 0; i < 10; ++i) ask("k1", outcomes);
  ask("made-up", outcomes);
  EXPECT_EQ(fetcher.fetches, 1);
  EXPECT_EQ(outcomes, "");
  fetcher.release();
  EXPECT_EQ(std::ranges::count(outcomes, 'g'), 10);
  EXPECT_EQ(std::ranges::count(outcomes, 'n'), 1) << "J-23: the set that came has no such key";
  ask("k1", outcomes);
  EXPECT_EQ(outcomes.back(), 'g');
  EXPECT_EQ(fetcher.fetches, 1) << "fresh";
}

TEST_F(ClientKeysTest, AFailedFetchFailsAllWhoWaitAndIsNotTriedAgainAtOnce) {
  fetcher.document.reset();
  std::string outcomes;
  for (int i = 0; i < 3; ++i) ask("k1", outcomes);
  fetcher.release();
  EXPECT_EQ(outcomes, "nnn");
  ask("k1", outcomes);
  EXPECT_EQ(outcomes, "nnnn");
  EXPECT_EQ(fetcher.fetches, 1);
  now += limits::kJwksRefetchMin;
  fetcher.document = {text, "application/json", 300};
  ask("k1", outcomes);
  fetcher.release();
  EXPECT_EQ(outcomes.back(), 'g');
}

TEST_F(ClientKeysTest, WhatMayNotBeKeptIsFetchedForEachUse) {
  fetcher.document->max_age_s = 0;
  std::string outcomes;
  for (int i = 1; i <= 3; ++i) {
    ask("k1", outcomes);
    EXPECT_EQ(fetcher.fetches, i);
    fetcher.release();
  }
  EXPECT_EQ(outcomes, "ggg");
  fetcher.document.reset();
  ask("k1", outcomes);
  fetcher.release();
  EXPECT_EQ(outcomes.back(), 'n') << "old keys do not stand in";
}

}  // namespace
}  // namespace mitral::flow
