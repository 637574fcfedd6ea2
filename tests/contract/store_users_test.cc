#include "contract/store_contract.h"

namespace mitral::contract {
namespace {

class UserContract : public StoreContract {};
MITRAL_STORE_CONTRACT(UserContract);

TEST_P(UserContract, UserComesBackWhole) {
  const auto one = user();
  get(store_->put_user(one, {event(model::AuditKind::administration)}));
  for (const auto& found : {get(store_->find_user(kClinic, one.id)), get(store_->find_user_by_name(kClinic, "ada"))}) {
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, one.id);
    EXPECT_EQ(found->display_name, one.display_name);
    EXPECT_EQ(found->email, one.email);
    EXPECT_EQ(found->password_phc, one.password_phc);
    EXPECT_TRUE(found->enabled);
    EXPECT_EQ(found->fhir_user, one.fhir_user);
    EXPECT_EQ(found->roles, one.roles);
    ASSERT_EQ(found->patients.size(), 2U);
    EXPECT_EQ(found->patients[1].relationship, "child");
    EXPECT_EQ(found->created, one.created);
  }
  EXPECT_FALSE(get(store_->find_user(kOther, one.id)));
  EXPECT_FALSE(get(store_->find_user_by_name(kOther, "ada")));
  EXPECT_FALSE(get(store_->find_user_by_name(kClinic, "bob")));
  EXPECT_EQ(audited(), std::vector{model::AuditKind::administration});
  const auto lines = changes();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].kind, model::ChangeKind::user_changed);
}

TEST_P(UserContract, AUsernameBelongsToOneUserOfAnIssuer) {
  get(store_->put_user(user("ada"), {}));
  auto thief = user("bob");
  thief.username = "ada";
  EXPECT_EQ(error_of(store_->put_user(thief, {event()})), ErrorCode::conflict);
  EXPECT_FALSE(get(store_->find_user(kClinic, thief.id)));
  EXPECT_TRUE(audited().empty());
  thief.issuer = kOther;
  get(store_->put_user(thief, {}));
  EXPECT_EQ(get(store_->find_user_by_name(kClinic, "ada"))->id, UserId("u_ada"));
  EXPECT_EQ(get(store_->find_user_by_name(kOther, "ada"))->id, UserId("u_bob"));
  const auto all = get(store_->list_users(kClinic, 10));
  ASSERT_EQ(all.size(), 1U);
}

TEST_P(UserContract, UsersAreListedByNameAndBounded) {
  for (const auto* name : {"cleo", "ada", "bob"}) get(store_->put_user(user(name), {}));
  const auto some = get(store_->list_users(kClinic, 2));
  ASSERT_EQ(some.size(), 2U);
  EXPECT_EQ(some[0].username, "ada");
  EXPECT_EQ(some[1].username, "bob");
}

TEST_P(UserContract, MovingTokensValidFromRevokesWhatWasBefore) {
  auto one = user();
  one.tokens_valid_from = kStart;
  get(store_->put_user(one, {}));
  const auto early = stored_grant();
  EXPECT_FALSE(get(store_->find_grant(kClinic, early.id))->revoked) << "made in the very instant: good";
  one.tokens_valid_from = kStart + 10s;
  get(store_->put_user(one, {}));
  EXPECT_TRUE(get(store_->find_grant(kClinic, early.id))->revoked);
  EXPECT_TRUE(store_->is_revoked(kClinic, id(), "c_app", "u_ada", kStart + 10s - 1us));
  EXPECT_FALSE(store_->is_revoked(kClinic, id(), "c_app", "u_ada", kStart + 10s));
}

