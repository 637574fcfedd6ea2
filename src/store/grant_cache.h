// GrantCache: grants that were used lately, bounded in number, least recently used out first.
//
// A reader that found a grant in the database may only put it here if no revocation came in between: it takes the
// shard's epoch before it reads and hands it back with the grant. Revocations move the epoch, so a stale row can't come
// to life.
//
// Thread rules: any thread; one lock for each of kShards shards.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "base/ids.h"
#include "base/time.h"
#include "model/grant.h"

namespace mitral::store {

class GrantCache {
 public:
  /// Room for the index is made at once: to make it while millions are in it would hold up everybody.
  explicit GrantCache(std::size_t capacity);

  [[nodiscard]] std::optional<model::Grant> find(const Issuer& issuer, const Id128& id);
  [[nodiscard]] std::uint64_t epoch(const Id128& id) const;
  /// Ignored when the epoch has moved on.
  void put(const model::Grant& grant, std::uint64_t epoch);
  void revoke(const Id128& id, Instant at);
  void clear();

 private:
  static constexpr std::size_t kShards = 16;
  using Order = std::list<model::Grant>;
  struct Shard {
    mutable std::mutex mutex;
    std::uint64_t epoch = 0;
    Order order;  ///< newest first
    std::unordered_map<Id128, Order::iterator> index;
  };
  // The first bytes of an id tell when it was made.
  [[nodiscard]] Shard& shard(const Id128& id) noexcept { return shards_[id.bytes[15] % kShards]; }
  [[nodiscard]] const Shard& shard(const Id128& id) const noexcept { return shards_[id.bytes[15] % kShards]; }

  std::size_t per_shard_;
  std::array<Shard, kShards> shards_;
};

}  // namespace mitral::store
