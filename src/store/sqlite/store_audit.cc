#include <algorithm>

#include "crypto/hash.h"
#include "store/sqlite/store_impl.h"

namespace mitral::store {
namespace {

constexpr std::size_t kPageMax = 2000;

/// One key for issuer, space and value; lengths keep the parts apart.
Hash256 replay_key(const Issuer& issuer, const std::string& space, const Hash256& value) {
  std::string input = std::to_string(issuer.value.size());
  input.append(":").append(issuer.value).append(std::to_string(space.size())).append(":").append(space);
  input.append(as_view(value));
  return crypto::sha256(input);
}

/// A row that was tampered with is handed on as an event that can't hash to what stands beside it: the verifier finds
/// it, and one bad row does not hide the rest.
model::AuditEvent event_from(const Query& query, int issuer, int text) {
  if (auto event = audit::parse_canonical(query.text(text))) return std::move(*event);
  model::AuditEvent out;
  out.issuer = Issuer(query.text(issuer));
  out.reason = "unreadable_record";
  return out;
}

}  // namespace

Task<Result<bool>> StoreImpl::claim_once(Issuer issuer, std::string space, Hash256 value, Instant expires,
                                         Events events) {
  const auto key = replay_key(issuer, space, value);
  return writer_->write(
      [issuer = std::move(issuer), key, expires, now = clock_.now(), audit = prepare(events)](Tx& tx) -> Result<bool> {
        Query query(tx.db,
                    "INSERT INTO replay(key, issuer, expires) VALUES(?1, ?2, ?3) "
                    "ON CONFLICT(key) DO UPDATE SET expires = excluded.expires WHERE replay.expires <= ?4");
        MITRAL_TRY(const auto claimed, query.bind(key, issuer, expires, now).run_counting());
        if (claimed == 1) tx.audit(audit);
        return claimed == 1;
      });
}

Task<Result<void>> StoreImpl::append(Events events) {
  auto prepared = prepare(events);
  if (options_.durability == Durability::bounded_delay) co_return writer_->append_later(std::move(prepared));
  co_return co_await writer_->write([&](Tx& tx) -> Result<void> {
    tx.audit(prepared);
    return {};
  });
}

Task<Result<std::vector<ports::AuditStore::Record>>> StoreImpl::read(std::int64_t after_seq, std::size_t limit) {
  co_return look([&](Connection& connection) -> Result<std::vector<Record>> {
    // The record before goes along for its hash, which is what "previous" means.
    Query query(connection,
                "SELECT seq, issuer, event, hash, checkpoint FROM audit WHERE seq >= ?1 ORDER BY seq LIMIT ?2");
    const std::size_t rows = std::min(limit, kPageMax) + (after_seq > 0 ? 1 : 0);
    query.bind(after_seq, rows);
    std::vector<Record> out;
    Hash256 previous{};
    for (;;) {
      MITRAL_TRY(const bool row, query.step());
      if (!row) return out;
      const Hash256 hash = query.hash(3);
      if (query.integer(0) > after_seq) {
        out.push_back({.seq = query.integer(0),
                       .event = event_from(query, 1, 2),
                       .previous = previous,
                       .hash = hash,
                       .checkpoint = std::string(query.text(4))});
      }
      previous = hash;
    }
  });
}

}  // namespace mitral::store
