#include "audit/verify.h"

#include <algorithm>
#include <map>

#include "base/limits.h"

namespace mitral::audit {
namespace {

constexpr std::size_t kPage = 512;

using Anchor = ports::AuditStore::Anchor;

class Verifier {
 public:
  explicit Verifier(const VerifyOptions& options) : Verifier(options, options.begins) {}
  Verifier(const VerifyOptions& options, const Anchor& begins) : options_(options) {
    verdict_.head = {.seq = begins.seq, .hash = begins.hash, .at = {}};
  }

  /// Points that others know besides: what the record says there is kept, or (`must_hold`) compared.
  void watch(std::int64_t seq) { seen_.emplace(seq, std::nullopt); }
  void must_hold(const Anchor& point, Finding otherwise) { points_.emplace(point.seq, Point{point.hash, otherwise}); }
  [[nodiscard]] std::optional<Hash256> seen(std::int64_t seq) const {
    const auto at = seen_.find(seq);
    return at == seen_.end() ? std::nullopt : at->second;
  }
  [[nodiscard]] Verdict& verdict() noexcept { return verdict_; }
  [[nodiscard]] Anchor head() const noexcept { return {verdict_.head.seq, verdict_.head.hash}; }

  /// False: the chain is broken, and the verdict says where.
  Result<bool> run(const RecordReader& read) {
    for (;;) {
      MITRAL_TRY(const auto records, read(verdict_.head.seq, kPage));
      for (const auto& record : records) {
        if (!accept(record)) return false;
      }
      if (records.empty()) return true;
    }
  }

  bool broken(Finding finding, std::int64_t at) {
    verdict_.finding = finding;
    verdict_.broken_at = at;
    return false;
  }

  bool accept(const ports::AuditStore::Record& record) {
    const std::int64_t expected_seq = verdict_.head.seq + 1;
    if (record.seq != expected_seq) return broken(Finding::gap, expected_seq);
    const Hash256 hash = chain_hash(verdict_.head.hash, record.seq, canonical(record.event));
    if (hash != record.hash || record.previous != verdict_.head.hash) return broken(Finding::hash_mismatch, record.seq);
    verdict_.head = {.seq = record.seq, .hash = hash, .at = record.event.at};
    ++verdict_.records;
    ++verdict_.unsealed;
    if (!known(record.seq, hash)) return false;
    if (!record.checkpoint.empty()) {
      if (!seals(record)) return broken(Finding::checkpoint_invalid, record.seq);
      ++verdict_.checkpoints;
      verdict_.unsealed = 0;
    }
    // Whoever rewrites the whole record can't sign: the lack of seals is what gives it away.
    if (options_.checkpoints && verdict_.unsealed > 2 * limits::kAuditCheckpointRecords) {
      return broken(Finding::checkpoint_missing, record.seq);
    }
    return true;
  }

  void end() {
    if (options_.expected && options_.expected->seq > verdict_.head.seq)
      broken(Finding::truncated, verdict_.head.seq + 1);
  }

 private:
  struct Point {
    Hash256 hash{};
    Finding otherwise = Finding::head_mismatch;
  };

  bool known(std::int64_t seq, const Hash256& hash) {
    if (options_.expected && options_.expected->seq == seq && options_.expected->hash != hash)
      return broken(Finding::head_mismatch, seq);
    if (const auto at = seen_.find(seq); at != seen_.end()) at->second = hash;
    const auto point = points_.find(seq);
    if (point != points_.end() && point->second.hash != hash) return broken(point->second.otherwise, seq);
    return true;
  }

  bool seals(const ports::AuditStore::Record& record) const {
    if (!options_.checkpoints) return true;
    const auto payload = options_.checkpoints(record.checkpoint);
    if (!payload) return false;
    const auto checkpoint = parse_checkpoint_payload(*payload);
    return checkpoint && checkpoint->seq == record.seq && checkpoint->hash == record.hash;
  }

  const VerifyOptions& options_;
  std::map<std::int64_t, std::optional<Hash256>> seen_;
  std::map<std::int64_t, Point> points_;
  Verdict verdict_;
};

/// The segments from the beginning of the record on.
class SegmentVerifier {
 public:
  SegmentVerifier(Verifier& chain, const Anchor& begins) : chain_(chain), begins_(begins) {}

