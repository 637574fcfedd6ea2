#include "jose/jwt.h"

#include <algorithm>

namespace mitral::jose {

using codec::Json;

namespace {

constexpr std::int64_t kYear10000 = 253'402'300'800;  // seconds; milliseconds of our days lie above

std::unexpected<Error> malformed(const char* what) { return fail(ErrorCode::malformed, {}, what); }
std::unexpected<Error> unfit(const char* what) { return fail(ErrorCode::invalid_token, {}, what); }

Result<> read_text(const Json& json, std::string_view name, std::optional<std::string>& out) {
  const Json* value = json.find(name);
  if (value == nullptr) return {};
  const auto text = value->as_string();
  if (!text || text->empty()) return malformed("iss, sub or jti is not a string with content");
  out = std::string(*text);
  return {};
}

Result<> read_date(const Json& json, std::string_view name, std::optional<std::int64_t>& out) {
  const Json* value = json.find(name);
  if (value == nullptr) return {};
  const auto seconds = value->as_int64();
  if (!seconds || *seconds < 0 || *seconds >= kYear10000)
    return malformed("exp, nbf or iat is not a date in whole seconds");
  out = *seconds;
  return {};
}

Result<> read_audience(const Json& json, Claims& out) {
  const Json* value = json.find("aud");
  if (value == nullptr) return {};
  out.aud_is_array = value->is_array();
  const std::span<const Json> items = out.aud_is_array ? value->items() : std::span<const Json>(value, 1);
  if (items.empty() || items.size() > limits::kAudienceItemsMax) return malformed("aud is empty or too long");
  for (const Json& item : items) {
    const auto text = item.as_string();
    if (!text || text->empty() || out.has_audience(*text)) return malformed("aud is not made of distinct strings");
    out.aud.emplace_back(*text);
  }
  return {};
}

Result<> check_times(const Claims& claims, const Validation& expected) {
  const Instant now = expected.now;
  if (claims.exp && now >= from_seconds(*claims.exp) + expected.skew) return unfit("expired");
  const Instant latest = now + expected.skew_future;
  if (claims.nbf && from_seconds(*claims.nbf) > latest) return unfit("nbf lies in the future");
  if (claims.iat && from_seconds(*claims.iat) > latest) return unfit("iat lies in the future");
  if (claims.exp && claims.iat && *claims.exp <= *claims.iat) return unfit("exp is not after iat");
  if (expected.lifetime_max) {
    if (!claims.exp) return unfit("exp missing");
    if (from_seconds(*claims.exp) - now > *expected.lifetime_max + expected.skew_future)
      return unfit("exp too far ahead");
    if (claims.iat && from_seconds(*claims.exp) - from_seconds(*claims.iat) > *expected.lifetime_max) {
      return unfit("lifetime too long");
    }
  }
  if (expected.age_max) {
    if (!claims.iat) return unfit("iat missing");
    if (now - from_seconds(*claims.iat) > *expected.age_max) return unfit("iat too long ago");
  }
  return {};
}

Result<> check_audience(const Claims& claims, const Validation& expected) {
  if (expected.audiences.empty()) return expected.sole_audience ? Result<>(unfit("no audience expected")) : Result<>();
  const auto ours = [&expected](const std::string& value) {
    return std::find(expected.audiences.begin(), expected.audiences.end(), value) != expected.audiences.end();
  };
  if (std::none_of(claims.aud.begin(), claims.aud.end(), ours)) return unfit("aud is for somebody else");
  if (expected.sole_audience && !std::all_of(claims.aud.begin(), claims.aud.end(), ours)) {
    return unfit("aud names somebody else besides us");
  }
  return {};
}

}  // namespace

bool Claims::has_audience(std::string_view value) const noexcept {
  return std::find(aud.begin(), aud.end(), value) != aud.end();
}

Result<Claims> parse_claims(std::string_view payload) {
  Claims claims;
  MITRAL_TRY(claims.json, Json::parse_object(payload, codec::kJoseJson));
  MITRAL_CHECK(read_text(claims.json, "iss", claims.iss));
  MITRAL_CHECK(read_text(claims.json, "sub", claims.sub));
  MITRAL_CHECK(read_text(claims.json, "jti", claims.jti));
  MITRAL_CHECK(read_audience(claims.json, claims));
  MITRAL_CHECK(read_date(claims.json, "exp", claims.exp));
  MITRAL_CHECK(read_date(claims.json, "nbf", claims.nbf));
  MITRAL_CHECK(read_date(claims.json, "iat", claims.iat));
  return claims;
}

Result<> validate(const JwsHeader& header, const Claims& claims, const Validation& expected) {
  const bool typ_fits = std::any_of(expected.typs.begin(), expected.typs.end(), [&header](std::string_view typ) {
    return typ.empty() ? !header.typ.has_value() : typ_is(header.typ, typ);
  });
  if (!typ_fits) return unfit("typ is of another kind of JWT");
  for (std::string_view name : expected.required) {
    const Json* value = claims.json.find(name);
    if (value == nullptr || value->is_null()) return unfit("required claim missing");
  }
  if (expected.issuer && claims.iss != expected.issuer) return unfit("iss is somebody else");
  MITRAL_CHECK(check_audience(claims, expected));
  return check_times(claims, expected);
}

Result<Jwt> validated_jwt(VerifiedJws jws, const Validation& expected) {
  MITRAL_TRY(auto claims, parse_claims(jws.payload()));
  MITRAL_CHECK(validate(jws.header(), claims, expected));
  return Jwt{jws.header(), std::move(claims)};
}

Result<Jwt> verify_jwt(std::string_view compact, SignAlgs allowed, const KeyLookup& lookup, const Validation& expected,
                       std::size_t size_max) {
  MITRAL_TRY(auto jws, verify_jws(compact, allowed, lookup, size_max));
  return validated_jwt(std::move(jws), expected);
}

Result<std::string> sign_jwt(const JwsSigner& signer, const Json& claims) { return signer.sign(claims.dump()); }

}  // namespace mitral::jose
