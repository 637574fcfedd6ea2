// Steps of the back channel: one function each, in the order of flow/pipeline.cc. What a step proves it leaves in the
// Context.
//
// Errors end the request; the codes are those of the standards. Thread rules: as Context.
#pragma once

#include "base/result.h"
#include "base/task.h"
#include "flow/context.h"

namespace mitral::flow {

// Reading (steps/parse.cc)
[[nodiscard]] Result<void> parse_request(Context& context);
[[nodiscard]] Result<void> check_grant_type(Context& context);

// Who calls (steps/client.cc)
/// Scope of an access token that opens introspection (steps/bearer.cc).
inline constexpr std::string_view kIntrospectScope = "introspect";
[[nodiscard]] bool presents_bearer(const Context& context);
[[nodiscard]] Task<Result<void>> admit_bearer(Context& context);
[[nodiscard]] Result<void> present_client(Context& context);
[[nodiscard]] bool needs_client_of_token(const Context& context);
[[nodiscard]] Task<Result<void>> find_client_of_token(Context& context);
[[nodiscard]] Result<void> check_throttle(Context& context);
[[nodiscard]] bool needs_client_keys(const Context& context);
[[nodiscard]] Task<Result<void>> fetch_client_keys(Context& context);
[[nodiscard]] Result<void> prove_client(Context& context);
/// True where the jti of the assertion is claimed by its own step; client_credentials claims it in step `commit`.
[[nodiscard]] bool claims_assertion_early(const Context& context);
[[nodiscard]] bool claims_assertion_late(const Context& context);
[[nodiscard]] Task<Result<void>> claim_assertion(Context& context);
/// Claims it and records the events in one act; false when it was used before.
[[nodiscard]] Task<Result<bool>> claim_assertion_with(const Context& context, ports::Events events);

// Token endpoint
[[nodiscard]] Result<void> bind_sender(Context& context);          // steps/sender.cc
[[nodiscard]] Result<void> check_grant_allowed(Context& context);  // grants/client_credentials.cc
[[nodiscard]] bool is_code_grant(const Context& context);          // grants/authorization_code.cc
[[nodiscard]] Task<Result<void>> look_at_code(Context& context);
[[nodiscard]] bool is_refresh_grant(const Context& context);  // grants/refresh_token.cc
[[nodiscard]] Task<Result<void>> look_at_refresh_token(Context& context);
[[nodiscard]] Result<void> look_at_client_grant(Context& context);  // grants/client_credentials.cc
[[nodiscard]] bool has_user(const Context& context);                // steps/decide.cc
[[nodiscard]] Task<Result<void>> decide(Context& context);
[[nodiscard]] Result<void> approve_scopes(Context& context);  // steps/scopes.cc
[[nodiscard]] Result<void> issue(Context& context);           // issue.cc
[[nodiscard]] Task<Result<void>> commit(Context& context);

// The other endpoints (endpoints/*.cc)
[[nodiscard]] Task<Result<void>> push_request(Context& context);
[[nodiscard]] Task<Result<void>> introspect(Context& context);
[[nodiscard]] Task<Result<void>> revoke(Context& context);
[[nodiscard]] Task<Result<void>> userinfo(Context& context);
[[nodiscard]] Task<Result<void>> revocations(Context& context);

}  // namespace mitral::flow
