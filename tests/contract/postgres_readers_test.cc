// Readers: on event loops and off them, through errors, silence and restarts.
#include "contract/postgres_rig.h"
#include "store/postgres/readers.h"

namespace mitral::contract {
namespace {

using store::postgres::Readers;

class PostgresReadersTest : public PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    options_.application_name = "readers_" + options_.schema;
  }
  static Task<Result<std::int64_t>> number(Readers& readers, std::int64_t value) {
    MITRAL_CO_TRY(const auto rows, co_await readers.read(Statement("SELECT $1::int8", value)));
    co_return rows.integer(0, 0);
  }
  static Task<Result<void>> statement(Readers& readers, const char* sql) {
    MITRAL_CO_CHECK(co_await readers.read(Statement(sql)));
    co_return Result<void>{};
  }
};

TEST_F(PostgresReadersTest, ReadsOfALoopComeBackToEachAsker) {
  Readers readers(options_);
  {
    net::Runtime runtime(2);
    runtime.start();
    std::vector<std::future<Result<std::int64_t>>> results;
    for (int i = 0; i < 2000; ++i) {
      results.push_back(on_loop<Result<std::int64_t>>(runtime, static_cast<unsigned>(i % 2),
                                                      [&readers, i] { return number(readers, i); }));
    }
    for (int i = 0; i < 2000; ++i) {
      const auto result = results[static_cast<std::size_t>(i)].get();
      ASSERT_TRUE(result) << detail(result);
      EXPECT_EQ(*result, i);
    }
    EXPECT_EQ(readers.count(), 2000U);
    auto look = intruder();
    EXPECT_EQ(look.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = '" +
                         options_.application_name + "'"),
              "2")
        << "one connection for each loop";
  }
}

TEST_F(PostgresReadersTest, ACoroutineStaysOnItsThread) {
  Readers readers(options_);
  net::Runtime runtime(1);
  runtime.start();
  const auto same = on_loop<bool>(runtime, 0, [&]() -> Task<bool> {
                      const auto before = std::this_thread::get_id();
                      auto first = co_await number(readers, 1);
                      auto second = co_await number(readers, 2);
                      co_return first.has_value() && second.has_value() && before == std::this_thread::get_id();
                    }).get();
  EXPECT_TRUE(same);
}

TEST_F(PostgresReadersTest, SeveralStatementsAreOneRead) {
  Readers readers(options_);
  std::vector<Statement> both;
  both.emplace_back("SELECT 1::int8");
  both.emplace_back("SELECT 2::int8 UNION ALL SELECT 3::int8");
  const auto rows = run_sync(readers.read(both));
  ASSERT_TRUE(rows) << detail(rows);
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[1].count(), 2);
  EXPECT_EQ(readers.count(), 1U);
}

TEST_F(PostgresReadersTest, OneReadThatFailsSpoilsNoOther) {
  Readers readers(options_);
  net::Runtime runtime(1);
  runtime.start();
  ASSERT_TRUE(on_loop<Result<std::int64_t>>(runtime, 0, [&] { return number(readers, 0); }).get());
  auto done = std::make_shared<std::promise<void>>();
  auto good = std::make_shared<int>(0);
  auto bad = std::make_shared<int>(0);
  runtime.post(0, [&readers, done, good, bad] {
    // In one turn of the loop, so that they share one round trip.
    for (int i = 0; i < 100; ++i) {
      const auto count = [=](bool ok) {
        ++*(ok ? good : bad);
        if (*good + *bad == 101) done->set_value();
      };
      if (i % 10 == 3) {
        spawn(statement(readers, "SELECT 1/0"), [=](auto, auto value) { count(value->has_value()); });
      } else {
        spawn(number(readers, i), [=](auto, auto value) { count(value->has_value() && **value == i); });
      }
    }
    spawn(readers.read(Statement("SELECT $1::text", "\xff")), [=](auto, auto value) {
      ++*(value->has_value() ? good : bad);
      if (*good + *bad == 101) done->set_value();
    });
  });
  done->get_future().wait();
  EXPECT_EQ(*good, 90);
  EXPECT_EQ(*bad, 11);
}

TEST_F(PostgresReadersTest, ReadersCanNotWrite) {
  Readers readers(options_);
  const auto written = run_sync(statement(readers, "INSERT INTO things VALUES ('a', 1)"));
  EXPECT_FALSE(written);
  EXPECT_EQ(intruder().value("SELECT count(*) FROM things"), "0");
}

TEST_F(PostgresReadersTest, ARunSyncOnALoopDoesNotWaitForThatLoop) {
  Readers readers(options_);
  net::Runtime runtime(1);
  runtime.start();
  std::promise<bool> done;
  runtime.post(0, [&] { done.set_value(run_sync(number(readers, 5)).has_value()); });
  EXPECT_TRUE(done.get_future().get());
}

