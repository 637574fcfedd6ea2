// Binary: the bytes behind attachments (FHIR R4 binary.html; smart-fhir §4.10, threats S-12, S-17).
//
// A Binary says little about whose it is, and its id alone must open nothing. Who has a rule without a bound reads it
// by that rule. Under a bound its owner is proven first: a DocumentReference, DiagnosticReport, Media or Consent of the
// bound's own patient, itself visible to this token, has an attachment that names it; and its securityContext, if
// it has one, names something that is visible or the patient of the bound. A securityContext that is neither hides it
// from everyone. Attachments elsewhere are never followed (S-18).
//
// As JSON, or as its own bytes when Accept asks for something else: with the declared media type, nosniff,
// Content-Disposition attachment and a sandboxing policy. Ranges are not offered.
//
// Limits: kBinaryProofPagesMax, kUpstreamBodyMax. Errors: answers; not proven is the one 404.
// Thread rules: from any thread that has a Scheduler; the Call must outlive the Task.
#pragma once

#include "base/task.h"
#include "codec/message.h"
#include "gateway/call.h"
#include "gateway/exchange.h"

namespace mitral::gateway {

/// Serves a permitted read of Binary.
[[nodiscard]] Task<codec::Response> serve_binary(const Exchange& exchange, Call& call);

}  // namespace mitral::gateway
