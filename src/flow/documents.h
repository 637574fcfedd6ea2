// Documents: what anybody may read about an issuer: keys and metadata.
//
// JWKS (RFC 7517), RFC 8414, OpenID Connect Discovery and SMART App Launch configuration come from one set of facts,
// which is made of the issuer's profile, the directory and the active keys, so that no two of them can disagree
// (oauth-oidc-fapi §23). Cacheable for limits::kMetadataMaxAge, far below the time for which keys are published ahead.
//
// Thread rules: any thread.
#pragma once

#include "codec/message.h"
#include "flow/context.h"
#include "spec/oauth/rfc8414_metadata.h"

namespace mitral::flow {

[[nodiscard]] spec::oauth::ServerFacts server_facts(const Context& context);

[[nodiscard]] codec::Response jwks_document(const Context& context);
[[nodiscard]] codec::Response oauth_metadata_document(const Context& context);
[[nodiscard]] codec::Response openid_configuration_document(const Context& context);
[[nodiscard]] codec::Response smart_configuration_document(const Context& context);
/// The user-access brand Bundle; 304 when the caller has it, 404 when there is none.
[[nodiscard]] codec::Response brands_document(const Context& context);

}  // namespace mitral::flow
