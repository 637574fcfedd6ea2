#include "net/stream.h"

#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <limits>

namespace mitral::net {
namespace {

bool would_block(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

int int_size(std::size_t size) noexcept {
  return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
}

}  // namespace

bool Stream::prepare() noexcept {
  boost::system::error_code error;
  socket_.set_option(Tcp::no_delay(true), error);
  if (error) return false;
  socket_.native_non_blocking(true, error);
  return !error;
}

IoResult Stream::ssl_result(int outcome) noexcept {
  if (outcome > 0) return {Io::done, static_cast<std::size_t>(outcome)};
  switch (SSL_get_error(ssl_.get(), outcome)) {
    case SSL_ERROR_WANT_READ: return {Io::want_read, 0};
    case SSL_ERROR_WANT_WRITE: return {Io::want_write, 0};
    case SSL_ERROR_ZERO_RETURN: return {Io::eof, 0};
    default: break;
  }
  broken_ = true;
  return {Io::failed, 0};
}

IoResult Stream::handshake() noexcept {
  if (!ssl_) return {Io::done, 0};
  ERR_clear_error();
  return ssl_result(SSL_do_handshake(ssl_.get()));
}

IoResult Stream::read_plain(std::span<char> into) noexcept {
  const auto count = ::recv(socket_.native_handle(), into.data(), into.size(), 0);
  if (count > 0) return {Io::done, static_cast<std::size_t>(count)};
  if (count == 0) return {Io::eof, 0};
  return {would_block(errno) ? Io::want_read : Io::failed, 0};
}

IoResult Stream::read(std::span<char> into) noexcept {
  if (!ssl_) return read_plain(into);
  ERR_clear_error();
  return ssl_result(SSL_read(ssl_.get(), into.data(), int_size(into.size())));
}

IoResult Stream::write(std::string_view first, std::string_view second) noexcept {
  if (ssl_) {
    const auto part = first.empty() ? second : first;
    if (part.empty()) return {Io::done, 0};
    ERR_clear_error();
    return ssl_result(SSL_write(ssl_.get(), part.data(), int_size(part.size())));
  }
  std::array<iovec, 2> parts{};
  parts[0] = {const_cast<char*>(first.data()), first.size()};    // NOLINT: sendmsg does not write
  parts[1] = {const_cast<char*>(second.data()), second.size()};  // NOLINT
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = second.empty() ? 1 : 2;
  const auto count = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL);
  if (count >= 0) return {Io::done, static_cast<std::size_t>(count)};
  return {would_block(errno) ? Io::want_write : Io::failed, 0};
}

Io Stream::discard(std::size_t& limit) noexcept {
  std::array<char, 4096> dropped;
  while (true) {
    const auto result = read_plain(dropped);
    if (result.status != Io::done) return result.status;
    if (result.count >= limit) return Io::failed;
    limit -= result.count;
  }
}

void Stream::finish_writing() noexcept {
  if (ssl_ && !broken_) {
    ERR_clear_error();
    (void)SSL_shutdown(ssl_.get());
  }
  boost::system::error_code ignored;
  socket_.shutdown(Tcp::socket::shutdown_send, ignored);
}

bool Stream::quiet() noexcept {
  if (ssl_ && SSL_pending(ssl_.get()) > 0) return false;
  char byte = 0;
  const auto count = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count < 0 && would_block(errno);
}

void Stream::abort() noexcept {
  broken_ = true;
  boost::system::error_code ignored;
  socket_.set_option(Tcp::socket::linger(true, 0), ignored);
  socket_.close(ignored);
}

void Stream::close() noexcept {
  if (ssl_ && !broken_ && SSL_is_init_finished(ssl_.get()) == 1) {
    ERR_clear_error();
    (void)SSL_shutdown(ssl_.get());  // close_notify, if it fits into the socket's buffer
  }
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace mitral::net
