#include "audit/verify.h"

#include "base/limits.h"

namespace mitral::audit {
namespace {

constexpr std::size_t kPage = 512;

class Verifier {
 public:
  Verifier(const RecordReader& read, const VerifyOptions& options) : read_(read), options_(options) {}

  Result<Verdict> run() {
    for (;;) {
      MITRAL_TRY(const auto records, read_(verdict_.head.seq, kPage));
      for (const auto& record : records) {
        if (!accept(record)) return verdict_;
      }
      if (records.empty()) break;
    }
    end();
    return verdict_;
  }

 private:
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
    if (options_.expected && options_.expected->seq == record.seq && options_.expected->hash != hash) {
      return broken(Finding::head_mismatch, record.seq);
    }
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

  bool seals(const ports::AuditStore::Record& record) const {
    if (!options_.checkpoints) return true;
    const auto payload = options_.checkpoints(record.checkpoint);
    if (!payload) return false;
    const auto checkpoint = parse_checkpoint_payload(*payload);
    return checkpoint && checkpoint->seq == record.seq && checkpoint->hash == record.hash;
  }

  void end() {
    if (options_.expected && options_.expected->seq > verdict_.head.seq)
      broken(Finding::truncated, verdict_.head.seq + 1);
  }

  const RecordReader& read_;
  const VerifyOptions& options_;
  Verdict verdict_;
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
  }
  return "unknown";
}

Result<Verdict> verify(const RecordReader& read, const VerifyOptions& options) { return Verifier(read, options).run(); }

}  // namespace mitral::audit
