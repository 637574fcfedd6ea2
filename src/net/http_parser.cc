#include "net/http_parser.h"

#include <algorithm>
#include <cstring>

#include "net/http_chars.h"

namespace mitral::net {
namespace {

constexpr std::size_t kBufferFirst = 4 * 1024;
constexpr std::size_t kBufferBody = 64 * 1024;  // while a large body comes
constexpr std::size_t kBufferKeep = 16 * 1024;  // an idle connection keeps no more
constexpr std::size_t kRoomMin = 1024;
constexpr std::size_t kChunkDigitsMax = 16;
constexpr std::size_t kChunkSignificantMax = 8;  // 4 GiB: far over every body limit

}  // namespace

std::string_view name(Refusal refusal) noexcept {
  switch (refusal) {
    case Refusal::none: return "none";
    case Refusal::start_line: return "start_line";
    case Refusal::uri_too_long: return "uri_too_long";
    case Refusal::version: return "version";
    case Refusal::method: return "method";
    case Refusal::target: return "target";
    case Refusal::header: return "header";
    case Refusal::folding: return "folding";
    case Refusal::headers_too_large: return "headers_too_large";
    case Refusal::host: return "host";
    case Refusal::content_length: return "content_length";
    case Refusal::transfer_encoding: return "transfer_encoding";
    case Refusal::framing_conflict: return "framing_conflict";
    case Refusal::expectation: return "expectation";
    case Refusal::body_too_large: return "body_too_large";
    case Refusal::chunk: return "chunk";
    case Refusal::trailer: return "trailer";
  }
  return "none";
}

// ---- buffer

std::span<char> MessageParser::room() {
  if (begin_ == end_) begin_ = end_ = 0;
  std::size_t wanted = std::max(capacity_, kBufferFirst);
  if (stage_ == Stage::fixed_body && remaining_ > kBufferBody) wanted = std::max(wanted, kBufferBody);
  if (stage_ == Stage::chunk_data && remaining_ > kBufferFirst) wanted = std::max(wanted, kBufferBody);
  if (capacity_ - end_ < kRoomMin && begin_ > 0 && capacity_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (capacity_ >= kRoomMin && capacity_ - end_ < kRoomMin) wanted = std::max(wanted, capacity_ * 2);
  if (wanted > capacity_) {
    auto larger = std::make_unique_for_overwrite<char[]>(wanted);
    if (end_ > begin_) std::memcpy(larger.get(), buffer_.get() + begin_, end_ - begin_);
    buffer_ = std::move(larger);
    end_ -= begin_;
    begin_ = 0;
    capacity_ = wanted;
  }
  return {buffer_.get() + end_, capacity_ - end_};
}

void MessageParser::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto free = room();
    const auto count = std::min(free.size(), bytes.size());
    std::memcpy(free.data(), bytes.data(), count);
    commit(count);
    bytes.remove_prefix(count);
  }
}

void MessageParser::reset_message() noexcept {
  stage_ = Stage::start_line;
  refusal_ = Refusal::none;
  http10_ = close_ = expect_continue_ = expect_other_ = skipped_blank_ = chunked_ = false;
  hosts_ = content_lengths_ = transfer_encodings_ = 0;
  content_length_ = remaining_ = 0;
  host_index_ = scanned_ = head_bytes_ = head_lines_ = trailer_bytes_ = extension_bytes_ = body_seen_ = 0;
  if (begin_ == end_ && capacity_ > kBufferKeep) {
    buffer_.reset();
    capacity_ = begin_ = end_ = 0;
  }
}

bool MessageParser::refuse(Refusal refusal) noexcept {
  refusal_ = refusal;
  stage_ = Stage::failed;
  return false;
}

ParseState MessageParser::state() const noexcept {
  switch (stage_) {
    case Stage::start_line:
    case Stage::headers: return ParseState::head;
    case Stage::complete: return ParseState::complete;
    case Stage::failed: return ParseState::failed;
    default: return ParseState::body;
  }
}

ParseState MessageParser::parse() {
  while (step()) {
  }
  return state();
}

// One unit of work; false when nothing more can be done with the bytes at hand.
bool MessageParser::step() {
  switch (stage_) {
    case Stage::start_line: return step_start_line();
    case Stage::headers: return step_headers();
    case Stage::fixed_body:
    case Stage::until_close: return step_fixed_body();
    case Stage::chunk_size: return step_chunk_size();
    case Stage::chunk_data: return step_chunk_data();
    case Stage::chunk_end: return step_chunk_end();
    case Stage::trailers: return step_trailers();
    case Stage::complete:
    case Stage::failed: break;
  }
  return false;
}

// ---- lines

