#include "gateway/feed_follower.h"

#include "base/limits.h"
#include "base/log.h"
#include "net/runtime.h"

namespace mitral::gateway {

bool FeedFollower::trusted(Instant now) const noexcept {
  const auto heard = heard_.load(std::memory_order_acquire);
  return heard != INT64_MIN && now - from_micros(heard) <= limits::kFeedSilence;
}

Task<Result<void>> FeedFollower::poll_once(Duration wait) {
  auto page = co_await issuer_.poll_feed(seq_, wait);
  if (!page) {
    metrics_.feed_failures.add();
    co_return std::unexpected(std::move(page).error());
  }
  const auto now = clock_.now();
  // Behind what the server still has, or ahead of it (a store restored from a backup): lines may be missing.
  if (seq_ < page->oldest - 1 || page->seq < seq_) list_.distrust_before(now);
  bool keys = false;
  for (const auto& change : page->changes) {
    list_.apply(change, now);
    keys = keys || change.kind == model::ChangeKind::keys_changed;
  }
  metrics_.feed_changes.add(page->changes.size());
  if (keys) keys_changed_();
  seq_ = page->seq;
  heard_.store(to_micros(now), std::memory_order_release);
  if (now - swept_ > limits::kDiscoveryLifetime) {
    swept_ = now;
    list_.sweep(now);
  }
  co_return Result<void>{};
}

Task<> FeedFollower::run() {
  bool failing = false;
  while (!stopping_.load(std::memory_order_relaxed)) {
    const auto polled = co_await poll_once(limits::kFeedPollWait);
    if (!polled && !failing) log::warn("gateway.feed_lost", {{"detail", polled.error().detail}});
    if (polled && failing) log::info("gateway.feed_back");
    failing = !polled;
    if (failing) co_await net::sleep_for(limits::kFeedRetry);
  }
}

}  // namespace mitral::gateway
