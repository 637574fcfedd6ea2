// FHIR export: an audit record as a FHIR R4 AuditEvent, after the patterns of IHE BALP (threats §14): DICOM and FHIR
// codes for type, subtype, action and outcome; agents client, user, authorization server or gateway; entities patient
// and token.
//
// No result content, no token: a token appears by its jti, a grant as an identifier. The chain's seq and hash go
// along as an identifier in the entity's detail, so that an export can be traced back to the record.
//
// Thread rules: pure function.
#pragma once

#include <string>

#include "codec/json.h"
#include "ports/stores.h"

namespace mitral::audit {

/// A resource of type AuditEvent. `observer` names the system that recorded it (AuditEvent.source.observer.display).
[[nodiscard]] codec::Json to_fhir(const ports::AuditStore::Record& record, std::string_view observer);

}  // namespace mitral::audit
