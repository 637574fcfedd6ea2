#include "flow/steps/steps.h"

namespace mitral::flow {

bool has_user(const Context& context) { return context.grant && context.grant->has_user(); }

// The person and the permission behind a code or refresh token, looked at again (threat E-4): enabled, not revoked
// since, and, unless access is offline, not signed out.
Task<Result<void>> decide(Context& context) {
  const RedeemedGrant& redeemed = *context.grant;
  const model::Grant& grant = redeemed.grant();
  auto& services = context.services;
  auto refused = [](std::string detail) {
    return fail(ErrorCode::invalid_grant, "The permission is no longer valid", std::move(detail));
  };

  auto user = services.users.known(context.issuer.id(), grant.user, context.now);
  if (!user) {
    MITRAL_CO_TRY(user, co_await services.users.get(context.issuer.id(), grant.user, context.now));
  }
  if (!user->exists || !user->enabled) co_return refused("user is gone or disabled");
  if (user->tokens_valid_from > redeemed.since()) co_return refused("user was revoked since");
  if (context.client->record().tokens_valid_from > redeemed.since()) co_return refused("client was revoked since");
  MITRAL_CO_CHECK(services.store.current());
  if (services.store.is_revoked(context.issuer.id(), Id128{}, grant.client.value, grant.user.value, redeemed.since())) {
    co_return refused("client or user was revoked since");
  }
  const bool refresh = redeemed.source() == RedeemedGrant::Source::refresh;
  if (refresh && grant.offline && !context.client->record().offline_allowed)
    co_return refused("client may no longer act offline");
  if (!grant.offline && services.feed.session_ended(context.issuer.id(), grant.sid))
    co_return refused("session has ended");
  co_return Result<void>{};
}

}  // namespace mitral::flow