// A line may hold `limit` bytes before its CRLF. Too long is told from the count of bytes alone, before anything of the
// line is looked at, so that the answer does not depend on how the bytes arrived.
MessageParser::Line MessageParser::next_line(std::size_t limit, Refusal too_long, Refusal malformed,
                                             std::string_view& line) {
  const char* const data = buffer_.get() + begin_;
  const std::size_t available = end_ - begin_;
  if (available == 0) return Line::none;
  const auto* const lf = static_cast<const char*>(std::memchr(data + scanned_, '\n', available - scanned_));
  const std::size_t length = lf == nullptr ? available : static_cast<std::size_t>(lf - data);
  if (length > limit + 1) {
    refuse(too_long);
    return Line::failed;
  }
  if (lf == nullptr) {
    scanned_ = available;
    return Line::none;
  }
  scanned_ = 0;
  begin_ += length + 1;
  if (length == 0 || data[length - 1] != '\r') {  // a bare LF (RFC 9112 §2.2 leaves it to us; W-13 says no)
    refuse(malformed);
    return Line::failed;
  }
  line = {data, length - 1};
  return Line::some;
}

bool MessageParser::step_start_line() {
  std::string_view line;
  if (next_line(limits_.request_line, Refusal::uri_too_long, Refusal::start_line, line) != Line::some) return false;
  if (line.empty()) {  // RFC 9112 §2.2: one empty line before a request is forgiven
    if (skipped_blank_ || !forgives_blank_) return refuse(Refusal::start_line);
    skipped_blank_ = true;
    return true;
  }
  if (!start_line(line)) return false;
  stage_ = Stage::headers;
  headers().reserve(12);
  return true;
}

bool MessageParser::step_headers() {
  if (head_bytes_ + 2 > limits_.header_bytes) return refuse(Refusal::headers_too_large);
  std::string_view line;
  const auto limit = limits_.header_bytes - head_bytes_ - 2;
  if (next_line(limit, Refusal::headers_too_large, Refusal::header, line) != Line::some) return false;
  head_bytes_ += line.size() + 2;
  if (line.empty()) return end_of_head();
  if (++head_lines_ > limits_.header_count) return refuse(Refusal::headers_too_large);
  return header_line(line);
}

