// StoreImpl: the parts of the PostgreSQL store and how they hang together. Only the .cc files beside it include this.
//
//   postgres_store.cc         opening, the source of what is remembered
//   store_directory.cc        clients, resource servers, signing keys
//   store_authorization.cc    requests, launches, codes, consents
//   store_grants.cc           grants, rotation, revocation
//   store_users.cc            users and sessions
//   store_emergency.cc        emergency accesses and their reviews
//   store_audit.cc            audit record, replay
//   store_upkeep.cc           probe, sweeping, leases
//
// Every act is made of opening statements that carry their conditions, so that they need no second round trip, and a
// judge that looks again only in rare cases. Times and flags are int8; SQL texts are literals, prepared once.
//
// Thread rules: see postgres_store.h.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "store/documents.h"
#include "store/postgres/follower.h"
#include "store/postgres/postgres_store.h"
#include "store/postgres/readers.h"
#include "store/postgres/writer.h"
#include "store/prepared_event.h"
#include "store/remembered.h"

namespace mitral::store::postgres {

using ports::Claim;
using ports::Events;

/// What stands in a document, with what revocations mean for it.
[[nodiscard]] Result<model::User> shown_user(std::string_view document, const Revocations& revocations);

class StoreImpl final : public PostgresStore {
 public:
  StoreImpl(PostgresOptions options, const Clock& clock);
  ~StoreImpl() override;
  [[nodiscard]] Result<void> start();

  void set_checkpoint_signer(audit::CheckpointSigner signer) override { writer_->set_signer(std::move(signer)); }
  Task<Result<void>> seal_audit() override { return writer_->seal(); }

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
  Task<Result<std::optional<Duration>>> clock_skew() override;
  Task<Result<void>> backup(std::string path) override;
  [[nodiscard]] Counters counters() const noexcept override;

 private:
  [[nodiscard]] Result<model::Grant> read_grant(const Rows& rows, const Issuer& issuer, std::uint64_t epoch);
  using Answers = std::span<const Rows>;

  void tick();

  // Pieces of judges.
  [[nodiscard]] static Result<void> raise_floor(Tx& tx, FloorKind kind, const Issuer& issuer,
                                                const std::string& subject, Instant at, Instant now);
  static void floor_raised(Tx& tx, FloorKind kind, const Issuer& issuer, const std::string& subject, Instant at,
                           Instant now);
  [[nodiscard]] static Result<void> revoke_grant_within(Tx& tx, const Issuer& issuer, const Id128& id, Instant now);
  /// A line of the feed for each grant whose id stands in the first column.
  static void grants_revoked(Tx& tx, const Issuer& issuer, const Rows& ended, Instant now);
  /// The same, and a line for each session.
  static void sessions_ended(Tx& tx, const Issuer& issuer, const Rows& grants, const Rows& sids, Instant now);

  PostgresOptions options_;
  const Clock& clock_;
  Remembered memory_;
  int ticks_ = 0;
  std::atomic<bool> sealing_{false};

  std::unique_ptr<Readers> readers_;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<Follower> follower_;
};

/// Flags are numbers in the tables.
[[nodiscard]] constexpr std::int64_t flag(bool value) noexcept { return value ? 1 : 0; }

/// For LIMIT, which refuses what is negative.
[[nodiscard]] constexpr std::int64_t at_most(std::size_t rows) noexcept {
  return static_cast<std::int64_t>(std::min<std::size_t>(rows, std::numeric_limits<std::int64_t>::max()));
}

/// A statement that remembers for good that everything up to an instant is dead.
[[nodiscard]] Statement floor_statement(FloorKind kind, const Issuer& issuer, std::string_view subject, Instant at);

/// seq, issuer, kind, subject, at, expires
[[nodiscard]] model::Change change_from(const Rows& rows, int row);

/// One judge for acts that are nothing but statements and events.
[[nodiscard]] inline auto only_audit(const PreparedEvents& audit) {
  return [&audit](Tx& tx, std::span<const Rows>) -> Result<void> {
    tx.audit(audit);
    return {};
  };
}

/// For upserts whose condition may be wrong.
[[nodiscard]] inline Result<void> must_have_written(const Rows& rows) {
  if (rows.affected() == 0) return fail(ErrorCode::conflict, {}, "handle is used up or belongs to another issuer");
  return {};
}

}  // namespace mitral::store::postgres
