// Answers that take long: what is begun with a good token must end when the token does.
#include <gtest/gtest.h>

#include "support/gateway_rig.h"

namespace mitral::gateway::rig {
namespace {

using namespace std::chrono_literals;

struct GatewayStream : testing::Test {
  GatewayStream() {
    std::vector<EntryText> entries;
    for (int i = 0; i < 4000; ++i) entries.push_back({observation("o" + std::to_string(i), "maria")});
    rig.world.upstream = fixed({{"/Observation", bundle(entries)}});
  }
  /// The beginning of a large answer, on its way.
  Response begun(const std::string& token) {
    auto response = rig.get("/Observation?_count=500", token);
    EXPECT_EQ(response.status, 200);
    EXPECT_NE(response.stream, nullptr) << "large enough to be streamed";
    const auto first = run_sync(response.stream->next());
    EXPECT_TRUE(first && !first->empty());
    return response;
  }
  static bool ends_well(codec::BodySource& body) {
    for (int piece = 0; piece < 10'000; ++piece) {
      const auto next = run_sync(body.next());
      if (!next) return false;
      if (next->empty()) return true;
    }
    return false;
  }
  Rig rig;
};

TEST_F(GatewayStream, ALargeAnswerEndsWell) { EXPECT_TRUE(ends_well(*begun(rig.jwt()).stream)); }

TEST_F(GatewayStream, S12_S22_RevocationCutsWhatIsUnderWay) {
  const auto response = begun(rig.jwt());
  rig.revoke("grant_revoked", "grant-1");
  ASSERT_TRUE(rig.hear());
  const auto next = run_sync(response.stream->next());
  EXPECT_FALSE(next) << "not a byte more, and no end that looks like one";
}

TEST_F(GatewayStream, S28_WithoutNewsNothingGoesOn) {
  const auto response = begun(rig.jwt());
  rig.clock.advance(limits::kFeedSilence + 1s);
  EXPECT_FALSE(run_sync(response.stream->next())) << "a revocation could have been missed";
}

TEST_F(GatewayStream, WhatWasBegunInTimeMayEndAfterTheTokenExpired) {
  const auto response = begun(rig.jwt());
  rig.clock.advance(400s);
  ASSERT_TRUE(rig.hear());
  EXPECT_TRUE(ends_well(*response.stream));
}

}  // namespace
}  // namespace mitral::gateway::rig
