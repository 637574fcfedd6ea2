// JWK and JWK Sets: what is read, what is refused, which key is found.
#include "jose/jwk.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "unit/jose/keys.h"

namespace mitral::jose {
namespace {

using codec::Json;

constexpr KeyKind kKinds[] = {KeyKind::rsa, KeyKind::p256, KeyKind::p384, KeyKind::p521, KeyKind::ed25519};

Json public_json(KeyKind kind) { return Jwk::from_key(key_of(kind).public_key()).to_json(); }

bool refused(const Json& json) { return !Jwk::parse(json).has_value(); }

TEST(Jwk, EveryKindGoesOutAndIn) {
  for (KeyKind kind : kKinds) {
    const Jwk out = Jwk::from_key(key_of(kind).public_key(), "kid-1", "", KeyUse::sig);
    const auto in = Jwk::parse(json_of(out.to_json().dump()));
    ASSERT_TRUE(in) << in.error().detail;
    EXPECT_EQ(in->key(), out.key());
    EXPECT_EQ(in->kid(), "kid-1");
    EXPECT_EQ(in->use(), KeyUse::sig);
    EXPECT_EQ(in->to_json(), out.to_json());
    EXPECT_EQ(in->thumbprint(), thumbprint(key_of(kind).public_key()));
  }
}

TEST(Jwk, PrivateKeysGoOutAndInAndShowOnlyTheirPublicHalf) {
  for (KeyKind kind : kKinds) {
    const PrivateJwk key = PrivateJwk::from_key(key_of(kind), "kid-1", "", KeyUse::any);
    const Json json = key.to_json().value();
    EXPECT_TRUE(json.contains("d"));
    const auto in = PrivateJwk::parse(json);
    ASSERT_TRUE(in) << in.error().detail;
    EXPECT_EQ(in->key().public_key(), key_of(kind).public_key());
    for (const char* member : {"d", "p", "q", "dp", "dq", "qi"})
      EXPECT_FALSE(in->public_view().to_json().contains(member));
  }
}

TEST(Jwk, PrivateOrSymmetricMembersAreRefusedWhereAPublicKeyBelongs) {
  for (KeyKind kind : kKinds) EXPECT_TRUE(refused(PrivateJwk::from_key(key_of(kind)).to_json().value()));
  for (const char* member : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}) {
    EXPECT_TRUE(refused(public_json(KeyKind::p256).set(member, "AA"))) << member;
    EXPECT_TRUE(refused(public_json(KeyKind::p256).set(member, nullptr))) << member;
  }
  EXPECT_TRUE(refused(json_of(R"({"kty":"oct"})")));
  EXPECT_TRUE(refused(json_of(R"({"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ"})")));
}

TEST(Jwk, MembersThatAreMissingOrOfAnotherTypeAreRefused) {
  for (KeyKind kind : kKinds) {
    for (const char* member : {"kty", "crv", "x", "y", "n", "e"}) {
      const Json good = public_json(kind);
      if (!good.contains(member)) continue;
      Json json = good;
      json.erase(member);
      EXPECT_TRUE(refused(json)) << member;
      for (const Json& bad : {Json(1), Json(nullptr), Json(""), Json("!"), Json::array(), Json::object(), Json(true)}) {
        json = good;
        json.set(member, bad);
        EXPECT_TRUE(refused(json)) << member << bad.dump();
      }
      if (std::string_view(member) == "kty" || std::string_view(member) == "crv") continue;
      json = good;
      json.set(member, std::string(good[member].string_or()) + "=");
      EXPECT_TRUE(refused(json)) << "padding";
    }
  }
  EXPECT_TRUE(refused(Json()));
  EXPECT_TRUE(refused(Json::array()));
}

TEST(Jwk, J8_PointOffTheCurveIsRefused) {
  for (KeyKind kind : {KeyKind::p256, KeyKind::p384, KeyKind::p521}) {
    Json json = public_json(kind);
    json.set("y", std::string(json["x"].string_or()));
    EXPECT_TRUE(refused(json));
    json = public_json(kind);
    json.set("x", b64(std::string(crypto::coordinate_size(kind), '\0')));
    json.set("y", b64(std::string(crypto::coordinate_size(kind), '\0')));
    EXPECT_TRUE(refused(json));
  }
  // A point of P-256 passed off as one of P-384.
  EXPECT_TRUE(refused(public_json(KeyKind::p256).set("crv", "P-384")));
  EXPECT_TRUE(refused(public_json(KeyKind::ed25519).set("kty", "EC")));
  EXPECT_TRUE(refused(public_json(KeyKind::p256).set("kty", "OKP")));
}

TEST(Jwk, J9_WeakRsaIsRefused) {
  const auto with = [](std::string_view member, const std::string& bytes) {
    return public_json(KeyKind::rsa).set(member, b64(bytes));
  };
  EXPECT_TRUE(refused(with("n", std::string(64, '\xff'))));
  EXPECT_TRUE(refused(with("n", std::string(128, '\xff'))));
  EXPECT_TRUE(refused(with("n", std::string(8192, '\xff'))));
  EXPECT_TRUE(refused(with("e", std::string(1, '\x01'))));
  EXPECT_TRUE(refused(with("e", std::string(1, '\x03'))));
  EXPECT_TRUE(refused(with("e", std::string(256, '\xff'))));
  EXPECT_TRUE(refused(with("e", std::string("\x00\x01\x00\x01", 4)))) << "leading zero";
}

TEST(Jwk, J4_KidIsShortPrintableText) {
  const auto with_kid = [](const Json& kid) { return public_json(KeyKind::p256).set("kid", kid); };
  EXPECT_FALSE(refused(with_kid("../../dev/null"))) << "only a name: compared whole, never a path";
  EXPECT_FALSE(refused(with_kid(std::string(limits::kKidMax, 'k'))));
  EXPECT_TRUE(refused(with_kid(std::string(limits::kKidMax + 1, 'k'))));
  EXPECT_TRUE(refused(with_kid("")));
  EXPECT_TRUE(refused(with_kid("a\nb")));
  EXPECT_TRUE(refused(with_kid("a\"b")));
  EXPECT_TRUE(refused(with_kid("\xc3\xa4")));
  EXPECT_TRUE(refused(with_kid(7)));
  EXPECT_TRUE(refused(with_kid(Json::array({"a"}))));
}

TEST(Jwk, UseAlgAndKeyOpsMustAgreeWithTheKey) {
  const auto with = [](KeyKind kind, std::string_view text) {
    Json json = public_json(kind);
    const Json extra = json_of(text);
    for (const auto& [key, value] : extra.members()) json.set(key, value);
    return json;
  };
  EXPECT_TRUE(refused(with(KeyKind::p256, R"({"alg":"RS256"})")));
  EXPECT_TRUE(refused(with(KeyKind::p256, R"({"alg":"ES384"})")));
  EXPECT_TRUE(refused(with(KeyKind::rsa, R"({"alg":"ES256"})")));
  EXPECT_TRUE(refused(with(KeyKind::rsa, R"({"alg":"ECDH-ES"})")));
  EXPECT_TRUE(refused(with(KeyKind::rsa, R"({"alg":"HS256"})")));
  EXPECT_TRUE(refused(with(KeyKind::rsa, R"({"alg":"none"})")));
  EXPECT_TRUE(refused(with(KeyKind::rsa, R"({"alg":""})")));
  EXPECT_TRUE(refused(with(KeyKind::rsa, R"({"alg":["RS256"]})")));
  EXPECT_TRUE(refused(with(KeyKind::p256, R"({"alg":"ES256","use":"enc"})")));
  EXPECT_TRUE(refused(with(KeyKind::rsa, R"({"alg":"RSA-OAEP-256","use":"sig"})")));
  EXPECT_TRUE(refused(with(KeyKind::p256, R"({"use":"both"})")));
  EXPECT_TRUE(refused(with(KeyKind::p256, R"({"use":1})")));
  EXPECT_TRUE(refused(with(KeyKind::p256, R"({"use":"sig","key_ops":["deriveKey"]})")));
  EXPECT_TRUE(refused(with(KeyKind::p256, R"({"key_ops":["verify","verify"]})")));
  EXPECT_TRUE(refused(with(KeyKind::p256, R"({"key_ops":"verify"})")));

  EXPECT_TRUE(Jwk::parse(with(KeyKind::p256, R"({"key_ops":["verify"]})"))->can_verify(SignAlg::es256));
  EXPECT_FALSE(Jwk::parse(with(KeyKind::p256, R"({"key_ops":["verify"]})"))->can_encrypt(JweAlg::ecdh_es));
  EXPECT_FALSE(Jwk::parse(with(KeyKind::p256, R"({"key_ops":["deriveKey"]})"))->can_verify(SignAlg::es256));
  EXPECT_TRUE(Jwk::parse(with(KeyKind::p256, R"({"key_ops":["deriveKey"]})"))->can_encrypt(JweAlg::ecdh_es));
  EXPECT_TRUE(Jwk::parse(with(KeyKind::p256, R"({"key_ops":[]})"))->can_encrypt(JweAlg::ecdh_es));
  EXPECT_FALSE(Jwk::parse(with(KeyKind::p256, R"({"key_ops":[]})"))->can_verify(SignAlg::es256));
  EXPECT_FALSE(Jwk::parse(with(KeyKind::rsa, R"({"key_ops":["verify"]})"))->can_encrypt(JweAlg::rsa_oaep_256));
  EXPECT_TRUE(Jwk::parse(with(KeyKind::rsa, R"({"key_ops":["wrapKey"]})"))->can_encrypt(JweAlg::rsa_oaep_256));
}

TEST(Jwk, J2_TheKeyFixesItsAlgorithm) {
  const auto rsa = Jwk::parse(public_json(KeyKind::rsa).set("alg", "PS256"));
  ASSERT_TRUE(rsa);
  EXPECT_TRUE(rsa->can_verify(SignAlg::ps256));
  EXPECT_FALSE(rsa->can_verify(SignAlg::rs256));
  EXPECT_FALSE(rsa->can_verify(SignAlg::es256));
  const auto enc = Jwk::parse(public_json(KeyKind::rsa).set("use", "enc"));
  EXPECT_FALSE(enc->can_verify(SignAlg::rs256));
  EXPECT_TRUE(enc->can_encrypt(JweAlg::rsa_oaep_256));
}

std::string set_of(std::initializer_list<Json> keys) {
  Json json = Json::object();
  json.set("keys", Json::array(keys));
  return json.dump();
}

Json named(KeyKind kind, std::string kid, std::string alg = {}) {
  return Jwk::from_key(key_of(kind).public_key(), std::move(kid), std::move(alg)).to_json();
}

TEST(JwkSet, FindsTheOneKeyOrNone) {
  const auto set =
      JwkSet::parse(set_of({named(KeyKind::p256, "a"), named(KeyKind::rsa, "b", "RS256"), named(KeyKind::p384, "c")}));
  ASSERT_TRUE(set) << set.error().detail;
  EXPECT_EQ((*set->find_verification_key("a", SignAlg::es256))->kid(), "a");
  EXPECT_EQ((*set->find_verification_key(std::nullopt, SignAlg::es256))->kid(), "a");
  EXPECT_EQ((*set->find_verification_key("b", SignAlg::rs256))->kid(), "b");
  EXPECT_FALSE(set->find_verification_key("b", SignAlg::ps256)) << "pinned to RS256";
  EXPECT_FALSE(set->find_verification_key("b", SignAlg::es256));
  EXPECT_FALSE(set->find_verification_key("A", SignAlg::es256)) << "exact case";
  EXPECT_FALSE(set->find_verification_key("aa", SignAlg::es256));
  EXPECT_FALSE(set->find_verification_key("", SignAlg::es256));
  EXPECT_EQ((*set->find_encryption_key("c", JweAlg::ecdh_es))->kid(), "c");
  EXPECT_FALSE(set->find_encryption_key("b", JweAlg::rsa_oaep_256)) << "its alg says signatures";
}

TEST(JwkSet, J4_NoKidAndManyKeysThatFitIsNoKey) {
  const Json second = Jwk::from_key(crypto::PrivateKey::generate(KeyKind::p256)->public_key(), "z").to_json();
  const auto set = JwkSet::parse(set_of({named(KeyKind::p256, "a"), second}));
  ASSERT_TRUE(set);
  EXPECT_EQ(set->find_verification_key(std::nullopt, SignAlg::es256).error().code, ErrorCode::not_found);
  EXPECT_TRUE(set->find_verification_key("z", SignAlg::es256));
}

TEST(JwkSet, WholeSetIsRefusedForOneBadKey) {
  EXPECT_FALSE(JwkSet::parse(set_of({named(KeyKind::p256, "a"), named(KeyKind::p384, "a")}))) << "kid twice";
  EXPECT_FALSE(
      JwkSet::parse(set_of({named(KeyKind::p256, "a"), PrivateJwk::from_key(key_of(KeyKind::rsa)).to_json().value()})));
  EXPECT_FALSE(JwkSet::parse(set_of({named(KeyKind::p256, "a"), json_of(R"({"kty":"oct","k":"AAAA"})")})));
  EXPECT_FALSE(
      JwkSet::parse(set_of({named(KeyKind::p256, "a"), json_of(R"({"kty":"EC","crv":"P-256","x":"AA","y":"AA"})")})));
  EXPECT_FALSE(JwkSet::parse(set_of({named(KeyKind::p256, "a"), Json(1)})));
  EXPECT_FALSE(JwkSet::parse(set_of({named(KeyKind::p256, "a"), json_of(R"({"kid":"b"})")})));
  EXPECT_FALSE(JwkSet::parse(R"({"keys":{}})"));
  EXPECT_FALSE(JwkSet::parse(R"({})"));
  EXPECT_FALSE(JwkSet::parse(R"([])"));
  EXPECT_FALSE(JwkSet::parse(""));
  EXPECT_FALSE(JwkSet::parse(R"({"keys":[],"keys":[]})")) << "duplicate member";
}

TEST(JwkSet, KeysOfUnknownKindArePassedOver) {
  const auto set = JwkSet::parse(set_of(
      {json_of(R"({"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"})"),
       json_of(R"({"kty":"OKP","crv":"X25519","x":"AA"})"), json_of(R"({"kty":"AKP"})"), named(KeyKind::p256, "a"),
       public_json(KeyKind::p384).set("use", "tls"), public_json(KeyKind::rsa).set("alg", "RSA-OAEP-512")}));
  ASSERT_TRUE(set) << set.error().detail;
  EXPECT_EQ(set->keys().size(), 1U);
  EXPECT_FALSE(JwkSet::parse(set_of({json_of(R"({"kty":"OKP","crv":"X25519","x":"AA","d":"AA"})")})))
      << "private all the same";
}

TEST(JwkSet, Limits) {
  Json keys = Json::array();
  for (std::size_t i = 0; i < limits::kJwksKeysMax; ++i) keys.push_back(json_of(R"({"kty":"AKP"})"));
  Json json = Json::object();
  json.set("keys", keys);
  EXPECT_TRUE(JwkSet::parse(json.dump()));
  keys.push_back(json_of(R"({"kty":"AKP"})"));
  json.set("keys", keys);
  EXPECT_EQ(JwkSet::parse(json.dump()).error().code, ErrorCode::too_large);
  EXPECT_EQ(JwkSet::parse(R"({"keys":[],"x":")" + std::string(limits::kJwksMax, 'x') + "\"}").error().code,
            ErrorCode::too_large);
  EXPECT_FALSE(JwkSet::parse(std::string(100000, '[')));
}

TEST(JwkSet, WritesWhatItReads) {
  const std::string text = set_of({named(KeyKind::p256, "a"), named(KeyKind::ed25519, "b")});
  EXPECT_EQ(JwkSet::parse(text)->to_json().dump(), text);
}

}  // namespace
}  // namespace mitral::jose
