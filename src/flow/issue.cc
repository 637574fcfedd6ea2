#include "flow/issue.h"

#include <algorithm>

#include "codec/base64url.h"
#include "flow/context.h"
#include "flow/emergency.h"
#include "flow/refresh_token.h"
#include "flow/steps/steps.h"
#include "flow/token_sealer.h"
#include "policy/scope_policy.h"
#include "spec/oauth/rfc6749_token_response.h"
#include "spec/oauth/rfc9068_access_token.h"
#include "spec/oidc/id_token.h"

namespace mitral::flow {
namespace {

using Source = RedeemedGrant::Source;

// A scope by its short name or its URI form ("http://openid.net/specs/openid-connect-core-1_0#openid").
bool has_scope(const ApprovedScopes& scopes, std::string_view name) {
  return std::ranges::any_of(scopes.list(), [&](const std::string& s) {
    return s == name || (s.size() > name.size() && s.ends_with(name) && s[s.size() - name.size() - 1] == '#');
  });
}

std::int64_t lifetime_of(const Context& context, const RedeemedGrant& grant, const ApprovedScopes& scopes,
                         const policy::Profile& profile) {
  auto seconds = (grant.has_user() ? profile.access_token_lifetime : profile.backend_token_lifetime).count();
  if (grant.has_user() && is_emergency(grant.grant())) {
    seconds = std::chrono::seconds(limits::kEmergencyTokenLifetime).count();  // nothing renews it
  } else if (const auto* server = scopes.server()) {
    seconds = std::min(seconds, std::chrono::floor<std::chrono::seconds>(server->token_lifetime).count());
  }
  // No token outlives the permission behind it.
  if (grant.has_user()) seconds = std::min(seconds, to_seconds(grant.grant().expires) - to_seconds(context.now));
  return std::max<std::int64_t>(seconds, 1);
}

SealedToken sealed_facts(const spec::oauth::AccessTokenFacts& facts, const Id128& jti, const RedeemedGrant& grant,
                         const ApprovedScopes& scopes, const SenderBinding& sender) {
  SealedToken out;
  out.jti = jti;
  out.issued = facts.issued;
  out.expires = facts.expires;
  out.jkt = sender.jkt();
  if (!grant.has_user()) {
    out.client = facts.client_id;
    out.audience = facts.audience;
    out.scope_text = policy::scope_text(scopes.list());
    return out;
  }
  const model::Grant& g = grant.grant();
  out.grant = g.id;
  const auto audience = std::ranges::find(g.audiences, scopes.audience());
  out.audience_index =
      audience == g.audiences.end() ? kIssuerAudience : static_cast<std::uint8_t>(audience - g.audiences.begin());
  out.all_scopes = scopes.whole_grant();
  if (out.all_scopes) return out;
  out.scope_bits.assign((g.scopes.size() + 7) / 8, 0);
  for (const auto& scope : scopes.list()) {
    const auto at = std::ranges::find(g.scopes, scope);
    if (at == g.scopes.end()) {
      out.scope_bits.clear();
      out.scope_text = policy::scope_text(scopes.list());
      break;
    }
    const auto i = static_cast<std::size_t>(at - g.scopes.begin());
    out.scope_bits[i / 8] = static_cast<std::uint8_t>(out.scope_bits[i / 8] | (1U << (i % 8)));
  }
  return out;
}

std::unexpected<Error> no_key(std::string_view alg) {
  return fail(ErrorCode::internal, {}, "no active signing key for " + std::string(alg));
}

Result<std::string> access_token(const Context& context, const spec::oauth::AccessTokenFacts& facts, const Id128& jti,
                                 const RedeemedGrant& grant, const ApprovedScopes& scopes, const SenderBinding& sender,
                                 const policy::Profile& profile) {
  const auto* const server = scopes.server();
  const bool emergency = grant.has_user() && is_emergency(grant.grant());
  if (emergency && server == nullptr) return fail(ErrorCode::internal, {}, "emergency access without a FHIR server");
  // What an emergency token is for is told by introspection alone, and ends there at once.
  const auto format = server == nullptr ? model::TokenFormat::opaque
                      : emergency       ? model::TokenFormat::wrapped
                                        : server->token_format;
  std::string opaque;
  if (format != model::TokenFormat::jwt) {
    MITRAL_TRY(opaque, context.issuer.sealer().seal(sealed_facts(facts, jti, grant, scopes, sender)));
    if (format == model::TokenFormat::opaque) return opaque;
  }
  const auto alg = jose::parse_sign_alg(server->signing_alg);
  if (!alg || !profile.access_token_algs.contains(*alg)) return no_key(server->signing_alg);
  const auto keys = context.services.keys.snapshot(context.issuer.id());
  const bool wrapped = format == model::TokenFormat::wrapped;
  const auto* const signer = keys->signer(*alg, wrapped ? TokenTyp::wrapped : TokenTyp::access_token);
  if (signer == nullptr) return no_key(server->signing_alg);
  return signer->sign(wrapped ? spec::oauth::wrapped_token_payload(facts, opaque)
                              : spec::oauth::access_token_payload(facts, server->context_in_jwt));
}

// What the client registered, for it alone says what it can read; else RS256, which every OpenID Connect client can. A
// profile that forbids it gets the next best.
const jose::JwsSigner* id_token_signer(const KeySnapshot& keys, const model::Client& client,
                                       const policy::Profile& profile, jose::SignAlg& chosen) {
  using jose::SignAlg;
  const auto registered = jose::parse_sign_alg(client.id_token_alg);
  for (const auto alg :
       {registered.value_or(SignAlg::rs256), SignAlg::rs256, SignAlg::es256, SignAlg::ps256, SignAlg::eddsa}) {
    if (!profile.id_token_algs.contains(alg)) continue;
    chosen = alg;
    if (const auto* signer = keys.signer(alg, TokenTyp::id_token)) return signer;
  }
  return nullptr;
}

bool wants_id_token(const AuthenticatedClient& client, const RedeemedGrant& grant, const ApprovedScopes& scopes) {
  const bool now =
      grant.source() == Source::code || (grant.source() == Source::refresh && client.record().id_token_at_refresh);
  return now && has_scope(scopes, "openid");
}

Result<std::string> id_token(const Context& context, const AuthenticatedClient& client, const RedeemedGrant& grant,
                             const ApprovedScopes& scopes, const policy::Profile& profile,
                             std::string_view access_token) {
  const auto keys = context.services.keys.snapshot(context.issuer.id());
  const model::Grant& g = grant.grant();
  const bool profile_scope = has_scope(scopes, "profile");
  const bool fhir_user = has_scope(scopes, "fhirUser") || profile_scope;
  const std::string sid = g.sid.is_zero() ? std::string{} : g.sid.text();
  spec::oidc::IdTokenFacts facts{.issuer = context.issuer.text(),
                                 .subject = g.user.value,
                                 .client_id = g.client.value,
                                 .issued = to_seconds(context.now),
                                 .expires = to_seconds(context.now) + profile.id_token_lifetime.count(),
                                 .auth_time = to_seconds(g.auth_time),
                                 .nonce = grant.request().nonce,
                                 .acr = g.acr,
                                 .amr = g.amr,
                                 .sid = sid,
                                 .access_token = access_token,
                                 .fhir_user = fhir_user ? std::string_view(g.fhir_user) : std::string_view{},
                                 .profile_claim = profile_scope};
  jose::SignAlg alg{};
  const auto* const signer = id_token_signer(*keys, client.record(), profile, alg);
  if (signer == nullptr) return no_key("ID tokens");
  return signer->sign(spec::oidc::id_token_payload(facts, alg));
}

model::AuditEvent token_event(const Context& context, model::AuditKind kind, const RedeemedGrant& grant,
                              const ApprovedScopes& scopes, const Id128& jti) {
  auto event = context.event(kind, model::AuditOutcome::success);
  event.token = jti.text();
  if (grant.has_user()) {
    event.user = grant.grant().user.value;
    event.grant = grant.grant().id.text();
    event.patient = grant.grant().context["patient"].string_or();
  }
  event.details.reserve(3);
  event.details.emplace_back("audience", scopes.audience());
  event.details.emplace_back("scopes", policy::scope_text(scopes.list()));
  if (!grant.grant().purpose.empty()) event.details.emplace_back(kPurposeOfUse, grant.grant().purpose);
  return event;
}

model::AuditEvent reuse_event(const Context& context, const RedeemedGrant& grant, std::string_view reason) {
  auto event = context.event(model::AuditKind::reuse_detected, model::AuditOutcome::denied);
  event.user = grant.grant().user.value;
  if (grant.source() == Source::refresh) event.grant = grant.grant().id.text();
  event.reason = reason;
  return event;
}

ports::Events one(model::AuditEvent event) {
  ports::Events out;
  out.push_back(std::move(event));
  return out;
}

bool wants_refresh_token(const AuthenticatedClient& client, const RedeemedGrant& grant, const ApprovedScopes& scopes,
                         const policy::Profile& profile) {
  if (grant.source() != Source::code || !grant.grant().purpose.empty() ||
      !client.record().may(model::GrantType::refresh_token) ||
      !profile.grant_types.contains(model::GrantType::refresh_token)) {
    return false;
  }
  return scopes.contains("offline_access") || scopes.contains("online_access");
}

Task<Result<void>> spend_code(const Context& context, const RedeemedGrant& grant, const ApprovedScopes& scopes,
                              const policy::Profile& profile, const Id128& jti, bool with_family) {
  auto& services = context.services;
  ports::Events events;
  events.reserve(2);
  events.push_back(token_event(context, model::AuditKind::code_redeemed, grant, scopes, jti));
  events.push_back(token_event(context, model::AuditKind::token_issued, grant, scopes, jti));
  if (is_emergency(grant.grant())) {
    auto& issued = events.emplace_back(token_event(context, model::AuditKind::emergency, grant, scopes, jti));
    issued.reason = "issued";
  }
  std::optional<model::RefreshFamily> family;
  if (with_family) {
    const auto& g = grant.grant();
    family = model::RefreshFamily{.grant = g.id,
                                  .issuer = g.issuer,
                                  .client = g.client,
                                  .generation = kFirstGeneration,
                                  .rotated = context.now,
                                  .expires = std::min(g.expires, context.now + Duration(profile.refresh_lifetime)),
                                  .revoked = std::nullopt};
  }
  MITRAL_CO_TRY(const auto claim, co_await services.store.redeem_code_once(
                                      context.issuer.id(), grant.code(), grant.grant(), std::move(family),
                                      std::move(events), one(reuse_event(context, grant, "code_reused")), context.now));
  if (claim == ports::Claim::won) co_return Result<void>{};
  if (claim == ports::Claim::lost) services.metrics.code_reuse.add();
  co_return fail(ErrorCode::invalid_grant, "The authorization code is invalid", "lost the race for the code");
}

Task<Result<std::uint32_t>> move_family(const Context& context, const AuthenticatedClient& client,
                                        const RedeemedGrant& grant, const ApprovedScopes& scopes,
                                        const SenderBinding& sender, const policy::Profile& profile, const Id128& jti) {
  auto& services = context.services;
  const bool weak = client.is_public() && !sender.bound();
  const bool all = profile.refresh_rotation == policy::RefreshRotation::all_clients;
  ports::GrantStore::Rotation rotation{
      .grant = grant.grant().id,
      .presented = grant.generation(),
      .rotate = weak || all,
      .retry_window = Duration(weak ? profile.public_retry_window : profile.retry_window),
      .expires = std::min(grant.grant().expires, context.now + Duration(profile.refresh_lifetime))};
  MITRAL_CO_TRY(const auto rotated,
                co_await services.store.rotate_once(
                    context.issuer.id(), rotation,
                    one(token_event(context, model::AuditKind::token_refreshed, grant, scopes, jti)),
                    one(reuse_event(context, grant, "refresh_token_reused")), context.now));
  using Outcome = ports::GrantStore::RotationOutcome;
  if (rotated.outcome == Outcome::rotated || rotated.outcome == Outcome::retried) co_return rotated.generation;
  if (rotated.outcome == Outcome::reused) services.metrics.refresh_reuse.add();
  co_return fail(ErrorCode::invalid_grant, "The refresh token is invalid",
                 rotated.outcome == Outcome::reused ? "refresh token was replaced before" : "refresh family is dead");
}

Task<Result<void>> record_client_token(const Context& context, const RedeemedGrant& grant, const ApprovedScopes& scopes,
                                       const Id128& jti) {
  auto events = one(token_event(context, model::AuditKind::token_issued, grant, scopes, jti));
  if (!claims_assertion_late(context)) co_return co_await context.services.store.append(std::move(events));
  MITRAL_CO_TRY(const bool first, co_await claim_assertion_with(context, std::move(events)));
  if (!first) co_return fail(ErrorCode::invalid_client, "Client authentication failed", "assertion was used before");
  co_return Result<void>{};
}

}  // namespace

struct IssueStep {
  static Result<PreparedTokens> prepare(const Context& context, const AuthenticatedClient& client,
                                        const RedeemedGrant& grant, const ApprovedScopes& scopes,
                                        const SenderBinding& sender, const policy::Profile& profile) {
    PreparedTokens out;
    out.jti_ = Id128::random(context.services.random);
    out.expires_in_ = lifetime_of(context, grant, scopes, profile);
    out.scope_ = policy::scope_text(scopes.list());
    const model::Grant& g = grant.grant();
    const bool user = grant.has_user();
    const std::string jti = out.jti_.text();
    const std::string grant_id = user ? g.id.text() : std::string{};
    const std::string jkt = sender.bound() ? codec::base64url_encode(*sender.jkt()) : std::string{};
    spec::oauth::AccessTokenFacts facts{
        .issuer = context.issuer.text(),
        .subject = user ? g.user.value : client.id().value,
        .audience = scopes.audience(),
        .client_id = client.id().value,
        .jti = jti,
        .issued = to_seconds(context.now),
        .expires = to_seconds(context.now) + out.expires_in_,
        .scopes = scopes.list(),
        .jkt = jkt,
        .grant_id = grant_id,
        .auth_time = std::nullopt,
        .acr = g.acr,
        .amr = g.amr,
        .fhir_user = has_scope(scopes, "fhirUser") ? std::string_view(g.fhir_user) : std::string_view{},
        .context = user ? &g.context : nullptr};
    if (user) facts.auth_time = to_seconds(g.auth_time);
    MITRAL_TRY(out.access_token_, access_token(context, facts, out.jti_, grant, scopes, sender, profile));
    if (wants_id_token(client, grant, scopes)) {
      MITRAL_TRY(out.id_token_, id_token(context, client, grant, scopes, profile, out.access_token_));
    }
    out.wants_refresh_ = wants_refresh_token(client, grant, scopes, profile);
    return out;
  }

