#include "store/postgres/migrations.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <thread>

#include "base/log.h"

namespace mitral::store::postgres {
namespace {

struct Step {
  std::int64_t number;
  std::int64_t serves;
  const char* what;
  const char* sql;
  const char* index = nullptr;  ///< online: `sql` builds this index and nothing else
};

// Times are microseconds since the epoch. Handles are SHA-256, never the handle. Every table has its issuer. Tables and
// columns are named as in SQLite, which store/transfer.h relies on. Keys sort by bytes (COLLATE "C"): faster, and the
// same on every server. Rows that are updated once (fillfactor) get their new version on the same page, without a touch
// of any index.
constexpr std::array kSteps{
    Step{1, 1, "directory and people", R"sql(
CREATE TABLE clients(issuer text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL, document text NOT NULL,
  tokens_valid_from int8 NOT NULL, PRIMARY KEY(issuer, id));
CREATE TABLE resource_servers(issuer text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL,
  audience text COLLATE "C" NOT NULL, document text NOT NULL, PRIMARY KEY(issuer, id), UNIQUE(issuer, audience));
CREATE TABLE users(issuer text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL, username text COLLATE "C" NOT NULL,
  enabled int8 NOT NULL, tokens_valid_from int8 NOT NULL, document text NOT NULL,
  PRIMARY KEY(issuer, id), UNIQUE(issuer, username));
CREATE TABLE sessions(id_hash bytea PRIMARY KEY, issuer text NOT NULL, "user" text COLLATE "C" NOT NULL,
  sid bytea NOT NULL, auth_time int8 NOT NULL, created int8 NOT NULL, last_seen int8 NOT NULL, expires int8 NOT NULL,
  document text NOT NULL) WITH (fillfactor = 80);
CREATE INDEX sessions_user ON sessions("user");
CREATE INDEX sessions_expires ON sessions(expires);
CREATE TABLE consents(issuer text COLLATE "C" NOT NULL, "user" text COLLATE "C" NOT NULL,
  client text COLLATE "C" NOT NULL, expires int8 NOT NULL, document text NOT NULL,
  PRIMARY KEY(issuer, "user", client));
CREATE INDEX consents_expires ON consents(expires);
CREATE TABLE floors(issuer text COLLATE "C" NOT NULL, kind int8 NOT NULL, subject text COLLATE "C" NOT NULL,
  at int8 NOT NULL, PRIMARY KEY(issuer, kind, subject));
CREATE TABLE probe(id int8 PRIMARY KEY CHECK(id = 1), count int8 NOT NULL) WITH (fillfactor = 10);
)sql"},
    Step{2, 2, "one-time handles", R"sql(
CREATE TABLE pushed_requests(handle bytea PRIMARY KEY, issuer text NOT NULL, client text NOT NULL,
  parameters text NOT NULL, expires int8 NOT NULL, used int8 NOT NULL DEFAULT 0) WITH (fillfactor = 60);
CREATE INDEX pushed_requests_expires ON pushed_requests(expires);
CREATE TABLE launches(handle bytea PRIMARY KEY, issuer text NOT NULL, client text NOT NULL, "user" text NOT NULL,
  audience text NOT NULL, context text NOT NULL, expires int8 NOT NULL, used int8 NOT NULL DEFAULT 0)
  WITH (fillfactor = 60);
CREATE INDEX launches_expires ON launches(expires);
CREATE TABLE interactions(handle bytea PRIMARY KEY, issuer text NOT NULL, browser bytea NOT NULL,
  document text NOT NULL, expires int8 NOT NULL, used int8 NOT NULL DEFAULT 0) WITH (fillfactor = 60);
CREATE INDEX interactions_expires ON interactions(expires);
CREATE TABLE codes(handle bytea PRIMARY KEY, issuer text NOT NULL, client text NOT NULL, "user" text NOT NULL,
  created int8 NOT NULL, expires int8 NOT NULL, burned int8 NOT NULL DEFAULT 0, grant_id bytea, document text NOT NULL)
  WITH (fillfactor = 60);
CREATE INDEX codes_expires ON codes(expires);
CREATE TABLE replay(key bytea PRIMARY KEY, issuer text NOT NULL, expires int8 NOT NULL);
CREATE INDEX replay_expires ON replay(expires);
)sql"},
    Step{3, 3, "grants and the change feed", R"sql(
CREATE TABLE grants(id bytea PRIMARY KEY, issuer text NOT NULL, client text NOT NULL, "user" text COLLATE "C" NOT NULL,
  sid bytea NOT NULL, "offline" int8 NOT NULL, created int8 NOT NULL, expires int8 NOT NULL, revoked int8,
  generation int8, rotated int8, family_expires int8, document text NOT NULL) WITH (fillfactor = 75);
CREATE INDEX grants_user ON grants("user");
CREATE INDEX grants_expires ON grants(expires);
CREATE TABLE changes(seq int8 PRIMARY KEY, issuer text NOT NULL, kind int8 NOT NULL, subject text NOT NULL,
  at int8 NOT NULL, expires int8 NOT NULL);
CREATE INDEX changes_expires ON changes(expires);
CREATE INDEX changes_tokens ON changes(seq) WHERE kind = 2;
)sql"},
    Step{4, 4, "signing keys and the audit record", R"sql(
CREATE TABLE signing_keys(issuer text COLLATE "C" NOT NULL, kid text COLLATE "C" NOT NULL, alg text NOT NULL,
  purpose text NOT NULL, wrapped_private bytea NOT NULL, public_jwk text NOT NULL, published int8 NOT NULL,
  active_from int8 NOT NULL, retired_from int8 NOT NULL, removed_from int8 NOT NULL, revoked int8 NOT NULL,
  PRIMARY KEY(issuer, kid));
CREATE TABLE audit(seq int8 PRIMARY KEY, issuer text NOT NULL, at int8 NOT NULL, event text NOT NULL,
  hash bytea NOT NULL, checkpoint text);
CREATE INDEX audit_checkpoints ON audit(seq) WHERE checkpoint IS NOT NULL;
CREATE TABLE head(id int8 PRIMARY KEY CHECK(id = 1), audit_seq int8 NOT NULL, audit_hash bytea NOT NULL,
  audit_at int8 NOT NULL, sealed int8 NOT NULL, change_seq int8 NOT NULL) WITH (fillfactor = 10);
INSERT INTO head(id, audit_seq, audit_hash, audit_at, sealed, change_seq) VALUES(1, 0, ''::bytea, 0, 0, 0);
UPDATE head SET audit_hash = decode(repeat('00', 32), 'hex');
)sql"},
    Step{5, 5, "emergency accesses", R"sql(
CREATE TABLE emergency_accesses(id bytea PRIMARY KEY, issuer text COLLATE "C" NOT NULL,
  patient text COLLATE "C" NOT NULL, "user" text NOT NULL, at int8 NOT NULL, reviewed int8, document text NOT NULL);
CREATE INDEX emergency_accesses_patient ON emergency_accesses(issuer, patient, at);
CREATE INDEX emergency_accesses_at ON emergency_accesses(issuer, at);
CREATE INDEX emergency_accesses_open ON emergency_accesses(issuer, at) WHERE reviewed IS NULL;
)sql"},
    Step{6, 6, "leases, and an audit record whose shipped past may go", R"sql(
CREATE TABLE leases(name text COLLATE "C" PRIMARY KEY, holder bytea NOT NULL, until int8 NOT NULL)
  WITH (fillfactor = 10);
CREATE TABLE audit_anchor(id int8 PRIMARY KEY CHECK(id = 1), seq int8 NOT NULL, hash bytea NOT NULL);
)sql"},
    // The end of a session looks for the grants made in it; by user alone that is slow for a user with many.
    Step{7, 6, "grants by their session",
         R"sql(CREATE INDEX CONCURRENTLY grants_session ON grants(sid) WHERE "offline" = 0 AND revoked IS NULL)sql",
         "grants_session"},
    // A column that a partial index asks about counts as indexed: each revocation entered the row's new version in
    // every index of the table, four random pages. Without it the row changes in its own page alone (a heap-only
    // tuple).
    Step{8, 6, "grants by their session, revoked or not",
         R"sql(CREATE INDEX CONCURRENTLY grants_by_session ON grants(sid) WHERE "offline" = 0)sql",
         "grants_by_session"},
    Step{9, 6, "the index that it replaces", "DROP INDEX IF EXISTS grants_session"},
};

constexpr auto kBuilderPause = std::chrono::milliseconds(100);
constexpr int kBootstrapAttempts = 20;

Result<bool> exists(Connection& connection, std::string_view table) {
  MITRAL_TRY(const auto found, connection.exchange(Statement("SELECT 1 FROM pg_catalog.pg_class c JOIN "
                                                             "pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                                                             "WHERE c.relname = $1 AND n.nspname = current_schema()",
                                                             table)));
  return !found.empty();
}

Result<SchemaState> steps_done(Connection& connection) {
  MITRAL_TRY(const auto rows,
             connection.exchange(Statement("SELECT number, serves FROM schema_steps ORDER BY number DESC LIMIT 1")));
  if (rows.empty()) return SchemaState{};
  return SchemaState{rows.integer(0, 0), rows.integer(0, 1)};
}

/// Two that do this at once get in each other's way: whoever lost looks again.
Result<void> bootstrap(Connection& connection) {
  for (int attempt = 0;; ++attempt) {
    MITRAL_TRY(const bool there, exists(connection, "schema_lock"));
    if (there) return {};
    MITRAL_TRY(const bool others, exists(connection, "clients"));
    if (others) return fail(ErrorCode::config_invalid, {}, "the schema holds tables of another program");
    auto done = connection.execute(
        fmt::format("BEGIN;"
                    "CREATE SCHEMA IF NOT EXISTS {};"
                    "CREATE TABLE schema_steps(number int8 PRIMARY KEY, serves int8 NOT NULL, what text NOT NULL);"
                    "CREATE TABLE schema_lock(id int8 PRIMARY KEY CHECK(id = 1), builder int8, since timestamptz);"
                    "INSERT INTO schema_lock(id) VALUES(1);"
                    "COMMIT",
                    connection.schema()));
    if (done) return {};
    if (connection.lost() || attempt == kBootstrapAttempts) return done;
    MITRAL_CHECK(connection.execute("ROLLBACK"));
    std::this_thread::sleep_for(kBuilderPause);
  }
}

Result<void> record(Connection& connection, const Step& step) {
  MITRAL_TRY(const auto rows,
             connection.exchange(Statement("INSERT INTO schema_steps(number, serves, what) VALUES($1, $2, $3) "
                                           "ON CONFLICT(number) DO NOTHING",
                                           step.number, step.serves, step.what)));
  return {};
}

/// One transaction. False: somebody else has done it meanwhile.
Result<bool> run_at_once(Connection& connection, const Step& step) {
  const auto steps = [&]() -> Result<bool> {
    MITRAL_CHECK(connection.execute("BEGIN"));
    MITRAL_TRY(const auto lock, connection.exchange(Statement("SELECT id FROM schema_lock WHERE id = 1 FOR UPDATE")));
    if (lock.empty()) return fail(ErrorCode::config_invalid, {}, "schema_lock is empty");
    MITRAL_TRY(const auto state, steps_done(connection));
    if (state.newest >= step.number) {
      MITRAL_CHECK(connection.execute("ROLLBACK"));
      return false;
    }
    MITRAL_CHECK(connection.execute(step.sql));
    MITRAL_CHECK(record(connection, step));
    MITRAL_TRY(const auto committed, connection.exchange(Statement("COMMIT")));
    return true;
  };
  auto done = steps();
  if (!done && !connection.lost()) {
    if (auto undone = connection.execute("ROLLBACK"); !undone) done.error().detail += "; rollback failed";
  }
  return done;
}

/// Signs the lock's row, unless a session that is alive has. A session's number may come again, its start does not.
Result<bool> sign_lock(Connection& connection) {
  MITRAL_TRY(const auto rows,
             connection.exchange(Statement(
                 "UPDATE schema_lock SET builder = pg_backend_pid(), since = (SELECT a.backend_start FROM "
                 "pg_stat_activity a WHERE a.pid = pg_backend_pid()) WHERE id = 1 AND (builder IS NULL OR NOT EXISTS "
                 "(SELECT 1 FROM pg_stat_activity a WHERE a.pid = schema_lock.builder AND a.backend_start = "
                 "schema_lock.since))")));
  return rows.affected() == 1;
}

enum class IndexState : std::uint8_t { missing, broken, good };
Result<IndexState> index_state(Connection& connection, const char* name) {
  MITRAL_TRY(const auto rows,
             connection.exchange(Statement("SELECT i.indisvalid FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c "
                                           "ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = "
                                           "c.relnamespace WHERE c.relname = $1 AND n.nspname = current_schema()",
                                           name)));
  if (rows.empty()) return IndexState::missing;
  return rows.boolean(0, 0) ? IndexState::good : IndexState::broken;
}

Result<void> build_index(Connection& connection, const Step& step) {
  MITRAL_TRY(const auto state, index_state(connection, step.index));
  if (state == IndexState::broken)
    MITRAL_CHECK(connection.execute(fmt::format("DROP INDEX CONCURRENTLY {}", step.index)));
  if (state != IndexState::good) MITRAL_CHECK(connection.execute(step.sql));
  return record(connection, step);
}

Result<bool> run_online(Connection& connection, const Step& step) {
  for (;;) {
    MITRAL_TRY(const bool mine, sign_lock(connection));
    if (mine) break;
    std::this_thread::sleep_for(kBuilderPause);
  }
  // Looked at only now: whoever had the lock may have done it.
  auto done = [&]() -> Result<bool> {
    MITRAL_TRY(const auto state, steps_done(connection));
    if (state.newest >= step.number) return false;
    MITRAL_CHECK(build_index(connection, step));
    return true;
  }();
  if (connection.lost()) return done;
  MITRAL_TRY(const auto released,
             connection.exchange(Statement("UPDATE schema_lock SET builder = NULL, since = NULL WHERE id = 1 AND "
                                           "builder = pg_backend_pid()")));
  return done;
}

}  // namespace

std::int64_t newest_schema() noexcept { return kSteps.back().number; }

Result<SchemaState> schema_state(Connection& connection) {
  MITRAL_TRY(const bool there, exists(connection, "schema_steps"));
  if (!there) return SchemaState{};
  return steps_done(connection);
}

Result<void> check_schema(Connection& connection) {
  MITRAL_TRY(const auto state, schema_state(connection));
  if (state.serves > newest_schema()) {
    return fail(ErrorCode::config_invalid, {},
                fmt::format("the database has schema {}, which needs a program that knows {}; this one knows up to {}",
                            state.newest, state.serves, newest_schema()));
  }
  if (state.newest < newest_schema()) {
    return fail(ErrorCode::config_invalid, {},
                fmt::format("the database has schema {}, this program needs {}: run `mitral db migrate`", state.newest,
                            newest_schema()));
  }
  return {};
}

Result<std::size_t> migrate(Connection& connection, std::int64_t target,
                            const std::function<void(std::string)>& progress) {
  // A node that finds everything done writes nothing, and needs no right to.
  if (target == newest_schema() && check_schema(connection)) return std::size_t{0};
  MITRAL_CHECK(connection.be_patient(kSchemaPatience));
  MITRAL_CHECK(bootstrap(connection));
  MITRAL_TRY(const auto before, steps_done(connection));
  if (before.newest >= newest_schema()) {
    MITRAL_CHECK(check_schema(connection));
    return std::size_t{0};
  }
  std::size_t taken = 0;
  for (const auto& step : kSteps) {
    if (step.number <= before.newest || step.number > target) continue;
    if (progress) progress(fmt::format("step {}: {}", step.number, step.what));
    auto done = step.index == nullptr ? run_at_once(connection, step) : run_online(connection, step);
    if (!done) {
      done.error().detail = fmt::format("migration {} ({}): {}", step.number, step.what, done.error().detail);
      return std::unexpected(done.error());
    }
    if (!*done) continue;
    log::debug("store.migrated", {{"schema", step.number}});
    ++taken;
  }
  return taken;
}

}  // namespace mitral::store::postgres
