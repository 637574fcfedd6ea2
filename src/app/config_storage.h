// ConfigStorage: where an installation keeps its records: a SQLite file, or a PostgreSQL database that nodes share
// ([server.storage], [gateway.audit]); read from TOML.
//
// A PostgreSQL address is a libpq URI of which only the parts that are safe in a file may be written: hosts, user,
// database, and the parameters of TLS. A password has a file of its own, and what goes to another machine is encrypted.
//
// Errors: problems of the configuration by file and line. Thread rules: values; pure functions.
#pragma once

#include <toml++/toml.h>

#include <string>
#include <string_view>

#include "app/config.h"
#include "app/config_reader.h"

namespace mitral::app {

void read_storage(const toml::table& parent, ConfigReader& reader, std::string_view key, const std::string& file,
                  std::vector<ConfigProblem>& problems, StorageConfig& out);

/// Why it can't be used as the address of a database; empty when it can. Never repeats the address.
[[nodiscard]] std::string postgres_url_problem(std::string_view url);
/// "postgresql://…"
[[nodiscard]] bool is_postgres_url(std::string_view text) noexcept;

}  // namespace mitral::app
