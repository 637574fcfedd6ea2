// HTTP parsers: any bytes, and the same outcome however they are split into reads. The first byte picks the split.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/http_parser.h"

namespace {

using mitral::net::ParserLimits;
using mitral::net::ParseState;

constexpr ParserLimits kSmall{.request_line = 200, .header_bytes = 400, .header_count = 10, .body = 300};

void note(std::string& trace, const mitral::codec::Headers& headers, std::string_view body) {
  for (const auto& header : headers.list()) {
    trace += header.name;
    trace += '\x01';
    trace += header.value;
    trace += '\x02';
  }
  trace += body;
  trace += '\x03';
}

template <class Parser, class Take>
std::string run(std::string_view bytes, std::size_t step, Take take) {
  Parser parser(kSmall);
  std::string trace;
  do {
    const auto part = bytes.substr(0, step);
    bytes.remove_prefix(part.size());
    parser.feed(part);
    while (parser.parse() == ParseState::complete) take(parser, trace);
  } while (!bytes.empty());
  trace += static_cast<char>(parser.state());
  trace += mitral::net::name(parser.refusal());
  return trace;
}

std::string requests(std::string_view bytes, std::size_t step) {
  return run<mitral::net::RequestParser>(bytes, step, [](auto& parser, std::string& trace) {
    trace += parser.keep_alive() ? 'k' : 'c';
    const auto request = parser.take();
    trace += request.target;
    if (request.headers.count("Host") != 1) std::abort();
    if (request.headers.count("Content-Length") + request.headers.count("Transfer-Encoding") > 1) std::abort();
    note(trace, request.headers, request.body);
  });
}

std::string responses(std::string_view bytes, std::size_t step) {
  return run<mitral::net::ResponseParser>(bytes, step, [](auto& parser, std::string& trace) {
    const auto response = parser.take();
    trace += std::to_string(response.status);
    note(trace, response.headers, response.body);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t step = 1 + data[0] % 37;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (requests(bytes, bytes.size() + 1) != requests(bytes, step)) std::abort();
  if (requests(bytes, 1) != requests(bytes, step)) std::abort();
  if (responses(bytes, bytes.size() + 1) != responses(bytes, step)) std::abort();
  return 0;
}
