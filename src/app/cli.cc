#include "app/cli.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <optional>

#include "app/installation.h"

namespace mitral::app {

int report(const Error& error) {
  const std::string_view client = error.client.view();
  std::string text = error.detail.empty() ? std::string(client) : error.detail;
  if (text.empty()) text = std::string(name(error.code));
  fmt::print(stderr, "mitral: {}\n", text);
  return error.code == ErrorCode::config_invalid ? kExitUsage : kExitFailed;
}

void Cli::with(std::function<Result<int>()> function) {
  work = [function = std::move(function)] {
    const auto result = function();
    return result ? *result : report(result.error());
  };
}

void Cli::with_installation(std::function<Result<int>(Installation&)> function) {
  with([this, function = std::move(function)]() -> Result<int> {
    MITRAL_TRY(const auto installation, open_installation(config));
    return function(*installation);
  });
}

namespace {

// The exit code when there is nothing more to do. What all commands understand is gone again before one of them works:
// for a server that is a tenth of its heap.
std::optional<int> parse(Cli& cli, int argc, char** argv) {
  CLI::App app("Mitral: a zero-trust authorization server and policy-enforcing gateway for healthcare APIs", "mitral");
  app.set_version_flag("--version", MITRAL_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("-c,--config", cli.config, "configuration file")->capture_default_str();
  app.add_option("--issuer", cli.issuer, "issuer to work on, when there are several");
  app.add_flag("--json", cli.json, "print JSON instead of text");
  add_run_commands(app, cli);
  add_client_commands(app, cli);
  add_user_commands(app, cli);
  add_emergency_commands(app, cli);
  add_audit_commands(app, cli);
  add_explain_command(app, cli);
  add_system_commands(app, cli);
  add_database_commands(app, cli);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitDone : kExitUsage;
  }
  return cli.work ? std::nullopt : std::optional(kExitUsage);
}

}  // namespace

int run_cli(int argc, char** argv) {
  Cli cli;
  const auto over = parse(cli, argc, argv);
  return over ? *over : cli.work();
}

}  // namespace mitral::app
