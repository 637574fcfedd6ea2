#include "policy/fhir_decision.h"

#include <algorithm>

#include "fhir/compartment.h"
#include "fhir/r4.h"
#include "fhir/reference.h"
#include "policy/consent_gate.h"
#include "policy/fhir_decision_parts.h"

namespace mitral::policy {
namespace {

using codec::Json;
using spec::smart::Perms;
using spec::smart::ScopeContext;
using spec::smart::ScopeKind;
using spec::smart::SmartScope;

using parts::say;

constexpr std::string_view kAnyType = "Basic";  // stands for "*": has the parameters that every type has

bool contains(const std::vector<std::string>& list, std::string_view value) {
  return std::ranges::find(list, value) != list.end();
}

void add_patient(std::vector<std::string>& list, std::string_view id) {
  if (fhir::is_id(id) && !contains(list, id)) list.emplace_back(id);
}

/// How the user's own kind bounds user/ scopes. nullopt: no usable fhirUser, so no user/ rule at all (MSRC-128308).
struct UserBound {
  AccessRule::Bound bound = AccessRule::Bound::patients;
  std::vector<std::string> patients;
};

std::optional<UserBound> user_bound(const TokenFacts& facts, const fhir::Reference& user) {
  if (!facts.has_user() || user.kind != fhir::ReferenceKind::local || !user.version.empty()) return std::nullopt;
  UserBound out;
  if (user.type == "Practitioner") {
    out.bound = AccessRule::Bound::none;
    return out;
  }
  if (user.type != "Patient" && user.type != "RelatedPerson" && user.type != "Person") return std::nullopt;
  if (user.type == "Patient") add_patient(out.patients, user.id);
  add_patient(out.patients, facts.patient);
  for (const auto& id : facts.user_patients) add_patient(out.patients, id);
  if (out.patients.empty()) return std::nullopt;
  return out;
}

/// The restrictions of a scope as conditions; false when one of them cannot be evaluated here (MS fhir-server #5817).
bool compile_restrictions(const SmartScope& scope, AccessRule& rule) {
  rule.restrictions = scope.restrictions;
  for (const auto& restriction : scope.restrictions) {
    const auto value = restriction.value();
    if (!fhir::usable_in_scope(scope.type, restriction.param, value)) return false;
    auto condition = fhir::parse_condition(scope.type == "*" ? kAnyType : scope.type, restriction.param, value);
    if (!condition) return false;
    rule.conditions.push_back(std::move(*condition));
  }
  return true;
}

char first_letter(Origin origin) noexcept { return origin == Origin::read ? 'r' : 's'; }

bool letter_allowed(const AccessRule& rule, Origin origin, std::string_view type) noexcept {
  return rule.covers(first_letter(origin), type) || (origin == Origin::included && rule.covers('r', type));
}

Decision visible_at_depth(const Access& access, const Json& resource, Origin origin, const SeenVisible& seen,
                          Explanation* explain, const Circumstances& circumstances, int depth);

/// A stored Bundle carries resources that no search or read ever judged: each must be readable by itself.
bool bundle_content_visible(const Access& access, const Json& bundle, const Circumstances& circumstances, int depth) {
  if (depth >= parts::kBundleDepthMax) return false;
  return std::ranges::all_of(bundle["entry"].items(), [&](const Json& entry) {
    const auto* const inner = entry.find("resource");
    return inner == nullptr ||
           visible_at_depth(access, *inner, Origin::read, {}, nullptr, circumstances, depth + 1).permitted();
  });
}

Decision visible_at_depth(const Access& access, const Json& resource, Origin origin, const SeenVisible& seen,
                          Explanation* explain, const Circumstances& circumstances, int depth) {
  const auto type = resource["resourceType"].string_or();
  const auto id = resource["id"].string_or();
  if (!fhir::is_resource_type(type) || !fhir::is_id(id)) return indeterminate(Reason::resource_malformed);
  if (origin == Origin::read && type == access.self_type() && id == access.self_id()) {
    say(explain, "fhirUser", "the user's own resource");
    if (auto guarded = guard_shown(access, nullptr, resource, seen, circumstances, explain); guarded.permitted()) {
      return guarded;
    }
  }
  auto reason = access.reason_without_rule(first_letter(origin), type);
  if (reason == Reason::insufficient_scope) reason = Reason::resource_not_in_scope;
  for (const auto& rule : access.rules()) {
    if (!letter_allowed(rule, origin, type)) continue;
    if (!parts::in_bound(rule, resource, type, access.own_base(), seen)) {
      reason = Reason::resource_not_in_bound;
      say(explain, rule.scope, "not of a patient within the bound");
    } else if (!parts::conditions_hold(rule, resource, access.own_base())) {
      reason = Reason::resource_not_in_scope;
      say(explain, rule.scope, "restriction does not match");
    } else if (type == "Bundle" && !bundle_content_visible(access, resource, circumstances, depth)) {
      reason = Reason::resource_not_in_scope;
      say(explain, rule.scope, "the bundle holds resources that may not be read");
    } else {
      auto guarded = guard_shown(access, &rule, resource, seen, circumstances, explain);
      if (guarded.permitted()) say(explain, rule.scope, "permits");
      // Only a label may be named by another scope; what a patient directed holds for all of them.
      if (guarded.reason != Reason::label_hidden) return guarded;
      reason = guarded.reason;
    }
  }
  return deny(reason);
}

}  // namespace

namespace parts {

void say(Explanation* explain, std::string_view scope, std::string_view what) {
  if (explain == nullptr) return;
  std::string line(scope);
  line.append(scope.empty() ? "" : ": ").append(what);
  explain->push_back(std::move(line));
}

bool in_bound(const AccessRule& rule, const Json& resource, std::string_view type, std::string_view own_base,
              const SeenVisible& seen) {
  if (rule.bound == AccessRule::Bound::none) return true;
  switch (fhir::patient_link(type).access) {
    case fhir::PatientAccess::compartment:
    case fhir::PatientAccess::custom: {
      if (rule.patients.size() == 1) {
        return fhir::member_of_patient(resource, rule.patients.front(), own_base) &&
               !fhir::names_other_patient(resource, rule.patients.front(), own_base);
      }
      const auto named = fhir::member_patients(resource, own_base);
      return !named.empty() && !fhir::has_contained_patient(resource) &&
             std::ranges::all_of(named, [&](const std::string& id) { return contains(rule.patients, id); });
    }
    case fhir::PatientAccess::provenance:
      return std::ranges::any_of(rule.patients, [&](const std::string& id) {
        return fhir::provenance_allowed(resource, id, own_base, [&](const fhir::Reference& target) {
          return seen && seen(target.type, target.id);
        });
      });
    case fhir::PatientAccess::shared: return !fhir::has_contained_patient(resource);
    case fhir::PatientAccess::denied: break;
  }
  return false;
}

bool conditions_hold(const AccessRule& rule, const Json& resource, std::string_view own_base) {
  return rule.conditions.size() == rule.restrictions.size() &&
         std::ranges::all_of(rule.conditions, [&](const fhir::Condition& condition) {
           return fhir::matches(resource, condition, own_base);
         });
}

}  // namespace parts

bool AccessRule::covers(char letter, std::string_view resource_type) const noexcept {
  const auto wanted = Perms::letter(letter);
  return !wanted.empty() && perms.contains(wanted) && (type == "*" || type == resource_type);
}

Access Access::compile(const TokenFacts& facts) {
  Access out;
  out.own_base_ = facts.own_base;
  out.requester_ = requester_of(facts);
  const auto user = fhir::parse_reference(facts.fhir_user, facts.own_base);
  const auto bound = user_bound(facts, user);
  for (const auto& scope : facts.scopes.items()) {
    if (scope.kind == ScopeKind::fhir_user && facts.has_user() && user.kind == fhir::ReferenceKind::local &&
        user.version.empty()) {
      out.self_type_ = user.type;
      out.self_id_ = user.id;
    }
    if (scope.kind != ScopeKind::resource) continue;
    AccessRule rule;
    rule.context = scope.context;
    rule.type = scope.type;
    rule.perms = scope.perms;
    rule.scope = scope.text;
    rule.guarded = facts.data_policy && !facts.data_policy->empty() && facts.purpose != kEmergencyPurpose;
    std::optional<Reason> lost;
    switch (scope.context) {
      case ScopeContext::patient:
        if (fhir::is_id(facts.patient)) {
          rule.patients = {facts.patient};
        } else {
          lost = Reason::missing_context;
        }
        break;
      case ScopeContext::user:
        if (bound) {
          rule.bound = bound->bound;
          rule.patients = bound->patients;
        } else {
          lost = Reason::missing_context;
        }
        break;
      case ScopeContext::system:
        // A user's token must not carry the client's own rights (B-4.15, S-16).
        if (facts.has_user() || facts.subject.empty()) {
          lost = Reason::insufficient_scope;
        } else {
          rule.bound = AccessRule::Bound::none;
        }
        break;
    }
    if (!lost && !compile_restrictions(scope, rule)) lost = Reason::scope_not_evaluable;
    if (lost) {
      out.lost_.push_back({scope, *lost});
    } else {
      out.rules_.push_back(std::move(rule));
    }
  }
  out.hint_ = facts.scopes.has_context(ScopeContext::patient) || fhir::is_id(facts.patient) ? ScopeContext::patient
              : facts.has_user()                                                            ? ScopeContext::user
                                                                                            : ScopeContext::system;
  return out;
}

Reason Access::reason_without_rule(char letter, std::string_view type) const noexcept {
  for (const auto& lost : lost_) {
    if (lost.scope.allows(letter, type)) return lost.reason;
  }
  return Reason::insufficient_scope;
}

std::string Access::scope_hint(std::string_view letters, std::string_view type) const {
  if (type.empty() || letters.empty()) return {};
  std::string out(spec::smart::name(hint_));
  out.append("/").append(type).append(".");
  // "cs" and the like are two letters of the ordered alphabet already; reading is asked for as a whole.
  out.append(letters == "r" || letters == "s" ? "rs" : letters);
  return out;
}

Decision resource_visible(const Access& access, const Json& resource, Origin origin, const SeenVisible& seen,
                          Explanation* explain, const Circumstances& circumstances) {
  return visible_at_depth(access, resource, origin, seen, explain, circumstances, 0);
}

bool tombstone_visible(const Access& access, std::string_view type, Origin origin) noexcept {
  return std::ranges::any_of(
      access.rules(), [&](const AccessRule& rule) { return parts::shows_all(rule, first_letter(origin), type); });
}

std::string_view bound_parameter(std::string_view type) {
  if (type == "Patient") return "_id";
  const auto& link = fhir::patient_link(type);
  if (link.own.empty()) return {};
  if (const auto* const patient = fhir::find_param(type, "patient");
      patient != nullptr && patient->type == fhir::ParamType::reference) {
    return patient->name;
  }
  for (const auto& param : fhir::params_of(type)) {
    if (param.type == fhir::ParamType::reference && param.paths == link.own) return param.name;
  }
  return {};
}

}  // namespace mitral::policy
