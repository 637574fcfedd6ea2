// Element paths: the little path language of the search parameter table, evaluated on JSON.
//
// "a.b" members, through arrays; "a[x]" any typed variant of a choice element (aQuantity, aDateTime); "a(k=v)" the
// items of a whose member k is the text v. Source: FHIR R4 search parameter expressions, reduced to what the table
// uses. Limits, errors: none; a path that leads nowhere visits nothing. Thread rules: pure functions.
#pragma once

#include <algorithm>
#include <string_view>

#include "codec/json.h"

namespace mitral::fhir {

struct PathStep {
  std::string_view name;
  bool choice = false;
  std::string_view filter_key;
  std::string_view filter_value;
  std::string_view rest;  ///< path after this step
};

/// First step of a path that is not empty.
[[nodiscard]] inline PathStep first_step(std::string_view path) noexcept {
  PathStep out;
  // A dot inside a filter (a URL) does not end the step.
  std::size_t end = 0;
  for (bool inside = false; end < path.size() && (inside || path[end] != '.'); ++end) {
    inside = path[end] == '(' || (inside && path[end] != ')');
  }
  out.name = path.substr(0, end);
  if (end < path.size()) out.rest = path.substr(end + 1);
  if (const auto open = out.name.find('('); open != std::string_view::npos) {
    const auto filter = out.name.substr(open + 1, out.name.size() - open - 2);
    const auto equals = filter.find('=');
    out.filter_key = filter.substr(0, equals);
    out.filter_value = filter.substr(equals + 1);
    out.name = out.name.substr(0, open);
  }
  if (out.name.ends_with("[x]")) {
    out.choice = true;
    out.name.remove_suffix(3);
  }
  return out;
}

/// Calls visit(const Json&) for every value at the path, in document order, until it returns true. True if one did.
template <class Visit>
bool any_at_path(const codec::Json& value, std::string_view path, const Visit& visit) {
  if (value.is_array()) {
    return std::ranges::any_of(value.items(), [&](const codec::Json& item) { return any_at_path(item, path, visit); });
  }
  if (path.empty()) return visit(value);
  const auto step = first_step(path);
  const auto enter = [&](const codec::Json& member) {
    if (step.filter_key.empty()) return any_at_path(member, step.rest, visit);
    const auto fits = [&](const codec::Json& item) { return item[step.filter_key].string_or() == step.filter_value; };
    if (!member.is_array()) return fits(member) && any_at_path(member, step.rest, visit);
    return std::ranges::any_of(
        member.items(), [&](const codec::Json& item) { return fits(item) && any_at_path(item, step.rest, visit); });
  };
  if (!step.choice) {
    const auto* const member = value.find(step.name);
    return member != nullptr && enter(*member);
  }
  return std::ranges::any_of(value.members(), [&](const codec::Json::Member& member) {
    const std::string_view key = member.key;
    const auto size = step.name.size();
    return key.size() > size && key.starts_with(step.name) && key[size] >= 'A' && key[size] <= 'Z' &&
           enter(member.value);
  });
}

}  // namespace mitral::fhir
