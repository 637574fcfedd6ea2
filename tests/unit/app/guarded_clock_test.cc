#include "app/guarded_clock.h"

#include <gtest/gtest.h>

#include "app/node_presence.h"
#include "base/limits.h"
#include "crypto/random.h"
#include "store/memory/memory_store.h"
#include "store/transfer.h"

namespace mitral::app {
namespace {

using namespace std::chrono_literals;

struct Hands {
  std::int64_t wall = 1'800'000'000'000'000;
  std::int64_t steady = 5'000'000;
  GuardedClock clock{[this] { return wall; }, [this] { return steady; }};
  void pass(Duration time) {
    wall += time.count();
    steady += time.count();
  }
};

TEST(GuardedClock, FollowsTheSystem) {
  Hands h;
  const auto start = h.clock.now();
  h.pass(90s);
  EXPECT_EQ(h.clock.now(), start + 90s);
  EXPECT_EQ(h.clock.behind(), Duration{});
  EXPECT_EQ(h.clock.leaps(), 0U);
}

TEST(GuardedClock, NeverGoesBackAndWhatExpiredStaysExpired) {
  Hands h;
  const auto expires = h.clock.now() + 60s;
  h.pass(61s);
  ASSERT_GE(h.clock.now(), expires);
  h.wall -= Duration(10min).count();
  EXPECT_GE(h.clock.now(), expires);
  const auto before = h.clock.now();
  h.pass(5s);
  EXPECT_EQ(h.clock.now(), before + 5s) << "time does not stand still meanwhile";
  EXPECT_EQ(h.clock.behind(), Duration(10min));
  // The system's clock catches up, and is followed again.
  h.wall += Duration(11min).count();
  EXPECT_EQ(h.clock.now(), before + 5s + 1min);
  EXPECT_EQ(h.clock.behind(), Duration{});
}

TEST(GuardedClock, CountsLeapsAhead) {
  Hands h;
  h.pass(1s);
  static_cast<void>(h.clock.now());
  h.wall += Duration(limits::kClockSkewMax).count() + 1;
  static_cast<void>(h.clock.now());
  EXPECT_EQ(h.clock.leaps(), 1U);
  h.wall += 1'000'000;
  static_cast<void>(h.clock.now());
  EXPECT_EQ(h.clock.leaps(), 1U) << "a second is no leap";
}

/// A store whose database has a clock of its own.
class Presence : public testing::Test {
 protected:
  struct Shared final : ports::Maintenance {
    explicit Shared(Presence& of) : owner(of) {}
    Presence& owner;
    Task<Result<void>> probe() override { co_return Result<void>{}; }
    Task<Result<std::size_t>> sweep(Instant, std::size_t) override { co_return std::size_t{0}; }
    Task<Result<bool>> take_lease(std::string, Id128, Instant, Instant) override { co_return true; }
    Task<Result<void>> backup(std::string) override { co_return Result<void>{}; }
    Task<Result<std::optional<Duration>>> clock_skew() override {
      if (!owner.compares) co_return fail(ErrorCode::unavailable, {}, "cut off");
      co_return std::optional<Duration>(owner.hands.clock.now() - from_micros(owner.truth));
    }
    [[nodiscard]] ports::Maintenance::Counters counters() const noexcept override { return {}; }
  };

  Hands hands;
  std::int64_t truth = hands.wall;
  bool compares = true;
  Shared store{*this};
  NodePresence presence{store, hands.clock, crypto::system_random(), &hands.clock};
  void pass(Duration time) {
    hands.pass(time);
    truth += time.count();
  }
};

TEST_F(Presence, ANodeWhoseClockIsOffLetsNobodyIn) {
  ASSERT_TRUE(presence.start());
  EXPECT_TRUE(presence.fit());
  truth += Duration(2min).count();  // the database is ahead: this node is behind
  presence.check();
  const auto unfit = presence.fit();
  ASSERT_FALSE(unfit);
  EXPECT_EQ(unfit.error().code, ErrorCode::unavailable);
  EXPECT_NE(unfit.error().detail.find("behind"), std::string::npos);
  EXPECT_FALSE(presence.ready());
  hands.wall += Duration(2min).count();
  presence.check();
  EXPECT_TRUE(presence.fit());
}

TEST_F(Presence, ALeapIsNotTrustedBeforeItIsCompared) {
  ASSERT_TRUE(presence.start());
  hands.wall += Duration(5min).count();
  static_cast<void>(hands.clock.now());
  EXPECT_FALSE(presence.fit()) << "at once, without a word from the database";
  compares = false;
  presence.check();
  EXPECT_FALSE(presence.fit());
  compares = true;
  presence.check();
  EXPECT_FALSE(presence.fit()) << "it is really off";
  // The system's clock comes back: the database says that this is right, so the node goes back with it.
  hands.wall -= Duration(5min).count();
  presence.check();
  EXPECT_TRUE(presence.fit());
  EXPECT_EQ(hands.clock.behind(), Duration{});
}

TEST_F(Presence, AMachineThatSleptGoesOnAfterOneLook) {
  ASSERT_TRUE(presence.start());
  hands.wall += Duration(1h).count();  // the monotonic clock stood still
  truth += Duration(1h).count();
  static_cast<void>(hands.clock.now());
  EXPECT_FALSE(presence.fit());
  presence.check();
  EXPECT_TRUE(presence.fit());
}

TEST_F(Presence, AClockSetBackIsNoticedButTimeGoesOn) {
  ASSERT_TRUE(presence.start());
  hands.wall -= Duration(3min).count();
  pass(1s);
  presence.check();
  EXPECT_TRUE(presence.fit()) << "the node's own time is still the database's";
  EXPECT_NE(presence.metrics_text().find("mitral_clock_set_back_seconds 180"), std::string::npos);
}

TEST_F(Presence, WithoutAStartNothingRuns) {
  truth += Duration(1h).count();
  EXPECT_FALSE(presence.start()) << "a node does not begin with a wrong clock";
}

TEST(NodePresence, RefusesADatabaseThatWasMoved) {
  SystemClock clock;
  const auto store = store::make_memory_store(clock);
  ASSERT_TRUE(
      run_sync(store->take_lease(std::string(store::transfer::kMoveLease), Id128{}, clock.now(), clock.now() + 1h)));
  NodePresence presence(*store, clock, crypto::system_random());
  const auto refused = presence.start();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
}

}  // namespace
}  // namespace mitral::app
