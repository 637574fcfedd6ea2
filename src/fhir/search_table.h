// Search table: the packed rows behind search_params.h. Nobody else needs this header.
//
// Source: FHIR R4 search parameter registry. Limits, errors: none. Thread rules: constant data.
#pragma once

#include <span>
#include <string_view>

namespace mitral::fhir {

struct TypeParams {
  std::string_view type;
  std::string_view rows;  ///< "name letter paths [>Target]; name ..."
};

[[nodiscard]] std::span<const TypeParams> packed_search_params() noexcept;

}  // namespace mitral::fhir
