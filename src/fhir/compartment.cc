#include "fhir/compartment.h"

#include <algorithm>

#include "fhir/element_path.h"
#include "fhir/r4.h"

namespace mitral::fhir {
namespace {

using codec::Json;

/// Calls `visit` with the id of every patient that an own element names; stops when it returns true.
template <class Visit>
bool any_member_patient(const Json& resource, std::string_view own_base, const Visit& visit) {
  const auto type = resource["resourceType"].as_string();
  if (!type) return false;
  const auto& link = patient_link(*type);
  if (link.own == "id") {
    const auto id = resource["id"].as_string();
    return id && is_id(*id) && visit(*id);
  }
  for (auto rest = link.own; !rest.empty();) {
    const auto path = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), path.size() + 1));
    const bool found = any_at_path(resource, path, [&](const Json& element) {
      // Reference.type may name the type too, but only the reference itself says which resource is meant.
      const auto text = element["reference"].as_string();
      if (!text) return false;
      const auto reference = parse_reference(*text, own_base);
      return reference.kind == ReferenceKind::local && reference.type == "Patient" && visit(reference.id);
    });
    if (found) return true;
  }
  return false;
}

void collect_references(const Json& value, std::vector<std::string_view>& out) {
  for (const auto& item : value.items()) collect_references(item, out);
  for (const auto& [key, member] : value.members()) {
    if (key == "reference") {
      if (const auto text = member.as_string()) out.push_back(*text);
    }
    collect_references(member, out);
  }
}

}  // namespace

bool member_of_patient(const Json& resource, std::string_view patient_id, std::string_view own_base) {
  if (!is_id(patient_id)) return false;
  return any_member_patient(resource, own_base, [&](std::string_view id) { return id == patient_id; });
}

std::vector<std::string> member_patients(const Json& resource, std::string_view own_base) {
  std::vector<std::string> out;
  any_member_patient(resource, own_base, [&](std::string_view id) {
    if (std::ranges::find(out, id) == out.end()) out.emplace_back(id);
    return false;
  });
  return out;
}

bool names_other_patient(const Json& resource, std::string_view patient_id, std::string_view own_base) {
  return has_contained_patient(resource) ||
         any_member_patient(resource, own_base, [&](std::string_view id) { return id != patient_id; });
}

bool has_contained_patient(const Json& resource) {
  // R4 forbids nesting below contained, but an upstream may not care: look at every level.
  return std::ranges::any_of(resource["contained"].items(), [](const Json& inner) {
    return inner["resourceType"].string_or() == "Patient" || has_contained_patient(inner);
  });
}

bool provenance_allowed(const Json& resource, std::string_view patient_id, std::string_view own_base,
                        const std::function<bool(const Reference&)>& target_allowed) {
  if (resource["resourceType"].string_or() != "Provenance" || !is_id(patient_id) || has_contained_patient(resource))
    return false;
  const auto& targets = resource["target"];
  if (!targets.is_array()) return false;
  bool justified = false;
  for (const auto& target : targets.items()) {
    const auto text = target["reference"].as_string();
    if (!text) return false;
    const auto reference = parse_reference(*text, own_base);
    if (reference.kind != ReferenceKind::local) return false;
    if (reference.type == "Patient") {
      if (reference.id != patient_id) return false;
      justified = true;
    } else {
      justified = justified || target_allowed(reference);
    }
  }
  return justified;
}

std::vector<std::string_view> all_references(const Json& resource) {
  std::vector<std::string_view> out;
  collect_references(resource, out);
  return out;
}

}  // namespace mitral::fhir
