// Signatures: each algorithm both ways, the vectors of RFC 8032 and RFC 6979's public key, and the ways round them.
#include "crypto/sign.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "crypto/hash.h"
#include "unit/crypto/hex.h"

namespace mitral::crypto {
namespace {

constexpr SignAlg kAll[] = {SignAlg::rs256, SignAlg::rs384, SignAlg::rs512,  SignAlg::ps256,
                            SignAlg::ps384, SignAlg::ps512, SignAlg::es256,  SignAlg::es384,
                            SignAlg::es512, SignAlg::eddsa, SignAlg::ed25519};
constexpr KeyKind kKinds[] = {KeyKind::rsa, KeyKind::p256, KeyKind::p384, KeyKind::p521, KeyKind::ed25519};

const PrivateKey& key_of(KeyKind kind) {
  static std::map<KeyKind, PrivateKey> keys;
  auto found = keys.find(kind);
  if (found == keys.end()) found = keys.emplace(kind, PrivateKey::generate(kind).value()).first;
  return found->second;
}

TEST(Sign, EveryAlgorithmWithItsKindOfKeyAndNoOther) {
  for (SignAlg alg : kAll) {
    for (KeyKind kind : kKinds) {
      const PrivateKey& key = key_of(kind);
      const auto signature = sign(key, alg, "message");
      ASSERT_EQ(signature.has_value(), fits(alg, kind));
      if (!signature) {
        EXPECT_FALSE(verify(key.public_key(), alg, "message", std::string(64, 'x')));
        continue;
      }
      for (int round = 0; round < 3; ++round) EXPECT_TRUE(verify(key.public_key(), alg, "message", *signature));
      EXPECT_FALSE(verify(key.public_key(), alg, "messagf", *signature));
      EXPECT_FALSE(verify(PrivateKey::generate(kind)->public_key(), alg, "message", *signature));
      EXPECT_FALSE(verify(key.public_key(), alg, "message", ""));
      EXPECT_FALSE(verify(key.public_key(), alg, "message", *signature + "x"));
      EXPECT_FALSE(verify(key.public_key(), alg, "message", signature->substr(1)));
      for (std::size_t i = 0; i < signature->size(); i += 7) {
        std::string broken = *signature;
        broken[i] = static_cast<char>(broken[i] ^ 1);
        EXPECT_FALSE(verify(key.public_key(), alg, "message", broken));
      }
      EXPECT_TRUE(verify(key.public_key(), alg, "message", *signature)) << "after failures";
    }
  }
}

TEST(Sign, OneRsaAlgorithmDoesNotPassForAnother) {
  const PrivateKey& key = key_of(KeyKind::rsa);
  const SignAlg rsa[] = {SignAlg::rs256, SignAlg::rs384, SignAlg::rs512,
                         SignAlg::ps256, SignAlg::ps384, SignAlg::ps512};
  for (SignAlg made : rsa) {
    const std::string signature = sign(key, made, "m").value();
    for (SignAlg read : rsa) EXPECT_EQ(verify(key.public_key(), read, "m", signature).has_value(), made == read);
  }
}

TEST(Ecdsa, J7_NumbersOutOfRangeAndDerAreRefused) {
  struct Curve {
    KeyKind kind;
    SignAlg alg;
    std::string order;
  };
  const Curve curves[] = {
      {KeyKind::p256, SignAlg::es256, from_hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")},
      {KeyKind::p384, SignAlg::es384,
       from_hex("ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973")},
      {KeyKind::p521, SignAlg::es512,
       from_hex("01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03b"
                "b5c9b8"
                "899c47aebb6fb71e91386409")}};
  for (const Curve& curve : curves) {
    const PrivateKey& key = key_of(curve.kind);
    const std::size_t size = coordinate_size(curve.kind);
    const auto refused = [&](const std::string& signature) {
      return !verify(key.public_key(), curve.alg, "m", signature).has_value();
    };
    const std::string good = sign(key, curve.alg, "m").value();
    ASSERT_EQ(good.size(), 2 * size);
    const std::string r = good.substr(0, size), s = good.substr(size), zero(size, '\0'), ones(size, '\xff');
    EXPECT_TRUE(refused(zero + zero)) << "CVE-2022-21449";
    EXPECT_TRUE(refused(zero + s));
    EXPECT_TRUE(refused(r + zero));
    EXPECT_TRUE(refused(curve.order + s));
    EXPECT_TRUE(refused(r + curve.order));
    EXPECT_TRUE(refused(curve.order + curve.order));
    EXPECT_TRUE(refused(ones + ones));
    EXPECT_TRUE(refused(good + '\0'));
    EXPECT_TRUE(refused('\0' + good));
    EXPECT_TRUE(refused(good.substr(0, good.size() - 1)));
    std::string der = from_hex("3006020101020101");
    EXPECT_TRUE(refused(der));
    der.resize(2 * size, '\0');
    EXPECT_TRUE(refused(der));
    EXPECT_FALSE(refused(good));
  }
}

TEST(Ecdsa, SmallNumbersAreEncodedRight) {
  // About one signature in 256 has an r or s with leading zero bytes, and half of them a high bit: both must survive
  // DER.
  const PrivateKey& key = key_of(KeyKind::p256);
  for (int i = 0; i < 600; ++i) {
    const std::string message = std::to_string(i);
    ASSERT_TRUE(verify(key.public_key(), SignAlg::es256, message, sign(key, SignAlg::es256, message).value()));
  }
}

TEST(Ecdsa, J25_NoNonceRepeats) {
  const PrivateKey& key = key_of(KeyKind::p256);
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(sign(key, SignAlg::es256, "the same message")->substr(0, 32));
  EXPECT_EQ(seen.size(), 1000U);
}

TEST(Ecdsa, Rfc6979AppendixA25Signatures) {
  const PublicKey key =
      PublicKey::from_components({.kind = KeyKind::p256,
                                  .n = {},
                                  .e = {},
                                  .x = from_hex("60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"),
                                  .y = from_hex("7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299")})
          .value();
  EXPECT_TRUE(verify(key, SignAlg::es256, "sample",
                     from_hex("EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
                              "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8")));
  EXPECT_TRUE(verify(key, SignAlg::es256, "test",
                     from_hex("F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367"
                              "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083")));
}

TEST(EdDsa, Rfc8032Section71) {
  const auto check = [](std::string_view secret, std::string_view pub, std::string_view message,
                        std::string_view expected) {
    PrivateComponents parts;
    parts.pub = {.kind = KeyKind::ed25519, .n = {}, .e = {}, .x = from_hex(pub), .y = {}};
    parts.d = Secret(from_hex(secret));
    const auto key = PrivateKey::from_components(parts);
    ASSERT_TRUE(key);
    const std::string m = from_hex(message);
    EXPECT_EQ(sign(*key, SignAlg::eddsa, m).value(), from_hex(expected));
    EXPECT_TRUE(verify(key->public_key(), SignAlg::ed25519, m, from_hex(expected)));
  };
  check("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe"
        "24655141"
        "438e7a100b");
  check("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302a"
        "eeb00d29"
        "1612bb0c00");
}

TEST(Sign, ManyKeysAndThreadsShareOneKey) {
  const PrivateKey& key = key_of(KeyKind::p256);
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&key, &good, t] {
      for (int i = 0; i < 50; ++i) {
        const PrivateKey other = PrivateKey::generate(KeyKind::p256).value();  // pushes the shared key out of the cache
        const std::string message = std::to_string(t * 1000 + i);
        good +=
            verify(key.public_key(), SignAlg::es256, message, sign(key, SignAlg::es256, message).value()).has_value();
        good += verify(other.public_key(), SignAlg::es256, message, sign(other, SignAlg::es256, message).value())
                    .has_value();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 400);
}

}  // namespace
}  // namespace mitral::crypto
