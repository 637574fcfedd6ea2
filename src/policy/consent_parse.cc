// Reading FHIR Consent: whatever is not understood as a whole makes the whole unreadable.
#include <algorithm>
#include <array>

#include "base/limits.h"
#include "fhir/r4.h"
#include "policy/consent_model.h"

namespace mitral::policy {
namespace {

using codec::Json;

constexpr std::string_view kScopeSystem = "http://terminology.hl7.org/CodeSystem/consentscope";

constexpr auto kConsentElements = std::to_array<std::string_view>(
    {"resourceType", "id", "meta", "language", "text", "contained", "extension", "identifier", "status", "scope",
     "category", "patient", "dateTime", "performer", "organization", "sourceAttachment", "sourceReference", "policy",
     "policyRule", "verification", "provision",
     // Companions that carry ids and extensions of primitives; _status would say that the status is not what it seems.
     "_language", "_dateTime"});
constexpr auto kOtherStatus =
    std::to_array<std::string_view>({"draft", "proposed", "rejected", "inactive", "entered-in-error"});
constexpr auto kOtherScopes = std::to_array<std::string_view>({"research", "treatment", "adr"});
constexpr auto kPermitRules = std::to_array<std::string_view>({"OPTIN", "OPTINR", "IMPLIED", "IMPLIEDD", "NOPP"});
constexpr auto kDenyRules = std::to_array<std::string_view>({"OPTOUT", "OPTOUTE", "EMRGONLY"});

template <class List>
bool listed(const List& list, std::string_view value) {
  return std::ranges::find(list, value) != std::ranges::end(list);
}

/// Reads the tree of provisions; `ok` turns false for good at the first thing that is not understood.
class Reader {
 public:
  explicit Reader(std::string_view own_base) : own_base_(own_base) {}

  bool ok = true;

  Provision provision(const Json& json, std::optional<Effect> inherited, std::size_t depth) {
    Provision out;
    if (depth > limits::kConsentDepthMax || ++provisions_ > limits::kConsentProvisionsMax || !json.is_object()) {
      ok = false;
      return out;
    }
    auto effect = inherited;
    for (const auto& [key, value] : json.members()) {
      if (!ok) return out;
      if (key == "type") {
        effect = effect_of(value);
        ok = ok && effect.has_value();
      } else if (!criterion(key, value, out, depth) && key != "id" && key != "extension") {
        ok = false;
      }
    }
    // R4: required of every nested provision; only the root may go without and then means the base policy.
    if (!effect) ok = false;
    out.effect = effect.value_or(Effect::deny);
    return out;
  }

  static std::optional<Effect> effect_of(const Json& value) {
    if (value.string_or() == "permit") return Effect::permit;
    if (value.string_or() == "deny") return Effect::deny;
    return std::nullopt;
  }

 private:
  bool criterion(std::string_view key, const Json& value, Provision& out, std::size_t depth) {
    if (key == "period") {
      out.period = span(value);
    } else if (key == "actor") {
      each(value, [&](const Json& item) { out.actors.push_back(actor(item)); });
    } else if (key == "action") {
      each(value, [&](const Json& item) { out.actions.push_back(concept_of(item)); });
    } else if (key == "securityLabel") {
      each(value, [&](const Json& item) { out.labels.push_back(coding(item)); });
    } else if (key == "purpose") {
      each(value, [&](const Json& item) { out.purposes.push_back(coding(item)); });
    } else if (key == "class") {
      each(value, [&](const Json& item) { out.classes.push_back(coding(item)); });
    } else if (key == "code") {
      each(value, [&](const Json& item) { out.codes.push_back(concept_of(item)); });
    } else if (key == "dataPeriod") {
      out.data_period = span(value);
    } else if (key == "data") {
      each(value, [&](const Json& item) { out.data.push_back(data(item)); });
    } else if (key == "provision") {
      each(value, [&](const Json& item) { out.exceptions.push_back(provision(item, std::nullopt, depth + 1)); });
    } else {
      return false;
    }
    return true;
  }

  template <class Read>
  void each(const Json& list, const Read& read) {
    if (!list.is_array() || list.empty()) ok = false;
    for (const auto& item : list.items()) {
      if (!ok || ++criteria_ > limits::kConsentCriteriaMax) {
        ok = false;
        return;
      }
      read(item);
    }
  }

  /// An element that may say more than we know about: modifierExtension turns the meaning of what is around it.
  void plain(const Json& json) {
    if (!json.is_object() || json.contains("modifierExtension")) ok = false;
  }

  Label coding(const Json& json) {
    plain(json);
    Label out{std::string(json["system"].string_or()), std::string(json["code"].string_or())};
    if (out.code.empty()) ok = false;
    return out;
  }

  Concept concept_of(const Json& json) {
    plain(json);
    Concept out;
    if (json.find("coding") != nullptr) {
      each(json["coding"], [&](const Json& item) { out.codings.push_back(coding(item)); });
    } else if (json["text"].string_or().empty()) {
      ok = false;
    }
    return out;
  }

