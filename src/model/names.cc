#include "model/audit_event.h"
#include "model/grant.h"

namespace mitral::model {
namespace {

constexpr std::string_view kAuditKinds[] = {"",
                                            "sign_in",
                                            "sign_out",
                                            "consent",
                                            "code_issued",
                                            "code_redeemed",
                                            "token_issued",
                                            "token_refreshed",
                                            "revocation",
                                            "denial",
                                            "reuse_detected",
                                            "launch",
                                            "administration",
                                            "fhir_access",
                                            "emergency"};
constexpr std::string_view kOutcomes[] = {"success", "denied", "failure"};
constexpr std::string_view kChanges[] = {"",
                                         "grant_revoked",
                                         "token_revoked",
                                         "client_revoked",
                                         "user_revoked",
                                         "session_ended",
                                         "directory_changed",
                                         "keys_changed",
                                         "user_changed"};

}  // namespace

std::string_view name(AuditKind kind) noexcept { return kAuditKinds[static_cast<std::size_t>(kind)]; }

AuditKind parse_audit_kind(std::string_view text) noexcept {
  for (std::size_t i = 1; i < std::size(kAuditKinds); ++i) {
    if (kAuditKinds[i] == text) return static_cast<AuditKind>(i);
  }
  return AuditKind::denial;
}

std::string_view name(AuditOutcome outcome) noexcept { return kOutcomes[static_cast<std::size_t>(outcome)]; }

std::string_view name(ChangeKind kind) noexcept { return kChanges[static_cast<std::size_t>(kind)]; }

std::optional<ChangeKind> parse_change_kind(std::string_view text) noexcept {
  for (std::size_t i = 1; i < std::size(kChanges); ++i) {
    if (kChanges[i] == text) return static_cast<ChangeKind>(i);
  }
  return std::nullopt;
}

}  // namespace mitral::model
