#include "policy/consent_gate.h"

#include <algorithm>

#include "fhir/compartment.h"
#include "fhir/element_path.h"
#include "fhir/r4.h"
#include "fhir/reference.h"

namespace mitral::policy {
namespace {

using codec::Json;
using fhir::PatientAccess;
using fhir::ReferenceKind;

struct Concerned {
  std::vector<std::string> patients;
  bool unclear = false;  ///< perhaps of one more, who can't be told
};

void add(std::vector<std::string>& list, std::string_view id) {
  if (std::ranges::find(list, id) == list.end()) list.emplace_back(id);
}

/// A subject that names a patient by nothing that can be looked up.
bool names_nobody_known(const Json& element, std::string_view own_base, bool only_subject) {
  const auto text = element["reference"].as_string();
  if (!text) return only_subject || element["type"].string_or() == "Patient";
  return fhir::parse_reference(*text, own_base).kind != ReferenceKind::local;
}

Concerned concerned_by(const Json& resource, std::string_view own_base, const SeenVisible* seen) {
  Concerned out;
  const auto type = resource["resourceType"].string_or();
  const auto& link = fhir::patient_link(type);
  if (fhir::has_contained_patient(resource)) out.unclear = true;
  switch (link.access) {
    case PatientAccess::compartment:
    case PatientAccess::custom: {
      out.patients = fhir::member_patients(resource, own_base);
      const bool only_subject = link.own.find_first_of(" .") == std::string_view::npos;
      for (auto rest = link.own; link.own != "id" && !rest.empty();) {
        const auto path = rest.substr(0, rest.find(' '));
        rest.remove_prefix(std::min(rest.size(), path.size() + 1));
        if (fhir::any_at_path(resource, path, [&](const Json& element) {
              return names_nobody_known(element, own_base, only_subject);
            })) {
          out.unclear = true;
        }
      }
      break;
    }
    case PatientAccess::provenance:
      for (const auto& target : resource["target"].items()) {
        const auto reference = fhir::parse_reference(target["reference"].string_or(), own_base);
        if (reference.kind == ReferenceKind::local && reference.type == "Patient") {
          add(out.patients, reference.id);
        } else if (seen != nullptr &&
                   (reference.kind != ReferenceKind::local || !*seen || !(*seen)(reference.type, reference.id))) {
          out.unclear = true;
        }
      }
      break;
    case PatientAccess::shared: break;
    case PatientAccess::denied:
      for (const auto text : fhir::all_references(resource)) {
        const auto reference = fhir::parse_reference(text, own_base);
        if (reference.kind == ReferenceKind::local && reference.type == "Patient") add(out.patients, reference.id);
      }
      break;
  }
  return out;
}

void say(Explanation* explain, std::string_view what) {
  if (explain != nullptr) explain->emplace_back(what);
}

/// One resource before one rule.
class Gate {
 public:
  Gate(const Access& access, const AccessRule* rule, const Json& resource, char letter, const SeenVisible* seen,
       const Circumstances& circumstances)
      : access_(access),
        requester_(access.requester()),
        rule_(rule),
        resource_(resource),
        letter_(letter),
        circumstances_(circumstances),
        hidden_(requester_.policy->labels.hidden_in(resource)) {
    if (!requester_.policy->consents && hidden_.empty()) return;  // nothing to ask anybody
    concerned_ = concerned_by(resource, access.own_base(), seen);
    // Within a bound everybody who may be meant has been named.
    if (concerned_.unclear && rule != nullptr && rule->bound == AccessRule::Bound::patients) {
      concerned_.unclear = false;
      for (const auto& id : rule->patients) add(concerned_.patients, id);
    }
  }

  /// Directives of everybody concerned.
  Decision directives() {
    if (!requester_.policy->consents) return permit();
    if (concerned_.unclear) return deny(Reason::consent_denied);
    for (const auto& id : concerned_.patients) {
      if (requester_.is_patient(id)) continue;
      const auto* const found = circumstances_.consents == nullptr ? nullptr : circumstances_.consents->find(id);
      if (found == nullptr) return indeterminate(Reason::consent_unknown);
      auto answer = found->judge({requester_, resource_, letter_, circumstances_.now, access_.own_base()});
      if (answer.denied) return deny(Reason::consent_denied);
      named_.push_back(std::move(answer.named));
    }
    return permit();
  }

  /// After directives().
  [[nodiscard]] Decision labels() const {
    if (hidden_.empty() || own_data()) return permit();
    const auto by_scope = [&](const LabelView& label) { return scope_names(label); };
    // Everybody concerned must have named it, each by her own directives.
    const auto by_patients = [&](const LabelView& label) {
      return !named_.empty() && std::ranges::all_of(named_, [&](const std::vector<const Label*>& names) {
        return std::ranges::any_of(names, [&](const Label* name) { return names_label(*name, label); });
      });
    };
    const auto either = [&](const LabelView& label) { return by_scope(label) || by_patients(label); };
    return labels_overcome(hidden_, either) ? permit() : deny(Reason::label_hidden);
  }

