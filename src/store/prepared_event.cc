#include "store/prepared_event.h"

#include "audit/chain.h"

namespace mitral::store {

PreparedEvents prepare(const std::vector<model::AuditEvent>& events) {
  PreparedEvents out;
  out.reserve(events.size());
  for (const auto& event : events) out.push_back({event.issuer, event.at, audit::canonical(event)});
  return out;
}

void name_grant(std::vector<model::AuditEvent>& events, const Id128& grant) {
  for (auto& event : events) {
    if (event.grant.empty()) event.grant = grant.text();
  }
}

}  // namespace mitral::store
