// Stores: what the authorization server needs to remember, as atomic acts.
//
// Rules for every adapter (contract suite: tests/contract/):
//   - an act that returns success is durable, with the audit events that were handed in, before it returns;
//   - an act that fails changes nothing at all; a failure that can't be told (disk full, locked, lost connection) is
//     ErrorCode::unavailable and the caller must treat the act as not done and answer 503;
//   - single use is decided by one conditional act: of any number of concurrent calls exactly one wins;
//   - records of one issuer are invisible to calls for another;
//   - audit events enter the chain in the order of commit.
//
// Thread rules: every method may be called from any thread that has a Scheduler; it resumes there.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "model/audit_event.h"
#include "model/emergency.h"
#include "model/grant.h"
#include "model/user.h"
#include "ports/directory.h"

namespace mitral::ports {

using Events = std::vector<model::AuditEvent>;

/// How an attempt to use a one-time handle ended.
enum class Claim : std::uint8_t {
  won,      ///< this call, and no other ever
  lost,     ///< used before
  unknown,  ///< never existed, expired, or belongs to another issuer or client
};

class AuthorizationStore {
 public:
  virtual ~AuthorizationStore() = default;

  // put_*: a record of the same handle is replaced (an interaction moves on; a request in use lives a little longer).
  virtual Task<Result<void>> put_pushed_request(model::PushedRequest request) = 0;
  /// Reading does not use it up: preloaders and reloads may look (FAPI 2 §5.3.2.2); completion claims it.
  virtual Task<Result<std::optional<model::PushedRequest>>> find_pushed_request(Issuer issuer, Hash256 handle,
                                                                                Instant now) = 0;

  virtual Task<Result<void>> put_launch(model::LaunchTicket ticket, Events events) = 0;
  virtual Task<Result<std::optional<model::LaunchTicket>>> find_launch(Issuer issuer, Hash256 handle, Instant now) = 0;

  virtual Task<Result<void>> put_interaction(model::Interaction interaction) = 0;
  virtual Task<Result<std::optional<model::Interaction>>> find_interaction(Issuer issuer, Hash256 handle,
                                                                           Instant now) = 0;

  struct Completion {
    std::optional<Hash256> interaction;                    ///< claimed: a double submit can't make two codes
    std::optional<Hash256> pushed_request;                 ///< claimed
    std::optional<Hash256> launch;                         ///< claimed
    std::optional<model::AuthorizationCode> code;          ///< none: the user refused
    std::optional<model::Consent> consent;                 ///< remembered
    std::optional<model::EmergencyAccess> emergency = {};  ///< why it was given; with `code` only
  };
  /// Ends an authorization request: all claims are won and everything is written, or (lost, unknown) nothing is.
  virtual Task<Result<Claim>> complete_authorization(Issuer issuer, Completion completion, Events events,
                                                     Instant now) = 0;

  /// Read only. A redeemed code is found too, with its grant set.
  virtual Task<Result<std::optional<model::AuthorizationCode>>> find_code(Issuer issuer, Hash256 handle,
                                                                          Instant now) = 0;
  /// Redeems a code and creates its grant (and family) in one act. lost: the grant made from it before is revoked, as
  /// if by revoke_grant, in the same act with `reuse_events`, which name it.
  virtual Task<Result<Claim>> redeem_code_once(Issuer issuer, Hash256 handle, model::Grant grant,
                                               std::optional<model::RefreshFamily> family, Events events,
                                               Events reuse_events, Instant now) = 0;
  /// Makes a code useless without a grant: wrong verifier, wrong client (M-4.4.1.7).
  virtual Task<Result<void>> burn_code(Issuer issuer, Hash256 handle, Events events) = 0;

  virtual Task<Result<std::optional<model::Consent>>> find_consent(Issuer issuer, UserId user, ClientId client,
                                                                   Instant now) = 0;
};

class GrantStore {
 public:
  virtual ~GrantStore() = default;
  /// The grant, revoked ones included until they expire; served from memory when it was used lately. What this process
  /// has revoked is never returned as alive; what another process revoked is noticed within limits::kRevocationBound.
  virtual Task<Result<std::optional<model::Grant>>> find_grant(Issuer issuer, Id128 id) = 0;
  /// find_grant() for those who can't wait: from memory, or nothing when it has to be read.
  [[nodiscard]] virtual std::optional<model::Grant> known_grant(const Issuer& issuer, const Id128& id) = 0;
  /// find_grant(), and with it whose it is where the grant had to be read anyway: one look instead of two.
  struct GrantOfUser {
    model::Grant grant;
    bool user_read = false;           ///< false: the grant came from memory
    std::optional<model::User> user;  ///< none though user_read: no such user
  };
  virtual Task<Result<std::optional<GrantOfUser>>> find_grant_of_user(Issuer issuer, Id128 id) = 0;
  virtual Task<Result<std::optional<model::RefreshFamily>>> find_family(Issuer issuer, Id128 grant) = 0;
  /// Those not revoked first, of these the offline ones, then newest first: what matters stays within the limit.
  virtual Task<Result<std::vector<model::Grant>>> grants_of_user(Issuer issuer, UserId user, std::size_t limit) = 0;

