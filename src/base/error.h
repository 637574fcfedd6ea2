// Error: one failure, told to three audiences.
//
//   client    a literal of this program (ClientText cannot be built from anything else), so that no input is ever
//             reflected and no secret can leak by an error_description;
//   operator  free text for the log: what was found and where. Never a secret, token, code or health data;
//   auditor   the code itself, a closed registry with stable names.
//
// Thread rules: values; no shared state.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mitral {

/// Closed registry of everything that can go wrong. The first block are error codes of the standards, spelled on the
/// wire as wire_name() says; the second block never reaches a client by its own name.
enum class ErrorCode : std::uint8_t {
  // RFC 6749 §4.1.2.1, §5.2
  invalid_request,
  invalid_client,
  invalid_grant,
  unauthorized_client,
  unsupported_grant_type,
  unsupported_response_type,
  invalid_scope,
  access_denied,
  server_error,
  temporarily_unavailable,
  // RFC 7009 §2.2.1
  unsupported_token_type,
  // OpenID Connect Core §3.1.2.6, RFC 9101 §6
  interaction_required,
  login_required,
  account_selection_required,
  consent_required,
  invalid_request_uri,
  invalid_request_object,
  request_not_supported,
  request_uri_not_supported,
  registration_not_supported,
  // RFC 8707 §2, RFC 9396 §5, RFC 9470 §3, RFC 9449 §5 and §8
  invalid_target,
  invalid_authorization_details,
  unmet_authentication_requirements,
  invalid_dpop_proof,
  use_dpop_nonce,
  // RFC 6750 §3.1, RFC 9470 §3
  invalid_token,
  insufficient_scope,
  insufficient_user_authentication,
  // RFC 7591 §3.2.2
  invalid_redirect_uri,
  invalid_client_metadata,
  // Mitral's own
  malformed,  // input that does not parse
  too_large,  // input over a limit of base/limits.h
  not_found,
  method_not_allowed,
  unsupported_media_type,
  conflict,  // a conditional act lost: already used, rotated or changed
  forbidden,
  rate_limited,
  unavailable,  // a store, queue or peer can't answer now; retry later
  timeout,
  config_invalid,
  crypto_failed,  // signature, tag or key does not fit; never says which
  internal,
};

/// Name on the wire for codes of the standards ("invalid_grant"); for Mitral's own codes the nearest standard name.
[[nodiscard]] std::string_view wire_name(ErrorCode code) noexcept;

/// Stable name of the code itself, for logs and audit events.
[[nodiscard]] std::string_view name(ErrorCode code) noexcept;

/// HTTP status of the code at an endpoint that answers with OAuth error JSON (RFC 6749 §5.2): 400 unless the standard
/// says otherwise (401 invalid_client, 403, 404, 405, 413, 415, 429, 500, 503).
[[nodiscard]] int http_status(ErrorCode code) noexcept;

/// Text for clients. Built from string literals only; characters are limited at compile time to what RFC 6749 §5.2
/// allows in error_description (no quote, no backslash, printable ASCII).
class ClientText {
 public:
  constexpr ClientText() noexcept = default;
  template <std::size_t N>
  consteval ClientText(const char (&literal)[N]) : text_(literal, N - 1) {  // NOLINT(google-explicit-constructor)
    for (char c : text_) {
      if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') throw "character not allowed in error_description";
    }
  }
  [[nodiscard]] constexpr std::string_view view() const noexcept { return text_; }
  [[nodiscard]] constexpr bool empty() const noexcept { return text_.empty(); }

 private:
  std::string_view text_;
};

struct Error {
  ErrorCode code = ErrorCode::internal;
  ClientText client;   ///< may be empty: then only the code is told
  std::string detail;  ///< for the operator
};

}  // namespace mitral
