// Session: who is signed in at this browser, for all clients of an issuer (single sign-on).
//
// The cookie holds 256 random bits; only their SHA-256 is stored. Every sign-in makes a new cookie value (threat W-7),
// and a value that we did not make is never adopted. A session ends limits::kSessionAbsolute after sign-in, after
// limits::kSessionIdle without use, and when the user is disabled or revoked (the store sees to that).
//
// Errors: unavailable from the store. Thread rules: functions over the services; values.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/task.h"
#include "codec/message.h"
#include "flow/services.h"
#include "model/user.h"

namespace mitral::login {

/// How sure we are: a password alone. RFC 8176 method "pwd"; the acr value is published in discovery.
inline constexpr std::string_view kAcrPassword = "urn:mitral:acr:password";
inline constexpr std::string_view kAmrPassword = "pwd";

/// The living session of the request's cookie, or nothing. Notes its use when that was not done lately.
[[nodiscard]] Task<Result<std::optional<model::Session>>> current_session(flow::Services& services,
                                                                          const flow::IssuerRuntime& issuer,
                                                                          const codec::Request& request, Instant now);

/// The same, with whose it is and, for a client, what she agreed to for it: one look at the store.
[[nodiscard]] Task<Result<std::optional<ports::UserStore::SignedIn>>> current_sign_in(flow::Services& services,
                                                                                      const flow::IssuerRuntime& issuer,
                                                                                      const codec::Request& request,
                                                                                      std::optional<ClientId> client,
                                                                                      Instant now);

struct NewSession {
  std::string cookie;  ///< value for set_cookie()
  model::Session session;
};
/// Signs the user in. A session that this browser had before is replaced when it is hers (her apps stay signed in), and
/// ended when it is another user's (threat W-8).
[[nodiscard]] Task<Result<NewSession>> start_session(flow::Services& services, const flow::IssuerRuntime& issuer,
                                                     const model::User& user, std::optional<model::Session> before,
                                                     ports::Events events, Instant now);

}  // namespace mitral::login
