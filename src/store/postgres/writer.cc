#include "store/postgres/writer.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/limits.h"
#include "base/log.h"
#include "crypto/random.h"
#include "store/postgres/opener.h"

namespace mitral::store::postgres {
namespace {

using Steady = Connection::Steady;

constexpr const char* kBegin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
constexpr const char* kCommit = "COMMIT";
constexpr const char* kRollback = "ROLLBACK";
constexpr const char* kLockHead =
    "SELECT audit_seq, audit_hash, audit_at, sealed, change_seq FROM head WHERE id = 1 FOR UPDATE";

Error not_written(std::string why) { return {ErrorCode::unavailable, {}, std::move(why)}; }

}  // namespace

Result<Rows> Tx::query(const Statement& statement) {
  if (failed_) return std::unexpected(*failed_);
  round_trips_.fetch_add(1, std::memory_order_relaxed);
  auto rows = connection_.exchange(statement);
  if (!rows) failed_ = rows.error();
  return rows;
}

void Tx::change(const Issuer& issuer, model::ChangeKind kind, std::string subject, Instant at, Instant expires) {
  changes_.push_back(
      {.seq = 0, .issuer = issuer, .kind = kind, .subject = std::move(subject), .at = at, .expires = expires});
}

struct Writer::SealAct final : Writer::Act {
  SealAct() : Act({}) { seals = true; }
  Result<void> judge(Tx&, std::span<const Rows>) override { return {}; }
};

struct Writer::Impl {
  struct Head {
    std::int64_t seq = 0;
    Hash256 hash{};
    Instant at;
    std::int64_t sealed = 0;
    std::int64_t changes = 0;
  };
  /// Events whose COMMIT was sent and not answered: they are in the record if its line `seq` has this hash.
  struct Doubt {
    std::int64_t seq = 0;
    Hash256 hash{};
    PreparedEvents later;
  };
  struct Work {
    std::vector<Act*> acts;
    PreparedEvents later;
  };

  Impl(Options given, Listener heard)
      : options(std::move(given)), listener(std::move(heard)), opener(options.connect, "writer") {}

  void loop();
  [[nodiscard]] bool gather(Work& work);
  [[nodiscard]] std::vector<Act*> expired(Steady::time_point now);
  void ask();
  void lost();
  void return_to_queue(std::vector<Act*> acts);
  void requeue(PreparedEvents events);
  [[nodiscard]] audit::CheckpointSigner the_signer() {
    const std::lock_guard lock(signer_mutex);
    return options.signer;
  }
  static void resume(const std::vector<Act*>& acts);

  Options options;
  Listener listener;
  std::mutex signer_mutex;

  // The writer thread's own.
  std::unique_ptr<Connection> connection;
  std::optional<Doubt> doubt;
  bool failing = false;
  bool signer_failed = false;
  std::uint64_t idle_mark = 0;

  std::mutex mutex;
  // Shared: a loop may still hold a wake-up that it was asked for when the writer is gone.
  std::shared_ptr<std::condition_variable> wake = std::make_shared<std::condition_variable>();
  std::deque<Act*> queue;
  PreparedEvents later;
  std::unique_ptr<Connection> arrived;
  bool stopping = false;
  Steady::time_point stopped_at;

  std::atomic<std::int64_t> committed_seq{0};
  std::atomic<std::int64_t> committed_sealed{0};
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::uint64_t> batches{0};
  std::atomic<std::uint64_t> round_trips{0};
  Opener opener;
  std::thread thread;
};

/// What was gathered, until every act of it has its answer or is back in the queue.
class Writer::Batch {
 public:
  Batch(Impl& impl, Impl::Work work) : impl_(impl), later_(std::move(work.later)), until_(deadline_of(work.acts)) {
    commit(std::move(work.acts), 0);
    settle();
  }
  [[nodiscard]] const std::vector<Act*>& finished() const noexcept { return finished_; }
  [[nodiscard]] std::vector<Act*> returned() && { return std::move(returned_); }

 private:
  enum class Outcome : std::uint8_t {
    done,
    acts_failed,  ///< those in failed_; nothing was written
    again,        ///< could not be serialized
    unavailable,  ///< nothing was written
    lost,         ///< nothing was written, and the connection is gone
    unknown,      ///< lost while COMMIT was under way
  };
  struct Span {
    Act* act;
    std::size_t begin, end;  ///< of its rows
  };

