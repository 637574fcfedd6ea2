// Stream: one connected socket, plain or TLS, read and written without blocking. Private to net/.
//
// Reads and writes say at once what happened; who is told to wait asks the socket to. TLS works on the socket itself,
// so that no bytes are copied through memory buffers.
//
// Thread rules: the loop of the socket.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "net/loop.h"
#include "net/tls_state.h"

namespace mitral::net {

enum class Io : std::uint8_t { done, want_read, want_write, eof, failed };

struct IoResult {
  Io status = Io::failed;
  std::size_t count = 0;
};

class Stream {
 public:
  explicit Stream(Socket socket) noexcept : socket_(std::move(socket)) {}
  Stream(Stream&&) = default;
  Stream& operator=(Stream&&) = delete;

  /// No delay, no blocking. False when the socket is dead already.
  [[nodiscard]] bool prepare() noexcept;
  void use(SslPtr ssl) noexcept { ssl_ = std::move(ssl); }
  [[nodiscard]] bool tls() const noexcept { return ssl_ != nullptr; }
  [[nodiscard]] SSL* ssl() const noexcept { return ssl_.get(); }
  [[nodiscard]] Socket& socket() noexcept { return socket_; }

  [[nodiscard]] IoResult handshake() noexcept;
  /// eof is an orderly end (with TLS: close_notify). A cut TLS connection is a failure.
  [[nodiscard]] IoResult read(std::span<char> into) noexcept;
  /// Writes of `first`, then of `second`; may write less than everything.
  [[nodiscard]] IoResult write(std::string_view first, std::string_view second) noexcept;
  /// Reads and drops what the socket holds, below TLS. `limit` is lowered by what was dropped.
  [[nodiscard]] Io discard(std::size_t& limit) noexcept;
  /// Says that no more will be written.
  void finish_writing() noexcept;
  /// A pooled connection can carry another request: open, and nothing unasked has come.
  [[nodiscard]] bool quiet() noexcept;
  void close() noexcept;
  /// Ends the connection so that the peer can't take what came for everything: a reset, and no close_notify.
  void abort() noexcept;

 private:
  [[nodiscard]] IoResult ssl_result(int outcome) noexcept;
  [[nodiscard]] IoResult read_plain(std::span<char> into) noexcept;

  Socket socket_;
  SslPtr ssl_;
  bool broken_ = false;  // after a fatal TLS error nothing may be sent, not even close_notify
};

}  // namespace mitral::net
