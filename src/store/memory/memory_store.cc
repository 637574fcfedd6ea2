#include "store/memory/memory_store.h"

#include <algorithm>
#include <tuple>

#include "base/limits.h"
#include "store/memory/memory_impl.h"

namespace mitral::store {

// --------------------------------------------------------------------------------------------------------- ReplayStore

Task<Result<bool>> MemoryStore::claim_once(Issuer issuer, std::string space, Hash256 value, Instant expires,
                                           Events events) {
  const Instant now = clock_.now();
  const auto claimed = act([&]() -> Result<bool> {
    if (expires <= now) return false;
    auto [at, fresh] = replay_.try_emplace(std::tuple(issuer, space, value), expires);
    if (!fresh && at->second > now) return false;
    at->second = expires;
    audit(std::move(events));
    return true;
  });
  co_return claimed;
}

// ---------------------------------------------------------------------------------------------------------- AuditStore

Task<Result<void>> MemoryStore::append(Events events) {
  const auto kept = act([&]() -> Result<void> {
    audit(std::move(events));
    return {};
  });
  co_return kept;
}

Task<Result<std::vector<MemoryStore::Record>>> MemoryStore::read(std::int64_t after_seq, std::size_t limit) {
  const std::lock_guard lock(mutex_);
  ++reads_;
  const auto after = static_cast<std::size_t>(std::max<std::int64_t>(after_seq - anchor_.seq, 0));
  const auto start = std::min(after, records_.size());
  const auto end = std::min(records_.size(), start + limit);
  co_return std::vector<Record>(records_.begin() + static_cast<std::ptrdiff_t>(start),
                                records_.begin() + static_cast<std::ptrdiff_t>(end));
}

std::int64_t MemoryStore::last_seq() const {
  const std::lock_guard lock(mutex_);
  return anchor_.seq + static_cast<std::int64_t>(records_.size());
}

Task<Result<MemoryStore::Anchor>> MemoryStore::anchor() {
  const std::lock_guard lock(mutex_);
  co_return anchor_;
}

Task<Result<std::size_t>> MemoryStore::release_up_to(std::int64_t seq, std::size_t limit) {
  const std::lock_guard lock(mutex_);
  co_return release_from_chain(records_, anchor_, seq, limit);
}

// --------------------------------------------------------------------------------------------------------- Maintenance

Task<Result<void>> MemoryStore::probe() { co_return Result<void>{}; }

Task<Result<std::size_t>> MemoryStore::sweep(Instant now, std::size_t batch) {
  revocations_.drop_expired(now);
  const std::lock_guard lock(mutex_);
  std::size_t deleted = 0;
  const auto drop = [&](auto& map, auto expired) { drop_where(map, expired, batch, deleted); };
  const auto once_expired = [now](const auto& once) { return once.record.expires <= now; };
  const auto expired = [now](const auto& record) { return record.expires <= now; };
  drop(replay_, [now](Instant expires) { return expires <= now; });
  drop(codes_, [now](const auto& once) { return once.record.expires + limits::kCodeReuseMemory <= now; });
  drop(pushed_, once_expired);
  drop(interactions_, once_expired);
  drop(launches_, once_expired);
  drop(sessions_, expired);
  drop(consents_, expired);
  drop(changes_, expired);
  drop(grants_, expired);
  std::erase_if(families_, [this](const auto& entry) { return !grants_.contains(entry.first); });
  co_return deleted;
}

Task<Result<bool>> MemoryStore::take_lease(std::string name, Id128 holder, Instant now, Instant until) {
  const std::lock_guard lock(mutex_);
  auto& lease = leases_[name];
  if (lease.until > now && lease.holder != holder) co_return false;
  lease = {holder, until};
  co_return true;
}

Task<Result<void>> MemoryStore::backup(std::string /*path*/) {
  co_return fail(ErrorCode::conflict, {}, "a store in memory has no file to copy");
}

MemoryStore::Counters MemoryStore::counters() const noexcept {
  const std::lock_guard lock(mutex_);
  return {.reads = reads_, .commits = commits_, .batches = commits_};
}

std::unique_ptr<ports::Store> make_memory_store(const Clock& clock, audit::CheckpointSigner signer) {
  return std::make_unique<MemoryStore>(clock, std::move(signer));
}

}  // namespace mitral::store
