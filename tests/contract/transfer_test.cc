// The contract of store/transfer.h: whatever was acknowledged in one database is in the other one afterwards, bit for
// bit, from every kind to every kind; and nothing is copied from or into what is in use.
#include "store/transfer.h"

#include <gtest/gtest.h>

#include "contract/sqlite_fixture.h"
#include "store/postgres/postgres_store.h"
#include "store/postgres/transfer_postgres.h"
#include "support/postgres_server.h"

namespace mitral::contract {
namespace {

namespace transfer = store::transfer;
using transfer::Database;

/// Interrupts a copy: the given number of pages is written, then the connection is lost.
class Breaking final : public Database {
 public:
  Breaking(Database& inner, int pages) : inner_(inner), pages_(pages) {}
  [[nodiscard]] std::string where() const override { return inner_.where(); }
  Result<void> hold(View view) override { return inner_.hold(view); }
  void release() noexcept override { inner_.release(); }
  Result<std::vector<transfer::Row>> rows(const transfer::Table& t, const transfer::Row& after,
                                          std::size_t limit) override {
    return inner_.rows(t, after, limit);
  }
  Result<transfer::Heads> heads() override { return inner_.heads(); }
  Result<transfer::Row> last(const transfer::Table& t) override { return inner_.last(t); }
  Result<void> insert(const transfer::Table& t, std::span<const transfer::Row> rows) override {
    if (pages_-- == 0) return fail(ErrorCode::unavailable, {}, "lost connection");
    return inner_.insert(t, rows);
  }
  Result<void> set_heads(const transfer::Heads& heads) override { return inner_.set_heads(heads); }
  Result<std::vector<transfer::Lease>> leases() override { return inner_.leases(); }
  Result<void> put_lease(const transfer::Lease& lease) override { return inner_.put_lease(lease); }
  Result<void> drop_lease(std::string_view name) override { return inner_.drop_lease(name); }

 private:
  Database& inner_;
  int pages_;
};

class Transfer : public SqliteTest {
 protected:
  /// One of everything, and enough of some for several pages.
  void fill() {
    auto store = open();
    get(store->put_client(client(), event()));
    get(store->put_resource_server(server(), event()));
    get(store->put_user(user(), {event()}));
    get(store->put_session(session(), std::nullopt, {event()}));
    get(store->put_pushed_request(pushed()));
    get(store->put_launch(launch(), {event()}));
    get(store->put_interaction(interaction()));
    ports::AuthorizationStore::Completion completion;
    completion.code = code();
    get(store->complete_authorization(kClinic, std::move(completion), {event()}, kStart));
    for (int i = 0; i < 450; ++i) get(store->claim_once(kClinic, "proof", handle(), kStart + 60s, {event()}));
    living_ = stored_grant(*store);
    revoked_ = stored_grant(*store);
    get(store->revoke_grant(kClinic, revoked_.id, {event()}, kStart));
    get(store->revoke_token(kClinic, token_, kStart + 600s, {event()}, kStart));
    get(store->put_client(client("c_dead"), event()));
    get(store->revoke_client(kClinic, ClientId("c_dead"), {event()}, kStart));
    model::SigningKeyRecord key;
    key.issuer = kClinic;
    key.kid = "k1";
    key.alg = "ES256";
    key.purpose = "token";
    key.wrapped_private = std::string("\0\xff\x01wrapped", 10);
    key.public_jwk = "{}";
    get(store->add_key_once(key, Instant::max(), {event()}));
    ports::AuthorizationStore::Completion agreed;
    agreed.code = code();
    agreed.consent = consent();
    get(store->complete_authorization(kClinic, std::move(agreed), {event()}, kStart));
    seq_ = store->last_seq();
    feed_ = store->latest_change();
  }
  std::unique_ptr<Database> source() { return opened(transfer::open_sqlite(path_)); }
  static std::unique_ptr<Database> opened(Result<std::unique_ptr<Database>> made) {
    EXPECT_TRUE(made) << (made ? "" : made.error().detail);
    return made ? std::move(*made) : nullptr;
  }
  [[nodiscard]] transfer::CopyOptions how() const {
    transfer::CopyOptions out;
    out.now = kStart;
    return out;
  }
  void expect_all(ports::Store& store) {
    expect_intact(store);
    EXPECT_EQ(store.last_seq(), seq_);
    EXPECT_EQ(store.latest_change(), feed_);
    const auto alive = get(store.find_grant(kClinic, living_.id));
    ASSERT_TRUE(alive);
    EXPECT_FALSE(alive->revoked);
    EXPECT_EQ(get(store.find_family(kClinic, living_.id))->generation, 0U);
    EXPECT_TRUE(get(store.find_grant(kClinic, revoked_.id))->revoked);
    EXPECT_TRUE(store.is_revoked(kClinic, token_, "c_app", "u_ada", kStart + 1s));
    EXPECT_TRUE(store.is_revoked(kClinic, Id128{}, "c_dead", "", kStart));
    EXPECT_EQ(get(store.keys(kClinic)).front().wrapped_private, std::string("\0\xff\x01wrapped", 10));
    EXPECT_NE(store.directory()->client(kClinic, "c_app"), nullptr);
    EXPECT_EQ(get(store.find_consent(kClinic, UserId("u_ada"), ClientId("c_app"), kStart)).has_value(), !restored_);
  }

