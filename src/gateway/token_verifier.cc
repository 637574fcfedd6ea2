#include "gateway/token_verifier.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "crypto/hash.h"

namespace mitral::gateway {
namespace {

using codec::Json;
using jose::SignAlg;
using spec::smart::ScopeContext;
using spec::smart::ScopeKind;
using spec::smart::ScopeSet;

/// What an authorization server may sign access tokens with.
constexpr jose::SignAlgs kTokenAlgs{SignAlg::es256, SignAlg::es384, SignAlg::rs256, SignAlg::rs384,
                                    SignAlg::ps256, SignAlg::ps384, SignAlg::eddsa, SignAlg::ed25519};
constexpr std::string_view kOpaquePrefix = "mat_";

std::unexpected<Error> refused(std::string_view why) {
  return fail(ErrorCode::invalid_token, "The access token is not valid here", std::string(why));
}

Hash256 cache_key(std::string_view audience, std::string_view token) {
  return crypto::Sha256().update(audience).update(std::string_view("\0", 1)).update(token).finish();
}

bool has_audience(const Json& aud, std::string_view wanted) {
  if (const auto text = aud.as_string()) return *text == wanted;
  return std::ranges::any_of(aud.items(), [&](const Json& item) { return item.string_or() == wanted; });
}

/// Scopes whose meaning hangs on a claim that is not there.
bool lacks_context(const ScopeSet& scopes, const policy::TokenFacts& facts) {
  return (scopes.has_context(ScopeContext::patient) && facts.patient.empty()) ||
         ((scopes.has_context(ScopeContext::user) || scopes.has(ScopeKind::fhir_user)) && facts.fhir_user.empty());
}

std::shared_ptr<const policy::DataPolicy> data_policy_of(const Config& config) {
  return std::make_shared<const policy::DataPolicy>(
      policy::DataPolicy{.labels = policy::LabelPolicy(config.hidden_labels),
                         .consents = config.enforce_consent,
                         .custodians = config.custodians,
                         .assumed_purpose = config.assumed_purpose});
}

class InFlight {
 public:
  explicit InFlight(std::atomic<std::size_t>& count) noexcept
      : count_(count), allowed_(count.fetch_add(1) < limits::kIntrospectionsInFlightMax) {}
  ~InFlight() { count_.fetch_sub(1); }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  [[nodiscard]] bool allowed() const noexcept { return allowed_; }

