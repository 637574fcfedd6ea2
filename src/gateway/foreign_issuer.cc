#include "gateway/foreign_issuer.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "codec/base64url.h"
#include "codec/fields.h"
#include "codec/form.h"
#include "codec/uri.h"
#include "crypto/random.h"
#include "fhir/r4.h"
#include "jose/jws.h"

namespace mitral::gateway {
namespace {

using codec::Json;
using jose::SignAlg;

constexpr auto kStale = 60 * limits::kDiscoveryLifetime;
constexpr std::size_t kIdBytes = 16;
constexpr std::string_view kForm = "application/x-www-form-urlencoded";

/// What only other kinds of token have (OpenID Connect Core §3.3.2.11, Back-Channel Logout §2.4).
constexpr auto kNotOfAccessTokens = std::to_array<std::string_view>({"at_hash", "c_hash", "s_hash", "events"});
/// Keycloak's own mark of the kind, in the payload.
constexpr auto kOtherKinds = std::to_array<std::string_view>({"ID", "Refresh", "Offline", "Logout"});

std::unexpected<Error> useless(std::string_view what) { return fail(ErrorCode::unavailable, {}, std::string(what)); }
std::unexpected<Error> refused(std::string_view why) {
  return fail(ErrorCode::invalid_token, "The access token is not valid here", std::string(why));
}

SignAlg assertion_alg(crypto::KeyKind kind) noexcept {
  switch (kind) {
    case crypto::KeyKind::rsa: return SignAlg::rs256;
    case crypto::KeyKind::p256: return SignAlg::es256;
    case crypto::KeyKind::p384: return SignAlg::es384;
    case crypto::KeyKind::p521: return SignAlg::es512;
    case crypto::KeyKind::ed25519: break;
  }
  return SignAlg::eddsa;
}

bool holds(const ClaimRule& rule, const Json& claims, std::string_view client) {
  if (rule.value.empty()) return !claims.contains(rule.claim);
  std::string wanted = rule.value;
  constexpr std::string_view kClient = "{client}";
  if (const auto at = wanted.find(kClient); at != std::string::npos) {
    if (client.empty()) return false;
    wanted.replace(at, kClient.size(), client);
  }
  const auto& value = claims[rule.claim];
  if (const auto text = value.as_string()) return *text == wanted;
  if (const auto flag = value.as_bool()) return wanted == (*flag ? "true" : "false");
  return std::ranges::any_of(value.items(), [&](const Json& item) { return item.as_string() == wanted; });
}

/// The text of the first of these claims that is there.
Result<std::string> first_text(const Json& claims, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    const auto* const value = claims.find(name);
    if (value == nullptr) continue;
    if (!value->is_string() || value->string_or().empty()) return refused("a claim is no text: " + name);
    return std::string(value->string_or());
  }
  return refused("a claim is missing: " + (names.empty() ? std::string() : names.front()));
}

/// RFC 6749 §3.3 text, or the list that some issuers make of it. No claim: no scope, which grants nothing.
Result<std::string> scope_text(const Json& claims, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    const auto* const value = claims.find(name);
    if (value == nullptr) continue;
    if (const auto text = value->as_string()) return std::string(*text);
    if (!value->is_array()) return refused("scope is neither a text nor a list");
    std::string out;
    for (const auto& item : value->items()) {
      const auto text = item.string_or();
      if (text.empty() || text.find(' ') != std::string_view::npos) return refused("scope list holds no scopes");
      if (!out.empty()) out += ' ';
      out += text;
    }
    return out;
  }
  return std::string();
}

/// An optional claim that is a text or must not be there.
Result<std::string> optional_text(const Json& claims, const std::string& name) {
  const auto* const value = claims.find(name);
  if (name.empty() || value == nullptr || value->is_null()) return std::string();
  if (!value->is_string()) return refused("a claim is no text: " + name);
  return std::string(value->string_or());
}

Result<void> check_kind(const Json& claims, const ForeignRules& rules, std::string_view client) {
  for (const auto name : kNotOfAccessTokens) {
    if (claims.contains(name)) return refused("a claim of another kind of token");
  }
  if (std::ranges::find(kOtherKinds, claims["typ"].string_or()) != kOtherKinds.end()) {
    return refused("another kind of token by its own word");
  }
  for (const auto& rule : rules.required) {
    if (!holds(rule, claims, client)) return refused("a required claim is not as it must be: " + rule.claim);
  }
  return {};
}

/// The client's own id for a token without a user.
Result<std::string> subject_of(const Json& claims, const ForeignRules& rules, const std::string& client) {
  const bool alone =
      std::ranges::any_of(rules.system_when, [&](const ClaimRule& rule) { return holds(rule, claims, client); });
  if (alone) return client;
  MITRAL_TRY(auto subject, first_text(claims, {rules.subject_claim}));
  // Someone named like the client must not become the client.
  if (subject == client && !rules.system_when.empty()) return refused("subject is the client, without the mark of it");
  return subject;
}

}  // namespace

