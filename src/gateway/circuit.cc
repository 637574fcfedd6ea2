#include "gateway/circuit.h"

#include <algorithm>

namespace mitral::gateway {

std::optional<Circuit::Pass> Circuit::ask(const Clock& clock) {
  const std::lock_guard lock(mutex_);
  if (state() == State::closed) return Pass(*this, clock, turn_, false);
  if (state() == State::open) {
    if (clock.now() < reopen_) return std::nullopt;
    state_.store(State::half_open, std::memory_order_relaxed);
    ++turn_;
    trying_ = false;
  }
  if (trying_) return std::nullopt;
  trying_ = true;
  return Pass(*this, clock, turn_, true);
}

void Circuit::open(Instant now) noexcept {
  state_.store(State::open, std::memory_order_relaxed);
  opened_.fetch_add(1, std::memory_order_relaxed);
  reopen_ = now + rules_.pause;
  ++turn_;
  slices_.fill({});
}

bool Circuit::too_many_failed(std::int64_t slice) const noexcept {
  std::uint64_t good = 0;
  std::uint64_t bad = 0;
  for (const auto& item : slices_) {
    if (item.number <= slice - static_cast<std::int64_t>(kSlices)) continue;
    good += item.good;
    bad += item.bad;
  }
  return good + bad >= rules_.requests_min && bad * 100 >= (good + bad) * rules_.failed_percent;
}

void Circuit::told(const Pass& pass, Instant now, bool good) noexcept {
  const std::lock_guard lock(mutex_);
  if (pass.turn_ != turn_) return;
  if (pass.trial_) {
    if (!good) return open(now);
    state_.store(State::closed, std::memory_order_relaxed);
    ++turn_;
    slices_.fill({});
    return;
  }
  const auto width = std::max<std::int64_t>(1, rules_.window.count() / static_cast<std::int64_t>(kSlices));
  const auto number = to_micros(now) / width;
  auto& slice = slices_[static_cast<std::size_t>(number % static_cast<std::int64_t>(kSlices))];
  if (slice.number != number) slice = {number, 0, 0};
  ++(good ? slice.good : slice.bad);
  if (!good && too_many_failed(number)) open(now);
}

}  // namespace mitral::gateway