  static Steady::time_point deadline_of(const std::vector<Act*>& acts) {
    auto until = Steady::now() + limits::kPostgresBatchTimeout;
    for (const Act* act : acts) until = std::min(until, act->since + limits::kPostgresBatchTimeout);
    return std::max(until, Steady::now() + limits::kPostgresStatementTimeout);
  }

  void commit(std::vector<Act*> acts, unsigned depth);
  void alone(const std::vector<Act*>& acts);
  void give_back(const std::vector<Act*>& acts);
  void settle();
  Outcome transaction(const std::vector<Act*>& acts);
  Outcome open(const std::vector<Act*>& acts, std::vector<Rows>& rows, std::vector<Span>& spans);
  Outcome failed_at(std::size_t statement, const std::vector<Span>& spans);
  Outcome judge(const std::vector<Span>& spans, std::span<const Rows> rows);
  Outcome close(bool seal);
  void append(const PreparedEvents& events, std::vector<Statement>& statements);
  void add_changes(std::vector<Statement>& statements);
  void add_seal(std::vector<Statement>& statements);
  void committed();
  void finish(const std::vector<Act*>& acts, const std::optional<Error>& error = {});
  void pause(unsigned round);

  Impl& impl_;
  PreparedEvents later_;
  Steady::time_point until_;
  std::vector<Act*> finished_;
  std::vector<Act*> returned_;
  bool open_ = false;  ///< the server may have a transaction of ours
  // Of the transaction under way.
  Impl::Head head_;
  std::vector<model::Change> changes_;
  std::vector<const PreparedEvents*> events_;
  std::vector<Act*> failed_;
  std::optional<Error> error_;
};

// ---- one batch

void Writer::Batch::commit(std::vector<Act*> acts, unsigned depth) {
  constexpr unsigned kRounds = 3;
  for (unsigned round = 0; !acts.empty() || !later_.empty() || impl_.doubt; ++round) {
    if (!impl_.connection) {
      give_back(acts);
      return;
    }
    if (round > limits::kPostgresRetries || Steady::now() > until_) {
      finish(acts, not_written(error_ ? error_->detail : "the database is too slow"));
      return;
    }
    switch (transaction(acts)) {
      case Outcome::done: finish(acts); return;
      case Outcome::again: pause(round); continue;
      case Outcome::acts_failed: {
        const auto bad = std::exchange(failed_, {});
        if (acts.size() == 1) {
          finish(acts, error_);
          return;
        }
        std::erase_if(acts, [&](Act* act) { return std::ranges::find(bad, act) != bad.end(); });
        // Each round finds at least one more; before many rounds cost more than the acts, they go one by one.
        if (depth + 1 < kRounds) {
          commit(std::move(acts), depth + 1);
        } else {
          alone(acts);
        }
        alone(bad);
        return;
      }
      case Outcome::unavailable:
      case Outcome::unknown:
        finish(acts, error_);
        // Nobody waits for what is left, and at once it would fail again.
        if (acts.empty()) pause(limits::kPostgresRetries);
        return;
      case Outcome::lost: continue;
    }
  }
}

/// The connection was lost before anything was written: once, acts may wait for the next one.
void Writer::Batch::give_back(const std::vector<Act*>& acts) {
  for (Act* act : acts) {
    if (!std::exchange(act->returned, true)) {
      returned_.push_back(act);
    } else {
      finish({act}, not_written(error_ ? error_->detail : "the connection to the database was lost"));
    }
  }
}

void Writer::Batch::alone(const std::vector<Act*>& acts) {
  for (Act* act : acts) commit({act}, 0);
}

void Writer::Batch::settle() {
  if (open_ && impl_.connection) {
    impl_.round_trips.fetch_add(1, std::memory_order_relaxed);
    if (auto undone = impl_.connection->exchange(Statement(kRollback)); !undone) impl_.lost();
  }
  if (!later_.empty()) impl_.requeue(std::move(later_));
}

Writer::Batch::Outcome Writer::Batch::transaction(const std::vector<Act*>& acts) {
  changes_.clear();
  events_.clear();
  failed_.clear();
  error_.reset();
  std::vector<Rows> rows;
  std::vector<Span> spans;
  auto outcome = open(acts, rows, spans);
  if (outcome == Outcome::done) outcome = judge(spans, rows);
  if (outcome == Outcome::done) outcome = close(std::ranges::any_of(acts, [](const Act* act) { return act->seals; }));
  if (outcome == Outcome::done) {
    committed();
  } else if (outcome == Outcome::lost || outcome == Outcome::unknown) {
    open_ = false;
    impl_.lost();
  }
  const bool bad = outcome != Outcome::done && outcome != Outcome::acts_failed && outcome != Outcome::again;
  if (bad && error_ && !std::exchange(impl_.failing, true)) {
    log::error("store.write_failed", {{"detail", error_->detail}});
  }
  return outcome;
}

/// The first round trip: everything up to the rows that the acts judge.
Writer::Batch::Outcome Writer::Batch::open(const std::vector<Act*>& acts, std::vector<Rows>& rows,
                                           std::vector<Span>& spans) {
  static const Statement rollback(kRollback);
  static const Statement begin(kBegin);
  static const Statement lock(kLockHead);
  std::vector<const Statement*> all;
  if (open_) all.push_back(&rollback);
  all.push_back(&begin);
  const std::size_t head_at = all.size();
  all.push_back(&lock);
  std::optional<Statement> proof;
  if (impl_.doubt) {
    proof.emplace("SELECT hash FROM audit WHERE seq = $1", impl_.doubt->seq);
    all.push_back(&*proof);
  }
  for (Act* act : acts) {
    const std::size_t begins = all.size();
    for (const auto& statement : act->opening) all.push_back(&statement);
    spans.push_back({act, begins, all.size()});
  }
  open_ = true;
  rows.reserve(all.size());
  for (std::size_t at = 0; at < all.size(); at += limits::kPostgresPipelineMax) {
    const std::size_t count = std::min(all.size() - at, limits::kPostgresPipelineMax);
    impl_.round_trips.fetch_add(1, std::memory_order_relaxed);
    auto some = impl_.connection->exchange(std::span<const Statement* const>(all).subspan(at, count));
    if (!some) {
      error_ = std::move(some.error());
      return failed_at(at + impl_.connection->failed_at(), spans);
    }
    std::ranges::move(*some, std::back_inserter(rows));
  }
  const Rows& head = rows[head_at];
  if (head.empty()) {
    error_ = not_written("the database has no head row: it is not a schema of this program");
    return Outcome::unavailable;
  }
  head_ = {.seq = head.integer(0, 0),
           .hash = head.hash(0, 1),
           .at = head.time(0, 2),
           .sealed = head.integer(0, 3),
           .changes = head.integer(0, 4)};
  if (impl_.doubt) {
    const Rows& found = rows[head_at + 1];
    if (found.empty() || found.hash(0, 0) != impl_.doubt->hash) {
      std::ranges::move(later_, std::back_inserter(impl_.doubt->later));
      later_ = std::move(impl_.doubt->later);
    }
    impl_.doubt.reset();
  }
  return Outcome::done;
}

Writer::Batch::Outcome Writer::Batch::failed_at(std::size_t statement, const std::vector<Span>& spans) {
  const auto& connection = *impl_.connection;
  if (connection.lost()) return Outcome::lost;
  if (connection.failure() == Failure::serialize) return Outcome::again;
  // Out of space, locked or shutting down: not the fault of the act that happened to meet it. Only an act's own slow
  // statement (query_canceled) is.
  const bool own = error_->code != ErrorCode::unavailable || connection.sqlstate() == "57014";
  for (const auto& span : spans) {
    if (own && statement >= span.begin && statement < span.end) {
      failed_.push_back(span.act);
      return Outcome::acts_failed;
    }
  }
  error_->code = ErrorCode::unavailable;
  return Outcome::unavailable;
}

Writer::Batch::Outcome Writer::Batch::judge(const std::vector<Span>& spans, std::span<const Rows> rows) {
  for (const auto& [act, begin, end] : spans) {
    Tx tx(*impl_.connection, changes_, events_, impl_.round_trips);
    Result<void> judged;
    try {
      judged = act->judge(tx, rows.subspan(begin, end - begin));
    } catch (const std::exception& thrown) {
      judged = fail(ErrorCode::internal, {}, thrown.what());
    }
    if (tx.failed_) {
      error_ = std::move(tx.failed_);
      return failed_at(begin, {{act, begin, begin + 1}});
    }
    if (judged) continue;
    // The rest is judged as well: whoever fails too need not spoil another round.
    if (failed_.empty()) error_ = std::move(judged.error());
    failed_.push_back(act);
  }
  return failed_.empty() ? Outcome::done : Outcome::acts_failed;
}

/// The second round trip.
Writer::Batch::Outcome Writer::Batch::close(bool seal) {
  std::vector<Statement> statements;
  PreparedEvents all;
  for (const auto* events : events_) std::ranges::copy(*events, std::back_inserter(all));
  std::ranges::copy(later_, std::back_inserter(all));
  const auto before = head_.sealed;
  append(all, statements);
  if (seal || head_.seq - head_.sealed >= limits::kAuditCheckpointRecords) add_seal(statements);
  add_changes(statements);
  if (!all.empty() || !changes_.empty() || head_.sealed != before) {
    statements.emplace_back(
        "UPDATE head SET audit_seq = $1, audit_hash = $2, audit_at = $3, sealed = $4, change_seq = $5 WHERE id = 1",
        head_.seq, head_.hash, head_.at, head_.sealed, head_.changes);
  }
  if (!changes_.empty() && impl_.connection->has_notify()) statements.emplace_back("NOTIFY mitral_feed");
  statements.emplace_back(kCommit);
  impl_.round_trips.fetch_add(1, std::memory_order_relaxed);
  auto done = impl_.connection->exchange(statements);
  if (done) return Outcome::done;
  error_ = std::move(done.error());
  if (impl_.connection->failure() == Failure::serialize) return Outcome::again;
  if (!impl_.connection->lost()) {
    error_->code = ErrorCode::unavailable;
    return Outcome::unavailable;
  }
  if (!later_.empty()) impl_.doubt = Impl::Doubt{head_.seq, head_.hash, std::exchange(later_, {})};
  return Outcome::unknown;
}

void Writer::Batch::append(const PreparedEvents& events, std::vector<Statement>& statements) {
  if (events.empty()) return;
  Column<std::int64_t> seqs;
  Column<std::string> issuers;
  Column<std::int64_t> times;
  Column<std::string> texts;
  Column<Hash256> hashes;
  for (const auto& event : events) {
    head_.seq += 1;
    head_.hash = audit::chain_hash(head_.hash, head_.seq, event.canonical);
    head_.at = event.at;
    seqs.values.push_back(head_.seq);
    issuers.values.push_back(event.issuer.value);
    times.values.push_back(to_micros(event.at));
    texts.values.push_back(event.canonical);
    hashes.values.push_back(head_.hash);
  }
  statements.emplace_back(
      "INSERT INTO audit(seq, issuer, at, event, hash) "
      "SELECT * FROM unnest($1::int8[], $2::text[], $3::int8[], $4::text[], $5::bytea[])",
      seqs, issuers, times, texts, hashes);
}

void Writer::Batch::add_changes(std::vector<Statement>& statements) {
  if (changes_.empty()) return;
  Column<std::int64_t> seqs;
  Column<std::string> issuers;
  Column<std::int64_t> kinds;
  Column<std::string> subjects;
  Column<std::int64_t> times;
  Column<std::int64_t> ends;
  for (auto& change : changes_) {
    change.seq = ++head_.changes;
    seqs.values.push_back(change.seq);
    issuers.values.push_back(change.issuer.value);
    kinds.values.push_back(static_cast<std::int64_t>(change.kind));
    subjects.values.push_back(change.subject);
    times.values.push_back(to_micros(change.at));
    ends.values.push_back(to_micros(change.expires));
  }
  statements.emplace_back(
      "INSERT INTO changes(seq, issuer, kind, subject, at, expires) "
      "SELECT * FROM unnest($1::int8[], $2::text[], $3::int8[], $4::text[], $5::int8[], $6::int8[])",
      seqs, issuers, kinds, subjects, times, ends);
}

void Writer::Batch::add_seal(std::vector<Statement>& statements) {
  const auto signer = impl_.the_signer();
  if (!signer || head_.seq == head_.sealed) return;
  const auto text = signer(audit::checkpoint_payload({.seq = head_.seq, .hash = head_.hash, .at = head_.at}));
  if (!text) {
    // Records go on; the verifier complains when a seal is missing for too long.
    if (!std::exchange(impl_.signer_failed, true)) {
      log::error("audit.checkpoint_failed", {{"detail", text.error().detail}});
    }
    return;
  }
  impl_.signer_failed = false;
  statements.emplace_back("UPDATE audit SET checkpoint = $2 WHERE seq = $1", head_.seq, *text);
  head_.sealed = head_.seq;
}

void Writer::Batch::committed() {
  open_ = false;
  later_.clear();
  impl_.batches.fetch_add(1, std::memory_order_relaxed);
  if (std::exchange(impl_.failing, false)) log::info("store.writing_again");
  impl_.committed_seq.store(head_.seq, std::memory_order_release);
  impl_.committed_sealed.store(head_.sealed, std::memory_order_release);
  if (!changes_.empty() && impl_.listener.committed) impl_.listener.committed(std::exchange(changes_, {}));
}

void Writer::Batch::finish(const std::vector<Act*>& acts, const std::optional<Error>& error) {
  for (Act* act : acts) {
    if (error) act->error = error;
    finished_.push_back(act);
  }
}

/// Growing, and not the same for all who collided.
void Writer::Batch::pause(unsigned round) {
  std::uint8_t byte = 0;
  crypto::system_random().fill({&byte, 1});
  const auto longest = std::chrono::milliseconds(5) * (1U << std::min(round, 6U));
  std::this_thread::sleep_for(longest * (128 + byte / 2) / 256);
}

// ---- the queue

Writer::Writer(Options options, Listener listener)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(listener))) {}

