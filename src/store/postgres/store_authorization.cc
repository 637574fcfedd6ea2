#include "store/postgres/store_impl.h"

namespace mitral::store::postgres {
namespace {

// One statement and so one moment: every part sees the handles as they were before it, and nothing is written unless
// all of them are alive.
constexpr const char* kClaimAndWrite =
    "WITH alive AS (SELECT ($1::bytea IS NULL OR EXISTS (SELECT 1 FROM interactions WHERE handle = $1 AND issuer = $4 "
    "AND expires > $5 AND used = 0)) "
    "AND ($2::bytea IS NULL OR EXISTS (SELECT 1 FROM pushed_requests WHERE handle = $2 AND issuer = $4 "
    "AND expires > $5 AND used = 0)) "
    "AND ($3::bytea IS NULL OR EXISTS (SELECT 1 FROM launches WHERE handle = $3 AND issuer = $4 "
    "AND expires > $5 AND used = 0)) AS ok), "
    "i AS (UPDATE interactions SET used = 1 WHERE handle = $1 AND (SELECT ok FROM alive)), "
    "p AS (UPDATE pushed_requests SET used = 1 WHERE handle = $2 AND (SELECT ok FROM alive)), "
    "l AS (UPDATE launches SET used = 1 WHERE handle = $3 AND (SELECT ok FROM alive)), "
    "c AS (INSERT INTO codes(handle, issuer, client, \"user\", created, expires, document) "
    "SELECT $6, $4, $7, $8, $9, $10, $11 FROM alive WHERE ok AND $6::bytea IS NOT NULL), "
    "s AS (INSERT INTO consents(issuer, \"user\", client, expires, document) "
    "SELECT $4, $12, $13, $14, $15 FROM alive WHERE ok AND $12::text IS NOT NULL "
    "ON CONFLICT(issuer, \"user\", client) DO UPDATE SET expires = excluded.expires, document = excluded.document), "
    "e AS (INSERT INTO emergency_accesses(id, issuer, patient, \"user\", at, document) "
    "SELECT $16, $4, $17, $18, $19, $20 FROM alive WHERE ok AND $16::bytea IS NOT NULL) "
    "SELECT ok FROM alive";

// In the order in which they count.
constexpr const char* kWhyNot =
    "SELECT place, used FROM (SELECT 1 AS place, used FROM interactions WHERE handle = $1 AND issuer = $4 AND expires "
    "> $5 "
    "UNION ALL SELECT 2, used FROM pushed_requests WHERE handle = $2 AND issuer = $4 AND expires > $5 "
    "UNION ALL SELECT 3, used FROM launches WHERE handle = $3 AND issuer = $4 AND expires > $5) h ORDER BY place";

struct Documents {
  std::string code;
  std::string consent;
  std::string emergency;
};

std::vector<Statement> plain_writes(const Issuer& issuer, const ports::AuthorizationStore::Completion& completion,
                                    const Documents& documents) {
  std::vector<Statement> out;
  if (const auto& code = completion.code) {
    out.emplace_back(
        "INSERT INTO codes(handle, issuer, client, \"user\", created, expires, document) "
        "VALUES($1, $2, $3, $4, $5, $6, $7)",
        code->handle, issuer, code->request.client, code->user, code->created, code->expires, documents.code);
  }
  if (const auto& consent = completion.consent) {
    out.emplace_back(
        "INSERT INTO consents(issuer, \"user\", client, expires, document) VALUES($1, $2, $3, $4, $5) "
        "ON CONFLICT(issuer, \"user\", client) DO UPDATE SET expires = excluded.expires, document = excluded.document",
        issuer, consent->user, consent->client, consent->expires, documents.consent);
  }
  if (const auto& access = completion.emergency) {
    out.emplace_back(
        "INSERT INTO emergency_accesses(id, issuer, patient, \"user\", at, document) VALUES($1, $2, $3, $4, $5, $6)",
        access->id, issuer, access->patient_id, access->user, access->at, documents.emergency);
  }
  return out;
}

std::vector<Statement> claiming_writes(const Issuer& issuer, const ports::AuthorizationStore::Completion& completion,
                                       const Documents& documents, Instant now) {
  const auto& code = completion.code;
  const auto& consent = completion.consent;
  const auto& access = completion.emergency;
  const auto text = [](const auto& record, const auto& get) {
    return record ? std::optional<std::string>(get(*record)) : std::nullopt;
  };
  const auto time = [](const auto& record, auto member) {
    return record ? std::optional<Instant>((*record).*member) : std::nullopt;
  };
  std::vector<Statement> out;
  out.emplace_back(kClaimAndWrite, completion.interaction, completion.pushed_request, completion.launch, issuer, now,
                   code ? std::optional(code->handle) : std::nullopt,
                   text(code, [](const auto& c) { return c.request.client.value; }),
                   text(code, [](const auto& c) { return c.user.value; }),
                   time(code, &model::AuthorizationCode::created), time(code, &model::AuthorizationCode::expires),
                   documents.code, text(consent, [](const auto& c) { return c.user.value; }),
                   text(consent, [](const auto& c) { return c.client.value; }), time(consent, &model::Consent::expires),
                   documents.consent, access ? std::optional(access->id) : std::nullopt,
                   text(access, [](const auto& a) { return a.patient_id; }),
                   text(access, [](const auto& a) { return a.user.value; }), time(access, &model::EmergencyAccess::at),
                   documents.emergency);
  return out;
}

/// The first handle that is not good decides.
Claim why_not(const ports::AuthorizationStore::Completion& completion, const Rows& handles) {
  const bool asked[] = {completion.interaction.has_value(), completion.pushed_request.has_value(),
                        completion.launch.has_value()};
  int row = 0;
  for (int place = 1; place <= 3; ++place) {
    if (!asked[place - 1]) continue;
    if (row == handles.count() || handles.integer(row, 0) != place) return Claim::unknown;
    if (handles.integer(row, 1) != 0) return Claim::lost;
    ++row;
  }
  return Claim::unknown;
}

}  // namespace

Task<Result<void>> StoreImpl::put_pushed_request(model::PushedRequest request) {
  std::vector<Statement> opening;
  opening.emplace_back(
      "INSERT INTO pushed_requests(handle, issuer, client, parameters, expires) VALUES($1, $2, $3, $4, $5) "
      "ON CONFLICT(handle) DO UPDATE SET parameters = excluded.parameters, expires = excluded.expires "
      "WHERE pushed_requests.used = 0 AND pushed_requests.issuer = excluded.issuer "
      "AND pushed_requests.client = excluded.client",
      request.handle, request.issuer, request.client, to_document(request.parameters), request.expires);
  co_return co_await writer_->write(std::move(opening),
                                    [](Tx&, Answers rows) -> Result<void> { return must_have_written(rows[0]); });
}

Task<Result<std::optional<model::PushedRequest>>> StoreImpl::find_pushed_request(Issuer issuer, Hash256 handle,
                                                                                 Instant now) {
  MITRAL_CO_TRY(const auto rows,
                co_await readers_->read(Statement("SELECT client, parameters, expires FROM pushed_requests WHERE "
                                                  "handle = $1 AND issuer = $2 AND expires > $3 AND used = 0",
                                                  handle, issuer, now)));
  if (rows.empty()) co_return std::nullopt;
  model::PushedRequest out;
  out.handle = handle;
  out.issuer = issuer;
  out.client = ClientId(rows.text(0, 0));
  out.expires = rows.time(0, 2);
  if (!read_document(rows.text(0, 1), out.parameters)) co_return unreadable("pushed_requests");
  co_return out;
}

Task<Result<void>> StoreImpl::put_launch(model::LaunchTicket ticket, Events events) {
  const auto audit = prepare(events);
  std::vector<Statement> opening;
  opening.emplace_back(
      "INSERT INTO launches(handle, issuer, client, \"user\", audience, context, expires) "
      "VALUES($1, $2, $3, $4, $5, $6, $7) ON CONFLICT(handle) DO UPDATE SET client = excluded.client, "
      "\"user\" = excluded.\"user\", audience = excluded.audience, context = excluded.context, "
      "expires = excluded.expires WHERE launches.used = 0 AND launches.issuer = excluded.issuer",
      ticket.handle, ticket.issuer, ticket.client, ticket.user, ticket.audience, ticket.context.dump(), ticket.expires);
  co_return co_await writer_->write(std::move(opening), [&](Tx& tx, Answers rows) -> Result<void> {
    MITRAL_CHECK(must_have_written(rows[0]));
    tx.audit(audit);
    return {};
  });
}

Task<Result<std::optional<model::LaunchTicket>>> StoreImpl::find_launch(Issuer issuer, Hash256 handle, Instant now) {
  MITRAL_CO_TRY(const auto rows,
                co_await readers_->read(Statement("SELECT client, \"user\", audience, context, expires FROM launches "
                                                  "WHERE handle = $1 AND issuer = $2 AND expires > $3 AND used = 0",
                                                  handle, issuer, now)));
  if (rows.empty()) co_return std::nullopt;
  model::LaunchTicket out;
  out.handle = handle;
  out.issuer = issuer;
  out.client = ClientId(rows.text(0, 0));
  out.user = UserId(rows.text(0, 1));
  out.audience = rows.text(0, 2);
  auto context = codec::Json::parse(rows.text(0, 3));
  if (!context) co_return unreadable("launches");
  out.context = std::move(*context);
  out.expires = rows.time(0, 4);
  co_return out;
}

Task<Result<void>> StoreImpl::put_interaction(model::Interaction interaction) {
  std::vector<Statement> opening;
  opening.emplace_back(
      "INSERT INTO interactions(handle, issuer, browser, document, expires) VALUES($1, $2, $3, $4, $5) "
      "ON CONFLICT(handle) DO UPDATE SET browser = excluded.browser, document = excluded.document, "
      "expires = excluded.expires WHERE interactions.used = 0 AND interactions.issuer = excluded.issuer",
      interaction.handle, interaction.issuer, interaction.browser, to_document(interaction), interaction.expires);
  co_return co_await writer_->write(std::move(opening),
                                    [](Tx&, Answers rows) -> Result<void> { return must_have_written(rows[0]); });
}

Task<Result<std::optional<model::Interaction>>> StoreImpl::find_interaction(Issuer issuer, Hash256 handle,
                                                                            Instant now) {
  MITRAL_CO_TRY(const auto rows,
                co_await readers_->read(Statement("SELECT browser, document, expires FROM interactions WHERE "
                                                  "handle = $1 AND issuer = $2 AND expires > $3 AND used = 0",
                                                  handle, issuer, now)));
  if (rows.empty()) co_return std::nullopt;
  model::Interaction out;
  out.handle = handle;
  out.issuer = issuer;
  out.browser = rows.hash(0, 0);
  out.expires = rows.time(0, 2);
  if (!read_document(rows.text(0, 1), out)) co_return unreadable("interactions");
  co_return out;
}

Task<Result<Claim>> StoreImpl::complete_authorization(Issuer issuer, Completion completion, Events events,
                                                      Instant now) {
  Documents documents;
  if (completion.code) documents.code = to_document(*completion.code);
  if (completion.consent) documents.consent = to_document(*completion.consent);
  if (completion.emergency) {
    completion.emergency->review.reset();
    documents.emergency = to_document(*completion.emergency);
  }
  const auto audit = prepare(events);
  const bool claims = completion.interaction || completion.pushed_request || completion.launch;
  auto opening =
      claims ? claiming_writes(issuer, completion, documents, now) : plain_writes(issuer, completion, documents);
  auto outcome = co_await writer_->write(std::move(opening), [&](Tx& tx, Answers rows) -> Result<Claim> {
    if (claims && !rows[0].boolean(0, 0)) {
      MITRAL_TRY(const auto handles, tx.query(Statement(kWhyNot, completion.interaction, completion.pushed_request,
                                                        completion.launch, issuer, now)));
      return why_not(completion, handles);
    }
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
  MITRAL_CO_TRY(const auto rows,
                co_await readers_->read(Statement("SELECT \"user\", created, expires, grant_id, document FROM codes "
                                                  "WHERE handle = $1 AND issuer = $2 AND burned = 0 "
                                                  "AND (expires > $3 OR (grant_id IS NOT NULL AND expires > $4))",
                                                  handle, issuer, now, now - limits::kCodeReuseMemory)));
  if (rows.empty()) co_return std::nullopt;
  model::AuthorizationCode out;
  out.handle = handle;
  out.issuer = issuer;
  out.user = UserId(rows.text(0, 0));
  out.created = rows.time(0, 1);
  out.expires = rows.time(0, 2);
  if (!rows.is_null(0, 3)) out.grant = rows.id(0, 3);
  if (!read_document(rows.text(0, 4), out)) co_return unreadable("codes");
  co_return out;
}

Task<Result<Claim>> StoreImpl::redeem_code_once(Issuer issuer, Hash256 handle, model::Grant grant,
                                                std::optional<model::RefreshFamily> family, Events events,
                                                Events reuse_events, Instant now) {
  const auto audit = prepare(events);
  PreparedEvents reuse_audit;                                    // rarely needed: rendered only then
  static_cast<void>(memory_.codes().take(issuer, handle, now));  // whoever comes after this is answered from the tables
  const auto epoch = memory_.grants().epoch(grant.id);
  const auto of_family = [&](auto member) {
    return family ? std::optional(static_cast<std::int64_t>((*family).*member)) : std::nullopt;
  };
  const auto time_of_family = [&](auto member) { return family ? std::optional((*family).*member) : std::nullopt; };
  std::vector<Statement> opening;
  // A code from before its client's or user's tokens were revoked is as dead as they are.
  opening.emplace_back(
      "WITH won AS (UPDATE codes SET grant_id = $1 WHERE handle = $2 AND issuer = $3 AND grant_id IS NULL "
      "AND burned = 0 AND expires > $4 AND client = $5 AND \"user\" = $6 "
      "AND NOT EXISTS (SELECT 1 FROM floors f WHERE f.issuer = $3 AND f.kind = 1 AND f.subject = $5 "
      "AND f.at >= codes.created) "
      "AND NOT EXISTS (SELECT 1 FROM floors f WHERE f.issuer = $3 AND f.kind = 2 AND f.subject = $6 "
      "AND f.at >= codes.created) RETURNING 1) "
      "INSERT INTO grants(id, issuer, client, \"user\", sid, \"offline\", created, expires, revoked, generation, "
      "rotated, family_expires, document) SELECT $1, $3, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15 FROM won",
      grant.id, handle, issuer, now, grant.client, grant.user, grant.sid, flag(grant.offline), grant.created,
      grant.expires, grant.revoked, of_family(&model::RefreshFamily::generation),
      time_of_family(&model::RefreshFamily::rotated), time_of_family(&model::RefreshFamily::expires),
      to_document(grant));
  auto outcome = co_await writer_->write(std::move(opening), [&](Tx& tx, Answers rows) -> Result<Claim> {
    if (rows[0].affected() == 1) {
      tx.audit(audit);
      return Claim::won;
    }
    MITRAL_TRY(const auto used, tx.query(Statement("SELECT grant_id FROM codes WHERE handle = $1 AND issuer = $2 AND "
                                                   "client = $3 AND (grant_id IS NOT NULL OR burned = 1) AND "
                                                   "expires > $4",
                                                   handle, issuer, grant.client, now - limits::kCodeReuseMemory)));
    if (used.empty()) return Claim::unknown;
    if (!used.is_null(0, 0)) {
      MITRAL_CHECK(revoke_grant_within(tx, issuer, used.id(0, 0), now));
      name_grant(reuse_events, used.id(0, 0));
    }
    reuse_audit = prepare(reuse_events);
    tx.audit(reuse_audit);
    return Claim::lost;
  });
  if (outcome && *outcome == Claim::won) memory_.grants().put(grant, epoch);
  co_return outcome;
}

Task<Result<void>> StoreImpl::burn_code(Issuer issuer, Hash256 handle, Events events) {
  static_cast<void>(memory_.codes().take(issuer, handle, clock_.now()));
  const auto audit = prepare(events);
  std::vector<Statement> opening;
  // A redeemed code keeps its grant: that is how its reuse is recognised.
  opening.emplace_back("UPDATE codes SET burned = 1 WHERE handle = $1 AND issuer = $2 AND grant_id IS NULL", handle,
                       issuer);
  co_return co_await writer_->write(std::move(opening), only_audit(audit));
}

Task<Result<std::optional<model::Consent>>> StoreImpl::find_consent(Issuer issuer, UserId user, ClientId client,
                                                                    Instant now) {
  MITRAL_CO_TRY(const auto rows,
                co_await readers_->read(Statement("SELECT expires, document FROM consents WHERE issuer = $1 AND "
                                                  "\"user\" = $2 AND client = $3 AND expires > $4",
                                                  issuer, user, client, now)));
  if (rows.empty()) co_return std::nullopt;
  model::Consent out;
  out.issuer = issuer;
  out.user = user;
  out.client = client;
  out.expires = rows.time(0, 0);
  if (!read_document(rows.text(0, 1), out)) co_return unreadable("consents");
  co_return out;
}

}  // namespace mitral::store::postgres
