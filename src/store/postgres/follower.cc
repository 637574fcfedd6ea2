#include "store/postgres/follower.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/limits.h"
#include "base/log.h"
#include "store/postgres/opener.h"

namespace mitral::store::postgres {

struct Follower::Impl {
  using Steady = Connection::Steady;

  Impl(ConnectOptions options, std::function<Result<void>(Connection&)> on_news, std::function<void()> on_tick)
      : follow(std::move(on_news)), tick(std::move(on_tick)), opener(std::move(options), "follower") {}

  void loop() {
    ask();
    auto next_tick = Steady::now() + limits::kRevocationPoll;
    while (!stopping.load()) {
      if (!connection) await_connection(next_tick);
      // The feed is read after each wake-up, a NOTIFY, the poll's time or a new connection; what woke us is no matter.
      if (connection) look();
      if (connection) listen_until(next_tick);
      if (Steady::now() < next_tick) continue;
      tick();
      // What took longer than a poll is not made up for.
      next_tick = std::max(next_tick + limits::kRevocationPoll, Steady::now());
    }
  }

  void ask() {
    opener.ask([this](std::unique_ptr<Connection> delivered) {
      const std::lock_guard lock(mutex);
      arrived = std::move(delivered);
      wake.notify_all();
    });
  }

  void await_connection(Steady::time_point until) {
    {
      std::unique_lock lock(mutex);
      wake.wait_until(lock, until, [this] { return stopping.load() || arrived != nullptr; });
      connection = std::move(arrived);
    }
    if (!connection || !connection->has_notify()) return;
    auto listening = connection->execute(fmt::format("LISTEN {}", kFeedChannel));
    if (listening) return;
    if (connection->lost()) {
      give_up(listening);
    } else {
      log::warn("store.listen_failed", {{"detail", listening.error().detail}});  // the poll goes on
    }
  }

  void look() {
    auto followed = follow(*connection);
    if (connection->lost()) {
      give_up(followed);
    } else if (!followed && !std::exchange(failing, true)) {
      log::error("store.feed_failed", {{"detail", followed.error().detail}});
    } else if (followed && std::exchange(failing, false)) {
      log::info("store.feed_again");
    }
  }

  /// In small steps, so that the end is noticed.
  void listen_until(Steady::time_point until) {
    constexpr Duration kStep = std::chrono::milliseconds(50);
    while (!stopping.load()) {
      const auto left = std::chrono::ceil<Duration>(until - Steady::now());
      if (left <= Duration(0)) return;
      auto notified = connection->wait_notified(std::min(left, kStep));
      if (!notified) {
        give_up(std::unexpected(notified.error()));
        return;
      }
      if (*notified) return;
    }
  }

  void give_up(const Result<void>& why) {
    log::warn("store.feed_connection_lost", {{"detail", why ? std::string() : why.error().detail}});
    connection.reset();
    ask();
  }

  const std::function<Result<void>(Connection&)> follow;
  const std::function<void()> tick;
  std::unique_ptr<Connection> connection;  // the thread's own
  bool failing = false;
  std::mutex mutex;
  std::condition_variable wake;
  std::unique_ptr<Connection> arrived;
  std::atomic<bool> stopping{false};
  Opener opener;
  std::thread thread;
};

Follower::Follower(ConnectOptions options, std::function<Result<void>(Connection&)> follow, std::function<void()> tick)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(follow), std::move(tick))) {}

Follower::~Follower() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_all();
  if (impl_->thread.joinable()) impl_->thread.join();
}

void Follower::start() {
  impl_->thread = std::thread([impl = impl_.get()] { impl->loop(); });
}

}  // namespace mitral::store::postgres
