// RFC 9068: access tokens as JWTs (typ at+jwt), and the same facts as an introspection answer (RFC 7662 §2.2).
//
// HEART's `azp` (= client_id) and `grant_id`, by which a revocation feed names what died, are added. SMART launch
// context and fhirUser stand in the JWT only when the resource server wants them there; in introspection always.
//
// wrapped+jwt is Mitral's own: only iss, aud, exp, iat, jti, cnf and "opaque", so that a resource server can check a
// token locally while the token tells nobody who it is about. It has a typ of its own: never an at+jwt (threat J-5).
//
// Errors: invalid_token from the readers. Thread rules: pure; "now" is handed in.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "codec/json.h"
#include "jose/jwt.h"

namespace mitral::spec::oauth {

inline constexpr std::string_view kAccessTokenTyp = "at+jwt";
inline constexpr std::string_view kWrappedTokenTyp = "wrapped+jwt";

/// Facts of one access token; views into what the caller holds.
struct AccessTokenFacts {
  std::string_view issuer{};
  std::string_view subject{};
  std::string_view audience{};
  std::string_view client_id{};
  std::string_view jti{};
  std::int64_t issued = 0;
  std::int64_t expires = 0;
  std::span<const std::string> scopes{};
  std::string_view jkt{};       ///< base64url thumbprint of the key that it is bound to, or empty
  std::string_view grant_id{};  ///< or empty
  std::optional<std::int64_t> auth_time{};
  std::string_view acr{};
  std::span<const std::string> amr{};
  std::string_view fhir_user{};          ///< or empty
  const codec::Json* context = nullptr;  ///< SMART launch context
  std::string_view purpose_of_use{};     ///< HL7 PurposeOfUse, told by introspection only; or empty
};

/// Payload of an at+jwt. `with_context`: fhirUser and launch context too.
[[nodiscard]] std::string access_token_payload(const AccessTokenFacts& facts, bool with_context);
/// Payload of a wrapped+jwt around the opaque handle.
[[nodiscard]] std::string wrapped_token_payload(const AccessTokenFacts& facts, std::string_view opaque);
/// {"active":true,...} with everything.
[[nodiscard]] std::string introspection_json(const AccessTokenFacts& facts);
/// Exactly what RFC 7662 §2.2 allows to say about a token that the caller has no business with.
inline constexpr std::string_view kInactive = R"({"active":false})";

/// Verified claims of an at+jwt of this issuer; `audience` empty: not compared here.
[[nodiscard]] Result<jose::Jwt> read_access_token(std::string_view compact, const jose::JwkSet& keys,
                                                  std::string_view issuer, std::string_view audience, Instant now);
/// The same for wrapped+jwt; the handle is claims.json["opaque"].
[[nodiscard]] Result<jose::Jwt> read_wrapped_token(std::string_view compact, const jose::JwkSet& keys,
                                                   std::string_view issuer, std::string_view audience, Instant now);

}  // namespace mitral::spec::oauth
