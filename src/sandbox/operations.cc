// Operations of the engine besides Patient/$everything: FHIR R4 operations.html, US Core $docref. Each answers as a
// server does that knows nothing of tokens: whatever is asked for.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "codec/text.h"
#include "fhir/compartment.h"
#include "fhir/reference.h"
#include "sandbox/engine.h"

namespace mitral::sandbox {
namespace {

using codec::Json;

/// The resource of a body that is one, or is Parameters with one.
const Json& resource_in(const Json& body) {
  if (body["resourceType"].string_or() != "Parameters") return body;
  for (const auto& parameter : body["parameter"].items()) {
    if (parameter["name"].string_or() == "resource") return parameter["resource"];
  }
  return body["resource"];
}

}  // namespace

Answer Engine::operation(const fhir::Interaction& what, const Act& act) const {
  const bool instance = !what.id.empty();
  if (what.operation == "everything" && what.type == "Patient" && instance) return everything(what);
  if (what.operation == "everything" && what.type == "Encounter" && instance) return encounter_everything(what);
  if (what.operation == "document" && what.type == "Composition" && instance) return document(what);
  if (what.operation == "lastn" && what.type == "Observation" && !instance) return lastn(what);
  if (what.operation == "docref" && what.type == "DocumentReference" && !instance) return docref(what);
  if (what.operation == "validate" && !what.type.empty()) return validate(what, act);
  if (what.operation == "expand" && what.type == "ValueSet") return expand(what);
  if (what.operation == "lookup" && what.type == "CodeSystem") return lookup();
  return problem(404, "not-supported", "operation not supported");
}

/// The encounter, what refers to it, and what these refer to.
Answer Engine::encounter_everything(const fhir::Interaction& what) const {
  const auto* const encounter = store.current("Encounter", what.id);
  if (encounter == nullptr) return problem(404, "not-found", "no such resource");
  const auto wanted = "Encounter/" + what.id;
  std::vector<const Version*> members{encounter};
  for (const auto type : store.types()) {
    for (const auto* const version : store.all(type)) {
      const auto references = fhir::all_references(*version->resource);
      if (version != encounter && std::ranges::find(references, wanted) != references.end()) members.push_back(version);
    }
  }
  return with_references(what, std::move(members));
}

/// One page of these and of what they refer to, one step away, cut to _type. In a patient's record no other patient is.
Answer Engine::with_references(const fhir::Interaction& what, std::vector<const Version*> members) const {
  std::set<const Version*> seen(members.begin(), members.end());
  for (std::size_t i = 0, own = members.size(); i < own; ++i) {
    for (const auto text : fhir::all_references(*members[i]->resource)) {
      const auto reference = fhir::parse_reference(text, options_.base_url);
      if (reference.kind != fhir::ReferenceKind::local) continue;
      if (what.type == "Patient" && reference.type == "Patient") continue;
      const auto* const version = store.current(reference.type, reference.id);
      if (version != nullptr && seen.insert(version).second) members.push_back(version);
    }
  }
  Query query;
  query.types = {what.type};
  query.count = limits::kFhirPageDefault;
  std::set<std::string, std::less<>> wanted;
  for (const auto& param : what.params) {
    if (param.name == "_type") {
      for (const auto type : codec::split(param.value, ',')) wanted.emplace(type);
    } else if (param.name == "_count" || param.name == "_offset") {
      const auto number = codec::parse_uint(param.value);
      if (!number) return problem(400, "invalid", "not a number");
      (param.name == "_count" ? query.count : query.offset) = std::min<std::size_t>(*number, limits::kFhirPageMax);
    }
  }
  if (!wanted.empty()) std::erase_if(members, [&](const Version* v) { return !wanted.contains(v->type); });
  return page(query, std::move(members), what);
}

Answer Engine::document(const fhir::Interaction& what) const {
  const auto* const composition = store.current("Composition", what.id);
  if (composition == nullptr) return problem(404, "not-found", "no such resource");
  std::vector<const Version*> parts{composition};
  std::set<const Version*> seen{composition};
  for (const auto text : fhir::all_references(*composition->resource)) {
    const auto reference = fhir::parse_reference(text, options_.base_url);
    if (reference.kind != fhir::ReferenceKind::local) continue;
    const auto* const version = store.current(reference.type, reference.id);
    if (version != nullptr && seen.insert(version).second) parts.push_back(version);
  }
  if (misbehaviour.wrong_subject_includes) {
    for (const auto* const foreign : foreign_to(parts, "Observation")) parts.push_back(foreign);
  }
  Answer out;
  out.body = Json::object({{"resourceType", "Bundle"}, {"id", new_id()}, {"type", "document"}});
  out.body.set("identifier", Json::object({{"system", options_.base_url}, {"value", new_id()}}));
  out.body.set("timestamp", to_rfc3339(now()));
  Json entries = Json::array();
  for (const auto* const part : parts) {
    entries.push_back(Json::object({{"fullUrl", fmt::format("{}/{}/{}", options_.base_url, part->type, part->id)},
                                    {"resource", *part->resource}}));
  }
  out.body.set("entry", std::move(entries));
  return out;
}

/// The newest observations of each code.
Answer Engine::lastn(const fhir::Interaction& what) const {
  std::size_t most = 1;
  auto search_for = what;
  std::erase_if(search_for.params, [&](const fhir::QueryParam& param) {
    if (param.name != "max") return false;
    most = static_cast<std::size_t>(codec::parse_uint(param.value).value_or(1));
    return true;
  });
  auto query =
      parse_query(search_for, store, misbehaviour.lenient_params, misbehaviour.lenient_params ? "patient" : "");
  if (!query) return problem(400, "invalid", query.error().client.view());
  query->sort = {"-date"};
  auto matches = run_query(*query, store, options_.base_url);
  if (!matches) return problem(400, "invalid", matches.error().client.view());
  std::map<std::string, std::size_t> taken;
  std::erase_if(*matches, [&](const Version* version) {
    const auto& coding = (*version->resource)["code"]["coding"][0];
    return ++taken[fmt::format("{}|{}", coding["system"].string_or(), coding["code"].string_or())] > most;
  });
  return page(*query, std::move(*matches), what);
}

Answer Engine::docref(const fhir::Interaction& what) const {
  auto search_for = what;
  for (auto& param : search_for.params) {
    if (param.name == "start") param = {"period", "ge" + param.value, param.from_body};
    if (param.name == "end") param = {"period", "le" + param.value, param.from_body};
  }
  auto query =
      parse_query(search_for, store, misbehaviour.lenient_params, misbehaviour.lenient_params ? "patient" : "");
  if (!query) return problem(400, "invalid", query.error().client.view());
  auto matches = run_query(*query, store, options_.base_url);
  if (!matches) return problem(400, "invalid", matches.error().client.view());
  return page(*query, std::move(*matches), what);
}

/// A resource of somebody, to be where it does not belong.
Answer Engine::leaked() const {
  Answer out;
  for (const auto* const patient : store.all("Patient")) out.body = *patient->resource;
  return out;
}

Answer Engine::validate(const fhir::Interaction& what, const Act& act) const {
  if (misbehaviour.operation_leaks) return leaked();
  const auto& resource = resource_in(act.body);
  Answer out;
  out.body = resource["resourceType"].string_or() == what.type
                 ? operation_outcome("information", "informational", "All OK")
                 : operation_outcome("error", "structure", "not a resource of this type");
  return out;
}

Answer Engine::expand(const fhir::Interaction& what) const {
  if (misbehaviour.operation_leaks) return leaked();
  Answer out;
  out.body = Json::object({{"resourceType", "ValueSet"}, {"status", "active"}});
  if (!what.id.empty()) out.body.set("id", what.id);
  out.body.set("expansion",
               Json::object({{"timestamp", to_rfc3339(now())},
                             {"contains",
                              Json::array({Json::object(
                                  {{"system", "http://loinc.org"}, {"code", "2339-0"}, {"display", "Glucose"}})})}}));
  return out;
}

Answer Engine::lookup() const {
  Answer out;
  Json parameters = Json::array({Json::object({{"name", "display"}, {"valueString", "Glucose"}})});
  if (misbehaviour.operation_leaks)
    parameters.push_back(Json::object({{"name", "extra"}, {"resource", leaked().body}}));
  out.body = Json::object({{"resourceType", "Parameters"}, {"parameter", std::move(parameters)}});
  return out;
}

}  // namespace mitral::sandbox
