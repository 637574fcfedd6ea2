// ConfigGatewayData: the sections [gateway.consent] and [gateway.labels]: what of patients' data a gateway withholds
// beyond scopes (policy/consent.h, policy/labels.h).
//
// Errors: problems of the configuration by file and line. Thread rules: values.
#pragma once

#include <toml++/toml.h>

#include "app/config.h"
#include "app/config_reader.h"
#include "gateway/config.h"

namespace mitral::app {

/// Both sections are optional: without them directives are not enforced, and the default labels are hidden.
void read_gateway_data(const toml::table& table, ConfigReader& reader, const std::string& file,
                       std::vector<ConfigProblem>& problems, GatewayConfig& out);

void apply_gateway_data(const GatewayConfig& in, gateway::Config& out);

}  // namespace mitral::app
