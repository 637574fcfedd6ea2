// Somebody who can write the files of an installation, but has no audit key, tries to change what is recorded: in
// segments, in the database that has let go of its past, and in what leads from one to the other.
#include "support/shipping_rig.h"

namespace mitral::threat {
namespace {

using namespace std::chrono_literals;
using audit::Finding;
using contract::Intruder;
using testing_support::ShippingRig;

/// 3,000 records, two thirds of them shipped and let go.
class AuditAttack : public ShippingRig {
 protected:
  AuditAttack() {
    auto how = settings();
    how.keep = 1h;
    record(2000);
    clock_.advance(2h);
    record(1000);
    auto one = shipper(how);
    settle(*one);
    get(store_->seal_audit());
    EXPECT_EQ(get(store_->anchor()).seq, 2000);
    EXPECT_TRUE(whole().intact());
  }
  /// A write to the database by somebody who has taken its guards away before.
  void write(const std::string& sql) {
    Intruder intruder(path_);
    for (const auto* guard : {"audit_no_update", "audit_no_delete", "audit_anchor_forward", "audit_anchor_stays"})
      intruder.run(std::string("DROP TRIGGER IF EXISTS ") + guard);
    intruder.run(sql);
  }
  void overwrite(std::size_t segment, const std::string& bytes) {
    std::ofstream(path_of(segments().at(segment)), std::ios::binary | std::ios::trunc) << bytes;
  }
};

TEST_F(AuditAttack, RemovingASegment) {
  std::filesystem::remove(path_of(segments()[0]));
  EXPECT_EQ(whole().finding, Finding::segment_missing);
  EXPECT_EQ(whole().broken_at, 1);
}

TEST_F(AuditAttack, RemovingAllSegments) {
  std::filesystem::remove_all(folder_);
  EXPECT_EQ(whole().finding, Finding::segment_missing);
}

TEST_F(AuditAttack, AlteringASegment) {
  auto bytes = contents(path_of(segments()[1]));
  for (std::size_t at = 10; at < bytes.size(); at += bytes.size() / 7) {
    auto changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    overwrite(1, changed);
    EXPECT_FALSE(whole().intact()) << at;
  }
}

TEST_F(AuditAttack, CuttingASegment) {
  const auto bytes = contents(path_of(segments()[1]));
  overwrite(1, bytes.substr(0, bytes.size() - 100));
  EXPECT_EQ(whole().finding, Finding::segment_altered);
}

TEST_F(AuditAttack, RenamingASegmentSoThatItCoversAnother) {
  const auto first = path_of(segments()[0]);
  const auto second = path_of(segments()[1]);
  std::filesystem::remove(second);
  std::filesystem::rename(first, second);
  EXPECT_FALSE(whole().intact());
}

/// Hashes need no key: whoever removes one line can make the rest of the chain fit again.
audit::Segment rechained(const std::string& bytes, std::size_t left_out, const ports::AuditStore::Anchor& before) {
  auto reader = *audit::SegmentReader::over(bytes);
  audit::SegmentWriter writer(before);
  for (std::size_t i = 0;; ++i) {
    auto record = *reader.next();
    if (!record) break;
    if (i == left_out) continue;
    record->seq = writer.head().seq + 1;
    record->previous = writer.head().hash;
    record->hash = audit::chain_hash(record->previous, record->seq, audit::canonical(record->event));
    EXPECT_TRUE(writer.add(*record));
  }
  return *writer.finish();
}

TEST_F(AuditAttack, WritingASegmentAnewWithoutOneRecord) {
  const auto forged = rechained(contents(path_of(segments()[0])), 500, {});
  EXPECT_EQ(forged.head.to, 999);
  std::filesystem::remove(path_of(segments()[0]));
  std::ofstream(folder_ + "/" + audit::segment_name(1, 999), std::ios::binary) << forged.bytes;
  const auto verdict = whole();
  EXPECT_EQ(verdict.finding, Finding::checkpoint_invalid) << "its seal was for record 1,000 with another hash";
}

TEST_F(AuditAttack, WritingEverythingAnewFromTheFirstRecordOn) {
  // Segments, anchor and database are rewritten consistently; the seals can't be.
  auto bytes = contents(path_of(segments()[0]));
  auto reader = *audit::SegmentReader::over(bytes);
  audit::SegmentWriter writer({});
  for (;;) {
    auto record = *reader.next();
    if (!record) break;
    record->event.user = "somebody else";
    record->previous = writer.head().hash;
    record->hash = audit::chain_hash(record->previous, record->seq, audit::canonical(record->event));
    ASSERT_TRUE(writer.add(*record));
  }
  overwrite(0, writer.finish()->bytes);
  EXPECT_EQ(whole().finding, Finding::checkpoint_invalid);
}

TEST_F(AuditAttack, ForgingTheAnchor) {
  write("UPDATE audit_anchor SET hash = zeroblob(32)");
  EXPECT_EQ(whole().finding, Finding::anchor_mismatch);
}

TEST_F(AuditAttack, MovingTheAnchorOverRecordsThatWereNeverShipped) {
  // Only the newest segment would show them: it is not closed yet when the records go.
  std::filesystem::remove(path_of(segments().back()));
  write(
      "INSERT OR REPLACE INTO audit_anchor SELECT 1, seq, hash FROM audit WHERE seq = 2500; "
      "DELETE FROM audit WHERE seq <= 2500");
  EXPECT_EQ(whole().finding, Finding::segment_missing);
  EXPECT_EQ(whole().broken_at, 2001);
}

TEST_F(AuditAttack, MovingTheAnchorBack) {
  write("UPDATE audit_anchor SET seq = 0, hash = zeroblob(32)");
  EXPECT_EQ(whole().finding, Finding::gap);
}

TEST_F(AuditAttack, RemovingTheAnchor) {
  write("DELETE FROM audit_anchor");
  EXPECT_FALSE(whole().intact());
}

TEST_F(AuditAttack, CuttingTheDatabaseBehindWhatWasShipped) {
  const auto shipped = segments().back().to;
  EXPECT_GT(shipped, 2000);
  write("DELETE FROM audit WHERE seq > 2100");
  store_.reset();
  store_ = open();
  EXPECT_EQ(whole().finding, Finding::truncated);
}

TEST_F(AuditAttack, AlteringARecordThatIsStillInTheDatabase) {
  write("UPDATE audit SET event = replace(event, 'u_ada', 'u_bob') WHERE seq = 2050");
  EXPECT_EQ(whole().finding, Finding::hash_mismatch);
  EXPECT_EQ(whole().broken_at, 2050);
}

TEST_F(AuditAttack, ATamperedDatabaseIsNotShippedAsIfItHeld) {
  const auto before = segments().size();
  record(1000);
  write("UPDATE audit SET event = replace(event, 'u_ada', 'u_bob') WHERE seq = 3500");
  clock_.advance(2h);
  auto one = shipper(settings());
  settle(*one);
  for (const auto& range : segments()) EXPECT_LT(range.to, 3500);
  EXPECT_LE(segments().size(), before + 1);
  EXPECT_NE(one->metrics_text().find("ship_failures_total{destination=\"directory\"} 1"), std::string::npos);
}

TEST_F(AuditAttack, ALinkInTheFolderIsNotFollowed) {
  const auto path = path_of(segments()[0]);
  const auto elsewhere = dir_.file("elsewhere");
  std::filesystem::rename(path, elsewhere);
  std::filesystem::create_symlink(elsewhere, path);
  const auto folder = app::SegmentFolder::open(folder_);
  EXPECT_FALSE(folder->source(segments()[0]));
}

}  // namespace
}  // namespace mitral::threat
