#include "flow/authorize/completion.h"

#include <algorithm>

#include "base/limits.h"
#include "fhir/r4.h"
#include "flow/handles.h"
#include "policy/scope_policy.h"
#include "spec/smart/launch_context.h"

namespace mitral::flow {
namespace {

using spec::smart::ScopeContext;
using spec::smart::ScopeKind;

/// The FHIR server among the resources of the request: fhirUser is told as a URL below it.
const model::ResourceServer* fhir_server(const Context& context, const model::AuthorizationRequest& request) {
  for (const auto& resource : request.resources) {
    const auto* server = context.directory->by_audience(request.issuer, resource);
    if (server != nullptr && server->fhir) return server;
  }
  return nullptr;
}

std::string absolute_fhir_user(const Context& context, const Approval& approval) {
  const auto& granted = approval.granted;
  // Whoever opens a record in an emergency is named to the gateway, whatever the app asked to know.
  const bool wanted = granted.has(ScopeKind::fhir_user) || granted.has(ScopeKind::profile) ||
                      granted.has_context(ScopeContext::user) || is_emergency(*approval.request);
  const auto* server = fhir_server(context, *approval.request);
  if (!wanted || server == nullptr || approval.user->fhir_user.empty()) return {};
  std::string url = server->audience;
  if (!url.ends_with('/')) url.append(1, '/');
  return url.append(approval.user->fhir_user);
}

model::AuditEvent user_event(const Context& context, const model::AuthorizationRequest& request, model::AuditKind kind,
                             model::AuditOutcome outcome, std::string user) {
  auto event = context.event(kind, outcome);
  event.client = request.client.value;
  event.user = std::move(user);
  return event;
}

model::Consent consent_of(const Context& context, const Approval& approval) {
  model::Consent consent;
  consent.issuer = approval.request->issuer;
  consent.user = approval.user->id;
  consent.client = approval.request->client;
  consent.scopes = policy::scope_list(approval.granted);
  consent.declined = approval.declined;
  consent.patient_id = approval.patient_id;
  consent.audience = approval.request->resources.empty() ? std::string() : approval.request->resources.front();
  consent.created = context.now;
  consent.expires = context.now + limits::kConsentLifetime;
  return consent;
}

}  // namespace

codec::Json launch_context(const Context& context, const Approval& approval) {
  spec::smart::LaunchContext full;
  if (approval.launch != nullptr) {
    // It was validated when the EHR handed it over; what does not read back now gives no context at all.
    if (auto parsed = spec::smart::from_json(approval.launch->context, fhir::resource_types()))
      full = std::move(*parsed);
    if (!full.need_patient_banner) full.need_patient_banner = true;
  }
  if (!approval.patient_id.empty()) full.patient = approval.patient_id;
  (void)context;
  return spec::smart::to_json(spec::smart::context_for(full, approval.granted));
}

Task<Result<std::string>> complete_authorization(const Context& context, const Approval& approval) {
  const model::AuthorizationRequest& request = *approval.request;
  if (is_emergency(request) != (approval.emergency != nullptr)) {
    co_return fail(ErrorCode::internal, {}, "emergency access without its proof, or a proof without need");
  }
  NewHandle code = make_handle(context.services.random, kCodePrefix, context.now);

  ports::AuthorizationStore::Completion act;
  act.interaction = approval.interaction;
  act.pushed_request = parse_hash_text(request.par);
  if (approval.launch != nullptr) act.launch = approval.launch->handle;
  model::AuthorizationCode& record = act.code.emplace();
  record.handle = code.stored;
  record.issuer = request.issuer;
  record.request = request;
  record.user = approval.user->id;
  record.sid = approval.session->sid;
  record.scopes = policy::scope_list(approval.granted);
  record.context = launch_context(context, approval);
  record.fhir_user = absolute_fhir_user(context, approval);
  record.auth_time = approval.session->auth_time;
  record.acr = approval.session->acr;
  record.amr = approval.session->amr;
  record.created = context.now;
  record.expires = context.now + context.profile->code_lifetime;

  ports::Events events;
  const auto scopes = policy::scope_text(record.scopes);
  if (approval.emergency != nullptr) {
    mark_code(record, *approval.emergency);
    act.emergency = approval.emergency->record();
    auto& event = events.emplace_back(context.event(model::AuditKind::emergency, model::AuditOutcome::success));
    event.reason = "approved";
    add_emergency_details(event, *act.emergency);
  }
  if (approval.asked) {
    act.consent = consent_of(context, approval);
    auto event =
        user_event(context, request, model::AuditKind::consent, model::AuditOutcome::success, approval.user->id.value);
    event.patient = approval.patient_id;
    event.reason = approval.declined.empty() ? "given" : "narrowed";
    event.details.emplace_back("scopes", scopes);
    events.push_back(std::move(event));
  }
  auto issued = user_event(context, request, model::AuditKind::code_issued, model::AuditOutcome::success,
                           approval.user->id.value);
  issued.patient = approval.patient_id;
  issued.details.emplace_back("scopes", scopes);
  events.push_back(std::move(issued));

  MITRAL_CO_TRY(const auto claim, co_await context.services.store.complete_authorization(
                                      request.issuer, std::move(act), std::move(events), context.now));
  if (claim != ports::Claim::won) {
    co_return fail(ErrorCode::conflict, "This request was answered before or has expired", "completion lost a claim");
  }
  context.services.metrics.codes_issued.add();
  if (approval.emergency != nullptr) context.services.metrics.emergencies.add();
  co_return std::move(code.text);
}

Task<Result<void>> complete_refusal(const Context& context, const model::AuthorizationRequest& request,
                                    const Hash256& interaction, std::string user, std::string_view reason) {
  ports::AuthorizationStore::Completion act;
  act.interaction = interaction;
  const auto kind = is_emergency(request) ? model::AuditKind::emergency : model::AuditKind::consent;
  auto event = user_event(context, request, kind, model::AuditOutcome::denied, std::move(user));
  event.reason = reason;
  ports::Events events;
  events.push_back(std::move(event));
  MITRAL_CO_TRY(const auto claim, co_await context.services.store.complete_authorization(
                                      request.issuer, std::move(act), std::move(events), context.now));
  if (claim != ports::Claim::won) {
    co_return fail(ErrorCode::conflict, "This request was answered before or has expired", "refusal lost its claim");
  }
  co_return Result<void>{};
}

}  // namespace mitral::flow
