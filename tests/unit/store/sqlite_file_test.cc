// The file itself: schema, checkpoints of the audit chain, and what happens when somebody edits it.
#include <fstream>

#include "contract/sqlite_fixture.h"
#include "crypto/random.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/migrations.h"

namespace mitral::store {
namespace {

using namespace contract;  // NOLINT

class SqliteFile : public SqliteTest {
 protected:
  Connection connect() { return std::move(*Connection::open(path_, Connection::Mode::write, 1s)); }
  static jose::SigningKey es256() {
    auto key = crypto::PrivateKey::generate(crypto::KeyKind::p256);
    return {.kid = "audit-1", .alg = jose::SignAlg::es256, .key = *key};
  }
  static audit::VerifyOptions with(const jose::SigningKey& key) {
    jose::JwkSet set;
    EXPECT_TRUE(set.add(jose::Jwk::from_key(key.key.public_key(), key.kid, "ES256")));
    audit::VerifyOptions how;
    how.checkpoints = audit::verifier_of({set});
    return how;
  }
  void append(SqliteStore& store, std::int64_t count) {
    while (count > 0) {
      const auto piece = std::min<std::int64_t>(count, 100);
      get(store.append(Events(static_cast<std::size_t>(piece), event())));
      count -= piece;
    }
  }
};

using Migrations = SqliteFile;

TEST_F(Migrations, GoOnFromEveryStep) {
  for (std::int64_t step = 0; step <= newest_schema(); ++step) {
    path_ = dir_.file("from" + std::to_string(step) + ".db");
    {
      auto connection = connect();
      EXPECT_EQ(*migrate(connection, step), static_cast<std::size_t>(step));
      EXPECT_EQ(*connection.integer("PRAGMA user_version"), step);
    }
    const auto store = open();
    ASSERT_NE(store, nullptr);
    stored_grant(*store);
    expect_intact(*store);
  }
}

TEST_F(Migrations, AStepThatBreaksLeavesTheStepBefore) {
  auto connection = connect();
  ASSERT_TRUE(migrate(connection, 2));
  // Something of the third step is in the way: it must fail as a whole.
  ASSERT_TRUE(connection.execute("CREATE TABLE changes(x)"));
  EXPECT_FALSE(migrate(connection));
  EXPECT_EQ(*connection.integer("PRAGMA user_version"), 2);
  EXPECT_EQ(*connection.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'grants'"), 0) << "nothing half-done";
  ASSERT_TRUE(connection.execute("DROP TABLE changes"));
  EXPECT_EQ(*migrate(connection), static_cast<std::size_t>(newest_schema() - 2));
}

TEST_F(Migrations, ANewerSchemaIsRefused) {
  open();
  {
    Intruder file(path_);
    file.run("PRAGMA user_version=99");
  }
  const auto opened = SqliteStore::open(options(), clock_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::config_invalid);
  EXPECT_NE(opened.error().detail.find("99"), std::string::npos) << opened.error().detail;
}

// A rolling upgrade: the newer program has taken a step that only expands, the older one goes on beside it.
TEST_F(Migrations, ANewerSchemaThatServesThisProgramIsUsedAndLeftAlone) {
  const auto newer = newest_schema() + 1;
  const auto step = [&](std::int64_t serves) {
    Intruder file(path_);
    file.run("PRAGMA user_version=" + std::to_string(newer));
    file.run("INSERT OR REPLACE INTO schema_serves(number, serves) VALUES(" + std::to_string(newer) + ", " +
             std::to_string(serves) + ")");
  };
  const auto older = open();
  {
    Intruder file(path_);
    file.run("ALTER TABLE grants ADD COLUMN region TEXT NOT NULL DEFAULT 'here'");
  }
  step(newest_schema());
  const auto made = stored_grant(*older);
  const auto restarted = open();
  ASSERT_NE(restarted, nullptr);
  {
    Intruder file(path_);  // the newer program writes what the older one knows nothing of
    file.run("UPDATE grants SET region = 'there'");
  }
  get(older->revoke_grant(kClinic, made.id, {event()}, kStart));
  EXPECT_TRUE(get(restarted->find_grant(kClinic, stored_grant(*restarted).id)));
  Intruder file(path_);
  EXPECT_EQ(file.value("SELECT count(*) FROM grants WHERE region = 'there' AND revoked IS NOT NULL"), "1");
  EXPECT_EQ(file.value("PRAGMA user_version"), std::to_string(newer));
  expect_intact(*restarted);
  step(newer);
  EXPECT_EQ(SqliteStore::open(options(), clock_).error().code, ErrorCode::config_invalid) << "it no longer serves this";
}

TEST_F(Migrations, AnotherProgramsFileIsRefusedAndUntouched) {
  {
    Intruder file(path_);
    file.run("CREATE TABLE theirs(x)");
  }
  EXPECT_EQ(SqliteStore::open(options(), clock_).error().code, ErrorCode::config_invalid);
  Intruder file(path_);
  EXPECT_EQ(file.value("SELECT count(*) FROM sqlite_schema"), "1");
  path_ = dir_.file("letter.txt");
  std::ofstream(path_) << "Dear operator, this is not a database.";
  EXPECT_EQ(SqliteStore::open(options(), clock_).error().code, ErrorCode::config_invalid);
  path_ = dir_.file("no/such/folder/store.db");
  EXPECT_EQ(SqliteStore::open(options(), clock_).error().code, ErrorCode::unavailable);
}

TEST_F(Migrations, ManyProcessesMayStartAtOnce) {
  together(8, [&](int) {
    auto opened = SqliteStore::open(options(), clock_);
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().detail);
  });
  expect_intact(*open());
}

TEST_F(Migrations, EveryTableIsStrictAndHasItsIssuer) {
  open();
  Intruder file(path_);
  const std::string tables = "FROM pragma_table_list WHERE schema='main' AND type='table' AND name NOT LIKE 'sqlite_%'";
  EXPECT_EQ(file.value("SELECT group_concat(name) " + tables + " AND NOT strict"), "");
  EXPECT_EQ(
      file.value("SELECT group_concat(name) " + tables +
                 " AND name NOT IN ('probe', 'leases', 'audit_anchor', 'schema_serves')"
                 " AND NOT EXISTS (SELECT 1 FROM pragma_table_info(pragma_table_list.name) c WHERE c.name = 'issuer')"),
      "");
}

using Checkpoints = SqliteFile;

TEST_F(Checkpoints, TheChainIsSealedEveryThousandAndOnDemand) {
  const auto key = es256();
  auto how = options();
  how.checkpoint_signer = audit::signer_of(key);
  const auto store = open_sqlite(std::move(how), clock_);
  append(*store, limits::kAuditCheckpointRecords + 50);
  auto verdict = verdict_of(*store, with(key));
  EXPECT_TRUE(verdict.intact());
  EXPECT_GE(verdict.checkpoints, 1);
  EXPECT_GT(verdict.unsealed, 0);
  get(store->seal_audit());
  verdict = verdict_of(*store, with(key));
  EXPECT_EQ(verdict.unsealed, 0);
  const auto sealed = verdict.checkpoints;
  get(store->seal_audit());
  EXPECT_EQ(verdict_of(*store, with(key)).checkpoints, sealed) << "a sealed head is not sealed again";
}

TEST_F(Checkpoints, TheSignerMayComeLaterAndMayFail) {
  const auto key = es256();
  const auto store = open();
  append(*store, 3);
  get(store->seal_audit());
  EXPECT_EQ(verdict_of(*store).checkpoints, 0);
  store->set_checkpoint_signer([](std::string_view) -> Result<std::string> { return fail(ErrorCode::crypto_failed); });
  get(store->seal_audit());
  append(*store, 1);
  EXPECT_EQ(verdict_of(*store).checkpoints, 0) << "events go on";
  store->set_checkpoint_signer(audit::signer_of(key));
  get(store->seal_audit());
  EXPECT_EQ(verdict_of(*store, with(key)).checkpoints, 1);
}

class Tamper : public SqliteFile {
 protected:
  void SetUp() override {
    auto how = options();
    how.checkpoint_signer = audit::signer_of(key_);
    const auto store = open_sqlite(std::move(how), clock_);
    append(*store, 20);
    get(store->seal_audit());
    append(*store, 10);
    head_ = verdict_of(*store, with(key_)).head;
  }
  /// What an attacker with the file does, and what the verifier then says.
  audit::Verdict after(const std::string& sql, bool remember = false) {
    {
      Intruder file(path_);
      file.run("DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete");
      file.run(sql);
    }
    const auto store = open();
    auto how = with(key_);
    if (remember) how.expected = head_;
    return verdict_of(*store, how);
  }
  const jose::SigningKey key_ = es256();
  audit::Checkpoint head_;
};

TEST_F(Tamper, TheFileItselfRefusesPlainEdits) {
  Intruder file(path_);
  EXPECT_NE(file.try_run("UPDATE audit SET event = '{}' WHERE seq = 5"), SQLITE_OK);
  EXPECT_NE(file.try_run("DELETE FROM audit WHERE seq = 5"), SQLITE_OK);
}

TEST_F(Tamper, AlteredRowIsFound) {
  const auto verdict = after("UPDATE audit SET event = replace(event, 'u_ada', 'u_eve') WHERE seq = 5");
  EXPECT_EQ(verdict.finding, audit::Finding::hash_mismatch);
  EXPECT_EQ(verdict.broken_at, 5);
}

TEST_F(Tamper, UnreadableRowIsFound) {
  EXPECT_EQ(after("UPDATE audit SET event = 'garbage' WHERE seq = 5").broken_at, 5);
}

TEST_F(Tamper, AlteredHashIsFound) {
  EXPECT_EQ(after("UPDATE audit SET hash = zeroblob(32) WHERE seq = 5").broken_at, 5);
  EXPECT_EQ(open()->last_seq(), 30);
}

TEST_F(Tamper, DeletedRowIsFound) {
  const auto verdict = after("DELETE FROM audit WHERE seq = 5");
  EXPECT_EQ(verdict.finding, audit::Finding::gap);
  EXPECT_EQ(verdict.broken_at, 5);
}

TEST_F(Tamper, ReorderedRowsAreFound) {
  EXPECT_EQ(after("UPDATE audit SET event = (SELECT event FROM audit WHERE seq = 6), hash = (SELECT hash FROM audit "
                  "WHERE seq = 6)"
                  " WHERE seq = 5")
                .broken_at,
            5);
}

TEST_F(Tamper, CutTailIsFoundWithARememberedHead) {
  const auto verdict = after("DELETE FROM audit WHERE seq > 25", true);
  EXPECT_EQ(verdict.finding, audit::Finding::truncated);
  EXPECT_EQ(verdict.broken_at, 26);
}

TEST_F(Tamper, ForgedCheckpointIsFound) {
  const auto verdict = after("UPDATE audit SET checkpoint = checkpoint || 'A' WHERE checkpoint IS NOT NULL");
  EXPECT_EQ(verdict.finding, audit::Finding::checkpoint_invalid);
  EXPECT_EQ(verdict.broken_at, 20);
}

TEST_F(Tamper, MovedCheckpointIsFound) {
  EXPECT_EQ(
      after("UPDATE audit SET checkpoint = (SELECT checkpoint FROM audit WHERE seq = 20) WHERE seq = 15").broken_at,
      15);
}

TEST_F(SqliteFile, TheLogStaysShortUnderLoad) {
  const auto store = open();
  together(4, [&](int) {
    for (int i = 0; i < 40; ++i) EXPECT_TRUE(run_sync(store->append(Events(100, event()))));
  });
  // 16,000 events of some 600 bytes are 10 MB; the log was copied back on the way.
  EXPECT_LT(std::filesystem::file_size(path_ + "-wal"), (limits::kWalPagesMax + limits::kWalPagesPassive) * 4096);
  expect_intact(*store);
}

/// Ids begin with the time they were made at: those of one millisecond are not all of one part of the cache.
TEST_F(SqliteFile, GrantsOfOneMomentFillTheWholeCache) {
  auto how = options();
  how.grant_cache = 1024;
  const auto store = open_sqlite(std::move(how), clock_);
  std::vector<model::Grant> all;
  for (int i = 0; i < 512; ++i) {
    const auto code = stored_code(*store);
    auto made = grant();
    made.id = Id128::ordered(crypto::system_random(), kStart);
    EXPECT_EQ(get(store->redeem_code_once(kClinic, code.handle, made, family(made), {}, {}, kStart)), Claim::won);
    all.push_back(std::move(made));
  }
  for (const auto& one : all) EXPECT_TRUE(get(store->find_grant(kClinic, one.id)));
  const auto before = store->counters().reads;
  for (const auto& one : all) EXPECT_TRUE(get(store->find_grant(kClinic, one.id)));
  EXPECT_EQ(store->counters().reads, before) << "all of them are remembered";
}

TEST_F(SqliteFile, ASmallGrantCacheIsStillRight) {
  auto how = options();
  how.grant_cache = 16;  // one in each shard
  const auto store = open_sqlite(std::move(how), clock_);
  std::vector<model::Grant> all;
  for (int i = 0; i < 100; ++i) all.push_back(stored_grant(*store));
  for (const auto& one : all) {
    const auto found = get(store->find_grant(kClinic, one.id));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->scopes, one.scopes);
    EXPECT_EQ(found->context, one.context);
    EXPECT_EQ(found->fhir_user, one.fhir_user);
  }
  EXPECT_GT(store->counters().reads, 50U);
}

}  // namespace
}  // namespace mitral::store
