// AuditSeal: the key that seals a gateway's audit record: made in the gateway's own file, wrapped by its master key,
// and rotated like every other signing key.
//
// Errors: what the store says. Thread rules: start() and the destructor on the owner's thread; everything handed in
// must outlive it.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "app/master_key.h"
#include "base/time.h"
#include "flow/key_ring.h"
#include "store/server_store.h"

namespace mitral::app {

class AuditSeal {
 public:
  AuditSeal(store::ServerStore& store, const MasterKey& master, Clock& clock, const std::string& owner);
  ~AuditSeal();
  AuditSeal(const AuditSeal&) = delete;
  AuditSeal& operator=(const AuditSeal&) = delete;

  /// Makes the first key if there is none, and keeps it fresh from now on.
  [[nodiscard]] Result<void> start();

 private:
  store::ServerStore& store_;
  Issuer owner_;
  flow::Metrics metrics_;
  flow::KeyRing keys_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread worker_;
};

}  // namespace mitral::app