Result<Json> own_claims(const Json& claims, const ForeignRules& rules, std::string_view issuer, bool introspected,
                        Instant now) {
  MITRAL_TRY(const auto client, first_text(claims, rules.client_claims));
  MITRAL_CHECK(check_kind(claims, rules, client));
  MITRAL_TRY(const auto subject, subject_of(claims, rules, client));
  MITRAL_TRY(const auto scope, scope_text(claims, rules.scope_claims));
  MITRAL_TRY(auto patient, optional_text(claims, rules.patient_claim));
  MITRAL_TRY(const auto fhir_user, optional_text(claims, rules.fhir_user_claim));
  constexpr std::string_view kPatient = "Patient/";
  if (patient.starts_with(kPatient)) patient.erase(0, kPatient.size());
  if (!patient.empty() && !fhir::is_id(patient)) return refused("patient is no logical id");
  if (const auto* const nbf = claims.find("nbf"); nbf != nullptr) {
    const auto from = nbf->as_int64();
    if (!from || from_seconds(*from) > now + limits::kClockSkew) return refused("not valid yet");
  }
  Json out = Json::object();
  if (const auto* const iss = claims.find("iss"); iss != nullptr) {
    out.set("iss", *iss);
  } else if (introspected) {
    out.set("iss", issuer);
  }
  for (const char* const name : {"aud", "exp", "iat", "jti", "cnf"}) {
    if (const auto* const value = claims.find(name); value != nullptr) out.set(name, *value);
  }
  if (introspected && !out.contains("iat")) out.set("iat", to_seconds(now));
  out.set("client_id", client);
  out.set("sub", subject);
  out.set("scope", scope);
  if (!patient.empty()) out.set("patient", patient);
  if (!fhir_user.empty()) out.set("fhirUser", fhir_user);
  if (rules.trust_purpose) {
    MITRAL_TRY(const auto purpose, optional_text(claims, "purpose_of_use"));
    if (!purpose.empty()) out.set("purpose_of_use", purpose);
  }
  return out;
}

Result<Json> issuer_answer(const codec::Response& response, std::size_t max_body) {
  if (response.status != 200) return useless("authorization server answered " + std::to_string(response.status));
  const auto content_type = response.headers.get("Content-Type").value_or("");
  if (response.headers.count("Content-Type") != 1 ||
      (!codec::is_media_type(content_type, "application/json") &&
       !codec::is_media_type(content_type, "application/jwk-set+json"))) {
    return useless("authorization server did not answer with JSON");
  }
  auto json = Json::parse_object(response.body, {.max_depth = limits::kJoseJsonDepthMax, .max_bytes = max_body});
  if (!json) return useless("authorization server answered with malformed JSON");
  return std::move(*json);
}

ForeignIssuer::ForeignIssuer(const Config& config, Sender& sender, const Clock& clock, Random& random)
    : config_(config),
      sender_(sender),
      clock_(clock),
      random_(random),
      metadata_(clock, limits::kDiscoveryLifetime, limits::kFeedRetry, kStale) {}

Result<std::shared_ptr<ForeignIssuer>> ForeignIssuer::create(const Config& config, Sender& sender, const Clock& clock,
                                                             Random& random) {
  const auto& rules = config.foreign;
  if (rules.client_claims.empty() || rules.subject_claim.empty() || rules.scope_claims.empty()) {
    return fail(ErrorCode::config_invalid, {}, "claims of a foreign issuer: client, subject and scope need a name");
  }
  if (rules.kind == IssuerKind::jwks && rules.typs.empty()) {
    return fail(ErrorCode::config_invalid, {}, "no accepted typ of a foreign issuer's tokens");
  }
  if (rules.believed <= Duration::zero() || rules.believed > limits::kForeignBelievedMax) {
    return fail(ErrorCode::config_invalid, {}, "a foreign issuer's tokens may be believed for up to five minutes");
  }
  auto out = std::shared_ptr<ForeignIssuer>(new ForeignIssuer(config, sender, clock, random));
  const auto url = rules.metadata_url.empty() ? codec::join_path(config.issuer, "/.well-known/openid-configuration")
                                              : rules.metadata_url;
  MITRAL_TRY(out->metadata_url_, net::parse_url(url));
  for (const auto* const text : {&config.jwks_url, &config.introspection_url}) {
    if (text->empty()) continue;
    MITRAL_TRY([[maybe_unused]] const auto parsed, net::parse_url(*text));
  }
  return out;
}

