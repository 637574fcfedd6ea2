#include "gateway/revocation_list.h"

#include <algorithm>
#include <mutex>

#include "base/limits.h"

namespace mitral::gateway {

using model::ChangeKind;

bool RevocationList::dead(const Rows& rows, std::string_view name, Instant issued) {
  if (name.empty()) return false;
  const auto found = rows.find(name);
  return found != rows.end() && issued <= found->second.at;
}

bool RevocationList::revoked(const TokenNames& token) const {
  const std::shared_lock lock(mutex_);
  // A grant or a token is revoked for good; a client or user only up to an instant.
  return (!token.grant.empty() && grants_.contains(token.grant)) ||
         (!token.jti.empty() && tokens_.contains(token.jti)) || dead(clients_, token.client, token.issued) ||
         dead(users_, token.subject, token.issued);
}

void RevocationList::apply(const model::Change& change, Instant now) {
  const auto put = [&](Rows& rows) {
    const std::unique_lock lock(mutex_);
    if (grants_.size() + tokens_.size() + clients_.size() + users_.size() >= limits::kRevocationsKeptMax) {
      grants_.clear();
      tokens_.clear();
      clients_.clear();
      users_.clear();
      distrust_before(now);
    }
    auto& row = rows[change.subject];
    row.at = std::max(row.at, change.at);
    row.expires = std::max(row.expires, change.expires);
  };
  switch (change.kind) {
    case ChangeKind::grant_revoked: put(grants_); return;
    case ChangeKind::token_revoked: put(tokens_); return;
    case ChangeKind::client_revoked: put(clients_); return;
    case ChangeKind::user_revoked: put(users_); return;
    case ChangeKind::session_ended:
    case ChangeKind::directory_changed:
    case ChangeKind::keys_changed:
    case ChangeKind::user_changed: break;
  }
  distrust_before(now);
}

void RevocationList::distrust_before(Instant now) noexcept {
  const auto wanted = to_micros(now);
  auto current = since_.load(std::memory_order_relaxed);
  while (current < wanted && !since_.compare_exchange_weak(current, wanted, std::memory_order_release)) {
  }
}

std::size_t RevocationList::sweep(Instant now) {
  const std::unique_lock lock(mutex_);
  std::size_t left = 0;
  for (auto* const rows : {&grants_, &tokens_, &clients_, &users_}) {
    std::erase_if(*rows, [&](const auto& item) { return item.second.expires <= now; });
    left += rows->size();
  }
  return left;
}

}  // namespace mitral::gateway
