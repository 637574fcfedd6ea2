// mitral db …: the database of the installation: schema, moving, backup and restore.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>

#include "app/cli.h"
#include "app/config_storage.h"
#include "app/database.h"
#include "app/installation.h"
#include "base/limits.h"
#include "codec/base64url.h"

namespace mitral::app {
namespace {

namespace transfer = store::transfer;

struct DatabaseForm {
  std::string file;
  std::string to;
  std::string password_file;
  std::string schema = "mitral";
  bool check = false;
  bool keep_tokens = false;
};

Result<Config> server_config(const Cli& cli) {
  MITRAL_TRY(auto config, require_config(cli.config));
  if (!config.server) return fail(ErrorCode::config_invalid, {}, cli.config + ": there is no [server] section");
  return config;
}

/// A line a second at most, on standard error, so that the result can be piped.
TransferProgress progress_on_stderr() {
  return [last = std::chrono::steady_clock::time_point{}](const transfer::Progress& at) mutable {
    const auto now = std::chrono::steady_clock::now();
    if (now - last < std::chrono::seconds(1)) return;
    last = now;
    fmt::print(stderr, "{} {}: {} rows\n", at.comparing ? "comparing" : "copying", at.table, at.rows);
  };
}

void print(const transfer::Report& report) {
  for (const auto& table : report.tables) {
    fmt::print("{:20} {:>12} rows  {}\n", table.name, table.rows,
               codec::base64url_encode(ByteSpan(table.digest)).substr(0, 16));
  }
  fmt::print("audit record ends at {}:{}\n", report.heads.audit_seq,
             codec::base64url_encode(ByteSpan(report.heads.audit_hash)));
}

Result<int> status(const Cli& cli) {
  MITRAL_TRY(const Config config, server_config(cli));
  const StorageConfig& storage = config.server->storage;
  MITRAL_TRY(const SchemaStatus schema, schema_status(storage));
  fmt::print("database   {}\nschema     {} of {}{}\n", describe(storage), schema.newest, schema.known,
             schema.newest == schema.known  ? ", up to date"
             : schema.newest > schema.known ? ", written by a newer version"
                                            : ": run 'mitral db migrate'");
  if (schema.newest != schema.known) return schema.newest > schema.known ? kExitFound : kExitDone;
  MITRAL_TRY(const auto database, open_tables(storage));
  MITRAL_TRY(const auto heads, database->heads());
  MITRAL_TRY(const auto leases, database->leases());
  fmt::print("audit      {} records so far\nfeed       {} lines so far\n", heads.audit_seq, heads.feed_seq);
  const Instant now = SystemClock().now();
  std::size_t nodes = 0;
  bool closed = false;
  for (const auto& lease : leases) {
    if (lease.until <= now) continue;
    if (lease.name == transfer::kMoveLease) closed = true;
    if (!lease.name.starts_with(transfer::kNodeLease)) continue;
    ++nodes;
    fmt::print("node       {} alive at {}\n", lease.name.substr(transfer::kNodeLease.size()),
               to_rfc3339(lease.until - limits::kNodeLeaseLifetime));
  }
  if (nodes == 0) fmt::print("node       none is running\n");
  if (closed) fmt::print("CLOSED     moved away, or an unfinished copy: it is not served ('mitral db unlock')\n");
  return closed ? kExitFound : kExitDone;
}

Result<int> migrate(const Cli& cli, const DatabaseForm& form) {
  MITRAL_TRY(const Config config, server_config(cli));
  const StorageConfig& storage = config.server->storage;
  if (form.check) {
    MITRAL_TRY(const SchemaStatus schema, schema_status(storage));
    if (schema.newest >= schema.known) {
      fmt::print("the schema is up to date\n");
      return kExitDone;
    }
    fmt::print("steps {} to {} are to be taken\n", schema.newest + 1, schema.known);
    return kExitFound;
  }
  MITRAL_TRY(const std::size_t steps,
             migrate_database(storage, [](std::string what) { fmt::print(stderr, "{}\n", what); }));
  if (steps == 0) {
    fmt::print("the schema is up to date\n");
  } else {
    fmt::print("{} steps taken; the schema is up to date\n", steps);
  }
  return kExitDone;
}

/// Where a copy goes to: an address of PostgreSQL, another configuration, or a new SQLite file.
Result<StorageConfig> destination(const DatabaseForm& form) {
  StorageConfig out;
  out.schema = form.schema;
  out.password_file = form.password_file;
  if (is_postgres_url(form.to)) {
    if (const auto problem = postgres_url_problem(form.to); !problem.empty())
      return fail(ErrorCode::config_invalid, {}, "--to " + problem);
    out.postgres = form.to;
    return out;
  }
  if (form.to.ends_with(".toml")) {
    MITRAL_TRY(const Config config, require_config(form.to));
    if (!config.server) return fail(ErrorCode::config_invalid, {}, form.to + ": there is no [server] section");
    return config.server->storage;
  }
  out.path = form.to;
  return out;
}

Result<int> copy(const Cli& cli, const DatabaseForm& form) {
  MITRAL_TRY(const Config config, server_config(cli));
  MITRAL_TRY(const StorageConfig target, destination(form));
  auto report = move_database(config.server->storage, target, SystemClock().now(), progress_on_stderr());
  if (!report) {
    auto error = std::move(report).error();
    if (error.code != ErrorCode::config_invalid && error.code != ErrorCode::conflict)
      error.detail +=
          "\n(the same command goes on where it stopped; 'mitral db unlock' lets the source be served again)";
    return fail(std::move(error));
  }
  print(*report);
  fmt::print(
      "{} is complete{} and equal. {} is closed: put the new database into the configuration of every node, "
      "with the same master key, and start them.\n",
      describe(target), report->resumed ? " (an interrupted copy went on)" : "", describe(config.server->storage));
  return kExitDone;
}

Result<int> backup(const Cli& cli, const DatabaseForm& form) {
  MITRAL_TRY(const Config config, server_config(cli));
  const SystemClock clock;
  MITRAL_CHECK(back_up(config.server->storage, form.file, clock, progress_on_stderr()));
  MITRAL_CHECK(transfer::check_backup(form.file));
  fmt::print("{} written and checked; it needs the same master key file to be of use\n", form.file);
  return kExitDone;
}

Result<int> restore_from(const Cli& cli, const DatabaseForm& form) {
  MITRAL_TRY(const Config config, server_config(cli));
  MITRAL_TRY(const MasterKey master, load_master_key(config.server->master_key_file));
  SystemClock clock;
  MITRAL_TRY(const Restored done,
             restore(form.file, *config.server, master, form.keep_tokens, clock, progress_on_stderr()));
  print(done.report);
  if (form.keep_tokens) {
    fmt::print("{} restored with everything that was alive in it. What was revoked after the backup lives again.\n",
               describe(config.server->storage));
  } else {
    fmt::print(
        "{} restored. The tokens and permissions of {} clients, all sign-ins and remembered consents are over, "
        "and token keys are new: what was revoked since the backup stays dead. Look again at users and clients "
        "that were disabled, and passwords and secrets that were changed, since.\n",
        describe(config.server->storage), done.clients);
  }
  return kExitDone;
}

Result<int> verify(const Cli& cli, const DatabaseForm& form) {
  if (!form.file.empty()) {
    if (auto whole = transfer::check_backup(form.file); !whole) {
      if (whole.error().code != ErrorCode::internal) return fail(std::move(whole).error());
      fmt::print("{}\n", whole.error().detail);
      return kExitFound;
    }
    MITRAL_TRY(const auto database, transfer::open_backup(form.file));
    transfer::Report report;
    MITRAL_TRY(report.heads, database->heads());
    MITRAL_TRY(report.tables, transfer::sums(*database, true, progress_on_stderr()));
    print(report);
    fmt::print("{} is whole\n", form.file);
    return kExitDone;
  }
  MITRAL_TRY(const Config config, server_config(cli));
  MITRAL_TRY(const auto database, open_tables(config.server->storage));
  MITRAL_CHECK(database->hold(transfer::Database::View::snapshot));
  transfer::Report report;
  MITRAL_TRY(report.heads, database->heads());
  MITRAL_TRY(report.tables, transfer::sums(*database, true, progress_on_stderr()));
  database->release();
  print(report);
  fmt::print("every row of {} could be read; 'mitral audit verify' checks the record and its seals\n",
             describe(config.server->storage));
  return kExitDone;
}

Result<int> unlock(const Cli& cli) {
  MITRAL_TRY(const Config config, server_config(cli));
  MITRAL_CHECK(unlock_database(config.server->storage));
  fmt::print("{} may be served. See to it that nobody serves a copy of it: both would accept the same tokens.\n",
             describe(config.server->storage));
  return kExitDone;
}

Result<int> sweep(Installation& in) {
  std::size_t total = 0;
  while (true) {
    MITRAL_TRY(const std::size_t removed, run_sync(in.store->sweep(in.clock.now() - limits::kSweepMargin, 1000)));
    total += removed;
    if (removed == 0) break;
  }
  fmt::print("{} expired rows removed\n", total);
  return kExitDone;
}

}  // namespace

void add_database_commands(CLI::App& app, Cli& cli) {
  auto form = std::make_shared<DatabaseForm>();
  auto* db = app.add_subcommand("db", "the database");
  db->require_subcommand(1);
  db->add_subcommand("status", "where it is, its schema, the nodes that serve it; exit code 3 if it can't be served")
      ->callback([&cli] { cli.with([&cli] { return status(cli); }); });

  auto* migration = db->add_subcommand(
      "migrate", "bring the schema to this version's, while older nodes go on (also done at every start)");
  migration->add_flag("--check", form->check, "only say what is to be done; exit code 3 if anything is");
  migration->callback([&cli, form] { cli.with([&cli, form] { return migrate(cli, *form); }); });

  auto* move = db->add_subcommand("copy", "move the installation to another database, all of it; nobody may serve it");
  move->add_option("--to", form->to, "postgresql://… address, another configuration (.toml), or a new SQLite file")
      ->required();
  move->add_option("--password-file", form->password_file, "a file with the password, for an address");
  move->add_option("--schema", form->schema, "in that database")->capture_default_str();
  move->callback([&cli, form] { cli.with([&cli, form] { return copy(cli, *form); }); });

  auto* save = db->add_subcommand("backup", "a consistent copy as a SQLite file, while the server runs");
  save->add_option("file", form->file, "where to write it")->required();
  save->callback([&cli, form] { cli.with([&cli, form] { return backup(cli, *form); }); });

  auto* back = db->add_subcommand("restore", "a backup into the empty database of the configuration");
  back->add_option("file", form->file, "the backup")->required();
  back->add_flag("--keep-tokens", form->keep_tokens,
                 "nothing was served after the backup: let everything live that lived then");
  back->callback([&cli, form] { cli.with([&cli, form] { return restore_from(cli, *form); }); });

  auto* check =
      db->add_subcommand("verify", "read everything, with counts and digests; exit code 3 if a backup is damaged");
  check->add_option("file", form->file, "a backup; left out: the database itself");
  check->callback([&cli, form] { cli.with([&cli, form] { return verify(cli, *form); }); });

  db->add_subcommand("unlock", "let a database be served that was moved away or not copied to the end")
      ->callback([&cli] { cli.with([&cli] { return unlock(cli); }); });
  db->add_subcommand("sweep", "remove expired rows now (the server does it by itself)")->callback([&cli] {
    cli.with_installation([](Installation& in) { return sweep(in); });
  });
}

}  // namespace mitral::app