  struct Rotation {
    Id128 grant;
    std::uint32_t presented = 0;  ///< generation of the token that the client sent
    bool rotate = true;           ///< false: sender-bound client keeps its token, only `expires` moves
    Duration retry_window{};      ///< how long generation-1 may come again and gets the same answer
    Instant expires;              ///< new end of the family
  };
  enum class RotationOutcome : std::uint8_t {
    rotated,  ///< generation moved forward (or, rotate=false, was current)
    retried,  ///< generation-1 came again inside the window: current generation stays
    reused,   ///< an older one: grant and family are revoked now, in this act, with `reuse_events`
    dead,     ///< unknown, expired or revoked
  };
  struct Rotated {
    RotationOutcome outcome = RotationOutcome::dead;
    std::uint32_t generation = 0;  ///< the good one afterwards
  };
  virtual Task<Result<Rotated>> rotate_once(Issuer issuer, Rotation rotation, Events events, Events reuse_events,
                                            Instant now) = 0;

  // Revocation: each is one act with its line in the change feed. Revoking what is unknown or dead succeeds.
  virtual Task<Result<void>> revoke_grant(Issuer issuer, Id128 id, Events events, Instant now) = 0;
  /// Every grant of this user to this client; what she agreed to is forgotten too.
  virtual Task<Result<void>> revoke_grants_of(Issuer issuer, UserId user, ClientId client, Events events,
                                              Instant now) = 0;
  virtual Task<Result<void>> revoke_token(Issuer issuer, Id128 token, Instant expires, Events events, Instant now) = 0;
  virtual Task<Result<void>> revoke_client(Issuer issuer, ClientId client, Events events, Instant now) = 0;
  /// All grants and sessions of the user; tokens_valid_from moves to now.
  virtual Task<Result<void>> revoke_user(Issuer issuer, UserId user, Events events, Instant now) = 0;

  /// From memory, no round trip: true when the token is revoked by itself or with its client or user.
  [[nodiscard]] virtual bool is_revoked(const Issuer& issuer, const Id128& token, std::string_view client,
                                        std::string_view user, Instant issued) const = 0;

  /// Lines after `seq`, oldest first, at most `limit`.
  virtual Task<Result<std::vector<model::Change>>> changes_after(std::int64_t seq, std::size_t limit) = 0;
  /// Newest seq that this process knows; from memory.
  [[nodiscard]] virtual std::int64_t latest_change() const = 0;
  /// unavailable when what this process remembers (is_revoked(), the directory) may be older than
  /// limits::kRevocationBound because it can't follow the feed: then nobody may be let in on memory alone. From memory.
  [[nodiscard]] virtual Result<void> current() const = 0;
  /// Called on any thread after new lines are visible. Register at start only; the callback must be quick.
  virtual void on_change(std::function<void()> callback) = 0;
};

class UserStore {
 public:
  virtual ~UserStore() = default;
  virtual Task<Result<std::optional<model::User>>> find_user(Issuer issuer, UserId id) = 0;
  virtual Task<Result<std::optional<model::User>>> find_user_by_name(Issuer issuer, std::string username) = 0;
  virtual Task<Result<std::vector<model::User>>> list_users(Issuer issuer, std::size_t limit) = 0;
  /// conflict when another user has the username.
  virtual Task<Result<void>> put_user(model::User user, Events events) = 0;

