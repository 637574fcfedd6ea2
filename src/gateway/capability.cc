#include "gateway/capability.h"

#include <algorithm>
#include <array>

#include "codec/text.h"
#include "fhir/r4.h"
#include "fhir/search_params.h"
#include "gateway/fhir_route.h"
#include "policy/fhir_decision.h"
#include "policy/fhir_operations.h"
#include "policy/scope_rules.h"
#include "spec/smart/configuration.h"

namespace mitral::gateway {
namespace {

using codec::Json;
using fhir::Interaction;
using fhir::InteractionKind;
using policy::Reason;

constexpr std::string_view kBulkCanonical = "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data";

struct Code {
  std::string_view code;
  InteractionKind kind;
};
constexpr auto kOfType = std::to_array<Code>({
    {"create", InteractionKind::create},
    {"delete", InteractionKind::remove},
    {"history-instance", InteractionKind::history_instance},
    {"history-type", InteractionKind::history_type},
    {"patch", InteractionKind::patch},
    {"read", InteractionKind::read},
    {"search-type", InteractionKind::search_type},
    {"update", InteractionKind::update},
    {"vread", InteractionKind::vread},
});
constexpr auto kOfSystem = std::to_array<Code>({
    {"batch", InteractionKind::batch},
    {"history-system", InteractionKind::history_system},
    {"search-system", InteractionKind::search_system},
    {"transaction", InteractionKind::transaction},
});
constexpr auto kPatchFormats = std::to_array<std::string_view>(
    {"application/fhir+json", "application/json-patch+json", "application/xml-patch+xml"});

Json array_of_kept(const Json& items, auto&& keep) {
  Json out = Json::array();
  for (const auto& item : items.items()) {
    if (keep(item)) out.push_back(item);
  }
  return out;
}

void set_unless_empty(Json& out, std::string_view name, Json list) {
  if (!list.empty()) out.set(name, std::move(list));
}

/// Canonical URLs of HL7 only: others may lie inside the house.
bool is_canonical(const Json& item) { return item.string_or().starts_with("http://hl7.org/"); }

/// A token that may do everything: what is refused to it is refused to all.
policy::Access everything() {
  policy::TokenFacts facts;
  facts.client = facts.subject = "anyone";
  if (auto scopes = spec::smart::ScopeSet::parse_known("system/*.cruds", policy::scope_rules())) {
    facts.scopes = std::move(*scopes);
  }
  return policy::Access::compile(facts);
}

/// A value that a parameter of this kind can be read from.
std::string sample_of(const fhir::SearchParam& param) {
  switch (param.type) {
    case fhir::ParamType::date: return "2026-01-01";
    case fhir::ParamType::number:
    case fhir::ParamType::quantity: return "1";
    case fhir::ParamType::uri: return "urn:x";
    case fhir::ParamType::reference:
      return std::string(param.target.empty() ? std::string_view("Patient") : param.target) + "/x";
    default: return "x";
  }
}

class Builder {
 public:
  explicit Builder(bool bulk) : access_(everything()), bulk_(bulk) {}

  Json resource_of(const Json& upstream, std::string_view type) const {
    Json out = Json::object({{"type", type}});
    if (is_canonical(upstream["profile"])) out.set("profile", upstream["profile"]);
    set_unless_empty(out, "supportedProfile", array_of_kept(upstream["supportedProfile"], is_canonical));
    set_unless_empty(out, "interaction", interactions_of(upstream["interaction"], kOfType, type));
    if (upstream["versioning"].is_string()) out.set("versioning", upstream["versioning"]);
    add_conditionals(out, upstream, type);
    set_unless_empty(out, "searchInclude", array_of_kept(upstream["searchInclude"], [&](const Json& item) {
                       return takes_parameter(type, "_include", item.string_or());
                     }));
    set_unless_empty(out, "searchRevInclude", array_of_kept(upstream["searchRevInclude"], [&](const Json& item) {
                       return takes_parameter(type, "_revinclude", item.string_or());
                     }));
    set_unless_empty(out, "searchParam", params_of(upstream["searchParam"], type));
    set_unless_empty(out, "operation", operations_of(upstream["operation"], type));
    return out;
  }

