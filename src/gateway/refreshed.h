// Refreshed: a document fetched from elsewhere and kept for a while: key sets, metadata. One fetch at a time, whoever
// asks; failures are not repeated within a pause; a document that can't be renewed serves on until `stale_max`.
//
// Errors: those of the fetch. Thread rules: any thread; waiters resume on their own Scheduler.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "base/limits.h"
#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "net/runtime.h"

namespace mitral::gateway {

template <class T>
class Refreshed {
 public:
  using Value = std::shared_ptr<const T>;
  using Fetch = std::function<Task<Result<T>>()>;

  Refreshed(const Clock& clock, Duration lifetime, Duration pause, Duration stale_max)
      : clock_(clock), lifetime_(lifetime), pause_(pause), stale_max_(stale_max) {}

  /// The value, fetched when there is none or it is too old.
  [[nodiscard]] Task<Result<Value>> get(Fetch fetch) { return obtain(std::move(fetch), std::nullopt); }
  /// A value newer than `seen` if one can be had now: asked for when something was missing in `seen`. Without one,
  /// `seen`.
  [[nodiscard]] Task<Result<Value>> newer(Fetch fetch, Value seen) { return obtain(std::move(fetch), std::move(seen)); }
  /// The next get() fetches.
  void expire() {
    const std::lock_guard lock(mutex_);
    fetched_ = Instant{};
    attempted_ = Instant{};
  }

 private:
  Task<Result<Value>> obtain(Fetch fetch, std::optional<Value> seen) {
    while (true) {
      std::uint64_t version = 0;
      {
        const std::lock_guard lock(mutex_);
        const auto now = clock_.now();
        const bool fresh = value_ && now - fetched_ < lifetime_ && (!seen || value_ != *seen);
        if (fresh) co_return value_;
        if (!fetching_) {
          if (now - attempted_ < pause_) {
            if (value_ && now - fetched_ < stale_max_) co_return value_;
            co_return fail(ErrorCode::unavailable, {}, "document can't be fetched; trying again later");
          }
          fetching_ = true;
          attempted_ = now;
          break;
        }
        if (value_ && !seen && now - fetched_ < stale_max_) co_return value_;  // another renews it: no need to wait
        version = notifier_.version();
      }
      if (!co_await notifier_.wait(version, limits::kClientTimeout)) {
        co_return fail(ErrorCode::unavailable, {}, "document is still being fetched");
      }
    }
    auto fetched = co_await guarded(std::move(fetch));
    Result<Value> out = finish(std::move(fetched));
    notifier_.notify_all();
    co_return out;
  }

  /// An exception must not leave `fetching_` set for ever.
  static Task<Result<T>> guarded(Fetch fetch) {
    try {
      co_return co_await fetch();
    } catch (const std::exception& e) {
      co_return fail(ErrorCode::unavailable, {}, e.what());
    }
  }

  Result<Value> finish(Result<T> fetched) {
    const std::lock_guard lock(mutex_);
    fetching_ = false;
    const auto now = clock_.now();
    if (fetched) {
      value_ = std::make_shared<const T>(std::move(*fetched));
      fetched_ = now;
      return value_;
    }
    attempted_ = now - pause_ + std::min<Duration>(pause_, limits::kFeedRetry);  // a failure may heal sooner
    if (value_ && now - fetched_ < stale_max_) return value_;
    return std::unexpected(std::move(fetched).error());
  }

  const Clock& clock_;
  const Duration lifetime_;
  const Duration pause_;
  const Duration stale_max_;
  std::mutex mutex_;
  Value value_;
  Instant fetched_;
  Instant attempted_;
  bool fetching_ = false;
  net::Notifier notifier_;
};

}  // namespace mitral::gateway
