// Access tokens of our own, read back: any of the three formats, checked until it is known to be alive.
//
// Alive: made by this issuer, not expired, not revoked by itself or with its grant, client or user, client enabled. The
// grant comes from memory when it was used lately, so that a live token costs no storage round trip.
//
// Errors: only unavailable; a token that is not alive is nullopt, without a reason. Thread rules: as Context.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "flow/context.h"
#include "flow/token_sealer.h"

namespace mitral::flow {

struct LiveToken {
  Id128 jti;
  std::optional<model::Grant> grant;  ///< none: client_credentials
  std::string client;
  std::string subject;
  std::string audience;
  std::vector<std::string> scopes;
  std::int64_t issued = 0;
  std::int64_t expires = 0;
  std::optional<Hash256> jkt;

  [[nodiscard]] bool has_scope(std::string_view scope) const noexcept;
};

[[nodiscard]] Task<Result<std::optional<LiveToken>>> read_live_token(const Context& context, std::string_view token);

/// What a token says about itself, genuine but possibly dead: enough to revoke it.
struct TokenIdentity {
  Id128 jti;
  Id128 grant;         ///< zero: client_credentials
  std::string client;  ///< empty when only the grant knows it
  std::int64_t expires = 0;
};
[[nodiscard]] std::optional<TokenIdentity> identify_token(const Context& context, std::string_view token);

}  // namespace mitral::flow
