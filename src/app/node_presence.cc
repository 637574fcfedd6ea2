#include "app/node_presence.h"

#include <fmt/format.h>

#include <cstdlib>

#include "base/limits.h"
#include "base/log.h"
#include "store/transfer.h"

namespace mitral::app {
namespace {

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

Result<void> refuse_moved(ports::Maintenance& store, Instant now) {
  // Nobody's lease can be taken: it is taken for no time at all.
  MITRAL_TRY(const bool free,
             run_sync(store.take_lease(std::string(store::transfer::kMoveLease), Id128{{1}}, now, now)));
  if (free) return {};
  return fail(
      ErrorCode::conflict, {},
      "this database is not to be served: it was moved to another one, or a copy into it is not finished. "
      "Serve the other one, or finish with the same 'mitral db' command; 'mitral db unlock' opens it all the same");
}

NodePresence::NodePresence(ports::Maintenance& store, const Clock& clock, Random& random, GuardedClock* guard)
    : store_(store),
      clock_(clock),
      guard_(guard),
      id_(Id128::random(random)),
      lease_(std::string(store::transfer::kNodeLease) + id_.text()) {}

NodePresence::~NodePresence() {
  if (!started_) return;
  const Instant now = clock_.now();
  static_cast<void>(run_sync(store_.take_lease(lease_, id_, now, now)));
}

Result<void> NodePresence::start() {
  // First seen, then looking: see store/transfer.h.
  MITRAL_CHECK(renew());
  started_ = true;
  MITRAL_CHECK(refuse_moved(store_, clock_.now()));
  compare();
  return fit();
}

Result<void> NodePresence::renew() {
  const Instant now = clock_.now();
  MITRAL_TRY([[maybe_unused]] const bool ours,
             run_sync(store_.take_lease(lease_, id_, now, now + limits::kNodeLeaseLifetime)));
  next_lease_ = now + limits::kNodeLeasePeriod;
  return {};
}

void NodePresence::check() {
  compare();
  if (clock_.now() < next_lease_) return;
  if (const auto done = renew(); !done) log::warn("node.lease_failed", {{"detail", done.error().detail}});
}

void NodePresence::compare() {
  static_cast<void>(clock_.now());  // a leap until here is compared by what follows
  const auto leaps = guard_ != nullptr ? guard_->leaps() : 0;
  auto skew = run_sync(store_.clock_skew());
  if (!skew || !*skew) return;  // without an answer the last one stands; a node that is cut off says so elsewhere
  const bool was_fit = fit().has_value();
  const auto off = [](Duration d) { return std::chrono::abs(d) > limits::kClockSkewMax; };
  // Our own time runs ahead because the system's did, and has come back: the database says which one is right.
  if (guard_ != nullptr && off(**skew) && !off(**skew - guard_->behind())) {
    **skew -= guard_->behind();
    guard_->believe_system();
  }
  skew_.store((**skew).count(), std::memory_order_release);
  leaps_.store(leaps, std::memory_order_release);
  compared_.store(true, std::memory_order_release);
  const bool is_fit = fit().has_value();
  if (was_fit && !is_fit) log::error("node.clock_off", {{"seconds", static_cast<std::int64_t>(seconds(**skew))}});
  if (!was_fit && is_fit) log::info("node.clock_right_again", {});
}

Result<void> NodePresence::fit() const {
  if (!compared_.load(std::memory_order_acquire)) return {};
  const Duration skew(skew_.load(std::memory_order_acquire));
  if (std::chrono::abs(skew) > limits::kClockSkewMax) {
    return fail(ErrorCode::unavailable, {},
                fmt::format("this node's clock is {:.1f} s {} the database's: let it follow a time server",
                            std::abs(seconds(skew)), skew > Duration{} ? "ahead of" : "behind"));
  }
  if (guard_ != nullptr && guard_->leaps() != leaps_.load(std::memory_order_acquire))
    return fail(ErrorCode::unavailable, {}, "this node's clock leapt ahead and is being compared with the database's");
  return {};
}

Result<void> NodePresence::ready() const {
  MITRAL_CHECK(fit());
  if (guard_ == nullptr || compared_.load(std::memory_order_acquire)) return {};
  if (guard_->behind() <= limits::kClockSkewMax) return {};
  return fail(ErrorCode::unavailable, {},
              fmt::format("the system's clock was set back by {:.1f} s: this node goes on by its old time; restart it "
                          "if the clock is right now",
                          seconds(guard_->behind())));
}

std::string NodePresence::metrics_text() const {
  std::string out;
  if (compared_.load(std::memory_order_acquire)) {
    out += fmt::format(
        "# HELP mitral_clock_skew_seconds This node's clock ahead of the database's.\n"
        "# TYPE mitral_clock_skew_seconds gauge\nmitral_clock_skew_seconds {:.3f}\n",
        seconds(Duration(skew_.load(std::memory_order_acquire))));
  }
  if (guard_ != nullptr) {
    out += fmt::format(
        "# HELP mitral_clock_set_back_seconds The system's clock behind the time this node goes by.\n"
        "# TYPE mitral_clock_set_back_seconds gauge\nmitral_clock_set_back_seconds {:.3f}\n"
        "# HELP mitral_clock_leaps_total Leaps ahead of the system's clock.\n"
        "# TYPE mitral_clock_leaps_total counter\nmitral_clock_leaps_total {}\n",
        seconds(guard_->behind()), guard_->leaps());
  }
  return out;
}

}  // namespace mitral::app
