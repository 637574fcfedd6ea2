// Records: whose health record a person may open: her own, and those that she is proxy for (smart-fhir 1.6, threat
// S-5).
//
// The list comes from the user's record alone, never from a request. Thread rules: pure functions; values.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "model/user.h"

namespace mitral::login {

/// Herself first (a fhirUser "Patient/…" counts as own record even if the list lacks it), then the others in their
/// order; ids that no FHIR server could have are left out, and no id comes twice.
[[nodiscard]] std::vector<model::PatientAccess> records_of(const model::User& user);
[[nodiscard]] std::optional<model::PatientAccess> record(const model::User& user, std::string_view patient_id);
/// The logical id of her own record, or empty: a fhirUser that is a Patient.
[[nodiscard]] std::string_view own_record(const model::User& user) noexcept;

}  // namespace mitral::login
