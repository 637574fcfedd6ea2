// Awaitables over a Stream, for coroutines of one loop: each ends with its deadline at the latest. Private to net/.
//
// Thread rules: the loop of the socket.
#pragma once

#include <coroutine>
#include <memory>
#include <string>
#include <vector>

#include "net/stream.h"

namespace mitral::net {

/// An asynchronous operation of a socket that a timer may cancel. `begin(handler)` starts it.
template <class Begin>
class SocketOperation final : public Timer {
 public:
  SocketOperation(Loop& loop, Socket& socket, std::int64_t deadline, Begin begin)
      : loop_(loop), socket_(socket), deadline_(deadline), begin_(std::move(begin)) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    loop_.set_at(*this, deadline_);
    begin_([this, waiting](const boost::system::error_code& error) {
      TimerWheel::cancel(*this);
      error_ = error;
      waiting.resume();
    });
  }
  /// timeout, unavailable, or success.
  [[nodiscard]] Result<> await_resume() const {
    if (timed_out_) return fail(ErrorCode::timeout, {}, "outbound request timed out");
    if (error_) return fail(ErrorCode::unavailable, {}, "outbound connection: " + error_.message());
    return {};
  }
  void expired() noexcept override {
    timed_out_ = true;
    boost::system::error_code ignored;
    socket_.cancel(ignored);  // the handler comes, and resumes
  }

 private:
  Loop& loop_;
  Socket& socket_;
  std::int64_t deadline_;
  Begin begin_;
  boost::system::error_code error_;
  bool timed_out_ = false;
};

/// Waits until the socket can be read or written.
[[nodiscard]] inline auto ready(Loop& loop, Stream& stream, Io what, std::int64_t deadline) {
  Socket& socket = stream.socket();
  auto begin = [&socket, what](auto handler) {
    socket.async_wait(what == Io::want_read ? Socket::wait_read : Socket::wait_write, std::move(handler));
  };
  return SocketOperation<decltype(begin)>(loop, socket, deadline, begin);
}

[[nodiscard]] inline auto connect(Loop& loop, Socket& socket, const Tcp::endpoint& endpoint, std::int64_t deadline) {
  auto begin = [&socket, endpoint](auto handler) { socket.async_connect(endpoint, std::move(handler)); };
  return SocketOperation<decltype(begin)>(loop, socket, deadline, begin);
}

/// Addresses of a name. The system's resolver can't be interrupted: after the deadline its answer is dropped when it
/// comes.
class Resolve {
 public:
  Resolve(Loop& loop, std::string host, std::int64_t deadline);
  ~Resolve();
  Resolve(const Resolve&) = delete;
  Resolve& operator=(const Resolve&) = delete;
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting);
  [[nodiscard]] Result<std::vector<asio::ip::address>> await_resume();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mitral::net
