// FreshCodes: authorization codes that were just made, for the one look-up that comes a moment later (RFC 6749 §4.1.3).
//
// A hint, never the judge: whether a code is still unused is decided by the conditional update in the database, also
// when another process redeemed or burned it meanwhile. A code is taken out when it is found; whoever comes again is
// answered from the database.
//
// Limits: as many codes as the constructor says, oldest out first; those that have expired leave as new ones come, for
// many are redeemed at another node and never asked for here. Thread rules: any thread; one lock for each of kShards
// shards.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "model/grant.h"

namespace mitral::store {

class FreshCodes {
 public:
  explicit FreshCodes(std::size_t capacity) : per_shard_(capacity / kShards) {}

  /// Only after the commit that made the code.
  void put(model::AuthorizationCode code);
  /// Nothing when it is not here, has expired, or belongs to another issuer.
  [[nodiscard]] std::optional<model::AuthorizationCode> take(const Issuer& issuer, const Hash256& handle, Instant now);

 private:
  static constexpr std::size_t kShards = 16;
  struct KeyHash {
    std::size_t operator()(const Hash256& key) const noexcept;
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<Hash256, model::AuthorizationCode, KeyHash> codes;
    std::deque<std::pair<Instant, Hash256>> order;  ///< ends of codes, as they came; some may have been taken
  };
  [[nodiscard]] Shard& shard(const Hash256& handle) noexcept { return shards_[handle[31] % kShards]; }

  std::size_t per_shard_;
  std::array<Shard, kShards> shards_;
};

}  // namespace mitral::store
