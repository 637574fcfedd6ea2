// HttpServer over real sockets (threats W-12 to W-17).
#include <csignal>
#include <stdexcept>

#include "net_test.h"

namespace mitral::net {
namespace {

using namespace test;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

TEST(HttpServer, AnswersAndKeepsTheConnection) {
  Served served(echo);
  Raw client(served.port());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"));
    const auto head = client.until("\r\n\r\n");
    EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\nDate: ")) << head;
    EXPECT_NE(head.find("Content-Length: 10\r\n"), std::string::npos) << head;
    EXPECT_EQ(client.until("hi"), "POST /x hi");
  }
  EXPECT_EQ(served.counters().accepted, 1U);
  EXPECT_EQ(served.counters().requests, 3U);
}

TEST(HttpServer, TellsWhoAsked) {
  Served served([](codec::Request request) -> Task<codec::Response> {
    const auto age = SystemClock().now() - request.received;
    co_return codec::Response::with(200, "text/plain",
                                    fmt::format("{}{}{};", request.peer_address, request.tls, age < 1h));
  });
  Raw client(served.port());
  client.send(kGet);
  EXPECT_NE(client.until(";").find("\r\n\r\n127.0.0.1falsetrue;"), std::string::npos);
}

TEST(HttpServer, PipelinedRequestsAreAnsweredInOrder) {
  Served served([](codec::Request request) -> Task<codec::Response> {
    if (request.target == "/slow") co_await sleep_for(50ms);
    co_return codec::Response::with(200, "text/plain", request.target + ";");
  });
  Raw client(served.port());
  std::string all;
  for (int i = 0; i < 200; ++i)
    all += fmt::format("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", i == 7 ? "slow" : std::to_string(i));
  ASSERT_TRUE(client.send(all));
  for (int i = 0; i < 200; ++i) {
    const auto answer = client.until(";");
    EXPECT_TRUE(answer.ends_with(i == 7 ? "/slow;" : fmt::format("/{};", i))) << answer;
  }
}

TEST(HttpServer, ByteByByte) {
  Served served(echo);
  Raw client(served.port());
  for (const char c :
       std::string_view("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")) {
    ASSERT_TRUE(client.send({&c, 1}));
  }
  EXPECT_TRUE(client.until("POST /x hi").ends_with("POST /x hi"));
}

TEST(HttpServer, HeadHasALengthAndNoBody) {
  Served served(echo);
  Raw client(served.port());
  client.send("HEAD /h HTTP/1.1\r\nHost: a\r\n\r\nGET /g HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_NE(client.until("\r\n\r\n").find("Content-Length: 8\r\n"), std::string::npos);
  const auto second = client.to_end();
  EXPECT_TRUE(second.starts_with("HTTP/1.1 200")) << second;
  EXPECT_NE(second.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(second.ends_with("GET /g "));
}

TEST(HttpServer, Rfc9110_10_1_1_Continue) {
  Served served(echo);
  Raw client(served.port());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  EXPECT_TRUE(client.until("POST / ok").ends_with("POST / ok"));
}

TEST(HttpServer, W13_SmugglingIsAnswered400AndTheRestIsNeverSeen) {
  Served served(echo);
  for (const auto* headers :
       {"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 4\r\nContent-Length: 4\r\n",
        "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding : chunked\r\n", "X: a\r\n b\r\n"}) {
    Raw client(served.port());
    client.send(
        fmt::format("POST / HTTP/1.1\r\nHost: a\r\n{}\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", headers));
    const auto answer = client.to_end();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 Bad Request\r\n")) << answer;
    EXPECT_EQ(answer.find("HTTP/1.1", 5), std::string::npos) << answer;
  }
  EXPECT_EQ(served.counters().requests, 0U);
  EXPECT_EQ(served.counters().refused[static_cast<std::size_t>(Refusal::framing_conflict)], 1U);
}

TEST(HttpServer, W13_Http10IsClosed) {
  Served served(echo);
  Raw client(served.port());
  client.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(client.to_end().ends_with("GET / "));
}

TEST(HttpServer, W15_ATooLargeBodyIsRefusedWhileItIsSent) {
  Served served(echo, {.max_body = 1000});
  Raw client(served.port());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
  client.send(std::string(100'000, 'x'));  // the answer must survive this
  EXPECT_TRUE(client.to_end().starts_with("HTTP/1.1 413 "));
}

TEST(HttpServer, W15_Statuses) {
  Served served(echo);
  const auto status = [&](std::string_view bytes) {
    Raw client(served.port());
    client.send(bytes);
    return client.to_end().substr(9, 3);
  };
  EXPECT_EQ(status("GET /" + std::string(17'000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n"), "414");
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(33'000, 'a') + "\r\n\r\n"), "431");
  EXPECT_EQ(status("GET / HTTP/1.1\r\n\r\n"), "400");
  EXPECT_EQ(status("GET / HTTP/2.0\r\n\r\n"), "505");
  EXPECT_EQ(status("BREW / HTTP/1.1\r\nHost: a\r\n\r\n"), "501");
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n"), "417");
}

TEST(HttpServer, W17_Trace) {
  Served served(echo);
  Raw client(served.port());
  client.send("TRACE / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer canary\r\n\r\n");
  const auto answer = client.to_end();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 405 "));
  EXPECT_NE(answer.find("Allow: GET"), std::string::npos);
  EXPECT_EQ(answer.find("canary"), std::string::npos);
}

TEST(HttpServer, W12_AHandlerCannotSplitItsAnswer) {
  Served served([](codec::Request) -> Task<codec::Response> {
    auto response = codec::Response::with(302, "text/plain", "");
    response.headers.add("Location", "/x\r\nSet-Cookie: a=b");
    co_return response;
  });
  Raw client(served.port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const auto answer = client.to_end();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 500 ")) << answer;
  EXPECT_EQ(answer.find("Set-Cookie"), std::string::npos);
}

TEST(HttpServer, W28_ExceptionsTellNothing) {
  Served served([](codec::Request request) -> Task<codec::Response> {
    if (request.target == "/suspended") co_await sleep_for(1ms);
    throw std::runtime_error("secret canary");
    co_return codec::Response{};
  });
  for (const auto* target : {"/", "/suspended"}) {
    Raw client(served.port());
    client.send(fmt::format("GET {} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", target));
    const auto answer = client.to_end();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 500 Internal Server Error\r\n")) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
    EXPECT_EQ(answer.find("canary"), std::string::npos);
  }
  EXPECT_EQ(served.counters().handler_failed, 2U);
  Served direct([](codec::Request) -> Task<codec::Response> { throw std::runtime_error("not even a coroutine"); });
  Raw client(direct.port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(client.to_end().starts_with("HTTP/1.1 500 "));
}

TEST(HttpServer, W14_SlowHeadersAreCutAndOthersServed) {
  Served served(echo, {.header_timeout = 200ms});
  std::vector<std::unique_ptr<Raw>> slow;
  for (int i = 0; i < 50; ++i) {
    slow.push_back(std::make_unique<Raw>(served.port()));
    slow.back()->send("GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ");
  }
  Raw good(served.port());
  good.send(kGet);
  EXPECT_TRUE(good.until("GET / ").ends_with("GET / "));
  for (auto& client : slow) EXPECT_TRUE(client->to_end().starts_with("HTTP/1.1 408 "));
  EXPECT_EQ(served.counters().timed_out_read, 50U);
  Raw silent(served.port());
  EXPECT_TRUE(silent.closed());
}

TEST(HttpServer, W14_ATrickleDoesNotMoveTheHeaderDeadline) {
  Served served(echo, {.header_timeout = 150ms});
  Raw client(served.port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ");
  EXPECT_TRUE(eventually([&] {
    client.send("a");
    return served.counters().timed_out_read == 1;
  }));
}

TEST(HttpServer, W14_SlowBodiesAreCut) {
  Served served(echo, {.body_timeout = 100ms});
  Raw client(served.port());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_TRUE(client.to_end().starts_with("HTTP/1.1 408 "));
}

TEST(HttpServer, IdleConnectionsEnd) {
  Served served(echo, {.keep_alive_timeout = 100ms});
  Raw client(served.port());
  client.send(kGet);
  client.until("GET / ");
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(eventually([&] { return served.counters().active == 0; }));
  EXPECT_EQ(served.counters().timed_out_read, 0U);
}

TEST(HttpServer, W14_SlowReadersAreCut) {
  Served served(
      [](codec::Request) -> Task<codec::Response> {
        co_return codec::Response::with(200, "text/plain", std::string(16 * 1024 * 1024, 'x'));
      },
      {.write_timeout = 100ms});
  Raw client(served.port(), 4096);
  client.send(kGet);
  EXPECT_TRUE(eventually([&] { return served.counters().timed_out_write == 1; }));
  EXPECT_LT(client.to_end().size(), 16U * 1024 * 1024);
}

TEST(HttpServer, LargeAnswersArriveWhole) {
  Served served([](codec::Request) -> Task<codec::Response> {
    co_return codec::Response::with(200, "text/plain", std::string(16 * 1024 * 1024, 'x') + ";");
  });
  Raw client(served.port(), 4096);
  client.send(kGet);
  EXPECT_GT(client.until(";").size(), 16U * 1024 * 1024);
  client.send(kGet);
  EXPECT_GT(client.until(";").size(), 16U * 1024 * 1024);
}

TEST(HttpServer, ALateHandlerIsOvertaken) {
  Notifier release;
  std::atomic<bool> finished{false};
  Served served(
      [&](codec::Request) -> Task<codec::Response> {
        co_await release.wait(0, kPatience);
        finished = true;
        co_return codec::Response::with(200, "text/plain", "late");
      },
      {.request_timeout = 100ms});
  Raw client(served.port());
  client.send(kGet);
  const auto answer = client.to_end();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_EQ(answer.find("late"), std::string::npos);
  EXPECT_EQ(served.counters().handling, 1U);
  release.notify_all();
  EXPECT_TRUE(eventually([&] { return finished && served.counters().handling == 0; }));
  EXPECT_EQ(served.counters().timed_out_handler, 1U);
}

TEST(HttpServer, AClientThatLeavesDoesNotHurtItsHandler) {
  Notifier release;
  Served served([&](codec::Request) -> Task<codec::Response> {
    co_await release.wait(0, kPatience);
    co_return codec::Response::with(200, "text/plain", "x");
  });
  {
    Raw client(served.port());
    client.send(kGet);
    ASSERT_TRUE(eventually([&] { return served.counters().handling == 1; }));
  }
  release.notify_all();
  EXPECT_TRUE(eventually([&] { return served.counters().handling == 0 && served.counters().active == 0; }));
}

TEST(HttpServer, W14_ConnectionCaps) {
  Served served(echo, {.connections_per_address_max = 3});
  std::vector<std::unique_ptr<Raw>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<Raw>(served.port()));
    clients.back()->send(kGet);
    clients.back()->until("GET / ");
  }
  Raw over(served.port());
  EXPECT_TRUE(over.closed());
  EXPECT_EQ(served.counters().refused_address, 1U);
  clients.clear();
  EXPECT_TRUE(eventually([&] { return served.counters().active == 0; }));
  Raw again(served.port());
  again.send(kGet);
  EXPECT_TRUE(again.until("GET / ").ends_with("GET / "));

  Served full(echo, {.connections_max = 1});
  Raw first(full.port());
  first.send(kGet);
  first.until("GET / ");
  Raw second(full.port());
  EXPECT_TRUE(second.closed());
  EXPECT_EQ(full.counters().refused_full, 1U);
}

TEST(HttpServer, DrainFinishesWhatIsInFlight) {
  Notifier release;
  Served served([&](codec::Request) -> Task<codec::Response> {
    co_await release.wait(0, kPatience);
    co_return codec::Response::with(200, "text/plain", "done");
  });
  Raw busy(served.port());
  busy.send(kGet);
  Raw idle(served.port());
  ASSERT_TRUE(eventually([&] { return served.counters().handling == 1 && served.counters().active == 2; }));
  std::atomic<int> drained{0};
  served.server->drain([&] { ++drained; });
  served.server->drain([&] { ++drained; });
  EXPECT_TRUE(idle.closed());
  EXPECT_EQ(drained, 0);
  release.notify_all();
  const auto answer = busy.to_end();
  EXPECT_TRUE(answer.ends_with("done")) << answer;
  EXPECT_TRUE(eventually([&] { return drained == 2; }));
  EXPECT_FALSE(Raw(served.port()).connected());
}

TEST(HttpServer, DrainEndsWithItsTimeout) {
  Notifier release;
  std::atomic<bool> drained{false};
  Served served(
      [&](codec::Request) -> Task<codec::Response> {
        co_await release.wait(0, kPatience);
        co_return codec::Response{};
      },
      {.drain_timeout = 100ms});
  Raw busy(served.port());
  busy.send(kGet);
  ASSERT_TRUE(eventually([&] { return served.counters().handling == 1; }));
  served.server->drain([&] { drained = true; });
  EXPECT_TRUE(busy.closed());
  EXPECT_TRUE(eventually([&] { return drained.load(); }));
  release.notify_all();
  EXPECT_TRUE(eventually([&] { return served.counters().handling == 0; }));
}

TEST(HttpServer, ATakenPortIsRefused) {
  Served served(echo);
  auto second = HttpServer::listen(served.runtime, "127.0.0.1", served.port(), nullptr, echo);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::config_invalid);
  EXPECT_FALSE(HttpServer::listen(served.runtime, "localhost", 0, nullptr, echo));
}

TEST(HttpServer, EndsWithOpenConnections) {
  auto served = std::make_unique<Served>(echo);
  Raw idle(served->port());
  idle.send(kGet);
  idle.until("GET / ");
  Raw half(served->port());
  half.send("GET / HT");
  served->server.reset();
  EXPECT_TRUE(idle.closed());
  EXPECT_TRUE(half.closed());
  served.reset();
}

// ---- runtime

TEST(Runtime, NotifierWakesWaitersOnTheirLoops) {
  Runtime runtime(2);
  runtime.start();
  Notifier notifier;
  std::atomic<int> woken{0};
  std::atomic<int> waiting{0};
  for (unsigned i = 0; i < 20; ++i) {
    runtime.spawn_on(i % 2, [&, i]() -> Task<> {
      const auto* const home = Scheduler::current();
      ++waiting;
      const bool news = co_await notifier.wait(0, kPatience);
      if (news && home == Scheduler::current() && home == &runtime.scheduler(i % 2)) ++woken;
    });
  }
  ASSERT_TRUE(eventually([&] { return waiting == 20; }));
  notifier.notify_all();
  EXPECT_TRUE(eventually([&] { return woken == 20; }));
  EXPECT_EQ(notifier.version(), 1U);
}

TEST(Runtime, NotifierNeverLosesNewsAndKeepsItsDeadline) {
  Notifier notifier;
  notifier.notify_all();
  EXPECT_TRUE(run_sync(notifier.wait(0, kPatience)));
  EXPECT_FALSE(run_sync(notifier.wait(1, 1ms)));
  Runtime runtime(1);
  runtime.start();
  std::atomic<int> outcome{-1};
  runtime.spawn_on(0, [&]() -> Task<> { outcome = co_await notifier.wait(0, kPatience) ? 1 : 0; });
  EXPECT_TRUE(eventually([&] { return outcome == 1; }));
  runtime.spawn_on(0, [&]() -> Task<> { outcome = co_await notifier.wait(1, 30ms) ? 2 : 0; });
  EXPECT_TRUE(eventually([&] { return outcome == 0; }));
}

TEST(Runtime, EveryRepeatsUntilItsHandleGoes) {
  Runtime runtime(1);
  std::atomic<int> count{0};
  auto handle = runtime.every(1ms, [&] {
    if (++count == 2) throw std::runtime_error("does not end it");
  });
  runtime.start();
  EXPECT_TRUE(eventually([&] { return count >= 5; }));
  handle.reset();
  std::atomic<bool> passed{false};
  runtime.spawn_on(0, [&]() -> Task<> {
    co_await sleep_for(20ms);
    passed = true;
  });
  EXPECT_TRUE(eventually([&] { return passed.load(); }));
  const int after = count;
  passed = false;
  runtime.spawn_on(0, [&]() -> Task<> {
    co_await sleep_for(20ms);
    passed = true;
  });
  EXPECT_TRUE(eventually([&] { return passed.load(); }));
  EXPECT_EQ(count, after);
}

TEST(Runtime, SignalsReachTheirCallback) {
  Runtime runtime(1);
  std::atomic<int> hups{0};
  runtime.on_signal(SIGHUP, [&] { ++hups; });
  runtime.start();
  for (int i = 1; i <= 3; ++i) {
    ::kill(::getpid(), SIGHUP);
    EXPECT_TRUE(eventually([&] { return hups == i; }));
  }
}

TEST(Runtime, RunEndsWithStop) {
  Runtime runtime(2);
  runtime.post(1, [&] { runtime.stop(); });
  runtime.run();
}

}  // namespace
}  // namespace mitral::net
