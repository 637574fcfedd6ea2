// Capability: the upstream's CapabilityStatement as the gateway may honestly publish it, without authentication
// (FHIR R4 capabilitystatement.html; SMART App Launch 2.2 conformance; smart-fhir §3.4, threat S-24).
//
// Built anew from known parts: interactions, search parameters and includes that the gateway lets through, its own URL,
// the authorization server's endpoints. Upstream's own security block, operations, implementation URL, names of its
// software and everything unknown stay behind.
//
// Errors: malformed when upstream did not send a CapabilityStatement of R4; config_invalid for an unusable SMART
// configuration. Thread rules: pure function.
#pragma once

#include <string>

#include "base/result.h"
#include "base/time.h"
#include "codec/json.h"

namespace mitral::gateway {

[[nodiscard]] Result<codec::Json> public_capabilities(const codec::Json& upstream,
                                                      const codec::Json& smart_configuration,
                                                      const std::string& public_base, bool cors, Instant now);

}  // namespace mitral::gateway
