// FHIRPath Patch: a Parameters resource that says what to change (FHIR R4 fhirpatch.html).
//
// Operations add, insert, delete, replace and move. A path is a chain of plain element names with [n], first(), last()
// and where(name = 'literal'); anything else (functions, indices that depend on data, $this, resolve()) is refused, not
// guessed. The path must meet exactly one element, except that deleting nothing is allowed (fhirpatch.html).
//
// JSON writes a repeating element as an array also when it has one item, and no structure definitions are here to say
// which elements repeat: an add to an element that is not there yet is done for those that the table in the .cc knows,
// and refused for others (JSON Patch says it exactly). Values come as value[x]; values made of nested parts are
// refused.
//
// Limits: kPatchOperationsMax operations, kFhirParameterMax per path, kFhirResourceMax, kJsonDepthMax. Errors:
// malformed (no such patch), conflict (does not fit the resource, or can't be evaluated), too_large. Thread rules: pure
// functions.
#pragma once

#include "base/result.h"
#include "codec/json.h"

namespace mitral::fhir {

[[nodiscard]] Result<codec::Json> apply_fhirpath_patch(codec::Json resource, const codec::Json& parameters);

}  // namespace mitral::fhir
