// TokenSealer: opaque access tokens ("mat_..."): all facts inside, readable by this deployment only.
//
//   "mat_" base64url( version 1 | root key id 1 | jti 16 | ciphertext | tag 16 )
//
// Encrypted with AES-256-GCM under a key of its own per token, SHA-256(issuer key, jti): no nonce can repeat under
// a key, however many tokens are issued. Additional data is the issuer and the clear bytes, so a token of one issuer
// never opens at another. To everyone else it is random text; a forged one dies on the tag before anything is looked
// up.
//
// A token under a grant names the grant and its scopes by number; without a grant (client_credentials) it carries
// client, audience and scope as text. Formats: docs/adr/0008-token-formats.md.
//
// Errors: open() gives nullopt for everything that is not a token of ours, without a reason.
// Thread rules: immutable; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "flow/issuer_config.h"

namespace mitral::flow {

inline constexpr std::string_view kAccessTokenPrefix = "mat_";

/// What an opaque token holds.
struct SealedToken {
  Id128 jti;
  Id128 grant;              ///< zero: client_credentials
  std::int64_t issued = 0;  ///< seconds
  std::int64_t expires = 0;
  std::uint8_t audience_index = 0;        ///< into grant.audiences; kIssuerAudience: the issuer itself (userinfo)
  bool all_scopes = false;                ///< of the grant
  std::vector<std::uint8_t> scope_bits;   ///< bit i: grant.scopes[i]; only when neither all_scopes nor scope_text
  std::optional<std::string> scope_text;  ///< scopes that are not literally the grant's
  std::string client;                     ///< only without a grant
  std::string audience;                   ///< only without a grant
  std::optional<Hash256> jkt;             ///< key that the token is bound to (RFC 9449)
};
inline constexpr std::uint8_t kIssuerAudience = 0xff;

class TokenSealer {
 public:
  /// Keys of 32 bytes each; the last one seals.
  TokenSealer(std::string issuer, std::vector<DerivedKey> keys) : issuer_(std::move(issuer)), keys_(std::move(keys)) {}

  [[nodiscard]] Result<std::string> seal(const SealedToken& token) const;
  /// Does not look at the clock: the caller compares `expires`.
  [[nodiscard]] std::optional<SealedToken> open(std::string_view text) const;

 private:
  std::string issuer_;
  std::vector<DerivedKey> keys_;
};

}  // namespace mitral::flow
