// Cut off from its database Mitral denies rather than guesses: what a node remembers may be out of date as soon as it
// can't follow the change feed, so memory alone lets nobody in. The store of these tests answers every read and write;
// only the feed can't be followed.
#include <gtest/gtest.h>

#include "support/as_harness.h"

namespace mitral::testing {
namespace {

constexpr std::string_view kMachine = "jobs.run";

class CutOff : public ::testing::Test {
 protected:
  void expect_503(const codec::Response& response) {
    EXPECT_EQ(as.verdict(response), "503 temporarily_unavailable") << response.body;
    EXPECT_TRUE(response.headers.get("Retry-After"));
    EXPECT_EQ(response.body.find("active"), std::string::npos);
    EXPECT_EQ(response.body.find("eyJ"), std::string::npos);
  }
  [[nodiscard]] codec::Response machine_token(std::string_view audience) {
    return as.token(
        {{"grant_type", "client_credentials"}, {"scope", std::string(kMachine)}, {"resource", std::string(audience)}},
        {as.basic("backend-basic")});
  }
  AsHarness as;
};

// A token without a grant is judged by memory alone.
TEST_F(CutOff, IntrospectionOfATokenWithoutAGrantIsRefused) {
  const auto token = std::string(as.json(machine_token(kLabs))["access_token"].string_or());
  ASSERT_EQ(as.introspect(token, "labs")["active"].as_bool(), true);
  as.faults().stale = true;
  expect_503(as.post("introspect", {{"token", token}}, {as.basic("labs")}));
  as.faults().stale = false;
  EXPECT_EQ(as.introspect(token, "labs")["active"].as_bool(), true);
}

// A grant that was used lately is in memory too.
TEST_F(CutOff, IntrospectionAndUserinfoOfAKnownGrantAreRefused) {
  const auto tokens = as.tokens_for("app-basic", {"openid", "fhirUser", "patient/*.rs"});
  const auto access = std::string(tokens["access_token"].string_or());
  ASSERT_EQ(as.introspect(access)["active"].as_bool(), true);
  as.faults().stale = true;
  expect_503(as.post("introspect", {{"token", access}}, {as.basic("fhir")}));
  EXPECT_EQ(as.get("/t/clinic/userinfo", {as.bearer(access)}).status, 503);
  EXPECT_TRUE(as.get("/t/clinic/userinfo", {as.bearer(access)}).headers.get("Retry-After"));
}

TEST_F(CutOff, NothingIsIssued) {
  const auto tokens = as.tokens_for("app-basic", {"openid", "offline_access", "patient/*.rs"});
  const auto code = as.mint_code("app-basic", {"openid", "patient/*.rs"});
  as.faults().stale = true;
  expect_503(machine_token(kLabs));
  expect_503(machine_token(kApi));  // a JWT: nobody asks about it later
  expect_503(as.token(as.with_assertion({{"grant_type", "client_credentials"}, {"scope", std::string(kMachine)}},
                                        as.backend_assertion())));
  expect_503(as.token(as.code_form(code), {as.basic("app-basic")}));
  expect_503(
      as.token({{"grant_type", "refresh_token"}, {"refresh_token", std::string(tokens["refresh_token"].string_or())}},
               {as.basic("app-basic")}));
  as.faults().stale = false;
  EXPECT_EQ(as.token(as.code_form(code), {as.basic("app-basic")}).status, 200) << "the refusal used nothing up";
}

// What is dead stays dead, and revoking is never refused for want of news.
TEST_F(CutOff, RevokingGoesOnAndForgedTokensStayForged) {
  const auto tokens = as.tokens_for("app-basic", {"openid", "patient/*.rs"});
  const auto access = std::string(tokens["access_token"].string_or());
  as.faults().stale = true;
  EXPECT_EQ(as.post("revoke", {{"token", access}}, {as.basic("app-basic")}).status, 200);
  EXPECT_EQ(as.introspect("mat_forged")["active"].as_bool(), false);
}

// "Nothing new" of a node that hears nothing would keep every gateway behind it in good faith.
TEST_F(CutOff, TheFeedSaysSoInsteadOfNothingNew) {
  as.tick();
  const auto path = "/t/clinic/revocations?wait=5&after=" + std::to_string(as.store().latest_change());
  as.faults().stale = true;
  expect_503(as.get(path, {as.basic("fhir")}));
}

TEST_F(CutOff, WhoWaitsForTheFeedIsToldAtOnce) {
  as.tick();
  auto& feed = as.services().feed;
  bool told = false;
  spawn(feed.after(as.issuer_id(), as.store().latest_change(), std::chrono::seconds(5)),
        [&](std::exception_ptr, std::optional<Result<flow::ChangeFeed::Page>> page) {
          ASSERT_TRUE(page);
          ASSERT_FALSE(*page);
          EXPECT_EQ(page->error().code, ErrorCode::unavailable);
          told = true;
        });
  as.tick();
  EXPECT_FALSE(told);
  as.faults().stale = true;
  static_cast<void>(run_sync(feed.tick()));
  EXPECT_TRUE(told) << "no second was waited out";
}

// The store knows of a line that can't be read: silence about it would be a lie.
TEST_F(CutOff, ALineThatCantBeReadIsNotPassedOver) {
  as.tick();
  auto& feed = as.services().feed;
  const auto seq = as.store().latest_change();
  ASSERT_TRUE(run_sync(as.store().revoke_token(as.issuer_id(), Id128{{1}}, as.clock.now() + std::chrono::seconds(60),
                                               {as.event()}, as.clock.now())));
  as.faults().reads_fail = true;
  EXPECT_FALSE(run_sync(feed.after(as.issuer_id(), seq, Duration{})));
  as.faults().reads_fail = false;
  const auto page = run_sync(feed.after(as.issuer_id(), seq, Duration{}));
  ASSERT_TRUE(page);
  EXPECT_EQ(page->changes.size(), 1U);
}

// A node whose clock can't be trusted (app/node_presence.h) closes the same doors.
TEST_F(CutOff, AClosedGateStopsEverythingButRevokingAndPublicDocuments) {
  const auto tokens = as.tokens_for("app-basic", {"openid", "offline_access", "patient/*.rs"});
  const auto access = std::string(tokens["access_token"].string_or());
  bool open = false;
  as.server().set_gate([&]() -> Result<void> {
    if (open) return {};
    return fail(ErrorCode::unavailable, {}, "the clock is off");
  });
  expect_503(as.post("introspect", {{"token", access}}, {as.basic("fhir")}));
  expect_503(machine_token(kApi));
  expect_503(as.post("par", {{"client_id", "app-basic"}}, {as.basic("app-basic")}));
  expect_503(as.get("/t/clinic/userinfo", {as.bearer(access)}));
  expect_503(as.get("/t/clinic/revocations?after=0", {as.basic("fhir")}));
  const auto page = as.get("/t/clinic/authorize?client_id=app-basic");
  EXPECT_EQ(page.status, 503);
  EXPECT_TRUE(page.headers.get("Retry-After"));
  EXPECT_EQ(as.get("/t/clinic/jwks").status, 200);
  EXPECT_EQ(as.get("/t/clinic/.well-known/openid-configuration").status, 200);
  EXPECT_EQ(as.post("revoke", {{"token", access}}, {as.basic("app-basic")}).status, 200);
  open = true;
  EXPECT_EQ(as.introspect(access)["active"].as_bool(), false);
}

}  // namespace
}  // namespace mitral::testing
