#include "flow/throttle.h"

#include <gtest/gtest.h>

#include "flow/metrics.h"

namespace mitral::flow {
namespace {

using namespace std::chrono_literals;
const Instant kNow = from_seconds(1'790'000'000);

TEST(Throttle, WaitsDoubleAfterTheFreeTries) {
  SequenceRandom random;
  Throttle throttle({.free = 3, .window = 60s, .first_wait = 1s, .max_wait = 8s}, random);
  throttle.failed("c", "a", kNow);
  throttle.failed("c", "a", kNow);
  EXPECT_FALSE(throttle.wait("c", "a", kNow));
  for (const std::int64_t expected : {1, 2, 4, 8, 8}) {
    throttle.failed("c", "a", kNow);
    EXPECT_EQ(throttle.wait("c", "a", kNow), expected);
  }
  EXPECT_FALSE(throttle.wait("c", "a", kNow + 8s));
  EXPECT_FALSE(throttle.wait("c", "b", kNow));
  EXPECT_FALSE(throttle.wait("d", "a", kNow));
}

TEST(Throttle, SuccessForgetsAndTheWindowForgets) {
  SequenceRandom random;
  Throttle throttle({.free = 2, .window = 60s, .first_wait = 10s, .max_wait = 10s}, random);
  throttle.failed("c", "a", kNow);
  throttle.succeeded("c", "a");
  EXPECT_EQ(throttle.size(), 0U);
  throttle.failed("c", "a", kNow);
  EXPECT_FALSE(throttle.wait("c", "a", kNow));
  throttle.failed("c", "a", kNow + 61s);
  EXPECT_FALSE(throttle.wait("c", "a", kNow + 61s));
}

TEST(Throttle, W16_MemoryDoesNotGrowUnderAFlood) {
  SequenceRandom random;
  Throttle throttle({}, random);
  for (int i = 0; i < 100'000; ++i)
    throttle.failed("client" + std::to_string(i), "address", kNow + std::chrono::microseconds(i));
  EXPECT_LE(throttle.size(), limits::kThrottleBuckets * 8);
}

TEST(Metrics, RendersPrometheusText) {
  Metrics metrics;
  metrics.count(Endpoint::token, 200);
  metrics.count(Endpoint::token, 401);
  metrics.errors[static_cast<std::size_t>(ErrorCode::invalid_client)].add();
  std::string out;
  metrics.render(out);
  EXPECT_NE(out.find("mitral_requests_total{endpoint=\"token\",status=\"2xx\"} 1\n"), std::string::npos);
  EXPECT_NE(out.find("mitral_errors_total{code=\"invalid_client\"} 1\n"), std::string::npos);
  EXPECT_NE(out.find("# TYPE mitral_introspections_total counter\n"), std::string::npos);
}

}  // namespace
}  // namespace mitral::flow
