// Runtime: one event loop per core thread, timers, signals, and what a coroutine needs to wait.
//
// Each thread has its own loop, which is Scheduler::current() on it. A connection lives and dies on one loop; loops
// share nothing in the request path (house plan §7). Asio stays behind this header.
//
// Timers are coarse (kTimerTick): they bound waits, they don't measure.
//
// Thread rules: constructor, run() and destructor on the owner's thread; stop(), post() and Notifier from any thread;
// every() and on_signal() before run(), or from any thread. Callbacks run on loop 0. Awaitables resume on the loop that
// awaited them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "base/time.h"

namespace mitral::net {

class Loop;

class Runtime {
 public:
  /// `threads` 0 takes one per core. The clock must outlive the runtime.
  explicit Runtime(unsigned threads = 0, const Clock& clock = system_clock());
  /// Stops and joins.
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  /// Starts every loop on its own thread and returns. For tests and programs that have another main loop.
  void start();
  /// Runs loop 0 on the calling thread and the others on their own; returns after stop().
  void run();
  /// Ends the loops soon: work that is queued may be dropped. Does not wait; the destructor does.
  void stop() noexcept;

  [[nodiscard]] unsigned threads() const noexcept;
  [[nodiscard]] Scheduler& scheduler(unsigned index) noexcept;
  [[nodiscard]] const Clock& clock() const noexcept;
  /// Runs the function on loop `index`, later.
  void post(unsigned index, std::function<void()> work);
  /// Starts a task on loop `index`; an exception of it is logged.
  void spawn_on(unsigned index, std::function<Task<>()> make);
  /// Tasks of spawn_on() that have not ended. What is still suspended when the loops stop is never resumed.
  [[nodiscard]] std::size_t tasks() const noexcept;

  /// Calls `work` on loop 0 again and again, first after one period. Never overlaps with itself. The timer lives as
  /// long as the handle that is returned (or until the runtime ends): keep it.
  [[nodiscard]] std::shared_ptr<void> every(Duration period, std::function<void()> work);
  /// Calls `work` on loop 0 when the signal (SIGTERM, SIGINT, SIGHUP) comes. One callback for each signal.
  void on_signal(int signal, std::function<void()> work);

  [[nodiscard]] Loop& loop(unsigned index) noexcept;  ///< for net/ itself
  [[nodiscard]] static const Clock& system_clock() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Suspends the awaiting coroutine for at least this long. Off a loop (run_sync) it blocks the thread instead.
[[nodiscard]] Task<> sleep_for(Duration time);

/// Lets any number of coroutines wait for news (a long poll). A waiter says which version it has seen, so that news
/// between its look at the data and its wait is never lost:
///
///   auto seen = notifier.version();
///   if (nothing_new()) co_await notifier.wait(seen, 20s);
class Notifier {
 public:
  Notifier();
  /// Nobody may be waiting.
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  [[nodiscard]] std::uint64_t version() const noexcept;
  /// Wakes every waiter, each on its own loop.
  void notify_all();
  /// True when the version is no longer `seen`, at once or within `longest`; false when the time is over. Off a loop
  /// (run_sync) it blocks the thread.
  [[nodiscard]] Task<bool> wait(std::uint64_t seen, Duration longest);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace mitral::net
