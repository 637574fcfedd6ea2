// decide(): the gate by type and letter, and the policy of search parameters (FHIR R4 search.html; threats S-8 to S-13,
// S-19).
#include <algorithm>
#include <array>

#include "base/limits.h"
#include "codec/text.h"
#include "fhir/r4.h"
#include "fhir/reference.h"
#include "policy/fhir_decision.h"

namespace mitral::policy {
namespace {

using fhir::Interaction;
using fhir::InteractionKind;
using fhir::ParamType;
using fhir::QueryParam;

/// Parameters that ask for more than a resource's own content can answer, or by a predicate that cannot be read here.
constexpr auto kDenied = std::to_array<std::string_view>(
    {"_contained", "_containedType", "_content", "_filter", "_has", "_list", "_query", "_text", "_type"});
constexpr auto kSummaries = std::to_array<std::string_view>({"count", "data", "text", "true"});
constexpr auto kTotals = std::to_array<std::string_view>({"accurate", "estimate", "none"});

bool one_of(std::span<const std::string_view> list, std::string_view value) {
  return std::ranges::find(list, value) != list.end();
}

struct Stop {
  Reason reason;
  std::string parameter;
};
using Step = std::optional<Stop>;

/// What the rules that cover a letter on a type have in common.
struct Frame {
  std::vector<const AccessRule*> rules;
  std::vector<std::string> patients;  ///< union of all bounds
  bool bounded = true;                ///< no rule is without a bound
  bool unlimited = false;

  Frame(const Access& access, char letter, std::string_view type) {
    for (const auto& rule : access.rules()) {
      if (!rule.covers(letter, type)) continue;
      rules.push_back(&rule);
      bounded = bounded && rule.bound == AccessRule::Bound::patients;
      unlimited = unlimited || rule.unlimited();
      for (const auto& id : rule.patients) {
        if (std::ranges::find(patients, id) == patients.end()) patients.push_back(id);
      }
    }
    bounded = bounded && !rules.empty();
  }
  [[nodiscard]] bool has(std::string_view patient) const {
    return std::ranges::find(patients, patient) != patients.end();
  }
};

bool covered(const Access& access, char letter, std::string_view type) {
  return std::ranges::any_of(access.rules(), [&](const AccessRule& rule) { return rule.covers(letter, type); });
}

/// A parameter of FHIR's search control group, handled or refused; nullopt: not one of them.
class Search {
 public:
  Search(const Access& access, const Interaction& interaction, const Frame& frame, Plan& plan)
      : access_(access), type_(interaction.type), frame_(frame), plan_(plan) {}

  Step take(const QueryParam& param) {
    const auto colon = param.name.find(':');
    const auto base = std::string_view(param.name).substr(0, colon);
    const auto modifier =
        colon == std::string::npos ? std::string_view{} : std::string_view(param.name).substr(colon + 1);
    // Chains and reverse chains answer questions about resources that are not in the answer (HAPI #6065, S-9).
    if (param.name.find('.') != std::string::npos) return Stop{Reason::parameter_denied, {}};
    if (one_of(kDenied, base)) return Stop{Reason::parameter_denied, std::string(base)};
    if (base == "_format" || base == "_pretty") return modifier.empty() ? Step{} : Stop{Reason::parameter_denied, {}};
    if (base == "_include") return include(param, modifier, false);
    if (base == "_revinclude") return include(param, modifier, true);
    if (base == "_count" || base == "_sort" || base == "_elements" || base == "_summary" || base == "_total") {
      if (!modifier.empty()) return Stop{Reason::parameter_denied, std::string(base)};
      return control(base, param);
    }
    return ordinary(param, base, modifier);
  }

  /// The bound and the granular filter as additional AND parameters.
  void add_filters() {
    add_bound();
    add_restrictions();
  }

 private:
  Step control(std::string_view name, const QueryParam& param) {
    if (name == "_count") return count(param);
    if (name == "_sort") return sort(param);
    if (name == "_elements") return elements(param);
    if (name == "_summary") {
      // Summaries take away the elements that the bound is read from; a count tells of what is hidden (S-13).
      if (param.value == "false") return keep(param);
      return Stop{one_of(kSummaries, param.value) ? Reason::parameter_unsupported : Reason::parameter_malformed,
                  "_summary"};
    }
    // _total: upstream would count what is hidden. The gateway puts a total only where it is true.
    return one_of(kTotals, param.value) ? keep(param) : Stop{Reason::parameter_malformed, "_total"};
  }

