#include "net/busy_answer.h"

#include <array>
#include <charconv>

namespace mitral::net {
namespace {

constexpr BusyBody kPage{"text/html; charset=utf-8",
                         "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" "
                         "content=\"width=device-width\"><title>Busy</title><h1>Too busy right now</h1><p>Nothing is "
                         "lost. Please go back and "
                         "try again in a moment.</p></html>\n"};

}  // namespace

// By hand: at twice the load half of all answers are made here.
void append_busy_answer(std::string& out, const BusyBody& body, const BusyFacts& facts) {
  const BusyBody& said = facts.page ? kPage : body;
  std::array<char, 24> digits;
  const auto number = [&digits](std::size_t value) {
    return std::string_view(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
  };
  out += "HTTP/1.1 503 Service Unavailable\r\nDate: ";
  out += facts.date;
  out += "\r\nRetry-After: ";
  out += number(facts.retry_after);
  out += "\r\nContent-Type: ";
  out += said.type;
  out += "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nContent-Length: ";
  out += number(said.text.size());
  if (facts.page) out += "\r\nContent-Security-Policy: default-src 'none'; frame-ancestors 'none'";
  if (facts.close) out += "\r\nConnection: close";
  out += "\r\n\r\n";
  if (!facts.head_request) out += said.text;
}

}  // namespace mitral::net
