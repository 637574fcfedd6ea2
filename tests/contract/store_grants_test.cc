#include <algorithm>

#include "contract/store_contract.h"

namespace mitral::contract {
namespace {

class GrantContract : public StoreContract {
 protected:
  ports::GrantStore::Rotated rotate(const Id128& id, std::uint32_t presented, Instant now, Duration window = 0s,
                                    bool move = true, Issuer issuer = kClinic) {
    return get(store_->rotate_once(
        issuer, {.grant = id, .presented = presented, .rotate = move, .retry_window = window, .expires = now + 24h},
        {event(model::AuditKind::token_refreshed)}, {event(model::AuditKind::reuse_detected)}, now));
  }
  bool alive(const Id128& id) {
    const auto found = get(store_->find_grant(kClinic, id));
    return found && !found->revoked;
  }
};
MITRAL_STORE_CONTRACT(GrantContract);

TEST_P(GrantContract, RotationMovesForwardByOne) {
  const auto made = stored_grant();
  for (std::uint32_t i = 0; i < 3; ++i) {
    const auto moved = rotate(made.id, i, kStart + std::chrono::seconds(i));
    EXPECT_EQ(moved.outcome, RotationOutcome::rotated);
    EXPECT_EQ(moved.generation, i + 1);
  }
  const auto row = get(store_->find_family(kClinic, made.id));
  ASSERT_TRUE(row);
  EXPECT_EQ(row->generation, 3U);
  EXPECT_EQ(row->rotated, kStart + 2s);
  EXPECT_EQ(row->expires, kStart + 2s + 24h);
  EXPECT_EQ(row->client, made.client);
  EXPECT_EQ(audited(), (std::vector(3, model::AuditKind::token_refreshed)));
}

TEST_P(GrantContract, Rfc9700_4_14_2_AnOldTokenRevokesEverything) {
  const auto made = stored_grant();
  rotate(made.id, 0, kStart);
  const auto reuse = rotate(made.id, 0, kStart + 1s);
  EXPECT_EQ(reuse.outcome, RotationOutcome::reused);
  EXPECT_FALSE(alive(made.id));
  EXPECT_EQ(get(store_->find_family(kClinic, made.id))->revoked, kStart + 1s);
  EXPECT_EQ(rotate(made.id, 1, kStart + 2s).outcome, RotationOutcome::dead) << "the good token is dead too";
  EXPECT_EQ(audited(), (std::vector{model::AuditKind::token_refreshed, model::AuditKind::reuse_detected}));
  const auto lines = changes();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].kind, model::ChangeKind::grant_revoked);
}

TEST_P(GrantContract, ARetryInsideTheWindowGetsTheSameAnswer) {
  const auto made = stored_grant();
  rotate(made.id, 0, kStart);
  const auto retry = rotate(made.id, 0, kStart + 59s, 60s);
  EXPECT_EQ(retry.outcome, RotationOutcome::retried);
  EXPECT_EQ(retry.generation, 1U);
  EXPECT_EQ(rotate(made.id, 0, kStart + 60s, 60s).outcome, RotationOutcome::reused) << "the window has an end";
}

TEST_P(GrantContract, TheWindowIsForTheLastGenerationOnly) {
  const auto made = stored_grant();
  rotate(made.id, 0, kStart);
  rotate(made.id, 1, kStart);
  EXPECT_EQ(rotate(made.id, 0, kStart, 60s).outcome, RotationOutcome::reused);
}

TEST_P(GrantContract, ASenderBoundClientKeepsItsToken) {
  const auto made = stored_grant();
  const auto kept = rotate(made.id, 0, kStart + 5s, 0s, false);
  EXPECT_EQ(kept.outcome, RotationOutcome::rotated);
  EXPECT_EQ(kept.generation, 0U);
  EXPECT_EQ(get(store_->find_family(kClinic, made.id))->expires, kStart + 5s + 24h);
  EXPECT_EQ(rotate(made.id, 0, kStart + 6s, 0s, false).outcome, RotationOutcome::rotated);
}

