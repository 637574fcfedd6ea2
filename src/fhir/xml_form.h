// XmlForm: a FHIR resource as the elements of its XML form, from JSON and back (FHIR R4 xml.html, json.html).
//
// Both are spellings of the same elements; which belong to a type, and which repeat, says r4_elements.h. A primitive
// keeps its value in the attribute "value"; id and extensions, which JSON writes beside it ("_birthDate"), are its own
// here. The narrative's XHTML is one text: nothing looks into it. Elements stand in the order of the definitions.
//
// Strict both ways, so that nothing gets lost: what R4 doesn't define, or writes in another way, is a conflict. Only
// nulls at the end of the two arrays of a repeating primitive don't come back: they say nothing.
//
// Limits: kXmlNodesMax elements, kJsonDepthMax. Errors: conflict (no R4 in this form), malformed (content of a patch
// that FHIR can't hold), too_large. Thread rules: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/json.h"
#include "codec/xml.h"

namespace mitral::fhir {

inline constexpr std::string_view kFhirSpace = "http://hl7.org/fhir";
inline constexpr std::string_view kXhtmlSpace = "http://www.w3.org/1999/xhtml";

/// One element in the namespace of FHIR, or the div of a narrative.
struct FormElement {
  std::string name{};
  bool xhtml = false;  ///< the div; its text is `value`
  std::optional<std::string> id{}, url{}, value{};
  std::vector<FormElement> children{};
};

[[nodiscard]] Result<FormElement> xml_form(const codec::Json& resource);
[[nodiscard]] Result<codec::Json> json_form(const FormElement& resource);

/// An element as a client wrote it.
[[nodiscard]] Result<FormElement> read_form(const codec::XmlElement& element);

}  // namespace mitral::fhir
