#include "jose/alg.h"

#include <array>
#include <utility>

namespace mitral::jose {

namespace {

constexpr std::array<std::pair<SignAlg, std::string_view>, 11> kSignNames{{
    {SignAlg::rs256, "RS256"},
    {SignAlg::rs384, "RS384"},
    {SignAlg::rs512, "RS512"},
    {SignAlg::ps256, "PS256"},
    {SignAlg::ps384, "PS384"},
    {SignAlg::ps512, "PS512"},
    {SignAlg::es256, "ES256"},
    {SignAlg::es384, "ES384"},
    {SignAlg::es512, "ES512"},
    {SignAlg::eddsa, "EdDSA"},
    {SignAlg::ed25519, "Ed25519"},
}};

constexpr std::array<std::pair<JweAlg, std::string_view>, 3> kJweAlgNames{{
    {JweAlg::rsa_oaep_256, "RSA-OAEP-256"},
    {JweAlg::ecdh_es, "ECDH-ES"},
    {JweAlg::ecdh_es_a256kw, "ECDH-ES+A256KW"},
}};

constexpr std::array<std::pair<JweEnc, std::string_view>, 3> kJweEncNames{{
    {JweEnc::a128cbc_hs256, "A128CBC-HS256"},
    {JweEnc::a128gcm, "A128GCM"},
    {JweEnc::a256gcm, "A256GCM"},
}};

template <class Names, class Value>
std::string_view name_in(const Names& names, Value value) noexcept {
  for (const auto& [known, name] : names) {
    if (known == value) return name;
  }
  return {};
}

template <class Value, std::size_t N>
std::optional<Value> value_in(const std::array<std::pair<Value, std::string_view>, N>& names,
                              std::string_view text) noexcept {
  for (const auto& [value, name] : names) {
    if (name == text) return value;
  }
  return std::nullopt;
}

}  // namespace

std::string_view alg_name(SignAlg alg) noexcept { return name_in(kSignNames, alg); }
std::optional<SignAlg> parse_sign_alg(std::string_view name) noexcept { return value_in(kSignNames, name); }

crypto::HashAlg hash_of(SignAlg alg) noexcept {
  switch (alg) {
    case SignAlg::rs256:
    case SignAlg::ps256:
    case SignAlg::es256: return crypto::HashAlg::sha256;
    case SignAlg::rs384:
    case SignAlg::ps384:
    case SignAlg::es384: return crypto::HashAlg::sha384;
    case SignAlg::rs512:
    case SignAlg::ps512:
    case SignAlg::es512:
    case SignAlg::eddsa:
    case SignAlg::ed25519: return crypto::HashAlg::sha512;
  }
  return crypto::HashAlg::sha512;
}

std::vector<std::string> SignAlgs::names() const {
  std::vector<std::string> out;
  for (const auto& [alg, name] : kSignNames) {
    if (contains(alg)) out.emplace_back(name);
  }
  return out;
}

std::string_view alg_name(JweAlg alg) noexcept { return name_in(kJweAlgNames, alg); }
std::string_view enc_name(JweEnc enc) noexcept { return name_in(kJweEncNames, enc); }
std::optional<JweAlg> parse_jwe_alg(std::string_view name) noexcept { return value_in(kJweAlgNames, name); }
std::optional<JweEnc> parse_jwe_enc(std::string_view name) noexcept { return value_in(kJweEncNames, name); }

bool fits(JweAlg alg, KeyKind kind) noexcept {
  if (alg == JweAlg::rsa_oaep_256) return kind == KeyKind::rsa;
  return kind == KeyKind::p256 || kind == KeyKind::p384 || kind == KeyKind::p521;
}

}  // namespace mitral::jose
