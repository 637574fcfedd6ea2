#include "store/sqlite/writer.h"

#include <pthread.h>
#include <sched.h>
#include <sqlite3.h>

#include <algorithm>

#include "base/limits.h"
#include "base/log.h"

namespace mitral::store {
namespace {

Result<void> run_statement(Connection& connection, const char* sql) { return Query(connection, sql).run(); }

// Woken, the writer does not take the core from a loop that is still at work, where both share one: what the loop does
// until its turn is over shares the batch. A scheduler that doesn't do so costs speed alone.
void yield_to_loops() noexcept {
  const sched_param param{};
  (void)pthread_setschedparam(pthread_self(), SCHED_BATCH, &param);
}

constexpr const char* kBegin = "BEGIN IMMEDIATE";
constexpr const char* kCommit = "COMMIT";
constexpr const char* kRollback = "ROLLBACK";
constexpr const char* kSavepoint = "SAVEPOINT act";
constexpr const char* kRelease = "RELEASE act";
constexpr const char* kUndo = "ROLLBACK TO act";

}  // namespace

Result<void> Tx::change(const Issuer& issuer, model::ChangeKind kind, std::string subject, Instant at,
                        Instant expires) {
  Query query(db, "INSERT INTO changes(issuer, kind, subject, at, expires) VALUES(?1, ?2, ?3, ?4, ?5)");
  MITRAL_CHECK(query.bind(issuer, kind, subject, at, expires).run());
  changes_.push_back({.seq = sqlite3_last_insert_rowid(db.handle()),
                      .issuer = issuer,
                      .kind = kind,
                      .subject = std::move(subject),
                      .at = at,
                      .expires = expires});
  return {};
}

Instant Tx::pending_floor(const Issuer& issuer, std::string_view client, std::string_view user) const noexcept {
  Instant floor = Instant::min();
  for (const auto& change : changes_) {
    const bool concerned = (change.kind == model::ChangeKind::client_revoked && change.subject == client) ||
                           (change.kind == model::ChangeKind::user_revoked && change.subject == user);
    if (concerned && change.issuer == issuer) floor = std::max(floor, change.at);
  }
  return floor;
}

Writer::Writer(Connection connection, const SqliteOptions& options, Listener listener)
    : connection_(std::move(connection)),
      listener_(std::move(listener)),
      fault_(options.fault),
      max_delay_(options.max_delay),
      signer_(options.checkpoint_signer) {}

Result<void> Writer::start() {
  const auto count_pages = [](void* pages, sqlite3*, const char*, int count) {
    static_cast<std::atomic<int>*>(pages)->store(count, std::memory_order_relaxed);
    return SQLITE_OK;
  };
  sqlite3_wal_hook(connection_.handle(), count_pages, &wal_pages_);
  MITRAL_CHECK(read_head());
  committed_seq_ = head_.seq;
  committed_sealed_ = head_.sealed;
  thread_ = std::thread([this] { loop(); });
  return {};
}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_->notify_one();
  if (thread_.joinable()) thread_.join();
}

bool Writer::enqueue(Act& act, std::coroutine_handle<> waiting) {
  commits_.fetch_add(1, std::memory_order_relaxed);
  act.waiting = waiting;
  act.home = Scheduler::current();
  Scheduler* const home = act.home;
  // Not at once: the loop first handles what else is ready, which then shares the batch. Woken here, the writer would
  // take the core from it for a batch of one. Posted before the act is queued, so that nothing can fail after that.
  if (home != nullptr) home->post([wake = wake_] { wake->notify_one(); });
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= limits::kCommitQueueMax) {
      act.error = Error{ErrorCode::unavailable, {}, "the queue of the store's writer is full"};
      return false;
    }
    queue_.push_back(&act);
    // From here on the act and its coroutine may be gone at any moment.
  }
  if (home == nullptr) wake_->notify_one();
  return true;
}

Task<Result<void>> Writer::record(const PreparedEvents& events) {
  struct Record final : Act {
    Result<void> run(Tx& /*tx*/) override { return {}; }
  } act;
  act.only_events = &events;
  co_await Submit{*this, act};
  if (act.error) co_return std::unexpected(std::move(*act.error));
  co_return Result<void>{};
}

Result<void> Writer::append_later(PreparedEvents events) {
  commits_.fetch_add(1, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || later_.size() + events.size() > limits::kCommitQueueMax) {
      return fail(ErrorCode::unavailable, {}, "the queue of audit events is full");
    }
    std::ranges::move(events, std::back_inserter(later_));
  }
  wake_->notify_one();
  return {};
}

void Writer::set_signer(audit::CheckpointSigner signer) {
  const std::lock_guard lock(signer_mutex_);
  signer_ = std::move(signer);
}

