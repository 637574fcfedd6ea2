// MemoryStore: every port of storage in plain containers under one mutex. The readable reference of what each act
// means, and the store of tests and throw-away servers: nothing outlives the object.
//
// Limits: none but memory; sweep() removes what expired. Errors: conflict only.
// Thread rules: any thread; no call ever suspends.
#pragma once

#include <memory>

#include "audit/chain.h"
#include "base/time.h"
#include "ports/stores.h"

namespace mitral::store {

/// The clock must outlive the store.
[[nodiscard]] std::unique_ptr<ports::Store> make_memory_store(const Clock& clock, audit::CheckpointSigner signer = {});

}  // namespace mitral::store
