// A server that ends loses no request: it says so first, takes in what stands before its door, and leaves the port to
// the process that shares it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "unit/net/net_test.h"

namespace mitral::net::test {
namespace {

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

TEST(Drain, AnAnnouncedEndClosesAfterAnswersAndAcceptsOn) {
  Served served(echo);
  Raw kept(served.port());
  kept.send(kGet);
  EXPECT_EQ(kept.until("GET / ").find("Connection: close"), std::string::npos);
  served.server->announce_drain();
  kept.send(kGet);
  EXPECT_NE(kept.to_end().find("Connection: close"), std::string::npos);
  Raw fresh(served.port());
  fresh.send(kGet);
  const auto answer = fresh.to_end();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << answer;
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
}

// Whoever was accepted a moment ago has said nothing yet, and is answered all the same.
TEST(Drain, AConnectionWithoutARequestYetGetsItsAnswer) {
  Served served(echo);
  Raw fresh(served.port());
  ASSERT_TRUE(eventually([&] { return served.counters().active == 1; }));
  std::atomic<bool> drained{false};
  served.server->drain([&] { drained = true; });
  std::this_thread::sleep_for(100ms);
  fresh.send(kGet);
  EXPECT_TRUE(fresh.to_end().starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(eventually([&] { return drained.load(); }));
}

// What waits in the queue of the listener has been promised an answer.
TEST(Drain, ConnectionsBeforeTheDoorAreLetIn) {
  Runtime runtime(1);
  auto made = HttpServer::listen(runtime, "127.0.0.1", 0, nullptr, echo);
  ASSERT_TRUE(made);
  auto& server = *made;
  // The loop does not run yet: these are in the queue.
  std::vector<std::unique_ptr<Raw>> waiting;
  for (int i = 0; i < 20; ++i) {
    waiting.push_back(std::make_unique<Raw>(server->port()));
    ASSERT_TRUE(waiting.back()->connected());
    waiting.back()->send(kGet);
  }
  std::atomic<bool> drained{false};
  server->drain([&] { drained = true; });
  runtime.start();
  for (auto& one : waiting) EXPECT_TRUE(one->to_end().starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(eventually([&] { return drained.load(); }));
  server.reset();
}

TEST(Drain, OnlyThoseWhoSaySoShareAPort) {
  ServerOptions shares;
  shares.share_port = true;
  Served first(echo, shares);
  EXPECT_FALSE(HttpServer::listen(first.runtime, "127.0.0.1", first.port(), nullptr, echo));
  EXPECT_TRUE(HttpServer::listen(first.runtime, "127.0.0.1", first.port(), nullptr, echo, shares));
}

/// A server on a port that another one has.
struct Successor {
  Successor(std::uint16_t port, const ServerOptions& options) : runtime(2) {
    auto made = HttpServer::listen(runtime, "127.0.0.1", port, nullptr, echo, options);
    EXPECT_TRUE(made);
    if (made) server = std::move(*made);
    runtime.start();
  }
  Runtime runtime;
  std::unique_ptr<HttpServer> server;
};

// A load of new and of kept connections while servers replace each other on one port: nobody sees a failure.
TEST(Drain, ARestartUnderLoadLosesNoRequest) {
  ServerOptions shares;
  shares.share_port = true;
  auto serving = std::make_unique<Successor>(std::uint16_t{0}, shares);
  const auto port = serving->server->port();
  std::atomic<bool> over{false};
  std::atomic<int> answered{0};
  std::atomic<int> failed{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    const bool keeps = i % 2 == 1;
    clients.emplace_back([&, keeps] {
      while (!over) {
        Raw connection(port);
        if (!connection.connected()) {
          ++failed;
          continue;
        }
        bool open = true;
        while (open && !over) {
          connection.send(kGet);
          const auto answer = connection.until("GET / ");
          if (!answer.starts_with("HTTP/1.1 200")) {
            ++failed;
            break;
          }
          ++answered;
          open = keeps && answer.find("Connection: close") == std::string::npos;
        }
      }
    });
  }
  for (int round = 0; round < 4; ++round) {
    std::this_thread::sleep_for(100ms);
    const auto before = answered.load();
    auto next = std::make_unique<Successor>(port, shares);
    serving->server->announce_drain();
    std::this_thread::sleep_for(100ms);
    std::atomic<bool> drained{false};
    serving->server->drain([&] { drained = true; });
    ASSERT_TRUE(eventually([&] { return drained.load(); }));
    serving = std::move(next);
    EXPECT_TRUE(eventually([&] { return answered > before; }));
  }
  over = true;
  for (auto& client : clients) client.join();
  EXPECT_EQ(failed, 0);
  EXPECT_GT(answered, 100);
}

}  // namespace
}  // namespace mitral::net::test
