// JWT: types of the claims, and what validation lets through.
#include "jose/jwt.h"

#include <gtest/gtest.h>

#include "unit/jose/keys.h"

namespace mitral::jose {
namespace {

using codec::Json;
using namespace std::chrono_literals;

constexpr std::int64_t kNow = 1'790'000'000;

bool parses(std::string_view payload) { return parse_claims(payload).has_value(); }

Json claims_json() {
  return Json::object({{"iss", "https://as.example"},
                       {"sub", "user-1"},
                       {"aud", "https://api.example"},
                       {"exp", kNow + 300},
                       {"iat", kNow},
                       {"jti", "id-1"}});
}

Validation expectation() {
  Validation v;
  v.issuer = "https://as.example";
  v.audiences = {"https://api.example"};
  v.now = from_seconds(kNow);
  v.typs = {"at+jwt"};
  return v;
}

Result<> validated(const Json& json, const Validation& expected, std::optional<std::string> typ = "at+jwt") {
  JwsHeader header;
  header.typ = std::move(typ);
  MITRAL_TRY(const auto claims, parse_claims(json.dump()));
  return validate(header, claims, expected);
}

bool accepted(const Json& json, const Validation& expected = expectation()) {
  return validated(json, expected).has_value();
}

TEST(Claims, AreReadWithTheirTypes) {
  const auto claims =
      parse_claims(R"({"iss":"i","sub":"s","jti":"j","aud":["a","b"],"exp":300,"nbf":100,"iat":200,"scope":"x"})");
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->iss, "i");
  EXPECT_EQ(claims->sub, "s");
  EXPECT_EQ(claims->jti, "j");
  EXPECT_EQ(claims->aud, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(claims->aud_is_array);
  EXPECT_EQ(claims->exp, 300);
  EXPECT_EQ(claims->nbf, 100);
  EXPECT_EQ(claims->iat, 200);
  EXPECT_EQ(claims->json["scope"].as_string(), "x");
  EXPECT_TRUE(parses("{}"));
  EXPECT_FALSE(parse_claims(R"({"aud":"a"})")->aud_is_array);
}

TEST(Claims, J6_NamesOfAnotherTypeAreRefused) {
  for (const char* name : {"iss", "sub", "jti"}) {
    for (const char* value : {R"(["https://as","evil"])", "1", "true", "null", R"("")", "{}", R"({"a":"b"})"}) {
      EXPECT_FALSE(parses(std::string("{\"") + name + "\":" + value + "}")) << name << value;
    }
  }
  for (const char* value :
       {"1", "null", "{}", "[]", R"("")", R"([""])", R"(["a",1])", R"(["a","a"])", R"([["a"]])", R"([null])"}) {
    EXPECT_FALSE(parses(std::string(R"({"aud":)") + value + "}")) << value;
  }
  Json many = Json::array();
  for (std::size_t i = 0; i <= limits::kAudienceItemsMax; ++i) many.push_back(std::to_string(i));
  EXPECT_FALSE(parses(Json::object().set("aud", many).dump()));
}

TEST(Claims, J20_DatesAreWholeSecondsInRange) {
  for (const char* name : {"exp", "nbf", "iat"}) {
    for (const char* value :
         {R"("9999")", "1e300", "1e400", "1.5", "1790000000.0", "17e8", "-1", "-0.5", "null", "true", "[1]",
          "1790000000000", "9223372036854775807", "92233720368547758080", R"("NaN")", "{}", "253402300800"}) {
      EXPECT_FALSE(parses(std::string("{\"") + name + "\":" + value + "}")) << name << value;
    }
    EXPECT_FALSE(parses(std::string("{\"") + name + "\":NaN}"));
    EXPECT_TRUE(parses(std::string("{\"") + name + "\":1790000000}"));
    EXPECT_TRUE(parses(std::string("{\"") + name + "\":0}"));
  }
}

TEST(Claims, J13_J24_StrictJson) {
  EXPECT_FALSE(parses(R"({"aud":"a","aud":"b"})"));
  EXPECT_FALSE(parses(R"({"sub":"a","s\u0075b":"b"})"));
  EXPECT_FALSE(parses(R"({"sub":"a\u0000b"})"));
  EXPECT_FALSE(parses(R"({"x":{"a":1,"a":2}})"));
  EXPECT_FALSE(parses("\xef\xbb\xbf{}"));
  EXPECT_FALSE(parses("{\"sub\":\"\xc3\x28\"}"));
  EXPECT_FALSE(parses(std::string("{\0}\0", 4)));
  EXPECT_FALSE(parses("[]"));
  EXPECT_FALSE(parses(""));
  EXPECT_FALSE(
      parses("{} "
             "{}"));
  EXPECT_FALSE(parses(R"({"x":)" + std::string(10'000, '[') + std::string(10'000, ']') + "}"));
}

TEST(Validation, GoodClaimsPass) {
  EXPECT_TRUE(accepted(claims_json()));
  EXPECT_TRUE(accepted(claims_json().set("aud", Json::array({"https://other.example", "https://api.example"}))));
}

TEST(Validation, J6_IssuerAndAudienceAreComparedWhole) {
  for (const char* iss : {"https://as.example/", "https://as.exampl", "https://as.example.evil", "HTTPS://as.example",
                          "https://as.example ", "as.example"}) {
    EXPECT_FALSE(accepted(claims_json().set("iss", iss))) << iss;
  }
  Json none = claims_json();
  none.erase("iss");
  EXPECT_FALSE(accepted(none));
  for (const char* aud :
       {"https://api.example/", "https://api.exampl", "https://api.example/fhir", "https://API.example"}) {
    EXPECT_FALSE(accepted(claims_json().set("aud", aud))) << aud;
    EXPECT_FALSE(accepted(claims_json().set("aud", Json::array({aud, "x"})))) << aud;
  }
  none = claims_json();
  none.erase("aud");
  EXPECT_FALSE(accepted(none));
}

TEST(Validation, SoleAudienceRefusesCompany) {
  auto expected = expectation();
  expected.sole_audience = true;
  EXPECT_TRUE(accepted(claims_json(), expected));
  EXPECT_TRUE(accepted(claims_json().set("aud", Json::array({"https://api.example"})), expected));
  EXPECT_FALSE(
      accepted(claims_json().set("aud", Json::array({"https://api.example", "https://evil.example"})), expected));
  expected.audiences.clear();
  EXPECT_FALSE(accepted(claims_json(), expected)) << "nothing expected is a mistake of the caller";
}

TEST(Validation, J5_TypTellsTheKindOfJwt) {
  const auto typ = [](std::optional<std::string> sent, std::vector<std::string_view> allowed) {
    auto expected = expectation();
    expected.typs = std::move(allowed);
    return validated(claims_json(), expected, std::move(sent)).has_value();
  };
  for (const char* other :
       {"dpop+jwt", "oauth-authz-req+jwt", "logout+jwt", "secevent+jwt", "client-authentication+jwt", "JWT",
        "token-introspection+jwt", "at+jwtx", "application/jwt"}) {
    EXPECT_FALSE(typ(other, {"at+jwt"})) << other;
  }
  EXPECT_FALSE(typ(std::nullopt, {"at+jwt"}));
  EXPECT_TRUE(typ("application/at+jwt", {"at+jwt"}));
  EXPECT_TRUE(typ(std::nullopt, {"", "JWT", "client-authentication+jwt"}));
  EXPECT_TRUE(typ("jwt", {"", "JWT", "client-authentication+jwt"}));
  EXPECT_FALSE(typ("at+jwt", {"", "JWT", "client-authentication+jwt"}));
  EXPECT_FALSE(typ("at+jwt", {})) << "no list, no pass";
  EXPECT_FALSE(typ(std::nullopt, {}));
}

TEST(Validation, TimesWithTheirSkews) {
  const auto with = [](std::string_view name, std::int64_t value) { return accepted(claims_json().set(name, value)); };
  EXPECT_TRUE(accepted(claims_json().set("iat", kNow - 600).set("exp", kNow - 59)));
  EXPECT_FALSE(accepted(claims_json().set("iat", kNow - 600).set("exp", kNow - 60)));
  EXPECT_FALSE(accepted(claims_json().set("iat", kNow - 600).set("exp", kNow - 300)));
  EXPECT_TRUE(with("iat", kNow + 8)) << "FAPI 2.0: up to 10 s ahead";
  EXPECT_TRUE(with("iat", kNow + 10));
  EXPECT_FALSE(with("iat", kNow + 11));
  EXPECT_FALSE(with("iat", kNow + 61));
  EXPECT_TRUE(with("nbf", kNow + 10));
  EXPECT_FALSE(with("nbf", kNow + 11));
  EXPECT_FALSE(accepted(claims_json().set("iat", kNow).set("exp", kNow))) << "exp not after iat";
  Json none = claims_json();
  none.erase("exp");
  EXPECT_FALSE(accepted(none)) << "exp is required by default";
}

TEST(Validation, LifetimeAndAgeAreBounded) {
  auto expected = expectation();
  expected.lifetime_max = 300s;
  EXPECT_TRUE(accepted(claims_json(), expected));
  EXPECT_FALSE(accepted(claims_json().set("exp", kNow + 311), expected));
  EXPECT_FALSE(accepted(claims_json().set("iat", kNow - 100), expected)) << "400 s in all";
  EXPECT_FALSE(accepted(claims_json().set("exp", 253402300799), expected));
  expected.required.clear();
  Json none = claims_json();
  none.erase("exp");
  EXPECT_FALSE(accepted(none, expected)) << "no exp means forever";

  expected = expectation();
  expected.age_max = 60s;
  EXPECT_TRUE(accepted(claims_json().set("iat", kNow - 60), expected));
  EXPECT_FALSE(accepted(claims_json().set("iat", kNow - 61), expected));
  none = claims_json();
  none.erase("iat");
  EXPECT_FALSE(accepted(none, expected));
}

TEST(Validation, RequiredClaimsMustBeThere) {
  auto expected = expectation();
  expected.required = {"exp", "jti", "client_id"};
  EXPECT_FALSE(accepted(claims_json(), expected));
  EXPECT_FALSE(accepted(claims_json().set("client_id", nullptr), expected));
  EXPECT_TRUE(accepted(claims_json().set("client_id", "c"), expected));
}

TEST(Jwt, SignedAndVerified) {
  for (SignAlg alg : {SignAlg::es256, SignAlg::eddsa, SignAlg::ps256, SignAlg::rs256}) {
    const auto signer = JwsSigner::create(signing_key(alg), "at+jwt").value();
    const auto token = sign_jwt(signer, claims_json());
    ASSERT_TRUE(token);
    const auto jwt = verify_jwt(*token, {alg}, always(key_for(alg)), expectation());
    ASSERT_TRUE(jwt) << jwt.error().detail;
    EXPECT_EQ(jwt->claims.sub, "user-1");
    EXPECT_EQ(jwt->claims.json, claims_json());
    EXPECT_EQ(jwt->header.kid, "k1");
    auto later = expectation();
    later.now += 10min;
    EXPECT_EQ(verify_jwt(*token, {alg}, always(key_for(alg)), later).error().code, ErrorCode::invalid_token);
  }
}

TEST(Jwt, ErrorsNeverHoldTheInput) {
  const auto signer = JwsSigner::create(signing_key(SignAlg::es256), "at+jwt").value();
  const std::string token = sign_jwt(signer, claims_json().set("iss", "secret-issuer")).value();
  const auto jwt = verify_jwt(token, kAllSignAlgs, always(key_of(KeyKind::p256)), expectation());
  ASSERT_FALSE(jwt);
  EXPECT_EQ(jwt.error().detail.find("secret-issuer"), std::string::npos);
}

}  // namespace
}  // namespace mitral::jose
