#include "flow/authorize/launch_ticket.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/text.h"
#include "codec/uri.h"
#include "fhir/r4.h"
#include "flow/handles.h"
#include "policy/scope_policy.h"
#include "spec/smart/launch_context.h"

namespace mitral::flow {
namespace {

std::unexpected<Error> refuse(std::string detail) {
  return fail(ErrorCode::invalid_request, "The launch request does not fit app, user or server", std::move(detail));
}

/// A person who is a patient may only be handed records that are hers to open; a clinician's EHR answers for its own.
bool may_open(const model::User& user, const std::string& patient) {
  if (policy::is_clinician(user) || user.fhir_user == "Patient/" + patient) return true;
  return std::ranges::any_of(user.patients, [&](const model::PatientAccess& p) { return p.patient_id == patient; });
}

Task<Result<model::User>> find_user(Context& context, std::string_view name) {
  auto& store = context.services.store;
  MITRAL_CO_TRY(auto user, co_await store.find_user_by_name(context.issuer.id(), codec::to_lower(name)));
  if (!user) {
    MITRAL_CO_TRY(user, co_await store.find_user(context.issuer.id(), UserId(name)));
  }
  if (!user || !user->enabled) co_return refuse("launch for an unknown or disabled user");
  co_return std::move(*user);
}

std::string launch_url(const std::string& registered, const std::string& audience, const std::string& handle) {
  codec::Form query;
  query.add("iss", audience).add("launch", handle);
  return codec::with_query(registered, query);
}

}  // namespace

Task<Result<MadeLaunch>> make_launch(Context& context, std::string style_url) {
  if (!context.client) co_return fail(ErrorCode::invalid_client, "Client authentication is needed");
  const model::Client& ehr = context.client->record();
  if (context.client->is_public() || std::ranges::find(ehr.scopes, kLaunchScope) == ehr.scopes.end()) {
    co_return fail(ErrorCode::unauthorized_client, "The client may not launch apps");
  }
  const auto app_id = context.form.get("app");
  const auto user_name = context.form.get("user");
  const auto audience = context.form.get("aud");
  const auto context_text = context.form.get("context");
  if (!app_id || !user_name || !audience) co_return fail(ErrorCode::invalid_request, "app, user and aud are needed");

  MITRAL_CO_TRY(const auto* app, context.directory->find(context.issuer.id(), *app_id));
  if (app == nullptr || !app->enabled || app->launch_urls.empty())
    co_return refuse("app unknown or without launch URL");
  const auto wanted = context.form.get("launch_url");
  const auto url = wanted ? std::ranges::find(app->launch_urls, *wanted) : app->launch_urls.begin();
  if (url == app->launch_urls.end()) co_return refuse("launch_url is not one that the app registered");
  const auto* server = context.directory->by_audience(context.issuer.id(), *audience);
  if (server == nullptr || !server->enabled || !server->fhir) co_return refuse("aud is no FHIR server of this issuer");
  if (!app->resources.empty() && std::ranges::find(app->resources, server->audience) == app->resources.end()) {
    co_return refuse("app may not use this server");
  }
  MITRAL_CO_TRY(const auto json, codec::Json::parse_object(context_text.value_or("{}"), codec::kJoseJson));
  auto parsed = spec::smart::from_json(json, fhir::resource_types());
  if (!parsed)
    co_return fail(ErrorCode::invalid_request, "The launch context is not valid", std::move(parsed).error().detail);
  if (!parsed->need_patient_banner) parsed->need_patient_banner = true;
  if (!parsed->smart_style_url) parsed->smart_style_url = std::move(style_url);
  MITRAL_CO_TRY(const auto user, co_await find_user(context, *user_name));
  if (parsed->patient && !may_open(user, *parsed->patient)) co_return refuse("user may not open this record");

  MadeLaunch made;
  auto handle = make_handle(context.services.random, kLaunchPrefix, context.now);
  made.handle = std::move(handle.text);
  made.url = launch_url(*url, server->audience, made.handle);
  made.expires_in = std::chrono::duration_cast<std::chrono::seconds>(limits::kLaunchLifetime).count();
  model::LaunchTicket ticket;
  ticket.handle = handle.stored;
  ticket.issuer = context.issuer.id();
  ticket.client = app->id;
  ticket.user = user.id;
  ticket.audience = server->audience;
  ticket.context = spec::smart::to_json(*parsed);
  ticket.expires = context.now + limits::kLaunchLifetime;

  auto event = context.event(model::AuditKind::launch, model::AuditOutcome::success);
  event.client = ehr.id.value;
  event.user = user.id.value;
  if (parsed->patient) event.patient = *parsed->patient;
  event.details.emplace_back("app", app->id.value);
  ports::Events events;
  events.push_back(std::move(event));
  MITRAL_CO_CHECK(co_await context.services.store.put_launch(std::move(ticket), std::move(events)));
  co_return made;
}

Task<Result<model::LaunchTicket>> resolve_launch(const Context& context, const model::AuthorizationRequest& request) {
  const auto bad = [] {
    return fail(ErrorCode::invalid_request, "The launch value is not valid", "launch not resolved");
  };
  const auto handle = parse_hash_text(request.launch);
  if (!handle) co_return bad();
  MITRAL_CO_TRY(auto ticket, co_await context.services.store.find_launch(request.issuer, *handle, context.now));
  if (!ticket || ticket->expires <= context.now || ticket->client != request.client) co_return bad();
  if (std::ranges::find(request.resources, ticket->audience) == request.resources.end()) co_return bad();
  co_return std::move(*ticket);
}

}  // namespace mitral::flow
