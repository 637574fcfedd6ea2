// JWS: signing, verifying, and every way round it that a JOSE library can close (threats.md section 4).
#include "jose/jws.h"

#include <gtest/gtest.h>

#include <chrono>

#include "crypto/hash.h"
#include "jose/keyset.h"
#include "unit/jose/keys.h"

namespace mitral::jose {
namespace {

constexpr SignAlg kAll[] = {SignAlg::rs256, SignAlg::rs384, SignAlg::rs512,  SignAlg::ps256,
                            SignAlg::ps384, SignAlg::ps512, SignAlg::es256,  SignAlg::es384,
                            SignAlg::es512, SignAlg::eddsa, SignAlg::ed25519};

Result<VerifiedJws> check(std::string_view compact, SignAlgs allowed = kAllSignAlgs) {
  return verify_jws(compact, allowed, always(key_of(KeyKind::p256)));
}

bool refused(std::string_view compact) { return !check(compact).has_value(); }

const std::string& good_token() {
  static const std::string token =
      sign_jws(signing_key(SignAlg::es256), {.typ = "JWT", .cty = {}}, R"({"iss":"a"})").value();
  return token;
}

TEST(Jws, EveryAlgorithmSignsAndVerifies) {
  for (SignAlg alg : kAll) {
    const auto token = sign_jws(signing_key(alg), {.typ = "at+jwt", .cty = {}}, "payload");
    ASSERT_TRUE(token);
    const auto verified = verify_jws(*token, {alg}, always(key_for(alg)));
    ASSERT_TRUE(verified) << alg_name(alg) << verified.error().detail;
    EXPECT_EQ(verified->payload(), "payload");
    EXPECT_EQ(verified->header().alg, alg);
    EXPECT_EQ(verified->header().kid, "k1");
    EXPECT_TRUE(typ_is(verified->header().typ, "at+jwt"));
  }
}

TEST(Jws, SignerWithPreparedHeaderGivesTheSame) {
  const auto signer = JwsSigner::create(signing_key(SignAlg::eddsa), "at+jwt");
  ASSERT_TRUE(signer);
  EXPECT_EQ(signer->sign("x").value(),
            sign_jws(signing_key(SignAlg::eddsa), {.typ = "at+jwt", .cty = {}}, "x").value());
  EXPECT_EQ(signer->key().kid, "k1");
}

TEST(Jws, SigningRefusesKeysThatDoNotFit) {
  EXPECT_FALSE(sign_jws({"k", SignAlg::rs256, key_of(KeyKind::p256)}, {.typ = {}, .cty = {}}, "x"));
  EXPECT_FALSE(JwsSigner::create({"k", SignAlg::es256, key_of(KeyKind::p384)}, "JWT"));
  EXPECT_FALSE(JwsSigner::create({"k\"", SignAlg::es256, key_of(KeyKind::p256)}, "JWT"));
}

TEST(Jws, HeaderCarriesJwkAndX5cForThoseWhoMayTrustThem) {
  const Jwk jwk = Jwk::from_key(key_of(KeyKind::p256).public_key());
  const auto token = sign_jws({"", SignAlg::es256, key_of(KeyKind::p256)},
                              {.typ = "dpop+jwt", .cty = {}, .jwk = &jwk, .x5c = {"leaf", "root"}}, "{}");
  const auto parsed = Jws::parse(token.value(), kAllSignAlgs);
  ASSERT_TRUE(parsed);
  EXPECT_FALSE(parsed->header().kid);
  EXPECT_EQ(parsed->header().jwk->key(), jwk.key());
  EXPECT_EQ(parsed->header().x5c, (std::vector<std::string>{"leaf", "root"}));
}

TEST(Jws, TypIsComparedAsMediaType) {
  EXPECT_TRUE(typ_is("at+jwt", "at+jwt"));
  EXPECT_TRUE(typ_is("AT+JWT", "at+jwt"));
  EXPECT_TRUE(typ_is("application/at+jwt", "at+jwt"));
  EXPECT_TRUE(typ_is("Application/AT+jwt", "at+jwt"));
  EXPECT_FALSE(typ_is("application/x/at+jwt", "at+jwt"));
  EXPECT_FALSE(typ_is("text/at+jwt", "at+jwt"));
  EXPECT_FALSE(typ_is("at+jwt ", "at+jwt"));
  EXPECT_FALSE(typ_is("at+jwt2", "at+jwt"));
  EXPECT_FALSE(typ_is("", "at+jwt"));
  EXPECT_FALSE(typ_is(std::nullopt, "at+jwt"));
  EXPECT_FALSE(typ_is(std::nullopt, ""));
}

TEST(Jws, J1_AlgNoneInEverySpellingIsRefused) {
  for (const char* alg :
       {"none", "None", "NONE", "nOnE", "", " none", "none ", "es256", "Es256", "ES256 ", "ES256K", "null"}) {
    const std::string header = std::string(R"({"alg":")") + alg + "\"}";
    EXPECT_TRUE(refused(token_with_header(header))) << alg;
    EXPECT_TRUE(refused(b64(header) + "." + b64("{}") + ".")) << alg;
  }
  EXPECT_TRUE(refused(token_with_header(R"({})")));
  EXPECT_TRUE(refused(token_with_header(R"({"alg":null})")));
  EXPECT_TRUE(refused(token_with_header(R"({"alg":["ES256"]})")));
  EXPECT_TRUE(refused(token_with_header(R"({"alg":256})")));
  EXPECT_FALSE(refused(token_with_header(R"({"alg":"ES256"})")));
  // A signature stripped off a good token.
  EXPECT_TRUE(refused(good_token().substr(0, good_token().rfind('.') + 1)));
  EXPECT_TRUE(refused(good_token().substr(0, good_token().rfind('.'))));
}

TEST(Jws, J1_AlgorithmOutsideTheAllowListIsRefused) {
  EXPECT_FALSE(check(good_token(), {SignAlg::ps256, SignAlg::eddsa}));
  EXPECT_FALSE(check(good_token(), {}));
  EXPECT_TRUE(check(good_token(), kFapi2SignAlgs));
  const std::string rs = sign_jws(signing_key(SignAlg::rs256), {.typ = {}, .cty = {}}, "x").value();
  EXPECT_FALSE(verify_jws(rs, kFapi2SignAlgs, always(key_of(KeyKind::rsa))));
  // "Ed25519" and "EdDSA" are two names on a list, though one algorithm.
  const std::string ed = sign_jws(signing_key(SignAlg::ed25519), {.typ = {}, .cty = {}}, "x").value();
  EXPECT_FALSE(verify_jws(ed, {SignAlg::eddsa}, always(key_of(KeyKind::ed25519))));
  EXPECT_TRUE(verify_jws(ed, {SignAlg::ed25519}, always(key_of(KeyKind::ed25519))));
}

TEST(Jws, J2_HmacWithThePublicKeyAsSecretIsRefused) {
  for (KeyKind kind : {KeyKind::rsa, KeyKind::p256}) {
    const auto& pub = key_of(kind).public_key();
    for (const std::string& secret : {pub.pem(), pub.spki_der(), Jwk::from_key(pub).to_json().dump(),
                                      pub.components().n, pub.components().x, std::string()}) {
      const std::string input = b64(R"({"alg":"HS256"})") + "." + b64(R"({"iss":"a"})");
      const auto mac = crypto::hmac_sha256(secret, input);
      const std::string token = input + "." + codec::base64url_encode(mac);
      EXPECT_FALSE(verify_jws(token, kAllSignAlgs, always(key_of(kind))));
    }
  }
}

TEST(Jws, J2_AlgorithmOfAnotherKindOfKeyIsRefused) {
  for (SignAlg alg : kAll) {
    const std::string token = sign_jws(signing_key(alg), {.typ = {}, .cty = {}}, "x").value();
    for (KeyKind kind : {KeyKind::rsa, KeyKind::p256, KeyKind::p384, KeyKind::p521, KeyKind::ed25519}) {
      EXPECT_EQ(verify_jws(token, kAllSignAlgs, always(key_of(kind))).has_value(), fits(alg, kind));
    }
  }
}

TEST(Jws, J3_KeysInTheHeaderAreNeverUsed) {
  // The attacker signs with a key of his own and sends it along.
  const auto evil = crypto::PrivateKey::generate(KeyKind::p256).value();
  const Jwk jwk = Jwk::from_key(evil.public_key());
  const std::string with_jwk = sign_jws({"k1", SignAlg::es256, evil}, {.typ = {}, .cty = {}, .jwk = &jwk}, "x").value();
  EXPECT_TRUE(refused(with_jwk));
  for (const char* member : {R"("jku":"https://evil.example/jwks")", R"("x5u":"https://evil.example/cert")"}) {
    const std::string input = b64(std::string(R"({"alg":"ES256",)") + member + "}") + "." + b64("x");
    EXPECT_TRUE(refused(input + "." + b64(crypto::sign(evil, SignAlg::es256, input).value())));
  }
  const std::string with_x5c =
      sign_jws({"k1", SignAlg::es256, evil}, {.typ = {}, .cty = {}, .jwk = nullptr, .x5c = {"der"}}, "x").value();
  EXPECT_TRUE(refused(with_x5c));
}

TEST(Jws, J3_HeaderKeysThatAreNoPublicKeysAreRefused) {
  const std::string priv = PrivateJwk::from_key(key_of(KeyKind::p256)).to_json()->dump();
  EXPECT_TRUE(refused(token_with_header(R"({"alg":"ES256","jwk":)" + priv + "}")));
  EXPECT_TRUE(refused(token_with_header(R"({"alg":"ES256","jwk":{"kty":"oct","k":"AAAA"}})")));
  EXPECT_TRUE(refused(token_with_header(R"({"alg":"ES256","jwk":"x"})")));
  EXPECT_TRUE(refused(token_with_header(R"({"alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}})")));
  EXPECT_TRUE(refused(token_with_header(R"({"alg":"ES256","x5c":"MIIB"})")));
  EXPECT_TRUE(refused(token_with_header(R"({"alg":"ES256","x5c":[]})")));
  EXPECT_TRUE(refused(token_with_header(R"({"alg":"ES256","x5c":["_-_-"]})"))) << "base64, not base64url";
  EXPECT_TRUE(refused(
      token_with_header(R"({"alg":"ES256","x5c":["AA==","AA==","AA==","AA==","AA==","AA==","AA==","AA==","AA=="]})")));
}

TEST(Jws, J4_KidIsAnExactName) {
  JwkSet keys;
  ASSERT_TRUE(keys.add(Jwk::from_key(key_of(KeyKind::p256).public_key(), "k1")));
  ASSERT_TRUE(keys.add(Jwk::from_key(crypto::PrivateKey::generate(KeyKind::p256)->public_key(), "k2")));
  const auto with_kid = [&keys](const std::string& json) {
    const auto jws = Jws::parse(token_with_header(R"({"alg":"ES256","kid":)" + json + "}"), kAllSignAlgs);
    return jws && jws->verify(keys);
  };
  EXPECT_TRUE(with_kid(R"("k1")"));
  for (const char* kid : {R"("k2")", R"("K1")", R"("k1 ")", R"("../../dev/null")", R"("' OR 1=1 --")", R"("k1\u0000")",
                          R"("")", R"(["k1"])", "1", "null", R"({"k":"k1"})", R"("k1\n")"}) {
    EXPECT_FALSE(with_kid(kid)) << kid;
  }
  EXPECT_FALSE(with_kid("\"" + std::string(10'000, 'k') + "\""));
  const auto without = Jws::parse(token_with_header(R"({"alg":"ES256"})"), kAllSignAlgs);
  EXPECT_FALSE(without->verify(keys)) << "no kid, two keys that fit";
}

TEST(Jws, J7_EcdsaSignaturesOutOfRangeAreRefused) {
  const std::string input = good_token().substr(0, good_token().rfind('.'));
  for (const std::string& signature :
       {std::string(64, '\0'), std::string(64, '\xff'), std::string(63, '\x01'), std::string(65, '\x01'),
        std::string(1, '\0'), std::string("\x30\x06\x02\x01\x01\x02\x01\x01")}) {
    EXPECT_TRUE(refused(input + "." + b64(signature)));
  }
}

TEST(Jws, J12_CritAndB64AreRefused) {
  for (const char* extra :
       {R"("crit":["x"],"x":1)", R"("crit":[])", R"("crit":["alg"])", R"("crit":["b64"],"b64":false)", R"("b64":false)",
        R"("b64":true)", R"("crit":null)", R"("crit":"exp")", R"("crit":["exp"],"exp":1)",
        R"("crit":["b64","b64"],"b64":true)", R"("crit":{})"}) {
    EXPECT_TRUE(refused(token_with_header(std::string(R"({"alg":"ES256",)") + extra + "}"))) << extra;
  }
}

TEST(Jws, J13_DuplicateMembersAreRefused) {
  EXPECT_TRUE(refused(token_with_header(R"({"alg":"ES256","alg":"none"})")));
  EXPECT_TRUE(refused(token_with_header(R"({"alg":"none","alg":"ES256"})")));
  EXPECT_TRUE(refused(token_with_header(R"({"alg":"ES256","\u0061lg":"none"})")));
  EXPECT_TRUE(refused(token_with_header(R"({"alg":"ES256","kid":"a","kid":"b"})")));
  EXPECT_TRUE(refused(token_with_header(R"({"alg":"ES256","x":{"a":1,"a":2}})")));
  EXPECT_TRUE(refused(token_with_header(R"({"alg":"ES256"} {})")));
  EXPECT_TRUE(refused(token_with_header(R"(["ES256"])")));
  EXPECT_TRUE(refused(token_with_header("")));
}

TEST(Jws, J14_SizeAndDepthAreCappedBeforeAnythingElse) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(check(std::string(1 << 20, '.')).error().code, ErrorCode::too_large);
  EXPECT_EQ(check(std::string(50 << 20, 'A')).error().code, ErrorCode::too_large);
  EXPECT_TRUE(refused(std::string(limits::kJoseCompactMax, '.')));
  EXPECT_TRUE(refused(token_with_header(R"({"alg":"ES256","x":)" + std::string(17, '[') + std::string(17, ']') + "}")));
  EXPECT_TRUE(
      refused(token_with_header(R"({"alg":"ES256","x":)" + std::string(5'000, '[') + std::string(5'000, ']') + "}")));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));

  const std::string big =
      sign_jws(signing_key(SignAlg::es256), {.typ = {}, .cty = {}}, std::string(20'000, 'x')).value();
  EXPECT_EQ(check(big).error().code, ErrorCode::too_large);
  EXPECT_TRUE(verify_jws(big, kAllSignAlgs, always(key_of(KeyKind::p256)), limits::kRequestObjectMax));
}

TEST(Jws, J14_OnlyThreePartsAreAJws) {
  for (const std::string& text : {std::string(), std::string("."), std::string(".."), std::string("..."),
                                  "." + good_token(), good_token() + ".", good_token() + ".AA", good_token() + ".AA.AA",
                                  std::string("a.b"), good_token().substr(good_token().find('.'))}) {
    EXPECT_TRUE(refused(text));
  }
}

TEST(Jws, J15_Base64urlHasOneSpelling) {
  const std::string token = good_token();
  const std::size_t first = token.find('.');
  const std::size_t second = token.rfind('.');
  for (const char* junk : {"=", "==", "\n", " ", "\t", "\r\n", "+", "/", "%3D"}) {
    EXPECT_TRUE(refused(token + junk));
    EXPECT_TRUE(refused(junk + token));
    std::string in_header = token, in_payload = token;
    EXPECT_TRUE(refused(in_header.insert(first, junk)));
    EXPECT_TRUE(refused(in_payload.insert(second, junk)));
  }
  // 64 bytes end in a character with four spare bits: every other spelling of the same bytes is refused.
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const std::size_t last = kAlphabet.find(token.back());
  for (std::size_t spare = 1; spare < 16; ++spare) {
    std::string other = token;
    other.back() = kAlphabet[last ^ spare];
    EXPECT_TRUE(refused(other));
  }
}

TEST(Jws, J16_JsonSerializationIsRefused) {
  const std::string token = good_token();
  const std::string header = token.substr(0, token.find('.'));
  const std::string payload = token.substr(header.size() + 1, token.rfind('.') - header.size() - 1);
  const std::string signature = token.substr(token.rfind('.') + 1);
  EXPECT_TRUE(
      refused(R"({"payload":")" + payload + R"(","protected":")" + header + R"(","signature":")" + signature + "\"}"));
  EXPECT_TRUE(refused(R"({"payload":")" + payload + R"(","signatures":[{"protected":")" + header +
                      R"(","signature":")" + signature + "\"}]}"));
  EXPECT_TRUE(refused("{" + token + "}"));
}

TEST(Jws, J17_AJweHeaderIsNoJws) { EXPECT_TRUE(refused(token_with_header(R"({"alg":"ES256","enc":"A256GCM"})"))); }

TEST(Jws, J24_HeadersThatAreNotUtf8AreRefused) {
  EXPECT_TRUE(refused(token_with_header("\xef\xbb\xbf{\"alg\":\"ES256\"}"))) << "BOM";
  EXPECT_TRUE(refused(token_with_header("{\"alg\":\"ES256\",\"x\":\"\xff\"}")));
  EXPECT_TRUE(refused(token_with_header(std::string("{\0\"\0a\0l\0g\0\"\0", 12)))) << "UTF-16";
  EXPECT_TRUE(refused(token_with_header(R"({"alg":"ES256\u0000"})")));
}

TEST(Jws, EveryChangedCharacterIsRefused) {
  const std::string token = good_token();
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string broken = token;
    broken[i] = broken[i] == 'A' ? 'B' : 'A';
    EXPECT_TRUE(refused(broken)) << i;
  }
}

TEST(Jws, KeyLookupDecides) {
  const auto none = verify_jws(good_token(), kAllSignAlgs, [](const JwsHeader&) -> Result<crypto::PublicKey> {
    return fail(ErrorCode::not_found);
  });
  EXPECT_EQ(none.error().code, ErrorCode::not_found);
  EXPECT_FALSE(verify_jws(good_token(), kAllSignAlgs, always(crypto::PrivateKey::generate(KeyKind::p256).value())));
}

TEST(SigningKeySet, RotationKeepsOldKeysPublished) {
  SigningKeySet set;
  const auto fresh = [](std::string kid) {
    return SigningKey{std::move(kid), SignAlg::es256, crypto::PrivateKey::generate(KeyKind::p256).value()};
  };
  EXPECT_EQ(set.current(SignAlg::es256).error().code, ErrorCode::not_found);
  ASSERT_TRUE(set.add(fresh("old"), KeyState::retired));
  EXPECT_FALSE(set.current(SignAlg::es256));
  ASSERT_TRUE(set.add(fresh("now"), KeyState::current));
  ASSERT_TRUE(set.add(fresh("soon"), KeyState::next));
  EXPECT_EQ((*set.current(SignAlg::es256))->kid, "now");
  EXPECT_FALSE(set.current(SignAlg::rs256));
  EXPECT_EQ(set.algs(), SignAlgs{SignAlg::es256});
  ASSERT_EQ(set.published().keys().size(), 3U);
  for (const Jwk& key : set.published().keys()) {
    EXPECT_EQ(key.use(), KeyUse::sig);
    EXPECT_EQ(key.alg(), "ES256");
  }
  EXPECT_TRUE(set.published().find_verification_key("old", SignAlg::es256));
  EXPECT_EQ(set.add(fresh("now"), KeyState::current).error().code, ErrorCode::conflict);
  EXPECT_FALSE(set.add(fresh(""), KeyState::current));
  EXPECT_FALSE(set.add({"x", SignAlg::rs256, key_of(KeyKind::p256)}, KeyState::current));
}

TEST(Algs, NamesAndSets) {
  for (SignAlg alg : kAll) EXPECT_EQ(parse_sign_alg(alg_name(alg)), alg);
  for (const char* name : {"none", "HS256", "es256", "ES256K", "RS1", "", "Ed448", "EDDSA"})
    EXPECT_FALSE(parse_sign_alg(name));
  EXPECT_EQ(kFapi2SignAlgs.names(), (std::vector<std::string>{"PS256", "ES256", "EdDSA", "Ed25519"}));
  EXPECT_EQ((SignAlgs{SignAlg::rs256, SignAlg::es256} & kFapi2SignAlgs), SignAlgs{SignAlg::es256});
  EXPECT_TRUE((SignAlgs{SignAlg::rs256} & kFapi2SignAlgs).empty());
  EXPECT_EQ(hash_of(SignAlg::es384), crypto::HashAlg::sha384);
  EXPECT_EQ(hash_of(SignAlg::eddsa), crypto::HashAlg::sha512);
}

}  // namespace
}  // namespace mitral::jose