  static Task<Result<IssuedTokens>> commit(const Context& context, const AuthenticatedClient& client,
                                           const RedeemedGrant& grant, const ApprovedScopes& scopes,
                                           const SenderBinding& sender, const policy::Profile& profile,
                                           PreparedTokens prepared) {
    IssuedTokens out;
    auto& services = context.services;
    switch (grant.source()) {
      case Source::code:
        MITRAL_CO_CHECK(co_await spend_code(context, grant, scopes, profile, prepared.jti_, prepared.wants_refresh_));
        if (prepared.wants_refresh_)
          out.refresh_token_ = context.issuer.refresh_tokens().make(grant.grant().id, kFirstGeneration);
        services.metrics.tokens_code.add();
        break;
      case Source::refresh: {
        MITRAL_CO_TRY(const auto generation,
                      co_await move_family(context, client, grant, scopes, sender, profile, prepared.jti_));
        out.refresh_token_ = context.issuer.refresh_tokens().make(grant.grant().id, generation);
        services.metrics.tokens_refresh.add();
        break;
      }
      case Source::client:
        MITRAL_CO_CHECK(co_await record_client_token(context, grant, scopes, prepared.jti_));
        services.metrics.tokens_client.add();
        break;
    }
    out.access_token_ = std::move(prepared.access_token_);
    out.id_token_ = std::move(prepared.id_token_);
    out.expires_in_ = prepared.expires_in_;
    out.scope_ = std::move(prepared.scope_);
    if (grant.has_user()) out.context_ = grant.grant().context;
    co_return out;
  }
};

std::string IssuedTokens::json() const {
  return spec::oauth::token_response_json({.access_token = access_token_,
                                           .expires_in = expires_in_,
                                           .scope = scope_,
                                           .refresh_token = refresh_token_,
                                           .id_token = id_token_,
                                           .context = &context_});
}

Result<PreparedTokens> prepare_tokens(const Context& context, const AuthenticatedClient& client,
                                      const RedeemedGrant& grant, const ApprovedScopes& scopes,
                                      const SenderBinding& sender, const policy::Profile& profile) {
  return IssueStep::prepare(context, client, grant, scopes, sender, profile);
}

Task<Result<IssuedTokens>> commit_tokens(const Context& context, const AuthenticatedClient& client,
                                         const RedeemedGrant& grant, const ApprovedScopes& scopes,
                                         const SenderBinding& sender, const policy::Profile& profile,
                                         PreparedTokens prepared) {
  return IssueStep::commit(context, client, grant, scopes, sender, profile, std::move(prepared));
}

}  // namespace mitral::flow
