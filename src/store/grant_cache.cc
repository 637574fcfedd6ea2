#include "store/grant_cache.h"

namespace mitral::store {

GrantCache::GrantCache(std::size_t capacity) : per_shard_(capacity / kShards) {
  for (auto& part : shards_) part.index.reserve(per_shard_);
}

std::optional<model::Grant> GrantCache::find(const Issuer& issuer, const Id128& id) {
  auto& part = shard(id);
  const std::lock_guard lock(part.mutex);
  const auto at = part.index.find(id);
  if (at == part.index.end() || at->second->issuer != issuer) return std::nullopt;
  part.order.splice(part.order.begin(), part.order, at->second);
  return *at->second;
}

std::uint64_t GrantCache::epoch(const Id128& id) const {
  const auto& part = shard(id);
  const std::lock_guard lock(part.mutex);
  return part.epoch;
}

void GrantCache::put(const model::Grant& grant, std::uint64_t epoch) {
  auto& part = shard(grant.id);
  const std::lock_guard lock(part.mutex);
  if (epoch != part.epoch || per_shard_ == 0 || part.index.contains(grant.id)) return;
  while (part.order.size() >= per_shard_) {
    part.index.erase(part.order.back().id);
    part.order.pop_back();
  }
  part.order.push_front(grant);
  part.index.emplace(grant.id, part.order.begin());
}

void GrantCache::revoke(const Id128& id, Instant at) {
  auto& part = shard(id);
  const std::lock_guard lock(part.mutex);
  ++part.epoch;
  const auto found = part.index.find(id);
  if (found != part.index.end() && !found->second->revoked) found->second->revoked = at;
}

void GrantCache::clear() {
  for (auto& part : shards_) {
    const std::lock_guard lock(part.mutex);
    ++part.epoch;
    part.index.clear();
    part.order.clear();
  }
}

}  // namespace mitral::store
