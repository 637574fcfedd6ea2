// A stranger who begins sign-ins without end (threat M-4.4.1.11).
#include "support/browser.h"

namespace mitral::testing {
namespace {

TEST(FrontFlood, M4_4_1_11_SignInsBegunFromOneAddressAreLimited) {
  FrontRig rig;
  const auto begin = [&] {
    Browser fresh(rig);
    fresh.send(codec::Method::get, FrontRig::authorize(FrontRig::request()));
    return fresh.response;
  };
  int begun = 0;
  for (int i = 0; i < 600; ++i) {
    const auto response = begin();
    if (response.status == 303 || response.status == 302) {
      ++begun;
    } else {
      ASSERT_EQ(response.status, 429);
      EXPECT_TRUE(response.headers.get("Retry-After"));
    }
  }
  EXPECT_EQ(begun, static_cast<int>(limits::kInteractionsBurst));
  // Whoever has begun goes on unhindered, and after a moment others can begin again.
  rig.as.clock.advance(std::chrono::seconds(1));
  Browser later(rig);
  later.open(FrontRig::authorize(FrontRig::request()));
  EXPECT_TRUE(later.shows("username"));
}

}  // namespace
}  // namespace mitral::testing
