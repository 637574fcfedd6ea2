#include "net/message_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "codec/ip.h"
#include "codec/text.h"
#include "net/tls_state.h"

namespace mitral::net {
namespace {

using Kind = MessageTarget::Kind;
using Deadline = std::chrono::steady_clock::time_point;

constexpr auto kLinger = std::chrono::seconds(1);  // at most so long the end of a connection waits for the collector

std::unexpected<Error> failed(std::string_view what) {
  return fail(ErrorCode::unavailable, {}, fmt::format("{}: {}", what, std::strerror(errno)));
}

/// Waits until the socket can do it, or the time is over.
Result<void> wait_for(int socket, short events, Deadline deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return fail(ErrorCode::timeout, {}, "the collector did not answer in time");
    pollfd entry{socket, events, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(left.count()));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return failed("poll");
  }
}

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) noexcept : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
};

Result<void> finish_connect(int socket, int outcome, Deadline deadline) {
  if (outcome == 0) return {};
  if (errno != EINPROGRESS && errno != EAGAIN) return failed("connect");
  MITRAL_CHECK(wait_for(socket, POLLOUT, deadline));
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return failed("connect");
  if (error == 0) return {};
  errno = error;
  return failed("connect");
}

Result<Descriptor> connect_unix(const std::string& path, int type, Deadline deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
  Descriptor socket(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.get() < 0) return failed("socket");
  const int outcome = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);  // NOLINT
  MITRAL_CHECK(finish_connect(socket.get(), outcome, deadline));
  return socket;
}

Result<Descriptor> connect_host(const std::string& host, std::uint16_t port, int type, Deadline deadline) {
  addrinfo hints{};
  hints.ai_socktype = type;
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); code != 0)
    return fail(ErrorCode::unavailable, {}, fmt::format("name resolution: {}", ::gai_strerror(code)));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  Result<Descriptor> out = fail(ErrorCode::unavailable, {}, "the collector has no address");
  for (const addrinfo* one = found; one != nullptr && !out; one = one->ai_next) {
    Descriptor socket(::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, one->ai_protocol));
    if (socket.get() < 0) {
      out = failed("socket");
      continue;
    }
    const int outcome = ::connect(socket.get(), one->ai_addr, one->ai_addrlen);
    if (auto connected = finish_connect(socket.get(), outcome, deadline); !connected) {
      out = std::unexpected(connected.error());
    } else {
      out = std::move(socket);
    }
  }
  return out;
}

}  // namespace

Result<MessageTarget> parse_message_target(std::string_view text) {
  const auto bad = [] {
    return fail(ErrorCode::config_invalid, {},
                "must be unix:/path, tls://host:port, or udp://host:port with a loopback address");
  };
  MessageTarget out;
  if (text.starts_with("unix:/")) {
    out.path = std::string(text.substr(5));
    if (out.path.size() >= sizeof(sockaddr_un::sun_path)) return bad();
    return out;
  }
  const bool udp = text.starts_with("udp://");
  if (!udp && !text.starts_with("tls://")) return bad();
  out.kind = udp ? Kind::udp : Kind::tls;
  text.remove_prefix(6);
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return bad();
  const auto port = codec::parse_uint(text.substr(colon + 1));
  std::string_view host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (!port || *port == 0 || *port > 65535 || host.find_first_of("/@ ?#[]") != std::string_view::npos) return bad();
  // Names can lead anywhere: only an address itself shows that it is this machine.
  const auto address = codec::parse_ip(host);
  if (udp && (!address || !codec::is_loopback(*address))) return bad();
  out.host = std::string(host);
  out.port = static_cast<std::uint16_t>(*port);
  return out;
}

struct MessageSocket::Impl {
  Options options;
  Descriptor socket;
  SslCtxPtr context;
  SslPtr ssl;
  bool stream = false;

  [[nodiscard]] Deadline deadline() const { return std::chrono::steady_clock::now() + options.timeout; }

