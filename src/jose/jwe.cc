#include "jose/jwe.h"

#include "codec/base64url.h"
#include "crypto/aead.h"
#include "crypto/random.h"
#include "crypto/wrap.h"
#include "jose/header.h"
#include "jose/jws.h"

namespace mitral::jose {

using codec::base64url_encode;
using codec::Json;

namespace {

constexpr std::size_t kTagSize = 16;
constexpr std::size_t kKeyWrapSize = 32;  // A256KW

std::size_t cek_size(JweEnc enc) noexcept { return enc == JweEnc::a128gcm ? 16 : 32; }
std::size_t iv_size(JweEnc enc) noexcept { return enc == JweEnc::a128cbc_hs256 ? 16 : crypto::kGcmNonceSize; }
crypto::Aead aead_of(JweEnc enc) noexcept {
  return enc == JweEnc::a128gcm ? crypto::Aead::aes128_gcm : crypto::Aead::aes256_gcm;
}

/// One answer for everything that a key was used for (J-19).
std::unexpected<Error> not_decrypted() { return fail(ErrorCode::crypto_failed, {}, "JWE does not decrypt"); }

enum Part : std::size_t { kHeader, kEncryptedKey, kIv, kCiphertext, kTag, kParts };
using Parts = std::array<std::string_view, kParts>;

Result<Parts> split(std::string_view compact) {
  if (compact.size() > limits::kRequestObjectMax) return fail(ErrorCode::too_large, {}, "JWE longer than allowed");
  Parts parts;
  if (!split_compact(compact, parts)) return fail(ErrorCode::malformed, {}, "not a compact JWE");
  return parts;
}

Result<std::string> party_info(const Json& json, std::string_view name) {
  MITRAL_TRY(const auto text, optional_text(json, name));
  if (!text) return std::string();
  auto decoded = codec::base64url_decode(*text);
  if (!decoded) return malformed_header("apu or apv");
  return *std::move(decoded);
}

Result<JweHeader> read_header(std::string_view part) {
  MITRAL_TRY(const Json json, decode_header(part));
  MITRAL_CHECK(refuse_extensions(json));
  if (json.contains("zip")) return malformed_header("zip");
  JweHeader header;
  MITRAL_TRY(const auto alg_text, required_text(json, "alg"));
  MITRAL_TRY(const auto enc_text, required_text(json, "enc"));
  MITRAL_TRY(header.kid, optional_kid(json));
  MITRAL_TRY(header.typ, optional_text(json, "typ"));
  MITRAL_TRY(header.cty, optional_text(json, "cty"));
  const auto alg = parse_jwe_alg(alg_text);
  const auto enc = parse_jwe_enc(enc_text);
  if (!alg || !enc) return fail(ErrorCode::crypto_failed, {}, "JWE algorithm not allowed");
  header.alg = *alg;
  header.enc = *enc;
  if (*alg == JweAlg::rsa_oaep_256) return header;
  const Json* epk = json.find("epk");
  if (epk == nullptr) return malformed_header("epk missing");
  MITRAL_TRY(header.epk, Jwk::parse(*epk));
  MITRAL_TRY(header.apu, party_info(json, "apu"));
  MITRAL_TRY(header.apv, party_info(json, "apv"));
  return header;
}

/// The key that ECDH-ES derives: the content key itself, or the key that wraps it (RFC 7518 §4.6.2).
Result<Secret> agreed_key(const JweHeader& header, const crypto::PrivateKey& own, const crypto::PublicKey& peer) {
  MITRAL_TRY(const Secret shared, crypto::ecdh(own, peer));
  const bool direct = header.alg == JweAlg::ecdh_es;
  return crypto::concat_kdf(shared, direct ? enc_name(header.enc) : alg_name(header.alg), header.apu, header.apv,
                            direct ? cek_size(header.enc) : kKeyWrapSize);
}

Result<Secret> content_key(const JweHeader& header, const crypto::PrivateKey& key, std::string_view encrypted_key) {
  if (header.alg == JweAlg::rsa_oaep_256) return crypto::rsa_oaep256_decrypt(key, encrypted_key);
  MITRAL_TRY(Secret agreed, agreed_key(header, key, header.epk->key()));
  if (header.alg == JweAlg::ecdh_es_a256kw) return crypto::aes_unwrap(agreed, encrypted_key);
  if (!encrypted_key.empty()) return not_decrypted();  // RFC 7516 §5.2 step 10
  return agreed;
}

Result<std::string> open_content(JweEnc enc, const Secret& cek, std::string_view aad, std::string_view iv,
                                 const std::string& ciphertext, const std::string& tag) {
  if (enc == JweEnc::a128cbc_hs256) return crypto::cbc_hmac_open(cek, iv, aad, ciphertext, tag);
  return crypto::open(aead_of(enc), cek.reveal(), iv, aad, ciphertext + tag);
}

}  // namespace

Result<JweHeader> parse_jwe_header(std::string_view compact) {
  MITRAL_TRY(const Parts parts, split(compact));
  return read_header(parts[kHeader]);
}

Result<DecryptedJwe> decrypt_jwe(std::string_view compact, const DecryptionKeyLookup& lookup) {
  MITRAL_TRY(const Parts parts, split(compact));
  MITRAL_TRY(auto header, read_header(parts[kHeader]));
  const auto encrypted_key = codec::base64url_decode(parts[kEncryptedKey]);
  const auto iv = codec::base64url_decode(parts[kIv]);
  const auto ciphertext = codec::base64url_decode(parts[kCiphertext]);
  const auto tag = codec::base64url_decode(parts[kTag]);
  if (!encrypted_key || !iv || !ciphertext || !tag) return fail(ErrorCode::malformed, {}, "JWE is not base64url");
  if (iv->size() != iv_size(header.enc) || tag->size() != kTagSize || ciphertext->size() > limits::kJwePlaintextMax) {
    return not_decrypted();
  }
  MITRAL_TRY(const auto key, lookup(header));
  if (!fits(header.alg, key.kind())) return not_decrypted();
  // A content key that can't be had, or has the wrong size, is replaced by a random one: the tag then fails as it does
  // for any other forgery, at the same cost (RFC 7516 §11.5).
  Secret cek(crypto::random_bytes(crypto::system_random(), cek_size(header.enc)));
  if (auto unwrapped = content_key(header, key, *encrypted_key);
      unwrapped && unwrapped->reveal().size() == cek_size(header.enc)) {
    cek = *std::move(unwrapped);
  }
  auto plaintext = open_content(header.enc, cek, parts[kHeader], *iv, *ciphertext, *tag);
  if (!plaintext) return not_decrypted();
  return DecryptedJwe{std::move(header), *std::move(plaintext)};
}

Result<std::string> decrypt_nested(std::string_view compact, const DecryptionKeyLookup& lookup) {
  MITRAL_TRY(auto jwe, decrypt_jwe(compact, lookup));
  if (!typ_is(jwe.header.cty, "JWT") || compact_shape(jwe.plaintext) != CompactShape::jws) {
    return fail(ErrorCode::malformed, {}, "JWE does not hold a signed JWT");
  }
  return std::move(jwe.plaintext);
}

Result<std::string> encrypt_jwe(const crypto::PublicKey& recipient, const EncryptOptions& options,
                                std::string_view plaintext, Random& random) {
  if (!fits(options.alg, recipient.kind())) return fail(ErrorCode::crypto_failed, {}, "algorithm does not fit the key");
  if (plaintext.size() > limits::kJwePlaintextMax) return fail(ErrorCode::too_large, {}, "plaintext of a JWE");
  JweHeader header;
  header.alg = options.alg;
  header.enc = options.enc;
  Json json = Json::object({{"alg", alg_name(options.alg)}, {"enc", enc_name(options.enc)}});
  if (!options.kid.empty()) json.set("kid", options.kid);
  if (!options.typ.empty()) json.set("typ", options.typ);
  if (!options.cty.empty()) json.set("cty", options.cty);

  Secret cek(crypto::random_bytes(random, cek_size(options.enc)));
  std::string encrypted_key;
  if (options.alg == JweAlg::rsa_oaep_256) {
    MITRAL_TRY(encrypted_key, crypto::rsa_oaep256_encrypt(recipient, cek));
  } else {
    MITRAL_TRY(const auto ephemeral, crypto::PrivateKey::generate(recipient.kind()));
    json.set("epk", Jwk::from_key(ephemeral.public_key()).to_json());
    MITRAL_TRY(Secret agreed, agreed_key(header, ephemeral, recipient));
    if (options.alg == JweAlg::ecdh_es) {
      cek = std::move(agreed);
    } else {
      MITRAL_TRY(encrypted_key, crypto::aes_wrap(agreed, cek));
    }
  }

  const std::string protected_header = base64url_encode(json.dump());
  const std::string iv = crypto::random_bytes(random, iv_size(options.enc));
  std::string ciphertext;
  std::string tag;
  if (options.enc == JweEnc::a128cbc_hs256) {
    MITRAL_TRY(auto sealed, crypto::cbc_hmac_seal(cek, iv, protected_header, plaintext));
    ciphertext = std::move(sealed.ciphertext);
    tag = std::move(sealed.tag);
  } else {
    MITRAL_TRY(ciphertext, crypto::seal(aead_of(options.enc), cek.reveal(), iv, protected_header, plaintext));
    tag = ciphertext.substr(ciphertext.size() - kTagSize);
    ciphertext.resize(ciphertext.size() - kTagSize);
  }
  std::string out = protected_header;
  for (const std::string_view part : std::initializer_list<std::string_view>{encrypted_key, iv, ciphertext, tag}) {
    out += '.';
    codec::base64url_append(out, part);
  }
  return out;
}

CompactShape compact_shape(std::string_view text) noexcept {
  std::array<std::string_view, 3> jws;
  if (split_compact(text, jws)) return CompactShape::jws;
  Parts jwe;
  return split_compact(text, jwe) ? CompactShape::jwe : CompactShape::neither;
}

}  // namespace mitral::jose