 private:
  std::atomic<std::size_t>& count_;
  bool allowed_;
};

}  // namespace

TokenVerifier::TokenVerifier(const Config& config, const IssuerLink& issuer, Metrics& metrics, const Clock& clock)
    : issuer_name_(config.issuer),
      audience_(config.audience.empty() ? config.public_base : config.audience),
      own_base_(config.public_base),
      foreign_(config.foreign),
      data_policy_(data_policy_of(config)),
      issuer_(issuer),
      metrics_(metrics),
      clock_(clock),
      keys_(clock, limits::kJwksLifetime, limits::kJwksRetryInterval, 2 * limits::kJwksLifetime),
      feed_(issuer, revoked_, metrics, clock, [this] { keys_.expire(); }) {}

bool TokenVerifier::believable(const TokenCache::Entry& entry, Instant now) const {
  if (foreign_.kind != IssuerKind::mitral) return entry.confirmed <= now && now - entry.confirmed <= foreign_.believed;
  return feed_.trusted(now) && entry.confirmed >= revoked_.confirmed_since();
}

Task<Result<TokenPtr>> TokenVerifier::verify(std::string_view token, std::string_view address) {
  if (token.size() > limits::kJoseCompactMax) co_return refused("token too long");
  const auto now = clock_.now();
  const auto key = cache_key(audience_, token);
  if (const auto entry = cache_.find(key); entry.token) {
    if (entry.token->expires <= now || revoked_.revoked(entry.token->names())) {
      cache_.erase(key);
      co_return refused("expired or revoked");
    }
    if (believable(entry, now)) {
      metrics_.token_cache_hits.add();
      co_return entry.token;
    }
  }
  metrics_.token_cache_misses.add();
  std::string text(token);
  const bool foreign = foreign_.kind != IssuerKind::mitral;
  MITRAL_CO_TRY(auto local, foreign ? co_await check_foreign(text, now) : co_await check_locally(text, now));
  if (local.complete) {
    const auto& found = *local.complete;
    if (revoked_.revoked(found->names())) co_return refused("revoked");
    // The issuer vouched for it when it was issued; its clock may be ahead of ours.
    const TokenCache::Entry entry{found, foreign ? now : found->issued - limits::kClockSkew};
    if (believable(entry, now)) {
      cache_.put(key, entry);
      co_return found;
    }
  }
  co_return co_await confirm(std::move(text), std::string(address), std::move(local), key);
}

Task<Result<jose::VerifiedJws>> TokenVerifier::verify_signature(const jose::Jws& jws) {
  const auto fetch = [this] { return issuer_.fetch_keys(); };
  MITRAL_CO_TRY(auto keys, co_await keys_.get(fetch));
  if (!keys->find_verification_key(jws.header().kid, jws.header().alg)) {
    // A key published since: ask once more, at most every kJwksRetryInterval.
    MITRAL_CO_TRY(keys, co_await keys_.newer(fetch, keys));
  }
  auto verified = jws.verify(*keys);
  if (!verified) co_return refused("signature");
  co_return std::move(*verified);
}

Task<Result<TokenVerifier::Local>> TokenVerifier::check_locally(std::string_view token, Instant now) {
  Local out;
  if (token.starts_with(kOpaquePrefix)) co_return out;
  auto jws = jose::Jws::parse(token, kTokenAlgs);
  if (!jws) co_return refused("neither a JWT nor an opaque token of this issuer");
  const bool wrapped = jose::typ_is(jws->header().typ, "wrapped+jwt");
  if (!wrapped && !jose::typ_is(jws->header().typ, "at+jwt")) co_return refused("typ");
  MITRAL_CO_TRY(auto verified, co_await verify_signature(*jws));
  jose::Validation expected;
  expected.issuer = issuer_name_;
  expected.audiences = {audience_};
  expected.now = now;
  expected.skew = Duration::zero();
  expected.skew_future = limits::kClockSkew;
  expected.typs = {wrapped ? std::string_view("wrapped+jwt") : std::string_view("at+jwt")};
  expected.required = wrapped ? std::vector<std::string_view>{"iss", "aud", "exp", "iat", "jti", "opaque"}
                              : std::vector<std::string_view>{"iss", "aud", "exp", "iat", "jti", "sub", "client_id"};
  const auto jwt = jose::validated_jwt(std::move(verified), expected);
  if (!jwt) co_return refused("claims: " + jwt.error().detail);
  const auto& claims = jwt->claims.json;
  if (claims.contains("cnf")) co_return refused("bound to a key");
  out.jti = jwt->claims.jti.value_or("");
  out.expires = jwt->claims.exp.value_or(0);
  if (wrapped) {
    if (!claims["opaque"].string_or().starts_with(kOpaquePrefix)) co_return refused("wrapped without a handle");
    co_return out;
  }
  out.client = claims["client_id"].string_or();
  out.subject = jwt->claims.sub.value_or("");
  MITRAL_CO_TRY(auto complete, token_of(claims, now, Instant::max(), false));
  const auto scopes = ScopeSet::parse_known(claims["scope"].string_or(), policy::scope_rules());
  policy::TokenFacts facts;
  facts.patient = claims["patient"].string_or();
  facts.fhir_user = claims["fhirUser"].string_or();
  if (scopes && !lacks_context(*scopes, facts)) out.complete = std::move(complete);
  co_return out;
}

/// A JWT of another make is checked whole; anything else is for its issuer's introspection to judge.
Task<Result<TokenVerifier::Local>> TokenVerifier::check_foreign(std::string_view token, Instant now) {
  Local out;
  if (foreign_.kind == IssuerKind::introspection) co_return out;
  auto jws = jose::Jws::parse(token, jose::kAllSignAlgs);
  if (!jws) co_return refused("not a JWT");
  jose::Validation expected;
  expected.issuer = issuer_name_;
  expected.audiences = {audience_};
  expected.now = now;
  expected.skew = Duration::zero();
  expected.skew_future = limits::kClockSkew;
  expected.typs.assign(foreign_.typs.begin(), foreign_.typs.end());
  expected.required = {"iss", "aud", "exp", "iat"};
  MITRAL_CO_TRY(auto verified, co_await verify_signature(*jws));
  const auto jwt = jose::validated_jwt(std::move(verified), expected);
  if (!jwt) co_return refused("claims: " + jwt.error().detail);
  MITRAL_CO_TRY(const auto claims, own_claims(jwt->claims.json, foreign_, issuer_name_, false, now));
  MITRAL_CO_TRY(auto complete, token_of(claims, now, Instant::max(), foreign_.trust_purpose));
  out.jti = complete->jti;
  out.client = complete->client;
  out.subject = complete->subject;
  out.expires = jwt->claims.exp.value_or(0);
  if (!foreign_.introspect_too) out.complete = std::move(complete);
  co_return out;
}

Task<Result<TokenPtr>> TokenVerifier::confirm(std::string token, std::string address, Local local, const Hash256& key) {
  const InFlight slot(asking_);
  const AddressShares::Hold share(shares_, address);
  if (!slot.allowed() || !share.granted()) {
    metrics_.introspections_refused.add();
    co_return fail(ErrorCode::unavailable, {}, "too many introspections at once");
  }
  // What the answer says is true of this instant at the earliest: news that comes while it travels must still count.
  const auto asked = clock_.now();
  MITRAL_CO_TRY(auto answer, co_await issuer_.introspect(std::move(token)));
  if (!answer["active"].bool_or(false)) {
    cache_.erase(key);
    co_return refused("not active");
  }
  const auto now = clock_.now();
  if (foreign_.kind != IssuerKind::mitral) {
    MITRAL_CO_TRY(answer, own_claims(answer, foreign_, issuer_name_, true, now));
  }
  const auto differs = [&](std::string_view ours, std::string_view member) {
    return !ours.empty() && answer[member].string_or() != ours;
  };
  if (differs(local.jti, "jti") || differs(local.client, "client_id") || differs(local.subject, "sub")) {
    co_return refused("introspection speaks of another token");
  }
  // A token never lives longer than the JWT around it says.
  const auto latest = local.expires == 0 ? Instant::max() : from_seconds(local.expires);
  MITRAL_CO_TRY(auto found, token_of(answer, now, latest, true));
  if (revoked_.revoked(found->names())) co_return refused("revoked");
  cache_.put(key, {found, asked});
  co_return found;
}

Result<TokenPtr> TokenVerifier::token_of(const Json& claims, Instant now, Instant latest, bool purpose_vouched) const {
  // Also of an introspection answer: RFC 7662 §4 leaves it to us that the token is meant for this resource server.
  if (claims["iss"].string_or() != issuer_name_) return refused("issuer");
  if (!has_audience(claims["aud"], audience_)) return refused("audience");
  if (claims.contains("cnf")) return refused("bound to a key");
  const auto exp = claims["exp"].as_int64();
  const auto iat = claims["iat"].as_int64();
  if (!exp || !iat || from_seconds(*exp) <= now) return refused("expired, or without times");
  const auto client = claims["client_id"].string_or();
  const auto subject = claims["sub"].string_or();
  if (client.empty() || subject.empty()) return refused("without client or subject");
  const auto scope = claims["scope"].string_or();
  // What is not understood grants nothing.
  auto scopes = scope.empty() ? Result<ScopeSet>(ScopeSet{}) : ScopeSet::parse_known(scope, policy::scope_rules());
  if (!scopes) return refused("scope can't be read");

  policy::TokenFacts facts;
  facts.scopes = std::move(*scopes);
  facts.client = client;
  facts.subject = subject;
  facts.patient = claims["patient"].string_or();
  facts.fhir_user = claims["fhirUser"].string_or();
  facts.own_base = own_base_;
  // A purpose opens what a patient has closed: only who is asked about this very token may name it (threat S-21).
  if (purpose_vouched) facts.purpose = claims["purpose_of_use"].string_or();
  facts.issuer = issuer_name_;
  facts.data_policy = data_policy_;

  VerifiedToken out;
  out.access = policy::Access::compile(facts);
  out.client = std::move(facts.client);
  out.subject = std::move(facts.subject);
  out.patient = std::move(facts.patient);
  out.scope = scope;
  out.fhir_user = std::move(facts.fhir_user);
  out.purpose = std::move(facts.purpose);
  out.grant = claims["grant_id"].string_or();
  out.jti = claims["jti"].string_or();
  out.scope_hash = crypto::sha256(scope);
  out.issued = from_seconds(*iat);
  out.expires = std::min(from_seconds(*exp), latest);
  return std::make_shared<const VerifiedToken>(std::move(out));
}

}  // namespace mitral::gateway
