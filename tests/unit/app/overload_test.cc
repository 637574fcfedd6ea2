// What the public listeners prefer under load (ADR 0019), and the secret that TLS tickets derive from.
#include "app/overload.h"

#include <gtest/gtest.h>

#include "app/master_key.h"
#include "codec/json.h"

namespace mitral::app {
namespace {

using net::Importance;

codec::Request to(std::string_view target) {
  codec::Request request;
  request.target = target;
  return request;
}

TEST(OverloadTable, RevocationBeforeIntrospectionBeforeTokensBeforeSignIns) {
  const auto of = [](std::string_view target) { return server_importance(to(target)); };
  EXPECT_EQ(of("/revoke"), Importance::vital);
  EXPECT_EQ(of("/t/clinic/revocations?after=7&wait=20"), Importance::vital);
  EXPECT_EQ(of("/t/clinic/introspect"), Importance::high);
  EXPECT_EQ(of("/.well-known/oauth-authorization-server/t/clinic"), Importance::high);
  EXPECT_EQ(of("/token"), Importance::normal);
  EXPECT_EQ(of("/interaction/abc/consent"), Importance::normal);
  EXPECT_EQ(of("/authorize?state=/revoke"), Importance::low);
  EXPECT_EQ(of("/par"), Importance::low);
  EXPECT_EQ(of("/"), Importance::low);
}

TEST(OverloadTable, CareBeforeExports) {
  const auto of = [](std::string_view target) { return gateway_importance(to(target)); };
  EXPECT_EQ(of("/fhir/.well-known/smart-configuration"), Importance::high);
  EXPECT_EQ(of("/fhir/metadata"), Importance::high);
  EXPECT_EQ(of("/fhir/Patient/1"), Importance::normal);
  EXPECT_EQ(of("/fhir/Group/1/$export?_type=Patient"), Importance::low);
  EXPECT_EQ(of("/fhir/_bulk/file/abc"), Importance::low);
}

TEST(OverloadTable, RefusalsAreWhatTheirReadersExpect) {
  const auto server = codec::Json::parse(server_options().busy.text);
  ASSERT_TRUE(server);
  EXPECT_EQ((*server)["error"].as_string(), "temporarily_unavailable");
  const auto gateway = codec::Json::parse(gateway_options().busy.text);
  ASSERT_TRUE(gateway);
  EXPECT_EQ((*gateway)["resourceType"].as_string(), "OperationOutcome");
  EXPECT_TRUE(server_options().shed);
  EXPECT_TRUE(gateway_options().shed);
  EXPECT_FALSE(net::ServerOptions{}.shed);  // health and metrics
}

TEST(TicketSecret, IsTheMasterKeysOwn) {
  const auto one = parse_master_key("1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
  const auto two = parse_master_key("1 AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
  ASSERT_TRUE(one && two);
  EXPECT_EQ(derive_ticket_secret(*one).reveal().size(), 32U);
  EXPECT_FALSE(derive_ticket_secret(*one) == derive_ticket_secret(*two));
  EXPECT_FALSE(derive_ticket_secret(*one) == derive_page_key(*one, "x"));
}

}  // namespace
}  // namespace mitral::app
