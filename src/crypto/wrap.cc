#include "crypto/wrap.h"

#include <openssl/rsa.h>

#include <climits>

#include "crypto/hash.h"
#include "crypto/internal.h"

namespace mitral::crypto {

namespace {

const EVP_CIPHER* wrap_cipher(std::size_t kek_size) noexcept {
  if (kek_size == 16) return algorithms().aes128_wrap;
  if (kek_size == 32) return algorithms().aes256_wrap;
  return nullptr;
}

CipherCtxPtr wrap_context() {
  CipherCtxPtr context(EVP_CIPHER_CTX_new());
  if (!context) die("AES-KW");
  EVP_CIPHER_CTX_set_flags(context.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
  return context;
}

bool wrappable(std::size_t size) noexcept { return size >= 16 && size <= 64 && size % 8 == 0; }

PkeyCtxPtr oaep_context(EVP_PKEY* key, int (*init)(EVP_PKEY_CTX*)) {
  PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  EVP_PKEY_CTX* ctx = context.get();
  if (ctx == nullptr || init(ctx) != 1 || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) != 1 ||
      EVP_PKEY_CTX_set_rsa_oaep_md(ctx, algorithms().sha256) != 1 ||
      EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, algorithms().sha256) != 1) {
    return nullptr;
  }
  return context;
}

void append_u32(std::string& out, std::size_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xff);
}

void append_sized(std::string& out, std::string_view value) {
  append_u32(out, value.size());
  out += value;
}

constexpr std::size_t kCbcKeySize = 32;  // MAC key and cipher key, 16 bytes each
constexpr std::size_t kBlock = 16;
constexpr std::size_t kCbcTagSize = 16;

/// RFC 7518 §5.2.2.1: the MAC covers AAD, IV, ciphertext and the length of AAD in bits.
std::string cbc_tag(std::string_view key, std::string_view iv, std::string_view aad, std::string_view ciphertext) {
  std::string covered;
  covered.reserve(aad.size() + iv.size() + ciphertext.size() + 8);
  covered.append(aad).append(iv).append(ciphertext);
  append_u32(covered, aad.size() >> 29);
  append_u32(covered, (aad.size() << 3) & 0xffffffff);
  const Hash256 mac = hmac_sha256(key.substr(0, kCbcKeySize / 2), covered);
  return std::string(mac.begin(), mac.begin() + kCbcTagSize);
}

}  // namespace

Result<std::string> aes_wrap(const Secret& kek, const Secret& key) {
  const EVP_CIPHER* cipher = wrap_cipher(kek.reveal().size());
  const std::string_view plain = key.reveal();
  if (cipher == nullptr || !wrappable(plain.size())) return crypto_failure("AES-KW: size");
  const CipherCtxPtr context = wrap_context();
  std::string out(plain.size() + 16, '\0');
  int size = 0;
  int rest = 0;
  if (EVP_EncryptInit_ex2(context.get(), cipher, bytes(kek.reveal()), nullptr, nullptr) != 1 ||
      EVP_EncryptUpdate(context.get(), bytes(out), &size, bytes(plain), static_cast<int>(plain.size())) != 1 ||
      EVP_EncryptFinal_ex(context.get(), bytes(out) + size, &rest) != 1) {
    return crypto_failure("AES-KW");
  }
  out.resize(static_cast<std::size_t>(size) + static_cast<std::size_t>(rest));
  return out;
}

Result<Secret> aes_unwrap(const Secret& kek, std::string_view wrapped) {
  const EVP_CIPHER* cipher = wrap_cipher(kek.reveal().size());
  if (cipher == nullptr || wrapped.size() < 24 || !wrappable(wrapped.size() - 8)) return crypto_failure("AES-KW");
  const CipherCtxPtr context = wrap_context();
  std::string out(wrapped.size() + 8, '\0');
  int size = 0;
  int rest = 0;
  if (EVP_DecryptInit_ex2(context.get(), cipher, bytes(kek.reveal()), nullptr, nullptr) != 1 ||
      EVP_DecryptUpdate(context.get(), bytes(out), &size, bytes(wrapped), static_cast<int>(wrapped.size())) != 1 ||
      EVP_DecryptFinal_ex(context.get(), bytes(out) + size, &rest) != 1) {
    wipe(out);
    return crypto_failure("AES-KW");
  }
  out.resize(static_cast<std::size_t>(size) + static_cast<std::size_t>(rest));
  return Secret(std::move(out));
}

Result<std::string> rsa_oaep256_encrypt(const PublicKey& key, const Secret& plaintext) {
  if (key.kind() != KeyKind::rsa) return crypto_failure("RSA-OAEP: not an RSA key");
  const PkeyCtxPtr context = oaep_context(key.impl().pkey.get(), EVP_PKEY_encrypt_init);
  std::string out((key.bits() + 7) / 8, '\0');
  std::size_t size = out.size();
  const std::string_view plain = plaintext.reveal();
  if (!context || EVP_PKEY_encrypt(context.get(), bytes(out), &size, bytes(plain), plain.size()) != 1) {
    return crypto_failure("RSA-OAEP");
  }
  out.resize(size);
  return out;
}

