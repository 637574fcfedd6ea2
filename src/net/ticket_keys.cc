#include "net/ticket_keys.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <cstring>

#include "base/limits.h"
#include "crypto/hash.h"
#include "crypto/random.h"

namespace mitral::net {
namespace {

std::int64_t hour_of(Instant now) noexcept {
  return to_seconds(now) / std::chrono::duration_cast<std::chrono::seconds>(limits::kTicketKeyPeriod).count();
}

const EVP_CIPHER* ticket_cipher() noexcept {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
  return cipher;
}

bool prepare(EVP_MAC_CTX* mac, const TicketKey& key) noexcept {
  char digest[] = "SHA256";
  std::array<OSSL_PARAM, 3> params{
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<unsigned char*>(key.mac.data()),  // NOLINT
                                        key.mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, params.data()) == 1;
}

}  // namespace

// RFC 5869 with SHA-256: extract, then three blocks of expansion for the 80 bytes.
TicketKey derive_ticket_key(const Secret& secret, std::string_view scope, std::int64_t hour) {
  const auto extracted = crypto::hmac_sha256("mitral TLS tickets 1", secret.reveal());
  const std::string info = fmt::format("{}\n{}", hour, scope);
  std::string bytes;
  std::string block;
  for (char i = 1; bytes.size() < sizeof(TicketKey); ++i) {
    block = to_string(ByteSpan(crypto::hmac_sha256(as_view(extracted), block + info + i)));
    bytes += block;
  }
  TicketKey key;
  std::memcpy(key.name.data(), bytes.data(), key.name.size());
  std::memcpy(key.cipher.data(), bytes.data() + key.name.size(), key.cipher.size());
  std::memcpy(key.mac.data(), bytes.data() + key.name.size() + key.cipher.size(), key.mac.size());
  wipe(bytes);
  wipe(block);
  return key;
}

TicketKeys::TicketKeys(Secret secret, std::string scope, const Clock& clock)
    : secret_(std::move(secret)), scope_(std::move(scope)), clock_(clock) {}

std::shared_ptr<const TicketKeys::Hours> TicketKeys::now() {
  const auto hour = hour_of(clock_.now());
  const std::lock_guard lock(mutex_);
  if (hour != hour_) {
    auto fresh = std::make_shared<Hours>();
    for (std::size_t i = 0; i < fresh->size(); ++i)
      (*fresh)[i] = derive_ticket_key(secret_, scope_, hour - 1 + static_cast<std::int64_t>(i));
    hours_ = std::move(fresh);
    hour_ = hour;
  }
  return hours_;
}

bool TicketKeys::use_in(SSL_CTX* context) {
  return SSL_CTX_set_app_data(context, this) == 1 &&
         SSL_CTX_set_tlsext_ticket_key_evp_cb(context, &TicketKeys::callback) == 1;
}

// 1: go on; 2: and give a new ticket, for each is used once (RFC 8446 Appendix C.4); 0: no ticket, or none that we know
// (a full handshake follows); -1: the handshake fails.
int TicketKeys::callback(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                         int sealing) {
  auto* const self = static_cast<TicketKeys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  if (self == nullptr || SSL_version(ssl) < TLS1_3_VERSION) return 0;
  const auto hours = self->now();
  if (sealing == 1) {
    const TicketKey& key = (*hours)[1];
    std::memcpy(name, key.name.data(), key.name.size());
    const auto size = static_cast<std::size_t>(EVP_CIPHER_get_iv_length(ticket_cipher()));
    crypto::system_random().fill({iv, size});
    return EVP_EncryptInit_ex2(cipher, ticket_cipher(), key.cipher.data(), iv, nullptr) == 1 && prepare(mac, key) ? 1
                                                                                                                  : -1;
  }
  const auto found = std::ranges::find_if(
      *hours, [name](const TicketKey& key) { return CRYPTO_memcmp(key.name.data(), name, key.name.size()) == 0; });
  if (found == hours->end()) return 0;
  return EVP_DecryptInit_ex2(cipher, ticket_cipher(), found->cipher.data(), iv, nullptr) == 1 && prepare(mac, *found)
             ? 2
             : -1;
}

}  // namespace mitral::net
