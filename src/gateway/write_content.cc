#include "gateway/write_content.h"

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "base/limits.h"
#include "codec/fields.h"
#include "codec/text.h"
#include "fhir/compartment.h"
#include "fhir/fhirpath_patch.h"
#include "fhir/json_patch.h"
#include "fhir/r4.h"
#include "fhir/reference.h"
#include "fhir/xml_patch.h"
#include "gateway/answer.h"
#include "gateway/outcome.h"

namespace mitral::gateway {
namespace {

using codec::Headers;
using codec::Json;

std::unexpected<Error> unstorable(ClientText why) { return fail(ErrorCode::conflict, why); }

/// One Content-Type, nothing but UTF-8, no other version of FHIR, no compression that would need another limit.
Result<codec::MediaType> media_type(const Headers& headers) {
  const auto value = headers.get("Content-Type");
  const auto coding = headers.get("Content-Encoding").value_or("identity");
  const auto type = value ? codec::parse_media_type(*value) : std::nullopt;
  if (!type || headers.count("Content-Type") != 1 || !codec::iequals(coding, "identity")) {
    return fail(ErrorCode::unsupported_media_type, "Send FHIR as JSON with one Content-Type");
  }
  return *type;
}

bool is_fhir_json(const Headers& headers) {
  return codec::has_media_type(headers, "application/fhir+json") || codec::has_media_type(headers, "application/json");
}

/// FHIR has no list of this name; a server that takes one anyway would store links that nobody judged.
bool is_list_of_links(const Json& value) {
  return std::ranges::any_of(value.items(), [](const Json& item) { return item.is_string(); });
}

/// A placeholder stands for a resource that upstream made up to keep a reference alive; nobody may pretend to be one.
bool has_placeholder(const Json& value) {
  if (value["url"].string_or().ends_with("/resource-placeholder")) return true;
  return std::ranges::any_of(value.items(), has_placeholder) ||
         std::ranges::any_of(value.members(), [](const auto& member) { return has_placeholder(member.value); });
}

using Visit = std::function<Result<void>(Json& text, bool is_link)>;
Result<void> each_text(Json& value, const Visit& visit) {
  for (auto& item : value.items()) MITRAL_CHECK(each_text(item, visit));
  for (auto& member : value.members_mut()) {
    const bool link = member.key == "reference";
    if (link && is_list_of_links(member.value)) return unstorable("A reference must be one text");
    if (member.value.is_string() && (link || member.key == "url")) {
      MITRAL_CHECK(visit(member.value, link));
    } else {
      MITRAL_CHECK(each_text(member.value, visit));
    }
  }
  return {};
}

class Settler {
 public:
  explicit Settler(const ContentRules& rules) : rules_(rules) {
    if (rules.before == nullptr) return;
    for (const auto text : fhir::all_references(*rules.before)) known_.insert(std::string(text));
  }

  Result<void> settle(Json& text, bool is_link) const {
    const std::string value(text.string_or());
    const auto base_size = rules_.own_base.size();
    // A url may be a name (Extension.url): it moves with the base, as when it is read, and keeps its form.
    if (is_link && value.starts_with(rules_.own_base) && value.size() > base_size + 1 && value[base_size] == '/') {
      text = Json(std::string_view(value).substr(base_size + 1));
    } else if (value.starts_with("urn:")) {
      const auto target = rules_.resolve ? rules_.resolve(value) : std::nullopt;
      if (target) text = Json(*target);
    }
    return is_link && !known_.contains(value) ? check(text.string_or()) : Result<void>{};
  }

 private:
  Result<void> check(std::string_view text) const {
    if (text.find('?') != std::string_view::npos) return unstorable("A reference must name its target, not search it");
    const auto reference = fhir::parse_reference(text, rules_.own_base);
    switch (reference.kind) {
      case fhir::ReferenceKind::local: return {};
      // "#" alone is the containing resource (references.html 2.3.0.8).
      case fhir::ReferenceKind::contained: return {};
      case fhir::ReferenceKind::urn: return unstorable("A urn: reference names nothing in this request");
      case fhir::ReferenceKind::foreign: return unstorable("References to other servers can't be stored here");
      case fhir::ReferenceKind::other: break;
    }
    return unstorable("A reference must have the form Type/id");
  }

