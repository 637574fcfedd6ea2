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

/// The file as the feed's reader sees it; in one snapshot when the connection is in a transaction.
class FileSource final : public Remembered::Source {
 public:
  FileSource(Connection& connection, const ports::Directory::Source& clients)
      : connection_(connection), clients_(clients) {}
  Result<void> everything(Remembered::Loading& to) override;
  Result<Lines> after(std::int64_t seq) override;
  Result<std::optional<std::string>> document(const Remembered::Entry& entry) override;

 private:
  [[nodiscard]] Result<void> everything_within(Remembered::Loading& to);
  /// The counter of the table and not its last row: swept lines still count.
  [[nodiscard]] Result<std::int64_t> newest() {
    return connection_.integer("SELECT seq FROM sqlite_sequence WHERE name = 'changes'");
  }
  Connection& connection_;
  const ports::Directory::Source& clients_;
};

Result<void> FileSource::everything(Remembered::Loading& to) {
  if (connection_.in_transaction()) return everything_within(to);
  MITRAL_CHECK(connection_.execute("BEGIN"));  // one snapshot for all of it
  auto done = everything_within(to);
  auto ended = connection_.execute("ROLLBACK");
  return done ? ended : done;
}

Result<void> FileSource::everything_within(Remembered::Loading& to) {
  MITRAL_TRY(to.newest, newest());
  {
    Query query(connection_, "SELECT issuer, kind, subject, at FROM floors");
    for (;;) {
      MITRAL_TRY(const bool row, query.step());
      if (!row) break;
      to.floor(static_cast<FloorKind>(query.integer(1)), Issuer(query.text(0)), query.text(2), query.time(3));
    }
  }
  {
    const auto kind = model::ChangeKind::token_revoked;
    Query query(connection_, "SELECT issuer, subject, expires FROM changes WHERE kind = ?1");
    query.bind(kind);
    for (;;) {
      MITRAL_TRY(const bool row, query.step());
      if (!row) break;
      to.token(Issuer(query.text(0)), query.text(1), query.time(2));
    }
  }
  to.clients_from(&clients_);
  Query query(connection_, "SELECT document FROM resource_servers");
  for (;;) {
    MITRAL_TRY(const bool row, query.step());
    if (!row) return {};
    MITRAL_CHECK(to.document(true, query.text(0)));
  }
}

Result<Remembered::Source::Lines> FileSource::after(std::int64_t seq) {
  Lines out;
  MITRAL_TRY(out.newest, newest());
  Query query(connection_, "SELECT seq, issuer, kind, subject, at, expires FROM changes WHERE seq > ?1 ORDER BY seq");
  query.bind(seq);
  for (;;) {
    MITRAL_TRY(const bool row, query.step());
    if (!row) return out;
    out.changes.push_back({.seq = query.integer(0),
                           .issuer = Issuer(query.text(1)),
                           .kind = static_cast<model::ChangeKind>(query.integer(2)),
                           .subject = std::string(query.text(3)),
                           .at = query.time(4),
                           .expires = query.time(5)});
  }
}

Result<std::optional<std::string>> FileSource::document(const Remembered::Entry& entry) {
  if (!entry.server) return fail(ErrorCode::internal, {}, "clients are read when they are asked for");
  Query query(connection_, "SELECT document FROM resource_servers WHERE issuer = ?1 AND id = ?2");
  MITRAL_TRY(const bool row, query.bind(entry.issuer, entry.id).step());
  if (!row) return std::nullopt;
  return std::string(query.text(0));
}

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
    : options_(std::move(options)), clock_(clock), memory_(options_.grant_cache, options_.fresh_codes) {}

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
  // Nobody waits for an answer yet, and who starts beside us may be bringing the schema up to date.
  const auto patience = std::max<Duration>(options_.busy_timeout, limits::kStoreBusyTimeoutCommand);
  MITRAL_TRY(auto connection, Connection::open(options_.path, Connection::Mode::write, patience));
  MITRAL_TRY([[maybe_unused]] const auto steps, migrate(connection));
  for (std::size_t i = 0; i < std::max<std::size_t>(options_.readers, 1); ++i) {
    readers_.push_back(std::make_unique<Reader>());
    MITRAL_TRY(readers_.back()->connection, Connection::open(options_.path, Connection::Mode::read, patience));
    readers_.back()->connection.wait_at_most(options_.busy_timeout);
  }
  MITRAL_TRY(ticker_connection_, Connection::open(options_.path, Connection::Mode::read, patience));
  FileSource file(ticker_connection_, *this);
  MITRAL_CHECK(memory_.load(file));
  ticker_connection_.wait_at_most(options_.busy_timeout);
  connection.wait_at_most(options_.busy_timeout);
  writer_ = std::make_unique<Writer>(std::move(connection), options_,
                                     Writer::Listener{.begun =
                                                          [this](Connection& c) {
                                                            FileSource source(c, *this);
                                                            return memory_.follow(source);
                                                          },
                                                      .committed =
                                                          [this](Connection& c, std::vector<model::Change> changes) {
                                                            FileSource source(c, *this);
                                                            memory_.committed(source, std::move(changes));
                                                          }});
  MITRAL_CHECK(writer_->start());
  ticker_ = std::thread([this] { tick_loop(); });
  return {};
}

std::size_t StoreImpl::thread_number() noexcept {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t number = next.fetch_add(1, std::memory_order_relaxed);
  return number;
}

void StoreImpl::tick_loop() {
  constexpr int kIdleTicks = static_cast<int>(limits::kAuditCheckpointIdle / limits::kRevocationPoll);
  FileSource file(ticker_connection_, *this);
  bool failing = false;
  for (int tick = 1;; ++tick) {
    {
      std::unique_lock lock(tick_mutex_);
      if (tick_wake_.wait_for(lock, limits::kRevocationPoll, [this] { return stopping_; })) return;
    }
    const auto followed = memory_.follow(file);
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
  memory_.revocations().drop_expired(now);
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
    // Given back, or only asked whether it is free: what stays as it is is not written.
    if (until <= now) {
      Query query(tx.db, "SELECT holder = ?2 FROM leases WHERE name = ?1 AND until > ?3");
      MITRAL_TRY(const bool alive, query.bind(name, holder, now).step());
      if (!alive || query.integer(0) == 0) return !alive;
    }
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
