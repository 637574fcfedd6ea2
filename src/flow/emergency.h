// Emergency access ("break-the-glass", HL7 PurposeOfUse ETREAT): a clinician opens one record without its owner's
// leave, for a quarter of an hour, and everybody gets to know (threats S-6, S-21; 45 CFR 164.312(a)(2)(ii)).
//
//   asked     check_purpose(): purpose_of_use=ETREAT in the authorization request, or in the pushed one, by a client
//             that authenticates and is registered for it; not with prompt=none; one FHIR server; its scopes are cut to
//             reading patient/ data
//   step-up   signed_in_for_emergency(): the password is typed inside this very interaction, minutes ago at most
//   entitled  may_break_glass(): a user with the role "emergency" who is a Practitioner, or in a PractitionerRole
//   stated    reason, statement, one patient: EmergencyApproval is the proof that all of it holds, and
//             complete_authorization() makes no code for such a request without one
//   issued    grant.purpose is set: wrapped token whatever the resource server's format, no refresh token, an end that
//             is counted from the approval; introspection says purpose_of_use, the JWT around the handle does not
//   told      model::EmergencyAccess is written in the same act as the code
//
// Nothing is remembered as consent. A client or user that loses its right ends what is under way.
// Limits: kEmergency* in base/limits.h. Errors: see each. Thread rules: pure functions; values.
#pragma once

#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "codec/form.h"
#include "model/client.h"
#include "model/emergency.h"
#include "model/grant.h"
#include "model/user.h"
#include "ports/directory.h"
#include "spec/smart/scopes.h"

namespace mitral::flow {

/// Parameter of the authorization request, claim of introspection, member of AuthorizationRequest::extra.
inline constexpr std::string_view kPurposeOfUse = "purpose_of_use";
/// HL7 v3 ActReason: emergency treatment.
inline constexpr std::string_view kEmergencyPurpose = "ETREAT";
/// Role of a user, set by the operator.
inline constexpr std::string_view kEmergencyRole = "emergency";

[[nodiscard]] bool is_emergency(const model::AuthorizationRequest& request) noexcept;
[[nodiscard]] bool is_emergency(const model::Grant& grant) noexcept;

/// The part of check_authorization_request() that knows the purpose: marks the request and cuts its scopes. Errors:
/// invalid_request (another purpose, prompt=none), access_denied (not this client), invalid_target, invalid_scope.
[[nodiscard]] Result<void> check_purpose(const codec::Form& parameters, const model::Client& client,
                                         const ports::Directory& directory, model::AuthorizationRequest& request);

/// What of the scopes may be had in an emergency: reading and searching one patient's data, and who signed in.
[[nodiscard]] spec::smart::ScopeSet emergency_scopes(const spec::smart::ScopeSet& asked);

/// The client authenticates (nobody else can pose as it) and the operator registered it for emergencies.
[[nodiscard]] bool may_ask_for_emergency(const model::Client& client) noexcept;
/// Enabled, role "emergency", and a Practitioner or PractitionerRole.
[[nodiscard]] bool may_break_glass(const model::User& user) noexcept;
/// Signed in inside this interaction, kEmergencySignInAge ago at most: an older session never counts.
[[nodiscard]] bool signed_in_for_emergency(const model::Interaction* interaction, const model::Session& session,
                                           Instant now) noexcept;

/// What the person stated on the page, as it came.
struct EmergencyStatement {
  std::string_view reason;      ///< code
  std::string_view text;        ///< white space at its ends and runs of it do not count
  std::string_view patient_id;  ///< as typed; not looked at when the EHR launch names the patient
  bool confirmed = false;       ///< the box that says so is ticked
};
enum class EmergencyProblem : std::uint8_t { none, reason, text, patient, confirmation };
/// What is wrong with it, if anything.
[[nodiscard]] EmergencyProblem problem_of(const EmergencyStatement& statement, std::string_view launched_patient);

struct EmergencyStep;

/// Everything that emergency access needs has been shown to hold.
class EmergencyApproval {
 public:
  [[nodiscard]] const model::EmergencyAccess& record() const noexcept { return record_; }

 private:
  friend struct EmergencyStep;
  EmergencyApproval() = default;
  model::EmergencyAccess record_;
};

struct EmergencyFacts {
  const model::AuthorizationRequest* request = nullptr;
  const model::Client* client = nullptr;
  const model::User* user = nullptr;
  const model::Session* session = nullptr;
  const model::Interaction* interaction = nullptr;
  const model::LaunchTicket* launch = nullptr;
  std::string_view address;
  Instant now;
};
/// access_denied when anything is missing; the pages have asked for each before.
[[nodiscard]] Result<EmergencyApproval> approve_emergency(const EmergencyFacts& facts,
                                                          const EmergencyStatement& statement, Random& random);

/// The patient that the EHR had open, or empty.
[[nodiscard]] std::string_view launched_patient(const model::LaunchTicket* launch) noexcept;

/// Carries the approval's id in the code, so that the grant gets it.
void mark_code(model::AuthorizationCode& code, const EmergencyApproval& approval);
/// Empty, or why a code of an emergency can't be redeemed by this client now.
[[nodiscard]] std::string_view emergency_code_problem(const model::AuthorizationCode& code,
                                                      const model::Client& client);
/// Makes the grant of such a code what it has to be: its id, purpose and end.
void mark_grant(model::Grant& grant, const model::AuthorizationCode& code);

/// Event of kind `emergency` about an approved access. The statement appears as SHA-256.
void add_emergency_details(model::AuditEvent& event, const model::EmergencyAccess& access);

}  // namespace mitral::flow
