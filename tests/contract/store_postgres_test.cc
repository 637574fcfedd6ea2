// What is PostgreSQL's own: its schema's steps, a database that can't be reached, a role that owns nothing.
#include "contract/store_contract.h"
#include "store/postgres/migrations.h"

namespace mitral::contract {
namespace {

namespace postgres = store::postgres;
using postgres::Connection;
using postgres::Statement;

class PostgresTest : public testing::Test, public Records {
 protected:
  void SetUp() override {
    MITRAL_NEEDS_POSTGRES();
    connect_ = PostgresServer::shared().fresh();
  }
  [[nodiscard]] std::unique_ptr<Connection> connection() const {
    auto opened = Connection::open(connect_);
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().detail);
    return opened ? std::move(*opened) : nullptr;
  }
  [[nodiscard]] store::PostgresOptions options() const {
    store::PostgresOptions out;
    out.connect = connect_;
    return out;
  }
  std::unique_ptr<store::PostgresStore> open() { return open_postgres(options(), clock_); }
  static void run(Connection& connection, const std::string& sql) {
    const auto done = connection.execute(sql);
    EXPECT_TRUE(done) << (done ? "" : done.error().detail) << " in " << sql;
  }
  static std::int64_t number(Connection& connection, const char* sql) {
    const auto rows = connection.exchange(Statement(sql));
    EXPECT_TRUE(rows) << (rows ? "" : rows.error().detail);
    return rows && !rows->empty() ? rows->integer(0, 0) : -1;
  }
  template <class T>
  static T get(Task<Result<T>> task) {
    auto result = run_sync(std::move(task));
    EXPECT_TRUE(result) << (result ? "" : result.error().detail);
    if constexpr (!std::is_void_v<T>) return result ? std::move(*result) : T{};
  }
  template <class F>
  static bool within(std::chrono::milliseconds limit, F condition) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(5ms);
    }
    return true;
  }
  model::Grant stored_grant(ports::Store& store) {
    auto one = code();
    ports::AuthorizationStore::Completion completion;
    completion.code = one;
    EXPECT_EQ(get(store.complete_authorization(kClinic, std::move(completion), {}, kStart)), Claim::won);
    auto made = grant();
    EXPECT_EQ(get(store.redeem_code_once(kClinic, one.handle, made, family(made), {event()}, {}, kStart)), Claim::won);
    return made;
  }

  ManualClock clock_{kStart};
  postgres::ConnectOptions connect_;
};

// ---- the schema

TEST_F(PostgresTest, MigrationsGoOnFromEveryStep) {
  for (std::int64_t step = 0; step <= postgres::newest_schema(); ++step) {
    connect_ = PostgresServer::shared().fresh();
    {
      const auto link = connection();
      const auto taken = postgres::migrate(*link, step);
      ASSERT_TRUE(taken) << taken.error().detail;
      EXPECT_EQ(*taken, static_cast<std::size_t>(step));
      EXPECT_EQ(postgres::schema_state(*link)->newest, step);
      auto how = options();
      how.migrate = false;
      const auto opened = store::PostgresStore::open(how, clock_);
      EXPECT_EQ(opened.has_value(), step == postgres::newest_schema());
      if (!opened) EXPECT_EQ(opened.error().code, ErrorCode::config_invalid);
    }
    const auto store = open();
    ASSERT_NE(store, nullptr);
    stored_grant(*store);
  }
}

TEST_F(PostgresTest, ProgramsThatMigrateAtOnceTakeEachStepOnce) {
  for (int round = 0; round < 3; ++round) {
    connect_ = PostgresServer::shared().fresh();
    std::atomic<std::size_t> taken{0};
    together(4, [&](int) {
      const auto link = connection();
      const auto steps = postgres::migrate(*link);
      ASSERT_TRUE(steps) << steps.error().detail;
      taken += *steps;
    });
    EXPECT_EQ(taken, static_cast<std::size_t>(postgres::newest_schema()));
    EXPECT_EQ(postgres::schema_state(*connection())->newest, postgres::newest_schema());
  }
}

