#include "net/load_probe.h"

#include <sys/eventfd.h>

#include "base/limits.h"

namespace mitral::net {

LoadProbe::LoadProbe(boost::asio::io_context& io, std::function<void(Duration wait, Time now)> told)
    : event_(io.get_executor()), told_(std::move(told)) {
  const int event = ::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
  boost::system::error_code error;
  if (event >= 0) event_.assign(event, error);
}

void LoadProbe::start() {
  if (under_way_ || !event_.is_open()) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < limits::kLoadProbe) return;
  under_way_ = true;
  began_ = now;
  event_.async_wait(decltype(event_)::wait_read, [this](const boost::system::error_code& error) {
    if (error) return;  // the loop is going, and this object with it
    under_way_ = false;
    last_ = std::chrono::steady_clock::now();
    told_(std::chrono::duration_cast<Duration>(last_ - began_), last_);
  });
}

}  // namespace mitral::net
