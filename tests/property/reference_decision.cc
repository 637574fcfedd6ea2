#include "support/reference_decision.h"

#include <algorithm>

namespace mitral::reference {
namespace {

using codec::Json;

std::vector<std::string> split(std::string_view text, char by) {
  std::vector<std::string> out{""};
  for (const char c : text) {
    if (c == by) {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  return out;
}

std::string percent_decoded(std::string_view text) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// All values at a dotted path; arrays are walked.
std::vector<const Json*> at(const Json& value, const std::string& path) {
  std::vector<const Json*> level{&value};
  for (const auto& name : split(path, '.')) {
    std::vector<const Json*> next;
    for (const auto* const one : level) {
      const auto* const found = one->find(name);
      if (found == nullptr) continue;
      if (!found->is_array()) {
        next.push_back(found);
        continue;
      }
      for (const auto& item : found->items()) next.push_back(&item);
    }
    level = next;
  }
  return level;
}

bool id_like(std::string_view text) {
  return !text.empty() && text.size() <= 64 && text != "." && text != ".." && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

/// "Type/id" of a reference to this server, versioned or not; empty for anything else.
std::string local(std::string_view reference, const std::string& base) {
  std::string text(reference);
  if (!base.empty() && text.starts_with(base + "/")) text = text.substr(base.size() + 1);
  const auto parts = split(text, '/');
  const bool plain = parts.size() == 2;
  const bool versioned = parts.size() == 4 && parts[2] == "_history" && id_like(parts[3]);
  if (!(plain || versioned) || !id_like(parts[1])) return {};
  if (parts[0].empty() || parts[0][0] < 'A' || parts[0][0] > 'Z') return {};
  return parts[0] + "/" + parts[1];
}

std::string target_of(const Json& reference, const std::string& base) {
  return local(reference["reference"].string_or(), base);
}

bool contains_patient(const Json& resource) {
  return std::ranges::any_of(at(resource, "contained"),
                             [](const Json* inner) { return (*inner)["resourceType"].string_or() == "Patient"; });
}

/// Patients whom the own elements name.
std::vector<std::string> owners(const Json& resource, const std::string& base) {
  const std::string type(resource["resourceType"].string_or());
  if (type == "Patient") return {std::string(resource["id"].string_or())};
  std::vector<std::string> out;
  const auto row = own_elements().find(type);
  if (row == own_elements().end()) return out;
  for (const auto& path : row->second) {
    for (const auto* const reference : at(resource, path)) {
      const auto target = target_of(*reference, base);
      if (target.starts_with("Patient/")) out.push_back(target.substr(8));
    }
  }
  return out;
}

bool belongs_to(const Json& resource, const std::vector<std::string>& patients, const std::string& base) {
  const auto named = owners(resource, base);
  return !named.empty() && !contains_patient(resource) && std::ranges::all_of(named, [&](const std::string& id) {
    return std::ranges::find(patients, id) != patients.end();
  });
}

/// Provenance: at least one target that is the patient or was shown, and no target that is another patient or unclear.
bool provenance_of(const Json& resource, const std::vector<std::string>& patients, const std::string& base,
                   const std::set<std::string>& seen) {
  for (const auto& patient : patients) {
    bool some = false;
    bool bad = contains_patient(resource);
    for (const auto* const reference : at(resource, "target")) {
      const auto target = target_of(*reference, base);
      bad = bad || target.empty() || (target.starts_with("Patient/") && target != "Patient/" + patient);
      some = some || target == "Patient/" + patient || seen.contains(target);
    }
    if (some && !bad) return true;
  }
  return false;
}

/// Patients that bound a scope of this context; nullopt: no bound; an empty list: nothing may be seen.
std::optional<std::vector<std::string>> bound_of(const Token& token, const std::string& context) {
  const bool user = !token.subject.empty() && token.subject != token.client;
  std::vector<std::string> out;
  if (context == "patient") {
    if (id_like(token.patient)) out.push_back(token.patient);
    return out;
  }
  if (context == "system") {
    if (!user && !token.subject.empty()) return std::nullopt;
    return out;
  }
  const auto self = local(token.fhir_user, token.base);
  if (!user || self.empty() || token.fhir_user.find("_history") != std::string::npos) return out;
  const auto type = self.substr(0, self.find('/'));
  if (type == "Practitioner") return std::nullopt;
  if (type != "Patient" && type != "RelatedPerson" && type != "Person") return out;
  if (type == "Patient") out.push_back(self.substr(8));
  if (id_like(token.patient)) out.push_back(token.patient);
  for (const auto& id : token.proxied) {
    if (id_like(id)) out.push_back(id);
  }
  return out;
}

/// FHIR R4 search.html, token: code | system|code | |code | system|
bool token_matches(const Json& value, const std::string& wanted) {
  const auto bar = wanted.find('|');
  const auto system = bar == std::string::npos ? std::optional<std::string>() : wanted.substr(0, bar);
  const auto code = bar == std::string::npos ? wanted : wanted.substr(bar + 1);
  const auto one = [&](std::string_view its_system, std::string_view its_code) {
    if (system && *system != its_system) return false;
    return code.empty() ? system && !system->empty() : code == its_code;
  };
  if (value.is_string()) return one("", value.string_or());
  if (value.is_bool()) return one("", value.bool_or(false) ? "true" : "false");
  if (value.contains("coding")) {
    return std::ranges::any_of(value["coding"].items(), [&](const Json& coding) {
      return one(coding["system"].string_or(), coding["code"].string_or());
    });
  }
  return one(value["system"].string_or(), value["code"].string_or());
}

/// Only the parameters that the properties use; anything else cannot be evaluated and so permits nothing.
bool restriction_holds(const Json& resource, const std::string& parameter, const std::string& value) {
  static const std::map<std::string, std::string, std::less<>> paths{
      {"category", "category"}, {"code", "code"},
      {"status", "status"},     {"clinical-status", "clinicalStatus"},
      {"_tag", "meta.tag"},     {"_security", "meta.security"},
      {"intent", "intent"}};
  const auto path = paths.find(parameter);
  if (path == paths.end()) return false;
  for (const auto& alternative : split(value, ',')) {
    for (const auto* const found : at(resource, path->second)) {
      if (token_matches(*found, alternative)) return true;
    }
  }
  return false;
}

bool letter_fits(const Scope& scope, Way way, std::string_view type) {
  if (scope.type != "*" && scope.type != type) return false;
  const auto has = [&](char letter) { return scope.letters.find(letter) != std::string::npos; };
  switch (way) {
    case Way::read: return has('r');
    case Way::match:
    case Way::reverse: return has('s');
    case Way::included: return has('r') || has('s');
  }
  return false;
}

}  // namespace

const std::map<std::string, std::vector<std::string>, std::less<>>& own_elements() {
  static const auto table = [] {
    std::map<std::string, std::vector<std::string>, std::less<>> out;
    for (const auto* const type : {"AllergyIntolerance",
                                   "BodyStructure",
                                   "Claim",
                                   "ClaimResponse",
                                   "Consent",
                                   "CoverageEligibilityRequest",
                                   "CoverageEligibilityResponse",
                                   "DetectedIssue",
                                   "EpisodeOfCare",
                                   "ExplanationOfBenefit",
                                   "FamilyMemberHistory",
                                   "Immunization",
                                   "ImmunizationEvaluation",
                                   "ImmunizationRecommendation",
                                   "MolecularSequence",
                                   "NutritionOrder",
                                   "RelatedPerson",
                                   "SupplyDelivery",
                                   "VisionPrescription",
                                   "Device"}) {
      out[type] = {"patient"};
    }
    for (const auto* const type : {"Account",
                                   "AdverseEvent",
                                   "Basic",
                                   "CarePlan",
                                   "CareTeam",
                                   "ChargeItem",
                                   "ClinicalImpression",
                                   "Communication",
                                   "CommunicationRequest",
                                   "Composition",
                                   "Condition",
                                   "DeviceRequest",
                                   "DeviceUseStatement",
                                   "DiagnosticReport",
                                   "DocumentManifest",
                                   "DocumentReference",
                                   "Encounter",
                                   "Flag",
                                   "Goal",
                                   "ImagingStudy",
                                   "Invoice",
                                   "List",
                                   "MeasureReport",
                                   "Media",
                                   "MedicationAdministration",
                                   "MedicationDispense",
                                   "MedicationRequest",
                                   "MedicationStatement",
                                   "Observation",
                                   "Procedure",
                                   "QuestionnaireResponse",
                                   "RequestGroup",
                                   "RiskAssessment",
                                   "ServiceRequest",
                                   "Specimen"}) {
      out[type] = {"subject"};
    }
    out["EnrollmentRequest"] = {"candidate"};
    out["SupplyRequest"] = {"deliverTo"};
    out["ResearchSubject"] = {"individual"};
    out["Appointment"] = {"participant.actor"};
    out["AppointmentResponse"] = {"actor"};
    // Schedule.actor is official too, but its actors are mostly practitioners: left out on purpose (fhir/r4.cc says
    // why).
    out["AuditEvent"] = {"agent.who", "entity.what"};
    out["Person"] = {"link.target"};
    out["Coverage"] = {"beneficiary"};
    out["Task"] = {"for"};
    return out;
  }();
  return table;
}

const std::set<std::string, std::less<>>& shared_types() {
  static const std::set<std::string, std::less<>> table{"Location",         "Organization",       "Practitioner",
                                                        "PractitionerRole", "Medication",         "HealthcareService",
                                                        "Endpoint",         "Substance",          "Questionnaire",
                                                        "ValueSet",         "CodeSystem",         "StructureDefinition",
                                                        "PlanDefinition",   "ActivityDefinition", "Library",
                                                        "Measure",          "ResearchStudy",      "InsurancePlan"};
  return table;
}

std::optional<Scope> parse_scope(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  Scope out;
  out.context = text.substr(0, slash);
  if (out.context != "patient" && out.context != "user" && out.context != "system") return std::nullopt;
  const auto question = text.find('?');
  const auto body = text.substr(slash + 1, question == std::string_view::npos ? question : question - slash - 1);
  const auto dot = body.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  out.type = body.substr(0, dot);
  out.letters = body.substr(dot + 1);
  if (out.letters == "read") {
    out.letters = "rs";
  } else if (out.letters == "write") {
    out.letters = "cud";
  } else if (out.letters == "*") {
    out.letters = "cruds";
  } else {
    std::size_t last = 0;
    for (const char c : out.letters) {
      const auto where = std::string_view("cruds").find(c);
      if (where == std::string_view::npos || where + 1 <= last) return std::nullopt;
      last = where + 1;
    }
    if (out.letters.empty()) return std::nullopt;
  }
  // Restrictions came with the letters of version 2; the words of version 1 never had any.
  const auto words = body.substr(dot + 1);
  if (question != std::string_view::npos && (words == "read" || words == "write" || words == "*")) return std::nullopt;
  if (question != std::string_view::npos) {
    for (const auto& part : split(text.substr(question + 1), '&')) {
      const auto equals = part.find('=');
      if (equals == std::string::npos) return std::nullopt;
      out.restrictions.emplace_back(percent_decoded(part.substr(0, equals)), percent_decoded(part.substr(equals + 1)));
    }
  }
  return out;
}

bool may_see(const Token& token, const Json& resource, Way way, const std::set<std::string>& seen) {
  const std::string type(resource["resourceType"].string_or());
  const auto id = resource["id"].string_or();
  if (type.empty() || !id_like(id)) return false;
  const bool user = !token.subject.empty() && token.subject != token.client;
  for (const auto& text : token.scopes) {
    if (text == "fhirUser" && user && way == Way::read &&
        local(token.fhir_user, token.base) == type + "/" + std::string(id)) {
      return true;
    }
    const auto scope = parse_scope(text);
    if (!scope || !letter_fits(*scope, way, type)) continue;
    const bool restricted_away = std::ranges::any_of(scope->restrictions, [&](const auto& restriction) {
      return !restriction_holds(resource, restriction.first, restriction.second);
    });
    if (restricted_away) continue;
    const auto bound = bound_of(token, scope->context);
    if (!bound) return true;
    if (bound->empty()) continue;
    if (shared_types().contains(type)) {
      if (!contains_patient(resource)) return true;
    } else if (type == "Provenance") {
      if (provenance_of(resource, *bound, token.base, seen)) return true;
    } else if (belongs_to(resource, *bound, token.base)) {
      return true;
    }
  }
  return false;
}

bool may_ask(const Token& token, char letter, std::string_view type) {
  return std::ranges::any_of(token.scopes, [&](const std::string& text) {
    const auto scope = parse_scope(text);
    if (!scope || scope->letters.find(letter) == std::string::npos) return false;
    if (scope->type != "*" && scope->type != type) return false;
    const auto bound = bound_of(token, scope->context);
    return !bound || !bound->empty();
  });
}

std::optional<std::string> letters_for(std::string_view method, std::string_view path, bool if_none_exist) {
  const auto question = path.find('?');
  const bool query = question != std::string_view::npos;
  auto parts = split(path.substr(1, query ? question - 1 : question), '/');
  const bool get = method == "GET" || method == "HEAD";
  const auto last = parts.back();
  if (last.starts_with("$")) return std::nullopt;
  if (parts.size() == 1 && last == "_history") return get ? std::optional<std::string>("s") : std::nullopt;
  if (last == "_history") {
    if (!get) return std::nullopt;
    return parts.size() == 2 ? "s" : "r";
  }
  if (last == "_search") return method == "POST" ? std::optional<std::string>("s") : std::nullopt;
  if (parts.size() == 4 && parts[2] == "_history") return get ? std::optional<std::string>("r") : std::nullopt;
  if (parts.size() == 3) return get ? std::optional<std::string>("s") : std::nullopt;
  if (parts.size() == 1) {
    if (get) return "s";
    if (method == "POST") return if_none_exist ? "cs" : "c";
    if (!query) return std::nullopt;
    return method == "DELETE" ? "ds" : "us";
  }
  if (parts.size() != 2) return std::nullopt;
  if (get) return "r";
  if (method == "PUT" || method == "PATCH") return "u";
  return method == "DELETE" ? std::optional<std::string>("d") : std::nullopt;
}

}  // namespace mitral::reference
