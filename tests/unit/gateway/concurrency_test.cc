// Many threads at one gateway while tokens are revoked: once the feed's line is applied, no request that begins later
// passes.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>

#include "support/gateway_rig.h"

namespace mitral::gateway::rig {
namespace {

TEST(GatewayConcurrency, ARevokedGrantIsDeadOnEveryThreadAtOnce) {
  constexpr std::size_t kGrants = 40;
  Rig rig;
  rig.world.keep_log = false;
  rig.world.upstream = fixed({{"/Patient/maria", patient("maria")}});
  struct Grant {
    std::vector<std::string> tokens;
    std::atomic<bool> revoked{false};
  };
  std::array<Grant, kGrants> grants;
  for (std::size_t i = 0; i < kGrants; ++i) {
    TokenSpec spec;
    spec.grant = "grant-" + std::to_string(i);
    spec.jti = "jti-" + std::to_string(i);
    grants[i].tokens = {rig.jwt(spec), rig.opaque(spec), rig.wrapped(spec)};
  }
  std::atomic<bool> stop{false};
  std::atomic<std::size_t> passed{0};
  std::atomic<std::size_t> wrong{0};
  const auto work = [&](std::size_t offset) {
    for (std::size_t n = offset; !stop.load(); ++n) {
      auto& grant = grants[n % kGrants];
      const bool dead = grant.revoked.load();
      const auto status = rig.get("/Patient/maria", grant.tokens[n % 3]).status;
      if (status == 200) ++passed;
      if ((dead && status != 401) || (status != 200 && status != 401)) ++wrong;
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) threads.emplace_back(work, t * 7);
  for (std::size_t i = 0; i < kGrants; ++i) {
    {
      const std::lock_guard lock(rig.world.mutex);
      rig.revoke("grant_revoked", "grant-" + std::to_string(i));
    }
    EXPECT_TRUE(rig.hear());
    grants[i].revoked = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0U);
  EXPECT_GT(passed.load(), 0U);
  for (auto& grant : grants) {
    for (const auto& token : grant.tokens) EXPECT_EQ(rig.get("/Patient/maria", token).status, 401);
  }
}

TEST(GatewayConcurrency, FirstRequestsShareOneFetchOfTheKeys) {
  Rig rig;
  rig.world.keep_log = false;
  rig.world.upstream = fixed({{"/Patient/maria", patient("maria")}});
  const auto token = rig.jwt();
  std::atomic<int> ok{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      if (rig.get("/Patient/maria", token).status == 200) ++ok;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(ok.load(), 8);
  EXPECT_EQ(rig.world.jwks_fetches, 1);
}

}  // namespace
}  // namespace mitral::gateway::rig
