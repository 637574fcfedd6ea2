// Consent: what patients have directed about their records, enforced inside the one decision (FHIR R4 Consent,
// scope patient-privacy; smart-fhir §4.2, threats S-20, S-21, S-28).
//
// A directive is parsed from a FHIR Consent resource: active, a patient, provision and nested provisions with type
// permit or deny, actor (client, user, role of the user), class and code (types and categories of data), period,
// security label, purpose and action. A Consent that cannot be read as a whole denies what it might deny: everything of
// the patient to everyone but herself (fails closed). Rule of combination: the innermost provision that matches
// decides; of several directives a deny beats a permit. No directive at all: what the token's scopes say. A directive
// never adds to scopes. The patient herself (fhirUser is the patient) is never cut off from her own records. Emergency
// access (purpose ETREAT) overrides denials, and is audited as such.
//
// Limits: kConsentsPerPatientMax, kConsentProvisionsMax. Errors: none; what is not understood denies. Thread rules:
// immutable values.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "codec/json.h"
#include "policy/decision.h"

namespace mitral::policy {

class Access;
class PatientDirectives;  // all directives of one patient, parsed

/// Directives of patients by logical id, as far as they were read.
class ConsentBook {
 public:
  void put(std::string patient, std::shared_ptr<const PatientDirectives> directives) {
    entries_[std::move(patient)] = std::move(directives);
  }
  /// nullptr: this patient's directives were not read, so nothing about her may be decided but a denial.
  [[nodiscard]] const PatientDirectives* find(std::string_view patient) const noexcept {
    const auto found = entries_.find(patient);
    return found == entries_.end() ? nullptr : found->second.get();
  }

 private:
  std::map<std::string, std::shared_ptr<const PatientDirectives>, std::less<>> entries_;
};

}  // namespace mitral::policy
