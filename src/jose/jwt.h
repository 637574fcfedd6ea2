// JWT: claims with strict types, validated against what the caller expects (RFC 7519 §4.1, RFC 8725).
//
// "iss", "sub" and "jti" are non-empty strings, "aud" a string or an array of distinct strings, and "exp", "nbf" and
// "iat" whole seconds in 1970 to 9999 as JSON integers: a number in a string, a fraction, an exponent, a negative
// number or milliseconds are refused (J-20). Issuer and audience are compared whole, byte by byte (J-6). The payload is
// a strict JSON object: no duplicate members, UTF-8 only, no NUL in these claims (J-13, J-24).
//
// Errors: malformed for claims of the wrong type; invalid_token for claims that do not fit the expectations.
// Thread rules: values; pure functions. "Now" is handed in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "base/time.h"
#include "codec/json.h"
#include "jose/jws.h"

namespace mitral::jose {

struct Claims {
  std::optional<std::string> iss, sub, jti;
  std::vector<std::string> aud;  ///< empty when absent
  bool aud_is_array = false;     ///< RFC 7523bis and FAPI 2.0 want a single string in client assertions
  std::optional<std::int64_t> exp, nbf, iat;
  codec::Json json;  ///< the whole object

  [[nodiscard]] bool has_audience(std::string_view value) const noexcept;
};

/// Types only; nothing is compared yet.
[[nodiscard]] Result<Claims> parse_claims(std::string_view payload);

struct Validation {
  /// Exact issuer; unset means the caller compares it (it has chosen the key by it).
  std::optional<std::string> issuer;
  /// One of these must be in "aud"; empty means the caller compares it.
  std::vector<std::string> audiences;
  /// Refuse an "aud" with any other member than one of `audiences`.
  bool sole_audience = false;
  Instant now;
  Duration skew = limits::kClockSkew;               ///< how long after "exp" it still counts
  Duration skew_future = limits::kClockSkewFuture;  ///< how far "nbf" and "iat" may lie ahead
  /// Longest accepted "exp" minus now (and "exp" minus "iat" when there is one).
  std::optional<Duration> lifetime_max;
  /// Oldest accepted "iat".
  std::optional<Duration> age_max;
  /// Accepted "typ" values (typ_is); "" stands for an absent one. Never empty: a kind of JWT has a kind of typ (J-5).
  std::vector<std::string_view> typs;
  /// Claims that must be there, by name; "exp" belongs here unless the standard says otherwise.
  std::vector<std::string_view> required{"exp"};
};

[[nodiscard]] Result<> validate(const JwsHeader& header, const Claims& claims, const Validation& expected);

struct Jwt {
  JwsHeader header;
  Claims claims;
};

/// Claims of a verified JWS, validated.
[[nodiscard]] Result<Jwt> validated_jwt(VerifiedJws jws, const Validation& expected);

/// Everything in one: parse, verify, validate.
[[nodiscard]] Result<Jwt> verify_jwt(std::string_view compact, SignAlgs allowed, const KeyLookup& lookup,
                                     const Validation& expected, std::size_t size_max = limits::kJoseCompactMax);

/// Signs claims with the signer's prepared header.
[[nodiscard]] Result<std::string> sign_jwt(const JwsSigner& signer, const codec::Json& claims);

}  // namespace mitral::jose
