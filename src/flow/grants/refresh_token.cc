// RFC 6749 §6: looks at a refresh token: the MAC, then the grant (from memory). Whether its generation is still good is
// decided by the one conditional act of step commit, so that parallel use can't win twice (threat B-4.14).

#include "flow/refresh_token.h"

#include "flow/grants/grant_step.h"
#include "flow/steps/steps.h"

namespace mitral::flow {
namespace {

std::unexpected<Error> bad_token(std::string detail) {
  return fail(ErrorCode::invalid_grant, "The refresh token is invalid", std::move(detail));
}

}  // namespace

bool is_refresh_grant(const Context& context) { return context.grant_type == model::GrantType::refresh_token; }

Task<Result<void>> look_at_refresh_token(Context& context) {
  const auto text = context.form.get("refresh_token");
  if (!text) co_return fail(ErrorCode::invalid_request, "refresh_token is missing");
  const auto parts = context.issuer.refresh_tokens().open(*text);
  if (!parts) co_return bad_token("not a refresh token of this issuer");
  MITRAL_CO_TRY(auto grant, co_await context.services.users.grant(context.services.store, context.issuer.id(),
                                                                  parts->grant, context.now));
  if (!grant || grant->revoked || grant->expires <= context.now)
    co_return bad_token("grant is gone, revoked or expired");
  if (grant->client != context.client->id()) co_return bad_token("refresh token of another client");
  context.grant = GrantStep::from_refresh(std::move(*grant), parts->generation);
  co_return Result<void>{};
}

}  // namespace mitral::flow
