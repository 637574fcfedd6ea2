// HTTP/1.1 parsers: bytes in, one message at a time out (RFC 9110, RFC 9112). No I/O, no clock: see docs/adr/0005.
//
// Strict on purpose: two parsers that read the same bytes differently are how requests are smuggled (threat W-13). What
// is ambiguous is refused, never repaired: Content-Length beside Transfer-Encoding, either of them twice, any transfer
// coding but exactly "chunked", folded lines, a bare CR or LF, space before the colon, control characters in values, a
// missing, doubled or malformed Host. After a refusal the parser takes nothing more: the connection has to be closed.
//
// The outcome depends on the bytes alone, not on how they were split into reads (the fuzz target holds it to that).
//
//   read(socket, parser.room()); parser.commit(n);
//   while (parser.parse() == ParseState::complete) handle(parser.take());
//
// Limits: ParserLimits; defaults are those of base/limits.h. Errors: Refusal, with its status.
// Thread rules: one thread at a time; no shared state.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/limits.h"
#include "codec/message.h"

namespace mitral::net {

struct ParserLimits {
  std::size_t request_line = limits::kRequestLineMax;
  std::size_t header_bytes = limits::kHeaderBytesMax;
  std::size_t header_count = limits::kHeaderCountMax;
  std::size_t body = limits::kFormBytesMax;
};

/// Why a message was refused. The server counts refusals by this.
enum class Refusal : std::uint8_t {
  none,
  start_line,  ///< not "method SP target SP version", a bare CR or LF, a control character
  uri_too_long,
  version,            ///< neither HTTP/1.1 nor HTTP/1.0
  method,             ///< unknown (501), or known and never allowed (TRACE: 405)
  target,             ///< not origin-form, absolute-form of the same authority, or "*" with OPTIONS
  header,             ///< name or value not allowed, bare CR or LF, space before the colon
  folding,            ///< a header line that starts with a space (obs-fold)
  headers_too_large,  ///< bytes or count
  host,               ///< missing, doubled or malformed
  content_length,     ///< doubled (even with equal values), not a number, or beyond any size
  transfer_encoding,  ///< doubled, not exactly "chunked", or in HTTP/1.0
  framing_conflict,   ///< Content-Length beside Transfer-Encoding
  expectation,
  body_too_large,
  chunk,  ///< size, extension or delimiter of a chunk
  trailer,
};
[[nodiscard]] std::string_view name(Refusal refusal) noexcept;
inline constexpr std::size_t kRefusalKinds = static_cast<std::size_t>(Refusal::trailer) + 1;

enum class ParseState : std::uint8_t {
  head,      ///< more bytes needed for the head
  body,      ///< the head is whole, more bytes needed for the body
  complete,  ///< take() the message
  failed,    ///< refusal() says why; nothing more will be parsed
};

/// What requests and responses have in common: the buffer, header lines, framing and bodies.
class MessageParser {
 public:
  virtual ~MessageParser() = default;
  MessageParser(const MessageParser&) = delete;
  MessageParser& operator=(const MessageParser&) = delete;

  /// Where the next read may put bytes: never empty. Valid until the next call of a non-const member.
  [[nodiscard]] std::span<char> room();
  /// `count` bytes were put at the front of room().
  void commit(std::size_t count) noexcept { end_ += count; }
  /// room() and commit() for bytes that lie elsewhere. Does not parse.
  void feed(std::string_view bytes);

  /// Goes as far as the buffered bytes allow.
  ParseState parse();
  [[nodiscard]] ParseState state() const noexcept;
  [[nodiscard]] Refusal refusal() const noexcept { return refusal_; }
  /// No byte of a next message has come.
  [[nodiscard]] bool idle() const noexcept { return stage_ == Stage::start_line && begin_ == end_; }
  /// Bytes that were read and not parsed yet.
  [[nodiscard]] std::size_t buffered() const noexcept { return end_ - begin_; }
  /// Body bytes of the current message so far.
  [[nodiscard]] std::size_t body_received() const noexcept { return body_seen_; }

 protected:
  enum class Stage : std::uint8_t {
    start_line,
    headers,
    fixed_body,
    until_close,
    chunk_size,
    chunk_data,
    chunk_end,
    trailers,
    complete,
    failed
  };
  enum class BodyKind : std::uint8_t { none, framed, until_close, interim };

  MessageParser(ParserLimits limits, bool forgives_blank) : limits_(limits), forgives_blank_(forgives_blank) {}

  virtual bool start_line(std::string_view line) = 0;  ///< without CRLF; false after refuse()
  virtual bool head_complete(BodyKind& kind) = 0;      ///< checks the whole head; says how a body is delimited
  virtual codec::Headers& headers() noexcept = 0;
  virtual std::string& body() noexcept = 0;

  bool refuse(Refusal refusal) noexcept;
  void reset_message() noexcept;

