// Who calls: from what was presented to AuthenticatedClient or AuthenticatedServer.
//
// Order (oauth-oidc-fapi §21): exactly one method -> the record -> throttle -> keys -> proof -> and only then is the
// assertion's jti claimed, so that a forger can't use up the jti of a real client (threat J-21).

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "crypto/hash.h"
#include "flow/refresh_token.h"
#include "flow/steps/steps.h"

namespace mitral::flow {
namespace {

using model::ClientAuthMethod;
using spec::oauth::PresentedBy;

constexpr Endpoints kForServers{Endpoint::introspect, Endpoint::revocations};
constexpr Endpoints kForClients{Endpoint::token, Endpoint::par, Endpoint::introspect, Endpoint::revoke,
                                Endpoint::launch};
constexpr Endpoints kForPublicClients{Endpoint::token, Endpoint::par, Endpoint::revoke};

std::unexpected<Error> unproven(Context& context, std::string detail) {
  context.client_failed = true;
  return fail(ErrorCode::invalid_client, "Client authentication failed", std::move(detail));
}

ClientAuthMethod method_of(PresentedBy by) noexcept {
  switch (by) {
    case PresentedBy::basic: return ClientAuthMethod::client_secret_basic;
    case PresentedBy::post: return ClientAuthMethod::client_secret_post;
    case PresentedBy::assertion: return ClientAuthMethod::private_key_jwt;
    case PresentedBy::nothing:
    case PresentedBy::client_id_only: return ClientAuthMethod::none;
  }
  return ClientAuthMethod::none;
}

Result<void> look_up(Context& context, std::string_view id) {
  const auto& directory = *context.directory;
  context.candidate = nullptr;
  context.candidate_server = nullptr;
  if (kForServers.contains(context.endpoint)) {
    context.candidate_server = directory.resource_server(context.issuer.id(), id);
    if (context.candidate_server != nullptr) return {};
  }
  if (kForClients.contains(context.endpoint)) {
    MITRAL_TRY(context.candidate, directory.find(context.issuer.id(), id));
  }
  return {};
}

const model::Credentials* credentials_of(const Context& context) noexcept {
  if (context.candidate_server != nullptr) return &context.candidate_server->credentials;
  return context.candidate != nullptr ? &context.candidate->credentials : nullptr;
}

// All stored hashes are compared, whichever fits first (threat J-26).
bool secret_matches(const model::Credentials& credentials, const Secret& secret) {
  const auto hash = crypto::sha256(secret.reveal());
  bool good = false;
  for (const auto& stored : credentials.secret_hashes) good |= constant_time_equal(as_view(stored), as_view(hash));
  return good && !secret.empty();
}

Result<void> prove_by_assertion(Context& context, const model::Credentials& credentials) {
  const auto& profile = *context.profile;
  const auto alg = context.assertion->jws.header().alg;
  if (!profile.assertion_algs.contains(alg)) return unproven(context, "assertion algorithm not allowed by the profile");
  if (!credentials.assertion_alg.empty() && credentials.assertion_alg != jose::alg_name(alg)) {
    return unproven(context, "assertion algorithm is not the registered one");
  }
  const jose::JwkSet& keys =
      credentials.jwks_uri.empty() || !context.fetched_keys ? credentials.jwks : *context.fetched_keys;
  const std::array<std::string_view, 2> audiences{context.issuer.text(), context.issuer.urls().token};
  const std::size_t count = profile.assertion_audience == policy::AssertionAudience::issuer_only ? 1 : 2;
  auto verified = spec::oauth::verify_assertion(*context.assertion, keys, credentials.jwks_uri,
                                                {.audiences = std::span(audiences).first(count),
                                                 .lifetime_max = profile.assertion_lifetime,
                                                 .kid_required = profile.assertion_kid_required,
                                                 .now = context.now});
  if (!verified) return unproven(context, verified.error().detail);
  return {};
}

}  // namespace

struct ClientStep {
  static void accept(Context& context, ClientAuthMethod method) {
    if (context.candidate_server != nullptr) {
      context.server = AuthenticatedServer(*context.candidate_server);
    } else {
      context.client = AuthenticatedClient(*context.candidate, method);
    }
  }
};

Result<void> present_client(Context& context) {
  if (context.introspector) return {};  // its token has proven it
  bool used_header = false;
  auto presented = spec::oauth::presented_client(context.request.headers, context.form, used_header);
  if (!presented) {
    context.presented.used_authorization_header = used_header;
    return fail(std::move(presented).error());
  }
  context.presented = std::move(*presented);
  auto& p = context.presented;
  if (p.by == PresentedBy::assertion) {
    auto assertion = spec::oauth::parse_assertion(p.assertion, jose::kAllSignAlgs);
    if (!assertion) {
      context.client_failed = true;
      return fail(std::move(assertion).error());
    }
    if (!p.id.empty() && p.id != assertion->client_id) return unproven(context, "client_id differs from the assertion");
    p.id = assertion->client_id;
    context.assertion = std::move(*assertion);
  }
  if (p.by == PresentedBy::nothing) {
    if (needs_client_of_token(context)) return {};
    return fail(ErrorCode::invalid_client, "Client authentication is missing");
  }
  MITRAL_CHECK(look_up(context, p.id));
  if (credentials_of(context) == nullptr && p.raw_id) {
    MITRAL_CHECK(look_up(context, *p.raw_id));
    if (credentials_of(context) != nullptr) {
      p.id = *p.raw_id;
      p.secret = p.raw_secret;
    }
  }
  return {};
}

bool needs_client_of_token(const Context& context) {
  return context.presented.by == PresentedBy::nothing && context.grant_type == model::GrantType::refresh_token;
}

// Browser apps leave client_id out when they refresh (SMART App Launch 2.2 clients do): the token names its client.
// That is enough for a public client only, which has nothing else to prove.
Task<Result<void>> find_client_of_token(Context& context) {
  const auto token = context.form.get("refresh_token");
  if (!token) co_return fail(ErrorCode::invalid_request, "refresh_token is missing");
  const auto parts = context.issuer.refresh_tokens().open(*token);
  if (!parts) co_return fail(ErrorCode::invalid_grant, "The refresh token is invalid", "unknown refresh token");
  MITRAL_CO_TRY(const auto grant, co_await context.services.users.grant(context.services.store, context.issuer.id(),
                                                                        parts->grant, context.now));
  if (!grant) co_return fail(ErrorCode::invalid_grant, "The refresh token is invalid", "grant is gone");
  MITRAL_CO_CHECK(look_up(context, grant->client.value));
  if (context.candidate == nullptr || !context.candidate->is_public()) {
    co_return fail(ErrorCode::invalid_client, "Client authentication is missing");
  }
  context.presented.by = PresentedBy::client_id_only;
  context.presented.id = grant->client.value;
  co_return Result<void>{};
}

Result<void> check_throttle(Context& context) {
  if (context.introspector) return {};
  const auto& throttle = context.services.client_throttle;
  const auto wait = throttle.wait(context.presented.id, context.request.peer_address, context.now);
  if (!wait) return {};
  context.retry_after_s = *wait;
  context.services.metrics.throttled.add();
  return fail(ErrorCode::rate_limited, "Too many failed attempts");
}

bool needs_client_keys(const Context& context) {
  const auto* const credentials = credentials_of(context);
  return context.assertion && credentials != nullptr && credentials->method == ClientAuthMethod::private_key_jwt &&
         !credentials->jwks_uri.empty();
}

Task<Result<void>> fetch_client_keys(Context& context) {
  const auto& header = context.assertion->jws.header();
  auto keys =
      co_await context.services.client_keys.get(credentials_of(context)->jwks_uri, header.kid, header.alg, context.now);
  if (!keys) co_return unproven(context, keys.error().detail);
  context.fetched_keys = std::move(*keys);
  co_return Result<void>{};
}

Result<void> prove_client(Context& context) {
  if (context.introspector) return {};
  const auto* const credentials = credentials_of(context);
  const auto method = method_of(context.presented.by);
  if (credentials == nullptr) {
    // As much work as for a client that exists.
    (void)crypto::sha256(context.presented.secret.reveal());
    return unproven(context, "unknown client");
  }
  const bool server = context.candidate_server != nullptr;
  if (!(server ? context.candidate_server->enabled : context.candidate->enabled))
    return unproven(context, "client is disabled");
  if (credentials->method != method) return unproven(context, "method is not the registered one");
  context.profile = policy::effective_profile(
      context.issuer.config().profile, server ? std::string_view{} : std::string_view(context.candidate->profile));
  if (!context.profile->auth_methods.contains(method)) return unproven(context, "method is not allowed by the profile");

  switch (method) {
    case ClientAuthMethod::none:
      if (server || !kForPublicClients.contains(context.endpoint))
        return unproven(context, "public client at this endpoint");
      break;
    case ClientAuthMethod::client_secret_basic:
    case ClientAuthMethod::client_secret_post: {
      const auto& p = context.presented;
      const bool raw_too = p.raw_id && p.id == *p.raw_id;
      if (!secret_matches(*credentials, p.secret) && !(raw_too && secret_matches(*credentials, p.raw_secret))) {
        return unproven(context, "wrong secret");
      }
      break;
    }
    case ClientAuthMethod::private_key_jwt: MITRAL_CHECK(prove_by_assertion(context, *credentials)); break;
  }
  ClientStep::accept(context, method);
  context.services.client_throttle.succeeded(context.presented.id, context.request.peer_address);
  return {};
}

// client_credentials waits for nothing between here and `commit`, which claims the jti together with its event: one
// commit for a token. What is refused on the way claims it too, at the end (pipeline.cc).
bool claims_assertion_late(const Context& context) {
  return context.assertion && context.endpoint == Endpoint::token &&
         context.grant_type == model::GrantType::client_credentials;
}

bool claims_assertion_early(const Context& context) { return context.assertion && !claims_assertion_late(context); }

// Kept until the assertion could not be accepted any more by any node, whatever its clock says within the skew.
Task<Result<bool>> claim_assertion_with(const Context& context, ports::Events events) {
  const auto& assertion = *context.assertion;
  return context.services.store.claim_once(context.issuer.id(), "assertion:" + assertion.client_id,
                                           crypto::sha256(assertion.jti),
                                           assertion.expires + 2 * Duration(limits::kClockSkew), std::move(events));
}

Task<Result<void>> claim_assertion(Context& context) {
  MITRAL_CO_TRY(const bool first, co_await claim_assertion_with(context, {}));
  if (!first) co_return unproven(context, "assertion was used before");
  co_return Result<void>{};
}

}  // namespace mitral::flow
