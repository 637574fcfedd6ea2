// Render: an audit record as one line for people (`mitral audit tail`) or as one JSON object for programs.
//
// Control characters of any value are escaped, so that no value can forge a line (threat W-27).
//
// Thread rules: pure functions.
#pragma once

#include <string>

#include "codec/json.h"
#include "ports/stores.h"

namespace mitral::audit {

/// 2026-01-31T23:59:59.123Z #42 code_redeemed success client=… user=… scopes="…"
[[nodiscard]] std::string render_line(const ports::AuditStore::Record& record);
/// Everything of the record, hashes in base64url: enough to verify the chain from an export alone.
[[nodiscard]] codec::Json render_json(const ports::AuditStore::Record& record);

}  // namespace mitral::audit
