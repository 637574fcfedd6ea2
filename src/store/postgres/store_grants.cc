#include <algorithm>

#include "store/postgres/store_impl.h"

namespace mitral::store::postgres {
namespace {

constexpr std::size_t kPageMax = 1000;

/// id, client, user, sid, offline, created, expires, revoked, document
Result<model::Grant> grant_from(const Rows& rows, int row, const Issuer& issuer) {
  model::Grant out;
  out.id = rows.id(row, 0);
  out.issuer = issuer;
  out.client = ClientId(rows.text(row, 1));
  out.user = UserId(rows.text(row, 2));
  out.sid = rows.id(row, 3);
  out.offline = rows.integer(row, 4) != 0;
  out.created = rows.time(row, 5);
  out.expires = rows.time(row, 6);
  out.revoked = rows.time_or_null(row, 7);
  if (!read_document(rows.text(row, 8), out)) return unreadable("grants");
  return out;
}

// Floors are looked up by scalar subqueries, which are always answered by the key; a join is planned after what the
// planner believes of the tables' sizes.

#define MITRAL_GRANT_AND_FLOOR                                                                              \
  "id, client, \"user\", sid, \"offline\", created, expires, revoked, document, "                           \
  "greatest((SELECT f.at FROM floors f WHERE f.issuer = $2 AND f.kind = 1 AND f.subject = grants.client), " \
  "(SELECT f.at FROM floors f WHERE f.issuer = $2 AND f.kind = 2 AND f.subject = grants.\"user\"))"

/// What a rotation that did not simply succeed has to know of the family.
constexpr const char* kLivingFamily =
    "SELECT generation, rotated FROM grants WHERE id = $1 AND issuer = $2 AND generation IS NOT NULL "
    "AND revoked IS NULL AND expires > $3 AND family_expires > $3 "
    "AND NOT coalesce((SELECT f.at >= grants.created FROM floors f WHERE f.issuer = $2 AND f.kind = 1 AND "
    "f.subject = grants.client), false) "
    "AND NOT coalesce((SELECT f.at >= grants.created FROM floors f WHERE f.issuer = $2 AND f.kind = 2 AND "
    "f.subject = grants.\"user\"), false)";

}  // namespace

/// Floors are read with the row: memory may not know of them yet, and when the feed can't be followed it never will.
Task<Result<std::optional<model::Grant>>> StoreImpl::find_grant(Issuer issuer, Id128 id) {
  if (auto known = memory_.grant(issuer, id)) co_return known;
  const auto epoch = memory_.grants().epoch(id);
  MITRAL_CO_TRY(const auto rows,
                co_await readers_->read(Statement(
                    "SELECT " MITRAL_GRANT_AND_FLOOR " FROM grants WHERE id = $1 AND issuer = $2", id, issuer)));
  if (rows.empty()) co_return std::nullopt;
  co_return read_grant(rows, issuer, epoch);
}

Task<Result<std::optional<ports::GrantStore::GrantOfUser>>> StoreImpl::find_grant_of_user(Issuer issuer, Id128 id) {
  if (auto known = memory_.grant(issuer, id)) co_return GrantOfUser{.grant = std::move(*known), .user = {}};
  const auto epoch = memory_.grants().epoch(id);
  MITRAL_CO_TRY(const auto rows,
                co_await readers_->read(
                    Statement("SELECT " MITRAL_GRANT_AND_FLOOR
                              ", (SELECT u.document FROM users u WHERE u.issuer = $2 AND u.id = grants.\"user\") "
                              "FROM grants WHERE id = $1 AND issuer = $2",
                              id, issuer)));
  if (rows.empty()) co_return std::nullopt;
  GrantOfUser out{.grant = {}, .user_read = true, .user = {}};
  MITRAL_CO_TRY(out.grant, read_grant(rows, issuer, epoch));
  if (!rows.is_null(0, 10)) {
    MITRAL_CO_TRY(out.user, shown_user(rows.text(0, 10), memory_.revocations()));
  }
  co_return out;
}

/// The first row: with what revocations mean for it, and remembered.
Result<model::Grant> StoreImpl::read_grant(const Rows& rows, const Issuer& issuer, std::uint64_t epoch) {
  MITRAL_TRY(auto grant, grant_from(rows, 0, issuer));
  if (!rows.is_null(0, 9) && grant.created <= rows.time(0, 9)) {
    grant.revoked = std::min(grant.revoked.value_or(Instant::max()), rows.time(0, 9));
  }
  memory_.grants().put(grant, epoch);
  memory_.revocations().overlay(grant);
  return grant;
}

Task<Result<std::optional<model::RefreshFamily>>> StoreImpl::find_family(Issuer issuer, Id128 grant) {
  MITRAL_CO_TRY(
      const auto rows,
      co_await readers_->read(Statement(
          "SELECT client, generation, rotated, family_expires, revoked, created, "
          "greatest((SELECT f.at FROM floors f WHERE f.issuer = $2 AND f.kind = 1 AND f.subject = grants.client), "
          "(SELECT f.at FROM floors f WHERE f.issuer = $2 AND f.kind = 2 AND f.subject = grants.\"user\")) "
          "FROM grants WHERE id = $1 AND issuer = $2 AND generation IS NOT NULL",
          grant, issuer)));
  if (rows.empty()) co_return std::nullopt;
  model::RefreshFamily out;
  out.grant = grant;
  out.issuer = issuer;
  out.client = ClientId(rows.text(0, 0));
  out.generation = static_cast<std::uint32_t>(rows.integer(0, 1));
  out.rotated = rows.time(0, 2);
  out.expires = rows.time(0, 3);
  out.revoked = rows.time_or_null(0, 4);
  if (!out.revoked && !rows.is_null(0, 6) && rows.time(0, 5) <= rows.time(0, 6)) out.revoked = rows.time(0, 6);
  co_return out;
}

Task<Result<std::vector<model::Grant>>> StoreImpl::grants_of_user(Issuer issuer, UserId user, std::size_t limit) {
  MITRAL_CO_TRY(const auto rows, co_await readers_->read(Statement(
                                     "SELECT id, client, \"user\", sid, \"offline\", created, expires, revoked, "
                                     "document FROM grants WHERE \"user\" = $1 AND issuer = $2 ORDER BY (revoked IS "
                                     "NULL) DESC, \"offline\" DESC, created DESC, id DESC LIMIT $3",
                                     user, issuer, at_most(limit))));
  std::vector<model::Grant> out;
  for (int row = 0; row < rows.count(); ++row) {
    MITRAL_CO_TRY(auto grant, grant_from(rows, row, issuer));
    memory_.revocations().overlay(grant);
    out.push_back(std::move(grant));
  }
  co_return out;
}

Task<Result<ports::GrantStore::Rotated>> StoreImpl::rotate_once(Issuer issuer, Rotation rotation, Events events,
                                                                Events reuse_events, Instant now) {
  const auto audit = prepare(events);
  PreparedEvents reuse_audit;  // rarely needed: rendered only then
  std::vector<Statement> opening;
  opening.emplace_back(
      "UPDATE grants SET generation = generation + $5, rotated = CASE WHEN $5 = 0 THEN rotated ELSE $4 END, "
      "family_expires = $6 WHERE id = $1 AND issuer = $2 AND generation = $3 AND revoked IS NULL "
      "AND expires > $4 AND family_expires > $4 "
      "AND NOT coalesce((SELECT f.at >= grants.created FROM floors f WHERE f.issuer = $2 AND f.kind = 1 AND "
      "f.subject = grants.client), false) "
      "AND NOT coalesce((SELECT f.at >= grants.created FROM floors f WHERE f.issuer = $2 AND f.kind = 2 AND "
      "f.subject = grants.\"user\"), false) RETURNING generation",
      rotation.grant, issuer, rotation.presented, now, flag(rotation.rotate), rotation.expires);
  co_return co_await writer_->write(std::move(opening), [&](Tx& tx, Answers rows) -> Result<Rotated> {
    constexpr Rotated kDead{RotationOutcome::dead, 0};
    if (!rows[0].empty()) {
      tx.audit(audit);
      return Rotated{RotationOutcome::rotated, static_cast<std::uint32_t>(rows[0].integer(0, 0))};
    }
    MITRAL_TRY(const auto family, tx.query(Statement(kLivingFamily, rotation.grant, issuer, now)));
    if (family.empty()) return kDead;
    const auto generation = static_cast<std::uint32_t>(family.integer(0, 0));
    // A generation that was never given out: a database restored from a backup. Nothing tells whose token it is.
    if (rotation.presented >= generation) return kDead;
    if (generation - rotation.presented == 1 && now < family.time(0, 1) + rotation.retry_window) {
      tx.audit(audit);
      return Rotated{RotationOutcome::retried, generation};
    }
    MITRAL_CHECK(revoke_grant_within(tx, issuer, rotation.grant, now));
    reuse_audit = prepare(reuse_events);
    tx.audit(reuse_audit);
    return Rotated{RotationOutcome::reused, generation};
  });
}

// ---- revocation

Result<void> StoreImpl::revoke_grant_within(Tx& tx, const Issuer& issuer, const Id128& id, Instant now) {
  MITRAL_TRY(const auto ended, tx.query(Statement("UPDATE grants SET revoked = $3 WHERE id = $1 AND issuer = $2 AND "
                                                  "revoked IS NULL RETURNING id",
                                                  id, issuer, now)));
  grants_revoked(tx, issuer, ended, now);
  return {};
}

void StoreImpl::grants_revoked(Tx& tx, const Issuer& issuer, const Rows& ended, Instant now) {
  for (int row = 0; row < ended.count(); ++row) {
    tx.change(issuer, model::ChangeKind::grant_revoked, ended.id(row, 0).text(), now, change_end(now));
  }
}

Task<Result<void>> StoreImpl::revoke_grant(Issuer issuer, Id128 id, Events events, Instant now) {
  const auto audit = prepare(events);
  std::vector<Statement> opening;
  opening.emplace_back("UPDATE grants SET revoked = $3 WHERE id = $1 AND issuer = $2 AND revoked IS NULL RETURNING id",
                       id, issuer, now);
  // Who ends a permission does not mean it to come back by itself at the next sign-in: she is asked again.
  opening.emplace_back(
      "DELETE FROM consents WHERE issuer = $2 AND \"user\" = (SELECT g.\"user\" FROM grants g WHERE g.id = $1 AND "
      "g.issuer = $2) AND client = (SELECT g.client FROM grants g WHERE g.id = $1 AND g.issuer = $2)",
      id, issuer);
  co_return co_await writer_->write(std::move(opening), [&](Tx& tx, Answers rows) -> Result<void> {
    grants_revoked(tx, issuer, rows[0], now);
    tx.audit(audit);
    return {};
  });
}

Task<Result<void>> StoreImpl::revoke_grants_of(Issuer issuer, UserId user, ClientId client, Events events,
                                               Instant now) {
  const auto audit = prepare(events);
  std::vector<Statement> opening;
  opening.emplace_back(
      "UPDATE grants SET revoked = $4 WHERE \"user\" = $1 AND issuer = $2 AND client = $3 AND revoked IS NULL "
      "RETURNING id",
      user, issuer, client, now);
  opening.emplace_back("DELETE FROM consents WHERE issuer = $1 AND \"user\" = $2 AND client = $3", issuer, user,
                       client);
  // Nor may a code that is still on its way make a grant afterwards. By the index on expires: few are alive.
  opening.emplace_back(
      "UPDATE codes SET burned = 1 WHERE expires > $4 AND issuer = $1 AND \"user\" = $2 AND client = $3 AND grant_id "
      "IS "
      "NULL",
      issuer, user, client, now);
  co_return co_await writer_->write(std::move(opening), [&](Tx& tx, Answers rows) -> Result<void> {
    grants_revoked(tx, issuer, rows[0], now);
    tx.audit(audit);
    return {};
  });
}

Task<Result<void>> StoreImpl::revoke_token(Issuer issuer, Id128 token, Instant expires, Events events, Instant now) {
  const auto audit = prepare(events);
  co_return co_await writer_->write({}, [&](Tx& tx, Answers) -> Result<void> {
    // Whoever allows for clock skew still takes the token that long after its end.
    const Instant end = expires + limits::kClockSkew;
    if (end > now) tx.change(issuer, model::ChangeKind::token_revoked, token.text(), now, end);
    tx.audit(audit);
    return {};
  });
}

Task<Result<void>> StoreImpl::revoke_client(Issuer issuer, ClientId client, Events events, Instant now) {
  const auto audit = prepare(events);
  std::vector<Statement> opening;
  opening.push_back(floor_statement(FloorKind::client, issuer, client.value, now));
  opening.emplace_back("DELETE FROM consents WHERE client = $1 AND issuer = $2", client, issuer);
  co_return co_await writer_->write(std::move(opening), [&](Tx& tx, Answers) -> Result<void> {
    floor_raised(tx, FloorKind::client, issuer, client.value, now, now);
    tx.audit(audit);
    return {};
  });
}

Task<Result<void>> StoreImpl::revoke_user(Issuer issuer, UserId user, Events events, Instant now) {
  const auto audit = prepare(events);
  std::vector<Statement> opening;
  opening.push_back(floor_statement(FloorKind::user, issuer, user.value, now));
  opening.emplace_back("DELETE FROM sessions WHERE \"user\" = $1 AND issuer = $2", user, issuer);
  opening.emplace_back("DELETE FROM consents WHERE \"user\" = $1 AND issuer = $2", user, issuer);
  co_return co_await writer_->write(std::move(opening), [&](Tx& tx, Answers) -> Result<void> {
    floor_raised(tx, FloorKind::user, issuer, user.value, now, now);
    tx.audit(audit);
    return {};
  });
}

Task<Result<std::vector<model::Change>>> StoreImpl::changes_after(std::int64_t seq, std::size_t limit) {
  MITRAL_CO_TRY(const auto rows,
                co_await readers_->read(Statement("SELECT seq, issuer, kind, subject, at, expires FROM changes WHERE "
                                                  "seq > $1 ORDER BY seq LIMIT $2",
                                                  seq, std::min(limit, kPageMax))));
  std::vector<model::Change> out;
  out.reserve(static_cast<std::size_t>(rows.count()));
  for (int row = 0; row < rows.count(); ++row) out.push_back(change_from(rows, row));
  co_return out;
}

}  // namespace mitral::store::postgres
