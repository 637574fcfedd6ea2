// Decision: what the policy decision point answers, and why.
//
// permit | deny | indeterminate. Indeterminate is what a rule says when it cannot evaluate something; callers treat it
// as deny, always (house plan §8). The reason is a closed list of stable codes for clients' answers, metrics and audit.
// The explanation is for `mitral explain`: lines that name scopes, types and parameters, never a search value or health
// data.
//
// Thread rules: values; pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mitral::policy {

enum class Verdict : std::uint8_t { permit, deny, indeterminate };
[[nodiscard]] std::string_view name(Verdict verdict) noexcept;

enum class Reason : std::uint8_t {
  permitted,
  insufficient_scope,  ///< no scope allows the interaction on the type
  missing_context,  ///< a scope would allow it, but the claim that bounds it (patient, fhirUser) is absent or unusable
  scope_not_evaluable,      ///< a scope's restriction cannot be evaluated here: it allows nothing
  foreign_patient,          ///< the request names a patient outside the token's bound
  parameter_unknown,        ///< not in the registry for this type
  parameter_malformed,      ///< known, but the value or modifier cannot be evaluated
  parameter_denied,         ///< known and refused: chain, _has, _filter, _content, modifier on a bound parameter ...
  parameter_unsupported,    ///< harmless but not offered (_summary=count ...)
  interaction_not_offered,  ///< understood and refused: writes, batches, operations, system level
  interaction_unknown,      ///< not understood
  resource_not_in_scope,    ///< no scope allows this resource's type and content
  resource_not_in_bound,    ///< in scope by type, but of another patient
  resource_malformed,       ///< what upstream sent cannot be judged
  consent_denied,           ///< the patient directed otherwise (policy/consent.h)
  consent_unknown,          ///< the patient's directives could not be read
  label_hidden,             ///< a security label that nothing permits this token to see (policy/labels.h)
  operation_denied,         ///< not in the closed list of operations (policy/fhir_operations.h)
  write_denied,             ///< content that is never written through here: Subscription, subsetted resources ...
  link_changed,             ///< a write would move the resource to another patient, type or id
  label_changed,            ///< a write would change security labels or the policy's own tags
  reference_denied,         ///< a write would carry a reference that may not be made: other patients, match URLs
};
[[nodiscard]] std::string_view name(Reason reason) noexcept;

struct Decision {
  Verdict verdict = Verdict::indeterminate;
  Reason reason = Reason::interaction_unknown;
  std::vector<std::string> explanation;  ///< filled when asked for
  bool overridden = false;  ///< permitted by emergency access alone, against a directive or a label: audit must say so

  [[nodiscard]] bool permitted() const noexcept { return verdict == Verdict::permit; }
};

[[nodiscard]] inline Decision permit() { return {Verdict::permit, Reason::permitted, {}, false}; }
[[nodiscard]] inline Decision deny(Reason reason) { return {Verdict::deny, reason, {}, false}; }
[[nodiscard]] inline Decision indeterminate(Reason reason) { return {Verdict::indeterminate, reason, {}, false}; }

/// Where explanation lines go; a null pointer costs nothing on the hot path.
using Explanation = std::vector<std::string>;

}  // namespace mitral::policy
