#include "store/sqlite/connection.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "base/log.h"

namespace mitral::store {

struct Connection::Waiting {
  std::chrono::microseconds limit;
  std::chrono::steady_clock::time_point since;
};

namespace {

constexpr auto kRetryStep = std::chrono::microseconds(500);

/// SQLite's own handler sleeps up to 100 ms between tries, and would hardly ever hit the short pauses of a busy writer
/// in another process; this one asks often and gives up after the limit.
template <class Waiting>
int wait_for_lock(void* context, int attempt) {
  auto& waiting = *static_cast<Waiting*>(context);
  const auto now = std::chrono::steady_clock::now();
  if (attempt == 0) waiting.since = now;
  if (now - waiting.since >= waiting.limit) return 0;
  std::this_thread::sleep_for(kRetryStep);
  return 1;
}

ErrorCode classify(int code) noexcept {
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT: return ErrorCode::conflict;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CANTOPEN:
    case SQLITE_NOMEM:
    case SQLITE_READONLY:
    case SQLITE_PROTOCOL:
    case SQLITE_INTERRUPT: return ErrorCode::unavailable;
    default: return ErrorCode::internal;
  }
}

/// Created by us with mode 0600 before SQLite sees it: the log and the shared memory beside it take over its mode.
///
/// A file that is there is left alone: to close any descriptor of it drops all locks that this process holds on it
/// (POSIX fcntl), also those of its other connections. The next process to close the database would then take itself
/// for the last one and delete the write-ahead log that this one goes on writing to.
/// For the same reason one thread at a time: nobody opens the file between its creation and this close.
Result<void> create_private(const std::string& path) {
  static std::mutex one_at_a_time;
  const std::scoped_lock hold(one_at_a_time);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) {
    ::close(fd);
  } else if (errno != EEXIST) {
    return fail(ErrorCode::unavailable, {}, fmt::format("can't create {}: {}", path, std::strerror(errno)));
  }
  return {};
}

}  // namespace

