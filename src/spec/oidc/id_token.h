// OpenID Connect Core 1.0 §2 and §3.1.3.6 with SMART's fhirUser: the payload of an ID token.
//
// nonce is echoed exactly when the authorization request had one and never at refresh (§12.2). at_hash is the left half
// of the hash that belongs to the signing algorithm.
//
// Thread rules: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "jose/alg.h"

namespace mitral::spec::oidc {

struct IdTokenFacts {
  std::string_view issuer{};
  std::string_view subject{};
  std::string_view client_id{};  ///< aud
  std::int64_t issued = 0;
  std::int64_t expires = 0;
  std::int64_t auth_time = 0;
  std::string_view nonce{};  ///< empty: none
  std::string_view acr{};
  std::span<const std::string> amr{};
  std::string_view sid{};           ///< empty: none
  std::string_view access_token{};  ///< for at_hash
  std::string_view fhir_user{};     ///< absolute URL, or empty
  bool profile_claim = false;       ///< SMART version 1 apps read the same URL from "profile"
};

[[nodiscard]] std::string id_token_payload(const IdTokenFacts& facts, jose::SignAlg alg);
/// at_hash, c_hash, s_hash: base64url of the left half of the hash of the ASCII text.
[[nodiscard]] std::string half_hash(jose::SignAlg alg, std::string_view text);

}  // namespace mitral::spec::oidc
