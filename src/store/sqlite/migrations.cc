#include "store/sqlite/migrations.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <array>

#include "base/log.h"

namespace mitral::store {
namespace {

constexpr std::int64_t kApplicationId = 0x4D49544C;  // "MITL" in the file's header, so that file(1) and we can tell it

// Times are microseconds since the epoch. Handles are SHA-256, never the handle. Every table has its issuer.
// Hot tables have a rowid, so that rows made together lie together and a batch touches few pages.
constexpr std::array kMigrations{
    Migration{1, "directory and people", R"sql(
CREATE TABLE clients(issuer TEXT NOT NULL, id TEXT NOT NULL, document TEXT NOT NULL, tokens_valid_from INTEGER NOT NULL,
  PRIMARY KEY(issuer, id)) STRICT, WITHOUT ROWID;
CREATE TABLE resource_servers(issuer TEXT NOT NULL, id TEXT NOT NULL, audience TEXT NOT NULL, document TEXT NOT NULL,
  PRIMARY KEY(issuer, id), UNIQUE(issuer, audience)) STRICT, WITHOUT ROWID;
CREATE TABLE users(issuer TEXT NOT NULL, id TEXT NOT NULL, username TEXT NOT NULL, enabled INTEGER NOT NULL,
  tokens_valid_from INTEGER NOT NULL, document TEXT NOT NULL, PRIMARY KEY(issuer, id), UNIQUE(issuer, username)) STRICT, WITHOUT ROWID;
CREATE TABLE sessions(id_hash BLOB NOT NULL UNIQUE, issuer TEXT NOT NULL, user TEXT NOT NULL, sid BLOB NOT NULL,
  auth_time INTEGER NOT NULL, created INTEGER NOT NULL, last_seen INTEGER NOT NULL, expires INTEGER NOT NULL,
  document TEXT NOT NULL) STRICT;
CREATE INDEX sessions_user ON sessions(user);
CREATE INDEX sessions_expires ON sessions(expires);
CREATE TABLE consents(issuer TEXT NOT NULL, user TEXT NOT NULL, client TEXT NOT NULL, expires INTEGER NOT NULL,
  document TEXT NOT NULL, PRIMARY KEY(issuer, user, client)) STRICT, WITHOUT ROWID;
CREATE INDEX consents_expires ON consents(expires);
CREATE TABLE floors(issuer TEXT NOT NULL, kind INTEGER NOT NULL, subject TEXT NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY(issuer, kind, subject)) STRICT, WITHOUT ROWID;
CREATE TABLE probe(id INTEGER PRIMARY KEY CHECK(id = 1), count INTEGER NOT NULL) STRICT;
)sql"},
    Migration{2, "one-time handles", R"sql(
CREATE TABLE pushed_requests(handle BLOB NOT NULL UNIQUE, issuer TEXT NOT NULL, client TEXT NOT NULL,
  parameters TEXT NOT NULL, expires INTEGER NOT NULL, used INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX pushed_requests_expires ON pushed_requests(expires);
CREATE TABLE launches(handle BLOB NOT NULL UNIQUE, issuer TEXT NOT NULL, client TEXT NOT NULL, user TEXT NOT NULL,
  audience TEXT NOT NULL, context TEXT NOT NULL, expires INTEGER NOT NULL, used INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX launches_expires ON launches(expires);
CREATE TABLE interactions(handle BLOB NOT NULL UNIQUE, issuer TEXT NOT NULL, browser BLOB NOT NULL, document TEXT NOT NULL,
  expires INTEGER NOT NULL, used INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX interactions_expires ON interactions(expires);
CREATE TABLE codes(handle BLOB NOT NULL UNIQUE, issuer TEXT NOT NULL, client TEXT NOT NULL, user TEXT NOT NULL,
  created INTEGER NOT NULL, expires INTEGER NOT NULL, burned INTEGER NOT NULL DEFAULT 0, grant_id BLOB,
  document TEXT NOT NULL) STRICT;
CREATE INDEX codes_expires ON codes(expires);
CREATE TABLE replay(key BLOB NOT NULL PRIMARY KEY, issuer TEXT NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX replay_expires ON replay(expires);
)sql"},
    Migration{3, "grants and the change feed", R"sql(
CREATE TABLE grants(id BLOB NOT NULL UNIQUE, issuer TEXT NOT NULL, client TEXT NOT NULL, user TEXT NOT NULL,
  sid BLOB NOT NULL, offline INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL, revoked INTEGER,
  generation INTEGER, rotated INTEGER, family_expires INTEGER, document TEXT NOT NULL) STRICT;
CREATE INDEX grants_user ON grants(user);
CREATE INDEX grants_expires ON grants(expires);
CREATE TABLE changes(seq INTEGER PRIMARY KEY AUTOINCREMENT, issuer TEXT NOT NULL, kind INTEGER NOT NULL,
  subject TEXT NOT NULL, at INTEGER NOT NULL, expires INTEGER NOT NULL) STRICT;
CREATE INDEX changes_expires ON changes(expires);
)sql"},
    Migration{4, "signing keys and the audit record", R"sql(
CREATE TABLE signing_keys(issuer TEXT NOT NULL, kid TEXT NOT NULL, alg TEXT NOT NULL, purpose TEXT NOT NULL,
  wrapped_private BLOB NOT NULL, public_jwk TEXT NOT NULL, published INTEGER NOT NULL, active_from INTEGER NOT NULL,
  retired_from INTEGER NOT NULL, removed_from INTEGER NOT NULL, revoked INTEGER NOT NULL, PRIMARY KEY(issuer, kid)) STRICT;
CREATE TABLE audit(seq INTEGER PRIMARY KEY, issuer TEXT NOT NULL, at INTEGER NOT NULL, event TEXT NOT NULL,
  hash BLOB NOT NULL, checkpoint TEXT) STRICT;
CREATE INDEX audit_checkpoints ON audit(seq) WHERE checkpoint IS NOT NULL;
CREATE TRIGGER audit_no_update BEFORE UPDATE OF seq, issuer, at, event, hash ON audit
  BEGIN SELECT RAISE(ABORT, 'the audit record is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
  BEGIN SELECT RAISE(ABORT, 'the audit record is append-only'); END;
)sql"},
    Migration{5, "emergency accesses", R"sql(
CREATE TABLE emergency_accesses(id BLOB NOT NULL UNIQUE, issuer TEXT NOT NULL, patient TEXT NOT NULL,
  user TEXT NOT NULL, at INTEGER NOT NULL, reviewed INTEGER, document TEXT NOT NULL) STRICT;
CREATE INDEX emergency_accesses_patient ON emergency_accesses(issuer, patient, at);
CREATE INDEX emergency_accesses_at ON emergency_accesses(issuer, at);
)sql"},
    Migration{6, "leases, and an audit record whose shipped past may go", R"sql(
CREATE TABLE leases(name TEXT NOT NULL PRIMARY KEY, holder BLOB NOT NULL, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE audit_anchor(id INTEGER PRIMARY KEY CHECK(id = 1), seq INTEGER NOT NULL, hash BLOB NOT NULL) STRICT;
CREATE TRIGGER audit_anchor_forward BEFORE UPDATE ON audit_anchor WHEN NEW.seq < OLD.seq
  BEGIN SELECT RAISE(ABORT, 'the anchor of the audit record only moves forward'); END;
CREATE TRIGGER audit_anchor_stays BEFORE DELETE ON audit_anchor
  BEGIN SELECT RAISE(ABORT, 'the anchor of the audit record stays'); END;
DROP TRIGGER audit_no_delete;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit WHEN OLD.seq > coalesce((SELECT seq FROM audit_anchor), 0)
  BEGIN SELECT RAISE(ABORT, 'the audit record is append-only'); END;
)sql"},
    Migration{7, "which programs may work beside a newer one", R"sql(
CREATE TABLE schema_serves(number INTEGER PRIMARY KEY, serves INTEGER NOT NULL) STRICT;
)sql"},
    Migration{8, "the clients with browser origins", R"sql(
CREATE INDEX clients_origins ON clients(issuer, id) WHERE instr(document, '"origins"') > 0;
)sql",
              7},
};
constexpr std::int64_t kServesFrom = 7;  // the file tells from this step on

Result<void> run_step(Connection& connection, const Migration& step) {
  MITRAL_CHECK(connection.execute(step.sql));
  auto stamp = fmt::format("PRAGMA application_id={}; PRAGMA user_version={}", kApplicationId, step.number);
  if (step.number >= kServesFrom) {
    stamp += fmt::format("; INSERT INTO schema_serves(number, serves) VALUES({}, {})", step.number,
                         step.serves == 0 ? step.number : step.serves);
  }
  return connection.execute(stamp.c_str());
}

/// The step after the current one, in its own transaction. 0: nothing left to do up to the target.
Result<std::int64_t> advance(Connection& connection, std::int64_t target) {
  MITRAL_CHECK(connection.execute("BEGIN IMMEDIATE"));
  const auto finish = [&](Result<std::int64_t> result) -> Result<std::int64_t> {
    if (result && *result > 0) {
      auto committed = connection.execute("COMMIT");
      if (committed) return result;
      result = std::unexpected(committed.error());
    }
    if (connection.in_transaction()) {
      if (auto undone = connection.execute("ROLLBACK"); !undone && result) return std::unexpected(undone.error());
    }
    return result;
  };
  // Read again inside the transaction: another process may have been faster.
  auto at = connection.integer("PRAGMA user_version");
  if (!at) return finish(std::unexpected(at.error()));
  for (const auto& step : kMigrations) {
    if (step.number != *at + 1 || step.number > target) continue;
    if (auto done = run_step(connection, step); !done) {
      done.error().detail = fmt::format("migration {} ({}): {}", step.number, step.what, done.error().detail);
      return finish(std::unexpected(done.error()));
    }
    return finish(step.number);
  }
  return finish(0);
}

/// The oldest program that can work with the file as it is; its own step alone when it doesn't tell.
Result<std::int64_t> serves(Connection& connection, std::int64_t version) {
  MITRAL_TRY(const auto told,
             connection.integer("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_serves'"));
  if (told == 0) return version;
  Query query(connection, "SELECT serves FROM schema_serves WHERE number = ?1");
  MITRAL_TRY(const bool row, query.bind(version).step());
  return row ? query.integer(0) : version;
}

Result<void> look_at_file(Connection& connection) {
  auto version = connection.integer("PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  MITRAL_TRY(const auto application, connection.integer("PRAGMA application_id"));
  MITRAL_TRY(const auto tables, connection.integer("SELECT count(*) FROM sqlite_schema"));
  if (application != kApplicationId && (application != 0 || *version != 0 || tables != 0)) {
    return fail(ErrorCode::config_invalid, {}, "the file is a database of another program");
  }
  if (*version > newest_schema()) {
    MITRAL_TRY(const auto oldest, serves(connection, *version));
    if (oldest > newest_schema()) {
      return fail(ErrorCode::config_invalid, {},
                  fmt::format("the database has schema {}, written by a newer version; this program knows up to {}",
                              *version, newest_schema()));
    }
  }
  return {};
}

/// All of it as it is at one moment: another process may be making it ours meanwhile.
Result<void> check_file(Connection& connection) {
  MITRAL_CHECK(connection.execute("BEGIN"));
  auto checked = look_at_file(connection);
  if (auto ended = connection.execute("COMMIT"); !ended && checked) return ended;
  return checked;
}

}  // namespace

std::span<const Migration> migrations() noexcept { return kMigrations; }
std::int64_t newest_schema() noexcept { return kMigrations.back().number; }

Result<std::size_t> migrate(Connection& connection, std::int64_t target) {
  MITRAL_CHECK(check_file(connection));
  std::size_t steps = 0;
  for (;;) {
    MITRAL_TRY(const auto version, connection.integer("PRAGMA user_version"));
    if (version >= target) return steps;
    MITRAL_TRY(const auto reached, advance(connection, target));
    if (reached == 0) return steps;
    log::debug("store.migrated", {{"schema", reached}});
    ++steps;
  }
}

}  // namespace mitral::store
