// More requests than a loop can serve (threat W-32): real sockets, one loop, a handler that blocks it.
#include <atomic>
#include <thread>

#include "net/server.h"
#include "unit/net/net_test.h"

namespace mitral::net {
namespace {

using namespace test;

Importance by_path(const codec::Request& head) {
  return head.target.starts_with("/vital") ? Importance::vital : Importance::normal;
}

// Clients that ask again as soon as they are served, or soon after. However fast the machine, 40 of them keep a queue
// of more than 100 ms before a loop that needs 4 ms for each request, until it refuses.
struct Overloaded {
  Runtime runtime{1};
  std::unique_ptr<HttpServer> server, health;
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> served{0}, refused{0}, wrong{0}, connected{0};
  std::vector<std::thread> clients;

  explicit Overloaded(std::size_t count = 40) {
    ServerOptions options;
    options.shed = true;
    options.importance = by_path;
    options.busy = {"application/json", R"({"error":"temporarily_unavailable"})"};
    auto slow = [](codec::Request request) -> Task<codec::Response> {
      std::this_thread::sleep_for(4ms);
      co_return codec::Response::with(200, "text/plain", request.target + ";");
    };
    server = std::move(*HttpServer::listen(runtime, "127.0.0.1", 0, nullptr, slow, options));
    health = std::move(*HttpServer::listen(runtime, "127.0.0.1", 0, nullptr, echo, {}));
    runtime.start();
    for (std::size_t i = 0; i < count; ++i) clients.emplace_back([this] { ask_on_and_on(); });
  }
  ~Overloaded() { rest(); }
  void rest() {
    stop = true;
    for (auto& client : clients) client.join();
    clients.clear();
  }
  void ask_on_and_on() {
    Raw client(server->port());
    ++connected;
    while (!stop) {
      client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      const auto head = client.until("\r\n\r\n");
      const bool good = head.starts_with("HTTP/1.1 200 OK\r\n");
      (void)client.until(good ? ";" : "}");
      const bool told = head.starts_with("HTTP/1.1 503 Service Unavailable\r\nDate: ") &&
                        head.find("\r\nRetry-After: ") != std::string::npos &&
                        head.find("\r\nCache-Control: no-store\r\n") != std::string::npos &&
                        head.find("Connection: close") == std::string::npos;
      ++(good ? served : told ? refused : wrong);
      if (!good) std::this_thread::sleep_for(5ms);
    }
  }
  [[nodiscard]] bool refuses(std::uint64_t more) {
    const auto wanted = refused + more;
    return eventually([&] { return refused >= wanted; });
  }
};

TEST(Overload, W32_TheRestIsRefusedWithRetryAfterOnTheSameConnection) {
  Overloaded loop;
  ASSERT_TRUE(loop.refuses(500));
  const auto before = loop.served.load();
  EXPECT_TRUE(eventually([&] { return loop.served >= before + 50; }));  // and work goes on beside it
  loop.rest();
  EXPECT_EQ(loop.wrong, 0U);
  const auto counters = loop.server->counters();
  std::uint64_t shed = 0;
  for (const auto count : counters.shed) shed += count;
  EXPECT_EQ(shed, loop.refused);
  EXPECT_EQ(counters.requests, loop.served);
  EXPECT_EQ(counters.accepted, loop.connected);  // nobody had to connect again
}

TEST(Overload, W32_HealthAndWhatIsVitalAreServed) {
  Overloaded loop;
  ASSERT_TRUE(loop.refuses(100));
  const auto before = loop.refused.load();
  for (int i = 0; i < 20; ++i) {
    Raw health(loop.health->port());
    health.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(health.until("/healthz ").starts_with("HTTP/1.1 200 "));
    Raw vital(loop.server->port());
    vital.send("GET /vital HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(vital.until("/vital;").starts_with("HTTP/1.1 200 "));
  }
  EXPECT_GT(loop.refused, before);
}

TEST(Overload, W32_PeopleGetAPage) {
  Overloaded loop;
  ASSERT_TRUE(loop.refuses(100));
  std::string page;
  Raw person(loop.server->port());
  ASSERT_TRUE(eventually([&] {
    person.send("GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n");
    const auto head = person.until("\r\n\r\n");
    const bool good = head.starts_with("HTTP/1.1 200");
    page = head + person.until(good ? ";" : "</html>\n");
    return !good;
  }));
  EXPECT_TRUE(page.starts_with("HTTP/1.1 503 ")) << page;
  EXPECT_NE(page.find("Content-Type: text/html"), std::string::npos);
  EXPECT_NE(page.find("Content-Security-Policy: default-src 'none'"), std::string::npos);
  EXPECT_TRUE(page.ends_with("</html>\n"));
}

TEST(Overload, W32_ABodyThatIsStillToComeIsNotRead) {
  Overloaded loop;
  ASSERT_TRUE(loop.refuses(100));
  std::string head;
  ASSERT_TRUE(eventually([&] {
    Raw uploader(loop.server->port());
    uploader.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\nbegin");
    uploader.send(std::string(59'995, 'x'));
    head = uploader.until("\r\n\r\n");
    return head.starts_with("HTTP/1.1 503 ") && head.find("Connection: close\r\n") != std::string::npos;
  }));
  EXPECT_NE(head.find("Retry-After: "), std::string::npos);
}

// What refusals cost decides how many there may be (ADR 19): the connection says how long each took.
TEST(Overload, W32_RefusalsAndServicesArePriced) {
  Overloaded loop;
  const double guess = loop.server->counters().refusal_cost;
  ASSERT_TRUE(loop.refuses(500));
  const auto counters = loop.server->counters();
  EXPECT_NE(counters.refusal_cost, guess);
  EXPECT_GT(counters.refusal_cost, 0);
  EXPECT_GT(counters.service_cost, counters.refusal_cost) << "the handler sleeps 4 ms on the loop";
}

TEST(Overload, ServesEverythingAgainAfterwards) {
  Overloaded loop;
  ASSERT_TRUE(loop.refuses(100));
  loop.rest();
  Raw calm(loop.server->port());
  unsigned in_a_row = 0;
  EXPECT_TRUE(eventually([&] {
    calm.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto head = calm.until("\r\n\r\n");
    const bool good = head.starts_with("HTTP/1.1 200");
    (void)calm.until(good ? ";" : "}");
    in_a_row = good ? in_a_row + 1 : 0;
    return in_a_row >= 50;
  }));
}

TEST(Overload, W32_HandlersThatWaitAreCounted) {
  Notifier release;
  ServerOptions options;
  options.shed = true;
  options.handling_max = 4;
  options.importance = by_path;
  Runtime runtime(1);
  auto server = std::move(*HttpServer::listen(
      runtime, "127.0.0.1", 0, nullptr,
      [&](codec::Request) -> Task<codec::Response> {
        (void)co_await release.wait(0, kPatience);
        co_return codec::Response::with(200, "text/plain", "done;");
      },
      options));
  runtime.start();
  std::vector<std::unique_ptr<Raw>> clients;
  for (int i = 0; i < 8; ++i) {  // long polls of what is vital don't count
    clients.push_back(std::make_unique<Raw>(server->port()));
    clients.back()->send(fmt::format("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", i < 4 ? "vital" : "x"));
  }
  ASSERT_TRUE(eventually([&] { return server->counters().handling == 8; }));
  Raw over(server->port());
  over.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(over.until("\r\n\r\n").starts_with("HTTP/1.1 503 "));
  EXPECT_EQ(server->counters().shed[static_cast<std::size_t>(Shed::in_flight)], 1U);
  clients.push_back(std::make_unique<Raw>(server->port()));
  clients.back()->send("GET /vital HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return server->counters().handling == 9; }));
  release.notify_all();
  for (auto& client : clients) EXPECT_TRUE(client->until("done;").starts_with("HTTP/1.1 200 "));
  over.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(over.until("done;").find("HTTP/1.1 200 ") != std::string::npos);
}

TEST(Overload, Every503And429SaysWhenToComeAgain) {
  Served served([](codec::Request request) -> Task<codec::Response> {
    auto response = codec::Response::with(request.target == "/429" ? 429 : 503, "text/plain", ";");
    if (request.target == "/own") response.headers.add("Retry-After", "77");
    co_return response;
  });
  Raw client(served.port());
  for (const auto* target : {"/429", "/503", "/own"}) {
    client.send(fmt::format("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", target));
    const auto answer = client.until(";");
    const auto at = answer.find("Retry-After: ");
    ASSERT_NE(at, std::string::npos) << answer;
    EXPECT_EQ(answer.find("Retry-After: ", at + 1), std::string::npos) << answer;
    EXPECT_EQ(answer.substr(at + 13, 2) == "77", std::string_view(target) == "/own") << answer;
  }
}

}  // namespace
}  // namespace mitral::net
