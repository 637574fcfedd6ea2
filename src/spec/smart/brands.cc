#include "spec/smart/brands.h"

#include <algorithm>
#include <set>
#include <vector>

#include "base/limits.h"
#include "codec/json.h"
#include "codec/text.h"
#include "codec/uri.h"
#include "crypto/hash.h"

namespace mitral::spec::smart {
namespace {

using codec::Json;

constexpr std::string_view kPortal = "http://hl7.org/fhir/StructureDefinition/organization-portal";
constexpr std::string_view kFhirVersion = "http://hl7.org/fhir/StructureDefinition/endpoint-fhir-version";

std::unexpected<Error> bad(std::string what) {
  return fail(ErrorCode::config_invalid, {}, "brand Bundle: " + std::move(what));
}

std::string local(const Json& resource) {
  return std::string(resource["resourceType"].string_or()) + "/" + std::string(resource["id"].string_or());
}

/// The resources of a Bundle, and where references to them lead.
class Brands {
 public:
  Result<void> collect(const Json& bundle) {
    for (const auto& entry : bundle["entry"].items()) {
      const Json& resource = entry["resource"];
      const auto type = resource["resourceType"].string_or();
      if (type == "Organization") {
        organizations.push_back(&resource);
      } else if (type == "Endpoint") {
        endpoints.push_back({&resource, entry["fullUrl"].string_or()});
      } else {
        return bad("holds something that is neither Organization nor Endpoint");
      }
      const auto url = entry["fullUrl"].string_or();
      if (!url.empty() && !codec::is_absolute_uri(url)) return bad("a fullUrl is not absolute");
      if (url.empty() && resource["id"].string_or().empty()) return bad("an entry has neither fullUrl nor id");
      if (!names.insert(url.empty() ? local(resource) : std::string(url)).second) return bad("an entry is there twice");
      if (!url.empty() && !resource["id"].string_or().empty()) names.insert(local(resource));
    }
    if (organizations.empty()) return bad("holds no Organization");
    return {};
  }

  /// The references in an Organization, all of which lead to entries.
  Result<std::vector<std::string>> references(const Json& list, std::string_view what) const {
    std::vector<std::string> out;
    for (const auto& item : list.items()) {
      const auto text = item["reference"].string_or();
      if (!names.contains(std::string(text))) return bad(std::string(what) + " refers to something outside the Bundle");
      out.emplace_back(text);
    }
    return out;
  }

