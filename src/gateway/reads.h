// Reads: the interactions that only show: read, vread, histories, searches, and their pages (smart-fhir §4.4, §4.10).
//
// Answers above kStreamThreshold are judged while they pass: memory per request is bounded.
//
// Limits: base/limits.h. Thread rules: from any thread that has a Scheduler; the Call must outlive the Task.
#pragma once

#include <functional>
#include <optional>

#include "base/result.h"
#include "base/task.h"
#include "codec/message.h"
#include "gateway/call.h"
#include "gateway/exchange.h"

namespace mitral::gateway {

/// Serves a permitted call.
[[nodiscard]] Task<codec::Response> serve_read(const Exchange& exchange, Call& call);

/// Asked before the end of an answer in which nothing may be seen: an error (not_found) is answered instead.
using WhenNothing = std::function<Task<Result<void>>()>;

/// Judges a searchset or history that upstream answered with 200, and releases it: whole when it is small, else piece
/// by piece while it passes (stream_judge.h).
[[nodiscard]] Task<codec::Response> answer_bundle(const Exchange& exchange, Call& call, codec::Response upstream,
                                                  WhenNothing when_nothing = {});

/// The answer for an upstream answer that was not let through: the one 404, 502 or 503, audited.
[[nodiscard]] Task<codec::Response> refused_answer(const Exchange& exchange, Call& call, const Error& error);

/// A sealed paging link instead of parameters? Then the call becomes the request that it continues, to be decided with
/// the token that is here now. A refusal when the link is not good.
[[nodiscard]] std::optional<codec::Response> open_page(const Exchange& exchange, Call& call);

/// Makes a public link of an upstream paging link, bound to the call's token; nullopt leaves it out.
[[nodiscard]] std::optional<std::string> seal_link(const Exchange& exchange, const Call& call,
                                                   std::string_view upstream_link);

}  // namespace mitral::gateway
