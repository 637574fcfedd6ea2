// What decides under load, in simulated time: LoadControl and FairShares (threats W-14, W-32), and the tables' hash
// (W-16).
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "net/keyed_hash.h"
#include "net/load_control.h"

namespace mitral::net {
namespace {

using namespace std::chrono_literals;
using Verdict = LoadControl::Verdict;

constexpr HashKey kSecret{1, 2};

// One loop that serves `capacity` requests a second, and a stream of requests that come whether it can or not. Each
// request waits behind all before it; a refusal costs a twentieth of a request, or what it is told. Where a
// source has `connections`, each carries one request at a time, and what comes beyond waits for one of them.
struct Simulated {
  explicit Simulated(double per_second, double refusal_costs = 0.05) : capacity(per_second), refusal(refusal_costs) {}
  struct Source {
    std::uint64_t caller;
    Importance importance;
    double rate;
    double due = 0;
    unsigned asked = 0, served = 0;
    std::size_t waiting = 0;
    std::uint32_t weight = 1;  // more: a handshake, which is closed and not answered
  };
  struct Asked {
    double at;
    Source* source;
  };

  void run(double seconds) {
    for (const double end = now + seconds; now < end;) {
      for (auto& source : sources) {
        while (source.due + 1 / source.rate <= now) {
          if (source.waiting >= connections) {
            source.due = now;
            break;
          }
          source.due += 1 / source.rate;
          ++source.waiting;
          queue.push_back({source.due, &source});
        }
      }
      if (queue.size() <= next) {
        control.emptied();
        now += 100e-6;
        continue;
      }
      const auto [at, source] = queue[next++];
      if (source->waiting > 0) --source->waiting;
      tell(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(now - at)));
      longest = std::max(longest, now - at);
      ++source->asked;
      if (control.judge(source->importance, source->caller, source->weight) == Verdict::serve) {
        ++source->served;
        now += source->weight / capacity;
        continue;
      }
      now += refusal / capacity;
      if (source->weight > 1) {
        control.closed(source->weight);
      } else {
        control.refused(std::chrono::duration_cast<std::chrono::steady_clock::duration>(
            std::chrono::duration<double>(refusal / capacity / 1.4)));
      }
    }
  }
  void tell(Duration wait) {
    if (now - told < 2e-3) return;
    told = now;
    control.measured(wait, LoadControl::Time(std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                               std::chrono::duration<double>(now + 1000))));
  }
  void forget_counts() {
    longest = 0;
    for (auto& source : sources) source.asked = source.served = 0;
  }

  double capacity, refusal;
  std::size_t connections = std::numeric_limits<std::size_t>::max();
  LoadControl control{kSecret};
  std::vector<Source> sources;
  std::vector<Asked> queue;
  std::size_t next = 0;
  double now = 0, told = 0, longest = 0;
};

