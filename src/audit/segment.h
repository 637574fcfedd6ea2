// Segment: a stretch of the audit record as a file of its own, so that the past can leave the database and still be
// proven.
//
//   audit-<from>-<to>.jsonl.zst      Zstandard (RFC 8878), two frames one after the other:
//     {"segment":"mitral-audit/1","from":…,"to":…,"count":…,"previous":"…","last":"…"}
//     {"seq":…,"hash":"…","checkpoint":"…","event":{…}}      one line for each record; the event in its canonical form
//
// `previous` is the hash of the record before the first, `last` that of the last one: segments form the same chain as
// the records in them. The last record of a segment is sealed by a signed checkpoint (audit/chain.h), and with it
// everything before. Who reads only needs SHA-256 and Zstandard.
//
// Limits: kAuditSegmentRecordsMax, kAuditSegmentBytesMax (not compressed), kAuditSegmentLineMax.
// Errors: malformed for whatever is not exactly such a segment, or does not follow from itself; too_large.
// Thread rules: a writer or reader belongs to one thread; the rest are pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "audit/chain.h"
#include "ports/stores.h"

namespace mitral::audit {

struct SegmentHead {
  std::int64_t from = 0;
  std::int64_t to = 0;
  Hash256 previous{};
  Hash256 last{};
  [[nodiscard]] std::int64_t count() const noexcept { return to - from + 1; }
};

struct Segment {
  SegmentHead head;
  std::string bytes;  ///< the file
  Hash256 digest{};   ///< SHA-256 of `bytes`
};

/// "audit-000000000001-000000050000.jsonl.zst": the order of names is the order of records.
[[nodiscard]] std::string segment_name(std::int64_t from, std::int64_t to);
struct SegmentRange {
  std::int64_t from = 0;
  std::int64_t to = 0;
};
/// nullopt for every name that segment_name() does not give.
[[nodiscard]] std::optional<SegmentRange> parse_segment_name(std::string_view name);

class SegmentWriter {
 public:
  /// `before`: seq and hash of the record before the first; zero at the very beginning.
  explicit SegmentWriter(const ports::AuditStore::Anchor& before);
  ~SegmentWriter();
  SegmentWriter(SegmentWriter&&) noexcept;
  SegmentWriter& operator=(SegmentWriter&&) noexcept;

  /// malformed when the record does not follow from the one before: what is broken is never shipped as if it held.
  [[nodiscard]] Result<void> add(const ports::AuditStore::Record& record);
  [[nodiscard]] std::int64_t count() const noexcept;
  /// Before compression.
  [[nodiscard]] std::size_t size() const noexcept;
  /// Seq and hash of the last record.
  [[nodiscard]] const ports::AuditStore::Anchor& head() const noexcept;
  /// The whole file. The writer is used up. malformed when it is empty or its last record is not sealed.
  [[nodiscard]] Result<Segment> finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class SegmentReader {
 public:
  /// Some bytes of the file; empty at its end.
  using Source = std::function<Result<std::string>()>;
  [[nodiscard]] static Result<SegmentReader> open(Source source);
  /// The same over bytes in memory, which must outlive the reader.
  [[nodiscard]] static Result<SegmentReader> over(std::string_view bytes);
  ~SegmentReader();
  SegmentReader(SegmentReader&&) noexcept;
  SegmentReader& operator=(SegmentReader&&) noexcept;

  [[nodiscard]] const SegmentHead& head() const noexcept;
  /// The next record, which follows from the one before; nothing at the end, which is where the head says.
  [[nodiscard]] Result<std::optional<ports::AuditStore::Record>> next();

 private:
  struct Impl;
  explicit SegmentReader(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

/// Reads it to its end: its head, if everything holds.
[[nodiscard]] Result<SegmentHead> check_segment(SegmentReader::Source source);

}  // namespace mitral::audit
