// Bodies that come in pieces, out of the server and into the client (RFC 9112 §7.1; threats W-14, S-10).
#include <atomic>

#include "net/client.h"
#include "net_test.h"

namespace mitral::net {
namespace {

using namespace test;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kHead = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kOld = "GET / HTTP/1.0\r\nHost: a\r\n\r\n";

/// What a source was asked for and what became of it.
struct Ledger {
  std::atomic<int> asked{0};
  std::atomic<int> destroyed{0};
  std::atomic<bool> own_thread{true};
};

/// `count` pieces, then the end or an error. Waits before each when there is something to wait for.
class Pieces final : public codec::BodySource {
 public:
  struct Plan {
    int count = 3;
    std::string piece = "abc";
    bool fails = false;
    Notifier* wait = nullptr;
    Duration pause{};
  };
  Pieces(Ledger& ledger, Plan plan) : ledger_(ledger), plan_(std::move(plan)), home_(Scheduler::current()) {}
  ~Pieces() override {
    if (Scheduler::current() != home_) ledger_.own_thread = false;
    ++ledger_.destroyed;
  }
  Task<Result<std::string>> next() override {
    ++ledger_.asked;
    if (plan_.wait != nullptr) co_await plan_.wait->wait(0, kPatience);
    if (plan_.pause != Duration{}) co_await sleep_for(plan_.pause);
    if (sent_ == plan_.count) {
      if (plan_.fails) co_return fail(ErrorCode::unavailable, {}, "source gave up");
      co_return std::string();
    }
    ++sent_;
    co_return plan_.piece;
  }

 private:
  Ledger& ledger_;
  Plan plan_;
  Scheduler* home_;
  int sent_ = 0;
};

Handler streams(Ledger& ledger, Pieces::Plan plan) {
  return [&ledger, plan](codec::Request) -> Task<codec::Response> {
    auto out = codec::Response::with(200, "text/plain", "");
    out.stream = std::make_shared<Pieces>(ledger, plan);
    co_return out;
  };
}

TEST(StreamingServer, Rfc9112_7_1_ChunksAndTheConnectionGoesOn) {
  Ledger ledger;
  Served served(streams(ledger, {}));
  Raw client(served.port());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send(kGet));
    const auto head = client.until("\r\n\r\n");
    EXPECT_NE(head.find("Transfer-Encoding: chunked\r\n"), std::string::npos) << head;
    EXPECT_EQ(head.find("Content-Length"), std::string::npos) << head;
    EXPECT_EQ(client.until("0\r\n\r\n"), "3\r\nabc\r\n3\r\nabc\r\n3\r\nabc\r\n0\r\n\r\n");
  }
  EXPECT_EQ(served.counters().accepted, 1U);
  EXPECT_TRUE(eventually([&] { return ledger.destroyed == 3; }));
  EXPECT_TRUE(ledger.own_thread);
}

TEST(StreamingServer, AnEmptyBodyIsOneLastChunk) {
  Ledger ledger;
  Served served(streams(ledger, {.count = 0}));
  Raw client(served.port());
  client.send(kGet);
  EXPECT_TRUE(client.until("0\r\n\r\n").ends_with("\r\n\r\n0\r\n\r\n"));
}

TEST(StreamingServer, PipelinedRequestsWaitForTheStream) {
  Ledger ledger;
  Served served(streams(ledger, {.count = 200, .piece = "x"}));
  Raw client(served.port());
  client.send(std::string(kGet) + std::string(kGet));
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(client.until("\r\n0\r\n\r\n").starts_with("HTTP/1.1 200"));
}

TEST(StreamingServer, OldClientsGetTheEndOfTheConnection) {
  Ledger ledger;
  Served served(streams(ledger, {}));
  Raw client(served.port());
  client.send(kOld);
  const auto all = client.to_end();
  EXPECT_TRUE(all.ends_with("\r\n\r\nabcabcabc")) << all;
  EXPECT_EQ(all.find("chunked"), std::string::npos);
  EXPECT_NE(all.find("Connection: close"), std::string::npos);
}

