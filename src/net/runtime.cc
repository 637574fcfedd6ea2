#include "net/runtime.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/signal_set.hpp>
#include <condition_variable>
#include <csignal>
#include <thread>

#include "base/log.h"
#include "net/loop.h"

namespace mitral::net {

struct Runtime::Impl {
  explicit Impl(const Clock& the_clock) : clock(the_clock) {}
  const Clock& clock;
  std::atomic<std::size_t> tasks{0};
  std::vector<std::unique_ptr<Loop>> loops;
  std::vector<std::thread> threads;
  std::vector<std::unique_ptr<asio::signal_set>> signals;

  void start_from(std::size_t first) {
    for (auto& loop : loops) loop->claim();
    for (std::size_t i = first; i < loops.size(); ++i) {
      threads.emplace_back([loop = loops[i].get()] { loop->run(); });
    }
  }
  void join() {
    for (auto& thread : threads) thread.join();
    threads.clear();
  }
};

namespace {

// The soft limit is a courtesy to programs that use select(); this one doesn't, and each connection takes one.
void raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

const Clock& Runtime::system_clock() noexcept {
  static const SystemClock clock;
  return clock;
}

Runtime::Runtime(unsigned threads, const Clock& clock) : impl_(std::make_unique<Impl>(clock)) {
  // TLS writes through OpenSSL's own socket layer, which does not pass MSG_NOSIGNAL.
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
  for (unsigned i = 0; i < threads; ++i) impl_->loops.push_back(std::make_unique<Loop>(clock));
}

Runtime::~Runtime() {
  stop();
  impl_->join();
  impl_->signals.clear();
}

void Runtime::start() { impl_->start_from(0); }

void Runtime::run() {
  impl_->start_from(1);
  impl_->loops[0]->run();
  stop();
  impl_->join();
}

void Runtime::stop() noexcept {
  for (auto& loop : impl_->loops) loop->stop();
}

unsigned Runtime::threads() const noexcept { return static_cast<unsigned>(impl_->loops.size()); }
Scheduler& Runtime::scheduler(unsigned index) noexcept { return loop(index); }
Loop& Runtime::loop(unsigned index) noexcept { return *impl_->loops[index]; }
const Clock& Runtime::clock() const noexcept { return impl_->clock; }
void Runtime::post(unsigned index, std::function<void()> work) { loop(index).post(std::move(work)); }

std::size_t Runtime::tasks() const noexcept { return impl_->tasks.load(); }

void Runtime::spawn_on(unsigned index, std::function<Task<>()> make) {
  impl_->tasks.fetch_add(1);
  post(index, [impl = impl_.get(), make = std::move(make)] {
    // The function is kept until the end: a coroutine made of a capturing lambda refers to its captures.
    auto kept = std::make_shared<std::function<Task<>()>>(make);
    spawn((*kept)(), [kept, impl](std::exception_ptr failed) {
      impl->tasks.fetch_sub(1);
      if (!failed) return;
      try {
        std::rethrow_exception(failed);
      } catch (const std::exception& failure) {
        log::error("net.task.exception", {{"what", failure.what()}});
      } catch (...) {
        log::error("net.task.exception", {{"what", "unknown"}});
      }
    });
  });
}

namespace {

// A repeating timer: the pending wait owns it, the caller's handle ends it.
struct Periodic : std::enable_shared_from_this<Periodic> {
  Periodic(Loop& loop, Duration every, std::function<void()> function)
      : timer(loop.io().get_executor()), period(every), work(std::move(function)) {}
  SteadyTimer timer;
  Duration period;
  std::function<void()> work;
  std::atomic<bool> active{true};

  void arm() {
    timer.expires_after(period);
    timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (error || !self->active.load()) return;
      try {
        self->work();
      } catch (const std::exception& failure) {
        log::error("net.timer.exception", {{"what", failure.what()}});
      }
      if (self->active.load()) self->arm();
    });
  }
};

}  // namespace