Writer::~Writer() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
    impl_->stopped_at = Steady::now();
  }
  impl_->wake->notify_one();
  if (impl_->thread.joinable()) impl_->thread.join();
}

Result<void> Writer::start() {
  MITRAL_TRY(impl_->connection, Connection::open(impl_->options.connect));
  MITRAL_TRY(const auto head,
             impl_->connection->exchange(Statement("SELECT audit_seq, sealed FROM head WHERE id = 1")));
  impl_->committed_seq = head.integer(0, 0);
  impl_->committed_sealed = head.integer(0, 1);
  impl_->thread = std::thread([impl = impl_.get()] { impl->loop(); });
  return {};
}

bool Writer::enqueue(Act& act, std::coroutine_handle<> waiting) {
  impl_->commits.fetch_add(1, std::memory_order_relaxed);
  if (!std::ranges::all_of(act.opening, &Statement::sendable)) {
    act.error = Error{ErrorCode::malformed, {}, "a text is not UTF-8"};
    return false;
  }
  act.waiting = waiting;
  act.home = Scheduler::current();
  act.since = Steady::now();
  Scheduler* const home = act.home;
  // Not at once: the loop first handles what else is ready, which then shares the batch. Posted before the act is
  // queued, so that nothing can fail after that.
  if (home != nullptr) home->post([wake = impl_->wake] { wake->notify_one(); });
  const auto wake = impl_->wake;
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->stopping || impl_->queue.size() >= limits::kCommitQueueMax) {
      act.error = Error{ErrorCode::unavailable, {}, "the queue of the store's writer is full"};
      return false;
    }
    impl_->queue.push_back(&act);
    // From here on the act and its coroutine may be gone at any moment.
  }
  if (home == nullptr) wake->notify_one();
  return true;
}

