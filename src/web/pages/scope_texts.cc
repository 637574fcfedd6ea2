#include "web/pages/scope_texts.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>
#include <vector>

#include "web/pages/texts_en.h"

namespace mitral::web {
namespace {

using codec::Json;
using login::Access;
using login::ConsentItem;

struct Member {
  std::string_view type;
  std::string_view group;
};

// Order on the page: groups by their first member, rows as listed.
constexpr auto kMembers = std::to_array<Member>({
    {"Patient", "group_about"},
    {"RelatedPerson", "group_about"},
    {"FamilyMemberHistory", "group_about"},
    {"Condition", "group_care"},
    {"AllergyIntolerance", "group_care"},
    {"Immunization", "group_care"},
    {"Procedure", "group_care"},
    {"Encounter", "group_care"},
    {"Appointment", "group_care"},
    {"CarePlan", "group_care"},
    {"Goal", "group_care"},
    {"CareTeam", "group_care"},
    {"ServiceRequest", "group_care"},
    {"Task", "group_care"},
    {"Device", "group_care"},
    {"Observation", "group_tests"},
    {"DiagnosticReport", "group_tests"},
    {"Specimen", "group_tests"},
    {"ImagingStudy", "group_tests"},
    {"Media", "group_tests"},
    {"MedicationRequest", "group_medicines"},
    {"MedicationDispense", "group_medicines"},
    {"MedicationStatement", "group_medicines"},
    {"MedicationAdministration", "group_medicines"},
    {"Medication", "group_medicines"},
    {"DocumentReference", "group_documents"},
    {"QuestionnaireResponse", "group_documents"},
    {"Consent", "group_documents"},
    {"Coverage", "group_insurance"},
    {"Claim", "group_insurance"},
    {"ExplanationOfBenefit", "group_insurance"},
    {"Account", "group_insurance"},
    {"Practitioner", "group_people"},
    {"PractitionerRole", "group_people"},
    {"Organization", "group_people"},
    {"Location", "group_people"},
    {"Provenance", "group_people"},
});

std::size_t rank_of(const ConsentItem& item) {
  const auto* const at = std::ranges::find(kMembers, std::string_view(item.facts.type), &Member::type);
  return item.other_types || at == kMembers.end() ? kMembers.size() : static_cast<std::size_t>(at - kMembers.begin());
}

Json row_of(const ConsentItem& item, std::size_t n, const std::function<bool(std::string_view)>& ticked,
            bool about_you) {
  const bool speaks_of_you = about_you && item.context == spec::smart::ScopeContext::patient;
  std::string title(item.other_types ? text_en("other_types_title") : item.facts.title);
  if (item.facts.other_restriction) title = fill(text_en("limited_by_app"), {{"title", title}});
  const auto detail = item.other_types ? text_en("other_types_detail") : item.facts.detail;
  const auto number = std::to_string(n);
  Json row = Json::object({{"n", number}, {"value", item.value}, {"title", title}});
  row.set("detail", speaks_of_you || item.other_types ? Json(detail) : Json(""));
  row.set("ticked", ticked(item.value));
  if (item.parts.empty()) return row.set("kinds", false), row;
  Json parts = Json::array();
  bool open = false;
  for (std::size_t m = 0; m < item.parts.size(); ++m) {
    const auto& part = item.parts[m];
    const bool on = ticked(part.value);
    open = open || !on;
    Json line = Json::object(
        {{"id", number + "-" + std::to_string(m + 1)}, {"value", part.value}, {"title", part.facts.title}});
    line.set("ticked", on);
    parts.push_back(std::move(line));
  }
  Json kinds = Json::object();
  kinds.set("open", open);
  kinds.set("parts", std::move(parts));
  row.set("kinds", std::move(kinds));
  return row;
}

}  // namespace

std::string_view group_of(std::string_view type) noexcept {
  const auto* const at = std::ranges::find(kMembers, type, &Member::type);
  return at == kMembers.end() ? "group_other" : at->group;
}

Json consent_sections(const login::ConsentForm& form, const std::function<bool(std::string_view)>& ticked,
                      bool about_you) {
  std::vector<const ConsentItem*> order;
  for (const auto& item : form.items()) order.push_back(&item);
  std::ranges::sort(order, {}, [](const ConsentItem* item) {
    return std::tuple(item->access, rank_of(*item), item->context, std::string_view(item->value));
  });

  Json sections = Json::array();
  std::size_t n = 0;
  for (const Access access : {Access::see, Access::change}) {
    Json groups = Json::array();
    std::string_view group;
    Json rows = Json::array();
    const auto close_group = [&] {
      if (rows.empty()) return;
      Json closed = Json::object({{"legend", text_en(group)}});
      closed.set("rows", std::exchange(rows, Json::array()));
      groups.push_back(std::move(closed));
    };
    for (const auto* item : order) {
      if (item->access != access) continue;
      const auto own = item->other_types ? std::string_view("group_other") : group_of(item->facts.type);
      if (own != group) close_group();
      group = own;
      rows.push_back(row_of(*item, ++n, ticked, about_you));
    }
    close_group();
    if (groups.empty()) continue;
    Json section = Json::object({{"id", access == Access::see ? "see" : "change"},
                                 {"heading", text_en(access == Access::see ? "see_heading" : "change_heading")}});
    section.set("groups", std::move(groups));
    sections.push_back(std::move(section));
  }
  return sections;
}

}  // namespace mitral::web
