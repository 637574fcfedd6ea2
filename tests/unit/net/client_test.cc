// HttpClient against our own server and against sockets that misbehave (threats W-1, W-2, W-13, W-23).
#include "net/client.h"

#include "net/dev_ca.h"
#include "net/tls.h"
#include "net_test.h"

namespace mitral::net {
namespace {

using namespace test;

ClientOptions local() {
  ClientOptions options;
  options.addresses = AddressRule::public_or_loopback;
  options.allow_plain_http = true;
  options.connect_timeout = kPatience;
  options.total_timeout = kPatience;
  return options;
}

Url url_of(std::uint16_t port, std::string_view target = "/", std::string_view scheme = "http",
           std::string_view host = "127.0.0.1") {
  return *parse_url(fmt::format("{}://{}:{}{}", scheme, host, port, target));
}

codec::Request request_of(codec::Method method, std::string body = {}) {
  codec::Request request;
  request.method = method;
  request.body = std::move(body);
  return request;
}

/// Accepts one connection after the other and sends the bytes of its script to each as soon as something came.
class Misbehaving {
 public:
  explicit Misbehaving(std::vector<std::string> script)
      : script_(std::move(script)), socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);  // NOLINT
    EXPECT_EQ(::bind(socket_, generic, size), 0);
    EXPECT_EQ(::listen(socket_, 8), 0);
    ::getsockname(socket_, generic, &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Misbehaving() {
    ::shutdown(socket_, SHUT_RDWR);
    thread_.join();
    ::close(socket_);
  }
  Misbehaving(const Misbehaving&) = delete;
  Misbehaving& operator=(const Misbehaving&) = delete;
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] int accepted() const noexcept { return accepted_; }