  Id128 token_ = Id128{{7}};
  model::Grant living_, revoked_;
  std::int64_t seq_ = 0, feed_ = 0;
  bool restored_ = false;
};

TEST_F(Transfer, EverythingArrives) {
  fill();
  const auto target = dir_.file("target.db");
  {
    const auto from = source();
    const auto to = opened(transfer::open_sqlite(target, true));
    const auto report = transfer::copy(*from, *to, how());
    ASSERT_TRUE(report) << report.error().detail;
    EXPECT_FALSE(report->resumed);
    EXPECT_EQ(report->heads.audit_seq, seq_);
    EXPECT_EQ(report->tables.size(), transfer::tables().size());
  }
  auto options = this->options();
  options.path = target;
  const auto store = open_sqlite(options, clock_);
  expect_all(*store);
  // Numbers go on where they were, and a family rotates.
  get(store->revoke_grant(kClinic, living_.id, {event()}, kStart));
  EXPECT_EQ(store->latest_change(), feed_ + 1);
  EXPECT_EQ(store->last_seq(), seq_ + 1);
  expect_intact(*store);
}

// Every table of the schema is moved, or left out on purpose: a new one can't be forgotten.
TEST_F(Transfer, KnowsEveryTableAndColumn) {
  fill();
  Intruder file(path_);
  EXPECT_EQ(file.value("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name "
                       "NOT IN ('leases', 'probe', 'schema_serves')"),
            std::to_string(transfer::tables().size()));
  for (const auto& table : transfer::tables()) {
    std::string names;
    for (const auto& column : table.columns) names += (names.empty() ? "" : ",") + std::string(column.name);
    EXPECT_EQ(file.value("SELECT group_concat(name) FROM pragma_table_info('" + std::string(table.name) + "')"), names);
  }
}

TEST_F(Transfer, AnInterruptedCopyGoesOn) {
  fill();
  const auto target = dir_.file("target.db");
  for (int pages = 0; pages < 12; pages += 3) {
    const auto from = source();
    const auto to = opened(transfer::open_sqlite(target, pages == 0));
    Breaking breaking(*to, 3);
    const auto report = transfer::copy(*from, breaking, how());
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, ErrorCode::unavailable);
  }
  {
    const auto from = source();
    const auto to = opened(transfer::open_sqlite(target));
    const auto report = transfer::copy(*from, *to, how());
    ASSERT_TRUE(report) << report.error().detail;
    EXPECT_TRUE(report->resumed);
  }
  auto options = this->options();
  options.path = target;
  expect_all(*open_sqlite(options, clock_));
}

TEST_F(Transfer, AnUnfinishedCopyIsMarkedAndTakesNothingElse) {
  fill();
  const auto target = dir_.file("target.db");
  {
    const auto from = source();
    const auto to = opened(transfer::open_sqlite(target, true));
    Breaking breaking(*to, 3);
    EXPECT_FALSE(transfer::copy(*from, breaking, how()));
  }
  {
    auto options = this->options();
    options.path = target;
    const auto store = open_sqlite(options, clock_);
    EXPECT_FALSE(get(store->take_lease(std::string(transfer::kMoveLease), id(), kStart, kStart)));
  }
  const auto other_path = dir_.file("other.db");
  {
    auto options = this->options();
    options.path = other_path;
    get(open_sqlite(options, clock_)->put_client(client(), event()));
  }
  const auto other = opened(transfer::open_sqlite(other_path));
  const auto to = opened(transfer::open_sqlite(target));
  const auto report = transfer::copy(*other, *to, how());
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::conflict);
}

