#include "flow/responses.h"

#include "codec/fields.h"
#include "flow/steps/steps.h"
#include "spec/oauth/rfc6749_error.h"
#include "spec/oauth/rfc6750_bearer.h"

namespace mitral::flow {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::int64_t kRetrySoon = 1;

// What a client is told about errors of Mitral's own: the standard's word for it, nothing more.
Error outward(const Error& error) {
  Error out{error.code, error.client, {}};
  if (out.client.empty() && http_status(error.code) == 503) out.client = ClientText("Try again in a moment");
  return out;
}

}  // namespace

void add_common_headers(codec::Response& response, const IssuerRuntime& issuer) {
  if (!response.headers.get("X-Content-Type-Options")) response.headers.add("X-Content-Type-Options", "nosniff");
  if (issuer.is_https() && !response.headers.get("Strict-Transport-Security")) {
    response.headers.add("Strict-Transport-Security", "max-age=31536000; includeSubDomains");
  }
}

codec::Response json_response(const IssuerRuntime& issuer, int status, std::string body) {
  codec::Response out;
  out.status = status;
  out.headers.reserve(8);
  out.headers.add("Content-Type", kJson);
  out.headers.add("Cache-Control", "no-store");
  out.headers.add("Pragma", "no-cache");
  out.body = std::move(body);
  add_common_headers(out, issuer);
  return out;
}

codec::Response error_response(const Context& context, const Error& error, std::int64_t retry_after_s) {
  codec::Response out = json_response(context.issuer, http_status(error.code), spec::oauth::error_json(outward(error)));
  if (error.code == ErrorCode::invalid_token || error.code == ErrorCode::insufficient_scope) {
    const std::string_view scope = error.code == ErrorCode::insufficient_scope ? kIntrospectScope : std::string_view{};
    out.headers.add("WWW-Authenticate", spec::oauth::bearer_challenge(context.issuer.text(), &error, scope));
  } else if (out.status == 401 && context.presented.used_authorization_header) {
    codec::Challenge challenge("Basic");
    out.headers.add("WWW-Authenticate", challenge.param("realm", context.issuer.text()).text());
  }
  if (out.status == 429 || out.status == 503) {
    out.headers.add("Retry-After", std::to_string(retry_after_s > 0 ? retry_after_s : kRetrySoon));
  }
  return out;
}

codec::Response bearer_error_response(const IssuerRuntime& issuer, const Error& error, bool token_presented) {
  const int status = http_status(error.code);
  // Without a token there is nothing to say but how to authenticate (RFC 6750 §3.1).
  codec::Response out = json_response(issuer, status, token_presented ? spec::oauth::error_json(outward(error)) : "{}");
  if (status == 401 || status == 403 || status == 400) {
    const std::string_view scope = error.code == ErrorCode::insufficient_scope ? "openid" : "";
    out.headers.add("WWW-Authenticate",
                    spec::oauth::bearer_challenge(issuer.text(), token_presented ? &error : nullptr, scope));
  }
  if (status == 503) out.headers.add("Retry-After", std::to_string(kRetrySoon));
  return out;
}

codec::Response method_not_allowed(const IssuerRuntime& issuer, std::string_view allow) {
  codec::Response out = json_response(
      issuer, 405, spec::oauth::error_json({ErrorCode::method_not_allowed, "This method is not offered here", {}}));
  out.headers.add("Allow", allow);
  return out;
}

}  // namespace mitral::flow
