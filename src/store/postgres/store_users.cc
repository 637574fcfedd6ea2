#include <algorithm>

#include "store/postgres/store_impl.h"

namespace mitral::store::postgres {
namespace {

// $1 its hash, $2 the issuer, $3 now.
#define MITRAL_LIVING_SESSION                                                                                   \
  "s.id_hash = $1 AND s.issuer = $2 AND s.expires > $3 AND u.enabled = 1 AND s.created >= u.tokens_valid_from " \
  "AND NOT coalesce((SELECT f.at >= s.created FROM floors f WHERE f.issuer = $2 AND f.kind = 2 AND "            \
  "f.subject = s.\"user\"), false)"

/// Users whose documents stand in the first column.
Result<std::vector<model::User>> users_from(const Rows& rows, const Revocations& revocations) {
  std::vector<model::User> out;
  for (int row = 0; row < rows.count(); ++row) {
    MITRAL_TRY(auto user, shown_user(rows.text(row, 0), revocations));
    out.push_back(std::move(user));
  }
  return out;
}

Result<std::optional<model::User>> only_user(const Rows& rows, const Revocations& revocations) {
  MITRAL_TRY(auto users, users_from(rows, revocations));
  if (users.empty()) return std::nullopt;
  return std::move(users.front());
}

/// id_hash, sid, auth_time, created, last_seen, expires, document, user
Result<model::Session> session_from(const Rows& rows, int row, const Issuer& issuer) {
  model::Session out;
  out.id_hash = rows.hash(row, 0);
  out.issuer = issuer;
  out.sid = rows.id(row, 1);
  out.auth_time = rows.time(row, 2);
  out.created = rows.time(row, 3);
  out.last_seen = rows.time(row, 4);
  out.expires = rows.time(row, 5);
  if (!read_document(rows.text(row, 6), out)) return unreadable("sessions");
  out.user = UserId(rows.text(row, 7));
  return out;
}

}  // namespace

Result<model::User> shown_user(std::string_view document, const Revocations& revocations) {
  auto user = user_from(document);
  if (!user) return unreadable("users");
  revocations.overlay(*user);
  return std::move(*user);
}

Task<Result<std::optional<model::User>>> StoreImpl::find_user(Issuer issuer, UserId id) {
  MITRAL_CO_TRY(const auto rows, co_await readers_->read(Statement(
                                     "SELECT document FROM users WHERE issuer = $1 AND id = $2", issuer, id)));
  co_return only_user(rows, memory_.revocations());
}

Task<Result<std::optional<model::User>>> StoreImpl::find_user_by_name(Issuer issuer, std::string username) {
  MITRAL_CO_TRY(const auto rows,
                co_await readers_->read(
                    Statement("SELECT document FROM users WHERE issuer = $1 AND username = $2", issuer, username)));
  co_return only_user(rows, memory_.revocations());
}

Task<Result<std::vector<model::User>>> StoreImpl::list_users(Issuer issuer, std::size_t limit) {
  MITRAL_CO_TRY(const auto rows,
                co_await readers_->read(Statement("SELECT document FROM users WHERE issuer = $1 ORDER BY username "
                                                  "LIMIT $2",
                                                  issuer, at_most(limit))));
  co_return users_from(rows, memory_.revocations());
}

Task<Result<void>> StoreImpl::put_user(model::User user, Events events) {
  const auto now = clock_.now();
  const auto audit = prepare(events);
  std::vector<Statement> opening;
  opening.emplace_back(
      "SELECT greatest(u.tokens_valid_from, (SELECT f.at FROM floors f WHERE f.issuer = $1 AND f.kind = 2 AND "
      "f.subject = $2)) FROM users u WHERE u.issuer = $1 AND u.id = $2",
      user.issuer, user.id);
  opening.emplace_back(
      "INSERT INTO users(issuer, id, username, enabled, tokens_valid_from, document) VALUES($1, $2, $3, $4, $5, $6) "
      "ON CONFLICT(issuer, id) DO UPDATE SET username = excluded.username, enabled = excluded.enabled, "
      "tokens_valid_from = excluded.tokens_valid_from, document = excluded.document",
      user.issuer, user.id, user.username, flag(user.enabled), user.tokens_valid_from, to_document(user));
  co_return co_await writer_->write(std::move(opening), [&](Tx& tx, Answers rows) -> Result<void> {
    if (!rows[0].empty() && user.tokens_valid_from > rows[0].time(0, 0)) {
      MITRAL_CHECK(
          raise_floor(tx, FloorKind::user, user.issuer, user.id.value, user.tokens_valid_from - Duration(1), now));
    }
    tx.change(user.issuer, model::ChangeKind::user_changed, user.id.value, now, change_end(now));
    tx.audit(audit);
    return {};
  });
}

Task<Result<void>> StoreImpl::put_session(model::Session session, std::optional<Hash256> replaces, Events events) {
  const auto audit = prepare(events);
  std::vector<Statement> opening;
  if (replaces) {
    opening.emplace_back("DELETE FROM sessions WHERE id_hash = $1 AND issuer = $2", *replaces, session.issuer);
  }
  opening.emplace_back(
      "INSERT INTO sessions(id_hash, issuer, \"user\", sid, auth_time, created, last_seen, expires, document) "
      "VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9)",
      session.id_hash, session.issuer, session.user, session.sid, session.auth_time, session.created, session.last_seen,
      session.expires, to_document(session));
  co_return co_await writer_->write(std::move(opening), only_audit(audit));
}

Task<Result<std::optional<model::Session>>> StoreImpl::find_session(Issuer issuer, Hash256 id_hash, Instant now) {
  MITRAL_CO_TRY(
      const auto rows,
      co_await readers_->read(Statement(
          "SELECT s.id_hash, s.sid, s.auth_time, s.created, s.last_seen, s.expires, s.document, s.\"user\" "
          "FROM sessions s JOIN users u ON u.issuer = s.issuer AND u.id = s.\"user\" WHERE " MITRAL_LIVING_SESSION,
          id_hash, issuer, now)));
  if (rows.empty()) co_return std::nullopt;
  co_return session_from(rows, 0, issuer);
}

Task<Result<std::optional<ports::UserStore::SignedIn>>> StoreImpl::find_signed_in(Issuer issuer, Hash256 id_hash,
                                                                                  std::optional<ClientId> client,
                                                                                  Instant now) {
  // No client has an empty name: then no consent is found.
  const ClientId consented = client.value_or(ClientId{});
  MITRAL_CO_TRY(const auto rows,
                co_await readers_->read(Statement(
                    "SELECT s.id_hash, s.sid, s.auth_time, s.created, s.last_seen, s.expires, s.document, s.\"user\", "
                    "u.document, "
                    "c.expires, c.document FROM sessions s JOIN users u ON u.issuer = s.issuer AND u.id = s.\"user\" "
                    "LEFT JOIN consents c ON c.issuer = s.issuer AND c.\"user\" = s.\"user\" AND c.client = $4 "
                    "AND c.expires > $3 WHERE " MITRAL_LIVING_SESSION,
                    id_hash, issuer, now, consented)));
  if (rows.empty()) co_return std::nullopt;
  SignedIn out;
  MITRAL_CO_TRY(out.session, session_from(rows, 0, issuer));
  MITRAL_CO_TRY(out.user, shown_user(rows.text(0, 8), memory_.revocations()));
  if (!rows.is_null(0, 9)) {
    auto& consent = out.consent.emplace();
    consent.issuer = issuer;
    consent.user = out.session.user;
    consent.client = consented;
    consent.expires = rows.time(0, 9);
    if (!read_document(rows.text(0, 10), consent)) co_return unreadable("consents");
  }
  co_return out;
}

Task<Result<void>> StoreImpl::touch_session(Issuer issuer, Hash256 id_hash, Instant last_seen) {
  std::vector<Statement> opening;
  opening.emplace_back("UPDATE sessions SET last_seen = greatest(last_seen, $3) WHERE id_hash = $1 AND issuer = $2",
                       id_hash, issuer, last_seen);
  co_return co_await writer_->write(std::move(opening), [](Tx&, Answers) -> Result<void> { return {}; });
}

Task<Result<void>> StoreImpl::end_session(Issuer issuer, Hash256 id_hash, Events events, Instant now) {
  const auto audit = prepare(events);
  std::vector<Statement> opening;
  opening.emplace_back(
      "UPDATE grants SET revoked = $3 WHERE sid = ANY(ARRAY(SELECT s.sid FROM sessions s WHERE s.id_hash = $1 AND "
      "s.issuer = $2 AND s.sid <> $4)) AND issuer = $2 AND \"offline\" = 0 AND revoked IS NULL RETURNING id",
      id_hash, issuer, now, Id128{});
  opening.emplace_back("DELETE FROM sessions WHERE id_hash = $1 AND issuer = $2 RETURNING sid", id_hash, issuer);
  co_return co_await writer_->write(std::move(opening), [&](Tx& tx, Answers rows) -> Result<void> {
    sessions_ended(tx, issuer, rows[0], rows[1], now);
    tx.audit(audit);
    return {};
  });
}

void StoreImpl::sessions_ended(Tx& tx, const Issuer& issuer, const Rows& grants, const Rows& sids, Instant now) {
  grants_revoked(tx, issuer, grants, now);
  for (int row = 0; row < sids.count(); ++row) {
    tx.change(issuer, model::ChangeKind::session_ended, sids.id(row, 0).text(), now, change_end(now));
  }
}

Task<Result<std::vector<model::Session>>> StoreImpl::sessions_of_user(Issuer issuer, UserId user, Instant now,
                                                                      std::size_t limit) {
  MITRAL_CO_TRY(
      const auto rows,
      co_await readers_->read(Statement(
          "SELECT s.id_hash, s.sid, s.auth_time, s.created, s.last_seen, s.expires, s.document, s.\"user\" "
          "FROM sessions s JOIN users u ON u.issuer = s.issuer AND u.id = s.\"user\" WHERE s.\"user\" = $1 AND "
          "s.issuer = $2 AND s.expires > $3 AND u.enabled = 1 AND s.created >= u.tokens_valid_from "
          "AND NOT coalesce((SELECT f.at >= s.created FROM floors f WHERE f.issuer = $2 AND f.kind = 2 AND "
          "f.subject = $1), false) ORDER BY s.created DESC, s.id_hash DESC LIMIT $4",
          user, issuer, now, at_most(limit))));
  std::vector<model::Session> out;
  for (int row = 0; row < rows.count(); ++row) {
    MITRAL_CO_TRY(auto session, session_from(rows, row, issuer));
    out.push_back(std::move(session));
  }
  co_return out;
}

Task<Result<void>> StoreImpl::end_sessions_of_user(Issuer issuer, UserId user, Events events, Instant now) {
  const auto audit = prepare(events);
  std::vector<Statement> opening;
  opening.emplace_back(
      "UPDATE grants SET revoked = $3 WHERE sid = ANY(ARRAY(SELECT s.sid FROM sessions s WHERE s.\"user\" = $1 AND "
      "s.issuer = $2 AND s.sid <> $4)) AND issuer = $2 AND \"offline\" = 0 AND revoked IS NULL RETURNING id",
      user, issuer, now, Id128{});
  opening.emplace_back("DELETE FROM sessions WHERE \"user\" = $1 AND issuer = $2 RETURNING sid", user, issuer);
  co_return co_await writer_->write(std::move(opening), [&](Tx& tx, Answers rows) -> Result<void> {
    sessions_ended(tx, issuer, rows[0], rows[1], now);
    tx.audit(audit);
    return {};
  });
}

}  // namespace mitral::store::postgres
