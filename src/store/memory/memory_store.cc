#include "store/memory/memory_store.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <tuple>

#include "base/limits.h"
#include "store/memory/audit_shelf.h"
#include "store/memory/emergency_shelf.h"
#include "store/memory/once_map.h"
#include "store/revocations.h"

namespace mitral::store {
namespace {

using ports::Claim;
using ports::Events;
using std::chrono::microseconds;

class MemoryStore final : public ports::Store {
 public:
  MemoryStore(const Clock& clock, audit::CheckpointSigner signer) : clock_(clock), signer_(std::move(signer)) {}

  // ---- DirectoryStore

  [[nodiscard]] std::shared_ptr<const ports::Directory> directory() const override {
    const std::lock_guard lock(mutex_);
    return directory_;
  }

  Task<Result<void>> put_client(model::Client client, model::AuditEvent event) override {
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

  Task<Result<void>> put_resource_server(model::ResourceServer server, model::AuditEvent event) override {
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

  Task<Result<void>> delete_client(Issuer issuer, ClientId id, model::AuditEvent event) override {
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

  // ---- KeyStore

  Task<Result<std::vector<model::SigningKeyRecord>>> keys(Issuer issuer) override {
    const std::lock_guard lock(mutex_);
    ++reads_;
    std::vector<model::SigningKeyRecord> out;
    std::ranges::copy_if(keys_, std::back_inserter(out), [&](const auto& key) { return key.issuer == issuer; });
    std::ranges::sort(out, {}, [](const auto& key) { return std::tie(key.published, key.kid); });
    co_return out;
  }

  Task<Result<Claim>> add_key_once(model::SigningKeyRecord key, Instant unless_active_from, Events events) override {
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

  Task<Result<void>> update_key(model::SigningKeyRecord key, Events events) override {
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

  // ---- AuthorizationStore

  Task<Result<void>> put_pushed_request(model::PushedRequest request) override {
    const auto kept = act([&] {
      const auto at = pushed_.find(request.handle);
      const bool foreign = at != pushed_.end() && at->second.record.client != request.client;
      return foreign ? Result<void>(fail(ErrorCode::conflict, {}, "handle of another client"))
                     : put_once(pushed_, request);
    });
    co_return kept;
  }
  Task<Result<std::optional<model::PushedRequest>>> find_pushed_request(Issuer issuer, Hash256 handle,
                                                                        Instant now) override {
    co_return find_once(pushed_, issuer, handle, now);
  }

  Task<Result<void>> put_launch(model::LaunchTicket ticket, Events events) override {
    const auto kept = act([&]() -> Result<void> {
      MITRAL_CHECK(put_once(launches_, ticket));
      audit(std::move(events));
      return {};
    });
    co_return kept;
  }
  Task<Result<std::optional<model::LaunchTicket>>> find_launch(Issuer issuer, Hash256 handle, Instant now) override {
    co_return find_once(launches_, issuer, handle, now);
  }

  Task<Result<void>> put_interaction(model::Interaction interaction) override {
    const auto kept = act([&] { return put_once(interactions_, interaction); });
    co_return kept;
  }
  Task<Result<std::optional<model::Interaction>>> find_interaction(Issuer issuer, Hash256 handle,
                                                                   Instant now) override {
    co_return find_once(interactions_, issuer, handle, now);
  }

  Task<Result<Claim>> complete_authorization(Issuer issuer, Completion completion, Events events,
                                             Instant now) override {
    const auto outcome = act([&]() -> Result<Claim> {
      // Look at everything first: nothing is written unless all of it can be.
      for (const auto claim : {claimable(interactions_, completion.interaction, issuer, now),
                               claimable(pushed_, completion.pushed_request, issuer, now),
                               claimable(launches_, completion.launch, issuer, now)}) {
        if (claim != Claim::won) return claim;
      }
      if (completion.code && codes_.contains(completion.code->handle))
        return fail(ErrorCode::conflict, {}, "code is taken");
      if (completion.emergency && emergencies_.contains(completion.emergency->id))
        return fail(ErrorCode::conflict, {}, "emergency access is taken");
      if (completion.interaction) interactions_.at(*completion.interaction).used = true;
      if (completion.pushed_request) pushed_.at(*completion.pushed_request).used = true;
      if (completion.launch) launches_.at(*completion.launch).used = true;
      if (completion.code) {
        const auto handle = completion.code->handle;
        completion.code->issuer = issuer;
        completion.code->grant.reset();
        codes_.emplace(handle, Once<model::AuthorizationCode>{std::move(*completion.code), false});
      }
      if (completion.consent) {
        completion.consent->issuer = issuer;
        const auto key = std::tuple(issuer, completion.consent->user, completion.consent->client);
        consents_.insert_or_assign(key, std::move(*completion.consent));
      }
      if (completion.emergency) emergencies_.put(issuer, std::move(*completion.emergency));
      audit(std::move(events));
      return Claim::won;
    });
    co_return outcome;
  }

  Task<Result<std::optional<model::AuthorizationCode>>> find_code(Issuer issuer, Hash256 handle, Instant now) override {
    const std::lock_guard lock(mutex_);
    ++reads_;
    const auto at = codes_.find(handle);
    if (at == codes_.end() || at->second.used) co_return std::nullopt;
    const auto& code = at->second.record;
    const auto end = code.grant ? code.expires + limits::kCodeReuseMemory : code.expires;
    if (code.issuer != issuer || end <= now) co_return std::nullopt;
    co_return code;
  }

  /// In codes_, `used` means burned; a redeemed code has its grant.
  Task<Result<Claim>> redeem_code_once(Issuer issuer, Hash256 handle, model::Grant grant,
                                       std::optional<model::RefreshFamily> family, Events events, Events reuse_events,
                                       Instant now) override {
    const auto outcome = act([&]() -> Result<Claim> {
      const auto at = codes_.find(handle);
      if (at == codes_.end()) return Claim::unknown;
      auto& [code, burned] = at->second;
      if (code.issuer != issuer || code.request.client != grant.client) return Claim::unknown;
      if (code.grant || burned) {
        if (code.expires + limits::kCodeReuseMemory <= now) return Claim::unknown;
        if (code.grant) revoke(issuer, *code.grant, now);
        audit(std::move(reuse_events));
        return Claim::lost;
      }
      // A code from before its client's or user's tokens were revoked is as dead as they are.
      const bool dead = code.created <= revocations_.floor(issuer, grant.client.value, grant.user.value);
      if (code.expires <= now || code.user != grant.user || dead) return Claim::unknown;
      if (grants_.contains(grant.id)) return fail(ErrorCode::conflict, {}, "grant id is taken");
      code.grant = grant.id;
      if (family) families_.emplace(grant.id, std::move(*family));
      const auto id = grant.id;
      grants_.emplace(id, std::move(grant));
      audit(std::move(events));
      return Claim::won;
    });
    co_return outcome;
  }

  Task<Result<void>> burn_code(Issuer issuer, Hash256 handle, Events events) override {
    const auto kept = act([&]() -> Result<void> {
      const auto at = codes_.find(handle);
      if (at != codes_.end() && at->second.record.issuer == issuer && !at->second.record.grant) at->second.used = true;
      audit(std::move(events));
      return {};
    });
    co_return kept;
  }

  Task<Result<std::optional<model::Consent>>> find_consent(Issuer issuer, UserId user, ClientId client,
                                                           Instant now) override {
    const std::lock_guard lock(mutex_);
    ++reads_;
    const auto at = consents_.find(std::tuple(issuer, user, client));
    if (at == consents_.end() || at->second.expires <= now) co_return std::nullopt;
    co_return at->second;
  }

  // ---- GrantStore

  Task<Result<std::optional<model::Grant>>> find_grant(Issuer issuer, Id128 id) override {
    const std::lock_guard lock(mutex_);
    ++reads_;
    const auto at = grants_.find(id);
    if (at == grants_.end() || at->second.issuer != issuer) co_return std::nullopt;
    co_return shown(at->second);
  }

  Task<Result<std::optional<model::RefreshFamily>>> find_family(Issuer issuer, Id128 grant) override {
    const std::lock_guard lock(mutex_);
    ++reads_;
    const auto at = families_.find(grant);
    if (at == families_.end() || at->second.issuer != issuer) co_return std::nullopt;
    auto family = at->second;
    family.revoked = shown(grants_.at(grant)).revoked;
    co_return family;
  }

  Task<Result<std::vector<model::Grant>>> grants_of_user(Issuer issuer, UserId user, std::size_t limit) override {
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

  Task<Result<Rotated>> rotate_once(Issuer issuer, Rotation rotation, Events events, Events reuse_events,
                                    Instant now) override {
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

  Task<Result<void>> revoke_grant(Issuer issuer, Id128 id, Events events, Instant now) override {
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

  Task<Result<void>> revoke_grants_of(Issuer issuer, UserId user, ClientId client, Events events,
                                      Instant now) override {
    const auto kept = act([&]() -> Result<void> {
      for (const auto& [id, grant] : grants_) {
        if (grant.issuer == issuer && grant.user == user && grant.client == client) revoke(issuer, id, now);
      }
      consents_.erase(std::tuple(issuer, user, client));
      audit(std::move(events));
      return {};
    });
    co_return kept;
  }

  Task<Result<void>> revoke_token(Issuer issuer, Id128 token, Instant expires, Events events, Instant now) override {
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

  Task<Result<void>> revoke_client(Issuer issuer, ClientId client, Events events, Instant now) override {
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

  Task<Result<void>> revoke_user(Issuer issuer, UserId user, Events events, Instant now) override {
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

  [[nodiscard]] bool is_revoked(const Issuer& issuer, const Id128& token, std::string_view client,
                                std::string_view user, Instant issued) const override {
    return revocations_.is_revoked(issuer, token, client, user, issued);
  }

  Task<Result<std::vector<model::Change>>> changes_after(std::int64_t seq, std::size_t limit) override {
    const std::lock_guard lock(mutex_);
    ++reads_;
    std::vector<model::Change> out;
    for (auto at = changes_.upper_bound(seq); at != changes_.end() && out.size() < limit; ++at)
      out.push_back(at->second);
    co_return out;
  }

  [[nodiscard]] Result<void> current() const override { return {}; }
  [[nodiscard]] std::int64_t latest_change() const override {
    const std::lock_guard lock(mutex_);
    return last_change_;
  }

  void on_change(std::function<void()> callback) override {
    const std::lock_guard lock(mutex_);
    callbacks_.push_back(std::move(callback));
  }

  // ---- UserStore

  Task<Result<std::optional<model::User>>> find_user(Issuer issuer, UserId id) override {
    const std::lock_guard lock(mutex_);
    ++reads_;
    const auto at = users_.find(std::pair(issuer, id));
    if (at == users_.end()) co_return std::nullopt;
    co_return shown(at->second);
  }

  Task<Result<std::optional<model::User>>> find_user_by_name(Issuer issuer, std::string username) override {
    const std::lock_guard lock(mutex_);
    ++reads_;
    for (const auto& [key, user] : users_) {
      if (key.first == issuer && user.username == username) co_return shown(user);
    }
    co_return std::nullopt;
  }

  Task<Result<std::vector<model::User>>> list_users(Issuer issuer, std::size_t limit) override {
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

  Task<Result<void>> put_user(model::User user, Events events) override {
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

  Task<Result<void>> put_session(model::Session session, std::optional<Hash256> replaces, Events events) override {
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

  Task<Result<std::optional<model::Session>>> find_session(Issuer issuer, Hash256 id_hash, Instant now) override {
    const std::lock_guard lock(mutex_);
    ++reads_;
    const auto at = sessions_.find(id_hash);
    if (at == sessions_.end() || at->second.issuer != issuer || at->second.expires <= now) co_return std::nullopt;
    const auto& session = at->second;
    const auto user = users_.find(std::pair(issuer, session.user));
    if (user == users_.end() || !user->second.enabled) co_return std::nullopt;
    const Instant floor = revocations_.floor(FloorKind::user, issuer, session.user.value);
    if (session.created <= floor || session.created < user->second.tokens_valid_from) co_return std::nullopt;
    co_return session;
  }

  Task<Result<void>> touch_session(Issuer issuer, Hash256 id_hash, Instant last_seen) override {
    const auto kept = act([&]() -> Result<void> {
      const auto at = sessions_.find(id_hash);
      if (at != sessions_.end() && at->second.issuer == issuer)
        at->second.last_seen = std::max(at->second.last_seen, last_seen);
      return {};
    });
    co_return kept;
  }

  Task<Result<void>> end_session(Issuer issuer, Hash256 id_hash, Events events, Instant now) override {
    const auto kept = act([&]() -> Result<void> {
      audit(std::move(events));
      const auto at = sessions_.find(id_hash);
      if (at == sessions_.end() || at->second.issuer != issuer) return {};
      end(at, now);
      return {};
    });
    co_return kept;
  }

  Task<Result<std::vector<model::Session>>> sessions_of_user(Issuer issuer, UserId user, Instant now,
                                                             std::size_t limit) override {
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

  Task<Result<void>> end_sessions_of_user(Issuer issuer, UserId user, Events events, Instant now) override {
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

  // ---- EmergencyStore

  Task<Result<std::optional<model::EmergencyAccess>>> find_emergency(Issuer issuer, Id128 id) override {
    const std::lock_guard lock(mutex_);
    ++reads_;
    co_return emergencies_.find(issuer, id);
  }

  Task<Result<std::vector<model::EmergencyAccess>>> emergencies(Issuer issuer, bool open_only,
                                                                std::size_t limit) override {
    const std::lock_guard lock(mutex_);
    ++reads_;
    co_return emergencies_.where(limit, [&](const model::EmergencyAccess& access) {
      return access.issuer == issuer && !(open_only && access.review);
    });
  }

  Task<Result<std::vector<model::EmergencyAccess>>> emergencies_of_patient(Issuer issuer, std::string patient,
                                                                           std::size_t limit) override {
    const std::lock_guard lock(mutex_);
    ++reads_;
    co_return emergencies_.where(limit, [&](const model::EmergencyAccess& access) {
      return access.issuer == issuer && access.patient_id == patient;
    });
  }

  Task<Result<Claim>> review_emergency_once(Issuer issuer, Id128 id, model::EmergencyReview review,
                                            Events events) override {
    const auto outcome = act([&]() -> Result<Claim> {
      const auto claim = emergencies_.review(issuer, id, std::move(review));
      if (claim == Claim::won) audit(std::move(events));
      return claim;
    });
    co_return outcome;
  }

  // ---- ReplayStore

  Task<Result<bool>> claim_once(Issuer issuer, std::string space, Hash256 value, Instant expires,
                                Events events = {}) override {
    const Instant now = clock_.now();
    const auto claimed = act([&]() -> Result<bool> {
      auto [at, fresh] = replay_.try_emplace(std::tuple(issuer, space, value), expires);
      if (!fresh && at->second > now) return false;
      at->second = expires;
      audit(std::move(events));
      return true;
    });
    co_return claimed;
  }

  // ---- AuditStore

  Task<Result<void>> append(Events events) override {
    const auto kept = act([&]() -> Result<void> {
      audit(std::move(events));
      return {};
    });
    co_return kept;
  }

  Task<Result<std::vector<Record>>> read(std::int64_t after_seq, std::size_t limit) override {
    const std::lock_guard lock(mutex_);
    ++reads_;
    const auto after = static_cast<std::size_t>(std::max<std::int64_t>(after_seq - anchor_.seq, 0));
    const auto start = std::min(after, records_.size());
    const auto end = std::min(records_.size(), start + limit);
    co_return std::vector<Record>(records_.begin() + static_cast<std::ptrdiff_t>(start),
                                  records_.begin() + static_cast<std::ptrdiff_t>(end));
  }

  [[nodiscard]] std::int64_t last_seq() const override {
    const std::lock_guard lock(mutex_);
    return anchor_.seq + static_cast<std::int64_t>(records_.size());
  }

  Task<Result<Anchor>> anchor() override {
    const std::lock_guard lock(mutex_);
    co_return anchor_;
  }

  Task<Result<std::size_t>> release_up_to(std::int64_t seq, std::size_t limit) override {
    const std::lock_guard lock(mutex_);
    co_return release_from_chain(records_, anchor_, seq, limit);
  }

  // ---- Maintenance

  Task<Result<void>> probe() override { co_return Result<void>{}; }
  Task<Result<std::size_t>> sweep(Instant now, std::size_t batch) override {
    revocations_.drop_expired(now);
    const std::lock_guard lock(mutex_);
    std::size_t deleted = 0;
    const auto drop = [&](auto& map, auto expired) { drop_where(map, expired, batch, deleted); };
    const auto once_expired = [now](const auto& once) { return once.record.expires <= now; };
    const auto expired = [now](const auto& record) { return record.expires <= now; };
    drop(replay_, [now](Instant expires) { return expires <= now; });
    drop(codes_, [now](const auto& once) { return once.record.expires + limits::kCodeReuseMemory <= now; });
    drop(pushed_, once_expired);
    drop(interactions_, once_expired);
    drop(launches_, once_expired);
    drop(sessions_, expired);
    drop(consents_, expired);
    drop(changes_, expired);
    drop(grants_, expired);
    std::erase_if(families_, [this](const auto& entry) { return !grants_.contains(entry.first); });
    co_return deleted;
  }

  Task<Result<bool>> take_lease(std::string name, Id128 holder, Instant now, Instant until) override {
    const std::lock_guard lock(mutex_);
    auto& lease = leases_[name];
    if (lease.until > now && lease.holder != holder) co_return false;
    lease = {holder, until};
    co_return true;
  }

  Task<Result<void>> backup(std::string /*path*/) override {
    co_return fail(ErrorCode::conflict, {}, "a store in memory has no file to copy");
  }

  [[nodiscard]] Counters counters() const noexcept override {
    const std::lock_guard lock(mutex_);
    return {.reads = reads_, .commits = commits_, .batches = commits_};
  }

 private:
  /// One act under the lock. Acts check everything before they change anything, so a failure leaves no trace.
  template <class F>
  auto act(F function) -> std::invoke_result_t<F&> {
    std::vector<std::function<void()>> callbacks;
    std::optional<std::invoke_result_t<F&>> outcome;
    {
      const std::lock_guard lock(mutex_);
      ++commits_;
      const auto before = last_change_;
      outcome.emplace(function());
      if (last_change_ != before) callbacks = callbacks_;
    }
    for (const auto& callback : callbacks) callback();
    return std::move(*outcome);
  }

  template <class T>
  Result<std::optional<T>> find_once(const OnceMap<T>& map, const Issuer& issuer, const Hash256& handle, Instant now) {
    const std::lock_guard lock(mutex_);
    ++reads_;
    return unused(map, issuer, handle, now);
  }

  void change(const Issuer& issuer, model::ChangeKind kind, std::string subject, Instant at) {
    change(issuer, kind, std::move(subject), at, at + limits::kChangeLifetime);
  }
  void change(const Issuer& issuer, model::ChangeKind kind, std::string subject, Instant at, Instant expires) {
    const auto seq = ++last_change_;
    changes_.emplace(seq, model::Change{seq, issuer, kind, std::move(subject), at, expires});
  }

  void raise(FloorKind kind, const Issuer& issuer, const std::string& subject, Instant at, Instant now) {
    revocations_.raise(kind, issuer, subject, at);
    const auto line = kind == FloorKind::client ? model::ChangeKind::client_revoked : model::ChangeKind::user_revoked;
    const auto seq = ++last_change_;
    changes_.emplace(seq, model::Change{seq, issuer, line, subject, at, now + limits::kChangeLifetime});
  }

  void revoke(const Issuer& issuer, const Id128& id, Instant now) {
    const auto at = grants_.find(id);
    if (at == grants_.end() || at->second.issuer != issuer || at->second.revoked) return;
    at->second.revoked = now;
    change(issuer, model::ChangeKind::grant_revoked, id.text(), now);
  }

  /// Ends a session and the grants made in it that are not offline.
  void end(std::map<Hash256, model::Session>::iterator at, Instant now) {
    const auto session = at->second;
    sessions_.erase(at);
    for (const auto& [id, grant] : grants_) {
      const bool of_session = grant.issuer == session.issuer && grant.user == session.user && grant.sid == session.sid;
      if (of_session && !session.sid.is_zero() && !grant.offline) revoke(session.issuer, id, now);
    }
    change(session.issuer, model::ChangeKind::session_ended, session.sid.text(), now);
  }

  [[nodiscard]] model::Grant shown(model::Grant grant) const {
    revocations_.overlay(grant);
    return grant;
  }
  [[nodiscard]] model::User shown(model::User user) const {
    const Instant floor = revocations_.floor(FloorKind::user, user.issuer, user.id.value);
    user.tokens_valid_from = std::max(user.tokens_valid_from, floor);
    return user;
  }

  template <class F>
  void swap_directory(F edit) {
    auto fresh = std::make_shared<ports::Directory>(*directory_);
    edit(*fresh);
    directory_ = std::move(fresh);
  }

  void audit(Events events) { append_to_chain(records_, anchor_, std::move(events), signer_); }

  const Clock& clock_;
  audit::CheckpointSigner signer_;
  mutable std::mutex mutex_;
  Revocations revocations_;
  std::shared_ptr<const ports::Directory> directory_ = std::make_shared<const ports::Directory>();
  std::vector<model::SigningKeyRecord> keys_;
  OnceMap<model::PushedRequest> pushed_;
  OnceMap<model::LaunchTicket> launches_;
  OnceMap<model::Interaction> interactions_;
  OnceMap<model::AuthorizationCode> codes_;
  std::map<std::tuple<Issuer, UserId, ClientId>, model::Consent> consents_;
  std::map<Id128, model::Grant> grants_;
  std::map<Id128, model::RefreshFamily> families_;
  std::map<std::pair<Issuer, UserId>, model::User> users_;
  std::map<Hash256, model::Session> sessions_;
  EmergencyShelf emergencies_;
  std::map<std::tuple<Issuer, std::string, Hash256>, Instant> replay_;
  std::map<std::int64_t, model::Change> changes_;
  std::int64_t last_change_ = 0;
  std::vector<std::function<void()>> callbacks_;
  std::vector<Record> records_;
  Anchor anchor_;
  struct Lease {
    Id128 holder;
    Instant until;
  };
  std::map<std::string, Lease> leases_;
  std::uint64_t reads_ = 0;
  std::uint64_t commits_ = 0;
};

}  // namespace

std::unique_ptr<ports::Store> make_memory_store(const Clock& clock, audit::CheckpointSigner signer) {
  return std::make_unique<MemoryStore>(clock, std::move(signer));
}

}  // namespace mitral::store
