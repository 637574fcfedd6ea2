// Many nodes on one database: any node answers any request, what is done at one counts at all of them, and an
// installation that moved or came back from a backup is the same installation. On a SQLite file that processes share,
// and on a real PostgreSQL server.
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>

#include "gateway/feed_follower.h"
#include "gateway/gateway.h"
#include "support/nodes_rig.h"
#include "support/postgres_server.h"

namespace mitral::app {
namespace {

enum class Backing : std::uint8_t { sqlite, postgres };

/// A gateway whose authorization server is one of the nodes.
class NodeSender final : public gateway::Sender {
 public:
  explicit NodeSender(Node& node) : node_(node) {}
  Task<Result<codec::Response>> send(net::Url url, codec::Request request, net::ClientOptions) override {
    if (url.host != "as.example.org")
      co_return codec::Response::with(200, "application/fhir+json", R"({"resourceType":"Patient","id":"ada"})");
    request.set_target(url.target);
    request.headers.set("Host", "as.example.org");
    request.peer_address = "192.0.2.20";
    request.tls = true;
    request.received = node_.clock.now();
    co_return co_await node_.handler(std::move(request));
  }

 private:
  Node& node_;
};

class Nodes : public ::testing::TestWithParam<Backing> {
 protected:
  void SetUp() override {
    auto key = ephemeral_master_key(crypto::system_random());
    ASSERT_TRUE(key);
    master_ = std::move(*key);
    storage_ = fresh("main");
    if (GetParam() == Backing::postgres && storage_.postgres.empty()) GTEST_SKIP() << "no PostgreSQL here";
  }
  /// An empty database; for PostgreSQL a schema of its own.
  StorageConfig fresh(const std::string& name) {
    StorageConfig out;
    out.path = dir_.file(name + ".db");
    if (GetParam() == Backing::postgres) out = on_postgres();
    return out;
  }
  static StorageConfig on_postgres() {
    StorageConfig out;
    if (!testing_support::PostgresServer::installed()) return out;
    const auto options = testing_support::PostgresServer::shared().fresh();
    out.postgres = options.url;
    out.schema = options.schema;
    return out;
  }
  /// `count` nodes on the database, with the rig's records in it.
  std::vector<std::unique_ptr<Node>> start(int count) {
    std::vector<std::unique_ptr<Node>> out;
    out.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) out.push_back(std::make_unique<Node>(storage_, master_));
    if (!populated_) populate(*out[0]->store, out[0]->as->passwords());
    populated_ = true;
    for (const auto& node : out) {
      EXPECT_TRUE(within(1s, [&] {
        return node->store->directory()->client(Issuer{std::string(kRigIssuer)}, "app") != nullptr &&
               node->store->directory()->resource_server(Issuer{std::string(kRigIssuer)}, "fhir") != nullptr;
      }));
    }
    return out;
  }
  ServerConfig server_config(const StorageConfig& storage) {
    ServerConfig out;
    out.issuers = {rig_issuer()};
    out.storage = storage;
    return out;
  }

