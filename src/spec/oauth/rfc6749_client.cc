#include "spec/oauth/rfc6749_client.h"

#include "base/limits.h"
#include "codec/base64url.h"
#include "codec/fields.h"
#include "codec/text.h"

namespace mitral::spec::oauth {
namespace {

// Clients differ in whether they form-encode the halves before base64. Both readings are kept where they differ;
// secrets made by this server hold no character for which they would.
Result<void> read_basic(std::string_view credentials, PresentedClient& out) {
  auto bytes = codec::base64_decode(credentials);
  if (!bytes)
    return fail(ErrorCode::invalid_client, "Client authentication failed", "Basic credentials are not base64");
  const std::size_t colon = bytes->find(':');
  if (colon == std::string::npos || !codec::all_vschar(*bytes)) {
    wipe(*bytes);
    return fail(ErrorCode::invalid_client, "Client authentication failed",
                "Basic credentials without colon or with control characters");
  }
  const std::string_view text(*bytes);
  const auto raw_id = text.substr(0, colon);
  const auto raw_secret = text.substr(colon + 1);
  out.by = PresentedBy::basic;
  if (text.find_first_of("%+") == std::string_view::npos) {
    out.id = raw_id;
    out.secret = Secret(std::string(raw_secret));
  } else {
    auto id = codec::form_decode(raw_id);
    auto secret = codec::form_decode(raw_secret);
    if (id && secret) {
      out.id = std::move(*id);
      out.secret = Secret(std::move(*secret));
      out.raw_id = std::string(raw_id);
      out.raw_secret = Secret(std::string(raw_secret));
    } else {
      out.id = raw_id;
      out.secret = Secret(std::string(raw_secret));
    }
  }
  wipe(*bytes);
  return {};
}

}  // namespace

Result<PresentedClient> presented_client(const codec::Headers& headers, const codec::Form& form,
                                         bool& used_authorization_header) {
  PresentedClient out;
  used_authorization_header = false;
  auto authorization = codec::authorization_of(headers);
  if (!authorization) {
    used_authorization_header = true;
    return fail(ErrorCode::invalid_request, "The Authorization header is malformed or repeated");
  }
  const auto client_id = form.get("client_id");
  const auto secret = form.get("client_secret");
  const auto assertion = form.get("client_assertion");
  const auto assertion_type = form.get("client_assertion_type");
  if (client_id && client_id->size() > limits::kClientIdMax) {
    return fail(ErrorCode::invalid_client, "Client authentication failed", "client_id too long");
  }

  const bool by_header = authorization->has_value();
  const bool by_assertion = assertion || assertion_type;
  out.used_authorization_header = used_authorization_header = by_header;
  if (int{by_header} + int{secret.has_value()} + int{by_assertion} > 1) {
    return fail(ErrorCode::invalid_request, "Use exactly one method of client authentication");
  }

  if (by_header) {
    if ((*authorization)->scheme != codec::AuthScheme::basic) {
      return fail(ErrorCode::invalid_client, "This authentication scheme is not supported");
    }
    MITRAL_CHECK(read_basic((*authorization)->credentials, out));
    if (client_id && *client_id != out.id && (!out.raw_id || *client_id != *out.raw_id)) {
      return fail(ErrorCode::invalid_client, "Client authentication failed",
                  "client_id differs from Basic credentials");
    }
    return out;
  }
  if (by_assertion) {
    if (assertion_type != kJwtBearerAssertionType) {
      return fail(ErrorCode::invalid_client, "This client_assertion_type is not supported");
    }
    if (!assertion) return fail(ErrorCode::invalid_client, "client_assertion is missing");
    out.by = PresentedBy::assertion;
    out.assertion = *assertion;
    if (client_id) out.id = *client_id;
    return out;
  }
  if (secret) {
    if (!client_id) return fail(ErrorCode::invalid_client, "client_id is missing");
    out.by = PresentedBy::post;
    out.id = *client_id;
    out.secret = Secret(std::string(*secret));
    return out;
  }
  if (client_id) {
    out.by = PresentedBy::client_id_only;
    out.id = *client_id;
  }
  return out;
}

}  // namespace mitral::spec::oauth
