// ConfigAudit: the sections [server.audit_segments] and [gateway.audit_segments], read from TOML.
//
// Errors: problems of the configuration by file and line. Thread rules: values.
#pragma once

#include <toml++/toml.h>

#include <optional>
#include <string_view>

#include "app/audit_settings.h"
#include "app/config.h"
#include "app/config_reader.h"

namespace mitral::app {

/// Reads the section `audit_segments` of the table, if it is there. `owner`: "server" or "gateway".
void read_audit_segments(const toml::table& table, ConfigReader& reader, std::string_view owner,
                         const std::string& file, std::vector<ConfigProblem>& problems,
                         std::optional<AuditSettings>& out);

}  // namespace mitral::app
