#include "contract/store_contract.h"

namespace mitral::contract {
namespace {

class AuditContract : public StoreContract {};
MITRAL_STORE_CONTRACT(AuditContract);

TEST_P(AuditContract, EventsComeBackWholeInOrderAndChained) {
  EXPECT_EQ(store_->last_seq(), 0);
  auto full = event(model::AuditKind::fhir_access);
  full.outcome = model::AuditOutcome::denied;
  full.patient = "p1";
  full.grant = "g";
  full.token = "t";
  full.address = "192.0.2.1";
  full.reason = "insufficient_scope";
  full.details = {{"interaction", "read"}, {"resource", "Observation"}, {"note", "line\nbreak \xf0\x9f\xa7\xac"}};
  get(store_->append({full, event(model::AuditKind::sign_in)}));
  get(store_->append({event(model::AuditKind::sign_out)}));
  EXPECT_EQ(store_->last_seq(), 3);
  const auto records = get(store_->read(0, 10));
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].seq, 1);
  EXPECT_EQ(records[0].previous, Hash256{});
  EXPECT_EQ(records[1].previous, records[0].hash);
  const auto& back = records[0].event;
  EXPECT_EQ(back.kind, full.kind);
  EXPECT_EQ(back.outcome, full.outcome);
  EXPECT_EQ(back.issuer, full.issuer);
  EXPECT_EQ(back.at, full.at);
  EXPECT_EQ(back.details, full.details);
  EXPECT_EQ(back.patient, "p1");
  EXPECT_EQ(records[2].event.kind, model::AuditKind::sign_out);
}

TEST_P(AuditContract, ReadingGoesPageByPage) {
  Events many(7, event());
  get(store_->append(many));
  const auto first = get(store_->read(0, 3));
  ASSERT_EQ(first.size(), 3U);
  const auto second = get(store_->read(first.back().seq, 3));
  ASSERT_EQ(second.size(), 3U);
  EXPECT_EQ(second[0].seq, 4);
  EXPECT_EQ(second[0].previous, first[2].hash);
  EXPECT_EQ(get(store_->read(6, 3)).size(), 1U);
  EXPECT_TRUE(get(store_->read(7, 3)).empty());
}

TEST_P(AuditContract, AnOversizeEventIsShortenedNotRefused) {
  auto big = event();
  big.user = std::string(5000, 'u') + "\xf0\x9f\xa7\xac";
  big.details.clear();
  for (int i = 0; i < 100; ++i) big.details.emplace_back("key", std::string(3000, '\x01') + "\xff\xfe");
  get(store_->append({big}));
  const auto records = get(store_->read(0, 1));
  ASSERT_EQ(records.size(), 1U);
  EXPECT_LE(audit::canonical(records[0].event).size(), limits::kAuditEventMax);
  EXPECT_EQ(records[0].event.kind, big.kind);
}

TEST_P(AuditContract, EventsOfConcurrentActsAreAllThere) {
  together(16, [&](int) {
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(run_sync(store_->append({event(), event()})));
  });
  EXPECT_EQ(store_->last_seq(), 320);
}

}  // namespace
}  // namespace mitral::contract
