// The order of /authorize as one table (oauth-oidc-fapi §21). What matters most is its column "errors go to": as long
// as it says "page", nobody but the person is told anything; only after the redirect URI is proven an error may travel
// to the client (threat M-4.2.4). tests/golden/authorize.txt holds the table as people read it.
//
// The steps that follow a page (sign in, choose a record, consent) are login/next_step.h: they are decided anew after
// each. Thread rules: constants; a run belongs to one request.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/task.h"
#include "codec/form.h"
#include "flow/context.h"
#include "model/grant.h"
#include "model/user.h"

namespace mitral::web {

/// One request at /authorize: what its steps have found so far.
struct AuthorizeRun {
  flow::Context& context;
  const model::Client* client = nullptr;
  codec::Form parameters;  ///< as sent, or as pushed
  std::optional<model::PushedRequest> pushed;
  std::optional<flow::VerifiedRedirect> redirect;  ///< set: errors may go to the client
  std::optional<model::AuthorizationRequest> request;
  std::optional<codec::Response> response;  ///< set: the run ends here
};

struct AuthorizeStep {
  std::string_view name;
  std::string_view standard;
  bool page = true;  ///< an error is a page; false: it goes to the client
  Result<void> (*plain)(AuthorizeRun&) = nullptr;
  Task<Result<void>> (*waits)(AuthorizeRun&) = nullptr;
};

[[nodiscard]] std::span<const AuthorizeStep> authorize_steps() noexcept;
[[nodiscard]] std::string print_authorize_table();

}  // namespace mitral::web
