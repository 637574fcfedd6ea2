// GuardedClock: the system's clock, which never goes back while the process lives: what has expired stays expired when
// somebody sets the clock, or a time server corrects it, by minutes.
//
// It follows the system's clock forward at once, and goes on at the pace of the monotonic clock when that one falls
// back. A leap forward is counted, so that a node can compare itself with its database before it trusts the new time
// (NodePresence).
//
// Thread rules: any thread.
#pragma once

#include <atomic>
#include <functional>

#include "base/time.h"

namespace mitral::app {

class GuardedClock final : public Clock {
 public:
  /// The sources are handed in by tests only; both are whole microseconds.
  using Source = std::function<std::int64_t()>;
  explicit GuardedClock(Source wall = {}, Source steady = {});

  [[nodiscard]] Instant now() const noexcept override;
  /// How far the system's clock is behind now().
  [[nodiscard]] Duration behind() const noexcept;
  /// Leaps forward by more than limits::kClockSkewMax so far.
  [[nodiscard]] std::uint64_t leaps() const noexcept { return leaps_.load(std::memory_order_acquire); }
  /// From now on the system's clock again, also when that means going back: something that knows better says so.
  void believe_system() noexcept;

 private:
  [[nodiscard]] std::int64_t wall() const noexcept;
  [[nodiscard]] std::int64_t steady() const noexcept;

  Source wall_;
  Source steady_;
  mutable std::atomic<std::int64_t> offset_;  // of the wall clock to the monotonic one; only grows
  mutable std::atomic<std::uint64_t> leaps_{0};
};

}  // namespace mitral::app
