// RFC 9126: pushed authorization requests. Everything is checked now and again when the request is used.

#include "flow/authorization_request.h"
#include "flow/handles.h"
#include "flow/responses.h"
#include "flow/steps/steps.h"
#include "spec/oauth/rfc9126_par.h"

namespace mitral::flow {

namespace {

// Anybody can speak for a public client: what she may make us store is limited.
Result<void> check_rate(Context& context) {
  if (!context.client->is_public()) return {};
  const auto wait =
      context.services.par_limit->take(context.client->id().value, context.request.peer_address, context.now);
  if (!wait) return {};
  context.retry_after_s = *wait;
  context.services.metrics.throttled.add();
  return fail(ErrorCode::rate_limited, "Too many requests");
}

}  // namespace

Task<Result<void>> push_request(Context& context) {
  MITRAL_CO_CHECK(check_rate(context));
  MITRAL_CO_CHECK(spec::oauth::check_pushed(context.form));
  const auto redirect = verify_redirect(context.client->record(), context.form, *context.profile);
  if (!redirect) co_return fail(redirect.error());
  const auto request = check_authorization_request(context, context.form, *redirect, *context.profile);
  if (!request) co_return fail(request.error());

  const auto lifetime = context.profile->par_lifetime;
  const NewHandle request_uri = make_handle(context.services.random, kRequestUriPrefix, context.now);
  model::PushedRequest pushed{.handle = request_uri.stored,
                              .issuer = context.issuer.id(),
                              .client = context.client->id(),
                              .parameters = spec::oauth::pushed_parameters(context.form),
                              .expires = context.now + Duration(lifetime)};
  MITRAL_CO_CHECK(co_await context.services.store.put_pushed_request(std::move(pushed)));
  context.response =
      json_response(context.issuer, 201, spec::oauth::pushed_response_json(request_uri.text, lifetime.count()));
  co_return Result<void>{};
}

}  // namespace mitral::flow
