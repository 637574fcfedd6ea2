// RFC 7662: what a token means, told to its own resource server, to a backend with an access token for looking, or to
// the client that holds it, and to nobody else:
// for everyone else, and for whatever is not alive, the answer is the same nine words (threat E-1).

#include <algorithm>

#include "codec/base64url.h"
#include "flow/access_tokens.h"
#include "flow/emergency.h"
#include "flow/responses.h"
#include "flow/steps/steps.h"
#include "spec/oauth/rfc9068_access_token.h"

namespace mitral::flow {
namespace {

bool concerns_caller(const Context& context, const LiveToken& token) {
  if (context.server) return token.audience == context.server->record().audience;
  if (context.introspector) return token.audience == context.introspector->audience();
  return token.client == context.client->id().value;  // its own
}

/// A resource server can't bound user/ scopes without knowing whose they are, whether or not the client asked to know.
bool needs_fhir_user(const Context& context, const LiveToken& token) {
  if (token.has_scope("fhirUser") || token.has_scope("profile")) return true;
  const bool resource_server = context.server || context.introspector;
  // Whoever opened a record in an emergency is named to those who keep it.
  if (resource_server && token.grant && is_emergency(*token.grant)) return true;
  return resource_server && std::ranges::any_of(token.scopes, [](const std::string& scope) {
           return scope.find("user/") != std::string::npos;
         });
}

std::string render(const Context& context, const LiveToken& token) {
  const std::string jti = token.jti.text();
  const std::string jkt = token.jkt ? codec::base64url_encode(*token.jkt) : std::string{};
  spec::oauth::AccessTokenFacts facts{.issuer = context.issuer.text(),
                                      .subject = token.subject,
                                      .audience = token.audience,
                                      .client_id = token.client,
                                      .jti = jti,
                                      .issued = token.issued,
                                      .expires = token.expires,
                                      .scopes = token.scopes,
                                      .jkt = jkt,
                                      .grant_id = {},
                                      .auth_time = std::nullopt};
  std::string grant_id;
  if (token.grant) {
    const model::Grant& grant = *token.grant;
    grant_id = grant.id.text();
    facts.grant_id = grant_id;
    facts.auth_time = to_seconds(grant.auth_time);
    facts.acr = grant.acr;
    facts.amr = grant.amr;
    facts.context = &grant.context;
    facts.purpose_of_use = grant.purpose;
    if (needs_fhir_user(context, token)) facts.fhir_user = grant.fhir_user;
  }
  return spec::oauth::introspection_json(facts);
}

}  // namespace

Task<Result<void>> introspect(Context& context) {
  const auto text = context.form.get("token");
  if (!text) co_return fail(ErrorCode::invalid_request, "token is missing");
  MITRAL_CO_TRY(const auto token, co_await read_live_token(context, *text));
  auto& metrics = context.services.metrics;
  if (!token || !concerns_caller(context, *token)) {
    metrics.introspections_inactive.add();
    context.response = json_response(context.issuer, 200, std::string(spec::oauth::kInactive));
    co_return Result<void>{};
  }
  metrics.introspections_active.add();
  context.response = json_response(context.issuer, 200, render(context, *token));
  co_return Result<void>{};
}

}  // namespace mitral::flow