namespace {

struct Field {
  std::string_view name;
  std::string_view value;
};

// RFC 9112 §5: no space before the colon, no folding; the value without its surrounding white space.
Refusal split_field(std::string_view line, Field& field) noexcept {
  if (line.front() == ' ' || line.front() == '\t') return Refusal::folding;
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return Refusal::header;
  field.name = line.substr(0, colon);
  field.value = chars::trim(line.substr(colon + 1));
  if (!chars::is_token(field.name) || !chars::is_field_value(field.value)) return Refusal::header;
  return Refusal::none;
}

// The value as a number; nothing but digits, and few enough of them not to overflow.
bool parse_length(std::string_view value, std::uint64_t& out) noexcept {
  if (value.empty() || value.size() > 18) return false;
  out = 0;
  for (const char c : value) {
    if (!chars::is_digit(c)) return false;
    out = out * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return true;
}

bool list_has(std::string_view list, std::string_view token) noexcept {
  while (!list.empty()) {
    const auto comma = list.find(',');
    if (codec::iequals(chars::trim(list.substr(0, comma)), token)) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace

bool MessageParser::header_line(std::string_view line) {
  Field field;
  if (const auto refusal = split_field(line, field); refusal != Refusal::none) return refuse(refusal);
  if (!note_framing(field.name, field.value, headers().list().size())) return false;
  headers().add(field.name, field.value);
  return true;
}

// The few headers that this layer lives by.
bool MessageParser::note_framing(std::string_view name, std::string_view value, std::size_t index) {
  switch (name.size()) {
    case 4:
      if (codec::iequals(name, "host")) {
        if (++hosts_ > 1) return refuse(Refusal::host);
        host_index_ = index;
      }
      break;
    case 6:
      if (codec::iequals(name, "expect")) {
        if (codec::iequals(value, "100-continue")) {
          expect_continue_ = true;
        } else {
          expect_other_ = true;
        }
      }
      break;
    case 10:
      if (codec::iequals(name, "connection") && list_has(value, "close")) close_ = true;
      break;
    case 14:
      if (codec::iequals(name, "content-length")) {
        if (++content_lengths_ > 1 || !parse_length(value, content_length_)) return refuse(Refusal::content_length);
      }
      break;
    case 17:
      if (codec::iequals(name, "transfer-encoding")) {
        if (++transfer_encodings_ > 1 || !codec::iequals(value, "chunked")) return refuse(Refusal::transfer_encoding);
        chunked_ = true;
      }
      break;
    default: break;
  }
  return true;
}

// ---- bodies

bool MessageParser::end_of_head() {
  if (chunked_ && content_lengths_ > 0) return refuse(Refusal::framing_conflict);
  if (chunked_ && http10_) return refuse(Refusal::transfer_encoding);  // RFC 9112 §6.1
  BodyKind kind = BodyKind::none;
  if (!head_complete(kind)) return false;
  switch (kind) {
    case BodyKind::none: stage_ = Stage::complete; return false;
    case BodyKind::interim: reset_message(); return true;
    case BodyKind::until_close:
      stage_ = Stage::until_close;
      remaining_ = limits_.body;
      return true;
    case BodyKind::framed: break;
  }
  if (chunked_) {
    stage_ = Stage::chunk_size;
    return true;
  }
  if (content_length_ > limits_.body) return refuse(Refusal::body_too_large);
  remaining_ = content_length_;
  // What a peer merely announces reserves little.
  body().reserve(static_cast<std::size_t>(std::min<std::uint64_t>(content_length_, kBufferBody)));
  stage_ = remaining_ == 0 ? Stage::complete : Stage::fixed_body;
  return true;
}

bool MessageParser::step_fixed_body() {
  const std::size_t available = end_ - begin_;
  const bool open_ended = stage_ == Stage::until_close;
  if (open_ended && available > remaining_) return refuse(Refusal::body_too_large);
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(available, remaining_));
  if (count > 0) body().append(buffer_.get() + begin_, count);
  begin_ += count;
  body_seen_ += count;
  remaining_ -= count;
  if (!open_ended && remaining_ == 0) stage_ = Stage::complete;
  return false;
}

bool MessageParser::step_chunk_size() {
  std::string_view line;
  if (next_line(kChunkDigitsMax + limits::kChunkExtensionMax, Refusal::chunk, Refusal::chunk, line) != Line::some)
    return false;
  std::size_t digits = 0;
  std::size_t significant = 0;
  std::uint64_t size = 0;
  for (; digits < line.size() && chars::hex_value(line[digits]) >= 0; ++digits) {
    if (significant > 0 || line[digits] != '0') ++significant;
    if (significant > kChunkSignificantMax || digits >= kChunkDigitsMax) return refuse(Refusal::chunk);
    size = size * 16 + static_cast<std::uint64_t>(chars::hex_value(line[digits]));
  }
  if (digits == 0) return refuse(Refusal::chunk);
  const auto extension = line.substr(digits);
  if (!extension.empty()) {  // RFC 9112 §7.1.1: ignored, but never white space alone, and never much of it
    extension_bytes_ += extension.size();
    if (!chars::trim(extension).starts_with(';') || !chars::is_field_value(extension) ||
        extension.size() > limits::kChunkExtensionMax || extension_bytes_ > limits::kChunkExtensionTotalMax) {
      return refuse(Refusal::chunk);
    }
  }
  if (size == 0) {
    stage_ = Stage::trailers;
    return true;
  }
  if (size > limits_.body - std::min(limits_.body, body_seen_)) return refuse(Refusal::body_too_large);
  remaining_ = size;
  stage_ = Stage::chunk_data;
  return true;
}

bool MessageParser::step_chunk_data() {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(end_ - begin_, remaining_));
  if (count == 0) return false;
  body().append(buffer_.get() + begin_, count);
  begin_ += count;
  body_seen_ += count;
  remaining_ -= count;
  if (remaining_ > 0) return false;
  stage_ = Stage::chunk_end;
  return true;
}

bool MessageParser::step_chunk_end() {
  if (end_ - begin_ < 2) return false;
  if (buffer_[begin_] != '\r' || buffer_[begin_ + 1] != '\n') return refuse(Refusal::chunk);
  begin_ += 2;
  stage_ = Stage::chunk_size;
  return true;
}

// Trailer fields are checked and dropped: nothing of them may reach the headers (RFC 9110 §6.5.1).
bool MessageParser::step_trailers() {
  if (trailer_bytes_ + 2 > limits::kTrailerBytesMax) return refuse(Refusal::trailer);
  std::string_view line;
  const auto limit = limits::kTrailerBytesMax - trailer_bytes_ - 2;
  if (next_line(limit, Refusal::trailer, Refusal::trailer, line) != Line::some) return false;
  trailer_bytes_ += line.size() + 2;
  if (line.empty()) {
    stage_ = Stage::complete;
    return false;
  }
  Field field;
  if (split_field(line, field) != Refusal::none) return refuse(Refusal::trailer);
  return true;
}

}  // namespace mitral::net
