#include "store/postgres/postgres_store.h"

#include "base/log.h"
#include "store/postgres/migrations.h"
#include "store/postgres/store_impl.h"

namespace mitral::store {

Result<std::unique_ptr<PostgresStore>> PostgresStore::open(PostgresOptions options, const Clock& clock) {
  auto store = std::make_unique<postgres::StoreImpl>(std::move(options), clock);
  MITRAL_CHECK(store->start());
  return std::unique_ptr<PostgresStore>(std::move(store));
}

namespace postgres {
namespace {

constexpr std::int64_t kPage = 2000;

static_assert(static_cast<int>(model::ChangeKind::token_revoked) == 2, "the SQL below and an index say 2");
static_assert(static_cast<int>(FloorKind::client) == 1 && static_cast<int>(FloorKind::user) == 2, "the SQL says so");

/// The database as the feed's reader sees it. Pages and statements are not of one moment; whatever changes while they
/// are read has its line behind `newest`, and is applied again by it.
class DatabaseSource final : public Remembered::Source {
 public:
  using Ask = std::function<Result<Rows>(const Statement&)>;
  explicit DatabaseSource(Ask ask) : ask_(std::move(ask)) {}

  Result<void> everything(Remembered::Loading& to) override {
    MITRAL_TRY(const auto head, ask_(Statement("SELECT change_seq FROM head WHERE id = 1")));
    if (head.empty()) return fail(ErrorCode::config_invalid, {}, "the table head is empty");
    to.newest = head.integer(0, 0);
    MITRAL_CHECK(floors(to));
    MITRAL_CHECK(tokens(to));
    for (const bool server : {false, true}) MITRAL_CHECK(documents(to, server));
    return {};
  }

  Result<Lines> after(std::int64_t seq) override {
    MITRAL_TRY(const auto rows,
               ask_(Statement("SELECT h.change_seq, c.seq, c.issuer, c.kind, c.subject, c.at, c.expires FROM head h "
                              "LEFT JOIN changes c ON c.seq > $1 WHERE h.id = 1 ORDER BY c.seq LIMIT $2",
                              seq, kPage)));
    if (rows.empty()) return fail(ErrorCode::config_invalid, {}, "the table head is empty");
    Lines out;
    out.newest = rows.integer(0, 0);
    more_ = rows.count() == kPage;
    if (rows.is_null(0, 1)) return out;
    for (int row = 0; row < rows.count(); ++row) {
      out.changes.push_back({.seq = rows.integer(row, 1),
                             .issuer = Issuer(rows.text(row, 2)),
                             .kind = static_cast<model::ChangeKind>(rows.integer(row, 3)),
                             .subject = std::string(rows.text(row, 4)),
                             .at = rows.time(row, 5),
                             .expires = rows.time(row, 6)});
    }
    // A page tells nothing of what comes behind it.
    if (more_) out.newest = out.changes.back().seq;
    return out;
  }

  Result<std::optional<std::string>> document(const Remembered::Entry& entry) override {
    MITRAL_TRY(const auto rows,
               ask_(entry.server ? Statement("SELECT document FROM resource_servers WHERE issuer = $1 AND id = $2",
                                             entry.issuer, entry.id)
                                 : Statement("SELECT document FROM clients WHERE issuer = $1 AND id = $2", entry.issuer,
                                             entry.id)));
    if (rows.empty()) return std::nullopt;
    return std::string(rows.text(0, 0));
  }

  /// Whether after() has left something for the next call.
  [[nodiscard]] bool more() const noexcept { return more_; }

 private:
  Result<void> floors(Remembered::Loading& to) {
    std::string issuer;
    std::string subject;
    for (std::int64_t kind = 0;;) {
      MITRAL_TRY(const auto rows,
                 ask_(Statement("SELECT issuer, kind, subject, at FROM floors WHERE (issuer, kind, subject) > "
                                "($1, $2, $3) ORDER BY issuer, kind, subject LIMIT $4",
                                issuer, kind, subject, kPage)));
      for (int row = 0; row < rows.count(); ++row) {
        to.floor(static_cast<FloorKind>(rows.integer(row, 1)), Issuer(rows.text(row, 0)), rows.text(row, 2),
                 rows.time(row, 3));
      }
      if (rows.count() < kPage) return {};
      issuer = rows.text(rows.count() - 1, 0);
      kind = rows.integer(rows.count() - 1, 1);
      subject = rows.text(rows.count() - 1, 2);
    }
  }

