#include "sandbox/query.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/text.h"
#include "fhir/compartment.h"
#include "fhir/r4.h"
#include "fhir/reference.h"

namespace mitral::sandbox {
namespace {

using codec::Json;

std::unexpected<Error> bad(ClientText why) { return fail(ErrorCode::malformed, why); }

constexpr int kIncludeRounds = 4;

/// "Observation:subject[:Patient]" or "*".
Result<Include> parse_include(std::string_view value, bool reverse, bool iterate) {
  const auto parts = codec::split(value, ':');
  if (parts.size() < 2 || parts.size() > 3) return bad("include is Type:parameter or Type:parameter:Target");
  const auto* const param = fhir::find_param(parts[0], parts[1]);
  if (param == nullptr || param->type != fhir::ParamType::reference) return bad("include names no reference parameter");
  return Include{std::string(parts[0]), std::string(parts[1]),
                 parts.size() == 3 ? std::string(parts[2]) : std::string{}, reverse, iterate};
}

/// "_has:Observation:patient:code"
Result<Indirect> parse_has(std::string_view name, std::string_view value) {
  const auto parts = codec::split(name, ':');
  if (parts.size() != 4) return bad("_has is _has:Type:reference:parameter");
  const auto* const reference = fhir::find_param(parts[1], parts[2]);
  if (reference == nullptr || reference->type != fhir::ParamType::reference)
    return bad("_has names no reference parameter");
  MITRAL_TRY([[maybe_unused]] const auto condition, fhir::parse_condition(parts[1], parts[3], value));
  return Indirect{std::string(parts[2]), std::string(parts[1]), std::string(parts[3]), std::string(value), true};
}

/// "subject:Patient.name" or "patient.name"
Result<Indirect> parse_chain(std::string_view type, std::string_view name, std::string_view value) {
  const auto dot = name.find('.');
  const auto head = name.substr(0, dot);
  const auto colon = head.find(':');
  const auto* const param = fhir::find_param(type, head.substr(0, colon));
  if (param == nullptr || param->type != fhir::ParamType::reference) return bad("chain does not start at a reference");
  const auto other = colon == std::string_view::npos ? param->target : head.substr(colon + 1);
  const auto inner = name.substr(dot + 1);
  if (inner.contains('.')) return bad("chain of more than one step");
  if (!other.empty()) MITRAL_CHECK(fhir::parse_condition(other, inner, value));
  return Indirect{std::string(param->name), std::string(other), std::string(inner), std::string(value), false};
}

/// Conditions are checked against every type asked for, so that none can be dropped silently.
Result<void> add_condition(Query& out, const fhir::QueryParam& param) {
  for (const auto& type : out.types) {
    if (param.name.starts_with("_has:")) {
      MITRAL_TRY(auto has, parse_has(param.name, param.value));
      out.indirect.push_back(std::move(has));
      return {};
    }
    if (param.name.contains('.')) {
      MITRAL_TRY(auto chain, parse_chain(type, param.name, param.value));
      out.indirect.push_back(std::move(chain));
      return {};
    }
    MITRAL_TRY([[maybe_unused]] const auto condition, fhir::parse_condition(type, param.name, param.value));
  }
  out.conditions.push_back(param);
  return {};
}

Result<std::size_t> number(std::string_view text) {
  const auto value = codec::parse_uint(text);
  if (!value) return bad("not a number");
  return static_cast<std::size_t>(*value);
}

/// Parameters that steer the answer. False when the name is none of them.
Result<bool> control(Query& out, const fhir::QueryParam& param) {
  const auto& name = param.name;
  if (name == "_count") {
    MITRAL_TRY(const auto count, number(param.value));
    out.count = std::min(count, limits::kFhirPageMax);
    out.count_only = out.count_only || count == 0;
  } else if (name == "_offset") {
    MITRAL_TRY(out.offset, number(param.value));
  } else if (name == "_sort") {
    for (const auto key : codec::split(param.value, ',')) out.sort.emplace_back(key);
  } else if (name == "_elements") {
    for (const auto key : codec::split(param.value, ',')) out.elements.emplace_back(key);
  } else if (name == "_summary") {
    if (param.value != "count" && param.value != "false") return bad("_summary supports count and false");
    out.count_only = out.count_only || param.value == "count";
  } else if (name == "_include" || name == "_revinclude" || name == "_include:iterate" ||
             name == "_revinclude:iterate") {
    MITRAL_TRY(auto include, parse_include(param.value, name.starts_with("_rev"), name.ends_with(":iterate")));
    out.includes.push_back(std::move(include));
  } else {
    // Read by the server itself, or without effect here.
    return name == "_format" || name == "_pretty" || name == "_total" || name == "_type";
  }
  return true;
}

Result<void> set_types(Query& out, const fhir::Interaction& interaction, const Store& store) {
  if (!interaction.type.empty() && interaction.type != "*") {
    out.types.push_back(interaction.type);
    return {};
  }
  for (const auto list : interaction.values("_type")) {
    for (const auto type : codec::split(list, ',')) {
      if (!fhir::is_resource_type(type)) return bad("_type names no resource type");
      out.types.emplace_back(type);
    }
  }
  if (!out.types.empty()) return {};
  for (const auto type : store.types()) out.types.emplace_back(type);
  return {};
}

Result<void> check_sort(const Query& query) {
  for (const auto& key : query.sort) {
    const auto name = std::string_view(key).substr(key.starts_with('-') ? 1 : 0);
    for (const auto& type : query.types) {
      if (fhir::find_param(type, name) == nullptr) return bad("_sort by an unknown parameter");
    }
  }
  return {};
}

/// In the official compartment: by own elements or by the others. A real server does not know our narrower rule.
bool in_compartment(const Json& resource, const Query& query, std::string_view base) {
  if (query.compartment_type.empty()) return true;
  if (query.compartment_type != "Patient") {
    const auto wanted = query.compartment_type + '/' + query.compartment_id;
    return std::ranges::any_of(fhir::all_references(resource), [&](std::string_view text) { return text == wanted; });
  }
  if (fhir::member_of_patient(resource, query.compartment_id, base)) return true;
  const auto& link = fhir::patient_link(resource["resourceType"].string_or());
  for (const auto path : codec::split_words(link.other)) {
    for (const auto* const element : fhir::elements(resource, path)) {
      const auto reference = fhir::parse_reference((*element)["reference"].string_or(), base);
      if (reference.kind == fhir::ReferenceKind::local && reference.type == "Patient" &&
          reference.id == query.compartment_id) {
        return true;
      }
    }
  }
  return false;
}

/// Local references that a parameter of this resource holds.
std::vector<fhir::Reference> references_of(const Json& resource, std::string_view type, std::string_view param,
                                           std::string_view base) {
  std::vector<fhir::Reference> out;
  const auto* const found = fhir::find_param(type, param);
  if (found == nullptr) return out;
  for (const auto* const element : fhir::elements(resource, found->paths)) {
    const auto reference = fhir::parse_reference((*element)["reference"].string_or(), base);
    if (reference.kind != fhir::ReferenceKind::local) continue;
    if (found->target.empty() || found->target == reference.type) out.push_back(reference);
  }
  return out;
}

bool meets_indirect(const Version& version, const Indirect& indirect, const Store& store, std::string_view base) {
  if (indirect.reverse) {
    return std::ranges::any_of(store.all(indirect.other), [&](const Version* other) {
      const auto references = references_of(*other->resource, indirect.other, indirect.param, base);
      const bool points = std::ranges::any_of(
          references, [&](const fhir::Reference& r) { return r.type == version.type && r.id == version.id; });
      return points && fhir::matches(*other->resource, indirect.name, indirect.value, base).value_or(false);
    });
  }
  return std::ranges::any_of(
      references_of(*version.resource, version.type, indirect.param, base), [&](const fhir::Reference& r) {
        if (!indirect.other.empty() && r.type != indirect.other) return false;
        const auto* const target = store.current(r.type, r.id);
        return target != nullptr &&
               fhir::matches(*target->resource, indirect.name, indirect.value, base).value_or(false);
      });
}

void sort_matches(std::vector<const Version*>& matches, const Query& query) {
  struct Keyed {
    const Version* version;
    std::size_t at;  // keeps the order of equals
    std::vector<std::string> keys;
  };
  std::vector<Keyed> keyed;
  std::vector<bool> descending;
  for (const auto& key : query.sort) descending.push_back(key.starts_with('-'));
  for (const auto* const version : matches) {
    Keyed item{version, keyed.size(), {}};
    for (std::size_t i = 0; i < query.sort.size(); ++i) {
      const auto name = std::string_view(query.sort[i]).substr(descending[i] ? 1 : 0);
      const auto* const param = fhir::find_param(version->type, name);
      item.keys.push_back(param == nullptr ? std::string{} : fhir::sort_key(*version->resource, *param, descending[i]));
    }
    keyed.push_back(std::move(item));
  }
  std::ranges::sort(keyed, [&](const Keyed& a, const Keyed& b) {
    for (std::size_t i = 0; i < descending.size(); ++i) {
      if (a.keys[i] != b.keys[i]) return descending[i] ? b.keys[i] < a.keys[i] : a.keys[i] < b.keys[i];
    }
    return a.at < b.at;
  });
  for (std::size_t i = 0; i < keyed.size(); ++i) matches[i] = keyed[i].version;
}

}  // namespace

Result<Query> parse_query(const fhir::Interaction& interaction, const Store& store, bool lenient,
                          std::string_view drop) {
  Query out;
  out.count = limits::kFhirPageDefault;
  out.compartment_type = interaction.compartment_type;
  out.compartment_id = interaction.compartment_id;
  MITRAL_CHECK(set_types(out, interaction, store));
  for (const auto& param : interaction.params) {
    if (!drop.empty() && param.name == drop) continue;
    const auto steering = control(out, param);
    if (!steering && !lenient) return fail(steering.error());
    if (!steering || *steering) continue;
    if (auto added = add_condition(out, param); !added && !lenient) return fail(added.error());
  }
  MITRAL_CHECK(check_sort(out));
  return out;
}

Result<std::vector<const Version*>> run_query(const Query& query, const Store& store, std::string_view base) {
  std::vector<const Version*> out;
  for (const auto& type : query.types) {
    std::vector<fhir::Condition> conditions;
    for (const auto& param : query.conditions) {
      MITRAL_TRY(auto condition, fhir::parse_condition(type, param.name, param.value));
      conditions.push_back(std::move(condition));
    }
    for (const auto* const version : store.all(type)) {
      const auto& resource = *version->resource;
      const bool fits =
          in_compartment(resource, query, base) &&
          std::ranges::all_of(conditions, [&](const fhir::Condition& c) { return fhir::matches(resource, c, base); }) &&
          std::ranges::all_of(query.indirect,
                              [&](const Indirect& i) { return meets_indirect(*version, i, store, base); });
      if (fits) out.push_back(version);
    }
  }
  if (!query.sort.empty()) sort_matches(out, query);
  return out;
}

std::vector<const Version*> run_includes(const Query& query, const std::vector<const Version*>& matches,
                                         const Store& store, std::string_view base) {
  std::set<const Version*> seen(matches.begin(), matches.end());
  std::vector<const Version*> out;
  std::vector<const Version*> frontier = matches;
  const auto bring = [&](const Version* version, std::vector<const Version*>& next) {
    if (version == nullptr || !seen.insert(version).second) return;
    out.push_back(version);
    next.push_back(version);
  };
  for (int round = 0; round < kIncludeRounds && !frontier.empty(); ++round) {
    std::vector<const Version*> next;
    for (const auto& include : query.includes) {
      if (round > 0 && !include.iterate) continue;
      if (!include.reverse) {
        for (const auto* const version : frontier) {
          if (version->type != include.source) continue;
          for (const auto& reference : references_of(*version->resource, version->type, include.param, base)) {
            if (include.target.empty() || include.target == reference.type)
              bring(store.current(reference.type, reference.id), next);
          }
        }
        continue;
      }
      for (const auto* const candidate : store.all(include.source)) {
        const auto references = references_of(*candidate->resource, candidate->type, include.param, base);
        const bool points = std::ranges::any_of(references, [&](const fhir::Reference& r) {
          return std::ranges::any_of(frontier, [&](const Version* v) { return v->type == r.type && v->id == r.id; });
        });
        if (points) bring(candidate, next);
      }
    }
    frontier = std::move(next);
  }
  return out;
}

}  // namespace mitral::sandbox
