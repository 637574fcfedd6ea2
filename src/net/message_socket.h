// MessageSocket: sends messages to a collector from a thread of its own, waiting for each; for shipping audit records
// by syslog.
//
//   unix   a datagram for each message to a local socket (/dev/log), or one after the other where it is a stream
//   udp    a datagram for each message, loopback addresses only: nothing protects it on a network
//   tls    RFC 5425: a stream of messages that the caller has framed, to a peer that proves its name; certificate and
//          key when it wants to know who sends
//
// A message that was handed over may still be lost with its peer: syslog acknowledges nothing.
//
// Limits: every call ends within its timeout. Errors: config_invalid, timeout, unavailable; after one the socket is
// closed. Thread rules: one thread, never an event loop's.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace mitral::net {

struct MessageTarget {
  enum class Kind : std::uint8_t { unix_socket, udp, tls };
  Kind kind = Kind::unix_socket;
  std::string path;  ///< of a unix socket
  std::string host;
  std::uint16_t port = 0;
};
/// "unix:/dev/log", "udp://127.0.0.1:514", "tls://logs.example:6514". config_invalid for anything else.
[[nodiscard]] Result<MessageTarget> parse_message_target(std::string_view text);

class MessageSocket {
 public:
  struct Options {
    MessageTarget target;
    std::string ca_file, certificate_file, key_file;  ///< PEM, for tls
    Duration timeout{};
  };
  [[nodiscard]] static Result<MessageSocket> connect(const Options& options);
  ~MessageSocket();
  MessageSocket(MessageSocket&&) noexcept;
  MessageSocket& operator=(MessageSocket&&) noexcept;

  /// Messages go one after the other, so that each must be framed before.
  [[nodiscard]] bool stream() const noexcept;
  [[nodiscard]] Result<void> send(std::string_view message);

 private:
  struct Impl;
  explicit MessageSocket(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mitral::net
