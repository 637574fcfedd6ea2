#include "store/revocations.h"

#include <algorithm>
#include <mutex>

namespace mitral::store {
namespace {

// Neither an issuer nor an id can hold a newline.
std::string key(const Issuer& issuer, std::string_view subject) {
  std::string out;
  out.reserve(issuer.value.size() + 1 + subject.size());
  out.append(issuer.value).append(1, '\n').append(subject);
  return out;
}

}  // namespace

void Revocations::revoke_token(const Issuer& issuer, std::string_view token, Instant expires) {
  const std::unique_lock lock(mutex_);
  auto& until = tokens_[key(issuer, token)];
  until = std::max(until, expires);
}

void Revocations::raise(FloorKind kind, const Issuer& issuer, std::string_view subject, Instant at) {
  const std::unique_lock lock(mutex_);
  auto& floors = kind == FloorKind::client ? clients_ : users_;
  const auto [entry, fresh] = floors.try_emplace(key(issuer, subject), at);
  if (!fresh) entry->second = std::max(entry->second, at);
}

Instant Revocations::floor_locked(FloorKind kind, const Issuer& issuer, std::string_view subject) const {
  const auto& floors = kind == FloorKind::client ? clients_ : users_;
  if (floors.empty() || subject.empty()) return Instant::min();
  const auto at = floors.find(key(issuer, subject));
  return at == floors.end() ? Instant::min() : at->second;
}

Instant Revocations::floor(FloorKind kind, const Issuer& issuer, std::string_view subject) const {
  const std::shared_lock lock(mutex_);
  return floor_locked(kind, issuer, subject);
}

Instant Revocations::floor(const Issuer& issuer, std::string_view client, std::string_view user) const {
  const std::shared_lock lock(mutex_);
  return std::max(floor_locked(FloorKind::client, issuer, client), floor_locked(FloorKind::user, issuer, user));
}

bool Revocations::is_revoked(const Issuer& issuer, const Id128& token, std::string_view client, std::string_view user,
                             Instant issued) const {
  const std::shared_lock lock(mutex_);
  if (issued <= floor_locked(FloorKind::client, issuer, client)) return true;
  if (issued <= floor_locked(FloorKind::user, issuer, user)) return true;
  return !tokens_.empty() && tokens_.contains(key(issuer, token.text()));
}

void Revocations::apply(const model::Change& change) {
  switch (change.kind) {
    case model::ChangeKind::token_revoked: revoke_token(change.issuer, change.subject, change.expires); break;
    case model::ChangeKind::client_revoked: raise(FloorKind::client, change.issuer, change.subject, change.at); break;
    case model::ChangeKind::user_revoked: raise(FloorKind::user, change.issuer, change.subject, change.at); break;
    case model::ChangeKind::grant_revoked:
    case model::ChangeKind::session_ended:
    case model::ChangeKind::directory_changed:
    case model::ChangeKind::keys_changed:
    case model::ChangeKind::user_changed: break;
  }
}

void Revocations::overlay(model::Grant& grant) const {
  const Instant at = floor(grant.issuer, grant.client.value, grant.user.value);
  if (grant.created > at) return;
  grant.revoked = grant.revoked ? std::min(*grant.revoked, at) : at;
}

void Revocations::drop_expired(Instant now) {
  const std::unique_lock lock(mutex_);
  std::erase_if(tokens_, [now](const auto& entry) { return entry.second <= now; });
}

void Revocations::overlay(model::User& user) const {
  user.tokens_valid_from = std::max(user.tokens_valid_from, floor(FloorKind::user, user.issuer, user.id.value));
}

}  // namespace mitral::store
