// Operations of the closed list: their parameters, and which types may come back (smart-fhir §3.3, §4.9; threats S-7,
// S-14, S-22). A parameter that is not listed here is refused: nobody knows what it would do.
#include <algorithm>
#include <array>

#include "base/limits.h"
#include "codec/text.h"
#include "fhir/r4.h"
#include "fhir/reference.h"
#include "policy/fhir_decision_parts.h"
#include "policy/fhir_operations.h"

namespace mitral::policy::parts {
namespace {

using fhir::Interaction;
using fhir::QueryParam;

constexpr auto kOutputFormats = std::to_array<std::string_view>(
    {"application/fhir+ndjson", "application/fhir ndjson", "application/ndjson", "ndjson"});
constexpr auto kAssociatedData =
    std::to_array<std::string_view>({"LatestProvenanceResources", "RelevantProvenanceResources"});
constexpr std::uint64_t kLastNMax = 100;

/// What an operation that stores nothing may be given.
struct Allowed {
  std::string_view operation;
  std::string_view names;
};
constexpr auto kStateless = std::to_array<Allowed>({
    {"expand",
     "url valueSetVersion filter offset count includeDesignations includeDefinition activeOnly excludeNested "
     "excludeNotForUI displayLanguage date"},
    {"lookup", "code system version date displayLanguage property"},
    {"translate", "url conceptMapVersion code system version source target targetsystem reverse"},
    {"validate", "profile mode"},
    {"validate-code", "url code system version systemVersion valueSetVersion display date abstract displayLanguage"},
});

template <class List>
bool one_of(const List& list, std::string_view value) {
  return std::ranges::find(list, value) != std::end(list);
}

Stop stop(Reason reason, std::string_view parameter = {}) { return {reason, std::string(parameter)}; }

class Operation {
 public:
  Operation(const Access& access, const Interaction& interaction, const OperationRule& rule, Plan& plan)
      : access_(access), interaction_(interaction), rule_(rule), plan_(plan) {}

  Step judge() {
    switch (rule_.treatment) {
      case Treatment::everything: return everything();
      case Treatment::document: return document();
      case Treatment::search_like: return rule_.name == "lastn" ? lastn() : docref();
      case Treatment::export_data: return export_data();
      case Treatment::stateless: return stateless();
    }
    return stop(Reason::operation_denied);
  }

 private:
  [[nodiscard]] Step lacking(std::string_view letters, std::string_view type) const {
    return Stop{access_.reason_without_rule(letters.back(), type), {}, access_.scope_hint(letters, type)};
  }

  Step pass(const QueryParam& param, std::string value) {
    plan_.kept.push_back(param);
    plan_.forward.push_back({param.name, std::move(value), param.from_body});
    return {};
  }

  /// How the answer is written is the gateway's business.
  static bool is_format(const QueryParam& param) { return param.name == "_format" || param.name == "_pretty"; }

  /// Patient/p/$everything: only of a patient within the bound. An Encounter's owner is known by what comes back.
  Step everything() {
    const bool patient = interaction_.type == "Patient";
    auto types = covered_types(access_, 's', patient ? std::string_view(interaction_.id) : std::string_view{});
    if (types.empty()) {
      if (patient && !covered_types(access_, 's').empty()) return stop(Reason::foreign_patient);
      return lacking("s", "*");
    }
    for (const auto& param : interaction_.params) {
      if (is_format(param)) continue;
      if (param.name == "_type") {
        if (auto stopped = intersect_types(param.value, types)) return stopped;
        if (types.empty()) return Stop{Reason::insufficient_scope, "_type", access_.scope_hint("s", "*")};
        plan_.kept.push_back(param);
      } else if (param.name == "_count") {
        auto number = page_count(param.value);
        if (!number) return stop(Reason::parameter_malformed, "_count");
        (void)pass(param, std::move(*number));
      } else if (param.name == "_since" || (patient && (param.name == "start" || param.name == "end"))) {
        if (!is_date_like(param.value)) return stop(Reason::parameter_malformed, param.name);
        (void)pass(param, param.value);
      } else {
        return stop(Reason::parameter_unknown);
      }
    }
    set_types(plan_, std::move(types), interaction_.method == codec::Method::post);
    return {};
  }

  /// The document is read; storing it (`persist`) would be a write that nobody judged.
  Step document() {
    if (!covered(access_, 'r', "Composition")) return lacking("r", "Composition");
    for (const auto& param : interaction_.params) {
      if (is_format(param) || (param.name == "persist" && param.value == "false")) continue;
      if (param.name == "persist" || param.name == "graph") return stop(Reason::parameter_denied, param.name);
      return stop(Reason::parameter_unknown);
    }
    plan_.types = covered_types(access_, 'r');
    return {};
  }

