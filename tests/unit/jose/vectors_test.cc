// The RFCs' own examples: RFC 7515 A.2 to A.4, RFC 8037 A.3 and A.4, RFC 7520 4.1 to 4.3 and 5.5, RFC 7638 3.1,
// RFC 7518 C, RFC 9449 6.1 (tests/vectors/jose/rfc.json).
#include <gtest/gtest.h>

#include "crypto/wrap.h"
#include "jose/jwe.h"
#include "unit/jose/keys.h"

namespace mitral::jose {
namespace {

using codec::Json;

std::string_view text_of(const Json& json, std::string_view member) { return json[member].as_string().value(); }

TEST(Vectors, Jws) {
  const Json vectors = rfc_vectors();
  ASSERT_EQ(vectors["jws"].size(), 7U);
  for (const Json& vector : vectors["jws"].items()) {
    SCOPED_TRACE(text_of(vector, "name"));
    const auto key = PrivateJwk::parse(vector["key"]);
    ASSERT_TRUE(key) << key.error().detail;
    const auto alg = parse_sign_alg(text_of(vector, "alg"));
    ASSERT_TRUE(alg);
    const std::string compact(text_of(vector, "compact"));
    const auto jws = Jws::parse(compact, {*alg});
    ASSERT_TRUE(jws) << jws.error().detail;
    ASSERT_TRUE(jws->verify(key->key().public_key()));

    // And the other way: the same bytes where the algorithm knows no chance, a good signature where it does.
    const std::size_t dot = compact.rfind('.');
    const std::string signature = crypto::sign(key->key(), *alg, compact.substr(0, dot)).value();
    EXPECT_EQ(b64(signature) == compact.substr(dot + 1), vector["deterministic"].as_bool().value());
    EXPECT_TRUE(crypto::verify(key->key().public_key(), *alg, compact.substr(0, dot), signature));
  }
}

TEST(Vectors, Jwe) {
  const Json vectors = rfc_vectors();
  ASSERT_EQ(vectors["jwe"].size(), 1U);
  for (const Json& vector : vectors["jwe"].items()) {
    SCOPED_TRACE(text_of(vector, "name"));
    const auto key = PrivateJwk::parse(vector["key"]);
    ASSERT_TRUE(key);
    const auto plain = decrypt_jwe(text_of(vector, "compact"),
                                   [&key](const JweHeader&) -> Result<crypto::PrivateKey> { return key->key(); });
    ASSERT_TRUE(plain) << plain.error().detail;
    EXPECT_EQ(plain->plaintext, text_of(vector, "plaintext"));
  }
}

TEST(Vectors, Thumbprints) {
  const Json vectors = rfc_vectors();
  ASSERT_EQ(vectors["thumbprint"].size(), 3U);
  for (const Json& vector : vectors["thumbprint"].items()) {
    EXPECT_EQ(Jwk::parse(vector["key"])->thumbprint(), text_of(vector, "thumbprint")) << text_of(vector, "name");
  }
}

TEST(Vectors, KeyAgreement) {
  const Json vectors = rfc_vectors();
  ASSERT_EQ(vectors["agreement"].size(), 1U);
  for (const Json& vector : vectors["agreement"].items()) {
    const auto own = PrivateJwk::parse(vector["own"]);
    const auto peer = Jwk::parse(vector["peer"]);
    ASSERT_TRUE(own && peer);
    const auto shared = crypto::ecdh(own->key(), peer->key());
    ASSERT_TRUE(shared);
    const auto derived =
        crypto::concat_kdf(*shared, text_of(vector, "algorithm"), text_of(vector, "apu"), text_of(vector, "apv"), 16);
    ASSERT_TRUE(derived);
    EXPECT_EQ(b64(derived->reveal()), text_of(vector, "derived"));
  }
}

}  // namespace
}  // namespace mitral::jose
