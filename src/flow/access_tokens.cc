#include "flow/access_tokens.h"

#include <algorithm>

#include "codec/base64url.h"
#include "codec/text.h"
#include "flow/emergency.h"
#include "flow/handles.h"
#include "spec/oauth/rfc9068_access_token.h"

namespace mitral::flow {
namespace {

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  for (const auto word : codec::split_words(text)) out.emplace_back(word);
  return out;
}

// A token as its own text tells, before the grant is asked.
struct Read {
  SealedToken sealed;
  std::optional<std::vector<std::string>> scopes;  ///< of a jwt
  std::string audience;                            ///< of a jwt
};

std::optional<Read> read_jwt(const Context& context, std::string_view token, Instant now) {
  const auto keys = context.services.keys.snapshot(context.issuer.id());
  auto jwt = spec::oauth::read_access_token(token, keys->published, context.issuer.text(), {}, now);
  if (!jwt) return std::nullopt;
  const auto& claims = jwt->claims;
  const auto jti = Id128::parse(*claims.jti);
  if (!jti || claims.aud.size() != 1) return std::nullopt;
  Read out;
  out.sealed.jti = *jti;
  out.sealed.issued = *claims.iat;
  out.sealed.expires = *claims.exp;
  out.sealed.client = claims.json["client_id"].string_or();
  out.audience = claims.aud.front();
  out.scopes = words(claims.json["scope"].string_or());
  if (const auto grant = claims.json["grant_id"].as_string()) {
    const auto id = Id128::parse(*grant);
    if (!id) return std::nullopt;
    out.sealed.grant = *id;
  }
  if (const auto jkt = claims.json["cnf"]["jkt"].as_string()) {
    out.sealed.jkt = parse_hash_text(*jkt);
    if (!out.sealed.jkt) return std::nullopt;
  }
  return out;
}

std::optional<Read> read(const Context& context, std::string_view token, Instant now) {
  if (token.starts_with(kAccessTokenPrefix)) {
    auto sealed = context.issuer.sealer().open(token);
    if (!sealed) return std::nullopt;
    return Read{std::move(*sealed), std::nullopt, {}};
  }
  const auto shape = jose::Jws::parse(token, jose::kAllSignAlgs);
  if (!shape) return std::nullopt;
  if (!jose::typ_is(shape->header().typ, spec::oauth::kWrappedTokenTyp)) return read_jwt(context, token, now);
  // A wrapped token is as good as the handle inside, once its own signature holds.
  const auto keys = context.services.keys.snapshot(context.issuer.id());
  const auto wrapped = spec::oauth::read_wrapped_token(token, keys->published, context.issuer.text(), {}, now);
  if (!wrapped) return std::nullopt;
  auto sealed = context.issuer.sealer().open(wrapped->claims.json["opaque"].string_or());
  if (!sealed || sealed->jti.text() != wrapped->claims.jti) return std::nullopt;
  return Read{std::move(*sealed), std::nullopt, {}};
}

std::vector<std::string> scopes_of(const SealedToken& sealed, const model::Grant& grant) {
  if (sealed.all_scopes) return grant.scopes;
  if (sealed.scope_text) return words(*sealed.scope_text);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < grant.scopes.size() && i / 8 < sealed.scope_bits.size(); ++i) {
    if ((sealed.scope_bits[i / 8] & (1U << (i % 8))) != 0) out.push_back(grant.scopes[i]);
  }
  return out;
}

}  // namespace

bool LiveToken::has_scope(std::string_view scope) const noexcept {
  return std::ranges::find(scopes, scope) != scopes.end();
}

Task<Result<std::optional<LiveToken>>> read_live_token(const Context& context, std::string_view token) {
  constexpr std::optional<LiveToken> kDead;
  auto found = read(context, token, context.now);
  const std::int64_t now = to_seconds(context.now);
  if (!found || found->sealed.expires <= now) co_return kDead;
  SealedToken& sealed = found->sealed;
  const Issuer& issuer = context.issuer.id();
  auto& store = context.services.store;

  LiveToken out;
  out.jti = sealed.jti;
  out.issued = sealed.issued;
  out.expires = sealed.expires;
  out.jkt = sealed.jkt;
  if (sealed.grant.is_zero()) {
    out.client = std::move(sealed.client);
    out.subject = out.client;
    out.audience = found->scopes ? std::move(found->audience) : std::move(sealed.audience);
    out.scopes = found->scopes ? std::move(*found->scopes) : words(sealed.scope_text.value_or(std::string{}));
  } else {
    out.grant = store.known_grant(issuer, sealed.grant);
    if (!out.grant) {
      MITRAL_CO_TRY(out.grant, co_await context.services.users.grant(store, issuer, sealed.grant, context.now));
    }
    if (!out.grant || out.grant->revoked || out.grant->expires <= context.now) co_return kDead;
    const model::Grant& grant = *out.grant;
    out.client = grant.client.value;
    out.subject = grant.user.value;
    if (found->scopes) {
      out.scopes = std::move(*found->scopes);
      out.audience = std::move(found->audience);
    } else {
      out.scopes = scopes_of(sealed, grant);
      if (sealed.audience_index == kIssuerAudience) {
        out.audience = context.issuer.text();
      } else if (sealed.audience_index < grant.audiences.size()) {
        out.audience = grant.audiences[sealed.audience_index];
      } else {
        co_return kDead;
      }
    }
  }
  MITRAL_CO_TRY(const auto* const client, context.directory->find(issuer, out.client));
  const Instant issued = from_seconds(out.issued);
  // iat has whole seconds: a token of the very second in which the client was revoked counts as older.
  if (client == nullptr || !client->enabled || client->tokens_valid_from > issued) co_return kDead;
  if (out.grant && is_emergency(*out.grant) && !may_ask_for_emergency(*client)) co_return kDead;
  if (out.grant) {
    auto state = context.services.users.known(issuer, out.grant->user, context.now);
    if (!state) {
      MITRAL_CO_TRY(state, co_await context.services.users.get(issuer, out.grant->user, context.now));
    }
    if (!state->exists || !state->enabled) co_return kDead;
  }
  // What was looked at above came from memory, the grant too if it was used lately.
  MITRAL_CO_CHECK(store.current());
  const std::string_view user = out.grant ? std::string_view(out.subject) : std::string_view{};
  if (store.is_revoked(issuer, out.jti, out.client, user, issued)) co_return kDead;
  co_return std::optional<LiveToken>(std::move(out));
}

std::optional<TokenIdentity> identify_token(const Context& context, std::string_view token) {
  const auto found = read(context, token, context.now);
  if (!found) return std::nullopt;
  return TokenIdentity{found->sealed.jti, found->sealed.grant, found->sealed.client, found->sealed.expires};
}

}  // namespace mitral::flow
