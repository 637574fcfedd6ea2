// AdminEndpoint: what the operator's tools ask on a listener of its own, never on the public one (threat W-20):
// /healthz (the process turns), /readyz (it can do its work: 503 with the reason otherwise), /metrics (Prometheus).
//
// Thread rules: handle() from any thread; drain() once.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "base/result.h"
#include "base/task.h"
#include "codec/message.h"

namespace mitral::app {

class AdminEndpoint {
 public:
  using Ready = std::function<Task<Result<void>>()>;
  using Render = std::function<std::string()>;
  AdminEndpoint(Ready ready, Render metrics) : ready_(std::move(ready)), metrics_(std::move(metrics)) {}

  [[nodiscard]] Task<codec::Response> handle(codec::Request request) const;
  /// From now on /readyz says 503, so that a load balancer looks elsewhere.
  void drain() noexcept { draining_.store(true); }

 private:
  Ready ready_;
  Render metrics_;
  std::atomic<bool> draining_{false};
};

}  // namespace mitral::app
