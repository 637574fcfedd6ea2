// Services: everything that the flow needs from the rest of the program, by reference. The composition root (app/, or a
// test's harness) owns the objects and lets them outlive every request.
//
// Thread rules: all members may be used from any thread; see each.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "flow/change_feed.h"
#include "flow/client_keys.h"
#include "flow/issuer_config.h"
#include "flow/key_ring.h"
#include "flow/metrics.h"
#include "flow/rate_limit.h"
#include "flow/throttle.h"
#include "flow/user_states.h"
#include "ports/outside.h"
#include "ports/stores.h"

namespace mitral::flow {

struct Services {
  ports::Store& store;
  Clock& clock;
  Random& random;
  ports::PasswordHasher& passwords;
  ports::Fetcher& fetcher;
  KeyRing& keys;
  ChangeFeed& feed;
  UserStates& users;          ///< is a user enabled: from memory when known
  ClientKeys& client_keys;    ///< clients' jwks_uri documents
  Throttle& client_throttle;  ///< failed client authentication, by client and address
  Metrics& metrics;
  std::vector<std::unique_ptr<IssuerRuntime>>& issuers;
  /// Pushed authorization requests of public clients, by client and address.
  std::shared_ptr<RateLimit> par_limit = std::make_shared<RateLimit>(limits::kParPerSecond, limits::kParBurst);
  /// Interactions begun, by address: anybody can begin one, and each is stored.
  std::shared_ptr<RateLimit> interaction_limit =
      std::make_shared<RateLimit>(limits::kInteractionsPerSecond, limits::kInteractionsBurst);

  /// The issuer with this identifier, or nullptr.
  [[nodiscard]] const IssuerRuntime* issuer(std::string_view id) const noexcept;
};

}  // namespace mitral::flow
