#include "policy/scope_rules.h"

#include "fhir/r4.h"
#include "fhir/search_params.h"

namespace mitral::policy {

const spec::smart::ScopeRules& scope_rules() noexcept {
  static const spec::smart::ScopeRules kRules{fhir::resource_types(), &fhir::usable_in_scope};
  return kRules;
}

}  // namespace mitral::policy
