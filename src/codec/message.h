// Message: an HTTP request and its answer as plain data, shared by every floor above: net/ fills and sends them, flow/,
// web/, gateway/ and sandbox/ read and write them without knowing a socket.
//
// Header names are compared case-insensitively. A request has passed net/'s checks (limits, smuggling, one Host) before
// anyone sees it; its header values hold no CR, LF or NUL.
//
// Thread rules: values; no shared state.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "base/time.h"

namespace mitral::codec {

struct Header {
  std::string name;
  std::string value;
};

/// ASCII case-insensitive equality, for header names and auth scheme names (RFC 9110 §5.1, §11.1).
[[nodiscard]] bool iequals(std::string_view a, std::string_view b) noexcept;

class Headers {
 public:
  /// First value of the name, or nullopt.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept;
  /// How often the name occurs. A field that must be single (Authorization, DPoP) is refused when this is above one.
  [[nodiscard]] std::size_t count(std::string_view name) const noexcept;
  void add(std::string_view name, std::string_view value) { list_.push_back({std::string(name), std::string(value)}); }
  /// Replaces every value of the name.
  void set(std::string_view name, std::string_view value);
  void remove(std::string_view name);
  [[nodiscard]] const std::vector<Header>& list() const noexcept { return list_; }
  void clear() noexcept { list_.clear(); }
  void reserve(std::size_t count) { list_.reserve(count); }

 private:
  std::vector<Header> list_;
};

enum class Method : std::uint8_t { get, head, post, put, patch, del, options, other };
[[nodiscard]] std::string_view name(Method method) noexcept;
/// Exact-case match of the token (RFC 9110 §9.1); anything unknown is Method::other and is answered 405 or 501.
[[nodiscard]] Method parse_method(std::string_view token) noexcept;

/// What the TLS layer, or a pinned proxy, vouches for.
struct PeerCertificate {
  std::string der;  ///< leaf certificate
  bool chain_verified = false;
};

struct Request {
  Method method = Method::get;
  std::string target;      ///< as sent: origin-form, "/path?query"
  std::string_view path;   ///< part of target before '?': still percent-encoded. Views into target.
  std::string_view query;  ///< part after '?', or empty
  Headers headers;
  std::string body;
  std::string peer_address;  ///< address of the client, without port
  bool tls = false;
  std::optional<PeerCertificate> peer_certificate;
  Instant received;

  Request() = default;
  /// path and query view into target: set them again after a copy or move.
  Request(const Request& other) { *this = other; }
  Request(Request&& other) noexcept { *this = std::move(other); }
  Request& operator=(const Request& other);
  Request& operator=(Request&& other) noexcept;
  ~Request() = default;
  /// Sets target and the views into it.
  void set_target(std::string text);
};

/// A body that comes in pieces, for answers that are too large to be held whole.
class BodySource {
 public:
  BodySource() = default;
  BodySource(const BodySource&) = delete;
  BodySource& operator=(const BodySource&) = delete;
  virtual ~BodySource() = default;
  /// The next piece; empty at the end. An error ends the body: the reader must not take what came for the whole.
  /// One call at a time.
  virtual Task<Result<std::string>> next() = 0;
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  std::shared_ptr<BodySource> stream;  ///< when set, the body comes from here and `body` is empty

  /// A response with a body of the given media type.
  [[nodiscard]] static Response with(int status, std::string_view content_type, std::string body);
};

}  // namespace mitral::codec