TEST_P(UserContract, SessionComesBackWholeWhileItIsAlive) {
  get(store_->put_user(user(), {}));
  const auto here = session();
  get(store_->put_session(here, std::nullopt, {event(model::AuditKind::sign_in)}));
  const auto found = get(store_->find_session(kClinic, here.id_hash, kStart));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->user, here.user);
  EXPECT_EQ(found->sid, here.sid);
  EXPECT_EQ(found->amr, here.amr);
  EXPECT_EQ(found->auth_time, here.auth_time);
  EXPECT_EQ(found->created, here.created);
  EXPECT_EQ(found->expires, here.expires);
  EXPECT_FALSE(get(store_->find_session(kOther, here.id_hash, kStart)));
  EXPECT_FALSE(get(store_->find_session(kClinic, here.id_hash, here.expires)));
  get(store_->touch_session(kClinic, here.id_hash, kStart + 60s));
  EXPECT_EQ(get(store_->find_session(kClinic, here.id_hash, kStart))->last_seen, kStart + 60s);
  get(store_->touch_session(kClinic, here.id_hash, kStart + 30s));
  get(store_->touch_session(kOther, here.id_hash, kStart + 90s));
  EXPECT_EQ(get(store_->find_session(kClinic, here.id_hash, kStart))->last_seen, kStart + 60s) << "never backwards";
}

TEST_P(UserContract, WhoIsSignedInIsOneLook) {
  const auto one = user();
  get(store_->put_user(one, {}));
  const auto here = session();
  get(store_->put_session(here, std::nullopt, {}));
  const ClientId app("c_app");
  const auto before = store_->counters().reads;
  auto found = get(store_->find_signed_in(kClinic, here.id_hash, app, kStart));
  EXPECT_EQ(store_->counters().reads - before, 1U);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->session.sid, here.sid);
  EXPECT_EQ(found->session.amr, here.amr);
  EXPECT_EQ(found->session.created, here.created);
  EXPECT_EQ(found->session.id_hash, here.id_hash);
  EXPECT_EQ(found->user.id, one.id);
  EXPECT_EQ(found->user.username, one.username);
  EXPECT_FALSE(found->consent) << "nothing was agreed to";

  const auto agreed = consent();
  get(store_->complete_authorization(kClinic, {{}, {}, {}, code(), agreed}, {}, kStart));
  found = get(store_->find_signed_in(kClinic, here.id_hash, app, kStart));
  ASSERT_TRUE(found && found->consent);
  EXPECT_EQ(found->consent->user, agreed.user);
  EXPECT_EQ(found->consent->client, agreed.client);
  EXPECT_EQ(found->consent->scopes, agreed.scopes);
  EXPECT_EQ(found->consent->declined, agreed.declined);
  EXPECT_EQ(found->consent->expires, agreed.expires);
  EXPECT_FALSE(get(store_->find_signed_in(kClinic, here.id_hash, std::nullopt, kStart))->consent);
  EXPECT_FALSE(get(store_->find_signed_in(kClinic, here.id_hash, ClientId("c_other"), kStart))->consent);
  EXPECT_FALSE(get(store_->find_signed_in(kOther, here.id_hash, app, kStart)));
  EXPECT_FALSE(get(store_->find_signed_in(kClinic, here.id_hash, app, here.expires)));
}

TEST_P(UserContract, AConsentThatHasExpiredIsNotFoundWithTheSession) {
  get(store_->put_user(user(), {}));
  auto here = session();
  here.expires = kStart + 24h * 365;
  get(store_->put_session(here, std::nullopt, {}));
  const auto agreed = consent();
  get(store_->complete_authorization(kClinic, {{}, {}, {}, code(), agreed}, {}, kStart));
  const auto found = get(store_->find_signed_in(kClinic, here.id_hash, agreed.client, agreed.expires));
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->consent);
}

