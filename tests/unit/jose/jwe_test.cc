// JWE: each algorithm both ways, and the ways round it (threats.md section 4).
#include "jose/jwe.h"

#include <gtest/gtest.h>

#include <chrono>

#include "crypto/aead.h"
#include "crypto/random.h"
#include "crypto/wrap.h"
#include "unit/jose/keys.h"

namespace mitral::jose {
namespace {

using codec::Json;

constexpr JweAlg kAlgs[] = {JweAlg::rsa_oaep_256, JweAlg::ecdh_es, JweAlg::ecdh_es_a256kw};
constexpr JweEnc kEncs[] = {JweEnc::a128cbc_hs256, JweEnc::a128gcm, JweEnc::a256gcm};
constexpr KeyKind kKinds[] = {KeyKind::rsa, KeyKind::p256, KeyKind::p384, KeyKind::p521};

DecryptionKeyLookup with(KeyKind kind) {
  return [kind](const JweHeader&) -> Result<crypto::PrivateKey> { return key_of(kind); };
}

std::string encrypted(KeyKind kind, JweAlg alg, JweEnc enc, std::string_view text, std::string_view cty = {}) {
  return encrypt_jwe(key_of(kind).public_key(), {.alg = alg, .enc = enc, .kid = "e1", .typ = {}, .cty = cty}, text,
                     crypto::system_random())
      .value();
}

std::array<std::string, 5> parts_of(const std::string& compact) {
  std::array<std::string, 5> out;
  std::size_t start = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    const std::size_t end = i == 4 ? compact.size() : compact.find('.', start);
    out[i] = compact.substr(start, end - start);
    start = end + 1;
  }
  return out;
}

std::string joined(const std::array<std::string, 5>& parts) {
  return parts[0] + "." + parts[1] + "." + parts[2] + "." + parts[3] + "." + parts[4];
}

/// A JWE to the RSA key, rightly made with this header text and content key.
std::string rsa_token(std::string_view header, const std::string& cek = std::string(32, 'c')) {
  const std::string protected_header = b64(header);
  const std::string iv(12, 'i');
  const std::string key = crypto::rsa_oaep256_encrypt(key_of(KeyKind::rsa).public_key(), Secret(cek)).value();
  const std::string sealed = crypto::seal(crypto::Aead::aes256_gcm, cek.size() == 32 ? cek : std::string(32, 'c'), iv,
                                          protected_header, "text")
                                 .value();
  return joined({protected_header, b64(key), b64(iv), b64(sealed.substr(0, 4)), b64(sealed.substr(4))});
}

TEST(Jwe, EveryAlgorithmBothWays) {
  for (KeyKind kind : kKinds) {
    for (JweAlg alg : kAlgs) {
      for (JweEnc enc : kEncs) {
        if (!fits(alg, kind)) {
          EXPECT_FALSE(encrypt_jwe(key_of(kind).public_key(), {.alg = alg, .enc = enc, .kid = {}, .typ = {}, .cty = {}},
                                   "x", crypto::system_random()));
          continue;
        }
        for (const std::string& text : {std::string(), std::string("x"), std::string(1000, 'y')}) {
          const std::string token = encrypted(kind, alg, enc, text);
          const auto plain = decrypt_jwe(token, with(kind));
          ASSERT_TRUE(plain) << plain.error().detail;
          EXPECT_EQ(plain->plaintext, text);
          EXPECT_EQ(plain->header.alg, alg);
          EXPECT_EQ(plain->header.enc, enc);
          EXPECT_EQ(plain->header.kid, "e1");
          EXPECT_EQ(compact_shape(token), CompactShape::jwe);
          EXPECT_EQ(parse_jwe_header(token)->kid, "e1");
        }
      }
    }
  }
}

TEST(Jwe, EveryChangedCharacterIsRefused) {
  for (JweEnc enc : kEncs) {
    const std::string token = encrypted(KeyKind::p256, JweAlg::ecdh_es_a256kw, enc, "text");
    for (std::size_t i = 0; i < token.size(); ++i) {
      std::string broken = token;
      broken[i] = broken[i] == 'A' ? 'B' : 'A';
      EXPECT_FALSE(decrypt_jwe(broken, with(KeyKind::p256))) << i;
    }
  }
}

TEST(Jwe, J8_InvalidCurvePointInEpkIsRefused) {
  const Json good = Jwk::from_key(key_of(KeyKind::p256).public_key()).to_json();
  const auto token = [](const Json& epk) {
    Json header = Json::object({{"alg", "ECDH-ES"}, {"enc", "A256GCM"}});
    header.set("epk", epk);
    return b64(header.dump()) + ".." + b64(std::string(12, 'i')) + "." + b64("text") + "." + b64(std::string(16, 't'));
  };
  Json off_curve = good;
  off_curve.set("y", std::string(good["x"].string_or()));
  EXPECT_EQ(decrypt_jwe(token(off_curve), with(KeyKind::p256)).error().code, ErrorCode::crypto_failed);
  Json zero = good;
  zero.set("x", b64(std::string(32, '\0'))).set("y", b64(std::string(32, '\0')));
  EXPECT_FALSE(decrypt_jwe(token(zero), with(KeyKind::p256)));
  EXPECT_FALSE(decrypt_jwe(token(Jwk::from_key(key_of(KeyKind::p384).public_key()).to_json()), with(KeyKind::p256)));
  EXPECT_FALSE(decrypt_jwe(token(Jwk::from_key(key_of(KeyKind::rsa).public_key()).to_json()), with(KeyKind::p256)));
  EXPECT_FALSE(decrypt_jwe(token(PrivateJwk::from_key(key_of(KeyKind::p256)).to_json().value()), with(KeyKind::p256)));
  EXPECT_FALSE(decrypt_jwe(token("epk"), with(KeyKind::p256)));
}

TEST(Jwe, J10_ZipIsRefused) {
  ASSERT_TRUE(decrypt_jwe(rsa_token(R"({"alg":"RSA-OAEP-256","enc":"A256GCM"})"), with(KeyKind::rsa)));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(decrypt_jwe(rsa_token(R"({"alg":"RSA-OAEP-256","enc":"A256GCM","zip":"DEF"})"), with(KeyKind::rsa)));
  EXPECT_FALSE(decrypt_jwe(rsa_token(R"({"alg":"RSA-OAEP-256","enc":"A256GCM","zip":null})"), with(KeyKind::rsa)));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(100));
}

