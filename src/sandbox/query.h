// Query: a FHIR search, parsed once and run over the store.
//
// Source: FHIR R4 search.html. Beyond fhir/search_params.h: one step of chaining, one step of _has, _include,
// _revinclude (also :iterate), _sort, _count, _offset, _summary=count, _elements, _type for searches over several
// types. Limits: kFhirPageMax per page. Errors: malformed; an unknown parameter is an error unless the search is
// lenient. Thread rules: not synchronised; the store's owner locks.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "fhir/interaction.h"
#include "fhir/search_params.h"
#include "sandbox/store.h"

namespace mitral::sandbox {

struct Include {
  std::string source;  ///< type that holds the reference
  std::string param;
  std::string target;  ///< or empty
  bool reverse = false;
  bool iterate = false;
};

/// subject:Patient.name=x, or _has:Observation:patient:code=x
struct Indirect {
  std::string param;  ///< the reference
  std::string other;  ///< type at the other end, or empty for any
  std::string name;   ///< condition on the other end
  std::string value;
  bool reverse = false;
};

struct Query {
  std::vector<std::string> types;
  std::vector<fhir::QueryParam> conditions;
  std::vector<Indirect> indirect;
  std::vector<Include> includes;
  std::vector<std::string> sort;      ///< "-date", "_id"
  std::vector<std::string> elements;  ///< _elements
  std::size_t count = 0;
  std::size_t offset = 0;
  bool count_only = false;
  std::string compartment_type;
  std::string compartment_id;
};

/// `lenient` ignores what is not understood instead of refusing it. `drop` names parameters to ignore although they are
/// understood (a fault to test against), or is empty.
[[nodiscard]] Result<Query> parse_query(const fhir::Interaction& interaction, const Store& store, bool lenient,
                                        std::string_view drop = {});

/// Runs it: all matches, sorted, not yet cut into pages.
[[nodiscard]] Result<std::vector<const Version*>> run_query(const Query& query, const Store& store,
                                                            std::string_view base);

/// Resources that the includes bring for these matches, without the matches themselves.
[[nodiscard]] std::vector<const Version*> run_includes(const Query& query, const std::vector<const Version*>& matches,
                                                       const Store& store, std::string_view base);

}  // namespace mitral::sandbox
