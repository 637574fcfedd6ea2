// Audit rows and replay keys, as both adapters for servers store them.
//
// Thread rules: pure functions.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"
#include "model/audit_event.h"

namespace mitral::store {

inline constexpr std::size_t kAuditPageMax = 2000;

/// A row that was tampered with is handed on as an event that can't hash to what stands beside it: the verifier finds
/// it, and one bad row does not hide the rest.
[[nodiscard]] model::AuditEvent event_from(std::string_view issuer, std::string_view canonical);

/// One key for issuer, space and value; lengths keep the parts apart.
[[nodiscard]] Hash256 replay_key(const Issuer& issuer, std::string_view space, const Hash256& value);

}  // namespace mitral::store
