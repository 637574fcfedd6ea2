// Passwords: Argon2id (RFC 9106), stored as a PHC string: $argon2id$v=19$m=...,t=...,p=...$salt$hash.
//
// Cost by default: 19 MiB, 2 passes, 1 lane, about 30 ms. Always in its own pool with a bounded queue, never on an
// event loop. A stored string that asks for more memory or passes than the limits below is refused, not computed.
//
// Limits: password up to limits::kPasswordMax bytes (an empty one is refused when hashing).
// Errors: too_large; crypto_failed for a stored string that is no Argon2id PHC string or over a limit; internal when
// memory is gone. A wrong password is no error but `false`.
// Thread rules: immutable after the constructor; hash() and verify() from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"

namespace mitral::crypto {

struct Argon2Params {
  std::uint32_t memory_kib = 19 * 1024;
  std::uint32_t passes = 2;
  std::uint32_t lanes = 1;
  friend bool operator==(const Argon2Params&, const Argon2Params&) = default;
};

class PasswordHasher {
 public:
  /// Quick: nothing is hashed yet.
  [[nodiscard]] static Result<PasswordHasher> create(Argon2Params params, Random& random);

  [[nodiscard]] Result<std::string> hash(const Secret& password, Random& random) const;
  [[nodiscard]] Result<bool> verify(std::string_view stored, const Secret& password) const;
  /// For a user who does not exist: as much work as verify() of a fresh hash; the answer is always no.
  [[nodiscard]] Result<bool> verify_unknown_user(const Secret& password) const;
  /// True when the stored hash was made with other parameters than ours: hash again at the next good sign-in.
  [[nodiscard]] bool needs_rehash(std::string_view stored) const noexcept;

 private:
  PasswordHasher(Argon2Params params, std::string dummy) noexcept : params_(params), dummy_(std::move(dummy)) {}
  Argon2Params params_;
  std::string dummy_;
};

}  // namespace mitral::crypto