  Pointer pointer(const Json& json) {
    plain(json);
    Pointer out;
    const auto found = fhir::parse_reference(json["reference"].string_or(), own_base_);
    out.kind = found.kind;
    if (found.kind == fhir::ReferenceKind::local) {
      out.type = found.type;
      out.id = found.id;
    }
    out.identifier_system = json["identifier"]["system"].string_or();
    out.identifier_value = json["identifier"]["value"].string_or();
    return out;
  }

  Actor actor(const Json& json) {
    plain(json);
    Actor out;
    // R4 demands a role; who leaves it out means the one who gets to see the data.
    if (const auto* const role = json.find("role")) out.role = concept_of(*role);
    if (json.find("reference") == nullptr) ok = false;
    out.who = pointer(json["reference"]);
    return out;
  }

  DataItem data(const Json& json) {
    plain(json);
    DataItem out;
    const auto meaning = json["meaning"].string_or();
    if (meaning == "related") {
      out.meaning = Meaning::related;
    } else if (meaning == "dependents") {
      out.meaning = Meaning::dependents;
    } else if (meaning == "authoredby") {
      out.meaning = Meaning::authored_by;
    } else if (meaning != "instance") {
      ok = false;
    }
    out.what = pointer(json["reference"]);
    return out;
  }

  Span span(const Json& json) {
    plain(json);
    Span out;
    const auto* const start = json.find("start");
    const auto* const end = json.find("end");
    if (start == nullptr && end == nullptr) ok = false;
    if (start != nullptr) {
      const auto range = fhir::parse_date_range(start->string_or());
      if (range) out.from = range->from;
      ok = ok && range.has_value();
    }
    if (end != nullptr) {
      const auto range = fhir::parse_date_range(end->string_or());
      if (range) out.to = range->to;
      ok = ok && range.has_value();
    }
    ok = ok && out.from < out.to;
    return out;
  }

  std::string_view own_base_;
  std::size_t provisions_ = 0;
  std::size_t criteria_ = 0;
};

/// Scopes that say nothing about access; anything else might.
bool of_other_scope(const Json& scope) {
  const auto codings = scope["coding"].items();
  return !codings.empty() && std::ranges::all_of(codings, [](const Json& coding) {
    return coding["system"].string_or() == kScopeSystem && listed(kOtherScopes, coding["code"].string_or());
  });
}

/// What policyRule says by itself; nullopt: absent or not understood.
std::optional<Effect> base_of(const Json& rule) {
  std::optional<Effect> out;
  for (const auto& coding : rule["coding"].items()) {
    const auto system = coding["system"].string_or();
    if (!system.empty() && !is_act_code(system)) continue;
    const auto code = coding["code"].string_or();
    if (listed(kDenyRules, code)) return Effect::deny;
    if (listed(kPermitRules, code)) out = Effect::permit;
  }
  return out;
}

bool says_restrictions(const Json& rule) {
  return std::ranges::any_of(rule["coding"].items(),
                             [](const Json& coding) { return coding["code"].string_or() == "OPTINR"; });
}

Effect opposite(Effect effect) { return effect == Effect::permit ? Effect::deny : Effect::permit; }

}  // namespace

std::optional<Directive> parse_directive(const Json& consent, std::string_view patient, std::string_view own_base) {
  Directive out;
  out.unreadable = true;
  if (!consent.is_object() || consent["resourceType"].string_or() != "Consent") return out;
  if (const auto* const subject = consent.find("patient")) {
    const auto reference = fhir::parse_reference((*subject)["reference"].string_or(), own_base);
    if (reference.kind == fhir::ReferenceKind::local && (reference.type != "Patient" || reference.id != patient)) {
      return std::nullopt;
    }
    if (reference.kind != fhir::ReferenceKind::local) return out;
  } else {
    return out;
  }
  const auto status = consent["status"].string_or();
  const bool status_plain = !consent.contains("_status");
  if (status_plain && listed(kOtherStatus, status)) return std::nullopt;
  if (status != "active" || !status_plain) return out;
  if (of_other_scope(consent["scope"])) return std::nullopt;
  for (const auto& [key, value] : consent.members()) {
    if (!listed(kConsentElements, key)) return out;
  }

  const auto& rule = consent["policyRule"];
  const auto base = base_of(rule);
  const auto* const provision = consent.find("provision");
  if (provision == nullptr) {
    // OPTINR alone says that there are restrictions, not which.
    if (!base || says_restrictions(rule)) return out;
    out.base = *base;
    out.unreadable = false;
    return out;
  }
  Reader reader(own_base);
  auto root = reader.provision(*provision, base, 1);
  if (!reader.ok) return out;
  out.base = base.value_or(opposite(root.effect));
  out.root = std::move(root);
  out.unreadable = false;
  return out;
}

}  // namespace mitral::policy
