// Installation: the files of one authorization server, opened: configuration, master key, store. What operator commands
// work on, beside a running server or without one.
//
// Errors: config_invalid with every problem of the configuration in its detail; what the store says.
// Thread rules: owned by one thread.
#pragma once

#include <memory>
#include <string>

#include "app/config.h"
#include "app/master_key.h"
#include "base/time.h"
#include "store/postgres/connection.h"
#include "store/server_store.h"

namespace mitral::app {

struct Installation {
  Config config;
  MasterKey master;
  SystemClock clock;
  std::unique_ptr<store::ServerStore> store;

  [[nodiscard]] const ServerConfig& server() const { return *config.server; }
  /// The issuer named, or the only one there is. config_invalid when it is unknown, or the name is needed and empty.
  [[nodiscard]] Result<Issuer> issuer(const std::string& wanted) const;
};

/// A gateway's audit file with its key, for audit commands.
struct GatewayAudit {
  Config config;
  SystemClock clock;
  std::unique_ptr<store::ServerStore> store;
  [[nodiscard]] Issuer owner() const { return Issuer(config.gateway->public_base); }
};
[[nodiscard]] Result<std::unique_ptr<GatewayAudit>> open_gateway_audit(const std::string& config_path);

/// For operator commands. Waits longer for a lock than a server does.
[[nodiscard]] Result<std::unique_ptr<Installation>> open_installation(const std::string& config_path);
/// The same store for a server or for commands. conflict when it was moved away, or is not all there yet.
[[nodiscard]] Result<std::unique_ptr<store::ServerStore>> open_store(const StorageConfig& storage, const Clock& clock,
                                                                     unsigned threads, bool command);
/// As it is: for those who move and restore.
[[nodiscard]] Result<std::unique_ptr<store::ServerStore>> open_any_store(const StorageConfig& storage,
                                                                         const Clock& clock, unsigned threads,
                                                                         bool command);
/// How to connect to its PostgreSQL database, with the password from its file.
[[nodiscard]] Result<store::postgres::ConnectOptions> postgres_options(const StorageConfig& storage,
                                                                       std::string_view program);
/// All problems of a configuration in one error, a line each.
[[nodiscard]] Result<Config> require_config(const std::string& path);

}  // namespace mitral::app
