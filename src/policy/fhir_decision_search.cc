// The policy of search parameters (FHIR R4 search.html; smart-fhir §4.4; threats S-8 to S-13, S-19).
#include <algorithm>
#include <array>

#include "base/limits.h"
#include "codec/text.h"
#include "fhir/r4.h"
#include "fhir/reference.h"
#include "policy/fhir_decision_parts.h"

namespace mitral::policy::parts {
namespace {

using fhir::ParamType;
using fhir::QueryParam;

/// Parameters that ask for more than a resource's own content can answer, or by a predicate that cannot be read here.
constexpr auto kDenied = std::to_array<std::string_view>(
    {"_contained", "_containedType", "_content", "_filter", "_list", "_query", "_text", "_type"});
constexpr auto kControls =
    std::to_array<std::string_view>({"_count", "_elements", "_include", "_revinclude", "_sort", "_summary", "_total"});
constexpr auto kTotals = std::to_array<std::string_view>({"accurate", "estimate", "none"});
constexpr std::string_view kHas = "_has:";
constexpr int kHopsMax = 2;  // of chains and reverse chains: what US Core and its kin know

bool one_of(std::span<const std::string_view> list, std::string_view value) {
  return std::ranges::find(list, value) != list.end();
}

Stop stop(Reason reason, std::string_view parameter) { return {reason, std::string(parameter)}; }

class Search {
 public:
  Search(const SearchCall& call, Plan& plan)
      : access_(call.access), type_(call.type), frame_(call.frame), use_(call.use), plan_(plan) {}

  Step take(const QueryParam& param) {
    const auto colon = param.name.find(':');
    const auto base = std::string_view(param.name).substr(0, colon);
    const auto modifier =
        colon == std::string::npos ? std::string_view{} : std::string_view(param.name).substr(colon + 1);
    if (base == "_has") return reverse_chain(param);
    if (one_of(kDenied, base)) return stop(Reason::parameter_denied, base);
    if (param.name.find('.') != std::string::npos) return chain(param);
    if (base == "_format" || base == "_pretty") return modifier.empty() ? Step{} : stop(Reason::parameter_denied, {});
    if (one_of(kControls, base)) {
      // What shapes an answer has no place in a condition that nobody sees the answer of.
      if (use_ == SearchUse::condition) return stop(Reason::parameter_denied, base);
      if (base == "_include") return include(param, modifier, false);
      if (base == "_revinclude") return include(param, modifier, true);
      if (!modifier.empty()) return stop(Reason::parameter_denied, base);
      return control(base, param);
    }
    return ordinary(param, base, modifier);
  }

  /// The bound and the granular filter as additional AND parameters.
  Step finish() {
    // "Delete all that match nothing in particular" is refused whatever the rights.
    if (use_ == SearchUse::condition && !conditioned_) return stop(Reason::parameter_malformed, {});
    add_bound();
    add_restrictions();
    return {};
  }

