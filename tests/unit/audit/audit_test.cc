#include <gtest/gtest.h>

#include <algorithm>

#include "audit/chain.h"
#include "audit/fhir_export.h"
#include "audit/render.h"
#include "audit/verify.h"
#include "base/limits.h"
#include "crypto/hash.h"

namespace mitral::audit {
namespace {

using Record = ports::AuditStore::Record;
using model::AuditEvent;
using model::AuditKind;
using model::AuditOutcome;

AuditEvent event(AuditKind kind = AuditKind::token_issued) {
  AuditEvent out;
  out.issuer = Issuer("https://as.example");
  out.kind = kind;
  out.at = from_micros(1'800'000'000'123'456);
  out.client = "c_app";
  out.user = "u_ada";
  out.patient = "p1";
  out.grant = "g1";
  out.token = "t1";
  out.address = "192.0.2.7";
  out.details = {{"scopes", "patient/*.rs"}, {"scopes", "again"}};
  return out;
}

jose::SigningKey es256(const std::string& kid) {
  auto key = crypto::PrivateKey::generate(crypto::KeyKind::p256);
  return {.kid = kid, .alg = jose::SignAlg::es256, .key = *key};
}

jose::JwkSet public_set(const jose::SigningKey& key) {
  jose::JwkSet set;
  EXPECT_TRUE(set.add(jose::Jwk::from_key(key.key.public_key(), key.kid, "ES256")));
  return set;
}

/// A record as a store keeps it, with a checkpoint every `every` events.
class Chain {
 public:
  explicit Chain(int count, CheckpointSigner signer = {}, int every = 10) {
    for (int i = 1; i <= count; ++i) {
      Record record;
      record.seq = i;
      record.event = event();
      record.event.reason = "r" + std::to_string(i);
      if (!records.empty()) record.previous = records.back().hash;
      record.hash = chain_hash(record.previous, i, canonical(record.event));
      if (signer && i % every == 0) {
        record.checkpoint = *signer(checkpoint_payload({.seq = i, .hash = record.hash, .at = record.event.at}));
      }
      records.push_back(record);
    }
  }
  /// Whoever can write the file can make the hashes fit again from here on, and the seqs too.
  void rechain(std::size_t from = 0) {
    for (std::size_t i = from; i < records.size(); ++i) {
      records[i].seq = static_cast<std::int64_t>(i) + 1;
      records[i].previous = i == 0 ? Hash256{} : records[i - 1].hash;
      records[i].hash = chain_hash(records[i].previous, records[i].seq, canonical(records[i].event));
    }
  }
  [[nodiscard]] Verdict check(const VerifyOptions& options = {}) const {
    const auto verdict = verify(
        [this](std::int64_t after, std::size_t limit) -> Result<std::vector<Record>> {
          std::vector<Record> out;
          for (const auto& record : records) {
            if (record.seq > after && out.size() < limit) out.push_back(record);
          }
          return out;
        },
        options);
    EXPECT_TRUE(verdict);
    return *verdict;
  }
  std::vector<Record> records;
};

TEST(AuditChain, CanonicalReadsBackExactly) {
  auto full = event(AuditKind::fhir_access);
  full.outcome = AuditOutcome::denied;
  full.reason = "insufficient_scope";
  const auto text = canonical(full);
  const auto back = parse_canonical(text);
  ASSERT_TRUE(back);
  EXPECT_EQ(canonical(*back), text);
  EXPECT_EQ(back->details, full.details);
  EXPECT_EQ(back->at, full.at);
  EXPECT_EQ(back->outcome, full.outcome);
}

TEST(AuditChain, CanonicalIsStableForever) {
  // Hashes that operators keep depend on these bytes: whoever changes them breaks every chain in the field.
  AuditEvent little;
  little.issuer = Issuer("https://as.example");
  little.kind = AuditKind::sign_in;
  little.at = from_micros(5);
  little.details = {{"k", "v"}};
  EXPECT_EQ(canonical(little),
            R"({"at":5,"kind":"sign_in","outcome":"success","issuer":"https://as.example","details":[["k","v"]]})");
  EXPECT_EQ(chain_hash({}, 1, "x"), crypto::sha256(std::string(32, '\0') + std::string("\0\0\0\0\0\0\0\x01x", 9)));
}

TEST(AuditChain, OtherSpellingsOfAnEventAreRefused) {
  const auto text = canonical(event());
  EXPECT_FALSE(parse_canonical(" " + text));
  EXPECT_FALSE(parse_canonical(text + " "));
  auto unknown = text;
  unknown.replace(unknown.find("token_issued"), 12, "token_forged");
  EXPECT_FALSE(parse_canonical(unknown));
  EXPECT_FALSE(parse_canonical(R"({"at":5,"kind":"sign_in","outcome":"success","extra":1})"));
  EXPECT_FALSE(parse_canonical("[]"));
  EXPECT_FALSE(parse_canonical(""));
}

TEST(AuditChain, LongAndBrokenTextIsShortenedAndReadsBack) {
  auto big = event();
  big.user = std::string(3000, '\xff');
  big.client = std::string(limits::kAuditDetailMax - 1, 'c') + "\xf0\x9f\xa7\xac";
  big.reason = std::string("nul\0inside", 10);
  big.details.assign(200, {std::string(2000, '\x01'), std::string(2000, 'v')});
  const auto text = canonical(big);
  EXPECT_LE(text.size(), limits::kAuditEventMax);
  const auto back = parse_canonical(text);
  ASSERT_TRUE(back);
  EXPECT_LE(back->details.size(), limits::kAuditDetailsMax);
  EXPECT_EQ(back->reason, big.reason);
}

TEST(AuditVerify, AWholeChainIsIntact) {
  const auto key = es256("audit-1");
  const Chain chain(25, signer_of(key));
  const auto verdict = chain.check({.checkpoints = verifier_of({public_set(key)}), .expected = {}});
  EXPECT_TRUE(verdict.intact());
  EXPECT_EQ(verdict.records, 25);
  EXPECT_EQ(verdict.checkpoints, 2);
  EXPECT_EQ(verdict.unsealed, 5);
  EXPECT_EQ(verdict.head.seq, 25);
  EXPECT_TRUE(Chain(0).check().intact());
  EXPECT_TRUE(Chain(1500).check().intact()) << "more than one page";
}

TEST(AuditTamper, AnAlteredRecordIsFound) {
  Chain chain(20);
  chain.records[6].event.user = "u_eve";
  const auto verdict = chain.check();
  EXPECT_EQ(verdict.finding, Finding::hash_mismatch);
  EXPECT_EQ(verdict.broken_at, 7);
}

TEST(AuditTamper, ADeletedRecordIsFound) {
  Chain chain(20);
  chain.records.erase(chain.records.begin() + 6);
  EXPECT_EQ(chain.check().finding, Finding::gap);
  EXPECT_EQ(chain.check().broken_at, 7);
  // Renumbered to hide the gap: the hashes give it away.
  for (std::size_t i = 6; i < chain.records.size(); ++i) chain.records[i].seq = static_cast<std::int64_t>(i) + 1;
  EXPECT_EQ(chain.check().finding, Finding::hash_mismatch);
  EXPECT_EQ(chain.check().broken_at, 7);
}

TEST(AuditTamper, AReorderedOrInsertedRecordIsFound) {
  Chain chain(20);
  std::swap(chain.records[4].event, chain.records[5].event);
  EXPECT_EQ(chain.check().broken_at, 5);
  Chain more(20);
  more.records.insert(more.records.begin() + 3, more.records[2]);
  for (std::size_t i = 0; i < more.records.size(); ++i) more.records[i].seq = static_cast<std::int64_t>(i) + 1;
  EXPECT_EQ(more.check().broken_at, 4);
}

TEST(AuditTamper, ARewrittenChainIsFoundByItsCheckpoint) {
  const auto key = es256("audit-1");
  Chain chain(20, signer_of(key));
  chain.records[4].event.user = "u_eve";
  chain.rechain();
  EXPECT_TRUE(chain.check().intact()) << "hashes alone can't tell";
  const auto verdict = chain.check({.checkpoints = verifier_of({public_set(key)}), .expected = {}});
  EXPECT_EQ(verdict.finding, Finding::checkpoint_invalid);
  EXPECT_EQ(verdict.broken_at, 10);
}

TEST(AuditTamper, AForgedCheckpointIsFound) {
  const auto key = es256("audit-1");
  const auto forger = es256("audit-1");  // same name, other key
  Chain chain(20, signer_of(forger));
  const VerifyOptions how{.checkpoints = verifier_of({public_set(key)}), .expected = {}};
  EXPECT_EQ(chain.check(how).finding, Finding::checkpoint_invalid);
  // A genuine checkpoint of another record does not fit here either.
  Chain genuine(20, signer_of(key));
  genuine.records[14].checkpoint = genuine.records[9].checkpoint;
  EXPECT_EQ(genuine.check(how).broken_at, 15);
  // Nor does a token that the right key signed for another purpose.
  Chain token(20);
  token.records[9].checkpoint =
      *jose::sign_jws(key, {.typ = "at+jwt", .cty = {}},
                      checkpoint_payload({.seq = 10, .hash = token.records[9].hash, .at = token.records[9].event.at}));
  EXPECT_EQ(token.check(how).finding, Finding::checkpoint_invalid);
}

TEST(AuditTamper, ACutTailIsFoundByWhoeverRemembersAHead) {
  Chain chain(20);
  const Checkpoint head = chain.check().head;
  chain.records.resize(15);
  EXPECT_TRUE(chain.check().intact());
  const auto verdict = chain.check({.checkpoints = {}, .expected = head});
  EXPECT_EQ(verdict.finding, Finding::truncated);
  EXPECT_EQ(verdict.broken_at, 16);
  // Cut and written on: the remembered head no longer fits.
  Chain other(15);
  for (int i = 0; i < 10; ++i)
    other.records.push_back(
        Record{.seq = 0, .event = event(AuditKind::sign_out), .previous = {}, .hash = {}, .checkpoint = {}});
  other.rechain();
  EXPECT_EQ(other.check({.checkpoints = {}, .expected = head}).finding, Finding::head_mismatch);
}

TEST(AuditTamper, AChainWithoutItsSealsIsFound) {
  const auto key = es256("audit-1");
  const auto count = static_cast<int>(2 * limits::kAuditCheckpointRecords + 1);
  const Chain chain(count);
  EXPECT_EQ(chain.check({.checkpoints = verifier_of({public_set(key)}), .expected = {}}).finding,
            Finding::checkpoint_missing);
}

TEST(AuditVerify, AReadersErrorIsAnError) {
  const auto verdict =
      verify([](std::int64_t, std::size_t) -> Result<std::vector<Record>> { return fail(ErrorCode::unavailable); }, {});
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().code, ErrorCode::unavailable);
}

TEST(AuditRender, W27_NoValueForgesALine) {
  Record record{.seq = 42, .event = event(), .previous = {}, .hash = {}, .checkpoint = {}};
  record.event.user = "eve\n2026-01-01T00:00:00.000Z #43 sign_in success";
  record.event.details = {{"k\r", "a\x1b[2J\x7f b"}};
  const auto line = render_line(record);
  EXPECT_TRUE(std::ranges::none_of(line, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
      << line;
  EXPECT_NE(line.find("#42 token_issued success"), std::string::npos);
  EXPECT_NE(line.find("client=c_app"), std::string::npos);
  EXPECT_EQ(render_json(record).dump().find('\n'), std::string::npos);
}

TEST(AuditRender, JsonIsEnoughToVerify) {
  const Chain chain(3);
  for (const auto& record : chain.records) {
    const auto json = render_json(record);
    EXPECT_EQ(chain_hash(record.previous, json["seq"].int_or(0), json["canonical"].string_or()), record.hash);
  }
}

TEST(AuditFhir, EveryKindIsAnAuditEvent) {
  for (int kind = 1; kind <= static_cast<int>(AuditKind::fhir_access); ++kind) {
    const Record record{
        .seq = 7, .event = event(static_cast<AuditKind>(kind)), .previous = {}, .hash = {}, .checkpoint = {}};
    const auto json = to_fhir(record, "Mitral");
    EXPECT_EQ(json["resourceType"].string_or(), "AuditEvent");
    EXPECT_FALSE(json["type"]["code"].string_or().empty()) << kind;
    EXPECT_FALSE(json["type"]["system"].string_or().empty());
    EXPECT_EQ(json["recorded"].string_or(), "2027-01-15T08:00:00.123Z");
    EXPECT_EQ(json["outcome"].string_or(), "0");
    int requestors = 0;
    for (const auto& agent : json["agent"].items()) {
      EXPECT_TRUE(agent["requestor"].is_bool());
      requestors += agent["requestor"].bool_or(false) ? 1 : 0;
    }
    EXPECT_EQ(requestors, 1) << "exactly one initiator";
    EXPECT_TRUE(json["source"]["observer"].is_object());
    EXPECT_EQ(json["entity"][0]["what"]["reference"].string_or(), "Patient/p1");
  }
}

TEST(AuditFhir, AccessFollowsThePatterns) {
  Record record{.seq = 7, .event = event(AuditKind::fhir_access), .previous = {}, .hash = {}, .checkpoint = {}};
  record.event.details = {{"interaction", "search-type"}, {"resource", "Observation"}};
  record.event.outcome = AuditOutcome::denied;
  record.event.reason = "insufficient_scope";
  const auto json = to_fhir(record, "Mitral");
  EXPECT_EQ(json["type"]["code"].string_or(), "rest");
  EXPECT_EQ(json["subtype"][0]["code"].string_or(), "search-type");
  EXPECT_EQ(json["action"].string_or(), "E");
  EXPECT_EQ(json["outcome"].string_or(), "8");
  EXPECT_EQ(json["outcomeDesc"].string_or(), "insufficient_scope");
  EXPECT_EQ(json["agent"][0]["type"]["coding"][0]["code"].string_or(), "110153");
  EXPECT_EQ(json["agent"][1]["type"]["coding"][0]["code"].string_or(), "IRCP");
  EXPECT_EQ(json["agent"][1]["policy"][0].string_or(), "urn:ietf:params:oauth:jti:t1");
  const std::pair<const char*, const char*> actions[] = {{"read", "R"},     {"vread", "R"}, {"create", "C"},
                                                         {"update", "U"},   {"patch", "U"}, {"delete", "D"},
                                                         {"operation", "E"}};
  for (const auto& [interaction, action] : actions) {
    record.event.details = {{"interaction", interaction}};
    EXPECT_EQ(to_fhir(record, "Mitral")["action"].string_or(), action);
  }
}

}  // namespace
}  // namespace mitral::audit
