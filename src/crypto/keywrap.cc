#include "crypto/keywrap.h"

#include <optional>

#include "crypto/aead.h"
#include "crypto/internal.h"
#include "crypto/random.h"

namespace mitral::crypto {

namespace {

constexpr char kVersion = '\x01';
constexpr std::size_t kHeaderSize = 5;  // version, key id

std::string header_of(std::uint32_t id) {
  std::string out(1, kVersion);
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((id >> shift) & 0xff);
  return out;
}

std::optional<std::uint32_t> key_id_of(std::string_view blob) noexcept {
  if (blob.size() < kHeaderSize + kGcmNonceSize + kGcmTagSize || blob.front() != kVersion) return std::nullopt;
  std::uint32_t id = 0;
  for (std::size_t i = 1; i < kHeaderSize; ++i) id = (id << 8) | static_cast<unsigned char>(blob[i]);
  return id;
}

}  // namespace

Result<> MasterKeyRing::add(std::uint32_t id, Secret key) {
  if (key.reveal().size() != kMasterKeySize) return fail(ErrorCode::config_invalid, {}, "a master key has 32 bytes");
  if (!keys_.emplace(id, std::move(key)).second) return fail(ErrorCode::conflict, {}, "master key id used twice");
  current_ = id;
  return {};
}

Result<std::string> MasterKeyRing::seal(Random& random, std::string_view purpose, const Secret& plaintext) const {
  const auto key = keys_.find(current_);
  if (key == keys_.end()) return fail(ErrorCode::config_invalid, {}, "no master key");
  const std::string header = header_of(current_);
  const std::string nonce = random_bytes(random, kGcmNonceSize);
  MITRAL_TRY(const auto sealed, crypto::seal(Aead::aes256_gcm, key->second.reveal(), nonce,
                                             header + std::string(purpose), plaintext.reveal()));
  return header + nonce + sealed;
}

Result<Secret> MasterKeyRing::open(std::string_view purpose, std::string_view blob) const {
  const auto id = key_id_of(blob);
  const auto key = id ? keys_.find(*id) : keys_.end();
  if (key == keys_.end()) return crypto_failure("sealed under a master key that is not in the ring");
  MITRAL_TRY(auto plain, crypto::open(Aead::aes256_gcm, key->second.reveal(), blob.substr(kHeaderSize, kGcmNonceSize),
                                      std::string(blob.substr(0, kHeaderSize)) + std::string(purpose),
                                      blob.substr(kHeaderSize + kGcmNonceSize)));
  return Secret(std::move(plain));
}

bool MasterKeyRing::is_stale(std::string_view blob) const noexcept {
  const auto id = key_id_of(blob);
  return !id || *id != current_;
}

}  // namespace mitral::crypto
