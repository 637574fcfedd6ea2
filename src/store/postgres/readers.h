// Readers: reads that suspend their coroutine. On an event loop (Reactor::current()) they share that loop's own
// connection: pipelined, one Sync for each read, answered in order, nothing blocks and no thread is changed. Anywhere
// else they block the calling thread on one of a few shared connections.
//
// A loop's connection opens at its first read, and again with growing pauses after it was lost; reads that were under
// way then fail, reads that come meanwhile wait for the new one within their deadline.
//
// Limits: kPostgresLaneQueueMax reads of a loop; kPostgresStatementTimeout from call to answer. Errors: unavailable
// when the queue is full, the deadline has passed or the connection was lost; see connection.h for the rest. Thread
// rules: read() from any thread; the destructor when no loop runs any more and nobody reads.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "store/postgres/connection.h"

namespace mitral::store::postgres {

class Readers {
 public:
  explicit Readers(ConnectOptions options);
  ~Readers();
  Readers(const Readers&) = delete;
  Readers& operator=(const Readers&) = delete;

  [[nodiscard]] Task<Result<std::vector<Rows>>> read(std::vector<Statement> statements);
  [[nodiscard]] Task<Result<Rows>> read(Statement statement);
  /// Round trips so far.
  [[nodiscard]] std::uint64_t count() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mitral::store::postgres