  Json interactions_of(const Json& upstream, const auto& table, std::string_view type) const {
    Json out = Json::array();
    for (const auto& item : upstream.items()) {
      const auto row = std::ranges::find(table, item["code"].string_or(), &Code::code);
      if (row != table.end() && passes(row->kind, type)) out.push_back(Json::object({{"code", row->code}}));
    }
    return out;
  }

  /// By name, as find_operation() knows them; upstream's definition if it is HL7's.
  Json operations_of(const Json& upstream, std::string_view type) const {
    Json out = Json::array();
    for (const auto& item : upstream.items()) {
      const auto name = item["name"].string_or();
      const auto& definition = item["definition"];
      if (!is_canonical(definition) || !serves_operation(name, type)) continue;
      out.push_back(Json::object({{"name", name}, {"definition", definition}}));
    }
    return out;
  }

 private:
  [[nodiscard]] static bool offered(Reason reason) noexcept {
    // Parameters that are missing or of another form are the caller's business, not the offer's.
    return reason == Reason::permitted || reason == Reason::parameter_malformed;
  }

  [[nodiscard]] bool passes(InteractionKind kind, std::string_view type) const {
    if (!is_served(kind)) return false;
    Interaction interaction;
    interaction.kind = kind;
    interaction.type = type;
    const auto reason = policy::decide(access_, interaction).decision.reason;
    return offered(reason) && writable(kind, type);
  }

  /// Some types are never written through here, whatever the content.
  [[nodiscard]] bool writable(InteractionKind kind, std::string_view type) const {
    const auto letters = fhir::letters_needed(kind);
    if (letters.empty() || letters == "r" || letters == "s") return true;
    const auto any = Json::object({{"resourceType", type}, {"id", "x"}});
    const auto* const before = letters == "c" ? nullptr : &any;
    const auto* const after = letters == "d" ? nullptr : &any;
    return policy::write_allowed(access_, letters.front(), before, after).reason != Reason::write_denied;
  }

  [[nodiscard]] bool takes_parameter(std::string_view type, std::string_view name, std::string_view value) const {
    Interaction interaction;
    interaction.kind = InteractionKind::search_type;
    interaction.type = type;
    interaction.params.push_back({std::string(name), std::string(value), false});
    const auto decision = policy::decide(access_, interaction);
    return decision.decision.permitted() && decision.plan.left_out.empty();
  }

  [[nodiscard]] bool serves_operation(std::string_view name, std::string_view type) const {
    if (!is_served(InteractionKind::operation)) return false;
    return std::ranges::any_of(policy::operation_rules(), [&](const policy::OperationRule& rule) {
      if (rule.name != name || (rule.type != type && (rule.type != "*" || type.empty()))) return false;
      return bulk_ || rule.treatment != policy::Treatment::export_data;
    });
  }

  void add_conditionals(Json& out, const Json& upstream, std::string_view type) const {
    if (upstream["readHistory"].bool_or(false)) out.set("readHistory", passes(InteractionKind::vread, type));
    if (upstream["conditionalCreate"].bool_or(false) && is_served(InteractionKind::conditional_create)) {
      out.set("conditionalCreate", true);
    }
    // The gateway answers If-None-Match itself, after the decision; If-Modified-Since it does not.
    if (upstream["conditionalRead"].string_or() == "not-match" ||
        upstream["conditionalRead"].string_or() == "full-support") {
      out.set("conditionalRead", "not-match");
    }
    if (upstream["conditionalUpdate"].bool_or(false) && is_served(InteractionKind::conditional_update)) {
      out.set("conditionalUpdate", true);
    }
    if (const auto remove = upstream["conditionalDelete"].string_or();
        (remove == "single" || remove == "multiple") && is_served(InteractionKind::conditional_remove)) {
      out.set("conditionalDelete", "single");
    }
  }