  Result<bool> run(std::vector<FoundSegment>& segments) {
    std::ranges::sort(segments, {}, [](const auto& one) { return std::pair(one.range.from, one.range.to); });
    for (const auto& segment : segments) {
      chain_.watch(segment.range.from - 1);
      chain_.watch(segment.range.to);
    }
    for (const auto& segment : segments) {
      if (segment.range.to <= begins_.seq) continue;  // from before the beginning that the caller named
      MITRAL_TRY(const bool good, one(segment));
      if (!good) return false;
    }
    return true;
  }

 private:
  Result<bool> one(const FoundSegment& segment) {
    const Anchor before = chain_.head();
    if (segment.range.from > before.seq + 1) return chain_.broken(Finding::segment_missing, before.seq + 1);
    MITRAL_TRY(auto source, segment.open());
    auto opened = SegmentReader::open(std::move(source));
    const std::int64_t first = segment.range.from;
    if (!opened || opened->head().from != first || opened->head().to != segment.range.to)
      return chain_.broken(Finding::segment_altered, first);
    if (!follows(first - 1, opened->head().previous)) return chain_.broken(Finding::segment_foreign, first);
    for (;;) {
      auto record = opened->next();
      if (!record) return chain_.broken(Finding::segment_altered, std::max(chain_.head().seq + 1, first));
      if (!*record) break;
      // What another segment told already must be told the same.
      if ((*record)->seq < before.seq) continue;
      if ((*record)->seq == before.seq) {
        if ((*record)->hash != before.hash) return chain_.broken(Finding::segment_foreign, first);
        continue;
      }
      if (!chain_.accept(**record)) return false;
    }
    if (!follows(segment.range.to, opened->head().last)) return chain_.broken(Finding::segment_foreign, first);
    return true;
  }

  /// What was read up to `seq` has this hash there, where that is known.
  [[nodiscard]] bool follows(std::int64_t seq, const Hash256& hash) const {
    if (seq == chain_.head().seq) return hash == chain_.head().hash;
    if (seq == begins_.seq) return hash == begins_.hash;
    const auto seen = chain_.seen(seq);
    return !seen || *seen == hash;
  }

  Verifier& chain_;
  Anchor begins_;
};

}  // namespace

std::string_view name(Finding finding) noexcept {
  switch (finding) {
    case Finding::intact: return "intact";
    case Finding::gap: return "gap";
    case Finding::hash_mismatch: return "hash_mismatch";
    case Finding::checkpoint_invalid: return "checkpoint_invalid";
    case Finding::checkpoint_missing: return "checkpoint_missing";
    case Finding::truncated: return "truncated";
    case Finding::head_mismatch: return "head_mismatch";
    case Finding::segment_missing: return "segment_missing";
    case Finding::segment_altered: return "segment_altered";
    case Finding::segment_foreign: return "segment_foreign";
    case Finding::anchor_mismatch: return "anchor_mismatch";
  }
  return "unknown";
}

Result<Verdict> verify(const RecordReader& read, const VerifyOptions& options) {
  Verifier chain(options);
  MITRAL_TRY(const bool good, chain.run(read));
  if (good) chain.end();
  return chain.verdict();
}

Result<Verdict> verify_all(std::vector<FoundSegment> segments, const Anchor& anchor, const RecordReader& database,
                           const VerifyOptions& options) {
  Verifier past(options);
  if (anchor.seq > options.begins.seq) past.must_hold(anchor, Finding::anchor_mismatch);
  MITRAL_TRY(const bool segments_hold, SegmentVerifier(past, options.begins).run(segments));
  if (!segments_hold) return past.verdict();
  const Anchor shipped = past.head();
  if (shipped.seq < anchor.seq) {
    past.broken(Finding::segment_missing, shipped.seq + 1);
    return past.verdict();
  }
  if (shipped.seq == anchor.seq && shipped.hash != anchor.hash) {
    past.broken(Finding::anchor_mismatch, anchor.seq);
    return past.verdict();
  }
  // What was let go begins before what the caller says: the database still has all of that, and more.
  Verifier present(options, anchor);
  if (shipped.seq > anchor.seq) present.must_hold(shipped, Finding::segment_foreign);
  MITRAL_TRY(const bool database_holds, present.run(database));
  auto verdict = present.verdict();
  if (database_holds && verdict.head.seq < shipped.seq) {
    // Segments prove that there was more.
    present.broken(Finding::truncated, verdict.head.seq + 1);
    verdict = present.verdict();
  } else if (database_holds) {
    present.end();
    verdict = present.verdict();
  }
  verdict.records = verdict.head.seq - std::min(options.begins.seq, anchor.seq);
  verdict.checkpoints += past.verdict().checkpoints;
  return verdict;
}

}  // namespace mitral::audit
