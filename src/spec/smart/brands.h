// User-access brands: the Bundle that tells people's apps which organisations stand behind which FHIR endpoints (SMART
// App Launch 2.2, user-access brands and endpoints; also what 45 CFR 170.404 wants as list of service base URLs).
//
// An operator writes it; this file checks it before it is published and gives it the validator that caches need. It is
// served byte for byte. Checked: a collection with a timestamp; every Organization with a name and exactly one URL;
// portals whose endpoints belong to their organisation; every Endpoint with status, hl7-fhir-rest, FHIR version,
// contact, payload type and an absolute address; every reference found in the Bundle, every Endpoint referenced; and,
// with more than one brand, an identifier that hits exactly one of them.
//
// Limits: kBrandBundleMax bytes. Errors: config_invalid with what is wrong in the detail. Thread rules: pure; values.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace mitral::spec::smart {

struct BrandBundle {
  std::string body;  ///< as it was written
  std::string etag;  ///< weak: W/"..."
};

/// `system` and `value`: which Organization.identifier is this server's brand; empty value: none is named.
[[nodiscard]] Result<BrandBundle> read_brands(std::string_view text, std::string_view system, std::string_view value);

/// Does an If-None-Match name this version (weak comparison, RFC 9110 §13.1.2)?
[[nodiscard]] bool none_match_fails(std::string_view if_none_match, std::string_view etag) noexcept;

}  // namespace mitral::spec::smart
