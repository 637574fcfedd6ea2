// Responses: how answers of the back channel look: exact error JSON, status, caching and challenge (RFC 6749 §5.1,
// §5.2).
//
// Every answer carries Cache-Control: no-store and Pragma: no-cache, X-Content-Type-Options: nosniff, and
// Strict-Transport-Security when the issuer is https. A 401 invalid_client carries WWW-Authenticate: Basic exactly when
// the client used the Authorization header; bearer-token endpoints challenge with Bearer (RFC 6750 §3).
// Nothing of the request is ever reflected: descriptions are literals.
//
// Thread rules: pure functions.
#pragma once

#include <string>

#include "base/error.h"
#include "codec/message.h"
#include "flow/context.h"

namespace mitral::flow {

/// 200 (or another status) with a JSON body and the headers above.
[[nodiscard]] codec::Response json_response(const IssuerRuntime& issuer, int status, std::string body);
/// OAuth error JSON. `retry_after_s` above zero adds Retry-After (429 and 503 always have one).
[[nodiscard]] codec::Response error_response(const Context& context, const Error& error,
                                             std::int64_t retry_after_s = 0);
/// For endpoints that are called with an access token (userinfo): 401 or 403 with a Bearer challenge, no body but JSON.
[[nodiscard]] codec::Response bearer_error_response(const IssuerRuntime& issuer, const Error& error,
                                                    bool token_presented);
/// 405 with Allow.
[[nodiscard]] codec::Response method_not_allowed(const IssuerRuntime& issuer, std::string_view allow);
/// Headers that every answer of an issuer has; for pages too.
void add_common_headers(codec::Response& response, const IssuerRuntime& issuer);

}  // namespace mitral::flow
