#include <gtest/gtest.h>

#include "spec/oauth/rfc7523_assertion.h"
#include "spec/oauth/rfc8414_metadata.h"
#include "spec/oauth/rfc9068_access_token.h"
#include "spec/oidc/discovery.h"
#include "spec/oidc/id_token.h"

namespace mitral::spec::oauth {
namespace {

const Instant kNow = from_seconds(1'790'000'000);

struct Keys {
  crypto::PrivateKey key = *crypto::PrivateKey::generate(crypto::KeyKind::p256);
  jose::JwkSet set;
  Keys() { EXPECT_TRUE(set.add(jose::Jwk::from_key(key.public_key(), "k1", "ES256", jose::KeyUse::sig))); }
  [[nodiscard]] std::string sign(std::string_view typ, std::string_view payload) const {
    return *jose::sign_jws({"k1", jose::SignAlg::es256, key}, {.typ = typ, .cty = {}}, payload);
  }
};

AccessTokenFacts facts() {
  static const std::vector<std::string> scopes{"patient/*.rs", "openid"};
  static const codec::Json context = codec::Json::object({{"patient", "p1"}, {"exp", 1}});
  AccessTokenFacts f;
  f.issuer = "https://as.example";
  f.subject = "u_1";
  f.audience = "https://fhir.example";
  f.client_id = "app";
  f.jti = "jti-1";
  f.issued = to_seconds(kNow);
  f.expires = to_seconds(kNow) + 300;
  f.scopes = scopes;
  f.grant_id = "g1";
  f.auth_time = to_seconds(kNow) - 5;
  f.fhir_user = "https://fhir.example/Patient/p1";
  f.context = &context;
  return f;
}

TEST(Rfc9068_2_2, RequiredClaimsAndNoContextUnlessAskedFor) {
  const auto json = *codec::Json::parse_object(access_token_payload(facts(), false));
  for (const char* name :
       {"iss", "exp", "aud", "sub", "client_id", "iat", "jti", "scope", "azp", "auth_time", "grant_id"}) {
    EXPECT_TRUE(json.contains(name)) << name;
  }
  EXPECT_FALSE(json.contains("patient"));
  EXPECT_FALSE(json.contains("fhirUser"));
  EXPECT_EQ(json["scope"].as_string(), "patient/*.rs openid");
  EXPECT_EQ(json["azp"].as_string(), "app");
  const auto full = *codec::Json::parse_object(access_token_payload(facts(), true));
  EXPECT_EQ(full["patient"].as_string(), "p1");
  EXPECT_EQ(full["exp"].as_int64(), to_seconds(kNow) + 300);  // context can't speak for claims
}

TEST(WrappedToken, TellsNobodyWhoItIsAbout) {
  const auto json = *codec::Json::parse_object(wrapped_token_payload(facts(), "mat_x"));
  EXPECT_EQ(json.size(), 6U);
  for (const char* name : {"iss", "aud", "exp", "iat", "jti", "opaque"}) EXPECT_TRUE(json.contains(name)) << name;
}

TEST(Rfc7662_2_2, ActiveAnswerHasEverything) {
  const auto json = *codec::Json::parse_object(introspection_json(facts()));
  EXPECT_EQ(json["active"].as_bool(), true);
  EXPECT_EQ(json["patient"].as_string(), "p1");
  EXPECT_EQ(json["fhirUser"].as_string(), "https://fhir.example/Patient/p1");
  EXPECT_EQ(json["token_type"].as_string(), "Bearer");
  EXPECT_FALSE(json.contains("username"));
}

// J-5: each kind of token is read by its own typ only.
TEST(Rfc9068_4, J5_KindsOfTokensAreNotTakenForEachOther) {
  const Keys keys;
  const auto at = keys.sign("at+jwt", access_token_payload(facts(), false));
  const auto wrapped = keys.sign("wrapped+jwt", wrapped_token_payload(facts(), "mat_x"));
  const auto id = keys.sign("JWT", access_token_payload(facts(), false));
  EXPECT_TRUE(read_access_token(at, keys.set, "https://as.example", "https://fhir.example", kNow));
  EXPECT_TRUE(read_wrapped_token(wrapped, keys.set, "https://as.example", "https://fhir.example", kNow));
  EXPECT_FALSE(read_access_token(wrapped, keys.set, "https://as.example", {}, kNow));
  EXPECT_FALSE(read_wrapped_token(at, keys.set, "https://as.example", {}, kNow));
  EXPECT_FALSE(read_access_token(id, keys.set, "https://as.example", {}, kNow));
}

TEST(Rfc9068_4, IssuerAudienceAndTimeAreExact) {
  const Keys keys;
  const auto at = keys.sign("at+jwt", access_token_payload(facts(), false));
  EXPECT_FALSE(read_access_token(at, keys.set, "https://as.example/", {}, kNow));
  EXPECT_FALSE(read_access_token(at, keys.set, "https://as.example", "https://fhir.example/", kNow));
  EXPECT_FALSE(read_access_token(at, keys.set, "https://as.example", {}, kNow + std::chrono::seconds(300)));
  EXPECT_FALSE(read_access_token(at, Keys().set, "https://as.example", {}, kNow));
}

TEST(OidcCore_3_1_3_6, HalfHashVectorOfAppendixA) {
  EXPECT_EQ(oidc::half_hash(jose::SignAlg::rs256, "Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk"),
            "LDktKdoQak3Pk0cnXxCltA");
}

TEST(OidcCore_2, NonceAndSidOnlyWhenThere) {
  oidc::IdTokenFacts f{.issuer = "i",
                       .subject = "s",
                       .client_id = "c",
                       .issued = 1,
                       .expires = 2,
                       .auth_time = 1,
                       .nonce = {},
                       .acr = {},
                       .amr = {},
                       .sid = {},
                       .access_token = "t",
                       .fhir_user = {}};
  auto json = *codec::Json::parse_object(oidc::id_token_payload(f, jose::SignAlg::rs256));
  EXPECT_FALSE(json.contains("nonce"));
  EXPECT_FALSE(json.contains("fhirUser"));
  EXPECT_EQ(json["aud"].as_string(), "c");
  f.nonce = "n";
  f.fhir_user = "https://f/Patient/1";
  f.profile_claim = true;
  json = *codec::Json::parse_object(oidc::id_token_payload(f, jose::SignAlg::rs256));
  EXPECT_EQ(json["nonce"].as_string(), "n");
  EXPECT_EQ(json["profile"].as_string(), json["fhirUser"].as_string());
}

TEST(Rfc8414_3_2, EmptyArraysAreLeftOutAndRequestUriIsDenied) {
  ServerFacts f;
  f.issuer = "https://as.example";
  f.auth_methods = {"client_secret_basic", "none"};
  const auto json = oauth_metadata(f);
  EXPECT_FALSE(json.contains("scopes_supported"));
  EXPECT_FALSE(json.contains("token_endpoint_auth_signing_alg_values_supported"));
  EXPECT_EQ(json["request_uri_parameter_supported"].as_bool(), false);
  EXPECT_EQ(json["introspection_endpoint_auth_methods_supported"].size(), 1U);
  EXPECT_EQ(json["code_challenge_methods_supported"].dump(), R"(["S256"])");
  EXPECT_EQ(oidc::openid_configuration(f)["issuer"].as_string(), "https://as.example");
}

}  // namespace
}  // namespace mitral::spec::oauth
