#include "gateway/phantom.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/base64url.h"
#include "codec/fields.h"
#include "codec/json.h"
#include "crypto/random.h"
#include "jose/jwk.h"

namespace mitral::gateway {
namespace {

using codec::Json;

constexpr std::size_t kIdBytes = 16;

/// Visible ASCII and inner spaces stay, a percent sign included by its escape; the rest becomes escapes.
std::string header_value(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool edge = i == 0 || i + 1 == text.size();
    if (c > ' ' && c < 0x7f && c != '%') {
      out += c;
    } else if (c == ' ' && !edge) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    }
  }
  return out;
}

}  // namespace

Result<Identity> Identity::create(const Config& config, Metrics& metrics, Random& random) {
  Identity out(config.identity, metrics, random);
  auto& rules = out.rules_;
  if (!codec::is_token(rules.prefix)) {
    return fail(ErrorCode::config_invalid, {}, "the prefix of identity headers is not the beginning of a header name");
  }
  if (rules.phantom_header.empty()) rules.phantom_header = rules.prefix + "Token";
  out.issuer_ = config.public_base;
  out.audience_ = config.upstream;
  for (const auto& header : config.upstream_headers) {
    if (rules.headers && header.name.size() > rules.prefix.size() &&
        codec::iequals(std::string_view(header.name).substr(0, rules.prefix.size()), rules.prefix)) {
      return fail(ErrorCode::config_invalid, {}, "a fixed header looks like one that tells who asks");
    }
  }
  if (!rules.phantom) return out;
  if (!rules.key) {
    MITRAL_TRY(rules.key, crypto::PrivateKey::generate(crypto::KeyKind::p256));
  }
  if (rules.key->kind() != crypto::KeyKind::p256) {
    return fail(ErrorCode::config_invalid, {}, "the key of phantom tokens must be of P-256");
  }
  for (const auto& header : config.upstream_headers) {
    if (codec::iequals(header.name, rules.phantom_header)) {
      return fail(ErrorCode::config_invalid, {},
                  "the phantom token and another credential for the FHIR server want the same header");
    }
  }
  const auto kid = jose::thumbprint(rules.key->public_key());
  jose::JwkSet set;
  MITRAL_CHECK(set.add(jose::Jwk::from_key(rules.key->public_key(), kid, "ES256", jose::KeyUse::sig)));
  out.jwks_ = set.to_json().dump();
  MITRAL_TRY(out.signer_, jose::JwsSigner::create({kid, jose::SignAlg::es256, *rules.key}, "phantom+jwt"));
  return out;
}

Result<std::vector<codec::Header>> Identity::headers_for(const VerifiedToken& token, Instant now) const {
  std::vector<codec::Header> out;
  if (rules_.headers) {
    const auto add = [&](std::string_view name, std::string_view value) {
      auto text = header_value(value);
      if (!text.empty() && text.size() <= limits::kIdentityValueMax)
        out.push_back({rules_.prefix + std::string(name), std::move(text)});
    };
    add("Client", token.client);
    add("Subject", token.subject);
    add("Patient", token.patient);
    add("Scope", token.scope);
    add("Purpose", token.purpose);
    add("Fhir-User", token.fhir_user);
  }
  if (signer_) {
    MITRAL_TRY(auto text, phantom(token, now));
    const bool bearer = codec::iequals(rules_.phantom_header, "Authorization");
    out.push_back({rules_.phantom_header, bearer ? "Bearer " + text : std::move(text)});
  }
  return out;
}

Result<std::string> Identity::phantom(const VerifiedToken& token, Instant now) const {
  const auto until = std::min(now + limits::kPhantomLifetime, token.expires);
  {
    const std::lock_guard lock(token.notes->mutex);
    if (now < token.notes->phantom_until) return token.notes->phantom;
  }
  Json claims =
      Json::object({{"iss", issuer_}, {"aud", audience_}, {"sub", token.subject}, {"client_id", token.client}});
  claims.set("scope", token.scope);
  if (!token.patient.empty()) claims.set("patient", token.patient);
  if (!token.fhir_user.empty()) claims.set("fhirUser", token.fhir_user);
  if (!token.purpose.empty()) claims.set("purpose", token.purpose);
  claims.set("jti", codec::base64url_encode(crypto::random_bytes(*random_, kIdBytes)));
  claims.set("iat", to_seconds(now));
  claims.set("exp", to_seconds(until));
  MITRAL_TRY(auto text, signer_->sign(claims.dump()));
  metrics_->phantoms.add();
  const std::lock_guard lock(token.notes->mutex);
  token.notes->phantom = text;
  token.notes->phantom_until = now + (until - now) / 2;
  return text;
}

}  // namespace mitral::gateway
