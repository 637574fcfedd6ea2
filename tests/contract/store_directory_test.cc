#include "contract/store_contract.h"

namespace mitral::contract {
namespace {

class DirectoryContract : public StoreContract {
 protected:
  [[nodiscard]] model::SigningKeyRecord key(const std::string& kid, Instant active) const {
    return {.issuer = kClinic,
            .kid = kid,
            .alg = "ES256",
            .purpose = "token",
            .wrapped_private = std::string("a\0b", 3),
            .public_jwk = "{}",
            .published = active - 1h,
            .active_from = active,
            .retired_from = active + 24h,
            .removed_from = active + 48h,
            .revoked = false};
  }
  static model::AuditEvent admin() { return event(model::AuditKind::administration); }
};
MITRAL_STORE_CONTRACT(DirectoryContract);

TEST_P(DirectoryContract, ClientIsInTheSnapshotWhenTheActReturns) {
  ASSERT_NE(store_->directory(), nullptr);
  auto one = client();
  get(store_->put_client(one, admin()));
  const auto before = store_->directory();
  ASSERT_EQ(before->client(kClinic, "c_app")->name, one.name);
  one.name = "Renamed";
  get(store_->put_client(one, admin()));
  EXPECT_NE(before->client(kClinic, "c_app")->name, one.name) << "a snapshot does not change what it has shown";
  const auto after = store_->directory();
  const auto* found = after->client(kClinic, "c_app");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->name, one.name);
  EXPECT_EQ(found->credentials.method, one.credentials.method);
  EXPECT_EQ(found->credentials.secret_hashes, one.credentials.secret_hashes);
  EXPECT_EQ(found->redirect_uris, one.redirect_uris);
  EXPECT_EQ(found->grant_types, one.grant_types);
  EXPECT_EQ(found->scopes, one.scopes);
  EXPECT_TRUE(found->offline_allowed);
  EXPECT_FALSE(found->dedicated_consent);
  EXPECT_EQ(found->created, kStart);
  EXPECT_EQ(after->client(kOther, "c_app"), nullptr);
  one.enabled = false;
  get(store_->put_client(one, admin()));
  EXPECT_FALSE(store_->directory()->client(kClinic, "c_app")->enabled);
  EXPECT_EQ(audited().size(), 3U);
  EXPECT_EQ(changes().at(0).kind, model::ChangeKind::directory_changed);
}

TEST_P(DirectoryContract, ResourceServerIsFoundByItsAudience) {
  auto one = server();
  get(store_->put_resource_server(one, admin()));
  const auto snapshot = store_->directory();
  const auto* found = snapshot->by_audience(kClinic, "https://fhir.example/r4");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->id, "fhir");
  EXPECT_EQ(found->token_format, model::TokenFormat::opaque);
  EXPECT_EQ(found->signing_alg, "RS256");
  EXPECT_EQ(found->token_lifetime, Duration(60s));
  EXPECT_TRUE(found->context_in_jwt);
  EXPECT_EQ(snapshot->by_audience(kOther, "https://fhir.example/r4"), nullptr);
  one.audience = "https://moved.example/r4";
  get(store_->put_resource_server(one, admin()));
  EXPECT_EQ(store_->directory()->by_audience(kClinic, "https://fhir.example/r4"), nullptr)
      << "the old audience is free";
  EXPECT_NE(store_->directory()->by_audience(kClinic, "https://moved.example/r4"), nullptr);
}

TEST_P(DirectoryContract, AnAudienceBelongsToOneServer) {
  get(store_->put_resource_server(server("fhir"), admin()));
  auto thief = server("thief");
  thief.audience = "https://fhir.example/r4";
  EXPECT_EQ(error_of(store_->put_resource_server(thief, admin())), ErrorCode::conflict);
  EXPECT_EQ(store_->directory()->resource_server(kClinic, "thief"), nullptr);
  EXPECT_EQ(store_->directory()->by_audience(kClinic, "https://fhir.example/r4")->id, "fhir");
  EXPECT_EQ(audited().size(), 1U);
}

