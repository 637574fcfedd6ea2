// What the tests of net/ share: a plain socket that speaks raw bytes, a server on a free port, patience.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>

#include "net/server.h"

namespace mitral::net::test {

using namespace std::chrono_literals;

/// Nothing decides by time: a test that waits this long has failed.
inline constexpr auto kPatience = 20s;

template <class Condition>
[[nodiscard]] bool eventually(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

/// A blocking client socket on loopback.
class Raw {
 public:
  explicit Raw(std::uint16_t port, int receive_buffer = 0) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer > 0) ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const timeval patience{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;  // NOLINT
  }
  ~Raw() { ::close(socket_); }
  Raw(const Raw&) = delete;
  Raw& operator=(const Raw&) = delete;

  [[nodiscard]] bool connected() const noexcept { return connected_; }
  [[nodiscard]] int fd() const noexcept { return socket_; }
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  /// Reads until the text is in what came, or the end; returns and forgets everything up to and with it.
  std::string until(std::string_view text) {
    while (true) {
      if (const auto at = seen_.find(text); at != std::string::npos) {
        auto out = seen_.substr(0, at + text.size());
        seen_.erase(0, out.size());
        return out;
      }
      if (!more()) return std::exchange(seen_, {});
    }
  }
  std::string to_end() {
    while (more()) {
    }
    return std::exchange(seen_, {});
  }
  /// The peer closed, and sent nothing more.
  [[nodiscard]] bool closed() { return to_end().empty(); }

 private:
  bool more() {
    char bytes[4096];
    const auto count = ::recv(socket_, bytes, sizeof bytes, 0);
    if (count <= 0) return false;
    seen_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }
  int socket_;
  bool connected_ = false;
  std::string seen_;
};

/// A folder that is gone afterwards.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "mitral-net-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

/// A runtime of two loops with one server.
struct Served {
  explicit Served(Handler handler, ServerOptions options = {}, std::shared_ptr<TlsContext> tls = nullptr) : runtime(2) {
    auto made = HttpServer::listen(runtime, "127.0.0.1", 0, std::move(tls), std::move(handler), options);
    if (made) server = std::move(*made);
    runtime.start();
  }
  [[nodiscard]] std::uint16_t port() const { return server->port(); }
  [[nodiscard]] ServerCounters counters() const { return server->counters(); }
  Runtime runtime;
  std::unique_ptr<HttpServer> server;
};

/// Says back what came: "METHOD target body".
inline Task<codec::Response> echo(codec::Request request) {
  co_return codec::Response::with(200, "text/plain",
                                  fmt::format("{} {} {}", codec::name(request.method), request.target, request.body));
}

}  // namespace mitral::net::test
