// Several processes on one file, played by several stores: an operator's command beside a server, or two servers.
#include "contract/sqlite_fixture.h"

namespace mitral::contract {
namespace {

constexpr auto kBound = std::chrono::milliseconds(limits::kRevocationBound);

class SharedFile : public SqliteTest {
 protected:
  std::unique_ptr<store::SqliteStore> server_ = open();
  std::unique_ptr<store::SqliteStore> other_ = open();
};

TEST_F(SharedFile, ARevocationIsNoticedWithinTheBound) {
  const auto made = stored_grant(*server_);
  const auto token = id();
  std::atomic<int> told{0};
  server_->on_change([&] { ++told; });
  EXPECT_FALSE(get(server_->find_grant(kClinic, made.id))->revoked);  // in its cache now
  get(other_->revoke_grant(kClinic, made.id, {event()}, kStart));
  get(other_->revoke_token(kClinic, token, kStart + 60s, {event()}, kStart));
  EXPECT_TRUE(within(kBound, [&] { return get(server_->find_grant(kClinic, made.id))->revoked.has_value(); }));
  EXPECT_TRUE(within(kBound, [&] { return server_->is_revoked(kClinic, token, "c_x", "u_x", kStart); }));
  EXPECT_GE(told, 1);
  EXPECT_EQ(server_->latest_change(), other_->latest_change());
}

TEST_F(SharedFile, AnActRightAfterSeesWhatTheOtherProcessCommitted) {
  // No wait here: what decides is the transaction, not the poll.
  const auto made = stored_grant(*server_);
  const auto ready = stored_code(*server_);
  get(other_->revoke_client(kClinic, ClientId("c_app"), {event()}, kStart + 1s));
  const auto rotated = get(server_->rotate_once(
      kClinic, {.grant = made.id, .presented = 0, .rotate = true, .retry_window = {}, .expires = kStart + 24h}, {}, {},
      kStart + 2s));
  EXPECT_EQ(rotated.outcome, RotationOutcome::dead);
  auto late = grant();
  late.created = kStart + 2s;
  EXPECT_EQ(get(server_->redeem_code_once(kClinic, ready.handle, late, {}, {}, {}, kStart + 2s)), Claim::unknown);
}

TEST_F(SharedFile, TheDirectoryFollows) {
  get(other_->put_client(client(), event()));
  get(other_->put_resource_server(server(), event()));
  EXPECT_TRUE(within(kBound, [&] {
    return server_->directory()->client(kClinic, "c_app") != nullptr &&
           server_->directory()->by_audience(kClinic, "https://fhir.example/r4") != nullptr;
  }));
  get(other_->delete_client(kClinic, ClientId("c_app"), event()));
  EXPECT_TRUE(within(kBound, [&] { return server_->directory()->client(kClinic, "c_app") == nullptr; }));
}

TEST_F(SharedFile, BothWriteOneAuditChain) {
  together(8, [&](int i) {
    auto& store = i % 2 == 0 ? *server_ : *other_;
    for (int k = 0; k < 20; ++k) {
      // A process that finds the file locked for long is told so; here it tries again.
      while (!run_sync(store.append({event()}))) std::this_thread::sleep_for(1ms);
    }
  });
  const auto verdict = verdict_of(*server_);
  EXPECT_TRUE(verdict.intact()) << audit::name(verdict.finding) << verdict.broken_at;
  EXPECT_EQ(verdict.records, 160);
}

TEST_F(SharedFile, ACodeIsRedeemedOnceAcrossProcesses) {
  for (int round = 0; round < 5; ++round) {
    const auto one = stored_code(*server_);
    std::vector<model::Grant> grants;
    for (int i = 0; i < 16; ++i) grants.push_back(grant());
    std::atomic<int> won{0};
    together(16, [&](int i) {
      auto& store = i % 2 == 0 ? *server_ : *other_;
      const auto& mine = grants[static_cast<std::size_t>(i)];
      for (;;) {
        const auto outcome = run_sync(store.redeem_code_once(kClinic, one.handle, mine, family(mine), {}, {}, kStart));
        if (!outcome) continue;  // locked for too long: not done
        if (*outcome == Claim::won) ++won;
        break;
      }
    });
    EXPECT_EQ(won, 1);
  }
}

TEST_F(SharedFile, AProcessThatSleptTooLongForgetsWhatItKnew) {
  const auto made = stored_grant(*server_);
  EXPECT_FALSE(get(server_->find_grant(kClinic, made.id))->revoked);
  // The line of the feed is gone before this process could read it.
  {
    Intruder file(path_);
    file.run("BEGIN IMMEDIATE");
    file.run("UPDATE grants SET revoked = 1");
    file.run("INSERT INTO changes(issuer, kind, subject, at, expires) VALUES('x', 1, 'x', 1, 1)");
    file.run("DELETE FROM changes");
    file.run("COMMIT");
  }
  EXPECT_TRUE(within(kBound, [&] { return get(server_->find_grant(kClinic, made.id))->revoked.has_value(); }));
}

TEST_F(SharedFile, EverythingIsThereAfterReopening) {
  get(server_->put_user(user(), {}));
  get(server_->put_client(client(), event()));
  const auto alive = stored_grant(*server_);
  const auto dead = stored_grant(*server_);
  const auto token = id();
  get(server_->revoke_grant(kClinic, dead.id, {event()}, kStart));
  get(server_->revoke_token(kClinic, token, kStart + 60s, {event()}, kStart));
  get(server_->revoke_client(kClinic, ClientId("c_bad"), {event()}, kStart));
  const auto seq = server_->last_seq();
  const auto line = server_->latest_change();
  server_.reset();
  other_.reset();
  const auto again = open();
  EXPECT_EQ(again->last_seq(), seq);
  EXPECT_EQ(again->latest_change(), line);
  EXPECT_FALSE(get(again->find_grant(kClinic, alive.id))->revoked);
  EXPECT_TRUE(get(again->find_grant(kClinic, dead.id))->revoked);
  EXPECT_TRUE(again->is_revoked(kClinic, token, "c_x", "u_x", kStart));
  EXPECT_TRUE(again->is_revoked(kClinic, id(), "c_bad", "", kStart));
  EXPECT_NE(again->directory()->client(kClinic, "c_app"), nullptr);
  expect_intact(*again);
}

TEST_F(SharedFile, ABackupMadeWhileWritingIsConsistent) {
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    while (!stop) EXPECT_TRUE(run_sync(server_->append({event()})));
  });
  stored_grant(*server_);
  const auto copy = dir_.file("copy.db");
  get(server_->backup(copy));
  EXPECT_EQ(error_of(server_->backup(copy)), ErrorCode::conflict) << "an existing file is not overwritten";
  stop = true;
  writer.join();
  EXPECT_EQ(std::filesystem::status(copy).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  auto how = options();
  how.path = copy;
  const auto restored = open_sqlite(std::move(how), clock_);
  ASSERT_NE(restored, nullptr);
  EXPECT_EQ(get(restored->grants_of_user(kClinic, UserId("u_ada"), 10)).size(), 1U);
  expect_intact(*restored);
}

TEST_F(SharedFile, NobodyElseMayReadTheFiles) {
  get(server_->append({event()}));
  for (const auto* suffix : {"", "-wal", "-shm"}) {
    const auto mode = std::filesystem::status(path_ + suffix).permissions();
    EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write) << suffix;
  }
}

