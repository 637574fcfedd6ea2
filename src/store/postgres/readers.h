// Readers: reads that suspend their coroutine. On an event loop (Reactor::current()) they share that loop's own
// connection: pipelined, answered in order, nothing blocks and no thread is changed (lane.h). Anywhere else, also in a
// run_sync() on a loop's thread, they block the calling thread on one of a few shared connections.
//
// A loop's connection opens at its first read, and again with growing pauses after it was lost; reads that were under
// way or come meanwhile wait for the new one within their deadline. Sessions are read only.
//
// Limits: kPostgresLaneQueueMax reads of a loop; kPostgresStatementTimeout from call to answer. Errors: unavailable
// when the queue is full, the deadline has passed or the connection was lost twice; see connection.h for the rest.
// Thread rules: read() from any thread; the destructor when no loop runs any more and nobody reads.
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
  /// Round trips asked for so far. Those of one turn of a loop may share one.
  [[nodiscard]] std::uint64_t count() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mitral::store::postgres
