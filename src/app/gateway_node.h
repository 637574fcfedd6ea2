// GatewayNode: one process's gateway, put together: outbound client, audit file, feed follower.
//
// Errors: config_invalid, unavailable. Thread rules: create(), start(), stop() and the destructor on the owner's
// thread; the rest from any.
#pragma once

#include <memory>
#include <string>

#include "base/random.h"
#include "base/result.h"
#include "base/task.h"
#include "gateway/config.h"
#include "net/runtime.h"
#include "net/server.h"
#include "ports/stores.h"

namespace mitral::app {

class GatewayNode {
 public:
  [[nodiscard]] static Result<std::unique_ptr<GatewayNode>> create(gateway::Config config, ports::AuditStore& audit,
                                                                   const Clock& clock, Random& random,
                                                                   net::Runtime& runtime);
  ~GatewayNode();
  GatewayNode(const GatewayNode&) = delete;
  GatewayNode& operator=(const GatewayNode&) = delete;

  /// Begins to follow the revocation feed, and to tell of emergency accesses, on loop 0.
  void start();
  /// Ends following; the loops must still run for a moment.
  void stop() noexcept;
  [[nodiscard]] net::Handler handler();
  /// For the listener of a proxy that asks for decisions.
  [[nodiscard]] net::Handler decisions();
  [[nodiscard]] Task<Result<void>> ready() const;
  [[nodiscard]] std::string metrics_text() const;

 private:
  struct Impl;
  explicit GatewayNode(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mitral::app
