// Batch: POST to the base with a Bundle of type batch or transaction (FHIR R4 http.html 3.1.0.11; smart-fhir §4.8;
// threat S-14). A Bundle has no right of its own: each entry is a request that is classified, decided and audited by
// itself, with the same code as if it had come alone.
//
//   batch        entries are served one after the other by their handlers; one that is refused says so in its place.
//   transaction  transaction.h.
//
// Entries are requests of this gateway, spelled anew: a URL is relative, without a trick in it, and no operation and no
// other batch; headers of the outer request mean nothing to them but Prefer: return.
//
// Limits: kFhirBodyMax, kFhirBatchEntriesMax, kUpstreamBodyMax for the whole answer. Errors: answers.
// Thread rules: from any thread that has a Scheduler; the Call must outlive the Task.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/task.h"
#include "codec/json.h"
#include "codec/message.h"
#include "gateway/call.h"
#include "gateway/exchange.h"
#include "gateway/writes.h"

namespace mitral::gateway {

/// One entry as the request that it stands for.
struct EntryCall {
  codec::Request request;
  std::string full_url;
  std::optional<Call> call;        ///< of `request`; classified and decided unless there is a refusal
  std::optional<Refusal> refusal;  ///< the entry must not be served
};

/// Makes and decides the request of an entry. Never fails: what can't be served has a refusal.
[[nodiscard]] std::unique_ptr<EntryCall> entry_call(const Exchange& exchange, const Call& outer,
                                                    const codec::Json& entry);

/// An answer as the entry of a response Bundle.
[[nodiscard]] codec::Json response_entry(const codec::Response& response, codec::Method method);

/// The whole body of an answer that may come in pieces; nullopt when it broke off or is too large.
[[nodiscard]] Task<std::optional<codec::Response>> whole(codec::Response response);

/// Serves a POST to the base, whatever Bundle.type says.
[[nodiscard]] Task<codec::Response> serve_batch(const Exchange& exchange, Call& call);

}  // namespace mitral::gateway
