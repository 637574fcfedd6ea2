#include <algorithm>

#include "store/documents.h"
#include "store/sqlite/store_impl.h"

namespace mitral::store {
namespace {

constexpr std::size_t kPageMax = 1000;

/// id, client, user, sid, offline, created, expires, revoked, document
Result<model::Grant> grant_from(const Query& query, const Issuer& issuer) {
  model::Grant out;
  out.id = query.id(0);
  out.issuer = issuer;
  out.client = ClientId(query.text(1));
  out.user = UserId(query.text(2));
  out.sid = query.id(3);
  out.offline = query.integer(4) != 0;
  out.created = query.time(5);
  out.expires = query.time(6);
  out.revoked = query.time_or_null(7);
  if (!read_document(query.text(8), out)) return unreadable("grants");
  return out;
}

/// The row behind refresh tokens, as rotation needs it.
struct FamilyRow {
  std::int64_t rowid = 0;
  std::uint32_t generation = 0;
  Instant rotated;
};

}  // namespace

Task<Result<std::optional<model::Grant>>> StoreImpl::find_grant(Issuer issuer, Id128 id) {
  if (auto known = memory_.grant(issuer, id)) co_return known;
  const auto epoch = memory_.grants().epoch(id);
  auto found = look([&](Connection& connection) -> Result<std::optional<model::Grant>> {
    Query query(connection,
                "SELECT id, client, user, sid, offline, created, expires, revoked, document FROM grants "
                "WHERE id = ?1 AND issuer = ?2");
    MITRAL_TRY(const bool row, query.bind(id, issuer).step());
    if (!row) return std::nullopt;
    MITRAL_TRY(auto grant, grant_from(query, issuer));
    return std::optional(std::move(grant));
  });
  if (found && *found) {
    memory_.grants().put(**found, epoch);
    memory_.revocations().overlay(**found);
  }
  co_return found;
}

Task<Result<std::optional<ports::GrantStore::GrantOfUser>>> StoreImpl::find_grant_of_user(Issuer issuer, Id128 id) {
  if (auto known = memory_.grant(issuer, id)) co_return GrantOfUser{.grant = std::move(*known), .user = {}};
  const auto epoch = memory_.grants().epoch(id);
  auto found = look([&](Connection& connection) -> Result<std::optional<GrantOfUser>> {
    Query query(
        connection,
        "SELECT g.id, g.client, g.user, g.sid, g.offline, g.created, g.expires, g.revoked, g.document, u.document "
        "FROM grants g LEFT JOIN users u ON u.issuer = g.issuer AND u.id = g.user "
        "WHERE g.id = ?1 AND g.issuer = ?2");
    MITRAL_TRY(const bool row, query.bind(id, issuer).step());
    if (!row) return std::nullopt;
    GrantOfUser out{.grant = {}, .user_read = true, .user = {}};
    MITRAL_TRY(out.grant, grant_from(query, issuer));
    if (query.is_null(9)) return out;
    out.user = user_from(query.text(9));
    if (!out.user) return unreadable("users");
    memory_.revocations().overlay(*out.user);
    return out;
  });
  if (found && *found) {
    memory_.grants().put((*found)->grant, epoch);
    memory_.revocations().overlay((*found)->grant);
  }
  co_return found;
}

Task<Result<std::optional<model::RefreshFamily>>> StoreImpl::find_family(Issuer issuer, Id128 grant) {
  co_return look([&](Connection& connection) -> Result<std::optional<model::RefreshFamily>> {
    Query query(connection,
                "SELECT client, generation, rotated, family_expires, revoked, user, created FROM grants "
                "WHERE id = ?1 AND issuer = ?2 AND generation IS NOT NULL");
    MITRAL_TRY(const bool row, query.bind(grant, issuer).step());
    if (!row) return std::nullopt;
    model::RefreshFamily out;
    out.grant = grant;
    out.issuer = issuer;
    out.client = ClientId(query.text(0));
    out.generation = static_cast<std::uint32_t>(query.integer(1));
    out.rotated = query.time(2);
    out.expires = query.time(3);
    out.revoked = query.time_or_null(4);
    const Instant floor = memory_.revocations().floor(issuer, out.client.value, query.text(5));
    if (!out.revoked && query.time(6) <= floor) out.revoked = floor;
    return out;
  });
}

Task<Result<std::vector<model::Grant>>> StoreImpl::grants_of_user(Issuer issuer, UserId user, std::size_t limit) {
  co_return look([&](Connection& connection) -> Result<std::vector<model::Grant>> {
    Query query(connection,
                "SELECT id, client, user, sid, offline, created, expires, revoked, document FROM grants "
                "WHERE user = ?1 AND issuer = ?2 "
                "ORDER BY (revoked IS NULL) DESC, offline DESC, created DESC, id DESC LIMIT ?3");
    query.bind(user, issuer, limit);
    std::vector<model::Grant> out;
    for (;;) {
      MITRAL_TRY(const bool row, query.step());
      if (!row) return out;
      MITRAL_TRY(auto grant, grant_from(query, issuer));
      memory_.revocations().overlay(grant);
      out.push_back(std::move(grant));
    }
  });
}

Task<Result<ports::GrantStore::Rotated>> StoreImpl::rotate_once(Issuer issuer, Rotation rotation, Events events,
                                                                Events reuse_events, Instant now) {
  // The events of a reuse are rarely needed: rendered only then.
  auto rotate = [this, issuer = std::move(issuer), rotation, now, audit = prepare(events),
                 reuse_events = std::move(reuse_events),
                 reuse_audit = PreparedEvents()](Tx& tx) mutable -> Result<Rotated> {
    constexpr Rotated kDead{RotationOutcome::dead, 0};
    FamilyRow family;
    {
      Query query(tx.db,
                  "SELECT rowid, generation, rotated, client, user, created FROM grants WHERE id = ?1 AND issuer = ?2 "
                  "AND generation IS NOT NULL AND revoked IS NULL AND expires > ?3 AND family_expires > ?3");
      MITRAL_TRY(const bool row, query.bind(rotation.grant, issuer, now).step());
      if (!row || query.time(5) <= floor_within(tx, issuer, query.text(3), query.text(4))) return kDead;
      family = {query.integer(0), static_cast<std::uint32_t>(query.integer(1)), query.time(2)};
    }
    // A generation that was never given out: a file restored from a backup. Nothing tells whose token it is.
    if (rotation.presented > family.generation) return kDead;
    if (rotation.presented == family.generation) {
      Query query(
          tx.db,
          "UPDATE grants SET generation = ?3, rotated = ?4, family_expires = ?5 WHERE rowid = ?1 AND generation = ?2");
      const std::uint32_t next = family.generation + (rotation.rotate ? 1U : 0U);
      const Instant rotated = rotation.rotate ? now : family.rotated;
      MITRAL_TRY(const auto moved,
                 query.bind(family.rowid, rotation.presented, next, rotated, rotation.expires).run_counting());
      if (moved != 1) return fail(ErrorCode::internal, {}, "refresh family moved inside its own transaction");
      tx.audit(audit);
      return Rotated{RotationOutcome::rotated, next};
    }
    if (family.generation - rotation.presented == 1 && now < family.rotated + rotation.retry_window) {
      tx.audit(audit);
      return Rotated{RotationOutcome::retried, family.generation};
    }
    MITRAL_CHECK(revoke_grant_within(tx, issuer, rotation.grant, now));
    reuse_audit = prepare(reuse_events);
    tx.audit(reuse_audit);
    return Rotated{RotationOutcome::reused, family.generation};
  };
  return writer_->write(Undo::never, std::move(rotate));
}

Result<void> StoreImpl::revoke_grant_within(Tx& tx, const Issuer& issuer, const Id128& id, Instant now) {
  Query query(tx.db, "UPDATE grants SET revoked = ?3 WHERE id = ?1 AND issuer = ?2 AND revoked IS NULL");
  MITRAL_TRY(const auto revoked, query.bind(id, issuer, now).run_counting());
  if (revoked == 0) return {};
  return tx.change(issuer, model::ChangeKind::grant_revoked, id.text(), now, change_end(now));
}

Task<Result<void>> StoreImpl::revoke_grant(Issuer issuer, Id128 id, Events events, Instant now) {
  return writer_->write([issuer = std::move(issuer), id, now, audit = prepare(events)](Tx& tx) -> Result<void> {
    MITRAL_CHECK(revoke_grant_within(tx, issuer, id, now));
    // Who ends a permission does not mean it to come back by itself at the next sign-in: she is asked again.
    Query forget(tx.db,
                 "DELETE FROM consents WHERE issuer = ?1 AND (user, client) IN "
                 "(SELECT user, client FROM grants WHERE id = ?2 AND issuer = ?1)");
    MITRAL_CHECK(forget.bind(issuer, id).run());
    tx.audit(audit);
    return {};
  });
}

Task<Result<void>> StoreImpl::revoke_grants_of(Issuer issuer, UserId user, ClientId client, Events events,
                                               Instant now) {
  return writer_->write([issuer = std::move(issuer), user = std::move(user), client = std::move(client), now,
                         audit = prepare(events)](Tx& tx) -> Result<void> {
    std::vector<Id128> ended;
    {
      Query query(tx.db,
                  "UPDATE grants SET revoked = ?4 WHERE user = ?1 AND issuer = ?2 AND client = ?3 AND revoked IS NULL "
                  "RETURNING id");
      query.bind(user, issuer, client, now);
      for (;;) {
        MITRAL_TRY(const bool row, query.step());
        if (!row) break;
        ended.push_back(query.id(0));
      }
    }
    for (const auto& id : ended) {
      MITRAL_CHECK(tx.change(issuer, model::ChangeKind::grant_revoked, id.text(), now, change_end(now)));
    }
    Query forget(tx.db, "DELETE FROM consents WHERE issuer = ?1 AND user = ?2 AND client = ?3");
    MITRAL_CHECK(forget.bind(issuer, user, client).run());
    // Nor may a code that is still on its way make a grant afterwards. By the index on expires: few are alive.
    Query burn(tx.db,
               "UPDATE codes SET burned = 1 WHERE expires > ?4 AND issuer = ?2 AND user = ?1 AND client = ?3 AND "
               "grant_id IS NULL");
    MITRAL_CHECK(burn.bind(user, issuer, client, now).run());
    tx.audit(audit);
    return {};
  });
}

Task<Result<void>> StoreImpl::revoke_token(Issuer issuer, Id128 token, Instant expires, Events events, Instant now) {
  return writer_->write(
      [issuer = std::move(issuer), token, expires, now, audit = prepare(events)](Tx& tx) -> Result<void> {
        // Whoever allows for clock skew still takes the token that long after its end.
        const Instant end = expires + limits::kClockSkew;
        if (end > now) MITRAL_CHECK(tx.change(issuer, model::ChangeKind::token_revoked, token.text(), now, end));
        tx.audit(audit);
        return {};
      });
}

Task<Result<void>> StoreImpl::revoke_client(Issuer issuer, ClientId client, Events events, Instant now) {
  return writer_->write([this, issuer = std::move(issuer), client = std::move(client), now,
                         audit = prepare(events)](Tx& tx) -> Result<void> {
    MITRAL_CHECK(raise_floor(tx, FloorKind::client, issuer, client.value, now, now));
    Query forget(tx.db, "DELETE FROM consents WHERE client = ?1 AND issuer = ?2");
    MITRAL_CHECK(forget.bind(client, issuer).run());
    tx.audit(audit);
    return {};
  });
}

Task<Result<void>> StoreImpl::revoke_user(Issuer issuer, UserId user, Events events, Instant now) {
  return writer_->write(
      [this, issuer = std::move(issuer), user = std::move(user), now, audit = prepare(events)](Tx& tx) -> Result<void> {
        MITRAL_CHECK(raise_floor(tx, FloorKind::user, issuer, user.value, now, now));
        Query query(tx.db, "DELETE FROM sessions WHERE user = ?1 AND issuer = ?2");
        MITRAL_CHECK(query.bind(user, issuer).run());
        Query forget(tx.db, "DELETE FROM consents WHERE user = ?1 AND issuer = ?2");
        MITRAL_CHECK(forget.bind(user, issuer).run());
        tx.audit(audit);
        return {};
      });
}

Task<Result<std::vector<model::Change>>> StoreImpl::changes_after(std::int64_t seq, std::size_t limit) {
  co_return look([&](Connection& connection) -> Result<std::vector<model::Change>> {
    Query query(connection,
                "SELECT seq, issuer, kind, subject, at, expires FROM changes WHERE seq > ?1 ORDER BY seq LIMIT ?2");
    query.bind(seq, std::min(limit, kPageMax));
    std::vector<model::Change> out;
    for (;;) {
      MITRAL_TRY(const bool row, query.step());
      if (!row) return out;
      out.push_back({.seq = query.integer(0),
                     .issuer = Issuer(query.text(1)),
                     .kind = static_cast<model::ChangeKind>(query.integer(2)),
                     .subject = std::string(query.text(3)),
                     .at = query.time(4),
                     .expires = query.time(5)});
    }
  });
}

}  // namespace mitral::store
