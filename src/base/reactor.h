// Reactor: what a library with sockets of its own (libpq) needs of the event loop of one core: readiness and time.
//
// Implemented by net/'s loops. A thread without a loop (commands, tests, the store's own threads) has none: there the
// caller waits by itself.
//
// Thread rules: everything on the reactor's own thread, or while it does not run. Callbacks run on that thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/time.h"

namespace mitral {

class Scheduler;

class Reactor {
 public:
  Reactor() = default;
  virtual ~Reactor() = default;
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  /// Given to no other reactor of this process, also not when this one is gone.
  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  /// Where coroutines of its thread go on. Another Scheduler::current() on that thread means that the reactor stands
  /// still until the caller is done: then nobody may wait for it.
  [[nodiscard]] virtual Scheduler& scheduler() noexcept = 0;

  /// A socket that is looked at. Destroying it ends that, also inside its own callback; the socket stays open. It may
  /// outlive the reactor, and calls nobody from then on.
  class Watch {
   public:
    virtual ~Watch() = default;
    /// Calls back once when the socket is readable, or (where asked) writable; ask again for the next time. An error of
    /// the socket counts as both.
    virtual void want(bool readable, bool writable) = 0;
  };
  [[nodiscard]] virtual std::unique_ptr<Watch> watch(int socket, std::function<void()> ready) = 0;

  /// Calls back once after at least this long, unless it is destroyed before. It may outlive the reactor too.
  class Alarm {
   public:
    virtual ~Alarm() = default;
  };
  [[nodiscard]] virtual std::unique_ptr<Alarm> after(Duration delay, std::function<void()> work) = 0;

  /// The reactor of the calling thread, or nullptr when the thread has none.
  [[nodiscard]] static Reactor* current() noexcept { return current_; }
  static void set_current(Reactor* reactor) noexcept { current_ = reactor; }

 private:
  static inline std::atomic<std::uint64_t> next_id_{1};
  static inline thread_local Reactor* current_ = nullptr;
  const std::uint64_t id_ = next_id_.fetch_add(1, std::memory_order_relaxed);
};

}  // namespace mitral
