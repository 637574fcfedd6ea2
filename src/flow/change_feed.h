// ChangeFeed: the newest lines of the store's change feed in memory, for resource servers that follow it by long poll
// (GET /revocations) and for the caches of this process.
//
// The store calls on_change(); follow() then reads the new lines once and wakes everyone who waits. Lines of one issuer
// are shown to that issuer's resource servers only. A follower that asks for lines older than what is kept must drop
// its caches: the answer's "oldest" tells.
//
// A waiter is woken by news, by the deadline, or when the store can no longer be followed: tick() must run at least
// every limits::kRevocationPoll (net's timer). Limits: kFeedLines kept, kFeedWaitersMax waiting (then the answer comes
// at once), kFeedWaitMax. Thread rules: any thread; waiters resume on their own Scheduler.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "model/grant.h"
#include "ports/stores.h"

namespace mitral::flow {

class ChangeFeed {
 public:
  ChangeFeed(ports::GrantStore& store, Clock& clock);
  ~ChangeFeed();
  ChangeFeed(const ChangeFeed&) = delete;
  ChangeFeed& operator=(const ChangeFeed&) = delete;

  struct Page {
    std::int64_t seq = 0;     ///< ask for what is after this next time
    std::int64_t oldest = 0;  ///< lowest seq that can still be asked for, minus nothing
    std::vector<model::Change> changes;
  };
  /// Lines of the issuer after `after`, at once if there are any, else when some come or `wait` is over. unavailable
  /// when this node can't follow its store: "nothing new" would be a guess.
  [[nodiscard]] Task<Result<Page>> after(Issuer issuer, std::int64_t after, Duration wait);

  /// Reads new lines of the store. Called by tick() and by the store's notice; safe to call at any time.
  [[nodiscard]] Task<Result<void>> follow();
  /// follow(), and lets go of waiters whose time is over.
  [[nodiscard]] Task<Result<void>> tick();

  /// Called with every new line, before waiters wake. Register at start only.
  void on_line(std::function<void(const model::Change&)> listener);
  /// True when a session ended lately (within limits::kFeedSessionMemory) in a way that this process has heard of.
  [[nodiscard]] bool session_ended(const Issuer& issuer, const Id128& sid) const;

 private:
  struct Waiter {
    Issuer issuer;
    std::int64_t after = 0;
    Instant deadline;
    std::function<void(bool)> resume;
  };
  [[nodiscard]] Page page_locked(const Issuer& issuer, std::int64_t after) const;
  void wake(Instant now, bool news);
  [[nodiscard]] Result<void> current() const;

  ports::GrantStore& store_;
  Clock& clock_;
  mutable std::mutex mutex_;
  std::deque<model::Change> lines_;
  std::int64_t seq_ = 0;
  std::int64_t dropped_ = 0;  ///< highest seq no longer kept
  std::atomic<bool> dirty_{false};
  std::atomic<bool> following_{false};
  std::atomic<bool> unread_{false};  ///< the last look at the store's new lines failed
  std::list<Waiter> waiters_;
  std::vector<std::function<void(const model::Change&)>> listeners_;
  std::unordered_map<std::string, Instant> ended_sessions_;
};

}  // namespace mitral::flow
