// Operations: the FHIR operations that policy/fhir_operations.h lists, served by their treatment (FHIR R4
// operations.html; smart-fhir §4.9, threat S-14).
//
//   everything, search_like   a searchset: every resource judged, of the planned types only, paging links sealed
//   document                  a document Bundle: all of it may be read, or the answer is the one 404
//   export_data               bulk.h
//   stateless                 what was sent is judged to be JSON of the right kind, and forwarded; only an
//                             OperationOutcome, Parameters without resources, or a ValueSet comes back, without
//                             upstream's free text
//
// Parameters of a POST become parameters of the interaction before anything is decided, and upstream is asked with
// those that the decision forwards: nothing of a body but a stateless operation's reaches it.
//
// Limits: kOperationBodyMax, kFormParametersMax. Errors: answers. Thread rules: from any thread that has a Scheduler;
// the Call must outlive the Task.
#pragma once

#include <string_view>

#include "base/result.h"
#include "base/task.h"
#include "codec/json.h"
#include "codec/message.h"
#include "fhir/interaction.h"
#include "gateway/call.h"
#include "gateway/exchange.h"

namespace mitral::gateway {

/// Reads the Parameters resource of a POSTed operation into interaction.params. A stateless operation's body stays as
/// it is. Errors: malformed, too_large, unsupported_media_type.
[[nodiscard]] Result<void> read_parameters(fhir::Interaction& interaction, std::string_view body,
                                           std::string_view content_type);

/// Serves a permitted operation.
[[nodiscard]] Task<codec::Response> serve_operation(const Exchange& exchange, Call& call);

/// An OperationOutcome of upstream's without its free text: severity, code, location, expression and coded details.
[[nodiscard]] codec::Json public_outcome(const codec::Json& outcome);

}  // namespace mitral::gateway