TEST_F(PostgresTest, AStepThatBreaksLeavesTheStepBefore) {
  const auto link = connection();
  ASSERT_TRUE(postgres::migrate(*link, 2));
  // Something of the third step is in the way: it must fail as a whole.
  run(*link, "CREATE TABLE changes(x int8)");
  EXPECT_FALSE(postgres::migrate(*link));
  EXPECT_EQ(postgres::schema_state(*link)->newest, 2);
  EXPECT_EQ(number(*link,
                   "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = "
                   "'grants'"),
            0)
      << "nothing half-done";
  run(*link, "DROP TABLE changes");
  const auto rest = postgres::migrate(*link);
  ASSERT_TRUE(rest) << rest.error().detail;
  EXPECT_EQ(*rest, static_cast<std::size_t>(postgres::newest_schema() - 2));
}

// An index is built beside a running writer; whoever builds it dies in the middle.
TEST_F(PostgresTest, AnIndexWhoseBuilderDiedIsBuiltAnew) {
  const auto before = postgres::newest_schema() - 2;  // the index, and after it the end of the one it replaces
  const auto link = connection();
  ASSERT_TRUE(postgres::migrate(*link, before));
  const auto writer = connection();
  run(*writer, "SET idle_in_transaction_session_timeout TO 0");
  run(*writer, "BEGIN");
  run(*writer, "UPDATE head SET sealed = 0; DELETE FROM grants");  // what it waits for
  std::atomic<int> builder{0};
  std::atomic<bool> failed{false};
  std::thread killed([&] {
    const auto mine = connection();
    builder = mine->backend();
    failed = !postgres::migrate(*mine).has_value();
  });
  constexpr const char* kBroken =
      "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = "
      "c.relnamespace WHERE c.relname = 'grants_by_session' AND n.nspname = current_schema() AND NOT i.indisvalid";
  EXPECT_TRUE(within(10s, [&] { return number(*link, kBroken) == 1; }));
  EXPECT_EQ(number(*link, "SELECT count(*) FROM schema_lock WHERE builder IS NOT NULL"), 1);
  ASSERT_TRUE(link->exchange(Statement("SELECT pg_terminate_backend($1::int4)", builder.load())));
  killed.join();
  EXPECT_TRUE(failed);
  EXPECT_EQ(postgres::schema_state(*link)->newest, before);
  EXPECT_EQ(number(*link, kBroken), 1) << "it left a ruin";
  run(*writer, "COMMIT");
  const auto again = connection();
  const auto steps = postgres::migrate(*again);
  ASSERT_TRUE(steps) << steps.error().detail;
  EXPECT_EQ(*steps, 2U);
  EXPECT_EQ(number(*link, kBroken), 0);
  EXPECT_EQ(number(*link,
                   "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE "
                   "c.relname = 'grants_by_session' AND n.nspname = current_schema()"),
            1);
}

// A row whose indexed columns stay as they were changes in its own page alone, however large the table is.
TEST_F(PostgresTest, ARevocationLeavesEveryIndexOfTheGrantsAsItWas) {
  const auto store = open();
  ASSERT_NE(store, nullptr);
  constexpr int kGrants = 5;
  for (int i = 0; i < kGrants; ++i) get(store->revoke_grant(kClinic, stored_grant(*store).id, {event()}, kStart));
  const auto link = connection();
  const auto updates = [&](const std::string& column) {
    return number(*link, ("SELECT " + column +
                          " FROM pg_stat_user_tables WHERE schemaname = current_schema() AND relname = 'grants'")
                             .c_str());
  };
  EXPECT_TRUE(within(10s, [&] { return updates("n_tup_upd") >= kGrants; }))
      << "a session tells its numbers after a second";
  EXPECT_EQ(updates("n_tup_upd - n_tup_hot_upd"), 0);
}

