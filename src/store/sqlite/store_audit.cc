#include <algorithm>

#include "store/audit_rows.h"
#include "store/sqlite/store_impl.h"

namespace mitral::store {
namespace {

Result<ports::AuditStore::Anchor> anchor_of(Connection& connection) {
  ports::AuditStore::Anchor out;
  Query query(connection, "SELECT seq, hash FROM audit_anchor");
  MITRAL_TRY(const bool row, query.step());
  if (row) out = {query.integer(0), query.hash(1)};
  return out;
}

/// Values of one second lie in the index of expiry in the order of their random keys: each would change another page.
/// With the fraction of the moment they lie in the order they came in. They are kept up to a second longer for it.
Instant spread_within_second(Instant expires, Instant now) {
  return expires + (now.time_since_epoch() % std::chrono::seconds(1));
}

}  // namespace

Task<Result<bool>> StoreImpl::claim_once(Issuer issuer, std::string space, Hash256 value, Instant expires,
                                         Events events) {
  const auto key = replay_key(issuer, space, value);
  return writer_->write(
      Undo::never,
      [issuer = std::move(issuer), key, expires, now = clock_.now(), audit = prepare(events)](Tx& tx) -> Result<bool> {
        if (expires <= now) return false;
        const Instant kept = spread_within_second(expires, now);
        Query query(tx.db,
                    "INSERT INTO replay(key, issuer, expires) VALUES(?1, ?2, ?3) "
                    "ON CONFLICT(key) DO UPDATE SET expires = excluded.expires WHERE replay.expires <= ?4");
        MITRAL_TRY(const auto claimed, query.bind(key, issuer, kept, now).run_counting());
        if (claimed == 1) tx.audit(audit);
        return claimed == 1;
      });
}

Task<Result<void>> StoreImpl::append(Events events) {
  auto prepared = prepare(events);
  if (options_.durability == Durability::bounded_delay) co_return writer_->append_later(std::move(prepared));
  co_return co_await writer_->record(prepared);
}

Task<Result<std::vector<ports::AuditStore::Record>>> StoreImpl::read(std::int64_t after_seq, std::size_t limit) {
  co_return look([&](Connection& connection) -> Result<std::vector<Record>> {
    // The record before goes along for its hash, which is what "previous" means.
    Query query(connection,
                "SELECT seq, issuer, event, hash, checkpoint FROM audit WHERE seq >= ?1 ORDER BY seq LIMIT ?2");
    const std::size_t rows = std::min(limit, kAuditPageMax) + (after_seq > 0 ? 1 : 0);
    query.bind(after_seq, rows);
    std::vector<Record> out;
    MITRAL_TRY(const auto anchor, anchor_of(connection));
    Hash256 previous = anchor.hash;
    for (;;) {
      MITRAL_TRY(const bool row, query.step());
      if (!row) return out;
      const Hash256 hash = query.hash(3);
      if (query.integer(0) > after_seq) {
        out.push_back({.seq = query.integer(0),
                       .event = event_from(query.text(1), query.text(2)),
                       .previous = previous,
                       .hash = hash,
                       .checkpoint = std::string(query.text(4))});
      }
      previous = hash;
    }
  });
}

Task<Result<ports::AuditStore::Anchor>> StoreImpl::anchor() {
  co_return look([](Connection& connection) { return anchor_of(connection); });
}

/// The anchor moves first: the file's own trigger lets only go of what lies behind it. The newest record stays.
Task<Result<std::size_t>> StoreImpl::release_up_to(std::int64_t seq, std::size_t limit) {
  return writer_->write([seq, limit](Tx& tx) -> Result<std::size_t> {
    MITRAL_TRY(const auto first, tx.db.integer("SELECT min(seq) FROM audit"));
    MITRAL_TRY(const auto last, tx.db.integer("SELECT max(seq) FROM audit"));
    const std::int64_t end = std::min({seq, last - 1, first + static_cast<std::int64_t>(limit) - 1});
    if (end < first) return std::size_t{0};
    {
      Query move(tx.db,
                 "INSERT INTO audit_anchor(id, seq, hash) SELECT 1, seq, hash FROM audit WHERE seq = ?1 "
                 "ON CONFLICT(id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash");
      MITRAL_CHECK(move.bind(end).run());
    }
    Query query(tx.db, "DELETE FROM audit WHERE seq <= ?1");
    MITRAL_TRY(const auto gone, query.bind(end).run_counting());
    return static_cast<std::size_t>(gone);
  });
}

}  // namespace mitral::store
