#include "support/faulty_store.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mitral::testing {

namespace {

/// The switches and what they stand before. Here and not in the header: fifty coroutines are compiled once.
class Switched final : public FaultyStore {
 public:
  explicit Switched(std::unique_ptr<ports::Store> inner) : inner_(std::move(inner)) {}

  // What requests read from memory goes on.
  [[nodiscard]] std::shared_ptr<const ports::Directory> directory() const override { return inner_->directory(); }
  [[nodiscard]] bool is_revoked(const Issuer& issuer, const Id128& token, std::string_view client,
                                std::string_view user, Instant issued) const override {
    return inner_->is_revoked(issuer, token, client, user, issued);
  }
  [[nodiscard]] std::int64_t latest_change() const override { return inner_->latest_change(); }
  [[nodiscard]] Result<void> current() const override {
    if (reads_fail || stale) return fail(ErrorCode::unavailable, {}, "lost connection");
    return inner_->current();
  }
  void on_change(std::function<void()> callback) override { inner_->on_change(std::move(callback)); }
  [[nodiscard]] std::int64_t last_seq() const override { return inner_->last_seq(); }
  [[nodiscard]] ports::Maintenance::Counters counters() const noexcept override { return inner_->counters(); }

  // NOLINTBEGIN: one line per act
#define MITRAL_ACT(type, name, params, args) \
  Task<Result<type>> name params override {  \
    if (writes_fail) return broken<type>();  \
    return inner_->name args;                \
  }
#define MITRAL_READ(type, name, params, args) \
  Task<Result<type>> name params override {   \
    if (reads_fail) return broken<type>();    \
    return inner_->name args;                 \
  }
  using Events = ports::Events;
  using OptionalSkew = std::optional<Duration>;
  using OptionalPushed = std::optional<model::PushedRequest>;
  using OptionalLaunch = std::optional<model::LaunchTicket>;
  using OptionalInteraction = std::optional<model::Interaction>;
  using OptionalCode = std::optional<model::AuthorizationCode>;
  using OptionalConsent = std::optional<model::Consent>;
  using OptionalGrant = std::optional<model::Grant>;
  using OptionalGrantOfUser = std::optional<ports::GrantStore::GrantOfUser>;
  using OptionalSignedIn = std::optional<ports::UserStore::SignedIn>;
  using OptionalFamily = std::optional<model::RefreshFamily>;
  using OptionalUser = std::optional<model::User>;
  using OptionalSession = std::optional<model::Session>;
  using OptionalEmergency = std::optional<model::EmergencyAccess>;
  using Emergencies = std::vector<model::EmergencyAccess>;
  using Sessions = std::vector<model::Session>;
  using Grants = std::vector<model::Grant>;
  using Users = std::vector<model::User>;
  using Changes = std::vector<model::Change>;
  using Keys = std::vector<model::SigningKeyRecord>;
  using Records = std::vector<ports::AuditStore::Record>;
  MITRAL_ACT(void, put_client, (model::Client c, model::AuditEvent e), (std::move(c), std::move(e)))
  MITRAL_ACT(void, put_resource_server, (model::ResourceServer s, model::AuditEvent e), (std::move(s), std::move(e)))
  MITRAL_ACT(void, delete_client, (Issuer i, ClientId c, model::AuditEvent e),
             (std::move(i), std::move(c), std::move(e)))
  MITRAL_ACT(void, put_pushed_request, (model::PushedRequest r), (std::move(r)))
  MITRAL_READ(OptionalPushed, find_pushed_request, (Issuer i, Hash256 h, Instant n), (std::move(i), h, n))
  MITRAL_ACT(void, put_launch, (model::LaunchTicket t, Events e), (std::move(t), std::move(e)))
  MITRAL_READ(OptionalLaunch, find_launch, (Issuer i, Hash256 h, Instant n), (std::move(i), h, n))
  MITRAL_ACT(void, put_interaction, (model::Interaction x), (std::move(x)))
  MITRAL_READ(OptionalInteraction, find_interaction, (Issuer i, Hash256 h, Instant n), (std::move(i), h, n))
  MITRAL_ACT(ports::Claim, complete_authorization, (Issuer i, Completion c, Events e, Instant n),
             (std::move(i), std::move(c), std::move(e), n))
  MITRAL_READ(OptionalCode, find_code, (Issuer i, Hash256 h, Instant n), (std::move(i), h, n))
  MITRAL_ACT(ports::Claim, redeem_code_once,
             (Issuer i, Hash256 h, model::Grant g, OptionalFamily f, Events e, Events r, Instant n),
             (std::move(i), h, std::move(g), std::move(f), std::move(e), std::move(r), n))
  MITRAL_ACT(void, burn_code, (Issuer i, Hash256 h, Events e), (std::move(i), h, std::move(e)))
  MITRAL_READ(OptionalConsent, find_consent, (Issuer i, UserId u, ClientId c, Instant n),
              (std::move(i), std::move(u), std::move(c), n))
  MITRAL_READ(OptionalGrant, find_grant, (Issuer i, Id128 g), (std::move(i), g))
  [[nodiscard]] std::optional<model::Grant> known_grant(const Issuer& issuer, const Id128& id) override {
    return inner_->known_grant(issuer, id);
  }
  MITRAL_READ(OptionalGrantOfUser, find_grant_of_user, (Issuer i, Id128 g), (std::move(i), g))
  MITRAL_READ(OptionalFamily, find_family, (Issuer i, Id128 g), (std::move(i), g))
  MITRAL_READ(Grants, grants_of_user, (Issuer i, UserId u, std::size_t l), (std::move(i), std::move(u), l))
  MITRAL_ACT(Rotated, rotate_once, (Issuer i, Rotation r, Events e, Events x, Instant n),
             (std::move(i), r, std::move(e), std::move(x), n))
  MITRAL_ACT(void, revoke_grant, (Issuer i, Id128 g, Events e, Instant n), (std::move(i), g, std::move(e), n))
  MITRAL_ACT(void, revoke_grants_of, (Issuer i, UserId u, ClientId c, Events e, Instant n),
             (std::move(i), std::move(u), std::move(c), std::move(e), n))
  MITRAL_ACT(void, revoke_token, (Issuer i, Id128 t, Instant x, Events e, Instant n),
             (std::move(i), t, x, std::move(e), n))
  MITRAL_ACT(void, revoke_client, (Issuer i, ClientId c, Events e, Instant n),
             (std::move(i), std::move(c), std::move(e), n))
  MITRAL_ACT(void, revoke_user, (Issuer i, UserId u, Events e, Instant n),
             (std::move(i), std::move(u), std::move(e), n))
  MITRAL_READ(Changes, changes_after, (std::int64_t s, std::size_t l), (s, l))
  MITRAL_READ(OptionalUser, find_user, (Issuer i, UserId u), (std::move(i), std::move(u)))
  MITRAL_READ(OptionalUser, find_user_by_name, (Issuer i, std::string u), (std::move(i), std::move(u)))
  MITRAL_READ(Users, list_users, (Issuer i, std::size_t l), (std::move(i), l))
  MITRAL_ACT(void, put_user, (model::User u, Events e), (std::move(u), std::move(e)))
  MITRAL_ACT(void, put_session, (model::Session s, std::optional<Hash256> r, Events e), (std::move(s), r, std::move(e)))
  MITRAL_READ(OptionalSession, find_session, (Issuer i, Hash256 h, Instant n), (std::move(i), h, n))
  MITRAL_READ(OptionalSignedIn, find_signed_in, (Issuer i, Hash256 h, std::optional<ClientId> c, Instant n),
              (std::move(i), h, std::move(c), n))
  MITRAL_ACT(void, touch_session, (Issuer i, Hash256 h, Instant n), (std::move(i), h, n))
  MITRAL_ACT(void, end_session, (Issuer i, Hash256 h, Events e, Instant n), (std::move(i), h, std::move(e), n))
  MITRAL_READ(Sessions, sessions_of_user, (Issuer i, UserId u, Instant n, std::size_t l),
              (std::move(i), std::move(u), n, l))
  MITRAL_ACT(void, end_sessions_of_user, (Issuer i, UserId u, Events e, Instant n),
             (std::move(i), std::move(u), std::move(e), n))
  MITRAL_READ(OptionalEmergency, find_emergency, (Issuer i, Id128 e), (std::move(i), e))
  MITRAL_READ(Emergencies, emergencies, (Issuer i, bool o, std::size_t l), (std::move(i), o, l))
  MITRAL_READ(Emergencies, emergencies_of_patient, (Issuer i, std::string p, std::size_t l),
              (std::move(i), std::move(p), l))
  MITRAL_ACT(ports::Claim, review_emergency_once, (Issuer i, Id128 e, model::EmergencyReview r, Events x),
             (std::move(i), e, std::move(r), std::move(x)))
  MITRAL_ACT(bool, claim_once, (Issuer i, std::string s, Hash256 v, Instant x, Events e = {}),
             (std::move(i), std::move(s), v, x, std::move(e)))
  MITRAL_READ(Keys, keys, (Issuer i), (std::move(i)))
  MITRAL_ACT(ports::Claim, add_key_once, (model::SigningKeyRecord k, Instant u, Events e),
             (std::move(k), u, std::move(e)))
  MITRAL_ACT(void, update_key, (model::SigningKeyRecord k, Events e), (std::move(k), std::move(e)))
  MITRAL_ACT(void, append, (Events e), (std::move(e)))
  MITRAL_READ(Records, read, (std::int64_t s, std::size_t l), (s, l))
  MITRAL_ACT(void, probe, (), ())
  MITRAL_ACT(std::size_t, sweep, (Instant n, std::size_t b), (n, b))
  MITRAL_READ(ports::AuditStore::Anchor, anchor, (), ())
  MITRAL_ACT(std::size_t, release_up_to, (std::int64_t s, std::size_t l), (s, l))
  MITRAL_ACT(bool, take_lease, (std::string n, Id128 h, Instant a, Instant u), (std::move(n), h, a, u))
  MITRAL_READ(OptionalSkew, clock_skew, (), ())
  MITRAL_ACT(void, backup, (std::string p), (std::move(p)))
#undef MITRAL_ACT
#undef MITRAL_READ
  // NOLINTEND

 private:
  template <class T>
  static Task<Result<T>> broken() {
    co_return fail(ErrorCode::unavailable, {}, "store is out of order");
  }
  std::unique_ptr<ports::Store> inner_;
};

}  // namespace

std::unique_ptr<FaultyStore> FaultyStore::around(std::unique_ptr<ports::Store> inner) {
  return std::make_unique<Switched>(std::move(inner));
}

FaultyStore::~FaultyStore() = default;

}  // namespace mitral::testing
