// Sign-in: a user name and a password, checked slowly and told nothing about (threats W-24, W-25).
//
// The same text and the same work for an unknown user, a disabled one and a wrong password. Three throttles: user name
// and address together, user name from anywhere (with a short wait, so that a stranger can't lock her out), address for
// anyone. While one of them waits, the password is not looked at. Every attempt that was looked at is audited; every
// success is written in the same act as its session.
//
// Errors: rate_limited (Attempt::wait_s says how long), access_denied for credentials that do not fit, unavailable.
// Thread rules: throttles are shared and synchronised; the rest belongs to one request.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/secret.h"
#include "base/task.h"
#include "flow/context.h"
#include "flow/throttle.h"
#include "login/session.h"

namespace mitral::login {

struct SignInThrottles {
  explicit SignInThrottles(Random& random);
  flow::Throttle user_address;
  flow::Throttle user;
  flow::Throttle address;
};

struct Attempt {
  enum class Outcome : std::uint8_t { signed_in, wrong, wait, busy };
  Outcome outcome = Outcome::wrong;
  std::int64_t wait_s = 0;            ///< with wait and busy
  std::optional<NewSession> session;  ///< with signed_in
  std::optional<model::User> user;    ///< with signed_in
};

/// `before`: the session that this browser has now, if any.
[[nodiscard]] Task<Result<Attempt>> try_sign_in(flow::Context& context, SignInThrottles& throttles,
                                                std::string username, Secret password, std::string client,
                                                std::optional<model::Session> before);

}  // namespace mitral::login