  const ContentRules& rules_;
  std::unordered_set<std::string> known_;
};

}  // namespace

Result<Draft> read_draft(const codec::Request& request, bool patch, const Bases& bases) {
  MITRAL_TRY(const auto type, media_type(request.headers));
  for (const auto& [name, value] : type.parameters) {
    if ((name == "charset" && !codec::iequals(value, "utf-8")) ||
        (name == "fhirversion" && !value.starts_with("4.0"))) {
      return fail(ErrorCode::unsupported_media_type, "Send FHIR R4 as JSON in UTF-8");
    }
  }
  if (request.body.size() > limits::kFhirBodyMax) return fail(ErrorCode::too_large, "The body is too large");
  if (patch && codec::has_media_type(request.headers, "application/json-patch+json")) {
    auto body = codec::Json::parse(request.body);
    if (!body || !body->is_array()) return fail(ErrorCode::malformed, "The body is not a JSON Patch");
    return Draft{BodyKind::json_patch, std::move(*body)};
  }
  if (patch && codec::has_media_type(request.headers, "application/xml-patch+xml")) {
    MITRAL_TRY(const auto understood, fhir::XmlPatch::parse(request.body));
    return Draft{BodyKind::xml_patch, Json(request.body)};
  }
  if (!is_fhir_json(request.headers)) {
    return fail(ErrorCode::unsupported_media_type,
                patch ? ClientText("Send a JSON Patch, an XML Patch, or a FHIRPath Patch as JSON")
                      : ClientText("Send the resource as application/fhir+json"));
  }
  auto body = parse_upstream(request.body, bases.upstream, bases.own);
  if (!body) return fail(ErrorCode::malformed, "The body is not strict FHIR JSON", body.error().detail);
  if (patch && (*body)["resourceType"].string_or() != "Parameters") {
    return fail(ErrorCode::malformed, "A FHIRPath Patch is a Parameters resource");
  }
  return Draft{patch ? BodyKind::fhirpath_patch : BodyKind::resource, std::move(*body)};
}

Result<void> settle_content(Json& resource, const ContentRules& rules) {
  if (!resource.is_object() || resource["resourceType"].string_or() != rules.type) {
    return fail(ErrorCode::malformed, "The body is not a resource of the type in the URL");
  }
  if (rules.id.empty()) {
    resource.erase("id");
  } else if (resource["id"].string_or() != rules.id) {
    return fail(ErrorCode::malformed, "The id in the body is not the id in the URL");
  }
  if (auto* const meta = resource.find("meta"); meta != nullptr) {
    if (!meta->is_object()) return fail(ErrorCode::malformed, "meta is not an object");
    meta->erase("versionId");
    meta->erase("lastUpdated");
    if (meta->empty()) resource.erase("meta");
  }
  if (has_placeholder(resource)) return unstorable("Placeholders can't be stored here");
  const Settler settler(rules);
  return each_text(resource, [&](Json& text, bool is_link) { return settler.settle(text, is_link); });
}

namespace {
Result<Json> patched(const Json& before, const Draft& patch) {
  if (patch.kind == BodyKind::json_patch) return fhir::apply_json_patch(before, patch.body);
  if (patch.kind == BodyKind::fhirpath_patch) return fhir::apply_fhirpath_patch(before, patch.body);
  MITRAL_TRY(const auto xml, fhir::XmlPatch::parse(patch.body.string_or()));
  return xml.apply(before);
}
}  // namespace

Result<Json> apply_patch(const Json& before, const Draft& patch, bool may_read, const Bases& bases) {
  const bool json = patch.kind == BodyKind::json_patch;
  // Whether a test passes tells what is stored; so does a filter of a path, and a selector that meets nothing.
  if (!may_read && (!json || fhir::tests_values(patch.body))) {
    return fail(ErrorCode::forbidden, "A patch that depends on what is stored needs the right to read it");
  }
  auto after = patched(before, patch);
  if (!after) return after;
  if ((*after)["resourceType"] != before["resourceType"] || (*after)["id"] != before["id"] ||
      (*after)["meta"]["versionId"] != before["meta"]["versionId"]) {
    return unstorable("A patch may not change resourceType, id or meta.versionId");
  }
  // Once more through the strict reader: values of the patch may name the upstream base, as a whole or put together.
  auto read = parse_upstream(after->dump(), bases.upstream, bases.own);
  if (!read) return unstorable("The patched resource is not strict FHIR JSON");
  return read;
}

Result<std::string> upstream_text(const Json& resource, const Bases& bases) {
  auto text = resource.dump();
  if (bases.own == bases.upstream || text.find(bases.own) == std::string::npos) return text;
  MITRAL_TRY(const auto moved, parse_upstream(text, bases.own, bases.upstream));
  return moved.dump();
}

void each_reference(Json& value, const std::function<bool(std::string&)>& visit) {
  (void)each_text(value, [&](Json& text, bool) -> Result<void> {
    std::string copy(text.string_or());
    if (visit(copy)) text = Json(copy);
    return {};
  });
}

codec::Response content_refused(const Error& error) {
  const auto text = error.client.empty() ? ClientText("The body can't be accepted") : error.client;
  switch (error.code) {
    case ErrorCode::unsupported_media_type: return outcome_response(415, "not-supported", text);
    case ErrorCode::too_large: return outcome_response(413, "too-costly", text);
    case ErrorCode::conflict: return outcome_response(422, "processing", text);
    case ErrorCode::forbidden: return outcome_response(403, "forbidden", text);
    default: return outcome_response(400, "invalid", text);
  }
}

Preferences read_preferences(const Headers& headers) {
  Preferences out;
  for (const auto& header : headers.list()) {
    if (!codec::iequals(header.name, "Prefer")) continue;
    for (const auto item : codec::split(header.value, ',')) {
      const auto preference = codec::trim(item.substr(0, item.find(';')));
      if (codec::iequals(preference, "respond-async")) out.async = true;
      if (codec::iequals(preference, "return=minimal")) out.body = Preferences::Return::minimal;
      if (codec::iequals(preference, "return=OperationOutcome")) out.body = Preferences::Return::outcome;
      if (codec::iequals(preference, "return=representation")) out.body = Preferences::Return::representation;
    }
  }
  return out;
}

std::string_view version_in_tag(std::string_view tag) noexcept {
  tag = codec::trim(tag);
  if (tag.starts_with("W/")) tag.remove_prefix(2);
  if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"') tag = tag.substr(1, tag.size() - 2);
  return fhir::is_id(tag) ? tag : std::string_view{};
}

bool match_agrees(const Headers& headers, std::string_view version) {
  bool asked = false;
  for (const auto& header : headers.list()) {
    if (!codec::iequals(header.name, "If-Match")) continue;
    asked = true;
    for (const auto item : codec::split(header.value, ',')) {
      if (codec::trim(item) == "*" || (!version.empty() && version_in_tag(item) == version)) return true;
    }
  }
  return !asked;
}

std::optional<Place> read_location(std::string_view location, std::string_view type) {
  const auto parts = codec::split(location.substr(0, location.find_first_of("?#")), '/');
  Place out;
  std::size_t end = parts.size();
  if (end >= 2 && parts[end - 2] == "_history") {
    if (!fhir::is_id(parts[end - 1])) return std::nullopt;
    out.version = parts[end - 1];
    end -= 2;
  }
  if (end < 2 || parts[end - 2] != type || !fhir::is_id(parts[end - 1])) return std::nullopt;
  out.id = parts[end - 1];
  return out;
}

}  // namespace mitral::gateway