  RigDir dir_;
  MasterKey master_;
  StorageConfig storage_;
  bool populated_ = false;
};

TEST_P(Nodes, AnyNodeAnswersAnyRequest) {
  const auto nodes = start(3);
  Node& one = *nodes[0];
  Node& two = *nodes[1];
  Node& three = *nodes[2];
  Wanderer browser({&one, &two, &three});
  const auto code = browser.code();
  ASSERT_FALSE(code.empty());
  const auto redeemed = three.post("token", code_form(code));
  ASSERT_EQ(redeemed.status, 200) << redeemed.body;
  const auto refreshed = one.post("token", refresh_form(text_of(redeemed, "refresh_token")));
  ASSERT_EQ(refreshed.status, 200) << refreshed.body;
  const auto access = text_of(refreshed, "access_token");
  EXPECT_TRUE(two.active(access));
  EXPECT_TRUE(one.active(access));

  NodeSender sender(two);
  gateway::Config config;
  config.public_base = std::string(kRigFhir);
  config.audience = config.public_base;
  config.upstream = "http://fhir.internal:8090/r4";
  config.issuer = std::string(kRigIssuer);
  config.credential_id = "fhir";
  config.credential_secret = Secret(std::string(kRigSecret));
  auto gateway = gateway::Gateway::create(std::move(config), sender, *one.store, one.clock, crypto::system_random());
  ASSERT_TRUE(gateway) << gateway.error().detail;
  std::atomic<bool> over{false};
  std::thread follower([&] {
    while (!over) static_cast<void>(run_sync((*gateway)->feed().poll_once(1s)));
  });
  const auto read = [&] {
    codec::Request request;
    request.method = codec::Method::get;
    request.set_target("/r4/Patient/ada");
    request.headers.add("Host", "fhir.example.org");
    request.headers.add("Authorization", "Bearer " + access);
    request.peer_address = "192.0.2.30";
    request.tls = true;
    request.received = one.clock.now();
    return run_sync((*gateway)->handle(std::move(request))).status;
  };
  EXPECT_TRUE(within(5s, [&] { return read() == 200; }));

  ASSERT_EQ(three.post("revoke", {{"token", text_of(refreshed, "refresh_token")}}).status, 200);
  const auto revoked = std::chrono::steady_clock::now();
  EXPECT_FALSE(three.active(access)) << "at the node that revoked it, at once";
  EXPECT_TRUE(within(1s, [&] { return !one.active(access) && !two.active(access); }));
  EXPECT_TRUE(within(1s, [&] { return read() == 401; }));
  EXPECT_LT(std::chrono::steady_clock::now() - revoked, 1s);
  EXPECT_EQ(one.post("token", refresh_form(text_of(refreshed, "refresh_token"))).status, 400);
  over = true;
  follower.join();
}

TEST_P(Nodes, ACodeIsRedeemedOnceOnAllNodes) {
  const auto nodes = start(3);
  Wanderer browser({nodes[0].get(), nodes[1].get(), nodes[2].get()});
  for (int round = 0; round < 3; ++round) {
    const auto code = browser.code();
    ASSERT_FALSE(code.empty());
    std::atomic<int> won{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 9; ++i) {
      threads.emplace_back([&, i] {
        if (nodes[static_cast<std::size_t>(i % 3)]->post("token", code_form(code)).status == 200) ++won;
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(won, 1);
  }
}

TEST_P(Nodes, ARefreshTokenThatIsReusedAtAnotherNodeEndsItsFamily) {
  const auto nodes = start(2);
  Wanderer browser({nodes[0].get()});
  const auto first = nodes[0]->post_public("token", code_form(browser.code("pub")));
  const auto old = text_of(first, "refresh_token");
  const auto second = nodes[1]->post_public("token", refresh_form(old));
  ASSERT_EQ(second.status, 200) << second.body;
  const auto third = nodes[0]->post_public("token", refresh_form(text_of(second, "refresh_token")));
  ASSERT_EQ(third.status, 200) << third.body;
  ASSERT_NE(text_of(third, "refresh_token"), old);
  EXPECT_EQ(nodes[1]->post_public("token", refresh_form(old)).status, 400);
  EXPECT_TRUE(within(1s, [&] { return !nodes[0]->active(text_of(third, "access_token")); }));
  EXPECT_EQ(nodes[0]->post_public("token", refresh_form(text_of(third, "refresh_token"))).status, 400);
}

TEST_P(Nodes, SigningKeysAreMadeOnceAndNotOncePerNode) {
  std::vector<std::unique_ptr<Node>> nodes(4);
  std::vector<std::thread> threads;
  for (auto& slot : nodes) {
    threads.emplace_back([&] { slot = std::make_unique<Node>(storage_, master_); });
  }
  for (auto& thread : threads) thread.join();
  const auto keys = run_sync(nodes[0]->store->keys(Issuer{std::string(kRigIssuer)}));
  ASSERT_TRUE(keys);
  std::map<std::string, int> signing;
  for (const auto& key : *keys) {
    if (!key.revoked) ++signing[key.purpose + " " + key.alg];
  }
  EXPECT_FALSE(signing.empty());
  for (const auto& [what, count] : signing) EXPECT_EQ(count, 1) << what;
}

// A node that was killed leaves its lease; one that ended does not.
TEST_P(Nodes, RunningNodesAreSeenAndTheDatabaseIsNotMovedFromUnderThem) {
  {
    const auto nodes = start(2);
    const auto refused = move_database(storage_, fresh("target"), SystemClock().now());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::conflict);
    EXPECT_NE(refused.error().detail.find("being served"), std::string::npos);
    EXPECT_EQ(nodes[0]->post("token", {{"grant_type", "client_credentials"}, {"scope", "jobs.run"}}).status, 200);
  }
  const auto target = fresh("target2");
  const auto moved = move_database(storage_, target, SystemClock().now());
  ASSERT_TRUE(moved) << moved.error().detail;
  const GuardedClock clock;
  const auto again = open_store(storage_, clock, 1, false);
  ASSERT_FALSE(again) << "what was moved away is not served";
  EXPECT_EQ(again.error().code, ErrorCode::conflict);
  ASSERT_TRUE(unlock_database(storage_));
  EXPECT_TRUE(open_store(storage_, clock, 1, false));
}

// Frozen, the server neither answers nor hangs up: the worst kind of cut.
TEST_P(Nodes, CutOffFromItsDatabaseANodeDeniesAndSaysSo) {
  if (GetParam() != Backing::postgres) GTEST_SKIP() << "a file is not cut off";
  testing_support::PostgresServer server{testing_support::PostgresServer::Options{}};
  const auto options = server.fresh();
  storage_ = {};
  storage_.postgres = options.url;
  storage_.schema = options.schema;
  const auto nodes = start(1);
  Node& node = *nodes[0];
  const auto token =
      text_of(node.post("token", {{"grant_type", "client_credentials"}, {"scope", "jobs.run"}}), "access_token");
  ASSERT_TRUE(node.active(token));
  ASSERT_TRUE(run_sync(node.as->ready()));
  server.freeze();
  const auto introspect = [&] { return node.post("introspect", {{"token", token}}, "fhir"); };
  EXPECT_TRUE(within(3s, [&] { return introspect().status == 503; }));
  EXPECT_TRUE(introspect().headers.get("Retry-After"));
  EXPECT_EQ(node.send(codec::Method::get, "/t/clinic/revocations?after=0&wait=5", {}, {basic_header("fhir")}).status,
            503);
  EXPECT_EQ(node.post("token", {{"grant_type", "client_credentials"}, {"scope", "jobs.run"}}).status, 503);
  const auto ready = run_sync(node.as->ready());
  ASSERT_FALSE(ready);
  EXPECT_FALSE(ready.error().detail.empty());
  server.thaw();
  EXPECT_TRUE(within(10s, [&] { return introspect().status == 200 && run_sync(node.as->ready()); }));
  EXPECT_TRUE(node.active(token));
}

TEST_P(Nodes, ANodeWhoseClockLeapsLetsNobodyInAndRecovers) {
  if (GetParam() != Backing::postgres) GTEST_SKIP() << "a file has no clock to compare with";
  const auto nodes = start(1);
  std::atomic<std::int64_t> ahead{0};
  Node leaper(storage_, master_, &ahead);
  const codec::Form form{{"grant_type", "client_credentials"}, {"scope", "jobs.run"}};
  ASSERT_EQ(leaper.post("token", form).status, 200);
  ahead = Duration(7min).count();
  EXPECT_EQ(leaper.post("token", form).status, 503) << "from the very first request on";
  std::this_thread::sleep_for(limits::kClockCheckPeriod + 500ms);
  EXPECT_EQ(leaper.post("token", form).status, 503);
  const auto ready = run_sync(leaper.as->ready());
  ASSERT_FALSE(ready);
  EXPECT_NE(ready.error().detail.find("clock"), std::string::npos);
  EXPECT_EQ(nodes[0]->post("token", form).status, 200);
  ahead = 0;
  EXPECT_TRUE(within(6s, [&] { return leaper.post("token", form).status == 200; }));
  // Set back, it goes on by its own time, which is still the database's.
  ahead = -Duration(7min).count();
  std::this_thread::sleep_for(limits::kClockCheckPeriod + 500ms);
  EXPECT_EQ(leaper.post("token", form).status, 200);
}

TEST_P(Nodes, TokensGoOnWorkingAfterAMoveAndBack) {
  std::string refresh;
  std::string dead;
  {
    const auto nodes = start(1);
    Wanderer browser({nodes[0].get()});
    refresh = text_of(nodes[0]->post("token", code_form(browser.code())), "refresh_token");
    dead = text_of(nodes[0]->post("token", code_form(browser.code())), "refresh_token");
    ASSERT_EQ(nodes[0]->post("revoke", {{"token", dead}}).status, 200);
    run_sync(nodes[0]->store->seal_audit());
  }
  StorageConfig file;
  file.path = dir_.file("there.db");
  const auto& there = GetParam() == Backing::sqlite ? on_postgres() : file;
  if (there.postgres.empty() && GetParam() == Backing::sqlite) GTEST_SKIP() << "no PostgreSQL here";
  const auto moved = move_database(storage_, there, SystemClock().now());
  ASSERT_TRUE(moved) << moved.error().detail;
  const auto back = fresh("back");
  for (const auto& place : {there, back}) {
    if (place.path == back.path && place.schema == back.schema)
      ASSERT_TRUE(move_database(there, back, SystemClock().now()));
    storage_ = place;
    const auto nodes = start(2);
    const auto answer = nodes[0]->post("token", refresh_form(refresh));
    ASSERT_EQ(answer.status, 200) << answer.body;
    refresh = text_of(answer, "refresh_token");
    EXPECT_TRUE(nodes[1]->active(text_of(answer, "access_token")));
    EXPECT_EQ(nodes[1]->post("token", refresh_form(dead)).status, 400);
  }
}

// Everything acknowledged before the backup is there; nothing that was revoked after it lives again, and so nothing
// that lived then does.
TEST_P(Nodes, ARestoredBackupFailsClosed) {
  const auto backup = dir_.file("backup.db");
  std::string revoked_later;
  std::string alive;
  std::int64_t records = 0;
  {
    const auto nodes = start(1);
    Wanderer browser({nodes[0].get()});
    const auto first = nodes[0]->post("token", code_form(browser.code()));
    revoked_later = text_of(first, "refresh_token");
    alive = text_of(nodes[0]->post("token", code_form(browser.code())), "refresh_token");
    records = nodes[0]->store->last_seq();
    const auto saved = back_up(storage_, backup, nodes[0]->clock);
    ASSERT_TRUE(saved) << saved.error().detail;
    ASSERT_EQ(nodes[0]->post("revoke", {{"token", revoked_later}}).status, 200);
  }
  ASSERT_TRUE(store::transfer::check_backup(backup));
  GuardedClock clock;
  const auto occupied = restore(backup, server_config(storage_), master_, false, clock);
  ASSERT_FALSE(occupied);
  EXPECT_EQ(occupied.error().code, ErrorCode::conflict);

  storage_ = fresh("restored");
  const auto done = restore(backup, server_config(storage_), master_, false, clock);
  ASSERT_TRUE(done) << done.error().detail;
  EXPECT_EQ(done->clients, 2U);
  {
    const auto nodes = start(1);
    EXPECT_GT(nodes[0]->store->last_seq(), records);
    EXPECT_GE(nodes[0]->store->latest_change(), limits::kFeedJump);
    EXPECT_EQ(nodes[0]->post("token", refresh_form(revoked_later)).status, 400);
    EXPECT_EQ(nodes[0]->post("token", refresh_form(alive)).status, 400);
    // Records are as they were, and new sign-ins work.
    std::this_thread::sleep_for(1100ms);
    Wanderer browser({nodes[0].get()});
    EXPECT_EQ(nodes[0]->post("token", code_form(browser.code())).status, 200);
  }
  storage_ = fresh("trusted");
  ASSERT_TRUE(restore(backup, server_config(storage_), master_, true, clock));
  const auto nodes = start(1);
  EXPECT_EQ(nodes[0]->post("token", refresh_form(alive)).status, 200);
}

TEST_P(Nodes, ADamagedBackupIsNotRestored) {
  const auto backup = dir_.file("backup.db");
  {
    const auto nodes = start(1);
    ASSERT_TRUE(back_up(storage_, backup, nodes[0]->clock));
  }
  {
    std::fstream file(backup, std::ios::in | std::ios::out | std::ios::binary);
    std::string all((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const auto at = all.find("\"administration\"");
    ASSERT_NE(at, std::string::npos);
    file.seekp(static_cast<std::streamoff>(at) + 1);
    file.write("AdministratioN", 14);
  }
  EXPECT_FALSE(store::transfer::check_backup(backup));
  GuardedClock clock;
  EXPECT_FALSE(restore(backup, server_config(fresh("restored")), master_, false, clock));
}

INSTANTIATE_TEST_SUITE_P(Databases, Nodes, ::testing::Values(Backing::sqlite, Backing::postgres),
                         [](const auto& info) { return info.param == Backing::sqlite ? "sqlite" : "postgres"; });

}  // namespace
}  // namespace mitral::app
