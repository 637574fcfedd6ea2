#include "flow/rate_limit.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace mitral::flow {

RateLimit::RateLimit(double per_second, double burst)
    : per_second_(per_second), burst_(burst), buckets_(limits::kRateLimitBuckets) {}

std::optional<std::int64_t> RateLimit::take(std::string_view a, std::string_view b, Instant now) {
  const std::hash<std::string_view> hash;
  Bucket& bucket = buckets_.at((hash(a) * 31 + hash(b)) % buckets_.size());
  const std::lock_guard lock(bucket.mutex);
  const double passed = std::chrono::duration<double>(now - bucket.last).count();
  bucket.level = std::max(0.0, bucket.level - std::max(0.0, passed) * per_second_);
  bucket.last = std::max(bucket.last, now);
  if (bucket.level + 1 > burst_) return std::max<std::int64_t>(1, std::llround(std::ceil(1 / per_second_)));
  bucket.level += 1;
  return std::nullopt;
}

}  // namespace mitral::flow
