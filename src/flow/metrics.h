// Metrics: counters of the authorization server, rendered in the Prometheus text format (version 0.0.4).
//
// Labels come from closed lists of this program, never from input, so the number of series is fixed and nothing leaks.
// Thread rules: any thread; relaxed atomics.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "flow/endpoint.h"

namespace mitral::flow {

class Counter {
 public:
  void add(std::uint64_t n = 1) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct Metrics {
  std::array<std::array<Counter, 6>, kEndpointCount> requests;  ///< by endpoint and status class (1xx..5xx)
  std::array<Counter, static_cast<std::size_t>(ErrorCode::internal) + 1> errors;  ///< by error code
  Counter tokens_code, tokens_refresh, tokens_client;                             ///< access tokens issued, by grant
  Counter codes_issued;
  Counter emergencies;  ///< emergency accesses approved
  Counter introspections_active, introspections_inactive;
  Counter revocations;
  Counter client_auth_failed, throttled;
  Counter code_reuse, refresh_reuse;
  Counter sign_ins_ok, sign_ins_failed;
  Counter jwks_fetches, jwks_fetch_failures;
  Counter key_rotations;

  void count(Endpoint endpoint, int status) noexcept;
  void render(std::string& out) const;
};

}  // namespace mitral::flow
