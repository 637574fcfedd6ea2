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

// ---- the past may leave (Anchor, release_up_to)

TEST_P(AuditContract, ReleaseMovesTheAnchorWithTheRecords) {
  get(store_->append(Events(10, event())));
  EXPECT_EQ(get(store_->anchor()).seq, 0);
  EXPECT_EQ(get(store_->anchor()).hash, Hash256{});
  const auto before = get(store_->read(0, 100));
  EXPECT_EQ(get(store_->release_up_to(4, 100)), 4U);
  EXPECT_EQ(get(store_->anchor()).seq, 4);
  EXPECT_EQ(get(store_->anchor()).hash, before[3].hash);
  const auto after = get(store_->read(0, 100));
  ASSERT_EQ(after.size(), 6U);
  EXPECT_EQ(after[0].seq, 5);
  EXPECT_EQ(after[0].previous, before[3].hash);
  EXPECT_EQ(get(store_->read(4, 1)).at(0).previous, before[3].hash);
  EXPECT_EQ(get(store_->read(5, 1)).at(0).previous, before[4].hash);
  EXPECT_EQ(get(store_->read(2, 1)).at(0).seq, 5);
}

TEST_P(AuditContract, ReleaseGoesInPiecesAndOnlyForward) {
  get(store_->append(Events(10, event())));
  EXPECT_EQ(get(store_->release_up_to(7, 3)), 3U);
  EXPECT_EQ(get(store_->anchor()).seq, 3);
  EXPECT_EQ(get(store_->release_up_to(7, 3)), 3U);
  EXPECT_EQ(get(store_->release_up_to(7, 3)), 1U);
  EXPECT_EQ(get(store_->release_up_to(7, 3)), 0U);
  EXPECT_EQ(get(store_->release_up_to(2, 100)), 0U);
  EXPECT_EQ(get(store_->anchor()).seq, 7);
}

TEST_P(AuditContract, TheNewestRecordStays) {
  get(store_->append(Events(3, event())));
  EXPECT_EQ(get(store_->release_up_to(100, 100)), 2U);
  ASSERT_EQ(get(store_->read(0, 10)).size(), 1U);
  EXPECT_EQ(store_->last_seq(), 3);
  EXPECT_EQ(get(store_->release_up_to(100, 100)), 0U);
}

TEST_P(AuditContract, NothingToReleaseIsNoError) {
  EXPECT_EQ(get(store_->release_up_to(10, 10)), 0U);
  EXPECT_EQ(get(store_->anchor()).seq, 0);
}

TEST_P(AuditContract, TheChainGoesOnAfterARelease) {
  get(store_->append(Events(5, event())));
  const auto fifth = get(store_->read(4, 1)).at(0).hash;
  get(store_->release_up_to(5, 100));
  get(store_->append(Events(5, event())));
  EXPECT_EQ(store_->last_seq(), 10);
  const auto records = get(store_->read(5, 10));
  ASSERT_EQ(records.size(), 5U);
  EXPECT_EQ(records[0].previous, fifth);
}

TEST_P(AuditContract, ReleaseBesideAppendsLosesNothing) {
  get(store_->append(Events(50, event())));
  together(8, [&](int i) {
    for (int round = 0; round < 20; ++round) {
      if (i == 0) {
        EXPECT_TRUE(run_sync(store_->release_up_to(store_->last_seq() - 20, 7)));
      } else {
        EXPECT_TRUE(run_sync(store_->append({event()})));
      }
    }
  });
  EXPECT_EQ(store_->last_seq(), 50 + 7 * 20);
  EXPECT_GT(get(store_->anchor()).seq, 0);
}

}  // namespace
}  // namespace mitral::contract
