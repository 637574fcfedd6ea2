// Syslog: an audit record as one message of RFC 5424: structured, one event a message.
//
//   <PRI>1 TIMESTAMP HOST mitral PROCID MSGID [mitral@32473 seq="…" hash="…" outcome="…" …] {canonical event}
//
// Facility 13 (log audit); severity info for a success, warning for a refusal, error for a failure. MSGID is the kind.
// seq and hash let a collector find doubles (a message may come twice after a crash) and gaps, and lead back to the
// chain. Hostile content stays content: PARAM-VALUEs are escaped (§6.3.3), and every control character, also those
// that end a line in Unicode, is written as \u00XX, so that no value can forge a line or a second message.
//
// Limits: those of the event (kAuditEventMax); longer values come out of escaping only.
// Thread rules: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "ports/stores.h"

namespace mitral::audit {

struct SyslogOrigin {
  std::string host;     ///< HOSTNAME; empty or not printable: "-"
  std::string process;  ///< PROCID
};

[[nodiscard]] std::string to_syslog(const ports::AuditStore::Record& record, const SyslogOrigin& origin);
/// RFC 5425 §4.3: the length before each message of a stream.
[[nodiscard]] std::string framed(std::string_view message);

}  // namespace mitral::audit
