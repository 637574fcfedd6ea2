#include "flow/steps/parse.h"

#include "codec/fields.h"
#include "flow/steps/steps.h"

namespace mitral::flow {
namespace {

constexpr std::string_view kFormType = "application/x-www-form-urlencoded";

Result<void> parse_query(Context& context) {
  MITRAL_TRY(context.form, codec::Form::parse(context.request.query));
  return context.form.refuse_duplicates({"resource", "audience"});
}

// The exact text is what nearly everybody sends; the full comparison is for the rest.
bool is_form(const codec::Headers& headers) {
  return (headers.count("Content-Type") == 1 && headers.get("Content-Type") == kFormType) ||
         codec::has_media_type(headers, kFormType);
}

}  // namespace

Result<void> parse_body(Context& context) {
  if (!is_form(context.request.headers)) {
    return fail(ErrorCode::unsupported_media_type, "Send application/x-www-form-urlencoded");
  }
  MITRAL_TRY(context.form, codec::Form::parse(context.request.body));
  return context.form.refuse_duplicates({"resource", "audience"});
}

Result<void> parse_query_or_body(Context& context) {
  return context.request.method == codec::Method::post ? parse_body(context) : parse_query(context);
}

Result<void> parse_request(Context& context) {
  if (context.endpoint == Endpoint::userinfo) {
    // The token may stand in a form body (OpenID Connect Core §5.3.1); any other body is none of our business.
    const bool form = context.request.method == codec::Method::post && is_form(context.request.headers);
    return form ? parse_body(context) : Result<void>{};
  }
  if (context.endpoint == Endpoint::revocations && context.request.method == codec::Method::get) {
    MITRAL_CHECK(parse_query(context));
    // Credentials never stand in a URL (threat M-4.3.3).
    for (const auto name : {"client_id", "client_secret", "client_assertion", "client_assertion_type"})
      context.form.remove(name);
    return {};
  }
  return parse_body(context);
}

// Before the client is looked at: a grant type that nobody can use is told to everybody (RFC 6749 §5.2).
Result<void> check_grant_type(Context& context) {
  const auto text = context.form.get("grant_type");
  if (!text) return fail(ErrorCode::invalid_request, "grant_type is missing");
  context.grant_type = model::parse_grant_type(*text);
  if (!context.grant_type) return fail(ErrorCode::unsupported_grant_type, "This grant_type is not supported");
  return {};
}

}  // namespace mitral::flow
