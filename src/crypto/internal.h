// Internals of crypto/: owners for OpenSSL's objects, algorithms fetched once, and the bodies of the keys.
// Included by crypto/*.cc only.
//
// Thread rules: algorithms() is immutable after its first call; the rest as key.h says.
#pragma once

#include <openssl/err.h>
#include <openssl/evp.h>

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/result.h"
#include "crypto/key.h"
#include "crypto/sign.h"

namespace mitral::crypto {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
using PkeyPtr = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using PkeyCtxPtr = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX_free>>;
using MdCtxPtr = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;
using CipherCtxPtr = std::unique_ptr<EVP_CIPHER_CTX, Freer<EVP_CIPHER_CTX_free>>;

/// Fetching an algorithm walks the providers under a lock; so it happens once.
struct Algorithms {
  const EVP_MD* sha256;
  const EVP_MD* sha384;
  const EVP_MD* sha512;
  EVP_MAC* hmac;
  const EVP_CIPHER* aes128_gcm;
  const EVP_CIPHER* aes256_gcm;
  const EVP_CIPHER* aes128_cbc;
  const EVP_CIPHER* aes128_wrap;
  const EVP_CIPHER* aes256_wrap;
};
/// Ends the program when the library lacks one of them: nothing could be done safely then.
[[nodiscard]] const Algorithms& algorithms() noexcept;

/// Says why and ends the program. For states in which going on would be unsafe.
[[noreturn]] void die(const char* what) noexcept;

/// The one answer to everything a key, tag or signature can be wrong in; empties OpenSSL's error queue.
[[nodiscard]] std::unexpected<Error> crypto_failure(const char* what);

inline const unsigned char* bytes(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());  // NOLINT
}
inline unsigned char* bytes(std::string& text) noexcept {
  return reinterpret_cast<unsigned char*>(text.data());  // NOLINT
}

/// Order of the curve's group, big-endian, coordinate_size() bytes.
[[nodiscard]] std::string_view curve_order(KeyKind kind) noexcept;

struct PublicKey::Impl {
  PkeyPtr pkey;
  PublicComponents parts;
  std::size_t bits = 0;
  std::uint64_t id = 0;                        ///< names this object in per-thread caches; never reused
  mutable std::atomic<std::uint32_t> uses{0};  ///< a key used once (a DPoP proof's) is not worth a cache slot
};

struct PrivateKey::Impl {
  PkeyPtr pkey;
  PublicKey pub;
  std::uint64_t id = 0;
  Impl(PkeyPtr key, PublicKey public_part, std::uint64_t key_id) noexcept
      : pkey(std::move(key)), pub(std::move(public_part)), id(key_id) {}
};

/// Next value for Impl::id.
[[nodiscard]] std::uint64_t next_key_id() noexcept;

}  // namespace mitral::crypto
