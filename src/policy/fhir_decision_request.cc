// decide(): the gate by type and letter, then the parameters of each kind of interaction (smart-fhir §4.1; threats S-5
// to S-16).
#include <algorithm>

#include "base/limits.h"
#include "codec/text.h"
#include "fhir/r4.h"
#include "policy/fhir_decision_parts.h"

namespace mitral::policy {
namespace parts {

using fhir::Interaction;
using fhir::InteractionKind;
using fhir::QueryParam;

Frame::Frame(const Access& access, char letter, std::string_view type, Rules which) {
  for (const auto& rule : access.rules()) {
    if (!rule.covers(letter, type)) continue;
    if (which == Rules::beyond_patient && rule.context == spec::smart::ScopeContext::patient) continue;
    rules.push_back(&rule);
    bounded = bounded && rule.bound == AccessRule::Bound::patients;
    unlimited = unlimited || shows_all(rule, letter, type);
    for (const auto& id : rule.patients) {
      if (!has(id)) patients.push_back(id);
    }
  }
  bounded = bounded && !rules.empty();
}

bool Frame::has(std::string_view patient) const { return std::ranges::find(patients, patient) != patients.end(); }

bool covered(const Access& access, char letter, std::string_view type) {
  return std::ranges::any_of(access.rules(), [&](const AccessRule& rule) { return rule.covers(letter, type); });
}

bool shows_all(const AccessRule& rule, char letter, std::string_view type) noexcept {
  if (!rule.unlimited() || !rule.covers(letter, type)) return false;
  // What a Bundle holds is read with it, and is of any type (resource_visible()).
  return type != "Bundle" || (rule.type == "*" && rule.covers('r', type));
}

bool unlimited(const Access& access, char letter, std::string_view type) {
  return std::ranges::any_of(access.rules(), [&](const AccessRule& rule) { return shows_all(rule, letter, type); });
}

bool is_date_like(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || c == '-' || c == ':' || c == '.' || c == 'T' || c == 'Z' || c == '+';
  });
}

std::optional<std::string> page_count(std::string_view text) {
  const auto number = codec::parse_uint(text);
  if (!number || *number == 0) return std::nullopt;
  return std::to_string(std::min<std::uint64_t>(*number, limits::kFhirPageMax));
}

Step take_plain(const QueryParam& param, Plain where, Plan& plan) {
  if (param.name == "_format" || param.name == "_pretty") return {};
  if (param.name == "_summary" && param.value == "false") return {};
  if (param.name == "_summary") {
    if (where != Plain::read) return Stop{Reason::parameter_unsupported, "_summary"};
    if (param.value == "text") {
      plan.summary = Summary::text;
    } else if (param.value == "data") {
      plan.summary = Summary::data;
    } else if (param.value == "true") {
      plan.summary = Summary::elements;
    } else {
      return Stop{Reason::parameter_unsupported, "_summary"};
    }
    return {};
  }
  if (where == Plain::history && param.name == "_count") {
    auto number = page_count(param.value);
    if (!number) return Stop{Reason::parameter_malformed, "_count"};
    plan.kept.push_back(param);
    plan.forward.push_back({param.name, std::move(*number), false});
    return {};
  }
  if (where == Plain::history && (param.name == "_since" || param.name == "_at")) {
    if (!is_date_like(param.value)) return Stop{Reason::parameter_malformed, param.name};
    plan.kept.push_back(param);
    plan.forward.push_back({param.name, param.value, false});
    return {};
  }
  if (where == Plain::read && param.name == "_elements") {
    for (const auto name : codec::split(param.value, ',')) {
      if (name.empty()) return Stop{Reason::parameter_malformed, "_elements"};
      plan.elements.emplace_back(name);
    }
    return {};
  }
  // One that a search knows and refuses for good is refused here too.
  const bool predicate = param.name == "_filter" || param.name == "_query" || param.name == "_content" ||
                         param.name == "_text" || param.name == "_list" || param.name == "_contained" ||
                         param.name == "_containedType" || param.name == "_has" || param.name == "_type";
  return Stop{predicate ? Reason::parameter_denied : Reason::parameter_unknown, {}};
}

std::vector<std::string> covered_types(const Access& access, char letter, std::string_view patient) {
  std::vector<std::string> out;
  for (const auto type : fhir::resource_types()) {
    const bool reachable = fhir::patient_link(type).access != fhir::PatientAccess::denied;
    const bool shown = std::ranges::any_of(access.rules(), [&](const AccessRule& rule) {
      if (!rule.covers(letter, type)) return false;
      if (rule.bound == AccessRule::Bound::none) return true;
      return reachable && (patient.empty() || std::ranges::find(rule.patients, patient) != rule.patients.end());
    });
    if (shown) out.emplace_back(type);
  }
  return out;
}

Step intersect_types(std::string_view value, std::vector<std::string>& types) {
  std::vector<std::string> kept;
  for (const auto type : codec::split(value, ',')) {
    if (!fhir::is_resource_type(type)) return Stop{Reason::parameter_malformed, "_type"};
    if (std::ranges::find(types, type) != types.end() && std::ranges::find(kept, type) == kept.end()) {
      kept.emplace_back(type);
    }
  }
  std::ranges::sort(kept);
  types = std::move(kept);
  return {};
}

