// Several nodes on one database: what single use, revocation and the audit chain mean when nobody shares memory.
// SQLite: two processes on one file; PostgreSQL: three on one server. Both are played by several stores.
#include <algorithm>
#include <set>

#include "contract/store_contract.h"

namespace mitral::contract {
namespace {

/// The bound is for a machine that does nothing else; how long it took is measured by the benchmarks.
constexpr auto kGenerous = std::chrono::milliseconds(limits::kRevocationBound) * 5;

template <class F>
bool within(std::chrono::milliseconds limit, F condition) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

class StoreNodes : public testing::TestWithParam<StoreKind>, public Records {
 protected:
  StoreNodes() {
    if (GetParam() == StoreKind::postgres) {
      store::PostgresOptions options;
      options.connect = PostgresServer::shared().fresh();
      for (int i = 0; i < 3; ++i) nodes_.push_back(open_postgres(options, clock_));
    } else {
      store::SqliteOptions options;
      options.path = dir_.file("store.db");
      for (int i = 0; i < 2; ++i) nodes_.push_back(open_sqlite(options, clock_));
    }
  }
  /// Every node reads one whole chain.
  ~StoreNodes() override {
    for (auto& node : nodes_) {
      const auto verdict =
          audit::verify([&](std::int64_t after, std::size_t limit) { return run_sync(node->read(after, limit)); }, {});
      EXPECT_TRUE(verdict && verdict->intact());
    }
  }

  ports::Store& node(int i) { return *nodes_[static_cast<std::size_t>(i) % nodes_.size()]; }
  template <class T>
  static T get(Task<Result<T>> task) {
    auto result = run_sync(std::move(task));
    EXPECT_TRUE(result) << (result ? "" : result.error().detail);
    if constexpr (!std::is_void_v<T>) return result ? std::move(*result) : T{};
  }
  /// Until it is done: a node that finds the database busy for too long is told so, and has done nothing.
  template <class F>
  static auto insist(F act) {
    for (;;) {
      auto result = run_sync(act());
      if (result) return std::move(*result);
      EXPECT_EQ(result.error().code, ErrorCode::unavailable) << result.error().detail;
      std::this_thread::sleep_for(1ms);
    }
  }
  model::AuthorizationCode stored_code(ports::Store& store) {
    auto one = code();
    ports::AuthorizationStore::Completion completion;
    completion.code = one;
    EXPECT_EQ(get(store.complete_authorization(kClinic, std::move(completion), {}, kStart)), Claim::won);
    return one;
  }
  model::Grant stored_grant(ports::Store& store) {
    const auto one = stored_code(store);
    auto made = grant();
    EXPECT_EQ(get(store.redeem_code_once(kClinic, one.handle, made, family(made), {}, {}, kStart)), Claim::won);
    return made;
  }
  bool everywhere(const std::function<bool(ports::Store&)>& holds) {
    return within(kGenerous, [&] { return std::ranges::all_of(nodes_, [&](const auto& one) { return holds(*one); }); });
  }

