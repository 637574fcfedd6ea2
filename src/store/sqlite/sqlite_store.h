// SqliteStore: all ports of storage in one SQLite file (docs/adr/0006-storage.md).
//
// WAL, STRICT tables. One writer thread commits in groups: acts queue up while the fsync before runs, then share one
// transaction and one fsync; each act runs in its own savepoint and fails alone. Finders read inline on the calling
// thread from a WAL snapshot; the directory, revocations and recently used grants come from memory. Another process may
// write the same file: its changes are noticed within limits::kRevocationPoll through the change feed.
//
// Limits: kCommitQueueMax acts waiting, kCommitBatchMax acts in one transaction, kGrantCacheMax grants in memory.
// Errors: unavailable for disk full, I/O error, lock held by another process, damaged file, full queue: the act is
// undone (or can't be told, when the power fails during fsync) and the store recovers by itself when the cause is gone.
// Thread rules: any thread; the caller resumes on its own Scheduler. A Task must not be destroyed while it waits.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "audit/chain.h"
#include "base/limits.h"
#include "base/time.h"
#include "ports/stores.h"
#include "store/server_store.h"

struct sqlite3;

namespace mitral::store {

enum class Durability : std::uint8_t {
  full,           ///< every act waits for its fsync
  bounded_delay,  ///< AuditStore::append() alone returns when queued and is on disk within `max_delay`
};

/// Where a fault may be injected on the writer's connection (tests; an operator never sets it).
enum class FaultPoint : std::uint8_t { begin, act, before_commit };

struct SqliteOptions {
  std::string path;
  Durability durability = Durability::full;
  Duration max_delay = limits::kAuditDelayDefault;
  std::size_t readers = 2;                            ///< connections that finders share, one for each core
  std::size_t grant_cache = limits::kGrantCacheMax;   ///< grants kept in memory
  std::size_t fresh_codes = limits::kFreshCodesMax;   ///< codes kept in memory until they are looked up
  Duration busy_timeout = limits::kStoreBusyTimeout;  ///< commands beside a busy server take kStoreBusyTimeoutCommand
  audit::CheckpointSigner checkpoint_signer;          ///< may come later: set_checkpoint_signer()
  /// True: the act or batch fails here as if the disk did. Called on the writer thread with its connection.
  std::function<bool(FaultPoint, sqlite3*)> fault;
};

class SqliteStore : public ServerStore {
 public:
  /// Creates the file (mode 0600) if there is none, migrates it, starts the writer. The clock must outlive the store.
  /// config_invalid: not a database, not ours, or written by a newer version; unavailable: everything else.
  [[nodiscard]] static Result<std::unique_ptr<SqliteStore>> open(SqliteOptions options, const Clock& clock);
};

}  // namespace mitral::store
