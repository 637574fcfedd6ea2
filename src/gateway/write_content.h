// WriteContent: what clients want stored, read strictly and brought into the one form that is judged, and that is then
// what upstream gets (FHIR R4 http.html, create, update, patch; smart-fhir §4.7; threats S-14, S-18).
//
// References are the dangerous part: a spelling that policy reads as nothing and upstream reads as a patient would
// carry data into a foreign record. So a reference is written as Type/id, as #contained or (in a transaction) as the
// fullUrl of another entry; what lies below the public base becomes relative; everything else is refused unless it
// already stood in the resource: other servers, searches in place of an id, paths that only look relative.
//
// Limits: kFhirBodyMax, kFhirResourceMax, kJsonDepthMax. Errors: malformed (400), unsupported_media_type (415),
// too_large (413), conflict (422: understood, and not storable).
// Thread rules: pure functions.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/json.h"
#include "codec/message.h"

namespace mitral::gateway {

enum class BodyKind : std::uint8_t { none, resource, json_patch, fhirpath_patch, xml_patch };

/// What a request carries.
struct Draft {
  BodyKind kind = BodyKind::none;
  codec::Json body{};  ///< of an XML Patch: its text, well-formed; as elements it would weigh fifty times as much
};

/// The public base and what upstream calls itself.
struct Bases {
  std::string_view own;
  std::string_view upstream;
};

/// Reads the body of a create or update (`patch` false), or of a patch. References to the upstream base count as
/// references to the public one: upstream would follow them.
[[nodiscard]] Result<Draft> read_draft(const codec::Request& request, bool patch, const Bases& bases);

struct ContentRules {
  std::string_view type;
  std::string_view id;  ///< empty: upstream chooses, and an id in the body means nothing
  std::string_view own_base;
  const codec::Json* before = nullptr;  ///< what is stored; its references may stay as they are
  /// The local reference ("Type/id") that a urn: reference stands for; nullopt: it stands for nothing. Empty: no urn:
  /// reference is understood.
  std::function<std::optional<std::string>(std::string_view)> resolve{};
};
/// Type and id as the URL says, nothing that upstream sets itself, references in their one form.
[[nodiscard]] Result<void> settle_content(codec::Json& resource, const ContentRules& rules);

/// The patched resource. id, resourceType and meta.versionId stay what they are. `may_read`: the token sees the
/// resource, so that the patch may ask questions about it ("test").
[[nodiscard]] Result<codec::Json> apply_patch(const codec::Json& before, const Draft& patch, bool may_read,
                                              const Bases& bases);

/// The text for upstream: references to the public base in its own words.
[[nodiscard]] Result<std::string> upstream_text(const codec::Json& resource, const Bases& bases);

/// Calls visit(std::string& text) -> bool for every Reference.reference and every url; true writes the text back.
void each_reference(codec::Json& value, const std::function<bool(std::string&)>& visit);

/// A refusal of the content as an answer.
[[nodiscard]] codec::Response content_refused(const Error& error);

/// What the client wants back (FHIR R4 http.html, 3.1.0.1.8; RFC 7240).
struct Preferences {
  enum class Return : std::uint8_t { representation, minimal, outcome };
  Return body = Return::representation;
  bool async = false;
};
[[nodiscard]] Preferences read_preferences(const codec::Headers& headers);

/// Does If-Match name this version? Absent is yes.
[[nodiscard]] bool match_agrees(const codec::Headers& headers, std::string_view version);
/// The version in W/"3" or "3"; empty when there is none.
[[nodiscard]] std::string_view version_in_tag(std::string_view tag) noexcept;

/// Type/id[/_history/version] at the end of a Location of upstream.
struct Place {
  std::string id, version;
};
[[nodiscard]] std::optional<Place> read_location(std::string_view location, std::string_view type);

}  // namespace mitral::gateway
