#include "spec/oauth/rfc6750_bearer.h"

#include "codec/fields.h"

namespace mitral::spec::oauth {

Result<std::optional<std::string_view>> bearer_token(const codec::Headers& headers, const codec::Form* body) {
  auto authorization = codec::authorization_of(headers);
  if (!authorization) return fail(ErrorCode::invalid_request, "The Authorization header is malformed or repeated");
  std::optional<std::string_view> token;
  if (authorization->has_value()) {
    // Another scheme is no bearer token: the caller answers with a bare challenge.
    if ((*authorization)->scheme == codec::AuthScheme::bearer) token = (*authorization)->credentials;
  }
  if (body != nullptr) {
    if (body->count("access_token") > 1) return fail(ErrorCode::invalid_request, "access_token is repeated");
    if (const auto in_body = body->get("access_token")) {
      if (authorization->has_value())
        return fail(ErrorCode::invalid_request, "Send the access token in one place only");
      token = in_body;
    }
  }
  return token;
}

std::string bearer_challenge(std::string_view realm, const Error* error, std::string_view scope) {
  codec::Challenge challenge("Bearer");
  challenge.param("realm", realm);
  if (error != nullptr) {
    challenge.param("error", wire_name(error->code));
    challenge.param_if("error_description", error->client.view());
    challenge.param_if("scope", scope);
  }
  return challenge.text();
}

}  // namespace mitral::spec::oauth
