#include <algorithm>

#include "store/postgres/store_impl.h"

namespace mitral::store::postgres {
namespace {

model::ChangeKind revoked_by(FloorKind kind) {
  return kind == FloorKind::client ? model::ChangeKind::client_revoked : model::ChangeKind::user_revoked;
}

}  // namespace

Statement floor_statement(FloorKind kind, const Issuer& issuer, std::string_view subject, Instant at) {
  return Statement(
      "INSERT INTO floors(issuer, kind, subject, at) VALUES($1, $2, $3, $4) "
      "ON CONFLICT(issuer, kind, subject) DO UPDATE SET at = greatest(floors.at, excluded.at)",
      issuer, kind, subject, at);
}

/// The line of the feed for it.
void StoreImpl::floor_raised(Tx& tx, FloorKind kind, const Issuer& issuer, const std::string& subject, Instant at,
                             Instant now) {
  tx.change(issuer, revoked_by(kind), subject, at, change_end(now));
}

Result<void> StoreImpl::raise_floor(Tx& tx, FloorKind kind, const Issuer& issuer, const std::string& subject,
                                    Instant at, Instant now) {
  MITRAL_TRY([[maybe_unused]] const auto rows, tx.query(floor_statement(kind, issuer, subject, at)));
  floor_raised(tx, kind, issuer, subject, at, now);
  return {};
}

Task<Result<void>> StoreImpl::put_client(model::Client client, model::AuditEvent event) {
  const auto document = to_document(client);
  const auto now = clock_.now();
  const auto audit = prepare({std::move(event)});
  std::vector<Statement> opening;
  opening.emplace_back(
      "SELECT greatest(c.tokens_valid_from, (SELECT f.at FROM floors f WHERE f.issuer = $1 AND f.kind = 1 AND "
      "f.subject = $2)) FROM clients c WHERE c.issuer = $1 AND c.id = $2",
      client.issuer, client.id);
  opening.emplace_back(
      "INSERT INTO clients(issuer, id, document, tokens_valid_from) VALUES($1, $2, $3, $4) ON CONFLICT(issuer, id) "
      "DO UPDATE SET document = excluded.document, tokens_valid_from = excluded.tokens_valid_from",
      client.issuer, client.id, document, client.tokens_valid_from);
  co_return co_await writer_->write(std::move(opening), [&](Tx& tx, Answers rows) -> Result<void> {
    // "Valid from" is good itself, the floor is the last instant that is not.
    if (!rows[0].empty() && client.tokens_valid_from > rows[0].time(0, 0)) {
      MITRAL_CHECK(raise_floor(tx, FloorKind::client, client.issuer, client.id.value,
                               client.tokens_valid_from - Duration(1), now));
    }
    tx.change(client.issuer, model::ChangeKind::directory_changed, std::string(kClientSubject) + client.id.value, now,
              change_end(now));
    tx.audit(audit);
    return {};
  });
}

Task<Result<void>> StoreImpl::put_resource_server(model::ResourceServer server, model::AuditEvent event) {
  const auto now = clock_.now();
  const auto audit = prepare({std::move(event)});
  std::vector<Statement> opening;
  // Two servers with one audience would make by_audience() a matter of luck: the UNIQUE constraint says conflict.
  opening.emplace_back(
      "INSERT INTO resource_servers(issuer, id, audience, document) VALUES($1, $2, $3, $4) ON CONFLICT(issuer, id) "
      "DO UPDATE SET audience = excluded.audience, document = excluded.document",
      server.issuer, server.id, server.audience, to_document(server));
  co_return co_await writer_->write(std::move(opening), [&](Tx& tx, Answers) -> Result<void> {
    tx.change(server.issuer, model::ChangeKind::directory_changed, std::string(kServerSubject) + server.id, now,
              change_end(now));
    tx.audit(audit);
    return {};
  });
}

Task<Result<void>> StoreImpl::delete_client(Issuer issuer, ClientId id, model::AuditEvent event) {
  const auto now = clock_.now();
  const auto audit = prepare({std::move(event)});
  std::vector<Statement> opening;
  opening.emplace_back("DELETE FROM clients WHERE issuer = $1 AND id = $2", issuer, id);
  // A client that gets this id later must ask every user again.
  opening.emplace_back("DELETE FROM consents WHERE issuer = $1 AND client = $2", issuer, id);
  opening.push_back(floor_statement(FloorKind::client, issuer, id.value, now));
  co_return co_await writer_->write(std::move(opening), [&](Tx& tx, Answers rows) -> Result<void> {
    if (rows[0].affected() == 0) return fail(ErrorCode::conflict, {}, "unknown client");
    floor_raised(tx, FloorKind::client, issuer, id.value, now, now);
    tx.change(issuer, model::ChangeKind::directory_changed, std::string(kClientSubject) + id.value, now,
              change_end(now));
    tx.audit(audit);
    return {};
  });
}

// ---- signing keys

Task<Result<std::vector<model::SigningKeyRecord>>> StoreImpl::keys(Issuer issuer) {
  MITRAL_CO_TRY(const auto rows,
                co_await readers_->read(Statement("SELECT kid, alg, purpose, wrapped_private, public_jwk, published, "
                                                  "active_from, retired_from, removed_from, revoked FROM signing_keys "
                                                  "WHERE issuer = $1 ORDER BY published, kid",
                                                  issuer)));
  std::vector<model::SigningKeyRecord> out;
  for (int row = 0; row < rows.count(); ++row) {
    out.push_back({.issuer = issuer,
                   .kid = std::string(rows.text(row, 0)),
                   .alg = std::string(rows.text(row, 1)),
                   .purpose = std::string(rows.text(row, 2)),
                   .wrapped_private = std::string(rows.text(row, 3)),
                   .public_jwk = std::string(rows.text(row, 4)),
                   .published = rows.time(row, 5),
                   .active_from = rows.time(row, 6),
                   .retired_from = rows.time(row, 7),
                   .removed_from = rows.time(row, 8),
                   .revoked = rows.integer(row, 9) != 0});
  }
  co_return out;
}

Task<Result<Claim>> StoreImpl::add_key_once(model::SigningKeyRecord key, Instant unless_active_from, Events events) {
  const auto now = clock_.now();
  const auto audit = prepare(events);
  std::vector<Statement> opening;
  opening.emplace_back(
      "INSERT INTO signing_keys(issuer, kid, alg, purpose, wrapped_private, public_jwk, published, active_from, "
      "retired_from, removed_from, revoked) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 WHERE NOT EXISTS "
      "(SELECT 1 FROM signing_keys k WHERE k.issuer = $1 AND k.purpose = $4 AND k.alg = $3 AND k.active_from >= $12)",
      key.issuer, key.kid, key.alg, key.purpose, Blob{key.wrapped_private}, key.public_jwk, key.published,
      key.active_from, key.retired_from, key.removed_from, flag(key.revoked), unless_active_from);
  co_return co_await writer_->write(std::move(opening), [&](Tx& tx, Answers rows) -> Result<Claim> {
    if (rows[0].affected() == 0) return Claim::lost;
    tx.change(key.issuer, model::ChangeKind::keys_changed, key.kid, now, change_end(now));
    tx.audit(audit);
    return Claim::won;
  });
}

Task<Result<void>> StoreImpl::update_key(model::SigningKeyRecord key, Events events) {
  const auto now = clock_.now();
  const auto audit = prepare(events);
  std::vector<Statement> opening;
  opening.emplace_back(
      "UPDATE signing_keys SET wrapped_private = $3, public_jwk = $4, published = $5, active_from = $6, "
      "retired_from = $7, removed_from = $8, revoked = greatest(revoked, $9) WHERE issuer = $1 AND kid = $2",
      key.issuer, key.kid, Blob{key.wrapped_private}, key.public_jwk, key.published, key.active_from, key.retired_from,
      key.removed_from, flag(key.revoked));
  co_return co_await writer_->write(std::move(opening), [&](Tx& tx, Answers rows) -> Result<void> {
    if (rows[0].affected() == 0) return fail(ErrorCode::conflict, {}, "unknown signing key");
    tx.change(key.issuer, model::ChangeKind::keys_changed, key.kid, now, change_end(now));
    tx.audit(audit);
    return {};
  });
}

}  // namespace mitral::store::postgres
