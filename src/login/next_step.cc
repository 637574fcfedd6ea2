#include "login/next_step.h"

#include <algorithm>

#include "codec/uri.h"
#include "flow/emergency.h"
#include "login/records.h"
#include "policy/scope_policy.h"

namespace mitral::login {
namespace {

using spec::smart::Perms;
using spec::smart::ScopeContext;
using spec::smart::ScopeKind;
using spec::smart::ScopeSet;

bool prompts(const model::AuthorizationRequest& request, std::string_view word) {
  return std::ranges::find(request.prompt, word) != request.prompt.end();
}

bool changes_data(const ScopeSet& scopes) {
  constexpr Perms kChange{Perms::kCreate | Perms::kUpdate | Perms::kDelete};
  return std::ranges::any_of(
      scopes.items(), [&](const auto& s) { return s.kind == ScopeKind::resource && !(s.perms & kChange).empty(); });
}

/// Who gets the code is certain: the client authenticates, or only its owner can receive at an https redirect URI.
bool is_certain(const model::Client& client, const std::string& redirect_uri, const ScopeSet& scopes) {
  if (!client.is_public()) return true;
  return codec::is_https_url(redirect_uri) && !changes_data(scopes);
}

bool asks_offline(const model::AuthorizationRequest& request) {
  return policy::scope_set(request.scopes).has(ScopeKind::offline_access);
}

/// What she agreed to before answers this request too.
bool covers(const model::Consent& consent, const StepFacts& facts, const Plan& plan) {
  const auto& request = *facts.request;
  if (consent.expires <= facts.now || consent.user != facts.user->id || consent.client != facts.client->id)
    return false;
  const std::string_view audience = request.resources.empty() ? std::string_view() : request.resources.front();
  if (request.resources.size() > 1 || consent.audience != audience) return false;
  // A clinician decides about the app, whoever the patient is; anybody else decides about one person's record.
  const std::string record = plan.record ? plan.record->patient_id : std::string();
  if (consent.patient_id != record && !policy::is_clinician(*facts.user)) return false;
  const ScopeSet agreed = policy::scope_set(consent.scopes);
  return std::ranges::all_of(plan.scopes.items(), [&](const auto& scope) {
    return agreed.covers(scope) || std::ranges::find(consent.declined, scope.text) != consent.declined.end();
  });
}

Plan refuse(Plan plan, ClientText text, std::string detail) {
  plan.step = Step::refuse;
  plan.refusal = Error{ErrorCode::access_denied, text, std::move(detail)};
  return plan;
}

/// The record that the EHR had open. A clinician's EHR answers for its own; anybody else needs it among her records.
std::optional<model::PatientAccess> launched_record(const StepFacts& facts, bool& forbidden) {
  if (facts.launch == nullptr) return std::nullopt;
  const auto id = facts.launch->context["patient"].string_or();
  if (id.empty()) return std::nullopt;
  if (auto known = record(*facts.user, id)) return known;
  forbidden = !policy::is_clinician(*facts.user);
  if (forbidden) return std::nullopt;
  return model::PatientAccess{std::string(id), "Patient " + std::string(id), "", ""};
}

}  // namespace

bool consent_matters(const model::AuthorizationRequest& request, const model::Client& client,
                     const policy::Profile& profile) {
  return client.dedicated_consent || (profile.offline_needs_consent && asks_offline(request));
}

SignIn sign_in_state(const SignInFacts& facts) {
  const auto& request = *facts.request;
  if (facts.session == nullptr) return SignIn::needed;
  const model::Session& session = *facts.session;
  const bool fresh = facts.interaction != nullptr && facts.interaction->reauthenticated &&
                     facts.interaction->session == session.id_hash;
  const auto hinted = request.extra[kHintSubject].string_or();
  const bool right_person = (hinted.empty() || hinted == session.user.value) &&
                            (facts.launch == nullptr || facts.launch->user == session.user);
  if (fresh && !right_person) return SignIn::other_person;
  if (flow::is_emergency(request)) {
    // Whoever sits at an open session is not enough: the password, in this interaction, just now (threat S-21).
    return flow::signed_in_for_emergency(facts.interaction, session, facts.now) ? SignIn::done : SignIn::again;
  }
  if (fresh) return SignIn::done;
  if (!right_person) return SignIn::needed;
  if (prompts(request, "login") || prompts(request, "select_account")) return SignIn::again;
  if (request.max_age && session.auth_time + std::chrono::seconds(*request.max_age) < facts.now) return SignIn::again;
  return SignIn::done;
}

Plan next_step(const StepFacts& facts) {
  Plan plan;
  const auto& request = *facts.request;
  model::User user = *facts.user;
  user.patients = records_of(user);
  const ScopeSet asked = policy::scope_set(request.scopes);
  plan.scopes = policy::within_user(asked, user);
  if (plan.scopes.empty() && !asked.empty()) {
    const bool wanted_record = asked.has_context(ScopeContext::patient) || asked.has_launch("patient");
    if (wanted_record && user.patients.empty()) {
      return refuse(std::move(plan), "There is no health record for this person", "no record to choose from");
    }
    return refuse(std::move(plan), "This person can grant nothing of what was asked for", "no scope fits the user");
  }

  // Asked before the scopes were cut: an app for patients is told "denied", not given a sign-in without data.
  const bool needs_record = asked.has_context(ScopeContext::patient) || asked.has_launch("patient");
  bool forbidden = false;
  plan.record = launched_record(facts, forbidden);
  if (forbidden)
    return refuse(std::move(plan), "This record is not open to this person", "launched record is not the user's");
  if (!plan.record && needs_record) {
    if (user.patients.empty()) {
      return refuse(std::move(plan), "There is no health record for this person", "no record to choose from");
    }
    if (user.patients.size() == 1) {
      plan.record = user.patients.front();
    } else if (facts.interaction != nullptr && !facts.interaction->patient_id.empty()) {
      plan.record = record(user, facts.interaction->patient_id);
    }
    if (!plan.record) {
      plan.step = Step::pick;
      return plan;
    }
  }

  if (!consent_matters(request, *facts.client, *facts.profile) && !prompts(request, "consent")) {
    plan.granted = plan.scopes;
    plan.step = Step::finish;
    return plan;
  }
  const bool remembered = facts.consent != nullptr && !prompts(request, "consent") &&
                          is_certain(*facts.client, request.redirect_uri, plan.scopes) &&
                          covers(*facts.consent, facts, plan);
  if (remembered) {
    plan.granted = ScopeSet::narrow(plan.scopes, policy::scope_set(facts.consent->scopes));
    if (!plan.granted.empty() || plan.scopes.empty()) {
      plan.step = Step::finish;
      return plan;
    }
  }
  plan.step = Step::consent;
  return plan;
}

}  // namespace mitral::login
