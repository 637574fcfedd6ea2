// R4Elements: which elements a type of FHIR R4 has, of what type they are, and whether they repeat.
//
// The XML form of a resource says none of that: whether <given value="7"/> is one of a list, a number or a text.
// Source: the definitions of FHIR R4 4.0.1, as a table that tools/make_fhir_elements.py writes
// (docs/adr/0022-xml-patch.md). An element with parts of its own has a type that is named by its path:
// "Patient.contact".
//
//   const auto* const patient = r4_type("Patient");
//   const auto name = r4_element(*patient, "name");              // type HumanName, repeats
//   const auto dead = r4_element(*patient, "deceasedBoolean");   // type boolean, choice "deceased"
//
// Limits: constant tables, read where they lie: nothing is made at the start of the program. Errors: none; what R4 does
// not define is not found. Thread rules: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace mitral::fhir {

/// How JSON writes a value of the type.
enum class R4Form : std::uint8_t { complex, resource, boolean, integer, decimal, text, xhtml };

struct R4TypeRow;

struct R4Element {
  const R4TypeRow* type = nullptr;
  bool repeats = false;
  bool attribute = false;     ///< in XML: Element.id, Extension.url
  std::string_view choice{};  ///< valueQuantity: "value"; empty: no choice
  std::uint32_t order = 0;    ///< its place among the elements of its owner in the XML form
};

/// Null pointer: no type of R4.
[[nodiscard]] const R4TypeRow* r4_type(std::string_view name) noexcept;
[[nodiscard]] std::string_view r4_name(const R4TypeRow& type) noexcept;
[[nodiscard]] R4Form r4_form(const R4TypeRow& type) noexcept;
/// Stands for any resource ("Resource", "DomainResource"), or for types that share elements.
[[nodiscard]] bool r4_is_abstract(const R4TypeRow& type) noexcept;
[[nodiscard]] inline bool is_primitive(R4Form form) noexcept {
  return form >= R4Form::boolean && form != R4Form::xhtml;
}

/// The element of a type by its name in JSON and XML, also one of its bases.
[[nodiscard]] std::optional<R4Element> r4_element(const R4TypeRow& type, std::string_view name) noexcept;
/// Does the type have a choice of this name ("value" for value[x])?
[[nodiscard]] bool r4_has_choice(const R4TypeRow& type, std::string_view name) noexcept;

}  // namespace mitral::fhir