Result<Secret> rsa_oaep256_decrypt(const PrivateKey& key, std::string_view ciphertext) {
  if (key.kind() != KeyKind::rsa || ciphertext.size() != (key.bits() + 7) / 8) return crypto_failure("RSA-OAEP");
  const PkeyCtxPtr context = oaep_context(key.impl().pkey.get(), EVP_PKEY_decrypt_init);
  std::string out(ciphertext.size(), '\0');
  std::size_t size = out.size();
  if (!context || EVP_PKEY_decrypt(context.get(), bytes(out), &size, bytes(ciphertext), ciphertext.size()) != 1) {
    wipe(out);
    return crypto_failure("RSA-OAEP");
  }
  Secret plain(out.substr(0, size));
  wipe(out);
  return plain;
}

Result<Secret> ecdh(const PrivateKey& own, const PublicKey& peer) {
  if (own.kind() != peer.kind() || curve_order(own.kind()).empty()) return crypto_failure("ECDH: curves differ");
  const PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, own.impl().pkey.get(), nullptr));
  std::string out(coordinate_size(own.kind()), '\0');
  std::size_t size = out.size();
  // A PublicKey was checked when it was made, so the peer is not validated a second time.
  if (!context || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer_ex(context.get(), peer.impl().pkey.get(), 0) != 1 ||
      EVP_PKEY_derive(context.get(), bytes(out), &size) != 1 || size != out.size()) {
    wipe(out);
    return crypto_failure("ECDH");
  }
  return Secret(std::move(out));
}

Result<Secret> concat_kdf(const Secret& shared, std::string_view algorithm_id, std::string_view apu,
                          std::string_view apv, std::size_t size) {
  if (size == 0 || size > 64) return crypto_failure("Concat KDF: size");
  std::string info;
  append_sized(info, algorithm_id);
  append_sized(info, apu);
  append_sized(info, apv);
  append_u32(info, size * 8);
  std::string out;
  for (std::size_t round = 1; out.size() < size; ++round) {
    std::string counter;
    append_u32(counter, round);
    Sha256 hash;
    out += as_view(hash.update(counter).update(shared.reveal()).update(info).finish());
  }
  Secret derived(out.substr(0, size));
  wipe(out);
  return derived;
}

Result<CbcHmac> cbc_hmac_seal(const Secret& key, std::string_view iv, std::string_view aad,
                              std::string_view plaintext) {
  const std::string_view k = key.reveal();
  if (k.size() != kCbcKeySize || iv.size() != kBlock || plaintext.size() > INT_MAX - kBlock) {
    return crypto_failure("A128CBC-HS256: size");
  }
  const CipherCtxPtr context(EVP_CIPHER_CTX_new());
  CbcHmac out;
  out.ciphertext.resize(plaintext.size() + kBlock);
  int size = 0;
  int rest = 0;
  if (!context ||
      EVP_EncryptInit_ex2(context.get(), algorithms().aes128_cbc, bytes(k.substr(16)), bytes(iv), nullptr) != 1 ||
      EVP_EncryptUpdate(context.get(), bytes(out.ciphertext), &size, bytes(plaintext),
                        static_cast<int>(plaintext.size())) != 1 ||
      EVP_EncryptFinal_ex(context.get(), bytes(out.ciphertext) + size, &rest) != 1) {
    return crypto_failure("A128CBC-HS256");
  }
  out.ciphertext.resize(static_cast<std::size_t>(size) + static_cast<std::size_t>(rest));
  out.tag = cbc_tag(k, iv, aad, out.ciphertext);
  return out;
}

Result<std::string> cbc_hmac_open(const Secret& key, std::string_view iv, std::string_view aad,
                                  std::string_view ciphertext, std::string_view tag) {
  const std::string_view k = key.reveal();
  if (k.size() != kCbcKeySize || iv.size() != kBlock || tag.size() != kCbcTagSize || ciphertext.empty() ||
      ciphertext.size() % kBlock != 0 || ciphertext.size() > INT_MAX - kBlock) {
    return crypto_failure("A128CBC-HS256");
  }
  if (!constant_time_equal(cbc_tag(k, iv, aad, ciphertext), tag)) return crypto_failure("A128CBC-HS256");
  const CipherCtxPtr context(EVP_CIPHER_CTX_new());
  std::string out(ciphertext.size() + kBlock, '\0');
  int size = 0;
  int rest = 0;
  if (!context ||
      EVP_DecryptInit_ex2(context.get(), algorithms().aes128_cbc, bytes(k.substr(16)), bytes(iv), nullptr) != 1 ||
      EVP_DecryptUpdate(context.get(), bytes(out), &size, bytes(ciphertext), static_cast<int>(ciphertext.size())) !=
          1 ||
      EVP_DecryptFinal_ex(context.get(), bytes(out) + size, &rest) != 1) {
    wipe(out);
    return crypto_failure("A128CBC-HS256");
  }
  out.resize(static_cast<std::size_t>(size) + static_cast<std::size_t>(rest));
  return out;
}

}  // namespace mitral::crypto