TEST(Jwe, J11_J19_AlgorithmsNotListedAreRefused) {
  const auto start = std::chrono::steady_clock::now();
  for (const char* alg : {"RSA1_5", "RSA-OAEP", "RSA-OAEP-512", "PBES2-HS256+A128KW", "dir", "A128KW", "A256KW",
                          "A256GCMKW", "ECDH-ES+A128KW", "none", "rsa-oaep-256", ""}) {
    EXPECT_FALSE(
        decrypt_jwe(rsa_token(std::string(R"({"enc":"A256GCM","p2c":2147483647,"p2s":"AA","alg":")") + alg + "\"}"),
                    with(KeyKind::rsa)))
        << alg;
  }
  for (const char* enc : {"A192GCM", "A256CBC-HS512", "A128CBC", "none", "", "a256gcm"}) {
    EXPECT_FALSE(
        decrypt_jwe(rsa_token(std::string(R"({"alg":"RSA-OAEP-256","enc":")") + enc + "\"}"), with(KeyKind::rsa)))
        << enc;
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

TEST(Jwe, J12_J13_CritAndDuplicatesAreRefused) {
  EXPECT_FALSE(
      decrypt_jwe(rsa_token(R"({"alg":"RSA-OAEP-256","enc":"A256GCM","crit":["x"],"x":1})"), with(KeyKind::rsa)));
  EXPECT_FALSE(decrypt_jwe(rsa_token(R"({"alg":"RSA-OAEP-256","enc":"A256GCM","crit":[]})"), with(KeyKind::rsa)));
  EXPECT_FALSE(decrypt_jwe(rsa_token(R"({"alg":"RSA-OAEP-256","enc":"A256GCM","enc":"A256GCM"})"), with(KeyKind::rsa)));
  EXPECT_FALSE(decrypt_jwe(rsa_token(R"({"enc":"A256GCM"})"), with(KeyKind::rsa)));
  EXPECT_FALSE(decrypt_jwe(rsa_token(R"({"alg":"RSA-OAEP-256"})"), with(KeyKind::rsa)));
}

TEST(Jwe, J14_SizeAndDots) {
  EXPECT_EQ(decrypt_jwe(std::string(limits::kRequestObjectMax + 1, '.'), with(KeyKind::rsa)).error().code,
            ErrorCode::too_large);
  const std::string token = encrypted(KeyKind::p256, JweAlg::ecdh_es, JweEnc::a256gcm, "text");
  for (const std::string& text :
       {token + ".", "." + token, token.substr(0, token.rfind('.')), std::string("...."), std::string()}) {
    EXPECT_FALSE(decrypt_jwe(text, with(KeyKind::p256)));
  }
  EXPECT_EQ(compact_shape("a.b.c"), CompactShape::jws);
  EXPECT_EQ(compact_shape("a.b.c.d"), CompactShape::neither);
  EXPECT_EQ(compact_shape(std::string(1 << 20, '.')), CompactShape::neither);
  EXPECT_EQ(compact_shape(""), CompactShape::neither);
  EXPECT_EQ(encrypt_jwe(key_of(KeyKind::p256).public_key(),
                        {.alg = JweAlg::ecdh_es, .enc = {}, .kid = {}, .typ = {}, .cty = {}},
                        std::string(limits::kJwePlaintextMax + 1, 'x'), crypto::system_random())
                .error()
                .code,
            ErrorCode::too_large);
}

TEST(Jwe, J17_NestedMustBeSigned) {
  const std::string jws = sign_jws(signing_key(SignAlg::es256), {.typ = {}, .cty = {}}, R"({"iss":"a"})").value();
  EXPECT_EQ(decrypt_nested(encrypted(KeyKind::p256, JweAlg::ecdh_es, JweEnc::a256gcm, jws, "JWT"), with(KeyKind::p256))
                .value(),
            jws);
  EXPECT_FALSE(decrypt_nested(encrypted(KeyKind::p256, JweAlg::ecdh_es, JweEnc::a256gcm, jws), with(KeyKind::p256)))
      << "no cty";
  EXPECT_FALSE(decrypt_nested(encrypted(KeyKind::p256, JweAlg::ecdh_es, JweEnc::a256gcm, R"({"iss":"a"})", "JWT"),
                              with(KeyKind::p256)))
      << "unsigned claims";
  const std::string inner = encrypted(KeyKind::p256, JweAlg::ecdh_es, JweEnc::a256gcm, jws, "JWT");
  EXPECT_FALSE(
      decrypt_nested(encrypted(KeyKind::p256, JweAlg::ecdh_es, JweEnc::a256gcm, inner, "JWT"), with(KeyKind::p256)))
      << "JWE in a JWE";
}

TEST(Jwe, J18_ShortTagAndShortOrWrongContentKeyAreRefused) {
  for (JweEnc enc : kEncs) {
    auto parts = parts_of(encrypted(KeyKind::rsa, JweAlg::rsa_oaep_256, enc, "text"));
    const std::string tag = codec::base64url_decode(parts[4]).value();
    for (std::size_t size = 0; size < 16; ++size) {
      parts[4] = b64(tag.substr(0, size));
      EXPECT_FALSE(decrypt_jwe(joined(parts), with(KeyKind::rsa))) << size;
    }
    parts[4] = b64(tag + tag);
    EXPECT_FALSE(decrypt_jwe(joined(parts), with(KeyKind::rsa)));
  }
  for (std::size_t size : {0U, 1U, 15U, 16U, 24U, 31U, 33U, 64U}) {
    EXPECT_FALSE(
        decrypt_jwe(rsa_token(R"({"alg":"RSA-OAEP-256","enc":"A256GCM"})", std::string(size, 'c')), with(KeyKind::rsa)))
        << size;
  }
  auto wrapped = parts_of(encrypted(KeyKind::p256, JweAlg::ecdh_es_a256kw, JweEnc::a256gcm, "text"));
  for (std::size_t size : {0U, 1U, 7U, 8U, 16U, 24U, 39U, 41U, 48U, 4096U}) {
    wrapped[1] = b64(std::string(size, 'w'));
    EXPECT_FALSE(decrypt_jwe(joined(wrapped), with(KeyKind::p256))) << size;
  }
}

TEST(Jwe, J18_NothingMayFollowInDirectAgreement) {
  auto parts = parts_of(encrypted(KeyKind::p256, JweAlg::ecdh_es, JweEnc::a256gcm, "text"));
  ASSERT_TRUE(parts[1].empty());
  parts[1] = b64("key");
  EXPECT_FALSE(decrypt_jwe(joined(parts), with(KeyKind::p256)));
}

TEST(Jwe, J19_AllFailuresOfTheKeyLookAlike) {
  std::vector<Error> errors;
  const auto collect = [&errors](const std::array<std::string, 5>& parts, KeyKind kind) {
    const auto plain = decrypt_jwe(joined(parts), with(kind));
    ASSERT_FALSE(plain);
    errors.push_back(plain.error());
  };
  for (JweEnc enc : kEncs) {
    for (const auto& [kind, alg] :
         {std::pair{KeyKind::rsa, JweAlg::rsa_oaep_256}, std::pair{KeyKind::p256, JweAlg::ecdh_es_a256kw}}) {
      const auto good = parts_of(encrypted(kind, alg, enc, "text"));
      for (std::size_t part = 1; part < 5; ++part) {
        auto broken = good;
        std::string raw = codec::base64url_decode(good[part]).value();
        raw.back() = static_cast<char>(raw.back() ^ 1);
        broken[part] = b64(raw);
        collect(broken, kind);
        broken[part] = b64(raw.substr(1));
        collect(broken, kind);
      }
      collect(good, kind == KeyKind::rsa ? KeyKind::p256 : KeyKind::rsa);
    }
  }
  for (const Error& error : errors) {
    EXPECT_EQ(error.code, ErrorCode::crypto_failed);
    EXPECT_EQ(error.detail, errors.front().detail);
  }
}

TEST(Jwe, PartyInfoIsPartOfTheKey) {
  // RFC 7518 §4.6.2: "apu" and "apv" enter the derivation; they can't be altered because the header is authenticated.
  const std::string token = encrypted(KeyKind::p256, JweAlg::ecdh_es, JweEnc::a256gcm, "text");
  auto parts = parts_of(token);
  Json header = json_of(codec::base64url_decode(parts[0]).value());
  header.set("apu", b64("Alice"));
  parts[0] = b64(header.dump());
  EXPECT_FALSE(decrypt_jwe(joined(parts), with(KeyKind::p256)));
  header.set("apu", "not base64url!");
  parts[0] = b64(header.dump());
  EXPECT_EQ(decrypt_jwe(joined(parts), with(KeyKind::p256)).error().code, ErrorCode::malformed);
}

}  // namespace
}  // namespace mitral::jose
