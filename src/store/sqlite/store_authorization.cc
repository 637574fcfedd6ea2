#include "store/documents.h"
#include "store/sqlite/store_impl.h"

namespace mitral::store {
namespace {

/// A record of a handle takes the place of an earlier one of the same issuer, but what was used stays used.
Result<void> must_have_written(Query& query) {
  MITRAL_TRY(const auto written, query.run_counting());
  if (written == 0) return fail(ErrorCode::conflict, {}, "handle is used up or belongs to another issuer");
  return {};
}

/// Marks a one-time row as used, if it is alive and unused; else tells why not. The transaction already excludes other
/// writers; the conditions in the UPDATE make it right by itself.
Result<Claim> claim(Connection& connection, const char* update, const char* select, const Hash256& handle,
                    const Issuer& issuer, Instant now) {
  {
    Query query(connection, update);
    MITRAL_TRY(const auto claimed, query.bind(handle, issuer, now).run_counting());
    if (claimed == 1) return Claim::won;
  }
  Query query(connection, select);
  MITRAL_TRY(const bool used, query.bind(handle, issuer, now).step());
  return used ? Claim::lost : Claim::unknown;
}

Result<void> insert_code(Connection& connection, const Issuer& issuer, const model::AuthorizationCode& code,
                         const std::string& document) {
  Query query(
      connection,
      "INSERT INTO codes(handle, issuer, client, user, created, expires, document) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)");
  return query.bind(code.handle, issuer, code.request.client, code.user, code.created, code.expires, document).run();
}

Result<void> upsert_consent(Connection& connection, const Issuer& issuer, const model::Consent& consent,
                            const std::string& document) {
  Query query(
      connection,
      "INSERT INTO consents(issuer, user, client, expires, document) VALUES(?1, ?2, ?3, ?4, ?5) "
      "ON CONFLICT(issuer, user, client) DO UPDATE SET expires = excluded.expires, document = excluded.document");
  return query.bind(issuer, consent.user, consent.client, consent.expires, document).run();
}

Result<void> insert_grant(Connection& connection, const model::Grant& grant, const std::string& document,
                          const std::optional<model::RefreshFamily>& family) {
  Query query(
      connection,
      "INSERT INTO grants(id, issuer, client, user, sid, offline, created, expires, revoked, generation, rotated, "
      "family_expires, document) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)");
  const auto generation = family ? std::optional<std::int64_t>(family->generation) : std::nullopt;
  const auto rotated = family ? std::optional(family->rotated) : std::nullopt;
  const auto family_expires = family ? std::optional(family->expires) : std::nullopt;
  return query
      .bind(grant.id, grant.issuer, grant.client, grant.user, grant.sid, grant.offline, grant.created, grant.expires,
            grant.revoked, generation, rotated, family_expires, document)
      .run();
}

}  // namespace

Task<Result<void>> StoreImpl::put_pushed_request(model::PushedRequest request) {
  auto document = to_document(request.parameters);
  return writer_->write([request = std::move(request), document = std::move(document)](Tx& tx) -> Result<void> {
    Query query(tx.db,
                "INSERT INTO pushed_requests(handle, issuer, client, parameters, expires) VALUES(?1, ?2, ?3, ?4, ?5) "
                "ON CONFLICT(handle) DO UPDATE SET parameters = excluded.parameters, expires = excluded.expires "
                "WHERE used = 0 AND issuer = excluded.issuer AND client = excluded.client");
    query.bind(request.handle, request.issuer, request.client, document, request.expires);
    return must_have_written(query);
  });
}

Task<Result<std::optional<model::PushedRequest>>> StoreImpl::find_pushed_request(Issuer issuer, Hash256 handle,
                                                                                 Instant now) {
  co_return look([&](Connection& connection) -> Result<std::optional<model::PushedRequest>> {
    Query query(connection,
                "SELECT client, parameters, expires FROM pushed_requests "
                "WHERE handle = ?1 AND issuer = ?2 AND expires > ?3 AND used = 0");
    MITRAL_TRY(const bool row, query.bind(handle, issuer, now).step());
    if (!row) return std::nullopt;
    model::PushedRequest out;
    out.handle = handle;
    out.issuer = issuer;
    out.client = ClientId(query.text(0));
    out.expires = query.time(2);
    if (!read_document(query.text(1), out.parameters)) return unreadable("pushed_requests");
    return out;
  });
}

Task<Result<void>> StoreImpl::put_launch(model::LaunchTicket ticket, Events events) {
  auto context = ticket.context.dump();
  return writer_->write([ticket = std::move(ticket), context = std::move(context),
                         audit = prepare(events)](Tx& tx) -> Result<void> {
    Query query(tx.db,
                "INSERT INTO launches(handle, issuer, client, user, audience, context, expires) VALUES(?1, ?2, ?3, ?4, "
                "?5, ?6, ?7) "
                "ON CONFLICT(handle) DO UPDATE SET client = excluded.client, user = excluded.user, audience = "
                "excluded.audience, "
                "context = excluded.context, expires = excluded.expires WHERE used = 0 AND issuer = excluded.issuer");
    query.bind(ticket.handle, ticket.issuer, ticket.client, ticket.user, ticket.audience, context, ticket.expires);
    MITRAL_CHECK(must_have_written(query));
    tx.audit(audit);
    return {};
  });
}

Task<Result<std::optional<model::LaunchTicket>>> StoreImpl::find_launch(Issuer issuer, Hash256 handle, Instant now) {
  co_return look([&](Connection& connection) -> Result<std::optional<model::LaunchTicket>> {
    Query query(connection,
                "SELECT client, user, audience, context, expires FROM launches "
                "WHERE handle = ?1 AND issuer = ?2 AND expires > ?3 AND used = 0");
    MITRAL_TRY(const bool row, query.bind(handle, issuer, now).step());
    if (!row) return std::nullopt;
    model::LaunchTicket out;
    out.handle = handle;
    out.issuer = issuer;
    out.client = ClientId(query.text(0));
    out.user = UserId(query.text(1));
    out.audience = query.text(2);
    auto context = codec::Json::parse(query.text(3));
    if (!context) return unreadable("launches");
    out.context = std::move(*context);
    out.expires = query.time(4);
    return out;
  });
}

Task<Result<void>> StoreImpl::put_interaction(model::Interaction interaction) {
  auto document = to_document(interaction);
  return writer_->write([interaction = std::move(interaction), document = std::move(document)](Tx& tx) -> Result<void> {
    Query query(tx.db,
                "INSERT INTO interactions(handle, issuer, browser, document, expires) VALUES(?1, ?2, ?3, ?4, ?5) "
                "ON CONFLICT(handle) DO UPDATE SET browser = excluded.browser, document = excluded.document, "
                "expires = excluded.expires WHERE used = 0 AND issuer = excluded.issuer");
    query.bind(interaction.handle, interaction.issuer, interaction.browser, document, interaction.expires);
    return must_have_written(query);
  });
}

Task<Result<std::optional<model::Interaction>>> StoreImpl::find_interaction(Issuer issuer, Hash256 handle,
                                                                            Instant now) {
  co_return look([&](Connection& connection) -> Result<std::optional<model::Interaction>> {
    Query query(connection,
                "SELECT browser, document, expires FROM interactions "
                "WHERE handle = ?1 AND issuer = ?2 AND expires > ?3 AND used = 0");
    MITRAL_TRY(const bool row, query.bind(handle, issuer, now).step());
    if (!row) return std::nullopt;
    model::Interaction out;
    out.handle = handle;
    out.issuer = issuer;
    out.browser = query.hash(0);
    out.expires = query.time(2);
    if (!read_document(query.text(1), out)) return unreadable("interactions");
    return out;
  });
}

Task<Result<Claim>> StoreImpl::complete_authorization(Issuer issuer, Completion completion, Events events,
                                                      Instant now) {
  auto code_document = completion.code ? to_document(*completion.code) : std::string();
  auto consent_document = completion.consent ? to_document(*completion.consent) : std::string();
  if (completion.emergency) completion.emergency->review.reset();
  auto emergency_document = completion.emergency ? to_document(*completion.emergency) : std::string();
  const auto audit = prepare(events);
  // Where a code is all that is written, nothing can go wrong after it.
  const bool only_code = !completion.interaction && !completion.pushed_request && !completion.launch &&
                         !completion.consent && !completion.emergency;
  // References are good: this frame stays until the act is done.
  auto outcome = co_await writer_->write(only_code ? Undo::never : Undo::possible, [&](Tx& tx) -> Result<Claim> {
    struct Handle {
      const std::optional<Hash256>& handle;
      const char* update;
      const char* select;
    };
    const Handle handles[] = {
        {completion.interaction,
         "UPDATE interactions SET used = 1 WHERE handle = ?1 AND issuer = ?2 AND expires > ?3 AND used = 0",
         "SELECT 1 FROM interactions WHERE handle = ?1 AND issuer = ?2 AND expires > ?3"},
        {completion.pushed_request,
         "UPDATE pushed_requests SET used = 1 WHERE handle = ?1 AND issuer = ?2 AND expires > ?3 AND used = 0",
         "SELECT 1 FROM pushed_requests WHERE handle = ?1 AND issuer = ?2 AND expires > ?3"},
        {completion.launch,
         "UPDATE launches SET used = 1 WHERE handle = ?1 AND issuer = ?2 AND expires > ?3 AND used = 0",
         "SELECT 1 FROM launches WHERE handle = ?1 AND issuer = ?2 AND expires > ?3"},
    };
    for (const auto& one : handles) {
      if (!one.handle) continue;
      MITRAL_TRY(const auto outcome, claim(tx.db, one.update, one.select, *one.handle, issuer, now));
      if (outcome != Claim::won) {
        tx.undo();
        return outcome;
      }
    }
    if (completion.code) MITRAL_CHECK(insert_code(tx.db, issuer, *completion.code, code_document));
    if (completion.consent) MITRAL_CHECK(upsert_consent(tx.db, issuer, *completion.consent, consent_document));
    if (completion.emergency)
      MITRAL_CHECK(insert_emergency_within(tx, issuer, *completion.emergency, emergency_document));
    tx.audit(audit);
    return Claim::won;
  });
  if (outcome && *outcome == Claim::won && completion.code) {
    completion.code->issuer = std::move(issuer);
    memory_.codes().put(std::move(*completion.code));
  }
  co_return outcome;
}

Task<Result<std::optional<model::AuthorizationCode>>> StoreImpl::find_code(Issuer issuer, Hash256 handle, Instant now) {
  if (auto fresh = memory_.codes().take(issuer, handle, now)) co_return fresh;
  co_return look([&](Connection& connection) -> Result<std::optional<model::AuthorizationCode>> {
    Query query(
        connection,
        "SELECT user, created, expires, grant_id, document FROM codes WHERE handle = ?1 AND issuer = ?2 AND burned = 0 "
        "AND (expires > ?3 OR (grant_id IS NOT NULL AND expires > ?4))");
    const Instant reuse_from = now - limits::kCodeReuseMemory;
    MITRAL_TRY(const bool row, query.bind(handle, issuer, now, reuse_from).step());
    if (!row) return std::nullopt;
    model::AuthorizationCode out;
    out.handle = handle;
    out.issuer = issuer;
    out.user = UserId(query.text(0));
    out.created = query.time(1);
    out.expires = query.time(2);
    if (!query.is_null(3)) out.grant = query.id(3);
    if (!read_document(query.text(4), out)) return unreadable("codes");
    return out;
  });
}

Task<Result<Claim>> StoreImpl::redeem_code_once(Issuer issuer, Hash256 handle, model::Grant grant,
                                                std::optional<model::RefreshFamily> family, Events events,
                                                Events reuse_events, Instant now) {
  const auto document = to_document(grant);
  const auto audit = prepare(events);
  PreparedEvents reuse_audit;                                    // rarely needed: rendered only then
  static_cast<void>(memory_.codes().take(issuer, handle, now));  // whoever comes after this is answered from the file
  const auto epoch = memory_.grants().epoch(grant.id);
  // References are good: this frame stays until the act is done.
  auto outcome = co_await writer_->write(Undo::never, [&](Tx& tx) -> Result<Claim> {
    const Instant floor = floor_within(tx, issuer, grant.client.value, grant.user.value);
    std::optional<std::int64_t> code;
    {
      // A code from before its client's or user's tokens were revoked is as dead as they are.
      Query query(tx.db,
                  "SELECT rowid FROM codes WHERE handle = ?1 AND issuer = ?2 AND grant_id IS NULL AND burned = 0 "
                  "AND expires > ?3 AND created > ?4 AND client = ?5 AND user = ?6");
      MITRAL_TRY(const bool good, query.bind(handle, issuer, now, floor, grant.client, grant.user).step());
      if (good) code = query.integer(0);
    }
    if (code) {
      // First the grant, whose id could be taken; nothing can refuse what follows.
      MITRAL_CHECK(insert_grant(tx.db, grant, document, family));
      Query query(tx.db, "UPDATE codes SET grant_id = ?2 WHERE rowid = ?1 AND grant_id IS NULL");
      MITRAL_TRY(const auto redeemed, query.bind(*code, grant.id).run_counting());
      if (redeemed != 1) return fail(ErrorCode::internal, {}, "code was redeemed inside its own transaction");
      tx.audit(audit);
      return Claim::won;
    }
    std::optional<Id128> earlier;
    {
      Query query(tx.db,
                  "SELECT grant_id, client FROM codes WHERE handle = ?1 AND issuer = ?2 AND (grant_id IS NOT NULL OR "
                  "burned = 1) "
                  "AND expires > ?3");
      const Instant reuse_from = now - limits::kCodeReuseMemory;
      MITRAL_TRY(const bool used, query.bind(handle, issuer, reuse_from).step());
      if (!used || query.text(1) != grant.client.value) return Claim::unknown;
      if (!query.is_null(0)) earlier = query.id(0);
    }
    if (earlier) MITRAL_CHECK(revoke_grant_within(tx, issuer, *earlier, now));
    if (earlier) name_grant(reuse_events, *earlier);
    reuse_audit = prepare(reuse_events);
    tx.audit(reuse_audit);
    return Claim::lost;
  });
  if (outcome && *outcome == Claim::won) memory_.grants().put(grant, epoch);
  co_return outcome;
}

Task<Result<void>> StoreImpl::burn_code(Issuer issuer, Hash256 handle, Events events) {
  static_cast<void>(memory_.codes().take(issuer, handle, clock_.now()));
  return writer_->write([issuer = std::move(issuer), handle, audit = prepare(events)](Tx& tx) -> Result<void> {
    // A redeemed code keeps its grant: that is how its reuse is recognised.
    Query query(tx.db, "UPDATE codes SET burned = 1 WHERE handle = ?1 AND issuer = ?2 AND grant_id IS NULL");
    MITRAL_CHECK(query.bind(handle, issuer).run());
    tx.audit(audit);
    return {};
  });
}

Task<Result<std::optional<model::Consent>>> StoreImpl::find_consent(Issuer issuer, UserId user, ClientId client,
                                                                    Instant now) {
  co_return look([&](Connection& connection) -> Result<std::optional<model::Consent>> {
    Query query(
        connection,
        "SELECT expires, document FROM consents WHERE issuer = ?1 AND user = ?2 AND client = ?3 AND expires > ?4");
    MITRAL_TRY(const bool row, query.bind(issuer, user, client, now).step());
    if (!row) return std::nullopt;
    model::Consent out;
    out.issuer = issuer;
    out.user = user;
    out.client = client;
    out.expires = query.time(0);
    if (!read_document(query.text(1), out)) return unreadable("consents");
    return out;
  });
}

}  // namespace mitral::store