  /// A search of Observation with `max`: the same policy, the same bound.
  Step lastn() {
    if (!covered(access_, 's', "Observation")) return lacking("s", "Observation");
    std::vector<QueryParam> rest;
    const QueryParam* max = nullptr;
    for (const auto& param : interaction_.params) {
      if (param.name != "max") {
        rest.push_back(param);
        continue;
      }
      const auto number = codec::parse_uint(param.value);
      if (max != nullptr || !number || *number == 0 || *number > kLastNMax) {
        return stop(Reason::parameter_malformed, "max");
      }
      max = &param;
    }
    const Frame frame(access_, 's', "Observation");
    plan_.types = {"Observation"};
    plan_.unlimited = frame.unlimited;
    if (auto stopped = judge_search({access_, "Observation", frame, SearchUse::answer}, rest, plan_)) return stopped;
    // How many per code is counted before anything is hidden: a summary of that would tell of the rest.
    if (plan_.summary == Summary::count) return stop(Reason::parameter_unsupported, "_summary");
    if (max != nullptr) (void)pass(*max, max->value);
    return {};
  }

  /// US Core: the patient is demanded, and it is one within the bound.
  Step docref() {
    if (!covered(access_, 's', "DocumentReference")) return lacking("s", "DocumentReference");
    const Frame frame(access_, 's', "DocumentReference");
    plan_.types = {"DocumentReference"};
    plan_.unlimited = frame.unlimited;
    bool named = false;
    for (const auto& param : interaction_.params) {
      if (is_format(param)) continue;
      if (param.name == "patient") {
        if (named) return stop(Reason::parameter_malformed, "patient");
        named = true;
        const auto id = patient_id(param.value);
        if (id.empty()) return stop(Reason::parameter_malformed, "patient");
        if (frame.bounded && !frame.has(id)) return stop(Reason::foreign_patient, "patient");
        (void)pass(param, std::string(id));
      } else if (param.name == "start" || param.name == "end") {
        if (!is_date_like(param.value)) return stop(Reason::parameter_malformed, param.name);
        (void)pass(param, param.value);
      } else if (param.name == "type") {
        if (!fhir::parse_condition("DocumentReference", "type", param.value)) {
          return stop(Reason::parameter_malformed, "type");
        }
        (void)pass(param, param.value);
      } else if (param.name == "on-demand") {
        if (param.value != "true" && param.value != "false") return stop(Reason::parameter_malformed, param.name);
        (void)pass(param, param.value);
      } else {
        return stop(Reason::parameter_unknown);
      }
    }
    if (named) return {};
    if (!frame.bounded || frame.patients.size() != 1) return stop(Reason::parameter_malformed, "patient");
    plan_.forward.push_back({"patient", frame.patients.front(), interaction_.method == codec::Method::post});
    return {};
  }

  /// "p", "Patient/p" or the same below the own base; empty for anything else.
  [[nodiscard]] std::string_view patient_id(std::string_view text) const {
    if (fhir::is_id(text)) return text;
    const auto reference = fhir::parse_reference(text, access_.own_base());
    const bool plain = reference.kind == fhir::ReferenceKind::local && reference.type == "Patient";
    return plain && reference.version.empty() ? reference.id : std::string_view{};
  }

  // ------------------------------------------------------------------------------------------------ Bulk Data

  /// Does a system/ scope cover the letter on the type? No user's right, however wide, starts an export.
  [[nodiscard]] bool by_system(char letter, std::string_view type) const {
    return std::ranges::any_of(access_.rules(), [&](const AccessRule& rule) {
      return rule.context == spec::smart::ScopeContext::system && rule.covers(letter, type);
    });
  }

  /// Which groups a client may export is what it may read. The Group itself is not at hand: a restriction that needs
  /// more than its id justifies nothing.
  [[nodiscard]] bool group_allowed() const {
    const auto group = codec::Json::object({{"resourceType", "Group"}, {"id", codec::Json(interaction_.id)}});
    return std::ranges::any_of(access_.rules(), [&](const AccessRule& rule) {
      const bool by_id = std::ranges::all_of(rule.restrictions, [](const auto& r) { return r.param == "_id"; });
      return rule.context == spec::smart::ScopeContext::system && rule.covers('r', "Group") && by_id &&
             conditions_hold(rule, group, access_.own_base());
    });
  }

  Step export_data() {
    std::vector<std::string> types;
    for (const auto type : fhir::resource_types()) {
      if (by_system('r', type) && by_system('s', type)) types.emplace_back(type);
    }
    if (types.empty()) return Stop{access_.reason_without_rule('s', "*"), {}, "system/*.rs"};
    if (interaction_.type == "Group" && !group_allowed()) {
      return Stop{Reason::insufficient_scope, {}, "system/Group.rs"};
    }
    for (const auto& param : interaction_.params) {
      if (param.name != "_type") continue;
      if (auto stopped = export_types(param, types)) return stopped;
    }
    for (const auto& param : interaction_.params) {
      if (param.name == "_type") continue;
      if (auto stopped = export_parameter(param, types)) return stopped;
    }
    plan_.unlimited = std::ranges::all_of(
        types, [&](const std::string& type) { return unlimited(access_, 'r', type) || unlimited(access_, 's', type); });
    set_types(plan_, std::move(types), interaction_.method == codec::Method::post);
    return {};
  }

