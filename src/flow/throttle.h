// Throttle: slows down guessing, by key (client and network address, user and address ...), in bounded memory.
//
// After `free` failures within `window`, a key has to wait: `first_wait`, doubled with every further failure up to
// `max_wait`. While it waits, attempts are refused without being looked at (429 with Retry-After), right or wrong, so
// the answer tells nothing. A success forgets the key. Keys are hashed with a random seed; a full bucket forgets the
// entry whose time is nearest its end, so an attacker can flood it but never grow it (threats M-4.3.5, W-16, W-25,
// W-32).
//
// Costs one atomic read while nobody has failed. Per process: N processes allow N times as many tries.
// Thread rules: any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

#include "base/limits.h"
#include "base/random.h"
#include "base/time.h"
#include "flow/lazy_table.h"

namespace mitral::flow {

struct ThrottleRules {
  std::uint32_t free = limits::kThrottleFree;
  Duration window = limits::kThrottleWindow;
  Duration first_wait = limits::kThrottleFirstWait;
  Duration max_wait = limits::kThrottleMaxWait;
};

class Throttle {
 public:
  Throttle(ThrottleRules rules, Random& random);
  /// How long this key still has to wait, in whole seconds rounded up; nullopt when it may try.
  [[nodiscard]] std::optional<std::int64_t> wait(std::string_view a, std::string_view b, Instant now) const;
  void failed(std::string_view a, std::string_view b, Instant now);
  void succeeded(std::string_view a, std::string_view b);
  [[nodiscard]] std::size_t size() const noexcept { return used_.load(std::memory_order_relaxed); }

 private:
  struct Entry {
    std::uint64_t key = 0;  ///< 0: free
    std::uint32_t failures = 0;
    Instant last;
    Instant until;
  };
  static constexpr std::size_t kWays = 8;
  struct Bucket {
    std::mutex mutex;
    std::array<Entry, kWays> entries{};
  };
  [[nodiscard]] std::uint64_t key_of(std::string_view a, std::string_view b) const noexcept;
  [[nodiscard]] Bucket* known_bucket(std::uint64_t key) const noexcept { return buckets_.find(key % buckets_.size()); }

  ThrottleRules rules_;
  std::array<std::uint8_t, 16> seed_{};
  LazyTable<Bucket> buckets_;
  std::atomic<std::size_t> used_{0};
};

}  // namespace mitral::flow
