// Algorithms: the closed list of what Mitral signs, verifies, encrypts and decrypts with, and sets of it as
// allow-lists.
//
// Everything not listed does not exist here: none, HS*, RSA1_5, RSA-OAEP with SHA-1, PBES2, dir, A*KW, zip (threats
// J-1, J-2, J-10, J-11, J-19). Names are matched exactly, case included.
//
// Thread rules: values and pure functions.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/hash.h"
#include "crypto/sign.h"

namespace mitral::jose {

using crypto::KeyKind;
using crypto::SignAlg;

[[nodiscard]] std::string_view alg_name(SignAlg alg) noexcept;
[[nodiscard]] std::optional<SignAlg> parse_sign_alg(std::string_view name) noexcept;
/// The hash of the algorithm: for at_hash, c_hash and s_hash (EdDSA: SHA-512).
[[nodiscard]] crypto::HashAlg hash_of(SignAlg alg) noexcept;

/// A set of signature algorithms: one allow-list of a profile or a client.
class SignAlgs {
 public:
  constexpr SignAlgs() noexcept = default;
  constexpr SignAlgs(std::initializer_list<SignAlg> algs) noexcept {
    for (SignAlg alg : algs) bits_ |= bit(alg);
  }
  [[nodiscard]] constexpr bool contains(SignAlg alg) const noexcept { return (bits_ & bit(alg)) != 0; }
  [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
  constexpr void add(SignAlg alg) noexcept { bits_ |= bit(alg); }
  /// What both sets allow: profiles only ever narrow.
  [[nodiscard]] friend constexpr SignAlgs operator&(SignAlgs a, SignAlgs b) noexcept {
    a.bits_ &= b.bits_;
    return a;
  }
  friend constexpr bool operator==(SignAlgs, SignAlgs) noexcept = default;
  /// Names in a fixed order, for metadata (*_signing_alg_values_supported).
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  static constexpr std::uint32_t bit(SignAlg alg) noexcept { return 1U << static_cast<unsigned>(alg); }
  std::uint32_t bits_ = 0;
};

/// Everything this module can verify.
inline constexpr SignAlgs kAllSignAlgs{SignAlg::rs256, SignAlg::rs384, SignAlg::rs512,  SignAlg::ps256,
                                       SignAlg::ps384, SignAlg::ps512, SignAlg::es256,  SignAlg::es384,
                                       SignAlg::es512, SignAlg::eddsa, SignAlg::ed25519};
/// FAPI 2.0 Security Profile §5.4.1.
inline constexpr SignAlgs kFapi2SignAlgs{SignAlg::ps256, SignAlg::es256, SignAlg::eddsa, SignAlg::ed25519};

enum class JweAlg : std::uint8_t { rsa_oaep_256, ecdh_es, ecdh_es_a256kw };
enum class JweEnc : std::uint8_t { a128cbc_hs256, a128gcm, a256gcm };

[[nodiscard]] std::string_view alg_name(JweAlg alg) noexcept;
[[nodiscard]] std::string_view enc_name(JweEnc enc) noexcept;
[[nodiscard]] std::optional<JweAlg> parse_jwe_alg(std::string_view name) noexcept;
[[nodiscard]] std::optional<JweEnc> parse_jwe_enc(std::string_view name) noexcept;
/// RSA-OAEP-256 takes RSA, ECDH-ES takes the NIST curves.
[[nodiscard]] bool fits(JweAlg alg, KeyKind kind) noexcept;

}  // namespace mitral::jose
