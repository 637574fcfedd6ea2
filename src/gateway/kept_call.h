// KeptCall: what an answer that outlives its call needs of it, and what such answers have in common: their hooks, and
// a body whose beginning was read already.
//
// Limits: kStreamThreshold. Errors: those of upstream. Thread rules: values; the exchange must outlive the hooks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "codec/message.h"
#include "gateway/call.h"
#include "gateway/exchange.h"
#include "gateway/stream_judge.h"

namespace mitral::gateway {

/// A call without its request's body and headers.
struct KeptCall {
  codec::Request request;
  Call call;

  explicit KeptCall(const Call& from);
  KeptCall(const KeptCall&) = delete;
  KeptCall& operator=(const KeptCall&) = delete;
};

/// Audit before each piece, and the facts of the moment at which it is judged.
[[nodiscard]] StreamHooks hooks_of(const Exchange& exchange, std::shared_ptr<const KeptCall> kept);

/// Takes the beginning of a streamed body into `upstream.body`, up to kStreamThreshold and a piece: many servers never
/// say how long an answer is. Without a stream afterwards, that is all of it.
[[nodiscard]] Task<Result<void>> read_beginning(codec::Response& upstream);
/// After that and still larger than kStreamThreshold.
[[nodiscard]] bool is_large(const codec::Response& upstream) noexcept;
/// The beginning that was read already, then the rest.
[[nodiscard]] std::shared_ptr<codec::BodySource> body_of(codec::Response upstream);

}  // namespace mitral::gateway