  Result<void> tokens(Remembered::Loading& to) {
    for (std::int64_t seq = 0;;) {
      MITRAL_TRY(const auto rows, ask_(Statement("SELECT seq, issuer, subject, expires FROM changes WHERE kind = 2 AND "
                                                 "seq > $1 ORDER BY seq LIMIT $2",
                                                 seq, kPage)));
      for (int row = 0; row < rows.count(); ++row) {
        to.token(Issuer(rows.text(row, 1)), rows.text(row, 2), rows.time(row, 3));
      }
      if (rows.count() < kPage) return {};
      seq = rows.integer(rows.count() - 1, 0);
    }
  }

  Result<void> documents(Remembered::Loading& to, bool server) {
    std::string issuer;
    for (std::string id;;) {
      MITRAL_TRY(const auto rows,
                 ask_(server ? Statement("SELECT issuer, id, document FROM resource_servers WHERE (issuer, id) > "
                                         "($1, $2) ORDER BY issuer, id LIMIT $3",
                                         issuer, id, kPage)
                             : Statement("SELECT issuer, id, document FROM clients WHERE (issuer, id) > ($1, $2) "
                                         "ORDER BY issuer, id LIMIT $3",
                                         issuer, id, kPage)));
      for (int row = 0; row < rows.count(); ++row) MITRAL_CHECK(to.document(server, rows.text(row, 2)));
      if (rows.count() < kPage) return {};
      issuer = rows.text(rows.count() - 1, 0);
      id = rows.text(rows.count() - 1, 1);
    }
  }

  Ask ask_;
  bool more_ = false;
};

DatabaseSource source_of(Connection& connection) {
  return DatabaseSource([&connection](const Statement& statement) { return connection.exchange(statement); });
}

}  // namespace

model::Change change_from(const Rows& rows, int row) {
  return {.seq = rows.integer(row, 0),
          .issuer = Issuer(rows.text(row, 1)),
          .kind = static_cast<model::ChangeKind>(rows.integer(row, 2)),
          .subject = std::string(rows.text(row, 3)),
          .at = rows.time(row, 4),
          .expires = rows.time(row, 5)};
}

StoreImpl::StoreImpl(PostgresOptions options, const Clock& clock)
    : options_(std::move(options)), clock_(clock), memory_(options_.grant_cache, options_.fresh_codes) {}

StoreImpl::~StoreImpl() {
  follower_.reset();
  writer_.reset();
  readers_.reset();
}

Result<void> StoreImpl::start() {
  {
    // Its own connection: migrations leave it patient.
    MITRAL_TRY(const auto connection, Connection::open(options_.connect));
    if (options_.migrate) {
      MITRAL_TRY([[maybe_unused]] const auto steps, migrate(*connection));
    } else {
      MITRAL_CHECK(check_schema(*connection));
    }
    auto source = source_of(*connection);
    MITRAL_CHECK(memory_.load(source));
  }
  readers_ = std::make_unique<Readers>(options_.connect);
  writer_ = std::make_unique<Writer>(
      Writer::Options{
          .connect = options_.connect, .max_delay = options_.max_delay, .signer = options_.checkpoint_signer},
      Writer::Listener{.committed = [this](std::vector<model::Change> changes) {
        // The writer's own connection is already busy with the next batch. Documents are read only when the directory
        // changed.
        DatabaseSource source([this](const Statement& statement) { return run_sync(readers_->read(statement)); });
        memory_.committed(source, std::move(changes));
      }});
  MITRAL_CHECK(writer_->start());
  follower_ = std::make_unique<Follower>(
      options_.connect,
      [this](Connection& connection) -> Result<void> {
        auto source = source_of(connection);
        do {
          MITRAL_CHECK(memory_.follow(source));
        } while (source.more());
        return {};
      },
      [this] { tick(); });
  follower_->start();
  return {};
}

/// On the follower's thread, which must not wait for the writer.
void StoreImpl::tick() {
  constexpr int kIdleTicks = static_cast<int>(limits::kAuditCheckpointIdle / limits::kRevocationPoll);
  if (++ticks_ % kIdleTicks != 0 || !writer_->idle_unsealed() || sealing_.exchange(true)) return;
  spawn(writer_->seal(), [this](std::exception_ptr, std::optional<Result<void>> sealed) {
    if (sealed && !*sealed) log::warn("audit.seal_failed", {{"detail", sealed->error().detail}});
    sealing_ = false;
  });
}

}  // namespace postgres
}  // namespace mitral::store