Result<Connection> Connection::open(const std::string& path, Mode mode, Duration busy_timeout) {
  // Counting memory takes a lock that all connections share; nobody reads the count. And room for twenty pages that
  // each connection makes at once is more than most use while little happens. Refused once SQLite is in use.
  [[maybe_unused]] static const int kConfigured =
      sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) | sqlite3_config(SQLITE_CONFIG_PAGECACHE, nullptr, 0, 0);
  MITRAL_CHECK(create_private(path));
  Connection out;
  const int code = sqlite3_open_v2(path.c_str(), &out.db_,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (code != SQLITE_OK) return std::unexpected(out.error(code, "open"));
  out.waiting_ = new Waiting{busy_timeout, {}};
  sqlite3_busy_handler(out.db_, wait_for_lock<Waiting>, out.waiting_);
  // A file made by somebody else is data, not program: no triggers or views of it may call functions with side effects.
  sqlite3_db_config(out.db_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(out.db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  MITRAL_CHECK(out.use_log(busy_timeout));
  MITRAL_CHECK(
      out.execute("PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;"
                  "PRAGMA wal_autocheckpoint=0; PRAGMA cell_size_check=ON"));
  MITRAL_CHECK(
      out.execute(mode == Mode::write ? "PRAGMA cache_size=-32768" : "PRAGMA cache_size=-4096; PRAGMA query_only=ON"));
  return out;
}

void Connection::wait_at_most(Duration busy_timeout) noexcept { waiting_->limit = busy_timeout; }

/// Of several that open a new file at once each reads it and then wants to write the first page. SQLite calls no busy
/// handler for those that lose, since waiting with what was read could last for ever: whoever loses starts again.
Result<void> Connection::use_log(Duration limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  for (;;) {
    auto used = execute("PRAGMA journal_mode=WAL");
    const bool lost = !used && (sqlite3_errcode(db_) & 0xff) == SQLITE_BUSY;
    if (!lost || std::chrono::steady_clock::now() >= until) return used;
    std::this_thread::sleep_for(kRetryStep);
  }
}

Result<Connection> Connection::open_unchanged(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      uri += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    } else {
      uri += c;
    }
  }
  uri += "?immutable=1";
  Connection out;
  const int code =
      sqlite3_open_v2(uri.c_str(), &out.db_,
                      SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (code != SQLITE_OK) return std::unexpected(out.error(code, "open"));
  sqlite3_db_config(out.db_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(out.db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  MITRAL_CHECK(out.execute("PRAGMA query_only=ON; PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY"));
  return out;
}

Connection::Connection(Connection&& other) noexcept
    : db_(std::exchange(other.db_, nullptr)),
      statements_(std::exchange(other.statements_, {})),
      waiting_(std::exchange(other.waiting_, nullptr)) {}

Connection& Connection::operator=(Connection&& other) noexcept {
  if (this != &other) {
    close();
    db_ = std::exchange(other.db_, nullptr);
    statements_ = std::exchange(other.statements_, {});
    waiting_ = std::exchange(other.waiting_, nullptr);
  }
  return *this;
}

Connection::~Connection() { close(); }

void Connection::close() noexcept {
  for (auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  statements_.clear();
  if (db_ != nullptr) sqlite3_close_v2(std::exchange(db_, nullptr));
  delete std::exchange(waiting_, nullptr);
}

Result<void> Connection::execute(const char* sql) {
  const int code = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) return {};
  auto failed = error(code, sql);
  // Waiting does not turn another kind of file into a database; it shows in the first statement after opening it.
  if ((code & 0xff) == SQLITE_NOTADB) failed.code = ErrorCode::config_invalid;
  return std::unexpected(std::move(failed));
}

Result<std::int64_t> Connection::integer(const char* sql) {
  Query query(*this, sql);
  MITRAL_TRY(const bool row, query.step());
  return row ? query.integer(0) : 0;
}

bool Connection::in_transaction() const noexcept { return sqlite3_get_autocommit(db_) == 0; }
std::int64_t Connection::changes() const noexcept { return sqlite3_changes64(db_); }

Error Connection::error(int code, std::string_view what) const {
  const int primary = code & 0xff;
  // The message of a constraint names columns; the others are fixed texts. No bound value is ever in them.
  const char* message =
      db_ != nullptr && sqlite3_errcode(db_) != SQLITE_OK ? sqlite3_errmsg(db_) : sqlite3_errstr(code);
  Error out{classify(code), {}, fmt::format("sqlite {} ({}) in: {}", message, code, what.substr(0, 60))};
  if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) {
    static std::atomic<bool> told{false};
    if (!told.exchange(true)) log::error("store.damaged", {{"detail", out.detail}});
  }
  return out;
}

sqlite3_stmt* Connection::prepared(const char* sql, int& code) {
  const auto at = statements_.find(sql);
  if (at != statements_.end()) return at->second;
  sqlite3_stmt* statement = nullptr;
  code = sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (statement != nullptr) statements_.emplace(sql, statement);
  return statement;
}

Query::Query(Connection& connection, const char* sql)
    : connection_(connection), sql_(sql), statement_(connection.prepared(sql, code_)) {}

Query::~Query() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

void Query::bind_text(int index, std::string_view text) noexcept {
  if (statement_ == nullptr || code_ != SQLITE_OK) return;
  // A null pointer would bind NULL; an empty text is not NULL.
  code_ = sqlite3_bind_text64(statement_, index, text.data() == nullptr ? "" : text.data(), text.size(), SQLITE_STATIC,
                              SQLITE_UTF8);
}

void Query::bind_blob(int index, std::string_view bytes) noexcept {
  if (statement_ == nullptr || code_ != SQLITE_OK) return;
  code_ =
      sqlite3_bind_blob64(statement_, index, bytes.data() == nullptr ? "" : bytes.data(), bytes.size(), SQLITE_STATIC);
}

void Query::bind_integer(int index, std::int64_t value) noexcept {
  if (statement_ == nullptr || code_ != SQLITE_OK) return;
  code_ = sqlite3_bind_int64(statement_, index, value);
}

Result<bool> Query::step() {
  if (statement_ == nullptr || code_ != SQLITE_OK) {
    return std::unexpected(connection_.error(code_ == SQLITE_OK ? SQLITE_ERROR : code_, sql_));
  }
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return std::unexpected(connection_.error(code, sql_));
}

Result<void> Query::run() {
  for (;;) {
    MITRAL_TRY(const bool row, step());
    if (!row) return {};
  }
}

Result<std::int64_t> Query::run_counting() {
  MITRAL_CHECK(run());
  return connection_.changes();
}

bool Query::is_null(int column) const noexcept { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
std::int64_t Query::integer(int column) const noexcept { return sqlite3_column_int64(statement_, column); }

std::string_view Query::text(int column) const noexcept {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return data == nullptr ? std::string_view() : std::string_view(data, static_cast<std::size_t>(size));
}

Id128 Query::id(int column) const noexcept {
  Id128 out;
  const auto bytes = text(column);
  if (bytes.size() == out.bytes.size()) std::memcpy(out.bytes.data(), bytes.data(), bytes.size());
  return out;
}

Hash256 Query::hash(int column) const noexcept {
  Hash256 out{};
  const auto bytes = text(column);
  if (bytes.size() == out.size()) std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

}  // namespace mitral::store