void set_types(Plan& plan, std::vector<std::string> types, bool from_body) {
  plan.types = std::move(types);
  if (plan.types.size() == fhir::resource_types().size()) return;
  std::string list;
  for (const auto& type : plan.types) list.append(list.empty() ? "" : ",").append(type);
  plan.forward.push_back({"_type", std::move(list), from_body});
}

namespace {

/// Registered parameter of a type that says in whose compartment its resources are: "encounter" for Encounter.
std::string_view compartment_parameter(std::string_view compartment, std::string_view type) {
  if (compartment == "Patient") return bound_parameter(type);
  const auto* const param = fhir::find_param(type, codec::to_lower(compartment));
  const bool fits = param != nullptr && param->type == fhir::ParamType::reference &&
                    (param->target.empty() || param->target == compartment);
  return fits ? param->name : std::string_view{};
}

/// GET /Patient/p/Type is the same as a search of the type bound to p by its own element; so with the others.
Step bind_compartment(const Interaction& interaction, const Frame& frame, Plan& plan) {
  const auto name = compartment_parameter(interaction.compartment_type, interaction.type);
  if (name.empty()) return Stop{Reason::interaction_not_offered, {}};
  const bool patient = interaction.compartment_type == "Patient";
  if (patient && frame.bounded && !frame.has(interaction.compartment_id)) return Stop{Reason::foreign_patient, {}};
  const auto& id = interaction.compartment_id;
  plan.forward.push_back({std::string(name), name == "_id" ? id : interaction.compartment_type + "/" + id, false});
  return {};
}

/// GET /Patient/p/*: the types of her compartment that a rule may show of her.
Step whole_compartment(const Access& access, const Interaction& interaction, Plan& plan) {
  if (interaction.compartment_type != "Patient") return Stop{Reason::interaction_not_offered, {}};
  auto types = covered_types(access, 's', interaction.compartment_id);
  const auto outside = [](const std::string& type) { return !fhir::patient_link(type).official; };
  std::erase_if(types, outside);
  if (types.empty()) {
    auto any = covered_types(access, 's');
    std::erase_if(any, outside);
    if (!any.empty()) return Stop{Reason::foreign_patient, {}};
    return Stop{access.reason_without_rule('s', "*"), {}, access.scope_hint("s", "*")};
  }
  for (const auto& param : interaction.params) {
    if (param.name == "_type") {
      if (auto stop = intersect_types(param.value, types)) return stop;
      if (types.empty()) return Stop{Reason::insufficient_scope, "_type", access.scope_hint("s", "*")};
      plan.kept.push_back(param);
    } else if (param.name == "_lastUpdated") {
      if (!fhir::parse_condition("Basic", param.name, param.value)) {
        return Stop{Reason::parameter_malformed, param.name};
      }
      plan.kept.push_back(param);
      plan.forward.push_back(param);
    } else if (param.name == "_since" || param.name == "_at") {
      return Stop{Reason::parameter_unknown, {}};
    } else if (auto stop = take_plain(param, Plain::history, plan)) {
      return stop;
    }
  }
  set_types(plan, std::move(types), false);
  return {};
}

Step judge_history(const Access& access, const Interaction& interaction, Plan& plan) {
  for (const auto& param : interaction.params) {
    if (auto stop = take_plain(param, Plain::history, plan)) return stop;
  }
  if (interaction.kind != InteractionKind::history_system) return {};
  auto types = covered_types(access, 's');
  if (types.empty()) return Stop{access.reason_without_rule('s', "*"), {}, access.scope_hint("s", "*")};
  plan.unlimited = std::ranges::all_of(types, [&](const std::string& type) { return unlimited(access, 's', type); });
  set_types(plan, std::move(types), false);
  return {};
}

Step judge_plain(const Interaction& interaction, Plain where, Plan& plan) {
  for (const auto& param : interaction.params) {
    if (auto stop = take_plain(param, where, plan)) return stop;
  }
  return {};
}

/// The letter of a conditional write that is not s.
char write_letter(InteractionKind kind) noexcept { return fhir::letters_needed(kind).front(); }

/// The condition is a search (S-15). Only creating may be conditional under patient/: what else a condition finds would
/// be changed without its id ever having been seen.
Step judge_condition(const Access& access, const Interaction& interaction, Plan& plan) {
  const bool creates = interaction.kind == InteractionKind::conditional_create;
  const auto which = creates ? Frame::Rules::all : Frame::Rules::beyond_patient;
  const Frame frame(access, 's', interaction.type, which);
  const Frame writing(access, write_letter(interaction.kind), interaction.type, which);
  if (frame.rules.empty() || writing.rules.empty()) return Stop{Reason::interaction_not_offered, {}};
  plan.unlimited = frame.unlimited;
  return judge_search({access, interaction.type, frame, SearchUse::condition}, interaction.params, plan);
}

Step judge_type_search(const Access& access, const Interaction& interaction, Plan& plan) {
  const Frame frame(access, 's', interaction.type);
  plan.unlimited = frame.unlimited;
  if (interaction.kind == InteractionKind::search_compartment) {
    if (auto stop = bind_compartment(interaction, frame, plan)) return stop;
  }
  return judge_search({access, interaction.type, frame, SearchUse::answer}, interaction.params, plan);
}

Step judge(const Access& access, const Interaction& interaction, Plan& plan, Explanation* explain) {
  switch (interaction.kind) {
    case InteractionKind::capabilities:
    case InteractionKind::batch:
    case InteractionKind::transaction:
    case InteractionKind::create:
    case InteractionKind::update:
    case InteractionKind::patch:
    case InteractionKind::remove: return judge_plain(interaction, Plain::write, plan);
    case InteractionKind::read:
    case InteractionKind::vread:
      plan.unlimited = unlimited(access, 'r', interaction.type);
      return judge_plain(interaction, Plain::read, plan);
    case InteractionKind::history_instance:
      plan.unlimited = unlimited(access, 'r', interaction.type);
      return judge_history(access, interaction, plan);
    case InteractionKind::history_type:
      plan.unlimited = unlimited(access, 's', interaction.type);
      return judge_history(access, interaction, plan);
    case InteractionKind::history_system: return judge_history(access, interaction, plan);
    case InteractionKind::search_system: return judge_system_search(access, interaction.params, plan);
    case InteractionKind::search_compartment:
      if (interaction.type == "*") return whole_compartment(access, interaction, plan);
      return judge_type_search(access, interaction, plan);
    case InteractionKind::search_type: return judge_type_search(access, interaction, plan);
    case InteractionKind::conditional_create:
    case InteractionKind::conditional_update:
    case InteractionKind::conditional_patch:
    case InteractionKind::conditional_remove: return judge_condition(access, interaction, plan);
    case InteractionKind::operation: return judge_operation(access, interaction, plan, explain);
    case InteractionKind::unknown: break;
  }
  return Stop{Reason::interaction_unknown, {}};
}

/// The user's own resource, or a Binary whose owner will be found out through a DocumentReference (smart-fhir §4.10).
std::string_view permitted_without_letter(const Access& access, const Interaction& interaction) {
  if (interaction.kind != InteractionKind::read || interaction.type.empty()) return {};
  if (interaction.type == access.self_type() && interaction.id == access.self_id()) {
    return "fhirUser: the user's own resource";
  }
  if (interaction.type == "Binary" && covered(access, 'r', "DocumentReference")) {
    return "reading DocumentReference allows asking for what one refers to";
  }
  return {};
}

}  // namespace
}  // namespace parts