  Step keep(const QueryParam& param) {
    plan_.kept.push_back(param);
    return {};
  }
  Step pass(const QueryParam& param, std::string value) {
    plan_.kept.push_back(param);
    plan_.forward.push_back({param.name, std::move(value), param.from_body});
    return {};
  }

  Step count(const QueryParam& param) {
    const auto number = codec::parse_uint(param.value);
    if (!number || seen_count_) return Stop{Reason::parameter_malformed, "_count"};
    seen_count_ = true;
    if (*number == 0) return Stop{Reason::parameter_unsupported, "_count"};  // means _summary=count
    return pass(param, std::to_string(std::min<std::uint64_t>(*number, limits::kFhirPageMax)));
  }

  Step sort(const QueryParam& param) {
    for (auto key : codec::split(param.value, ',')) {
      if (key.starts_with('-')) key.remove_prefix(1);
      if (fhir::find_param(type_, key) == nullptr) return Stop{Reason::parameter_unknown, "_sort"};
    }
    return pass(param, param.value);
  }

  Step elements(const QueryParam& param) {
    for (const auto name : codec::split(param.value, ',')) {
      if (name.empty() || !std::ranges::all_of(name, [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
          })) {
        return Stop{Reason::parameter_malformed, "_elements"};
      }
      plan_.elements.emplace_back(name);
    }
    return keep(param);
  }

  /// _include=Source:param[:Target], _revinclude=Source:param[:Target].
  Step include(const QueryParam& param, std::string_view modifier, bool reverse) {
    const auto* const name = reverse ? "_revinclude" : "_include";
    const auto parts = codec::split(param.value, ':');
    // :iterate and wildcards reach what nobody named; every path must be one that was asked for and judged.
    if (!modifier.empty() || param.value.find('*') != std::string::npos) return Stop{Reason::parameter_denied, name};
    if (parts.size() < 2 || parts.size() > 3) return Stop{Reason::parameter_malformed, name};
    const auto* const path = fhir::find_param(parts[0], parts[1]);
    const auto target = parts.size() == 3 ? parts[2] : path != nullptr ? path->target : std::string_view{};
    if (path == nullptr || path->type != ParamType::reference) return Stop{Reason::parameter_unknown, name};
    if (!target.empty() && !fhir::is_resource_type(target)) return Stop{Reason::parameter_malformed, name};
    if (reverse ? !target.empty() && target != type_ : parts[0] != type_) return Stop{Reason::parameter_denied, name};
    const bool allowed = reverse ? covered(access_, 's', parts[0])
                                 : target.empty() || covered(access_, 'r', target) || covered(access_, 's', target);
    if (!allowed) {
      plan_.left_out.push_back(std::string(name) + "=" + param.value);
      return {};
    }
    plan_.by_include = plan_.by_include || !reverse;
    return pass(param, param.value);
  }

  Step ordinary(const QueryParam& param, std::string_view base, std::string_view modifier) {
    const auto* const known = fhir::find_param(type_, base);
    if (known == nullptr) return Stop{Reason::parameter_unknown, {}};
    if (frame_.bounded && is_bound(*known)) return bound(param, *known, modifier);
    if (!fhir::parse_condition(type_, param.name, param.value))
      return Stop{Reason::parameter_malformed, std::string(base)};
    return pass(param, known->type == ParamType::reference ? relative(param.value) : param.value);
  }

  /// Does the parameter say whose the resources are?
  [[nodiscard]] bool is_bound(const fhir::SearchParam& param) const {
    if (type_ == "Patient") return param.name == "_id";
    if (param.type != ParamType::reference) return false;
    return param.name == "patient" || param.name == "subject" ||
           (param.paths == fhir::patient_link(type_).own && (param.target.empty() || param.target == "Patient"));
  }

