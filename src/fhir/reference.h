// Reference: the text of Reference.reference (FHIR R4 references.html, 2.3.0), taken apart.
//
// Forms: relative "Type/id", versioned "Type/id/_history/v", absolute under the server's own base, absolute elsewhere,
// contained "#id", "urn:uuid:" inside bundles. Only the first three name a resource of this server.
// Limits: types are those of R4, ids those of is_id(). Errors: anything else is ReferenceKind::other, which is never
// taken for a local resource.
// Thread rules: values; views point into the text that was parsed.
#pragma once

#include <cstdint>
#include <string_view>

namespace mitral::fhir {

enum class ReferenceKind : std::uint8_t { local, contained, urn, foreign, other };

struct Reference {
  ReferenceKind kind = ReferenceKind::other;
  std::string_view type;     ///< local only
  std::string_view id;       ///< local; for contained the part after '#'
  std::string_view version;  ///< local and versioned only
};

/// `own_base` is the absolute base URL of this server without a trailing slash, or empty when absolute references are
/// all foreign. The comparison is by bytes: another spelling of the same host is foreign (fails closed).
[[nodiscard]] Reference parse_reference(std::string_view text, std::string_view own_base) noexcept;

}  // namespace mitral::fhir
