// AnswerProject: parts of a resource for _elements and _summary, made from the whole resource that was judged (FHIR R4
// search.html 3.1.1.5.8, 3.1.1.5.9). Upstream is never asked for parts: a resource without its subject can't be judged.
//
// _summary=text: id, meta, implicitRules, text and what R4 requires at the top level of common types. _summary=data:
// everything but text. _summary=true: as data, because which elements are summary elements is known to a server with
// R4's definitions only; more than asked for is allowed. Every part is marked SUBSETTED.
//
// Limits, errors: none. Thread rules: pure functions.
#pragma once

#include <string>
#include <vector>

#include "codec/json.h"
#include "policy/fhir_decision.h"

namespace mitral::gateway {

/// Only the named top-level elements and what every resource needs, marked as SUBSETTED.
void project(codec::Json& resource, const std::vector<std::string>& elements);
/// What the plan asks for; the resource stays as it is when it asks for all.
void project(codec::Json& resource, const policy::Plan& plan);
[[nodiscard]] bool asks_for_parts(const policy::Plan& plan) noexcept;

}  // namespace mitral::gateway