TEST_F(Transfer, RefusesWhatIsServedOrNotEmpty) {
  fill();
  const auto from = source();
  const auto node = id();
  ASSERT_TRUE(from->put_lease({std::string(transfer::kNodeLease) + node.text(), node, kStart + 10s}));
  const auto to = opened(transfer::open_sqlite(dir_.file("target.db"), true));
  const auto served = transfer::copy(*from, *to, how());
  ASSERT_FALSE(served);
  EXPECT_EQ(served.error().code, ErrorCode::conflict);
  // It is not marked as moved by that, and a backup may be made of it.
  {
    const auto store = open();
    EXPECT_TRUE(get(store->take_lease(std::string(transfer::kMoveLease), id(), kStart, kStart)));
  }
  auto backup = how();
  backup.close_source = false;
  backup.view = Database::View::snapshot;
  ASSERT_TRUE(transfer::copy(*from, *to, backup));
  const auto again = transfer::copy(*from, *to, backup);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::conflict);
}

TEST_F(Transfer, AMovedSourceIsClosedForGood) {
  fill();
  {
    const auto from = source();
    const auto to = opened(transfer::open_sqlite(dir_.file("target.db"), true));
    ASSERT_TRUE(transfer::copy(*from, *to, how()));
  }
  const auto store = open();
  EXPECT_FALSE(get(store->take_lease(std::string(transfer::kMoveLease), id(), kStart, kStart)));
}

// What was under way stays behind, and whoever follows the feed sees a gap.
TEST_F(Transfer, ARestoreLeavesOutWhatWasUnderWay) {
  fill();
  auto options = how();
  options.passing = false;
  restored_ = true;
  options.close_source = false;
  options.feed_jump = 1'000;
  const auto target = dir_.file("target.db");
  {
    const auto from = source();
    const auto to = opened(transfer::open_sqlite(target, true));
    ASSERT_TRUE(transfer::copy(*from, *to, options));
  }
  Intruder file(target);
  for (const char* table : {"codes", "sessions", "consents", "interactions", "pushed_requests", "launches"})
    EXPECT_EQ(file.value("SELECT count(*) FROM " + std::string(table)), "0") << table;
  feed_ += 1'000;
  auto open_target = this->options();
  open_target.path = target;
  expect_all(*open_sqlite(open_target, clock_));
}

// There and back again: what a SQLite file becomes in PostgreSQL is the same to every port, and comes back the same.
TEST_F(Transfer, ToPostgresAndBack) {
  MITRAL_NEEDS_POSTGRES();
  fill();
  const auto options = testing_support::PostgresServer::shared().fresh();
  std::vector<transfer::TableSum> first;
  {
    const auto from = source();
    const auto to = opened(transfer::open_postgres(options));
    Breaking breaking(*to, 9);
    ASSERT_FALSE(transfer::copy(*from, breaking, how()));
    const auto report = transfer::copy(*from, *to, how());
    ASSERT_TRUE(report) << report.error().detail;
    EXPECT_TRUE(report->resumed);
    first = report->tables;
  }
  {
    store::PostgresOptions how_to_open;
    how_to_open.connect = options;
    const auto store = store::PostgresStore::open(how_to_open, clock_);
    ASSERT_TRUE(store) << store.error().detail;
    expect_all(**store);
    get((*store)->put_user(user("bob"), {event()}));
    ++seq_;
    feed_ = (*store)->latest_change();
  }
  const auto target = dir_.file("back.db");
  {
    const auto from = opened(transfer::open_postgres(options));
    const auto to = opened(transfer::open_sqlite(target, true));
    const auto report = transfer::copy(*from, *to, how());
    ASSERT_TRUE(report) << report.error().detail;
    for (std::size_t i = 0; i < first.size(); ++i) {
      const bool changed = first[i].name == "users" || first[i].name == "audit" || first[i].name == "changes";
      EXPECT_EQ(first[i].digest == report->tables[i].digest, !changed) << first[i].name;
    }
  }
  auto back = this->options();
  back.path = target;
  expect_all(*open_sqlite(back, clock_));
}

