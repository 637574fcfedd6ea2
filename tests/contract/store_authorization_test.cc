#include "contract/store_contract.h"

namespace mitral::contract {
namespace {

class AuthorizationContract : public StoreContract {};
MITRAL_STORE_CONTRACT(AuthorizationContract);

TEST_P(AuthorizationContract, PushedRequestComesBackWhole) {
  const auto one = pushed();
  get(store_->put_pushed_request(one));
  const auto found = get(store_->find_pushed_request(kClinic, one.handle, kStart));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->client, one.client);
  EXPECT_EQ(found->parameters, one.parameters);
  EXPECT_EQ(found->expires, one.expires);
  // Looking does not use it up.
  EXPECT_TRUE(get(store_->find_pushed_request(kClinic, one.handle, kStart)));
}

TEST_P(AuthorizationContract, HandlesOfAnotherIssuerOrAfterTheirEndAreUnknown) {
  const auto request = pushed();
  const auto ticket = launch();
  const auto visit = interaction();
  const auto one = stored_code();
  get(store_->put_pushed_request(request));
  get(store_->put_launch(ticket, {}));
  get(store_->put_interaction(visit));
  EXPECT_FALSE(get(store_->find_pushed_request(kOther, request.handle, kStart)));
  EXPECT_FALSE(get(store_->find_launch(kOther, ticket.handle, kStart)));
  EXPECT_FALSE(get(store_->find_interaction(kOther, visit.handle, kStart)));
  EXPECT_FALSE(get(store_->find_code(kOther, one.handle, kStart)));
  EXPECT_FALSE(get(store_->find_pushed_request(kClinic, request.handle, request.expires)));
  EXPECT_FALSE(get(store_->find_launch(kClinic, ticket.handle, ticket.expires)));
  EXPECT_FALSE(get(store_->find_interaction(kClinic, visit.handle, visit.expires)));
  EXPECT_FALSE(get(store_->find_code(kClinic, one.handle, one.expires)));
  EXPECT_TRUE(get(store_->find_code(kClinic, one.handle, one.expires - 1us)));
}

TEST_P(AuthorizationContract, OneKindOfHandleIsNeverFoundAsAnother) {
  const auto request = pushed();
  get(store_->put_pushed_request(request));
  EXPECT_FALSE(get(store_->find_launch(kClinic, request.handle, kStart)));
  EXPECT_FALSE(get(store_->find_interaction(kClinic, request.handle, kStart)));
  EXPECT_FALSE(get(store_->find_code(kClinic, request.handle, kStart)));
  EXPECT_EQ(get(store_->redeem_code_once(kClinic, request.handle, grant(), std::nullopt, {}, {}, kStart)),
            Claim::unknown);
}

TEST_P(AuthorizationContract, LaunchAndInteractionComeBackWhole) {
  const auto ticket = launch();
  get(store_->put_launch(ticket, {event(model::AuditKind::launch)}));
  const auto found = get(store_->find_launch(kClinic, ticket.handle, kStart));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->user, ticket.user);
  EXPECT_EQ(found->audience, ticket.audience);
  EXPECT_EQ(found->context, ticket.context);
  EXPECT_EQ(audited(), std::vector{model::AuditKind::launch});

  auto visit = interaction();
  get(store_->put_interaction(visit));
  visit.patient_id = "p2";
  visit.reauthenticated = false;
  get(store_->put_interaction(visit));  // moves on
  const auto again = get(store_->find_interaction(kClinic, visit.handle, kStart));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->browser, visit.browser);
  EXPECT_EQ(again->session, visit.session);
  EXPECT_EQ(again->patient_id, "p2");
  EXPECT_FALSE(again->reauthenticated);
  EXPECT_EQ(again->created, visit.created);
  EXPECT_EQ(again->request.to_json(), visit.request.to_json());
}

TEST_P(AuthorizationContract, ARecordOfAnotherIssuerIsNotReplaced) {
  const auto visit = interaction();
  get(store_->put_interaction(visit));
  auto foreign = visit;
  foreign.issuer = kOther;
  EXPECT_EQ(error_of(store_->put_interaction(foreign)), ErrorCode::conflict);
  EXPECT_FALSE(get(store_->find_interaction(kOther, visit.handle, kStart)));
}

