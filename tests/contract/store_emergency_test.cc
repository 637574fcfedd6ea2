// Emergency accesses, and what a person's account page needs of her sessions.
#include "contract/store_contract.h"

namespace mitral::contract {
namespace {

class EmergencyContract : public StoreContract {
 protected:
  [[nodiscard]] model::EmergencyAccess access(const std::string& patient = "p1", Instant at = kStart) {
    model::EmergencyAccess out;
    out.id = id();
    out.issuer = kClinic;
    out.client = ClientId("c_app");
    out.client_name = "ER app <b>";
    out.user = UserId("u_dora");
    out.user_name = "Dr. Dora";
    out.fhir_user = "Practitioner/dora";
    out.patient_id = patient;
    out.audience = "https://fhir.example/r4";
    out.scopes = {"patient/*.rs"};
    out.reason = model::EmergencyReason::cannot_consent;
    out.statement = "unconscious after \"a fall\" \xc3\xa9";
    out.address = "192.0.2.1";
    out.at = at;
    out.expires = at + 15min;
    return out;
  }
  /// Stored the only way there is: with a code.
  model::EmergencyAccess stored(model::EmergencyAccess one) {
    ports::AuthorizationStore::Completion completion;
    completion.code = code();
    completion.emergency = one;
    EXPECT_EQ(get(store_->complete_authorization(kClinic, std::move(completion), {}, kStart)), Claim::won);
    return one;
  }
  [[nodiscard]] static model::EmergencyReview review() {
    return {.at = kStart + 1h, .by = "privacy office", .verdict = model::EmergencyVerdict::justified, .note = "seen"};
  }
};
MITRAL_STORE_CONTRACT(EmergencyContract);

TEST_P(EmergencyContract, ComesBackWhole) {
  const auto one = stored(access());
  const auto found = get(store_->find_emergency(kClinic, one.id));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, one.id);
  EXPECT_EQ(found->issuer, kClinic);
  EXPECT_EQ(found->client, one.client);
  EXPECT_EQ(found->client_name, one.client_name);
  EXPECT_EQ(found->user, one.user);
  EXPECT_EQ(found->user_name, one.user_name);
  EXPECT_EQ(found->fhir_user, one.fhir_user);
  EXPECT_EQ(found->patient_id, one.patient_id);
  EXPECT_EQ(found->audience, one.audience);
  EXPECT_EQ(found->scopes, one.scopes);
  EXPECT_EQ(found->reason, one.reason);
  EXPECT_EQ(found->statement, one.statement);
  EXPECT_EQ(found->address, one.address);
  EXPECT_EQ(found->at, one.at);
  EXPECT_EQ(found->expires, one.expires);
  EXPECT_FALSE(found->review);
  EXPECT_FALSE(get(store_->find_emergency(kOther, one.id)));
  EXPECT_FALSE(get(store_->find_emergency(kClinic, id())));
}

TEST_P(EmergencyContract, IsWrittenWithItsCodeOrNotAtAll) {
  const auto first = interaction();
  get(store_->put_interaction(first));
  const auto attempt = [&](const model::EmergencyAccess& one) {
    ports::AuthorizationStore::Completion completion;
    completion.interaction = first.handle;
    completion.code = code();
    completion.emergency = one;
    return get(store_->complete_authorization(kClinic, std::move(completion), {event()}, kStart));
  };
  const auto won = access();
  const auto late = access();
  EXPECT_EQ(attempt(won), Claim::won);
  EXPECT_EQ(attempt(late), Claim::lost);
  EXPECT_TRUE(get(store_->find_emergency(kClinic, won.id)));
  EXPECT_FALSE(get(store_->find_emergency(kClinic, late.id)));
  EXPECT_EQ(audited().size(), 1U);
  // The same id twice is a conflict, and leaves no code.
  const auto again = code();
  ports::AuthorizationStore::Completion completion;
  completion.code = again;
  completion.emergency = won;
  EXPECT_EQ(error_of(store_->complete_authorization(kClinic, std::move(completion), {event()}, kStart)),
            ErrorCode::conflict);
  EXPECT_FALSE(get(store_->find_code(kClinic, again.handle, kStart)));
  EXPECT_EQ(audited().size(), 1U);
}

TEST_P(EmergencyContract, ListsNewestFirstAndWithinBounds) {
  const auto old = stored(access("p1", kStart - 2h));
  const auto mid = stored(access("p2", kStart - 1h));
  const auto young = stored(access("p1", kStart));
  const auto ids = [](const std::vector<model::EmergencyAccess>& list) {
    std::vector<Id128> out;
    for (const auto& one : list) out.push_back(one.id);
    return out;
  };
  EXPECT_EQ(ids(get(store_->emergencies(kClinic, false, 10))), (std::vector{young.id, mid.id, old.id}));
  EXPECT_EQ(ids(get(store_->emergencies(kClinic, false, 2))), (std::vector{young.id, mid.id}));
  EXPECT_EQ(ids(get(store_->emergencies_of_patient(kClinic, "p1", 10))), (std::vector{young.id, old.id}));
  EXPECT_EQ(ids(get(store_->emergencies_of_patient(kClinic, "p1", 1))), (std::vector{young.id}));
  EXPECT_TRUE(get(store_->emergencies_of_patient(kClinic, "p", 10)).empty());
  EXPECT_TRUE(get(store_->emergencies(kOther, false, 10)).empty());
  EXPECT_TRUE(get(store_->emergencies_of_patient(kOther, "p1", 10)).empty());
  EXPECT_EQ(get(store_->review_emergency_once(kClinic, mid.id, review(), {})), Claim::won);
  EXPECT_EQ(ids(get(store_->emergencies(kClinic, true, 10))), (std::vector{young.id, old.id}));
  EXPECT_EQ(get(store_->emergencies(kClinic, false, 10)).size(), 3U);
  get(store_->sweep(kStart + 24h * 400, 1000));
  EXPECT_EQ(get(store_->emergencies(kClinic, false, 10)).size(), 3U);
}

TEST_P(EmergencyContract, IsReviewedOnce) {
  const auto one = stored(access());
  EXPECT_EQ(get(store_->review_emergency_once(kOther, one.id, review(), {event()})), Claim::unknown);
  EXPECT_EQ(get(store_->review_emergency_once(kClinic, id(), review(), {event()})), Claim::unknown);
  EXPECT_EQ(get(store_->review_emergency_once(kClinic, one.id, review(), {event(model::AuditKind::emergency)})),
            Claim::won);
  auto other = review();
  other.verdict = model::EmergencyVerdict::unjustified;
  EXPECT_EQ(get(store_->review_emergency_once(kClinic, one.id, other, {event()})), Claim::lost);
  const auto found = get(store_->find_emergency(kClinic, one.id));
  ASSERT_TRUE(found && found->review);
  EXPECT_EQ(found->review->by, "privacy office");
  EXPECT_EQ(found->review->note, "seen");
  EXPECT_EQ(found->review->verdict, model::EmergencyVerdict::justified);
  EXPECT_EQ(found->review->at, kStart + 1h);
  EXPECT_EQ(found->statement, one.statement);
  EXPECT_EQ(audited(), std::vector{model::AuditKind::emergency});
}

TEST_P(EmergencyContract, OfManyReviewersOneWins) {
  const auto one = stored(access());
  std::atomic<int> won{0};
  together(4, [&](int) {
    const auto claim = run_sync(store_->review_emergency_once(kClinic, one.id, review(), {event()}));
    if (claim && *claim == Claim::won) ++won;
  });
  EXPECT_EQ(won, 1);
  EXPECT_EQ(audited().size(), 1U);
}

TEST_P(EmergencyContract, AGrantKeepsItsPurpose) {
  const auto plain = stored_grant();
  const auto emergency = stored_grant([](model::Grant& grant) { grant.purpose = "ETREAT"; });
  EXPECT_EQ(get(store_->find_grant(kClinic, plain.id))->purpose, "");
  EXPECT_EQ(get(store_->find_grant(kClinic, emergency.id))->purpose, "ETREAT");
  for (const auto& grant : get(store_->grants_of_user(kClinic, UserId("u_ada"), 10)))
    EXPECT_EQ(grant.purpose, grant.id == emergency.id ? "ETREAT" : "");
}

TEST_P(EmergencyContract, EndingAnAppEndsAllThatTheUserGaveIt) {
  const auto first = stored_grant();
  const auto second = stored_grant([](model::Grant& grant) { grant.offline = false; });
  const auto of_bob = stored_grant();
  ports::AuthorizationStore::Completion completion;
  completion.consent = consent();
  EXPECT_EQ(get(store_->complete_authorization(kClinic, std::move(completion), {}, kStart)), Claim::won);
  get(store_->revoke_grants_of(kOther, UserId("u_ada"), ClientId("c_app"), {}, kStart + 1s));
  get(store_->revoke_grants_of(kClinic, UserId("u_bob"), ClientId("c_app"), {}, kStart + 1s));
  get(store_->revoke_grants_of(kClinic, UserId("u_ada"), ClientId("c_other"), {}, kStart + 1s));
  EXPECT_FALSE(get(store_->find_grant(kClinic, first.id))->revoked);
  EXPECT_TRUE(get(store_->find_consent(kClinic, UserId("u_ada"), ClientId("c_app"), kStart)));
  const auto before = store_->latest_change();
  get(store_->revoke_grant(kClinic, of_bob.id, {}, kStart + 1s));
  get(store_->revoke_grants_of(kClinic, UserId("u_ada"), ClientId("c_app"), {event(model::AuditKind::revocation)},
                               kStart + 2s));
  EXPECT_EQ(get(store_->find_grant(kClinic, first.id))->revoked, kStart + 2s);
  EXPECT_EQ(get(store_->find_grant(kClinic, second.id))->revoked, kStart + 2s);
  EXPECT_EQ(get(store_->find_grant(kClinic, of_bob.id))->revoked, kStart + 1s) << "what was revoked before stays so";
  EXPECT_FALSE(get(store_->find_consent(kClinic, UserId("u_ada"), ClientId("c_app"), kStart)));
  EXPECT_EQ(changes(before).size(), 3U);
  EXPECT_EQ(audited(), std::vector{model::AuditKind::revocation});
}

TEST_P(EmergencyContract, EndingAnAppAlsoEndsACodeThatIsOnItsWay) {
  const auto one = stored_code();
  const auto made = grant();
  EXPECT_TRUE(get(store_->find_code(kClinic, one.handle, kStart)));  // as the token endpoint looks, just before
  get(store_->revoke_grants_of(kClinic, one.user, one.request.client, {}, kStart));
  EXPECT_NE(get(store_->redeem_code_once(kClinic, one.handle, made, family(made), {}, {}, kStart)), Claim::won);
  EXPECT_FALSE(get(store_->find_grant(kClinic, made.id)));
}

TEST_P(EmergencyContract, GrantsThatMatterAreListedFirst) {
  const auto offline = stored_grant();
  const auto revoked = stored_grant([](model::Grant& grant) { grant.created = kStart + 3s; });
  get(store_->revoke_grant(kClinic, revoked.id, {}, kStart + 4s));
  const auto online = stored_grant([](model::Grant& grant) {
    grant.offline = false;
    grant.created = kStart + 2s;
  });
  const auto all = get(store_->grants_of_user(kClinic, UserId("u_ada"), 10));
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].id, offline.id);
  EXPECT_EQ(all[1].id, online.id);
  EXPECT_EQ(all[2].id, revoked.id);
}

