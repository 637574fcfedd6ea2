// Follower: the thread that keeps what this process remembers in step with the change feed.
//
// It LISTENs for the NOTIFY of other nodes' batches and calls `follow` with its connection after each, after every
// (re)connection, and each limits::kRevocationPoll in any case: a NOTIFY is only a hint to look sooner, the feed is the
// truth, so a lost one costs a poll and nothing else.
//
// Errors: while the database can't be reached it connects anew with growing pauses; `follow` is not called, and what
// was remembered grows stale (GrantStore::current). Thread rules: callbacks run on the follower's thread.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "store/postgres/connection.h"

namespace mitral::store::postgres {

inline constexpr const char* kFeedChannel = "mitral_feed";

class Follower {
 public:
  /// `follow` reads the feed and may be called at once; `tick` is called each kRevocationPoll, connected or not.
  Follower(ConnectOptions options, std::function<Result<void>(Connection&)> follow, std::function<void()> tick);
  ~Follower();
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;
  void start();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mitral::store::postgres
