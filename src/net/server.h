// HttpServer: HTTP/1.1 on one address, plain or TLS, every request answered by one handler (RFC 9112; threats
// W-12..W-17).
//
// Every loop of the runtime accepts on its own socket (SO_REUSEPORT) and keeps what it accepted. Requests of a
// connection are handled one after the other; pipelined ones wait in its buffer. The server itself answers what the
// parser refuses (400, 405, 413, 414, 417, 431, 501, 505), a handler that takes too long (503) or throws (500), without
// detail. It adds Date, Content-Length and Connection; those of the handler are dropped, and an answer whose headers
// hold control characters becomes a 500 (W-12).
//
// The handler gets a request by value and may keep it as long as its Task lives. It is called on the loop of the
// connection, and must not block it. A handler that is overtaken by the request deadline runs to its end unheard.
//
// Limits: ServerOptions, base/limits.h. Thread rules: listen() and the destructor on the owner's thread, before
// Runtime::start() and after its loops ended, or while they run; everything else from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/limits.h"
#include "base/result.h"
#include "base/task.h"
#include "codec/message.h"
#include "net/http_parser.h"
#include "net/runtime.h"

namespace mitral::net {

class TlsContext;

using Handler = std::function<Task<codec::Response>(codec::Request)>;

struct ServerOptions {
  std::size_t max_body = limits::kFormBytesMax;
  Duration header_timeout = limits::kHeaderTimeout;  ///< TLS handshake included
  Duration body_timeout = limits::kBodyTimeout;      ///< plus the time that kMinimumRate grants for what came
  Duration keep_alive_timeout = limits::kKeepAliveTimeout;
  Duration request_timeout = limits::kRequestTimeout;  ///< for the handler: then 503
  Duration write_timeout = limits::kWriteTimeout;      ///< plus the time that kMinimumRate grants for what went
  Duration drain_timeout = limits::kDrainTimeout;
  std::size_t connections_max = limits::kConnectionsMax;
  std::size_t connections_per_address_max = limits::kConnectionsPerAddressMax;
};

/// Sums over all loops at one moment; each number is monotonic but active and handling.
struct ServerCounters {
  std::uint64_t accepted = 0;
  std::uint64_t active = 0;           ///< open connections
  std::uint64_t handling = 0;         ///< requests whose handler has not finished
  std::uint64_t requests = 0;         ///< handed to the handler
  std::uint64_t refused_full = 0;     ///< connections over connections_max
  std::uint64_t refused_address = 0;  ///< connections over connections_per_address_max
  std::uint64_t tls_failed = 0;       ///< handshakes
  std::uint64_t timed_out_read = 0;   ///< head or body too slow
  std::uint64_t timed_out_write = 0;  ///< reader too slow
  std::uint64_t timed_out_handler = 0;
  std::uint64_t handler_failed = 0;                    ///< exceptions
  std::array<std::uint64_t, kRefusalKinds> refused{};  ///< by Refusal
};

class HttpServer {
 public:
  /// Binds and begins to accept. `address` is an IP address ("127.0.0.1", "::1"); port 0 takes any free one. Without
  /// TLS when `tls` is null. Fails when the address is taken, even by a socket that would share it.
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> listen(Runtime& runtime, const std::string& address,
                                                                  std::uint16_t port, std::shared_ptr<TlsContext> tls,
                                                                  Handler handler, ServerOptions options = {});
  /// Closes at once whatever is still open.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept;
  /// Stops accepting, closes idle connections, lets requests in flight finish (each closes its connection), and cuts
  /// what is left after drain_timeout. `done` is called once, on a loop, when no connection is open any more.
  void drain(std::function<void()> done = {});
  [[nodiscard]] ServerCounters counters() const noexcept;

 private:
  struct Impl;
  explicit HttpServer(std::shared_ptr<Impl> impl) noexcept;
  std::shared_ptr<Impl> impl_;
};

}  // namespace mitral::net