Task<Result<Json>> ForeignIssuer::fetch_metadata() {
  codec::Request request;
  request.method = codec::Method::get;
  request.headers.add("Accept", "application/json");
  MITRAL_CO_TRY(const auto response, co_await sender_.send(metadata_url_, std::move(request), config_.issuer_options));
  MITRAL_CO_TRY(auto json, issuer_answer(response, config_.issuer_options.max_body));
  // OpenID Connect Discovery §4.3, RFC 8414 §3.3: a document that speaks of another issuer is not this issuer's.
  if (json["issuer"].string_or() != config_.issuer) co_return useless("metadata of another issuer");
  co_return json;
}

Task<Result<ForeignIssuer::Metadata::Value>> ForeignIssuer::metadata() {
  return metadata_.get([this] { return fetch_metadata(); });
}

Task<Result<net::Url>> ForeignIssuer::endpoint(std::string configured, std::string member) {
  if (!configured.empty()) co_return net::parse_url(configured);
  MITRAL_CO_TRY(const auto document, co_await metadata());
  auto url = net::parse_url((*document)[member].string_or());
  if (!url) co_return useless("metadata has no usable " + member);
  co_return std::move(*url);
}

Task<Result<jose::JwkSet>> ForeignIssuer::fetch_keys() {
  MITRAL_CO_TRY(auto url, co_await endpoint(config_.jwks_url, "jwks_uri"));
  codec::Request request;
  request.method = codec::Method::get;
  request.headers.add("Accept", "application/jwk-set+json, application/json");
  auto options = config_.issuer_options;
  options.max_body = limits::kJwksMax;
  MITRAL_CO_TRY(const auto response, co_await sender_.send(std::move(url), std::move(request), std::move(options)));
  MITRAL_CO_TRY(const auto json, issuer_answer(response, limits::kJwksMax));
  co_return jose::JwkSet::parse(json);
}

Result<void> ForeignIssuer::authenticate(codec::Request& request, codec::Form& form) const {
  const auto& rules = config_.foreign;
  if (!rules.assertion_key) {
    // client_secret_basic: both halves form-urlencoded (RFC 6749 §2.3.1).
    request.headers.add("Authorization",
                        "Basic " + codec::base64_encode(codec::percent_encode(config_.credential_id) + ":" +
                                                        codec::percent_encode(config_.credential_secret.reveal())));
    return {};
  }
  const auto now = to_seconds(clock_.now());
  const Json claims =
      Json::object({{"iss", config_.credential_id},
                    {"sub", config_.credential_id},
                    {"aud", rules.assertion_audience.empty() ? config_.issuer : rules.assertion_audience},
                    {"jti", codec::base64url_encode(crypto::random_bytes(random_, kIdBytes))},
                    {"iat", now},
                    {"exp", now + std::chrono::duration_cast<std::chrono::seconds>(limits::kPhantomLifetime).count()}});
  MITRAL_TRY(auto assertion,
             jose::sign_jws({rules.assertion_kid, assertion_alg(rules.assertion_key->kind()), *rules.assertion_key},
                            {.typ = "JWT", .cty = {}}, claims.dump()));
  form.add("client_id", config_.credential_id);
  form.add("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
  form.add("client_assertion", std::move(assertion));
  return {};
}

Task<Result<Json>> ForeignIssuer::introspect(std::string token) {
  MITRAL_CO_TRY(auto url, co_await endpoint(config_.introspection_url, "introspection_endpoint"));
  codec::Request request;
  request.method = codec::Method::post;
  request.headers.add("Accept", "application/json");
  request.headers.add("Content-Type", kForm);
  codec::Form form({{"token", token}, {"token_type_hint", "access_token"}});
  MITRAL_CO_CHECK(authenticate(request, form));
  request.body = form.serialize();
  MITRAL_CO_TRY(const auto response, co_await sender_.send(std::move(url), std::move(request), config_.issuer_options));
  MITRAL_CO_TRY(auto json, issuer_answer(response, config_.issuer_options.max_body));
  if (!json["active"].is_bool()) co_return useless("introspection answer without a boolean active");
  co_return json;
}

Task<Result<Json>> ForeignIssuer::smart_configuration() {
  MITRAL_CO_TRY(const auto document, co_await metadata());
  Json out = Json::object({{"issuer", config_.issuer}});
  for (const char* const name :
       {"jwks_uri", "authorization_endpoint", "token_endpoint", "registration_endpoint", "introspection_endpoint",
        "revocation_endpoint", "token_endpoint_auth_methods_supported",
        "token_endpoint_auth_signing_alg_values_supported", "grant_types_supported", "scopes_supported",
        "response_types_supported", "code_challenge_methods_supported"}) {
    if (const auto* const value = document->find(name); value != nullptr) out.set(name, *value);
  }
  out.set("capabilities", Json::array_of(config_.foreign.capabilities));
  co_return out;
}

}  // namespace mitral::gateway
