// EmergencyAccess: the record of one emergency access ("break-the-glass"): who opened whose record, when, with which
// app and why, and what the review said. It is the patient's notice and the privacy officer's task at once.
//
// Written in the same act as the code that leads to the token, so there is no emergency token without it
// (ports::AuthorizationStore::Completion). Its id is the id of the grant that comes of it. The statement is free text
// of a person and may hold health data: it is shown to the reviewer only, never logged, and the audit record holds its
// SHA-256 (docs/adr/0013-emergency-access.md).
//
// Limits: kEmergencyStatementMax. Thread rules: values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/time.h"

namespace mitral::model {

enum class EmergencyReason : std::uint8_t { life_at_risk, cannot_consent, urgent_treatment, other };
inline constexpr std::array kEmergencyReasons{EmergencyReason::life_at_risk, EmergencyReason::cannot_consent,
                                              EmergencyReason::urgent_treatment, EmergencyReason::other};
[[nodiscard]] std::string_view name(EmergencyReason reason) noexcept;
[[nodiscard]] std::optional<EmergencyReason> parse_emergency_reason(std::string_view text) noexcept;

enum class EmergencyVerdict : std::uint8_t { justified, unjustified };
[[nodiscard]] std::string_view name(EmergencyVerdict verdict) noexcept;
[[nodiscard]] std::optional<EmergencyVerdict> parse_emergency_verdict(std::string_view text) noexcept;

struct EmergencyReview {
  Instant at;
  std::string by;  ///< who reviewed, as the operator wrote it
  EmergencyVerdict verdict = EmergencyVerdict::unjustified;
  std::string note;
};

struct EmergencyAccess {
  Id128 id;  ///< also of the grant
  Issuer issuer;
  ClientId client;
  std::string client_name;  ///< as registered at the time; hostile text
  UserId user;
  std::string user_name;   ///< as pages called the user at the time
  std::string fhir_user;   ///< "Practitioner/7"
  std::string patient_id;  ///< logical id of the record
  std::string audience;    ///< FHIR base URL
  std::vector<std::string> scopes;
  EmergencyReason reason = EmergencyReason::other;
  std::string statement;
  std::string address;  ///< network address of the browser
  Instant at;
  Instant expires;  ///< end of the access
  std::optional<EmergencyReview> review;
};

}  // namespace mitral::model
