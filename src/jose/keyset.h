// The signing keys of one issuer: what signs now, what is published, what still verifies (key rotation).
//
// A key appears in the published set before it signs (next) and stays there until everything it signed has expired
// (retired), so that relying parties that cache the set never meet an unknown kid.
//
// Errors: conflict for a kid that occurs twice; not_found when no current key has the algorithm asked for;
// crypto_failed when a key does not fit its algorithm.
// Thread rules: immutable once built; shared as std::shared_ptr<const SigningKeySet>.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "jose/jwk.h"
#include "jose/jws.h"

namespace mitral::jose {

enum class KeyState : std::uint8_t { next, current, retired };

class SigningKeySet {
 public:
  [[nodiscard]] Result<> add(SigningKey key, KeyState state);
  /// The current key of the algorithm, the one added last; it lives as long as the set.
  [[nodiscard]] Result<const SigningKey*> current(SignAlg alg) const;
  /// Algorithms that have a current key.
  [[nodiscard]] SignAlgs algs() const noexcept;
  /// Everything published at jwks_uri: next, current and retired, public members only, use "sig".
  [[nodiscard]] const JwkSet& published() const noexcept { return published_; }

 private:
  struct Entry {
    SigningKey key;
    KeyState state;
  };
  std::vector<Entry> entries_;
  JwkSet published_;
};

}  // namespace mitral::jose