  std::vector<const Json*> organizations;
  struct EndpointEntry {
    const Json* resource;
    std::string_view url;
  };
  std::vector<EndpointEntry> endpoints;
  std::set<std::string, std::less<>> names;
};

Result<void> check_portal(const Json& extension, const std::vector<std::string>& endpoints, const std::string& name) {
  for (const auto& part : extension["extension"].items()) {
    const auto url = part["url"].string_or();
    if (url == "portalUrl" && !codec::is_https_url(part["valueUrl"].string_or()))
      return bad(name + " has a portalUrl that is not https");
    if (url != "portalEndpoint") continue;
    const auto reference = part["valueReference"]["reference"].string_or();
    if (std::ranges::find(endpoints, reference) == endpoints.end())
      return bad(name + " has a portalEndpoint that is not among its endpoints");
  }
  return {};
}

Result<void> check_organization(const Brands& brands, const Json& organization, std::set<std::string>& referenced) {
  const std::string name(organization["name"].string_or());
  if (name.empty()) return bad("an Organization has no name");
  const auto urls = std::ranges::count_if(organization["telecom"].items(), [](const Json& telecom) {
    return telecom["system"].string_or() == "url" && codec::is_https_url(telecom["value"].string_or());
  });
  if (urls != 1) return bad(name + " needs exactly one https URL in telecom");
  MITRAL_TRY(const auto endpoints, brands.references(organization["endpoint"], name));
  referenced.insert(endpoints.begin(), endpoints.end());
  if (const auto parent = organization["partOf"]["reference"].as_string()) {
    if (!brands.names.contains(*parent)) return bad(name + " is part of something outside the Bundle");
  }
  for (const auto& extension : organization["extension"].items()) {
    if (extension["url"].string_or() == kPortal) MITRAL_CHECK(check_portal(extension, endpoints, name));
  }
  return {};
}

Result<void> check_endpoint(const Json& endpoint) {
  const auto address = endpoint["address"].string_or();
  if (!codec::parse_http_url(address)) return bad("an Endpoint has no absolute address");
  const std::string name(address);
  if (endpoint["status"].string_or().empty()) return bad(name + " has no status");
  if (endpoint["connectionType"]["code"].string_or() != "hl7-fhir-rest")
    return bad(name + " is not of connectionType hl7-fhir-rest");
  if (endpoint["payloadType"].empty()) return bad(name + " has no payloadType");
  const auto versions = std::ranges::count_if(endpoint["extension"].items(), [](const Json& extension) {
    return extension["url"].string_or() == kFhirVersion && !extension["valueCode"].string_or().empty();
  });
  if (versions == 0) return bad(name + " says no FHIR version");
  const auto contacts = std::ranges::count_if(endpoint["contact"].items(), [](const Json& contact) {
    return contact["system"].string_or() == "url" && codec::parse_http_url(contact["value"].string_or()).has_value();
  });
  if (contacts == 0) return bad(name + " has no contact URL");
  return {};
}

/// Organizations that carry this identifier.
std::ptrdiff_t named(const Brands& brands, std::string_view system, std::string_view value) {
  return std::ranges::count_if(brands.organizations, [&](const Json* organization) {
    return std::ranges::any_of((*organization)["identifier"].items(), [&](const Json& identifier) {
      return identifier["value"].string_or() == value && (system.empty() || identifier["system"].string_or() == system);
    });
  });
}

}  // namespace

Result<BrandBundle> read_brands(std::string_view text, std::string_view system, std::string_view value) {
  if (text.size() > limits::kBrandBundleMax) return bad("is too large");
  const auto parsed = Json::parse_object(text);
  if (!parsed) return bad("is not JSON: " + parsed.error().detail);
  const Json& bundle = *parsed;
  if (bundle["resourceType"].string_or() != "Bundle" || bundle["type"].string_or() != "collection")
    return bad("is not a Bundle of type collection");
  // FHIR instant: date, time to the second, and a zone.
  const auto timestamp = bundle["timestamp"].string_or();
  if (timestamp.size() < 20 || timestamp[10] != 'T') return bad("has no timestamp");
  Brands brands;
  MITRAL_CHECK(brands.collect(bundle));
  std::set<std::string> referenced;
  for (const auto* organization : brands.organizations)
    MITRAL_CHECK(check_organization(brands, *organization, referenced));
  for (const auto& endpoint : brands.endpoints) {
    MITRAL_CHECK(check_endpoint(*endpoint.resource));
    if (!referenced.contains(std::string(endpoint.url)) && !referenced.contains(local(*endpoint.resource)))
      return bad(std::string(endpoint.resource->operator[]("address").string_or()) + " belongs to no Organization");
  }
  if (value.empty()) {
    const auto brand_count = std::ranges::count_if(
        brands.organizations, [](const Json* organization) { return !organization->contains("partOf"); });
    if (brand_count > 1) return bad("holds several brands: set brand_identifier to the one of this server");
  } else if (named(brands, system, value) != 1) {
    return bad("the brand identifier has to hit exactly one Organization");
  }
  const auto hash = crypto::sha256(text);
  std::string etag = "W/\"";
  etag.append(codec::to_hex(as_view(hash).substr(0, 12))).append(1, '"');
  return BrandBundle{std::string(text), std::move(etag)};
}

bool none_match_fails(std::string_view if_none_match, std::string_view etag) noexcept {
  const auto opaque = [](std::string_view tag) { return tag.starts_with("W/") ? tag.substr(2) : tag; };
  while (!if_none_match.empty()) {
    const auto comma = if_none_match.find(',');
    auto item = if_none_match.substr(0, comma);
    while (item.starts_with(' ') || item.starts_with('\t')) item.remove_prefix(1);
    while (item.ends_with(' ') || item.ends_with('\t')) item.remove_suffix(1);
    if (item == "*" || opaque(item) == opaque(etag)) return true;
    if (comma == std::string_view::npos) break;
    if_none_match.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace mitral::spec::smart
