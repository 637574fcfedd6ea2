#include "app/guarded_clock.h"

#include <algorithm>
#include <chrono>

#include "base/limits.h"

namespace mitral::app {
namespace {

std::int64_t micros(auto since_epoch) noexcept { return std::chrono::duration_cast<Duration>(since_epoch).count(); }

}  // namespace

GuardedClock::GuardedClock(Source wall, Source steady)
    : wall_(std::move(wall)), steady_(std::move(steady)), offset_(this->wall() - this->steady()) {}

std::int64_t GuardedClock::wall() const noexcept { return wall_ ? wall_() : to_micros(SystemClock().now()); }

std::int64_t GuardedClock::steady() const noexcept {
  return steady_ ? steady_() : micros(std::chrono::steady_clock::now().time_since_epoch());
}

Instant GuardedClock::now() const noexcept {
  const std::int64_t at = steady();
  const std::int64_t seen = wall() - at;
  std::int64_t known = offset_.load(std::memory_order_relaxed);
  while (seen > known) {
    if (!offset_.compare_exchange_weak(known, seen, std::memory_order_relaxed)) continue;
    if (seen - known > micros(limits::kClockSkewMax)) leaps_.fetch_add(1, std::memory_order_acq_rel);
    return from_micros(at + seen);
  }
  return from_micros(at + known);
}

Duration GuardedClock::behind() const noexcept {
  const std::int64_t at = steady();
  return Duration(std::max<std::int64_t>(0, at + offset_.load(std::memory_order_relaxed) - wall()));
}

void GuardedClock::believe_system() noexcept {
  const std::int64_t at = steady();
  offset_.store(wall() - at, std::memory_order_relaxed);
}

}  // namespace mitral::app
