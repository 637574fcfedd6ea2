// Launch context: what a SMART app is told about the situation in which it runs (SMART App Launch 2.2, launch context
// arrives with your access_token).
//
// Members stand at the top level of the token response and of an introspection answer. Nothing here grants access to
// data; it may only be handed out when the granted scopes entitle to it (context_for()). fhirContext: every object has
// a reference ("Type/id"), a canonical (absolute http(s) URL with a resource type as its next-to-last path segment) or
// an identifier; a role is never blank; Patient and Encounter stand there only with a role other than launch. Limits:
// kFhirContextMax entries, kFhirParameterMax per text and
// per member of the EHR's own, kLaunchExtrasMax of these. Errors: malformed with what is wrong. Thread rules: values;
// pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/json.h"
#include "spec/smart/scopes.h"

namespace mitral::spec::smart {

struct LaunchContext {
  std::optional<std::string> patient;       ///< logical id
  std::optional<std::string> encounter;     ///< logical id
  std::optional<codec::Json> fhir_context;  ///< array of objects, validated
  std::optional<bool> need_patient_banner;  ///< EHR launch: always set
  std::optional<std::string> intent;
  std::optional<std::string> smart_style_url;
  std::optional<std::string> tenant;
  std::optional<std::string> app_context;      ///< opaque to us: of a CDS Hooks card or a SMART launch Task
  codec::Json extras = codec::Json::object();  ///< the EHR's own: names that begin with "__" or are absolute URLs

  [[nodiscard]] bool empty() const noexcept;
};

/// Checks every member. `types` are the resource type names, sorted.
[[nodiscard]] Result<> validate(const LaunchContext& context, std::span<const std::string_view> types);
/// Checks one fhirContext value.
[[nodiscard]] Result<> validate_fhir_context(const codec::Json& value, std::span<const std::string_view> types);

/// As a JSON object with the names of the standard; absent members are left out.
[[nodiscard]] codec::Json to_json(const LaunchContext& context);
/// Adds the members to an existing object (token response, introspection answer).
void write_into(const LaunchContext& context, codec::Json& object);
/// Reads and validates. A member that the standard does not name must say that it is the EHR's own: "__name" or an
/// absolute URL; everything else is an error.
[[nodiscard]] Result<LaunchContext> from_json(const codec::Json& object, std::span<const std::string_view> types);

/// The part of the context that the granted scopes entitle to: patient by launch, launch/patient or any patient/ scope;
/// encounter by launch or launch/encounter; a fhirContext entry by launch or by launch/<its type> (with its role, if
/// the scope names one); banner, intent, style, appContext and what is the EHR's own by launch or any launch/ scope;
/// tenant always.
[[nodiscard]] LaunchContext context_for(const LaunchContext& context, const ScopeSet& granted);

}  // namespace mitral::spec::smart