// A rolling upgrade: the newer program has taken a step that only expands, the older one goes on beside it.
TEST_F(PostgresTest, ANewerSchemaThatServesThisProgramIsUsedAndLeftAlone) {
  const auto older = open();
  const auto link = connection();
  const auto newer = postgres::newest_schema() + 1;
  run(*link, "ALTER TABLE grants ADD COLUMN region text NOT NULL DEFAULT 'here'");
  const auto step = [&](std::int64_t serves) {
    run(*link, "INSERT INTO schema_steps(number, serves, what) VALUES(" + std::to_string(newer) + ", " +
                   std::to_string(serves) + ", 'later') ON CONFLICT(number) DO UPDATE SET serves = excluded.serves");
  };
  step(postgres::newest_schema());
  const auto made = stored_grant(*older);
  const auto restarted = open();
  ASSERT_NE(restarted, nullptr);
  run(*link, "UPDATE grants SET region = 'there'");  // the newer program writes what the older knows nothing of
  get(older->revoke_grant(kClinic, made.id, {event()}, kStart));
  stored_grant(*restarted);
  EXPECT_EQ(number(*link, "SELECT count(*) FROM grants WHERE region = 'there' AND revoked IS NOT NULL"), 1);
  EXPECT_EQ(postgres::schema_state(*link)->newest, newer);
  step(newer);
  const auto refused = store::PostgresStore::open(options(), clock_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::config_invalid);
}

TEST_F(PostgresTest, ASchemaOfAnotherProgramIsLeftAlone) {
  const auto link = connection();
  run(*link, "CREATE SCHEMA " + link->schema() + "; CREATE TABLE clients(name text)");
  const auto refused = store::PostgresStore::open(options(), clock_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::config_invalid);
  EXPECT_EQ(number(*link, "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"), 1);
}

