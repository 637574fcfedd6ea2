#include "store/audit_rows.h"

#include <string>

#include "audit/chain.h"
#include "crypto/hash.h"

namespace mitral::store {

model::AuditEvent event_from(std::string_view issuer, std::string_view canonical) {
  if (auto event = audit::parse_canonical(canonical)) return std::move(*event);
  model::AuditEvent out;
  out.issuer = Issuer(issuer);
  out.reason = "unreadable_record";
  return out;
}

Hash256 replay_key(const Issuer& issuer, std::string_view space, const Hash256& value) {
  std::string input = std::to_string(issuer.value.size());
  input.append(":").append(issuer.value).append(std::to_string(space.size())).append(":").append(space);
  input.append(as_view(value));
  return crypto::sha256(input);
}

}  // namespace mitral::store
