// Verify: reads the whole audit record and says whether the chain holds, and if not, where it broke first.
//
// Found: an altered, deleted, inserted or reordered record (the hash no longer follows), a forged or foreign
// checkpoint, a record whose checkpoints were all taken away (more than 2 x kAuditCheckpointRecords unsealed), and a
// tail that was cut off, when the caller remembers a head (`expected`): the one before from `mitral audit verify`, or a
// checkpoint kept elsewhere. A tail that was cut off after the last checkpoint can't be told without such a memory.
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
#include "ports/stores.h"

namespace mitral::audit {

using RecordReader =
    std::function<Result<std::vector<ports::AuditStore::Record>>(std::int64_t after, std::size_t limit)>;

struct VerifyOptions {
  CheckpointVerifier checkpoints;      ///< empty: checkpoints are counted, not verified
  std::optional<Checkpoint> expected;  ///< a head seen before: the record must still hold it
};

enum class Finding : std::uint8_t {
  intact,
  gap,                 ///< seq does not follow: a record was deleted, inserted or reordered
  hash_mismatch,       ///< the record or its place was changed
  checkpoint_invalid,  ///< signature, seq or hash of a checkpoint does not fit
  checkpoint_missing,  ///< too many records in a row without one
  truncated,           ///< the expected head is beyond the end
  head_mismatch,       ///< the expected head has another hash: the record was written anew
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

}  // namespace mitral::audit
