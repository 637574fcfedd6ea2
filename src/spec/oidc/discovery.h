// OpenID Connect Discovery 1.0 §3: the members beyond RFC 8414.
//
// Thread rules: pure; values.
#pragma once

#include "codec/json.h"
#include "spec/oauth/rfc8414_metadata.h"

namespace mitral::spec::oidc {

/// The RFC 8414 document with what OpenID Connect adds.
[[nodiscard]] codec::Json openid_configuration(const oauth::ServerFacts& facts);

}  // namespace mitral::spec::oidc
