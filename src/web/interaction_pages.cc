// The pages of one interaction: /interaction/{id} and its forms.
//
// Order for every request: the id names a living interaction of this issuer; its browser cookie fits (BU-3); for a POST
// the request comes from our own page and carries the token of this form, interaction, browser and session (W-6). Then
// the registration is looked at again: a client that was disabled meanwhile ends here.
#include <algorithm>

#include "base/secret.h"
#include "codec/fields.h"
#include "flow/authorization_request.h"
#include "flow/handles.h"
#include "flow/steps/parse.h"
#include "login/browser.h"
#include "login/records.h"
#include "web/browser_front.h"
#include "web/emergency_journey.h"
#include "web/journey.h"
#include "web/pages/pages.h"
#include "web/pages/texts_en.h"

namespace mitral::web {
namespace {

Error gone() {
  return {ErrorCode::invalid_request, "This page is too old, or it was opened in another browser.",
          "interaction not found or foreign"};
}

/// The interaction of this URL, for the browser that began it.
Task<Result<Journey>> resume(flow::Context& context, std::string_view id) {
  Journey journey;
  journey.id = id;
  journey.after_post = context.request.method == codec::Method::post;
  const auto browser = login::read_cookie(context.issuer, context.request, login::CookieKind::browser);
  const auto handle = flow::stored_handle(id, "");
  if (!browser || !handle) co_return std::unexpected(gone());
  journey.browser = *browser;
  MITRAL_CO_TRY(journey.interaction,
                co_await context.services.store.find_interaction(context.issuer.id(), *handle, context.now));
  if (!journey.interaction || journey.interaction->expires <= context.now) co_return std::unexpected(gone());
  const Hash256 mine = flow::hash_of(journey.browser);
  if (!constant_time_equal(as_view(journey.interaction->browser), as_view(mine))) co_return std::unexpected(gone());

  journey.request = journey.interaction->request;
  MITRAL_CO_TRY(journey.client, context.directory->find(context.issuer.id(), journey.request.client.value));
  if (journey.client == nullptr || !journey.client->enabled) co_return std::unexpected(gone());
  // The registration may have changed since: the address must still be the client's before anything is sent there.
  codec::Form form;
  if (journey.request.redirect_uri_sent) form.add("redirect_uri", journey.request.redirect_uri);
  context.candidate = journey.client;
  context.profile = policy::effective_profile(context.issuer.config().profile, journey.client->profile);
  const auto redirect = flow::verify_redirect(*journey.client, form, *context.profile);
  if (!redirect || redirect->uri() != journey.request.redirect_uri) co_return std::unexpected(gone());
  MITRAL_CO_TRY(journey.session,
                co_await login::current_session(context.services, context.issuer, context.request, context.now));
  co_return journey;
}

/// Where the person goes when a form came with a stale or foreign token: back to the page, with a fresh form. Nothing
/// is done.
codec::Response start_over(const flow::Context& context) {
  return error_page(context.issuer, {.status = 403,
                                     .text = "This form was out of date. Go back, reload the page and try again.",
                                     .code = "access_denied"});
}

bool token_fits(const flow::Context& context, const Journey& journey, std::string_view purpose) {
  const auto token = context.form.count("csrf") == 1 ? context.form.get("csrf") : std::nullopt;
  return token && login::csrf_token_fits(context.issuer,
                                         {.browser = journey.browser,
                                          .session = journey.session ? journey.session->id_hash : Hash256{},
                                          .purpose = purpose,
                                          .subject = journey.id},
                                         *token);
}

Task<codec::Response> post_sign_in(flow::Context& context, Journey journey, login::SignInThrottles& throttles) {
  const std::string username(context.form.get("username").value_or(""));
  Secret password{std::string(context.form.get("password").value_or(""))};
  const bool again = journey.session.has_value();
  auto attempt = co_await login::try_sign_in(context, throttles, username, std::move(password),
                                             journey.client->id.value, journey.session);
  if (!attempt) co_return failure_page(context.issuer, attempt.error());
  using Outcome = login::Attempt::Outcome;
  if (attempt->outcome == Outcome::wrong) {
    co_return show_sign_in(
        context, journey, again,
        {.problem = std::string(text_en("sign_in_bad")), .username = username, .status = 403, .retry_after_s = 0});
  }
  if (attempt->outcome == Outcome::wait) {
    const auto seconds = std::to_string(attempt->wait_s);
    co_return show_sign_in(context, journey, again,
                           {.problem = fill(text_en("sign_in_wait"), {{"seconds", seconds}}),
                            .username = username,
                            .status = 429,
                            .retry_after_s = attempt->wait_s});
  }
  if (attempt->outcome == Outcome::busy) {
    co_return show_sign_in(context, journey, again,
                           {.problem = std::string(text_en("sign_in_busy")),
                            .username = username,
                            .status = 503,
                            .retry_after_s = attempt->wait_s});
  }

  journey.session = attempt->session->session;
  journey.interaction->session = journey.session->id_hash;
  journey.interaction->reauthenticated = true;
  journey.interaction->patient_id.clear();  // whoever chose before may have been somebody else
  auto stored = co_await context.services.store.put_interaction(*journey.interaction);
  const std::string cookie = attempt->session->cookie;
  const auto& issuer = context.issuer;
  codec::Response response;
  if (stored) {
    response = co_await advance(context, std::move(journey));
  } else {
    response = failure_page(issuer, stored.error());
  }
  login::set_cookie(response, issuer, login::CookieKind::session, cookie);
  co_return response;
}

Task<codec::Response> post_patient(flow::Context& context, Journey journey) {
  auto standing = co_await load(context, journey);
  if (!standing) co_return failure_page(context.issuer, standing.error());
  const bool may_pick =
      standing->stand == Stand::pick || standing->stand == Stand::consent || standing->stand == Stand::finish;
  if (!may_pick) co_return co_await advance(context, std::move(journey));
  const auto chosen = context.form.count("patient") == 1 ? context.form.get("patient") : std::nullopt;
  if (!chosen || !login::record(*journey.user, *chosen)) {
    // Only a made-up form names a record that was not offered (threat S-5).
    auto event = context.event(model::AuditKind::denial, model::AuditOutcome::denied);
    event.user = journey.user->id.value;
    event.reason = "record_not_offered";
    ports::Events events;
    events.push_back(std::move(event));
    auto noted = co_await context.services.store.append(std::move(events));
    if (!noted) co_return failure_page(context.issuer, noted.error());
    co_return error_page(context.issuer,
                         {.status = 403, .text = "This record is not open to you.", .code = "access_denied"});
  }
  journey.interaction->patient_id = *chosen;
  auto stored = co_await context.services.store.put_interaction(*journey.interaction);
  if (!stored) co_return failure_page(context.issuer, stored.error());
  co_return co_await advance(context, std::move(journey));
}

Task<codec::Response> post_consent(flow::Context& context, Journey journey) {
  const bool deny = context.form.count("decision") == 1 && context.form.get("decision") == "deny";
  if (deny) {
    co_return co_await refuse(context, journey, {ErrorCode::access_denied, "The person did not allow it", {}},
                              "denied");
  }
  auto standing = co_await load(context, journey);
  if (!standing) co_return failure_page(context.issuer, standing.error());
  // What she ticked on this page counts, even if another window has left an answer to remember meanwhile.
  if (standing->stand != Stand::consent && standing->stand != Stand::finish)
    co_return co_await advance(context, std::move(journey));
  if (context.form.count("decision") != 1 || context.form.get("decision") != "allow") co_return start_over(context);

  ConsentTicks ticks;
  ticks.first_time = false;
  for (const auto value : context.form.all("share")) ticks.values.emplace_back(value);
  ticks.offline = context.form.get("offline") == "yes";
  const auto form = login::ConsentForm::make(journey.plan.scopes);
  auto granted = form.grant(
      {.ticked = [&](std::string_view value) { return std::ranges::find(ticks.values, value) != ticks.values.end(); },
       .offline = ticks.offline});
  if (!granted) co_return failure_page(context.issuer, granted.error());
  const bool any_data =
      std::ranges::any_of(granted->items(), [](const auto& s) { return s.kind == spec::smart::ScopeKind::resource; });
  if (form.has_data() && !any_data) {
    ticks.nothing_left = true;
    co_return show_consent(context, journey, ticks);
  }
  auto declined = form.declined(*granted);
  co_return co_await finish(context, journey, std::move(*granted), std::move(declined), true);
}

/// "Not you?": the sign-in page again. The session stays until somebody else has signed in.
Task<codec::Response> post_switch(flow::Context& context, Journey journey) {
  journey.interaction->session = Hash256{};
  journey.interaction->reauthenticated = false;
  journey.interaction->patient_id.clear();
  auto& prompt = journey.interaction->request.prompt;
  if (std::ranges::find(prompt, "login") == prompt.end()) prompt.emplace_back("login");
  auto stored = co_await context.services.store.put_interaction(*journey.interaction);
  if (!stored) co_return failure_page(context.issuer, stored.error());
  co_return redirect_response(interaction_url(context.issuer, journey.id), true);
}

Task<codec::Response> post(flow::Context& context, Journey journey, std::string_view form,
                           login::SignInThrottles& throttles) {
  if (!login::from_own_pages(context.issuer, context.request) || !token_fits(context, journey, form)) {
    auto event = context.event(model::AuditKind::denial, model::AuditOutcome::denied);
    event.reason = "csrf";
    ports::Events events;
    events.push_back(std::move(event));
    auto noted = co_await context.services.store.append(std::move(events));
    co_return noted ? start_over(context) : failure_page(context.issuer, noted.error());
  }
  if (form == kSignInForm) co_return co_await post_sign_in(context, std::move(journey), throttles);
  if (form == kPatientForm) co_return co_await post_patient(context, std::move(journey));
  if (form == kConsentForm) co_return co_await post_consent(context, std::move(journey));
  if (form == kSwitchForm) co_return co_await post_switch(context, std::move(journey));
  if (form == kEmergencyForm) co_return co_await post_emergency(context, std::move(journey));
  // Cancel: nobody's session is touched (KC CVE-2023-6787).
  co_return co_await refuse(context, journey, {ErrorCode::access_denied, "The person cancelled", {}}, "cancelled");
}

}  // namespace

Task<codec::Response> BrowserFront::interaction(flow::Context& context, std::string_view rest) {
  const auto& issuer = context.issuer;
  if (!login::is_top_level(context.request)) {
    co_return failure_page(issuer,
                           {ErrorCode::invalid_request, "Signing in does not work inside another page.", "framed"});
  }
  const auto slash = rest.find('/');
  const auto id = rest.substr(0, slash);
  const auto form = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  const bool is_post = context.request.method == codec::Method::post;
  constexpr std::string_view kForms[] = {kSignInForm, kPatientForm, kConsentForm,
                                         kCancelForm, kSwitchForm,  kEmergencyForm};
  const bool known = slash == std::string_view::npos ? !is_post : std::ranges::find(kForms, form) != std::end(kForms);
  if (!known) co_return error_page(issuer, 404, "There is no such page.");
  if (is_post) {
    if (!codec::has_media_type(context.request.headers, "application/x-www-form-urlencoded")) {
      co_return error_page(issuer, 415, "This is not a form of ours.");
    }
    // Names may repeat here (one "share" per tick), so the strict parser of the protocol endpoints does not fit.
    auto parsed = codec::Form::parse(context.request.body, limits::kFormBytesMax, limits::kConsentFormParametersMax);
    if (!parsed) co_return failure_page(issuer, parsed.error());
    context.form = std::move(*parsed);
  }
  auto journey = co_await resume(context, id);
  if (!journey) co_return failure_page(issuer, journey.error());
  // A form's address that is opened or reloaded by hand shows the page it belongs to.
  if (!is_post && !form.empty()) co_return redirect_response(interaction_url(issuer, id), false);
  if (!is_post) co_return co_await advance(context, std::move(*journey));
  co_return co_await post(context, std::move(*journey), form, throttles_);
}

}  // namespace mitral::web
