// AuditShelf: the audit record of MemoryStore, which holds the lock: a hash chain as the file would have it.
//
// Thread rules: the caller synchronises.
#pragma once

#include <utility>
#include <vector>

#include "audit/chain.h"
#include "base/limits.h"
#include "ports/stores.h"

namespace mitral::store {

/// Appends the events to the chain, sealed now and then.
inline void append_to_chain(std::vector<ports::AuditStore::Record>& records, const ports::AuditStore::Anchor& anchor,
                            ports::Events events, const audit::CheckpointSigner& signer) {
  for (auto& event : events) {
    ports::AuditStore::Record record;
    record.seq = anchor.seq + static_cast<std::int64_t>(records.size()) + 1;
    record.previous = records.empty() ? anchor.hash : records.back().hash;
    const auto canonical = audit::canonical(event);
    record.hash = audit::chain_hash(record.previous, record.seq, canonical);
    // As it would be read back from a file, shortened where it was too long.
    auto stored = audit::parse_canonical(canonical);
    record.event = stored ? std::move(*stored) : std::move(event);
    if (signer && record.seq % limits::kAuditCheckpointRecords == 0) {
      auto seal = signer(audit::checkpoint_payload({.seq = record.seq, .hash = record.hash, .at = record.event.at}));
      if (seal) record.checkpoint = std::move(*seal);
    }
    records.push_back(std::move(record));
  }
}

/// Lets go of the oldest records; the newest one stays.
inline std::size_t release_from_chain(std::vector<ports::AuditStore::Record>& records,
                                      ports::AuditStore::Anchor& anchor, std::int64_t seq, std::size_t limit) {
  std::size_t count = 0;
  while (count < limit && count + 1 < records.size() && records[count].seq <= seq) ++count;
  if (count == 0) return 0;
  anchor = {records[count - 1].seq, records[count - 1].hash};
  records.erase(records.begin(), records.begin() + static_cast<std::ptrdiff_t>(count));
  return count;
}

}  // namespace mitral::store
