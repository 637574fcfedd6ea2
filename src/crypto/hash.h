// Hashes: SHA-2 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104).
//
// Errors: none; a hash can only fail when memory is gone, and then the program ends.
// Thread rules: functions from any thread (contexts are reused per thread); a Sha256 object belongs to one thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace mitral::crypto {

using Hash384 = std::array<std::uint8_t, 48>;
using Hash512 = std::array<std::uint8_t, 64>;

enum class HashAlg : std::uint8_t { sha256, sha384, sha512 };

[[nodiscard]] Hash256 sha256(std::string_view data) noexcept;
[[nodiscard]] Hash384 sha384(std::string_view data) noexcept;
[[nodiscard]] Hash512 sha512(std::string_view data) noexcept;
/// The same with the algorithm chosen at run time (at_hash, c_hash: OpenID Connect Core §3.1.3.6).
[[nodiscard]] std::string digest(HashAlg alg, std::string_view data);

/// Compare the result with constant_time_equal(), never with ==.
[[nodiscard]] Hash256 hmac_sha256(std::string_view key, std::string_view data) noexcept;

/// SHA-256 of data that arrives in pieces. Movable, not copyable.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();
  Sha256& update(std::string_view data) noexcept;
  /// The hash of everything so far; the object then starts anew.
  [[nodiscard]] Hash256 finish() noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mitral::crypto
