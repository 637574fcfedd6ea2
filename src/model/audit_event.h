// AuditEvent: one fact that the auditor must be able to trust. It names who, what, which client, which patient record
// and the outcome; it never holds a token, code, secret or any health data: tokens appear by their jti only.
//
// Stored in a hash chain (audit/chain.h), exported as FHIR AuditEvent (audit/fhir_export.h).
//
// Thread rules: values.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/time.h"

namespace mitral::model {

enum class AuditKind : std::uint8_t {
  sign_in = 1,  ///< success or failure
  sign_out,
  consent,  ///< given, narrowed or refused
  code_issued,
  code_redeemed,
  token_issued,
  token_refreshed,
  revocation,      ///< grant, token, client or user
  denial,          ///< a request refused for a security reason
  reuse_detected,  ///< code or refresh token used twice
  launch,          ///< EHR launch context made
  administration,  ///< operator commands, key rotation
  fhir_access,     ///< at the gateway: permitted or denied
  emergency,       ///< emergency access: asked for, refused, given, used, reviewed
};
[[nodiscard]] std::string_view name(AuditKind kind) noexcept;
[[nodiscard]] AuditKind parse_audit_kind(std::string_view text) noexcept;

enum class AuditOutcome : std::uint8_t { success, denied, failure };
[[nodiscard]] std::string_view name(AuditOutcome outcome) noexcept;

struct AuditEvent {
  Issuer issuer;
  AuditKind kind = AuditKind::denial;
  AuditOutcome outcome = AuditOutcome::success;
  Instant at;
  std::string client;   ///< client_id or empty
  std::string user;     ///< sub or empty
  std::string patient;  ///< logical id of the record concerned, or empty
  std::string grant;    ///< grant id or empty
  std::string token;    ///< jti or empty
  std::string address;  ///< network address of the caller, or empty
  std::string reason;   ///< stable code (name(ErrorCode) or a literal), never free text from input
  std::vector<std::pair<std::string, std::string>>
      details;  ///< stable keys; e.g. {"scopes","…"}, {"interaction","read"}, {"resource","Observation"}
};

}  // namespace mitral::model
