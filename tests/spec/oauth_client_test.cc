#include <gtest/gtest.h>

#include "codec/base64url.h"
#include "spec/oauth/rfc6749_client.h"
#include "spec/oauth/rfc6749_error.h"
#include "spec/oauth/rfc6749_token_response.h"
#include "spec/oauth/rfc6750_bearer.h"
#include "spec/oauth/rfc7636_pkce.h"
#include "spec/oauth/rfc8707_resource.h"
#include "spec/oauth/rfc9126_par.h"

namespace mitral::spec::oauth {
namespace {

codec::Headers basic(std::string_view pair) {
  codec::Headers out;
  out.add("Authorization", "Basic " + codec::base64_encode(pair));
  return out;
}
Result<PresentedClient> present(const codec::Headers& headers, const codec::Form& form) {
  bool used = false;
  return presented_client(headers, form, used);
}

TEST(Rfc6749_2_3_1, BasicIsFormDecodedAndKeptRaw) {
  const auto p = present(basic("my%3Aapp:s%2Bcret+x"), {});
  ASSERT_TRUE(p);
  EXPECT_EQ(p->by, PresentedBy::basic);
  EXPECT_EQ(p->id, "my:app");
  EXPECT_EQ(p->secret.reveal(), "s+cret x");
  EXPECT_EQ(p->raw_id, "my%3Aapp");
  EXPECT_EQ(p->raw_secret.reveal(), "s%2Bcret+x");
}

TEST(Rfc6749_2_3_1, BasicThatIsNoFormEncodingIsTakenRaw) {
  const auto p = present(basic("app:100%"), {});
  ASSERT_TRUE(p);
  EXPECT_EQ(p->secret.reveal(), "100%");
  EXPECT_FALSE(p->raw_id);
}

TEST(Rfc6749_2_3_1, SecretMayHoldColons) {
  const auto p = present(basic("app:a:b"), {});
  ASSERT_TRUE(p);
  EXPECT_EQ(p->id, "app");
  EXPECT_EQ(p->secret.reveal(), "a:b");
}

TEST(Rfc6749_2_3_1, BrokenBasicIsInvalidClientAndSaysThatTheHeaderWasUsed) {
  for (const std::string_view value :
       {"Basic !!!", "Basic YXBw", "Basic", "Basic YXBwOgB4", "Digest abc", "Bearer abc"}) {
    codec::Headers headers;
    headers.add("Authorization", value);
    bool used = false;
    const auto p = presented_client(headers, {}, used);
    ASSERT_FALSE(p) << value;
    EXPECT_TRUE(p.error().code == ErrorCode::invalid_client || p.error().code == ErrorCode::invalid_request) << value;
    EXPECT_TRUE(used) << value;
  }
}

TEST(Rfc6749_2_3, TwoMethodsAtOnceAreRefusedEvenWhenOneIsJunk) {
  EXPECT_EQ(present(basic("a:b"), {{"client_secret", "x"}}).error().code, ErrorCode::invalid_request);
  EXPECT_EQ(present(basic("a:b"), {{"client_assertion", "junk"}}).error().code, ErrorCode::invalid_request);
  EXPECT_EQ(present(basic("a:b"), {{"client_assertion_type", "junk"}}).error().code, ErrorCode::invalid_request);
  EXPECT_EQ(present({}, {{"client_id", "a"}, {"client_secret", "x"}, {"client_assertion", "junk"}}).error().code,
            ErrorCode::invalid_request);
}

TEST(Rfc6749_2_3, TwoAuthorizationHeadersAreRefused) {
  auto headers = basic("a:b");
  headers.add("Authorization", "Basic YTpi");
  EXPECT_EQ(present(headers, {}).error().code, ErrorCode::invalid_request);
}

TEST(Rfc6749_2_3, ClientIdBesideBasicMustAgree) {
  EXPECT_TRUE(present(basic("a:b"), {{"client_id", "a"}}));
  EXPECT_EQ(present(basic("a:b"), {{"client_id", "c"}}).error().code, ErrorCode::invalid_client);
}

TEST(Rfc6749_2_3, EmptySecretCountsAsAbsent) {
  const auto p = present({}, {{"client_id", "a"}, {"client_secret", ""}});
  ASSERT_TRUE(p);
  EXPECT_EQ(p->by, PresentedBy::client_id_only);
}

TEST(Rfc7523_2_2, OtherAssertionTypesAreInvalidClient) {
  const auto p = present({}, {{"client_assertion_type", "urn:x"}, {"client_assertion", "a.b.c"}});
  EXPECT_EQ(p.error().code, ErrorCode::invalid_client);
  const auto q = present({}, {{"client_assertion_type", std::string(kJwtBearerAssertionType)}});
  EXPECT_EQ(q.error().code, ErrorCode::invalid_client);
}

TEST(Rfc6749_5_2, ErrorJsonHoldsOnlyLiterals) {
  EXPECT_EQ(error_json({ErrorCode::invalid_grant, "The code is invalid", "secret detail"}),
            R"({"error":"invalid_grant","error_description":"The code is invalid"})");
  EXPECT_EQ(error_json({ErrorCode::malformed, {}, "x"}), R"({"error":"invalid_request"})");
}

TEST(Rfc6749_5_1, ContextNeverOverridesAMember) {
  const auto context =
      codec::Json::object({{"patient", "1"}, {"access_token", "evil"}, {"scope", "evil"}, {"sub", "evil"}});
  const auto text =
      token_response_json({.access_token = "mat_x", .expires_in = 300, .scope = "a b", .context = &context});
  EXPECT_EQ(text, R"({"access_token":"mat_x","token_type":"Bearer","expires_in":300,"scope":"a b","patient":"1"})");
}

TEST(Rfc7636, VectorOfAppendixB) {
  EXPECT_EQ(s256_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
  EXPECT_TRUE(
      pkce_matches("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
}

TEST(Rfc7636_4_1, VerifierGrammar) {
  EXPECT_FALSE(is_code_verifier(std::string(42, 'a')));
  EXPECT_TRUE(is_code_verifier(std::string(43, 'a')));
  EXPECT_TRUE(is_code_verifier(std::string(128, '~')));
  EXPECT_FALSE(is_code_verifier(std::string(129, 'a')));
  EXPECT_FALSE(is_code_verifier(std::string(42, 'a') + "+"));
  EXPECT_FALSE(is_code_verifier(std::string(42, 'a') + "="));
}

TEST(Rfc7636_4_6, PlainDowngradeDoesNotMatch) {
  const std::string challenge = s256_challenge(std::string(43, 'a'));
  EXPECT_FALSE(pkce_matches(challenge, challenge));
  EXPECT_FALSE(pkce_matches("", challenge));
}

TEST(Rfc8707_2, ResourcesAreAbsoluteAndFew) {
  EXPECT_EQ(
      resources_of({{"resource", "https://a.example/x"}, {"resource", "https://a.example/x"}, {"resource", "urn:b"}})
          ->size(),
      2U);
  for (const char* bad : {"/relative", "https://a.example/#frag", "https://a.example/#", "not a uri"}) {
    EXPECT_EQ(resources_of({{"resource", bad}}).error().code, ErrorCode::invalid_target) << bad;
  }
  codec::Form many;
  for (int i = 0; i < 9; ++i) many.add("resource", "https://a.example/" + std::to_string(i));
  EXPECT_EQ(resources_of(many).error().code, ErrorCode::invalid_target);
}

TEST(Rfc9126_2_1, RefusesRequestUriAndRequest) {
  EXPECT_EQ(check_pushed({{"request_uri", "urn:x"}}).error().code, ErrorCode::invalid_request);
  EXPECT_EQ(check_pushed({{"request_uri", ""}}).error().code, ErrorCode::invalid_request);
  EXPECT_EQ(check_pushed({{"request", "a.b.c"}}).error().code, ErrorCode::request_not_supported);
  EXPECT_TRUE(check_pushed({{"scope", "openid"}}));
}

TEST(Rfc9126_2, CredentialsAreNotKept) {
  const auto kept = pushed_parameters(
      {{"client_secret", "x"}, {"client_assertion", "y"}, {"client_assertion_type", "z"}, {"scope", "a"}});
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].first, "scope");
}

TEST(Rfc6750_2, OneTokenFromOnePlace) {
  codec::Headers headers;
  headers.add("Authorization", "bEaReR abc");
  EXPECT_EQ(**bearer_token(headers, nullptr), "abc");
  const codec::Form body{{"access_token", "abc"}};
  EXPECT_EQ(bearer_token(headers, &body).error().code, ErrorCode::invalid_request);
  EXPECT_EQ(**bearer_token({}, &body), "abc");
  EXPECT_FALSE(*bearer_token({}, nullptr));
  headers.add("Authorization", "Bearer def");
  EXPECT_EQ(bearer_token(headers, nullptr).error().code, ErrorCode::invalid_request);
}

TEST(Rfc6750_3, ChallengeWithoutTokenHasNoErrorCode) {
  EXPECT_EQ(bearer_challenge("https://as", nullptr), "Bearer realm=\"https://as\"");
  const Error error{ErrorCode::invalid_token, "The access token is invalid", {}};
  EXPECT_EQ(bearer_challenge("r", &error),
            "Bearer realm=\"r\", error=\"invalid_token\", error_description=\"The access token is invalid\"");
}

}  // namespace
}  // namespace mitral::spec::oauth
