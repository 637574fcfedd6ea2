// AEAD: AES-GCM (NIST SP 800-38D) with a nonce the caller gives.
//
// A nonce must never repeat under one key: take 12 random bytes for at most 2^32 messages per key, or a counter.
// Limits: nonce 12 bytes, tag 16 bytes, never shorter (threat J-18).
// Errors: crypto_failed for a wrong tag, key or nonce size alike; nothing of the plaintext is given out then.
// Thread rules: any thread; contexts are reused per thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace mitral::crypto {

enum class Aead : std::uint8_t { aes128_gcm, aes256_gcm };

inline constexpr std::size_t kGcmNonceSize = 12;
inline constexpr std::size_t kGcmTagSize = 16;

[[nodiscard]] constexpr std::size_t key_size(Aead aead) noexcept { return aead == Aead::aes128_gcm ? 16 : 32; }

/// ciphertext || tag.
[[nodiscard]] Result<std::string> seal(Aead aead, std::string_view key, std::string_view nonce, std::string_view aad,
                                       std::string_view plaintext);
/// The plaintext of ciphertext || tag. When it is a secret, put it into a Secret at once.
[[nodiscard]] Result<std::string> open(Aead aead, std::string_view key, std::string_view nonce, std::string_view aad,
                                       std::string_view ciphertext_and_tag);

}  // namespace mitral::crypto