Result<void> Writer::append_later(PreparedEvents events) {
  impl_->commits.fetch_add(1, std::memory_order_relaxed);
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->stopping || impl_->later.size() + events.size() > limits::kCommitQueueMax) {
      return fail(ErrorCode::unavailable, {}, "the queue of audit events is full");
    }
    std::ranges::move(events, std::back_inserter(impl_->later));
  }
  impl_->wake->notify_one();
  return {};
}

void Writer::set_signer(audit::CheckpointSigner signer) {
  const std::lock_guard lock(impl_->signer_mutex);
  impl_->options.signer = std::move(signer);
}

Task<Result<void>> Writer::seal() {
  SealAct act;
  co_await Submit{*this, act};
  if (act.error) co_return std::unexpected(std::move(*act.error));
  co_return Result<void>{};
}

bool Writer::idle_unsealed() noexcept {
  const auto seq = static_cast<std::uint64_t>(audit_seq());
  const bool same = std::exchange(impl_->idle_mark, seq) == seq;
  return same && audit_seq() != impl_->committed_sealed.load(std::memory_order_acquire);
}

std::int64_t Writer::audit_seq() const noexcept { return impl_->committed_seq.load(std::memory_order_acquire); }
std::uint64_t Writer::commits() const noexcept { return impl_->commits.load(std::memory_order_relaxed); }
std::uint64_t Writer::batches() const noexcept { return impl_->batches.load(std::memory_order_relaxed); }
std::uint64_t Writer::round_trips() const noexcept { return impl_->round_trips.load(std::memory_order_relaxed); }