 private:
  void serve() {
    for (const auto& answer : script_) {
      const int client = ::accept(socket_, nullptr, nullptr);
      if (client < 0) return;
      ++accepted_;
      char bytes[4096];
      if (::recv(client, bytes, sizeof bytes, 0) > 0) (void)::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
      ::close(client);
    }
  }
  std::vector<std::string> script_;
  int socket_;
  std::uint16_t port_ = 0;
  std::atomic<int> accepted_{0};
  std::thread thread_;
};

struct ClientSide {
  Runtime runtime{1};
  HttpClient client{runtime};
  ClientSide() { runtime.start(); }
  Result<codec::Response> send(Url url, codec::Request request = {}, const ClientOptions& options = local()) {
    return run_sync(client.send(std::move(url), std::move(request), options));
  }
};

TEST(HttpClient, SendsAndReceives) {
  Served served(echo);
  ClientSide side;
  for (int i = 0; i < 5; ++i) {
    const auto response = side.send(url_of(served.port(), "/x?y=1"), request_of(codec::Method::post, "hello"));
    ASSERT_TRUE(response) << response.error().detail;
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, "POST /x?y=1 hello");
  }
  EXPECT_EQ(served.counters().accepted, 1U);  // one connection, used again and again
  const auto head = side.send(url_of(served.port()), request_of(codec::Method::head));
  ASSERT_TRUE(head);
  EXPECT_EQ(head->body, "");
  EXPECT_EQ(head->headers.get("Content-Length"), "7");
  const auto big = side.send(url_of(served.port()), request_of(codec::Method::put, std::string(50'000, 'x')));
  ASSERT_TRUE(big);
  EXPECT_EQ(big->body.size(), 50'006U);
}

TEST(HttpClient, WorksInsideHandlersOnTheirOwnLoops) {
  Served upstream(echo);
  Runtime runtime(2);
  HttpClient client(runtime);
  const auto port = upstream.port();
  auto front =
      *HttpServer::listen(runtime, "127.0.0.1", 0, nullptr, [&, port](codec::Request request) -> Task<codec::Response> {
        auto answer = co_await client.send(url_of(port, request.target), request_of(codec::Method::get), local());
        if (!answer) co_return codec::Response::with(502, "text/plain", "bad");
        co_return codec::Response::with(200, "text/plain", "via " + answer->body);
      });
  runtime.start();
  ClientSide side;
  for (int i = 0; i < 20; ++i) {
    const auto response = side.send(url_of(front->port(), "/p"));
    ASSERT_TRUE(response);
    EXPECT_EQ(response->body, "via GET /p ");
  }
  front.reset();
}

TEST(HttpClient, W1_TheGuardRefusesBeforeAnythingIsSent) {
  Served served(echo);
  ClientSide side;
  auto options = local();
  options.addresses = AddressRule::public_only;
  for (const auto* host : {"127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "[::ffff:127.0.0.1]",
                           "0.0.0.0", "[fd00::1]"}) {
    const auto response = side.send(url_of(served.port(), "/", "http", host), {}, options);
    ASSERT_FALSE(response) << host;
    EXPECT_EQ(response.error().code, ErrorCode::forbidden) << host << response.error().detail;
  }
  options.addresses = AddressRule::public_or_loopback;
  const auto mapped = side.send(url_of(served.port(), "/", "http", "[::ffff:127.0.0.1]"), {}, options);
  ASSERT_FALSE(mapped);
  EXPECT_EQ(mapped.error().code, ErrorCode::forbidden);
  EXPECT_EQ(served.counters().accepted, 0U);
}

TEST(HttpClient, W1_AGuardedRequestNeverRidesOnAnUnguardedConnection) {
  Served served(echo);
  ClientSide side;
  auto options = local();
  options.addresses = AddressRule::any;
  ASSERT_TRUE(side.send(url_of(served.port()), {}, options));
  options.addresses = AddressRule::public_only;
  EXPECT_FALSE(side.send(url_of(served.port()), {}, options));
  EXPECT_EQ(served.counters().requests, 1U);
}

TEST(HttpClient, W1_PlainHttpOnlyWhenAllowed) {
  Served served(echo);
  ClientSide side;
  auto options = local();
  options.allow_plain_http = false;
  const auto response = side.send(url_of(served.port()), {}, options);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::forbidden);
  EXPECT_EQ(served.counters().accepted, 0U);
}

TEST(HttpClient, W1_RedirectsAreNotFollowed) {
  Served served([](codec::Request) -> Task<codec::Response> {
    auto response = codec::Response::with(302, "text/plain", "");
    response.headers.add("Location", "http://127.0.0.1/elsewhere");
    co_return response;
  });
  ClientSide side;
  const auto response = side.send(url_of(served.port()));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 302);
  EXPECT_EQ(served.counters().requests, 1U);
}

TEST(HttpClient, W12_RequestsCannotBeSplit) {
  Served served(echo);
  ClientSide side;
  auto request = request_of(codec::Method::get);
  request.headers.add("X", "a\r\nEvil: b");
  EXPECT_FALSE(side.send(url_of(served.port()), request));
  auto url = url_of(served.port());
  url.target = "/ HTTP/1.1\r\nEvil: b";
  EXPECT_FALSE(side.send(url));
  url.target = "/";
  url.host = "127.0.0.1\r\nX: y";
  EXPECT_FALSE(side.send(url));
  auto framed = request_of(codec::Method::post, "hi");
  framed.headers.add("Content-Length", "99");
  framed.headers.add("Host", "evil");
  framed.headers.add("Transfer-Encoding", "chunked");
  const auto response = side.send(url_of(served.port()), framed);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body, "POST / hi");
}

TEST(HttpClient, TimesOut) {
  Notifier release;
  Served served([&](codec::Request) -> Task<codec::Response> {
    co_await release.wait(0, kPatience);
    co_return codec::Response{};
  });
  ClientSide side;
  auto options = local();
  options.total_timeout = 100ms;
  const auto response = side.send(url_of(served.port()), {}, options);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::timeout);
  release.notify_all();
  EXPECT_TRUE(eventually([&] { return served.counters().handling == 0; }));
}

TEST(HttpClient, NobodyThere) {
  std::uint16_t port = 0;
  {
    Served served(echo);
    port = served.port();
  }
  ClientSide side;
  const auto response = side.send(url_of(port));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::unavailable);
  const auto nameless = side.send(url_of(80, "/", "http", "does-not-exist.invalid"));
  ASSERT_FALSE(nameless);
}

TEST(HttpClient, TooLargeAnswersAreRefused) {
  Served served([](codec::Request) -> Task<codec::Response> {
    co_return codec::Response::with(200, "text/plain", std::string(2000, 'x'));
  });
  ClientSide side;
  auto options = local();
  options.max_body = 1999;
  const auto response = side.send(url_of(served.port()), {}, options);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::too_large);
  options.max_body = 2000;
  EXPECT_TRUE(side.send(url_of(served.port()), {}, options));
}