  Result<void> connect() {
    const auto end = deadline();
    const auto& target = options.target;
    switch (target.kind) {
      case Kind::unix_socket: {
        auto datagrams = connect_unix(target.path, SOCK_DGRAM, end);
        if (!datagrams) {
          stream = true;
          datagrams = connect_unix(target.path, SOCK_STREAM, end);
        }
        MITRAL_TRY(socket, std::move(datagrams));
        return {};
      }
      case Kind::udp: {
        MITRAL_TRY(socket, connect_host(target.host, target.port, SOCK_DGRAM, end));
        return {};
      }
      case Kind::tls: break;
    }
    stream = true;
    MITRAL_TRY(context, make_client_context(options.ca_file, options.certificate_file, options.key_file));
    MITRAL_TRY(socket, connect_host(target.host, target.port, SOCK_STREAM, end));
    ssl = connect_ssl(context.get(), socket.get(), target.host);
    if (!ssl) return fail(ErrorCode::unavailable, {}, "TLS can't be set up");
    for (;;) {
      const int outcome = SSL_do_handshake(ssl.get());
      if (outcome == 1) return {};
      MITRAL_CHECK(tls_wait(outcome, end));
    }
  }

  ~Impl() {
    if (ssl && SSL_is_init_finished(ssl.get())) end();
  }
  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  /// What was sent arrives before the socket goes. TLS's own messages (tickets) may lie in it unread, and to close it
  /// then resets the connection: the collector would lose what it has not read yet (RFC 1122 §4.2.2.13).
  void end() noexcept {
    const auto until = std::chrono::steady_clock::now() + std::min<Duration>(options.timeout, kLinger);
    for (int told = SSL_shutdown(ssl.get()); told < 0; told = SSL_shutdown(ssl.get())) {
      if (!tls_wait(told, until)) return;
    }
    ::shutdown(socket.get(), SHUT_WR);
    std::array<char, 512> unread;
    for (;;) {
      const auto size = ::recv(socket.get(), unread.data(), unread.size(), 0);
      if (size == 0 || (size < 0 && errno != EINTR && errno != EAGAIN)) return;
      if (size < 0 && errno == EAGAIN && !wait_for(socket.get(), POLLIN, until)) return;
      if (std::chrono::steady_clock::now() >= until) return;
    }
  }

  /// What TLS waits for, or what is wrong with it.
  Result<void> tls_wait(int outcome, Deadline end) const {
    switch (SSL_get_error(ssl.get(), outcome)) {
      case SSL_ERROR_WANT_READ: return wait_for(socket.get(), POLLIN, end);
      case SSL_ERROR_WANT_WRITE: return wait_for(socket.get(), POLLOUT, end);
      default: return fail(ErrorCode::unavailable, {}, "TLS to the collector: " + tls_error_text());
    }
  }

  /// A collector says nothing, but TLS does: without reading, its alert (a refused certificate) or its end would stay
  /// unnoticed, and messages would go nowhere.
  Result<void> still_there() const {
    char byte = 0;
    const int outcome = SSL_read(ssl.get(), &byte, 1);
    if (outcome > 0) return {};
    const int error = SSL_get_error(ssl.get(), outcome);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return {};
    return fail(ErrorCode::unavailable, {}, "the collector ended the connection: " + tls_error_text());
  }

  Result<void> send(std::string_view message) {
    const auto end = deadline();
    if (ssl) MITRAL_CHECK(still_there());
    while (!message.empty()) {
      if (ssl) {
        const int sent = SSL_write(ssl.get(), message.data(), static_cast<int>(message.size()));
        if (sent > 0) {
          message.remove_prefix(static_cast<std::size_t>(sent));
        } else {
          MITRAL_CHECK(tls_wait(sent, end));
        }
        continue;
      }
      const auto sent = ::send(socket.get(), message.data(), message.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        if (!stream) return {};
        message.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN || errno == ENOBUFS) {
        MITRAL_CHECK(wait_for(socket.get(), POLLOUT, end));
      } else if (errno != EINTR) {
        return failed("send");
      }
    }
    return {};
  }
};

MessageSocket::MessageSocket(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
MessageSocket::MessageSocket(MessageSocket&&) noexcept = default;
MessageSocket& MessageSocket::operator=(MessageSocket&&) noexcept = default;
MessageSocket::~MessageSocket() = default;

Result<MessageSocket> MessageSocket::connect(const Options& options) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  MITRAL_CHECK(impl->connect());
  return MessageSocket(std::move(impl));
}

bool MessageSocket::stream() const noexcept { return impl_->stream; }
Result<void> MessageSocket::send(std::string_view message) { return impl_->send(message); }

}  // namespace mitral::net
