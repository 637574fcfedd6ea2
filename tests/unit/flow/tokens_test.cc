#include <gtest/gtest.h>

#include <set>

#include "flow/handles.h"
#include "flow/refresh_token.h"
#include "flow/token_sealer.h"

namespace mitral::flow {
namespace {

std::vector<DerivedKey> keys(std::initializer_list<int> ids) {
  std::vector<DerivedKey> out;
  for (const int id : ids)
    out.push_back({static_cast<std::uint8_t>(id), Secret(std::string(32, static_cast<char>(id)))});
  return out;
}

SealedToken token_of_grant(Random& random) {
  SealedToken t;
  t.jti = Id128::random(random);
  t.grant = Id128::random(random);
  t.issued = 1'790'000'000;
  t.expires = t.issued + 300;
  t.audience_index = 1;
  t.scope_bits = {0x05, 0x80};
  return t;
}

TEST(TokenSealer, GivesBackWhatWasSealed) {
  SequenceRandom random;
  const TokenSealer sealer("https://as.example", keys({1}));
  auto t = token_of_grant(random);
  t.jkt = Hash256{7};
  const auto text = *sealer.seal(t);
  EXPECT_TRUE(text.starts_with("mat_"));
  const auto back = sealer.open(text);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->jti, t.jti);
  EXPECT_EQ(back->grant, t.grant);
  EXPECT_EQ(back->expires, t.expires);
  EXPECT_EQ(back->scope_bits, t.scope_bits);
  EXPECT_EQ(back->audience_index, 1);
  EXPECT_EQ(back->jkt, t.jkt);
}

TEST(TokenSealer, WithoutGrantItCarriesText) {
  SequenceRandom random;
  const TokenSealer sealer("https://as.example", keys({1}));
  SealedToken t;
  t.jti = Id128::random(random);
  t.client = "backend";
  t.audience = "https://fhir.example";
  t.scope_text = "system/*.rs";
  const auto back = sealer.open(*sealer.seal(t));
  ASSERT_TRUE(back);
  EXPECT_TRUE(back->grant.is_zero());
  EXPECT_EQ(back->client, "backend");
  EXPECT_EQ(back->scope_text, "system/*.rs");
}

// E-7: no segment of a handle can be edited.
TEST(TokenSealer, EveryChangedCharacterIsRefused) {
  SequenceRandom random;
  const TokenSealer sealer("https://as.example", keys({1}));
  const auto text = *sealer.seal(token_of_grant(random));
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto forged = text;
    forged[i] = forged[i] == 'A' ? 'B' : 'A';
    if (forged != text) {
      EXPECT_FALSE(sealer.open(forged)) << i;
    }
  }
  for (std::size_t n = 0; n < text.size(); n += 7) EXPECT_FALSE(sealer.open(text.substr(0, n))) << n;
  EXPECT_FALSE(sealer.open(text + "A"));
  EXPECT_FALSE(sealer.open(text + "="));
}

TEST(TokenSealer, AnotherIssuerOrKeyCannotOpen) {
  SequenceRandom random;
  const TokenSealer sealer("https://as.example", keys({1}));
  const auto text = *sealer.seal(token_of_grant(random));
  EXPECT_FALSE(TokenSealer("https://other.example", keys({1})).open(text));
  EXPECT_FALSE(TokenSealer("https://as.example", keys({2})).open(text));
}

TEST(TokenSealer, OldRootKeysStillOpen) {
  SequenceRandom random;
  const auto text = *TokenSealer("https://as.example", keys({1})).seal(token_of_grant(random));
  const TokenSealer rotated("https://as.example", keys({1, 2}));
  EXPECT_TRUE(rotated.open(text));
  EXPECT_FALSE(TokenSealer("https://as.example", keys({1})).open(*rotated.seal(token_of_grant(random))));
}

TEST(TokenSealer, M4_3_2_NothingReadableInside) {
  SequenceRandom random;
  const TokenSealer sealer("https://as.example", keys({1}));
  SealedToken t;
  t.jti = Id128::random(random);
  t.client = "backend-client-name";
  t.scope_text = "system/Patient.rs";
  const auto text = *sealer.seal(t);
  EXPECT_EQ(text.find("YmFja2VuZC"), std::string::npos);
  EXPECT_LT(text.size(), 400U);
}

TEST(RefreshTokens, RecomputedAndBoundToGrantGenerationAndIssuer) {
  SequenceRandom random;
  const RefreshTokens tokens("https://as.example", keys({1}));
  const auto grant = Id128::random(random);
  const auto text = tokens.make(grant, 7);
  EXPECT_EQ(text.size(), 63U);
  EXPECT_EQ(text, tokens.make(grant, 7));
  EXPECT_NE(text, tokens.make(grant, 8));
  const auto parts = tokens.open(text);
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->grant, grant);
  EXPECT_EQ(parts->generation, 7U);
  EXPECT_FALSE(RefreshTokens("https://other.example", keys({1})).open(text));
  EXPECT_TRUE(RefreshTokens("https://as.example", keys({1, 2})).open(text));
  for (std::size_t i = 4; i < text.size(); ++i) {
    auto forged = text;
    forged[i] = forged[i] == 'x' ? 'y' : 'x';
    EXPECT_FALSE(tokens.open(forged)) << i;
  }
}

// M-4.4.1.3: 256 random bits, and one kind is never another.
TEST(Handles, AreUniqueAndTyped) {
  SequenceRandom random;
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) seen.insert(make_handle(random, kCodePrefix));
  EXPECT_EQ(seen.size(), 200U);
  const auto code = *seen.begin();
  EXPECT_EQ(code.size(), 47U);
  EXPECT_TRUE(handle_hash(code, kCodePrefix));
  EXPECT_FALSE(handle_hash(code, kLaunchPrefix));
  EXPECT_FALSE(handle_hash(code + "A", kCodePrefix));
  EXPECT_FALSE(handle_hash("BAD_CODE", kCodePrefix));
  EXPECT_EQ(*parse_hash_text(hash_text(hash_of("x"))), hash_of("x"));
}

}  // namespace
}  // namespace mitral::flow
