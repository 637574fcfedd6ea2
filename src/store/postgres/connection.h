// Connection: one connection to the writable PostgreSQL server, driven by whoever owns it: in one blocking round trip
// (commands, the writer's thread), or piece by piece on an event loop (lane.h).
//
// Always in pipeline mode (libpq, "Pipeline Mode"): a round trip carries any number of statements and ends in one Sync.
// Statements are prepared at their first use on this connection. `options.url` is a libpq connection string or URI,
// with as many hosts as there are servers; target_session_attrs=read-write is always added, so that after a failover
// the new primary is found and a server in recovery never serves us. Sessions run READ COMMITTED in UTC with
// statement_timeout, lock_timeout and idle_in_transaction_session_timeout of base/limits.h, TCP keep-alive and
// tcp_user_timeout.
//
// Limits: kPostgresConnectTimeout for each host, kPostgresStatementTimeout for each round trip.
// Errors: unavailable (lost, refused, timed out, read-only, out of space, could not serialize), conflict (violated
// constraint), config_invalid (wrong password, no such database, bad string), internal for the rest. Details never hold
// parameters. After a lost connection every call fails; open a new one.
// Thread rules: one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "store/postgres/statement.h"

struct pg_conn;

namespace mitral::store::postgres {

struct ConnectOptions {
  std::string url;
  std::string password;           ///< from a file, so that it needn't stand in the configuration; may be empty
  std::string schema = "mitral";  ///< search_path: where our tables are
  std::string application_name = "mitral";
};

/// What a failure means for the batch that it hit.
enum class Failure : std::uint8_t {
  none,
  statement,  ///< the statement's own: a violated constraint, bad SQL
  serialize,  ///< 40001, 40P01: the same again may succeed
  lost,       ///< the connection is gone; whether a COMMIT under way was done can't be told
};

class Connection {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Connection>> open(const ConnectOptions& options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// One round trip: all statements, in order; their rows, in order. An error of one skips those after it and is
  /// returned; outside a transaction block the statements of one round trip are one transaction.
  [[nodiscard]] Result<std::vector<Rows>> exchange(std::span<const Statement> statements);
  [[nodiscard]] Result<Rows> exchange(const Statement& statement);
  /// Texts without parameters, several in one, for set-up; never while in a pipeline.
  [[nodiscard]] Result<void> execute(const std::string& sql);
  /// Why the last exchange() failed.
  [[nodiscard]] Failure failure() const noexcept { return failure_; }
  [[nodiscard]] bool lost() const noexcept { return failure_ == Failure::lost; }
  /// Waits at most this long for a NOTIFY; true when at least one came. All that came are taken in.
  [[nodiscard]] Result<bool> wait_notified(Duration longest);

 private:
  friend class Lane;
  Connection() = default;
  pg_conn* connection_ = nullptr;
  Failure failure_ = Failure::none;
  std::unordered_map<const char*, std::string> prepared_;
};

}  // namespace mitral::store::postgres