 private:
  Step control(std::string_view name, const QueryParam& param) {
    if (name == "_count") return count(param);
    if (name == "_sort") return sort(param);
    if (name == "_elements") return elements(param);
    if (name == "_summary") return summary(param);
    // _total: upstream would count what is hidden. The gateway puts a total only where it is true.
    return one_of(kTotals, param.value) ? keep(param) : stop(Reason::parameter_malformed, "_total");
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

  /// Nothing of it reaches upstream: what is judged must be whole, and upstream would count what is hidden (S-13).
  Step summary(const QueryParam& param) {
    if (seen_summary_) return stop(Reason::parameter_malformed, "_summary");
    seen_summary_ = true;
    if (param.value == "false") return keep(param);
    if (param.value == "count") {
      plan_.summary = Summary::count;
    } else if (param.value == "text") {
      plan_.summary = Summary::text;
    } else if (param.value == "data") {
      plan_.summary = Summary::data;
    } else if (param.value == "true") {
      plan_.summary = Summary::elements;
    } else {
      return stop(Reason::parameter_malformed, "_summary");
    }
    return keep(param);
  }

  Step count(const QueryParam& param) {
    const auto number = codec::parse_uint(param.value);
    if (!number || seen_count_) return stop(Reason::parameter_malformed, "_count");
    seen_count_ = true;
    if (*number == 0) {
      plan_.summary = Summary::count;  // FHIR R4 search §3.1.1.5.4: the same as _summary=count
      return keep(param);
    }
    return pass(param, std::to_string(std::min<std::uint64_t>(*number, limits::kFhirPageMax)));
  }

  /// By values that whoever sees the resource sees too: the order tells nothing else.
  Step sort(const QueryParam& param) {
    for (auto key : codec::split(param.value, ',')) {
      if (key.starts_with('-')) key.remove_prefix(1);
      if (fhir::find_param(type_, key) == nullptr) return stop(Reason::parameter_unknown, "_sort");
      if (key == "_security" && access_.hides_labels()) return stop(Reason::parameter_denied, "_sort");
    }
    return pass(param, param.value);
  }

  Step elements(const QueryParam& param) {
    for (const auto name : codec::split(param.value, ',')) {
      if (name.empty() || !std::ranges::all_of(name, [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
          })) {
        return stop(Reason::parameter_malformed, "_elements");
      }
      plan_.elements.emplace_back(name);
    }
    return keep(param);
  }

  /// _include=Source:param[:Target], _revinclude=Source:param[:Target].
  Step include(const QueryParam& param, std::string_view modifier, bool reverse) {
    const std::string_view name = reverse ? "_revinclude" : "_include";
    const auto parts = codec::split(param.value, ':');
    // :iterate and wildcards reach what nobody named; every path must be one that was asked for and judged.
    if (!modifier.empty() || param.value.find('*') != std::string::npos) return stop(Reason::parameter_denied, name);
    if (parts.size() < 2 || parts.size() > 3) return stop(Reason::parameter_malformed, name);
    const auto* const path = fhir::find_param(parts[0], parts[1]);
    const auto target = parts.size() == 3 ? parts[2] : path != nullptr ? path->target : std::string_view{};
    if (path == nullptr || path->type != ParamType::reference) return stop(Reason::parameter_unknown, name);
    if (!target.empty() && !fhir::is_resource_type(target)) return stop(Reason::parameter_malformed, name);
    if (reverse ? !target.empty() && target != type_ : parts[0] != type_) return stop(Reason::parameter_denied, name);
    const bool allowed = reverse ? covered(access_, 's', parts[0])
                                 : target.empty() || covered(access_, 'r', target) || covered(access_, 's', target);
    if (!allowed) {
      plan_.left_out.push_back(std::string(name) + "=" + param.value);
      return {};
    }
    plan_.by_include = plan_.by_include || !reverse;
    return pass(param, param.value);
  }

  /// "link[:Type].param": the answer tells of the resource that the link leads to, which need not be in the answer
  /// (HAPI #6065, S-9). Fine for whoever may see all of that type anyway.
  Step chain(const QueryParam& param) {
    std::string_view rest = param.name;
    std::string_view type = type_;
    if (use_ == SearchUse::condition || !frame_.unlimited) return stop(Reason::parameter_denied, {});
    int hops = 0;
    for (auto dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.')) {
      const auto link = rest.substr(0, dot);
      rest.remove_prefix(dot + 1);
      const auto colon = link.find(':');
      const auto* const known = fhir::find_param(type, link.substr(0, colon));
      if (++hops > kHopsMax) return stop(Reason::parameter_denied, {});
      if (known == nullptr) return stop(Reason::parameter_unknown, {});
      if (known->type != ParamType::reference) return stop(Reason::parameter_malformed, known->name);
      const auto target = colon == std::string_view::npos ? known->target : link.substr(colon + 1);
      // Which type is meant must be said, or upstream would follow the link to every type.
      if (!fhir::is_resource_type(target) || (!known->target.empty() && known->target != target) ||
          !unlimited(access_, 's', target)) {
        return stop(Reason::parameter_denied, known->name);
      }
      type = target;
    }
    return end_of_hops(param, type, rest);
  }

  /// "_has:Source:link:param", possibly nested: the same the other way round.
  Step reverse_chain(const QueryParam& param) {
    std::string_view rest = param.name;
    std::string_view type = type_;
    if (use_ == SearchUse::condition || !frame_.unlimited) return stop(Reason::parameter_denied, "_has");
    int hops = 0;
    for (; rest.starts_with(kHas); ++hops) {
      rest.remove_prefix(kHas.size());
      const auto first = rest.find(':');
      const auto second = first == std::string_view::npos ? first : rest.find(':', first + 1);
      if (second == std::string_view::npos) return stop(Reason::parameter_malformed, "_has");
      const auto source = rest.substr(0, first);
      const auto* const link = fhir::find_param(source, rest.substr(first + 1, second - first - 1));
      if (hops >= kHopsMax) return stop(Reason::parameter_denied, "_has");
      if (link == nullptr) return stop(Reason::parameter_unknown, "_has");
      if (link->type != ParamType::reference || (!link->target.empty() && link->target != type)) {
        return stop(Reason::parameter_malformed, "_has");
      }
      if (!unlimited(access_, 's', source)) return stop(Reason::parameter_denied, "_has");
      type = source;
      rest.remove_prefix(second + 1);
    }
    if (hops == 0 || rest.find('.') != std::string_view::npos) return stop(Reason::parameter_denied, "_has");
    return end_of_hops(param, type, rest);
  }

  Step end_of_hops(const QueryParam& param, std::string_view type, std::string_view name) {
    const auto* const known = fhir::find_param(type, name.substr(0, name.find(':')));
    if (known == nullptr) return stop(Reason::parameter_unknown, {});
    if (!fhir::parse_condition(type, name, param.value)) return stop(Reason::parameter_malformed, known->name);
    return pass(param, known->type == ParamType::reference ? relative(param.value) : param.value);
  }

  Step ordinary(const QueryParam& param, std::string_view base, std::string_view modifier) {
    const auto* const known = fhir::find_param(type_, base);
    if (known == nullptr) return stop(Reason::parameter_unknown, {});
    // The answer would tell which resources carry a label that this token must not see.
    if (base == "_security" && access_.hides_labels()) return stop(Reason::parameter_denied, base);
    conditioned_ = true;
    if (frame_.bounded && is_bound(*known)) return bound(param, *known, modifier);
    if (!fhir::parse_condition(type_, param.name, param.value)) return stop(Reason::parameter_malformed, base);
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
      return stop(Reason::parameter_denied, known.name);
    }
    std::string canonical;
    for (const auto alternative : codec::split(param.value, ',')) {
      std::string_view id = alternative;
      if (!fhir::is_id(alternative)) {
        const auto reference = fhir::parse_reference(alternative, access_.own_base());
        if (itself || reference.kind != fhir::ReferenceKind::local || !reference.version.empty()) {
          return stop(Reason::parameter_malformed, known.name);
        }
        if (reference.type != "Patient") {
          // Appointment?actor=Practitioner/1: the other side of a many-sided link, an ordinary condition.
          if (subject_like || modifier == "Patient") return stop(Reason::foreign_patient, known.name);
          append(canonical, std::string(reference.type) + "/" + std::string(reference.id));
          continue;
        }
        id = reference.id;
      }
      if (!frame_.has(id)) return stop(Reason::foreign_patient, known.name);
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
  const SearchUse use_;
  Plan& plan_;
  bool seen_count_ = false;
  bool seen_summary_ = false;
  bool conditioned_ = false;  ///< some parameter is a condition on content
  bool named_ = false;        ///< the client itself named patients within the bound
};

/// Can `patient` bind every one of these types? Patient is bound by _id: alone or not at all.
bool bound_by_patient(std::string_view type) { return bound_parameter(type) == "patient"; }

}  // namespace

Step judge_search(const SearchCall& call, std::span<const QueryParam> params, Plan& plan) {
  Search state(call, plan);
  for (const auto& param : params) {
    if (auto stopped = state.take(param)) return stopped;
  }
  return state.finish();
}

Step judge_system_search(const Access& access, std::span<const QueryParam> params, Plan& plan) {
  auto types = covered_types(access, 's');
  std::vector<QueryParam> rest;
  bool type_named = false;
  for (const auto& param : params) {
    if (param.name != "_type") {
      rest.push_back(param);
      continue;
    }
    if (auto stopped = intersect_types(param.value, types)) return stopped;
    plan.kept.push_back(param);
    type_named = true;
  }
  if (types.empty()) return Stop{access.reason_without_rule('s', "*"), type_named ? "_type" : ""};
  bool bounded = false;
  bool free = false;
  std::vector<std::string> patients;
  plan.unlimited = true;
  for (const auto& type : types) {
    const Frame frame(access, 's', type);
    (frame.bounded ? bounded : free) = true;
    plan.unlimited = plan.unlimited && frame.unlimited;
    for (const auto& id : frame.patients) {
      if (std::ranges::find(patients, id) == patients.end()) patients.push_back(id);
    }
  }
  // "Basic" has the parameters that every type has, and none of them binds to a patient: an unbound frame on it judges
  // just them. Chains would need to be judged for every type: refused.
  for (const auto& param : rest) {
    if (param.name.find('.') != std::string::npos) return stop(Reason::parameter_denied, {});
    if (param.name.starts_with("_include") || param.name.starts_with("_revinclude") || param.name.starts_with("_has"))
      return stop(Reason::parameter_denied, param.name.substr(0, param.name.find(':')));
    if (!param.name.starts_with('_')) return stop(Reason::parameter_unknown, {});
  }
  Frame open(access, '-', "Basic");
  open.bounded = false;
  if (auto stopped = judge_search({access, "Basic", open, SearchUse::answer}, rest, plan)) return stopped;
  if (bounded && !free) {
    if (types.size() == 1 && types.front() == "Patient") {
      std::string ids;
      for (const auto& id : patients) ids.append(ids.empty() ? "" : ",").append(id);
      plan.forward.push_back({"_id", std::move(ids), false});
    } else {
      std::erase_if(types, [](const std::string& type) { return !bound_by_patient(type); });
      if (types.empty()) return stop(Reason::interaction_not_offered, "_type");
      std::string ids;
      for (const auto& id : patients) ids.append(ids.empty() ? "Patient/" : ",Patient/").append(id);
      plan.forward.push_back({"patient", std::move(ids), false});
    }
  }
  set_types(plan, std::move(types), false);
  return {};
}

}  // namespace mitral::policy::parts
