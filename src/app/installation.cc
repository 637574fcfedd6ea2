#include "app/installation.h"

#include <fmt/format.h>

#include "app/node_presence.h"
#include "store/postgres/postgres_store.h"
#include "store/sqlite/sqlite_store.h"

namespace mitral::app {

Result<Issuer> Installation::issuer(const std::string& wanted) const {
  const auto& issuers = server().issuers;
  if (wanted.empty() && issuers.size() == 1) return Issuer(issuers.front().id);
  std::string known;
  for (const auto& entry : issuers) {
    if (entry.id == wanted) return Issuer(entry.id);
    known += "\n  " + entry.id;
  }
  if (wanted.empty())
    return fail(ErrorCode::config_invalid, {}, "there are several issuers: choose one with --issuer" + known);
  return fail(ErrorCode::config_invalid, {},
              fmt::format("no issuer '{}' in the configuration; there are:{}", wanted, known));
}

Result<Config> require_config(const std::string& path) {
  auto loaded = load_config(path);
  if (loaded.problems.empty()) return std::move(loaded.config);
  std::string text;
  for (const auto& problem : loaded.problems) {
    if (!text.empty()) text += '\n';
    text += problem.line == 0 ? fmt::format("{}: {}", problem.file, problem.text)
                              : fmt::format("{}:{}: {}", problem.file, problem.line, problem.text);
  }
  return fail(ErrorCode::config_invalid, {}, std::move(text));
}

Result<store::postgres::ConnectOptions> postgres_options(const StorageConfig& storage, std::string_view program) {
  store::postgres::ConnectOptions out;
  out.url = storage.postgres;
  out.schema = storage.schema;
  out.application_name = program;
  if (!storage.password_file.empty()) {
    MITRAL_TRY(const Secret password, load_secret_file(storage.password_file));
    out.password = password.reveal();
  }
  return out;
}

Result<std::unique_ptr<store::ServerStore>> open_store(const StorageConfig& storage, const Clock& clock,
                                                       unsigned threads, bool command) {
  MITRAL_TRY(auto opened, open_any_store(storage, clock, threads, command));
  MITRAL_CHECK(refuse_moved(*opened, clock.now()));
  return opened;
}

Result<std::unique_ptr<store::ServerStore>> open_any_store(const StorageConfig& storage, const Clock& clock,
                                                           unsigned threads, bool command) {
  // Room for all of them is made at once, and a command looks at few.
  const std::size_t grants_in_memory = command ? limits::kGrantCacheLeast : storage.grants_in_memory;
  if (!storage.postgres.empty()) {
    store::PostgresOptions options;
    MITRAL_TRY(options.connect, postgres_options(storage, command ? "mitral command" : "mitral"));
    options.durable = storage.durable;
    options.max_delay = storage.max_delay;
    options.grant_cache = grants_in_memory;
    MITRAL_TRY(auto opened, store::PostgresStore::open(std::move(options), clock));
    return std::unique_ptr<store::ServerStore>(std::move(opened));
  }
  store::SqliteOptions options;
  options.path = storage.path;
  options.durability = storage.durable ? store::Durability::full : store::Durability::bounded_delay;
  options.max_delay = storage.max_delay;
  options.grant_cache = grants_in_memory;
  options.readers = std::max(1U, threads);
  if (command) options.busy_timeout = limits::kStoreBusyTimeoutCommand;
  MITRAL_TRY(auto opened, store::SqliteStore::open(std::move(options), clock));
  return std::unique_ptr<store::ServerStore>(std::move(opened));
}

Result<std::unique_ptr<Installation>> open_installation(const std::string& config_path) {
  auto out = std::make_unique<Installation>();
  MITRAL_TRY(out->config, require_config(config_path));
  if (!out->config.server) {
    return fail(ErrorCode::config_invalid, {},
                config_path + ": there is no [server]: this command works on an authorization server");
  }
  MITRAL_TRY(out->master, load_master_key(out->server().master_key_file));
  MITRAL_TRY(out->store, open_store(out->server().storage, out->clock, 1, true));
  return out;
}

Result<std::unique_ptr<GatewayAudit>> open_gateway_audit(const std::string& config_path) {
  auto out = std::make_unique<GatewayAudit>();
  MITRAL_TRY(out->config, require_config(config_path));
  if (!out->config.gateway) return fail(ErrorCode::config_invalid, {}, config_path + ": there is no [gateway] section");
  MITRAL_TRY(out->store, open_store(out->config.gateway->audit, out->clock, 1, true));
  return out;
}

}  // namespace mitral::app
