// Issue: from proofs to tokens, in two moves.
//
//   prepare_tokens()   signs and seals in memory; nobody has seen the result   -> PreparedTokens
//   commit_tokens()    spends the code or moves the refresh family forward and writes the audit events in one durable
//   act
//                                                                             -> IssuedTokens, the only thing render
//                                                                             takes
//
// If the commit is lost (code or refresh token already used, store down), the prepared tokens are dropped unseen.
// Storage round trips: client_credentials 0 reads, 1 commit; refresh 0 + 1; code 0 + 1 (its one read is in grants/).
//
// Errors: invalid_grant when the race is lost; unavailable when the store can't say; internal when no key is active.
// Thread rules: belong to one request.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "codec/json.h"
#include "flow/proofs.h"

namespace mitral::policy {
struct Profile;
}

namespace mitral::flow {

struct Context;

/// Signed, sealed, and held back.
class PreparedTokens {
 private:
  friend struct IssueStep;
  PreparedTokens() = default;
  std::string access_token_;
  std::string id_token_;  ///< empty: none
  std::int64_t expires_in_ = 0;
  std::string scope_;
  Id128 jti_;
  bool wants_refresh_ = false;
};

/// May be shown to the client: everything that they rest on is durable.
class IssuedTokens {
 public:
  /// The token response (RFC 6749 §5.1) with SMART launch context at top level.
  [[nodiscard]] std::string json() const;

 private:
  friend struct IssueStep;
  IssuedTokens() = default;
  std::string access_token_;
  std::string id_token_;
  std::string refresh_token_;
  std::int64_t expires_in_ = 0;
  std::string scope_;
  codec::Json context_;  ///< SMART launch context; object or null
};

[[nodiscard]] Result<PreparedTokens> prepare_tokens(const Context& context, const AuthenticatedClient& client,
                                                    const RedeemedGrant& grant, const ApprovedScopes& scopes,
                                                    const SenderBinding& sender, const policy::Profile& profile);
[[nodiscard]] Task<Result<IssuedTokens>> commit_tokens(const Context& context, const AuthenticatedClient& client,
                                                       const RedeemedGrant& grant, const ApprovedScopes& scopes,
                                                       const SenderBinding& sender, const policy::Profile& profile,
                                                       PreparedTokens prepared);

}  // namespace mitral::flow
