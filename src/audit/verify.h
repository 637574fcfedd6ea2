// Verify: reads the whole audit record and says whether the chain holds, and if not, where it broke first.
//
// Found: an altered, deleted, inserted or reordered record (the hash no longer follows), a forged or foreign
// checkpoint, a record whose checkpoints were all taken away (more than 2 x kAuditCheckpointRecords unsealed), and a
// tail that was cut off, when the caller remembers a head (`expected`): the one before from `mitral audit verify`, or a
// checkpoint kept elsewhere. A tail that was cut off after the last checkpoint can't be told without such a memory.
//
// A record whose past was let go begins at its anchor, which anybody who writes the file could forge: it is believed
// only where segments (audit/segment.h) lead up to it, or the caller says that it begins there. Segments may overlap
// each other and the database; then all of them must tell the same.
//
// Errors: what the reader returns. A broken chain is not an error but an answer.
// Thread rules: a plain function; the callbacks run on the calling thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "audit/chain.h"
#include "audit/segment.h"
#include "ports/stores.h"

namespace mitral::audit {

using RecordReader =
    std::function<Result<std::vector<ports::AuditStore::Record>>(std::int64_t after, std::size_t limit)>;

struct VerifyOptions {
  CheckpointVerifier checkpoints;         ///< empty: checkpoints are counted, not verified
  std::optional<Checkpoint> expected;     ///< a head seen before: the record must still hold it
  ports::AuditStore::Anchor begins = {};  ///< the record before the first one there is; zero: everything must be there
};

enum class Finding : std::uint8_t {
  intact,
  gap,                 ///< seq does not follow: a record was deleted, inserted or reordered
  hash_mismatch,       ///< the record or its place was changed
  checkpoint_invalid,  ///< signature, seq or hash of a checkpoint does not fit
  checkpoint_missing,  ///< too many records in a row without one
  truncated,           ///< the expected head is beyond the end
  head_mismatch,       ///< the expected head has another hash: the record was written anew
  segment_missing,     ///< records are neither in the database nor in a segment
  segment_altered,     ///< a segment is damaged, or was changed
  segment_foreign,     ///< a segment, or the database, goes on from another chain
  anchor_mismatch,     ///< the database says that it begins where the segments say otherwise
};
[[nodiscard]] std::string_view name(Finding finding) noexcept;

struct Verdict {
  Finding finding = Finding::intact;
  std::int64_t broken_at = 0;  ///< first seq that is wrong; 0 when intact
  std::int64_t records = 0;
  std::int64_t checkpoints = 0;
  std::int64_t unsealed = 0;  ///< records after the last checkpoint: protected by the chain alone
  Checkpoint head;            ///< remember it for the next time
  [[nodiscard]] bool intact() const noexcept { return finding == Finding::intact; }
};

[[nodiscard]] Result<Verdict> verify(const RecordReader& read, const VerifyOptions& options);

/// A segment that was found somewhere, by its name.
struct FoundSegment {
  SegmentRange range;
  std::function<Result<SegmentReader::Source>()> open;
};
/// Segments, anchor and database as one chain. `segments` in any order.
[[nodiscard]] Result<Verdict> verify_all(std::vector<FoundSegment> segments, const ports::AuditStore::Anchor& anchor,
                                         const RecordReader& database, const VerifyOptions& options);

}  // namespace mitral::audit
