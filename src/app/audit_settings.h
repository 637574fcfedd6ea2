// AuditSettings: how the audit record becomes segments, where they go, and when the database may let go of them
// ([server.audit_segments], [gateway.audit_segments]; docs/operator.md).
//
// Thread rules: values.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/time.h"

namespace mitral::app {

struct AuditSettings {
  std::string directory;  ///< where segments are written
  unsigned records = 50'000;
  unsigned mebibytes = 32;  ///< not compressed
  Duration age = std::chrono::hours(1);
  std::string syslog;  ///< net::parse_message_target(); empty: not sent
  std::string syslog_ca, syslog_certificate, syslog_key;
  std::string http;  ///< URL that takes segments by POST; empty: not sent
  std::string http_token_file, http_ca, http_certificate, http_key;
  std::optional<Duration> keep;  ///< nothing: the database keeps everything for good
};

}  // namespace mitral::app
