// RFC 8707 §2: resource indicators.
//
// Each is an absolute URI without fragment; they are compared byte by byte with what resource servers registered.
// Limit: kResourcesMax. Error: invalid_target. Thread rules: pure; views into the form.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/form.h"

namespace mitral::spec::oauth {

/// All `resource` parameters, each once, in order.
[[nodiscard]] Result<std::vector<std::string_view>> resources_of(const codec::Form& form);

}  // namespace mitral::spec::oauth
