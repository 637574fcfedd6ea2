// UserStates: is a user still enabled, and since when are her tokens good? From memory when it was asked lately.
//
// Code redemption and refresh look again at the person (threat E-4) without a storage read each time: entries are
// dropped by the change feed (user_changed, user_revoked) and after limits::kUserStateMax at the latest. Memory is
// bounded by limits::kUserStatesEntries.
//
// Errors: unavailable from the store. Thread rules: any thread.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "flow/change_feed.h"
#include "ports/stores.h"

namespace mitral::flow {

struct UserState {
  bool exists = false;
  bool enabled = false;
  Instant tokens_valid_from;
};

class UserStates {
 public:
  UserStates(ports::UserStore& store, ChangeFeed& feed);
  /// From memory only; nullopt when it has to be read.
  [[nodiscard]] std::optional<UserState> known(const Issuer& issuer, const UserId& user, Instant now) const;
  [[nodiscard]] Task<Result<UserState>> get(Issuer issuer, UserId user, Instant now);

  /// A grant, for somebody who asks for the state of its user next: where both have to be read, one look brings both.
  [[nodiscard]] Task<Result<std::optional<model::Grant>>> grant(ports::GrantStore& grants, Issuer issuer, Id128 id,
                                                                Instant now);

 private:
  /// Taken before reading, given back with what was read.
  [[nodiscard]] std::uint64_t mark() const;
  UserState remember(const Issuer& issuer, const UserId& id, const std::optional<model::User>& user, std::uint64_t mark,
                     Instant now);

  struct Entry {
    UserState state;
    Instant read;
  };
  ports::UserStore& store_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
  std::uint64_t epoch_ = 0;  ///< moves with every dropped entry, so that a read under way is not remembered
};

}  // namespace mitral::flow
