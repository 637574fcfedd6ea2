// RFC 6749 §4.1.3 with PKCE: looks at a code and checks that it belongs to the caller. Reading only: step commit spends
// it.
//
// Whoever presents a code wrongly (another client, wrong verifier, wrong redirect_uri) has used it up: one guess per
// code (threats M-4.4.1.5, M-4.4.1.7, B-4.5). A code that was redeemed before takes the tokens of the first redemption
// with it (RFC 6749 §4.1.2).

#include <algorithm>

#include "base/limits.h"
#include "flow/emergency.h"
#include "flow/grants/grant_step.h"
#include "flow/handles.h"
#include "flow/steps/steps.h"
#include "spec/oauth/rfc7636_pkce.h"

namespace mitral::flow {
namespace {

std::unexpected<Error> bad_code(std::string detail) {
  return fail(ErrorCode::invalid_grant, "The authorization code is invalid", std::move(detail));
}

ports::Events denial(const Context& context, std::string_view reason) {
  auto event = context.event(model::AuditKind::denial, model::AuditOutcome::denied);
  event.reason = reason;
  ports::Events out;
  out.push_back(std::move(event));
  return out;
}

// Empty when the code is presented as it was meant to be.
std::string_view what_is_wrong(const Context& context, const model::AuthorizationCode& code) {
  if (code.request.client != context.client->id()) return "code_of_another_client";
  const auto redirect_uri = context.form.get("redirect_uri");
  if (code.request.redirect_uri_sent ? redirect_uri != code.request.redirect_uri
                                     : redirect_uri && *redirect_uri != code.request.redirect_uri) {
    return "code_with_another_redirect_uri";
  }
  const auto verifier = context.form.get("code_verifier");
  if (!verifier) return "code_without_verifier";
  if (!spec::oauth::pkce_matches(*verifier, code.request.code_challenge)) return "code_with_wrong_verifier";
  // RFC 9449 §10: a code bound to a key can't be redeemed without it.
  if (!code.request.dpop_jkt.empty()) {
    if (!context.sender->bound() || hash_text(*context.sender->jkt()) != code.request.dpop_jkt)
      return "code_with_another_key";
  }
  return emergency_code_problem(code, context.client->record());
}

}  // namespace

// The grant that the code will become.
RedeemedGrant GrantStep::from_code(const Context& context, model::AuthorizationCode code, const Hash256& handle) {
  RedeemedGrant out(RedeemedGrant::Source::code);
  out.since_ = code.created;
  out.code_ = handle;
  model::Grant& grant = out.grant_;
  grant.id = Id128::ordered(context.services.random, context.now);
  grant.issuer = context.issuer.id();
  grant.client = code.request.client;
  grant.user = std::move(code.user);
  grant.sid = code.sid;
  grant.scopes = std::move(code.scopes);
  grant.audiences = code.request.resources;
  grant.context = std::move(code.context);
  grant.fhir_user = std::move(code.fhir_user);
  grant.auth_time = code.auth_time;
  grant.acr = std::move(code.acr);
  grant.amr = std::move(code.amr);
  grant.created = context.now;
  for (const auto& scope : grant.scopes) grant.offline |= scope == "offline_access";
  // Not offline: ends with the session at the latest, however that session ends.
  grant.expires =
      grant.offline ? context.now + limits::kGrantLifetime
                    : std::max(grant.auth_time + limits::kSessionAbsolute, context.now + limits::kAccessTokenLifetime);
  mark_grant(grant, code);
  out.request_ = std::move(code.request);
  return out;
}

bool is_code_grant(const Context& context) { return context.grant_type == model::GrantType::authorization_code; }

Task<Result<void>> look_at_code(Context& context) {
  const auto text = context.form.get("code");
  if (!text) co_return fail(ErrorCode::invalid_request, "code is missing");
  const auto handle = stored_handle(*text, kCodePrefix);
  if (!handle) co_return bad_code("not a code of this server");
  auto& store = context.services.store;
  MITRAL_CO_TRY(auto code, co_await store.find_code(context.issuer.id(), *handle, context.now));
  if (!code) co_return bad_code("unknown or expired code");
  if (code->grant) {
    context.services.metrics.code_reuse.add();
    auto event = context.event(model::AuditKind::reuse_detected, model::AuditOutcome::denied);
    event.user = code->user.value;
    event.grant = code->grant->text();
    event.reason = "code_reused";
    ports::Events events;
    events.push_back(std::move(event));
    MITRAL_CO_CHECK(co_await store.revoke_grant(context.issuer.id(), *code->grant, std::move(events), context.now));
    context.audited = true;
    co_return bad_code("code was used before");
  }
  if (code->expires <= context.now) co_return bad_code("expired code");
  if (const auto wrong = what_is_wrong(context, *code); !wrong.empty()) {
    MITRAL_CO_CHECK(co_await store.burn_code(context.issuer.id(), *handle, denial(context, wrong)));
    context.audited = true;
    co_return bad_code(std::string(wrong));
  }
  context.grant = GrantStep::from_code(context, std::move(*code), *handle);
  co_return Result<void>{};
}

}  // namespace mitral::flow
