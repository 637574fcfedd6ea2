// JWK: keys and key sets as JSON (RFC 7517, RFC 7518 §6, RFC 8037 §2), and their thumbprints (RFC 7638).
//
// Parsing is strict. A public key that carries any private or symmetric member is refused, not trimmed: whoever sent it
// has lost it. "use", "key_ops" and "alg" must be consistent with the key; "kid" is 1 to kKidMax printable ASCII
// characters and is only ever compared whole (threat J-4). A set may hold keys of types we don't know (RFC 7517 §5):
// those are passed over; a key of a known type that is weak or malformed, an "oct" key, or a kid that occurs twice
// refuses the whole set.
//
// Limits: kJwksMax bytes, kJwksKeysMax keys, kKidMax, kRsaBitsMin to kRsaBitsMax (threat J-9).
// Errors: malformed, too_large; not_found when a set has no key or more than one key that fits.
// Thread rules: values, immutable after parsing; cheap to copy.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/json.h"
#include "crypto/key.h"
#include "jose/alg.h"

namespace mitral::jose {

enum class KeyUse : std::uint8_t { any, sig, enc };

/// True for a kid we accept: 1 to kKidMax bytes of printable ASCII without quote and backslash.
[[nodiscard]] bool valid_kid(std::string_view kid) noexcept;

class Jwk {
 public:
  /// Public keys only.
  [[nodiscard]] static Result<Jwk> parse(const codec::Json& json);
  /// A key of ours, for publishing.
  [[nodiscard]] static Jwk from_key(crypto::PublicKey key, std::string kid = {}, std::string alg = {},
                                    KeyUse use = KeyUse::any);

  [[nodiscard]] const crypto::PublicKey& key() const noexcept { return key_; }
  [[nodiscard]] KeyKind kind() const noexcept { return key_.kind(); }
  [[nodiscard]] const std::string& kid() const noexcept { return kid_; }  ///< empty when the key has none
  [[nodiscard]] const std::string& alg() const noexcept { return alg_; }  ///< empty when any that fits
  [[nodiscard]] KeyUse use() const noexcept { return use_; }
  /// May this key verify signatures of `alg`? Kind, use, key_ops and the key's own "alg" must all agree.
  [[nodiscard]] bool can_verify(SignAlg alg) const noexcept;
  [[nodiscard]] bool can_encrypt(JweAlg alg) const noexcept;

  [[nodiscard]] codec::Json to_json() const;
  /// base64url of the SHA-256 thumbprint (RFC 7638 §3): the "jkt" of DPoP.
  [[nodiscard]] std::string thumbprint() const;

 private:
  explicit Jwk(crypto::PublicKey key) noexcept : key_(std::move(key)) {}
  friend class JwkSet;
  /// Nothing for a key that is well-formed as far as we can tell, but of a type, use or algorithm we don't know.
  [[nodiscard]] static Result<std::optional<Jwk>> parse_if_known(const codec::Json& json);

  crypto::PublicKey key_;
  std::string kid_;
  std::string alg_;
  KeyUse use_ = KeyUse::any;
  std::optional<std::vector<std::string>> key_ops_;
};

/// Thumbprint of any public key (RFC 7638), base64url.
[[nodiscard]] std::string thumbprint(const crypto::PublicKey& key);

/// A private key as JWK: import and export by the operator's commands, and the keys of our own tests.
class PrivateJwk {
 public:
  [[nodiscard]] static Result<PrivateJwk> parse(const codec::Json& json);
  [[nodiscard]] static PrivateJwk from_key(crypto::PrivateKey key, std::string kid = {}, std::string alg = {},
                                           KeyUse use = KeyUse::any);
  [[nodiscard]] const crypto::PrivateKey& key() const noexcept { return key_; }
  [[nodiscard]] const Jwk& public_view() const noexcept { return public_; }
  /// Holds the private members: never log, never send.
  [[nodiscard]] Result<codec::Json> to_json() const;

 private:
  PrivateJwk(crypto::PrivateKey key, Jwk pub) noexcept : key_(std::move(key)), public_(std::move(pub)) {}
  crypto::PrivateKey key_;
  Jwk public_;
};

class JwkSet {
 public:
  JwkSet() = default;
  [[nodiscard]] static Result<JwkSet> parse(std::string_view text);
  /// The same of a value that is parsed already: client metadata's "jwks". A template, because a text turns into a
  /// Json.
  template <std::same_as<codec::Json> J>
  [[nodiscard]] static Result<JwkSet> parse(const J& json) {
    return from_json(json);
  }

  /// Refuses a kid that is there already, and more than kJwksKeysMax keys.
  [[nodiscard]] Result<> add(Jwk key);
  [[nodiscard]] const std::vector<Jwk>& keys() const noexcept { return keys_; }
  [[nodiscard]] bool empty() const noexcept { return keys_.empty(); }
  /// The one key for a signature: with a kid the key of that name, if it fits the algorithm; without a kid the only key
  /// that fits. None or more than one is not_found. The pointer lives as long as the set.
  [[nodiscard]] Result<const Jwk*> find_verification_key(const std::optional<std::string>& kid, SignAlg alg) const;
  [[nodiscard]] Result<const Jwk*> find_encryption_key(const std::optional<std::string>& kid, JweAlg alg) const;
  [[nodiscard]] codec::Json to_json() const;

 private:
  [[nodiscard]] static Result<JwkSet> from_json(const codec::Json& json);
  std::vector<Jwk> keys_;
};

}  // namespace mitral::jose
