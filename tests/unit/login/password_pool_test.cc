// Password pool: bounded, always as slow, closes cleanly.
#include "login/password_pool.h"

#include <gtest/gtest.h>

#include <atomic>

#include "crypto/random.h"

namespace mitral::login {
namespace {

constexpr crypto::Argon2Params kCheap{.memory_kib = 64, .passes = 1, .lanes = 1};

/// Holds the pool's only thread until it is let go.
class Gate final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) noexcept override {
    while (closed.load()) std::this_thread::yield();
    crypto::system_random().fill(out);
  }
  std::atomic<bool> closed{false};
};

TEST(PasswordPool, HashesAndVerifies) {
  auto pool = PasswordPool::create(kCheap, crypto::system_random(), 2);
  ASSERT_TRUE(pool);
  const auto phc = run_sync((*pool)->hash(Secret("correct horse")));
  ASSERT_TRUE(phc);
  EXPECT_TRUE(phc->starts_with("$argon2id$"));
  EXPECT_TRUE(run_sync((*pool)->verify(*phc, Secret("correct horse"))).value());
  EXPECT_FALSE(run_sync((*pool)->verify(*phc, Secret("correct hors"))).value());
}

TEST(PasswordPool, W24_UnknownUserCostsAHashAndIsNeverRight) {
  auto pool = PasswordPool::create({.memory_kib = 4096, .passes = 3, .lanes = 1}, crypto::system_random(), 1);
  ASSERT_TRUE(pool);
  const auto phc = run_sync((*pool)->hash(Secret("x")));
  const auto time = [&](const std::string& stored) {
    auto best = std::chrono::steady_clock::duration::max();
    for (int i = 0; i < 5; ++i) {
      const auto start = std::chrono::steady_clock::now();
      EXPECT_FALSE(run_sync((*pool)->verify(stored, Secret("y"))).value());
      best = std::min(best, std::chrono::steady_clock::now() - start);
    }
    return std::chrono::duration<double>(best).count();
  };
  const double known = time(*phc);
  const double unknown = time("");
  EXPECT_GT(unknown, known / 3) << "an unknown user must not be answered faster";
  EXPECT_LT(unknown, known * 3);
}

TEST(PasswordPool, W32_FullQueueIsUnavailableAtOnce) {
  Gate gate;
  auto pool = PasswordPool::create(kCheap, gate, 1, 3);
  ASSERT_TRUE(pool);
  gate.closed = true;
  std::atomic<int> done{0};
  std::atomic<int> refused{0};
  struct Inline final : Scheduler {
    void post(std::function<void()> work) override { work(); }
  } loop;
  Scheduler::set_current(&loop);
  for (int i = 0; i < 10; ++i) {
    spawn((*pool)->hash(Secret("p")), [&](std::exception_ptr, std::optional<Result<std::string>> answer) {
      if (answer && !*answer && answer->error().code == ErrorCode::unavailable) ++refused;
      ++done;
    });
  }
  EXPECT_GE(refused.load(), 6) << "one at work, three waiting";
  gate.closed = false;
  while (done.load() < 10) std::this_thread::yield();
  EXPECT_LE(refused.load(), 7);
  Scheduler::set_current(nullptr);
}

TEST(PasswordPool, ClosingAnswersWhatStillWaits) {
  Gate gate;
  auto pool = PasswordPool::create(kCheap, gate, 1, 10);
  ASSERT_TRUE(pool);
  gate.closed = true;
  std::atomic<int> answered{0};
  struct Inline final : Scheduler {
    void post(std::function<void()> work) override { work(); }
  } loop;
  Scheduler::set_current(&loop);
  for (int i = 0; i < 5; ++i) {
    spawn((*pool)->hash(Secret("p")), [&](std::exception_ptr, std::optional<Result<std::string>>) { ++answered; });
  }
  std::thread opener([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    gate.closed = false;
  });
  pool->reset();
  opener.join();
  EXPECT_EQ(answered.load(), 5);
  Scheduler::set_current(nullptr);
}

}  // namespace
}  // namespace mitral::login
