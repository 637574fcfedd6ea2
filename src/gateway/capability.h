// Capability: the upstream's CapabilityStatement as the gateway may honestly publish it, without authentication
// (FHIR R4 capabilitystatement.html; SMART App Launch 2.2 conformance; smart-fhir §3.4, threat S-24).
//
// Built anew from known parts. Of what upstream says it can do, that remains which this gateway serves: every
// interaction, search parameter, include and operation is put to the same decision that requests are put to, with a
// token that may do everything, and must have a handler. Besides: the gateway's own URL, the authorization server's
// endpoints, and the Bulk Data capability where Group/$export remains. Upstream's own security block, implementation
// URL, names of its software and everything unknown stay behind.
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
                                                      const std::string& public_base, bool cors, bool bulk,
                                                      Instant now);

}  // namespace mitral::gateway
