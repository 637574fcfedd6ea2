// JWE: compact serialization (RFC 7516 §3.1, §7.1) with RSA-OAEP-256, ECDH-ES and ECDH-ES+A256KW, and A128CBC-HS256,
// A128GCM, A256GCM.
//
// "zip" is refused (J-10), and so are "crit", RSA1_5, PBES2, dir and everything else not listed (J-11, J-19). An "epk"
// must lie on the recipient key's curve (J-8). Tags are exactly 16 bytes and a content key exactly what "enc" takes
// (J-18). A JWE proves nothing about its sender: what comes out must be a signed JWT (J-17); decrypt_nested() insists
// on "cty" JWT and gives text that the caller passes to Jws::parse().
//
// Limits: kRequestObjectMax characters before anything is split; plaintext kJwePlaintextMax.
// Errors: malformed for bad framing; crypto_failed, always the same, for all that a key was used for (J-19). RSA with a
// bad ciphertext goes on with a random content key (RFC 7516 §11.5), so that it costs the same.
// Thread rules: pure functions.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "codec/json.h"
#include "crypto/key.h"
#include "jose/alg.h"
#include "jose/jwk.h"

namespace mitral::jose {

struct JweHeader {
  JweAlg alg = JweAlg::rsa_oaep_256;
  JweEnc enc = JweEnc::a256gcm;
  std::optional<std::string> kid;
  std::optional<std::string> typ;
  std::optional<std::string> cty;
  std::optional<Jwk> epk;  ///< ECDH-ES only, and then always there
  std::string apu, apv;    ///< decoded
};

/// The header alone, checked like decrypt() does: for choosing the key.
[[nodiscard]] Result<JweHeader> parse_jwe_header(std::string_view compact);

struct DecryptedJwe {
  JweHeader header;
  std::string plaintext;
};

using DecryptionKeyLookup = std::function<Result<crypto::PrivateKey>(const JweHeader&)>;

[[nodiscard]] Result<DecryptedJwe> decrypt_jwe(std::string_view compact, const DecryptionKeyLookup& lookup);

/// A nested JWT (RFC 7519 §5.2): "cty" must be JWT and the plaintext must have the shape of a compact JWS.
[[nodiscard]] Result<std::string> decrypt_nested(std::string_view compact, const DecryptionKeyLookup& lookup);

struct EncryptOptions {
  JweAlg alg = JweAlg::rsa_oaep_256;
  JweEnc enc = JweEnc::a256gcm;
  std::string_view kid;
  std::string_view typ;
  std::string_view cty;  ///< "JWT" around a signed JWT
};

[[nodiscard]] Result<std::string> encrypt_jwe(const crypto::PublicKey& recipient, const EncryptOptions& options,
                                              std::string_view plaintext, Random& random);

/// Is it framed like a JWE (five parts), like a JWS (three), or neither? By the dots only.
enum class CompactShape : std::uint8_t { jws, jwe, neither };
[[nodiscard]] CompactShape compact_shape(std::string_view text) noexcept;

}  // namespace mitral::jose
