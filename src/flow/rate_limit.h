// RateLimit: how often something may be done, by key, in bounded memory: a token bucket per key (threat M-4.4.1.11).
//
// Two keys may share a bucket; then they share its allowance, which is as much as an attacker can achieve.
// Thread rules: any thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

#include "base/limits.h"
#include "base/time.h"
#include "flow/lazy_table.h"

namespace mitral::flow {

class RateLimit {
 public:
  RateLimit(double per_second, double burst);
  /// Takes one; seconds to wait when there is none.
  [[nodiscard]] std::optional<std::int64_t> take(std::string_view a, std::string_view b, Instant now);

 private:
  struct Bucket {
    std::mutex mutex;
    double level = 0;  ///< taken; sinks with time
    Instant last;
  };
  double per_second_;
  double burst_;
  LazyTable<Bucket> buckets_;
};

}  // namespace mitral::flow
