// OnceMap: records behind one-time handles, and whether each was used. For MemoryStore, which holds the lock.
//
// Thread rules: the caller synchronises.
#pragma once

#include <map>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "ports/stores.h"

namespace mitral::store {

/// A one-time record and whether it was used.
template <class T>
struct Once {
  T record;
  bool used = false;
};
template <class T>
using OnceMap = std::map<Hash256, Once<T>>;

template <class T>
Result<void> put_once(OnceMap<T>& map, T& record) {
  const auto at = map.find(record.handle);
  if (at != map.end() && (at->second.used || at->second.record.issuer != record.issuer)) {
    return fail(ErrorCode::conflict, {}, "handle is used up or belongs to another issuer");
  }
  const auto handle = record.handle;
  map.insert_or_assign(handle, Once<T>{std::move(record), false});
  return {};
}

template <class T>
std::optional<T> unused(const OnceMap<T>& map, const Issuer& issuer, const Hash256& handle, Instant now) {
  const auto at = map.find(handle);
  if (at == map.end() || at->second.used) return std::nullopt;
  const auto& record = at->second.record;
  if (record.issuer != issuer || record.expires <= now) return std::nullopt;
  return record;
}

template <class T>
ports::Claim claimable(const OnceMap<T>& map, const std::optional<Hash256>& handle, const Issuer& issuer, Instant now) {
  if (!handle) return ports::Claim::won;
  const auto at = map.find(*handle);
  if (at == map.end() || at->second.record.issuer != issuer || at->second.record.expires <= now)
    return ports::Claim::unknown;
  return at->second.used ? ports::Claim::lost : ports::Claim::won;
}

/// Deletes what fits until `deleted` has reached `batch`.
template <class Map, class Predicate>
void drop_where(Map& map, Predicate fits, std::size_t batch, std::size_t& deleted) {
  for (auto at = map.begin(); at != map.end() && deleted < batch;) {
    if (fits(at->second)) {
      at = map.erase(at);
      ++deleted;
    } else {
      ++at;
    }
  }
}

}  // namespace mitral::store
