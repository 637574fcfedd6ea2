// Cli: the commands of the one program. Every command has --help; those that print records have --json.
//
// Exit codes: 0 done; 1 it could not be done (the reason is on standard error); 2 the command line or the configuration
// is wrong; 3 a check found a problem (config check, audit verify).
//
// Thread rules: main thread.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"

namespace CLI {
class App;
}

namespace mitral::app {

struct Installation;

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitFound = 3;

/// What all commands share. A command's callback puts its work here; run_cli() does it after parsing succeeded.
struct Cli {
  std::string config = "mitral.toml";
  std::string issuer;
  bool json = false;
  std::function<int()> work;

  /// Sets `work` to: open the installation, call the function, report an error.
  void with_installation(std::function<Result<int>(Installation&)> function);
  /// Sets `work` to: call the function, report an error.
  void with(std::function<Result<int>()> function);
};

/// Prints an error for the operator: what is wrong, and what to do where that is known. Returns the exit code.
int report(const Error& error);

void add_run_commands(CLI::App& app, Cli& cli);        ///< serve, gateway, sandbox, demo
void add_client_commands(CLI::App& app, Cli& cli);     ///< client, resource
void add_user_commands(CLI::App& app, Cli& cli);       ///< user, grant
void add_emergency_commands(CLI::App& app, Cli& cli);  ///< emergency
void add_audit_commands(CLI::App& app, Cli& cli);      ///< audit
void add_explain_command(CLI::App& app, Cli& cli);     ///< explain
void add_system_commands(CLI::App& app, Cli& cli);     ///< config, key
void add_database_commands(CLI::App& app, Cli& cli);   ///< db

int run_cli(int argc, char** argv);

}  // namespace mitral::app
