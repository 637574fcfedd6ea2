#include "policy/fhir_operations.h"

#include <algorithm>
#include <array>

namespace mitral::policy {
namespace {

using codec::Method;

// What is missing here is refused: $graphql reads around every rule, $meta-add and $meta-delete change labels, $match
// and $member-match find people by what is guessed of them, $expunge, $merge, $import, $process-message and the like
// change what nobody judged (smart-fhir §4.9, HAPI #1864). Patient/$everything without an id would be everybody's.
constexpr auto kRules = std::to_array<OperationRule>({
    {.name = "docref",
     .type = "DocumentReference",
     .at_type = true,
     .treatment = Treatment::search_like,
     .letters = "s",
     .answers_with = "DocumentReference"},
    {.name = "document",
     .type = "Composition",
     .at_instance = true,
     .treatment = Treatment::document,
     .letters = "r",
     .answers_with = {}},
    {.name = "everything",
     .type = "Encounter",
     .at_instance = true,
     .treatment = Treatment::everything,
     .letters = "s",
     .answers_with = {}},
    {.name = "everything",
     .type = "Patient",
     .at_instance = true,
     .treatment = Treatment::everything,
     .letters = "s",
     .answers_with = {}},
    {.name = "expand",
     .type = "ValueSet",
     .at_instance = true,
     .at_type = true,
     .treatment = Treatment::stateless,
     .letters = "r",
     .answers_with = "ValueSet"},
    {.name = "export",
     .type = "",
     .at_system = true,
     .treatment = Treatment::export_data,
     .letters = "rs",
     .answers_with = {}},
    {.name = "export",
     .type = "Group",
     .at_instance = true,
     .treatment = Treatment::export_data,
     .letters = "rs",
     .answers_with = {}},
    {.name = "export",
     .type = "Patient",
     .at_type = true,
     .treatment = Treatment::export_data,
     .letters = "rs",
     .answers_with = {}},
    {.name = "lastn",
     .type = "Observation",
     .at_type = true,
     .treatment = Treatment::search_like,
     .letters = "s",
     .answers_with = "Observation"},
    {.name = "lookup",
     .type = "CodeSystem",
     .at_type = true,
     .treatment = Treatment::stateless,
     .letters = "r",
     .answers_with = "Parameters"},
    {.name = "translate",
     .type = "ConceptMap",
     .at_instance = true,
     .at_type = true,
     .treatment = Treatment::stateless,
     .letters = "r",
     .answers_with = "Parameters"},
    // Of a type only: asked of an instance it would read what is stored there.
    {.name = "validate",
     .type = "*",
     .at_type = true,
     .by_get = false,
     .treatment = Treatment::stateless,
     .letters = "r",
     .answers_with = "OperationOutcome"},
    {.name = "validate-code",
     .type = "CodeSystem",
     .at_instance = true,
     .at_type = true,
     .treatment = Treatment::stateless,
     .letters = "r",
     .answers_with = "Parameters"},
    {.name = "validate-code",
     .type = "ValueSet",
     .at_instance = true,
     .at_type = true,
     .treatment = Treatment::stateless,
     .letters = "r",
     .answers_with = "Parameters"},
});

bool fits(const OperationRule& rule, const fhir::Interaction& interaction) noexcept {
  if (rule.name != interaction.operation) return false;
  const bool method =
      (interaction.method == Method::get && rule.by_get) || (interaction.method == Method::post && rule.by_post);
  if (!method || !interaction.version.empty() || !interaction.compartment_type.empty()) return false;
  if (interaction.type.empty()) return rule.at_system && interaction.id.empty();
  if (rule.type != "*" && rule.type != interaction.type) return false;
  return interaction.id.empty() ? rule.at_type : rule.at_instance;
}

}  // namespace

std::span<const OperationRule> operation_rules() noexcept { return kRules; }

const OperationRule* find_operation(const fhir::Interaction& interaction) noexcept {
  if (interaction.kind != fhir::InteractionKind::operation) return nullptr;
  const auto* const rule =
      std::ranges::find_if(kRules, [&](const OperationRule& row) { return fits(row, interaction); });
  return rule == kRules.end() ? nullptr : rule;
}

}  // namespace mitral::policy
