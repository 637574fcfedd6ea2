// MemoryStore: people, their sessions, and emergency accesses to their records.
#include <algorithm>
#include <tuple>

#include "store/memory/memory_impl.h"

namespace mitral::store {

using std::chrono::microseconds;

// ----------------------------------------------------------------------------------------------------------- UserStore

Task<Result<std::optional<model::User>>> MemoryStore::find_user(Issuer issuer, UserId id) {
  const std::lock_guard lock(mutex_);
  ++reads_;
  const auto at = users_.find(std::pair(issuer, id));
  if (at == users_.end()) co_return std::nullopt;
  co_return shown(at->second);
}

Task<Result<std::optional<model::User>>> MemoryStore::find_user_by_name(Issuer issuer, std::string username) {
  const std::lock_guard lock(mutex_);
  ++reads_;
  for (const auto& [key, user] : users_) {
    if (key.first == issuer && user.username == username) co_return shown(user);
  }
  co_return std::nullopt;
}

Task<Result<std::vector<model::User>>> MemoryStore::list_users(Issuer issuer, std::size_t limit) {
  const std::lock_guard lock(mutex_);
  ++reads_;
  std::vector<model::User> out;
  for (const auto& [key, user] : users_) {
    if (key.first == issuer) out.push_back(shown(user));
  }
  std::ranges::sort(out, {}, &model::User::username);
  if (out.size() > limit) out.resize(limit);
  co_return out;
}

Task<Result<void>> MemoryStore::put_user(model::User user, Events events) {
  const Instant now = clock_.now();
  const auto kept = act([&]() -> Result<void> {
    for (const auto& [key, other] : users_) {
      if (key.first == user.issuer && other.username == user.username && other.id != user.id) {
        return fail(ErrorCode::conflict, {}, "username is taken");
      }
    }
    const auto before = users_.find(std::pair(user.issuer, user.id));
    if (before != users_.end() && user.tokens_valid_from > shown(before->second).tokens_valid_from) {
      raise(FloorKind::user, user.issuer, user.id.value, user.tokens_valid_from - microseconds(1), now);
    }
    change(user.issuer, model::ChangeKind::user_changed, user.id.value, now);
    const auto key = std::pair(user.issuer, user.id);
    users_.insert_or_assign(key, std::move(user));
    audit(std::move(events));
    return {};
  });
  co_return kept;
}

Task<Result<void>> MemoryStore::put_session(model::Session session, std::optional<Hash256> replaces, Events events) {
  const auto kept = act([&]() -> Result<void> {
    const bool same = replaces && *replaces == session.id_hash;
    if (!same && sessions_.contains(session.id_hash)) return fail(ErrorCode::conflict, {}, "session is taken");
    if (replaces) {
      const auto old = sessions_.find(*replaces);
      if (old != sessions_.end() && old->second.issuer == session.issuer) sessions_.erase(old);
    }
    const auto key = session.id_hash;
    sessions_.insert_or_assign(key, std::move(session));
    audit(std::move(events));
    return {};
  });
  co_return kept;
}

std::optional<model::Session> MemoryStore::living_session(const Issuer& issuer, const Hash256& id_hash,
                                                          Instant now) const {
  const auto at = sessions_.find(id_hash);
  if (at == sessions_.end() || at->second.issuer != issuer || at->second.expires <= now) return std::nullopt;
  const auto& session = at->second;
  const auto user = users_.find(std::pair(issuer, session.user));
  if (user == users_.end() || !user->second.enabled) return std::nullopt;
  const Instant floor = revocations_.floor(FloorKind::user, issuer, session.user.value);
  if (session.created <= floor || session.created < user->second.tokens_valid_from) return std::nullopt;
  return session;
}

Task<Result<std::optional<model::Session>>> MemoryStore::find_session(Issuer issuer, Hash256 id_hash, Instant now) {
  const std::lock_guard lock(mutex_);
  ++reads_;
  co_return living_session(issuer, id_hash, now);
}

Task<Result<std::optional<ports::UserStore::SignedIn>>> MemoryStore::find_signed_in(Issuer issuer, Hash256 id_hash,
                                                                                    std::optional<ClientId> client,
                                                                                    Instant now) {
  const std::lock_guard lock(mutex_);
  ++reads_;
  auto session = living_session(issuer, id_hash, now);
  if (!session) co_return std::nullopt;
  SignedIn out{.session = std::move(*session), .user = {}, .consent = std::nullopt};
  out.user = shown(users_.at(std::pair(issuer, out.session.user)));
  if (client) {
    const auto consent = consents_.find(std::tuple(issuer, out.user.id, *client));
    if (consent != consents_.end() && consent->second.expires > now) out.consent = consent->second;
  }
  co_return out;
}

Task<Result<void>> MemoryStore::touch_session(Issuer issuer, Hash256 id_hash, Instant last_seen) {
  const auto kept = act([&]() -> Result<void> {
    const auto at = sessions_.find(id_hash);
    if (at != sessions_.end() && at->second.issuer == issuer)
      at->second.last_seen = std::max(at->second.last_seen, last_seen);
    return {};
  });
  co_return kept;
}

Task<Result<void>> MemoryStore::end_session(Issuer issuer, Hash256 id_hash, Events events, Instant now) {
  const auto kept = act([&]() -> Result<void> {
    audit(std::move(events));
    const auto at = sessions_.find(id_hash);
    if (at == sessions_.end() || at->second.issuer != issuer) return {};
    end(at, now);
    return {};
  });
  co_return kept;
}

Task<Result<std::vector<model::Session>>> MemoryStore::sessions_of_user(Issuer issuer, UserId user, Instant now,
                                                                        std::size_t limit) {
  const std::lock_guard lock(mutex_);
  ++reads_;
  std::vector<model::Session> out;
  const auto owner = users_.find(std::pair(issuer, user));
  if (owner == users_.end() || !owner->second.enabled) co_return out;
  const Instant floor = revocations_.floor(FloorKind::user, issuer, user.value);
  for (const auto& [id, session] : sessions_) {
    const bool hers = session.issuer == issuer && session.user == user;
    const bool alive =
        session.expires > now && session.created > floor && session.created >= owner->second.tokens_valid_from;
    if (hers && alive) out.push_back(session);
  }
  std::ranges::sort(out, std::greater{}, [](const auto& s) { return std::tie(s.created, s.id_hash); });
  if (out.size() > limit) out.resize(limit);
  co_return out;
}

Task<Result<void>> MemoryStore::end_sessions_of_user(Issuer issuer, UserId user, Events events, Instant now) {
  const auto kept = act([&]() -> Result<void> {
    audit(std::move(events));
    for (auto at = sessions_.begin(); at != sessions_.end();) {
      const auto next = std::next(at);
      if (at->second.issuer == issuer && at->second.user == user) end(at, now);
      at = next;
    }
    return {};
  });
  co_return kept;
}

// ------------------------------------------------------------------------------------------------------ EmergencyStore

Task<Result<std::optional<model::EmergencyAccess>>> MemoryStore::find_emergency(Issuer issuer, Id128 id) {
  const std::lock_guard lock(mutex_);
  ++reads_;
  co_return emergencies_.find(issuer, id);
}

Task<Result<std::vector<model::EmergencyAccess>>> MemoryStore::emergencies(Issuer issuer, bool open_only,
                                                                           std::size_t limit) {
  const std::lock_guard lock(mutex_);
  ++reads_;
  co_return emergencies_.where(limit, [&](const model::EmergencyAccess& access) {
    return access.issuer == issuer && !(open_only && access.review);
  });
}

Task<Result<std::vector<model::EmergencyAccess>>> MemoryStore::emergencies_of_patient(Issuer issuer,
                                                                                      std::string patient,
                                                                                      std::size_t limit) {
  const std::lock_guard lock(mutex_);
  ++reads_;
  co_return emergencies_.where(limit, [&](const model::EmergencyAccess& access) {
    return access.issuer == issuer && access.patient_id == patient;
  });
}

Task<Result<Claim>> MemoryStore::review_emergency_once(Issuer issuer, Id128 id, model::EmergencyReview review,
                                                       Events events) {
  const auto outcome = act([&]() -> Result<Claim> {
    const auto claim = emergencies_.review(issuer, id, std::move(review));
    if (claim == Claim::won) audit(std::move(events));
    return claim;
  });
  co_return outcome;
}

}  // namespace mitral::store
