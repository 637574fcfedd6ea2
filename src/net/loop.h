// Loop: what one thread of the Runtime works with: Asio's io_context, the deadlines, the cached Date, what it knows of
// its own load. Private to net/.
//
// Nothing of a loop is locked but its queue: sockets and timers belong to its thread
// (BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO).
//
// Thread rules: post() and stop from any thread; everything else on the loop's own thread, or before it runs.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <string>

#include "base/task.h"
#include "base/time.h"
#include "net/load_control.h"
#include "net/load_probe.h"
#include "net/loop_reactor.h"
#include "net/timer_wheel.h"

namespace mitral::net {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
// Executors by their own type: the type-erased default costs an indirection per operation.
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<Tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<Tcp, Executor>;
using SteadyTimer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;

class Loop final : public Scheduler {
 public:
  explicit Loop(const Clock& clock);
  ~Loop() override;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// The loop whose thread this is, or nullptr.
  [[nodiscard]] static Loop* current() noexcept { return current_; }

  void post(std::function<void()> work) override { asio::post(io_, std::move(work)); }
  /// A thread is about to call run(): from now on the loop is not to be touched from elsewhere.
  void claim() noexcept { running_.store(true, std::memory_order_release); }
  void run();
  void stop() noexcept { io_.stop(); }
  /// It has a thread: between claim() and the end of run().
  [[nodiscard]] bool running() const noexcept { return running_.load(std::memory_order_acquire); }

  [[nodiscard]] asio::io_context& io() noexcept { return io_; }
  [[nodiscard]] const Clock& clock() const noexcept { return clock_; }
  /// HTTP-date of the instant, rendered once a second.
  [[nodiscard]] const std::string& http_date(Instant now);

  [[nodiscard]] static std::int64_t ticks_now() noexcept;
  [[nodiscard]] static std::int64_t ticks_of(Duration duration) noexcept;
  /// Calls timer.expired() on this loop after at least `from_now`.
  void set(Timer& timer, Duration from_now) { set_at(timer, ticks_now() + ticks_of(from_now)); }
  void set_at(Timer& timer, std::int64_t tick);

  /// Decides which requests are refused. All servers of the loop ask the same one: they wait in the same queue.
  [[nodiscard]] LoadControl& load() noexcept { return load_; }
  /// A request that may be refused came: keeps the measurements going while there is work.
  void arrived() noexcept;

 private:
  void tick();

  static inline thread_local Loop* current_ = nullptr;
  const Clock& clock_;
  asio::io_context io_;
  SteadyTimer ticker_;
  TimerWheel wheel_;
  bool ticking_ = false;
  std::atomic<bool> running_{false};
  std::int64_t date_second_ = -1;
  std::string date_;
  LoadControl load_;
  LoadProbe probe_;
  LoopReactor reactor_{*this};
};

}  // namespace mitral::net
