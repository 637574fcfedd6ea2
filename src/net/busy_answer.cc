#include "net/busy_answer.h"

#include <fmt/format.h>

#include <iterator>

namespace mitral::net {
namespace {

constexpr BusyBody kPage{"text/html; charset=utf-8",
                         "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" "
                         "content=\"width=device-width\"><title>Busy</title><h1>Too busy right now</h1><p>Nothing is "
                         "lost. Please go back and "
                         "try again in a moment.</p></html>\n"};

}  // namespace

void append_busy_answer(std::string& out, const BusyBody& body, const BusyFacts& facts) {
  const BusyBody& said = facts.page ? kPage : body;
  fmt::format_to(std::back_inserter(out),
                 "HTTP/1.1 503 Service Unavailable\r\nDate: {}\r\nRetry-After: {}\r\nContent-Type: {}\r\n"
                 "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n{}Content-Length: {}\r\n{}\r\n",
                 facts.date, facts.retry_after, said.type,
                 facts.page ? "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n" : "",
                 said.text.size(), facts.close ? "Connection: close\r\n" : "");
  if (!facts.head_request) out += said.text;
}

}  // namespace mitral::net