namespace {

RequestDecision stopped(RequestDecision out, parts::Stop stop, Explanation* explain) {
  const bool unclear = stop.reason == Reason::interaction_unknown || stop.reason == Reason::scope_not_evaluable;
  out.decision = unclear ? indeterminate(stop.reason) : deny(stop.reason);
  out.parameter = std::move(stop.parameter);
  if (!stop.scope_hint.empty()) out.scope_hint = std::move(stop.scope_hint);
  parts::say(explain, out.parameter, name(stop.reason));
  return out;
}

}  // namespace

RequestDecision decide(const Access& access, const fhir::Interaction& interaction, Explanation* explain) {
  RequestDecision out;
  const auto letters = fhir::letters_needed(interaction.kind);
  out.plan.letters = letters;
  out.plan.search_type = interaction.type == "*" ? std::string{} : interaction.type;
  parts::say(explain, interaction.type, name(interaction.kind));
  const auto excuse = parts::permitted_without_letter(access, interaction);
  if (!excuse.empty()) parts::say(explain, {}, excuse);
  if (excuse.empty() && !interaction.type.empty() && interaction.type != "*") {
    for (const char letter : letters) {
      if (parts::covered(access, letter, interaction.type)) continue;
      parts::say(explain, {}, "no usable scope allows the letters that the interaction needs on this type");
      out.scope_hint = access.scope_hint(letters, interaction.type);
      return stopped(std::move(out), {access.reason_without_rule(letter, interaction.type), {}}, explain);
    }
  }
  if (auto stop = parts::judge(access, interaction, out.plan, explain)) {
    // A plan that was begun is no plan: nobody may act on it.
    const auto type = std::move(out.plan.search_type);
    out.plan = {};
    out.plan.letters = letters;
    out.plan.search_type = type;
    return stopped(std::move(out), std::move(*stop), explain);
  }
  if (explain != nullptr && !letters.empty()) {
    for (const auto& rule : access.rules()) {
      const bool of_type = interaction.type.empty() || interaction.type == "*" ||
                           std::ranges::any_of(letters, [&](char c) { return rule.covers(c, interaction.type); });
      if (of_type) parts::say(explain, rule.scope, "may permit, by the content of each resource");
    }
  }
  out.decision = permit();
  return out;
}

}  // namespace mitral::policy