TEST_P(GrantContract, DeadIsDead) {
  const auto made = stored_grant();
  EXPECT_EQ(rotate(id(), 0, kStart).outcome, RotationOutcome::dead) << "unknown";
  EXPECT_EQ(rotate(made.id, 0, kStart, 0s, true, kOther).outcome, RotationOutcome::dead) << "another issuer";
  EXPECT_EQ(rotate(made.id, 7, kStart).outcome, RotationOutcome::dead) << "a generation never given out";
  EXPECT_TRUE(alive(made.id));
  EXPECT_EQ(rotate(made.id, 0, kStart + 24h * 100).outcome, RotationOutcome::dead) << "family expired";
  const auto brief = stored_grant([](model::Grant& grant) { grant.expires = kStart + 10s; });
  EXPECT_EQ(rotate(brief.id, 0, kStart + 10s).outcome, RotationOutcome::dead) << "grant expired";
  const auto once = stored_code();
  const auto bare = grant();
  EXPECT_EQ(get(store_->redeem_code_once(kClinic, once.handle, bare, std::nullopt, {}, {}, kStart)), Claim::won);
  EXPECT_FALSE(get(store_->find_family(kClinic, bare.id)));
  EXPECT_EQ(rotate(bare.id, 0, kStart).outcome, RotationOutcome::dead) << "no family";
  EXPECT_TRUE(audited().empty()) << "nothing happened, nothing is told";
}

TEST_P(GrantContract, RevokeGrantIsSeenAtOnceAndTold) {
  const auto made = stored_grant();
  EXPECT_TRUE(alive(made.id));
  get(store_->revoke_grant(kClinic, made.id, {event(model::AuditKind::revocation)}, kStart + 1s));
  EXPECT_EQ(get(store_->find_grant(kClinic, made.id))->revoked, kStart + 1s);
  EXPECT_EQ(rotate(made.id, 0, kStart + 2s).outcome, RotationOutcome::dead);
  const auto lines = changes();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].kind, model::ChangeKind::grant_revoked);
  EXPECT_EQ(lines[0].subject, made.id.text());
  EXPECT_EQ(lines[0].at, kStart + 1s);
  EXPECT_GE(lines[0].expires, kStart + 1s + limits::kAccessTokenLifetimeMax);
  EXPECT_EQ(store_->latest_change(), lines[0].seq);
  // Again, unknown, or of another issuer: succeeds and tells nothing new.
  get(store_->revoke_grant(kClinic, made.id, {}, kStart + 5s));
  get(store_->revoke_grant(kClinic, id(), {}, kStart));
  const auto other = stored_grant();
  get(store_->revoke_grant(kOther, other.id, {}, kStart));
  EXPECT_TRUE(alive(other.id));
  EXPECT_EQ(changes().size(), 1U);
  EXPECT_EQ(get(store_->find_grant(kClinic, made.id))->revoked, kStart + 1s);
}

TEST_P(GrantContract, RevokeTokenIsForThatTokenAndIssuer) {
  const auto token = id();
  EXPECT_FALSE(store_->is_revoked(kClinic, token, "c_app", "u_ada", kStart));
  get(store_->revoke_token(kClinic, token, kStart + 300s, {event(model::AuditKind::revocation)}, kStart));
  EXPECT_TRUE(store_->is_revoked(kClinic, token, "c_app", "u_ada", kStart));
  EXPECT_FALSE(store_->is_revoked(kOther, token, "c_app", "u_ada", kStart));
  EXPECT_FALSE(store_->is_revoked(kClinic, id(), "c_app", "u_ada", kStart));
  const auto lines = changes();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].kind, model::ChangeKind::token_revoked);
  EXPECT_EQ(lines[0].subject, token.text());
  // Kept for as long as anybody could take the token, and not longer.
  get(store_->sweep(kStart + 300s, 100));
  EXPECT_TRUE(store_->is_revoked(kClinic, token, "c_app", "u_ada", kStart));
  get(store_->sweep(kStart + 300s + limits::kClockSkew, 100));
  EXPECT_FALSE(store_->is_revoked(kClinic, token, "c_app", "u_ada", kStart));
  // Dead already: nothing to tell.
  get(store_->revoke_token(kClinic, id(), kStart - 1h, {}, kStart));
  EXPECT_TRUE(changes().empty());
}

TEST_P(GrantContract, RevokeClientKillsEverythingUpToNow) {
  const auto made = stored_grant();
  const auto other = stored_grant([](model::Grant&) {});
  get(store_->put_client(client(), event(model::AuditKind::administration)));
  get(store_->revoke_client(kClinic, ClientId("c_app"), {event(model::AuditKind::revocation)}, kStart + 1s));
  EXPECT_FALSE(alive(made.id));
  EXPECT_FALSE(alive(other.id));
  EXPECT_EQ(rotate(made.id, 0, kStart + 2s).outcome, RotationOutcome::dead);
  EXPECT_TRUE(get(store_->find_family(kClinic, made.id))->revoked);
  EXPECT_TRUE(store_->is_revoked(kClinic, id(), "c_app", "", kStart + 1s));
  EXPECT_FALSE(store_->is_revoked(kClinic, id(), "c_app", "", kStart + 1s + 1us));
  EXPECT_FALSE(store_->is_revoked(kClinic, id(), "c_other", "", kStart));
  EXPECT_FALSE(store_->is_revoked(kOther, id(), "c_app", "", kStart));
  EXPECT_EQ(store_->directory()->client(kClinic, "c_app")->tokens_valid_from, kStart + 1s);
  const auto lines = changes();
  EXPECT_TRUE(std::ranges::any_of(lines, [](const auto& line) {
    return line.kind == model::ChangeKind::client_revoked && line.subject == "c_app" && line.at == kStart + 1s;
  }));
}

