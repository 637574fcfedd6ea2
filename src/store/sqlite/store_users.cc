#include <algorithm>

#include "store/documents.h"
#include "store/sqlite/store_impl.h"

namespace mitral::store {
namespace {

/// One user by a statement that selects the document; nullopt when there is none.
Result<std::optional<model::User>> one_user(Connection& connection, const char* sql, const Issuer& issuer,
                                            const std::string& key) {
  Query query(connection, sql);
  MITRAL_TRY(const bool row, query.bind(issuer, key).step());
  if (!row) return std::nullopt;
  auto user = user_from(query.text(0));
  if (!user) return unreadable("users");
  return user;
}

/// user, sid, auth_time, created, last_seen, expires, document, and since when the user's sessions count.
Result<std::optional<model::Session>> living_session(const Query& query, const Issuer& issuer, const Hash256& id_hash,
                                                     const Revocations& revocations) {
  model::Session out;
  out.id_hash = id_hash;
  out.issuer = issuer;
  out.user = UserId(query.text(0));
  out.sid = query.id(1);
  out.auth_time = query.time(2);
  out.created = query.time(3);
  out.last_seen = query.time(4);
  out.expires = query.time(5);
  if (!read_document(query.text(6), out)) return unreadable("sessions");
  const Instant floor = revocations.floor(FloorKind::user, issuer, out.user.value);
  if (out.created <= floor || out.created < query.time(7)) return std::nullopt;
  return out;
}

}  // namespace

Task<Result<std::optional<model::User>>> StoreImpl::find_user(Issuer issuer, UserId id) {
  auto user = look([&](Connection& connection) {
    return one_user(connection, "SELECT document FROM users WHERE issuer = ?1 AND id = ?2", issuer, id.value);
  });
  if (user && *user) memory_.revocations().overlay(**user);
  co_return user;
}

Task<Result<std::optional<model::User>>> StoreImpl::find_user_by_name(Issuer issuer, std::string username) {
  auto user = look([&](Connection& connection) {
    return one_user(connection, "SELECT document FROM users WHERE issuer = ?1 AND username = ?2", issuer, username);
  });
  if (user && *user) memory_.revocations().overlay(**user);
  co_return user;
}

Task<Result<std::vector<model::User>>> StoreImpl::list_users(Issuer issuer, std::size_t limit) {
  co_return look([&](Connection& connection) -> Result<std::vector<model::User>> {
    Query query(connection, "SELECT document FROM users WHERE issuer = ?1 ORDER BY username LIMIT ?2");
    query.bind(issuer, limit);
    std::vector<model::User> out;
    for (;;) {
      MITRAL_TRY(const bool row, query.step());
      if (!row) return out;
      auto user = user_from(query.text(0));
      if (!user) return unreadable("users");
      memory_.revocations().overlay(*user);
      out.push_back(std::move(*user));
    }
  });
}

Task<Result<void>> StoreImpl::put_user(model::User user, Events events) {
  auto document = to_document(user);
  return writer_->write([this, user = std::move(user), document = std::move(document), now = clock_.now(),
                         audit = prepare(events)](Tx& tx) -> Result<void> {
    const Instant floor = floor_within(tx, user.issuer, {}, user.id.value);
    bool raised = false;
    {
      Query query(tx.db, "SELECT tokens_valid_from FROM users WHERE issuer = ?1 AND id = ?2");
      MITRAL_TRY(const bool row, query.bind(user.issuer, user.id).step());
      raised = row && user.tokens_valid_from > std::max(query.time(0), floor);
    }
    {
      Query query(tx.db,
                  "INSERT INTO users(issuer, id, username, enabled, tokens_valid_from, document) VALUES(?1, ?2, ?3, "
                  "?4, ?5, ?6) "
                  "ON CONFLICT(issuer, id) DO UPDATE SET username = excluded.username, enabled = excluded.enabled, "
                  "tokens_valid_from = excluded.tokens_valid_from, document = excluded.document");
      MITRAL_CHECK(
          query.bind(user.issuer, user.id, user.username, user.enabled, user.tokens_valid_from, document).run());
    }
    if (raised) {
      MITRAL_CHECK(
          raise_floor(tx, FloorKind::user, user.issuer, user.id.value, user.tokens_valid_from - Duration(1), now));
    }
    MITRAL_CHECK(tx.change(user.issuer, model::ChangeKind::user_changed, user.id.value, now, change_end(now)));
    tx.audit(audit);
    return {};
  });
}

Task<Result<void>> StoreImpl::put_session(model::Session session, std::optional<Hash256> replaces, Events events) {
  auto document = to_document(session);
  return writer_->write([session = std::move(session), document = std::move(document), replaces,
                         audit = prepare(events)](Tx& tx) -> Result<void> {
    if (replaces) {
      Query query(tx.db, "DELETE FROM sessions WHERE id_hash = ?1 AND issuer = ?2");
      MITRAL_CHECK(query.bind(*replaces, session.issuer).run());
    }
    Query query(tx.db,
                "INSERT INTO sessions(id_hash, issuer, user, sid, auth_time, created, last_seen, expires, document) "
                "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    MITRAL_CHECK(query
                     .bind(session.id_hash, session.issuer, session.user, session.sid, session.auth_time,
                           session.created, session.last_seen, session.expires, document)
                     .run());
    tx.audit(audit);
    return {};
  });
}

Task<Result<std::optional<model::Session>>> StoreImpl::find_session(Issuer issuer, Hash256 id_hash, Instant now) {
  co_return look([&](Connection& connection) -> Result<std::optional<model::Session>> {
    Query query(connection,
                "SELECT s.user, s.sid, s.auth_time, s.created, s.last_seen, s.expires, s.document, u.tokens_valid_from "
                "FROM sessions s JOIN users u ON u.issuer = s.issuer AND u.id = s.user "
                "WHERE s.id_hash = ?1 AND s.issuer = ?2 AND s.expires > ?3 AND u.enabled = 1");
    MITRAL_TRY(const bool row, query.bind(id_hash, issuer, now).step());
    if (!row) return std::nullopt;
    return living_session(query, issuer, id_hash, memory_.revocations());
  });
}

Task<Result<std::optional<ports::UserStore::SignedIn>>> StoreImpl::find_signed_in(Issuer issuer, Hash256 id_hash,
                                                                                  std::optional<ClientId> client,
                                                                                  Instant now) {
  // No client has an empty name: then no consent is found.
  const ClientId consented = client.value_or(ClientId{});
  co_return look([&](Connection& connection) -> Result<std::optional<SignedIn>> {
    Query query(
        connection,
        "SELECT s.user, s.sid, s.auth_time, s.created, s.last_seen, s.expires, s.document, u.tokens_valid_from, "
        "u.document, c.expires, c.document FROM sessions s JOIN users u ON u.issuer = s.issuer AND u.id = s.user "
        "LEFT JOIN consents c ON c.issuer = s.issuer AND c.user = s.user AND c.client = ?4 AND c.expires > ?3 "
        "WHERE s.id_hash = ?1 AND s.issuer = ?2 AND s.expires > ?3 AND u.enabled = 1");
    MITRAL_TRY(const bool row, query.bind(id_hash, issuer, now, consented).step());
    if (!row) return std::nullopt;
    MITRAL_TRY(auto session, living_session(query, issuer, id_hash, memory_.revocations()));
    if (!session) return std::nullopt;
    auto user = user_from(query.text(8));
    if (!user) return unreadable("users");
    memory_.revocations().overlay(*user);
    SignedIn out{.session = std::move(*session), .user = std::move(*user), .consent = std::nullopt};
    if (!query.is_null(9)) {
      auto& consent = out.consent.emplace();
      consent.issuer = issuer;
      consent.user = out.session.user;
      consent.client = consented;
      consent.expires = query.time(9);
      if (!read_document(query.text(10), consent)) return unreadable("consents");
    }
    return out;
  });
}

Task<Result<void>> StoreImpl::touch_session(Issuer issuer, Hash256 id_hash, Instant last_seen) {
  return writer_->write([issuer = std::move(issuer), id_hash, last_seen](Tx& tx) -> Result<void> {
    Query query(tx.db, "UPDATE sessions SET last_seen = max(last_seen, ?3) WHERE id_hash = ?1 AND issuer = ?2");
    return query.bind(id_hash, issuer, last_seen).run();
  });
}

Task<Result<void>> StoreImpl::end_session(Issuer issuer, Hash256 id_hash, Events events, Instant now) {
  return writer_->write([issuer = std::move(issuer), id_hash, now, audit = prepare(events)](Tx& tx) -> Result<void> {
    tx.audit(audit);
    UserId user;
    Id128 sid;
    {
      Query query(tx.db, "DELETE FROM sessions WHERE id_hash = ?1 AND issuer = ?2 RETURNING user, sid");
      MITRAL_TRY(const bool row, query.bind(id_hash, issuer).step());
      if (!row) return {};
      user = UserId(query.text(0));
      sid = query.id(1);
      MITRAL_CHECK(query.run());
    }
    return session_ended_within(tx, issuer, user, sid, now);
  });
}

Result<void> StoreImpl::session_ended_within(Tx& tx, const Issuer& issuer, const UserId& user, const Id128& sid,
                                             Instant now) {
  std::vector<Id128> ended;
  if (!sid.is_zero()) {
    Query query(tx.db,
                "UPDATE grants SET revoked = ?4 WHERE user = ?1 AND issuer = ?2 AND sid = ?3 AND offline = 0 "
                "AND revoked IS NULL RETURNING id");
    query.bind(user, issuer, sid, now);
    for (;;) {
      MITRAL_TRY(const bool row, query.step());
      if (!row) break;
      ended.push_back(query.id(0));
    }
  }
  for (const auto& id : ended) {
    MITRAL_CHECK(tx.change(issuer, model::ChangeKind::grant_revoked, id.text(), now, change_end(now)));
  }
  return tx.change(issuer, model::ChangeKind::session_ended, sid.text(), now, change_end(now));
}

Task<Result<std::vector<model::Session>>> StoreImpl::sessions_of_user(Issuer issuer, UserId user, Instant now,
                                                                      std::size_t limit) {
  co_return look([&](Connection& connection) -> Result<std::vector<model::Session>> {
    Query query(connection,
                "SELECT s.id_hash, s.sid, s.auth_time, s.created, s.last_seen, s.expires, s.document "
                "FROM sessions s JOIN users u ON u.issuer = s.issuer AND u.id = s.user "
                "WHERE s.user = ?1 AND s.issuer = ?2 AND s.expires > ?3 AND u.enabled = 1 AND s.created > ?4 "
                "AND s.created >= u.tokens_valid_from ORDER BY s.created DESC, s.id_hash DESC LIMIT ?5");
    const Instant floor = memory_.revocations().floor(FloorKind::user, issuer, user.value);
    query.bind(user, issuer, now, floor, limit);
    std::vector<model::Session> out;
    for (;;) {
      MITRAL_TRY(const bool row, query.step());
      if (!row) return out;
      model::Session& session = out.emplace_back();
      session.id_hash = query.hash(0);
      session.issuer = issuer;
      session.user = user;
      session.sid = query.id(1);
      session.auth_time = query.time(2);
      session.created = query.time(3);
      session.last_seen = query.time(4);
      session.expires = query.time(5);
      if (!read_document(query.text(6), session)) return unreadable("sessions");
    }
  });
}

Task<Result<void>> StoreImpl::end_sessions_of_user(Issuer issuer, UserId user, Events events, Instant now) {
  return writer_->write(
      [issuer = std::move(issuer), user = std::move(user), now, audit = prepare(events)](Tx& tx) -> Result<void> {
        tx.audit(audit);
        std::vector<Id128> ended;
        {
          Query query(tx.db, "DELETE FROM sessions WHERE user = ?1 AND issuer = ?2 RETURNING sid");
          query.bind(user, issuer);
          for (;;) {
            MITRAL_TRY(const bool row, query.step());
            if (!row) break;
            ended.push_back(query.id(0));
          }
        }
        for (const auto& sid : ended) MITRAL_CHECK(session_ended_within(tx, issuer, user, sid, now));
        return {};
      });
}

}  // namespace mitral::store
