// MemoryStore: the parts of the memory store and how they hang together. Only the .cc files beside it include this.
//
//   memory_store.cc           replay, audit record, upkeep
//   memory_directory.cc       clients, resource servers, signing keys
//   memory_authorization.cc   one-time handles: requests, launches, interactions, codes; consents
//   memory_grants.cc          grants, rotation, revocation, the feed
//   memory_users.cc           users, sessions, emergency accesses
//
// Limits, errors: see memory_store.h. Thread rules: everything lies under one mutex; no call ever suspends.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "store/memory/audit_shelf.h"
#include "store/memory/emergency_shelf.h"
#include "store/memory/memory_store.h"
#include "store/memory/once_map.h"
#include "store/revocations.h"

namespace mitral::store {

using ports::Claim;
using ports::Events;

class MemoryStore final : public ports::Store {
 public:
  MemoryStore(const Clock& clock, audit::CheckpointSigner signer) : clock_(clock), signer_(std::move(signer)) {}

  // DirectoryStore
  [[nodiscard]] std::shared_ptr<const ports::Directory> directory() const override;
  Task<Result<void>> put_client(model::Client client, model::AuditEvent event) override;
  Task<Result<void>> put_resource_server(model::ResourceServer server, model::AuditEvent event) override;
  Task<Result<void>> delete_client(Issuer issuer, ClientId id, model::AuditEvent event) override;

  // KeyStore
  Task<Result<std::vector<model::SigningKeyRecord>>> keys(Issuer issuer) override;
  Task<Result<Claim>> add_key_once(model::SigningKeyRecord key, Instant unless_active_from, Events events) override;
  Task<Result<void>> update_key(model::SigningKeyRecord key, Events events) override;

  // AuthorizationStore
  Task<Result<void>> put_pushed_request(model::PushedRequest request) override;
  Task<Result<std::optional<model::PushedRequest>>> find_pushed_request(Issuer issuer, Hash256 handle,
                                                                        Instant now) override;
  Task<Result<void>> put_launch(model::LaunchTicket ticket, Events events) override;
  Task<Result<std::optional<model::LaunchTicket>>> find_launch(Issuer issuer, Hash256 handle, Instant now) override;
  Task<Result<void>> put_interaction(model::Interaction interaction) override;
  Task<Result<std::optional<model::Interaction>>> find_interaction(Issuer issuer, Hash256 handle, Instant now) override;
  Task<Result<Claim>> complete_authorization(Issuer issuer, Completion completion, Events events, Instant now) override;
  Task<Result<std::optional<model::AuthorizationCode>>> find_code(Issuer issuer, Hash256 handle, Instant now) override;
  Task<Result<Claim>> redeem_code_once(Issuer issuer, Hash256 handle, model::Grant grant,
                                       std::optional<model::RefreshFamily> family, Events events, Events reuse_events,
                                       Instant now) override;
  Task<Result<void>> burn_code(Issuer issuer, Hash256 handle, Events events) override;
  Task<Result<std::optional<model::Consent>>> find_consent(Issuer issuer, UserId user, ClientId client,
                                                           Instant now) override;

  // GrantStore
  Task<Result<std::optional<model::Grant>>> find_grant(Issuer issuer, Id128 id) override;
  [[nodiscard]] std::optional<model::Grant> known_grant(const Issuer&, const Id128&) override { return std::nullopt; }
  Task<Result<std::optional<GrantOfUser>>> find_grant_of_user(Issuer issuer, Id128 id) override;
  Task<Result<std::optional<model::RefreshFamily>>> find_family(Issuer issuer, Id128 grant) override;
  Task<Result<std::vector<model::Grant>>> grants_of_user(Issuer issuer, UserId user, std::size_t limit) override;
  Task<Result<Rotated>> rotate_once(Issuer issuer, Rotation rotation, Events events, Events reuse_events,
                                    Instant now) override;
  Task<Result<void>> revoke_grant(Issuer issuer, Id128 id, Events events, Instant now) override;
  Task<Result<void>> revoke_grants_of(Issuer issuer, UserId user, ClientId client, Events events, Instant now) override;
  Task<Result<void>> revoke_token(Issuer issuer, Id128 token, Instant expires, Events events, Instant now) override;
  Task<Result<void>> revoke_client(Issuer issuer, ClientId client, Events events, Instant now) override;
  Task<Result<void>> revoke_user(Issuer issuer, UserId user, Events events, Instant now) override;
  [[nodiscard]] bool is_revoked(const Issuer& issuer, const Id128& token, std::string_view client,
                                std::string_view user, Instant issued) const override;
  Task<Result<std::vector<model::Change>>> changes_after(std::int64_t seq, std::size_t limit) override;
  [[nodiscard]] Result<void> current() const override;
  [[nodiscard]] std::int64_t latest_change() const override;
  void on_change(std::function<void()> callback) override;

