// Introspection for a caller without credentials of its own here: a SMART Backend Services access token with the scope
// `introspect` opens it (SMART App Launch 2.2, token introspection). Such a caller may look at tokens for the resource
// that its own token is for, whoever holds them, and at nothing else (threat E-1).
//
// Only a token that no person stands behind will do: what an app got from a patient never opens other people's tokens.

#include "codec/fields.h"
#include "codec/text.h"
#include "flow/access_tokens.h"
#include "flow/steps/steps.h"
#include "spec/oauth/rfc6750_bearer.h"

namespace mitral::flow {

struct BearerStep {
  static AuthorizedIntrospector made(const LiveToken& token) { return AuthorizedIntrospector(token.audience); }
};

bool presents_bearer(const Context& context) {
  constexpr std::string_view kScheme = "Bearer";
  const auto header = context.request.headers.get("Authorization");
  return header && header->size() >= kScheme.size() && codec::iequals(header->substr(0, kScheme.size()), kScheme) &&
         (header->size() == kScheme.size() || (*header)[kScheme.size()] == ' ');
}

Task<Result<void>> admit_bearer(Context& context) {
  for (const auto name : {"client_id", "client_secret", "client_assertion"}) {
    if (context.form.has(name)) co_return fail(ErrorCode::invalid_request, "Only one way to authenticate may be used");
  }
  MITRAL_CO_TRY(const auto text, spec::oauth::bearer_token(context.request.headers, nullptr));
  const auto invalid = [](std::string detail) {
    return fail(ErrorCode::invalid_token, "The access token is invalid", std::move(detail));
  };
  if (!text) co_return invalid("no bearer token in the header");
  MITRAL_CO_TRY(const auto token, co_await read_live_token(context, *text));
  if (!token) co_return invalid("not a live token");
  // A bound token needs a proof that this endpoint can't check: as a bearer token it is worth nothing (threat E-11).
  if (token->jkt) co_return invalid("sender-constrained token presented as bearer");
  if (token->grant || !token->has_scope(kIntrospectScope))
    co_return fail(ErrorCode::insufficient_scope, "The access token is not for introspection");
  context.introspector = BearerStep::made(*token);
  co_return Result<void>{};
}

}  // namespace mitral::flow
