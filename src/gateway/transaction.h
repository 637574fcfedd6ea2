// Transaction: all entries or none (FHIR R4 http.html 3.1.0.11.2; smart-fhir §4.8; threat S-14).
//
// Every entry is decided, its stored state fetched and its content judged before anything is forwarded; one that is
// refused refuses the whole, and the outcome names its place. References between entries are resolved before the
// judgement: to the id that the other entry names, or to a name that nobody has for what is only being created: a
// Patient made in the same transaction is not the patient of the token.
//
// Upstream gets one transaction Bundle, rebuilt from what was judged, with ifMatch of the versions that were judged and
// without a condition, a fullUrl or a link that the client wrote. What it answers is matched entry by entry.
// Reads in a transaction are decided with the rest and served after it, by their own handlers.
//
// Limits: batch.h. Errors: answers. Thread rules: as batch.h.
#pragma once

#include <memory>
#include <vector>

#include "base/task.h"
#include "codec/message.h"
#include "gateway/batch.h"
#include "gateway/call.h"
#include "gateway/exchange.h"

namespace mitral::gateway {

[[nodiscard]] Task<codec::Response> serve_transaction(const Exchange& exchange, Call& call,
                                                      std::vector<std::unique_ptr<EntryCall>> entries);

}  // namespace mitral::gateway
