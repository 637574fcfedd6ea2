// GrantStep: the one maker of RedeemedGrant. Only the files of flow/grants/ include it, each after its own checks.
//
// Thread rules: pure functions.
#pragma once

#include "flow/context.h"

namespace mitral::flow {

struct GrantStep {
  /// After client, redirect_uri, PKCE and key were compared with what the code was made for.
  static RedeemedGrant from_code(const Context& context, model::AuthorizationCode code, const Hash256& handle);
  /// After the MAC held and the grant was found alive and the caller's.
  static RedeemedGrant from_refresh(model::Grant grant, std::uint32_t generation) {
    RedeemedGrant out(RedeemedGrant::Source::refresh);
    out.since_ = grant.created;
    out.grant_ = std::move(grant);
    out.generation_ = generation;
    return out;
  }
  /// After a confidential client proved itself and may use client_credentials.
  static RedeemedGrant from_client(Instant now) {
    RedeemedGrant out(RedeemedGrant::Source::client);
    out.since_ = now;
    return out;
  }
};

}  // namespace mitral::flow
