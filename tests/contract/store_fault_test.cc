// Faults: whatever breaks under an act, the act is not done, says unavailable, leaves nothing half-done, and the store
// works again when the cause is gone.
#include <sys/resource.h>

#include <csignal>
#include <fstream>

#include "contract/sqlite_fixture.h"
#include "store/sqlite/writer.h"

namespace mitral::contract {
namespace {

using store::FaultPoint;

class StoreFault : public SqliteTest {
 protected:
  void SetUp() override {
    auto how = options();
    how.fault = [this](FaultPoint point, sqlite3* db) {
      const std::lock_guard lock(mutex_);
      return fault_ && fault_(point, db);
    };
    store_ = open_sqlite(std::move(how), clock_);
  }
  void fail_with(std::function<bool(FaultPoint, sqlite3*)> fault) {
    const std::lock_guard lock(mutex_);
    fault_ = std::move(fault);
  }

  /// Every act that writes, made ready to run, and one picture of all they may change.
  struct Attempt {
    std::string name;
    std::function<ErrorCode()> run;
  };
  std::vector<Attempt> attempts() {
    get(store_->put_user(user(), {}));
    get(store_->put_client(client(), event()));
    const auto made = stored_grant(*store_);
    const auto ready = stored_code(*store_);
    const auto visit = interaction();
    get(store_->put_interaction(visit));
    const auto here = session();
    get(store_->put_session(here, std::nullopt, {}));
    const auto fresh = grant();
    const auto next_code = code();
    const auto value = handle();
    const auto token = id();
    const auto e = Events{event()};
    auto& s = *store_;
    ports::AuthorizationStore::Completion done{visit.handle, {}, {}, next_code, consent()};
    return {
        {"complete", [=, &s] { return error_of(s.complete_authorization(kClinic, done, e, kStart)); }},
        {"redeem",
         [=, &s] { return error_of(s.redeem_code_once(kClinic, ready.handle, fresh, family(fresh), e, e, kStart)); }},
        {"burn", [=, &s] { return error_of(s.burn_code(kClinic, ready.handle, e)); }},
        {"rotate",
         [=, &s] {
           return error_of(s.rotate_once(
               kClinic, {.grant = made.id, .presented = 0, .rotate = true, .retry_window = {}, .expires = kStart + 24h},
               e, e, kStart));
         }},
        {"revoke_grant", [=, &s] { return error_of(s.revoke_grant(kClinic, made.id, e, kStart)); }},
        {"revoke_token", [=, &s] { return error_of(s.revoke_token(kClinic, token, kStart + 60s, e, kStart)); }},
        {"revoke_client", [=, &s] { return error_of(s.revoke_client(kClinic, ClientId("c_app"), e, kStart)); }},
        {"revoke_user", [=, &s] { return error_of(s.revoke_user(kClinic, UserId("u_ada"), e, kStart)); }},
        {"put_user", [=, &s] { return error_of(s.put_user(user("bob"), e)); }},
        {"put_client", [=, &s] { return error_of(s.put_client(client("c_new"), event())); }},
        {"put_session", [=, this, &s] { return error_of(s.put_session(session(), here.id_hash, e)); }},
        {"end_session", [=, &s] { return error_of(s.end_session(kClinic, here.id_hash, e, kStart)); }},
        {"claim", [=, &s] { return error_of(s.claim_once(kClinic, "x", value, kStart + 60s)); }},
        {"append", [=, &s] { return error_of(s.append(e)); }},
    };
  }
  /// Every row of every table, and what memory says.
  std::string picture() {
    std::string out;
    Intruder file(path_);
    for (const auto* table :
         {"clients", "resource_servers", "users", "sessions", "consents", "floors", "pushed_requests", "launches",
          "interactions", "codes", "replay", "grants", "changes", "signing_keys", "audit"}) {
      out += std::string(table) + "=" + file.value(std::string("SELECT count(*) FROM ") + table) + " ";
    }
    out += file.value("SELECT group_concat(coalesce(revoked, '-') || ':' || generation) FROM grants") + " ";
    out += file.value("SELECT group_concat(burned || ':' || coalesce(hex(grant_id), '-')) FROM codes") + " ";
    out += file.value("SELECT group_concat(used) FROM interactions") + " ";
    out += std::to_string(store_->last_seq()) + " " + std::to_string(store_->latest_change()) + " ";
    out += store_->is_revoked(kClinic, Id128{}, "c_app", "u_ada", kStart) ? "revoked" : "alive";
    out += store_->directory()->client(kClinic, "c_new") != nullptr ? " new" : "";
    return out;
  }

