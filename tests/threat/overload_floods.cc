// Many and slow clients (threats W-14, W-15): what they can make the server hold, in connections, memory and
// descriptors.
#include <sys/resource.h>

#include <atomic>

#include "net/server.h"
#include "support/heap.h"
#include "unit/net/net_test.h"

namespace mitral::net {
namespace {

using namespace test;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

std::uint64_t shed(const Served& served, Shed why) { return served.counters().shed[static_cast<std::size_t>(why)]; }

// ---- bodies under way

TEST(OverloadFloods, W15_SlowBodiesShareABoundedMemory) {
  ServerOptions options;
  options.max_body = 1024 * 1024;
  options.buffered_max = 8 * limits::kBufferedStep;  // two steps for one address
  Served served(echo, options);
  std::vector<std::unique_ptr<Raw>> slow;
  const auto begin = [&] {
    auto client = std::make_unique<Raw>(served.port());
    client->send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n");
    client->send(std::string(30'000, 'x'));
    return client;
  };
  for (int i = 0; i < 2; ++i) slow.push_back(begin());
  std::string refused;
  // The first two that the server reads of take their part; one more is over it then. Whoever came meanwhile stays: its
  // part would be free again.
  ASSERT_TRUE(eventually([&] {
    auto next = begin();
    if (shed(served, Shed::buffer) == 0) {
      slow.push_back(std::move(next));
      return false;
    }
    refused = next->to_end();
    return refused.starts_with("HTTP/1.1 503 ");
  }));
  EXPECT_NE(refused.find("Retry-After: "), std::string::npos);
  for (auto& client : slow) client->send(std::string(30'000, 'x'));
  unsigned served_well = 0;
  for (auto& client : slow) served_well += client->until("POST / x").starts_with("HTTP/1.1 200") ? 1 : 0;
  EXPECT_GE(served_well, 1U);
  slow.clear();
  EXPECT_TRUE(eventually([&] {  // and all of it is given back
    auto client = begin();
    client->send(std::string(30'000, 'x'));
    return client->until("POST / x").starts_with("HTTP/1.1 200");
  }));
}

TEST(OverloadFloods, W14_SlowReadersShareABoundedMemory) {
  ServerOptions options;
  options.buffered_max = 64 * 1024 * 1024;  // 16 MB for one address
  Served served(
      [](codec::Request) -> Task<codec::Response> {
        co_return codec::Response::with(200, "text/plain", std::string(10 * 1024 * 1024, 'x') + ";");
      },
      options);
  Raw first(served.port(), 4096);
  first.send(kGet);
  (void)first.until("\r\n\r\n");
  std::vector<std::unique_ptr<Raw>> more;
  ASSERT_TRUE(eventually([&] {
    more.push_back(std::make_unique<Raw>(served.port(), 4096));
    more.back()->send(kGet);
    return shed(served, Shed::buffer) > 0;
  }));
  more.clear();
  EXPECT_EQ(first.until(";").size(), 10U * 1024 * 1024 + 1);  // whoever reads gets everything
}

// ---- connections

TEST(OverloadFloods, W14_AFullServerClosesWhoKeptItWaitingLongest) {
  Notifier release;
  ServerOptions options;
  options.connections_max = 6;
  Runtime runtime(1);
  auto server = std::move(*HttpServer::listen(
      runtime, "127.0.0.1", 0, nullptr,
      [&](codec::Request request) -> Task<codec::Response> {
        if (request.target == "/busy") (void)co_await release.wait(0, kPatience);
        co_return codec::Response::with(200, "text/plain", "done;");
      },
      options));
  runtime.start();
  Raw busy(server->port());
  busy.send("GET /busy HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return server->counters().handling == 1; }));
  std::vector<std::unique_ptr<Raw>> idle;  // two that were served, three that only began a head
  for (int i = 0; i < 5; ++i) {
    idle.push_back(std::make_unique<Raw>(server->port()));
    idle.back()->send(i < 2 ? kGet : std::string_view("GET / HTTP/1.1\r\nX: "));
    if (i < 2) (void)idle.back()->until("done;");
    ASSERT_TRUE(eventually([&] { return server->counters().active == 2U + static_cast<unsigned>(i); }));
  }
  std::string answer;
  ASSERT_TRUE(eventually([&] {  // at first nobody has waited long enough to be closed
    Raw next(server->port());
    next.send(kGet);
    answer = next.until("done;");
    return answer.starts_with("HTTP/1.1 200 ");
  }));
  EXPECT_GE(server->counters().evicted, 1U);
  EXPECT_TRUE(idle[0]->closed());
  release.notify_all();
  EXPECT_TRUE(busy.until("done;").starts_with("HTTP/1.1 200 "));  // work under way is never the victim
}

// Descriptors run out: nobody spins, who idles is closed, and all is well when there are some again.
TEST(OverloadFloods, W14_WithoutDescriptorsAcceptingPausesAndGoesOn) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  auto served = std::make_unique<Served>(echo);
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);  // the runtime has raised it
  Raw open(served->port());
  open.send(kGet);
  ASSERT_TRUE(open.until("GET / ").starts_with("HTTP/1.1 200"));
  std::vector<std::unique_ptr<Raw>> waiting;
  for (int i = 0; i < 8; ++i) waiting.push_back(std::make_unique<Raw>(served->port()));
  ASSERT_TRUE(eventually([&] { return served->counters().active == 9; }));
  std::vector<int> sockets;  // of clients: made while there are descriptors
  for (int i = 0; i < 4; ++i) sockets.push_back(::socket(AF_INET, SOCK_STREAM, 0));
  const rlimit none{static_cast<rlim_t>(::dup(0)), before.rlim_max};
  ::close(static_cast<int>(none.rlim_cur));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(served->port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (const int socket : sockets) {
    EXPECT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);  // NOLINT
  }
  EXPECT_TRUE(eventually([&] { return served->counters().accept_paused >= 1; }));
  for (const int socket : sockets) (void)::send(socket, kGet.data(), kGet.size(), MSG_NOSIGNAL);
  // Once the silent ones have waited long enough they make room, without anybody's help.
  EXPECT_TRUE(eventually([&] { return served->counters().evicted >= 1; }));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  for (const int socket : sockets) {
    const timeval patience{20, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char bytes[12] = {};
    EXPECT_EQ(::recv(socket, bytes, sizeof bytes, MSG_WAITALL), 12);
    EXPECT_EQ(std::string_view(bytes, 12), "HTTP/1.1 200");
    ::close(socket);
  }
  EXPECT_LT(served->counters().accept_paused, 400U);  // paused, not spun
}

// ---- memory of one connection

std::size_t heap_of_one(std::string_view sent, bool answered) {
  constexpr std::size_t kCount = 300;
  Served served(echo);
  std::vector<std::unique_ptr<Raw>> clients;
  clients.reserve(kCount);
  const auto before = heap::in_use();
  for (std::size_t i = 0; i < kCount; ++i) {
    clients.push_back(std::make_unique<Raw>(served.port()));
    clients.back()->send(sent);
    if (answered) (void)clients.back()->until("GET / ");
  }
  EXPECT_TRUE(eventually([&] { return served.counters().active == kCount; }));
  std::size_t after = heap::in_use();
  EXPECT_TRUE(eventually([&] {  // until everything that was sent has been read
    std::this_thread::sleep_for(50ms);
    return std::exchange(after, heap::in_use()) == heap::in_use();
  }));
  return (after - std::min(after, before)) / kCount;
}

TEST(OverloadFloods, W14_AnIdleConnectionIsSmall) { EXPECT_LT(heap_of_one(kGet, true), limits::kConnectionMemoryMax); }

TEST(OverloadFloods, W14_ASlowHeadIsBounded) {
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 60; ++i)
    head += fmt::format("X-{}: {}\r\n", i, std::string(480, 'a'));  // 30 KB, and never an end
  EXPECT_LT(heap_of_one(head, false), 2 * (limits::kRequestLineMax + limits::kHeaderBytesMax));
}

}  // namespace
}  // namespace mitral::net
