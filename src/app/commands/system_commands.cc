// mitral config …, mitral key …: the installation itself.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "app/cli.h"
#include "app/commands/administration.h"
#include "app/installation.h"
#include "crypto/random.h"
#include "flow/key_ring.h"

namespace mitral::app {
namespace {

constexpr std::string_view kStarter =
    R"(# Mitral. Every key is explained in docs/operator.md; 'mitral config check' checks this file.

[server]
listen = "127.0.0.1:8080"            # another address needs certificate and key:
# certificate = "server.pem"
# key = "server.key"
admin_listen = "127.0.0.1:8081"      # /healthz, /readyz, /metrics
master_key_file = "master.key"       # made by: mitral key master master.key
storage = { path = "mitral.db" }

[[issuer]]
id = "http://127.0.0.1:8080"         # in production: "https://auth.hospital.example"
name = "Example Hospital"
profile = "smart"
)";

Result<int> config_init(const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) return fail(ErrorCode::conflict, {}, path + " exists already or can't be written");
  const bool written = ::write(file, kStarter.data(), kStarter.size()) == static_cast<ssize_t>(kStarter.size());
  ::close(file);
  if (!written) return fail(ErrorCode::unavailable, {}, path + " can't be written");
  fmt::print("{} written; next: mitral key master master.key\n", path);
  return kExitDone;
}

Result<int> config_check(const Cli& cli) {
  const auto loaded = load_config(cli.config);
  for (const auto& problem : loaded.problems) {
    if (problem.line != 0) {
      fmt::print(stderr, "{}:{}: {}\n", problem.file, problem.line, problem.text);
    } else {
      fmt::print(stderr, "{}: {}\n", problem.file, problem.text);
    }
  }
  if (!loaded.problems.empty()) return kExitFound;
  fmt::print("{} is fine\n", cli.config);
  return kExitDone;
}

Result<int> key_list(Installation& in, const Cli& cli) {
  MITRAL_TRY(const Issuer issuer, in.issuer(cli.issuer));
  MITRAL_TRY(const auto keys, run_sync(in.store->keys(issuer)));
  const Instant now = in.clock.now();
  for (const auto& key : keys) {
    const char* state = key.revoked              ? "revoked"
                        : now < key.active_from  ? "published, not yet used"
                        : now < key.retired_from ? "signs"
                        : now < key.removed_from ? "retired, still published"
                                                 : "gone";
    fmt::print("{:6} {:6} {:44} {} from {} to {}\n", key.purpose, key.alg, key.kid, state, to_rfc3339(key.active_from),
               to_rfc3339(key.retired_from));
  }
  return kExitDone;
}

Result<int> key_rotate(Installation& in, const Cli& cli, bool revoke) {
  MITRAL_TRY(const Issuer issuer, in.issuer(cli.issuer));
  flow::Metrics metrics;
  flow::KeyRing ring(*in.store, in.master.ring, in.clock, crypto::system_random(), metrics, {issuer});
  MITRAL_CHECK(run_sync(ring.tick()));
  MITRAL_CHECK(run_sync(ring.rotate_now(issuer, revoke)));
  fmt::print("rotated; {}\n",
             revoke ? "tokens signed before are dead" : "keys used before stay published until their tokens expire");
  return kExitDone;
}

}  // namespace

void add_system_commands(CLI::App& app, Cli& cli) {
  auto path = std::make_shared<std::string>();
  auto flag = std::make_shared<bool>(false);

  auto* config = app.add_subcommand("config", "the configuration file");
  config->require_subcommand(1);
  config->add_subcommand("check", "say everything that is wrong with it; exit code 3 if anything is")->callback([&cli] {
    cli.with([&cli] { return config_check(cli); });
  });
  config->add_subcommand("init", "write a file to start from")->callback([&cli] {
    cli.with([&cli] { return config_init(cli.config); });
  });

  auto* key = app.add_subcommand("key", "master key and signing keys");
  key->require_subcommand(1);
  auto* master = key->add_subcommand("master", "make a master key file");
  master->add_option("file", *path, "where to write it")->required();
  master->callback([&cli, path] {
    cli.with([path]() -> Result<int> {
      MITRAL_CHECK(create_master_key(*path, crypto::system_random()));
      fmt::print("{} written: keep a copy where the database's backups are not\n", *path);
      return kExitDone;
    });
  });
  key->add_subcommand("list", "signing keys and what they are used for")->callback([&cli] {
    cli.with_installation([&cli](Installation& in) { return key_list(in, cli); });
  });
  auto* rotate = key->add_subcommand("rotate", "change signing keys now (it happens by itself in time)");
  rotate->add_flag("--revoke", *flag, "a key leaked: end everything that was signed before");
  rotate->callback(
      [&cli, flag] { cli.with_installation([&cli, flag](Installation& in) { return key_rotate(in, cli, *flag); }); });
}

}  // namespace mitral::app
