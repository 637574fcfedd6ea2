#include "app/audit_seal.h"

#include "audit/chain.h"
#include "base/log.h"
#include "crypto/random.h"

namespace mitral::app {

AuditSeal::AuditSeal(store::ServerStore& store, const MasterKey& master, Clock& clock, const std::string& owner)
    : store_(store),
      owner_(owner),
      keys_(store, master.ring, clock, crypto::system_random(), metrics_, {owner_}, jose::SignAlgs{}) {}

AuditSeal::~AuditSeal() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (worker_.joinable()) worker_.join();
  store_.set_checkpoint_signer({});
}

Result<void> AuditSeal::start() {
  MITRAL_CHECK(run_sync(keys_.tick()));
  store_.set_checkpoint_signer([this](std::string_view payload) -> Result<std::string> {
    const auto keys = keys_.snapshot(owner_);
    if (!keys->audit) return fail(ErrorCode::unavailable, {}, "no audit key yet");
    return audit::signer_of(*keys->audit)(payload);
  });
  worker_ = std::thread([this] {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, std::chrono::minutes(1), [this] { return stopping_; })) {
      lock.unlock();
      if (const auto done = run_sync(keys_.tick()); !done)
        log::warn("keys.tick_failed", {{"error", name(done.error().code)}});
      lock.lock();
    }
  });
  return {};
}

}  // namespace mitral::app