TEST_P(AuthorizationContract, CompletionClaimsEverythingAndMakesTheCode) {
  const auto request = pushed();
  const auto ticket = launch();
  const auto visit = interaction();
  get(store_->put_pushed_request(request));
  get(store_->put_launch(ticket, {}));
  get(store_->put_interaction(visit));
  const auto one = code();
  const auto agreed = consent();
  const auto outcome = get(
      store_->complete_authorization(kClinic, {visit.handle, request.handle, ticket.handle, one, agreed},
                                     {event(model::AuditKind::consent), event(model::AuditKind::code_issued)}, kStart));
  EXPECT_EQ(outcome, Claim::won);
  EXPECT_FALSE(get(store_->find_interaction(kClinic, visit.handle, kStart)));
  EXPECT_FALSE(get(store_->find_pushed_request(kClinic, request.handle, kStart)));
  EXPECT_FALSE(get(store_->find_launch(kClinic, ticket.handle, kStart)));

  const auto found = get(store_->find_code(kClinic, one.handle, kStart));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->request.to_json(), one.request.to_json());
  EXPECT_EQ(found->user, one.user);
  EXPECT_EQ(found->sid, one.sid);
  EXPECT_EQ(found->scopes, one.scopes);
  EXPECT_EQ(found->context, one.context);
  EXPECT_EQ(found->fhir_user, one.fhir_user);
  EXPECT_EQ(found->auth_time, one.auth_time);
  EXPECT_EQ(found->amr, one.amr);
  EXPECT_EQ(found->created, one.created);
  EXPECT_EQ(found->expires, one.expires);
  EXPECT_FALSE(found->grant);

  const auto remembered = get(store_->find_consent(kClinic, UserId("u_ada"), ClientId("c_app"), kStart));
  ASSERT_TRUE(remembered);
  EXPECT_EQ(remembered->scopes, agreed.scopes);
  EXPECT_EQ(remembered->declined, agreed.declined);
  EXPECT_EQ(remembered->patient_id, agreed.patient_id);
  EXPECT_EQ(remembered->audience, agreed.audience);
  EXPECT_FALSE(get(store_->find_consent(kOther, UserId("u_ada"), ClientId("c_app"), kStart)));
  EXPECT_FALSE(get(store_->find_consent(kClinic, UserId("u_ada"), ClientId("c_app"), agreed.expires)));
  EXPECT_EQ(audited(), (std::vector{model::AuditKind::consent, model::AuditKind::code_issued}));
}

TEST_P(AuthorizationContract, ALostClaimLeavesNothingBehind) {
  const auto request = pushed();
  const auto first = interaction();
  const auto second = interaction();
  get(store_->put_pushed_request(request));
  get(store_->put_interaction(first));
  get(store_->put_interaction(second));
  EXPECT_EQ(get(store_->complete_authorization(kClinic, {first.handle, request.handle, {}, code(), {}}, {}, kStart)),
            Claim::won);
  const auto late = code();
  EXPECT_EQ(get(store_->complete_authorization(kClinic, {second.handle, request.handle, {}, late, consent()},
                                               {event(model::AuditKind::code_issued)}, kStart)),
            Claim::lost);
  EXPECT_TRUE(get(store_->find_interaction(kClinic, second.handle, kStart))) << "the claim that was won is undone";
  EXPECT_FALSE(get(store_->find_code(kClinic, late.handle, kStart)));
  EXPECT_FALSE(get(store_->find_consent(kClinic, UserId("u_ada"), ClientId("c_app"), kStart)));
  EXPECT_TRUE(audited().empty());
  // Unknown: never existed, expired, another issuer.
  EXPECT_EQ(get(store_->complete_authorization(kClinic, {handle(), {}, {}, late, {}}, {}, kStart)), Claim::unknown);
  EXPECT_EQ(get(store_->complete_authorization(kOther, {second.handle, {}, {}, late, {}}, {}, kStart)), Claim::unknown);
  EXPECT_EQ(get(store_->complete_authorization(kClinic, {second.handle, {}, {}, late, {}}, {}, second.expires)),
            Claim::unknown);
}

TEST_P(AuthorizationContract, AUsedHandleDoesNotComeBackByPuttingItAgain) {
  const auto visit = interaction();
  get(store_->put_interaction(visit));
  EXPECT_EQ(get(store_->complete_authorization(kClinic, {visit.handle, {}, {}, code(), {}}, {}, kStart)), Claim::won);
  EXPECT_EQ(error_of(store_->put_interaction(visit)), ErrorCode::conflict);
  EXPECT_EQ(get(store_->complete_authorization(kClinic, {visit.handle, {}, {}, code(), {}}, {}, kStart)), Claim::lost);
}

