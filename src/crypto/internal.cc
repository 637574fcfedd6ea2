#include "crypto/internal.h"

#include <cstdio>
#include <cstdlib>

namespace mitral::crypto {

void die(const char* what) noexcept {
  std::fprintf(stderr, "fatal: crypto: %s\n", what);
  std::abort();
}

namespace {

template <class T>
T* must(T* fetched) noexcept {
  if (fetched == nullptr) die("an algorithm is missing from the OpenSSL provider");
  return fetched;
}

Algorithms fetch_all() noexcept {
  return {
      .sha256 = must(EVP_MD_fetch(nullptr, "SHA2-256", nullptr)),
      .sha384 = must(EVP_MD_fetch(nullptr, "SHA2-384", nullptr)),
      .sha512 = must(EVP_MD_fetch(nullptr, "SHA2-512", nullptr)),
      .hmac = must(EVP_MAC_fetch(nullptr, "HMAC", nullptr)),
      .aes128_gcm = must(EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr)),
      .aes256_gcm = must(EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr)),
      .aes128_cbc = must(EVP_CIPHER_fetch(nullptr, "AES-128-CBC", nullptr)),
      .aes128_wrap = must(EVP_CIPHER_fetch(nullptr, "AES-128-WRAP", nullptr)),
      .aes256_wrap = must(EVP_CIPHER_fetch(nullptr, "AES-256-WRAP", nullptr)),
  };
}

// FIPS 186-5 / SP 800-186: the orders of the prime curves.
constexpr std::uint8_t kOrder256[32] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
                                        0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                                        0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
constexpr std::uint8_t kOrder384[48] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                        0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf, 0x58, 0x1a, 0x0d, 0xb2,
                                        0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73};
constexpr std::uint8_t kOrder521[66] = {
    0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfa,
    0x51, 0x86, 0x87, 0x83, 0xbf, 0x2f, 0x96, 0x6b, 0x7f, 0xcc, 0x01, 0x48, 0xf7, 0x09, 0xa5, 0xd0, 0x3b,
    0xb5, 0xc9, 0xb8, 0x89, 0x9c, 0x47, 0xae, 0xbb, 0x6f, 0xb7, 0x1e, 0x91, 0x38, 0x64, 0x09};

}  // namespace

const Algorithms& algorithms() noexcept {
  static const Algorithms all = fetch_all();
  return all;
}

std::unexpected<Error> crypto_failure(const char* what) {
  ERR_clear_error();
  return fail(ErrorCode::crypto_failed, {}, what);
}

std::string_view curve_order(KeyKind kind) noexcept {
  switch (kind) {
    case KeyKind::p256: return {reinterpret_cast<const char*>(kOrder256), sizeof kOrder256};  // NOLINT
    case KeyKind::p384: return {reinterpret_cast<const char*>(kOrder384), sizeof kOrder384};  // NOLINT
    case KeyKind::p521: return {reinterpret_cast<const char*>(kOrder521), sizeof kOrder521};  // NOLINT
    case KeyKind::rsa:
    case KeyKind::ed25519: return {};
  }
  return {};
}

std::uint64_t next_key_id() noexcept {
  static std::atomic<std::uint64_t> counter{0};
  return counter.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace mitral::crypto