  /// Every alternative must name a patient within the bound; spelled anew, so that upstream reads what was judged
  /// (S-19).
  Step bound(const QueryParam& param, const fhir::SearchParam& known, std::string_view modifier) {
    const bool itself = type_ == "Patient";
    const bool subject_like = known.name == "patient" || known.name == "subject" || itself;
    if (!(modifier.empty() || (modifier == "Patient" && !itself)) ||
        param.value.find_first_of("\\|") != std::string::npos) {
      return Stop{Reason::parameter_denied, std::string(known.name)};
    }
    std::string canonical;
    for (const auto alternative : codec::split(param.value, ',')) {
      std::string_view id = alternative;
      if (!fhir::is_id(alternative)) {
        const auto reference = fhir::parse_reference(alternative, access_.own_base());
        if (itself || reference.kind != fhir::ReferenceKind::local || !reference.version.empty()) {
          return Stop{Reason::parameter_malformed, std::string(known.name)};
        }
        if (reference.type != "Patient") {
          // Appointment?actor=Practitioner/1: the other side of a many-sided link, an ordinary condition.
          if (subject_like || modifier == "Patient") return Stop{Reason::foreign_patient, std::string(known.name)};
          append(canonical, std::string(reference.type) + "/" + std::string(reference.id));
          continue;
        }
        id = reference.id;
      }
      if (!frame_.has(id)) return Stop{Reason::foreign_patient, std::string(known.name)};
      append(canonical, itself ? std::string(id) : "Patient/" + std::string(id));
      if (subject_like) named_ = true;
    }
    plan_.kept.push_back(param);
    plan_.forward.push_back({std::string(known.name), std::move(canonical), param.from_body});
    return {};
  }

  static void append(std::string& list, const std::string& item) {
    if (!list.empty()) list += ',';
    list += item;
  }

  /// Upstream may not know the public base: references below it become relative.
  [[nodiscard]] std::string relative(std::string value) const {
    const auto base = access_.own_base() + "/";
    if (base.size() == 1) return value;
    for (auto at = value.find(base); at != std::string::npos; at = value.find(base, at)) value.erase(at, base.size());
    return value;
  }

  void add_bound() {
    if (!frame_.bounded || named_) return;
    const auto access = fhir::patient_link(type_).access;
    if (access == fhir::PatientAccess::shared || access == fhir::PatientAccess::denied) return;
    // Provenance belongs to a patient through its targets: bound by them alone it would lose all but the Patient's own.
    if (access == fhir::PatientAccess::provenance &&
        std::ranges::any_of(plan_.forward, [](const QueryParam& p) { return p.name == "target" || p.name == "_id"; })) {
      return;
    }
    const auto name = bound_parameter(type_);
    if (name.empty()) return;
    std::string value;
    for (const auto& id : frame_.patients) append(value, name == "_id" ? id : "Patient/" + id);
    plan_.forward.push_back({std::string(name), std::move(value), false});
  }

  /// Only a filter that keeps all that any rule may show can be sent: one rule's, or one parameter of all rules as OR.
  void add_restrictions() {
    const auto& rules = frame_.rules;
    if (rules.size() == 1) {
      for (const auto& restriction : rules.front()->restrictions) {
        plan_.forward.push_back({restriction.param, restriction.value(), false});
      }
      return;
    }
    std::string value;
    for (const auto* const rule : rules) {
      if (rule->restrictions.size() != 1 ||
          rule->restrictions.front().param != rules.front()->restrictions.front().param)
        return;
      append(value, rule->restrictions.front().value());
    }
    if (!value.empty()) plan_.forward.push_back({rules.front()->restrictions.front().param, std::move(value), false});
  }