TEST_F(PostgresReadersTest, AQueueThatIsFullIsRefused) {
  PostgresServer own{PostgresServer::Options{}};
  use(own);
  Readers readers(options_);
  net::Runtime runtime(1);
  runtime.start();
  ASSERT_TRUE(on_loop<Result<std::int64_t>>(runtime, 0, [&] { return number(readers, 0); }).get());
  own.freeze();
  auto done = std::make_shared<std::promise<void>>();
  const std::size_t many = limits::kPostgresLaneQueueMax + 7;
  auto at_once = std::make_shared<std::size_t>(0);
  auto late = std::make_shared<std::size_t>(0);
  auto codes = std::make_shared<std::size_t>(0);
  const auto began = std::chrono::steady_clock::now();
  runtime.post(0, [&readers, done, at_once, late, codes] {
    auto all_asked = std::make_shared<bool>(false);
    for (std::size_t i = 0; i < many; ++i) {
      spawn(number(readers, 1), [=](auto, auto value) {
        ++*(*all_asked ? late : at_once);
        if (!value->has_value() && value->error().code == ErrorCode::unavailable) ++*codes;
        if (*late + *at_once == many) done->set_value();
      });
    }
    *all_asked = true;
  });
  done->get_future().wait();
  const auto took = std::chrono::steady_clock::now() - began;
  own.thaw();
  EXPECT_EQ(*at_once, 7U) << "refused without waiting";
  EXPECT_EQ(*codes, many) << "and the others at their deadline";
  EXPECT_LT(took, limits::kPostgresStatementTimeout + 3s);
  Result<std::int64_t> again = fail(ErrorCode::unavailable);
  for (int i = 0; i < 20 && !again; ++i) {
    again = on_loop<Result<std::int64_t>>(runtime, 0, [&] { return number(readers, 9); }).get();
  }
  EXPECT_TRUE(again) << detail(again);
}

TEST_F(PostgresReadersTest, ALaneThatLostItsConnectionReadsOn) {
  Readers readers(options_);
  net::Runtime runtime(1);
  runtime.start();
  ASSERT_TRUE(on_loop<Result<std::int64_t>>(runtime, 0, [&] { return number(readers, 0); }).get());
  auto look = intruder();
  const auto kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = '" +
                    options_.application_name + "'";
  // Idle, and with a read under way.
  EXPECT_EQ(look.value(kill), "1");
  const auto after = on_loop<Result<std::int64_t>>(runtime, 0, [&] { return number(readers, 1); }).get();
  EXPECT_TRUE(after) << detail(after);
  auto slow = on_loop<Result<void>>(runtime, 0, [&] { return statement(readers, "SELECT pg_sleep(0.7)"); });
  ASSERT_TRUE(
      look.await("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%0.7%' AND state = 'active' AND "
                 "application_name = '" +
                     options_.application_name + "'",
                 "1"));
  EXPECT_EQ(look.value(kill), "1");
  const auto done = slow.get();
  EXPECT_TRUE(done) << detail(done);
}

TEST_F(PostgresReadersTest, ReadsEndWithTheirTimeWhenTheServerIsGoneAndGoOnWhenItIsBack) {
  PostgresServer own{PostgresServer::Options{}};
  use(own);
  Readers readers(options_);
  net::Runtime runtime(1);
  runtime.start();
  ASSERT_TRUE(on_loop<Result<std::int64_t>>(runtime, 0, [&] { return number(readers, 0); }).get());
  ASSERT_TRUE(run_sync(number(readers, 0)));
  own.kill9();
  const auto began = std::chrono::steady_clock::now();
  auto on = on_loop<Result<std::int64_t>>(runtime, 0, [&] { return number(readers, 1); });
  const auto off = run_sync(number(readers, 1));
  const auto loop_result = on.get();
  ASSERT_FALSE(off);
  ASSERT_FALSE(loop_result);
  EXPECT_EQ(off.error().code, ErrorCode::unavailable);
  EXPECT_EQ(loop_result.error().code, ErrorCode::unavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - began, limits::kPostgresStatementTimeout + 3s);
  ASSERT_TRUE(own.start());
  bool both = false;
  for (int i = 0; i < 20 && !both; ++i) {
    both = on_loop<Result<std::int64_t>>(runtime, 0, [&] { return number(readers, 2); }).get().has_value() &&
           run_sync(number(readers, 2)).has_value();
  }
  EXPECT_TRUE(both);
}

TEST_F(PostgresReadersTest, ThreadsShareFewConnections) {
  Readers readers(options_);
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 12; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) good += run_sync(number(readers, i)).value_or(-1) == i ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good.load(), 240);
  const auto sessions = std::stoul(intruder().value("SELECT count(*) FROM pg_stat_activity WHERE application_name = '" +
                                                    options_.application_name + "'"));
  EXPECT_LE(sessions, limits::kPostgresReadersMax);
}

TEST_F(PostgresReadersTest, OneSetOfReadersServesRuntimesThatComeAndGo) {
  Readers readers(options_);
  for (int round = 0; round < 3; ++round) {
    net::Runtime runtime(1);
    runtime.start();
    const auto result = on_loop<Result<std::int64_t>>(runtime, 0, [&] { return number(readers, round); }).get();
    ASSERT_TRUE(result) << detail(result);
  }
}

}  // namespace
}  // namespace mitral::contract