/// Who comes second knows nothing of the first; the auditor must learn which grant ended.
TEST_P(AuthorizationContract, TheRecordOfACodeUsedTwiceNamesTheGrantThatEnded) {
  const auto one = stored_code();
  const auto made = grant();
  const auto second = grant();
  EXPECT_EQ(get(store_->redeem_code_once(kClinic, one.handle, made, family(made), {}, {}, kStart)), Claim::won);
  auto reuse = event(model::AuditKind::reuse_detected);
  reuse.grant.clear();
  EXPECT_EQ(get(store_->redeem_code_once(kClinic, one.handle, second, family(second), {}, {reuse}, kStart)),
            Claim::lost);
  const auto records = get(store_->read(0, 10));
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records.front().event.grant, made.id.text());
}

TEST_P(AuthorizationContract, RedeemingMakesTheGrantAndRemembersIt) {
  const auto one = stored_code();
  const auto made = grant();
  EXPECT_EQ(
      get(store_->redeem_code_once(kClinic, one.handle, made, family(made),
                                   {event(model::AuditKind::code_redeemed), event(model::AuditKind::token_issued)},
                                   {event(model::AuditKind::reuse_detected)}, kStart)),
      Claim::won);
  const auto found = get(store_->find_grant(kClinic, made.id));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->scopes, made.scopes);
  EXPECT_EQ(found->audiences, made.audiences);
  EXPECT_EQ(found->context, made.context);
  EXPECT_EQ(found->amr, made.amr);
  EXPECT_EQ(found->sid, made.sid);
  EXPECT_EQ(found->offline, made.offline);
  EXPECT_EQ(found->expires, made.expires);
  EXPECT_FALSE(found->revoked);
  EXPECT_FALSE(get(store_->find_grant(kOther, made.id)));
  const auto row = get(store_->find_family(kClinic, made.id));
  ASSERT_TRUE(row);
  EXPECT_EQ(row->generation, 0U);
  EXPECT_FALSE(get(store_->find_family(kOther, made.id)));
  const auto used = get(store_->find_code(kClinic, one.handle, kStart));
  ASSERT_TRUE(used);
  EXPECT_EQ(used->grant, made.id);
  EXPECT_EQ(audited(), (std::vector{model::AuditKind::code_redeemed, model::AuditKind::token_issued}));
}

TEST_P(AuthorizationContract, Rfc6749_4_1_2_ACodeUsedTwiceRevokesItsGrant) {
  const auto one = stored_code();
  const auto first = grant();
  const auto second = grant();
  EXPECT_EQ(get(store_->redeem_code_once(kClinic, one.handle, first, family(first), {}, {}, kStart)), Claim::won);
  EXPECT_EQ(get(store_->redeem_code_once(kClinic, one.handle, second, family(second), {event()},
                                         {event(model::AuditKind::reuse_detected)}, kStart + 1s)),
            Claim::lost);
  EXPECT_FALSE(get(store_->find_grant(kClinic, second.id)));
  const auto dead = get(store_->find_grant(kClinic, first.id));
  ASSERT_TRUE(dead);
  EXPECT_EQ(dead->revoked, kStart + 1s);
  EXPECT_TRUE(get(store_->find_family(kClinic, first.id))->revoked);
  EXPECT_EQ(audited(), std::vector{model::AuditKind::reuse_detected});
  const auto lines = changes();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].kind, model::ChangeKind::grant_revoked);
  EXPECT_EQ(lines[0].subject, first.id.text());
  EXPECT_EQ(lines[0].issuer, kClinic);
}

TEST_P(AuthorizationContract, ReuseIsNoticedForAWhileAfterTheCodesEnd) {
  const auto one = stored_code();
  const auto first = grant();
  EXPECT_EQ(get(store_->redeem_code_once(kClinic, one.handle, first, {}, {}, {}, kStart)), Claim::won);
  const Instant later = one.expires + 10s;
  ASSERT_TRUE(get(store_->find_code(kClinic, one.handle, later)));
  EXPECT_EQ(get(store_->redeem_code_once(kClinic, one.handle, grant(), {}, {}, {}, later)), Claim::lost);
  EXPECT_TRUE(get(store_->find_grant(kClinic, first.id))->revoked);
}

