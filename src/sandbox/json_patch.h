// JSON Patch (RFC 6902) with JSON Pointer (RFC 6901): add, remove, replace, move, copy, test, all or nothing.
//
// Limits: kFhirBatchEntriesMax operations. Errors: malformed for a bad patch, conflict when a path is missing or a test
// fails. Thread rules: pure.
#pragma once

#include "base/result.h"
#include "codec/json.h"

namespace mitral::sandbox {

/// The document with the patch applied; the input stays as it is.
[[nodiscard]] Result<codec::Json> apply_json_patch(codec::Json document, const codec::Json& patch);

}  // namespace mitral::sandbox
