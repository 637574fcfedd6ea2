#include <algorithm>
#include <array>

#include "store/postgres/store_impl.h"

namespace mitral::store::postgres {
namespace {

/// Expired rows of one table. A redeemed code is remembered a little longer, so that its second use is recognised.
struct Expiring {
  const char* remove;
  Duration after;
};

// The array keeps a plan by the key, whatever the planner believes of the tables' sizes.
constexpr std::array kExpiring{
    Expiring{"DELETE FROM replay WHERE key = ANY(ARRAY(SELECT key FROM replay WHERE expires <= $1 ORDER BY expires "
             "LIMIT $2))",
             Duration(0)},
    Expiring{"DELETE FROM codes WHERE handle = ANY(ARRAY(SELECT handle FROM codes WHERE expires <= $1 ORDER BY expires "
             "LIMIT $2))",
             limits::kCodeReuseMemory},
    Expiring{"DELETE FROM pushed_requests WHERE handle = ANY(ARRAY(SELECT handle FROM pushed_requests WHERE expires <= "
             "$1 ORDER BY expires LIMIT $2))",
             Duration(0)},
    Expiring{"DELETE FROM interactions WHERE handle = ANY(ARRAY(SELECT handle FROM interactions WHERE expires <= $1 "
             "ORDER BY expires LIMIT $2))",
             Duration(0)},
    Expiring{"DELETE FROM launches WHERE handle = ANY(ARRAY(SELECT handle FROM launches WHERE expires <= $1 ORDER BY "
             "expires LIMIT $2))",
             Duration(0)},
    Expiring{"DELETE FROM sessions WHERE id_hash = ANY(ARRAY(SELECT id_hash FROM sessions WHERE expires <= $1 ORDER BY "
             "expires LIMIT $2))",
             Duration(0)},
    Expiring{"DELETE FROM consents WHERE (issuer, \"user\", client) IN (SELECT issuer, \"user\", client FROM consents "
             "WHERE expires <= $1 ORDER BY expires LIMIT $2)",
             Duration(0)},
    Expiring{"DELETE FROM changes WHERE seq = ANY(ARRAY(SELECT seq FROM changes WHERE expires <= $1 ORDER BY expires "
             "LIMIT $2))",
             Duration(0)},
    Expiring{
        "DELETE FROM grants WHERE id = ANY(ARRAY(SELECT id FROM grants WHERE expires <= $1 ORDER BY expires LIMIT $2))",
        Duration(0)},
};

// In the order of kExpiring; nobody waits for a count.
constexpr const char* kCount =
    "SELECT (SELECT count(*) FROM (SELECT 1 FROM replay WHERE expires <= $1 LIMIT $3) t), "
    "(SELECT count(*) FROM (SELECT 1 FROM codes WHERE expires <= $2 LIMIT $3) t), "
    "(SELECT count(*) FROM (SELECT 1 FROM pushed_requests WHERE expires <= $1 LIMIT $3) t), "
    "(SELECT count(*) FROM (SELECT 1 FROM interactions WHERE expires <= $1 LIMIT $3) t), "
    "(SELECT count(*) FROM (SELECT 1 FROM launches WHERE expires <= $1 LIMIT $3) t), "
    "(SELECT count(*) FROM (SELECT 1 FROM sessions WHERE expires <= $1 LIMIT $3) t), "
    "(SELECT count(*) FROM (SELECT 1 FROM consents WHERE expires <= $1 LIMIT $3) t), "
    "(SELECT count(*) FROM (SELECT 1 FROM changes WHERE expires <= $1 LIMIT $3) t), "
    "(SELECT count(*) FROM (SELECT 1 FROM grants WHERE expires <= $1 LIMIT $3) t)";

}  // namespace

/// The one act holds every node's writers up, so it is as short as can be: what there is to delete is counted before,
/// beside them, and only tables that have something are touched.
Task<Result<std::size_t>> StoreImpl::sweep(Instant now, std::size_t batch) {
  memory_.revocations().drop_expired(now);
  const auto limit = at_most(batch);
  MITRAL_CO_TRY(const auto counts,
                co_await readers_->read(Statement(kCount, now, now - limits::kCodeReuseMemory, limit)));
  if (counts.empty()) co_return fail(ErrorCode::internal, {}, "no answer to a count");
  std::vector<Statement> opening;
  std::int64_t left = limit;
  for (std::size_t i = 0; i < kExpiring.size() && left > 0; ++i) {
    const auto share = std::min(left, counts.integer(0, static_cast<int>(i)));
    if (share == 0) continue;
    opening.emplace_back(kExpiring[i].remove, now - kExpiring[i].after, share);
    left -= share;
  }
  if (opening.empty()) co_return std::size_t{0};
  co_return co_await writer_->write(std::move(opening), [](Tx&, Answers rows) -> Result<std::size_t> {
    std::size_t deleted = 0;
    for (const auto& one : rows) deleted += static_cast<std::size_t>(one.affected());
    return deleted;
  });
}

Task<Result<void>> StoreImpl::probe() {
  std::vector<Statement> opening;
  opening.emplace_back(
      "INSERT INTO probe(id, count) VALUES(1, 1) ON CONFLICT(id) DO UPDATE SET count = probe.count + 1");
  MITRAL_CO_CHECK(co_await writer_->write(std::move(opening), [](Tx&, Answers) -> Result<void> { return {}; }));
  MITRAL_CO_TRY(const auto count, co_await readers_->read(Statement("SELECT count FROM probe WHERE id = 1")));
  if (count.empty()) co_return fail(ErrorCode::unavailable, {}, "what was written can't be read");
  co_return Result<void>{};
}

Task<Result<bool>> StoreImpl::take_lease(std::string name, Id128 holder, Instant now, Instant until) {
  std::vector<Statement> opening;
  opening.emplace_back(
      "INSERT INTO leases(name, holder, until) VALUES($1, $2, $3) ON CONFLICT(name) DO UPDATE SET "
      "holder = excluded.holder, until = excluded.until WHERE leases.until <= $4 OR leases.holder = $2",
      name, holder, until, now);
  co_return co_await writer_->write(std::move(opening),
                                    [](Tx&, Answers rows) -> Result<bool> { return rows[0].affected() == 1; });
}

Task<Result<void>> StoreImpl::backup(std::string) {
  co_return fail(ErrorCode::conflict, {},
                 "the database server copies its own files: use pg_dump or pg_basebackup (docs/operator.md)");
}

ports::Maintenance::Counters StoreImpl::counters() const noexcept {
  return {.reads = readers_->count(), .commits = writer_->commits(), .batches = writer_->batches()};
}

}  // namespace mitral::store::postgres
