// Opener: a thread that opens connections for those who can't wait for it, with growing pauses while the database can't
// be reached. Private to store/postgres.
//
// Errors: none reach the one who asked: he waits as long as he likes, and last_error() says why in vain.
// Thread rules: ask() and last_error() from any thread; `deliver` is called on the opener's thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "store/postgres/connection.h"

namespace mitral::store::postgres {

class Opener {
 public:
  using Deliver = std::function<void(std::unique_ptr<Connection>)>;

  /// `who` is named in the log.
  Opener(ConnectOptions options, const char* who);
  /// What was asked for and not delivered never will be.
  ~Opener();
  Opener(const Opener&) = delete;
  Opener& operator=(const Opener&) = delete;

  void ask(Deliver deliver);
  [[nodiscard]] std::string last_error() const;

 private:
  void loop();
  void note(const Result<std::unique_ptr<Connection>>& connection);

  const ConnectOptions options_;
  const char* const who_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Deliver> asked_;
  std::string last_error_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace mitral::store::postgres
