// HttpServer: HTTP/1.1 on one address, plain or TLS, every request answered by one handler (RFC 9112; threats
// W-12..W-17).
//
// Every loop of the runtime accepts on its own socket (SO_REUSEPORT) and keeps what it accepted. Requests of a
// connection are handled one after the other; pipelined ones wait in its buffer. The server itself answers what the
// parser refuses (400, 405, 413, 414, 417, 431, 501, 505), a handler that takes too long (503) or throws (500), without
// detail. With `shed` it refuses requests when its loop has more to do than it can (503; ADR 0019).
// Every 429 and 503 has a Retry-After. It adds Date, Content-Length and Connection; those of the handler are dropped,
// and an answer whose headers hold control characters becomes a 500 (W-12).
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
#include "net/busy_answer.h"
#include "net/http_parser.h"
#include "net/load_control.h"
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
  std::size_t buffered_max = limits::kBufferedMax;  ///< bodies under way, both ways; a quarter of it for one address
  bool share_port = false;                          ///< another process may listen there too, and take over
  bool shed = false;                                ///< never for health and metrics
  std::size_t handling_max =
      limits::kHandlingMax;  ///< with `shed`: of one loop, waiting for something, vital ones aside
  /// What a request is worth under load, by its method, target and headers; its path and body are not set yet. Called
  /// for every request: to be cheap. Empty: all are normal.
  std::function<Importance(const codec::Request&)> importance{};
  BusyBody busy{};  ///< of the answer to a refused request; must outlive the server
};

/// Why a request or a handshake was turned away for want of capacity.
enum class Shed : std::uint8_t {
  overload,   ///< LoadControl
  unfair,     ///< LoadControl: this caller asked for more than its share
  brake,      ///< LoadControl: only what is vital
  in_flight,  ///< handling_max requests of the loop are waiting for something
  buffer,     ///< buffered_max is used up
  handshake,  ///< TLS, by LoadControl: closed, for an answer would cost the handshake
};
inline constexpr std::size_t kShedKinds = static_cast<std::size_t>(Shed::handshake) + 1;
[[nodiscard]] std::string_view name(Shed shed) noexcept;

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
  std::uint64_t handler_failed = 0;  ///< exceptions
  std::uint64_t tls_full = 0;        ///< handshakes
  std::uint64_t tls_resumed = 0;     ///< and those that a ticket made short
  std::uint64_t evicted = 0;         ///< closed for another: the server was full and they idle
  std::uint64_t accept_paused = 0;   ///< times that descriptors ran out
  Duration queue_wait{};             ///< of a ready connection for its loop; the longest of all loops
  double shed_share = 0;             ///< part of the requests that is refused; of the busiest loop
  double refusal_cost = 0;           ///< seconds of a loop that a refusal takes; of the loop where it is most
  double service_cost = 0;  ///< the same of a request that is served, measured while there are too many; 0: not known
  std::array<std::uint64_t, kShedKinds> shed{};        ///< by Shed
  std::array<std::uint64_t, kRefusalKinds> refused{};  ///< by Refusal
};

class HttpServer {
 public:
  /// Binds and begins to accept. `address` is an IP address ("127.0.0.1", "::1"); port 0 takes any free one. Without
  /// TLS when `tls` is null. Fails when the address is taken, even by a socket that would share it
  /// (unless share_port says that both mean to).
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> listen(Runtime& runtime, const std::string& address,
                                                                  std::uint16_t port, std::shared_ptr<TlsContext> tls,
                                                                  Handler handler, ServerOptions options = {});
  /// Closes at once whatever is still open.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept;
  /// From now on every answer says "Connection: close"; connections are accepted as before. What a load balancer that
  /// sees a red /readyz needs until it looks elsewhere.
  void announce_drain() noexcept;
  /// Stops accepting once nobody stands before the door, closes idle connections, lets requests in flight finish (each
  /// closes its connection), and cuts what is left after drain_timeout. `done` is called once, on a loop, when no
  /// connection is open any more.
  void drain(std::function<void()> done = {});
  [[nodiscard]] ServerCounters counters() const noexcept;

 private:
  struct Impl;
  explicit HttpServer(std::shared_ptr<Impl> impl) noexcept;
  std::shared_ptr<Impl> impl_;
};

}  // namespace mitral::net
