#include "flow/emergency.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/base64url.h"
#include "codec/text.h"
#include "crypto/hash.h"
#include "fhir/r4.h"
#include "model/audit_event.h"
#include "policy/scope_policy.h"

namespace mitral::flow {
namespace {

using spec::smart::Perms;
using spec::smart::ScopeContext;
using spec::smart::ScopeKind;
using spec::smart::ScopeSet;

/// Member of AuthorizationRequest::extra inside a code: id of the emergency access.
constexpr std::string_view kEmergencyId = "emergency_id";
constexpr Perms kReading{Perms::kRead | Perms::kSearch};

/// One line without runs of white space, so that a reviewer reads what is there and nothing else.
std::string one_line(std::string_view text) {
  std::string out;
  bool space = false;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      space = !out.empty();
      continue;
    }
    if (space) out.push_back(' ');
    space = false;
    out.push_back(c);
  }
  return out;
}

std::unexpected<Error> denied(std::string detail) {
  return fail(ErrorCode::access_denied, "Emergency access is not possible here", std::move(detail));
}

}  // namespace

bool is_emergency(const model::AuthorizationRequest& request) noexcept {
  return request.extra[kPurposeOfUse].string_or() == kEmergencyPurpose;
}

bool is_emergency(const model::Grant& grant) noexcept { return grant.purpose == kEmergencyPurpose; }

bool may_ask_for_emergency(const model::Client& client) noexcept {
  return client.emergency_access && !client.is_public();
}

bool may_break_glass(const model::User& user) noexcept {
  const std::string_view who = user.fhir_user;
  return user.enabled && std::ranges::find(user.roles, kEmergencyRole) != user.roles.end() &&
         (who.starts_with("Practitioner/") || who.starts_with("PractitionerRole/"));
}

bool signed_in_for_emergency(const model::Interaction* interaction, const model::Session& session,
                             Instant now) noexcept {
  return interaction != nullptr && interaction->reauthenticated && interaction->session == session.id_hash &&
         session.auth_time >= interaction->created && session.auth_time + limits::kEmergencySignInAge > now;
}

ScopeSet emergency_scopes(const ScopeSet& asked) {
  ScopeSet out;
  for (const auto& scope : asked.items()) {
    switch (scope.kind) {
      case ScopeKind::resource:
        if (scope.context != ScopeContext::patient) break;
        if (auto reading = spec::smart::with_perms(scope, scope.perms & kReading)) out.add(std::move(*reading));
        break;
      case ScopeKind::openid:
      case ScopeKind::fhir_user:
      case ScopeKind::profile:
      case ScopeKind::launch: out.add(scope); break;
      case ScopeKind::launch_context:
        if (scope.launch_type == "patient") out.add(scope);
        break;
      case ScopeKind::offline_access:
      case ScopeKind::online_access:
      case ScopeKind::other: break;
    }
  }
  return out;
}

Result<void> check_purpose(const codec::Form& parameters, const model::Client& client,
                           const ports::Directory& directory, model::AuthorizationRequest& request) {
  const auto count = parameters.count(kPurposeOfUse);
  if (count == 0) return {};
  if (count != 1 || parameters.get(kPurposeOfUse) != kEmergencyPurpose) {
    return fail(ErrorCode::invalid_request, "This purpose_of_use is not supported");
  }
  if (!may_ask_for_emergency(client)) {
    return fail(ErrorCode::access_denied, "This client may not ask for emergency access",
                "purpose_of_use=ETREAT of a client without emergency_access");
  }
  if (std::ranges::find(request.prompt, "none") != request.prompt.end()) {
    return fail(ErrorCode::invalid_request, "Emergency access can't be had with prompt=none");
  }
  const auto* const server =
      request.resources.size() == 1 ? directory.by_audience(request.issuer, request.resources.front()) : nullptr;
  if (server == nullptr || !server->fhir) {
    return fail(ErrorCode::invalid_target, "Emergency access is to one FHIR server");
  }
  const ScopeSet scopes = emergency_scopes(policy::scope_set(request.scopes));
  if (!scopes.has_context(ScopeContext::patient)) {
    return fail(ErrorCode::invalid_scope, "Emergency access needs a patient/ scope for reading");
  }
  request.scopes = policy::scope_list(scopes);
  request.extra.set(kPurposeOfUse, kEmergencyPurpose);
  return {};
}

