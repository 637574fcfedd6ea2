#include "spec/oauth/rfc7523_assertion.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/base64url.h"
#include "codec/json.h"

namespace mitral::spec::oauth {
namespace {

constexpr std::string_view kTyps[] = {"", "JWT", "client-authentication+jwt"};

std::unexpected<Error> refuse(std::string detail) {
  return fail(ErrorCode::invalid_client, "Client authentication failed", std::move(detail));
}

bool typ_accepted(const jose::JwsHeader& header) noexcept {
  if (!header.typ) return true;
  return std::ranges::any_of(kTyps,
                             [&](std::string_view typ) { return !typ.empty() && jose::typ_is(header.typ, typ); });
}

// "jku" is never a source of keys; SMART only lets a client name the URL that it registered.
Result<std::optional<std::string>> jku_of(std::string_view compact) {
  const auto header_text = codec::base64url_decode(compact.substr(0, compact.find('.')));
  if (!header_text) return refuse("assertion header is not base64url");
  const auto header = codec::Json::parse_object(*header_text, codec::kJoseJson);
  if (!header) return refuse("assertion header is not JSON");
  const codec::Json* jku = header->find("jku");
  if (jku == nullptr) return std::optional<std::string>();
  const auto text = jku->as_string();
  if (!text) return refuse("jku is not a string");
  return std::optional<std::string>(std::string(*text));
}

}  // namespace

Result<PresentedAssertion> parse_assertion(std::string_view compact, jose::SignAlgs allowed) {
  auto jws = jose::Jws::parse(compact, allowed);
  if (!jws) return refuse("assertion: " + jws.error().detail);
  if (!typ_accepted(jws->header())) return refuse("assertion of another typ");
  const auto claims = jose::parse_claims(jws->unverified_payload());
  if (!claims) return refuse("assertion claims: " + claims.error().detail);
  if (!claims->iss || !claims->sub || *claims->iss != *claims->sub)
    return refuse("assertion iss and sub missing or different");
  if (claims->iss->size() > limits::kClientIdMax) return refuse("assertion iss too long");
  if (!claims->jti || !claims->exp) return refuse("assertion without jti or exp");
  MITRAL_TRY(auto jku, jku_of(compact));
  return PresentedAssertion{std::move(*jws), *claims->iss, *claims->jti, std::move(jku), from_seconds(*claims->exp)};
}

Result<void> verify_assertion(const PresentedAssertion& assertion, const jose::JwkSet& keys,
                              std::string_view registered_jku, const AssertionRules& rules) {
  const jose::JwsHeader& header = assertion.jws.header();
  if (rules.kid_required && !header.kid) return refuse("assertion without kid");
  if (assertion.jku && (registered_jku.empty() || *assertion.jku != registered_jku))
    return refuse("jku is not the registered one");
  auto verified = assertion.jws.verify(keys);
  if (!verified) return refuse("assertion signature or key: " + verified.error().detail);

  jose::Validation expected;
  expected.issuer = assertion.client_id;
  expected.audiences.assign(rules.audiences.begin(), rules.audiences.end());
  expected.sole_audience = true;
  expected.now = rules.now;
  // A client whose clock runs ahead of ours sends exp further ahead than it means to.
  expected.lifetime_max = std::chrono::duration_cast<Duration>(rules.lifetime_max) + Duration(limits::kClockSkew);
  expected.typs.assign(std::begin(kTyps), std::end(kTyps));
  expected.required = {"exp", "jti", "sub", "aud"};
  auto jwt = jose::validated_jwt(std::move(*verified), expected);
  if (!jwt) return refuse("assertion: " + jwt.error().detail);
  if (jwt->claims.aud_is_array || jwt->claims.aud.size() != 1) return refuse("assertion aud is not one string");
  return {};
}

}  // namespace mitral::spec::oauth
