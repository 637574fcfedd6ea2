#include "store/prepared_event.h"

#include "audit/chain.h"

namespace mitral::store {

PreparedEvents prepare(const std::vector<model::AuditEvent>& events) {
  PreparedEvents out;
  out.reserve(events.size());
  for (const auto& event : events) out.push_back({event.issuer, event.at, audit::canonical(event)});
  return out;
}

}  // namespace mitral::store
