#include "store/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "base/log.h"
#include "store/documents.h"
#include "store/sqlite/migrations.h"
#include "store/sqlite/store_impl.h"

namespace mitral::store {
namespace {

std::chrono::nanoseconds steady_now() { return std::chrono::steady_clock::now().time_since_epoch(); }

}  // namespace

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(SqliteOptions options, const Clock& clock) {
  std::error_code failed;
  if (std::filesystem::is_directory(options.path, failed)) {
    return fail(ErrorCode::config_invalid, {}, options.path + " is a directory");
  }
  auto store = std::make_unique<StoreImpl>(std::move(options), clock);
  MITRAL_CHECK(store->start());
  return std::unique_ptr<SqliteStore>(std::move(store));
}

StoreImpl::StoreImpl(SqliteOptions options, const Clock& clock)
    : options_(std::move(options)), clock_(clock), grants_(options_.grant_cache), codes_(options_.fresh_codes) {}

StoreImpl::~StoreImpl() {
  {
    const std::lock_guard lock(tick_mutex_);
    stopping_ = true;
  }
  tick_wake_.notify_one();
  if (ticker_.joinable()) ticker_.join();
  {
    const std::lock_guard lock(backup_mutex_);
    if (backup_.joinable()) backup_.join();
  }
  writer_.reset();
}

Result<void> StoreImpl::start() {
  const auto timeout = options_.busy_timeout;
  MITRAL_TRY(auto connection, Connection::open(options_.path, Connection::Mode::write, timeout));
  MITRAL_TRY([[maybe_unused]] const auto steps, migrate(connection));
  for (std::size_t i = 0; i < std::max<std::size_t>(options_.readers, 1); ++i) {
    readers_.push_back(std::make_unique<Reader>());
    MITRAL_TRY(readers_.back()->connection, Connection::open(options_.path, Connection::Mode::read, timeout));
  }
  MITRAL_TRY(ticker_connection_, Connection::open(options_.path, Connection::Mode::read, timeout));
  MITRAL_CHECK(load_all(ticker_connection_));
  followed_ = steady_now().count();
  writer_ = std::make_unique<Writer>(
      std::move(connection), options_,
      Writer::Listener{.begun = [this](Connection& c) { return follow(c); },
                       .committed = [this](Connection& c,
                                           std::vector<model::Change> changes) { committed(c, std::move(changes)); }});
  MITRAL_CHECK(writer_->start());
  ticker_ = std::thread([this] { tick_loop(); });
  return {};
}

std::size_t StoreImpl::thread_number() noexcept {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t number = next.fetch_add(1, std::memory_order_relaxed);
  return number;
}

// ---- memory follows the file

Result<void> StoreImpl::load_all(Connection& connection) {
  if (connection.in_transaction()) return load_all_within(connection);
  MITRAL_CHECK(connection.execute("BEGIN"));  // one snapshot for all of it
  auto done = load_all_within(connection);
  auto ended = connection.execute("ROLLBACK");
  return done ? ended : done;
}

Result<void> StoreImpl::load_all_within(Connection& connection) {
  {
    Query query(connection, "SELECT issuer, kind, subject, at FROM floors");
    for (;;) {
      MITRAL_TRY(const bool row, query.step());
      if (!row) break;
      revocations_.raise(static_cast<FloorKind>(query.integer(1)), Issuer(query.text(0)), query.text(2), query.time(3));
    }
  }
  {
    const auto kind = model::ChangeKind::token_revoked;
    Query query(connection, "SELECT issuer, subject, expires FROM changes WHERE kind = ?1");
    query.bind(kind);
    for (;;) {
      MITRAL_TRY(const bool row, query.step());
      if (!row) break;
      revocations_.revoke_token(Issuer(query.text(0)), query.text(1), query.time(2));
    }
  }
  MITRAL_CHECK(load_directory(connection));
  // The counter of the table and not its last row: swept lines still count.
  MITRAL_TRY(const auto newest, connection.integer("SELECT seq FROM sqlite_sequence WHERE name = 'changes'"));
  grants_.clear();
  applied_.store(newest, std::memory_order_release);
  return {};
}

Result<void> StoreImpl::load_directory(Connection& connection) {
  auto fresh = std::make_shared<ports::Directory>();
  for (const bool is_server : {false, true}) {
    Query query(connection, is_server ? "SELECT document FROM resource_servers" : "SELECT document FROM clients");
    for (;;) {
      MITRAL_TRY(const bool row, query.step());
      if (!row) break;
      MITRAL_CHECK(add_entry(*fresh, is_server, query.text(0)));
    }
  }
  const std::unique_lock lock(directory_mutex_);
  directory_ = std::move(fresh);
  return {};
}

/// The entries of the directory that a line of the feed concerns; "client:" and "server:" are this store's own
/// spelling.
std::optional<StoreImpl::DirectoryEntry> StoreImpl::directory_entry(const model::Change& change) {
  std::string_view subject = change.subject;
  if (change.kind == model::ChangeKind::client_revoked)
    return DirectoryEntry{change.issuer, std::string(subject), false};
  if (change.kind != model::ChangeKind::directory_changed) return std::nullopt;
  const bool server = subject.starts_with(kServerSubject);
  subject.remove_prefix(std::min(subject.size(), server ? kServerSubject.size() : kClientSubject.size()));
  return DirectoryEntry{change.issuer, std::string(subject), server};
}

/// A new snapshot with these entries read again: a thousand clients are not parsed anew because one was changed.
Result<void> StoreImpl::refresh_directory(Connection& connection, const std::vector<DirectoryEntry>& entries) {
  auto fresh = std::make_shared<ports::Directory>(*directory());
  for (const auto& entry : entries) {
    Query query(connection, entry.server ? "SELECT document FROM resource_servers WHERE issuer = ?1 AND id = ?2"
                                         : "SELECT document FROM clients WHERE issuer = ?1 AND id = ?2");
    MITRAL_TRY(const bool row, query.bind(entry.issuer, entry.id).step());
    if (entry.server) {
      fresh->remove_resource_server(entry.issuer, entry.id);
    } else {
      fresh->remove_client(entry.issuer, entry.id);
    }
    if (!row) continue;
    MITRAL_CHECK(add_entry(*fresh, entry.server, query.text(0)));
  }
  const std::unique_lock lock(directory_mutex_);
  directory_ = std::move(fresh);
  return {};
}

Result<void> StoreImpl::add_entry(ports::Directory& directory, bool is_server, std::string_view document) const {
  if (is_server) {
    auto server = resource_server_from(document);
    if (!server) return unreadable("resource_servers");
    directory.add(std::move(*server));
    return {};
  }
  auto client = client_from(document);
  if (!client) return unreadable("clients");
  const auto floor = revocations_.floor(FloorKind::client, client->issuer, client->id.value);
  client->tokens_valid_from = std::max(client->tokens_valid_from, floor);
  directory.add(std::move(*client));
  return {};
}

Result<void> StoreImpl::follow(Connection& connection) {
  bool news = false;
  {
    const std::lock_guard lock(feed_mutex_);
    const auto applied = applied_.load(std::memory_order_relaxed);
    std::vector<model::Change> changes;
    {
      Query query(connection,
                  "SELECT seq, issuer, kind, subject, at, expires FROM changes WHERE seq > ?1 ORDER BY seq");
      query.bind(applied);
      for (;;) {
        MITRAL_TRY(const bool row, query.step());
        if (!row) break;
        changes.push_back({.seq = query.integer(0),
                           .issuer = Issuer(query.text(1)),
                           .kind = static_cast<model::ChangeKind>(query.integer(2)),
                           .subject = std::string(query.text(3)),
                           .at = query.time(4),
                           .expires = query.time(5)});
      }
    }
    MITRAL_TRY(const auto newest, connection.integer("SELECT seq FROM sqlite_sequence WHERE name = 'changes'"));
    const auto expected = newest - applied;
    if (expected > static_cast<std::int64_t>(changes.size())) {
      // This process slept so long that lines it had not seen were swept: nothing in memory can be trusted.
      MITRAL_CHECK(load_all(connection));
      news = true;
    } else {
      news = apply_locked(connection, changes);
    }
    if (directory_stale_) directory_stale_ = !load_directory(connection).has_value();
    if (!directory_stale_) followed_.store(steady_now().count(), std::memory_order_release);
  }
  if (news) notify();
  return {};
}

Result<void> StoreImpl::current() const {
  const auto age = steady_now() - std::chrono::nanoseconds(followed_.load(std::memory_order_acquire));
  if (age <= limits::kFeedStale) return {};
  return fail(ErrorCode::unavailable, {}, "the change feed can't be followed: memory may be out of date");
}

void StoreImpl::committed(Connection& connection, std::vector<model::Change> changes) {
  bool news = false;
  {
    const std::lock_guard lock(feed_mutex_);
    // The ticker may have read some of them from the file already.
    const auto applied = applied_.load(std::memory_order_relaxed);
    std::erase_if(changes, [applied](const auto& change) { return change.seq <= applied; });
    news = apply_locked(connection, changes);
  }
  if (news) notify();
}

bool StoreImpl::apply_locked(Connection& connection, const std::vector<model::Change>& changes) {
  if (changes.empty()) return false;
  std::vector<DirectoryEntry> touched;
  for (const auto& change : changes) {
    revocations_.apply(change);
    if (change.kind == model::ChangeKind::grant_revoked) {
      if (const auto id = Id128::parse(change.subject)) grants_.revoke(*id, change.at);
    }
    if (auto entry = directory_entry(change)) touched.push_back(std::move(*entry));
  }
  if (!touched.empty()) {
    if (auto loaded = refresh_directory(connection, touched); !loaded) {
      directory_stale_ = true;
      log::error("store.directory_reload_failed", {{"detail", loaded.error().detail}});
    }
  }
  applied_.store(changes.back().seq, std::memory_order_release);
  return true;
}

void StoreImpl::on_change(std::function<void()> callback) {
  const std::lock_guard lock(callbacks_mutex_);
  callbacks_.push_back(std::move(callback));
}

void StoreImpl::notify() {
  const std::lock_guard lock(callbacks_mutex_);
  for (const auto& callback : callbacks_) callback();
}

void StoreImpl::tick_loop() {
  constexpr int kIdleTicks = static_cast<int>(limits::kAuditCheckpointIdle / limits::kRevocationPoll);
  bool failing = false;
  for (int tick = 1;; ++tick) {
    {
      std::unique_lock lock(tick_mutex_);
      if (tick_wake_.wait_for(lock, limits::kRevocationPoll, [this] { return stopping_; })) return;
    }
    const auto followed = follow(ticker_connection_);
    if (!followed && !failing) log::error("store.feed_failed", {{"detail", followed.error().detail}});
    failing = !followed.has_value();
    if (writer_->wal_pages() > static_cast<int>(limits::kWalPagesPassive)) {
      sqlite3_wal_checkpoint_v2(ticker_connection_.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    }
    if (tick % kIdleTicks == 0 && writer_->idle_unsealed()) {
      if (auto sealed = run_sync(seal_audit()); !sealed)
        log::warn("audit.seal_failed", {{"detail", sealed.error().detail}});
    }
  }
}

// ---- upkeep

Task<Result<void>> StoreImpl::seal_audit() {
  return writer_->write([this](Tx& tx) -> Result<void> { return writer_->seal(tx.db); });
}

ports::Maintenance::Counters StoreImpl::counters() const noexcept {
  return {
      .reads = reads_.load(std::memory_order_relaxed), .commits = writer_->commits(), .batches = writer_->batches()};
}

Task<Result<void>> StoreImpl::probe() {
  auto written = co_await writer_->write([](Tx& tx) -> Result<void> {
    return Query(tx.db, "INSERT INTO probe(id, count) VALUES(1, 1) ON CONFLICT(id) DO UPDATE SET count = count + 1")
        .run();
  });
  MITRAL_CO_CHECK(written);
  auto count = look([](Connection& c) { return c.integer("SELECT count FROM probe WHERE id = 1"); });
  MITRAL_CO_CHECK(count);
  co_return Result<void>{};
}

Task<Result<std::size_t>> StoreImpl::sweep(Instant now, std::size_t batch) {
  revocations_.drop_expired(now);
  return writer_->write([now, batch](Tx& tx) -> Result<std::size_t> {
    // A redeemed code is remembered a little longer, so that its second use is recognised.
    const Instant code_end = now - limits::kCodeReuseMemory;
    struct Table {
      const char* sql;
      Instant end;
    };
    const Table tables[] = {
        {"DELETE FROM replay WHERE key IN (SELECT key FROM replay WHERE expires <= ?1 LIMIT ?2)", now},
        {"DELETE FROM codes WHERE rowid IN (SELECT rowid FROM codes WHERE expires <= ?1 LIMIT ?2)", code_end},
        {"DELETE FROM pushed_requests WHERE rowid IN (SELECT rowid FROM pushed_requests WHERE expires <= ?1 LIMIT ?2)",
         now},
        {"DELETE FROM interactions WHERE rowid IN (SELECT rowid FROM interactions WHERE expires <= ?1 LIMIT ?2)", now},
        {"DELETE FROM launches WHERE rowid IN (SELECT rowid FROM launches WHERE expires <= ?1 LIMIT ?2)", now},
        {"DELETE FROM sessions WHERE rowid IN (SELECT rowid FROM sessions WHERE expires <= ?1 LIMIT ?2)", now},
        {"DELETE FROM consents WHERE (issuer, user, client) IN "
         "(SELECT issuer, user, client FROM consents WHERE expires <= ?1 LIMIT ?2)",
         now},
        {"DELETE FROM changes WHERE seq IN (SELECT seq FROM changes WHERE expires <= ?1 LIMIT ?2)", now},
        {"DELETE FROM grants WHERE rowid IN (SELECT rowid FROM grants WHERE expires <= ?1 LIMIT ?2)", now},
    };
    std::size_t deleted = 0;
    for (const auto& table : tables) {
      if (deleted >= batch) break;
      Query query(tx.db, table.sql);
      MITRAL_TRY(const auto count, query.bind(table.end, batch - deleted).run_counting());
      deleted += static_cast<std::size_t>(count);
    }
    return deleted;
  });
}

Task<Result<bool>> StoreImpl::take_lease(std::string name, Id128 holder, Instant now, Instant until) {
  return writer_->write([name = std::move(name), holder, now, until](Tx& tx) -> Result<bool> {
    Query query(tx.db,
                "INSERT INTO leases(name, holder, until) VALUES(?1, ?2, ?3) ON CONFLICT(name) DO UPDATE SET "
                "holder = excluded.holder, until = excluded.until WHERE leases.until <= ?4 OR leases.holder = ?2");
    MITRAL_TRY(const auto taken, query.bind(name, holder, until, now).run_counting());
    return taken == 1;
  });
}

Result<void> StoreImpl::copy_to(const std::string& path) const {
  // Ours alone from the first byte: the copy holds everything the database holds.
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    const auto code = errno == EEXIST ? ErrorCode::conflict : ErrorCode::unavailable;
    return fail(code, {}, fmt::format("can't create {}: {}", path, std::strerror(errno)));
  }
  const auto copy = [&]() -> Result<void> {
    MITRAL_TRY(auto connection, Connection::open(options_.path, Connection::Mode::write, options_.busy_timeout));
    {
      Query query(connection, "VACUUM INTO ?1");
      MITRAL_CHECK(query.bind(path).run());
    }
    if (::fsync(fd) != 0)
      return fail(ErrorCode::unavailable, {}, fmt::format("fsync {}: {}", path, std::strerror(errno)));
    return {};
  };
  auto done = copy();
  ::close(fd);
  if (!done) ::unlink(path.c_str());
  return done;
}

Task<Result<void>> StoreImpl::backup(std::string path) {
  if (backing_up_.exchange(true)) co_return fail(ErrorCode::conflict, {}, "another backup is running");
  mitral::Completion<Result<void>> copied;
  copied.start = [this, &path](std::function<void(Result<void>)> resume) {
    const std::lock_guard lock(backup_mutex_);
    if (backup_.joinable()) backup_.join();  // an earlier one, which has ended
    backup_ = std::thread([this, path, resume = std::move(resume)] {
      auto done = copy_to(path);
      backing_up_ = false;
      resume(std::move(done));
    });
  };
  co_return co_await copied;
}

}  // namespace mitral::store
