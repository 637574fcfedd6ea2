// XmlPatch: RFC 5261 operations on a FHIR resource (FHIR R4 http.html, patch; RFC 7351 for the media type).
//
// They are applied to the elements of the XML form (xml_form.h), and what comes out is JSON again: no XML of the
// resource is written or read. The document is <diff> or <patch>, without a namespace or in RFC 7351's or FHIR's, and
// holds add, replace and remove.
//
// Selectors are what RFC 5261 makes of XPath, as far as it means something here: child steps from the root with names
// or *, each with predicates [2], [@url='x'] or [f:system/@value='x'] (the last goes beyond the RFC, but FHIR keeps its
// values in attributes), a final @value, @id or @url; or id('x') before further steps. Names need the namespace of
// FHIR, by a prefix or by the default namespace of the patch (RFC 5261 §4.2.2). Exactly one node must be met (§4.1).
// Refused, not guessed: other axes, functions and node tests, what lies inside of a narrative, namespaces to be added,
// the resource itself as what is replaced or removed. White space between elements means nothing in FHIR, so "ws" of a
// remove changes nothing.
//
// All operations apply or none does. Selectors ask what is stored, and their failing is an answer: whoever may not read
// must not send them.
//
// Limits: xml.h for the document, kPatchOperationsMax, kFhirParameterMax per selector, kXmlPatchStepsMax, and for what
// comes out kFhirResourceMax and kJsonDepthMax. Errors: malformed (no such patch), conflict (does not fit the resource,
// or FHIR R4 has no such element), too_large. Thread rules: values; pure functions.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/json.h"
#include "fhir/xml_form.h"
#include "fhir/xml_selector.h"

namespace mitral::fhir {

class XmlPatch {
 public:
  [[nodiscard]] static Result<XmlPatch> parse(std::string_view text);
  [[nodiscard]] Result<codec::Json> apply(const codec::Json& resource) const;

 private:
  enum class Kind : std::uint8_t { add, replace, remove };
  enum class Position : std::uint8_t { append, prepend, before, after };
  struct Operation {
    Kind kind = Kind::add;
    XmlSelector selector{};
    Position position = Position::append;  ///< of what is added
    /// What is changed: an attribute, by the selector or by "type" of an add; none: the element itself.
    FormAttribute attribute = FormAttribute::none;
    std::vector<FormElement> content{};
    std::string text{};     ///< of an attribute
    std::size_t depth = 0;  ///< levels of the content
  };
  [[nodiscard]] static Result<Operation> read(const codec::XmlElement& element, const codec::XmlElement& root);
  [[nodiscard]] static Result<void> read_add(const codec::XmlElement& element, Operation& out);
  [[nodiscard]] static Result<void> read_content(const codec::XmlElement& element, Operation& out);
  [[nodiscard]] static Result<void> apply_one(const Operation& operation, FormElement& root, std::size_t& steps);
  [[nodiscard]] static Result<void> change_attribute(const Operation& operation, FormElement& target);
  [[nodiscard]] static Result<void> change_element(const Operation& operation, const FormPlace& target,
                                                   std::size_t& steps);

  std::vector<Operation> operations_;
};

}  // namespace mitral::fhir
