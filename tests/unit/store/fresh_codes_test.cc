#include "store/fresh_codes.h"

#include <gtest/gtest.h>

namespace mitral::store {
namespace {

using namespace std::chrono_literals;

const Issuer kIssuer("https://as.example");
constexpr Instant kStart = from_seconds(1'790'000'000);

/// All of one shard.
Hash256 handle_of(std::uint8_t number) {
  Hash256 out{};
  out[0] = number;
  return out;
}

model::AuthorizationCode code_of(std::uint8_t number, Instant created) {
  model::AuthorizationCode out;
  out.handle = handle_of(number);
  out.issuer = kIssuer;
  out.created = created;
  out.expires = created + 60s;
  return out;
}

TEST(FreshCodes, Rfc6749_4_1_3_ACodeIsFoundOnceAndOnlyByItsIssuerAndInTime) {
  FreshCodes codes(1600);
  codes.put(code_of(1, kStart));
  codes.put(code_of(2, kStart));
  EXPECT_FALSE(codes.take(Issuer("https://other.example"), handle_of(1), kStart));
  EXPECT_TRUE(codes.take(kIssuer, handle_of(1), kStart));
  EXPECT_FALSE(codes.take(kIssuer, handle_of(1), kStart));
  EXPECT_FALSE(codes.take(kIssuer, handle_of(2), kStart + 60s));
}

TEST(FreshCodes, WhatExpiredLeavesAsNewOnesCome) {
  FreshCodes codes(1600);
  codes.put(code_of(1, kStart));
  codes.put(code_of(2, kStart + 30s));
  codes.put(code_of(3, kStart + 60s));
  EXPECT_FALSE(codes.take(kIssuer, handle_of(1), kStart));  // gone, whatever the time that is asked for
  EXPECT_TRUE(codes.take(kIssuer, handle_of(2), kStart));
  EXPECT_TRUE(codes.take(kIssuer, handle_of(3), kStart + 60s));
}

TEST(FreshCodes, TheOldestLeavesWhenThereAreTooMany) {
  FreshCodes codes(32);  // two in a shard
  for (std::uint8_t i = 1; i <= 3; ++i) codes.put(code_of(i, kStart));
  EXPECT_FALSE(codes.take(kIssuer, handle_of(1), kStart));
  EXPECT_TRUE(codes.take(kIssuer, handle_of(2), kStart));
  EXPECT_TRUE(codes.take(kIssuer, handle_of(3), kStart));
}

}  // namespace
}  // namespace mitral::store
