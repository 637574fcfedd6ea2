// ConfigGateway: the part of [gateway] about its neighbours: the FHIR server, an authorization server of another make,
// and a proxy that asks for decisions; read from TOML, and turned into what gateway/ works with.
//
// Errors: problems of the configuration by file and line; config_invalid for a file of a secret or key that can't be
// used. Thread rules: values.
#pragma once

#include <toml++/toml.h>

#include "app/config.h"
#include "app/config_reader.h"
#include "gateway/config.h"

namespace mitral::app {

/// Reads the keys and sections of its part. Every one of them is optional.
void read_gateway_neighbours(const toml::table& table, ConfigReader& reader, const std::string& file,
                             std::vector<ConfigProblem>& problems, GatewayConfig& out);

/// Puts them into the settings, with secrets and keys read from their files.
[[nodiscard]] Result<void> apply_gateway_neighbours(const GatewayConfig& in, gateway::Config& out);

}  // namespace mitral::app
