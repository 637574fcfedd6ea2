// MemoryStore: grants, rotation, revocation, and the feed that tells of it.
#include <algorithm>
#include <tuple>

#include "base/limits.h"
#include "store/memory/memory_impl.h"

namespace mitral::store {

void MemoryStore::change(const Issuer& issuer, model::ChangeKind kind, std::string subject, Instant at) {
  change(issuer, kind, std::move(subject), at, at + limits::kChangeLifetime);
}

void MemoryStore::change(const Issuer& issuer, model::ChangeKind kind, std::string subject, Instant at,
                         Instant expires) {
  const auto seq = ++last_change_;
  changes_.emplace(seq, model::Change{seq, issuer, kind, std::move(subject), at, expires});
}

void MemoryStore::raise(FloorKind kind, const Issuer& issuer, const std::string& subject, Instant at, Instant now) {
  revocations_.raise(kind, issuer, subject, at);
  const auto line = kind == FloorKind::client ? model::ChangeKind::client_revoked : model::ChangeKind::user_revoked;
  change(issuer, line, subject, at, now + limits::kChangeLifetime);
}

void MemoryStore::revoke(const Issuer& issuer, const Id128& id, Instant now) {
  const auto at = grants_.find(id);
  if (at == grants_.end() || at->second.issuer != issuer || at->second.revoked) return;
  at->second.revoked = now;
  change(issuer, model::ChangeKind::grant_revoked, id.text(), now);
}

void MemoryStore::end(std::map<Hash256, model::Session>::iterator at, Instant now) {
  const auto session = at->second;
  sessions_.erase(at);
  for (const auto& [id, grant] : grants_) {
    const bool of_session = grant.issuer == session.issuer && grant.user == session.user && grant.sid == session.sid;
    if (of_session && !session.sid.is_zero() && !grant.offline) revoke(session.issuer, id, now);
  }
  change(session.issuer, model::ChangeKind::session_ended, session.sid.text(), now);
}

model::Grant MemoryStore::shown(model::Grant grant) const {
  revocations_.overlay(grant);
  return grant;
}

model::User MemoryStore::shown(model::User user) const {
  const Instant floor = revocations_.floor(FloorKind::user, user.issuer, user.id.value);
  user.tokens_valid_from = std::max(user.tokens_valid_from, floor);
  return user;
}

Task<Result<std::optional<model::Grant>>> MemoryStore::find_grant(Issuer issuer, Id128 id) {
  const std::lock_guard lock(mutex_);
  ++reads_;
  const auto at = grants_.find(id);
  if (at == grants_.end() || at->second.issuer != issuer) co_return std::nullopt;
  co_return shown(at->second);
}

Task<Result<std::optional<ports::GrantStore::GrantOfUser>>> MemoryStore::find_grant_of_user(Issuer issuer, Id128 id) {
  const std::lock_guard lock(mutex_);
  ++reads_;
  const auto at = grants_.find(id);
  if (at == grants_.end() || at->second.issuer != issuer) co_return std::nullopt;
  GrantOfUser out{.grant = shown(at->second), .user_read = true, .user = std::nullopt};
  const auto user = users_.find(std::pair(issuer, out.grant.user));
  if (user != users_.end()) out.user = shown(user->second);
  co_return out;
}

Task<Result<std::optional<model::RefreshFamily>>> MemoryStore::find_family(Issuer issuer, Id128 grant) {
  const std::lock_guard lock(mutex_);
  ++reads_;
  const auto at = families_.find(grant);
  if (at == families_.end() || at->second.issuer != issuer) co_return std::nullopt;
  auto family = at->second;
  family.revoked = shown(grants_.at(grant)).revoked;
  co_return family;
}

Task<Result<std::vector<model::Grant>>> MemoryStore::grants_of_user(Issuer issuer, UserId user, std::size_t limit) {
  const std::lock_guard lock(mutex_);
  ++reads_;
  std::vector<model::Grant> out;
  for (const auto& [id, grant] : grants_) {
    if (grant.issuer == issuer && grant.user == user) out.push_back(shown(grant));
  }
  std::ranges::sort(out, std::greater{}, [](const auto& grant) {
    return std::tuple(!grant.revoked, grant.offline, grant.created, grant.id);
  });
  if (out.size() > limit) out.resize(limit);
  co_return out;
}

Task<Result<MemoryStore::Rotated>> MemoryStore::rotate_once(Issuer issuer, Rotation rotation, Events events,
                                                            Events reuse_events, Instant now) {
  const auto outcome = act([&]() -> Result<Rotated> {
    constexpr Rotated kDead{RotationOutcome::dead, 0};
    const auto at = families_.find(rotation.grant);
    if (at == families_.end() || at->second.issuer != issuer) return kDead;
    auto& family = at->second;
    const auto grant = shown(grants_.at(rotation.grant));
    if (grant.revoked || grant.expires <= now || family.expires <= now) return kDead;
    if (rotation.presented > family.generation) return kDead;
    if (rotation.presented == family.generation) {
      if (rotation.rotate) {
        ++family.generation;
        family.rotated = now;
      }
      family.expires = rotation.expires;
      audit(std::move(events));
      return Rotated{RotationOutcome::rotated, family.generation};
    }
    if (family.generation - rotation.presented == 1 && now < family.rotated + rotation.retry_window) {
      audit(std::move(events));
      return Rotated{RotationOutcome::retried, family.generation};
    }
    revoke(issuer, rotation.grant, now);
    audit(std::move(reuse_events));
    return Rotated{RotationOutcome::reused, family.generation};
  });
  co_return outcome;
}

Task<Result<void>> MemoryStore::revoke_grant(Issuer issuer, Id128 id, Events events, Instant now) {
  const auto kept = act([&]() -> Result<void> {
    revoke(issuer, id, now);
    // Who ends a permission does not mean it to come back by itself at the next sign-in: she is asked again.
    const auto grant = grants_.find(id);
    if (grant != grants_.end() && grant->second.issuer == issuer) {
      consents_.erase(std::tuple(issuer, grant->second.user, grant->second.client));
    }
    audit(std::move(events));
    return {};
  });
  co_return kept;
}

Task<Result<void>> MemoryStore::revoke_grants_of(Issuer issuer, UserId user, ClientId client, Events events,
                                                 Instant now) {
  const auto kept = act([&]() -> Result<void> {
    for (const auto& [id, grant] : grants_) {
      if (grant.issuer == issuer && grant.user == user && grant.client == client) revoke(issuer, id, now);
    }
    consents_.erase(std::tuple(issuer, user, client));
    // Nor may a code that is still on its way make a grant afterwards.
    for (auto& [handle, once] : codes_) {
      auto& [code, burned] = once;
      burned |= code.issuer == issuer && code.user == user && code.request.client == client && !code.grant;
    }
    audit(std::move(events));
    return {};
  });
  co_return kept;
}

Task<Result<void>> MemoryStore::revoke_token(Issuer issuer, Id128 token, Instant expires, Events events, Instant now) {
  const auto kept = act([&]() -> Result<void> {
    const Instant end = expires + limits::kClockSkew;
    if (end > now) {
      revocations_.revoke_token(issuer, token.text(), end);
      change(issuer, model::ChangeKind::token_revoked, token.text(), now, end);
    }
    audit(std::move(events));
    return {};
  });
  co_return kept;
}

Task<Result<void>> MemoryStore::revoke_client(Issuer issuer, ClientId client, Events events, Instant now) {
  const auto kept = act([&]() -> Result<void> {
    raise(FloorKind::client, issuer, client.value, now, now);
    std::erase_if(consents_, [&](const auto& entry) {
      return std::get<Issuer>(entry.first) == issuer && std::get<ClientId>(entry.first) == client;
    });
    if (const auto* known = directory_->client(issuer, client.value)) {
      auto moved = *known;
      moved.tokens_valid_from = std::max(moved.tokens_valid_from, now);
      swap_directory([&](ports::Directory& fresh) { fresh.add(std::move(moved)); });
    }
    audit(std::move(events));
    return {};
  });
  co_return kept;
}

Task<Result<void>> MemoryStore::revoke_user(Issuer issuer, UserId user, Events events, Instant now) {
  const auto kept = act([&]() -> Result<void> {
    raise(FloorKind::user, issuer, user.value, now, now);
    std::erase_if(sessions_,
                  [&](const auto& entry) { return entry.second.issuer == issuer && entry.second.user == user; });
    std::erase_if(consents_, [&](const auto& entry) {
      return std::get<Issuer>(entry.first) == issuer && std::get<UserId>(entry.first) == user;
    });
    audit(std::move(events));
    return {};
  });
  co_return kept;
}

bool MemoryStore::is_revoked(const Issuer& issuer, const Id128& token, std::string_view client, std::string_view user,
                             Instant issued) const {
  return revocations_.is_revoked(issuer, token, client, user, issued);
}

Task<Result<std::vector<model::Change>>> MemoryStore::changes_after(std::int64_t seq, std::size_t limit) {
  const std::lock_guard lock(mutex_);
  ++reads_;
  std::vector<model::Change> out;
  for (auto at = changes_.upper_bound(seq); at != changes_.end() && out.size() < limit; ++at) out.push_back(at->second);
  co_return out;
}

Result<void> MemoryStore::current() const { return {}; }

std::int64_t MemoryStore::latest_change() const {
  const std::lock_guard lock(mutex_);
  return last_change_;
}

void MemoryStore::on_change(std::function<void()> callback) {
  const std::lock_guard lock(mutex_);
  callbacks_.push_back(std::move(callback));
}

}  // namespace mitral::store
