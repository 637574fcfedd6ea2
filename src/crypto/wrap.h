// The parts of JWE (RFC 7518 §4 and §5): key transport, key agreement, key wrap and AES-CBC with HMAC.
//
// Errors: crypto_failed for everything that an attacker's input can cause, without telling what it was (threat J-19).
// Thread rules: any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "crypto/key.h"

namespace mitral::crypto {

/// AES Key Wrap (RFC 3394). The key encryption key has 16 or 32 bytes; the wrapped key a multiple of 8, 16 to 64 bytes.
[[nodiscard]] Result<std::string> aes_wrap(const Secret& kek, const Secret& key);
[[nodiscard]] Result<Secret> aes_unwrap(const Secret& kek, std::string_view wrapped);

/// RSA-OAEP with SHA-256 and MGF1 with SHA-256 (RFC 7518 §4.3).
[[nodiscard]] Result<std::string> rsa_oaep256_encrypt(const PublicKey& key, const Secret& plaintext);
[[nodiscard]] Result<Secret> rsa_oaep256_decrypt(const PrivateKey& key, std::string_view ciphertext);

/// ECDH on one NIST curve: the x coordinate of the shared point (RFC 7518 §4.6, NIST SP 800-56A §5.7.1.2).
[[nodiscard]] Result<Secret> ecdh(const PrivateKey& own, const PublicKey& peer);

/// Concat KDF with SHA-256 (RFC 7518 §4.6.2): `size` bytes, at most 64. SuppPrivInfo is empty.
[[nodiscard]] Result<Secret> concat_kdf(const Secret& shared, std::string_view algorithm_id, std::string_view apu,
                                        std::string_view apv, std::size_t size);

/// A128CBC-HS256 (RFC 7518 §5.2.3): key 32 bytes (MAC key, then cipher key), iv 16 bytes.
struct CbcHmac {
  std::string ciphertext;
  std::string tag;  ///< 16 bytes
};
[[nodiscard]] Result<CbcHmac> cbc_hmac_seal(const Secret& key, std::string_view iv, std::string_view aad,
                                            std::string_view plaintext);
/// The MAC is checked before anything is decrypted, so that padding tells nothing (threat J-19).
[[nodiscard]] Result<std::string> cbc_hmac_open(const Secret& key, std::string_view iv, std::string_view aad,
                                                std::string_view ciphertext, std::string_view tag);

}  // namespace mitral::crypto
