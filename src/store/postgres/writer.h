// Writer: the one thread of this process that changes the database, and the queue in front of it.
//
// Callers hand in an act and suspend. The thread takes everything that waits and makes one transaction of it, in two
// round trips however many acts there are:
//
//   1. BEGIN; lock the row `head` (one writer at a time over all nodes); the opening statements of act 1, act 2, ...
//      then every act judges what came back, in order. One that has to look again does so here, with round trips of its
//      own (Tx::query): a code used twice, a family reused.
//   2. audit records and feed lines of the batch; the new `head` (audit seq and hash, feed seq); NOTIFY; COMMIT
//
// The lock makes all acts of all nodes one sequence: what an opening statement or a Tx::query sees can't change before
// the commit, feed and audit numbers have no gaps and come in the order of commit, and nothing can deadlock. While a
// batch commits the next one gathers: the busier, the larger the batches.
//
// An act whose judge returns an error, or whose statement violates a constraint, has the batch rolled back; the others
// are run again without it, then it is run in a transaction of its own, so that it fails alone: acts must be ready to
// be run again. What a stranger can provoke at will (a code used twice) should be an answer and not an error: it costs
// its neighbours a round. What the server could not serialize is run again, kPostgresRetries times.
//
// A connection that is lost before COMMIT was sent has the batch run again on the next one, once. Lost later, the batch
// fails with unavailable: whether it was done can't be told in time. (Events of append_later() are looked for in the
// record by their hash before they are written again.) Without a connection acts wait for one until their time is up.
//
// Limits: kCommitQueueMax waiting, kCommitBatchMax in a batch, kPostgresPipelineMax statements sent at once,
// kPostgresLockTimeout for the lock, kPostgresStatementTimeout without a connection and kPostgresBatchTimeout in all
// for an act. Errors: unavailable when the queue is full, malformed when a text of an act is not UTF-8.
// Thread rules: write() and append_later() from any thread; judges and Listener run on the writer thread.
#pragma once

#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "audit/chain.h"
#include "base/task.h"
#include "model/audit_event.h"
#include "model/grant.h"
#include "store/postgres/connection.h"
#include "store/prepared_event.h"

namespace mitral::store::postgres {

/// What an act may do when it judges. Lives for one act.
class Tx {
 public:
  /// One more round trip inside the transaction.
  [[nodiscard]] Result<Rows> query(const Statement& statement);
  /// Writes a line of the change feed at the end of the batch.
  void change(const Issuer& issuer, model::ChangeKind kind, std::string subject, Instant at, Instant expires);
  /// Appends to the audit record at the end of the batch; the events must live until the act is done.
  void audit(const PreparedEvents& events) { events_.push_back(&events); }

 private:
  friend class Writer;
  Tx(Connection& connection, std::vector<model::Change>& changes, std::vector<const PreparedEvents*>& events,
     std::atomic<std::uint64_t>& round_trips)
      : connection_(connection), changes_(changes), events_(events), round_trips_(round_trips) {}
  Connection& connection_;
  std::vector<model::Change>& changes_;
  std::vector<const PreparedEvents*>& events_;
  std::atomic<std::uint64_t>& round_trips_;
  std::optional<Error> failed_;  ///< of a query: the transaction is over, whatever the judge says
};

class Writer {
 public:
  struct Options {
    ConnectOptions connect;
    Duration max_delay{};  ///< of append_later()
    audit::CheckpointSigner signer;
  };
  struct Listener {
    /// The changes are durable and visible; callers have not resumed. Called on the writer thread.
    std::function<void(std::vector<model::Change>)> committed;
  };

  Writer(Options options, Listener listener);
  /// Commits what is queued, then ends.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  [[nodiscard]] Result<void> start();

  /// Sends `opening` with the batch, then runs `judge(Tx&, std::span<const Rows>) -> Result<T>` on the writer thread
  /// with the rows of the opening; resumes when it is durable or failed. Both may be run more than once. What `judge`
  /// refers to lives in the caller's frame, which stays until the act is done.
  template <class F>
  [[nodiscard]] auto write(std::vector<Statement> opening, F judge)
      -> Task<std::invoke_result_t<F&, Tx&, std::span<const Rows>>> {
    using R = std::invoke_result_t<F&, Tx&, std::span<const Rows>>;
    struct Local final : Act {
      Local(std::vector<Statement> statements, F& f) : Act(std::move(statements)), function(f) {}
      Result<void> judge(Tx& tx, std::span<const Rows> rows) override {
        outcome.emplace(function(tx, rows));
        if (!*outcome) return std::unexpected(outcome->error());
        return {};
      }
      F& function;
      std::optional<R> outcome;
    } local(std::move(opening), judge);
    co_await Submit{*this, local};
    if (local.error) co_return std::unexpected(std::move(*local.error));
    co_return std::move(*local.outcome);
  }

  /// Queues events without waiting; they are committed within the delay of the options.
  [[nodiscard]] Result<void> append_later(PreparedEvents events);
  void set_signer(audit::CheckpointSigner signer);
  /// Seals the head of the audit chain, if a signer is set and it is not sealed yet.
  [[nodiscard]] Task<Result<void>> seal();
  /// For the store's tick: true when there is an unsealed head that has not moved since the tick before.
  [[nodiscard]] bool idle_unsealed() noexcept;

  /// The newest audit record that this process wrote or saw.
  [[nodiscard]] std::int64_t audit_seq() const noexcept;
  [[nodiscard]] std::uint64_t commits() const noexcept;
  [[nodiscard]] std::uint64_t batches() const noexcept;
  /// Round trips to the server, for the acts that were asked for.
  [[nodiscard]] std::uint64_t round_trips() const noexcept;

 private:
  struct Act {
    explicit Act(std::vector<Statement> statements) : opening(std::move(statements)) {}
    virtual ~Act() = default;
    virtual Result<void> judge(Tx& tx, std::span<const Rows> rows) = 0;
    std::vector<Statement> opening;
    std::optional<Error> error;
    std::coroutine_handle<> waiting;
    Scheduler* home = nullptr;
    std::chrono::steady_clock::time_point since;
    bool seals = false;
    bool returned = false;  ///< its connection was lost once
  };
  struct SealAct;
  struct Submit {
    Writer& writer;
    Act& act;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> waiting) { return writer.enqueue(act, waiting); }
    void await_resume() const noexcept {}
  };
  [[nodiscard]] bool enqueue(Act& act, std::coroutine_handle<> waiting);

  class Batch;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mitral::store::postgres