TEST_P(GrantContract, RevokeUserKillsGrantsAndSessions) {
  get(store_->put_user(user(), {}));
  const auto made = stored_grant();
  const auto here = session();
  get(store_->put_session(here, std::nullopt, {}));
  EXPECT_TRUE(get(store_->find_session(kClinic, here.id_hash, kStart)));
  get(store_->revoke_user(kClinic, UserId("u_ada"), {event(model::AuditKind::revocation)}, kStart + 1s));
  EXPECT_FALSE(alive(made.id));
  EXPECT_FALSE(get(store_->find_session(kClinic, here.id_hash, kStart + 1s)));
  EXPECT_TRUE(store_->is_revoked(kClinic, id(), "c_x", "u_ada", kStart));
  EXPECT_GE(get(store_->find_user(kClinic, UserId("u_ada")))->tokens_valid_from, kStart + 1s);
  const auto all = get(store_->grants_of_user(kClinic, UserId("u_ada"), 10));
  ASSERT_EQ(all.size(), 1U);
  EXPECT_TRUE(all[0].revoked);
  // A later session is good again.
  auto later = session();
  later.created = kStart + 2s;
  get(store_->put_session(later, std::nullopt, {}));
  EXPECT_TRUE(get(store_->find_session(kClinic, later.id_hash, kStart + 2s)));
}

TEST_P(GrantContract, GrantsOfAUserNewestFirstAndBounded) {
  std::vector<Id128> ids;
  for (int i = 0; i < 5; ++i) {
    ids.push_back(stored_grant([&](model::Grant& grant) { grant.created = kStart + std::chrono::seconds(i); }).id);
  }
  const auto some = get(store_->grants_of_user(kClinic, UserId("u_ada"), 3));
  ASSERT_EQ(some.size(), 3U);
  EXPECT_EQ(some[0].id, ids[4]);
  EXPECT_EQ(some[2].id, ids[2]);
  EXPECT_TRUE(get(store_->grants_of_user(kOther, UserId("u_ada"), 3)).empty());
  EXPECT_TRUE(get(store_->grants_of_user(kClinic, UserId("u_bob"), 3)).empty());
}

TEST_P(GrantContract, TheFeedIsInOrderPagedAndTold) {
  std::atomic<int> told{0};
  store_->on_change([&] { ++told; });
  std::vector<std::string> subjects;
  for (int i = 0; i < 5; ++i) {
    const auto made = stored_grant();
    get(store_->revoke_grant(kClinic, made.id, {}, kStart));
    subjects.push_back(made.id.text());
  }
  EXPECT_GE(told, 1);
  const auto first = get(store_->changes_after(0, 2));
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[0].subject, subjects[0]);
  const auto rest = get(store_->changes_after(first[1].seq, 100));
  ASSERT_EQ(rest.size(), 3U);
  EXPECT_EQ(rest[2].subject, subjects[4]);
  EXPECT_LT(rest[0].seq, rest[1].seq);
  EXPECT_EQ(store_->latest_change(), rest[2].seq);
  EXPECT_TRUE(get(store_->changes_after(rest[2].seq, 100)).empty());
  // Swept lines don't lower the counter.
  get(store_->sweep(kStart + limits::kChangeLifetime, 100));
  EXPECT_TRUE(changes().empty());
  EXPECT_EQ(store_->latest_change(), rest[2].seq);
  const auto made = stored_grant();
  get(store_->revoke_grant(kClinic, made.id, {}, kStart));
  EXPECT_GT(store_->latest_change(), rest[2].seq);
}

TEST_P(GrantContract, ExpiredGrantsAreSweptInSmallBatches) {
  for (int i = 0; i < 5; ++i) stored_grant([](model::Grant& grant) { grant.expires = kStart + 10s; });
  get(store_->sweep(kStart + limits::kCodeReuseMemory + 30s, 5));  // the codes
  EXPECT_EQ(get(store_->sweep(kStart + 10s, 2)), 2U);
  EXPECT_EQ(get(store_->grants_of_user(kClinic, UserId("u_ada"), 10)).size(), 3U);
  EXPECT_EQ(get(store_->sweep(kStart + 10s, 100)), 3U);
  EXPECT_EQ(get(store_->sweep(kStart + 10s, 100)), 0U);
}

}  // namespace
}  // namespace mitral::contract
