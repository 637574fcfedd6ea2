// FHIRPath Patch: a Parameters resource that says what to change (FHIR R4 fhirpatch.html).
//
// Operations add, insert, delete, replace and move. A path is a chain of plain element names with [n], first(), last()
// and where(name = 'literal'); anything else (functions, indices that depend on data, $this, resolve()) is refused, not
// guessed. The path must meet exactly one element, except that deleting nothing is allowed (fhirpatch.html).
//
// JSON writes a repeating element as an array also when it has one item; which repeat says r4_elements.h, and an
// element that R4 doesn't define is not added. Values come as value[x], or in parts that name the elements of the
// value's type (for a type that value[x] doesn't have: Patient.contact).
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
