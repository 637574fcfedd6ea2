// Emergency export: an emergency access as FHIR R4 resources that a FHIR server can take: a Task for the privacy office
// (status requested or completed, intent order, code emergency-access-review) and a Communication to the patient.
//
// Both name the record, the clinician, the client, the time and the purpose (HL7 v3 ActReason ETREAT). What the
// clinician stated may hold health data of the patient: it is in the Task, which the office reads, and not in the
// Communication. Ids come from the access, so that exporting twice makes no second task.
//
// Thread rules: pure functions.
#pragma once

#include <string>

#include "codec/json.h"
#include "model/emergency.h"

namespace mitral::audit {

/// Logical id of both resources.
[[nodiscard]] std::string emergency_resource_id(const model::EmergencyAccess& access);
[[nodiscard]] codec::Json review_task(const model::EmergencyAccess& access);
[[nodiscard]] codec::Json patient_notice(const model::EmergencyAccess& access);

}  // namespace mitral::audit
