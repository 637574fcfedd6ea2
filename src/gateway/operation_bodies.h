// Operation bodies: what goes to upstream and comes back with operations that store nothing, and simple values of
// Parameters resources (FHIR R4 parameters.html, operationoutcome.html; threats S-13, S-14).
//
// Limits: kOperationBodyMax. Errors: nullopt for what is not of the operation. Thread rules: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "codec/json.h"
#include "fhir/interaction.h"
#include "policy/fhir_operations.h"

namespace mitral::gateway {

/// value[x] of a parameter as a search would spell it: a primitive, the text of a Reference, "system|code" of a Coding.
/// nullopt: none, more than one, another datatype, a resource or parts.
[[nodiscard]] std::optional<std::string> simple_value(const codec::Json& parameter);

/// The body of a stateless operation made anew: a resource of the operation's type, or Parameters of simple values
/// (which were judged by name before) and of the resources and codes that the operation takes. nullopt: anything else.
[[nodiscard]] std::optional<codec::Json> stateless_body(const fhir::Interaction& interaction, std::string_view body);
/// What came back, made anew: OperationOutcome, Parameters without resources, or ValueSet, as the rule says. An
/// OperationOutcome instead of the others is fine.
[[nodiscard]] std::optional<codec::Json> stateless_answer(const codec::Json& answer, const policy::OperationRule& rule);

}  // namespace mitral::gateway
