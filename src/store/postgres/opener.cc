#include "store/postgres/opener.h"

#include <algorithm>

#include "base/limits.h"
#include "base/log.h"

namespace mitral::store::postgres {

Opener::Opener(ConnectOptions options, const char* who) : options_(std::move(options)), who_(who) {
  thread_ = std::thread([this] { loop(); });
}

Opener::~Opener() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Opener::ask(Deliver deliver) {
  {
    const std::lock_guard lock(mutex_);
    asked_.push_back(std::move(deliver));
  }
  wake_.notify_all();
}

std::string Opener::last_error() const {
  const std::lock_guard lock(mutex_);
  return last_error_.empty() ? "not connected to the database" : last_error_;
}

void Opener::note(const Result<std::unique_ptr<Connection>>& connection) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  const bool before = last_error_.empty();
  if (connection) {
    last_error_.clear();
    if (!before) log::info("store.reached_again", {{"by", who_}});
  } else {
    last_error_ = connection.error().detail;
    if (before) log::error("store.unreachable", {{"by", who_}, {"detail", last_error_}});
  }
}

void Opener::loop() {
  Duration pause = limits::kPostgresReconnectFirst;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !asked_.empty(); });
      if (stopping_) return;
    }
    auto connection = Connection::open(options_, &stopping_);
    note(connection);
    if (connection) {
      pause = limits::kPostgresReconnectFirst;
      Deliver deliver;
      {
        const std::lock_guard lock(mutex_);
        deliver = std::move(asked_.front());
        asked_.pop_front();
      }
      deliver(std::move(*connection));
      continue;
    }
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, pause, [this] { return stopping_.load(); });
    pause = std::min<Duration>(pause * 2, limits::kPostgresReconnectMax);
  }
}

}  // namespace mitral::store::postgres
