#include <cstring>

#include "gateway/token_verifier.h"

namespace mitral::gateway {

std::size_t TokenCache::KeyHash::operator()(const Hash256& key) const noexcept {
  // The key is a SHA-256 of something an attacker may choose, but not steer 64 bits of it into one bucket cheaply, and
  // only verified tokens are ever stored.
  std::size_t out = 0;
  std::memcpy(&out, key.data(), sizeof out);
  return out;
}

TokenCache::Entry TokenCache::find(const Hash256& key) const {
  const auto& home = shard(key);
  const std::lock_guard lock(home.mutex);
  const auto found = home.entries.find(key);
  return found == home.entries.end() ? Entry{} : found->second;
}

void TokenCache::put(const Hash256& key, Entry entry) {
  auto& home = shard(key);
  const std::lock_guard lock(home.mutex);
  const auto [place, added] = home.entries.insert_or_assign(key, std::move(entry));
  if (!added) return;
  home.order.push_back(key);
  // Stale keys in the order are passed over; each costs one step and goes away with it.
  while (home.entries.size() > shard_max_ || home.order.size() > 2 * shard_max_) {
    home.entries.erase(home.order.front());
    home.order.pop_front();
  }
}

void TokenCache::erase(const Hash256& key) {
  auto& home = shard(key);
  const std::lock_guard lock(home.mutex);
  home.entries.erase(key);
}

std::size_t TokenCache::size() const {
  std::size_t out = 0;
  for (const auto& home : shards_) {
    const std::lock_guard lock(home.mutex);
    out += home.entries.size();
  }
  return out;
}

}  // namespace mitral::gateway
