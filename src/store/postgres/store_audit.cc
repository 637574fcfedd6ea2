#include <algorithm>

#include "store/audit_rows.h"
#include "store/postgres/store_impl.h"

namespace mitral::store::postgres {

Task<Result<bool>> StoreImpl::claim_once(Issuer issuer, std::string space, Hash256 value, Instant expires,
                                         Events events) {
  const auto audit = prepare(events);
  std::vector<Statement> opening;
  opening.emplace_back(
      "INSERT INTO replay(key, issuer, expires) SELECT $1::bytea, $2::text, $3::int8 WHERE $3::int8 > $4::int8 "
      "ON CONFLICT(key) DO UPDATE SET expires = excluded.expires WHERE replay.expires <= $4::int8",
      replay_key(issuer, space, value), issuer, expires, clock_.now());
  // References are good, here and in all acts: this frame stays until the act is done.
  co_return co_await writer_->write(std::move(opening), [&](Tx& tx, Answers rows) -> Result<bool> {
    const bool claimed = rows[0].affected() == 1;
    if (claimed) tx.audit(audit);
    return claimed;
  });
}

Task<Result<void>> StoreImpl::append(Events events) {
  auto prepared = prepare(events);
  if (!options_.durable) co_return writer_->append_later(std::move(prepared));
  co_return co_await writer_->write({}, only_audit(prepared));
}

/// One statement and so one moment: the anchor can't move between it and the records.
Task<Result<std::vector<ports::AuditStore::Record>>> StoreImpl::read(std::int64_t after_seq, std::size_t limit) {
  // The record before goes along for its hash, which is what "previous" means.
  const std::size_t count = std::min(limit, kAuditPageMax) + (after_seq > 0 ? 1 : 0);
  MITRAL_CO_TRY(const auto rows,
                co_await readers_->read(Statement("SELECT a.seq, a.issuer, a.event, a.hash, a.checkpoint, (SELECT hash "
                                                  "FROM audit_anchor WHERE id = 1) FROM audit a WHERE a.seq >= $1 "
                                                  "ORDER BY a.seq LIMIT $2",
                                                  after_seq, count)));
  std::vector<Record> out;
  out.reserve(static_cast<std::size_t>(rows.count()));
  Hash256 previous{};
  if (!rows.empty()) previous = rows.hash(0, 5);
  for (int row = 0; row < rows.count(); ++row) {
    const Hash256 hash = rows.hash(row, 3);
    if (rows.integer(row, 0) > after_seq) {
      out.push_back({.seq = rows.integer(row, 0),
                     .event = event_from(rows.text(row, 1), rows.text(row, 2)),
                     .previous = previous,
                     .hash = hash,
                     .checkpoint = std::string(rows.text(row, 4))});
    }
    previous = hash;
  }
  co_return out;
}

Task<Result<ports::AuditStore::Anchor>> StoreImpl::anchor() {
  MITRAL_CO_TRY(const auto rows, co_await readers_->read(Statement("SELECT seq, hash FROM audit_anchor WHERE id = 1")));
  if (rows.empty()) co_return Anchor{};
  co_return Anchor{.seq = rows.integer(0, 0), .hash = rows.hash(0, 1)};
}

/// The newest record stays.
Task<Result<std::size_t>> StoreImpl::release_up_to(std::int64_t seq, std::size_t limit) {
  std::vector<Statement> opening;
  opening.emplace_back(
      "WITH kept AS (SELECT min(seq) AS first, max(seq) AS last FROM audit), "
      "gone AS (SELECT first, least($1, last - 1, first + least($2, last) - 1) AS upto FROM kept), "
      "moved AS (INSERT INTO audit_anchor(id, seq, hash) SELECT 1, a.seq, a.hash FROM audit a, gone "
      "WHERE a.seq = gone.upto AND gone.upto >= gone.first "
      "ON CONFLICT(id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash) "
      "DELETE FROM audit USING gone WHERE audit.seq <= gone.upto",
      seq, at_most(limit));
  co_return co_await writer_->write(std::move(opening), [](Tx&, Answers rows) -> Result<std::size_t> {
    return static_cast<std::size_t>(rows[0].affected());
  });
}

}  // namespace mitral::store::postgres
