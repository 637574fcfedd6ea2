#include "gateway/answer_project.h"

#include <algorithm>
#include <array>

#include "codec/text.h"

namespace mitral::gateway {
namespace {

using codec::Json;

struct Required {
  std::string_view type;
  std::string_view elements;
};

// Top-level elements with a minimum of one in R4, of the types that US Core and bulk exports are about.
constexpr auto kRequired = std::to_array<Required>({
    {"AllergyIntolerance", "patient"},
    {"Appointment", "status participant"},
    {"AuditEvent", "type recorded agent source"},
    {"Binary", "contentType"},
    {"Bundle", "type"},
    {"CarePlan", "status intent subject"},
    {"Claim", "status type use patient created provider priority insurance"},
    {"Communication", "status"},
    {"Composition", "status type subject date author title"},
    {"Condition", "subject"},
    {"Consent", "status scope category"},
    {"Coverage", "status beneficiary payor"},
    {"DiagnosticReport", "status code"},
    {"DocumentReference", "status content"},
    {"Encounter", "status class"},
    {"ExplanationOfBenefit", "status type use patient created insurer provider outcome insurance"},
    {"FamilyMemberHistory", "status patient relationship"},
    {"Goal", "lifecycleStatus description subject"},
    {"Group", "type actual"},
    {"ImagingStudy", "status subject"},
    {"Immunization", "status vaccineCode patient occurrence"},
    {"List", "status mode"},
    {"Media", "status content"},
    {"MedicationAdministration", "status medication subject"},
    {"MedicationDispense", "status medication"},
    {"MedicationRequest", "status intent medication subject"},
    {"MedicationStatement", "status medication subject"},
    {"Observation", "status code"},
    {"OperationOutcome", "issue"},
    {"Procedure", "status subject"},
    {"Provenance", "target recorded agent"},
    {"QuestionnaireResponse", "status"},
    {"RelatedPerson", "patient"},
    {"ServiceRequest", "status intent subject"},
    {"Task", "status intent"},
});

std::string_view required_of(std::string_view type) noexcept {
  const auto* const found = std::ranges::find(kRequired, type, &Required::type);
  return found == kRequired.end() ? std::string_view{} : found->elements;
}

bool always_kept(std::string_view key) noexcept {
  return key == "resourceType" || key == "id" || key == "meta" || key == "implicitRules" || key == "modifierExtension";
}

/// value[x] is asked for as "value".
bool names_element(std::string_view element, std::string_view member) noexcept {
  return member == element || (member.starts_with(element) && member.size() > element.size() &&
                               member[element.size()] >= 'A' && member[element.size()] <= 'Z');
}

/// Keeps the members that `keep` picks by the name of their element.
template <class Keep>
void subset(Json& resource, const Keep& keep) {
  Json out = Json::object();
  for (auto& [key, value] : resource.members_mut()) {
    // A primitive's extensions stand beside it under the name with an underscore.
    const auto name = key.starts_with('_') ? std::string_view(key).substr(1) : std::string_view(key);
    if (always_kept(key) || keep(name)) out.set(key, std::move(value));
  }
  auto* const meta = out.find("meta");
  Json marked = meta != nullptr ? std::move(*meta) : Json::object();
  Json tags = marked["tag"].is_array() ? marked["tag"] : Json::array();
  tags.push_back(
      Json::object({{"system", "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"}, {"code", "SUBSETTED"}}));
  marked.set("tag", std::move(tags));
  out.set("meta", std::move(marked));
  resource = std::move(out);
}

}  // namespace

bool asks_for_parts(const policy::Plan& plan) noexcept {
  return !plan.elements.empty() || plan.summary != policy::Summary::none;
}

void project(Json& resource, const std::vector<std::string>& elements) {
  const auto required = codec::split_words(required_of(resource["resourceType"].string_or()));
  subset(resource, [&](std::string_view name) {
    const auto named = [&](std::string_view element) { return names_element(element, name); };
    return std::ranges::any_of(elements, named) || std::ranges::any_of(required, named);
  });
}

void project(Json& resource, const policy::Plan& plan) {
  using policy::Summary;
  if (plan.summary == Summary::text) return project(resource, std::vector<std::string>{"text"});
  if (!plan.elements.empty()) return project(resource, plan.elements);
  if (plan.summary == Summary::data || plan.summary == Summary::elements) {
    subset(resource, [](std::string_view name) { return name != "text"; });
  }
}

}  // namespace mitral::gateway
