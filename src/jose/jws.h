// JWS: compact serialization only (RFC 7515 §3.1, §7.1), verified against an allow-list and a key that the caller's own
// records name.
//
// Order of verification: size cap, then the dots, then base64url, then the header (strict JSON), then the algorithm
// against the allow-list, then the key, then the signature. Refused: JSON serialization (J-16), "alg" outside the list
// (J-1, J-2), any "crit" and any "b64" (J-12: no extension is understood here), duplicate members at any depth (J-13),
// padding, whitespace or loose trailing bits (J-15), empty signatures. "jwk", "jku", "x5u" and "x5c" in a header are
// never a key source (J-3); a DPoP proof's "jwk" and a software statement's "x5c" are exposed for the two standards
// that define their own trust rule for them.
//
// Limits: kJoseCompactMax unless the caller gives another cap (kRequestObjectMax); header depth kJoseJsonDepthMax.
// Errors: malformed, too_large; crypto_failed for everything from the algorithm on, without telling which.
// Thread rules: values; pure functions.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "codec/json.h"
#include "crypto/key.h"
#include "jose/alg.h"
#include "jose/jwk.h"

namespace mitral::jose {

struct JwsHeader {
  SignAlg alg = SignAlg::es256;
  std::optional<std::string> kid;
  std::optional<std::string> typ;  ///< as sent; compare by typ_is()
  std::optional<std::string> cty;
  std::optional<Jwk> jwk;        ///< parsed as a public key; a header whose jwk does not parse is refused
  std::vector<std::string> x5c;  ///< DER certificates, leaf first; trusted by nobody yet
};

/// Media type comparison of RFC 7515 §4.1.9: case-insensitive, "application/" may be left out.
[[nodiscard]] bool typ_is(const std::optional<std::string>& typ, std::string_view expected) noexcept;

/// What came out of a verified JWS. Only Jws::verify() makes one.
class VerifiedJws {
 public:
  [[nodiscard]] const JwsHeader& header() const noexcept { return header_; }
  [[nodiscard]] const std::string& payload() const noexcept { return payload_; }

 private:
  friend class Jws;
  VerifiedJws(JwsHeader header, std::string payload) : header_(std::move(header)), payload_(std::move(payload)) {}
  JwsHeader header_;
  std::string payload_;
};

/// A parsed JWS whose signature has NOT been checked. For finding the key ("iss", "client_id", kid), nothing else.
class Jws {
 public:
  [[nodiscard]] static Result<Jws> parse(std::string_view compact, SignAlgs allowed,
                                         std::size_t size_max = limits::kJoseCompactMax);
  [[nodiscard]] const JwsHeader& header() const noexcept { return header_; }
  [[nodiscard]] const std::string& unverified_payload() const noexcept { return payload_; }
  /// Checks the signature with this key. The key's kind must fit the algorithm.
  [[nodiscard]] Result<VerifiedJws> verify(const crypto::PublicKey& key) const;
  /// The same with the one key of the set that fits (JwkSet::find_verification_key).
  [[nodiscard]] Result<VerifiedJws> verify(const JwkSet& keys) const;

 private:
  Jws() = default;
  JwsHeader header_;
  std::string signing_input_;
  std::string payload_;
  std::string signature_;
};

using KeyLookup = std::function<Result<crypto::PublicKey>(const JwsHeader&)>;

/// parse() and verify() in one, with the key that the lookup gives for the header.
[[nodiscard]] Result<VerifiedJws> verify_jws(std::string_view compact, SignAlgs allowed, const KeyLookup& lookup,
                                             std::size_t size_max = limits::kJoseCompactMax);

/// A key to sign with: its name, its one algorithm and the key itself.
struct SigningKey {
  std::string kid;
  SignAlg alg = SignAlg::es256;
  crypto::PrivateKey key;
};

/// Extra header members: "jwk" for a DPoP proof, "x5c" for UDAP. typ empty: no typ.
struct SignHeader {
  std::string_view typ;
  std::string_view cty;
  const Jwk* jwk = nullptr;
  std::vector<std::string> x5c{};  ///< DER
};

/// Compact JWS of the payload. kid is written when it is not empty.
[[nodiscard]] Result<std::string> sign_jws(const SigningKey& key, const SignHeader& header, std::string_view payload);

/// One key with one typ, header encoded once: the hot path of issuing. Thread rules: immutable; sign() from any thread.
class JwsSigner {
 public:
  [[nodiscard]] static Result<JwsSigner> create(SigningKey key, std::string_view typ);
  [[nodiscard]] Result<std::string> sign(std::string_view payload) const;
  [[nodiscard]] const SigningKey& key() const noexcept { return key_; }

 private:
  JwsSigner(SigningKey key, std::string prefix) : key_(std::move(key)), prefix_(std::move(prefix)) {}
  SigningKey key_;
  std::string prefix_;  ///< base64url(header) + "."
};

}  // namespace mitral::jose