  virtual Task<Result<void>> put_session(model::Session session, std::optional<Hash256> replaces, Events events) = 0;
  /// Alive sessions only: not ended, not expired, user enabled and not revoked since.
  virtual Task<Result<std::optional<model::Session>>> find_session(Issuer issuer, Hash256 id_hash, Instant now) = 0;
  /// Who is signed in, in one look: the session as find_session() has it, whose it is and, with a client, what she
  /// agreed to for it, as find_consent() has it.
  struct SignedIn {
    model::Session session;
    model::User user;
    std::optional<model::Consent> consent;
  };
  virtual Task<Result<std::optional<SignedIn>>> find_signed_in(Issuer issuer, Hash256 id_hash,
                                                               std::optional<ClientId> client, Instant now) = 0;
  virtual Task<Result<void>> touch_session(Issuer issuer, Hash256 id_hash, Instant last_seen) = 0;
  /// Ends it and revokes the grants made in it that are not offline.
  virtual Task<Result<void>> end_session(Issuer issuer, Hash256 id_hash, Events events, Instant now) = 0;
  /// Alive ones, as find_session() has it; newest sign-in first.
  virtual Task<Result<std::vector<model::Session>>> sessions_of_user(Issuer issuer, UserId user, Instant now,
                                                                     std::size_t limit) = 0;
  /// end_session() for every session of the user, in one act: none that is being used at the same time is left out.
  virtual Task<Result<void>> end_sessions_of_user(Issuer issuer, UserId user, Events events, Instant now) = 0;
};

/// Emergency accesses; they come to be in complete_authorization(). Kept for good: sweep() leaves them alone.
class EmergencyStore {
 public:
  virtual ~EmergencyStore() = default;
  virtual Task<Result<std::optional<model::EmergencyAccess>>> find_emergency(Issuer issuer, Id128 id) = 0;
  /// Newest first. `open_only`: those that nobody has reviewed.
  virtual Task<Result<std::vector<model::EmergencyAccess>>> emergencies(Issuer issuer, bool open_only,
                                                                        std::size_t limit) = 0;
  virtual Task<Result<std::vector<model::EmergencyAccess>>> emergencies_of_patient(Issuer issuer, std::string patient,
                                                                                   std::size_t limit) = 0;
  /// A review is written once: won; lost when there is one already.
  virtual Task<Result<Claim>> review_emergency_once(Issuer issuer, Id128 id, model::EmergencyReview review,
                                                    Events events) = 0;
};

class ReplayStore {
 public:
  virtual ~ReplayStore() = default;
  /// Claims a one-time value (the jti of an assertion or proof) until `expires`. True for exactly one caller, on all
  /// nodes. A value that has expired is never won: a clock that leaps between two looks at one value would give it
  /// twice. `space` separates kinds and owners, e.g. "assertion:" + client_id. `events` are recorded with the claim
  /// that wins.
  virtual Task<Result<bool>> claim_once(Issuer issuer, std::string space, Hash256 value, Instant expires,
                                        Events events = {}) = 0;
};

class KeyStore {
 public:
  virtual ~KeyStore() = default;
  virtual Task<Result<std::vector<model::SigningKeyRecord>>> keys(Issuer issuer) = 0;
  /// Adds a key unless one of the same purpose and alg with active_from >= `unless_active_from` exists: many nodes that
  /// rotate at once make one key. won, or lost.
  virtual Task<Result<Claim>> add_key_once(model::SigningKeyRecord key, Instant unless_active_from, Events events) = 0;
  /// A revoked key stays revoked, whatever `key` says: who read it earlier can't bring it back to life.
  virtual Task<Result<void>> update_key(model::SigningKeyRecord key, Events events) = 0;
};

/// The audit record. Acts above append their own events; append() is for facts that change nothing else.
class AuditStore {
 public:
  virtual ~AuditStore() = default;
  /// Durable before it returns, unless the operator relaxed it to a bounded delay.
  virtual Task<Result<void>> append(Events events) = 0;

  struct Record {
    std::int64_t seq = 0;
    model::AuditEvent event;
    Hash256 previous{};
    Hash256 hash{};
    std::string checkpoint;  ///< JWS over (seq, hash), on some records; else empty
  };
  virtual Task<Result<std::vector<Record>>> read(std::int64_t after_seq, std::size_t limit) = 0;
  [[nodiscard]] virtual std::int64_t last_seq() const = 0;

  /// Where the kept record begins: records up to `seq`, whose hash is `hash`, were let go. All zero: nothing was.
  struct Anchor {
    std::int64_t seq = 0;
    Hash256 hash{};
  };
  virtual Task<Result<Anchor>> anchor() = 0;
  /// Lets go of the oldest records up to `seq`, at most `limit` of them, and moves the anchor with them in the same
  /// act. The number let go. The caller has shipped them before, and says so in an event.
  virtual Task<Result<std::size_t>> release_up_to(std::int64_t seq, std::size_t limit) = 0;
};

/// Health of the store, for /readyz, and what operators do to it.
class Maintenance {
 public:
  virtual ~Maintenance() = default;
  /// A cheap write and read; unavailable tells why in its detail.
  virtual Task<Result<void>> probe() = 0;
  /// Deletes up to `batch` rows that expired before `now`; the number deleted.
  virtual Task<Result<std::size_t>> sweep(Instant now, std::size_t batch) = 0;
  /// Work that one node at a time should do (shipping, sweeping). True: it is `holder`'s until `until`, and nobody
  /// else's; who holds it may take it again before it ends. Only a hint for saving work: what must happen once is an
  /// act above.
  virtual Task<Result<bool>> take_lease(std::string name, Id128 holder, Instant now, Instant until) = 0;
  /// By how much the clock that the store was given is ahead of the store's own, which all nodes share; nothing where
  /// it has none.
  virtual Task<Result<std::optional<Duration>>> clock_skew() { co_return std::optional<Duration>(); }
  /// A consistent copy, made while running.
  virtual Task<Result<void>> backup(std::string path) = 0;
  /// Round trips to storage since the start, for the tests that hold hot paths to a number.
  struct Counters {
    std::uint64_t reads = 0;
    std::uint64_t commits = 0;  ///< durable acts asked for
    std::uint64_t batches = 0;  ///< fsyncs that served them
  };
  [[nodiscard]] virtual Counters counters() const noexcept = 0;
};

/// Everything, as one object that an adapter implements.
class Store : public DirectoryStore,
              public AuthorizationStore,
              public GrantStore,
              public UserStore,
              public EmergencyStore,
              public ReplayStore,
              public KeyStore,
              public AuditStore,
              public Maintenance {};

}  // namespace mitral::ports
