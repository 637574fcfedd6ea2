// Authorization request: the checks that /authorize and /par share, in the order that keeps redirects safe
// (oauth-oidc-fapi §21): the client is known first, then its redirect_uri, and only then anything whose error may be
// answered by redirect.
//
//   1  verify_redirect()               -> VerifiedRedirect; an error here is a page (or, at /par, a plain 400)
//   2  requested_response_mode()       how an error of step 3 has to be sent
//   3  check_authorization_request()   -> model::AuthorizationRequest; errors may be redirected
//
// Both endpoints run all of it: a pushed request is checked when it is pushed and again when it is used (RFC 9126
// §2.1), for the client's registration may have changed in between.
//
// Thread rules: pure but for the directory snapshot in the context.
#pragma once

#include "base/result.h"
#include "codec/form.h"
#include "flow/context.h"
#include "flow/proofs.h"
#include "policy/profile.h"

namespace mitral::flow {

/// RFC 6749 §3.1.2.3 and RFC 9700 §2.1: byte by byte, but for the port of a loopback literal (RFC 8252 §7.3). Without
/// redirect_uri the client must have registered exactly one. Error: invalid_request.
[[nodiscard]] Result<VerifiedRedirect> verify_redirect(const model::Client& client, const codec::Form& parameters,
                                                       const policy::Profile& profile);

/// form_post when the request asks for it and the profile allows it; query for everything else.
[[nodiscard]] policy::ResponseMode requested_response_mode(const codec::Form& parameters,
                                                           const policy::Profile& profile) noexcept;

/// Everything that can be judged without a user: response_type, response_mode, PKCE S256, scope (what of it the client
/// may have; invalid_scope when nothing is left of a non-empty ask), resource and aud (invalid_target /
/// invalid_request), prompt, max_age, profile demands (state, nonce, aud). `launch` is checked for form only and kept
/// as hash; the caller looks it up. The result's `par` is empty: the caller of /authorize sets it. Scopes are as asked,
/// in order, minus what can't be granted.
[[nodiscard]] Result<model::AuthorizationRequest> check_authorization_request(const Context& context,
                                                                              const codec::Form& parameters,
                                                                              const VerifiedRedirect& redirect,
                                                                              const policy::Profile& profile);

}  // namespace mitral::flow
