// Task<T>: a lazy coroutine with one awaiter. It starts when it is awaited and resumes its awaiter when it is done.
//
// Ports return Tasks so that a store may suspend its caller (a group commit, a network round trip) without blocking the
// event loop. Task knows nothing of any event loop: whoever finishes work on another thread hands the waiting coroutine
// back to the loop that it came from through Scheduler::current(), captured when the coroutine suspends.
//
// Exceptions cross co_await like in a plain call.
// Lifetime: arguments of a coroutine that are references must outlive it; prefer values. Do not pass a capturing lambda
// as a coroutine unless it outlives the Task.
// Thread rules: a Task is awaited on one thread; the coroutine resumes on the thread of its Scheduler.
#pragma once

#include <concepts>
#include <condition_variable>
#include <coroutine>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/frame_pool.h"

namespace mitral {

/// Where a suspended coroutine goes on: the event loop of one core. Implemented by net/ and by run_sync().
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  /// Runs the function on the scheduler's own thread, later. May be called from any thread.
  virtual void post(std::function<void()> work) = 0;
  /// The scheduler of the calling thread, or nullptr when the thread has none.
  [[nodiscard]] static Scheduler* current() noexcept { return current_; }
  static void set_current(Scheduler* scheduler) noexcept { current_ = scheduler; }

 private:
  static inline thread_local Scheduler* current_ = nullptr;
};

template <class T = void>
class [[nodiscard]] Task;

namespace detail {

struct FinalAwaiter {
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> done) const noexcept {
    auto next = done.promise().continuation;
    return next ? next : std::noop_coroutine();
  }
  void await_resume() const noexcept {}
};

// The frame of a coroutine whose promise inherits from this comes from the thread's pool.
struct PooledFrame {
  static void* operator new(std::size_t size) { return frames::take(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { frames::give(frame, size); }
};

struct PromiseBase : PooledFrame {
  std::coroutine_handle<> continuation;
  std::exception_ptr exception;
  std::suspend_always initial_suspend() noexcept { return {}; }
  FinalAwaiter final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { exception = std::current_exception(); }
};

template <class T>
struct Promise final : PromiseBase {
  std::optional<T> value;
  Task<T> get_return_object();
  template <class U>
    requires std::convertible_to<U, T>
  void return_value(U&& v) {
    value.emplace(std::forward<U>(v));
  }
  T take() {
    if (exception) std::rethrow_exception(exception);
    return std::move(*value);
  }
};

template <>
struct Promise<void> final : PromiseBase {
  Task<void> get_return_object();
  void return_void() noexcept {}
  void take() const {
    if (exception) std::rethrow_exception(exception);
  }
};

}  // namespace detail

template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task() = default;
  explicit Task(Handle handle) noexcept : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  auto operator co_await() && noexcept {
    struct Awaiter {
      Handle handle;
      [[nodiscard]] bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
        handle.promise().continuation = awaiting;
        return handle;
      }
      T await_resume() { return handle.promise().take(); }
    };
    return Awaiter{handle_};
  }

 private:
  Handle handle_;
};

namespace detail {
template <class T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

// A coroutine that nobody awaits: it owns itself, and calls `done` at its end.
struct Detached {
  struct promise_type : PooledFrame {
    Detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
  };
};
}  // namespace detail

/// Starts a task now, on this thread. `done` is called at its end with the exception, or nullptr, and the value if any.
template <class T, class Done>
detail::Detached spawn(Task<T> task, Done done) {
  std::exception_ptr failed;
  if constexpr (std::is_void_v<T>) {
    try {
      co_await std::move(task);
    } catch (...) {
      failed = std::current_exception();
    }
    done(failed);
  } else {
    std::optional<T> value;
    try {
      value.emplace(co_await std::move(task));
    } catch (...) {
      failed = std::current_exception();
    }
    done(failed, std::move(value));
  }
}

/// Runs a task to its end on the calling thread, serving as its scheduler. For commands and tests; never in a request.
template <class T>
T run_sync(Task<T> task) {
  struct Loop final : Scheduler {
    std::mutex mutex;
    std::condition_variable wake;
    std::vector<std::function<void()>> queue;
    void post(std::function<void()> work) override {
      {
        const std::lock_guard lock(mutex);
        queue.push_back(std::move(work));
        wake.notify_one();
      }
    }
  } loop;
  Scheduler* const outer = Scheduler::current();
  Scheduler::set_current(&loop);
  bool finished = false;
  std::exception_ptr failed;
  auto drain = [&] {
    while (!finished) {
      std::vector<std::function<void()>> work;
      {
        std::unique_lock lock(loop.mutex);
        loop.wake.wait(lock, [&] { return !loop.queue.empty(); });
        work.swap(loop.queue);
      }
      for (auto& f : work) f();
    }
    Scheduler::set_current(outer);
    if (failed) std::rethrow_exception(failed);
  };
  if constexpr (std::is_void_v<T>) {
    spawn(std::move(task), [&](std::exception_ptr e) {
      failed = e;
      finished = true;
    });
    drain();
  } else {
    std::optional<T> result;
    spawn(std::move(task), [&](std::exception_ptr e, std::optional<T> v) {
      failed = e;
      result = std::move(v);
      finished = true;
    });
    drain();
    return std::move(*result);
  }
}

/// Suspends until another thread calls the function that `start` is given; then goes on at the current Scheduler.
/// `start(resume)` must arrange that resume(value) is called exactly once, from any thread, possibly at once.
template <class T>
struct Completion {
  std::function<void(std::function<void(T)>)> start;
  std::optional<T> value;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    Scheduler* const home = Scheduler::current();
    start([this, waiting, home](T v) {
      value.emplace(std::move(v));
      if (home != nullptr) {
        home->post([waiting] { waiting.resume(); });
      } else {
        waiting.resume();
      }
    });
  }
  T await_resume() { return std::move(*value); }
};

}  // namespace mitral
