// Metrics: what the gateway counts. No label comes from input, so the number of series is fixed.
//
// Thread rules: any thread; relaxed atomics.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

namespace mitral::gateway {

class Counter {
 public:
  void add(std::uint64_t n = 1) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct Metrics {
  std::array<Counter, 6> answers;       ///< by status class
  Counter no_token, bad_token, denied;  ///< refusals: 401 without, 401 with a token, 403/404 by decision
  Counter token_cache_hits, token_cache_misses;
  Counter introspections, introspections_failed, introspections_refused;  ///< refused: too many in flight
  Counter jwks_fetches, jwks_failures;
  Counter feed_polls, feed_failures, feed_changes;
  Counter upstream_requests, upstream_failures, upstream_rejected;  ///< rejected: an answer that was not let through
  Counter upstream_retries, circuit_opened;                         ///< the way to the FHIR server (upstream_channel.h)
  Counter upstream_refused_full, upstream_refused_circuit;          ///< not even asked
  Counter phantoms;                                                 ///< identity tokens signed for the FHIR server
  Counter decided_permit, decided_deny;                             ///< answers of the decision endpoint
  Counter reviews_due, reviews_written, reviews_failed;             ///< emergency_reviews.h; failed: attempts
  Gauge reviews_open;                                               ///< not acknowledged yet
  Counter resources_shown, resources_withheld;
  Counter audit_events, audit_failures, audit_skipped;  ///< skipped: unproven callers above the rate

  /// Prometheus text format 0.0.4.
  void render(std::string& out) const;
};

}  // namespace mitral::gateway