TEST_P(DirectoryContract, E4_RevocationForgetsConsentSoThatSheIsAskedAgain) {
  get(store_->put_client(client(), admin()));
  const auto remembered = [&] {
    return get(store_->find_consent(kClinic, UserId("u_ada"), ClientId("c_app"), kStart)).has_value();
  };
  const auto agree = [&] {
    ports::AuthorizationStore::Completion agreed;
    agreed.consent = consent();
    get(store_->complete_authorization(kClinic, std::move(agreed), {}, kStart));
    ASSERT_TRUE(remembered());
  };
  const auto made = stored_grant();
  agree();
  get(store_->revoke_grant(kOther, made.id, {}, kStart));
  EXPECT_TRUE(remembered()) << "another issuer's word counts for nothing";
  get(store_->revoke_grant(kClinic, made.id, {}, kStart));
  EXPECT_FALSE(remembered());
  agree();
  get(store_->revoke_user(kClinic, UserId("u_somebody"), {}, kStart));
  EXPECT_TRUE(remembered());
  get(store_->revoke_user(kClinic, UserId("u_ada"), {}, kStart));
  EXPECT_FALSE(remembered());
  agree();
  get(store_->revoke_client(kClinic, ClientId("c_app"), {}, kStart));
  EXPECT_FALSE(remembered());
}

TEST_P(DirectoryContract, DeletingAClientRevokesItsGrantsAndForgetsConsent) {
  get(store_->put_client(client(), admin()));
  const auto made = stored_grant();
  ports::AuthorizationStore::Completion agreed;
  agreed.consent = consent();
  get(store_->complete_authorization(kClinic, std::move(agreed), {}, kStart));
  EXPECT_EQ(error_of(store_->delete_client(kOther, ClientId("c_app"), admin())), ErrorCode::conflict);
  get(store_->delete_client(kClinic, ClientId("c_app"), admin()));
  EXPECT_EQ(store_->directory()->client(kClinic, "c_app"), nullptr);
  EXPECT_TRUE(get(store_->find_grant(kClinic, made.id))->revoked);
  EXPECT_TRUE(store_->is_revoked(kClinic, id(), "c_app", "", kStart));
  EXPECT_FALSE(get(store_->find_consent(kClinic, UserId("u_ada"), ClientId("c_app"), kStart)));
  EXPECT_EQ(error_of(store_->delete_client(kClinic, ClientId("c_app"), admin())), ErrorCode::conflict);
  // A new client of that id does not bring the old grants back.
  get(store_->put_client(client(), admin()));
  EXPECT_TRUE(get(store_->find_grant(kClinic, made.id))->revoked);
}

TEST_P(DirectoryContract, KeysComeBackWholeAndByIssuer) {
  const auto one = key("k1", kStart);
  EXPECT_EQ(get(store_->add_key_once(one, kStart, {admin()})), Claim::won);
  const auto all = get(store_->keys(kClinic));
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].wrapped_private, one.wrapped_private);
  EXPECT_EQ(all[0].public_jwk, one.public_jwk);
  EXPECT_EQ(all[0].alg, one.alg);
  EXPECT_EQ(all[0].purpose, one.purpose);
  EXPECT_EQ(all[0].published, one.published);
  EXPECT_EQ(all[0].removed_from, one.removed_from);
  EXPECT_TRUE(get(store_->keys(kOther)).empty());
  EXPECT_EQ(changes().at(0).kind, model::ChangeKind::keys_changed);
}

TEST_P(DirectoryContract, NodesThatRotateAtOnceMakeOneKey) {
  EXPECT_EQ(get(store_->add_key_once(key("k1", kStart), kStart, {admin()})), Claim::won);
  EXPECT_EQ(get(store_->add_key_once(key("k2", kStart + 1s), kStart, {admin()})), Claim::lost);
  EXPECT_EQ(get(store_->keys(kClinic)).size(), 1U);
  EXPECT_EQ(audited().size(), 1U);
  auto rsa = key("k3", kStart);
  rsa.alg = "RS256";
  EXPECT_EQ(get(store_->add_key_once(rsa, kStart, {})), Claim::won) << "another algorithm";
  auto audit = key("k4", kStart);
  audit.purpose = "audit";
  EXPECT_EQ(get(store_->add_key_once(audit, kStart, {})), Claim::won) << "another purpose";
  EXPECT_EQ(get(store_->add_key_once(key("k5", kStart + 24h), kStart + 1s, {})), Claim::won) << "the next one is due";
}

