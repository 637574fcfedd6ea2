// AES-GCM by the GCM specification's test case 16, key wrap by RFC 3394 §4, A128CBC-HS256 by RFC 7518 appendix B.1,
// Concat KDF by RFC 7518 appendix C, sealing at rest.
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "crypto/aead.h"
#include "crypto/keywrap.h"
#include "crypto/random.h"
#include "crypto/wrap.h"
#include "unit/crypto/hex.h"

namespace mitral::crypto {
namespace {

TEST(AesGcm, SpecificationCase16) {
  const std::string key = from_hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
  const std::string iv = from_hex("cafebabefacedbaddecaf888");
  const std::string aad = from_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const std::string plain = from_hex(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657"
      "ba637b39");
  const std::string sealed = from_hex(
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0a"
      "bcc9f662 76fc6ece0f4e1768cddf8853bb2d551b");
  EXPECT_EQ(seal(Aead::aes256_gcm, key, iv, aad, plain).value(), sealed);
  EXPECT_EQ(open(Aead::aes256_gcm, key, iv, aad, sealed).value(), plain);
}

TEST(AesGcm, EveryChangedByteIsRefused) {
  const std::string key(16, 'k'), nonce(12, 'n');
  const std::string sealed = seal(Aead::aes128_gcm, key, nonce, "aad", "plain").value();
  ASSERT_TRUE(open(Aead::aes128_gcm, key, nonce, "aad", sealed));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string broken = sealed;
    broken[i] = static_cast<char>(broken[i] ^ 1);
    EXPECT_EQ(open(Aead::aes128_gcm, key, nonce, "aad", broken).error().code, ErrorCode::crypto_failed) << i;
  }
  EXPECT_FALSE(open(Aead::aes128_gcm, key, nonce, "aae", sealed));
  EXPECT_FALSE(open(Aead::aes128_gcm, key, nonce, "", sealed));
  EXPECT_FALSE(open(Aead::aes128_gcm, key, std::string(12, 'm'), "aad", sealed));
}

// The thread keeps one context for each key size: nothing of one use may show in the next.
TEST(AesGcm, UsesOfOneThreadDoNotMix) {
  const std::string nonce(12, 'n'), other(12, 'o'), key(32, 'k'), key2(32, 'l'), small(16, 'k');
  const std::string first = seal(Aead::aes256_gcm, key, nonce, "aad", "plain").value();
  const std::string second = seal(Aead::aes256_gcm, key2, other, "", "another text").value();
  const std::string third = seal(Aead::aes128_gcm, small, nonce, "aad", "plain").value();
  for (int round = 0; round < 2; ++round) {
    EXPECT_FALSE(open(Aead::aes256_gcm, key, nonce, "aad", second));
    EXPECT_EQ(open(Aead::aes256_gcm, key, nonce, "aad", first).value(), "plain");
    EXPECT_EQ(open(Aead::aes128_gcm, small, nonce, "aad", third).value(), "plain");
    EXPECT_FALSE(open(Aead::aes256_gcm, key2, nonce, "aad", first));
    EXPECT_EQ(seal(Aead::aes256_gcm, key, nonce, "aad", "plain").value(), first);
    EXPECT_EQ(open(Aead::aes256_gcm, key2, other, "", second).value(), "another text");
  }
}

TEST(AesGcm, J18_TruncatedTagIsRefused) {
  const std::string key(32, 'k'), nonce(12, 'n');
  const std::string sealed = seal(Aead::aes256_gcm, key, nonce, "", "").value();
  ASSERT_EQ(sealed.size(), 16U);
  for (std::size_t size = 0; size < 16; ++size)
    EXPECT_FALSE(open(Aead::aes256_gcm, key, nonce, "", sealed.substr(0, size)));
}

TEST(AesGcm, SizesOfKeyAndNonceAreExact) {
  EXPECT_FALSE(seal(Aead::aes256_gcm, std::string(16, 'k'), std::string(12, 'n'), "", "x"));
  EXPECT_FALSE(seal(Aead::aes128_gcm, std::string(32, 'k'), std::string(12, 'n'), "", "x"));
  EXPECT_FALSE(seal(Aead::aes256_gcm, std::string(32, 'k'), std::string(11, 'n'), "", "x"));
  EXPECT_FALSE(seal(Aead::aes256_gcm, std::string(32, 'k'), "", "", "x"));
}

TEST(AesKeyWrap, Rfc3394Section4) {
  const Secret kek128(from_hex("000102030405060708090A0B0C0D0E0F"));
  const Secret key128(from_hex("00112233445566778899AABBCCDDEEFF"));
  const std::string wrapped128 = from_hex("1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5");
  EXPECT_EQ(aes_wrap(kek128, key128).value(), wrapped128);
  EXPECT_EQ(aes_unwrap(kek128, wrapped128).value(), key128);

  const Secret kek256(from_hex("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"));
  const Secret key256(from_hex("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F"));
  const std::string wrapped256 =
      from_hex("28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21");
  EXPECT_EQ(aes_wrap(kek256, key256).value(), wrapped256);
  EXPECT_EQ(aes_unwrap(kek256, wrapped256).value(), key256);
}

TEST(AesKeyWrap, J18_ShortLongAndChangedInputIsRefused) {
  const Secret kek(std::string(32, 'k'));
  const std::string wrapped = aes_wrap(kek, Secret(std::string(32, 'c'))).value();
  for (std::size_t size = 0; size < wrapped.size(); ++size)
    EXPECT_FALSE(aes_unwrap(kek, wrapped.substr(0, size))) << size;
  EXPECT_FALSE(aes_unwrap(kek, wrapped + "12345678"));
  EXPECT_FALSE(aes_unwrap(kek, std::string(4096, 'x')));
  for (std::size_t i = 0; i < wrapped.size(); ++i) {
    std::string broken = wrapped;
    broken[i] = static_cast<char>(broken[i] ^ 0x80);
    EXPECT_FALSE(aes_unwrap(kek, broken));
  }
  EXPECT_FALSE(aes_wrap(Secret(std::string(24, 'k')), Secret(std::string(32, 'c'))));
  EXPECT_FALSE(aes_wrap(kek, Secret(std::string(8, 'c'))));
}

TEST(CbcHmac, Rfc7518AppendixB1) {
  const Secret key(from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"));
  const std::string plain =
      "A cipher system must not be required to be secret, and it must be able to fall into the hands of the enemy "
      "without "
      "inconvenience";
  const std::string iv = from_hex("1af38c2dc2b96ffdd86694092341bc04");
  const std::string aad = "The second principle of Auguste Kerckhoffs";
  const auto sealed = cbc_hmac_seal(key, iv, aad, plain);
  ASSERT_TRUE(sealed);
  EXPECT_EQ(
      sealed->ciphertext,
      from_hex(
          "c80edfa32ddf39d5ef00c0b468834279a2e46a1b8049f792f76bfe54b903a9c9a94ac9b47ad2655c5f10f9aef71427e2fc6f9b3f"
          "399a221489f16362c703233609d45ac69864e3321cf82935ac4096c86e133314c54019e8ca7980dfa4b9cf1b384c486f3a54c51078"
          "158ee5d79de59fbd34d848b3d69550a67646344427ade54b8851ffb598f7f80074b9473c82e2db"));
  EXPECT_EQ(sealed->tag, from_hex("652c3fa36b0a7c5b3219fab3a30bc1c4"));
  EXPECT_EQ(cbc_hmac_open(key, iv, aad, sealed->ciphertext, sealed->tag).value(), plain);
}

TEST(CbcHmac, J19_AnyChangeGivesTheSameError) {
  const Secret key(std::string(32, 'k'));
  const std::string iv(16, 'i');
  const auto sealed = cbc_hmac_seal(key, iv, "aad", "plain text").value();
  std::string last = sealed.ciphertext;  // would break the padding
  last.back() = static_cast<char>(last.back() ^ 1);
  std::string tag = sealed.tag;
  tag[0] = static_cast<char>(tag[0] ^ 1);
  const auto a = cbc_hmac_open(key, iv, "aad", last, sealed.tag);
  const auto b = cbc_hmac_open(key, iv, "aad", sealed.ciphertext, tag);
  const auto c = cbc_hmac_open(key, iv, "bad", sealed.ciphertext, sealed.tag);
  ASSERT_FALSE(a || b || c);
  EXPECT_EQ(a.error().code, b.error().code);
  EXPECT_EQ(a.error().detail, b.error().detail);
  EXPECT_EQ(a.error().detail, c.error().detail);
  EXPECT_FALSE(cbc_hmac_open(key, iv, "aad", sealed.ciphertext, sealed.tag.substr(0, 15)));
  EXPECT_FALSE(cbc_hmac_open(key, iv, "aad", "", sealed.tag));
  EXPECT_FALSE(cbc_hmac_open(key, iv, "aad", sealed.ciphertext.substr(1), sealed.tag));
}

TEST(ConcatKdf, Rfc7518AppendixC) {
  const std::uint8_t z[] = {158, 86, 217, 29,  129, 113, 53,  211, 114, 131, 66,  131, 191, 132, 38,  156,
                            251, 49, 110, 163, 218, 128, 106, 72,  246, 218, 167, 121, 140, 254, 144, 196};
  const std::uint8_t expected[] = {86, 170, 141, 234, 248, 35, 109, 32, 92, 34, 40, 205, 113, 167, 16, 26};
  const auto key = concat_kdf(Secret(to_string(z)), "A128GCM", "Alice", "Bob", 16);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->reveal(), as_view(expected));
}

TEST(ConcatKdf, SizesBeyondOneHashAndOutOfRange) {
  const Secret z(std::string(32, 'z'));
  EXPECT_EQ(concat_kdf(z, "x", "", "", 48)->reveal().size(), 48U);
  EXPECT_FALSE(concat_kdf(z, "x", "", "", 0));
  EXPECT_FALSE(concat_kdf(z, "x", "", "", 65));
}

TEST(MasterKeyRing, SealedBlobOpensOnlyForItsPurposeAndWhole) {
  MasterKeyRing ring;
  EXPECT_FALSE(ring.seal(system_random(), "signing-key", Secret(std::string("secret"))));
  ASSERT_TRUE(ring.add(7, Secret(std::string(32, 'm'))));
  const std::string blob = ring.seal(system_random(), "signing-key", Secret(std::string("secret"))).value();
  EXPECT_EQ(blob.find("secret"), std::string::npos);
  EXPECT_EQ(ring.open("signing-key", blob)->reveal(), "secret");
  EXPECT_FALSE(ring.open("totp", blob));
  for (std::size_t i = 0; i < blob.size(); ++i) {
    std::string broken = blob;
    broken[i] = static_cast<char>(broken[i] ^ 1);
    EXPECT_FALSE(ring.open("signing-key", broken)) << i;
    EXPECT_FALSE(ring.open("signing-key", blob.substr(0, i))) << i;
  }
}

TEST(MasterKeyRing, RotationOpensOldBlobsAndCallsThemStale) {
  MasterKeyRing ring;
  ASSERT_TRUE(ring.add(1, Secret(std::string(32, 'a'))));
  const std::string old_blob = ring.seal(system_random(), "p", Secret(std::string("x"))).value();
  EXPECT_FALSE(ring.is_stale(old_blob));
  ASSERT_TRUE(ring.add(2, Secret(std::string(32, 'b'))));
  EXPECT_TRUE(ring.is_stale(old_blob));
  EXPECT_EQ(ring.open("p", old_blob)->reveal(), "x");
  EXPECT_FALSE(ring.is_stale(ring.seal(system_random(), "p", Secret(std::string("x"))).value()));
  EXPECT_FALSE(ring.add(2, Secret(std::string(32, 'c'))));
  EXPECT_FALSE(ring.add(3, Secret(std::string(31, 'c'))));
}

}  // namespace
}  // namespace mitral::crypto
