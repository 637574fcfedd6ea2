#include "crypto/aead.h"

#include <climits>

#include "crypto/internal.h"

namespace mitral::crypto {

namespace {

CipherCtxPtr prepared(const EVP_CIPHER* cipher) noexcept {
  CipherCtxPtr context(EVP_CIPHER_CTX_new());
  if (!context || EVP_EncryptInit_ex2(context.get(), cipher, nullptr, nullptr, nullptr) != 1) die("AES-GCM");
  return context;
}

/// Key, nonce and direction are set by each use; the cipher once, for given one OpenSSL throws away all it has and
/// makes it anew, which costs more than sealing a token.
EVP_CIPHER_CTX* context(Aead aead) noexcept {
  thread_local const CipherCtxPtr aes128 = prepared(algorithms().aes128_gcm);
  thread_local const CipherCtxPtr aes256 = prepared(algorithms().aes256_gcm);
  return aead == Aead::aes128_gcm ? aes128.get() : aes256.get();
}

bool sizes_fit(Aead aead, std::string_view key, std::string_view nonce, std::string_view aad,
               std::string_view data) noexcept {
  return key.size() == key_size(aead) && nonce.size() == kGcmNonceSize && aad.size() <= INT_MAX &&
         data.size() <= INT_MAX;
}

}  // namespace

Result<std::string> seal(Aead aead, std::string_view key, std::string_view nonce, std::string_view aad,
                         std::string_view plaintext) {
  if (!sizes_fit(aead, key, nonce, aad, plaintext)) return crypto_failure("AES-GCM: size of key or nonce");
  EVP_CIPHER_CTX* ctx = context(aead);
  std::string out(plaintext.size() + kGcmTagSize, '\0');
  int size = 0;
  int rest = 0;
  if (EVP_EncryptInit_ex2(ctx, nullptr, bytes(key), bytes(nonce), nullptr) != 1 ||
      (!aad.empty() && EVP_EncryptUpdate(ctx, nullptr, &size, bytes(aad), static_cast<int>(aad.size())) != 1)) {
    return crypto_failure("AES-GCM: seal");
  }
  size = 0;
  if ((!plaintext.empty() &&
       EVP_EncryptUpdate(ctx, bytes(out), &size, bytes(plaintext), static_cast<int>(plaintext.size())) != 1) ||
      EVP_EncryptFinal_ex(ctx, bytes(out) + size, &rest) != 1 ||
      EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, kGcmTagSize, bytes(out) + plaintext.size()) != 1) {
    return crypto_failure("AES-GCM: seal");
  }
  return out;
}

Result<std::string> open(Aead aead, std::string_view key, std::string_view nonce, std::string_view aad,
                         std::string_view ciphertext_and_tag) {
  if (ciphertext_and_tag.size() < kGcmTagSize || !sizes_fit(aead, key, nonce, aad, ciphertext_and_tag)) {
    return crypto_failure("AES-GCM: open");
  }
  const std::string_view ciphertext = ciphertext_and_tag.substr(0, ciphertext_and_tag.size() - kGcmTagSize);
  std::string tag(ciphertext_and_tag.substr(ciphertext.size()));
  EVP_CIPHER_CTX* ctx = context(aead);
  std::string out(ciphertext.size(), '\0');
  int size = 0;
  int rest = 0;
  bool ok = EVP_DecryptInit_ex2(ctx, nullptr, bytes(key), bytes(nonce), nullptr) == 1 &&
            (aad.empty() || EVP_DecryptUpdate(ctx, nullptr, &size, bytes(aad), static_cast<int>(aad.size())) == 1);
  size = 0;
  ok = ok &&
       (ciphertext.empty() ||
        EVP_DecryptUpdate(ctx, bytes(out), &size, bytes(ciphertext), static_cast<int>(ciphertext.size())) == 1) &&
       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, kGcmTagSize, tag.data()) == 1 &&
       EVP_DecryptFinal_ex(ctx, bytes(out) + size, &rest) == 1;
  if (!ok) {
    wipe(out);
    return crypto_failure("AES-GCM: open");
  }
  return out;
}

}  // namespace mitral::crypto
