// RFC 7009: revocation by the client that holds the token. A refresh token takes its whole grant along; an access token
// goes alone. What is unknown is as good as revoked: 200. A token of somebody else is refused without effect (threat
// E-2), and a store that cannot say is 503, never 200.

#include "flow/access_tokens.h"
#include "flow/refresh_token.h"
#include "flow/responses.h"
#include "flow/steps/steps.h"

namespace mitral::flow {
namespace {

std::unexpected<Error> foreign() {
  return fail(ErrorCode::invalid_grant, "This token belongs to another client", "token of another client");
}

ports::Events revoked(const Context& context, const model::Grant* grant, std::string token, std::string_view reason) {
  auto event = context.event(model::AuditKind::revocation, model::AuditOutcome::success);
  event.token = std::move(token);
  event.reason = reason;
  if (grant != nullptr) {
    event.grant = grant->id.text();
    event.user = grant->user.value;
    event.patient = grant->context["patient"].string_or();
  }
  ports::Events out;
  out.push_back(std::move(event));
  return out;
}

Task<Result<void>> revoke_refresh_token(Context& context, RefreshTokens::Parts parts) {
  auto& store = context.services.store;
  MITRAL_CO_TRY(const auto grant, co_await store.find_grant(context.issuer.id(), parts.grant));
  if (!grant || grant->revoked) co_return Result<void>{};
  if (grant->client != context.client->id()) co_return foreign();
  context.services.metrics.revocations.add();
  co_return co_await store.revoke_grant(context.issuer.id(), grant->id,
                                        revoked(context, &*grant, {}, "revoked_by_client"), context.now);
}

Task<Result<void>> revoke_access_token(Context& context, TokenIdentity token) {
  auto& store = context.services.store;
  std::optional<model::Grant> grant;
  if (!token.grant.is_zero()) {
    MITRAL_CO_TRY(grant, co_await store.find_grant(context.issuer.id(), token.grant));
    if (!grant) co_return Result<void>{};
    token.client = grant->client.value;
  }
  if (token.client != context.client->id().value) co_return foreign();
  if (token.expires <= to_seconds(context.now)) co_return Result<void>{};
  context.services.metrics.revocations.add();
  co_return co_await store.revoke_token(
      context.issuer.id(), token.jti, from_seconds(token.expires),
      revoked(context, grant ? &*grant : nullptr, token.jti.text(), "token_revoked_by_client"), context.now);
}

}  // namespace

Task<Result<void>> revoke(Context& context) {
  const auto text = context.form.get("token");
  if (!text) co_return fail(ErrorCode::invalid_request, "token is missing");
  // token_type_hint is not needed: each kind is known by its form.
  if (const auto refresh = context.issuer.refresh_tokens().open(*text)) {
    MITRAL_CO_CHECK(co_await revoke_refresh_token(context, *refresh));
  } else if (const auto access = identify_token(context, *text)) {
    MITRAL_CO_CHECK(co_await revoke_access_token(context, *access));
  }
  context.response = json_response(context.issuer, 200, "{}");
  co_return Result<void>{};
}

}  // namespace mitral::flow
