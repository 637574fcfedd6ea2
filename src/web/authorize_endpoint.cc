// GET and POST /authorize: the steps of authorize_table.h.
#include <fmt/format.h>

#include <array>
#include <iterator>

#include "base/limits.h"
#include "codec/fields.h"
#include "codec/uri.h"
#include "flow/authorization_request.h"
#include "flow/emergency.h"
#include "flow/handles.h"
#include "flow/steps/parse.h"
#include "jose/jwt.h"
#include "login/browser.h"
#include "policy/scope_policy.h"
#include "spec/oauth/rfc6749_authorization_request.h"
#include "web/authorize_table.h"
#include "web/browser_front.h"
#include "web/emergency_journey.h"
#include "web/journey.h"
#include "web/pages/pages.h"

namespace mitral::web {
namespace {

// ---------------------------------------------------------------------------------------------------- errors are pages

Result<void> check_top_level(AuthorizeRun& run) {
  if (login::is_top_level(run.context.request)) return {};
  return fail(ErrorCode::invalid_request, "Signing in does not work inside another page.", "framed");
}

Result<void> parse(AuthorizeRun& run) { return flow::parse_query_or_body(run.context); }

Result<void> find_client(AuthorizeRun& run) {
  auto& context = run.context;
  const auto id = context.form.get("client_id");
  const model::Client* client = nullptr;
  if (id && id->size() <= limits::kClientIdMax) {
    MITRAL_TRY(client, context.directory->find(context.issuer.id(), *id));
  }
  if (client == nullptr || !client->enabled) {
    return fail(ErrorCode::invalid_request, "The app that sent you here is not known.",
                "unknown or disabled client at /authorize");
  }
  run.client = context.candidate = client;
  context.profile = policy::effective_profile(context.issuer.config().profile, client->profile);
  return {};
}

/// The pushed request behind one of our request_uris (RFC 9126 §4): alive, and pushed by this client. What stands
/// beside request_uri does not count (threats E-8, E-15).
Task<Result<void>> load_pushed(AuthorizeRun& run) {
  auto& context = run.context;
  const auto uri = context.form.get("request_uri");
  if (!uri || !uri->starts_with(flow::kRequestUriPrefix)) {
    run.parameters = std::move(context.form);  // from here on nobody looks for them there
    co_return Result<void>{};
  }
  const auto bad = [] {
    return fail(ErrorCode::invalid_request_uri, "This link has expired or was used before.",
                "request_uri not found or foreign");
  };
  const auto hash = flow::stored_handle(*uri, flow::kRequestUriPrefix);
  if (!hash) co_return bad();
  MITRAL_CO_TRY(run.pushed,
                co_await context.services.store.find_pushed_request(context.issuer.id(), *hash, context.now));
  if (!run.pushed || run.pushed->client != run.client->id || run.pushed->expires <= context.now) co_return bad();
  for (const auto& [name, value] : run.pushed->parameters) run.parameters.add(name, value);
  co_return Result<void>{};
}

/// A wrong redirect_uri is how codes get stolen: the attempt is audited.
Task<Result<void>> prove_redirect(AuthorizeRun& run) {
  auto redirect = flow::verify_redirect(*run.client, run.parameters, *run.context.profile);
  if (redirect) {
    run.redirect.emplace(std::move(*redirect));
    co_return Result<void>{};
  }
  auto event = run.context.event(model::AuditKind::denial, model::AuditOutcome::denied);
  event.reason = "redirect_uri";
  ports::Events events;
  events.push_back(std::move(event));
  MITRAL_CO_CHECK(co_await run.context.services.store.append(std::move(events)));
  co_return std::unexpected(std::move(redirect).error());
}

// --------------------------------------------------------------------------------------------- errors go to the client

Result<void> check_pushed(AuthorizeRun& run) {
  if (!run.pushed && run.context.profile->par_required) {
    return fail(ErrorCode::invalid_request, "This client has to push its requests");
  }
  if (!run.pushed && run.parameters.get("request_uri")) {
    return fail(ErrorCode::request_uri_not_supported, "Only request_uris of this server are accepted");
  }
  return {};
}

Result<void> check_request(AuthorizeRun& run) {
  MITRAL_TRY(run.request,
             flow::check_authorization_request(run.context, run.parameters, *run.redirect, *run.context.profile));
  if (run.pushed) run.request->par = flow::hash_text(run.pushed->handle);
  return {};
}

Result<void> check_launch(AuthorizeRun& run) {
  const bool wanted = policy::scope_set(run.request->scopes).has(spec::smart::ScopeKind::launch);
  if (wanted && run.request->launch.empty()) return fail(ErrorCode::invalid_request, "launch is missing");
  if (!wanted) run.request->launch.clear();  // context that no scope asks for is not given
  return {};
}

/// id_token_hint: ours by signature and issuer, made for this client; it may have expired.
Result<void> check_hint(AuthorizeRun& run) {
  const auto hint = run.parameters.get("id_token_hint");
  if (!hint) return {};
  const flow::Context& context = run.context;
  const auto keys = context.services.keys.snapshot(context.issuer.id());
  const auto bad = [] { return fail(ErrorCode::invalid_request, "id_token_hint is not an ID token of this server"); };
  if (keys == nullptr) return bad();
  const auto parsed = jose::Jws::parse(*hint, keys->algs);
  if (!parsed) return bad();
  const auto jws = parsed->verify(keys->published);
  if (!jws) return bad();
  const auto claims = jose::parse_claims(jws->payload());
  // An access token is signed by the same keys: its typ tells them apart (threat J-5).
  const bool id_token = !jws->header().typ || jose::typ_is(jws->header().typ, "JWT");
  if (!claims || !id_token || claims->iss != context.issuer.text() || !claims->sub ||
      !claims->has_audience(run.client->id.value)) {
    return bad();
  }
  run.request->extra.set(login::kHintSubject, *claims->sub);
  return {};
}

/// POST: kept as a pushed request, and the browser is sent to GET. What another site posts carries no SameSite=Lax
/// cookies, the GET that follows does.
Task<Result<void>> continue_by_get(AuthorizeRun& run) {
  auto& context = run.context;
  if (context.request.method != codec::Method::post) co_return Result<void>{};
  codec::Form query;
  query.add("client_id", run.client->id.value);
  if (run.pushed) {
    query.add("request_uri", context.form.get("request_uri").value_or(""));
  } else {
    const auto uri = flow::make_handle(context.services.random, flow::kRequestUriPrefix, context.now);
    model::PushedRequest pushed;
    pushed.handle = uri.stored;
    pushed.issuer = context.issuer.id();
    pushed.client = run.client->id;
    for (const auto& parameter : run.parameters.list()) pushed.parameters.emplace_back(parameter.name, parameter.value);
    pushed.expires = context.now + context.profile->par_lifetime;
    MITRAL_CO_CHECK(co_await context.services.store.put_pushed_request(std::move(pushed)));
    query.add("request_uri", uri.text);
  }
  run.response = redirect_response(codec::with_query(context.issuer.urls().authorize, query), true);
  co_return Result<void>{};
}

/// Signed in and agreed before: the code. Else: the first page.
Task<Result<void>> go_on(AuthorizeRun& run) {
  auto& context = run.context;
  Journey journey;
  journey.client = run.client;
  journey.request = std::move(*run.request);
  journey.pushed = std::move(run.pushed);
  MITRAL_CO_TRY(auto signed_in, co_await login::current_sign_in(context.services, context.issuer, context.request,
                                                                run.client->id, context.now));
  if (signed_in) {
    journey.session = std::move(signed_in->session);
    journey.user = std::move(signed_in->user);
    journey.consent = std::move(signed_in->consent);
    journey.looked_up = true;
  }
  journey.browser = login::read_cookie(context.issuer, context.request, login::CookieKind::browser).value_or("");
  run.response = co_await advance(context, std::move(journey));
  co_return Result<void>{};
}

constexpr std::array kSteps{
    AuthorizeStep{"top_level", "RFC 10017, Fetch Metadata", true, check_top_level, nullptr},
    AuthorizeStep{"parse", "RFC 6749 3.1, appendix B", true, parse, nullptr},
    AuthorizeStep{"client", "RFC 6749 4.1.2.1", true, find_client, nullptr},
    AuthorizeStep{"pushed.load", "RFC 9126 4", true, nullptr, load_pushed},
    AuthorizeStep{"redirect_uri", "RFC 6749 3.1.2.3, RFC 9700 2.1", true, nullptr, prove_redirect},
    AuthorizeStep{"pushed.policy", "RFC 9126 4, RFC 9101 6", false, check_pushed, nullptr},
    AuthorizeStep{"request", "RFC 6749 4.1.1, RFC 7636, RFC 8707, OIDC Core 3.1.2.1", false, check_request, nullptr},
    AuthorizeStep{"launch", "SMART App Launch 2.2", false, check_launch, nullptr},
    AuthorizeStep{"id_token_hint", "OIDC Core 3.1.2.1", false, check_hint, nullptr},
    AuthorizeStep{"post_to_get", "RFC 6265bis 5.5 (SameSite)", false, nullptr, continue_by_get},
    AuthorizeStep{"go_on", "OIDC Core 3.1.2.3, 3.1.2.4", false, nullptr, go_on},
};

/// An error before anybody was seen. A client that nobody vouches for must not use us to bounce browsers around: then
/// the person decides (RFC 9700 §4.11.2), unless the request was to be answered without her.
Task<codec::Response> tell_client(const AuthorizeRun& run, Error error) {
  const flow::Context& context = run.context;
  const auto mode = flow::requested_response_mode(run.parameters, *context.profile);
  const auto answer = flow::error_answer(*run.redirect, mode, spec::oauth::state_of(run.parameters),
                                         context.issuer.id(), *context.profile, error);
  bool may_bounce = run.client->verified || run.parameters.get("prompt") == "none";
  if (!may_bounce) {
    const auto session =
        co_await login::current_session(context.services, context.issuer, context.request, context.now);
    may_bounce = session && session->has_value();
  }
  if (may_bounce) co_return answer_response(context.issuer, answer, context.request.method == codec::Method::post);
  if (mode == policy::ResponseMode::form_post) {
    std::vector<std::pair<std::string, std::string>> fields;
    for (const auto& parameter : answer.parameters.list()) fields.emplace_back(parameter.name, parameter.value);
    co_return form_post_page(context.issuer, answer.uri, fields, false);
  }
  const auto location = answer.location();
  const auto domain = client_domain(*run.client, run.redirect->uri());
  co_return web::error_page(context.issuer, {.status = 400,
                                             .text = error.client,
                                             .code = wire_name(error.code),
                                             .continue_to = location,
                                             .client_domain = domain});
}

}  // namespace

std::span<const AuthorizeStep> authorize_steps() noexcept { return kSteps; }

std::string print_authorize_table() {
  std::string out;
  auto to = std::back_inserter(out);
  fmt::format_to(to, "{:<15} {:<6} {:<15} {}\n", "step", "waits", "errors go to", "standard");
  for (const auto& step : kSteps) {
    fmt::format_to(to, "{:<15} {:<6} {:<15} {}\n", step.name, step.waits != nullptr ? "yes" : "",
                   step.page ? "page" : "client", step.standard);
  }
  return out;
}

Task<codec::Response> BrowserFront::authorize(flow::Context& context) {
  AuthorizeRun run{context, nullptr, {}, {}, {}, {}, {}};
  for (const auto& step : kSteps) {
    Result<void> done;
    if (step.plain != nullptr) {
      done = step.plain(run);
    } else {
      done = co_await step.waits(run);
    }
    if (run.response) co_return std::move(*run.response);
    if (done) continue;
    // A store that can't answer says nothing about the request: a page, whatever the step.
    if (step.page || !run.redirect || http_status(done.error().code) >= 500)
      co_return failure_page(context.issuer, done.error());
    if (run.parameters.has(flow::kPurposeOfUse)) {
      auto noted = co_await note_emergency(context, run.client->id.value, {}, model::AuditOutcome::denied,
                                           name(done.error().code));
      if (!noted) co_return failure_page(context.issuer, noted.error());
    }
    co_return co_await tell_client(run, done.error());
  }
  co_return failure_page(context.issuer, {ErrorCode::internal, {}, "authorize table ended without an answer"});
}

}  // namespace mitral::web
