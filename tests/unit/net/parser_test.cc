// The request and response parsers against the smuggling corpus (threats W-12, W-13, W-15, W-17; RFC 9112).
#include <gtest/gtest.h>

#include "net/http_parser.h"

namespace mitral::net {
namespace {

struct Outcome {
  ParseState state = ParseState::head;
  Refusal refusal = Refusal::none;
  int status = 0;
  codec::Request request;
  bool keep_alive = false;
};

Outcome parse(std::string_view bytes, ParserLimits limits = {}) {
  RequestParser parser(limits);
  parser.feed(bytes);
  Outcome out;
  out.state = parser.parse();
  out.refusal = parser.refusal();
  out.keep_alive = parser.keep_alive();
  if (out.state == ParseState::failed) out.status = parser.status();
  if (out.state == ParseState::complete) out.request = parser.take();
  return out;
}

std::string get(std::string_view headers = "", std::string_view target = "/", std::string_view version = "HTTP/1.1") {
  return fmt::format("GET {} {}\r\nHost: a.example\r\n{}\r\n", target, version, headers);
}
std::string post(std::string_view headers, std::string_view body) {
  return fmt::format("POST /token HTTP/1.1\r\nHost: a.example\r\n{}\r\n{}", headers, body);
}

void expect_refused(std::string_view bytes, Refusal refusal, int status, ParserLimits limits = {}) {
  const auto out = parse(bytes, limits);
  EXPECT_EQ(out.state, ParseState::failed) << bytes.substr(0, 200);
  EXPECT_EQ(name(out.refusal), name(refusal)) << bytes.substr(0, 200);
  EXPECT_EQ(out.status, status) << bytes.substr(0, 200);
}

TEST(RequestParser, TakesARequestApart) {
  const auto out =
      parse("POST /token?a=b HTTP/1.1\r\nHost: as.example:8443\r\nX-One:  v\t\r\nContent-Length: 5\r\n\r\nhello");
  ASSERT_EQ(out.state, ParseState::complete);
  EXPECT_EQ(out.request.method, codec::Method::post);
  EXPECT_EQ(out.request.target, "/token?a=b");
  EXPECT_EQ(out.request.path, "/token");
  EXPECT_EQ(out.request.query, "a=b");
  EXPECT_EQ(out.request.headers.get("x-one"), "v");
  EXPECT_EQ(out.request.body, "hello");
  EXPECT_TRUE(out.keep_alive);
}

TEST(RequestParser, PipelinedRequestsComeOneByOne) {
  RequestParser parser;
  parser.feed(post("Content-Length: 1\r\n", "x") + get("", "/second") + "GET /thi");
  ASSERT_EQ(parser.parse(), ParseState::complete);
  EXPECT_EQ(parser.take().body, "x");
  ASSERT_EQ(parser.parse(), ParseState::complete);
  EXPECT_EQ(parser.take().target, "/second");
  EXPECT_EQ(parser.parse(), ParseState::head);
  EXPECT_FALSE(parser.idle());
  parser.feed("rd HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_EQ(parser.parse(), ParseState::complete);
  EXPECT_EQ(parser.take().target, "/third");
  EXPECT_TRUE(parser.idle());
}

TEST(RequestParser, Rfc9112_7_1_ChunkedBody) {
  const auto out = parse(
      post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n006;ext=\"v\"\r\n world\r\n0\r\nX-Trailer: t\r\n\r\n"));
  ASSERT_EQ(out.state, ParseState::complete);
  EXPECT_EQ(out.request.body, "hello world");
  EXPECT_FALSE(out.request.headers.get("X-Trailer"));
  EXPECT_EQ(parse(post("transfer-encoding: CHUNKED\r\n", "0\r\n\r\n")).state, ParseState::complete);
}

TEST(RequestParser, Rfc9112_2_2_OneEmptyLineIsForgiven) {
  EXPECT_EQ(parse("\r\n" + get()).state, ParseState::complete);
  expect_refused("\r\n\r\n" + get(), Refusal::start_line, 400);
  expect_refused("\n" + get(), Refusal::start_line, 400);
}

TEST(RequestParser, Rfc9112_9_3_ConnectionPersistence) {
  EXPECT_FALSE(parse(get("Connection: close\r\n")).keep_alive);
  EXPECT_FALSE(parse(get("Connection: x, Close\r\n")).keep_alive);
  EXPECT_TRUE(parse(get("Connection: closed\r\n")).keep_alive);
}

TEST(RequestParser, W13_Http10NeverKeepsTheConnection) {
  const auto out = parse(get("Connection: keep-alive\r\n", "/", "HTTP/1.0"));
  ASSERT_EQ(out.state, ParseState::complete);
  EXPECT_FALSE(out.keep_alive);
  expect_refused("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", Refusal::transfer_encoding, 400);
}

TEST(RequestParser, W13_FramingConflicts) {
  for (const auto* headers :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"}) {
    expect_refused(post(headers, "0\r\n\r\n"), Refusal::framing_conflict, 400);
  }
}

TEST(RequestParser, W13_ContentLengthForms) {
  for (const auto* value : {"+5", "-1", "5,5", "5, 5", "0x5", "", " ", "5 5", "5;", "1e3", "9999999999999999999",
                            "18446744073709551621", "\x35\xC2\xA0"}) {
    expect_refused(post(fmt::format("Content-Length: {}\r\n", value), "hello"), Refusal::content_length, 400);
  }
  expect_refused(post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), Refusal::content_length, 400);
  expect_refused(post("Content-Length: 5\r\ncontent-length: 6\r\n", "hello"), Refusal::content_length, 400);
}

TEST(RequestParser, W13_TransferEncodingForms) {
  for (const auto* value : {"xchunked", "chunked, chunked", "gzip, chunked", "identity", "chunked;q=1", "\"chunked\"",
                            "chunked,", ",chunked", "", "chunked identity",
                            "\x0b"
                            "chunked",
                            "cow"}) {
    const auto out = parse(post(fmt::format("Transfer-Encoding: {}\r\n", value), "0\r\n\r\n"));
    EXPECT_EQ(out.state, ParseState::failed) << value;
    EXPECT_EQ(out.status, 400) << value;
  }
  expect_refused(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", ""), Refusal::transfer_encoding,
                 400);
  expect_refused(post("Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n", ""), Refusal::transfer_encoding, 400);
}

TEST(RequestParser, W13_NamesThatOnlyLookLikeFramingAreRefused) {
  for (const auto* line :
       {"Transfer-Encoding : chunked", "Content-Length\t: 5", " Transfer-Encoding: chunked", "Transfer-Encoding",
        "Transfer\x80-Encoding: chunked", ": v", "Content-Length\0: 5", "Content Length: 5", "X(y): z", "X\xff: z"}) {
    EXPECT_EQ(parse(post(fmt::format("{}\r\n", line), "")).state, ParseState::failed) << line;
  }
  expect_refused(get("X-A: b\r\n folded\r\n"), Refusal::folding, 400);
  expect_refused(get("X-A: b\r\n\tfolded\r\n"), Refusal::folding, 400);
  expect_refused("GET / HTTP/1.1\r\n Host: a\r\n\r\n", Refusal::folding, 400);
}

TEST(RequestParser, W13_BareLineEnds) {
  expect_refused("GET / HTTP/1.1\nHost: a\n\n", Refusal::start_line, 400);
  expect_refused("GET / HTTP/1.1\r\nHost: a\n\r\n", Refusal::header, 400);
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", Refusal::header, 400);
  expect_refused("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", Refusal::start_line, 400);
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\r\n\r\n", Refusal::header, 400);
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\n\n", Refusal::header, 400);
}

TEST(RequestParser, W13_Chunks) {
  const auto chunked = [](std::string_view body) { return post("Transfer-Encoding: chunked\r\n", body); };
  for (const auto* body : {"5 \r\nhello\r\n0\r\n\r\n", "g\r\n", "0x5\r\nhello\r\n", "-1\r\n", "+5\r\nhello\r\n", "\r\n",
                           ";x\r\n", "5\nhello\r\n0\r\n\r\n", "5\r\nhelloX\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n",
                           "5\rhello\r\n", " 5\r\nhello\r\n", "5;a\x01\r\nhello\r\n", "5;a\rb\r\nhello\r\n"}) {
    expect_refused(chunked(body), Refusal::chunk, 400);
  }
  // Sizes that overflow what a careless parser counts with.
  for (const auto* size :
       {"FFFFFFFFFFFFFFFF", "10000000000000005", "1FFFFFFFF", "00000000000000005", "8000000000000000"}) {
    expect_refused(chunked(fmt::format("{}\r\n", size)), Refusal::chunk, 400);
  }
  expect_refused(chunked("FFFFFFFF\r\n"), Refusal::body_too_large, 413);
  expect_refused(chunked(fmt::format("5;{}\r\nhello\r\n", std::string(300, 'x'))), Refusal::chunk, 400);
  std::string many;
  for (int i = 0; i < 40; ++i) many += fmt::format("1;{}\r\nx\r\n", std::string(200, 'e'));
  expect_refused(chunked(many), Refusal::chunk, 400);
}

TEST(RequestParser, W13_Trailers) {
  const auto trailer = [](std::string_view lines) {
    return post("Transfer-Encoding: chunked\r\n", fmt::format("0\r\n{}\r\n", lines));
  };
  EXPECT_EQ(parse(trailer("A: b\r\n")).state, ParseState::complete);
  expect_refused(trailer("A : b\r\n"), Refusal::trailer, 400);
  expect_refused(trailer("A: b\n"), Refusal::trailer, 400);
  expect_refused(trailer(" A: b\r\n"), Refusal::trailer, 400);
  expect_refused(trailer("A: " + std::string(5000, 'x') + "\r\n"), Refusal::trailer, 400);
  const auto smuggled = parse(trailer("Host: evil\r\nContent-Length: 9\r\n"));
  ASSERT_EQ(smuggled.state, ParseState::complete);
  EXPECT_EQ(smuggled.request.headers.get("Host"), "a.example");
  EXPECT_EQ(smuggled.request.headers.count("Content-Length"), 0U);
}

TEST(RequestParser, W12_ControlCharactersInValues) {
  for (const char c : {'\0', '\x01', '\x08', '\x0b', '\x0c', '\x1b', '\x7f'}) {
    expect_refused(get(std::string("X: a") + c + "b\r\n"), Refusal::header, 400);
    expect_refused(std::string("GET /a") + c + "b HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::start_line, 400);
  }
  EXPECT_EQ(parse(get("X: a\tb\r\n")).state, ParseState::complete);
}

TEST(RequestParser, W2_Host) {
  expect_refused("GET / HTTP/1.1\r\n\r\n", Refusal::host, 400);
  expect_refused("GET / HTTP/1.0\r\n\r\n", Refusal::host, 400);
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", Refusal::host, 400);
  for (const auto* host : {"", "a b", "a@b", "a/b", "a,b", "a:b", "a:", "a:99999", "a:0", ":80", "[::1", "[]", "[x]",
                           "a\\b", "a?b", "a#b", "a%00b", "\xc3\xa4.example"}) {
    expect_refused(fmt::format("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", host), Refusal::host, 400);
  }
  for (const auto* host :
       {"a", "a.example", "a.example:8443", "127.0.0.1:1", "[::1]:8080", "[2001:db8::1]", "my_host"}) {
    EXPECT_EQ(parse(fmt::format("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", host)).state, ParseState::complete) << host;
  }
}

TEST(RequestParser, W2_AbsoluteFormMustNameTheSameHost) {
  const auto out = parse(get("", "http://A.example/x?y"));
  ASSERT_EQ(out.state, ParseState::complete);
  EXPECT_EQ(out.request.target, "/x?y");
  EXPECT_EQ(parse(get("", "https://a.example")).request.target, "/");
  EXPECT_EQ(parse(get("", "http://a.example?q")).request.target, "/?q");
  expect_refused(get("", "http://evil.example/x"), Refusal::host, 400);
  expect_refused(get("", "http://a.example:80/x"), Refusal::host, 400);
  expect_refused(get("", "http://u@a.example/x"), Refusal::target, 400);
  expect_refused(get("", "http:///x"), Refusal::target, 400);
  expect_refused(get("", "ftp://a.example/x"), Refusal::target, 400);
  expect_refused(get("", "a.example:443"), Refusal::target, 400);
  expect_refused(get("", "x"), Refusal::target, 400);
  expect_refused(get("", "*"), Refusal::target, 400);
  EXPECT_EQ(parse("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").state, ParseState::complete);
}

TEST(RequestParser, W15_RequestLineLimit) {
  const std::size_t fixed = std::string_view("GET / HTTP/1.1").size();
  const std::string longest(limits::kRequestLineMax - fixed, 'a');
  EXPECT_EQ(parse(get("", "/" + longest)).state, ParseState::complete);
  expect_refused(get("", "/" + longest + "a"), Refusal::uri_too_long, 414);
  expect_refused(std::string(limits::kRequestLineMax + 2, 'a'), Refusal::uri_too_long, 414);
  EXPECT_EQ(parse(std::string(limits::kRequestLineMax + 1, 'a')).state, ParseState::head);
}

TEST(RequestParser, W15_HeaderLimits) {
  const auto headers_of = [](int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += fmt::format("X-{}: v\r\n", i);
    return out;
  };
  EXPECT_EQ(parse(get(headers_of(99))).state, ParseState::complete);
  expect_refused(get(headers_of(100)), Refusal::headers_too_large, 431);
  const std::size_t fixed = std::string_view("Host: a.example\r\nX: \r\n\r\n").size();
  const std::string longest(limits::kHeaderBytesMax - fixed, 'v');
  EXPECT_EQ(parse(get("X: " + longest + "\r\n")).state, ParseState::complete);
  expect_refused(get("X: " + longest + "v\r\n"), Refusal::headers_too_large, 431);
  expect_refused("GET / HTTP/1.1\r\n" + std::string(limits::kHeaderBytesMax, 'a'), Refusal::headers_too_large, 431);
}

TEST(RequestParser, W15_BodyLimit) {
  const ParserLimits small{.body = 10};
  EXPECT_EQ(parse(post("Content-Length: 10\r\n", "0123456789"), small).state, ParseState::complete);
  expect_refused(post("Content-Length: 11\r\n", ""), Refusal::body_too_large, 413, small);
  expect_refused(post("Content-Length: 999999999999999999\r\n", ""), Refusal::body_too_large, 413, small);
  EXPECT_EQ(parse(post("Transfer-Encoding: chunked\r\n", "6\r\n012345\r\n4\r\n6789\r\n0\r\n\r\n"), small).state,
            ParseState::complete);
  expect_refused(post("Transfer-Encoding: chunked\r\n", "6\r\n012345\r\n5\r\n6789a\r\n0\r\n\r\n"),
                 Refusal::body_too_large, 413, small);
}

TEST(RequestParser, W17_MethodsThatAreNeverServed) {
  expect_refused("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::method, 405);
  expect_refused("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n", Refusal::method, 501);
  expect_refused("get / HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::method, 501);
  expect_refused("GETT / HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::method, 501);
  expect_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Refusal::version, 505);
}

TEST(RequestParser, StartLineForms) {
  for (const auto* line : {"GET  / HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1", "GET /", "GET", "GET / http/1.1",
                           "GET / HTTP/1.1x", "GET / HTTP/11", "GET\t/\tHTTP/1.1", "G@T / HTTP/1.1",
                           "GET /a b HTTP/1.1", "GET /#f HTTP/1.1", "GET /\xc3\xa4 HTTP/1.1", "\x16\x03\x01\x02"}) {
    expect_refused(fmt::format("{}\r\nHost: a\r\n\r\n", line), Refusal::start_line, 400);
  }
  expect_refused("GET / HTTP/1.2\r\nHost: a\r\n\r\n", Refusal::version, 505);
  expect_refused("GET / HTTP/3.0\r\nHost: a\r\n\r\n", Refusal::version, 505);
}

TEST(RequestParser, Rfc9110_10_1_1_Expect) {
  expect_refused(get("Expect: 200-maybe\r\n"), Refusal::expectation, 417);
  RequestParser parser;
  parser.feed("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(parser.parse(), ParseState::body);
  EXPECT_TRUE(parser.wants_continue());
  parser.feed("a");
  EXPECT_EQ(parser.parse(), ParseState::body);
  EXPECT_FALSE(parser.wants_continue());
}

TEST(RequestParser, TheSplitOfTheBytesDoesNotMatter) {
  const std::string all = post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\nA: b\r\n\r\n") +
                          get("X: y\r\n", "/2") + post("Content-Length: 3\r\n", "abc") + "BAD\r\n";
  for (std::size_t step = 1; step < all.size(); ++step) {
    RequestParser parser;
    std::string trace;
    for (std::size_t at = 0; at < all.size(); at += step) {
      parser.feed(std::string_view(all).substr(at, step));
      while (parser.parse() == ParseState::complete) {
        const auto request = parser.take();
        trace += request.target + "=" + request.body + ";";
      }
    }
    EXPECT_EQ(trace, "/token=hello;/2=;/token=abc;") << step;
    EXPECT_EQ(parser.refusal(), Refusal::start_line) << step;
  }
}

TEST(RequestParser, LargeBodiesAndTheBufferAfterThem) {
  const std::string body(3'000'000, 'b');
  RequestParser parser({.body = 4'000'000});
  parser.feed(post(fmt::format("Content-Length: {}\r\n", body.size()), ""));
  std::size_t sent = 0;
  while (parser.parse() == ParseState::body) {
    const auto room = parser.room();
    const auto count = std::min(room.size(), body.size() - sent);
    std::memcpy(room.data(), body.data() + sent, count);
    parser.commit(count);
    sent += count;
  }
  ASSERT_EQ(parser.state(), ParseState::complete);
  EXPECT_EQ(parser.take().body, body);
  EXPECT_LE(parser.room().size(), 64U * 1024);
  parser.feed(get());
  EXPECT_EQ(parser.parse(), ParseState::complete);
}

// ---- responses

struct Answer {
  ParseState state = ParseState::head;
  Refusal refusal = Refusal::none;
  codec::Response response;
  bool reusable = false;
};

Answer answer(std::string_view bytes, bool head = false, bool ended = false) {
  ResponseParser parser({.body = 1000});
  parser.expect(head);
  parser.feed(bytes);
  Answer out;
  out.state = parser.parse();
  if (ended && parser.end_of_stream()) out.state = parser.state();
  out.refusal = parser.refusal();
  if (out.state == ParseState::complete) out.response = parser.take();
  out.reusable = parser.reusable();
  return out;
}

TEST(ResponseParser, Rfc9112_6_3_Bodies) {
  auto out = answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_EQ(out.response.body, "hi");
  EXPECT_EQ(out.response.status, 200);
  EXPECT_TRUE(out.reusable);
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n").response.body, "hi");
  EXPECT_EQ(answer("HTTP/1.1 204\r\n\r\n").state, ParseState::complete);
  EXPECT_EQ(answer("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n").state, ParseState::complete);
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true).state, ParseState::complete);
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\n\r\nabc").state, ParseState::body);
  out = answer("HTTP/1.1 200 OK\r\n\r\nabc", false, true);
  EXPECT_EQ(out.response.body, "abc");
  EXPECT_FALSE(out.reusable);
  EXPECT_NE(answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", false, true).state, ParseState::complete);
  out = answer(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: "
      "0\r\n\r\n");
  EXPECT_EQ(out.response.status, 201);
  EXPECT_FALSE(out.response.headers.get("Link"));
}

TEST(ResponseParser, W13_RefusesWhatIsAmbiguous) {
  for (const auto* bytes :
       {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 099 OK\r\n\r\n", "HTTP/1.1 600 OK\r\n\r\n", "HTTP/2 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n", "HTTP/1.1 101 Switching\r\n\r\n", "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 O\x01K\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"}) {
    EXPECT_EQ(answer(bytes).state, ParseState::failed) << bytes;
  }
  std::string interim;
  for (std::size_t i = 0; i <= limits::kInterimResponsesMax; ++i) interim += "HTTP/1.1 102 P\r\n\r\n";
  EXPECT_EQ(answer(interim).state, ParseState::failed);
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n").refusal, Refusal::body_too_large);
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\n\r\n" + std::string(1001, 'x')).refusal, Refusal::body_too_large);
}

TEST(ResponseParser, BytesAfterAnAnswerSpoilTheConnection) {
  EXPECT_FALSE(answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\n").reusable);
  EXPECT_FALSE(answer("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi").reusable);
  EXPECT_FALSE(answer("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi").reusable);
}

}  // namespace
}  // namespace mitral::net
