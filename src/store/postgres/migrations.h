// Migrations of the PostgreSQL schema: numbered steps that only ever grow (the SQLite ones: store/sqlite/migrations.h).
//
// The table `schema_steps` holds each finished step with the oldest program's schema that can still work beside it
// (`serves`): a step expands (new tables, columns with defaults, indexes), so an older node goes on serving; what it
// needed is dropped by a later release's step, which raises `serves`. A program starts when the database's newest step
// `serves` at or below its own newest step.
//
// Small steps are one transaction under the lock of the row in `schema_lock`: atomic, and of two that migrate at once
// the second waits and finds it done. A step that would hold locks too long is online: an index is built CONCURRENTLY
// beside writers. That can't be in a transaction, so who builds signs the row of `schema_lock` with its session; the
// signature of a session that has ended counts for nothing. What an interrupted one left behind is built anew.
//
// Nodes may run as a role that owns nothing: then a migration is the owner's work (`migrate` = false in the store).
//
// Limits: kSchemaPatience for a lock or a statement. Errors: config_invalid for a schema that is not ours, too new or
// (check_schema) too old; unavailable. Thread rules: plain functions.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "store/postgres/connection.h"

namespace mitral::store::postgres {

/// Of migrations: an index over a hundred million rows takes its time.
inline constexpr auto kSchemaPatience = std::chrono::hours(6);

struct SchemaState {
  std::int64_t newest = 0;  ///< newest finished step; 0: an empty database
  std::int64_t serves = 0;  ///< programs that know at least this step may run
};
[[nodiscard]] std::int64_t newest_schema() noexcept;
[[nodiscard]] Result<SchemaState> schema_state(Connection& connection);
/// Whether this program can work with the schema as it is.
[[nodiscard]] Result<void> check_schema(Connection& connection);
/// Brings the schema to `target`; `progress` is told what is being done. Returns the number of steps it took. The
/// connection is patient afterwards: use another one to serve.
[[nodiscard]] Result<std::size_t> migrate(Connection& connection, std::int64_t target = newest_schema(),
                                          const std::function<void(std::string)>& progress = {});

}  // namespace mitral::store::postgres
