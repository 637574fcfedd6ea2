#include "gateway/capability.h"

#include <algorithm>
#include <array>

#include "codec/text.h"
#include "fhir/r4.h"
#include "fhir/search_params.h"
#include "spec/smart/configuration.h"

namespace mitral::gateway {
namespace {

using codec::Json;

constexpr auto kInteractions =
    std::to_array<std::string_view>({"history-instance", "history-type", "read", "search-type", "vread"});

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

/// "Type:param" or "Type:param:Target" that decide() would let through.
bool known_include(const Json& text, std::string_view type, bool reverse) {
  const auto parts = codec::split(text.string_or(), ':');
  if (parts.size() < 2 || parts.size() > 3) return false;
  const auto* const param = fhir::find_param(parts[0], parts[1]);
  return param != nullptr && param->type == fhir::ParamType::reference && (reverse || parts[0] == type);
}

Json resource_of(const Json& upstream, std::string_view type) {
  Json out = Json::object({{"type", type}});
  if (upstream["profile"].is_string()) out.set("profile", upstream["profile"]);
  set_unless_empty(out, "supportedProfile",
                   array_of_kept(upstream["supportedProfile"], [](const Json& item) { return item.is_string(); }));
  Json interactions = Json::array();
  for (const auto& item : upstream["interaction"].items()) {
    const auto code = item["code"].string_or();
    if (std::ranges::binary_search(kInteractions, code)) interactions.push_back(Json::object({{"code", code}}));
  }
  set_unless_empty(out, "interaction", std::move(interactions));
  if (upstream["versioning"].is_string()) out.set("versioning", upstream["versioning"]);
  set_unless_empty(out, "searchInclude", array_of_kept(upstream["searchInclude"], [&](const Json& item) {
                     return known_include(item, type, false);
                   }));
  set_unless_empty(out, "searchRevInclude", array_of_kept(upstream["searchRevInclude"], [&](const Json& item) {
                     return known_include(item, type, true);
                   }));
  Json params = Json::array();
  for (const auto& item : upstream["searchParam"].items()) {
    const auto name = item["name"].string_or();
    if (fhir::find_param(type, name) == nullptr || !item["type"].is_string()) continue;
    Json param = Json::object({{"name", name}});
    if (item["definition"].is_string()) param.set("definition", item["definition"]);
    param.set("type", item["type"]);
    params.push_back(std::move(param));
  }
  set_unless_empty(out, "searchParam", std::move(params));
  return out;
}

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

}  // namespace

Result<Json> public_capabilities(const Json& upstream, const Json& smart_configuration, const std::string& public_base,
                                 bool cors, Instant now) {
  if (upstream["resourceType"].string_or() != "CapabilityStatement" ||
      !upstream["fhirVersion"].string_or().starts_with("4.0")) {
    return fail(ErrorCode::malformed, {}, "upstream's metadata is not an R4 CapabilityStatement");
  }
  MITRAL_TRY(auto security, security_of(smart_configuration, cors));
  Json resources = Json::array();
  for (const auto& rest : upstream["rest"].items()) {
    if (rest["mode"].string_or() != "server") continue;
    for (const auto& resource : rest["resource"].items()) {
      const auto type = resource["type"].string_or();
      if (fhir::is_resource_type(type)) resources.push_back(resource_of(resource, type));
    }
  }
  Json rest = Json::object({{"mode", "server"}});
  rest.set("security", std::move(security));
  rest.set("resource", std::move(resources));

  Json out = Json::object({{"resourceType", "CapabilityStatement"}, {"status", "active"}});
  out.set("date", upstream["date"].is_string() ? upstream["date"] : Json(to_rfc3339(now)));
  out.set("kind", "instance");
  set_unless_empty(out, "instantiates", array_of_kept(upstream["instantiates"], [](const Json& item) {
                     return item.string_or().starts_with("http://hl7.org/");
                   }));
  out.set("software", Json::object({{"name", "Mitral"}}));
  out.set("implementation", Json::object({{"description", "FHIR R4 behind Mitral"}, {"url", public_base}}));
  out.set("fhirVersion", upstream["fhirVersion"]);
  out.set("format", Json::array({Json("application/fhir+json"), Json("json")}));
  out.set("rest", Json::array({std::move(rest)}));
  return out;
}

}  // namespace mitral::gateway
