// NodePresence: a running node as the other nodes and commands see it: a lease that says it is alive, the refusal to
// serve a database that is being moved or has been moved away (store/transfer.h), and the comparison of its clock with
// the database's.
//
// A node whose clock is off by more than limits::kClockSkewMax, or has just leapt ahead and was not compared since, is
// not fit: what it says about anything's end can't be trusted. It recovers by itself when the clock is right again.
//
// Errors: conflict when the database is not to be served; unavailable. Thread rules: constructor, start() and the
// destructor on the owner's thread; check() on one thread; the rest from any.
#pragma once

#include <atomic>
#include <string>

#include "app/guarded_clock.h"
#include "base/ids.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "ports/stores.h"

namespace mitral::app {

/// conflict when the database is being moved, was moved away, or is an unfinished copy.
[[nodiscard]] Result<void> refuse_moved(ports::Maintenance& store, Instant now);

class NodePresence {
 public:
  /// `guard`: the clock itself, when it is one that watches itself.
  NodePresence(ports::Maintenance& store, const Clock& clock, Random& random, GuardedClock* guard = nullptr);
  /// Says that the node is gone.
  ~NodePresence();
  NodePresence(const NodePresence&) = delete;
  NodePresence& operator=(const NodePresence&) = delete;

  [[nodiscard]] Result<void> start();
  /// Renews the lease and compares the clocks when it is time to. Blocks.
  void check();
  /// unavailable while the clock can't be trusted. From memory.
  [[nodiscard]] Result<void> fit() const;
  /// fit(), and for /readyz also what must be looked after though nobody is refused.
  [[nodiscard]] Result<void> ready() const;
  [[nodiscard]] std::string metrics_text() const;
  /// What this node holds leases by.
  [[nodiscard]] const Id128& id() const noexcept { return id_; }

 private:
  [[nodiscard]] Result<void> renew();
  void compare();

  ports::Maintenance& store_;
  const Clock& clock_;
  GuardedClock* guard_;
  Id128 id_;
  std::string lease_;
  bool started_ = false;
  Instant next_lease_{};
  std::atomic<std::int64_t> skew_{0};  // microseconds
  std::atomic<bool> compared_{false};  // the database has a clock
  std::atomic<std::uint64_t> leaps_{0};
};

}  // namespace mitral::app
