// Segments: what is written reads back, and nothing else does.
#include "audit/segment.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include <algorithm>

#include "audit/syslog.h"
#include "audit/verify.h"
#include "base/limits.h"
#include "support/audit_chain.h"

namespace mitral::audit {
namespace {

using testing_support::SealedChain;

TEST(AuditSegment, NamesReadBackAndSort) {
  EXPECT_EQ(segment_name(1, 50'000), "audit-000000000001-000000050000.jsonl.zst");
  const auto range = parse_segment_name(segment_name(7, 1'000'000'000'000'000));
  ASSERT_TRUE(range);
  EXPECT_EQ(range->from, 7);
  EXPECT_EQ(range->to, 1'000'000'000'000'000);
  EXPECT_LT(segment_name(9, 10), segment_name(11, 12));
  for (const auto* bad :
       {"audit-1-2.jsonl.zst", "audit-000000000002-000000000001.jsonl.zst", "audit-000000000000-000000000001.jsonl.zst",
        "audit-000000000001-000000000002.jsonl.zst.tmp", ".tmp-audit-000000000001-000000000002.jsonl.zst",
        "audit-0000000000001-000000000002.jsonl.zst", "audit-000000000001-99999999999999999999999.jsonl.zst", ""}) {
    EXPECT_FALSE(parse_segment_name(bad)) << bad;
  }
}

TEST(AuditSegment, ReadsBackWhole) {
  const SealedChain chain(250, 50);
  const auto segment = chain.segment(101, 200);
  EXPECT_EQ(segment.head.from, 101);
  EXPECT_EQ(segment.head.to, 200);
  EXPECT_EQ(segment.head.previous, chain.records[99].hash);
  EXPECT_EQ(segment.head.last, chain.records[199].hash);
  auto reader = SegmentReader::over(segment.bytes);
  ASSERT_TRUE(reader) << reader.error().detail;
  for (std::size_t i = 100; i < 200; ++i) {
    const auto record = reader->next();
    ASSERT_TRUE(record && *record);
    EXPECT_EQ((*record)->seq, chain.records[i].seq);
    EXPECT_EQ((*record)->hash, chain.records[i].hash);
    EXPECT_EQ((*record)->previous, chain.records[i].previous);
    EXPECT_EQ((*record)->checkpoint, chain.records[i].checkpoint);
    EXPECT_EQ(canonical((*record)->event), canonical(chain.records[i].event));
  }
  const auto end = reader->next();
  ASSERT_TRUE(end);
  EXPECT_FALSE(*end);
  EXPECT_LT(segment.bytes.size(), 60'000U) << "100 records of half a kilobyte are packed";
}

TEST(AuditSegment, TheSameRecordsGiveTheSameFile) {
  const SealedChain chain(100, 50);
  EXPECT_EQ(chain.segment(1, 100).digest, chain.segment(1, 100).digest);
}

TEST(AuditSegment, EndsWithASealOrNotAtAll) {
  const SealedChain chain(100, 50);
  SegmentWriter writer({});
  EXPECT_FALSE(SegmentWriter({}).finish());
  for (std::size_t i = 0; i < 60; ++i) ASSERT_TRUE(writer.add(chain.records[i]));
  EXPECT_FALSE(writer.finish());
}

TEST(AuditSegment, NothingThatDoesNotFollowGoesIn) {
  const SealedChain chain(100, 50);
  SegmentWriter writer({});
  EXPECT_FALSE(writer.add(chain.records[1])) << "a gap";
  ASSERT_TRUE(writer.add(chain.records[0]));
  auto changed = chain.records[1];
  changed.event.user = "somebody else";
  EXPECT_FALSE(writer.add(changed));
  auto elsewhere = chain.records[1];
  elsewhere.previous = {};
  EXPECT_FALSE(writer.add(elsewhere));
  EXPECT_TRUE(writer.add(chain.records[1]));
}

TEST(AuditSegment, EveryCutAndEveryFlippedByteIsFound) {
  const SealedChain chain(20, 10);
  const auto whole = chain.segment(1, 20).bytes;
  const auto good = [](const std::string& bytes) {
    return check_segment([&bytes, done = false]() mutable -> Result<std::string> {
             return std::exchange(done, true) ? std::string() : bytes;
           })
        .has_value();
  };
  ASSERT_TRUE(good(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(good(whole.substr(0, size))) << size;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    auto bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x21);
    if (!good(bytes)) continue;
    // A few bits of Zstandard's own headers carry nothing: then everything that is read must still be the same.
    auto reader = SegmentReader::over(bytes);
    ASSERT_TRUE(reader);
    for (const auto& record : chain.records) {
      const auto read = reader->next();
      ASSERT_TRUE(read && *read) << at;
      EXPECT_EQ((*read)->hash, record.hash) << at;
    }
  }
  EXPECT_FALSE(good(whole + "x"));
  EXPECT_FALSE(good(whole + whole)) << "a second segment behind the first";
}

TEST(AuditSegment, PiecesOfAnySizeRead) {
  const SealedChain chain(40, 10);
  const auto whole = chain.segment(1, 40).bytes;
  for (const std::size_t piece : {1U, 7U, 1000U}) {
    const auto head = check_segment([&, at = std::size_t{0}]() mutable -> Result<std::string> {
      auto out = whole.substr(std::min(at, whole.size()), piece);
      at += piece;
      return out;
    });
    ASSERT_TRUE(head) << head.error().detail;
    EXPECT_EQ(head->to, 40);
  }
}

std::string packed(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 19));
  return out;
}

TEST(AuditSegment, ABombIsRefusedBeforeItFillsTheMemory) {
  const std::string bomb = packed(std::string(64 * 1024 * 1024, 'a'));
  EXPECT_LT(bomb.size(), 10'000U);
  const auto opened = SegmentReader::over(bomb);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::too_large);
}

TEST(AuditSegment, OtherSpellingsOfTheSameAreRefused) {
  const SealedChain chain(1, 1);
  const auto bytes = chain.segment(1, 1).bytes;
  std::string text(4096, '\0');
  std::string rest = bytes;
  std::string plain;
  while (!rest.empty()) {
    const auto frame = ZSTD_findFrameCompressedSize(rest.data(), rest.size());
    const auto size = ZSTD_decompress(text.data(), text.size(), rest.data(), frame);
    plain += text.substr(0, size);
    rest.erase(0, frame);
  }
  ASSERT_TRUE(check_segment([&, done = false]() mutable -> Result<std::string> {
    return std::exchange(done, true) ? std::string() : packed(plain);
  }));
  const auto refused = [](const std::string& changed) {
    auto reader = SegmentReader::over(packed(changed));
    if (!reader) return true;
    for (;;) {
      const auto record = reader->next();
      if (!record) return true;
      if (!*record) return false;
    }
  };
  const auto with = [&](std::string_view from, std::string_view to) {
    auto out = plain;
    const auto at = out.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return out.replace(at, from.size(), to);
  };
  EXPECT_TRUE(refused(with("\"count\":1", "\"count\":2")));
  EXPECT_TRUE(refused(with("\"count\":1", "\"count\": 1")));
  EXPECT_TRUE(refused(with("mitral-audit/1", "mitral-audit/2")));
  EXPECT_TRUE(refused(with("\"seq\":1", "\"seq\":1,\"extra\":2")));
  EXPECT_TRUE(refused(with("\"seq\":1", "\"seq\":2")));
  EXPECT_TRUE(refused(with("\"event\":{", "\"event\":{\"more\":1,")));
  EXPECT_TRUE(refused(with("\"user\":\"u_ada\"", "\"user\":\"u_bob\"")));
  EXPECT_TRUE(refused(plain + "\n"));
  EXPECT_TRUE(refused(plain + "{}\n"));
}

// ---- the whole record: segments, anchor, database

class WholeRecord : public testing::Test {
 protected:
  WholeRecord() {
    for (const auto& [from, to] : {std::pair{1, 100}, {101, 200}, {201, 300}}) keep(chain_.segment(from, to));
  }
  void keep(const Segment& segment) { files_[segment_name(segment.head.from, segment.head.to)] = segment.bytes; }
  Verdict check(const VerifyOptions& options) const {
    std::vector<FoundSegment> found;
    for (const auto& [name, bytes] : files_) {
      found.push_back({*parse_segment_name(name), [&bytes]() -> Result<SegmentReader::Source> {
                         return SegmentReader::Source([&bytes, done = false]() mutable -> Result<std::string> {
                           return std::exchange(done, true) ? std::string() : bytes;
                         });
                       }});
    }
    const auto verdict = verify_all(std::move(found), anchor_, reader_of(database_), options);
    EXPECT_TRUE(verdict);
    return *verdict;
  }
  [[nodiscard]] Verdict check() const {
    return check({.checkpoints = chain_.verifier(), .expected = {}, .begins = {}});
  }
  static RecordReader reader_of(const std::vector<ports::AuditStore::Record>& records) {
    return [&records](std::int64_t after, std::size_t limit) -> Result<std::vector<ports::AuditStore::Record>> {
      std::vector<ports::AuditStore::Record> out;
      for (const auto& record : records) {
        if (record.seq > after && out.size() < limit) out.push_back(record);
      }
      return out;
    };
  }
  void release(std::int64_t seq) {
    anchor_ = {seq, chain_.records[static_cast<std::size_t>(seq) - 1].hash};
    std::erase_if(database_, [seq](const auto& record) { return record.seq <= seq; });
  }

  SealedChain chain_{450, 50};
  std::map<std::string, std::string> files_;
  std::vector<ports::AuditStore::Record> database_ = chain_.records;
  ports::AuditStore::Anchor anchor_;
};

TEST_F(WholeRecord, HoldsBeforeWhileAndAfterRecordsLeave) {
  for (const std::int64_t seq : {0, 100, 130, 200, 300}) {
    if (seq > 0) release(seq);
    const auto verdict = check();
    EXPECT_TRUE(verdict.intact()) << seq << " " << name(verdict.finding) << " at " << verdict.broken_at;
    EXPECT_EQ(verdict.head.seq, 450);
    EXPECT_EQ(verdict.records, 450);
  }
}

TEST_F(WholeRecord, FindsWhatIsMissing) {
  release(250);
  files_.erase(segment_name(101, 200));
  EXPECT_EQ(check().finding, Finding::segment_missing);
  EXPECT_EQ(check().broken_at, 101);
  files_.clear();
  EXPECT_EQ(check().finding, Finding::segment_missing);
  EXPECT_EQ(check().broken_at, 1);
}

TEST_F(WholeRecord, FindsThatTheLastSegmentEndsBeforeTheDatabaseBegins) {
  release(300);
  files_.erase(segment_name(201, 300));
  EXPECT_EQ(check().finding, Finding::segment_missing);
  EXPECT_EQ(check().broken_at, 201);
}

TEST_F(WholeRecord, FindsAnAlteredSegment) {
  release(250);
  auto& bytes = files_[segment_name(101, 200)];
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  EXPECT_EQ(check().finding, Finding::segment_altered);
  bytes.resize(bytes.size() / 2);
  EXPECT_EQ(check().finding, Finding::segment_altered);
}

TEST_F(WholeRecord, FindsASegmentUnderAnothersName) {
  release(250);
  files_[segment_name(101, 200)] = files_[segment_name(1, 100)];
  EXPECT_EQ(check().finding, Finding::segment_altered);
}

TEST_F(WholeRecord, FindsASegmentOfAnotherChain) {
  release(250);
  const SealedChain other(450, 50, "another clinic");
  keep(other.segment(101, 200));
  EXPECT_EQ(check().finding, Finding::segment_foreign);
  EXPECT_EQ(check().broken_at, 101);
}

TEST_F(WholeRecord, FindsAChainThatWasReplacedFromItsBeginning) {
  // All segments, the anchor and the database are of one chain: only the seals show that it is not ours.
  const SealedChain other(450, 50, "another clinic");
  for (const auto& [from, to] : {std::pair{1, 100}, {101, 200}, {201, 300}}) keep(other.segment(from, to));
  database_ = other.records;
  EXPECT_EQ(check().finding, Finding::checkpoint_invalid);
}

TEST_F(WholeRecord, FindsAForgedAnchor) {
  release(250);
  anchor_.hash[0] ^= 1;
  EXPECT_EQ(check().finding, Finding::anchor_mismatch);
}

TEST_F(WholeRecord, FindsAnAnchorThatWasMovedToHideRecords) {
  release(300);
  release(350);  // 301 to 350 were never shipped
  EXPECT_EQ(check().finding, Finding::segment_missing);
  EXPECT_EQ(check().broken_at, 301);
}

TEST_F(WholeRecord, FindsAnAnchorThatWasMovedBack) {
  release(250);
  anchor_ = {240, chain_.records[239].hash};
  EXPECT_EQ(check().finding, Finding::gap);
  EXPECT_EQ(check().broken_at, 241);
  anchor_ = {};
  EXPECT_EQ(check().finding, Finding::gap);
}

TEST_F(WholeRecord, FindsADatabaseThatWasCutBehindWhatWasShipped) {
  release(200);
  std::erase_if(database_, [](const auto& record) { return record.seq > 280; });
  EXPECT_EQ(check().finding, Finding::truncated);
  EXPECT_EQ(check().broken_at, 281);
}

TEST_F(WholeRecord, FindsADatabaseThatTellsOtherThanTheSegments) {
  // Whoever has the audit key of today writes the records anew; the segment was shipped before.
  const SealedChain other(450, 50, "rewritten", chain_.key());
  database_ = other.records;
  EXPECT_EQ(check().finding, Finding::segment_foreign);
}

TEST_F(WholeRecord, SegmentsThatOverlapMustTellTheSame) {
  release(250);
  keep(chain_.segment(151, 250));
  keep(chain_.segment(51, 100));
  EXPECT_TRUE(check().intact()) << name(check().finding) << " at " << check().broken_at;
  const SealedChain other(450, 50, "another", chain_.key());
  keep(other.segment(151, 250));
  EXPECT_EQ(check().finding, Finding::segment_foreign);
  files_.erase(segment_name(151, 250));
  keep(other.segment(101, 150));
  EXPECT_EQ(check().finding, Finding::segment_foreign);
}

TEST_F(WholeRecord, MayBeginWhereTheCallerSays) {
  release(250);
  files_.erase(segment_name(1, 100));
  VerifyOptions options{.checkpoints = chain_.verifier(), .expected = {}, .begins = {100, chain_.records[99].hash}};
  EXPECT_TRUE(check(options).intact()) << name(check(options).finding);
  EXPECT_EQ(check(options).records, 350);
  options.begins.hash[3] ^= 1;
  EXPECT_EQ(check(options).finding, Finding::segment_foreign);
  options.begins = anchor_;
  files_.clear();
  EXPECT_TRUE(check(options).intact());
  options.begins = {300, chain_.records[299].hash};  // later than the database does
  EXPECT_TRUE(check(options).intact());
  options.begins.hash[3] ^= 1;
  EXPECT_FALSE(check(options).intact());
}

TEST_F(WholeRecord, HoldsAnEarlierHeadWhereverItIs) {
  release(250);
  VerifyOptions options{.checkpoints = chain_.verifier(), .expected = {}, .begins = {}};
  for (const std::int64_t seq : {150, 250, 400}) {
    const auto& record = chain_.records[static_cast<std::size_t>(seq) - 1];
    options.expected = Checkpoint{.seq = seq, .hash = record.hash, .at = {}};
    EXPECT_TRUE(check(options).intact()) << seq;
    options.expected->hash[0] ^= 1;
    EXPECT_EQ(check(options).finding, Finding::head_mismatch) << seq;
  }
  options.expected = Checkpoint{.seq = 451, .hash = {}, .at = {}};
  EXPECT_EQ(check(options).finding, Finding::truncated);
}

// ---- syslog

ports::AuditStore::Record record_with(const std::string& value) {
  ports::AuditStore::Record record;
  record.seq = 42;
  record.event.issuer = Issuer("https://as.example");
  record.event.kind = model::AuditKind::denial;
  record.event.outcome = model::AuditOutcome::denied;
  record.event.at = from_micros(1'800'000'000'123'456);
  record.event.user = value;
  record.event.details = {{"note", value}};
  return record;
}

TEST(AuditSyslog, Rfc5424_6_HeaderAndStructuredData) {
  const auto text = to_syslog(record_with("u_ada"), {"as1.example", "77"});
  EXPECT_TRUE(
      text.starts_with("<108>1 2027-01-15T08:00:00.123Z as1.example mitral 77 denial [mitral@32473 seq=\"42\" hash=\""))
      << text;
  EXPECT_NE(text.find(" outcome=\"denied\""), std::string::npos);
  EXPECT_NE(text.find(" user=\"u_ada\""), std::string::npos);
  EXPECT_NE(text.find("] {\"at\":"), std::string::npos);
  EXPECT_NE(to_syslog(record_with("u"), {"two words", ""}).find(" - mitral - denial "), std::string::npos);
  EXPECT_EQ(framed("abc"), "3 abc");
}

TEST(AuditSyslog, W27_NoValueForgesAMessageOrAParameter) {
  const std::vector<std::string> values = {"a\n<13>1 - - - - - forged",
                                           "a\"] forged",
                                           "a\\",
                                           "a]",
                                           std::string("nul\0byte", 8),
                                           "\x7f",
                                           "nel\xc2\x85line",
                                           "sep\xe2\x80\xa8line",
                                           "broken\xff\xfe",
                                           "\r\n\r\n",
                                           "tab\there",
                                           "\x1b[31m"};
  for (const auto& value : values) {
    const auto text = to_syslog(record_with(value), {"host", "1"});
    EXPECT_TRUE(std::ranges::none_of(text, [](char c) {
      const auto byte = static_cast<unsigned char>(c);
      return byte < 0x20 || byte == 0x7f;
    })) << text;
    EXPECT_EQ(text.find("\xc2\x85"), std::string::npos);
    EXPECT_EQ(text.find("\xe2\x80\xa8"), std::string::npos);
    // The structured data ends at the first unescaped bracket: read it as a collector would.
    auto at = text.find('[') + 1;
    bool quoted = false;
    int parameters = 0;
    for (; quoted || text[at] != ']'; ++at) {
      ASSERT_LT(at + 1, text.size());
      if (quoted && text[at] == '\\' && (text[at + 1] == '"' || text[at + 1] == '\\' || text[at + 1] == ']')) {
        ++at;
      } else if (text[at] == '"') {
        parameters += quoted ? 0 : 1;
        quoted = !quoted;
      }
    }
    EXPECT_EQ(parameters, 5) << text;
    EXPECT_TRUE(std::string_view(text).substr(at).starts_with("] {\"at\":")) << text;
  }
}

}  // namespace
}  // namespace mitral::audit
