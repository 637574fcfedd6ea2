// MemoryStore: what everybody reads: clients, resource servers, signing keys.
#include <algorithm>
#include <tuple>

#include "store/memory/memory_impl.h"

namespace mitral::store {

using std::chrono::microseconds;

// ------------------------------------------------------------------------------------------------------ DirectoryStore

std::shared_ptr<const ports::Directory> MemoryStore::directory() const {
  const std::lock_guard lock(mutex_);
  return directory_;
}

Task<Result<void>> MemoryStore::put_client(model::Client client, model::AuditEvent event) {
  const Instant now = clock_.now();
  const auto kept = act([&]() -> Result<void> {
    const auto* before = directory_->client(client.issuer, client.id.value);
    if (before != nullptr && client.tokens_valid_from > before->tokens_valid_from) {
      raise(FloorKind::client, client.issuer, client.id.value, client.tokens_valid_from - microseconds(1), now);
    }
    const Instant floor = revocations_.floor(FloorKind::client, client.issuer, client.id.value);
    client.tokens_valid_from = std::max(client.tokens_valid_from, floor);
    change(client.issuer, model::ChangeKind::directory_changed, "client:" + client.id.value, now);
    swap_directory([&](ports::Directory& fresh) { fresh.add(std::move(client)); });
    audit({std::move(event)});
    return {};
  });
  co_return kept;
}

Task<Result<void>> MemoryStore::put_resource_server(model::ResourceServer server, model::AuditEvent event) {
  const Instant now = clock_.now();
  const auto kept = act([&]() -> Result<void> {
    const auto* other = directory_->by_audience(server.issuer, server.audience);
    if (other != nullptr && other->id != server.id)
      return fail(ErrorCode::conflict, {}, "audience belongs to another server");
    change(server.issuer, model::ChangeKind::directory_changed, "server:" + server.id, now);
    swap_directory([&](ports::Directory& fresh) { fresh.add(std::move(server)); });
    audit({std::move(event)});
    return {};
  });
  co_return kept;
}

Task<Result<void>> MemoryStore::delete_client(Issuer issuer, ClientId id, model::AuditEvent event) {
  const Instant now = clock_.now();
  const auto kept = act([&]() -> Result<void> {
    if (directory_->client(issuer, id.value) == nullptr) return fail(ErrorCode::conflict, {}, "unknown client");
    swap_directory([&](ports::Directory& fresh) { fresh.remove_client(issuer, id.value); });
    std::erase_if(consents_,
                  [&](const auto& entry) { return entry.second.issuer == issuer && entry.second.client == id; });
    raise(FloorKind::client, issuer, id.value, now, now);
    change(issuer, model::ChangeKind::directory_changed, "client:" + id.value, now);
    audit({std::move(event)});
    return {};
  });
  co_return kept;
}

// ------------------------------------------------------------------------------------------------------------ KeyStore

Task<Result<std::vector<model::SigningKeyRecord>>> MemoryStore::keys(Issuer issuer) {
  const std::lock_guard lock(mutex_);
  ++reads_;
  std::vector<model::SigningKeyRecord> out;
  std::ranges::copy_if(keys_, std::back_inserter(out), [&](const auto& key) { return key.issuer == issuer; });
  std::ranges::sort(out, {}, [](const auto& key) { return std::tie(key.published, key.kid); });
  co_return out;
}

Task<Result<Claim>> MemoryStore::add_key_once(model::SigningKeyRecord key, Instant unless_active_from, Events events) {
  const Instant now = clock_.now();
  const auto outcome = act([&]() -> Result<Claim> {
    for (const auto& other : keys_) {
      const bool same = other.issuer == key.issuer && other.purpose == key.purpose && other.alg == key.alg;
      if (same && other.active_from >= unless_active_from) return Claim::lost;
      if (other.issuer == key.issuer && other.kid == key.kid) return fail(ErrorCode::conflict, {}, "kid is taken");
    }
    change(key.issuer, model::ChangeKind::keys_changed, key.kid, now);
    keys_.push_back(std::move(key));
    audit(std::move(events));
    return Claim::won;
  });
  co_return outcome;
}

Task<Result<void>> MemoryStore::update_key(model::SigningKeyRecord key, Events events) {
  const Instant now = clock_.now();
  const auto kept = act([&]() -> Result<void> {
    const auto at =
        std::ranges::find_if(keys_, [&](const auto& k) { return k.issuer == key.issuer && k.kid == key.kid; });
    if (at == keys_.end()) return fail(ErrorCode::conflict, {}, "unknown signing key");
    // What a key is for never changes.
    key.alg = at->alg;
    key.purpose = at->purpose;
    key.revoked |= at->revoked;
    change(key.issuer, model::ChangeKind::keys_changed, key.kid, now);
    *at = std::move(key);
    audit(std::move(events));
    return {};
  });
  co_return kept;
}

}  // namespace mitral::store
