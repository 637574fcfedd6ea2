// AuditShipper: turns the audit record into segments (audit/segment.h), ships them, and lets the database go of what
// every destination has taken.
//
//   directory   a segment is closed when it has its number of records, its size or its age, always after a sealed
//   record syslog      each record as a message (audit/syslog.h), soon after it was committed http        each segment
//   by POST, as application/zstd with Content-Digest (RFC 9530) and an Idempotency-Key made of
//               it: any 2xx takes it
//   release     `keep` after its last record a segment is read back, compared with the database, named in an audit
//               event with its digest, and its records leave the database in small acts
//
// Everything is resumable: how far each destination is stands in notes beside the segments, written after the fact, so
// that a kill or a power cut repeats a little and leaves out nothing. One node ships at a time, by a lease; two at once
// would write the same segments, or segments that overlap and tell the same. Nodes that don't share the directory start
// where the database begins when the lease comes to them.
//
// Errors: what can't be shipped is tried again, less and less often, and logged once; nothing is released meanwhile.
// Thread rules: a thread of its own, and for http a runtime of its own: event loops are never held up. create(),
// start(), step() and the destructor on the owner's thread; metrics_text() from any.
#pragma once

#include <memory>
#include <string>

#include "app/audit_settings.h"
#include "base/random.h"
#include "ports/stores.h"

namespace mitral::app {

class AuditShipper {
 public:
  /// `owner`: the issuer in whose name the release is recorded. Everything handed in must outlive the shipper.
  [[nodiscard]] static Result<std::unique_ptr<AuditShipper>> create(AuditSettings settings, Issuer owner,
                                                                    ports::Store& store, const Clock& clock,
                                                                    Random& random);
  ~AuditShipper();
  AuditShipper(const AuditShipper&) = delete;
  AuditShipper& operator=(const AuditShipper&) = delete;

  /// Ships from now on, on a thread of its own.
  void start();
  /// One round, on the calling thread, instead of start(): true when there is more to do at once.
  [[nodiscard]] bool step();
  [[nodiscard]] std::string metrics_text() const;

 private:
  struct Impl;
  explicit AuditShipper(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mitral::app
