// Keys in and out, the checks that every key passes, certificates.
#include "crypto/key.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "crypto/cert.h"
#include "crypto/pkcs8.h"
#include "crypto/sign.h"
#include "crypto/wrap.h"
#include "unit/crypto/hex.h"

namespace mitral::crypto {
namespace {

const PrivateKey& rsa_key() {
  static const PrivateKey key = PrivateKey::generate(KeyKind::rsa).value();
  return key;
}

PrivateKey key_of(KeyKind kind) { return kind == KeyKind::rsa ? rsa_key() : PrivateKey::generate(kind).value(); }

class EveryKind : public testing::TestWithParam<KeyKind> {};
INSTANTIATE_TEST_SUITE_P(Key, EveryKind,
                         testing::Values(KeyKind::rsa, KeyKind::p256, KeyKind::p384, KeyKind::p521, KeyKind::ed25519));

TEST_P(EveryKind, GoesThroughAllForms) {
  const PrivateKey key = key_of(GetParam());
  const PublicKey& pub = key.public_key();
  EXPECT_EQ(key.kind(), GetParam());
  EXPECT_EQ(PublicKey::from_components(pub.components()).value(), pub);
  EXPECT_EQ(PublicKey::from_spki_der(pub.spki_der()).value(), pub);
  EXPECT_EQ(PublicKey::from_pem(pub.pem()).value(), pub);
  EXPECT_EQ(PrivateKey::from_components(key.components().value())->public_key(), pub);
  EXPECT_EQ(PrivateKey::from_pkcs8_der(key.pkcs8_der().reveal())->public_key(), pub);
  EXPECT_EQ(PrivateKey::from_pem(key.pem().reveal())->public_key(), pub);
  EXPECT_EQ(PrivateKey::from_pem(key.pem().reveal())->components()->d, key.components()->d);
}

TEST_P(EveryKind, CutOrTrailingBytesAreRefused) {
  const PrivateKey key = key_of(GetParam());
  const std::string spki = key.public_key().spki_der();
  const std::string pkcs8(key.pkcs8_der().reveal());
  EXPECT_FALSE(PublicKey::from_spki_der(spki + "x"));
  EXPECT_FALSE(PublicKey::from_spki_der(spki.substr(0, spki.size() - 1)));
  EXPECT_FALSE(PublicKey::from_spki_der(""));
  EXPECT_FALSE(PrivateKey::from_pkcs8_der(pkcs8 + "x"));
  EXPECT_FALSE(PrivateKey::from_pkcs8_der(spki));
  EXPECT_FALSE(PublicKey::from_pem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"));
  EXPECT_FALSE(PrivateKey::from_pem(""));
}

// What this program writes is read without OpenSSL's decoders (crypto/pkcs8.h). No damage gets another key through, and
// neither reader takes what the other one would call a different key.
TEST_P(EveryKind, ADamagedPrivateKeyIsRefusedOrTheSame) {
  const PrivateKey key = key_of(GetParam());
  const std::string good(key.pkcs8_der().reveal());
  EXPECT_EQ(usual_pkcs8(good).has_value(), GetParam() != KeyKind::ed25519);
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(usual_pkcs8(good.substr(0, size))) << size;
  EXPECT_FALSE(usual_pkcs8(good + '\0'));
  if (GetParam() == KeyKind::ed25519) return;  // any 32 bytes are a key
  for (std::size_t i = 0; i < good.size(); i += i < 80 ? 1 : 7) {
    for (const int bit : {0x01, 0x80}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ bit);
      const auto read = PrivateKey::from_pkcs8_der(bad);
      if (read) EXPECT_EQ(read->public_key(), key.public_key()) << i;
    }
  }
}

TEST(Pkcs8, LengthsAndNumbersAreTheShortest) {
  using namespace std::string_view_literals;
  const std::string good(PrivateKey::generate(KeyKind::p256)->pkcs8_der().reveal());
  ASSERT_TRUE(usual_pkcs8(good));
  // 30 81 87 …: the same length in two bytes, and of no definite size (X.690 section 10.1).
  ASSERT_EQ(good.substr(0, 2), "\x30\x81"sv);
  EXPECT_FALSE(usual_pkcs8(std::string("\x30\x82\x00"sv) + good.substr(2)));
  EXPECT_FALSE(usual_pkcs8(std::string("\x30\x80"sv) + good.substr(3) + std::string("\0\0"sv)));
  EXPECT_FALSE(usual_pkcs8(std::string("\x30\x84\x00\x00\x00"sv) + good.substr(2)));
}

TEST_P(EveryKind, HalvesOfTwoKeysAreRefused) {
  const PrivateKey a = key_of(GetParam());
  const PrivateKey b = PrivateKey::generate(GetParam()).value();
  PrivateComponents mixed = a.components().value();
  mixed.d = b.components()->d;
  EXPECT_FALSE(PrivateKey::from_components(mixed));
  mixed = a.components().value();
  mixed.pub = b.public_key().components();
  EXPECT_FALSE(PrivateKey::from_components(mixed));
}

class EveryCurve : public testing::TestWithParam<KeyKind> {};
INSTANTIATE_TEST_SUITE_P(Key, EveryCurve, testing::Values(KeyKind::p256, KeyKind::p384, KeyKind::p521));

TEST_P(EveryCurve, J8_PointOffTheCurveIsRefused) {
  const PublicComponents good = PrivateKey::generate(GetParam())->public_key().components();
  PublicComponents parts = good;
  parts.y.back() = static_cast<char>(parts.y.back() ^ 1);
  EXPECT_EQ(PublicKey::from_components(parts).error().code, ErrorCode::crypto_failed);
  parts = good;
  std::swap(parts.x, parts.y);
  EXPECT_FALSE(PublicKey::from_components(parts));
  parts = good;
  parts.x.assign(parts.x.size(), '\0');
  parts.y.assign(parts.y.size(), '\0');
  EXPECT_FALSE(PublicKey::from_components(parts));
  parts.x.assign(parts.x.size(), '\xff');
  parts.y.assign(parts.y.size(), '\xff');
  EXPECT_FALSE(PublicKey::from_components(parts));
  parts = good;
  parts.x.pop_back();
  EXPECT_FALSE(PublicKey::from_components(parts));
  parts = good;
  parts.x.insert(0, 1, '\0');
  EXPECT_FALSE(PublicKey::from_components(parts));
}

TEST_P(EveryCurve, PrivateNumberOutOfRangeIsRefused) {
  PrivateComponents parts = PrivateKey::generate(GetParam())->components().value();
  parts.d = Secret(std::string(coordinate_size(GetParam()), '\0'));
  EXPECT_FALSE(PrivateKey::from_components(parts));
  parts.d = Secret(std::string(coordinate_size(GetParam()), '\xff'));
  EXPECT_FALSE(PrivateKey::from_components(parts));
}

TEST(RsaKey, J9_WeakOrOddNumbersAreRefused) {
  const PublicComponents good = rsa_key().public_key().components();
  const auto refused = [&](std::string n, std::string e) {
    PublicComponents parts = good;
    parts.n = std::move(n);
    parts.e = std::move(e);
    const auto key = PublicKey::from_components(parts);
    return !key && key.error().code == ErrorCode::crypto_failed;
  };
  EXPECT_TRUE(refused(good.n.substr(0, 64), good.e)) << "512 bits";
  EXPECT_TRUE(refused(good.n.substr(0, 255) + "", good.e)) << "2040 bits";
  EXPECT_TRUE(refused("", good.e));
  EXPECT_TRUE(refused(std::string(1, '\0') + good.n, good.e)) << "leading zero";
  EXPECT_TRUE(refused(std::string(8192, '\xff'), good.e)) << "64 kbit";
  EXPECT_TRUE(refused(good.n.substr(0, 255) + '\x02', good.e)) << "even modulus";
  EXPECT_TRUE(refused(good.n, std::string(1, '\x01')));
  EXPECT_TRUE(refused(good.n, std::string(1, '\x03')));
  EXPECT_TRUE(refused(good.n, ""));
  EXPECT_TRUE(refused(good.n, from_hex("010000"))) << "even exponent";
  EXPECT_TRUE(refused(good.n, from_hex("ffff"))) << "below 65537";
  EXPECT_TRUE(refused(good.n, std::string(9, '\xff'))) << "above 64 bits";
  EXPECT_TRUE(refused(good.n, good.n)) << "huge exponent";
  EXPECT_FALSE(refused(good.n, from_hex("010001")));
  EXPECT_FALSE(PrivateKey::generate(KeyKind::rsa, 1024));
  EXPECT_FALSE(PrivateKey::generate(KeyKind::rsa, 16384));
}

TEST(RsaKey, J9_WeakKeyInSpkiIsRefused) {
  EXPECT_FALSE(PublicKey::from_spki_der(from_hex(
      "305c300d06092a864886f70d0101010500034b003048024100d1cd3c104676111f45617e22bc61d614c9afe37fff3e085fd8482c5b"
      "fb78d2544231e52784536aa9517bebf9e41dc2a447069784cf5ac042c1b7807f8ee2c0190203010001")));
}

TEST(RsaKey, PartsThatDoNotBelongTogetherAreRefused) {
  const PrivateComponents good = rsa_key().components().value();
  ASSERT_TRUE(PrivateKey::from_components(good));
  for (Secret PrivateComponents::* member : {&PrivateComponents::d, &PrivateComponents::p, &PrivateComponents::q,
                                             &PrivateComponents::dp, &PrivateComponents::dq, &PrivateComponents::qi}) {
    PrivateComponents parts = good;
    std::string number((parts.*member).reveal());
    number.back() = static_cast<char>(number.back() ^ 2);
    parts.*member = Secret(number);
    EXPECT_FALSE(PrivateKey::from_components(parts));
    parts.*member = Secret();
    EXPECT_FALSE(PrivateKey::from_components(parts));
  }
}

TEST(EcKey, CurvesWeDoNotKnowAndSpelledOutCurvesAreRefused) {
  EXPECT_FALSE(PublicKey::from_spki_der(from_hex(
      "3056301006072a8648ce3d020106052b8104000a034200047d5e81b795dfe105c49f7a47db94dca9b6f8d6588ee61377455b1b88a51a"
      "a89ef405742b5cb71850cde943f3050881812195ee9eb5c31bf7e123a809516e19f5")))
      << "secp256k1";
  EXPECT_FALSE(PublicKey::from_spki_der(
      from_hex("3082014b3082010306072a8648ce3d02013081f7020101302c06072a8648ce3d0101022100ffffffff000000010000000000000"
               "00000000000ff"
               "ffffffffffffffffffffff305b0420ffffffff00000001000000000000000000000000fffffffffffffffffffffffc04205ac63"
               "5d8aa3a93e7"
               "b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b031500c49d360886e704936a6678e1139d26b7819f7e900441046b1"
               "7d1f2e12c42"
               "47f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb64"
               "06837bf51f5"
               "022100ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc63255102010103420004dcbf19ac51f15ec82e7"
               "e164da9dc0d"
               "caa57c9697078e4d4c7bb317cb5ae64198663d99c486bd132e6c53c5a46f69b8d9586aba15020bfb4981b34e4b27ac0d53")))
      << "explicit parameters (CVE-2020-0601)";
}

TEST(Ecdh, BothSidesAgreeAndOtherKeysAreRefused) {
  for (KeyKind kind : {KeyKind::p256, KeyKind::p384, KeyKind::p521}) {
    const PrivateKey a = PrivateKey::generate(kind).value(), b = PrivateKey::generate(kind).value();
    const auto ab = ecdh(a, b.public_key()), ba = ecdh(b, a.public_key());
    ASSERT_TRUE(ab && ba);
    EXPECT_EQ(*ab, *ba);
    EXPECT_EQ(ab->reveal().size(), coordinate_size(kind));
  }
  const PrivateKey p256 = PrivateKey::generate(KeyKind::p256).value();
  EXPECT_FALSE(ecdh(p256, PrivateKey::generate(KeyKind::p384)->public_key()));
  const PrivateKey ed = PrivateKey::generate(KeyKind::ed25519).value();
  EXPECT_FALSE(ecdh(ed, ed.public_key()));
  EXPECT_FALSE(ecdh(rsa_key(), rsa_key().public_key()));
}

TEST(RsaOaep, RoundTripAndRefusals) {
  const Secret cek(std::string(32, 'c'));
  const std::string sealed = rsa_oaep256_encrypt(rsa_key().public_key(), cek).value();
  EXPECT_EQ(rsa_oaep256_decrypt(rsa_key(), sealed).value(), cek);
  std::string broken = sealed;
  broken[100] = static_cast<char>(broken[100] ^ 1);
  EXPECT_EQ(rsa_oaep256_decrypt(rsa_key(), broken).error().code, ErrorCode::crypto_failed);
  EXPECT_FALSE(rsa_oaep256_decrypt(rsa_key(), sealed.substr(1)));
  EXPECT_FALSE(rsa_oaep256_decrypt(rsa_key(), ""));
  EXPECT_FALSE(rsa_oaep256_encrypt(PrivateKey::generate(KeyKind::p256)->public_key(), cek));
  EXPECT_FALSE(rsa_oaep256_encrypt(rsa_key().public_key(), Secret(std::string(256, 'c')))) << "longer than OAEP takes";
}

constexpr std::string_view kCertificate =
    "308201883082012fa003020102021470c3d69601351f5c59b1356094507520989b7ef2300a06082a8648ce3d0403023019311730150603"
    "5504030c0e636c69656e742e6578616d706c653020170d3236313132323030313434305a180f32313236313032393030313434305a3019"
    "3117301506035504030c0e636c69656e742e6578616d706c653059301306072a8648ce3d020106082a8648ce3d03010703420004cd2d89"
    "7ee092c6f611ec602cf8c2dfb4d22dddb139900bd050a0d1bc1aa83d59b25185452a72f6ab70578f57b576689c92645aff93b0eca5c171"
    "d67bf0c8b940a3533051301d0603551d0e0416041488b59ff4193722c33a3ff336554f6499d7ed9e40301f0603551d2304183016801488"
    "b59ff4193722c33a3ff336554f6499d7ed9e40300f0603551d130101ff040530030101ff300a06082a8648ce3d0403020347003044021f"
    "6c3434f6e230d615c3d6ced83cb4fded05ff0e8cd3699e65087372c69adca4022100afbe47550047398269dc658ca0b2ed150b213447a2"
    "77ae40afbdf73a450b5336";

TEST(Certificate, ThumbprintAndKey) {
  const std::string der = from_hex(kCertificate);
  EXPECT_EQ(to_string(certificate_thumbprint(der)),
            from_hex("224eff070047cb98ad1918b70345cfbdb04e8861e69b1b265bafd11cd58c84c0"));
  const auto key = certificate_public_key(der);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->pem(),
            "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEzS2JfuCSxvYR7GAs+MLftNIt3bE5\n"
            "kAvQUKDRvBqoPVmyUYVFKnL2q3BXj1e1dmickmRa/5Ow7KXBcdZ78Mi5QA==\n-----END PUBLIC KEY-----\n");
}

TEST(Certificate, AnythingElseIsRefused) {
  const std::string der = from_hex(kCertificate);
  EXPECT_FALSE(certificate_public_key(der + "x"));
  EXPECT_FALSE(certificate_public_key(der.substr(0, 100)));
  EXPECT_FALSE(certificate_public_key(""));
  EXPECT_EQ(certificate_public_key(std::string(limits::kCertificateMax + 1, '0')).error().code, ErrorCode::too_large);
}

}  // namespace
}  // namespace mitral::crypto
