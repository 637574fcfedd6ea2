// The writer: how many round trips a batch takes, what fails alone and what together, and what is left of it when the
// database or the way to it breaks.
#include "contract/postgres_rig.h"

namespace mitral::contract {
namespace {

class PostgresWriterTest : public PostgresTest {
 protected:
  /// Starts all tasks on one loop in one turn, so that they share a batch, and waits for all of them.
  static std::vector<Result<void>> together(
      net::Runtime& runtime, const std::vector<std::function<Task<Result<void>>()>>& acts,
      const std::function<void()>& once_queued = [] {}) {
    auto done = std::make_shared<std::promise<void>>();
    auto results = std::make_shared<std::vector<Result<void>>>(acts.size());
    auto left = std::make_shared<std::size_t>(acts.size());
    auto future = done->get_future();
    runtime.post(0, [=] {
      for (std::size_t i = 0; i < acts.size(); ++i) {
        spawn(acts[i](), [=](std::exception_ptr failed, std::optional<Result<void>> value) {
          (*results)[i] = failed ? fail(ErrorCode::internal, {}, "thrown") : std::move(*value);
          if (--*left == 0) done->set_value();
        });
      }
      once_queued();
    });
    future.wait();
    return *results;
  }
  struct Cost {
    std::uint64_t batches = 0;
    std::uint64_t round_trips = 0;
  };
  /// The same with certainty: while they are queued the writer is busy with a batch that can't go on.
  std::vector<Result<void>> in_one_batch(net::Runtime& runtime, Writer& writing,
                                         const std::vector<std::function<Task<Result<void>>()>>& acts, Cost& cost) {
    auto other = intruder();
    other.run("BEGIN");
    other.run("SELECT 1 FROM head FOR UPDATE");
    auto first = on_loop<Result<void>>(runtime, 0, [&] { return add(writing, "the first"); });
    EXPECT_TRUE(
        intruder().await("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
                         "application_name = '" +
                             options_.application_name + "'",
                         "1"));
    const Cost before{writing.batches(), writing.round_trips()};
    auto results = together(runtime, acts, [&] { other.run("ROLLBACK"); });
    EXPECT_TRUE(first.get());
    // Of the first one: its batch and its second round trip.
    cost = {writing.batches() - before.batches - 1, writing.round_trips() - before.round_trips - 1};
    return results;
  }
  /// The whole record fits together, and the head says its end.
  void expect_chain_whole() const {
    auto look = connect();
    const auto rows = look->exchange(Statement("SELECT seq, event, hash FROM audit ORDER BY seq"));
    const auto head = look->exchange(Statement("SELECT audit_seq, audit_hash, change_seq FROM head"));
    const auto changes = look->exchange(Statement("SELECT count(*), max(seq) FROM changes"));
    ASSERT_TRUE(rows && head && changes);
    Hash256 hash{};
    for (int i = 0; i < rows->count(); ++i) {
      ASSERT_EQ(rows->integer(i, 0), i + 1) << "a gap";
      hash = audit::chain_hash(hash, i + 1, rows->text(i, 1));
      ASSERT_EQ(rows->hash(i, 2), hash);
    }
    EXPECT_EQ(head->integer(0, 0), rows->count());
    EXPECT_EQ(head->hash(0, 1), hash);
    EXPECT_EQ(head->integer(0, 2), changes->integer(0, 0));
    EXPECT_EQ(changes->integer(0, 1), changes->integer(0, 0)) << "a gap";
  }
  [[nodiscard]] std::string backend_of_writer(PostgresIntruder& look) const {
    return look.value("SELECT pid FROM pg_stat_activity WHERE application_name = '" + options_.application_name +
                      "' AND backend_type = 'client backend' ORDER BY backend_start DESC LIMIT 1");
  }
  void SetUp() override {
    PostgresTest::SetUp();
    // So that one writer can be told from another in pg_stat_activity.
    options_.application_name = "writer_" + options_.schema;
  }
};

TEST_F(PostgresWriterTest, ABatchOfAHundredTakesTwoRoundTrips) {
  const auto writing = writer();
  net::Runtime runtime(1);
  runtime.start();
  std::vector<store::PreparedEvents> events;
  for (int i = 0; i < 100; ++i) events.push_back(event(fmt::format("event {}", i)));
  std::vector<std::function<Task<Result<void>>()>> acts;
  for (int i = 0; i < 100; ++i) {
    acts.emplace_back(
        [&, i] { return add_judged(*writing, fmt::format("k{}", i), events[static_cast<std::size_t>(i)]); });
  }
  Cost cost;
  for (const auto& result : in_one_batch(runtime, *writing, acts, cost)) EXPECT_TRUE(result) << detail(result);
  EXPECT_EQ(cost.batches, 1U);
  EXPECT_EQ(cost.round_trips, 2U);
  EXPECT_EQ(writing->audit_seq(), 100);
  expect_chain_whole();
}

TEST_F(PostgresWriterTest, ABatchThatFillsThePipelineTakesAFewMore) {
  const auto writing = writer();
  net::Runtime runtime(1);
  runtime.start();
  std::vector<std::function<Task<Result<void>>()>> acts;
  for (std::size_t i = 0; i < limits::kCommitBatchMax; ++i) {
    acts.emplace_back([&, i] { return add(*writing, fmt::format("k{}", i)); });
  }
  Cost cost;
  for (const auto& result : in_one_batch(runtime, *writing, acts, cost)) EXPECT_TRUE(result) << detail(result);
  EXPECT_EQ(cost.batches, 1U);
  EXPECT_LE(cost.round_trips, limits::kCommitBatchMax / limits::kPostgresPipelineMax + 2);
  EXPECT_EQ(intruder().value("SELECT count(*) FROM things"), std::to_string(limits::kCommitBatchMax + 1));
}

TEST_F(PostgresWriterTest, AnActThatFailsFailsAlone) {
  std::vector<model::Change> heard;
  const auto writing = writer({.committed = [&](std::vector<model::Change> changes) {
    std::ranges::move(changes, std::back_inserter(heard));
  }});
  net::Runtime runtime(1);
  runtime.start();
  ASSERT_TRUE(run_sync(add(*writing, "taken")));
  const auto events = event("done");
  // Three ways to fail: a violated constraint, the act's own word, an exception; and a text that is none.
  const auto results = together(
      runtime,
      {[&] { return add_judged(*writing, "a", events); }, [&] { return add(*writing, "taken"); },
       [&] { return add_judged(*writing, "b", events); }, [&] { return add_judged(*writing, "taken", events); },
       [&] {
         return writing->write({},
                               [](Tx&, std::span<const Rows>) -> Result<void> { throw std::runtime_error("thrown"); });
       },
       [&] { return add(*writing, "\xff"); }, [&] { return add_judged(*writing, "c", events); },
       [&] { return add_judged(*writing, "c", events); }});
  EXPECT_TRUE(results[0]) << detail(results[0]);
  ASSERT_FALSE(results[1]);
  EXPECT_EQ(results[1].error().code, ErrorCode::conflict);
  EXPECT_TRUE(results[2]) << detail(results[2]);
  ASSERT_FALSE(results[3]);
  EXPECT_EQ(results[3].error().code, ErrorCode::conflict);
  ASSERT_FALSE(results[4]);
  EXPECT_EQ(results[4].error().code, ErrorCode::internal);
  ASSERT_FALSE(results[5]);
  EXPECT_EQ(results[5].error().code, ErrorCode::malformed);
  EXPECT_NE(results[6].has_value(), results[7].has_value()) << "of two that want the same one wins";
  EXPECT_EQ(intruder().value("SELECT string_agg(key, ',' ORDER BY key) FROM things"), "a,b,c,taken");
  EXPECT_EQ(writing->audit_seq(), 3);
  ASSERT_EQ(heard.size(), 3U);
  for (std::size_t i = 0; i < heard.size(); ++i) EXPECT_EQ(heard[i].seq, static_cast<std::int64_t>(i) + 1);
  expect_chain_whole();
}

TEST_F(PostgresWriterTest, ManyThatFailCostTheirNeighboursOnlyARound) {
  const auto writing = writer();
  net::Runtime runtime(1);
  runtime.start();
  ASSERT_TRUE(run_sync(add(*writing, "taken")));
  const auto events = event("done");
  std::vector<std::function<Task<Result<void>>()>> acts;
  constexpr int kGood = 200;
  constexpr int kBad = 10;
  for (int i = 0; i < kGood; ++i)
    acts.emplace_back([&, i] { return add_judged(*writing, fmt::format("g{}", i), events); });
  for (int i = 0; i < kBad; ++i) acts.emplace_back([&] { return add_judged(*writing, "taken", events); });
  Cost cost;
  const auto results = in_one_batch(runtime, *writing, acts, cost);
  EXPECT_EQ(std::ranges::count_if(results, [](const auto& result) { return result.has_value(); }), kGood);
  // All judged: 1; the good ones: 2; each bad one: 1; the last rollback: 1.
  EXPECT_LE(cost.round_trips, 4U + kBad);
}

TEST_F(PostgresWriterTest, AnActMayLookAgainInsideTheTransaction) {
  const auto writing = writer();
  const auto total = run_sync(writing->write({}, [](Tx& tx, std::span<const Rows>) -> Result<std::int64_t> {
    MITRAL_CHECK(tx.query(Statement("INSERT INTO things(key, value) VALUES('a', 40), ('b', 2)")));
    MITRAL_TRY(const auto sum, tx.query(Statement("SELECT sum(value)::int8 FROM things")));
    return sum.integer(0, 0);
  }));
  ASSERT_TRUE(total) << detail(total);
  EXPECT_EQ(*total, 42);
  // An act that overlooks the error of its query has done nothing all the same.
  const auto overlooked = run_sync(writing->write({}, [](Tx& tx, std::span<const Rows>) -> Result<void> {
    std::ignore = tx.query(Statement("INSERT INTO things(key, value) VALUES('c', 1), ('a', 1)"));
    return {};
  }));
  ASSERT_FALSE(overlooked);
  EXPECT_EQ(overlooked.error().code, ErrorCode::conflict);
  EXPECT_EQ(intruder().value("SELECT count(*) FROM things"), "2");
}

TEST_F(PostgresWriterTest, WhatCouldNotBeSerializedIsRunAgain) {
  const auto writing = writer();
  std::atomic<int> runs{0};
  // Two that wait for each other: this act's lock comes second, the intruder's too. The server ends one of them.
  auto other = intruder();
  other.run("INSERT INTO things VALUES ('x', 0), ('y', 0)");
  other.run("SET deadlock_timeout TO '10s'");
  other.run("BEGIN");
  other.run("UPDATE things SET value = 1 WHERE key = 'y'");
  std::thread intruding([&] {
    PostgresIntruder look(server_->url(), options_.schema);
    const auto blocked =
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = '" +
        options_.application_name + "'";
    EXPECT_TRUE(look.await(blocked, "1"));
    other.run("UPDATE things SET value = 1 WHERE key = 'x'");
    other.run("COMMIT");
  });
  std::vector<Statement> opening;
  opening.emplace_back("UPDATE things SET value = value + 10 WHERE key = 'x'");
  opening.emplace_back("UPDATE things SET value = value + 10 WHERE key = 'y'");
  const auto done = run_sync(writing->write(std::move(opening), [&](Tx&, std::span<const Rows>) -> Result<void> {
    ++runs;
    return {};
  }));
  intruding.join();
  EXPECT_TRUE(done) << detail(done);
  EXPECT_EQ(runs.load(), 1);
  EXPECT_GT(writing->round_trips(), 2U);
  EXPECT_EQ(other.value("SELECT string_agg(value::text, ',') FROM things"), "11,11");
}

TEST_F(PostgresWriterTest, ALockHeldElsewhereFailsTheBatchAndNothingIsHalfDone) {
  const auto writing = writer();
  auto other = intruder();
  other.run("BEGIN");
  other.run("SELECT 1 FROM head FOR UPDATE");
  const auto began = std::chrono::steady_clock::now();
  const auto blocked = run_sync(add(*writing, "a"));
  ASSERT_FALSE(blocked);
  EXPECT_EQ(blocked.error().code, ErrorCode::unavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - began, limits::kPostgresLockTimeout + 5s);
  other.run("ROLLBACK");
  EXPECT_TRUE(run_sync(add(*writing, "b")));
  EXPECT_EQ(other.value("SELECT string_agg(key, ',') FROM things"), "b");
}

TEST_F(PostgresWriterTest, TwoNodesMakeOneSequence) {
  const auto one = writer();
  const auto two = writer();
  net::Runtime runtime(2);
  runtime.start();
  const auto events = event("e");
  std::vector<std::future<Result<void>>> results;
  constexpr int kActs = 60;
  for (int i = 0; i < kActs; ++i) {
    auto& node = i % 2 == 0 ? *one : *two;
    // Each key is wanted twice, by different nodes.
    results.push_back(on_loop<Result<void>>(runtime, static_cast<unsigned>(i % 2), [&node, &events, i] {
      return add_judged(node, fmt::format("k{}", i / 2), events);
    }));
  }
  int won = 0;
  for (auto& result : results) won += result.get().has_value() ? 1 : 0;
  EXPECT_EQ(won, kActs / 2);
  EXPECT_EQ(std::max(one->audit_seq(), two->audit_seq()), kActs / 2);
  expect_chain_whole();
}

TEST_F(PostgresWriterTest, ASessionKilledBeforeItsCommitIsReplacedAndTheActDone) {
  const auto writing = writer();
  auto other = intruder();
  other.run("BEGIN");
  other.run("SELECT 1 FROM head FOR UPDATE");
  std::thread killer([&] {
    PostgresIntruder look(server_->url());
    const auto waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = '" +
        options_.application_name + "'";
    EXPECT_TRUE(look.await(waiting, "1"));
    look.run("SELECT pg_terminate_backend(" + backend_of_writer(look) + ")");
    other.run("ROLLBACK");
  });
  const auto done = run_sync(add(*writing, "a"));
  killer.join();
  EXPECT_TRUE(done) << detail(done);
  EXPECT_EQ(other.value("SELECT count(*) FROM things"), "1");
}

TEST_F(PostgresWriterTest, ACommitThatIsNotAnsweredIsUnavailableAndLaterEventsAreWrittenOnce) {
  PostgresServer own{PostgresServer::Options{}};
  use(own);
  options_.application_name = "unanswered";
  const auto writing = writer();
  ASSERT_TRUE(run_sync(add(*writing, "before")));
  // COMMIT waits for a standby that isn't there; then its session is killed. The server keeps what it has.
  own.configure("synchronous_standby_names", "'nobody'");
  PostgresIntruder look(own.url(), options_.schema);
  ASSERT_TRUE(look.await("SHOW synchronous_standby_names", "nobody"));
  std::thread killer([&] {
    EXPECT_TRUE(look.await(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'unanswered'", "1"));
    look.run("SELECT pg_terminate_backend(" + backend_of_writer(look) + ")");
    own.configure("synchronous_standby_names", "''");
  });
  ASSERT_TRUE(writing->append_later(event("once")));
  const auto unknown = run_sync(add(*writing, "a"));
  killer.join();
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::unavailable);
  // Whoever comes next finds the writer well, and the event in the record once, whether with the lost batch or after.
  for (int i = 0; i < 100 && !run_sync(add(*writing, fmt::format("next{}", i))); ++i) std::this_thread::sleep_for(50ms);
  EXPECT_TRUE(look.await("SELECT count(*) FROM audit WHERE event = 'once'", "1"));
  EXPECT_TRUE(run_sync(add(*writing, "last")));
  EXPECT_EQ(look.value("SELECT count(*) FROM audit WHERE event = 'once'"), "1");
  server_ = &own;
  expect_chain_whole();
}

TEST_F(PostgresWriterTest, AServerThatGoesAwayAndComesBackIsUsedAgain) {
  PostgresServer own{PostgresServer::Options{}};
  use(own);
  const auto writing = writer();
  ASSERT_TRUE(run_sync(add(*writing, "before")));
  own.stop();
  const auto began = std::chrono::steady_clock::now();
  const auto down = run_sync(add(*writing, "down"));
  const auto took = std::chrono::steady_clock::now() - began;
  ASSERT_FALSE(down);
  EXPECT_EQ(down.error().code, ErrorCode::unavailable);
  EXPECT_LT(took, limits::kPostgresStatementTimeout + 5s);
  ASSERT_TRUE(writing->append_later(event("while it was down")));
  ASSERT_TRUE(own.start());
  Result<void> up = fail(ErrorCode::unavailable);
  for (int i = 0; i < 100 && !up; ++i) up = run_sync(add(*writing, fmt::format("up{}", i)));
  EXPECT_TRUE(up) << detail(up);
  PostgresIntruder look(own.url(), options_.schema);
  EXPECT_EQ(look.value("SELECT count(*) FROM things WHERE key IN ('before', 'down')"), "1");
  EXPECT_TRUE(look.await("SELECT count(*) FROM audit", "1"));
}

TEST_F(PostgresWriterTest, ARestartBetweenTwoActsIsNotNoticed) {
  PostgresServer own{PostgresServer::Options{}};
  use(own);
  const auto writing = writer();
  ASSERT_TRUE(run_sync(add(*writing, "before")));
  own.kill9();
  ASSERT_TRUE(own.start());
  const auto after = run_sync(add(*writing, "after"));
  EXPECT_TRUE(after) << detail(after);
}

TEST_F(PostgresWriterTest, AFullQueueIsRefused) {
  const auto writing = writer();
  auto other = intruder();
  other.run("BEGIN");
  other.run("SELECT 1 FROM head FOR UPDATE");
  net::Runtime runtime(1);
  runtime.start();
  std::vector<std::function<Task<Result<void>>()>> acts;
  const std::size_t many = limits::kCommitQueueMax + limits::kCommitBatchMax + 10;
  for (std::size_t i = 0; i < many; ++i) acts.emplace_back([&, i] { return add(*writing, fmt::format("k{}", i)); });
  std::thread releaser([&] {
    std::this_thread::sleep_for(300ms);
    other.run("ROLLBACK");
  });
  const auto results = together(runtime, acts);
  releaser.join();
  std::size_t refused = 0;
  for (const auto& result : results) {
    if (result) continue;
    EXPECT_EQ(result.error().code, ErrorCode::unavailable);
    ++refused;
  }
  EXPECT_GE(refused, 10U);
  EXPECT_EQ(other.value("SELECT count(*) FROM things"), std::to_string(many - refused));
  const auto events = store::PreparedEvents(limits::kCommitQueueMax + 1, event("e")[0]);
  EXPECT_FALSE(writing->append_later(events));
}

TEST_F(PostgresWriterTest, CheckpointsComeByNumberAndWhenIdle) {
  auto writing = std::make_unique<Writer>(
      Writer::Options{
          .connect = options_,
          .max_delay = 5ms,
          .signer = [](std::string_view payload) -> Result<std::string> { return "signed " + std::string(payload); }},
      Writer::Listener{});
  ASSERT_TRUE(writing->start());
  auto look = intruder();
  ASSERT_TRUE(writing->append_later(event("a")));
  ASSERT_TRUE(look.await("SELECT count(*) FROM audit", "1"));
  for (int i = 0; i < 1000 && writing->audit_seq() == 0; ++i) std::this_thread::sleep_for(5ms);
  EXPECT_FALSE(writing->idle_unsealed());
  EXPECT_TRUE(writing->idle_unsealed());
  ASSERT_TRUE(run_sync(writing->seal()));
  EXPECT_EQ(look.value("SELECT seq FROM audit WHERE checkpoint IS NOT NULL"), "1");
  EXPECT_EQ(look.value("SELECT sealed FROM head"), "1");
  EXPECT_FALSE(writing->idle_unsealed());
  EXPECT_FALSE(writing->idle_unsealed());
  for (int i = 0; i < limits::kAuditCheckpointRecords; ++i) ASSERT_TRUE(writing->append_later(event("more")));
  EXPECT_TRUE(look.await("SELECT count(*) >= 2 FROM audit WHERE checkpoint IS NOT NULL", "t"));
  // A signer that can't holds up nothing.
  writing->set_signer([](std::string_view) -> Result<std::string> { return fail(ErrorCode::unavailable); });
  EXPECT_TRUE(run_sync(writing->seal()));
  writing.reset();
  expect_chain_whole();
}

TEST_F(PostgresWriterTest, WhatIsQueuedAtTheEndIsCommitted) {
  auto writing = writer();
  net::Runtime runtime(1);
  runtime.start();
  std::vector<std::future<Result<void>>> results;
  for (int i = 0; i < 50; ++i) {
    results.push_back(on_loop<Result<void>>(runtime, 0, [&, i] { return add(*writing, fmt::format("k{}", i)); }));
  }
  ASSERT_TRUE(results[0].get());
  ASSERT_TRUE(writing->append_later(event("last words")));
  int done = 1;
  for (std::size_t i = 1; i < results.size(); ++i) done += results[i].get().has_value() ? 1 : 0;
  writing.reset();
  auto look = intruder();
  EXPECT_EQ(look.value("SELECT count(*) FROM things"), std::to_string(done));
  EXPECT_EQ(look.value("SELECT count(*) FROM audit"), "1");
}

}  // namespace
}  // namespace mitral::contract