TEST_P(EmergencyContract, SessionsOfAUserAreListedWhileTheyLive) {
  get(store_->put_user(user(), {}));
  get(store_->put_user(user("bob"), {}));
  auto old = session();
  old.created = kStart - 1h;
  auto young = session();
  auto expired = session();
  expired.expires = kStart;
  for (const auto& one : {old, young, expired, session(UserId("u_bob"))})
    get(store_->put_session(one, std::nullopt, {}));
  const auto found = get(store_->sessions_of_user(kClinic, UserId("u_ada"), kStart, 10));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].id_hash, young.id_hash);
  EXPECT_EQ(found[1].id_hash, old.id_hash);
  EXPECT_EQ(found[0].sid, young.sid);
  EXPECT_EQ(found[0].user, UserId("u_ada"));
  EXPECT_EQ(found[0].amr, young.amr);
  EXPECT_EQ(found[0].last_seen, young.last_seen);
  EXPECT_EQ(get(store_->sessions_of_user(kClinic, UserId("u_ada"), kStart, 1)).size(), 1U);
  EXPECT_TRUE(get(store_->sessions_of_user(kOther, UserId("u_ada"), kStart, 10)).empty());
  get(store_->revoke_user(kClinic, UserId("u_ada"), {}, kStart + 1s));
  EXPECT_TRUE(get(store_->sessions_of_user(kClinic, UserId("u_ada"), kStart + 1s, 10)).empty());
  EXPECT_EQ(get(store_->sessions_of_user(kClinic, UserId("u_bob"), kStart, 10)).size(), 1U);
}