std::shared_ptr<void> Runtime::every(Duration period, std::function<void()> work) {
  auto periodic = std::make_shared<Periodic>(loop(0), period, std::move(work));
  post(0, [periodic] { periodic->arm(); });
  auto* const raw = periodic.get();
  return {raw, [periodic = std::move(periodic)](void*) { periodic->active.store(false); }};
}

void Runtime::on_signal(int signal, std::function<void()> work) {
  auto set = std::make_unique<asio::signal_set>(loop(0).io(), signal);
  auto* const raw = set.get();
  impl_->signals.push_back(std::move(set));
  auto wait = std::make_shared<std::function<void()>>();
  // The function refers to itself by a raw pointer that the pending wait keeps alive.
  *wait = [raw, work = std::move(work), weak = std::weak_ptr(wait)] {
    raw->async_wait([work, again = weak.lock()](const boost::system::error_code& error, int) {
      if (error) return;
      work();
      if (again) (*again)();
    });
  };
  (*wait)();
}

// ---- waiting

namespace {

struct Sleep final : Timer {
  Loop& loop;
  Duration time;
  std::coroutine_handle<> waiting;
  Sleep(Loop& on, Duration how_long) : loop(on), time(how_long) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    waiting = handle;
    loop.set(*this, time);
  }
  void await_resume() const noexcept {}
  void expired() noexcept override { waiting.resume(); }
};

}  // namespace

Task<> sleep_for(Duration time) {
  if (Loop* const loop = Loop::current(); loop != nullptr) {
    Sleep sleep(*loop, time);
    co_await sleep;
  } else {
    std::this_thread::sleep_for(time);
  }
}

struct Notifier::Impl {
  struct Waiter;
  std::atomic<std::uint64_t> version{0};
  std::mutex mutex;
  std::condition_variable off_loop;
  std::vector<Waiter*> waiters;
};

// Lives in the frame of the coroutine that waits. Whoever takes it off the list resumes it.
struct Notifier::Impl::Waiter final : Timer {
  Impl& notifier;
  Loop& loop;
  std::uint64_t seen;
  Duration longest;
  std::coroutine_handle<> waiting;
  bool news = false;

  Waiter(Impl& of, Loop& on, std::uint64_t version_seen, Duration max)
      : notifier(of), loop(on), seen(version_seen), longest(max) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> handle) {
    waiting = handle;
    const std::lock_guard lock(notifier.mutex);
    if (notifier.version.load() != seen) {
      news = true;
      return false;
    }
    notifier.waiters.push_back(this);
    loop.set(*this, longest);
    return true;
  }
  [[nodiscard]] bool await_resume() const noexcept { return news; }
  void expired() noexcept override {
    {
      const std::lock_guard lock(notifier.mutex);
      if (std::erase(notifier.waiters, this) == 0) return;  // woken: its resumption is on the way
    }
    waiting.resume();
  }
};

Notifier::Notifier() : impl_(std::make_shared<Impl>()) {}
Notifier::~Notifier() = default;
std::uint64_t Notifier::version() const noexcept { return impl_->version.load(); }

void Notifier::notify_all() {
  std::vector<Impl::Waiter*> woken;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->version.fetch_add(1);
    woken.swap(impl_->waiters);
    for (auto* waiter : woken) waiter->news = true;
  }
  impl_->off_loop.notify_all();
  for (auto* waiter : woken) {
    waiter->loop.post([waiter] {
      TimerWheel::cancel(*waiter);
      waiter->waiting.resume();
    });
  }
}

Task<bool> Notifier::wait(std::uint64_t seen, Duration longest) {
  const auto impl = impl_;
  if (Loop* const loop = Loop::current(); loop != nullptr) {
    Impl::Waiter waiter(*impl, *loop, seen, longest);
    co_return co_await waiter;
  }
  std::unique_lock lock(impl->mutex);
  co_return impl->off_loop.wait_for(lock, longest, [&] { return impl->version.load() != seen; });
}

}  // namespace mitral::net
