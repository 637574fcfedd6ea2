// Revocations: what is dead before its time, in memory: single tokens, and floors: everything that a client or user had
// been given up to an instant.
//
// A floor never sinks. Memory is bounded by the tokens that were revoked and have not expired, and by one entry for
// each client and user that was ever revoked.
//
// Thread rules: any thread; many readers share, a writer excludes.
#pragma once

#include <cstdint>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/ids.h"
#include "base/time.h"
#include "model/grant.h"
#include "model/user.h"

namespace mitral::store {

/// Stored as numbers: never renumber.
enum class FloorKind : std::uint8_t { client = 1, user = 2 };

class Revocations {
 public:
  void revoke_token(const Issuer& issuer, std::string_view token, Instant expires);
  void raise(FloorKind kind, const Issuer& issuer, std::string_view subject, Instant at);
  /// Everything up to here is dead; the minimum when nothing is.
  [[nodiscard]] Instant floor(FloorKind kind, const Issuer& issuer, std::string_view subject) const;
  /// The later one of client and user.
  [[nodiscard]] Instant floor(const Issuer& issuer, std::string_view client, std::string_view user) const;
  [[nodiscard]] bool is_revoked(const Issuer& issuer, const Id128& token, std::string_view client,
                                std::string_view user, Instant issued) const;
  /// Takes in a line of the feed; lines that concern neither tokens, clients nor users do nothing.
  void apply(const model::Change& change);
  /// Shows on a grant what client and user floors mean for it.
  void overlay(model::Grant& grant) const;
  /// Tokens and sessions from before the user was revoked don't count.
  void overlay(model::User& user) const;
  void drop_expired(Instant now);

 private:
  [[nodiscard]] Instant floor_locked(FloorKind kind, const Issuer& issuer, std::string_view subject) const;
  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, Instant> tokens_;
  std::unordered_map<std::string, Instant> clients_;
  std::unordered_map<std::string, Instant> users_;
};

}  // namespace mitral::store