TEST(LoadControl, ServesEverythingBelowCapacity) {
  Simulated loop(10'000);
  loop.sources = {{1, Importance::low, 4'500}, {2, Importance::normal, 4'500}};
  loop.run(3);
  EXPECT_FALSE(loop.control.engaged());
  for (const auto& source : loop.sources) EXPECT_EQ(source.served, source.asked);
}

TEST(LoadControl, ABurstIsNoOverload) {
  Simulated loop(10'000);
  loop.sources = {{1, Importance::normal, 1'000}};
  loop.run(0.5);
  for (int i = 0; i < 500; ++i) loop.queue.push_back({loop.now, &loop.sources[0]});  // 50 ms of work at once
  loop.run(1);
  EXPECT_EQ(loop.sources[0].served, loop.sources[0].asked);
}

TEST(LoadControl, W32_AtTwiceTheLoadNearlyAllCapacityServesAndNobodyWaitsLong) {
  for (const double factor : {1.2, 2.0, 4.0}) {
    Simulated loop(10'000);
    loop.sources = {{1, Importance::normal, 10'000 * factor}};
    loop.run(2);
    loop.forget_counts();
    loop.run(5);
    const double goodput = loop.sources[0].served / 5.0;
    const double possible = 10'000 * (1 - 0.05 * factor) / (1 - 0.05);  // when every refusal is paid for
    EXPECT_GT(goodput, 0.95 * possible) << factor;
    EXPECT_LT(loop.longest, 0.050) << factor;
  }
}

// A request that costs hardly more than its refusal: to refuse half of them would leave no time for the other half.
TEST(LoadControl, W32_CheapRequestsAreServedRatherThanRefused) {
  for (const double factor : {0.9, 1.5, 2.0, 4.0}) {
    Simulated loop(30'000, 0.5);
    loop.connections = 2'000;
    loop.sources = {{1, Importance::normal, 30'000 * factor}};
    loop.run(2);
    loop.forget_counts();
    loop.run(5);
    EXPECT_GT(loop.sources[0].served / 5.0, 0.95 * 30'000 * std::min(1.0, factor)) << factor;
    EXPECT_LT(loop.longest, 0.080) << factor;  // all connections, one after the other
  }
}

// Five refusals for one service: of twice the load, refusing one half would take a fifth of the time from the other.
TEST(LoadControl, W32_WhatCostsFiveRefusalsIsServedRatherThanRefused) {
  Simulated loop(15'000, 0.2);
  loop.connections = 1'000;
  loop.sources = {{1, Importance::normal, 30'000}};
  loop.run(2);
  loop.forget_counts();
  loop.run(5);
  EXPECT_GT(loop.sources[0].served / 5.0, 0.98 * 15'000);
}

// What began with something expensive, or in a pause of the machine, may go on with what is not worth refusing.
TEST(LoadControl, W32_APriceThatHoldsNoLongerIsForgotten) {
  Simulated loop(1'000, 0.0166);
  loop.connections = 2'000;
  loop.sources = {{1, Importance::normal, 2'000}};
  loop.run(2);
  ASSERT_GT(loop.control.share_max(), 0.9);
  loop.capacity = 30'000;
  loop.refusal = 0.5;  // the same time for each
  loop.sources[0].rate = 60'000;
  loop.run(10);
  loop.forget_counts();
  loop.run(5);
  EXPECT_GT(loop.sources[0].served / 5.0, 0.9 * 30'000);
}

// However many come: refusals never take all of the time.
TEST(LoadControl, W32_AFloodBeyondWhatCanBeRefusedDoesNotStopTheService) {
  Simulated loop(10'000, 0.1);
  loop.connections = 2'000;
  loop.sources = {{1, Importance::normal, 500'000}};
  loop.run(2);
  loop.forget_counts();
  loop.run(5);
  EXPECT_GT(loop.sources[0].served / 5.0, 0.4 * 10'000);
}

TEST(LoadControl, W32_TheFewRefusalsOfCheapRequestsStillGoToTheNoisyCaller) {
  Simulated loop(30'000, 0.5);
  loop.connections = 6'000;
  loop.sources = {{1, Importance::normal, 60'000}, {2, Importance::normal, 500}, {3, Importance::vital, 500}};
  loop.run(2);
  loop.forget_counts();
  loop.run(5);
  EXPECT_GT(loop.sources[0].served / 5.0, 0.6 * 30'000);
  EXPECT_LT(loop.sources[0].served, loop.sources[0].asked);
  EXPECT_GT(loop.sources[1].served, 0.95 * loop.sources[1].asked);
  EXPECT_GT(loop.sources[2].served, 0.95 * loop.sources[2].asked);
}

TEST(LoadControl, W32_ClosedHandshakesAreNotTakenForCheapRequests) {
  Simulated loop(5'000);
  loop.sources = {{1, Importance::normal, 5'000}, {2, Importance::normal, 250}};
  loop.sources[0].weight = 4;
  loop.run(2);
  loop.forget_counts();
  loop.run(5);
  EXPECT_GT(loop.control.share_max(), 0.8);
  EXPECT_GT(loop.sources[1].served, 0.95 * loop.sources[1].asked);
  EXPECT_LT(loop.longest, 0.050);
}

TEST(LoadControl, EndsWithTheOverload) {
  Simulated loop(10'000);
  loop.sources = {{1, Importance::normal, 20'000}};
  loop.run(2);
  EXPECT_TRUE(loop.control.engaged());
  EXPECT_GT(loop.control.share(), 0.3);
  loop.sources[0].rate = 5'000;
  loop.run(3);
  EXPECT_FALSE(loop.control.engaged());
  EXPECT_EQ(loop.control.share(), 0);
}

TEST(LoadControl, W32_ANoisyCallerIsRefusedFirst) {
  Simulated loop(10'000);
  loop.sources = {{1, Importance::normal, 30'000}, {2, Importance::normal, 500}, {3, Importance::normal, 2'000}};
  loop.run(2);
  loop.forget_counts();
  loop.run(5);
  EXPECT_LT(loop.sources[0].served, 0.4 * loop.sources[0].asked);
  EXPECT_GT(loop.sources[1].served, 0.95 * loop.sources[1].asked);
  EXPECT_GT(loop.sources[2].served, 0.95 * loop.sources[2].asked);
}

TEST(LoadControl, W32_NoisyCallersShareWhatIsLeft) {
  Simulated loop(10'000);
  loop.sources = {{1, Importance::normal, 16'000}, {2, Importance::normal, 8'000}, {3, Importance::normal, 1'000}};
  loop.run(2);
  loop.forget_counts();
  loop.run(5);
  EXPECT_GT(loop.sources[2].served, 0.95 * loop.sources[2].asked);
  EXPECT_NEAR(loop.sources[0].served, loop.sources[1].served, 0.3 * loop.sources[0].served);
}

// Resource servers may go before sign-ins; a flood that looks like one may not take everything from everybody.
TEST(LoadControl, W32_ANoisyCallerOfSomethingImportantDoesNotShutTheOthersOut) {
  Simulated loop(10'000);
  loop.sources = {{1, Importance::high, 20'000}, {2, Importance::low, 500}, {3, Importance::normal, 500}};
  loop.run(2);
  loop.forget_counts();
  loop.run(5);
  EXPECT_GT(loop.sources[1].served, 0.9 * loop.sources[1].asked);
  EXPECT_GT(loop.sources[2].served, 0.9 * loop.sources[2].asked);
  EXPECT_GT(loop.sources[0].served, 0.35 * loop.sources[0].asked);
}

TEST(LoadControl, W32_WhatMattersMostIsServedLongest) {
  Simulated loop(10'000);
  // All ask for the same: nobody is noisier than the others, and the order of importance decides.
  const std::array order{Importance::low, Importance::normal, Importance::high, Importance::vital};
  for (std::uint64_t caller = 0; caller < 400; ++caller)
    loop.sources.push_back({caller * 7919 + 1, order[caller % 4], 50});  // 5,000/s of each
  loop.run(2);
  loop.forget_counts();
  loop.run(5);
  std::array<double, 4> asked{}, served{};
  for (std::size_t i = 0; i < loop.sources.size(); ++i) {
    asked[i % 4] += loop.sources[i].asked;
    served[i % 4] += loop.sources[i].served;
  }
  EXPECT_LT(served[0] / asked[0], 0.10);
  EXPECT_LT(served[1] / asked[1], 0.20);
  EXPECT_GT(served[2] / asked[2], 0.75);
  EXPECT_GT(served[3] / asked[3], 0.98);
}

TEST(LoadControl, AWaitWithoutRequestsRefusesNobody) {
  LoadControl control(kSecret);  // the processor is busy with something else
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(control.judge(Importance::low, 1), Verdict::serve);
    control.measured(200ms, LoadControl::Time(10s + i * 200ms));
  }
  EXPECT_FALSE(control.engaged());
}

// Another program takes the processor for 30 ms again and again; in its own turns the loop empties its queue.
TEST(LoadControl, APreemptedLoopThatKeepsUpRefusesNobody) {
  LoadControl control(kSecret);
  for (int i = 0; i < 200; ++i) {
    for (int j = 0; j < 20; ++j) EXPECT_EQ(control.judge(Importance::low, 1), Verdict::serve);
    control.measured(30ms, LoadControl::Time(10s + i * 40ms));
    control.emptied();
  }
  EXPECT_FALSE(control.engaged());
}

// Callers that ask again when they are answered can't be more than they are.
TEST(LoadControl, CallersThatWaitForTheirAnswersAreServed) {
  LoadControl control(kSecret);
  double now = 10;
  for (int turn = 0; turn < 2'000; ++turn) {
    for (int caller = 0; caller < 32; ++caller) {
      EXPECT_EQ(control.judge(Importance::low, static_cast<std::uint64_t>(caller)), Verdict::serve);
    }
    now += 32 * 0.65e-3;
    control.measured(Duration(32 * 650),
                     LoadControl::Time(std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                         std::chrono::duration<double>(now))));
  }
  EXPECT_FALSE(control.engaged());
}

TEST(LoadControl, OneLongPauseOfTheMachineRefusesNobody) {
  LoadControl control(kSecret);
  for (int i = 0; i < 20; ++i) {
    for (int request = 0; request < 200; ++request) {
      EXPECT_EQ(control.judge(Importance::low, 1), Verdict::serve);
    }
    const auto at = LoadControl::Time(10s + i * 500ms);
    control.measured(300ms, at);
    for (int look = 1; look < 20; ++look)
      control.measured(1ms, at + look * 10ms);  // what had gathered was served at once
    EXPECT_FALSE(control.engaged());
  }
}

TEST(LoadControl, W32_AQueueThatIsStillThereAtTheSecondLookIsOverload) {
  LoadControl control(kSecret);
  for (int request = 0; request < 200; ++request) EXPECT_EQ(control.judge(Importance::low, 1), Verdict::serve);
  control.measured(300ms, LoadControl::Time(10s));
  EXPECT_FALSE(control.engaged());
  control.measured(280ms, LoadControl::Time(10s + 10ms));
  EXPECT_TRUE(control.engaged());
}

TEST(LoadControl, TheBrakeSparesOnlyWhatIsVital) {
  LoadControl control(kSecret);
  for (int i = 0; i < 20; ++i) (void)control.judge(Importance::normal, 1);
  control.measured(500ms, LoadControl::Time(10s));
  control.measured(500ms, LoadControl::Time(10s + 20ms));
  ASSERT_TRUE(control.engaged());
  EXPECT_EQ(control.judge(Importance::high, 2), Verdict::brake);
  unsigned served = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) served += control.judge(Importance::vital, i * 31) != Verdict::brake ? 1 : 0;
  EXPECT_EQ(served, 1000U);
}

TEST(LoadControl, OldMeasurementsAreForgotten) {
  LoadControl control(kSecret);
  for (int i = 0; i < 20; ++i) (void)control.judge(Importance::normal, 1);
  control.measured(500ms, LoadControl::Time(10s));
  control.measured(500ms, LoadControl::Time(10s + 20ms));
  ASSERT_TRUE(control.engaged());
  control.forget();
  EXPECT_EQ(control.judge(Importance::low, 1), Verdict::serve);
}

TEST(LoadControl, OnlyAnAcceptedCredentialStandsForItself) {
  LoadControl control(kSecret);
  const auto credential = control.key_of("app:secret");
  EXPECT_EQ(control.caller(5, credential), 5U);
  control.accepted(credential);
  EXPECT_EQ(control.caller(5, credential), credential);
  EXPECT_EQ(control.caller(5, control.key_of("app:other")), 5U);
  EXPECT_EQ(control.caller(5, 0), 5U);
}

TEST(FairShares, FindsTheLevel) {
  FairShares shares;
  const auto window = [&shares](double served) {
    for (int i = 0; i < 900; ++i) (void)shares.count(1, 1);
    for (int i = 0; i < 100; ++i) (void)shares.count(2, 1);
    shares.next_window(served);
  };
  window(1);
  EXPECT_TRUE(std::isinf(shares.level()));
  window(0.5);  // 400 of 1000: 100 for the small one, 300 for the other
  EXPECT_DOUBLE_EQ(shares.level(), 300);
  EXPECT_TRUE(shares.few_ask_for_much());
  EXPECT_NEAR(shares.count(1, 0), 1 - 300.0 / 900, 1e-9);
  EXPECT_EQ(shares.count(2, 0), 0);
  window(0.1);  // 80 of 1000: both are over
  EXPECT_DOUBLE_EQ(shares.level(), 40);
  EXPECT_FALSE(shares.few_ask_for_much());
  shares.next_window(0.5);  // nobody came
  EXPECT_TRUE(std::isinf(shares.level()));
}

TEST(FairShares, W16_MemoryIsFixedWhoeverComes) {
  FairShares shares;
  for (std::uint64_t i = 0; i < 1'000'000; ++i) (void)shares.count(i * 0x9E3779B97F4A7C15ULL, 1);
  shares.next_window(0.5);
  EXPECT_LE(sizeof shares, 16 * limits::kFairBuckets);
}

TEST(KeyedHash, W16_SlotsDependOnTheSecret) {
  unsigned same = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto text = std::to_string(i);
    same += keyed_hash({1, 2}, text) % 1024 == keyed_hash({1, 3}, text) % 1024 ? 1 : 0;
  }
  EXPECT_LT(same, 50U);
  EXPECT_NE(keyed_hash(kSecret, ""), keyed_hash(kSecret, std::string_view("\0", 1)));
  EXPECT_NE(keyed_hash(kSecret, "12345678"), keyed_hash(kSecret, std::string_view("12345678\0", 9)));
}

}  // namespace
}  // namespace mitral::net