TEST_F(SharedFile, AReleaseByOneProcessIsSeenByTheOther) {
  get(server_->append(Events(10, event())));
  EXPECT_EQ(get(other_->release_up_to(6, 100)), 6U);
  EXPECT_EQ(get(server_->anchor()).seq, 6);
  EXPECT_EQ(get(server_->read(0, 100)).size(), 4U);
  EXPECT_EQ(get(server_->release_up_to(6, 100)), 0U);
  get(server_->append({event()}));
  EXPECT_EQ(get(other_->read(0, 100)).back().seq, 11);
}

TEST_F(SharedFile, ALeaseIsOneProcesssAtATime) {
  const auto a = id();
  const auto b = id();
  EXPECT_TRUE(get(server_->take_lease("ship", a, kStart, kStart + 60s)));
  EXPECT_FALSE(get(other_->take_lease("ship", b, kStart + 59s, kStart + 119s)));
  EXPECT_TRUE(get(server_->take_lease("ship", a, kStart + 30s, kStart + 90s)));
  EXPECT_FALSE(get(other_->take_lease("ship", b, kStart + 89s, kStart + 149s)));
  EXPECT_TRUE(get(other_->take_lease("ship", b, kStart + 90s, kStart + 150s)));
  EXPECT_FALSE(get(server_->take_lease("ship", a, kStart + 91s, kStart + 151s)));
}

TEST_F(SharedFile, WhoeverWritesTheFileCanNotLetGoOfRecordsByTheWay) {
  get(server_->append(Events(10, event())));
  get(server_->release_up_to(4, 100));
  Intruder intruder(path_);
  EXPECT_NE(intruder.try_run("DELETE FROM audit WHERE seq = 7"), SQLITE_OK);
  EXPECT_NE(intruder.try_run("DELETE FROM audit_anchor"), SQLITE_OK);
  EXPECT_NE(intruder.try_run("UPDATE audit_anchor SET seq = 2"), SQLITE_OK);
  EXPECT_NE(intruder.try_run("UPDATE audit SET event = '{}' WHERE seq = 7"), SQLITE_OK);
}

}  // namespace
}  // namespace mitral::contract