  ManualClock clock_{kStart};
  TempDir dir_;
  std::vector<std::unique_ptr<ports::Store>> nodes_;
};
INSTANTIATE_TEST_SUITE_P(Adapters, StoreNodes, testing::ValuesIn(servers()), kind_name);

TEST_P(StoreNodes, ACodeMakesOneGrantAndItsReuseEndsItOnAllNodes) {
  for (int round = 0; round < 5; ++round) {
    const auto one = stored_code(node(round));
    std::vector<model::Grant> grants;
    for (int i = 0; i < 12; ++i) grants.push_back(grant());
    std::atomic<int> won{0};
    std::atomic<int> winner{-1};
    together(12, [&](int i) {
      const auto& mine = grants[static_cast<std::size_t>(i)];
      const auto outcome = insist(
          [&] { return node(i).redeem_code_once(kClinic, one.handle, mine, family(mine), {event()}, {}, kStart); });
      if (outcome != Claim::won) return;
      ++won;
      winner = i;
    });
    ASSERT_EQ(won, 1);
    const auto& made = grants[static_cast<std::size_t>(winner.load())];
    EXPECT_TRUE(everywhere([&](ports::Store& store) {
      const auto found = get(store.find_grant(kClinic, made.id));
      return found && found->revoked;
    }));
    for (const auto& other : grants) {
      if (other.id != made.id) EXPECT_FALSE(get(node(round).find_grant(kClinic, other.id)));
    }
  }
}

TEST_P(StoreNodes, ACodeThatANodeRemembersIsStillUsedOnce) {
  const auto one = stored_code(node(0));
  auto made = grant();
  EXPECT_EQ(get(node(1).redeem_code_once(kClinic, one.handle, made, family(made), {}, {}, kStart)), Claim::won);
  EXPECT_TRUE(get(node(0).find_code(kClinic, one.handle, kStart))) << "node 0 made it and may still remember it";
  const auto second = grant();
  EXPECT_EQ(get(node(0).redeem_code_once(kClinic, one.handle, second, family(second), {}, {}, kStart)), Claim::lost);
}

TEST_P(StoreNodes, AFamilyMovesOnceAndAnOldTokenEndsIt) {
  const auto made = stored_grant(node(0));
  const auto rotate = [&](ports::Store& store, std::uint32_t presented, Duration window) {
    return store.rotate_once(
        kClinic,
        {.grant = made.id, .presented = presented, .rotate = true, .retry_window = window, .expires = kStart + 24h}, {},
        {event()}, kStart + 1s);
  };
  std::atomic<int> rotated{0};
  std::atomic<int> retried{0};
  together(12, [&](int i) {
    const auto outcome = insist([&] { return rotate(node(i), 0, 10s); });
    EXPECT_EQ(outcome.generation, 1U);
    if (outcome.outcome == RotationOutcome::rotated) ++rotated;
    if (outcome.outcome == RotationOutcome::retried) ++retried;
  });
  EXPECT_EQ(rotated, 1);
  EXPECT_EQ(retried, 11);
  std::atomic<int> reused{0};
  std::atomic<int> dead{0};
  together(12, [&](int i) {
    const auto outcome = insist([&] { return rotate(node(i), 0, Duration(0)); });
    if (outcome.outcome == RotationOutcome::reused) ++reused;
    if (outcome.outcome == RotationOutcome::dead) ++dead;
  });
  EXPECT_EQ(reused, 1);
  EXPECT_EQ(dead, 11);
  EXPECT_TRUE(
      everywhere([&](ports::Store& store) { return get(store.find_grant(kClinic, made.id))->revoked.has_value(); }));
  EXPECT_EQ(insist([&] { return rotate(node(1), 1, Duration(0)); }).outcome, RotationOutcome::dead);
}

TEST_P(StoreNodes, AProofIsTakenOnce) {
  for (int round = 0; round < 10; ++round) {
    const auto value = handle();
    std::atomic<int> won{0};
    together(12, [&](int i) {
      if (insist([&] { return node(i).claim_once(kClinic, "dpop:c_app", value, kStart + 60s, {event()}); })) ++won;
    });
    EXPECT_EQ(won, 1);
  }
}

TEST_P(StoreNodes, AnInteractionEndsOnce) {
  auto one = interaction();
  get(node(0).put_interaction(one));
  std::vector<model::AuthorizationCode> codes;
  for (int i = 0; i < 12; ++i) codes.push_back(code());
  std::atomic<int> won{0};
  together(12, [&](int i) {
    const auto outcome = insist([&] {
      ports::AuthorizationStore::Completion completion;
      completion.interaction = one.handle;
      completion.code = codes[static_cast<std::size_t>(i)];
      completion.consent = consent();
      return node(i).complete_authorization(kClinic, std::move(completion), {event()}, kStart);
    });
    if (outcome == Claim::won) ++won;
    EXPECT_NE(outcome, Claim::unknown);
  });
  EXPECT_EQ(won, 1);
  int stored = 0;
  for (const auto& each : codes) stored += get(node(1).find_code(kClinic, each.handle, kStart)) ? 1 : 0;
  EXPECT_EQ(stored, 1);
}

TEST_P(StoreNodes, KeysRotateOnceAndNotOncePerNode) {
  const auto key = [](int i) {
    return model::SigningKeyRecord{.issuer = kClinic,
                                   .kid = "k" + std::to_string(i),
                                   .alg = "ES256",
                                   .purpose = "token",
                                   .wrapped_private = "wrapped",
                                   .public_jwk = "{}",
                                   .published = kStart,
                                   .active_from = kStart + 1h,
                                   .retired_from = kStart + 24h,
                                   .removed_from = kStart + 48h,
                                   .revoked = false};
  };
  std::atomic<int> won{0};
  together(12, [&](int i) {
    if (insist([&] { return node(i).add_key_once(key(i), kStart, {event()}); }) == Claim::won) ++won;
  });
  EXPECT_EQ(won, 1);
  for (int i = 0; i < static_cast<int>(nodes_.size()); ++i) EXPECT_EQ(get(node(i).keys(kClinic)).size(), 1U);
}

TEST_P(StoreNodes, ARevocationReachesAllNodes) {
  const auto made = stored_grant(node(0));
  const auto token = id();
  std::atomic<int> told{0};
  for (auto& one : nodes_) {
    one->on_change([&] { ++told; });
    EXPECT_FALSE(get(one->find_grant(kClinic, made.id))->revoked);  // in its cache now
    EXPECT_TRUE(one->current());
  }
  get(node(1).revoke_grant(kClinic, made.id, {event()}, kStart));
  get(node(0).revoke_token(kClinic, token, kStart + 60s, {event()}, kStart));
  get(node(1).revoke_user(kClinic, UserId("u_bo"), {event()}, kStart));
  get(node(0).revoke_client(kClinic, ClientId("c_bad"), {event()}, kStart));
  EXPECT_TRUE(everywhere([&](ports::Store& store) {
    return get(store.find_grant(kClinic, made.id))->revoked && store.is_revoked(kClinic, token, "c_x", "u_x", kStart) &&
           store.is_revoked(kClinic, id(), "c_x", "u_bo", kStart) &&
           store.is_revoked(kClinic, id(), "c_bad", "", kStart);
  }));
  EXPECT_TRUE(everywhere([&](ports::Store& store) { return store.latest_change() == 4; }));
  EXPECT_GE(told, static_cast<int>(nodes_.size()));
  for (auto& one : nodes_) EXPECT_EQ(get(one->changes_after(0, 100)).size(), 4U);
}

TEST_P(StoreNodes, AnActRightAfterSeesWhatAnotherNodeCommitted) {
  // No wait here: what decides is the transaction, not the feed.
  const auto made = stored_grant(node(0));
  const auto ready = stored_code(node(0));
  get(node(1).revoke_client(kClinic, ClientId("c_app"), {event()}, kStart + 1s));
  const auto rotated = get(node(0).rotate_once(
      kClinic, {.grant = made.id, .presented = 0, .rotate = true, .retry_window = {}, .expires = kStart + 24h}, {}, {},
      kStart + 2s));
  EXPECT_EQ(rotated.outcome, RotationOutcome::dead);
  auto late = grant();
  late.created = kStart + 2s;
  EXPECT_EQ(get(node(0).redeem_code_once(kClinic, ready.handle, late, {}, {}, {}, kStart + 2s)), Claim::unknown);
}

TEST_P(StoreNodes, TheDirectoryFollows) {
  get(node(0).put_client(client(), event()));
  get(node(1).put_resource_server(server(), event()));
  EXPECT_TRUE(everywhere([&](ports::Store& store) {
    return store.directory()->client(kClinic, "c_app") != nullptr &&
           store.directory()->by_audience(kClinic, "https://fhir.example/r4") != nullptr;
  }));
  auto changed = client();
  changed.name = "Renamed";
  get(node(1).put_client(changed, event()));
  EXPECT_TRUE(
      everywhere([&](ports::Store& store) { return store.directory()->client(kClinic, "c_app")->name == "Renamed"; }));
  get(node(1).delete_client(kClinic, ClientId("c_app"), event()));
  EXPECT_TRUE(everywhere([&](ports::Store& store) { return store.directory()->client(kClinic, "c_app") == nullptr; }));
}

TEST_P(StoreNodes, AllWriteOneAuditChain) {
  constexpr int kWriters = 9;
  constexpr int kEach = 20;
  together(kWriters, [&](int i) {
    for (int k = 0; k < kEach; ++k) {
      auto one = event();
      one.reason = std::to_string(i) + "/" + std::to_string(k);
      while (!run_sync(node(i).append({one}))) std::this_thread::sleep_for(1ms);
    }
  });
  std::set<std::string> reasons;
  for (const auto& record : get(node(0).read(0, 1000))) reasons.insert(record.event.reason);
  EXPECT_EQ(reasons.size(), static_cast<std::size_t>(kWriters * kEach)) << "what was acknowledged is there";
  EXPECT_EQ(get(node(1).read(0, 1000)).size(), static_cast<std::size_t>(kWriters * kEach)) << "and nothing twice";
}

TEST_P(StoreNodes, OneNodeHoldsALease) {
  std::vector<Id128> holders;
  for (int i = 0; i < 12; ++i) holders.push_back(id());
  const auto take = [&](int i, Instant now) {
    return insist([&] { return node(i).take_lease("sweep", holders[static_cast<std::size_t>(i)], now, now + 10s); });
  };
  std::atomic<int> held{0};
  std::atomic<int> holder{0};
  together(12, [&](int i) {
    if (!take(i, kStart)) return;
    ++held;
    holder = i;
  });
  EXPECT_EQ(held, 1);
  EXPECT_TRUE(take(holder, kStart + 5s)) << "its holder may take it again";
  const int other = (holder + 1) % 12;
  EXPECT_FALSE(take(other, kStart + 14s));
  EXPECT_TRUE(take(other, kStart + 15s)) << "it is over";
  EXPECT_FALSE(take(holder, kStart + 16s));
}

TEST_P(StoreNodes, NodesThatSweepAtOnceDeleteEachRowOnce) {
  for (int i = 0; i < 40; ++i) get(node(i).claim_once(kClinic, "space", handle(), kStart + 1s));
  std::atomic<std::size_t> gone{0};
  together(6, [&](int i) { gone += insist([&] { return node(i).sweep(kStart + 2s, 10); }); });
  EXPECT_LE(gone, 40U);
  for (std::size_t last = 1; last != 0;) {
    last = insist([&] { return node(0).sweep(kStart + 2s, 10); });
    EXPECT_LE(last, 10U);
    gone += last;
  }
  EXPECT_EQ(gone, 40U);
}

TEST_P(StoreNodes, AnEndedSessionIsEndedOnAllNodes) {
  get(node(0).put_user(user(), {}));
  const auto one = session();
  get(node(0).put_session(one, {}, {}));
  EXPECT_TRUE(get(node(1).find_session(kClinic, one.id_hash, kStart)));
  get(node(1).end_session(kClinic, one.id_hash, {event()}, kStart));
  EXPECT_FALSE(get(node(0).find_session(kClinic, one.id_hash, kStart)));
}

TEST_P(StoreNodes, AGrantComesWithItsUserInOneLook) {
  auto one = user();
  get(node(0).put_user(one, {}));
  const auto made = stored_grant(node(0));
  EXPECT_FALSE(get(node(0).find_grant_of_user(kClinic, made.id))->user_read) << "it was used lately";
  EXPECT_TRUE(node(0).known_grant(kClinic, made.id));
  EXPECT_FALSE(node(1).known_grant(kClinic, made.id)) << "it was not read here yet";
  const auto before = node(1).counters().reads;
  const auto first = get(node(1).find_grant_of_user(kClinic, made.id));
  EXPECT_EQ(node(1).counters().reads - before, 1U);
  ASSERT_TRUE(first && first->user_read && first->user);
  EXPECT_EQ(first->grant.id, made.id);
  EXPECT_EQ(first->grant.scopes, made.scopes);
  EXPECT_EQ(first->user->id, made.user);
  EXPECT_TRUE(first->user->enabled);
  EXPECT_FALSE(get(node(1).find_grant_of_user(kClinic, made.id))->user_read);
  EXPECT_TRUE(node(1).known_grant(kClinic, made.id));
  EXPECT_FALSE(node(1).known_grant(kOther, made.id));
  EXPECT_FALSE(get(node(1).find_grant_of_user(kOther, made.id)));
  EXPECT_FALSE(get(node(1).find_grant_of_user(kClinic, id())));
}

TEST_P(StoreNodes, AGrantThatIsReadWithItsUserIsNeverTooGood) {
  auto one = user();
  get(node(0).put_user(one, {}));
  const auto revoked = stored_grant(node(0));
  const auto of_disabled = stored_grant(node(0));
  get(node(0).revoke_grant(kClinic, revoked.id, {event()}, kStart + 1s));
  one.enabled = false;
  get(node(0).put_user(one, {}));
  const auto dead = get(node(1).find_grant_of_user(kClinic, revoked.id));
  ASSERT_TRUE(dead);
  EXPECT_TRUE(dead->grant.revoked);
  const auto found = get(node(1).find_grant_of_user(kClinic, of_disabled.id));
  ASSERT_TRUE(found && found->user_read && found->user);
  EXPECT_FALSE(found->user->enabled);
}

TEST_P(StoreNodes, AGrantOfNobodySaysSo) {
  const auto made = stored_grant(node(0));
  const auto found = get(node(1).find_grant_of_user(kClinic, made.id));
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->user_read);
  EXPECT_FALSE(found->user);
}

}  // namespace
}  // namespace mitral::contract
