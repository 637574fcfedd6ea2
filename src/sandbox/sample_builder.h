// Sample builder: short spellings for the FHIR structures that the sample data repeats.
//
// Source: FHIR R4 and US Core element names. Limits, errors: none. Thread rules: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"

namespace mitral::sandbox::sample {

/// Collects resources into a transaction bundle of PUTs.
class BundleBuilder {
 public:
  BundleBuilder();
  /// The resource must have resourceType and id.
  void add(codec::Json resource);
  [[nodiscard]] codec::Json take() { return std::move(bundle_); }

 private:
  codec::Json bundle_;
};

[[nodiscard]] codec::Json resource(std::string_view type, std::string_view id);
[[nodiscard]] codec::Json ref(std::string_view type, std::string_view id);
[[nodiscard]] codec::Json coding(std::string_view system, std::string_view code, std::string_view display);
/// A CodeableConcept with one coding, its display as text.
[[nodiscard]] codec::Json codes(std::string_view system, std::string_view code, std::string_view display);
[[nodiscard]] codec::Json loinc(std::string_view code, std::string_view display);
[[nodiscard]] codec::Json snomed(std::string_view code, std::string_view display);
[[nodiscard]] codec::Json observation_category(std::string_view code);
[[nodiscard]] codec::Json quantity(std::string_view lexeme, std::string_view unit, std::string_view ucum);
[[nodiscard]] codec::Json one(codec::Json item);  ///< an array with one item
[[nodiscard]] codec::Json identifier(std::string_view system, std::string_view value);

/// Status final, category, code, subject and time; the value is for the caller.
[[nodiscard]] codec::Json observation(std::string_view id, std::string_view patient, std::string_view category,
                                      codec::Json code, std::string_view when);

}  // namespace mitral::sandbox::sample
