// Chain: how audit events become a record that can't be changed unnoticed.
//
//   hash_i = SHA-256( hash_(i-1) || seq_i as 8 bytes big-endian || canonical(event_i) )        hash_0 = 32 zero bytes
//
// The canonical form is JSON with the members in a fixed order and empty ones left out, so that a member added later
// does not change the hash of an older event. The writer of the store computes hashes in the order of commit. Every
// kAuditCheckpointRecords, and when it is idle, it signs the head: a checkpoint is a JWS (typ "audit-checkpoint+jwt",
// key purpose "audit") over {"seq","hash","at"} and stands beside the record that it seals. Who can write the file but
// has no audit key can only damage what came after the last checkpoint that somebody else remembers (threats §14).
//
// Limits: kAuditEventMax for one canonical event; longer details are shortened and end in U+2026.
// Errors: malformed when a stored event or checkpoint does not read back exactly.
// Thread rules: pure functions; the callbacks that signer_of() and verifier_of() return may be called from any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "jose/jws.h"
#include "model/audit_event.h"

namespace mitral::audit {

/// The bytes that are hashed and stored. At most kAuditEventMax.
[[nodiscard]] std::string canonical(const model::AuditEvent& event);
/// The event back; malformed unless canonical() of it gives the same bytes again.
[[nodiscard]] Result<model::AuditEvent> parse_canonical(std::string_view text);
[[nodiscard]] Hash256 chain_hash(const Hash256& previous, std::int64_t seq, std::string_view canonical) noexcept;

struct Checkpoint {
  std::int64_t seq = 0;
  Hash256 hash{};
  Instant at;
};
[[nodiscard]] std::string checkpoint_payload(const Checkpoint& checkpoint);
[[nodiscard]] Result<Checkpoint> parse_checkpoint_payload(std::string_view payload);

/// Payload in, compact JWS out. An error postpones the checkpoint; it never holds up an act.
using CheckpointSigner = std::function<Result<std::string>(std::string_view payload)>;
/// Compact JWS in, verified payload out.
using CheckpointVerifier = std::function<Result<std::string>(std::string_view jws)>;

[[nodiscard]] CheckpointSigner signer_of(jose::SigningKey key);
/// Keys of every issuer that the file ever had an "audit" key for, retired ones too.
[[nodiscard]] CheckpointVerifier verifier_of(std::vector<jose::JwkSet> keys);

}  // namespace mitral::audit
