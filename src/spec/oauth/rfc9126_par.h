// RFC 9126: what a pushed authorization request may not hold, and its answer.
//
// The request_uri is a handle: flow/handles.h. The parameters are kept as pushed, without the client's credentials.
// Errors: invalid_request. Thread rules: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "codec/form.h"

namespace mitral::spec::oauth {

/// §2.1: request_uri must not be there. `request` (RFC 9101) is refused with request_not_supported.
[[nodiscard]] Result<void> check_pushed(const codec::Form& form);
/// Everything but client_secret, client_assertion and client_assertion_type.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> pushed_parameters(const codec::Form& form);
/// §2.2; goes with status 201.
[[nodiscard]] std::string pushed_response_json(std::string_view request_uri, std::int64_t expires_in);

}  // namespace mitral::spec::oauth
