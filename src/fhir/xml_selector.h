// XmlSelector: the selectors of an XML Patch (RFC 5261 §4.1, §8) over the elements of a FHIR resource. xml_patch.h says
// which there are.
//
// Limits: kFhirParameterMax per selector; the elements looked at are counted for the caller, against
// kXmlPatchStepsMax. Errors: malformed (not understood), conflict (does not meet exactly one node), too_large.
// Thread rules: values; pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/xml.h"
#include "fhir/xml_form.h"

namespace mitral::fhir {

/// All attributes that FHIR has in XML.
enum class FormAttribute : std::uint8_t { none, id, url, value };
[[nodiscard]] std::optional<std::string>* attribute_of(FormElement& element, FormAttribute attribute) noexcept;
/// none: FHIR has no such attribute.
[[nodiscard]] FormAttribute form_attribute(std::string_view name) noexcept;

/// Where an element stands. The root has no parent.
struct FormPlace {
  FormElement* element = nullptr;
  FormElement* parent = nullptr;
  std::size_t index = 0;
  std::size_t depth = 0;  ///< elements above it
};

class XmlSelector {
 public:
  /// `scopes`: the elements whose namespace bindings hold where the selector stands, the innermost first.
  [[nodiscard]] static Result<XmlSelector> parse(std::string_view text,
                                                 const std::vector<const codec::XmlElement*>& scopes);

  /// The one element that is met (whose attribute() may be meant).
  [[nodiscard]] Result<FormPlace> find(FormElement& root, std::size_t& steps) const;
  [[nodiscard]] FormAttribute attribute() const noexcept { return attribute_; }

 private:
  friend class SelectorParser;
  friend class SelectorWalk;
  struct Name {
    std::string local{};  ///< empty: any
    bool xhtml = false;
  };
  struct Predicate {
    std::size_t position = 0;  ///< from 1; 0: a comparison
    std::vector<Name> path{};
    FormAttribute attribute = FormAttribute::none;
    std::string literal{};
  };
  struct Step {
    Name name{};
    std::vector<Predicate> predicates{};
  };

  std::optional<std::string> id_;  ///< steps begin at the element with this id, not at the document
  std::vector<Step> steps_;
  FormAttribute attribute_ = FormAttribute::none;
};

}  // namespace mitral::fhir
