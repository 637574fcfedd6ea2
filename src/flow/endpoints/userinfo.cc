// OpenID Connect Core §5.3: who the token is about. GET or POST, token in the Authorization header or a form body.

#include "flow/access_tokens.h"
#include "flow/responses.h"
#include "flow/steps/steps.h"
#include "spec/oauth/rfc6750_bearer.h"

namespace mitral::flow {
namespace {

Task<Result<codec::Json>> claims_of(Context& context, std::string_view text) {
  auto invalid = [](std::string detail) {
    return fail(ErrorCode::invalid_token, "The access token is invalid", std::move(detail));
  };
  MITRAL_CO_TRY(const auto token, co_await read_live_token(context, text));
  if (!token) co_return invalid("not a live token");
  // A bound token needs a proof that this endpoint can't check: as a bearer token it is worth nothing (threat E-11).
  if (token->jkt) co_return invalid("sender-constrained token presented as bearer");
  if (!token->grant || !token->has_scope("openid")) {
    co_return fail(ErrorCode::insufficient_scope, "The access token lacks the scope openid");
  }
  MITRAL_CO_TRY(const auto user, co_await context.services.store.find_user(context.issuer.id(), token->grant->user));
  if (!user || !user->enabled) co_return invalid("user is gone or disabled");

  codec::Json out = codec::Json::object({{"sub", token->subject}});
  const bool profile = token->has_scope("profile");
  if ((profile || token->has_scope("fhirUser")) && !token->grant->fhir_user.empty()) {
    out.set("fhirUser", token->grant->fhir_user);
    if (profile) out.set("profile", token->grant->fhir_user);
  }
  if (profile && !user->display_name.empty()) out.set("name", user->display_name);
  if (token->has_scope("email") && !user->email.empty()) out.set("email", user->email);
  co_return out;
}

}  // namespace

Task<Result<void>> userinfo(Context& context) {
  const bool post = context.request.method == codec::Method::post;
  const auto token = spec::oauth::bearer_token(context.request.headers, post ? &context.form : nullptr);
  if (!token) {
    context.response = bearer_error_response(context.issuer, token.error(), true);
    co_return Result<void>{};
  }
  if (!*token) {
    context.response = bearer_error_response(context.issuer, {ErrorCode::invalid_token, {}, {}}, false);
    co_return Result<void>{};
  }
  auto claims = co_await claims_of(context, **token);
  if (!claims) {
    if (http_status(claims.error().code) >= 500) co_return fail(std::move(claims).error());
    context.response = bearer_error_response(context.issuer, claims.error(), true);
    co_return Result<void>{};
  }
  context.response = json_response(context.issuer, 200, claims->dump());
  co_return Result<void>{};
}

}  // namespace mitral::flow
