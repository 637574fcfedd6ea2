// Emergency export: an emergency access as FHIR R4 resources that a FHIR server can take: a Task for the privacy office
// (status requested or completed, intent order, code emergency-access-review) and a Communication to the patient.
//
// Both name the access, the clinician, the client, the time and the purpose (HL7 v3 ActReason ETREAT). What the
// clinician stated may hold health data of the patient: it is in the Task that an operator exports, which the office
// reads, and nowhere else. A gateway writes them too, of what it is told about the token (EmergencyUse): neither
// statement nor reason, nor what was looked at. Identifiers come from the access, so that both know their Task again.
//
// Thread rules: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "codec/json.h"
#include "model/emergency.h"

namespace mitral::audit {

/// Logical id of both resources.
[[nodiscard]] std::string emergency_resource_id(const model::EmergencyAccess& access);
[[nodiscard]] codec::Json review_task(const model::EmergencyAccess& access);
[[nodiscard]] codec::Json patient_notice(const model::EmergencyAccess& access);

/// An emergency access as a resource server learns of it.
struct EmergencyUse {
  std::string issuer;     ///< system of the identifier
  std::string id;         ///< of the access: the grant
  std::string client;     ///< client_id
  std::string subject;    ///< who, to the issuer
  std::string clinician;  ///< who, to the FHIR server: "Practitioner/7"; may be empty
  std::string patient;    ///< logical id; empty: the token is about nobody in particular
  Instant at, expires;    ///< of the token
};

/// Without logical ids: the FHIR server gives them. `literal`: names of patient and clinician are references; without,
/// they are words, for a server that does not know one of them (an id that was typed wrong).
[[nodiscard]] codec::Json review_task(const EmergencyUse& use, bool literal);
[[nodiscard]] codec::Json patient_notice(const EmergencyUse& use, bool literal);

}  // namespace mitral::audit
