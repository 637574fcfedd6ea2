#include "store/fresh_codes.h"

#include <cstring>
#include <utility>

namespace mitral::store {

// But for the time that it begins with a stored handle is a SHA-256: any eight bytes of that are spread evenly.
std::size_t FreshCodes::KeyHash::operator()(const Hash256& key) const noexcept {
  std::size_t out = 0;
  std::memcpy(&out, key.data() + 16, sizeof out);  // the last byte chooses the shard
  return out;
}

void FreshCodes::put(model::AuthorizationCode code) {
  if (per_shard_ == 0) return;
  auto& part = shard(code.handle);
  const auto handle = code.handle;
  const auto expires = code.expires;
  const std::lock_guard lock(part.mutex);
  // All live equally long, so the oldest is the first to expire.
  while (!part.order.empty() && (part.order.size() >= per_shard_ || part.order.front().first <= code.created)) {
    part.codes.erase(part.order.front().second);
    part.order.pop_front();
  }
  if (part.codes.emplace(handle, std::move(code)).second) part.order.emplace_back(expires, handle);
}

std::optional<model::AuthorizationCode> FreshCodes::take(const Issuer& issuer, const Hash256& handle, Instant now) {
  auto& part = shard(handle);
  const std::lock_guard lock(part.mutex);
  const auto found = part.codes.find(handle);
  if (found == part.codes.end() || found->second.issuer != issuer) return std::nullopt;
  auto code = std::move(found->second);
  part.codes.erase(found);
  if (code.expires <= now) return std::nullopt;
  return code;
}

}  // namespace mitral::store