TEST_P(EmergencyContract, EndingAllSessionsOfAUserLeavesOthersAndOfflineGrants) {
  get(store_->put_user(user(), {}));
  get(store_->put_user(user("bob"), {}));
  const auto here = session();
  const auto there = session();
  const auto bobs = session(UserId("u_bob"));
  for (const auto& one : {here, there, bobs}) get(store_->put_session(one, std::nullopt, {}));
  const auto online = stored_grant([&](model::Grant& grant) {
    grant.sid = there.sid;
    grant.offline = false;
  });
  const auto offline = stored_grant([&](model::Grant& grant) { grant.sid = here.sid; });
  get(store_->end_sessions_of_user(kOther, UserId("u_ada"), {}, kStart + 1s));
  EXPECT_EQ(get(store_->sessions_of_user(kClinic, UserId("u_ada"), kStart, 10)).size(), 2U);
  const auto before = store_->latest_change();
  get(store_->end_sessions_of_user(kClinic, UserId("u_ada"), {event(model::AuditKind::sign_out)}, kStart + 1s));
  EXPECT_TRUE(get(store_->sessions_of_user(kClinic, UserId("u_ada"), kStart + 1s, 10)).empty());
  EXPECT_FALSE(get(store_->find_session(kClinic, here.id_hash, kStart + 1s)));
  EXPECT_TRUE(get(store_->find_session(kClinic, bobs.id_hash, kStart + 1s)));
  EXPECT_EQ(get(store_->find_grant(kClinic, online.id))->revoked, kStart + 1s);
  EXPECT_FALSE(get(store_->find_grant(kClinic, offline.id))->revoked);
  EXPECT_EQ(changes(before).size(), 3U);  // two sessions, one grant
  EXPECT_EQ(audited(), std::vector{model::AuditKind::sign_out});
}

}  // namespace
}  // namespace mitral::contract
