// Writer: the one thread that changes the file, and the queue in front of it.
//
// Callers hand in an act and suspend. The thread takes everything that waits, runs each act in its own savepoint of one
// transaction, appends the audit events in that order, commits once with one fsync, and sends every caller back to its
// Scheduler. While an fsync runs the next batch gathers: the busier, the larger the batches (group commit).
//
// An act that fails by itself (conflict) is rolled back alone. A failure of the file (full, I/O, lock) fails the whole
// batch with unavailable, and nothing of it stays. A savepoint costs a copy of each page that the act touches; an act
// that can't fail by itself once it has written anything says so (Undo::never) and has none.
//
// Limits: kCommitQueueMax waiting, kCommitBatchMax in a batch. Errors: unavailable when the queue is full.
// Thread rules: write() and append() from any thread; Listener is called on the writer thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <coroutine>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "audit/chain.h"
#include "base/task.h"
#include "model/audit_event.h"
#include "model/grant.h"
#include "store/prepared_event.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/sqlite_store.h"

namespace mitral::store {

/// Can an act that has written something still fail by itself, or ask to be undone? One that says `never` and does so
/// all the same fails its whole batch.
enum class Undo : std::uint8_t { possible, never };

/// What an act may do. Lives for one act.
class Tx {
 public:
  explicit Tx(Connection& connection, std::vector<model::Change>& changes) : db(connection), changes_(changes) {}

  Connection& db;
  /// Writes a line of the change feed.
  [[nodiscard]] Result<void> change(const Issuer& issuer, model::ChangeKind kind, std::string subject, Instant at,
                                    Instant expires);
  /// The latest instant up to which client or user were revoked by acts of this very batch: memory learns of them only
  /// when the batch is durable.
  [[nodiscard]] Instant pending_floor(const Issuer& issuer, std::string_view client,
                                      std::string_view user) const noexcept;
  /// Appends to the audit record, if the act succeeds and is not undone.
  void audit(const PreparedEvents& events) { events_.push_back(&events); }
  /// The act answers, but what it wrote (changes and events too) is rolled back.
  void undo() noexcept { undone_ = true; }

 private:
  friend class Writer;
  std::vector<model::Change>& changes_;
  std::vector<const PreparedEvents*> events_;
  bool undone_ = false;
};

class Writer {
 public:
  /// What the writer tells its store. Everything is called on the writer thread.
  struct Listener {
    /// The transaction has begun and nobody else can write: notice what other processes wrote until now.
    std::function<Result<void>(Connection&)> begun;
    /// The changes are durable and visible; callers have not resumed.
    std::function<void(Connection&, std::vector<model::Change>)> committed;
  };

  Writer(Connection connection, const SqliteOptions& options, Listener listener);
  /// Commits what is queued, then ends.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  /// Reads the head of the audit chain and starts the thread.
  [[nodiscard]] Result<void> start();

  /// Runs `act(Tx&) -> Result<T>` on the writer thread; resumes when it is durable or failed. `act` may run on another
  /// thread than its caller, which is suspended meanwhile.
  template <class F>
  [[nodiscard]] auto write(Undo undo, F act) -> Task<std::invoke_result_t<F&, Tx&>> {
    using R = std::invoke_result_t<F&, Tx&>;
    struct Local final : Act {
      explicit Local(F& f) : function(f) {}
      Result<void> run(Tx& tx) override {
        outcome.emplace(function(tx));
        if (!*outcome) return std::unexpected(outcome->error());
        return {};
      }
      F& function;
      std::optional<R> outcome;
    } local(act);
    local.undo = undo;
    co_await Submit{*this, local};
    if (local.error) co_return std::unexpected(std::move(*local.error));
    co_return std::move(*local.outcome);
  }
  template <class F>
  [[nodiscard]] auto write(F act) -> Task<std::invoke_result_t<F&, Tx&>> {
    return write(Undo::possible, std::move(act));
  }

  /// Appends the events and nothing else; resumes when they are durable or failed. Such an act can fail only with its
  /// batch, so it needs no savepoint of its own.
  [[nodiscard]] Task<Result<void>> record(const PreparedEvents& events);
  /// Queues events without waiting; they are committed within the delay of the options.
  [[nodiscard]] Result<void> append_later(PreparedEvents events);
  void set_signer(audit::CheckpointSigner signer);
  /// Inside an act: seals the head of the chain.
  [[nodiscard]] Result<void> seal(Connection& connection);
  /// For the store's tick: true when there is an unsealed head that has not moved since the tick before.
  [[nodiscard]] bool idle_unsealed() noexcept;

  [[nodiscard]] std::int64_t audit_seq() const noexcept { return committed_seq_.load(std::memory_order_acquire); }
  /// Length of the write-ahead log after the last commit.
  [[nodiscard]] int wal_pages() const noexcept { return wal_pages_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t commits() const noexcept { return commits_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t batches() const noexcept { return batches_.load(std::memory_order_relaxed); }

 private:
  struct Act {
    virtual ~Act() = default;
    virtual Result<void> run(Tx& tx) = 0;
    std::optional<Error> error;
    Undo undo = Undo::possible;
    const PreparedEvents* only_events = nullptr;  ///< of record(): run() is not called
    std::coroutine_handle<> waiting;
    Scheduler* home = nullptr;
  };
  struct Submit {
    Writer& writer;
    Act& act;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> waiting) { return writer.enqueue(act, waiting); }
    void await_resume() const noexcept {}
  };
  struct Head {
    std::int64_t seq = 0;
    Hash256 hash{};
    Instant at;
    std::int64_t sealed = 0;  ///< seq of the last checkpoint
  };
  struct Batch {
    std::vector<Act*> acts;
    PreparedEvents later;
  };

  [[nodiscard]] bool enqueue(Act& act, std::coroutine_handle<> waiting);
  void loop();
  [[nodiscard]] bool gather(Batch& batch);
  void run(Batch& batch);
  [[nodiscard]] Result<void> transaction(Batch& batch, std::vector<model::Change>& changes);
  [[nodiscard]] Result<void> run_record(const PreparedEvents& events);
  [[nodiscard]] Result<void> run_act(Act& act, std::vector<model::Change>& changes);
  [[nodiscard]] Result<void> append(const PreparedEvents& events);
  [[nodiscard]] Result<void> read_head();
  [[nodiscard]] Result<void> notice_others();
  void keep_log_short();
  void requeue(PreparedEvents later);
  [[nodiscard]] bool faulted(FaultPoint point) { return fault_ && fault_(point, connection_.handle()); }
  static void resume(const std::vector<Act*>& acts);

  Connection connection_;
  Listener listener_;
  std::function<bool(FaultPoint, sqlite3*)> fault_;
  Duration max_delay_;
  std::int64_t data_version_ = -1;
  Head head_;
  bool signer_failed_ = false;
  std::uint64_t idle_mark_ = 0;
  std::atomic<int> wal_pages_{0};
  int wal_tried_ = 0;

  std::mutex signer_mutex_;
  audit::CheckpointSigner signer_;

  std::mutex mutex_;
  // Shared: a loop may still hold a wake-up that it was asked for when the writer is gone.
  std::shared_ptr<std::condition_variable> wake_ = std::make_shared<std::condition_variable>();
  std::deque<Act*> queue_;
  PreparedEvents later_;
  bool retry_later_ = false;
  bool stopping_ = false;

  std::atomic<std::int64_t> committed_seq_{0};
  std::atomic<std::int64_t> committed_sealed_{0};
  std::atomic<std::uint64_t> commits_{0};
  std::atomic<std::uint64_t> batches_{0};
  std::thread thread_;
};

}  // namespace mitral::store
