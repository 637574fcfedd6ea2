// Bundles that the engine answers with: searchsets with their pages, histories, $everything, the CapabilityStatement.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/limits.h"
#include "codec/form.h"
#include "codec/text.h"
#include "fhir/compartment.h"
#include "fhir/r4.h"
#include "sandbox/engine.h"

namespace mitral::sandbox {
namespace {

using codec::Json;
using fhir::InteractionKind;

Json link(std::string_view relation, const std::string& url) {
  return Json::object({{"relation", relation}, {"url", url}});
}

/// The request as a URL with another offset; a search by POST becomes one by GET.
std::string page_url(std::string_view base, const fhir::Interaction& what, std::size_t offset) {
  std::string url(base);
  if (!what.compartment_type.empty()) url += fmt::format("/{}/{}", what.compartment_type, what.compartment_id);
  if (!what.type.empty()) url += '/' + what.type;
  if (!what.id.empty()) url += '/' + what.id;
  if (!what.operation.empty()) url += "/$" + what.operation;
  codec::Form form;
  for (const auto& param : what.params) {
    if (param.name != "_offset") form.add(param.name, param.value);
  }
  if (offset > 0) form.add("_offset", std::to_string(offset));
  return form.empty() ? url : url + '?' + form.serialize();
}

/// _elements: the named members and those that a resource cannot do without, marked as incomplete.
Json only_elements(const Json& resource, const std::vector<std::string>& elements) {
  Json out = Json::object();
  for (const auto& [key, value] : resource.members()) {
    if (key == "resourceType" || key == "id" || key == "meta" || std::ranges::find(elements, key) != elements.end())
      out.set(key, value);
  }
  Json meta = out["meta"];
  Json tags = meta["tag"];
  tags.push_back(
      Json::object({{"system", "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"}, {"code", "SUBSETTED"}}));
  meta.set("tag", std::move(tags));
  out.set("meta", std::move(meta));
  return out;
}

Json entry_of(const Version& version, std::string_view base, std::string_view mode,
              const std::vector<std::string>& elements) {
  Json out = Json::object();
  out.set("fullUrl", fmt::format("{}/{}/{}", base, version.type, version.id));
  out.set("resource", elements.empty() ? *version.resource : only_elements(*version.resource, elements));
  out.set("search", Json::object({{"mode", mode}}));
  return out;
}

Json history_entry(const Version& version, std::string_view base) {
  Json out = Json::object();
  out.set("fullUrl", fmt::format("{}/{}/{}", base, version.type, version.id));
  if (!version.deleted()) out.set("resource", *version.resource);
  const bool created = version.method == codec::Method::post;
  out.set("request", Json::object({{"method", codec::name(version.method)},
                                   {"url", created ? version.type : fmt::format("{}/{}", version.type, version.id)}}));
  out.set("response", Json::object({{"status", version.deleted()     ? "204"
                                               : version.number == 1 ? "201"
                                                                     : "200"},
                                    {"etag", fmt::format("W/\"{}\"", version.number)},
                                    {"lastModified", to_rfc3339(version.at)}}));
  return out;
}

struct OperationOf {
  std::string_view type, name, definition;
};
constexpr auto kOperations = std::to_array<OperationOf>({
    {"Composition", "document", "http://hl7.org/fhir/OperationDefinition/Composition-document"},
    {"DocumentReference", "docref", "http://hl7.org/fhir/us/core/OperationDefinition/docref"},
    {"Encounter", "everything", "http://hl7.org/fhir/OperationDefinition/Encounter-everything"},
    {"Group", "export", "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/group-export"},
    {"Observation", "lastn", "http://hl7.org/fhir/OperationDefinition/Observation-lastn"},
    {"Patient", "everything", "http://hl7.org/fhir/OperationDefinition/Patient-everything"},
    {"Patient", "export", "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/patient-export"},
});

Json operations_of(std::string_view type) {
  Json out = Json::array();
  for (const auto& one : kOperations) {
    if (one.type == type) out.push_back(Json::object({{"name", one.name}, {"definition", one.definition}}));
  }
  out.push_back(Json::object(
      {{"name", "validate"}, {"definition", "http://hl7.org/fhir/OperationDefinition/Resource-validate"}}));
  return out;
}

}  // namespace

/// Resources of the type (of any type if empty) that belong to no patient of the matches. For misbehaving only.
std::vector<const Version*> Engine::foreign_to(const std::vector<const Version*>& matches,
                                               std::string_view type) const {
  constexpr std::size_t kEnough = 3;
  std::set<std::string> patients;
  for (const auto* const match : matches) {
    for (auto& id : fhir::member_patients(*match->resource, options_.base_url)) patients.insert(std::move(id));
  }
  std::vector<const Version*> out;
  for (const auto* const candidate : store.all(type)) {
    const auto owners = fhir::member_patients(*candidate->resource, options_.base_url);
    const bool foreign =
        !owners.empty() && std::ranges::none_of(owners, [&](const std::string& id) { return patients.contains(id); });
    if (foreign && out.size() < kEnough) out.push_back(candidate);
  }
  return out;
}

Answer Engine::search(const fhir::Interaction& what, const Act& act) const {
  // Prefer: handling=lenient (FHIR R4 search §3.1.1); strict is the default here.
  const bool lenient = misbehaviour.lenient_params || act.prefer.contains("handling=lenient");
  auto query = parse_query(what, store, lenient, misbehaviour.lenient_params ? "patient" : "");
  if (!query) return problem(400, "invalid", query.error().client.view());
  if (misbehaviour.unfiltered_next_pages && query->offset > 0) {
    query->conditions.clear();
    query->indirect.clear();
  }
  auto matches = run_query(*query, store, options_.base_url);
  if (!matches) return problem(400, "invalid", matches.error().client.view());
  return page(*query, std::move(*matches), what);
}

Answer Engine::page(const Query& query, std::vector<const Version*> matches, const fhir::Interaction& what) const {
  const auto& base = options_.base_url;
  const auto first_type = query.types.empty() ? std::string_view("Observation") : std::string_view(query.types.front());
  const auto foreign_matches =
      misbehaviour.foreign_matches ? foreign_to(matches, first_type) : std::vector<const Version*>{};
  const auto foreign_includes =
      misbehaviour.wrong_subject_includes ? foreign_to(matches, "Observation") : std::vector<const Version*>{};
  const auto total = matches.size() + (misbehaviour.wrong_totals ? 17 : 0);
  Answer out;
  out.body = Json::object({{"resourceType", "Bundle"}, {"id", new_id()}, {"type", "searchset"}});
  out.body.set("meta", Json::object({{"lastUpdated", to_rfc3339(now())}}));
  out.body.set("total", total);
  Json links = Json::array();
  links.push_back(link("self", page_url(base, what, query.offset)));
  if (query.count_only) {
    out.body.set("link", std::move(links));
    return out;
  }
  const auto from = std::min(query.offset, matches.size());
  const auto to = std::min(from + query.count, matches.size());
  // The faulty second page must exist even when the first one held everything.
  const bool more = to < matches.size() || (misbehaviour.unfiltered_next_pages && query.offset == 0);
  if (more) links.push_back(link("next", page_url(base, what, std::max<std::size_t>(to, 1))));
  if (query.offset > 0)
    links.push_back(link("previous", page_url(base, what, from > query.count ? from - query.count : 0)));
  out.body.set("link", std::move(links));
  const std::vector<const Version*> shown(matches.begin() + static_cast<std::ptrdiff_t>(from),
                                          matches.begin() + static_cast<std::ptrdiff_t>(to));
  Json entries = Json::array();
  for (const auto* const match : shown) entries.push_back(entry_of(*match, base, "match", query.elements));
  for (const auto* const match : foreign_matches) entries.push_back(entry_of(*match, base, "match", query.elements));
  for (const auto* const include : run_includes(query, shown, store, base))
    entries.push_back(entry_of(*include, base, "include", {}));
  for (const auto* const include : foreign_includes) entries.push_back(entry_of(*include, base, "include", {}));
  if (!entries.empty()) out.body.set("entry", std::move(entries));
  return out;
}

Answer Engine::history(const fhir::Interaction& what) const {
  std::vector<const Version*> versions;
  if (what.kind == InteractionKind::history_instance) {
    const auto* const own = store.versions(what.type, what.id);
    if (own == nullptr) return problem(404, "not-found", "no such resource");
    for (const auto& version : *own) versions.push_back(&version);
    std::ranges::reverse(versions);
    if (misbehaviour.mixed_history) versions = store.history(what.type);
  } else {
    versions = store.history(misbehaviour.mixed_history ? std::string_view{} : std::string_view(what.type));
  }
  Query query;
  query.count = limits::kFhirPageDefault;
  for (const auto& param : what.params) {
    if (param.name == "_since") {
      const auto since = fhir::parse_date_range(param.value);
      if (!since) return problem(400, "invalid", "_since is not a date");
      std::erase_if(versions, [&](const Version* v) { return to_micros(v->at) < since->from; });
    } else if (param.name == "_type" && what.type.empty()) {
      const auto types = codec::split(param.value, ',');
      std::erase_if(versions, [&](const Version* v) { return std::ranges::find(types, v->type) == types.end(); });
    } else if (param.name == "_count" || param.name == "_offset") {
      const auto number = codec::parse_uint(param.value);
      if (!number) return problem(400, "invalid", "not a number");
      (param.name == "_count" ? query.count : query.offset) = std::min<std::size_t>(*number, limits::kFhirPageMax);
    } else if (param.name != "_format" && param.name != "_pretty" && !misbehaviour.lenient_params) {
      return problem(400, "invalid", "unknown history parameter");
    }
  }
  Answer out;
  out.body = Json::object({{"resourceType", "Bundle"}, {"type", "history"}, {"total", versions.size()}});
  auto url = options_.base_url + (what.type.empty() ? "" : "/" + what.type) + (what.id.empty() ? "" : "/" + what.id) +
             "/_history";
  Json links = Json::array({link("self", url)});
  const auto from = std::min(query.offset, versions.size());
  const auto to = std::min(from + query.count, versions.size());
  const auto types = what.values("_type");
  const auto narrowed = types.empty() ? std::string() : fmt::format("&_type={}", types.front());
  if (to < versions.size())
    links.push_back(link("next", fmt::format("{}?_count={}&_offset={}{}", url, query.count, to, narrowed)));
  out.body.set("link", std::move(links));
  Json entries = Json::array();
  for (std::size_t i = from; i < to; ++i) entries.push_back(history_entry(*versions[i], options_.base_url));
  if (!entries.empty()) out.body.set("entry", std::move(entries));
  return out;
}

/// The patient, all that is hers, and what that refers to.
Answer Engine::everything(const fhir::Interaction& what) const {
  const auto* const patient = store.current("Patient", what.id);
  if (patient == nullptr) return problem(404, "not-found", "no such resource");
  std::vector<const Version*> members{patient};
  for (const auto type : store.types()) {
    if (type == "Patient") continue;
    for (const auto* const version : store.all(type)) {
      if (fhir::member_of_patient(*version->resource, what.id, options_.base_url)) members.push_back(version);
    }
  }
  return with_references(what, std::move(members));
}

Answer Engine::capabilities() const {
  Json resources = Json::array();
  for (const auto type : store.types()) {
    Json interactions = Json::array();
    for (const auto* const code :
         {"read", "vread", "history-instance", "history-type", "search-type", "create", "update", "patch", "delete"}) {
      interactions.push_back(Json::object({{"code", code}}));
    }
    Json params = Json::array();
    Json includes = Json::array();
    for (const auto& param : fhir::params_of(type)) {
      constexpr auto kNames =
          std::to_array<std::string_view>({"token", "reference", "date", "string", "quantity", "uri", "number"});
      params.push_back(Json::object({{"name", param.name}, {"type", kNames.at(static_cast<std::size_t>(param.type))}}));
      if (param.type == fhir::ParamType::reference) includes.push_back(fmt::format("{}:{}", type, param.name));
    }
    Json resource = Json::object({{"type", type},
                                  {"interaction", std::move(interactions)},
                                  {"versioning", "versioned-update"},
                                  {"readHistory", true},
                                  {"updateCreate", true},
                                  {"conditionalCreate", true},
                                  {"conditionalRead", "not-match"},
                                  {"conditionalUpdate", true},
                                  {"conditionalDelete", "single"}});
    resource.set("searchInclude", std::move(includes));
    resource.set("searchRevInclude", Json::array({"Provenance:target"}));
    resource.set("searchParam", std::move(params));
    resource.set("operation", operations_of(type));
    resources.push_back(std::move(resource));
  }
  Json interactions = Json::array();
  for (const auto* const code : {"transaction", "batch", "search-system", "history-system"}) {
    interactions.push_back(Json::object({{"code", code}}));
  }
  Answer out;
  out.body = Json::object(
      {{"resourceType", "CapabilityStatement"},
       {"status", "active"},
       {"date", to_rfc3339(now())},
       {"kind", "instance"},
       {"instantiates", Json::array({"http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"})},
       {"software", Json::object({{"name", "Mitral sandbox"}})},
       {"implementation",
        Json::object({{"description", "Fictional records for trying Mitral"}, {"url", options_.base_url}})},
       {"fhirVersion", "4.0.1"},
       {"format", Json::array({"json"})},
       {"patchFormat", Json::array({"application/json-patch+json"})}});
  out.body.set(
      "rest",
      Json::array({Json::object(
          {{"mode", "server"},
           {"resource", std::move(resources)},
           {"interaction", std::move(interactions)},
           {"operation", Json::array({Json::object(
                             {{"name", "export"},
                              {"definition", "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export"}})})}})}));
  return out;
}

}  // namespace mitral::sandbox
