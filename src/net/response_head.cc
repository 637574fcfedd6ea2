#include "net/response_head.h"

#include <array>
#include <charconv>

#include "net/http_chars.h"

namespace mitral::net {
namespace {

void append_number(std::string& out, std::size_t number) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

// Fields that describe this connection or its framing (RFC 9110 §7.6.1) belong to net/.
bool is_ours(std::string_view name, bool request) noexcept {
  switch (name.size()) {
    case 2: return codec::iequals(name, "te");
    case 4: return codec::iequals(name, "date") ? !request : request && codec::iequals(name, "host");
    case 6: return request && codec::iequals(name, "expect");
    case 7: return codec::iequals(name, "upgrade") || codec::iequals(name, "trailer");
    case 10: return codec::iequals(name, "connection") || codec::iequals(name, "keep-alive");
    case 14: return codec::iequals(name, "content-length");
    case 16: return codec::iequals(name, "proxy-connection");
    case 17: return codec::iequals(name, "transfer-encoding");
    default: return false;
  }
}

// A gateway answers HEAD with the length that its upstream gave.
std::optional<std::string_view> length_by_handler(const codec::Response& response) noexcept {
  const auto value = response.headers.get("Content-Length");
  if (!value || value->empty() || value->size() > 18) return std::nullopt;
  for (const char c : *value) {
    if (!chars::is_digit(c)) return std::nullopt;
  }
  return value;
}

void append_length(std::string& out, const codec::Response& response, const HeadFacts& facts) {
  if (response.status == 204 || response.status == 304) return;
  const auto given = facts.head_request && response.body.empty() ? length_by_handler(response) : std::nullopt;
  if (facts.framing != Framing::length && !given) {
    if (facts.framing == Framing::chunked) out += "Transfer-Encoding: chunked\r\n";
    return;
  }
  out += "Content-Length: ";
  if (given) {
    out += *given;
  } else {
    append_number(out, response.body.size());
  }
  out += "\r\n";
}

}  // namespace

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 425: return "Too Early";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Status";
  }
}

bool append_fields(std::string& out, const codec::Headers& headers, bool request) {
  for (const auto& header : headers.list()) {
    if (is_ours(header.name, request)) continue;
    if (!chars::is_token(header.name) || !chars::is_field_value(header.value)) return false;
    out += header.name;
    out += ": ";
    out += header.value;
    out += "\r\n";
  }
  return true;
}

bool append_response_head(std::string& out, const codec::Response& response, const HeadFacts& facts) {
  if (response.status < 200 || response.status > 599) return false;
  const auto before = out.size();
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::size_t>(response.status));
  out += ' ';
  out += reason_phrase(response.status);
  out += "\r\nDate: ";
  out += facts.date;
  out += "\r\n";
  if (!append_fields(out, response.headers, false)) {
    out.resize(before);
    return false;
  }
  append_length(out, response, facts);
  if (facts.close) out += "Connection: close\r\n";
  out += "\r\n";
  return true;
}

}  // namespace mitral::net