// While a copy holds its source, nobody's write is acknowledged and then left behind.
TEST_F(Transfer, AHeldPostgresSourceTakesNoWrites) {
  MITRAL_NEEDS_POSTGRES();
  store::PostgresOptions options;
  options.connect = testing_support::PostgresServer::shared().fresh();
  const auto store = store::PostgresStore::open(options, clock_);
  ASSERT_TRUE(store) << store.error().detail;
  const auto held = opened(transfer::open_postgres(options.connect));
  ASSERT_TRUE(held->hold(Database::View::exclusive));
  EXPECT_EQ(error_of((*store)->put_client(client(), event())), ErrorCode::unavailable);
  held->release();
  get((*store)->put_client(client(), event()));
}

TEST_F(Transfer, PostgresHasTheSameTables) {
  MITRAL_NEEDS_POSTGRES();
  const auto options = testing_support::PostgresServer::shared().fresh();
  const auto database = opened(transfer::open_postgres(options));
  testing_support::PostgresIntruder server(options.url, options.schema);
  for (const auto& table : transfer::tables()) {
    for (const auto& column : table.columns) {
      EXPECT_EQ(server.value("SELECT data_type FROM information_schema.columns WHERE table_schema = current_schema() "
                             "AND table_name = '" +
                             std::string(table.name) + "' AND column_name = '" + column.name + "'"),
                column.kind == transfer::Kind::integer ? "bigint"
                : column.kind == transfer::Kind::text  ? "text"
                                                       : "bytea")
          << table.name << "." << column.name;
    }
  }
}

// A row that changes under way is found out by the comparison.
TEST_F(Transfer, ADifferenceIsFound) {
  fill();
  class Forging final : public Database {
   public:
    explicit Forging(Database& inner) : inner_(inner) {}
    [[nodiscard]] std::string where() const override { return inner_.where(); }
    Result<void> hold(View view) override { return inner_.hold(view); }
    void release() noexcept override { inner_.release(); }
    Result<std::vector<transfer::Row>> rows(const transfer::Table& t, const transfer::Row& after,
                                            std::size_t limit) override {
      return inner_.rows(t, after, limit);
    }
    Result<transfer::Heads> heads() override { return inner_.heads(); }
    Result<transfer::Row> last(const transfer::Table& t) override { return inner_.last(t); }
    Result<void> insert(const transfer::Table& t, std::span<const transfer::Row> rows) override {
      std::vector<transfer::Row> forged(rows.begin(), rows.end());
      if (std::string_view(t.name) == "grants") forged.back()[8] = std::monostate{};
      return inner_.insert(t, forged);
    }
    Result<void> set_heads(const transfer::Heads& heads) override { return inner_.set_heads(heads); }
    Result<std::vector<transfer::Lease>> leases() override { return inner_.leases(); }
    Result<void> put_lease(const transfer::Lease& lease) override { return inner_.put_lease(lease); }
    Result<void> drop_lease(std::string_view name) override { return inner_.drop_lease(name); }

   private:
    Database& inner_;
  };
  {
    auto store = open();
    for (int i = 0; i < 3; ++i) get(store->revoke_grant(kClinic, stored_grant(*store).id, {event()}, kStart));
    get(store->revoke_grant(kClinic, living_.id, {event()}, kStart));
  }
  const auto from = source();
  const auto to = opened(transfer::open_sqlite(dir_.file("target.db"), true));
  Forging forging(*to);
  const auto report = transfer::copy(*from, forging, how());
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::internal);
  EXPECT_NE(report.error().detail.find("grants"), std::string::npos);
}

}  // namespace
}  // namespace mitral::contract