// ---- the thread

void Writer::Impl::loop() {
  for (;;) {
    Work work;
    if (!gather(work)) return;
    Batch batch(*this, std::move(work));
    const auto finished = batch.finished();
    return_to_queue(std::move(batch).returned());
    resume(finished);
  }
}

void Writer::Impl::ask() {
  opener.ask([this](std::unique_ptr<Connection> delivered) {
    {
      const std::lock_guard lock(mutex);
      arrived = std::move(delivered);
    }
    wake->notify_one();
  });
}

void Writer::Impl::lost() {
  connection.reset();
  ask();
}

/// Waits for work and a connection; false at the end.
bool Writer::Impl::gather(Work& work) {
  std::unique_lock lock(mutex);
  for (;;) {
    if (arrived) connection = std::move(arrived);
    if (auto late = expired(Steady::now()); !late.empty()) {
      const Error error = not_written(connection ? "the database is too slow" : opener.last_error());
      lock.unlock();
      for (Act* act : late) act->error = error;
      resume(late);
      lock.lock();
      continue;
    }
    const bool nothing = queue.empty() && later.empty() && !doubt;
    if (stopping && nothing) return false;
    const Duration patience = connection ? limits::kPostgresBatchTimeout : limits::kPostgresStatementTimeout;
    if (stopping && queue.empty() && Steady::now() >= stopped_at + patience) {
      log::error("audit.events_lost", {{"count", later.size() + (doubt ? doubt->later.size() : 0)}});
      return false;
    }
    if (connection) {
      if (!queue.empty() || doubt || stopping) break;
      if (!later.empty()) {
        // Only events that may wait: wait for company, but no longer than promised.
        wake->wait_for(lock, options.max_delay, [this] { return !queue.empty() || stopping; });
        break;
      }
      wake->wait(lock);
      continue;
    }
    auto until = Steady::now() + limits::kPostgresStatementTimeout;
    if (!queue.empty()) until = std::min(until, queue.front()->since + limits::kPostgresStatementTimeout);
    if (stopping) until = std::min(until, stopped_at + limits::kPostgresStatementTimeout);
    wake->wait_until(lock, until);
  }
  const std::size_t count = std::min(queue.size(), limits::kCommitBatchMax);
  work.acts.assign(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(count));
  queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(count));
  work.later = std::exchange(later, {});
  return true;
}

/// Takes those out of the queue whose time is up.
std::vector<Writer::Act*> Writer::Impl::expired(Steady::time_point now) {
  const Duration longest = connection ? limits::kPostgresBatchTimeout : limits::kPostgresStatementTimeout;
  std::vector<Act*> late;
  while (!queue.empty() && queue.front()->since + longest <= now) {
    late.push_back(queue.front());
    queue.pop_front();
  }
  return late;
}

void Writer::Impl::return_to_queue(std::vector<Act*> acts) {
  if (acts.empty()) return;
  std::ranges::sort(acts, {}, &Act::since);
  const std::lock_guard lock(mutex);
  queue.insert(queue.begin(), acts.begin(), acts.end());
}

void Writer::Impl::requeue(PreparedEvents events) {
  const std::lock_guard lock(mutex);
  std::ranges::move(later, std::back_inserter(events));
  later = std::move(events);
}

void Writer::Impl::resume(const std::vector<Act*>& acts) {
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

}  // namespace mitral::store::postgres
