// Secrets at rest: AES-256-GCM under a master key (signing keys, TOTP seeds, anything that must be read again).
//
// A sealed blob is  version (1 byte, 0x01) | master key id (4 bytes, big-endian) | nonce (12) | ciphertext | tag (16).
// The version and the key id are authenticated, and so is a purpose that the caller names: a blob moved to another
// record or column does not open.
//
// Errors: crypto_failed when a blob is cut, altered, of another purpose or of a master key that is not in the ring.
// Thread rules: a ring is immutable once built; seal() and open() from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"

namespace mitral::crypto {

inline constexpr std::size_t kMasterKeySize = 32;

class MasterKeyRing {
 public:
  /// Adds a key of exactly kMasterKeySize bytes under an id not used yet. The key added last seals; all open.
  [[nodiscard]] Result<> add(std::uint32_t id, Secret key);
  [[nodiscard]] bool empty() const noexcept { return keys_.empty(); }

  [[nodiscard]] Result<std::string> seal(Random& random, std::string_view purpose, const Secret& plaintext) const;
  [[nodiscard]] Result<Secret> open(std::string_view purpose, std::string_view blob) const;
  /// Was the blob sealed by another key than the one that seals now? Then seal it again.
  [[nodiscard]] bool is_stale(std::string_view blob) const noexcept;

 private:
  std::map<std::uint32_t, Secret> keys_;
  std::uint32_t current_ = 0;
};

}  // namespace mitral::crypto
