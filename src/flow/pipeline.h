// Pipeline: the order of the protocol as one table. A step is a plain function; one that waits for I/O is marked.
//
//   kBackChannel   parse -> client -> ... -> render, for the endpoints that are no pages (pipeline.cc holds the rows)
//
// Other tables of the same kind (flow/authorize/) run by the same run_steps(). A golden test prints every table.
// The first step that fails ends the run; nothing before step `commit` changes anything but the throttle and the
// claim of an assertion's jti (oauth-oidc-fapi §21).
//
// Thread rules: constants; a run belongs to one request.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/task.h"
#include "flow/context.h"

namespace mitral::flow {

struct Step {
  std::string_view name;
  Endpoints endpoints;
  std::string_view standard;
  Result<void> (*plain)(Context&) = nullptr;
  Task<Result<void>> (*waits)(Context&) = nullptr;  ///< I/O; exactly one of plain and waits is set
  bool (*when)(const Context&) = nullptr;           ///< of a step that waits: skip it (no coroutine) unless this holds
};

/// The table for token, par, introspect, revoke, userinfo, revocations and launch (its authentication part).
[[nodiscard]] std::span<const Step> back_channel() noexcept;

/// Runs the rows of the context's endpoint in order.
[[nodiscard]] Task<Result<void>> run_steps(Context& context, std::span<const Step> table);

/// Runs the back channel table and gives the answer, whatever it is. Not for `launch`, whose last part is elsewhere:
/// run the steps, then go on, or refuse().
[[nodiscard]] Task<codec::Response> answer_back_channel(Context& context);

/// The answer to a request that failed: counts, slows down who failed to authenticate, writes the audit event of a
/// denial and renders the error. When the audit event can't be written the answer is 503.
[[nodiscard]] Task<codec::Response> refuse(Context& context, Error error);

/// A table as text, one line per step with a mark per endpoint (golden test, documentation).
[[nodiscard]] std::string print_table(std::span<const Step> table);

}  // namespace mitral::flow
