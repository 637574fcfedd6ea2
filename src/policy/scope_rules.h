// Scope rules: what parsing SMART scopes needs to know of FHIR R4, for everyone who parses them.
//
// Thread rules: a constant.
#pragma once

#include "spec/smart/scopes.h"

namespace mitral::policy {

/// Resource types, and which parameters the gateway can enforce in a granular scope: others are never granted.
[[nodiscard]] const spec::smart::ScopeRules& scope_rules() noexcept;

}  // namespace mitral::policy
