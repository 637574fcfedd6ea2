#include <gtest/gtest.h>

#include "base/limits.h"
#include "spec/oauth/rfc6749_authorization_request.h"

namespace mitral::spec::oauth {
namespace {

constexpr const char* kChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

codec::Form good() {
  return {{"response_type", "code"},          {"client_id", "app"},
          {"scope", "openid patient/*.rs"},   {"state", "s"},
          {"aud", "https://fhir.example/r4"}, {"code_challenge", kChallenge},
          {"code_challenge_method", "S256"}};
}
ErrorCode refused(const codec::Form& form) {
  const auto p = parse_authorization_parameters(form);
  EXPECT_FALSE(p);
  return p ? ErrorCode::internal : p.error().code;
}
codec::Form with(std::string_view name, std::string_view value) {
  auto form = good();
  form.set(name, value);
  return form;
}
codec::Form without(std::string_view name) {
  auto form = good();
  form.remove(name);
  return form;
}

TEST(Rfc6749_4_1_1, AGoodRequest) {
  const auto form = with("prompt", "login consent");
  const auto p = parse_authorization_parameters(form);
  ASSERT_TRUE(p);
  EXPECT_EQ(p->scope, "openid patient/*.rs");
  ASSERT_EQ(p->resources.size(), 1U);
  EXPECT_EQ(p->prompt.size(), 2U);
  EXPECT_FALSE(p->max_age);
}

TEST(Rfc6749_3_1_1, OnlyCodeIsSupported) {
  EXPECT_EQ(refused(without("response_type")), ErrorCode::invalid_request);
  for (const char* type : {"token", "id_token", "code id_token", "id_token token", "none", "Code"}) {
    EXPECT_EQ(refused(with("response_type", type)), ErrorCode::unsupported_response_type) << type;
  }
}

// B-4.8a, B-4.8c
TEST(Rfc7636_4_3, ChallengeIsRequiredAndS256Only) {
  EXPECT_EQ(refused(without("code_challenge")), ErrorCode::invalid_request);
  EXPECT_EQ(refused(without("code_challenge_method")), ErrorCode::invalid_request);
  for (const char* method : {"plain", "s256", "S512", "S256 "}) {
    EXPECT_EQ(refused(with("code_challenge_method", method)), ErrorCode::invalid_request) << method;
  }
  for (const char* challenge :
       {"short", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM",
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cN"}) {
    EXPECT_EQ(refused(with("code_challenge", challenge)), ErrorCode::invalid_request) << challenge;
  }
}

TEST(Rfc9101, RequestObjectsAreRefusedNotIgnored) {
  EXPECT_EQ(refused(with("request", "a.b.c")), ErrorCode::request_not_supported);
  EXPECT_EQ(refused(with("request_uri", "https://evil.example/")), ErrorCode::request_uri_not_supported);
  EXPECT_EQ(refused(with("registration", "{}")), ErrorCode::registration_not_supported);
}

TEST(OidcCore_3_1_2_1, PromptAndMaxAge) {
  EXPECT_EQ(refused(with("prompt", "none login")), ErrorCode::invalid_request);
  EXPECT_EQ(refused(with("prompt", "later")), ErrorCode::invalid_request);
  for (const char* age : {"-1", "1.5", "abc", "99999999999"})
    EXPECT_EQ(refused(with("max_age", age)), ErrorCode::invalid_request) << age;
  const auto form = with("max_age", "0");
  EXPECT_EQ(parse_authorization_parameters(form)->max_age, 0);
}

TEST(Rfc6749_4_1_1, LongStateIsAnErrorAndNeverCut) {
  EXPECT_TRUE(parse_authorization_parameters(with("state", std::string(1000, 'x'))));
  EXPECT_EQ(refused(with("state", std::string(limits::kStateMax + 1, 'x'))), ErrorCode::invalid_request);
  EXPECT_EQ(refused(with("state", "caf\xc3\xa9")), ErrorCode::invalid_request);
  EXPECT_TRUE(parse_authorization_parameters(with("nonce", std::string(384, 'n'))));
  EXPECT_EQ(refused(with("nonce", std::string(limits::kNonceMax + 1, 'n'))), ErrorCode::invalid_request);
}

TEST(Rfc8707_2, AudAndResourceAreOneList) {
  auto form = with("aud", "https://fhir.example/r4");
  form.add("resource", "https://fhir.example/r4").add("resource", "https://api.example/");
  const auto p = parse_authorization_parameters(form);
  ASSERT_TRUE(p);
  EXPECT_EQ(p->resources.size(), 2U);
  EXPECT_EQ(refused(with("aud", "fhir")), ErrorCode::invalid_request);
  EXPECT_EQ(refused(with("resource", "fhir")), ErrorCode::invalid_target);
}

TEST(Rfc6749_4_1_2_1, StateForErrorsOnlyWhenItIsUnambiguous) {
  EXPECT_EQ(state_of(good()), "s");
  auto twice = good();
  twice.add("state", "t");
  EXPECT_EQ(state_of(twice), "");
  EXPECT_EQ(state_of(with("state", "\x01")), "");
}

}  // namespace
}  // namespace mitral::spec::oauth
