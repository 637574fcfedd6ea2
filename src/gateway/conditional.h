// Conditional: create, update, patch and delete by a condition instead of an id (FHIR R4 http.html, 3.1.0.7.1 and
// following; smart-fhir §4.7; threat S-15).
//
// A condition is a search in disguise, and is treated as one: its parameters are judged and bound like a search's, the
// gateway asks upstream itself, and only what the token may see is a match. What happens then is an interaction with an
// id, or a create, that upstream never sees a condition of: a match that is hidden changes nothing in any answer.
//
// The match itself is the state that is judged and whose version is sent as If-Match, so between search and write
// nothing can slip in. Two creates that run at once may both find nothing; a condition is no lock (docs/adr/0014).
//
// Limits: kFhirPageMax matches are looked at; a condition with more is refused as not selective. Errors: see Refusal.
// Thread rules: from any thread that has a Scheduler; the Call must outlive the Task.
#pragma once

#include "base/result.h"
#include "base/task.h"
#include "codec/message.h"
#include "fhir/interaction.h"
#include "gateway/call.h"
#include "gateway/exchange.h"
#include "gateway/writes.h"

namespace mitral::gateway {

[[nodiscard]] bool is_conditional(fhir::InteractionKind kind) noexcept;

/// Classifies a request, with the conditions of If-None-Exist as parameters. Errors: as fhir::classify().
[[nodiscard]] Result<fhir::Interaction> classify_request(const codec::Request& request, std::string_view rest);

/// The one visible match of a permitted conditional call, or none.
[[nodiscard]] Task<Outcome<Located>> find_match(const Exchange& exchange, const Call& call);

}  // namespace mitral::gateway
