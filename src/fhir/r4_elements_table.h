// R4ElementsTable: the form of the generated table behind r4_elements.h. Nobody else reads it.
//
// Source: FHIR R4 4.0.1 definitions, by tools/make_fhir_elements.py, which says how a row is written.
// Thread rules: constants.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fhir/r4_elements.h"

namespace mitral::fhir {

struct R4TypeRow {
  std::string_view name;
  std::int16_t base;  ///< the row whose elements come first; -1: none
  R4Form form;
  std::string_view elements;
};

extern const std::string_view kR4OpenTypes;
extern const R4TypeRow kR4Types[];  ///< by name
extern const std::size_t kR4TypesCount;

}  // namespace mitral::fhir
