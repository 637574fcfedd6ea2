// AccessAudit: who read what, as audit events (IHE BALP patterns; threats §14). Ids and types only: never a search
// value, never a token, never content. One event for each patient whose data left, or one when nothing did.
//
// Limits: kAuditResourceIdsMax ids in an event, kAuditPatientsMax events; the rest is counted.
// Thread rules: pure function.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fhir/interaction.h"
#include "gateway/answer.h"
#include "gateway/token_verifier.h"
#include "model/audit_event.h"

namespace mitral::gateway {

struct AccessFacts {
  std::string_view issuer;
  std::string_view address;
  const VerifiedToken* token = nullptr;            ///< null: refused before one was proven
  const fhir::Interaction* interaction = nullptr;  ///< null: not understood
  model::AuditOutcome outcome = model::AuditOutcome::success;
  std::string_view reason;  ///< stable code; empty on success
  std::size_t withheld = 0;
  Instant at;
};

[[nodiscard]] std::vector<model::AuditEvent> access_events(const AccessFacts& facts, const std::vector<Shown>& shown);

}  // namespace mitral::gateway
