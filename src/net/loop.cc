#include "net/loop.h"

#include <exception>

#include "base/limits.h"
#include "base/log.h"
#include "crypto/random.h"

namespace mitral::net {
namespace {

HashKey random_key() {
  std::array<std::uint8_t, sizeof(HashKey)> bytes;
  crypto::system_random().fill(bytes);
  return std::bit_cast<HashKey>(bytes);
}

}  // namespace

Loop::Loop(const Clock& clock)
    : clock_(clock),
      io_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO),
      ticker_(io_.get_executor()),
      wheel_(ticks_now()),
      load_(random_key()),
      probe_(io_, [this](Duration wait, LoadProbe::Time now) { load_.measured(wait, now); }) {}

Loop::~Loop() = default;

void Loop::run() {
  current_ = this;
  Scheduler::set_current(this);
  Reactor::set_current(&reactor_);
  claim();
  const auto guard = asio::make_work_guard(io_);
  while (!io_.stopped()) {
    try {
      io_.poll();  // whatever is ready, and what becomes ready meanwhile
      if (io_.stopped()) break;
      load_.emptied();
      io_.run_one();  // sleeps
    } catch (const std::exception& failure) {
      log::error("net.loop.exception", {{"what", failure.what()}});
    } catch (...) {
      log::error("net.loop.exception", {{"what", "unknown"}});
    }
  }
  running_.store(false, std::memory_order_release);
  Reactor::set_current(nullptr);
  Scheduler::set_current(nullptr);
  current_ = nullptr;
}

const std::string& Loop::http_date(Instant now) {
  const auto second = to_seconds(now);
  if (second != date_second_) {
    date_second_ = second;
    date_ = to_http_date(now);
  }
  return date_;
}

void Loop::arrived() noexcept {
  if (probe_.under_way()) return;
  const auto before = probe_.last();
  probe_.start();
  if (load_.engaged() && std::chrono::steady_clock::now() - before > 2 * limits::kLoadWindow) load_.forget();
}

std::int64_t Loop::ticks_now() noexcept {
  return std::chrono::steady_clock::now().time_since_epoch() / limits::kTimerTick;
}

// Rounded up, and one more for the part of the current tick that has passed.
std::int64_t Loop::ticks_of(Duration duration) noexcept {
  return std::chrono::ceil<std::chrono::milliseconds>(duration) / limits::kTimerTick + 1;
}

void Loop::set_at(Timer& timer, std::int64_t tick_due) {
  if (wheel_.empty()) wheel_.skip_to(ticks_now());
  wheel_.set(timer, tick_due);
  if (!ticking_) tick();
}

// Ticks only while somebody waits.
void Loop::tick() {
  ticking_ = true;
  ticker_.expires_after(limits::kTimerTick);
  ticker_.async_wait([this](const boost::system::error_code&) {
    wheel_.advance(ticks_now());
    if (wheel_.empty()) {
      ticking_ = false;
    } else {
      tick();
    }
  });
}

}  // namespace mitral::net
