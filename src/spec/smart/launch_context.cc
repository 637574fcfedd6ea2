#include "spec/smart/launch_context.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "codec/text.h"
#include "codec/uri.h"

namespace mitral::spec::smart {
namespace {

using codec::Json;
using Types = std::span<const std::string_view>;

std::unexpected<Error> bad(ClientText why) { return fail(ErrorCode::malformed, why); }

bool known(Types types, std::string_view type) { return std::ranges::find(types, type) != types.end(); }

bool logical_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 64 && text != "." && text != ".." && std::ranges::all_of(text, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

bool plain_text(std::string_view text) noexcept {
  return !text.empty() && text.size() <= limits::kFhirParameterMax &&
         std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

/// How a context member of an EHR's own is called, so that it can't be taken for one of the standard.
bool own_name(std::string_view name) noexcept {
  return name.size() <= limits::kUrlMax &&
         ((name.size() > 2 && name.starts_with("__")) || codec::parse_http_url(name).has_value());
}

/// "Type/id": the type, or empty.
std::string_view type_of_reference(std::string_view text, Types types) noexcept {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos || !logical_id(text.substr(slash + 1))) return {};
  const auto type = text.substr(0, slash);
  return known(types, type) ? type : std::string_view{};
}

/// Absolute http(s) URL, optionally |version, whose next-to-last path segment is a resource type: the type, or empty.
std::string_view type_of_canonical(std::string_view text, Types types) noexcept {
  const auto url_text = text.substr(0, text.find('|'));
  const auto url = codec::parse_http_url(url_text);
  if (!url || url->has_fragment || url->has_query) return {};
  const auto last = url->path.rfind('/');
  if (last == std::string_view::npos || last == 0 || last + 1 == url->path.size()) return {};
  const auto before = url->path.rfind('/', last - 1);
  if (before == std::string_view::npos) return {};
  const auto type = url->path.substr(before + 1, last - before - 1);
  return known(types, type) ? type : std::string_view{};
}

/// Roles that SMART itself defines may be written relative; all others are absolute URIs.
bool legal_role(std::string_view role) noexcept { return role == "launch" || codec::is_absolute_uri(role); }

Result<void> check_entry(const Json& entry, Types types) {
  if (!entry.is_object()) return bad("fhirContext entries are objects");
  std::string_view type;
  bool identified = false;
  for (const auto& [key, value] : entry.members()) {
    if (key == "identifier") {
      if (!value.is_object()) return bad("fhirContext identifier is not an object");
      identified = true;
      continue;
    }
    const auto text = value.as_string();
    if (!text || !plain_text(*text)) return bad("fhirContext member is not a text");
    if (key == "reference" || key == "canonical") {
      const auto found = key == "reference" ? type_of_reference(*text, types) : type_of_canonical(*text, types);
      if (found.empty()) return bad("fhirContext reference or canonical names no known type");
      if (!type.empty() && type != found) return bad("fhirContext entry names two types");
      type = found;
      identified = true;
    } else if (key == "type") {
      if (!known(types, *text) || (!type.empty() && type != *text))
        return bad("fhirContext type is unknown or contradicts");
      type = *text;
    } else if (key == "role") {
      if (!legal_role(*text)) return bad("fhirContext role is not an absolute URI");
    } else {
      return bad("unknown member in fhirContext");
    }
  }
  if (!identified) return bad("fhirContext entry without reference, canonical or identifier");
  const auto role = entry["role"].string_or("launch");
  // These two have parameters of their own; a second place could contradict the first.
  if (role == "launch" && (type == "Patient" || type == "Encounter"))
    return bad("Patient and Encounter are no fhirContext");
  return {};
}

/// The type of an entry known to be valid: by type, reference or canonical.
std::string entry_type(const Json& entry) {
  if (const auto type = entry["type"].as_string()) return std::string(*type);
  if (const auto reference = entry["reference"].as_string())
    return std::string(reference->substr(0, reference->find('/')));
  auto canonical = entry["canonical"].string_or();
  canonical = canonical.substr(0, canonical.find('|'));
  const auto last = canonical.rfind('/');
  if (last == std::string_view::npos || last == 0) return {};
  const auto before = canonical.rfind('/', last - 1);
  return before == std::string_view::npos ? std::string{}
                                          : std::string(canonical.substr(before + 1, last - before - 1));
}

bool entitled(const Json& entry, const ScopeSet& granted) {
  if (granted.has(ScopeKind::launch)) return true;
  const auto type = codec::to_lower(entry_type(entry));
  const auto role = entry["role"].string_or("launch");
  return std::ranges::any_of(granted.items(), [&](const SmartScope& scope) {
    return scope.kind == ScopeKind::launch_context && !type.empty() && scope.launch_type == type &&
           (scope.role.empty() || scope.role == role);
  });
}

}  // namespace

bool LaunchContext::empty() const noexcept {
  return !patient && !encounter && !fhir_context && !need_patient_banner && !intent && !smart_style_url && !tenant &&
         !app_context && extras.empty();
}

Result<> validate_fhir_context(const Json& value, Types types) {
  if (!value.is_array()) return bad("fhirContext is not an array");
  if (value.size() > limits::kFhirContextMax) return fail(ErrorCode::too_large, "too many fhirContext entries");
  for (const auto& entry : value.items()) MITRAL_CHECK(check_entry(entry, types));
  return {};
}

Result<> validate(const LaunchContext& context, Types types) {
  if (context.patient && !logical_id(*context.patient)) return bad("patient is not a logical id");
  if (context.encounter && !logical_id(*context.encounter)) return bad("encounter is not a logical id");
  if (context.intent && !plain_text(*context.intent)) return bad("intent is not a text");
  if (context.tenant && !plain_text(*context.tenant)) return bad("tenant is not a text");
  if (context.app_context && (context.app_context->empty() || context.app_context->size() > limits::kFhirParameterMax))
    return bad("appContext is empty or too long");
  if (context.extras.size() > limits::kLaunchExtrasMax) return fail(ErrorCode::too_large, "too much launch context");
  for (const auto& [key, value] : context.extras.members()) {
    if (!own_name(key)) return bad("unknown launch context member");
    if (value.dump().size() > limits::kFhirParameterMax) return fail(ErrorCode::too_large, "too much launch context");
  }
  if (context.smart_style_url &&
      (context.smart_style_url->size() > limits::kRedirectUriMax || !codec::parse_http_url(*context.smart_style_url))) {
    return bad("smart_style_url is not an absolute URL");
  }
  if (context.fhir_context) MITRAL_CHECK(validate_fhir_context(*context.fhir_context, types));
  return {};
}

void write_into(const LaunchContext& context, Json& object) {
  object.set_if("patient", context.patient);
  object.set_if("encounter", context.encounter);
  object.set_if("fhirContext", context.fhir_context);
  object.set_if("need_patient_banner", context.need_patient_banner);
  object.set_if("intent", context.intent);
  object.set_if("smart_style_url", context.smart_style_url);
  object.set_if("tenant", context.tenant);
  object.set_if("appContext", context.app_context);
  for (const auto& [key, value] : context.extras.members()) object.set(key, value);
}

Json to_json(const LaunchContext& context) {
  Json out = Json::object();
  write_into(context, out);
  return out;
}

Result<LaunchContext> from_json(const Json& object, Types types) {
  if (!object.is_object()) return bad("launch context is not an object");
  LaunchContext out;
  for (const auto& [key, value] : object.members()) {
    if (key == "fhirContext") {
      out.fhir_context = value;
      continue;
    }
    if (key == "need_patient_banner") {
      out.need_patient_banner = value.as_bool();
      if (!out.need_patient_banner) return bad("need_patient_banner is not a boolean");
      continue;
    }
    auto* const slot = key == "patient"           ? &out.patient
                       : key == "encounter"       ? &out.encounter
                       : key == "intent"          ? &out.intent
                       : key == "smart_style_url" ? &out.smart_style_url
                       : key == "tenant"          ? &out.tenant
                       : key == "appContext"      ? &out.app_context
                                                  : nullptr;
    if (slot == nullptr && own_name(key)) {
      out.extras.set(key, value);
      continue;
    }
    if (slot == nullptr) return bad("unknown launch context member");
    const auto text = value.as_string();
    if (!text) return bad("launch context member is not a text");
    *slot = std::string(*text);
  }
  MITRAL_CHECK(validate(out, types));
  return out;
}

LaunchContext context_for(const LaunchContext& context, const ScopeSet& granted) {
  LaunchContext out;
  const bool ehr = granted.has(ScopeKind::launch);
  if (ehr || granted.has_launch("patient") || granted.has_context(ScopeContext::patient)) out.patient = context.patient;
  if (ehr || granted.has_launch("encounter")) out.encounter = context.encounter;
  if (context.fhir_context) {
    Json entries = Json::array();
    for (const auto& entry : context.fhir_context->items()) {
      if (entitled(entry, granted)) entries.push_back(entry);
    }
    if (!entries.empty()) out.fhir_context = std::move(entries);
  }
  if (ehr || granted.has(ScopeKind::launch_context)) {
    out.need_patient_banner = context.need_patient_banner;
    out.intent = context.intent;
    out.smart_style_url = context.smart_style_url;
    out.app_context = context.app_context;
    out.extras = context.extras;
  }
  out.tenant = context.tenant;
  return out;
}

}  // namespace mitral::spec::smart
