// Answer: what /authorize sends back to a client through the browser (RFC 6749 §4.1.2, RFC 9207, Form Post Response
// Mode).
//
// It can only be made for a request whose redirect_uri was proven: from a VerifiedRedirect, or from an
// AuthorizationRequest that the server itself stored after that proof. `state` comes back byte for byte; `iss` is in
// errors too (threat B-4.4). Thread rules: pure functions; values.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "codec/form.h"
#include "flow/proofs.h"
#include "model/grant.h"
#include "policy/profile.h"

namespace mitral::flow {

struct AuthorizationAnswer {
  std::string uri;  ///< proven redirect URI
  policy::ResponseMode mode = policy::ResponseMode::query;
  codec::Form parameters;
  bool is_error = false;

  /// URI with the parameters in its query.
  [[nodiscard]] std::string location() const;
};

[[nodiscard]] AuthorizationAnswer code_answer(const model::AuthorizationRequest& request,
                                              const policy::Profile& profile, std::string_view code);
[[nodiscard]] AuthorizationAnswer error_answer(const model::AuthorizationRequest& request,
                                               const policy::Profile& profile, const Error& error);
/// Before the request as a whole is known to be good.
[[nodiscard]] AuthorizationAnswer error_answer(const VerifiedRedirect& redirect, policy::ResponseMode mode,
                                               std::string_view state, const Issuer& issuer,
                                               const policy::Profile& profile, const Error& error);

}  // namespace mitral::flow
