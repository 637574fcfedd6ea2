// Parse: the parameters of a request, once, strictly (RFC 6749 §3.1, §3.2, appendix B).
//
// A form must be application/x-www-form-urlencoded with exactly one Content-Type; repeated parameters are refused but
// for `resource` and `audience` (RFC 8707 §2, RFC 8693 §2.1). Errors: unsupported_media_type (415), invalid_request,
// too_large.
//
// Thread rules: pure but for the context.
#pragma once

#include "base/result.h"
#include "flow/context.h"

namespace mitral::flow {

/// Body of a POST into context.form. The query is never looked at (threat M-4.3.3).
[[nodiscard]] Result<void> parse_body(Context& context);
/// GET: the query; POST: the body. For /authorize and pages.
[[nodiscard]] Result<void> parse_query_or_body(Context& context);

}  // namespace mitral::flow
