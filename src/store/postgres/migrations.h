// Migrations of the PostgreSQL schema: numbered steps that only ever grow (the SQLite ones: store/sqlite/migrations.h).
//
// The table `schema_steps` holds each finished step with the oldest program's schema that can still work beside it
// (`serves`): a step expands (new tables, columns with defaults, indexes), so an older node goes on serving; what it
// needed is dropped by a later release's step, which raises `serves`. A program starts when the database's newest step
// `serves` at or below its own newest step.
//
// Small steps are one transaction under the lock of `schema_lock`: atomic, and of two that migrate at once the second
// waits and finds it done. Steps that would hold locks too long are marked online: an index is built CONCURRENTLY, and
// a backfill goes in batches that remember how far they came, so that an interrupted one goes on from there.
//
// Errors: config_invalid for a schema that is not ours or too new; unavailable. Thread rules: a plain function.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "store/postgres/connection.h"

namespace mitral::store::postgres {

struct SchemaState {
  std::int64_t newest = 0;  ///< newest finished step; 0: an empty database
  std::int64_t serves = 0;  ///< programs that know at least this step may run
};
[[nodiscard]] std::int64_t newest_schema() noexcept;
[[nodiscard]] Result<SchemaState> schema_state(Connection& connection);
/// Brings the schema to `target`; `progress` is told what is being done. Returns the number of steps it took.
[[nodiscard]] Result<std::size_t> migrate(Connection& connection, std::int64_t target = newest_schema(),
                                          const std::function<void(std::string)>& progress = {});

}  // namespace mitral::store::postgres
