// Password pool: Argon2id on threads of its own, with a queue that is never longer than it can serve (threats W-24,
// W-32).
//
// One hash takes about 30 ms and 19 MiB, so the number of threads bounds both; the event loops never compute one. A
// full queue is ErrorCode::unavailable at once: the page answers 503 with Retry-After. For an unknown user the same
// work is done on a dummy hash.
//
// Limits: kPasswordQueueMax waiting; `threads` at work. Errors: unavailable, and those of crypto/password.h.
// Thread rules: hash() and verify() from any thread with a Scheduler, where they resume. The destructor waits for the
// threads; work still queued is answered unavailable.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/limits.h"
#include "base/random.h"
#include "crypto/password.h"
#include "ports/outside.h"

namespace mitral::login {

class PasswordPool final : public ports::PasswordHasher {
 public:
  /// `threads` of 0 counts as 1.
  [[nodiscard]] static Result<std::unique_ptr<PasswordPool>> create(crypto::Argon2Params params, Random& random,
                                                                    std::size_t threads,
                                                                    std::size_t queue_max = limits::kPasswordQueueMax);
  ~PasswordPool() override;
  PasswordPool(const PasswordPool&) = delete;
  PasswordPool& operator=(const PasswordPool&) = delete;

  Task<Result<std::string>> hash(Secret password) override;
  Task<Result<bool>> verify(std::string phc, Secret password) override;

 private:
  /// Runs on a pool thread with true, or with false when the pool is closing.
  using Work = std::function<void(bool)>;
  PasswordPool(crypto::PasswordHasher hasher, Random& random, std::size_t threads, std::size_t queue_max);
  /// False when the queue is full or closing; the work is then untouched.
  [[nodiscard]] bool offer(Work& work);
  void run();

  crypto::PasswordHasher hasher_;
  Random& random_;
  const std::size_t queue_max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Work> queue_;
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace mitral::login
