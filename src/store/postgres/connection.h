// Connection: one connection to the writable PostgreSQL server, driven by whoever owns it: in one blocking round trip
// (commands, the writer's thread), or piece by piece on an event loop (lane.h).
//
// Always in pipeline mode (libpq, "Pipeline Mode"): a round trip carries any number of statements and ends in one Sync.
// Statements are prepared at their first use on this connection. `options.url` is a libpq connection string or URI,
// with as many hosts as there are servers: they are tried one after the other, the one that served last first;
// target_session_attrs=read-write is always added, so that after a failover the new primary is found and a server in
// recovery never serves us. Without `sslmode` a server on another machine must prove itself (verify-full, against the
// system's authorities unless `sslrootcert` names others). Sessions run READ COMMITTED in UTC with statement_timeout,
// lock_timeout and idle_in_transaction_session_timeout of base/limits.h, TCP keep-alive and tcp_user_timeout; where the
// server would answer a COMMIT before it is on disk (synchronous_commit = off), they ask it to wait.
//
// A COMMIT counts only when the server says COMMIT, and without a warning: a server that gives up waiting for its
// synchronous standby says COMMIT too.
//
// Limits: kPostgresConnectTimeout for each host, kPostgresStatementTimeout (+ kPostgresGrace) for each round trip. Name
// resolution is the system's and has limits of its own: never open() on an event loop.
// Errors: unavailable (lost, refused, timed out, read-only, out of space, could not serialize), conflict (violated
// constraint), malformed (a text that is none), config_invalid (wrong password, no such database, bad string,
// certificate), internal for the rest. Details never hold parameters, and nothing of the connection string but hosts
// and ports. After a lost connection every call fails; open a new one.
// Thread rules: one thread at a time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
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
  bool read_only = false;  ///< the server refuses writes of this session
  /// Which host of the list served last; shared by the copies of these options.
  std::shared_ptr<std::atomic<std::size_t>> last_host = std::make_shared<std::atomic<std::size_t>>(0);
};

/// What a failure means for the batch that it hit.
enum class Failure : std::uint8_t {
  none,
  statement,  ///< the statement's own: a violated constraint, bad SQL; or the server can't now (see the error's code)
  serialize,  ///< 40001, 40P01: the same again may succeed
  lost,       ///< the connection is gone; whether a COMMIT under way was done can't be told
};

class Connection {
 public:
  using Steady = std::chrono::steady_clock;

  /// `stop`, when given, ends a vain attempt early.
  [[nodiscard]] static Result<std::unique_ptr<Connection>> open(const ConnectOptions& options,
                                                                const std::atomic<bool>* stop = nullptr);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// One round trip: all statements, in order; their rows, in order. An error of one skips those after it and is
  /// returned; outside a transaction block the statements of one round trip are one transaction.
  [[nodiscard]] Result<std::vector<Rows>> exchange(std::span<const Statement> statements);
  [[nodiscard]] Result<std::vector<Rows>> exchange(std::span<const Statement* const> statements);
  [[nodiscard]] Result<Rows> exchange(const Statement& statement);
  /// Texts without parameters, several in one, for set-up; never while in a pipeline.
  [[nodiscard]] Result<void> execute(const std::string& sql);
  /// For migrations, copies and checks: statements and waits for locks may take so long from now on.
  [[nodiscard]] Result<void> be_patient(Duration longest);

  /// Why the last exchange() failed.
  [[nodiscard]] Failure failure() const noexcept { return failure_; }
  [[nodiscard]] bool lost() const noexcept { return failure_ == Failure::lost; }
  /// The server's code for it (PostgreSQL, appendix A), or empty; and which of the statements it was.
  [[nodiscard]] const std::string& sqlstate() const noexcept { return sqlstate_; }
  [[nodiscard]] std::size_t failed_at() const noexcept { return failed_at_; }

  /// Waits at most this long for a NOTIFY; true when at least one came. All that came are taken in.
  [[nodiscard]] Result<bool> wait_notified(Duration longest);
  /// False for servers that speak the protocol but have no LISTEN and NOTIFY (CockroachDB).
  [[nodiscard]] bool has_notify() const noexcept { return has_notify_; }
  /// The schema's name, quoted for SQL.
  [[nodiscard]] const std::string& schema() const noexcept { return schema_; }
  /// Process id of the server's side.
  [[nodiscard]] int backend() const noexcept;

 private:
  friend class Lane;
  friend class Dialer;
  /// What is expected back for one statement that was sent.
  struct Step {
    const char* sql;
    bool prepare;
  };
  struct Answer {
    std::vector<Rows> rows;  ///< of the statements before the one that failed, or of all
    Error error;
    Failure failure = Failure::none;
    std::string sqlstate;
  };
  struct Flight {
    std::vector<Step> steps;
    std::size_t next = 0;
    Answer answer;
  };

  Connection() = default;
  // ---- piece by piece; each may lose the connection
  void send(std::span<const Statement* const> statements);
  void send_one(const Statement& statement, Flight& flight);
  /// True when nothing is left to be sent.
  bool flush();
  /// Takes in what the socket holds.
  void consume();
  /// The answer to the oldest round trip, once it is complete or the connection is lost.
  [[nodiscard]] bool take(Answer& answer);
  void judge(pg_result* result, Flight& flight);
  void lose(std::string why);
  [[nodiscard]] int socket() const noexcept;
  [[nodiscard]] std::size_t flights() const noexcept { return flights_.size(); }

  /// Waits for the socket; false when the deadline has passed, which loses the connection.
  [[nodiscard]] bool wait(bool writable, Steady::time_point deadline);
  [[nodiscard]] Result<void> execute_until(const std::string& sql, Steady::time_point deadline);
  [[nodiscard]] Steady::time_point deadline() const noexcept;
  [[nodiscard]] Error lost_error() const;

  pg_conn* connection_ = nullptr;
  Failure failure_ = Failure::none;
  std::string why_lost_;
  std::string sqlstate_;
  std::size_t failed_at_ = 0;
  Duration patience_{};
  bool has_notify_ = true;
  bool warned_ = false;  ///< the server sent a warning since the last result
  std::string schema_;
  std::unordered_map<const char*, std::string> prepared_;
  std::uint64_t names_ = 0;
  std::deque<Flight> flights_;
  // Kept for their memory.
  std::vector<std::uint32_t> types_;
  std::vector<const char*> values_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
};

}  // namespace mitral::store::postgres
