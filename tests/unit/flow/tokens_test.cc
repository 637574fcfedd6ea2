#include <gtest/gtest.h>

#include <set>

#include "codec/base64url.h"
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

constexpr Instant kMoment = from_seconds(1'790'000'000);

// M-4.4.1.3: 208 random bits, also within one millisecond, and one kind is never another.
TEST(Handles, AreUniqueAndTyped) {
  SequenceRandom random;
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) seen.insert(make_handle(random, kCodePrefix, kMoment).text);
  EXPECT_EQ(seen.size(), 200U);
  const auto code = *seen.begin();
  EXPECT_EQ(code.size(), 47U);
  EXPECT_TRUE(stored_handle(code, kCodePrefix));
  EXPECT_FALSE(stored_handle(code, kLaunchPrefix));
  EXPECT_FALSE(stored_handle(code + "A", kCodePrefix));
  EXPECT_FALSE(stored_handle("BAD_CODE", kCodePrefix));
  EXPECT_EQ(*parse_hash_text(hash_text(hash_of("x"))), hash_of("x"));
}

TEST(Handles, AreStoredInTheOrderTheyWereMadeIn) {
  SequenceRandom random;
  Hash256 last{};
  for (int i = 0; i < 200; ++i) {
    const auto made = make_handle(random, kCodePrefix, kMoment + std::chrono::milliseconds(i));
    EXPECT_EQ(stored_handle(made.text, kCodePrefix), made.stored);
    EXPECT_LT(last, made.stored);
    last = made.stored;
  }
}

// M-4.4.1.2: who reads what is stored learns when the handle was made, and nothing else of it.
TEST(Handles, M_4_4_1_2_WhatIsStoredTellsTheTimeAlone) {
  SequenceRandom random;
  const auto made = make_handle(random, kCodePrefix, kMoment);
  const auto secret = codec::base64url_decode(made.text.substr(kCodePrefix.size()));
  ASSERT_TRUE(secret);
  const auto time = time_prefix(kMoment);
  const auto stored = std::string(as_view(made.stored));
  EXPECT_EQ(stored.substr(0, time.size()), secret->substr(0, time.size()));
  for (std::size_t at = time.size(); at + 3 <= secret->size(); ++at) {
    EXPECT_EQ(stored.find(secret->substr(at, 3)), std::string::npos) << at;
  }
}

// Each character counts: neither another time nor another secret leads to the same record.
TEST(Handles, M_4_4_1_3_AChangedHandleIsAnother) {
  SequenceRandom random;
  const auto made = make_handle(random, kCodePrefix, kMoment);
  for (std::size_t at = kCodePrefix.size(); at + 1 < made.text.size(); ++at) {
    auto changed = made.text;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    const auto stored = stored_handle(changed, kCodePrefix);
    ASSERT_TRUE(stored) << at;
    EXPECT_NE(*stored, made.stored) << at;
    EXPECT_NE(std::string(as_view(*stored)).substr(6), std::string(as_view(made.stored)).substr(6)) << at;
  }
}

}  // namespace
}  // namespace mitral::flow
