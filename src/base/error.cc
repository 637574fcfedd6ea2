#include "base/error.h"

namespace mitral {
namespace {

struct Row {
  ErrorCode code;
  std::string_view name;
  std::string_view wire;
  int status;
};

constexpr Row kRows[] = {
    {ErrorCode::invalid_request, "invalid_request", "invalid_request", 400},
    {ErrorCode::invalid_client, "invalid_client", "invalid_client", 401},
    {ErrorCode::invalid_grant, "invalid_grant", "invalid_grant", 400},
    {ErrorCode::unauthorized_client, "unauthorized_client", "unauthorized_client", 400},
    {ErrorCode::unsupported_grant_type, "unsupported_grant_type", "unsupported_grant_type", 400},
    {ErrorCode::unsupported_response_type, "unsupported_response_type", "unsupported_response_type", 400},
    {ErrorCode::invalid_scope, "invalid_scope", "invalid_scope", 400},
    {ErrorCode::access_denied, "access_denied", "access_denied", 403},
    {ErrorCode::server_error, "server_error", "server_error", 500},
    {ErrorCode::temporarily_unavailable, "temporarily_unavailable", "temporarily_unavailable", 503},
    {ErrorCode::unsupported_token_type, "unsupported_token_type", "unsupported_token_type", 400},
    {ErrorCode::interaction_required, "interaction_required", "interaction_required", 400},
    {ErrorCode::login_required, "login_required", "login_required", 400},
    {ErrorCode::account_selection_required, "account_selection_required", "account_selection_required", 400},
    {ErrorCode::consent_required, "consent_required", "consent_required", 400},
    {ErrorCode::invalid_request_uri, "invalid_request_uri", "invalid_request_uri", 400},
    {ErrorCode::invalid_request_object, "invalid_request_object", "invalid_request_object", 400},
    {ErrorCode::request_not_supported, "request_not_supported", "request_not_supported", 400},
    {ErrorCode::request_uri_not_supported, "request_uri_not_supported", "request_uri_not_supported", 400},
    {ErrorCode::registration_not_supported, "registration_not_supported", "registration_not_supported", 400},
    {ErrorCode::invalid_target, "invalid_target", "invalid_target", 400},
    {ErrorCode::invalid_authorization_details, "invalid_authorization_details", "invalid_authorization_details", 400},
    {ErrorCode::unmet_authentication_requirements, "unmet_authentication_requirements",
     "unmet_authentication_requirements", 400},
    {ErrorCode::invalid_dpop_proof, "invalid_dpop_proof", "invalid_dpop_proof", 400},
    {ErrorCode::use_dpop_nonce, "use_dpop_nonce", "use_dpop_nonce", 400},
    {ErrorCode::invalid_token, "invalid_token", "invalid_token", 401},
    {ErrorCode::insufficient_scope, "insufficient_scope", "insufficient_scope", 403},
    {ErrorCode::insufficient_user_authentication, "insufficient_user_authentication",
     "insufficient_user_authentication", 401},
    {ErrorCode::invalid_redirect_uri, "invalid_redirect_uri", "invalid_redirect_uri", 400},
    {ErrorCode::invalid_client_metadata, "invalid_client_metadata", "invalid_client_metadata", 400},
    {ErrorCode::malformed, "malformed", "invalid_request", 400},
    {ErrorCode::too_large, "too_large", "invalid_request", 413},
    {ErrorCode::not_found, "not_found", "invalid_request", 404},
    {ErrorCode::method_not_allowed, "method_not_allowed", "invalid_request", 405},
    {ErrorCode::unsupported_media_type, "unsupported_media_type", "invalid_request", 415},
    {ErrorCode::conflict, "conflict", "invalid_request", 409},
    {ErrorCode::forbidden, "forbidden", "access_denied", 403},
    {ErrorCode::rate_limited, "rate_limited", "temporarily_unavailable", 429},
    {ErrorCode::unavailable, "unavailable", "temporarily_unavailable", 503},
    {ErrorCode::timeout, "timeout", "temporarily_unavailable", 503},
    {ErrorCode::config_invalid, "config_invalid", "server_error", 500},
    {ErrorCode::crypto_failed, "crypto_failed", "invalid_request", 400},
    {ErrorCode::internal, "internal", "server_error", 500},
};

static_assert(std::size(kRows) == static_cast<std::size_t>(ErrorCode::internal) + 1, "one row per code");

constexpr bool rows_in_order() {
  for (std::size_t i = 0; i < std::size(kRows); ++i) {
    if (static_cast<std::size_t>(kRows[i].code) != i) return false;
  }
  return true;
}
static_assert(rows_in_order(), "rows stand in the order of the enum");

const Row& row(ErrorCode code) noexcept { return kRows[static_cast<std::size_t>(code)]; }

}  // namespace

std::string_view wire_name(ErrorCode code) noexcept { return row(code).wire; }
std::string_view name(ErrorCode code) noexcept { return row(code).name; }
int http_status(ErrorCode code) noexcept { return row(code).status; }

}  // namespace mitral