  /// Each type that is asked for must be granted: leaving one out silently would look like "there are none".
  Step export_types(const QueryParam& param, std::vector<std::string>& types) {
    for (const auto type : codec::split(param.value, ',')) {
      if (!fhir::is_resource_type(type)) return stop(Reason::parameter_malformed, "_type");
      if (!one_of(types, type)) {
        return Stop{Reason::insufficient_scope, "_type", "system/" + std::string(type) + ".rs"};
      }
    }
    plan_.kept.push_back(param);
    return intersect_types(param.value, types);
  }

  Step export_parameter(const QueryParam& param, const std::vector<std::string>& types) {
    const auto& name = param.name;
    if (name == "_outputFormat") {
      if (!one_of(kOutputFormats, param.value)) return stop(Reason::parameter_unsupported, name);
      return pass(param, "application/fhir+ndjson");
    }
    if (name == "_since" || name == "_until") {
      if (!is_date_like(param.value)) return stop(Reason::parameter_malformed, name);
      return pass(param, param.value);
    }
    // What the lines are judged by must be in them: projected by the gateway, if at all.
    if (name == "_elements") return export_elements(param);
    // A filter is a search of its own in each type, and upstream's answer to one that it does not know is everything.
    if (name == "_typeFilter") return stop(Reason::parameter_denied, name);
    if (name == "patient") {
      const auto reference = fhir::parse_reference(param.value, access_.own_base());
      if (!param.from_body || interaction_.type.empty()) return stop(Reason::parameter_denied, name);
      if (reference.kind != fhir::ReferenceKind::local || reference.type != "Patient" || !reference.version.empty()) {
        return stop(Reason::parameter_malformed, name);
      }
      return pass(param, "Patient/" + std::string(reference.id));
    }
    if (name == "includeAssociatedData") {
      if (!one_of(kAssociatedData, param.value)) return stop(Reason::parameter_unsupported, name);
      if (!one_of(types, "Provenance")) return Stop{Reason::insufficient_scope, name, "system/Provenance.rs"};
      return pass(param, param.value);
    }
    if (name == "organizeOutputBy") {
      if (!fhir::is_resource_type(param.value)) return stop(Reason::parameter_malformed, name);
      return pass(param, param.value);
    }
    if (name == "allowPartialManifests") {
      if (param.value != "true" && param.value != "false") return stop(Reason::parameter_malformed, name);
      return pass(param, param.value);
    }
    return stop(Reason::parameter_unknown);
  }

  Step export_elements(const QueryParam& param) {
    for (const auto element : codec::split(param.value, ',')) {
      const bool plain = !element.empty() && std::ranges::all_of(element, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
      });
      if (!plain) return stop(Reason::parameter_malformed, "_elements");
      plan_.elements.emplace_back(element);
    }
    plan_.kept.push_back(param);
    return {};
  }

  // ------------------------------------------------------------------------------------------------ stateless

  Step stateless() {
    if (!covered(access_, 'r', interaction_.type)) return lacking("r", interaction_.type);
    const auto row = std::ranges::find(kStateless, rule_.name, &Allowed::operation);
    if (row == kStateless.end()) return stop(Reason::operation_denied);
    const auto names = codec::split_words(row->names);
    for (const auto& param : interaction_.params) {
      if (is_format(param)) continue;
      if (!one_of(names, param.name)) return stop(Reason::parameter_unknown);
      // The other modes of $validate ask about something that is stored.
      if (param.name == "mode" && param.value != "create" && param.value != "profile") {
        return stop(Reason::parameter_denied, "mode");
      }
      (void)pass(param, param.value);
    }
    return {};
  }

  const Access& access_;
  const Interaction& interaction_;
  const OperationRule& rule_;
  Plan& plan_;
};

}  // namespace

Step judge_operation(const Access& access, const Interaction& interaction, Plan& plan, Explanation* explain) {
  const auto* const rule = find_operation(interaction);
  if (rule == nullptr) {
    say(explain, {}, "this operation is not offered here, whatever the scopes");
    return Stop{Reason::operation_denied, {}};
  }
  plan.operation = rule;
  plan.letters = rule->letters;
  plan.search_type = rule->treatment == Treatment::search_like ? rule->answers_with : std::string_view{};
  auto stopped = Operation(access, interaction, *rule, plan).judge();
  if (!stopped) say(explain, rule->name, "permitted; each resource of the answer is judged by its content");
  return stopped;
}

}  // namespace mitral::policy::parts
