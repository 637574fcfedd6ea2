// What must stay small while everything grows: rows for each family and session, what has expired, the write-ahead log.
#include <map>

#include "contract/sqlite_fixture.h"

namespace mitral::contract {
namespace {

class UpkeepContract : public StoreContract {};
MITRAL_STORE_CONTRACT(UpkeepContract);

TEST_P(UpkeepContract, ALeaseHasOneHolderUntilItEnds) {
  const auto a = id();
  const auto b = id();
  EXPECT_TRUE(get(store_->take_lease("ship", a, kStart, kStart + 60s)));
  EXPECT_TRUE(get(store_->take_lease("sweep", b, kStart, kStart + 60s))) << "another name, another lease";
  EXPECT_FALSE(get(store_->take_lease("ship", b, kStart, kStart + 60s)));
  EXPECT_FALSE(get(store_->take_lease("ship", b, kStart + 60s - 1us, kStart + 120s)));
  EXPECT_TRUE(get(store_->take_lease("ship", a, kStart + 30s, kStart + 90s))) << "its holder takes it again";
  EXPECT_FALSE(get(store_->take_lease("ship", b, kStart + 60s, kStart + 120s)));
  EXPECT_TRUE(get(store_->take_lease("ship", b, kStart + 90s, kStart + 150s)));
  EXPECT_FALSE(get(store_->take_lease("ship", a, kStart + 90s, kStart + 150s)));
}

TEST_P(UpkeepContract, OfManyAtOnceOneGetsTheLease) {
  std::vector<Id128> holders;
  for (int i = 0; i < 16; ++i) holders.push_back(id());
  std::atomic<int> taken{0};
  together(16, [&](int i) {
    const auto mine = run_sync(store_->take_lease("ship", holders[static_cast<std::size_t>(i)], kStart, kStart + 60s));
    ASSERT_TRUE(mine);
    if (*mine) ++taken;
  });
  EXPECT_EQ(taken, 1);
}

class Growth : public SqliteTest {
 protected:
  /// Rows of every table, but for those that only ever grow or count.
  std::map<std::string, std::string> rows() {
    Intruder reader(path_);
    std::map<std::string, std::string> out;
    for (const auto* table : {"clients", "resource_servers", "users", "sessions", "consents", "floors",
                              "pushed_requests", "launches", "interactions", "codes", "replay", "grants", "changes",
                              "signing_keys", "emergency_accesses", "leases", "audit_anchor"}) {
      out[table] = reader.value(std::string("SELECT count(*) FROM ") + table);
    }
    return out;
  }
};

TEST_F(Growth, AThousandRotationsAreOneRow) {
  const auto store = open();
  const auto made = stored_grant(*store);
  const auto before = rows();
  for (std::uint32_t generation = 0; generation < 1000; ++generation) {
    const auto rotated = get(store->rotate_once(
        kClinic,
        {.grant = made.id, .presented = generation, .rotate = true, .retry_window = {}, .expires = kStart + 24h},
        {event(model::AuditKind::token_refreshed)}, {}, kStart));
    ASSERT_EQ(rotated.outcome, RotationOutcome::rotated) << generation;
  }
  EXPECT_EQ(rows(), before);
  EXPECT_GE(store->last_seq(), 1000) << "the audit record alone has grown";
}

TEST_F(Growth, ASessionThatIsUsedAThousandTimesIsOneRow) {
  const auto store = open();
  get(store->put_user(user(), {}));
  auto one = session();
  get(store->put_session(one, std::nullopt, {}));
  const auto before = rows();
  for (int i = 0; i < 1000; ++i) get(store->touch_session(kClinic, one.id_hash, kStart + i * 1s));
  EXPECT_EQ(rows(), before);
  // Signing in again in the same browser replaces it.
  for (int i = 0; i < 100; ++i) {
    auto next = session();
    next.sid = one.sid;
    get(store->put_session(next, one.id_hash, {}));
    one = next;
  }
  EXPECT_EQ(rows(), before);
}

TEST_F(Growth, WhatUsedToBeLeavesNothingButTheAuditRecord) {
  const auto store = open();
  const auto empty = rows();
  for (int i = 0; i < 50; ++i) {
    const auto made = stored_grant(*store);
    get(store->revoke_grant(kClinic, made.id, {event(model::AuditKind::revocation)}, kStart));
    get(store->revoke_token(kClinic, id(), kStart + 300s, {}, kStart));
    EXPECT_TRUE(get(store->claim_once(kClinic, "x", handle(), kStart + 300s)));
    get(store->put_session(session(), std::nullopt, {}));
    get(store->put_interaction(interaction()));
    get(store->put_pushed_request(pushed()));
    get(store->put_launch(launch(), {}));
  }
  EXPECT_NE(rows(), empty);
  const Instant later = kStart + 24h * 365 * 6;
  while (get(store->sweep(later, 64)) > 0) {
  }
  EXPECT_EQ(rows(), empty);
  EXPECT_EQ(store->last_seq(), 50);
}

/// Assertions of one second end in one second. By their random keys each would change another page of that index.
TEST_F(Growth, OneTimeValuesOfOneSecondLieInTheOrderTheyCameIn) {
  const auto store = open();
  for (int i = 0; i < 200; ++i) {
    EXPECT_TRUE(get(store->claim_once(kClinic, "x", handle(), kStart + 300s)));
    clock_.advance(1ms);
  }
  Intruder reader(path_);
  EXPECT_EQ(reader.value("SELECT count(DISTINCT expires) FROM replay"), "200");
  EXPECT_EQ(reader.value("SELECT max(expires) - min(expires) FROM replay"), "199000");
  EXPECT_EQ(reader.value("SELECT min(expires) FROM replay"), std::to_string(to_micros(kStart + 300s)))
      << "never kept for less than was asked for";
}

TEST_F(Growth, SweepingFindsWhatHasExpiredByAnIndexAndNeverByLookingAtEverything) {
  const auto store = open();
  Intruder reader(path_);
  for (const auto* table : {"replay", "codes", "pushed_requests", "interactions", "launches", "sessions", "consents",
                            "changes", "grants"}) {
    // An error when the index can't answer it.
    reader.run(std::string("SELECT 1 FROM ") + table + " INDEXED BY " + table + "_expires WHERE expires <= 5 LIMIT 5");
  }
}

TEST_F(Growth, PagesThatAreFreeAreUsedAgain) {
  const auto store = open();
  const auto fill = [&](Instant expires) {
    for (int round = 0; round < 4; ++round) {
      together(8, [&](int thread) {
        for (int i = 0; i < 250; ++i) {
          const auto name = std::to_string(to_seconds(expires)) + " " + std::to_string(round) + " " +
                            std::to_string(thread) + " " + std::to_string(i);
          EXPECT_TRUE(run_sync(store->claim_once(kClinic, "x", crypto::sha256(name), expires)));
        }
      });
    }
  };
  fill(kStart + 300s);
  Intruder reader(path_);
  const auto pages = std::stoll(reader.value("PRAGMA page_count"));
  for (int life = 1; life <= 3; ++life) {
    while (get(store->sweep(kStart + life * 300s, 500)) > 0) {
    }
    fill(kStart + (life + 1) * 300s);
  }
  EXPECT_LE(std::stoll(reader.value("PRAGMA page_count")), pages + pages / 5);
}

TEST_F(Growth, TheLogStaysShortWhileClaimsComeAndGo) {
  const auto store = open();
  std::uintmax_t longest = 0;
  for (int round = 0; round < 12; ++round) {
    const Instant expires = kStart + (round + 1) * 300s;
    together(8, [&](int thread) {
      for (int i = 0; i < 250; ++i) {
        const auto name = std::to_string(round) + " " + std::to_string(thread) + " " + std::to_string(i);
        EXPECT_TRUE(run_sync(store->claim_once(kClinic, "x", crypto::sha256(name), expires)));
      }
    });
    get(store->sweep(expires, 4000));
    longest = std::max(longest, std::filesystem::file_size(path_ + "-wal"));
  }
  // 16,000 pages, and what one batch adds.
  EXPECT_LE(longest, (limits::kWalPagesMax + 4 * limits::kCommitBatchMax) * 4200);
}

}  // namespace
}  // namespace mitral::contract
