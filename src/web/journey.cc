#include "web/journey.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/fields.h"
#include "flow/authorize/completion.h"
#include "flow/authorize/launch_ticket.h"
#include "flow/emergency.h"
#include "flow/handles.h"
#include "login/browser.h"
#include "login/records.h"
#include "policy/scope_policy.h"
#include "web/emergency_journey.h"
#include "web/pages/pages.h"
#include "web/pages/texts_en.h"
#include "web/security_headers.h"

namespace mitral::web {
namespace {

bool silent(const model::AuthorizationRequest& request) {
  return std::ranges::find(request.prompt, "none") != request.prompt.end();
}

FormTarget form_target(const flow::Context& context, const Journey& journey, std::string_view form) {
  return {interaction_url(context.issuer, journey.id, form), form_token(context.issuer, journey, form)};
}

/// Stores the journey as an interaction of this browser and sends it to its page.
Task<codec::Response> begin_interaction(flow::Context& context, Journey& journey) {
  auto& store = context.services.store;
  const auto& issuer = context.issuer;
  if (const auto wait =
          context.services.interaction_limit->take("interaction", context.request.peer_address, context.now)) {
    context.services.metrics.throttled.add();
    co_return error_page(issuer, {.status = 429,
                                  .text = "Too many people are signing in from here right now. Please try again soon.",
                                  .retry_after_s = *wait});
  }
  const bool new_browser = journey.browser.empty();
  if (new_browser) journey.browser = login::make_cookie_value(context.services.random);
  auto handle = flow::make_handle(context.services.random, "", context.now);
  journey.id = std::move(handle.text);

  model::Interaction interaction;
  interaction.handle = handle.stored;
  interaction.browser = flow::hash_of(journey.browser);
  interaction.issuer = issuer.id();
  interaction.request = journey.request;
  interaction.created = context.now;
  interaction.expires = context.now + limits::kInteractionLifetime;
  if (journey.pushed) {
    // A person takes longer to read than a pushed request lives; it stays single use.
    journey.pushed->expires = interaction.expires;
    auto kept = co_await store.put_pushed_request(*journey.pushed);
    if (!kept) co_return failure_page(issuer, kept.error());
  }
  if (flow::is_emergency(journey.request)) {
    auto noted =
        co_await note_emergency(context, journey.request.client.value, {}, model::AuditOutcome::success, "requested");
    if (!noted) co_return failure_page(issuer, noted.error());
  }
  auto stored = co_await store.put_interaction(std::move(interaction));
  if (!stored) co_return failure_page(issuer, stored.error());

  auto response = redirect_response(interaction_url(issuer, journey.id), journey.after_post);
  if (new_browser) login::set_cookie(response, issuer, login::CookieKind::browser, journey.browser);
  co_return response;
}

Error silent_error(Stand stand) {
  switch (stand) {
    case Stand::sign_in:
    case Stand::sign_in_again: return {ErrorCode::login_required, "The person has to sign in", {}};
    case Stand::pick: return {ErrorCode::interaction_required, "The person has to choose a record", {}};
    default: return {ErrorCode::consent_required, "The person has to be asked", {}};
  }
}

ConsentDuration duration_of(const flow::Context& context, const Journey& journey) {
  using namespace std::chrono;
  auto token = context.profile->access_token_lifetime;
  for (const auto& resource : journey.request.resources) {
    const auto* server = context.directory->by_audience(context.issuer.id(), resource);
    if (server != nullptr) token = std::min(token, duration_cast<seconds>(server->token_lifetime));
  }
  ConsentDuration out;
  out.minutes = std::max<std::int64_t>(1, duration_cast<minutes>(token).count());
  if (journey.plan.scopes.has(spec::smart::ScopeKind::online_access)) {
    out.session_hours = duration_cast<hours>(limits::kSessionAbsolute).count();
  }
  out.idle_days = std::max<std::int64_t>(1, duration_cast<hours>(context.profile->refresh_lifetime).count() / 24);
  return out;
}

}  // namespace

std::string interaction_url(const flow::IssuerRuntime& issuer, std::string_view id, std::string_view action) {
  std::string url = issuer.urls().interaction;
  url.append(1, '/').append(id);
  if (!action.empty()) url.append(1, '/').append(action);
  return url;
}

std::string form_token(const flow::IssuerRuntime& issuer, const Journey& journey, std::string_view purpose) {
  return login::csrf_token(issuer, {.browser = journey.browser,
                                    .session = journey.session ? journey.session->id_hash : Hash256{},
                                    .purpose = purpose,
                                    .subject = journey.id});
}

codec::Response redirect_response(std::string_view location, bool after_post) {
  codec::Response response;
  response.status = after_post ? 303 : 302;
  // Everything in it was percent-encoded or proven before; a header must still never be split (threat W-12).
  if (!codec::is_safe_header_value(location)) {
    response.status = 500;
    return response;
  }
  response.headers.reserve(8);
  response.headers.set("Location", location);
  add_redirect_headers(response);
  return response;
}

codec::Response answer_response(const flow::IssuerRuntime& issuer, const flow::AuthorizationAnswer& answer,
                                bool after_post) {
  if (answer.mode == policy::ResponseMode::query) return redirect_response(answer.location(), after_post);
  std::vector<std::pair<std::string, std::string>> fields;
  for (const auto& parameter : answer.parameters.list()) fields.emplace_back(parameter.name, parameter.value);
  return form_post_page(issuer, answer.uri, fields, true);
}

codec::Response failure_page(const flow::IssuerRuntime& issuer, const Error& error) {
  const int status = http_status(error.code);
  if (status == 503) {
    return error_page(
        issuer,
        {.status = 503, .text = "Something is busy right now. Please try again in a moment.", .retry_after_s = 2});
  }
  if (status >= 500) return error_page(issuer, {.status = 500, .text = "Something went wrong on our side."});
  return error_page(issuer,
                    {.status = status == 405 || status == 413 || status == 415 ? status : 400,
                     .text = error.client.empty() ? ClientText("The request does not make sense.") : error.client,
                     .code = wire_name(error.code)});
}

Task<Result<Standing>> load(flow::Context& context, Journey& journey) {
  auto& store = context.services.store;
  if (!journey.request.launch.empty() && !journey.launch) {
    auto ticket = co_await flow::resolve_launch(context, journey.request);
    if (!ticket && ticket.error().code != ErrorCode::invalid_request)
      co_return std::unexpected(std::move(ticket).error());
    if (!ticket) co_return Standing{Stand::refused, std::move(ticket).error()};
    journey.launch = std::move(*ticket);
  }
  const model::LaunchTicket* launch = journey.launch ? &*journey.launch : nullptr;
  const model::Interaction* interaction = journey.interaction ? &*journey.interaction : nullptr;

  switch (login::sign_in_state({.request = &journey.request,
                                .session = journey.session ? &*journey.session : nullptr,
                                .interaction = interaction,
                                .launch = launch,
                                .now = context.now})) {
    case login::SignIn::needed: co_return Standing{Stand::sign_in, {}};
    case login::SignIn::again: co_return Standing{Stand::sign_in_again, {}};
    case login::SignIn::other_person:
      if (launch != nullptr) {
        co_return Standing{
            Stand::refused,
            {ErrorCode::access_denied, "The app was started for another person", "launch of another user"}};
      }
      co_return Standing{Stand::refused,
                         {ErrorCode::login_required, "Another person signed in", "id_token_hint of another user"}};
    case login::SignIn::done: break;
  }

  if (!journey.looked_up) {
    MITRAL_CO_TRY(journey.user, co_await store.find_user(context.issuer.id(), journey.session->user));
  }
  if (!journey.user || !journey.user->enabled) co_return Standing{Stand::sign_in, {}};
  if (flow::is_emergency(journey.request)) co_return emergency_stand(journey);
  const bool consent_matters = login::consent_matters(journey.request, *journey.client, *context.profile);
  if (consent_matters && !journey.looked_up) {
    MITRAL_CO_TRY(journey.consent,
                  co_await store.find_consent(context.issuer.id(), journey.user->id, journey.client->id, context.now));
  }
  journey.plan = login::next_step({.request = &journey.request,
                                   .client = journey.client,
                                   .profile = &*context.profile,
                                   .user = &*journey.user,
                                   .interaction = interaction,
                                   .launch = launch,
                                   .consent = consent_matters && journey.consent ? &*journey.consent : nullptr,
                                   .now = context.now});
  switch (journey.plan.step) {
    case login::Step::pick: co_return Standing{Stand::pick, {}};
    case login::Step::consent: co_return Standing{Stand::consent, {}};
    case login::Step::finish: co_return Standing{Stand::finish, {}};
    case login::Step::refuse: break;
  }
  co_return Standing{Stand::refused, journey.plan.refusal};
}

Task<codec::Response> advance(flow::Context& context, Journey journey) {
  auto standing = co_await load(context, journey);
  if (!standing) co_return failure_page(context.issuer, standing.error());
  const Stand stand = standing->stand;
  if (stand == Stand::refused) co_return co_await refuse(context, journey, std::move(standing->error), "not_entitled");
  if (stand == Stand::finish) co_return co_await finish(context, journey, std::move(journey.plan.granted), {}, false);
  if (silent(journey.request)) co_return co_await refuse(context, journey, silent_error(stand), "silent");
  if (!journey.interaction) co_return co_await begin_interaction(context, journey);
  // After a POST the browser gets a page of its own, so that a reload repeats nothing.
  if (journey.after_post) co_return redirect_response(interaction_url(context.issuer, journey.id), true);
  switch (stand) {
    case Stand::pick: co_return show_picker(context, journey);
    case Stand::consent: co_return show_consent(context, journey, {});
    case Stand::emergency: co_return show_emergency(context, journey);
    default: co_return show_sign_in(context, journey, stand == Stand::sign_in_again, {});
  }
}

Task<codec::Response> finish(flow::Context& context, Journey& journey, spec::smart::ScopeSet granted,
                             std::vector<std::string> declined, bool asked) {
  flow::Approval approval;
  approval.request = &journey.request;
  approval.session = &*journey.session;
  approval.user = &*journey.user;
  approval.granted = std::move(granted);
  approval.declined = std::move(declined);
  if (journey.plan.record) approval.patient_id = journey.plan.record->patient_id;
  if (journey.launch) approval.launch = &*journey.launch;
  if (journey.interaction) approval.interaction = journey.interaction->handle;
  approval.asked = asked;
  auto code = co_await flow::complete_authorization(context, approval);
  if (!code) co_return failure_page(context.issuer, code.error());
  co_return answer_response(context.issuer, flow::code_answer(journey.request, *context.profile, *code),
                            journey.after_post);
}

Task<codec::Response> refuse(flow::Context& context, Journey& journey, Error error, std::string_view reason) {
  const std::string user = journey.session ? journey.session->user.value : std::string();
  if (journey.interaction) {
    auto ended = co_await flow::complete_refusal(context, journey.request, journey.interaction->handle, user, reason);
    if (!ended) co_return failure_page(context.issuer, ended.error());
  } else if (error.code == ErrorCode::access_denied || error.code == ErrorCode::invalid_request) {
    auto event = context.event(model::AuditKind::denial, model::AuditOutcome::denied);
    event.client = journey.request.client.value;
    event.user = user;
    event.reason = name(error.code);
    ports::Events events;
    events.push_back(std::move(event));
    auto written = co_await context.services.store.append(std::move(events));
    if (!written) co_return failure_page(context.issuer, written.error());
  }
  co_return answer_response(context.issuer, flow::error_answer(journey.request, *context.profile, error),
                            journey.after_post);
}

codec::Response show_sign_in(const flow::Context& context, const Journey& journey, bool again,
                             const SignInTrouble& trouble) {
  SignInPage page;
  page.client = journey.client;
  page.redirect_uri = journey.request.redirect_uri;
  page.sign_in = form_target(context, journey, kSignInForm);
  page.cancel = form_target(context, journey, kCancelForm);
  page.username = trouble.username.empty() ? journey.request.login_hint : trouble.username;
  page.problem = trouble.problem;
  page.again = again;
  page.status = trouble.status;
  page.retry_after_s = trouble.retry_after_s;
  return sign_in_page(context.issuer, page);
}

codec::Response show_picker(const flow::Context& context, const Journey& journey) {
  const auto people = login::records_of(*journey.user);
  PickerPage page;
  page.client = journey.client;
  page.redirect_uri = journey.request.redirect_uri;
  page.pick = form_target(context, journey, kPatientForm);
  page.cancel = form_target(context, journey, kCancelForm);
  page.people = people;
  return picker_page(context.issuer, page);
}

codec::Response show_consent(const flow::Context& context, const Journey& journey, const ConsentTicks& ticks) {
  const auto form = login::ConsentForm::make(journey.plan.scopes);
  ConsentPage page;
  page.client = journey.client;
  page.redirect_uri = journey.request.redirect_uri;
  page.decide = form_target(context, journey, kConsentForm);
  page.switch_user = form_target(context, journey, kSwitchForm);
  page.user = &*journey.user;
  page.record = journey.plan.record;
  page.clinician = policy::is_clinician(*journey.user);
  page.form = &form;
  page.ticked = [&](std::string_view value) {
    return ticks.first_time || std::ranges::find(ticks.values, value) != ticks.values.end();
  };
  page.offline_ticked = ticks.offline;
  page.duration = duration_of(context, journey);
  page.nothing_left = ticks.nothing_left;
  return consent_page(context.issuer, page);
}

}  // namespace mitral::web
