// SweepPace: how many expired rows the next act takes, and how long the sweeper rests after it.
//
// Whoever issues faster leaves more behind: batches grow while acts are quick, and shrink when one holds up the others,
// so that sweeping keeps up without a stall. Only speed depends on time here; what may leave is decided by the store.
//
// Limits: kSweepBatch to kSweepBatchMax rows, kSweepActMax for one act. Thread rules: a value of one thread.
#pragma once

#include <algorithm>
#include <cstddef>

#include "base/limits.h"
#include "base/time.h"

namespace mitral::app {

class SweepPace {
 public:
  [[nodiscard]] std::size_t batch() const noexcept { return batch_; }

  /// Tells how many rows the act deleted and how long it took; the rest until the next one.
  [[nodiscard]] Duration after(std::size_t swept, Duration took) noexcept {
    const bool more = swept >= batch_;
    if (took > limits::kSweepActMax) {
      batch_ = std::max(batch_ / 2, limits::kSweepBatch / 8);
    } else if (more && took < limits::kSweepActMax / 2) {
      batch_ = std::min(batch_ * 2, limits::kSweepBatchMax);
    }
    if (!more) return limits::kSweepIdle;
    // Half of the writer's time stays for those who wait for it.
    return std::clamp<Duration>(took, limits::kSweepPause, limits::kSweepIdle);
  }

 private:
  std::size_t batch_ = limits::kSweepBatch;
};

}  // namespace mitral::app
