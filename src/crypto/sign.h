// Signatures as JOSE spells them (RFC 7518 §3, RFC 8037 §3.1, RFC 9864).
//
// ECDSA signatures are r || s of fixed size (P1363); DER is refused, and so are r or s outside 1..n-1 (threat J-7).
// RSASSA-PSS has a salt as long as the hash. ECDSA nonces come from OpenSSL's DRBG mixed with key and message (J-25).
//
// Errors: crypto_failed, whatever does not fit: key kind, size, number or signature.
// Cost (about): ES256 sign 20 us, verify 70 us; EdDSA 40/100 us; RSA-2048 verify 25 us, sign 700 us (use a pool).
// Thread rules: any thread; contexts of keys used more than once are cached per thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "crypto/key.h"

namespace mitral::crypto {

/// `eddsa` and `ed25519` are one algorithm under two names (RFC 8037 "EdDSA", RFC 9864 "Ed25519"); as names on an
/// allow-list they stay apart.
enum class SignAlg : std::uint8_t { rs256, rs384, rs512, ps256, ps384, ps512, es256, es384, es512, eddsa, ed25519 };

/// Does the algorithm take keys of this kind? The kind of key fixes the algorithm's family (threat J-2).
[[nodiscard]] bool fits(SignAlg alg, KeyKind kind) noexcept;

[[nodiscard]] Result<std::string> sign(const PrivateKey& key, SignAlg alg, std::string_view data);
[[nodiscard]] Result<> verify(const PublicKey& key, SignAlg alg, std::string_view data, std::string_view signature);

}  // namespace mitral::crypto