  [[nodiscard]] bool own_data() const {
    return !concerned_.unclear && !concerned_.patients.empty() &&
           std::ranges::all_of(concerned_.patients, [&](const std::string& id) { return requester_.is_patient(id); });
  }

 private:
  [[nodiscard]] bool scope_names(const LabelView& label) const {
    if (rule_ == nullptr) return false;
    return std::ranges::any_of(rule_->conditions, [&](const fhir::Condition& condition) {
      if (condition.param == nullptr || condition.param->name != "_security" ||
          condition.modifier != fhir::Modifier::none) {
        return false;
      }
      return std::ranges::any_of(condition.any_of, [&](const fhir::ConditionValue& value) {
        return !value.text.empty() && names_label({value.system, value.text}, label);
      });
    });
  }

  const Access& access_;
  const Requester& requester_;
  const AccessRule* rule_;
  const Json& resource_;
  char letter_;
  const Circumstances& circumstances_;
  std::vector<LabelView> hidden_;
  Concerned concerned_;
  std::vector<std::vector<const Label*>> named_;  // per concerned patient but the user herself
};

bool unguarded(const Requester& requester) noexcept { return !requester.policy || requester.policy->empty(); }

Decision released(const Requester& requester, Decision decision, Explanation* explain) {
  if (decision.permitted()) return decision;
  switch (decision.reason) {
    case Reason::consent_denied: say(explain, "the patient's directives deny it"); break;
    case Reason::consent_unknown: say(explain, "the patient's directives could not be read"); break;
    default: say(explain, "a security label hides it"); break;
  }
  if (!requester.emergency()) return decision;
  say(explain, "emergency access overrides that");
  auto out = permit();
  out.overridden = true;
  return out;
}

}  // namespace

Requester requester_of(const TokenFacts& facts) {
  Requester out;
  out.client = facts.client;
  out.issuer = facts.issuer;
  out.has_user = facts.has_user();
  out.purpose = facts.purpose;
  out.policy = facts.data_policy;
  const auto user = fhir::parse_reference(facts.fhir_user, facts.own_base);
  if (out.has_user && user.kind == ReferenceKind::local && user.version.empty()) {
    out.user_type = user.type;
    out.user_id = user.id;
  }
  return out;
}

bool Access::hides_labels() const noexcept {
  const auto& who = requester_;
  if (!who.policy || !who.policy->labels.hides_any() || who.emergency()) return false;
  return !std::ranges::all_of(rules_, [&](const AccessRule& rule) {
    return rule.bound == AccessRule::Bound::patients &&
           std::ranges::all_of(rule.patients, [&](const std::string& id) { return who.is_patient(id); });
  });
}

Decision guard_shown(const Access& access, const AccessRule* rule, const Json& resource, const SeenVisible& seen,
                     const Circumstances& circumstances, Explanation* explain) {
  const auto& requester = access.requester();
  if (unguarded(requester)) return permit();
  Gate gate(access, rule, resource, 'r', &seen, circumstances);
  auto decision = gate.directives();
  if (decision.permitted()) decision = gate.labels();
  return released(requester, std::move(decision), explain);
}

Decision guard_written(const Access& access, const AccessRule& rule, char letter, const Json* before, const Json* after,
                       const Circumstances& circumstances, Explanation* explain) {
  const auto& requester = access.requester();
  if (unguarded(requester)) return permit();
  auto out = permit();
  for (const auto* const state : {before, after}) {
    if (state == nullptr) continue;
    Gate gate(access, &rule, *state, letter, nullptr, circumstances);
    // What protects her: not even in an emergency.
    if (requester.policy->consents && (*state)["resourceType"].string_or() == "Consent" && rule.type != "Consent" &&
        !gate.own_data()) {
      say(explain, "a Consent is changed by the patient herself, or under a scope that names the type");
      return deny(Reason::write_denied);
    }
    auto decision = gate.directives();
    // New data may carry any label: writing it shows nothing.
    if (decision.permitted() && state == before) decision = gate.labels();
    decision = released(requester, std::move(decision), explain);
    if (!decision.permitted()) return decision;
    out.overridden = out.overridden || decision.overridden;
  }
  return out;
}

std::vector<std::string> concerned_patients(const Json& resource, std::string_view own_base) {
  return concerned_by(resource, own_base, nullptr).patients;
}

std::vector<std::string> patients_to_ask(const Access& access, std::vector<std::string> named) {
  // Under a bound others never come into it, unless the user's own resource names them.
  const bool own_names_others = access.self_type() == "RelatedPerson" || access.self_type() == "Person";
  const bool bounded = std::ranges::all_of(
      access.rules(), [](const AccessRule& rule) { return rule.bound == AccessRule::Bound::patients; });
  if (bounded && !own_names_others) named.clear();
  for (const auto& rule : access.rules()) named.insert(named.end(), rule.patients.begin(), rule.patients.end());
  std::erase_if(named, [&](const std::string& id) { return access.requester().is_patient(id); });
  std::ranges::sort(named);
  named.erase(std::ranges::unique(named).begin(), named.end());
  return named;
}

}  // namespace mitral::policy