TEST_P(UserContract, NobodyIsSignedInWithADeadSession) {
  auto one = user();
  get(store_->put_user(one, {}));
  const auto ended = session();
  const auto disabled = session();
  get(store_->put_session(ended, std::nullopt, {}));
  get(store_->put_session(disabled, std::nullopt, {}));
  get(store_->end_session(kClinic, ended.id_hash, {event()}, kStart));
  EXPECT_FALSE(get(store_->find_signed_in(kClinic, ended.id_hash, ClientId("c_app"), kStart)));
  EXPECT_TRUE(get(store_->find_signed_in(kClinic, disabled.id_hash, ClientId("c_app"), kStart)));
  one.enabled = false;
  get(store_->put_user(one, {}));
  EXPECT_FALSE(get(store_->find_signed_in(kClinic, disabled.id_hash, ClientId("c_app"), kStart)));
  one.enabled = true;
  get(store_->put_user(one, {}));
  const auto late = session();
  get(store_->put_session(late, std::nullopt, {}));
  get(store_->revoke_user(kClinic, one.id, {event()}, kStart + 1s));
  EXPECT_FALSE(get(store_->find_signed_in(kClinic, late.id_hash, ClientId("c_app"), kStart + 1s)));
}

TEST_P(UserContract, ASessionDiesWithItsUser) {
  const auto orphan = session();
  get(store_->put_session(orphan, std::nullopt, {}));
  EXPECT_FALSE(get(store_->find_session(kClinic, orphan.id_hash, kStart))) << "no such user";
  auto one = user();
  get(store_->put_user(one, {}));
  const auto here = session();
  get(store_->put_session(here, std::nullopt, {}));
  one.enabled = false;
  get(store_->put_user(one, {}));
  EXPECT_FALSE(get(store_->find_session(kClinic, here.id_hash, kStart)));
}

TEST_P(UserContract, SigningInReplacesTheSession) {
  get(store_->put_user(user(), {}));
  const auto before = session();
  const auto after = session();
  get(store_->put_session(before, std::nullopt, {}));
  get(store_->put_session(after, before.id_hash, {}));
  EXPECT_FALSE(get(store_->find_session(kClinic, before.id_hash, kStart)));
  EXPECT_TRUE(get(store_->find_session(kClinic, after.id_hash, kStart)));
  // A session id can't be put a second time, nor take away another issuer's session.
  EXPECT_EQ(error_of(store_->put_session(after, std::nullopt, {})), ErrorCode::conflict);
  auto foreign = session();
  foreign.issuer = kOther;
  get(store_->put_session(foreign, after.id_hash, {}));
  EXPECT_TRUE(get(store_->find_session(kClinic, after.id_hash, kStart)));
}

TEST_P(UserContract, EndingASessionRevokesItsOnlineGrants) {
  get(store_->put_user(user(), {}));
  const auto here = session();
  get(store_->put_session(here, std::nullopt, {}));
  const auto online = stored_grant([&](model::Grant& grant) {
    grant.sid = here.sid;
    grant.offline = false;
  });
  const auto offline = stored_grant([&](model::Grant& grant) { grant.sid = here.sid; });
  const auto elsewhere = stored_grant([&](model::Grant& grant) { grant.offline = false; });
  get(store_->end_session(kOther, here.id_hash, {}, kStart));
  EXPECT_TRUE(get(store_->find_session(kClinic, here.id_hash, kStart)));
  get(store_->end_session(kClinic, here.id_hash, {event(model::AuditKind::sign_out)}, kStart + 1s));
  EXPECT_FALSE(get(store_->find_session(kClinic, here.id_hash, kStart + 1s)));
  EXPECT_EQ(get(store_->find_grant(kClinic, online.id))->revoked, kStart + 1s);
  EXPECT_FALSE(get(store_->find_grant(kClinic, offline.id))->revoked);
  EXPECT_FALSE(get(store_->find_grant(kClinic, elsewhere.id))->revoked);
  const auto lines = changes(store_->latest_change() - 2);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].subject, online.id.text());
  EXPECT_EQ(lines[1].kind, model::ChangeKind::session_ended);
  EXPECT_EQ(lines[1].subject, here.sid.text());
  get(store_->end_session(kClinic, here.id_hash, {}, kStart + 2s));  // again: nothing
  EXPECT_EQ(store_->latest_change(), lines[1].seq);
}

}  // namespace
}  // namespace mitral::contract
