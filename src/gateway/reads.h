// Reads: the interactions that only show: read, vread, histories, searches, and their pages (smart-fhir §4.4, §4.10).
//
// Limits: base/limits.h. Thread rules: from any thread that has a Scheduler; the Call must outlive the Task.
#pragma once

#include <optional>

#include "base/task.h"
#include "codec/message.h"
#include "gateway/call.h"
#include "gateway/exchange.h"

namespace mitral::gateway {

/// Serves a permitted call.
[[nodiscard]] Task<codec::Response> serve_read(const Exchange& exchange, Call& call);

/// A sealed paging link instead of parameters? Then the call becomes the request that it continues, to be decided with
/// the token that is here now. A refusal when the link is not good.
[[nodiscard]] std::optional<codec::Response> open_page(const Exchange& exchange, Call& call);

/// Makes a public link of an upstream paging link, bound to the call's token; nullopt leaves it out.
[[nodiscard]] std::optional<std::string> seal_link(const Exchange& exchange, const Call& call,
                                                   std::string_view upstream_link);

}  // namespace mitral::gateway
