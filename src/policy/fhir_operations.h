// FHIR operations: the closed list of operations that may be asked for at all, and how each is treated (FHIR R4
// operations.html; smart-fhir §4.9). What is not in the table is denied, whatever the scopes.
//
// Limits: none. Errors: none. Thread rules: constant table; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "fhir/interaction.h"

namespace mitral::policy {

/// What a permitted operation is, to the decision and to the gateway.
enum class Treatment : std::uint8_t {
  everything,   ///< searchset of one patient's (or encounter's) records: each resource judged, paging sealed
  document,     ///< a document Bundle: all of it may be read, or none of it is shown
  search_like,  ///< a search in other words ($lastn, $docref): the patient is injected, each resource judged
  export_data,  ///< Bulk Data kick-off: system/ only, types intersected, bound to the client (gateway/bulk.h)
  stateless,    ///< judges or looks up what it is given and stores nothing ($validate, terminology)
};

struct OperationRule {
  std::string_view name;  ///< without '$'
  std::string_view type;  ///< resource type it is asked of; "" at system level, "*" for any type
  bool at_instance = false, at_type = false, at_system = false;
  bool by_get = true, by_post = true;
  Treatment treatment = Treatment::everything;
  std::string_view letters;       ///< needed on every type that comes back; "" for none
  std::string_view answers_with;  ///< type of what comes back when that is fixed ("Observation"), or ""
};

[[nodiscard]] std::span<const OperationRule> operation_rules() noexcept;
/// The rule for an interaction of kind operation; nullptr: not in the list at this level for this type.
[[nodiscard]] const OperationRule* find_operation(const fhir::Interaction& interaction) noexcept;

}  // namespace mitral::policy