std::string_view launched_patient(const model::LaunchTicket* launch) noexcept {
  return launch == nullptr ? std::string_view{} : launch->context["patient"].string_or();
}

EmergencyProblem problem_of(const EmergencyStatement& statement, std::string_view launched) {
  if (launched.empty() && !fhir::is_id(codec::trim(statement.patient_id))) return EmergencyProblem::patient;
  if (!model::parse_emergency_reason(statement.reason)) return EmergencyProblem::reason;
  const std::string text = one_line(statement.text);
  if (text.size() < limits::kEmergencyStatementMin || !codec::display_name_safe(text, limits::kEmergencyStatementMax))
    return EmergencyProblem::text;
  return statement.confirmed ? EmergencyProblem::none : EmergencyProblem::confirmation;
}

struct EmergencyStep {
  static Result<EmergencyApproval> approve(const EmergencyFacts& facts, const EmergencyStatement& statement,
                                           Random& random) {
    const auto& request = *facts.request;
    if (!is_emergency(request) || !may_ask_for_emergency(*facts.client)) return denied("client may not");
    if (!may_break_glass(*facts.user) || facts.session->user != facts.user->id) return denied("user may not");
    if (!signed_in_for_emergency(facts.interaction, *facts.session, facts.now)) return denied("sign-in is not fresh");
    const auto launched = launched_patient(facts.launch);
    if (problem_of(statement, launched) != EmergencyProblem::none) return denied("statement is not complete");
    EmergencyApproval out;
    model::EmergencyAccess& record = out.record_;
    record.id = Id128::random(random);
    record.issuer = request.issuer;
    record.client = request.client;
    record.client_name = facts.client->name;
    record.user = facts.user->id;
    record.user_name = facts.user->display_name.empty() ? facts.user->username : facts.user->display_name;
    record.fhir_user = facts.user->fhir_user;
    record.patient_id = launched.empty() ? codec::trim(statement.patient_id) : launched;
    record.audience = request.resources.front();
    record.scopes = policy::scope_list(emergency_scopes(policy::scope_set(request.scopes)));
    record.reason = *model::parse_emergency_reason(statement.reason);
    record.statement = one_line(statement.text);
    record.address = facts.address;
    record.at = facts.now;
    record.expires = facts.now + limits::kEmergencyTokenLifetime;
    return out;
  }
};

Result<EmergencyApproval> approve_emergency(const EmergencyFacts& facts, const EmergencyStatement& statement,
                                            Random& random) {
  return EmergencyStep::approve(facts, statement, random);
}

void mark_code(model::AuthorizationCode& code, const EmergencyApproval& approval) {
  code.request.extra.set(kEmergencyId, approval.record().id.text());
}

std::string_view emergency_code_problem(const model::AuthorizationCode& code, const model::Client& client) {
  if (!is_emergency(code.request)) return {};
  if (!may_ask_for_emergency(client)) return "emergency_of_client_without_right";
  return Id128::parse(code.request.extra[kEmergencyId].string_or()) ? std::string_view{} : "emergency_without_record";
}

void mark_grant(model::Grant& grant, const model::AuthorizationCode& code) {
  if (!is_emergency(code.request)) return;
  grant.purpose = kEmergencyPurpose;
  grant.id = Id128::parse(code.request.extra[kEmergencyId].string_or()).value_or(grant.id);
  grant.offline = false;
  grant.expires = code.created + limits::kEmergencyTokenLifetime;
}

void add_emergency_details(model::AuditEvent& event, const model::EmergencyAccess& access) {
  event.client = access.client.value;
  event.user = access.user.value;
  event.patient = access.patient_id;
  event.grant = access.id.text();
  event.details.emplace_back("purpose_of_use", kEmergencyPurpose);
  event.details.emplace_back("emergency_reason", name(access.reason));
  event.details.emplace_back("statement_sha256", codec::base64url_encode(crypto::sha256(access.statement)));
  event.details.emplace_back("scopes", policy::scope_text(access.scopes));
}

}  // namespace mitral::flow
