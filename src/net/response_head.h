// Response head: the bytes before the body of an answer (RFC 9112 §4, RFC 9110 §8.6).
//
// Date, Content-Length and Connection are written here; a handler's own are dropped, as is anything about transfer
// coding. A header that could split the answer (threat W-12) makes the whole head fail.
//
// Thread rules: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "codec/message.h"

namespace mitral::net {

[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

enum class Framing : std::uint8_t {
  length,   ///< of Response::body
  chunked,  ///< of Response::stream, to HTTP/1.1
  close,    ///< the same, to HTTP/1.0: the connection's end is the body's
};

struct HeadFacts {
  bool head_request = false;  ///< the answer to HEAD: a length if it is known, but no body
  bool close = false;
  std::string_view date;
  Framing framing = Framing::length;
};

/// Appends the head; false, with `out` as it was, when status or a header can't be sent.
[[nodiscard]] bool append_response_head(std::string& out, const codec::Response& response, const HeadFacts& facts);

/// Whether an answer of this status has a body at all (RFC 9110 §6.4.1).
[[nodiscard]] constexpr bool status_has_body(int status) noexcept {
  return status >= 200 && status != 204 && status != 304;
}

/// "name: value" and CRLF for each header but those that net/ sets itself; false when one can't be sent.
[[nodiscard]] bool append_fields(std::string& out, const codec::Headers& headers, bool request);

}  // namespace mitral::net