  // UserStore
  Task<Result<std::optional<model::User>>> find_user(Issuer issuer, UserId id) override;
  Task<Result<std::optional<model::User>>> find_user_by_name(Issuer issuer, std::string username) override;
  Task<Result<std::vector<model::User>>> list_users(Issuer issuer, std::size_t limit) override;
  Task<Result<void>> put_user(model::User user, Events events) override;
  Task<Result<void>> put_session(model::Session session, std::optional<Hash256> replaces, Events events) override;
  Task<Result<std::optional<model::Session>>> find_session(Issuer issuer, Hash256 id_hash, Instant now) override;
  Task<Result<std::optional<SignedIn>>> find_signed_in(Issuer issuer, Hash256 id_hash, std::optional<ClientId> client,
                                                       Instant now) override;
  Task<Result<void>> touch_session(Issuer issuer, Hash256 id_hash, Instant last_seen) override;
  Task<Result<void>> end_session(Issuer issuer, Hash256 id_hash, Events events, Instant now) override;
  Task<Result<std::vector<model::Session>>> sessions_of_user(Issuer issuer, UserId user, Instant now,
                                                             std::size_t limit) override;
  Task<Result<void>> end_sessions_of_user(Issuer issuer, UserId user, Events events, Instant now) override;

  // EmergencyStore
  Task<Result<std::optional<model::EmergencyAccess>>> find_emergency(Issuer issuer, Id128 id) override;
  Task<Result<std::vector<model::EmergencyAccess>>> emergencies(Issuer issuer, bool open_only,
                                                                std::size_t limit) override;
  Task<Result<std::vector<model::EmergencyAccess>>> emergencies_of_patient(Issuer issuer, std::string patient,
                                                                           std::size_t limit) override;
  Task<Result<Claim>> review_emergency_once(Issuer issuer, Id128 id, model::EmergencyReview review,
                                            Events events) override;

  // ReplayStore
  Task<Result<bool>> claim_once(Issuer issuer, std::string space, Hash256 value, Instant expires,
                                Events events = {}) override;

  // AuditStore
  Task<Result<void>> append(Events events) override;
  Task<Result<std::vector<Record>>> read(std::int64_t after_seq, std::size_t limit) override;
  [[nodiscard]] std::int64_t last_seq() const override;
  Task<Result<Anchor>> anchor() override;
  Task<Result<std::size_t>> release_up_to(std::int64_t seq, std::size_t limit) override;

  // Maintenance
  Task<Result<void>> probe() override;
  Task<Result<std::size_t>> sweep(Instant now, std::size_t batch) override;
  Task<Result<bool>> take_lease(std::string name, Id128 holder, Instant now, Instant until) override;
  Task<Result<void>> backup(std::string /*path*/) override;
  [[nodiscard]] Counters counters() const noexcept override;

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

  /// Writes a line of the feed.
  void change(const Issuer& issuer, model::ChangeKind kind, std::string subject, Instant at);
  void change(const Issuer& issuer, model::ChangeKind kind, std::string subject, Instant at, Instant expires);
  /// All tokens of a client or user up to `at` are dead.
  void raise(FloorKind kind, const Issuer& issuer, const std::string& subject, Instant at, Instant now);
  void revoke(const Issuer& issuer, const Id128& id, Instant now);
  /// Ends a session and the grants made in it that are not offline.
  void end(std::map<Hash256, model::Session>::iterator at, Instant now);
  /// As it is to be seen: with what was revoked for its client or user.
  [[nodiscard]] model::Grant shown(model::Grant grant) const;
  [[nodiscard]] model::User shown(model::User user) const;
  [[nodiscard]] std::optional<model::Session> living_session(const Issuer& issuer, const Hash256& id_hash,
                                                             Instant now) const;

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

}  // namespace mitral::store
