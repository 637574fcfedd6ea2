#include "app/sweep_pace.h"

#include <gtest/gtest.h>

namespace mitral::app {
namespace {

using namespace std::chrono_literals;

TEST(SweepPace, GrowsWhileActsAreQuickAndThereIsMore) {
  SweepPace pace;
  EXPECT_EQ(pace.batch(), limits::kSweepBatch);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(pace.after(pace.batch(), 1ms), limits::kSweepPause);
  EXPECT_EQ(pace.batch(), limits::kSweepBatchMax);
}

TEST(SweepPace, KeepsUpWithFiftyThousandRowsASecond) {
  SweepPace pace;
  for (int i = 0; i < 10; ++i) static_cast<void>(pace.after(pace.batch(), 2ms));
  const auto batch = pace.batch();
  const auto rest = pace.after(batch, 9ms);
  EXPECT_GE(static_cast<double>(batch) / std::chrono::duration<double>(rest + 9ms).count(), 50'000.0);
}

TEST(SweepPace, ShrinksWhenAnActHoldsUpTheOthers) {
  SweepPace pace;
  const auto rest = pace.after(pace.batch(), 200ms);
  EXPECT_EQ(pace.batch(), limits::kSweepBatch / 2);
  EXPECT_EQ(rest, 200ms) << "others get half of the time";
  for (int i = 0; i < 20; ++i) EXPECT_LE(pace.after(pace.batch(), 10s), limits::kSweepIdle);
  EXPECT_GT(pace.batch(), 0U);
}

TEST(SweepPace, RestsWhenNothingIsLeft) {
  SweepPace pace;
  EXPECT_EQ(pace.after(0, 1ms), limits::kSweepIdle);
  EXPECT_EQ(pace.after(pace.batch() - 1, 1ms), limits::kSweepIdle);
  EXPECT_EQ(pace.batch(), limits::kSweepBatch);
}

}  // namespace
}  // namespace mitral::app
