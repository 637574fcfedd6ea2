// Consent gate: what directives and labels add to a rule that would show or change a resource. Called by the decision
// (fhir_decision.cc) at the one place where a rule justifies something; everything else about consent is behind it.
//
// Whose directives: every patient whom the resource is about by its own elements (fhir/compartment.h); of types that
// belong to no compartment every patient referred to anywhere; of a Provenance its targets. A resource that may be
// about a patient who can't be told is denied to a token without a bound, while directives are enforced.
//
// A Consent is written only by the patient herself or under a scope that names the type: "*" is not enough to change
// what protects her, while directives are enforced.
//
// Limits, errors: none; indeterminate is a denial. Thread rules: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/consent.h"
#include "policy/fhir_decision.h"

namespace mitral::policy {

[[nodiscard]] Requester requester_of(const TokenFacts& facts);

/// May `rule` (null: the fhirUser scope) show this resource, as far as directives and labels go? Permitted, or
/// consent_denied | consent_unknown (no other rule can help) | label_hidden (another rule may name the label).
[[nodiscard]] Decision guard_shown(const Access& access, const AccessRule* rule, const codec::Json& resource,
                                   const SeenVisible& seen, const Circumstances& circumstances,
                                   Explanation* explain = nullptr);

/// The same for a state that is written: `before` and `after` as in write_allowed(). write_denied: this rule does not
/// name the type Consent, another may.
[[nodiscard]] Decision guard_written(const Access& access, const AccessRule& rule, char letter,
                                     const codec::Json* before, const codec::Json* after,
                                     const Circumstances& circumstances, Explanation* explain = nullptr);

/// Patients whose directives count for a resource: those it names.
[[nodiscard]] std::vector<std::string> concerned_patients(const codec::Json& resource, std::string_view own_base);

/// Patients whose directives can matter to this token, sorted: those within its bounds, and those named by what is to
/// be judged if it has no bounds; never the user herself.
[[nodiscard]] std::vector<std::string> patients_to_ask(const Access& access, std::vector<std::string> named);

}  // namespace mitral::policy
