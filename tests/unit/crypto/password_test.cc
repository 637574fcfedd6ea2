// Argon2id: PHC strings in and out, and stored strings that ask for too much.
#include "crypto/password.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "crypto/random.h"

namespace mitral::crypto {
namespace {

constexpr Argon2Params kCheap{.memory_kib = 64, .passes = 1, .lanes = 1};

PasswordHasher hasher() { return PasswordHasher::create(kCheap, system_random()).value(); }
Secret password(std::string text) { return Secret(std::move(text)); }

TEST(Password, HashAndVerify) {
  const auto h = hasher();
  const std::string stored = h.hash(password("correct horse"), system_random()).value();
  EXPECT_TRUE(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$")) << stored;
  EXPECT_TRUE(h.verify(stored, password("correct horse")).value());
  EXPECT_FALSE(h.verify(stored, password("correct horsf")).value());
  EXPECT_FALSE(h.verify(stored, password("")).value());
  EXPECT_FALSE(h.verify(stored, password(std::string("correct horse\0", 14))).value());
  EXPECT_NE(stored, h.hash(password("correct horse"), system_random()).value()) << "salt";
}

TEST(Password, KnownAnswerOfTheReferenceImplementation) {
  // argon2 test.c, version 0x13, Argon2id: t=2, m=2^16, p=1, "password", "somesalt".
  EXPECT_TRUE(hasher()
                  .verify("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
                          password("password"))
                  .value());
}

TEST(Password, UnknownUserIsAlwaysNo) {
  const auto h = hasher();
  EXPECT_FALSE(h.verify_unknown_user(password("anything")).value());
  EXPECT_FALSE(h.verify_unknown_user(password("")).value());
}

TEST(Password, StoredStringsThatAskForTooMuchOrAreOddAreRefused) {
  const auto h = hasher();
  for (const char* stored :
       {"", "plain", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAA", "$2b$10$abcdefghijklmnopqrstuv",
        "$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=99999,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=1,p=200$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=-64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=1,p=1$$"}) {
    EXPECT_EQ(h.verify(stored, password("x")).error().code, ErrorCode::crypto_failed) << stored;
    EXPECT_TRUE(h.needs_rehash(stored) || std::string_view(stored).ends_with("$$")) << stored;
  }
}

TEST(Password, LimitsOfPasswordAndParameters) {
  const auto h = hasher();
  EXPECT_EQ(h.hash(password(std::string(limits::kPasswordMax + 1, 'x')), system_random()).error().code,
            ErrorCode::too_large);
  EXPECT_EQ(h.verify("$", password(std::string(limits::kPasswordMax + 1, 'x'))).error().code, ErrorCode::too_large);
  EXPECT_FALSE(h.hash(password(""), system_random()));
  EXPECT_FALSE(PasswordHasher::create({.memory_kib = 1, .passes = 1, .lanes = 1}, system_random()));
  EXPECT_FALSE(PasswordHasher::create({.memory_kib = 1U << 30, .passes = 1, .lanes = 1}, system_random()));
  EXPECT_FALSE(PasswordHasher::create({.memory_kib = 64, .passes = 0, .lanes = 1}, system_random()));
}

TEST(Password, OtherParametersNeedARehash) {
  const auto h = hasher();
  const std::string stored = h.hash(password("x"), system_random()).value();
  EXPECT_FALSE(h.needs_rehash(stored));
  const auto stronger = PasswordHasher::create({.memory_kib = 128, .passes = 1, .lanes = 1}, system_random()).value();
  EXPECT_TRUE(stronger.needs_rehash(stored));
  EXPECT_TRUE(stronger.verify(stored, password("x")).value());
}

}  // namespace
}  // namespace mitral::crypto
