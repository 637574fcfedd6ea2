// PreparedEvent: an audit event as it will be stored, rendered on the caller's thread.
//
// Thread rules: values.
#pragma once

#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "model/audit_event.h"

namespace mitral::store {

struct PreparedEvent {
  Issuer issuer;
  Instant at;
  std::string canonical;
};
using PreparedEvents = std::vector<PreparedEvent>;
[[nodiscard]] PreparedEvents prepare(const std::vector<model::AuditEvent>& events);

/// Events that name no grant are about this one: who used a code a second time can't know what the first use made.
void name_grant(std::vector<model::AuditEvent>& events, const Id128& grant);

}  // namespace mitral::store
