// HttpClient: outbound HTTP/1.1 requests, plain or TLS, with pooled connections (RFC 9112; threats W-1, W-2, W-23).
//
// open() answers as soon as the head is there: a body that is not known to be small comes as Response::stream, read
// only as fast as somebody asks for it. The time for such a body is bounded between its bytes (idle_timeout), not in
// all. Its connection goes back to the pool after a clean end, and is closed when the source is dropped before.
//
// One send(), one answer: no redirects, no cookies, no proxies, no decompression. TLS always verifies chain, name and
// purpose. By default only addresses of the public internet may be connected to (net/ssrf_guard.h), and only by https.
// The response parser is as strict as the server's. An error never holds bytes of the peer's answer.
//
// A request is sent again at most once, and only when a pooled connection turned out to be closed before any byte of
// the answer came, and the method is safe to repeat (RFC 9110 §9.2.2).
//
// Connections are pooled by loop, origin, address rule and TLS settings, so that a guarded request never rides on a
// connection that an unguarded one opened.
//
// Errors: timeout, unavailable (no connection), too_large, malformed (answer refused), forbidden (guard).
// Thread rules: send() from a coroutine on any thread; off the runtime's loops the work is done on loop 0.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/limits.h"
#include "base/result.h"
#include "base/task.h"
#include "codec/message.h"
#include "net/runtime.h"
#include "net/ssrf_guard.h"

namespace mitral::net {

/// An http or https URL, taken apart. Strict: no user information, no fragment, no control characters or spaces.
struct Url {
  bool tls = true;
  std::string host;  ///< lower case; an IPv6 literal without its brackets
  std::uint16_t port = 443;
  std::string target = "/";  ///< origin-form: path and query

  /// Host header: brackets where needed, port unless it is the scheme's own.
  [[nodiscard]] std::string authority() const;
};
[[nodiscard]] Result<Url> parse_url(std::string_view text);

struct ClientOptions {
  Duration connect_timeout = limits::kConnectTimeout;  ///< name, TCP and TLS
  Duration total_timeout = limits::kClientTimeout;     ///< everything; of open(): until the head is there
  Duration idle_timeout = limits::kBodyTimeout;        ///< of a body that streams: between its bytes
  std::size_t max_body = limits::kClientBodyMax;       ///< of the answer, streamed or not
  AddressRule addresses = AddressRule::public_only;
  bool allow_plain_http = false;  ///< http: URLs are refused unless this is set
  std::string extra_ca_file;      ///< PEM bundle trusted beside the system's
  std::string certificate_file;   ///< client certificate and key (PEM), for upstreams with mTLS
  std::string key_file;
};

class HttpClient {
 public:
  /// The runtime must outlive the client, and run for send() to get anywhere.
  explicit HttpClient(Runtime& runtime);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Sends method, headers and body of the request to the URL (request.target is not used). Host, Content-Length,
  /// Transfer-Encoding, Connection and Expect of the request are dropped and set anew. An answer of any status is a
  /// success.
  [[nodiscard]] Task<Result<codec::Response>> send(Url url, codec::Request request, ClientOptions options = {});
  /// The same, but returns with the head. A body longer than kStreamThreshold, or of unknown length, is a stream. It
  /// may be read and dropped on any thread while the runtime lives.
  [[nodiscard]] Task<Result<codec::Response>> open(Url url, codec::Request request, ClientOptions options = {});
  /// GET with an Accept header.
  [[nodiscard]] Task<Result<codec::Response>> get(Url url, std::string accept, ClientOptions options = {});

 private:
  struct Impl;
  static Task<Result<codec::Response>> start(std::shared_ptr<Impl> impl, Url url, codec::Request request,
                                             ClientOptions options, bool streaming);
  std::shared_ptr<Impl> impl_;
};

}  // namespace mitral::net
