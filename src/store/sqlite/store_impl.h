// StoreImpl: the parts of the SQLite store and how they hang together. Only the .cc files beside it include this.
//
//   sqlite_store.cc           opening, the feed that keeps memory true, upkeep
//   store_directory.cc        clients, resource servers, signing keys
//   store_authorization.cc    requests, launches, codes, consents
//   store_grants.cc           grants, rotation, revocation
//   store_users.cc            users and sessions
//   store_emergency.cc        emergency accesses and their reviews
//   store_audit.cc            audit record, replay
//
// Thread rules: see sqlite_store.h. Memory moves forward with the change feed (store/remembered.h): by the writer after
// a commit, and by the ticker that polls for other processes.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "store/remembered.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/writer.h"

namespace mitral::store {

using ports::Claim;
using ports::Events;

class StoreImpl final : public SqliteStore, private ports::Directory::Source {
 public:
  StoreImpl(SqliteOptions options, const Clock& clock);
  ~StoreImpl() override;
  [[nodiscard]] Result<void> start();

  void set_checkpoint_signer(audit::CheckpointSigner signer) override { writer_->set_signer(std::move(signer)); }
  Task<Result<void>> seal_audit() override;

  // DirectoryStore, KeyStore
  [[nodiscard]] std::shared_ptr<const ports::Directory> directory() const override { return memory_.directory(); }
  Task<Result<void>> put_client(model::Client client, model::AuditEvent event) override;
  Task<Result<void>> put_resource_server(model::ResourceServer server, model::AuditEvent event) override;
  Task<Result<void>> delete_client(Issuer issuer, ClientId id, model::AuditEvent event) override;
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
  [[nodiscard]] std::optional<model::Grant> known_grant(const Issuer& issuer, const Id128& id) override {
    return memory_.grant(issuer, id);
  }
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
                                std::string_view user, Instant issued) const override {
    return memory_.revocations().is_revoked(issuer, token, client, user, issued);
  }
  Task<Result<std::vector<model::Change>>> changes_after(std::int64_t seq, std::size_t limit) override;
  [[nodiscard]] std::int64_t latest_change() const override { return memory_.latest(); }
  [[nodiscard]] Result<void> current() const override { return memory_.current(); }
  void on_change(std::function<void()> callback) override { memory_.on_change(std::move(callback)); }

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

  // ReplayStore, AuditStore, Maintenance
  Task<Result<bool>> claim_once(Issuer issuer, std::string space, Hash256 value, Instant expires,
                                Events events = {}) override;
  Task<Result<void>> append(Events events) override;
  Task<Result<std::vector<Record>>> read(std::int64_t after_seq, std::size_t limit) override;
  [[nodiscard]] std::int64_t last_seq() const override { return writer_->audit_seq(); }
  Task<Result<Anchor>> anchor() override;
  Task<Result<std::size_t>> release_up_to(std::int64_t seq, std::size_t limit) override;
  Task<Result<void>> probe() override;
  Task<Result<std::size_t>> sweep(Instant now, std::size_t batch) override;
  Task<Result<bool>> take_lease(std::string name, Id128 holder, Instant now, Instant until) override;
  Task<Result<void>> backup(std::string path) override;
  [[nodiscard]] Counters counters() const noexcept override;

 private:
  struct Reader {
    std::mutex mutex;
    Connection connection;
  };
  /// Runs `look(Connection&)` on a reader's connection, which this thread shares with few others or none.
  template <class F>
  auto look(F&& function) const -> std::invoke_result_t<F&, Connection&> {
    reads_.fetch_add(1, std::memory_order_relaxed);
    auto& reader = *readers_[thread_number() % readers_.size()];
    const std::lock_guard lock(reader.mutex);
    return function(reader.connection);
  }
  [[nodiscard]] static std::size_t thread_number() noexcept;

  // Directory::Source
  [[nodiscard]] Result<std::optional<model::Client>> find(const Issuer& issuer, std::string_view id) const override;
  [[nodiscard]] Result<void> each(const Issuer& issuer, ports::Clients which,
                                  const std::function<void(model::Client)>& take) const override;

  void tick_loop();
  [[nodiscard]] Result<void> copy_to(const std::string& path) const;

  // Pieces of acts, on the writer thread.
  [[nodiscard]] Instant floor_within(const Tx& tx, const Issuer& issuer, std::string_view client,
                                     std::string_view user) const {
    return std::max(memory_.revocations().floor(issuer, client, user), tx.pending_floor(issuer, client, user));
  }
  [[nodiscard]] Result<void> raise_floor(Tx& tx, FloorKind kind, const Issuer& issuer, const std::string& subject,
                                         Instant at, Instant now);
  [[nodiscard]] static Result<void> revoke_grant_within(Tx& tx, const Issuer& issuer, const Id128& id, Instant now);
  [[nodiscard]] static Result<void> session_ended_within(Tx& tx, const Issuer& issuer, const UserId& user,
                                                         const Id128& sid, Instant now);
  [[nodiscard]] static Result<void> insert_emergency_within(Tx& tx, const Issuer& issuer,
                                                            const model::EmergencyAccess& access,
                                                            const std::string& document);

  SqliteOptions options_;
  const Clock& clock_;
  Remembered memory_;

  std::vector<std::unique_ptr<Reader>> readers_;
  mutable std::atomic<std::uint64_t> reads_{0};
  Connection ticker_connection_;
  std::unique_ptr<Writer> writer_;

  std::mutex tick_mutex_;
  std::condition_variable tick_wake_;
  bool stopping_ = false;
  std::thread ticker_;
  std::mutex backup_mutex_;
  std::thread backup_;
  std::atomic<bool> backing_up_{false};
};

}  // namespace mitral::store
