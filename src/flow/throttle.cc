#include "flow/throttle.h"

#include <algorithm>
#include <cstring>

#include "crypto/hash.h"

namespace mitral::flow {

Throttle::Throttle(ThrottleRules rules, Random& random) : rules_(rules), buckets_(limits::kThrottleBuckets) {
  random.fill(seed_);
}

std::uint64_t Throttle::key_of(std::string_view a, std::string_view b) const noexcept {
  std::string text;
  text.reserve(a.size() + b.size() + 1);
  text += a;
  text += '\n';
  text += b;
  const auto mac = crypto::hmac_sha256(as_view(seed_), text);
  std::uint64_t key = 0;
  std::memcpy(&key, mac.data(), sizeof key);
  return key == 0 ? 1 : key;
}

std::optional<std::int64_t> Throttle::wait(std::string_view a, std::string_view b, Instant now) const {
  if (used_.load(std::memory_order_relaxed) == 0) return std::nullopt;
  const auto key = key_of(a, b);
  Bucket* const bucket = known_bucket(key);
  if (bucket == nullptr) return std::nullopt;
  const std::lock_guard lock(bucket->mutex);
  for (const Entry& entry : bucket->entries) {
    if (entry.key != key || entry.until <= now) continue;
    return std::chrono::ceil<std::chrono::seconds>(entry.until - now).count();
  }
  return std::nullopt;
}

void Throttle::failed(std::string_view a, std::string_view b, Instant now) {
  const auto key = key_of(a, b);
  Bucket& bucket = buckets_.at(key % buckets_.size());
  const std::lock_guard lock(bucket.mutex);
  Entry* found = nullptr;
  for (Entry& entry : bucket.entries) {
    if (entry.key == key) found = &entry;
  }
  if (found == nullptr) {
    // A free place, else the one that matters least: its wait and memory end first.
    found = &*std::ranges::min_element(bucket.entries, [](const Entry& x, const Entry& y) {
      if ((x.key == 0) != (y.key == 0)) return x.key == 0;
      return std::max(x.until, x.last) < std::max(y.until, y.last);
    });
    if (found->key == 0) used_.fetch_add(1, std::memory_order_relaxed);
    *found = Entry{key, 0, now, {}};
  }
  if (now - found->last > rules_.window) found->failures = 0;
  found->last = now;
  ++found->failures;
  if (found->failures < rules_.free) return;
  const auto doublings = std::min<std::uint32_t>(found->failures - rules_.free, 20);
  found->until = now + std::min<Duration>(rules_.first_wait * (std::int64_t{1} << doublings), rules_.max_wait);
}

void Throttle::succeeded(std::string_view a, std::string_view b) {
  if (used_.load(std::memory_order_relaxed) == 0) return;
  const auto key = key_of(a, b);
  Bucket* const bucket = known_bucket(key);
  if (bucket == nullptr) return;
  const std::lock_guard lock(bucket->mutex);
  for (Entry& entry : bucket->entries) {
    if (entry.key != key) continue;
    entry = Entry{};
    used_.fetch_sub(1, std::memory_order_relaxed);
  }
}

}  // namespace mitral::flow
