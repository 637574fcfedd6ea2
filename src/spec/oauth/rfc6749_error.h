// RFC 6749 §5.2: the error JSON of the back channel.
//
// error_description is a literal of this program (ClientText); error_uri is not used.
// Thread rules: pure functions.
#pragma once

#include <string>

#include "base/error.h"

namespace mitral::spec::oauth {

/// {"error":"invalid_grant","error_description":"..."}
[[nodiscard]] std::string error_json(const Error& error);

}  // namespace mitral::spec::oauth
