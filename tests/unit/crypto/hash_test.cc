// SHA-2 by the examples of FIPS 180-4, HMAC by RFC 4231.
#include "crypto/hash.h"

#include <gtest/gtest.h>

#include "crypto/random.h"
#include "unit/crypto/hex.h"

namespace mitral::crypto {
namespace {

template <class Hash>
std::string text(const Hash& hash) {
  return std::string(hash.begin(), hash.end());
}

TEST(Hash, Fips180ExampleAbc) {
  EXPECT_EQ(text(sha256("abc")), from_hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
  EXPECT_EQ(
      text(sha384("abc")),
      from_hex("cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"));
  EXPECT_EQ(text(sha512("abc")), from_hex("ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                                          "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"));
  EXPECT_EQ(text(sha256("")), from_hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
}

TEST(Hash, DigestPicksTheAlgorithm) {
  EXPECT_EQ(digest(HashAlg::sha256, "x"), text(sha256("x")));
  EXPECT_EQ(digest(HashAlg::sha384, "x"), text(sha384("x")));
  EXPECT_EQ(digest(HashAlg::sha512, "x"), text(sha512("x")));
}

TEST(Hash, PiecesGiveTheSameAsTheWholeAndTheObjectStartsAnew) {
  Sha256 hash;
  EXPECT_EQ(hash.update("a").update("").update("bc").finish(), sha256("abc"));
  EXPECT_EQ(hash.update("abc").finish(), sha256("abc"));
  Sha256 moved = std::move(hash);
  EXPECT_EQ(moved.finish(), sha256(""));
}

TEST(Hmac, Rfc4231Cases) {
  EXPECT_EQ(text(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            from_hex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"));
  EXPECT_EQ(text(hmac_sha256("Jefe", "what do ya want for nothing?")),
            from_hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
  EXPECT_EQ(text(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
            from_hex("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"));
}

TEST(Hmac, EmptyKeyIsAKeyAndNotTheLastOne) {
  const auto empty_first = hmac_sha256("", "data");
  static_cast<void>(hmac_sha256("another key", "data"));
  EXPECT_EQ(hmac_sha256("", "data"), empty_first);
  EXPECT_EQ(hmac_sha256(std::string_view{}, "data"), empty_first);
}

TEST(SystemRandom, GivesOtherBytesEachTime) {
  const std::string a = random_bytes(system_random(), 32);
  EXPECT_EQ(a.size(), 32U);
  EXPECT_NE(a, random_bytes(system_random(), 32));
  EXPECT_TRUE(random_bytes(system_random(), 0).empty());
}

}  // namespace
}  // namespace mitral::crypto
