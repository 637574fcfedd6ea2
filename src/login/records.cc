#include "login/records.h"

#include <algorithm>

#include "fhir/r4.h"

namespace mitral::login {

std::string_view own_record(const model::User& user) noexcept {
  constexpr std::string_view kPrefix = "Patient/";
  const std::string_view reference = user.fhir_user;
  if (!reference.starts_with(kPrefix)) return {};
  const auto id = reference.substr(kPrefix.size());
  return fhir::is_id(id) ? id : std::string_view{};
}

std::vector<model::PatientAccess> records_of(const model::User& user) {
  std::vector<model::PatientAccess> out;
  const auto known = [&](std::string_view id) {
    return std::ranges::any_of(out, [&](const model::PatientAccess& p) { return p.patient_id == id; });
  };
  if (const auto own = own_record(user); !own.empty()) {
    const auto listed = std::ranges::find(user.patients, own, &model::PatientAccess::patient_id);
    if (listed != user.patients.end()) {
      out.push_back(*listed);
    } else {
      out.push_back({std::string(own), user.display_name, "self", ""});
    }
  }
  for (const auto& patient : user.patients) {
    if (fhir::is_id(patient.patient_id) && !known(patient.patient_id)) out.push_back(patient);
  }
  return out;
}

std::optional<model::PatientAccess> record(const model::User& user, std::string_view patient_id) {
  for (auto& candidate : records_of(user)) {
    if (candidate.patient_id == patient_id) return std::move(candidate);
  }
  return std::nullopt;
}

}  // namespace mitral::login