TEST(HttpClient, W13_MalformedAnswers) {
  const std::vector<std::string> script = {
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nhi", "SECRET CANARY\r\n\r\n"};
  Misbehaving server(script);
  ClientSide side;
  for (std::size_t i = 0; i < script.size(); ++i) {
    const auto response = side.send(url_of(server.port()));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, ErrorCode::malformed);
    EXPECT_EQ(response.error().detail.find("CANARY"), std::string::npos);
  }
  Misbehaving cut({"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf", ""});
  EXPECT_EQ(side.send(url_of(cut.port())).error().code, ErrorCode::unavailable);
  EXPECT_EQ(side.send(url_of(cut.port())).error().code, ErrorCode::unavailable);
}

TEST(HttpClient, SafeMethodsAreRepeatedOnAStaleConnection) {
  // The first connection promises to stay and is closed by its server all the same.
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
  Misbehaving server({answer, answer});
  ClientSide side;
  ASSERT_TRUE(side.send(url_of(server.port())));
  ASSERT_TRUE(side.send(url_of(server.port())));
  EXPECT_EQ(server.accepted(), 2);
}

// ---- TLS

struct TlsUpstream {
  TemporaryFolder folder;
  DevCertificates files;
  std::unique_ptr<Served> served;
  explicit TlsUpstream(const DevCaOptions& names = {}) {
    files = *make_dev_certificates(folder.path(), SystemClock().now(), names);
    served = std::make_unique<Served>(echo, ServerOptions{},
                                      *TlsContext::create({files.certificate_file, files.key_file, {}, {}}));
  }
  [[nodiscard]] std::uint16_t port() const { return served->port(); }
};

TEST(HttpClient, TlsWithAnExtraCa) {
  TlsUpstream upstream;
  ClientSide side;
  auto options = local();
  options.allow_plain_http = false;
  options.extra_ca_file = upstream.files.ca_file;
  for (const auto* host : {"127.0.0.1", "localhost", "127.0.0.1"}) {
    const auto response =
        side.send(url_of(upstream.port(), "/t", "https", host), request_of(codec::Method::post, "x"), options);
    ASSERT_TRUE(response) << response.error().detail;
    EXPECT_EQ(response->body, "POST /t x");
  }
  EXPECT_EQ(upstream.served->counters().accepted, 2U);  // pooled by host
  const auto big = side.send(url_of(upstream.port(), "/", "https"),
                             request_of(codec::Method::post, std::string(60'000, 'y')), options);
  ASSERT_TRUE(big);
  EXPECT_EQ(big->body.size(), 60'007U);
}

TEST(HttpClient, W23_UnknownIssuersAndWrongNamesAreRefused) {
  TlsUpstream upstream;
  TlsUpstream other;
  TlsUpstream elsewhere({.dns_names = {"elsewhere.example"}, .ip_addresses = {}});
  TlsUpstream expired({.lifetime = std::chrono::seconds(-30)});
  TlsUpstream not_a_server({.for_client = true});
  ClientSide side;
  auto options = local();
  const auto refused = [&](const TlsUpstream& at, const std::string& ca) {
    options.extra_ca_file = ca;
    const auto response = side.send(url_of(at.port(), "/", "https"), {}, options);
    return !response && response.error().code == ErrorCode::unavailable && at.served->counters().requests == 0;
  };
  EXPECT_TRUE(refused(upstream, ""));
  EXPECT_TRUE(refused(upstream, other.files.ca_file));
  EXPECT_TRUE(refused(elsewhere, elsewhere.files.ca_file));
  EXPECT_TRUE(refused(expired, expired.files.ca_file));
  EXPECT_TRUE(refused(not_a_server, not_a_server.files.ca_file));
}

TEST(HttpClient, ClientCertificate) {
  TemporaryFolder folder;
  TemporaryFolder client_folder;
  const auto files = *make_dev_certificates(folder.path(), SystemClock().now());
  const auto own = *make_dev_certificates(client_folder.path(), SystemClock().now(), {.for_client = true});
  Served served(
      echo, {},
      *TlsContext::create({files.certificate_file, files.key_file, ClientCertificates::require, own.ca_file}));
  ClientSide side;
  auto options = local();
  options.extra_ca_file = files.ca_file;
  EXPECT_FALSE(side.send(url_of(served.port(), "/", "https"), {}, options));
  options.certificate_file = own.certificate_file;
  options.key_file = own.key_file;
  const auto response = side.send(url_of(served.port(), "/", "https"), {}, options);
  ASSERT_TRUE(response) << response.error().detail;
  EXPECT_EQ(response->body, "GET / ");
}

}  // namespace
}  // namespace mitral::net
