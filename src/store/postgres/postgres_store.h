// PostgresStore: all ports of storage in a PostgreSQL database that any number of nodes share
// (docs/adr/: the PostgreSQL adapter).
//
// Acts are committed in groups by one writer thread of each process (writer.h); all nodes' batches form one sequence.
// Reads suspend on the event loop's own connection (readers.h). The directory, revocations and recently used grants
// come from memory, which follows the change feed by LISTEN/NOTIFY (follower.h); when it can't, current() says so.
//
// SQL: what CockroachDB and YugabyteDB speak too wherever that costs nothing: no PL/pgSQL, no advisory locks.
//
// Limits: base/limits.h, "PostgreSQL" and "Storage". Errors: unavailable for everything that may pass; the store
// recovers by itself when the cause is gone.
// Thread rules: any thread; the caller resumes on its own Scheduler. A Task must not be destroyed while it waits.
// Destroy it when the event loops have ended.
#pragma once

#include <memory>
#include <string>

#include "base/limits.h"
#include "base/time.h"
#include "store/postgres/connection.h"
#include "store/server_store.h"

namespace mitral::store {

struct PostgresOptions {
  postgres::ConnectOptions connect;
  bool durable = true;  ///< false: AuditStore::append() alone returns when queued and is stored within `max_delay`
  Duration max_delay = limits::kAuditDelayDefault;
  std::size_t grant_cache = limits::kGrantCacheMax;
  std::size_t fresh_codes = limits::kFreshCodesMax;
  audit::CheckpointSigner checkpoint_signer;
  bool migrate = true;  ///< false: config_invalid when the schema is older than this program needs
};

class PostgresStore : public ServerStore {
 public:
  /// Connects, migrates, starts the writer and the follower. The clock must outlive the store.
  [[nodiscard]] static Result<std::unique_ptr<PostgresStore>> open(PostgresOptions options, const Clock& clock);
};

}  // namespace mitral::store
