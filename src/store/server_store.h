// ServerStore: what the adapters for a server have beside the ports: the seal of the audit chain.
//
// Thread rules: see ports/stores.h.
#pragma once

#include "audit/chain.h"
#include "ports/stores.h"

namespace mitral::store {

class ServerStore : public ports::Store {
 public:
  /// The key may become known after the store is open, and change. Any thread; the callback runs on the store's own.
  virtual void set_checkpoint_signer(audit::CheckpointSigner signer) = 0;
  /// Seals the head of the audit chain now, if a signer is set and it isn't sealed yet: at shutdown and by command.
  virtual Task<Result<void>> seal_audit() = 0;
};

}  // namespace mitral::store
