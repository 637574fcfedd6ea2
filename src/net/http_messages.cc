// The two kinds of message: what is special about requests and about responses.
#include <utility>

#include "net/http_chars.h"
#include "net/http_parser.h"

namespace mitral::net {

// ---- requests

bool RequestParser::start_line(std::string_view line) {
  const auto first = line.find(' ');
  const auto second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) return refuse(Refusal::start_line);
  const auto method = line.substr(0, first);
  const auto target = line.substr(first + 1, second - first - 1);
  const auto version = line.substr(second + 1);
  if (!chars::is_token(method) || !chars::is_target(target) || target.empty()) return refuse(Refusal::start_line);
  if (version == "HTTP/1.0") {
    http10_ = true;
  } else if (version != "HTTP/1.1") {
    const bool form = version.size() == 8 && version.starts_with("HTTP/") && chars::is_digit(version[5]) &&
                      version[6] == '.' && chars::is_digit(version[7]);
    return refuse(form ? Refusal::version : Refusal::start_line);
  }
  request_.method = codec::parse_method(method);
  if (request_.method == codec::Method::other) {
    trace_ = method == "TRACE";
    return refuse(Refusal::method);
  }
  return take_target(target);
}

// RFC 9112 §3.2: origin-form as it is; absolute-form becomes origin-form, its authority kept for the comparison with
// Host; "*" for OPTIONS alone.
bool RequestParser::take_target(std::string_view target) {
  authority_.clear();
  if (target.front() == '/') {
    request_.set_target(std::string(target));
    return true;
  }
  if (target == "*") {
    if (request_.method != codec::Method::options) return refuse(Refusal::target);
    request_.set_target("*");
    return true;
  }
  std::size_t scheme = 0;
  if (codec::iequals(target.substr(0, 7), "http://")) scheme = 7;
  if (codec::iequals(target.substr(0, 8), "https://")) scheme = 8;
  if (scheme == 0) return refuse(Refusal::target);
  target.remove_prefix(scheme);
  const auto end = std::min(target.find_first_of("/?"), target.size());
  authority_ = target.substr(0, end);
  if (!chars::parse_authority(authority_)) return refuse(Refusal::target);
  std::string rest(target.substr(end));
  if (!rest.starts_with('/')) rest.insert(rest.begin(), '/');
  request_.set_target(std::move(rest));
  return true;
}

bool RequestParser::head_complete(BodyKind& kind) {
  // RFC 9112 §3.2 asks for it in HTTP/1.1 only; we want it always, because everything above relies on exactly one.
  if (hosts_ != 1) return refuse(Refusal::host);
  const std::string_view host = request_.headers.list()[host_index_].value;
  if (!chars::parse_authority(host)) return refuse(Refusal::host);
  // RFC 9112 §3.2.2 lets the target win over Host; where they differ somebody is trying something.
  if (!authority_.empty() && !codec::iequals(authority_, host)) return refuse(Refusal::host);
  if (expect_other_ && !http10_) return refuse(Refusal::expectation);
  kind = chunked_ || content_lengths_ > 0 ? BodyKind::framed : BodyKind::none;
  return true;
}

bool RequestParser::wants_continue() const noexcept {
  const bool waiting = stage_ == Stage::fixed_body || stage_ == Stage::chunk_size;
  return waiting && expect_continue_ && !http10_ && body_received() == 0 && buffered() == 0;
}

int RequestParser::status() const noexcept {
  switch (refusal()) {
    case Refusal::uri_too_long: return 414;
    case Refusal::version: return 505;
    case Refusal::method: return trace_ ? 405 : 501;
    case Refusal::headers_too_large: return 431;
    case Refusal::expectation: return 417;
    case Refusal::body_too_large: return 413;
    default: return 400;
  }
}

codec::Request RequestParser::take() {
  codec::Request out = std::move(request_);
  request_.headers.clear();
  request_.body.clear();
  authority_.clear();
  reset_message();
  return out;
}

void RequestParser::drop() noexcept {
  request_.headers.clear();
  request_.body.clear();
  authority_.clear();
  reset_message();
}

// ---- responses

bool ResponseParser::start_line(std::string_view line) {
  until_close_ = false;
  if (line.starts_with("HTTP/1.0 ")) {
    http10_ = true;
  } else if (!line.starts_with("HTTP/1.1 ")) {
    return refuse(line.starts_with("HTTP/") ? Refusal::version : Refusal::start_line);
  }
  line.remove_prefix(9);
  if (line.size() < 3 || !chars::is_digit(line[0]) || !chars::is_digit(line[1]) || !chars::is_digit(line[2])) {
    return refuse(Refusal::start_line);
  }
  response_.status = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
  if (response_.status < 100 || response_.status > 599) return refuse(Refusal::start_line);
  if (line.size() > 3 && (line[3] != ' ' || !chars::is_field_value(line))) return refuse(Refusal::start_line);
  return true;
}

// RFC 9112 §6.3.
bool ResponseParser::head_complete(BodyKind& kind) {
  if (response_.status < 200) {
    if (response_.status == 101 || ++interim_ > limits::kInterimResponsesMax) return refuse(Refusal::start_line);
    response_ = {};
    kind = BodyKind::interim;
    return true;
  }
  if (head_request_ || response_.status == 204 || response_.status == 304) {
    kind = BodyKind::none;
  } else if (chunked_ || content_lengths_ > 0) {
    kind = BodyKind::framed;
  } else {
    kind = BodyKind::until_close;
    until_close_ = true;
  }
  return true;
}

bool ResponseParser::end_of_stream() noexcept {
  if (stage_ != Stage::until_close) return false;
  stage_ = Stage::complete;
  return true;
}

codec::Response ResponseParser::take_head() {
  codec::Response out;
  out.status = response_.status;
  out.headers = std::exchange(response_.headers, {});
  return out;
}

codec::Response ResponseParser::take() {
  codec::Response out = std::exchange(response_, {});
  interim_ = 0;
  reusable_ = !http10_ && !close_ && !until_close_ && buffered() == 0;
  reset_message();
  return out;
}

}  // namespace mitral::net