// docs/operator.md: the nodes' role owns nothing and may not change what was recorded.
TEST_F(PostgresTest, ARoleThatOwnsNothingServesAndCannotRewriteTheRecord) {
  const auto owner = connection();
  ASSERT_TRUE(postgres::migrate(*owner));
  const auto& schema = owner->schema();
  run(*owner, "DO $$ BEGIN CREATE ROLE mitral_node LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
  run(*owner, "GRANT USAGE ON SCHEMA " + schema + " TO mitral_node");
  run(*owner, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA " + schema + " TO mitral_node");
  run(*owner, "REVOKE UPDATE, DELETE ON audit FROM mitral_node");
  run(*owner, "GRANT UPDATE(checkpoint) ON audit TO mitral_node");
  run(*owner, "REVOKE INSERT, UPDATE, DELETE ON schema_steps, schema_lock FROM mitral_node");
  auto how = options();
  how.connect.url += " user=mitral_node";
  const auto store = open_postgres(how, clock_);
  ASSERT_NE(store, nullptr);
  store->set_checkpoint_signer([](std::string_view) { return Result<std::string>("seal"); });
  const auto made = stored_grant(*store);
  get(store->revoke_grant(kClinic, made.id, {event()}, kStart));
  get(store->seal_audit());
  EXPECT_EQ(get(store->read(0, 10)).back().checkpoint, "seal");
  const auto link = Connection::open(how.connect);
  ASSERT_TRUE(link);
  for (const auto* sql : {"UPDATE audit SET event = '{}'", "UPDATE audit SET hash = ''::bytea", "DELETE FROM audit",
                          "TRUNCATE audit", "DROP TABLE audit", "DELETE FROM schema_steps"}) {
    EXPECT_FALSE((*link)->execute(sql)) << sql;
  }
  EXPECT_EQ(number(*owner, "SELECT count(*) FROM audit"), 2);
}

// ---- the feed, and a database that is out of reach

TEST_F(PostgresTest, ANodeThatMissedLinesForgetsWhatItKnew) {
  const auto store = open();
  const auto made = stored_grant(*store);
  EXPECT_FALSE(get(store->find_grant(kClinic, made.id))->revoked);
  // The line of the feed was swept before this node could read it.
  const auto link = connection();
  run(*link, "BEGIN; UPDATE head SET change_seq = change_seq + 1; UPDATE grants SET revoked = 1; COMMIT");
  EXPECT_TRUE(within(5s, [&] { return get(store->find_grant(kClinic, made.id))->revoked.has_value(); }));
}

TEST_F(PostgresTest, CutOffItDeniesRatherThanGuessesAndComesBackByItself) {
  const auto admin = connection();
  const auto name = PostgresServer::shared().new_database();
  connect_.url = PostgresServer::shared().url(name);
  const auto store = open();
  ASSERT_NE(store, nullptr);
  const auto made = stored_grant(*store);
  EXPECT_TRUE(get(store->find_grant(kClinic, made.id)));
  EXPECT_TRUE(store->current());
  run(*admin, "ALTER DATABASE " + name + " ALLOW_CONNECTIONS false");
  ASSERT_TRUE(
      admin->exchange(Statement("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)));
  EXPECT_TRUE(within(5s, [&] { return !store->current(); }));
  EXPECT_FALSE(run_sync(store->find_grant(kClinic, made.id))) << "memory alone lets nobody in";
  EXPECT_FALSE(run_sync(store->append({event()})));
  EXPECT_FALSE(run_sync(store->claim_once(kClinic, "dpop", handle(), kStart + 60s)));
  EXPECT_FALSE(run_sync(store->probe()));
  run(*admin, "ALTER DATABASE " + name + " ALLOW_CONNECTIONS true");
  EXPECT_TRUE(within(10s, [&] { return run_sync(store->probe()) && store->current(); }));
  EXPECT_TRUE(get(store->find_grant(kClinic, made.id)));
  get(store->append({event()}));
  EXPECT_EQ(get(store->read(0, 100)).size(), 2U) << "what was refused was not done";
}

TEST_F(PostgresTest, AFloorThatMemoryDoesNotKnowOfCountsWhenAGrantIsRead) {
  const auto store = open();
  const auto made = stored_grant(*store);
  const auto fresh = open();  // has nothing in its cache
  const auto link = connection();
  run(*link, "INSERT INTO floors(issuer, kind, subject, at) VALUES('" + kClinic.value + "', 1, 'c_app', " +
                 std::to_string(to_micros(kStart)) + ")");
  EXPECT_TRUE(get(fresh->find_grant(kClinic, made.id))->revoked);
  EXPECT_TRUE(get(fresh->find_family(kClinic, made.id))->revoked);
}

TEST_F(PostgresTest, EverythingIsThereAfterReopening) {
  Id128 dead;
  const auto token = id();
  std::int64_t seq = 0;
  std::int64_t line = 0;
  {
    const auto store = open();
    get(store->put_user(user(), {}));
    for (int i = 0; i < 3; ++i) get(store->put_client(client("c_" + std::to_string(i)), event()));
    get(store->put_resource_server(server(), event()));
    dead = stored_grant(*store).id;
    get(store->revoke_grant(kClinic, dead, {event()}, kStart));
    get(store->revoke_token(kClinic, token, kStart + 60s, {event()}, kStart));
    get(store->revoke_client(kClinic, ClientId("c_bad"), {event()}, kStart));
    seq = store->last_seq();
    line = store->latest_change();
  }
  const auto again = open();
  EXPECT_EQ(again->last_seq(), seq);
  EXPECT_EQ(again->latest_change(), line);
  EXPECT_TRUE(get(again->find_grant(kClinic, dead))->revoked);
  EXPECT_TRUE(again->is_revoked(kClinic, token, "c_x", "u_x", kStart));
  EXPECT_TRUE(again->is_revoked(kClinic, id(), "c_bad", "", kStart));
  EXPECT_EQ(again->directory()->clients(kClinic)->size(), 3U);
  EXPECT_NE(again->directory()->by_audience(kClinic, "https://fhir.example/r4"), nullptr);
}

// ---- how much it costs

TEST_F(PostgresTest, HotActsShareBatchesAndFindersTakeOneRoundTrip) {
  const auto store = open();
  const auto made = stored_grant(*store);
  const auto before = store->counters();
  get(store->find_family(kClinic, made.id));
  get(store->find_consent(kClinic, UserId("u_ada"), ClientId("c_app"), kStart));
  get(store->find_grant(kClinic, made.id));  // from memory
  EXPECT_EQ(store->counters().reads - before.reads, 2U);
  together(16, [&](int) {
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(run_sync(store->append({event()})));
  });
  const auto after = store->counters();
  EXPECT_EQ(after.commits - before.commits, 160U);
  EXPECT_LT(after.batches - before.batches, 160U);
}

}  // namespace
}  // namespace mitral::contract