TEST_P(DirectoryContract, UpdatingAKeyNeedsTheKey) {
  auto one = key("k1", kStart);
  EXPECT_EQ(error_of(store_->update_key(one, {admin()})), ErrorCode::conflict);
  EXPECT_EQ(get(store_->add_key_once(one, kStart, {})), Claim::won);
  one.revoked = true;
  one.retired_from = kStart + 5s;
  get(store_->update_key(one, {admin()}));
  EXPECT_TRUE(get(store_->keys(kClinic)).at(0).revoked);
  EXPECT_EQ(get(store_->keys(kClinic)).at(0).retired_from, kStart + 5s);
  EXPECT_EQ(audited().size(), 1U);
  one.revoked = false;
  get(store_->update_key(one, {}));
  EXPECT_TRUE(get(store_->keys(kClinic)).at(0).revoked) << "nobody who read it earlier brings it back to life";
}

TEST_P(DirectoryContract, ClaimOnceIsOncePerSpaceAndIssuerUntilItsEnd) {
  const auto value = handle();
  EXPECT_TRUE(get(store_->claim_once(kClinic, "assertion:c_app", value, kStart + 60s)));
  EXPECT_FALSE(get(store_->claim_once(kClinic, "assertion:c_app", value, kStart + 60s)));
  EXPECT_TRUE(get(store_->claim_once(kClinic, "assertion:c_other", value, kStart + 60s)));
  EXPECT_TRUE(get(store_->claim_once(kOther, "assertion:c_app", value, kStart + 60s)));
  EXPECT_TRUE(get(store_->claim_once(kClinic, "assertion:c_app", handle(), kStart + 60s)));
  clock_.advance(60s);
  EXPECT_TRUE(get(store_->claim_once(kClinic, "assertion:c_app", value, kStart + 120s)))
      << "over, though not yet swept";
  EXPECT_FALSE(get(store_->claim_once(kClinic, "assertion:c_app", value, kStart + 120s)));
}

/// The clock leaps between two requests with one value: the row looks expired, and so is the value.
TEST_P(DirectoryContract, AValueIsNotWonTwiceWhenTheClockLeaps) {
  const auto value = handle();
  EXPECT_TRUE(get(store_->claim_once(kClinic, "assertion:c_app", value, kStart + 120s)));
  clock_.advance(300s);
  EXPECT_FALSE(get(store_->claim_once(kClinic, "assertion:c_app", value, kStart + 120s)));
  EXPECT_FALSE(get(store_->claim_once(kClinic, "assertion:c_app", handle(), kStart + 120s))) << "it has expired";
}

TEST_P(DirectoryContract, OnlyTheClaimThatWinsIsRecorded) {
  const auto value = handle();
  const Events fact{event(model::AuditKind::token_issued)};
  EXPECT_TRUE(get(store_->claim_once(kClinic, "assertion:c_app", value, kStart + 60s, fact)));
  EXPECT_FALSE(get(store_->claim_once(kClinic, "assertion:c_app", value, kStart + 60s, fact)));
  EXPECT_EQ(audited(), std::vector{model::AuditKind::token_issued});
}

TEST_P(DirectoryContract, ProbeAnswersAndCountersCount) {
  get(store_->probe());
  const auto before = store_->counters();
  const auto one = stored_code();  // 1 commit
  const auto made = grant();
  get(store_->redeem_code_once(kClinic, one.handle, made, family(made), {event()}, {}, kStart));  // 1 commit
  get(store_->rotate_once(kClinic, {.grant = made.id, .presented = 0, .retry_window = {}, .expires = kStart + 24h},
                          {event()}, {}, kStart));
  const auto after = store_->counters();
  EXPECT_EQ(after.commits - before.commits, 3U);
  EXPECT_EQ(after.reads - before.reads, 0U);
  if (GetParam() != StoreKind::memory) {
    get(store_->find_grant(kClinic, made.id));
    EXPECT_EQ(store_->counters().reads, after.reads) << "a grant made here is served from memory";
    EXPECT_FALSE(store_->is_revoked(kClinic, id(), "c_app", "u_ada", kStart));
    EXPECT_EQ(store_->counters().reads, after.reads);
  }
}

}  // namespace
}  // namespace mitral::contract
