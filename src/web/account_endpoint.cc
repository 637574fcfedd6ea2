// /account: a person's own view of who can reach her records, and the end of it (SMART App Launch 2.2
// management_endpoint; smart-fhir 1.19).
//
//   GET  /account                  the page; not signed in: the sign-in in front of it
//   POST /account/sign-in          -> 303 /account
//   POST /account/apps/{grant}     ends all that the app of this grant has of her; an id that is not hers is the same
//                                  404 as one that does not exist
//   POST /account/end-sessions     ends all her sessions, this one too
//
// Order for every POST: from our own page, with the token of this browser and session (W-6), then whose it is.
#include <algorithm>

#include "base/limits.h"
#include "codec/fields.h"
#include "flow/emergency.h"
#include "login/browser.h"
#include "login/records.h"
#include "login/session.h"
#include "policy/scope_policy.h"
#include "web/browser_front.h"
#include "web/journey.h"
#include "web/pages/account_pages.h"
#include "web/pages/pages.h"
#include "web/pages/texts_en.h"

namespace mitral::web {
namespace {

constexpr std::string_view kSignIn = "sign-in";
constexpr std::string_view kEndSessions = "end-sessions";
constexpr std::string_view kApps = "apps/";
constexpr std::string_view kEndedQuery = "done=ended";
/// An emergency that nobody has reviewed, or that is newer than this, is pointed out.
constexpr auto kFresh = std::chrono::days(30);

std::string url(const flow::IssuerRuntime& issuer, std::string_view rest) {
  return issuer.urls().account + "/" + std::string(rest);
}

codec::Response stale_form(const flow::IssuerRuntime& issuer) {
  return error_page(issuer, {.status = 403,
                             .text = "This form was out of date. Go back, reload the page and try again.",
                             .code = "access_denied"});
}

codec::Response no_such_page(const flow::IssuerRuntime& issuer) {
  return error_page(issuer, {.status = 404, .text = "There is no such page."});
}

/// Who is signed in here, and the cookie that says so.
struct Here {
  std::string cookie;
  model::Session session;
  model::User user;
};

Task<Result<std::optional<Here>>> who_is_here(flow::Context& context) {
  std::optional<Here> nobody;
  MITRAL_CO_TRY(auto here, co_await login::current_sign_in(context.services, context.issuer, context.request,
                                                           std::nullopt, context.now));
  if (!here) co_return nobody;
  auto cookie = login::read_cookie(context.issuer, context.request, login::CookieKind::session);
  if (!cookie) co_return nobody;
  co_return Here{std::move(*cookie), std::move(here->session), std::move(here->user)};
}

FormTarget form_of(const flow::IssuerRuntime& issuer, const Here& here, std::string_view action,
                   std::string_view purpose) {
  return {url(issuer, action),
          login::csrf_token(
              issuer, {.browser = here.cookie, .session = here.session.id_hash, .purpose = purpose, .subject = {}})};
}

bool fits(const flow::Context& context, const login::CsrfScope& scope) {
  const auto token = context.form.count("csrf") == 1 ? context.form.get("csrf") : std::nullopt;
  return token && login::from_own_pages(context.issuer, context.request) &&
         login::csrf_token_fits(context.issuer, scope, *token);
}

bool her_form(const flow::Context& context, const Here& here, std::string_view purpose) {
  return fits(context, {.browser = here.cookie, .session = here.session.id_hash, .purpose = purpose, .subject = {}});
}

// ------------------------------------------------------------------------------------------ what the page shows

/// How a record is called: by the name that she knows.
std::string record_name(const std::vector<model::PatientAccess>& records, std::string_view id) {
  const auto at = std::ranges::find(records, id, &model::PatientAccess::patient_id);
  return at == records.end() || at->display.empty() ? std::string(id) : at->display;
}

/// Until when an access token of the grant may be alive when nothing renews it.
Instant token_end(const flow::Context& context, const model::Grant& grant) {
  Duration longest = limits::kAccessTokenLifetime;
  for (const auto& audience : grant.audiences) {
    const auto* server = context.directory->by_audience(grant.issuer, audience);
    if (server != nullptr) longest = std::max(longest, Duration(server->token_lifetime));
  }
  if (flow::is_emergency(grant)) return grant.expires;
  return std::min(grant.created + longest, grant.expires);
}

/// What one app has, from all grants to it that are alive.
struct AppLine {
  ClientId client;
  AccountApp app;
  spec::smart::ScopeSet scopes;
  std::vector<std::string> records;
};

/// A grant that is alive, and until when if nothing renews it.
struct LiveGrant {
  const model::Grant* grant = nullptr;
  const model::Client* client = nullptr;
  std::optional<model::RefreshFamily> family;
  Instant end;
};

/// Nothing when no token of it can be alive.
Task<Result<std::optional<LiveGrant>>> live(flow::Context& context, const model::Grant& grant) {
  std::optional<LiveGrant> gone;
  if (grant.revoked || grant.expires <= context.now) co_return gone;
  MITRAL_CO_TRY(const auto* client, context.directory->find(grant.issuer, grant.client.value));
  if (client == nullptr) co_return gone;  // deleted: its tokens died with it
  LiveGrant out{&grant, client, std::nullopt, token_end(context, grant)};
  MITRAL_CO_TRY(out.family, co_await context.services.store.find_family(grant.issuer, grant.id));
  if (out.family && (out.family->revoked || out.family->expires <= context.now)) out.family.reset();
  if (!out.family && out.end <= context.now) co_return gone;
  co_return std::optional(std::move(out));
}

/// Each use moves the end of the family; where that has met the grant's own end, the last rotation has to do.
std::optional<Instant> last_use(const flow::Context& context, const LiveGrant& live) {
  if (!live.family) return std::nullopt;
  const auto profile = policy::effective_profile(context.issuer.config().profile, live.client->profile);
  const Instant moved = live.family->expires - Duration(profile.refresh_lifetime);
  const bool free = live.family->expires < live.grant->expires;
  const Instant used = free ? std::max(moved, live.family->rotated) : live.family->rotated;
  return used > live.grant->created && used <= context.now ? std::optional(used) : std::nullopt;
}

void merge(AppLine& line, const flow::Context& context, const LiveGrant& live,
           const std::vector<model::PatientAccess>& records) {
  const model::Grant& grant = *live.grant;
  AccountApp& app = line.app;
  if (app.grant.empty()) {
    line.client = grant.client;
    app.grant = grant.id.text();
    app.name = client_title(*live.client);
    const auto& uris = live.client->redirect_uris;
    app.domain = client_domain(*live.client, uris.empty() ? std::string_view{} : uris.front());
    app.since = grant.created;
    if (!live.family) app.ends = live.end;
  }
  const auto patient = grant.context["patient"].string_or();
  if (auto name = record_name(records, patient);
      !patient.empty() && std::ranges::find(line.records, name) == line.records.end()) {
    line.records.push_back(std::move(name));
  }
  line.scopes = spec::smart::ScopeSet::unite(line.scopes, policy::scope_set(grant.scopes));
  app.since = std::min(app.since, grant.created);
  app.offline |= live.family && grant.offline;
  if (live.family) app.ends.reset();
  if (app.ends) app.ends = std::max(*app.ends, live.end);
  if (const auto used = last_use(context, live)) app.used = std::max(app.used.value_or(*used), *used);
}

Task<Result<std::vector<AccountApp>>> apps_of(flow::Context& context, const UserId& user,
                                              const std::vector<model::PatientAccess>& records) {
  std::vector<AppLine> lines;
  MITRAL_CO_TRY(const auto grants,
                co_await context.services.store.grants_of_user(context.issuer.id(), user, limits::kAccountGrantsMax));
  for (const auto& grant : grants) {
    MITRAL_CO_TRY(const auto alive, co_await live(context, grant));
    if (!alive) continue;
    auto line = std::ranges::find(lines, grant.client, &AppLine::client);
    if (line == lines.end()) {
      if (lines.size() >= limits::kAccountRowsMax) break;
      line = lines.emplace(lines.end());
    }
    merge(*line, context, *alive, records);
  }
  std::vector<AccountApp> out;
  for (auto& line : lines) {
    for (const auto& record : line.records) line.app.record.append(line.app.record.empty() ? "" : ", ").append(record);
    using spec::smart::ScopeKind;
    line.app.words = access_words(line.scopes);
    line.app.identity = line.scopes.has(ScopeKind::openid) || line.scopes.has(ScopeKind::fhir_user) ||
                        line.scopes.has(ScopeKind::profile);
    out.push_back(std::move(line.app));
  }
  co_return out;
}

Task<Result<void>> add_emergencies(flow::Context& context, AccountPage& page,
                                   const std::vector<model::PatientAccess>& records) {
  for (const auto& record : records) {
    MITRAL_CO_TRY(const auto found, co_await context.services.store.emergencies_of_patient(
                                        context.issuer.id(), record.patient_id, limits::kAccountRowsMax));
    for (const auto& one : found) {
      page.fresh_emergency |= !one.review || one.at + kFresh > context.now;
      AccountEmergency line;
      line.who = one.user_name.empty() ? one.fhir_user : one.user_name;
      line.app = one.client_name.empty() ? one.client.value : one.client_name;
      line.record = record_name(records, record.patient_id);
      line.at = one.at;
      line.reason = one.reason;
      if (one.review) line.verdict = one.review->verdict;
      page.emergencies.push_back(std::move(line));
    }
  }
  std::ranges::sort(page.emergencies, std::greater{}, &AccountEmergency::at);
  if (page.emergencies.size() > limits::kAccountRowsMax) page.emergencies.resize(limits::kAccountRowsMax);
  co_return Result<void>{};
}

Task<Result<AccountPage>> page_of(flow::Context& context, const Here& here) {
  const Issuer& issuer = context.issuer.id();
  auto& store = context.services.store;
  const auto records = login::records_of(here.user);
  AccountPage page;
  page.user = here.user.display_name.empty() ? here.user.username : here.user.display_name;
  // A clinician's list is of patients: of her own record alone she is told.
  auto own = records;
  if (policy::is_clinician(here.user))
    std::erase_if(own, [&](const auto& record) { return record.patient_id != login::own_record(here.user); });
  page.has_records = !own.empty();
  page.end_app = form_of(context.issuer, here, "apps", kApps);
  page.end_sessions = form_of(context.issuer, here, kEndSessions, kEndSessions);
  MITRAL_CO_TRY(page.apps, co_await apps_of(context, here.user.id, records));
  MITRAL_CO_CHECK(co_await add_emergencies(context, page, own));
  MITRAL_CO_TRY(const auto sessions,
                co_await store.sessions_of_user(issuer, here.user.id, context.now, limits::kAccountRowsMax));
  for (const auto& session : sessions) {
    if (session.last_seen + limits::kSessionIdle <= context.now) continue;
    page.sessions.push_back({session.auth_time, session.last_seen, session.id_hash == here.session.id_hash});
  }
  co_return page;
}

// ------------------------------------------------------------------------------------------------------ sign-in

/// The sign-in form of this browser, which gets a cookie for it if it has none.
codec::Response sign_in_form(const flow::Context& context, SignInPage page) {
  const auto& issuer = context.issuer;
  auto browser = login::read_cookie(issuer, context.request, login::CookieKind::browser);
  const bool fresh = !browser;
  if (fresh) browser = login::make_cookie_value(context.services.random);
  page.sign_in = {url(issuer, kSignIn),
                  login::csrf_token(issuer, {.browser = *browser, .session = {}, .purpose = "account", .subject = {}})};
  auto response = sign_in_page(issuer, page);
  if (fresh) login::set_cookie(response, issuer, login::CookieKind::browser, *browser);
  return response;
}

Task<codec::Response> post_sign_in(flow::Context& context, login::SignInThrottles& throttles) {
  const auto& issuer = context.issuer;
  const auto browser = login::read_cookie(issuer, context.request, login::CookieKind::browser);
  if (!browser || !fits(context, {.browser = *browser, .session = {}, .purpose = "account", .subject = {}}))
    co_return stale_form(issuer);
  auto before = co_await login::current_session(context.services, issuer, context.request, context.now);
  if (!before) co_return failure_page(issuer, before.error());
  std::string username(context.form.get("username").value_or(""));
  Secret password{std::string(context.form.get("password").value_or(""))};
  auto attempt = co_await login::try_sign_in(context, throttles, username, std::move(password), {}, std::move(*before));
  if (!attempt) co_return failure_page(issuer, attempt.error());
  using Outcome = login::Attempt::Outcome;
  switch (attempt->outcome) {
    case Outcome::signed_in: break;
    case Outcome::wrong:
      co_return sign_in_form(context, {.sign_in = {},
                                       .username = std::move(username),
                                       .problem = std::string(text_en("sign_in_bad")),
                                       .status = 403});
    case Outcome::wait: {
      const auto seconds = std::to_string(attempt->wait_s);
      co_return sign_in_form(context, {.sign_in = {},
                                       .username = std::move(username),
                                       .problem = fill(text_en("sign_in_wait"), {{"seconds", seconds}}),
                                       .status = 429,
                                       .retry_after_s = attempt->wait_s});
    }
    case Outcome::busy:
      co_return sign_in_form(context, {.sign_in = {},
                                       .username = std::move(username),
                                       .problem = std::string(text_en("sign_in_busy")),
                                       .status = 503,
                                       .retry_after_s = attempt->wait_s});
  }
  auto response = redirect_response(issuer.urls().account, true);
  login::set_cookie(response, issuer, login::CookieKind::session, attempt->session->cookie);
  co_return response;
}

// --------------------------------------------------------------------------------------------------------- acts

Task<codec::Response> end_app(flow::Context& context, const Here& here, std::string_view id) {
  const auto& issuer = context.issuer;
  auto& store = context.services.store;
  const auto grant_id = Id128::parse(id);
  if (!grant_id) co_return no_such_page(issuer);
  auto grant = co_await store.find_grant(issuer.id(), *grant_id);
  if (!grant) co_return failure_page(issuer, grant.error());
  if (!*grant || (*grant)->user != here.user.id) {
    // Only a made-up request names what the page did not show.
    auto event = context.event(model::AuditKind::denial, model::AuditOutcome::denied);
    event.user = here.user.id.value;
    event.reason = "grant_not_hers";
    ports::Events events;
    events.push_back(std::move(event));
    auto noted = co_await store.append(std::move(events));
    co_return noted ? no_such_page(issuer) : failure_page(issuer, noted.error());
  }
  auto event = context.event(model::AuditKind::revocation, model::AuditOutcome::success);
  event.user = here.user.id.value;
  event.client = (*grant)->client.value;
  event.grant = (*grant)->id.text();
  event.patient = (*grant)->context["patient"].string_or();
  event.reason = "ended_by_user";
  ports::Events events;
  events.push_back(std::move(event));
  // The page shows one line for all that the app has, so all of it ends.
  auto ended =
      co_await store.revoke_grants_of(issuer.id(), here.user.id, (*grant)->client, std::move(events), context.now);
  if (!ended) co_return failure_page(issuer, ended.error());
  co_return redirect_response(issuer.urls().account + "?" + std::string(kEndedQuery), true);
}

Task<codec::Response> end_all_sessions(flow::Context& context, const Here& here) {
  const auto& issuer = context.issuer;
  auto event = context.event(model::AuditKind::sign_out, model::AuditOutcome::success);
  event.user = here.user.id.value;
  event.reason = "all_sessions_by_user";
  ports::Events events;
  events.push_back(std::move(event));
  auto ended =
      co_await context.services.store.end_sessions_of_user(issuer.id(), here.user.id, std::move(events), context.now);
  if (!ended) co_return failure_page(issuer, ended.error());
  auto response = redirect_response(issuer.urls().account, true);
  login::clear_cookie(response, issuer, login::CookieKind::session);
  co_return response;
}

Task<codec::Response> show(flow::Context& context) {
  auto here = co_await who_is_here(context);
  if (!here) co_return failure_page(context.issuer, here.error());
  if (!*here) co_return sign_in_form(context, {});
  auto page = co_await page_of(context, **here);
  if (!page) co_return failure_page(context.issuer, page.error());
  if (context.request.query == kEndedQuery) page->news = AccountNews::app_ended;
  co_return account_page(context.issuer, *page);
}

}  // namespace

Task<codec::Response> BrowserFront::account(flow::Context& context, std::string_view rest) {
  const auto& issuer = context.issuer;
  if (!login::is_top_level(context.request)) {
    co_return failure_page(issuer, {ErrorCode::invalid_request, "This does not work inside another page.", "framed"});
  }
  const bool is_app = rest.starts_with(kApps);
  const bool known = rest.empty() || rest == kSignIn || rest == kEndSessions || is_app;
  if (!known) co_return no_such_page(issuer);
  if (context.request.method != codec::Method::post) {
    // A form's address that is opened by hand shows the page it belongs to.
    if (!rest.empty()) co_return redirect_response(issuer.urls().account, false);
    co_return co_await show(context);
  }
  if (rest.empty()) co_return no_such_page(issuer);
  if (!codec::has_media_type(context.request.headers, "application/x-www-form-urlencoded"))
    co_return error_page(issuer, 415, "This is not a form of ours.");
  auto form = codec::Form::parse(context.request.body);
  if (!form) co_return failure_page(issuer, form.error());
  context.form = std::move(*form);
  if (rest == kSignIn) co_return co_await post_sign_in(context, throttles_);
  auto here = co_await who_is_here(context);
  if (!here) co_return failure_page(issuer, here.error());
  // Signed out meanwhile, e.g. in another window: the page asks her to sign in.
  if (!*here) co_return redirect_response(issuer.urls().account, true);
  if (!her_form(context, **here, is_app ? kApps : rest)) co_return stale_form(issuer);
  if (is_app) co_return co_await end_app(context, **here, rest.substr(kApps.size()));
  co_return co_await end_all_sessions(context, **here);
}

}  // namespace mitral::web
