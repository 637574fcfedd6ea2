// Keys: immutable public and private keys, cheap to copy (one shared object inside).
//
// Kinds: RSA (2048 to 8192 bits), EC P-256, P-384 and P-521 (FIPS 186-5), Ed25519 (RFC 8032).
// A key that exists has been checked: an EC point lies on its curve and is not the point at infinity (threat J-8); an
// RSA modulus is odd and of allowed size, its exponent is odd, at least 65537 and at most 64 bits (threat J-9).
//
// Errors: malformed for bytes that are no key; crypto_failed for a key that breaks a rule above; both say nothing of
// the key's contents. Private parts are held in Secret. Thread rules: values; sharing one key between threads is fine.
// A thread that used a key keeps a prepared context of it in a small per-thread cache for a while after the last copy
// is gone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace mitral::crypto {

enum class KeyKind : std::uint8_t { rsa, p256, p384, p521, ed25519 };

/// Bytes of one coordinate: 32, 48, 66; for Ed25519 the 32 bytes of the key; 0 for RSA.
[[nodiscard]] constexpr std::size_t coordinate_size(KeyKind kind) noexcept {
  switch (kind) {
    case KeyKind::p256:
    case KeyKind::ed25519: return 32;
    case KeyKind::p384: return 48;
    case KeyKind::p521: return 66;
    case KeyKind::rsa: return 0;
  }
  return 0;
}

/// Raw big-endian numbers, as the members of a JWK hold them (RFC 7518 §6, RFC 8037 §2). RSA numbers have no leading
/// zero bytes; EC coordinates have exactly coordinate_size() bytes.
struct PublicComponents {
  KeyKind kind = KeyKind::p256;
  std::string n, e;  ///< RSA
  std::string x, y;  ///< EC; Ed25519 has x only
};
struct PrivateComponents {
  PublicComponents pub;
  Secret d;                 ///< all kinds
  Secret p, q, dp, dq, qi;  ///< RSA: all five
};

class PublicKey {
 public:
  [[nodiscard]] static Result<PublicKey> from_components(const PublicComponents& parts);
  /// SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), binary or as "-----BEGIN PUBLIC KEY-----".
  [[nodiscard]] static Result<PublicKey> from_spki_der(std::string_view der);
  [[nodiscard]] static Result<PublicKey> from_pem(std::string_view pem);

  [[nodiscard]] KeyKind kind() const noexcept;
  /// Size of the modulus or the field: 2048, 256, …
  [[nodiscard]] std::size_t bits() const noexcept;
  [[nodiscard]] const PublicComponents& components() const noexcept;
  [[nodiscard]] std::string spki_der() const;
  [[nodiscard]] std::string pem() const;
  [[nodiscard]] friend bool operator==(const PublicKey& a, const PublicKey& b) noexcept { return a.same_as(b); }

  struct Impl;
  explicit PublicKey(std::shared_ptr<const Impl> impl) noexcept : impl_(std::move(impl)) {}
  [[nodiscard]] const Impl& impl() const noexcept { return *impl_; }

 private:
  [[nodiscard]] bool same_as(const PublicKey& other) const noexcept;
  std::shared_ptr<const Impl> impl_;
};

class PrivateKey {
 public:
  /// `rsa_bits` counts for RSA only. RSA takes 50 ms to seconds: not on an event loop.
  [[nodiscard]] static Result<PrivateKey> generate(KeyKind kind, std::size_t rsa_bits = 2048);
  /// Refuses a private part that does not belong to the public one.
  [[nodiscard]] static Result<PrivateKey> from_components(const PrivateComponents& parts);
  /// PKCS #8 (RFC 5958), unencrypted, binary or as "-----BEGIN PRIVATE KEY-----".
  [[nodiscard]] static Result<PrivateKey> from_pkcs8_der(std::string_view der);
  [[nodiscard]] static Result<PrivateKey> from_pem(std::string_view pem);

  [[nodiscard]] KeyKind kind() const noexcept;
  [[nodiscard]] std::size_t bits() const noexcept;
  [[nodiscard]] const PublicKey& public_key() const noexcept;
  [[nodiscard]] Result<PrivateComponents> components() const;
  [[nodiscard]] Secret pkcs8_der() const;
  [[nodiscard]] Secret pem() const;

  struct Impl;
  explicit PrivateKey(std::shared_ptr<const Impl> impl) noexcept : impl_(std::move(impl)) {}
  [[nodiscard]] const Impl& impl() const noexcept { return *impl_; }

 private:
  std::shared_ptr<const Impl> impl_;
};

}  // namespace mitral::crypto
