// JSON Patch: RFC 6902 on a FHIR resource (FHIR R4 http.html, patch).
//
// All operations apply or none does: the caller gets a new document or an error. Numbers are compared by their lexeme:
// 1.0 and 1.00 are different FHIR decimals (RFC 6902 §4.6 would call them equal; then a test could pass that upstream's
// own precision fails).
// Limits: kPatchOperationsMax operations; what the operations insert, kFhirResourceMax bytes in all ("copy" doubles
// what it copies, threats S-14), kJsonDepthMax levels. Errors: malformed for what is no patch; conflict for one that
// does not fit the document (no such path, failed test); too_large. Thread rules: pure functions.
#pragma once

#include "base/result.h"
#include "codec/json.h"

namespace mitral::fhir {

[[nodiscard]] Result<codec::Json> apply_json_patch(codec::Json document, const codec::Json& patch);

/// Does the patch compare values ("test")? Its success then tells what is stored.
[[nodiscard]] bool tests_values(const codec::Json& patch) noexcept;

/// Bytes that a value weighs against kFhirResourceMax, nearly those of its text.
[[nodiscard]] std::size_t patch_weight(const codec::Json& value) noexcept;
/// Levels of arrays and objects; 0 for a plain value.
[[nodiscard]] std::size_t patch_depth(const codec::Json& value) noexcept;

}  // namespace mitral::fhir
