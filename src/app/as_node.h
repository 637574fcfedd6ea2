// AsNode: one process's authorization server, put together: the only place that knows which adapters it runs on.
//
// create() makes everything, start() makes the first signing keys and begins the background work (key rotation,
// sweeping of expired rows, the change feed, the sign of life among other nodes); the destructor ends it. Needs a
// runtime whose loops outlive it or have ended.
//
// Errors: config_invalid, unavailable. Thread rules: create(), start() and the destructor on the owner's thread; the
// rest from any.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/config.h"
#include "app/guarded_clock.h"
#include "app/master_key.h"
#include "base/random.h"
#include "base/result.h"
#include "base/task.h"
#include "net/runtime.h"
#include "net/server.h"
#include "ports/outside.h"
#include "store/server_store.h"

namespace mitral::app {

class AsNode {
 public:
  struct Settings {
    std::vector<IssuerEntry> issuers;
    unsigned password_threads = 1;
    bool allow_loopback_fetch = false;
    GuardedClock* guard = nullptr;  ///< the clock handed in, when it watches itself
  };
  /// Everything handed in by reference must outlive the node.
  [[nodiscard]] static Result<std::unique_ptr<AsNode>> create(Settings settings, const MasterKey& master,
                                                              store::ServerStore& store, Clock& clock, Random& random,
                                                              net::Runtime& runtime);
  ~AsNode();
  AsNode(const AsNode&) = delete;
  AsNode& operator=(const AsNode&) = delete;

  /// Blocks until every issuer has its signing keys. Call it before the loops run.
  [[nodiscard]] Result<void> start();
  [[nodiscard]] net::Handler handler();
  [[nodiscard]] Task<Result<void>> ready() const;
  [[nodiscard]] std::string metrics_text() const;
  [[nodiscard]] ports::PasswordHasher& passwords() noexcept;

 private:
  struct Impl;
  explicit AsNode(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mitral::app
