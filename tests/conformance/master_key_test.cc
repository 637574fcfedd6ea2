// Changing the master key: what it wraps moves to the newest generation, so that one that leaked can be taken away.
#include "support/as_harness.h"

namespace mitral::testing {
namespace {

class MasterKeyChange : public ::testing::Test {
 protected:
  /// Generations by id; the last one seals.
  static crypto::MasterKeyRing ring(std::initializer_list<int> ids) {
    crypto::MasterKeyRing out;
    for (const int id : ids)
      EXPECT_TRUE(out.add(static_cast<std::uint32_t>(id), Secret(std::string(32, static_cast<char>(id)))));
    return out;
  }
  Result<void> start(const crypto::MasterKeyRing& master) {
    keys = std::make_unique<flow::KeyRing>(*store, master, clock, random, metrics, std::vector<Issuer>{issuer});
    return run_sync(keys->tick());
  }
  std::string kid() {
    return keys->snapshot(issuer)->signer(jose::SignAlg::es256, flow::TokenTyp::access_token)->key().kid;
  }

  ManualClock clock{from_seconds(1'790'000'000)};
  SequenceRandom random;
  flow::Metrics metrics;
  Issuer issuer{kIssuer};
  std::unique_ptr<ports::Store> store = store::make_memory_store(clock);
  crypto::MasterKeyRing first = ring({1}), both = ring({1, 2}), second = ring({2});
  std::unique_ptr<flow::KeyRing> keys;
};

TEST_F(MasterKeyChange, ANewGenerationTakesOverAndTheOldOneMayGo) {
  ASSERT_TRUE(start(first));
  const auto before = kid();
  ASSERT_TRUE(start(both));
  for (const auto& record : *run_sync(store->keys(issuer)))
    EXPECT_FALSE(second.is_stale(record.wrapped_private)) << record.purpose;
  ASSERT_TRUE(start(second));
  EXPECT_EQ(kid(), before) << "the same signing key";
  EXPECT_TRUE(keys->snapshot(issuer)->audit);
}

TEST_F(MasterKeyChange, WithoutThatStepTheOldOneIsMissed) {
  ASSERT_TRUE(start(first));
  const auto done = start(second);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::crypto_failed);
}

TEST_F(MasterKeyChange, RevokedKeysAreLeftAsTheyAre) {
  ASSERT_TRUE(start(first));
  ASSERT_TRUE(run_sync(keys->rotate_now(issuer, true)));
  ASSERT_TRUE(start(both));
  ASSERT_TRUE(start(second)) << "nobody needs what was revoked";
  int revoked = 0;
  for (const auto& record : *run_sync(store->keys(issuer))) revoked += record.revoked ? 1 : 0;
  EXPECT_EQ(revoked, 2);
}

}  // namespace
}  // namespace mitral::testing
