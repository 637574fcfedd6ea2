// Database: what operators do with the database of an installation as a whole: look at it, bring its schema up to date,
// move it, back it up and restore it (store/transfer.h).
//
// A restore is a step back in time, and fails closed: nothing that was alive in the backup is alive afterwards but
// records (clients, users, the audit record and its keys), because what was revoked since is not known. Every client's
// floor is raised, sign-ins, codes and remembered consents are left out, token keys are replaced and revoked, and the
// change feed jumps ahead, so that gateways forget what they remember. `keep_tokens` is for a backup after which
// nothing was served.
//
// Errors: see store/transfer.h; config_invalid. Thread rules: plain functions that block.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/config.h"
#include "app/master_key.h"
#include "base/result.h"
#include "base/time.h"
#include "store/transfer.h"

namespace mitral::app {

using TransferProgress = std::function<void(const store::transfer::Progress&)>;

/// The database of the settings, migrated. `target`: a SQLite file that is missing is made.
[[nodiscard]] Result<std::unique_ptr<store::transfer::Database>> open_tables(const StorageConfig& storage,
                                                                             bool target = false);

/// Moves it; the source is closed for good (unlock_database() opens it again).
[[nodiscard]] Result<store::transfer::Report> move_database(const StorageConfig& from, const StorageConfig& to,
                                                            Instant now, const TransferProgress& progress = {});

/// A consistent copy into a new SQLite file, while the installation is served.
[[nodiscard]] Result<void> back_up(const StorageConfig& from, const std::string& file, const Clock& clock,
                                   const TransferProgress& progress = {});

struct Restored {
  store::transfer::Report report;
  std::size_t clients = 0;  ///< whose tokens were ended
};
/// Into an empty database that nobody serves.
[[nodiscard]] Result<Restored> restore(const std::string& file, const ServerConfig& server, const MasterKey& master,
                                       bool keep_tokens, Clock& clock, const TransferProgress& progress = {});

/// Lets a database be served that was moved away, or that an unfinished copy left.
[[nodiscard]] Result<void> unlock_database(const StorageConfig& storage);

struct SchemaStatus {
  std::int64_t newest = 0;  ///< finished step of the database; 0: it is empty
  std::int64_t known = 0;   ///< the program's
};
/// Without changing anything.
[[nodiscard]] Result<SchemaStatus> schema_status(const StorageConfig& storage);
/// Steps taken.
[[nodiscard]] Result<std::size_t> migrate_database(const StorageConfig& storage,
                                                   const std::function<void(std::string)>& progress);

/// Where it is, for people.
[[nodiscard]] std::string describe(const StorageConfig& storage);

}  // namespace mitral::app
