// GET and POST /authorize, in the one order that is safe (oauth-oidc-fapi §21): size and repetition, client, pushed
// request, redirect_uri; only after that an error may travel to the client.
#include <algorithm>

#include "base/limits.h"
#include "codec/fields.h"
#include "codec/uri.h"
#include "flow/authorization_request.h"
#include "flow/handles.h"
#include "flow/steps/parse.h"
#include "jose/jwt.h"
#include "login/browser.h"
#include "policy/scope_policy.h"
#include "spec/oauth/rfc6749_authorization_request.h"
#include "web/browser_front.h"
#include "web/journey.h"
#include "web/pages/pages.h"

namespace mitral::web {
namespace {

/// Nobody but the person is told: there is no proven place to send the browser (threat M-4.2.4).
codec::Response refuse_page(const flow::Context& context, const Error& error) { return failure_page(context.issuer, error); }

Result<const model::Client*> find_client(flow::Context& context) {
  if (context.form.count("client_id") > 1) return fail(ErrorCode::invalid_request, "client_id is repeated");
  const auto id = context.form.get("client_id");
  const auto* client = id && id->size() <= limits::kClientIdMax ? context.directory->client(context.issuer.id(), *id) : nullptr;
  if (client == nullptr || !client->enabled) {
    return fail(ErrorCode::invalid_request, "The app that sent you here is not known.", "unknown or disabled client at /authorize");
  }
  return client;
}

/// The pushed request behind one of our request_uris (RFC 9126 §4): alive, and pushed by this client.
Task<Result<model::PushedRequest>> find_pushed(flow::Context& context, const model::Client& client, std::string_view uri) {
  const auto bad = [] {
    return fail(ErrorCode::invalid_request_uri, "This link has expired or was used before.", "request_uri not found or foreign");
  };
  const auto hash = flow::handle_hash(uri, flow::kRequestUriPrefix);
  if (!hash) co_return bad();
  MITRAL_CO_TRY(auto pushed, co_await context.services.store.find_pushed_request(context.issuer.id(), *hash, context.now));
  if (!pushed || pushed->client != client.id || pushed->expires <= context.now) co_return bad();
  co_return std::move(*pushed);
}

/// id_token_hint (OpenID Connect Core §3.1.2.1): ours by signature and issuer, made for this client; it may have expired.
Result<std::string> hinted_subject(const flow::Context& context, const model::Client& client, std::string_view hint) {
  const auto keys = context.services.keys.snapshot(context.issuer.id());
  const auto bad = [] { return fail(ErrorCode::invalid_request, "id_token_hint is not an ID token of this server"); };
  if (keys == nullptr) return bad();
  const auto parsed = jose::Jws::parse(hint, keys->algs);
  if (!parsed) return bad();
  const auto jws = parsed->verify(keys->published);
  if (!jws) return bad();
  const auto claims = jose::parse_claims(jws->payload());
  // An access token is signed by the same keys: its typ tells them apart (threat J-5).
  const bool id_token = !jws->header().typ || jose::typ_is(jws->header().typ, "JWT");
  if (!claims || !id_token || claims->iss != context.issuer.text() || !claims->sub || !claims->has_audience(client.id.value)) {
    return bad();
  }
  return *claims->sub;
}

struct Reading {
  const model::Client* client = nullptr;
  codec::Form parameters;                      ///< of the request, or as they were pushed
  std::optional<model::PushedRequest> pushed;
};

Task<Result<Reading>> read(flow::Context& context) {
  MITRAL_CO_CHECK(flow::parse_query_or_body(context));
  Reading reading;
  MITRAL_CO_TRY(reading.client, find_client(context));
  context.candidate = reading.client;
  context.profile = policy::effective_profile(context.issuer.config().profile, reading.client->profile);
  const auto request_uri = context.form.get("request_uri");
  if (request_uri && request_uri->starts_with(flow::kRequestUriPrefix)) {
    MITRAL_CO_TRY(reading.pushed, co_await find_pushed(context, *reading.client, *request_uri));
    // What stands beside request_uri does not count (RFC 9126 §4, threats E-8, E-15).
    for (const auto& [name, value] : reading.pushed->parameters) reading.parameters.add(name, value);
  } else {
    reading.parameters = context.form;
  }
  co_return reading;
}

Result<model::AuthorizationRequest> check(const flow::Context& context, const Reading& reading,
                                          const flow::VerifiedRedirect& redirect) {
  if (!reading.pushed && context.profile->par_required) {
    return fail(ErrorCode::invalid_request, "This client has to push its requests");
  }
  if (!reading.pushed && reading.parameters.get("request_uri")) {
    return fail(ErrorCode::request_uri_not_supported, "Only request_uris of this server are accepted");
  }
  MITRAL_TRY(auto request, flow::check_authorization_request(context, reading.parameters, redirect, *context.profile));
  const bool wants_launch = policy::scope_set(request.scopes).has(spec::smart::ScopeKind::launch);
  if (wants_launch && request.launch.empty()) return fail(ErrorCode::invalid_request, "launch is missing");
  if (!wants_launch) request.launch.clear();  // context that nobody asked for by scope is not given
  if (const auto hint = reading.parameters.get("id_token_hint")) {
    MITRAL_TRY(const auto subject, hinted_subject(context, *reading.client, *hint));
    request.extra.set(login::kHintSubject, subject);
  }
  if (reading.pushed) request.par = flow::hash_text(reading.pushed->handle);
  return request;
}

/// An error before anybody was seen. A client that nobody vouches for must not use us to bounce browsers around: then the
/// person decides (RFC 9700 §4.11.2), unless the request was to be answered without her.
codec::Response early_error(const flow::Context& context, const Reading& reading, const flow::VerifiedRedirect& redirect,
                            const Error& error, bool signed_in) {
  const auto mode = flow::requested_response_mode(reading.parameters, *context.profile);
  const auto answer = flow::error_answer(redirect, mode, spec::oauth::state_of(reading.parameters), context.issuer.id(),
                                         *context.profile, error);
  const bool after_post = context.request.method == codec::Method::post;
  if (reading.client->verified || signed_in || reading.parameters.get("prompt") == "none") {
    return answer_response(context.issuer, answer, after_post);
  }
  if (mode == policy::ResponseMode::form_post) {
    std::vector<std::pair<std::string, std::string>> fields;
    for (const auto& parameter : answer.parameters.list()) fields.emplace_back(parameter.name, parameter.value);
    return form_post_page(context.issuer, answer.uri, fields, false);
  }
  const auto location = answer.location();
  const auto domain = client_domain(*reading.client, redirect.uri());
  return web::error_page(context.issuer, {.status = 400,
                                          .text = error.client,
                                          .code = wire_name(error.code),
                                          .continue_to = location,
                                          .client_domain = domain});
}

/// POST: kept as a pushed request, and the browser is sent to GET. What another site posts carries no SameSite=Lax cookies, the
/// GET that follows does.
Task<codec::Response> continue_by_get(flow::Context& context, const Reading& reading) {
  codec::Form query;
  query.add("client_id", reading.client->id.value);
  if (reading.pushed) {
    query.add("request_uri", context.form.get("request_uri").value_or(""));
  } else {
    const auto uri = flow::make_handle(context.services.random, flow::kRequestUriPrefix);
    model::PushedRequest pushed;
    pushed.handle = flow::hash_of(uri);
    pushed.issuer = context.issuer.id();
    pushed.client = reading.client->id;
    for (const auto& parameter : reading.parameters.list()) pushed.parameters.emplace_back(parameter.name, parameter.value);
    pushed.expires = context.now + context.profile->par_lifetime;
    auto stored = co_await context.services.store.put_pushed_request(std::move(pushed));
    if (!stored) co_return failure_page(context.issuer, stored.error());
    query.add("request_uri", uri);
  }
  co_return redirect_response(codec::with_query(context.issuer.urls().authorize, query), true);
}

Task<Result<void>> note_denial(const flow::Context& context, const Error& error) {
  auto event = context.event(model::AuditKind::denial, model::AuditOutcome::denied);
  event.reason = name(error.code);
  ports::Events events;
  events.push_back(std::move(event));
  co_return co_await context.services.store.append(std::move(events));
}

}  // namespace

Task<codec::Response> BrowserFront::authorize(flow::Context& context) {
  if (!login::is_top_level(context.request)) {
    co_return refuse_page(context, {ErrorCode::invalid_request, "Signing in does not work inside another page.", "framed"});
  }
  auto reading = co_await read(context);
  if (!reading) co_return refuse_page(context, reading.error());
  const auto redirect = flow::verify_redirect(*reading->client, reading->parameters, *context.profile);
  if (!redirect) {
    auto noted = co_await note_denial(context, redirect.error());
    if (!noted) co_return failure_page(context.issuer, noted.error());
    co_return refuse_page(context, redirect.error());
  }

  auto request = check(context, *reading, *redirect);
  if (request && context.request.method == codec::Method::post) co_return co_await continue_by_get(context, *reading);

  auto session = co_await login::current_session(context.services, context.issuer, context.request, context.now);
  if (!session) co_return failure_page(context.issuer, session.error());
  if (!request) co_return early_error(context, *reading, *redirect, request.error(), session->has_value());

  Journey journey;
  journey.client = reading->client;
  journey.request = std::move(*request);
  journey.pushed = std::move(reading->pushed);
  journey.session = std::move(*session);
  journey.browser = login::read_cookie(context.issuer, context.request, login::CookieKind::browser).value_or("");
  co_return co_await advance(context, std::move(journey));
}

}  // namespace mitral::web
