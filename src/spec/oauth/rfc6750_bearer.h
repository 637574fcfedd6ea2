// RFC 6750: an access token presented to a resource of ours (userinfo), from one place only.
//
// Accepted: Authorization: Bearer, or access_token in a form body of a POST; never the query (§2.3 is not offered,
// threat B-4.3). Two places at once are invalid_request. Challenges: Bearer, with an error code only when a token was
// presented (§3.1).
//
// Thread rules: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/form.h"
#include "codec/message.h"

namespace mitral::spec::oauth {

/// nullopt: no token at all. Errors: invalid_request (two tokens, a malformed header).
[[nodiscard]] Result<std::optional<std::string_view>> bearer_token(const codec::Headers& headers,
                                                                   const codec::Form* body);

/// Value of WWW-Authenticate: Bearer realm="...", and error, error_description and scope if a token was presented.
[[nodiscard]] std::string bearer_challenge(std::string_view realm, const Error* error, std::string_view scope = {});

}  // namespace mitral::spec::oauth