  std::mutex mutex_;
  std::function<bool(FaultPoint, sqlite3*)> fault_;
  std::unique_ptr<store::SqliteStore> store_;
};

TEST_F(StoreFault, AFaultAnywhereInTheBatchUndoesTheAct) {
  const auto all = attempts();
  const auto before = picture();
  for (const auto where : {FaultPoint::begin, FaultPoint::act, FaultPoint::before_commit}) {
    fail_with([where](FaultPoint point, sqlite3*) { return point == where; });
    for (const auto& attempt : all) {
      EXPECT_EQ(attempt.run(), ErrorCode::unavailable) << attempt.name;
      EXPECT_EQ(picture(), before) << attempt.name << " at " << static_cast<int>(where);
    }
    expect_intact(*store_);
  }
  fail_with({});
  get(store_->probe());
  get(store_->append({event()}));
  expect_intact(*store_);
}

TEST_F(StoreFault, AFullDiskIsUnavailableAndPasses) {
  const auto all = attempts();
  // SQLite's own limit makes the same error as a full disk: at every growth of the file, in the middle of any act.
  const auto limit = [this](const std::string& pages) {
    fail_with([pages](FaultPoint point, sqlite3* db) {
      if (point == FaultPoint::begin)
        sqlite3_exec(db, ("PRAGMA max_page_count=" + pages).c_str(), nullptr, nullptr, nullptr);
      return false;
    });
  };
  limit("1");  // SQLite takes it as "no more than now"
  std::int64_t acknowledged = store_->last_seq();
  bool full = false;
  for (int i = 0; i < 5000 && !full; ++i) {
    const auto appended = run_sync(store_->append({event(), event(), event()}));
    if (appended) {
      acknowledged += 3;
    } else {
      EXPECT_EQ(appended.error().code, ErrorCode::unavailable) << appended.error().detail;
      full = true;
    }
  }
  ASSERT_TRUE(full);
  const auto seq = store_->last_seq();
  EXPECT_EQ(seq, acknowledged);
  EXPECT_NE(run_sync(store_->append({event(), event(), event()})).has_value(), true);
  EXPECT_EQ(store_->last_seq(), seq);
  EXPECT_TRUE(get(store_->find_user(kClinic, UserId("u_ada")))) << "reading goes on";
  expect_intact(*store_);
  limit("1000000");
  get(store_->append({event()}));
  EXPECT_EQ(store_->last_seq(), seq + 1);
  expect_intact(*store_);
}

/// A real error of write(), in the middle of the log: no file of this process may grow beyond a size.
TEST_F(StoreFault, AFailingWriteIsUnavailableAndPasses) {
  const auto made = stored_grant(*store_);
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit tight = before;
  tight.rlim_cur = std::filesystem::file_size(path_ + "-wal") + 100'000;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  std::int64_t acknowledged = store_->last_seq();
  bool failed = false;
  for (int i = 0; i < 1000 && !failed; ++i) {
    const auto appended = run_sync(store_->append(Events(5, event())));
    failed = !appended;
    if (appended) acknowledged += 5;
    if (failed) {
      EXPECT_EQ(appended.error().code, ErrorCode::unavailable) << appended.error().detail;
    }
  }
  const auto revoked = run_sync(store_->revoke_grant(kClinic, made.id, Events(200, event()), kStart));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_TRUE(failed);
  EXPECT_FALSE(revoked);
  EXPECT_FALSE(get(store_->find_grant(kClinic, made.id))->revoked);
  EXPECT_EQ(store_->last_seq(), acknowledged);
  get(store_->append({event()}));
  expect_intact(*store_);
  store_.reset();
  const auto reopened = open();
  EXPECT_EQ(reopened->last_seq(), acknowledged + 1);
  expect_intact(*reopened);
}

TEST_F(StoreFault, ALockHeldByAnotherProgramIsUnavailableAndPasses) {
  const auto all = attempts();
  const auto before = picture();
  {
    Intruder other(path_);
    other.run("BEGIN EXCLUSIVE");
    const auto started = std::chrono::steady_clock::now();
    EXPECT_EQ(all[1].run(), ErrorCode::unavailable);
    EXPECT_LT(std::chrono::steady_clock::now() - started, 2s) << "a caller is not left hanging";
    EXPECT_EQ(error_of(store_->probe()), ErrorCode::unavailable);
    EXPECT_TRUE(get(store_->find_user(kClinic, UserId("u_ada")))) << "reading goes on";
    other.run("ROLLBACK");
  }
  EXPECT_EQ(picture(), before);
  get(store_->probe());
  expect_intact(*store_);
}

TEST_F(StoreFault, OneActsFailureIsItsOwn) {
  get(store_->put_user(user("ada"), {}));
  // Hold the writer so that everything below lands in one batch.
  std::atomic<bool> hold{true};
  fail_with([&](FaultPoint point, sqlite3*) {
    while (point == FaultPoint::begin && hold) std::this_thread::sleep_for(1ms);
    return false;
  });
  std::thread opener([&] { get(store_->append({event()})); });
  std::this_thread::sleep_for(30ms);
  const auto batches = store_->counters().batches;
  std::atomic<int> good{0};
  std::atomic<int> conflicts{0};
  std::thread release([&] {
    std::this_thread::sleep_for(200ms);
    hold = false;
  });
  together(20, [&](int i) {
    if (i % 2 == 0) {
      if (run_sync(store_->append({event()}))) ++good;
    } else {
      auto thief = user("thief" + std::to_string(i));
      thief.username = "ada";
      const auto result = run_sync(store_->put_user(thief, {event()}));
      if (!result && result.error().code == ErrorCode::conflict) ++conflicts;
    }
  });
  opener.join();
  release.join();
  EXPECT_EQ(good, 10);
  EXPECT_EQ(conflicts, 10);
  EXPECT_LE(store_->counters().batches - batches, 2U) << "they shared a transaction";
  EXPECT_EQ(store_->last_seq(), 11);
  EXPECT_EQ(get(store_->list_users(kClinic, 100)).size(), 1U);
  expect_intact(*store_);
}

/// Redeeming a code has no savepoint of its own: it is refused before it has written anything.
TEST_F(StoreFault, AnActWithoutASavepointThatIsRefusedIsAloneToo) {
  const auto taken = stored_grant(*store_);
  std::vector<model::AuthorizationCode> codes;
  for (int i = 0; i < 5; ++i) codes.push_back(stored_code(*store_));
  const auto seq = store_->last_seq();
  std::atomic<bool> hold{true};
  fail_with([&](FaultPoint point, sqlite3*) {
    while (point == FaultPoint::begin && hold) std::this_thread::sleep_for(1ms);
    return false;
  });
  std::thread opener([&] { get(store_->append({event()})); });
  std::thread release([&] {
    std::this_thread::sleep_for(200ms);
    hold = false;
  });
  std::atomic<int> good{0};
  std::atomic<int> conflicts{0};
  together(10, [&](int i) {
    if (i % 2 == 0) {
      if (run_sync(store_->append({event()}))) ++good;
      return;
    }
    auto made = grant();
    made.id = taken.id;
    const auto& code = codes[static_cast<std::size_t>(i / 2)];
    const auto result = run_sync(store_->redeem_code_once(kClinic, code.handle, made, {}, {event()}, {}, kStart));
    if (!result && result.error().code == ErrorCode::conflict) ++conflicts;
  });
  opener.join();
  release.join();
  EXPECT_EQ(good, 5);
  EXPECT_EQ(conflicts, 5);
  EXPECT_EQ(store_->last_seq(), seq + 6);
  for (const auto& code : codes) EXPECT_FALSE(get(store_->find_code(kClinic, code.handle, kStart))->grant);
  expect_intact(*store_);
}

/// An act that promised never to need undoing, and breaks the promise after it has written: the batch fails, and
/// nothing of it stays.
TEST_F(StoreFault, ABrokenPromiseFailsTheBatch) {
  store_.reset();
  open().reset();  // makes the file
  auto connection = store::Connection::open(path_, store::Connection::Mode::write, 1s);
  ASSERT_TRUE(connection);
  store::Writer writer(std::move(*connection), options(),
                       {.begun = [](auto&) { return Result<void>{}; }, .committed = {}});
  ASSERT_TRUE(writer.start());
  const auto act = [](bool good) {
    return [good](store::Tx& tx) -> Result<void> {
      MITRAL_CHECK(tx.db.execute("INSERT INTO leases(name, holder, until) VALUES('x', x'00', 1)"));
      if (!good) return fail(ErrorCode::conflict, {}, "refused");
      return {};
    };
  };
  const auto refused = [](store::Tx&) -> Result<void> { return fail(ErrorCode::conflict, {}, "refused"); };
  const auto undone = [](store::Tx& tx) -> Result<void> {
    MITRAL_CHECK(tx.db.execute("INSERT INTO leases(name, holder, until) VALUES('x', x'00', 1)"));
    tx.undo();
    return {};
  };
  Intruder file(path_);
  EXPECT_EQ(error_of(writer.write(store::Undo::never, act(false))), ErrorCode::unavailable);
  EXPECT_EQ(error_of(writer.write(store::Undo::never, undone)), ErrorCode::unavailable);
  EXPECT_EQ(error_of(writer.write(store::Undo::never, refused)), ErrorCode::conflict) << "it had written nothing";
  EXPECT_EQ(error_of(writer.write(act(false))), ErrorCode::conflict);
  get(writer.write(undone));
  EXPECT_EQ(file.value("SELECT count(*) FROM leases"), "0");
  get(writer.write(store::Undo::never, act(true)));
  EXPECT_EQ(file.value("SELECT count(*) FROM leases"), "1");
}

TEST_F(StoreFault, AFullQueueIsUnavailableAtOnce) {
  std::atomic<bool> hold{true};
  fail_with([&](FaultPoint point, sqlite3*) {
    while (point == FaultPoint::begin && hold) std::this_thread::sleep_for(1ms);
    return false;
  });
  // One scheduler with more coroutines than the queue takes.
  std::atomic<int> refused{0};
  std::atomic<int> done{0};
  const int count = static_cast<int>(limits::kCommitQueueMax + limits::kCommitBatchMax + 500);
  std::thread driver([&] {
    struct Loop final : Scheduler {
      std::mutex mutex;
      std::condition_variable wake;
      std::vector<std::function<void()>> queue;
      void post(std::function<void()> work) override {
        const std::lock_guard lock(mutex);
        queue.push_back(std::move(work));
        wake.notify_one();  // under the lock: who takes the work may end this object
      }
    } loop;
    Scheduler::set_current(&loop);
    int finished = 0;
    for (int i = 0; i < count; ++i) {
      spawn(store_->claim_once(kClinic, "x", handle(), kStart + 60s),
            [&](std::exception_ptr, std::optional<Result<bool>> result) {
              ++finished;
              if (result && !*result && result->error().code == ErrorCode::unavailable) ++refused;
              if (result && *result) ++done;
            });
    }
    EXPECT_GE(refused, 500 - 1) << "refused at once, while the writer still hangs";
    hold = false;
    while (finished < count) {
      std::vector<std::function<void()>> work;
      {
        std::unique_lock lock(loop.mutex);
        loop.wake.wait(lock, [&] { return !loop.queue.empty(); });
        work.swap(loop.queue);
      }
      for (auto& one : work) one();
    }
  });
  driver.join();
  EXPECT_EQ(refused + done, count);
  EXPECT_GE(done, static_cast<int>(limits::kCommitQueueMax));
}

/// A damaged page must not bring the program down, nor pass for an answer.
TEST_F(StoreFault, ADamagedFileIsUnavailable) {
  for (int i = 0; i < 50; ++i) stored_grant(*store_);
  const auto target = stored_grant(*store_);
  store_.reset();
  {
    Intruder file(path_);
    file.run("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(0, std::ios::end);
    const auto size = file.tellp();
    for (std::streamoff at = 4096; at < size; at += 4096) {  // all but the schema's page
      file.seekp(at);
      file.write(std::string(64, '\xee').data(), 64);
    }
  }
  auto reopened = store::SqliteStore::open(options(), clock_);
  if (!reopened) {
    EXPECT_EQ(reopened.error().code, ErrorCode::unavailable) << reopened.error().detail;
    return;
  }
  EXPECT_EQ(error_of((*reopened)->find_grant(kClinic, target.id)), ErrorCode::unavailable);
}

class BoundedDelay : public StoreFault {
 protected:
  void SetUp() override {
    auto how = options();
    how.durability = store::Durability::bounded_delay;
    how.max_delay = 50ms;
    how.fault = [this](FaultPoint point, sqlite3* db) {
      const std::lock_guard lock(mutex_);
      return fault_ && fault_(point, db);
    };
    store_ = open_sqlite(std::move(how), clock_);
  }
};

TEST_F(BoundedDelay, EventsAreWrittenSoonAndTogether) {
  for (int i = 0; i < 100; ++i) get(store_->append({event()}));
  EXPECT_TRUE(within(2000ms, [&] { return store_->last_seq() == 100; }));
  EXPECT_LT(store_->counters().batches, 20U);
  expect_intact(*store_);
}

TEST_F(BoundedDelay, OtherActsStillWaitForTheirFsync) {
  const auto made = stored_grant(*store_);
  get(store_->revoke_grant(kClinic, made.id, {event()}, kStart));
  EXPECT_EQ(store_->last_seq(), 1);
}

TEST_F(BoundedDelay, EventsSurviveAFaultAndAClose) {
  fail_with([](FaultPoint point, sqlite3*) { return point == FaultPoint::before_commit; });
  get(store_->append({event()}));
  std::this_thread::sleep_for(150ms);
  EXPECT_EQ(store_->last_seq(), 0);
  fail_with({});
  EXPECT_TRUE(within(2000ms, [&] { return store_->last_seq() == 1; }));
  get(store_->append({event(), event()}));
  store_.reset();
  store_ = open();
  EXPECT_EQ(store_->last_seq(), 3);
  expect_intact(*store_);
}

}  // namespace
}  // namespace mitral::contract
