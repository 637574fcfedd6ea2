// FeedFollower: follows the authorization server's revocation feed by long poll and tells whether it can be relied on.
//
// Each poll waits at most kFeedPollWait, so an answer at least each second is the heartbeat. When none came for
// kFeedSilence, trusted() is false: nothing remembered about any token counts until the feed is heard again. After a
// break no line is lost: the next poll asks for everything after the last line seen; if the server no longer has all of
// that, everything confirmed before is distrusted.
//
// Limits: kFeedBodyMax per answer. Thread rules: poll_once() and run() one at a time; everything else any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "gateway/issuer_link.h"
#include "gateway/revocation_list.h"

namespace mitral::gateway {

class FeedFollower {
 public:
  /// `keys_changed` is called when the issuer's key set changed.
  FeedFollower(const IssuerLink& issuer, RevocationList& list, Metrics& metrics, const Clock& clock,
               std::function<void()> keys_changed)
      : issuer_(issuer), list_(list), metrics_(metrics), clock_(clock), keys_changed_(std::move(keys_changed)) {}

  /// One poll, applied. An error changes nothing.
  [[nodiscard]] Task<Result<void>> poll_once(Duration wait);
  /// Polls until stop(); pauses kFeedRetry after a failure.
  [[nodiscard]] Task<> run();
  void stop() noexcept { stopping_.store(true, std::memory_order_relaxed); }

  /// The feed was heard within kFeedSilence before `now`.
  [[nodiscard]] bool trusted(Instant now) const noexcept;

 private:
  const IssuerLink& issuer_;
  RevocationList& list_;
  Metrics& metrics_;
  const Clock& clock_;
  std::function<void()> keys_changed_;
  std::int64_t seq_ = 0;
  Instant swept_;
  std::atomic<std::int64_t> heard_{INT64_MIN};
  std::atomic<bool> stopping_{false};
};

}  // namespace mitral::gateway
