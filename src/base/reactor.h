// Reactor: what a library with sockets of its own (libpq) needs of the event loop of one core: readiness and time.
//
// Implemented by net/'s loops. A thread without a loop (commands, tests, the store's own threads) has none: there the
// caller waits by itself.
//
// Thread rules: everything on the reactor's own thread, or while it does not run. Callbacks run on that thread.
#pragma once

#include <functional>
#include <memory>

#include "base/time.h"

namespace mitral {

class Reactor {
 public:
  virtual ~Reactor() = default;

  /// A socket that is looked at. Destroying it ends that, also inside its own callback; the socket stays open.
  class Watch {
   public:
    virtual ~Watch() = default;
    /// Calls back once when the socket is readable, or (where asked) writable; ask again for the next time. An error of
    /// the socket counts as both.
    virtual void want(bool readable, bool writable) = 0;
  };
  [[nodiscard]] virtual std::unique_ptr<Watch> watch(int socket, std::function<void()> ready) = 0;

  /// Calls back once after at least this long, unless it is destroyed before.
  class Alarm {
   public:
    virtual ~Alarm() = default;
  };
  [[nodiscard]] virtual std::unique_ptr<Alarm> after(Duration delay, std::function<void()> work) = 0;

  /// The reactor of the calling thread, or nullptr when the thread has none.
  [[nodiscard]] static Reactor* current() noexcept { return current_; }
  static void set_current(Reactor* reactor) noexcept { current_ = reactor; }

 private:
  static inline thread_local Reactor* current_ = nullptr;
};

}  // namespace mitral
