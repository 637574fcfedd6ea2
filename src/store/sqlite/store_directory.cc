#include <algorithm>

#include "base/log.h"
#include "store/documents.h"
#include "store/sqlite/store_impl.h"

namespace mitral::store {

/// Remembers for good that everything up to `at` is dead, and tells the feed.
Result<void> StoreImpl::raise_floor(Tx& tx, FloorKind kind, const Issuer& issuer, const std::string& subject,
                                    Instant at, Instant now) {
  {
    Query query(tx.db,
                "INSERT INTO floors(issuer, kind, subject, at) VALUES(?1, ?2, ?3, ?4) "
                "ON CONFLICT(issuer, kind, subject) DO UPDATE SET at = max(at, excluded.at)");
    MITRAL_CHECK(query.bind(issuer, kind, subject, at).run());
  }
  const auto change = kind == FloorKind::client ? model::ChangeKind::client_revoked : model::ChangeKind::user_revoked;
  return tx.change(issuer, change, subject, at, change_end(now));
}

// A client is read when it is first asked for. What was committed before this is seen; the feed's lines say what was
// committed since, and make another snapshot (store/remembered.h).
Result<std::optional<model::Client>> StoreImpl::find(const Issuer& issuer, std::string_view id) const {
  return look([&](Connection& connection) -> Result<std::optional<model::Client>> {
    Query query(connection, "SELECT document FROM clients WHERE issuer = ?1 AND id = ?2");
    MITRAL_TRY(const bool row, query.bind(issuer, id).step());
    if (!row) return std::nullopt;
    return memory_.client_of(query.text(0));
  });
}

Result<void> StoreImpl::each(const Issuer& issuer, ports::Clients which,
                             const std::function<void(model::Client)>& take) const {
  return look([&](Connection& connection) -> Result<void> {
    // The condition is that of the index, to the letter; SQLite would rather look through all of the issuer's.
    Query query(connection, which == ports::Clients::all
                                ? "SELECT document FROM clients WHERE issuer = ?1"
                                : "SELECT document FROM clients INDEXED BY clients_origins WHERE issuer = ?1 AND "
                                  "instr(document, '\"origins\"') > 0");
    query.bind(issuer);
    for (;;) {
      MITRAL_TRY(const bool row, query.step());
      if (!row) return {};
      auto client = memory_.client_of(query.text(0));
      if (client) {
        take(*std::move(client));
      } else {
        log::error("directory.client_unreadable");
      }
    }
  });
}

Task<Result<void>> StoreImpl::put_client(model::Client client, model::AuditEvent event) {
  auto document = to_document(client);
  return writer_->write([this, client = std::move(client), document = std::move(document), now = clock_.now(),
                         audit = prepare({std::move(event)})](Tx& tx) -> Result<void> {
    const Instant floor = floor_within(tx, client.issuer, client.id.value, {});
    bool raised = false;
    {
      Query query(tx.db, "SELECT tokens_valid_from FROM clients WHERE issuer = ?1 AND id = ?2");
      MITRAL_TRY(const bool row, query.bind(client.issuer, client.id).step());
      raised = row && client.tokens_valid_from > std::max(query.time(0), floor);
    }
    {
      Query query(
          tx.db,
          "INSERT INTO clients(issuer, id, document, tokens_valid_from) VALUES(?1, ?2, ?3, ?4) ON CONFLICT(issuer, id) "
          "DO UPDATE SET document = excluded.document, tokens_valid_from = excluded.tokens_valid_from");
      MITRAL_CHECK(query.bind(client.issuer, client.id, document, client.tokens_valid_from).run());
    }
    // "Valid from" is good itself, the floor is the last instant that is not.
    if (raised) {
      MITRAL_CHECK(raise_floor(tx, FloorKind::client, client.issuer, client.id.value,
                               client.tokens_valid_from - Duration(1), now));
    }
    MITRAL_CHECK(tx.change(client.issuer, model::ChangeKind::directory_changed,
                           std::string(kClientSubject) + client.id.value, now, change_end(now)));
    tx.audit(audit);
    return {};
  });
}

Task<Result<void>> StoreImpl::put_resource_server(model::ResourceServer server, model::AuditEvent event) {
  auto document = to_document(server);
  return writer_->write([server = std::move(server), document = std::move(document), now = clock_.now(),
                         audit = prepare({std::move(event)})](Tx& tx) -> Result<void> {
    {
      // Two servers with one audience would make by_audience() a matter of luck: the UNIQUE constraint says conflict.
      Query query(
          tx.db,
          "INSERT INTO resource_servers(issuer, id, audience, document) VALUES(?1, ?2, ?3, ?4) ON CONFLICT(issuer, id) "
          "DO UPDATE SET audience = excluded.audience, document = excluded.document");
      MITRAL_CHECK(query.bind(server.issuer, server.id, server.audience, document).run());
    }
    MITRAL_CHECK(tx.change(server.issuer, model::ChangeKind::directory_changed, std::string(kServerSubject) + server.id,
                           now, change_end(now)));
    tx.audit(audit);
    return {};
  });
}

Task<Result<void>> StoreImpl::delete_client(Issuer issuer, ClientId id, model::AuditEvent event) {
  return writer_->write([this, issuer = std::move(issuer), id = std::move(id), now = clock_.now(),
                         audit = prepare({std::move(event)})](Tx& tx) -> Result<void> {
    {
      Query query(tx.db, "DELETE FROM clients WHERE issuer = ?1 AND id = ?2");
      MITRAL_TRY(const auto deleted, query.bind(issuer, id).run_counting());
      if (deleted == 0) return fail(ErrorCode::conflict, {}, "unknown client");
    }
    {
      // A client that gets this id later must ask every user again.
      Query query(tx.db, "DELETE FROM consents WHERE issuer = ?1 AND client = ?2");
      MITRAL_CHECK(query.bind(issuer, id).run());
    }
    MITRAL_CHECK(raise_floor(tx, FloorKind::client, issuer, id.value, now, now));
    MITRAL_CHECK(tx.change(issuer, model::ChangeKind::directory_changed, std::string(kClientSubject) + id.value, now,
                           change_end(now)));
    tx.audit(audit);
    return {};
  });
}

// ---- signing keys

Task<Result<std::vector<model::SigningKeyRecord>>> StoreImpl::keys(Issuer issuer) {
  co_return look([&](Connection& connection) -> Result<std::vector<model::SigningKeyRecord>> {
    Query query(connection,
                "SELECT kid, alg, purpose, wrapped_private, public_jwk, published, active_from, retired_from, "
                "removed_from, revoked "
                "FROM signing_keys WHERE issuer = ?1 ORDER BY published, kid");
    query.bind(issuer);
    std::vector<model::SigningKeyRecord> out;
    for (;;) {
      MITRAL_TRY(const bool row, query.step());
      if (!row) return out;
      out.push_back({.issuer = issuer,
                     .kid = std::string(query.text(0)),
                     .alg = std::string(query.text(1)),
                     .purpose = std::string(query.text(2)),
                     .wrapped_private = std::string(query.text(3)),
                     .public_jwk = std::string(query.text(4)),
                     .published = query.time(5),
                     .active_from = query.time(6),
                     .retired_from = query.time(7),
                     .removed_from = query.time(8),
                     .revoked = query.integer(9) != 0});
    }
  });
}

Task<Result<Claim>> StoreImpl::add_key_once(model::SigningKeyRecord key, Instant unless_active_from, Events events) {
  return writer_->write([key = std::move(key), unless_active_from, now = clock_.now(),
                         audit = prepare(events)](Tx& tx) -> Result<Claim> {
    {
      Query query(
          tx.db,
          "SELECT 1 FROM signing_keys WHERE issuer = ?1 AND purpose = ?2 AND alg = ?3 AND active_from >= ?4 LIMIT 1");
      MITRAL_TRY(const bool row, query.bind(key.issuer, key.purpose, key.alg, unless_active_from).step());
      if (row) return Claim::lost;
    }
    {
      Query query(
          tx.db,
          "INSERT INTO signing_keys(issuer, kid, alg, purpose, wrapped_private, public_jwk, published, active_from, "
          "retired_from, removed_from, revoked) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
      MITRAL_CHECK(query
                       .bind(key.issuer, key.kid, key.alg, key.purpose, Blob{key.wrapped_private}, key.public_jwk,
                             key.published, key.active_from, key.retired_from, key.removed_from, key.revoked)
                       .run());
    }
    MITRAL_CHECK(tx.change(key.issuer, model::ChangeKind::keys_changed, key.kid, now, change_end(now)));
    tx.audit(audit);
    return Claim::won;
  });
}

Task<Result<void>> StoreImpl::update_key(model::SigningKeyRecord key, Events events) {
  return writer_->write([key = std::move(key), now = clock_.now(), audit = prepare(events)](Tx& tx) -> Result<void> {
    {
      Query query(tx.db,
                  "UPDATE signing_keys SET wrapped_private = ?3, public_jwk = ?4, published = ?5, active_from = ?6, "
                  "retired_from = ?7, removed_from = ?8, revoked = max(revoked, ?9) WHERE issuer = ?1 AND kid = ?2");
      MITRAL_TRY(const auto updated,
                 query
                     .bind(key.issuer, key.kid, Blob{key.wrapped_private}, key.public_jwk, key.published,
                           key.active_from, key.retired_from, key.removed_from, key.revoked)
                     .run_counting());
      if (updated == 0) return fail(ErrorCode::conflict, {}, "unknown signing key");
    }
    MITRAL_CHECK(tx.change(key.issuer, model::ChangeKind::keys_changed, key.kid, now, change_end(now)));
    tx.audit(audit);
    return {};
  });
}

}  // namespace mitral::store