void Writer::loop() {
  yield_to_loops();
  for (;;) {
    Batch batch;
    if (!gather(batch)) return;
    run(batch);
    resume(batch.acts);
  }
}

bool Writer::gather(Batch& batch) {
  std::unique_lock lock(mutex_);
  const auto urgent = [this] { return !queue_.empty() || stopping_; };
  wake_->wait(lock, [&] { return urgent() || !later_.empty(); });
  // Only events that may wait: wait for company, but no longer than promised.
  if (!urgent()) wake_->wait_for(lock, max_delay_, urgent);
  const std::size_t count = std::min(queue_.size(), limits::kCommitBatchMax);
  batch.acts.assign(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
  queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
  batch.later = std::exchange(later_, {});
  return !batch.acts.empty() || !batch.later.empty() || !stopping_;
}

void Writer::run(Batch& batch) {
  if (batch.acts.empty() && batch.later.empty()) return;
  const Head before = head_;
  std::vector<model::Change> changes;
  auto done = transaction(batch, changes);
  if (done) {
    batches_.fetch_add(1, std::memory_order_relaxed);
    if (retry_later_) {
      retry_later_ = false;
      log::info("store.writing_again");
    }
    committed_seq_.store(head_.seq, std::memory_order_release);
    committed_sealed_.store(head_.sealed, std::memory_order_release);
    if (!changes.empty()) listener_.committed(connection_, std::move(changes));
    keep_log_short();
    return;
  }
  if (connection_.in_transaction()) {
    // Nothing more can be done when this fails too; the next BEGIN says so.
    if (auto undone = run_statement(connection_, kRollback); !undone) done.error().detail += "; rollback failed";
  }
  head_ = before;
  data_version_ = -1;  // read the head again: whether a failed COMMIT reached the file can't be told
  if (!std::exchange(retry_later_, true)) log::error("store.write_failed", {{"detail", done.error().detail}});
  for (Act* act : batch.acts) act->error = Error{ErrorCode::unavailable, {}, done.error().detail};
  requeue(std::move(batch.later));
}

Result<void> Writer::transaction(Batch& batch, std::vector<model::Change>& changes) {
  MITRAL_CHECK(run_statement(connection_, kBegin));
  if (faulted(FaultPoint::begin)) return fail(ErrorCode::unavailable, {}, "injected fault at begin");
  MITRAL_CHECK(notice_others());
  for (Act* act : batch.acts) {
    MITRAL_CHECK(act->only_events != nullptr ? run_record(*act->only_events) : run_act(*act, changes));
  }
  MITRAL_CHECK(append(batch.later));
  if (head_.seq - head_.sealed >= limits::kAuditCheckpointRecords) MITRAL_CHECK(seal(connection_));
  if (faulted(FaultPoint::before_commit)) return fail(ErrorCode::unavailable, {}, "injected fault before commit");
  return run_statement(connection_, kCommit);
}

Result<void> Writer::run_record(const PreparedEvents& events) {
  if (faulted(FaultPoint::act)) return fail(ErrorCode::unavailable, {}, "injected fault in act");
  try {
    return append(events);
  } catch (const std::exception& thrown) {
    return fail(ErrorCode::unavailable, {}, thrown.what());
  }
}

/// An error is one of the file and ends the batch; the act's own error stays in the act.
Result<void> Writer::run_act(Act& act, std::vector<model::Change>& changes) {
  const Head before = head_;
  const std::size_t changes_before = changes.size();
  const bool guarded = act.undo == Undo::possible;
  const auto written_before = sqlite3_total_changes64(connection_.handle());
  if (guarded) MITRAL_CHECK(run_statement(connection_, kSavepoint));
  Tx tx(connection_, changes);
  Result<void> done;
  try {
    done = faulted(FaultPoint::act) ? Result<void>(fail(ErrorCode::unavailable, {}, "injected fault in act"))
                                    : act.run(tx);
    if (done && !tx.undone_) {
      for (const auto* events : tx.events_) {
        if (done) done = append(*events);
      }
    }
  } catch (const std::exception& thrown) {
    done = fail(ErrorCode::internal, {}, thrown.what());
  }
  if (done && !tx.undone_) return guarded ? run_statement(connection_, kRelease) : done;
  // A full disk may have rolled back everything already.
  if (!connection_.in_transaction()) return done ? fail(ErrorCode::unavailable, {}, "transaction lost") : done;
  if (guarded) {
    MITRAL_CHECK(run_statement(connection_, kUndo));
    MITRAL_CHECK(run_statement(connection_, kRelease));
  } else if (sqlite3_total_changes64(connection_.handle()) != written_before) {
    return fail(ErrorCode::unavailable, {}, "an act that is never undone failed after it had written");
  }
  head_ = before;
  changes.resize(changes_before);
  if (!done) {
    if (done.error().code == ErrorCode::unavailable) return done;
    act.error = done.error();
  }
  return {};
}

Result<void> Writer::append(const PreparedEvents& events) {
  for (const auto& event : events) {
    const std::int64_t seq = head_.seq + 1;
    const Hash256 hash = audit::chain_hash(head_.hash, seq, event.canonical);
    Query query(connection_, "INSERT INTO audit(seq, issuer, at, event, hash) VALUES(?1, ?2, ?3, ?4, ?5)");
    MITRAL_CHECK(query.bind(seq, event.issuer, event.at, event.canonical, hash).run());
    head_.seq = seq;
    head_.hash = hash;
    head_.at = event.at;
  }
  return {};
}

Result<void> Writer::seal(Connection& connection) {
  audit::CheckpointSigner signer;
  {
    const std::lock_guard lock(signer_mutex_);
    signer = signer_;
  }
  if (!signer || head_.seq == head_.sealed) return {};
  const auto signed_text = signer(audit::checkpoint_payload({.seq = head_.seq, .hash = head_.hash, .at = head_.at}));
  if (!signed_text) {
    // Records go on; the verifier complains when a seal is missing for too long.
    if (!std::exchange(signer_failed_, true))
      log::error("audit.checkpoint_failed", {{"detail", signed_text.error().detail}});
    return {};
  }
  signer_failed_ = false;
  Query query(connection, "UPDATE audit SET checkpoint = ?2 WHERE seq = ?1");
  MITRAL_CHECK(query.bind(head_.seq, *signed_text).run());
  head_.sealed = head_.seq;
  return {};
}

bool Writer::idle_unsealed() noexcept {
  const auto seq = static_cast<std::uint64_t>(committed_seq_.load(std::memory_order_acquire));
  const bool same = std::exchange(idle_mark_, seq) == seq;
  return same && static_cast<std::int64_t>(seq) != committed_sealed_.load(std::memory_order_acquire);
}

Result<void> Writer::read_head() {
  head_ = {};
  {
    Query query(connection_, "SELECT seq, hash, at FROM audit ORDER BY seq DESC LIMIT 1");
    MITRAL_TRY(const bool row, query.step());
    if (row) {
      head_.seq = query.integer(0);
      head_.hash = query.hash(1);
      head_.at = query.time(2);
    }
  }
  MITRAL_TRY(head_.sealed, connection_.integer("SELECT max(seq) FROM audit WHERE checkpoint IS NOT NULL"));
  return {};
}

/// data_version moves when any other connection committed, which here means another process: readers don't write.
Result<void> Writer::notice_others() {
  MITRAL_TRY(const auto version, connection_.integer("PRAGMA data_version"));
  if (version == data_version_) return {};
  MITRAL_CHECK(read_head());
  MITRAL_CHECK(listener_.begun(connection_));
  data_version_ = version;
  return {};
}

/// The store's tick copies the log back beside us; under steady load that never catches up to the end, so when the log
/// has grown too long the writer copies the rest while it holds still, and the next transaction starts the log anew.
void Writer::keep_log_short() {
  const int pages = wal_pages_.load(std::memory_order_relaxed);
  if (pages < static_cast<int>(limits::kWalPagesMax) ||
      pages < wal_tried_ + static_cast<int>(limits::kWalPagesPassive)) {
    if (pages < wal_tried_) wal_tried_ = 0;
    return;
  }
  wal_tried_ = pages;
  sqlite3_wal_checkpoint_v2(connection_.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

void Writer::requeue(PreparedEvents later) {
  if (later.empty()) return;
  const std::lock_guard lock(mutex_);
  if (stopping_) {
    log::error("audit.events_lost", {{"count", later.size()}});
    return;
  }
  std::ranges::move(later_, std::back_inserter(later));
  later_ = std::move(later);
}

void Writer::resume(const std::vector<Act*>& acts) {
  // One post for each loop, not one for each caller.
  std::vector<std::pair<Scheduler*, std::vector<std::coroutine_handle<>>>> homes;
  for (const Act* act : acts) {
    auto at = std::ranges::find(homes, act->home, [](const auto& entry) { return entry.first; });
    if (at == homes.end()) at = homes.insert(homes.end(), {act->home, {}});
    at->second.push_back(act->waiting);
  }
  for (auto& [home, waiting] : homes) {
    auto go_on = [handles = std::move(waiting)] {
      for (const auto handle : handles) handle.resume();
    };
    if (home != nullptr) {
      home->post(std::move(go_on));
    } else {
      go_on();
    }
  }
}

}  // namespace mitral::store
