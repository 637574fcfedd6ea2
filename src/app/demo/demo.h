// Demo: everything on loopback in one process: authorization server, gateway, FHIR sandbox with sample patients, and a
// sample app. Data lives in a temporary folder that goes with the process; nothing is opened to the network.
//
// Errors: what any part says. Thread rules: run_demo() on the main thread, once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace mitral::app {

struct DemoOptions {
  bool tls = false;
  std::uint16_t port = 8080;  ///< first of the ports to try; taken ones are replaced by free ones
  std::string info_file;      ///< addresses and logins as JSON, written when everything listens
  std::string token_format = "wrapped";
  std::vector<std::string> origins;  ///< further browser origins that may call token endpoint and FHIR server
};

/// Runs until SIGINT or SIGTERM.
[[nodiscard]] Result<int> run_demo(const DemoOptions& options);

}  // namespace mitral::app
