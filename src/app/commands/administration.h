// The audit event of an operator's command. Shared by the command files.
//
// Thread rules: pure.
#pragma once

#include <string>

#include "app/installation.h"
#include "model/audit_event.h"

namespace mitral::app {

/// Kind administration, now, with a reason that is a literal of the command.
[[nodiscard]] inline model::AuditEvent administration(const Installation& in, const Issuer& issuer,
                                                      std::string_view reason) {
  model::AuditEvent event;
  event.issuer = issuer;
  event.kind = model::AuditKind::administration;
  event.at = in.clock.now();
  event.reason = std::string(reason);
  return event;
}

}  // namespace mitral::app