  Json params_of(const Json& upstream, std::string_view type) const {
    Json out = Json::array();
    for (const auto& item : upstream.items()) {
      const auto* const param = fhir::find_param(type, item["name"].string_or());
      if (param == nullptr || !item["type"].is_string() || !takes_parameter(type, param->name, sample_of(*param))) {
        continue;
      }
      Json kept = Json::object({{"name", param->name}});
      if (is_canonical(item["definition"])) kept.set("definition", item["definition"]);
      kept.set("type", item["type"]);
      out.push_back(std::move(kept));
    }
    return out;
  }

  policy::Access access_;
  bool bulk_;
};

Result<Json> security_of(const Json& configuration, bool cors) {
  spec::smart::ConfigurationFacts facts;
  facts.authorization_endpoint = configuration["authorization_endpoint"].string_or();
  facts.token_endpoint = configuration["token_endpoint"].string_or();
  facts.introspection_endpoint = configuration["introspection_endpoint"].string_or();
  facts.revocation_endpoint = configuration["revocation_endpoint"].string_or();
  facts.registration_endpoint = configuration["registration_endpoint"].string_or();
  facts.management_endpoint = configuration["management_endpoint"].string_or();
  return spec::smart::capability_security(facts, cors);
}

bool exports_groups(const Json& resources) {
  return std::ranges::any_of(resources.items(), [](const Json& resource) {
    return resource["type"].string_or() == "Group" &&
           std::ranges::any_of(resource["operation"].items(),
                               [](const Json& one) { return one["name"].string_or() == "export"; });
  });
}

}  // namespace

Result<Json> public_capabilities(const Json& upstream, const Json& smart_configuration, const std::string& public_base,
                                 bool cors, bool bulk, Instant now) {
  if (upstream["resourceType"].string_or() != "CapabilityStatement" ||
      !upstream["fhirVersion"].string_or().starts_with("4.0")) {
    return fail(ErrorCode::malformed, {}, "upstream's metadata is not an R4 CapabilityStatement");
  }
  MITRAL_TRY(auto security, security_of(smart_configuration, cors));
  const Builder builder(bulk);
  Json resources = Json::array();
  Json interactions = Json::array();
  Json operations = Json::array();
  for (const auto& rest : upstream["rest"].items()) {
    if (rest["mode"].string_or() != "server") continue;
    for (const auto& resource : rest["resource"].items()) {
      const auto type = resource["type"].string_or();
      if (fhir::is_resource_type(type)) resources.push_back(builder.resource_of(resource, type));
    }
    interactions = builder.interactions_of(rest["interaction"], kOfSystem, {});
    operations = builder.operations_of(rest["operation"], {});
  }
  const bool bulk_data = exports_groups(resources);
  Json rest = Json::object({{"mode", "server"}});
  rest.set("security", std::move(security));
  set_unless_empty(rest, "resource", std::move(resources));
  set_unless_empty(rest, "interaction", std::move(interactions));
  set_unless_empty(rest, "operation", std::move(operations));

  Json instantiates = array_of_kept(upstream["instantiates"], [](const Json& item) {
    return is_canonical(item) && !item.string_or().starts_with(kBulkCanonical);
  });
  if (bulk_data) instantiates.push_back(Json(kBulkCanonical));
  Json out = Json::object({{"resourceType", "CapabilityStatement"}, {"status", "active"}});
  out.set("date", upstream["date"].is_string() ? upstream["date"] : Json(to_rfc3339(now)));
  out.set("kind", "instance");
  set_unless_empty(out, "instantiates", std::move(instantiates));
  out.set("software", Json::object({{"name", "Mitral"}}));
  out.set("implementation", Json::object({{"description", "FHIR R4 behind Mitral"}, {"url", public_base}}));
  out.set("fhirVersion", upstream["fhirVersion"]);
  out.set("format", Json::array({Json("application/fhir+json"), Json("json")}));
  // Whichever of them upstream knows: patches are applied here, and upstream gets an update.
  if (is_served(InteractionKind::patch) && !upstream["patchFormat"].empty())
    out.set("patchFormat", Json::array_of(kPatchFormats));
  out.set("rest", Json::array({std::move(rest)}));
  return out;
}

}  // namespace mitral::gateway
