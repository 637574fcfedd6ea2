// Migrations: the schema as numbered steps that only ever grow.
//
// A step is one transaction that ends by writing its number (PRAGMA user_version), so a crash leaves the schema at a
// whole step and the next start goes on from there. Two processes may migrate at once: the second waits and finds it
// done. Steps expand (new tables, new columns with a default) while an older program may still be running beside; what
// the older one needed is dropped in a later release's step, once nobody runs it any more (contract). The table
// `schema_serves` tells the oldest program that can still work with the file: one that knows at least that step opens
// a newer file and leaves its schema alone.
//
// Errors: config_invalid for a file that is no database, not Mitral's, or too new for this program; unavailable.
// Thread rules: at open only.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "store/sqlite/connection.h"

namespace mitral::store {

struct Migration {
  std::int64_t number;
  const char* what;
  const char* sql;
  std::int64_t serves = 0;  ///< oldest program that can work beside it, by its newest step; 0: none older
};

[[nodiscard]] std::span<const Migration> migrations() noexcept;
[[nodiscard]] std::int64_t newest_schema() noexcept;
/// Brings the file from whatever step it is at to `target`. Returns the number of steps it took.
[[nodiscard]] Result<std::size_t> migrate(Connection& connection, std::int64_t target = newest_schema());

}  // namespace mitral::store
