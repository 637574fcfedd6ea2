// FairShares: who asks for how much, in a table of fixed size, and how much of it is more than a fair share.
//
// Callers are counted over one window at a time. At its end the level is found up to which every caller can be served
// when only `capacity` of all requests can: max-min fairness ("water filling"). Whoever stays below the level is never
// refused for its share; of whoever lies above, just the part that lies above is over its share.
//
// A slot is chosen by a keyed hash: nobody can aim at another's slot. Callers that share one by chance share its count.
//
// Limits: kFairBuckets slots. Thread rules: one thread.
#pragma once

#include <array>
#include <cstdint>
#include <limits>

#include "base/limits.h"

namespace mitral::net {

class FairShares {
 public:
  /// Counts a request of the caller; the part of its requests that is over its share, from 0 to 1.
  double count(std::uint64_t caller, std::uint32_t weight) noexcept;
  /// Ends a window: `served` is the part of all requests, from 0 to 1, that can be served. A fifth of it is kept back.
  void next_window(double served) noexcept;
  void clear() noexcept;
  /// Requests of one caller in a window that are within its share; unlimited while nothing is refused.
  [[nodiscard]] double level() const noexcept { return level_; }
  /// Most callers asked for less than their share.
  [[nodiscard]] bool few_ask_for_much() const noexcept { return few_; }

 private:
  struct Slot {
    std::uint32_t before = 0;  // in the window that ended
    std::uint32_t now = 0;
  };
  static constexpr double kUnlimited = std::numeric_limits<double>::infinity();
  std::array<Slot, limits::kFairBuckets> slots_{};
  double level_ = kUnlimited;
  bool few_ = false;
};

}  // namespace mitral::net
