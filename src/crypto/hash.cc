#include "crypto/hash.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "crypto/internal.h"

namespace mitral::crypto {

namespace {

template <std::size_t N>
std::array<std::uint8_t, N> one_shot(const EVP_MD* md, std::string_view data) noexcept {
  thread_local const MdCtxPtr context(EVP_MD_CTX_new());
  std::array<std::uint8_t, N> out{};
  unsigned size = 0;
  if (!context || EVP_DigestInit_ex2(context.get(), md, nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), data.data(), data.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), out.data(), &size) != 1 || size != N) {
    die("hash");
  }
  return out;
}

template <std::size_t N>
std::string as_string(const std::array<std::uint8_t, N>& hash) {
  return std::string(hash.begin(), hash.end());
}

using MacCtxPtr = std::unique_ptr<EVP_MAC_CTX, Freer<EVP_MAC_CTX_free>>;

MacCtxPtr hmac_context() noexcept {
  MacCtxPtr context(EVP_MAC_CTX_new(algorithms().hmac));
  char name[] = "SHA2-256";
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                               OSSL_PARAM_construct_end()};
  if (!context || EVP_MAC_CTX_set_params(context.get(), params) != 1) die("HMAC");
  return context;
}

}  // namespace

Hash256 sha256(std::string_view data) noexcept { return one_shot<32>(algorithms().sha256, data); }
Hash384 sha384(std::string_view data) noexcept { return one_shot<48>(algorithms().sha384, data); }
Hash512 sha512(std::string_view data) noexcept { return one_shot<64>(algorithms().sha512, data); }

std::string digest(HashAlg alg, std::string_view data) {
  switch (alg) {
    case HashAlg::sha256: return as_string(sha256(data));
    case HashAlg::sha384: return as_string(sha384(data));
    case HashAlg::sha512: return as_string(sha512(data));
  }
  die("unknown hash");
}

Hash256 hmac_sha256(std::string_view key, std::string_view data) noexcept {
  thread_local const MacCtxPtr context = hmac_context();
  // An empty key is legal (RFC 2104), but a null pointer would mean "keep the last key".
  static constexpr unsigned char kEmpty[1] = {0};
  Hash256 out{};
  std::size_t size = 0;
  if (EVP_MAC_init(context.get(), key.empty() ? kEmpty : bytes(key), key.size(), nullptr) != 1 ||
      EVP_MAC_update(context.get(), bytes(data), data.size()) != 1 ||
      EVP_MAC_final(context.get(), out.data(), &size, out.size()) != 1 || size != out.size()) {
    die("HMAC");
  }
  return out;
}

struct Sha256::State {
  MdCtxPtr context{EVP_MD_CTX_new()};
  void start() noexcept {
    if (!context || EVP_DigestInit_ex2(context.get(), algorithms().sha256, nullptr) != 1) die("hash");
  }
};

Sha256::Sha256() : state_(std::make_unique<State>()) { state_->start(); }
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

Sha256& Sha256::update(std::string_view data) noexcept {
  if (EVP_DigestUpdate(state_->context.get(), data.data(), data.size()) != 1) die("hash");
  return *this;
}

Hash256 Sha256::finish() noexcept {
  Hash256 out{};
  if (EVP_DigestFinal_ex(state_->context.get(), out.data(), nullptr) != 1) die("hash");
  state_->start();
  return out;
}

}  // namespace mitral::crypto
