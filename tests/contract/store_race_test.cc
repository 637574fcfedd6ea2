// Races with real threads: of any number of concurrent calls exactly one wins.
#include "contract/store_contract.h"

namespace mitral::contract {
namespace {

constexpr int kThreads = 64;

class RaceContract : public StoreContract {};
MITRAL_STORE_CONTRACT(RaceContract);

TEST_P(RaceContract, OfManyRedemptionsOneWinsAndTheLosersRevoke) {
  for (int round = 0; round < 4; ++round) {
    const auto one = stored_code();
    std::vector<model::Grant> grants;
    for (int i = 0; i < kThreads; ++i) grants.push_back(grant());
    std::atomic<int> won{0};
    std::atomic<int> lost{0};
    std::atomic<int> winner{-1};
    together(kThreads, [&](int i) {
      const auto& mine = grants[static_cast<std::size_t>(i)];
      const auto outcome = run_sync(store_->redeem_code_once(kClinic, one.handle, mine, family(mine), {event()},
                                                             {event(model::AuditKind::reuse_detected)}, kStart));
      ASSERT_TRUE(outcome);
      if (*outcome == Claim::won) {
        ++won;
        winner = i;
      } else if (*outcome == Claim::lost) {
        ++lost;
      }
    });
    EXPECT_EQ(won, 1);
    EXPECT_EQ(lost, kThreads - 1);
    for (int i = 0; i < kThreads; ++i) {
      const auto found = get(store_->find_grant(kClinic, grants[static_cast<std::size_t>(i)].id));
      EXPECT_EQ(found.has_value(), i == winner);
      if (found) {
        EXPECT_TRUE(found->revoked) << "RFC 6749 §4.1.2";
      }
    }
  }
}

TEST_P(RaceContract, OfManyRotationsOneMovesAndTheOthersAreReuse) {
  for (int round = 0; round < 4; ++round) {
    const auto made = stored_grant();
    std::atomic<int> rotated{0};
    std::atomic<int> reused{0};
    std::atomic<int> dead{0};
    together(kThreads, [&](int) {
      const auto outcome = run_sync(store_->rotate_once(
          kClinic, {.grant = made.id, .presented = 0, .rotate = true, .retry_window = {}, .expires = kStart + 24h},
          {event()}, {event(model::AuditKind::reuse_detected)}, kStart));
      ASSERT_TRUE(outcome);
      switch (outcome->outcome) {
        case RotationOutcome::rotated: ++rotated; break;
        case RotationOutcome::reused: ++reused; break;
        case RotationOutcome::dead: ++dead; break;
        case RotationOutcome::retried: FAIL() << "no window was given";
      }
    });
    EXPECT_EQ(rotated, 1);
    EXPECT_EQ(reused, 1);
    EXPECT_EQ(dead, kThreads - 2);
    EXPECT_TRUE(get(store_->find_grant(kClinic, made.id))->revoked);
  }
}

TEST_P(RaceContract, RetriesInsideTheWindowAllGetOneGeneration) {
  const auto made = stored_grant();
  together(kThreads, [&](int) {
    const auto outcome = run_sync(store_->rotate_once(
        kClinic, {.grant = made.id, .presented = 0, .rotate = true, .retry_window = 60s, .expires = kStart + 24h}, {},
        {}, kStart));
    ASSERT_TRUE(outcome);
    EXPECT_TRUE(outcome->outcome == RotationOutcome::rotated || outcome->outcome == RotationOutcome::retried);
    EXPECT_EQ(outcome->generation, 1U);
  });
  EXPECT_EQ(get(store_->find_family(kClinic, made.id))->generation, 1U);
}

TEST_P(RaceContract, OfManyClaimsOneWins) {
  for (int round = 0; round < 4; ++round) {
    const auto value = handle();
    std::atomic<int> won{0};
    together(kThreads, [&](int) {
      const auto claimed = run_sync(store_->claim_once(kClinic, "dpop", value, kStart + 60s));
      ASSERT_TRUE(claimed);
      if (*claimed) ++won;
    });
    EXPECT_EQ(won, 1);
  }
}

TEST_P(RaceContract, OfManyCompletionsOneMakesACode) {
  for (int round = 0; round < 4; ++round) {
    const auto visit = interaction();
    const auto request = pushed();
    const auto ticket = launch();
    get(store_->put_interaction(visit));
    get(store_->put_pushed_request(request));
    get(store_->put_launch(ticket, {}));
    std::vector<model::AuthorizationCode> codes;
    for (int i = 0; i < kThreads; ++i) codes.push_back(code());
    std::atomic<int> won{0};
    together(kThreads, [&](int i) {
      const auto outcome = run_sync(store_->complete_authorization(
          kClinic, {visit.handle, request.handle, ticket.handle, codes[static_cast<std::size_t>(i)], consent()},
          {event()}, kStart));
      ASSERT_TRUE(outcome);
      if (*outcome == Claim::won) ++won;
    });
    EXPECT_EQ(won, 1);
    int found = 0;
    for (const auto& one : codes) found += get(store_->find_code(kClinic, one.handle, kStart)) ? 1 : 0;
    EXPECT_EQ(found, 1);
    EXPECT_EQ(store_->last_seq(), round + 1);
  }
}

TEST_P(RaceContract, OfManyNodesOneMakesTheKey) {
  std::atomic<int> won{0};
  together(kThreads, [&](int i) {
    model::SigningKeyRecord key{.issuer = kClinic,
                                .kid = "k" + std::to_string(i),
                                .alg = "ES256",
                                .purpose = "token",
                                .wrapped_private = "w",
                                .public_jwk = "{}",
                                .published = kStart,
                                .active_from = kStart,
                                .retired_from = kStart + 1h,
                                .removed_from = kStart + 2h,
                                .revoked = false};
    const auto outcome = run_sync(store_->add_key_once(key, kStart, {}));
    ASSERT_TRUE(outcome);
    if (*outcome == Claim::won) ++won;
  });
  EXPECT_EQ(won, 1);
  EXPECT_EQ(get(store_->keys(kClinic)).size(), 1U);
}

/// Readers fill the cache while revocations come in: once revoke_grant has returned, nobody may see the grant alive
/// again.
TEST_P(RaceContract, ARevokedGrantIsNeverSeenAliveAgain) {
  std::vector<model::Grant> grants;
  for (int i = 0; i < 32; ++i) grants.push_back(stored_grant());
  std::vector<std::atomic<bool>> revoked(grants.size());
  std::atomic<bool> done{false};
  std::atomic<int> ghosts{0};
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 4; ++reader) {
    readers.emplace_back([&] {
      while (!done) {
        for (std::size_t i = 0; i < grants.size(); ++i) {
          const bool known_dead = revoked[i];
          const auto found = run_sync(store_->find_grant(kClinic, grants[i].id));
          if (known_dead && found && *found && !(*found)->revoked) ++ghosts;
        }
      }
    });
  }
  for (std::size_t i = 0; i < grants.size(); ++i) {
    EXPECT_TRUE(run_sync(store_->revoke_grant(kClinic, grants[i].id, {event()}, kStart)));
    revoked[i] = true;
  }
  done = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(ghosts, 0);
}

}  // namespace
}  // namespace mitral::contract