TEST_P(AuthorizationContract, ACodeIsOnlyForItsIssuerClientUserAndTime) {
  const auto one = stored_code();
  auto made = grant();
  EXPECT_EQ(get(store_->redeem_code_once(kOther, one.handle, made, {}, {}, {}, kStart)), Claim::unknown);
  EXPECT_EQ(get(store_->redeem_code_once(kClinic, one.handle, made, {}, {}, {}, one.expires)), Claim::unknown);
  made.client = ClientId("c_thief");
  EXPECT_EQ(get(store_->redeem_code_once(kClinic, one.handle, made, {}, {}, {}, kStart)), Claim::unknown);
  made.client = ClientId("c_app");
  made.user = UserId("u_bob");
  EXPECT_EQ(get(store_->redeem_code_once(kClinic, one.handle, made, {}, {}, {}, kStart)), Claim::unknown);
  EXPECT_FALSE(get(store_->find_grant(kClinic, made.id)));
  made.user = UserId("u_ada");
  EXPECT_EQ(get(store_->redeem_code_once(kClinic, one.handle, made, {}, {}, {}, kStart)), Claim::won);
}

TEST_P(AuthorizationContract, AnotherClientThatPresentsAUsedCodeCannotRevokeItsGrant) {
  const auto one = stored_code();
  const auto first = grant();
  EXPECT_EQ(get(store_->redeem_code_once(kClinic, one.handle, first, {}, {}, {}, kStart)), Claim::won);
  auto stolen = grant();
  stolen.client = ClientId("c_thief");
  EXPECT_EQ(get(store_->redeem_code_once(kClinic, one.handle, stolen, {}, {}, {}, kStart)), Claim::unknown);
  EXPECT_FALSE(get(store_->find_grant(kClinic, first.id))->revoked);
}

TEST_P(AuthorizationContract, M_4_4_1_7_ABurnedCodeIsUseless) {
  const auto one = stored_code();
  get(store_->burn_code(kClinic, one.handle, {event(model::AuditKind::denial)}));
  EXPECT_FALSE(get(store_->find_code(kClinic, one.handle, kStart)));
  const auto made = grant();
  EXPECT_EQ(get(store_->redeem_code_once(kClinic, one.handle, made, {}, {event()},
                                         {event(model::AuditKind::reuse_detected)}, kStart)),
            Claim::lost);
  EXPECT_FALSE(get(store_->find_grant(kClinic, made.id)));
  EXPECT_EQ(audited(), (std::vector{model::AuditKind::denial, model::AuditKind::reuse_detected}));
  // Of another issuer: not touched.
  const auto two = stored_code();
  get(store_->burn_code(kOther, two.handle, {}));
  EXPECT_TRUE(get(store_->find_code(kClinic, two.handle, kStart)));
}

TEST_P(AuthorizationContract, BurningARedeemedCodeKeepsTheMemoryOfItsGrant) {
  const auto one = stored_code();
  const auto first = grant();
  EXPECT_EQ(get(store_->redeem_code_once(kClinic, one.handle, first, {}, {}, {}, kStart)), Claim::won);
  get(store_->burn_code(kClinic, one.handle, {}));
  EXPECT_EQ(get(store_->redeem_code_once(kClinic, one.handle, grant(), {}, {}, {}, kStart)), Claim::lost);
  EXPECT_TRUE(get(store_->find_grant(kClinic, first.id))->revoked);
}

TEST_P(AuthorizationContract, ACodeFromBeforeTheUserWasRevokedIsDead) {
  const auto one = stored_code();
  get(store_->revoke_user(kClinic, UserId("u_ada"), {}, kStart + 1s));
  auto made = grant();
  made.created = kStart + 2s;
  EXPECT_EQ(get(store_->redeem_code_once(kClinic, one.handle, made, {}, {}, {}, kStart + 2s)), Claim::unknown);
  EXPECT_FALSE(get(store_->find_grant(kClinic, made.id)));
}

TEST_P(AuthorizationContract, AGrantIdThatIsTakenFailsTheWholeAct) {
  const auto taken = stored_grant();
  const auto one = stored_code();
  auto made = grant();
  made.id = taken.id;
  made.scopes = {"system/*.cruds"};
  EXPECT_EQ(error_of(store_->redeem_code_once(kClinic, one.handle, made, {}, {event()}, {}, kStart)),
            ErrorCode::conflict);
  EXPECT_EQ(get(store_->find_grant(kClinic, taken.id))->scopes, taken.scopes);
  EXPECT_FALSE(get(store_->find_code(kClinic, one.handle, kStart))->grant) << "the code is not used up";
  EXPECT_TRUE(audited().empty());
}

}  // namespace
}  // namespace mitral::contract