TEST(StreamingServer, HeadNeverAsksTheSource) {
  Ledger ledger;
  Served served(streams(ledger, {}));
  Raw client(served.port());
  client.send(std::string(kHead) + std::string(kHead));
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(client.until("\r\n\r\n").starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(eventually([&] { return ledger.destroyed == 2; }));
  EXPECT_EQ(ledger.asked, 0);
}

// A reader must be able to tell a cut answer from a whole one.
TEST(StreamingServer, S10_AnErrorNeverLooksLikeTheEnd) {
  Ledger ledger;
  Served served(streams(ledger, {.fails = true}));
  Raw client(served.port());
  client.send(kGet);
  const auto all = client.to_end();
  EXPECT_EQ(all.find("0\r\n\r\n"), std::string::npos) << all;
  EXPECT_TRUE(eventually([&] { return served.counters().active == 0 && ledger.destroyed == 1; }));
  EXPECT_TRUE(ledger.own_thread);

  Raw old(served.port());
  old.send(kOld);
  char byte = 0;
  ssize_t count = 1;
  while (count > 0) count = ::recv(old.fd(), &byte, 1, 0);
  EXPECT_EQ(count, -1) << "an orderly end would make the part look whole";
  EXPECT_EQ(errno, ECONNRESET);
}

TEST(StreamingServer, ASourceIsAskedOnlyWhenTheReaderTookTheLastPiece) {
  Ledger ledger;
  Served served(streams(ledger, {.count = 4000, .piece = std::string(64 * 1024, 'x')}));
  Raw client(served.port(), 4096);
  client.send(kGet);
  EXPECT_TRUE(eventually([&] { return ledger.asked > 0; }));
  std::this_thread::sleep_for(100ms);
  const int asked = ledger.asked;
  EXPECT_LT(asked, 400) << "the sockets hold a few megabytes, not all 250";
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(ledger.asked, asked);
}

TEST(StreamingServer, W14_SlowReadersOfAStreamAreCut) {
  Ledger ledger;
  Served served(streams(ledger, {.count = 4000, .piece = std::string(64 * 1024, 'x')}), {.write_timeout = 100ms});
  Raw client(served.port(), 4096);
  client.send(kGet);
  EXPECT_TRUE(eventually([&] { return served.counters().timed_out_write == 1; }));
  EXPECT_TRUE(eventually([&] { return ledger.destroyed == 1; }));
  EXPECT_TRUE(ledger.own_thread);
}

TEST(StreamingServer, ProgressOutlivesTheRequestDeadlineAndStallingDoesNot) {
  Ledger ledger;
  {
    Served served(streams(ledger, {.count = 8, .pause = 60ms}), {.request_timeout = 300ms});
    Raw client(served.port());
    client.send(kGet);
    EXPECT_TRUE(client.until("0\r\n\r\n").ends_with("abc\r\n0\r\n\r\n"));
  }
  Notifier never;
  Served served(streams(ledger, {.wait = &never}), {.request_timeout = 100ms});
  Raw client(served.port());
  client.send(kGet);
  const auto all = client.to_end();
  EXPECT_EQ(all.find("0\r\n\r\n"), std::string::npos);
  EXPECT_EQ(served.counters().timed_out_handler, 1U);
  never.notify_all();
  EXPECT_TRUE(eventually([&] { return ledger.destroyed == 2; }));
}

TEST(StreamingServer, AReaderWhoLeavesEndsTheSource) {
  Ledger ledger;
  Served served(streams(ledger, {.count = 4000, .piece = std::string(64 * 1024, 'x')}));
  {
    Raw client(served.port(), 4096);
    client.send(kGet);
    client.until("\r\n\r\n");
  }
  EXPECT_TRUE(eventually([&] { return ledger.destroyed == 1; }));
  EXPECT_LT(ledger.asked, 4000);
  EXPECT_TRUE(ledger.own_thread);
}

TEST(StreamingServer, DrainLetsAStreamFinishOrCutsIt) {
  Ledger ledger;
  Notifier release;
  {
    Served served(streams(ledger, {.wait = &release}));
    Raw client(served.port());
    client.send(kGet);
    ASSERT_TRUE(eventually([&] { return ledger.asked == 1; }));
    std::atomic<bool> drained{false};
    served.server->drain([&] { drained = true; });
    release.notify_all();
    EXPECT_TRUE(client.to_end().ends_with("0\r\n\r\n"));
    EXPECT_TRUE(eventually([&] { return drained.load(); }));
  }
  Notifier never;
  Served served(streams(ledger, {.wait = &never}), {.drain_timeout = 100ms});
  Raw client(served.port());
  client.send(kGet);
  ASSERT_TRUE(eventually([&] { return ledger.asked == 5; }));
  served.server->drain();
  EXPECT_FALSE(client.to_end().ends_with("0\r\n\r\n"));
  never.notify_all();
  EXPECT_TRUE(eventually([&] { return ledger.destroyed == 2; }));
}

TEST(StreamingServer, AThrowingSourceCutsTheAnswer) {
  struct Throws final : codec::BodySource {
    Task<Result<std::string>> next() override {
      throw std::runtime_error("broken");
      co_return std::string();
    }
  };
  Served served([](codec::Request) -> Task<codec::Response> {
    auto out = codec::Response::with(200, "text/plain", "");
    out.stream = std::make_shared<Throws>();
    co_return out;
  });
  Raw client(served.port());
  client.send(kGet);
  EXPECT_EQ(client.to_end().find("0\r\n\r\n"), std::string::npos);
  EXPECT_EQ(served.counters().handler_failed, 1U);
}

// ---- the client's side

struct ClientSide {
  Runtime runtime{2};
  HttpClient client{runtime};
  ClientSide() { runtime.start(); }

  static ClientOptions options() {
    ClientOptions out;
    out.addresses = AddressRule::public_or_loopback;
    out.allow_plain_http = true;
    out.connect_timeout = kPatience;
    out.total_timeout = kPatience;
    out.max_body = std::size_t{1024} * 1024 * 1024;
    return out;
  }
  Result<codec::Response> open(std::uint16_t port, ClientOptions with = options(),
                               codec::Method method = codec::Method::get) {
    codec::Request request;
    request.method = method;
    return run_sync(client.open(*parse_url(fmt::format("http://127.0.0.1:{}/", port)), request, with));
  }
};

Result<std::string> drained(codec::BodySource& source) {
  std::string out;
  while (true) {
    auto piece = run_sync(source.next());
    if (!piece) return std::unexpected(piece.error());
    if (piece->empty()) return out;
    EXPECT_LE(piece->size(), 2 * limits::kStreamPiece);
    out += *piece;
  }
}

TEST(StreamingClient, ReadsChunksAndKeepsTheConnection) {
  Ledger ledger;
  Served served(streams(ledger, {.count = 50, .piece = std::string(30'000, 'y')}));
  ClientSide side;
  for (int i = 0; i < 3; ++i) {
    auto answer = side.open(served.port());
    ASSERT_TRUE(answer) << answer.error().detail;
    EXPECT_EQ(answer->status, 200);
    EXPECT_TRUE(answer->body.empty());
    ASSERT_TRUE(answer->stream);
    const auto all = drained(*answer->stream);
    ASSERT_TRUE(all);
    EXPECT_EQ(*all, std::string(1'500'000, 'y'));
    EXPECT_TRUE(run_sync(answer->stream->next())->empty()) << "the end stays the end";
  }
  EXPECT_EQ(served.counters().accepted, 1U);
}

TEST(StreamingClient, SmallBodiesComeWhole) {
  Served served(echo);
  ClientSide side;
  const auto answer = side.open(served.port());
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->stream);
  EXPECT_EQ(answer->body, "GET / ");
  const auto head = side.open(served.port(), ClientSide::options(), codec::Method::head);
  ASSERT_TRUE(head);
  EXPECT_FALSE(head->stream);
}

TEST(StreamingClient, LargeBodiesOfKnownLengthStream) {
  Served served([](codec::Request) -> Task<codec::Response> {
    co_return codec::Response::with(200, "text/plain", std::string(3'000'000, 'z'));
  });
  ClientSide side;
  for (int i = 0; i < 2; ++i) {
    auto answer = side.open(served.port());
    ASSERT_TRUE(answer);
    ASSERT_TRUE(answer->stream);
    EXPECT_EQ(drained(*answer->stream)->size(), 3'000'000U);
  }
  EXPECT_EQ(served.counters().accepted, 1U);
}

TEST(StreamingClient, S10_ACutBodyIsAnErrorAndStaysOne) {
  Ledger ledger;
  Served served(streams(ledger, {.count = 5, .piece = std::string(100'000, 'y'), .fails = true}));
  ClientSide side;
  auto answer = side.open(served.port());
  ASSERT_TRUE(answer);
  const auto all = drained(*answer->stream);
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().code, ErrorCode::unavailable);
  EXPECT_FALSE(run_sync(answer->stream->next()));
}

TEST(StreamingClient, TheBodyHasItsLimit) {
  Ledger ledger;
  Served served(streams(ledger, {.count = 100, .piece = std::string(100'000, 'y')}));
  ClientSide side;
  auto options = ClientSide::options();
  options.max_body = 1'000'000;
  auto answer = side.open(served.port(), options);
  ASSERT_TRUE(answer);
  const auto all = drained(*answer->stream);
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().code, ErrorCode::too_large);
}

TEST(StreamingClient, ASilentPeerEndsWithTheIdleTimeout) {
  Notifier never;
  struct Once final : codec::BodySource {
    explicit Once(Notifier& on) : never(on) {}
    Task<Result<std::string>> next() override {
      if (std::exchange(first, false)) co_return std::string("begin");
      co_await never.wait(0, kPatience);
      co_return std::string();
    }
    Notifier& never;
    bool first = true;
  };
  Served served([&never](codec::Request) -> Task<codec::Response> {
    auto out = codec::Response::with(200, "text/plain", "");
    out.stream = std::make_shared<Once>(never);
    co_return out;
  });
  ClientSide side;
  auto options = ClientSide::options();
  options.idle_timeout = 100ms;
  auto answer = side.open(served.port(), options);
  ASSERT_TRUE(answer);
  EXPECT_EQ(run_sync(answer->stream->next()).value(), "begin");
  const auto second = run_sync(answer->stream->next());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::timeout);
  never.notify_all();
}

TEST(StreamingClient, NobodyReadsAheadOfTheReader) {
  Ledger ledger;
  Served served(streams(ledger, {.count = 4000, .piece = std::string(64 * 1024, 'x')}));
  ClientSide side;
  auto answer = side.open(served.port());
  ASSERT_TRUE(answer);
  EXPECT_FALSE(run_sync(answer->stream->next())->empty());
  std::this_thread::sleep_for(100ms);
  EXPECT_LT(ledger.asked, 1000);
  answer->stream.reset();  // abandoned: the connection closes, the server's source ends
  EXPECT_TRUE(eventually([&] { return ledger.destroyed == 1; }));
  EXPECT_LT(ledger.asked, 4000);
}

// Through both: a server that hands on what its client opens.
TEST(StreamingClient, PassesThroughAServer) {
  Ledger ledger;
  Served origin(streams(ledger, {.count = 300, .piece = std::string(50'000, 'q')}));
  Runtime runtime(2);
  HttpClient client(runtime);
  const auto port = origin.port();
  auto made = HttpServer::listen(runtime, "127.0.0.1", 0, nullptr,
                                 [&client, port](codec::Request) -> Task<codec::Response> {
                                   auto answer =
                                       co_await client.open(*parse_url(fmt::format("http://127.0.0.1:{}/", port)),
                                                            codec::Request{}, ClientSide::options());
                                   co_return answer ? std::move(*answer) : codec::Response::with(502, "text/plain", "");
                                 },
                                 {});
  ASSERT_TRUE(made);
  runtime.start();
  ClientSide side;
  for (int i = 0; i < 3; ++i) {
    auto answer = side.open((*made)->port());
    ASSERT_TRUE(answer && answer->stream);
    EXPECT_EQ(drained(*answer->stream)->size(), 15'000'000U);
  }
  {
    Raw leaves((*made)->port(), 4096);
    leaves.send(kGet);
    leaves.until("\r\n\r\n");
  }
  EXPECT_TRUE(eventually([&] { return ledger.destroyed == 4; }));
}

}  // namespace
}  // namespace mitral::net
