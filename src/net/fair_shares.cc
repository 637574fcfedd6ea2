#include "net/fair_shares.h"

#include <algorithm>

namespace mitral::net {
namespace {

// The level is set a little too low: what lies above it is then more than has to be refused, and whoever keeps below is
// not touched by the controller's unrest.
constexpr double kMargin = 0.8;

}  // namespace

double FairShares::count(std::uint64_t caller, std::uint32_t weight) noexcept {
  Slot& slot = slots_[caller % slots_.size()];
  slot.now += weight;
  const double asked = std::max(slot.before, slot.now);
  return asked <= level_ ? 0 : 1 - level_ / asked;
}

void FairShares::next_window(double served) noexcept {
  std::array<std::uint32_t, limits::kFairBuckets> asked;
  std::size_t callers = 0;
  double all = 0;
  for (Slot& slot : slots_) {
    slot.before = slot.now;
    slot.now = 0;
    if (slot.before == 0) continue;
    asked[callers++] = slot.before;
    all += slot.before;
  }
  level_ = kUnlimited;
  few_ = false;
  if (served >= 1) return;
  // From the smallest up: who asks for less than an equal part of what is left gets it all.
  std::sort(asked.begin(), asked.begin() + static_cast<std::ptrdiff_t>(callers));
  double left = all * std::max(served, 0.0) * kMargin;
  for (std::size_t i = 0; i < callers; ++i) {
    level_ = left / static_cast<double>(callers - i);
    if (asked[i] > level_) {
      few_ = 2 * i >= callers;
      return;
    }
    left -= asked[i];
  }
  level_ = kUnlimited;
}

void FairShares::clear() noexcept {
  slots_.fill({});
  level_ = kUnlimited;
  few_ = false;
}

}  // namespace mitral::net