  const Access& access_;
  std::string_view type_;
  const Frame& frame_;
  Plan& plan_;
  bool seen_count_ = false;
  bool named_ = false;  ///< the client itself named patients within the bound
};

/// Parameters of read, vread and history: what shapes the answer, and the time window of a history.
Step take_plain(const QueryParam& param, bool history, Plan& plan) {
  if (param.name == "_format" || param.name == "_pretty") return {};
  if (param.name == "_summary" && param.value == "false") return {};
  if (param.name == "_summary") return Stop{Reason::parameter_unsupported, "_summary"};
  if (history && param.name == "_count") {
    const auto number = codec::parse_uint(param.value);
    if (!number || *number == 0) return Stop{Reason::parameter_malformed, "_count"};
    plan.kept.push_back(param);
    plan.forward.push_back({param.name, std::to_string(std::min<std::uint64_t>(*number, limits::kFhirPageMax)), false});
    return {};
  }
  if (history && (param.name == "_since" || param.name == "_at")) {
    const bool plain = !param.value.empty() && std::ranges::all_of(param.value, [](char c) {
      return (c >= '0' && c <= '9') || c == '-' || c == ':' || c == '.' || c == 'T' || c == 'Z' || c == '+';
    });
    if (!plain) return Stop{Reason::parameter_malformed, param.name};
    plan.kept.push_back(param);
    plan.forward.push_back({param.name, param.value, false});
    return {};
  }
  if (!history && param.name == "_elements") {
    for (const auto name : codec::split(param.value, ',')) {
      if (name.empty()) return Stop{Reason::parameter_malformed, "_elements"};
      plan.elements.emplace_back(name);
    }
    return {};
  }
  return Stop{one_of(kDenied, param.name) ? Reason::parameter_denied : Reason::parameter_unknown, {}};
}

RequestDecision stopped(RequestDecision out, Reason reason, std::string parameter = {}) {
  out.decision.verdict = reason == Reason::interaction_unknown || reason == Reason::scope_not_evaluable
                             ? Verdict::indeterminate
                             : Verdict::deny;
  out.decision.reason = reason;
  out.parameter = std::move(parameter);
  return out;
}

/// GET /Patient/p/Type is the same as a search of the type bound to p by its own element.
Step bind_compartment(const Interaction& interaction, const Frame& frame, Plan& plan) {
  const auto name = bound_parameter(interaction.type);
  if (interaction.compartment_type != "Patient" || interaction.type == "*" || name.empty()) {
    return Stop{Reason::interaction_not_offered, {}};
  }
  if (frame.bounded && !frame.has(interaction.compartment_id)) return Stop{Reason::foreign_patient, {}};
  const auto& id = interaction.compartment_id;
  plan.forward.push_back({std::string(name), name == "_id" ? id : "Patient/" + id, false});
  return {};
}

Step judge_parameters(const Access& access, const Interaction& interaction, const Frame& frame, Plan& plan) {
  const bool search =
      interaction.kind == InteractionKind::search_type || interaction.kind == InteractionKind::search_compartment;
  if (!search) {
    const bool history =
        interaction.kind == InteractionKind::history_instance || interaction.kind == InteractionKind::history_type;
    for (const auto& param : interaction.params) {
      if (auto stop = take_plain(param, history, plan)) return stop;
    }
    return {};
  }
  if (interaction.kind == InteractionKind::search_compartment) {
    if (auto stop = bind_compartment(interaction, frame, plan)) return stop;
  }
  Search state(access, interaction, frame, plan);
  for (const auto& param : interaction.params) {
    if (auto stop = state.take(param)) return stop;
  }
  state.add_filters();
  return {};
}

bool offered(InteractionKind kind) noexcept {
  switch (kind) {
    case InteractionKind::read:
    case InteractionKind::vread:
    case InteractionKind::history_instance:
    case InteractionKind::history_type:
    case InteractionKind::search_type:
    case InteractionKind::search_compartment: return true;
    default: return false;
  }
}

}  // namespace

RequestDecision decide(const Access& access, const Interaction& interaction, Explanation* explain) {
  RequestDecision out;
  const auto note = [&](std::string_view line) {
    if (explain != nullptr) explain->emplace_back(line);
  };
  if (interaction.kind == InteractionKind::unknown) return stopped(std::move(out), Reason::interaction_unknown);
  const auto letters = fhir::letters_needed(interaction.kind);
  out.plan.letters = letters;
  out.plan.search_type = interaction.type;
  const bool self = interaction.kind == InteractionKind::read && !interaction.type.empty() &&
                    interaction.type == access.self_type() && interaction.id == access.self_id();
  if (self) note("fhirUser: the user's own resource");
  if (!self && !interaction.type.empty() && interaction.type != "*") {
    for (const char letter : letters) {
      if (covered(access, letter, interaction.type)) continue;
      note("no usable scope allows the letters that the interaction needs on this type");
      out.scope_hint = access.scope_hint(letters, interaction.type);
      return stopped(std::move(out), access.reason_without_rule(letter, interaction.type));
    }
  }
  if (!offered(interaction.kind)) {
    note("interaction is not offered by this gateway");
    return stopped(std::move(out), Reason::interaction_not_offered);
  }
  const char letter = letters.front();
  const Frame frame(access, letter, interaction.type);
  out.plan.unlimited = frame.unlimited;
  if (auto stop = judge_parameters(access, interaction, frame, out.plan)) {
    note("a parameter is not allowed: see its name");
    return stopped(std::move(out), stop->reason, std::move(stop->parameter));
  }
  for (const auto* const rule : frame.rules) note(rule->scope + ": may permit, by the content of each resource");
  out.decision = permit();
  return out;
}

}  // namespace mitral::policy