  ParserLimits limits_;
  bool forgives_blank_;  // one empty line before the start line
  Stage stage_ = Stage::start_line;
  Refusal refusal_ = Refusal::none;
  bool http10_ = false;
  bool close_ = false;  // "Connection: close"
  bool expect_continue_ = false;
  bool expect_other_ = false;
  bool skipped_blank_ = false;
  bool chunked_ = false;
  std::uint8_t hosts_ = 0;
  std::uint8_t content_lengths_ = 0;
  std::uint8_t transfer_encodings_ = 0;
  std::uint64_t content_length_ = 0;
  std::size_t host_index_ = 0;  // of the Host header in headers()

 private:
  enum class Line : std::uint8_t { none, some, failed };
  Line next_line(std::size_t limit, Refusal too_long, Refusal malformed, std::string_view& line);
  bool header_line(std::string_view line);
  bool note_framing(std::string_view name, std::string_view value, std::size_t index);
  bool end_of_head();
  bool step();
  bool step_start_line();
  bool step_headers();
  bool step_fixed_body();
  bool step_chunk_size();
  bool step_chunk_data();
  bool step_chunk_end();
  bool step_trailers();

  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;    // first byte not parsed
  std::size_t end_ = 0;      // one past the last byte read
  std::size_t scanned_ = 0;  // bytes after begin_ known to hold no LF
  std::size_t head_bytes_ = 0;
  std::size_t head_lines_ = 0;
  std::size_t trailer_bytes_ = 0;
  std::size_t extension_bytes_ = 0;
  std::size_t body_seen_ = 0;
  std::uint64_t remaining_ = 0;  // of the body, or of the current chunk
};

class RequestParser final : public MessageParser {
 public:
  explicit RequestParser(ParserLimits limits = {}) : MessageParser(limits, true) {}

  /// The message, when state() is complete; the parser goes on with the bytes after it. Fills method, target, headers
  /// and body only. An absolute-form target has become origin-form; its authority equals Host.
  [[nodiscard]] codec::Request take();
  /// The message whose head is whole, before it is taken. Its path and query are not set.
  [[nodiscard]] const codec::Request& head() const noexcept { return request_; }
  /// take() of a complete message that nobody wants.
  void drop() noexcept;
  /// For the message that is being parsed or complete: the connection may carry another one after it.
  [[nodiscard]] bool keep_alive() const noexcept { return !http10_ && !close_; }
  /// The message speaks HTTP/1.0: its answer can't be chunked (RFC 9112 §6.1).
  [[nodiscard]] bool http10() const noexcept { return http10_; }
  /// The head is whole, asks for 100 (Continue), and no byte of the body has come yet.
  [[nodiscard]] bool wants_continue() const noexcept;
  /// Method of the current message once its head is whole: what an error answer has to know about HEAD.
  [[nodiscard]] codec::Method method() const noexcept { return request_.method; }
  /// Status that answers refusal(): 400, 405, 413, 414, 417, 431, 501 or 505.
  [[nodiscard]] int status() const noexcept;

 private:
  bool start_line(std::string_view line) override;
  bool head_complete(BodyKind& kind) override;
  codec::Headers& headers() noexcept override { return request_.headers; }
  std::string& body() noexcept override { return request_.body; }
  bool take_target(std::string_view target);

  codec::Request request_;
  std::string authority_;  // of an absolute-form target
  bool trace_ = false;
};

class ResponseParser final : public MessageParser {
 public:
  explicit ResponseParser(ParserLimits limits = {}) : MessageParser(limits, false) {}

  /// Before each response: whether it answers HEAD, and so has no body whatever its headers say.
  void expect(bool head_request) noexcept { head_request_ = head_request; }
  /// Interim (1xx) answers are skipped, up to a limit.
  [[nodiscard]] codec::Response take();
  /// While state() is body: status and headers, so that the body can be taken in pieces. take() then gives the rest.
  [[nodiscard]] codec::Response take_head();
  /// The body bytes that have come since the last piece.
  [[nodiscard]] std::string take_piece() { return std::exchange(response_.body, {}); }
  [[nodiscard]] std::size_t pending() const noexcept { return response_.body.size(); }
  /// What the head says about the body's length; nullopt: nothing.
  [[nodiscard]] std::optional<std::uint64_t> announced() const noexcept {
    return content_lengths_ > 0 ? std::optional(content_length_) : std::nullopt;
  }
  /// The connection of the response last taken may carry another one.
  [[nodiscard]] bool reusable() const noexcept { return reusable_; }
  /// The peer closed its side. True when that completes a body that only the end of the connection delimits.
  bool end_of_stream() noexcept;

 private:
  bool start_line(std::string_view line) override;
  bool head_complete(BodyKind& kind) override;
  codec::Headers& headers() noexcept override { return response_.headers; }
  std::string& body() noexcept override { return response_.body; }

  codec::Response response_;
  bool head_request_ = false;
  bool until_close_ = false;
  bool reusable_ = false;
  std::uint8_t interim_ = 0;
};

}  // namespace mitral::net
