// The gateway, the real authorization server and the real sandbox in one process: tokens as they are issued, context as
// it is introspected, revocation as the feed tells it.
#include <gtest/gtest.h>

#include "gateway/gateway.h"
#include "sandbox/sandbox.h"
#include "support/as_harness.h"

namespace mitral::testing {
namespace {

using namespace std::chrono_literals;
using codec::Json;
using codec::Method;
using codec::Request;
using codec::Response;

constexpr const char* kUpstream = "http://fhir.internal:8090/r4";

/// Sends by host name to the two servers in this process.
class Wire final : public gateway::Sender {
 public:
  Wire(AsHarness& as, sandbox::Sandbox& fhir) : as_(as), fhir_(fhir) {}
  Task<Result<Response>> send(net::Url url, Request request, net::ClientOptions) override {
    request.set_target(url.target);
    request.headers.set("Host", url.authority());
    request.received = as_.clock.now();
    request.tls = url.tls;
    request.peer_address = "192.0.2.77";
    if (url.host == "as.example.org") {
      if (down) co_return fail(ErrorCode::unavailable);
      if (url.target.find("/introspect") != std::string::npos) ++introspections;
      co_return co_await as_.server().handle(std::move(request));
    }
    co_return co_await fhir_.handle(std::move(request));
  }
  bool down = false;
  int introspections = 0;

 private:
  AsHarness& as_;
  sandbox::Sandbox& fhir_;
};

struct GatewayWithIssuer : ::testing::TestWithParam<model::TokenFormat> {
  AsHarness as;
  SequenceRandom ids;
  sandbox::Sandbox fhir{
      {.base_url = kUpstream, .required_authorization = {}, .clock = &as.clock, .random = &ids, .sleep = {}}};
  Wire wire{as, fhir};
  std::unique_ptr<gateway::Gateway> gw;

  explicit GatewayWithIssuer(bool context_in_jwt = true) {
    model::ResourceServer rs = *as.store().directory()->resource_server(as.issuer_id(), "fhir");
    rs.token_format = GetParam();
    rs.context_in_jwt = context_in_jwt;
    as.put(rs);
    EXPECT_TRUE(fhir.load_text(
        R"({"resourceType":"Bundle","type":"transaction","entry":[)"
        R"({"resource":{"resourceType":"Patient","id":"alice"},"request":{"method":"PUT","url":"Patient/alice"}},)"
        R"({"resource":{"resourceType":"Patient","id":"ben"},"request":{"method":"PUT","url":"Patient/ben"}},)"
        R"({"resource":{"resourceType":"Practitioner","id":"dora"},"request":{"method":"PUT","url":"Practitioner/dora"}},)"
        R"({"resource":{"resourceType":"Observation","id":"a1","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/alice"}},"request":{"method":"PUT","url":"Observation/a1"}},)"
        R"({"resource":{"resourceType":"Observation","id":"b1","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/ben"}},"request":{"method":"PUT","url":"Observation/b1"}}]})"));
    gateway::Config config;
    config.public_base = kFhir;
    config.upstream = kUpstream;
    config.issuer = as.issuer_id().value;
    config.credential_id = "fhir";
    config.credential_secret = Secret(std::string(kSecret));
    gw = gateway::Gateway::create(std::move(config), wire, as.store(), as.clock, as.random).value();
    EXPECT_TRUE(hear());
  }

  bool hear() {
    as.tick();
    return run_sync(gw->feed().poll_once(Duration::zero())).has_value();
  }
  Response get(std::string_view target, std::string_view token) {
    Request request;
    request.set_target("/r4" + std::string(target));
    request.headers.add("Host", "fhir.example.org");
    if (!token.empty()) request.headers.add("Authorization", "Bearer " + std::string(token));
    request.peer_address = "192.0.2.7";
    return run_sync(gw->handle(std::move(request)));
  }
  Json tokens(std::vector<std::string> scopes = {"openid", "fhirUser", "launch/patient", "patient/Observation.rs",
                                                 "offline_access"}) {
    return as.tokens_for("app-basic", std::move(scopes));
  }
  static std::string access(const Json& answer) { return std::string(answer["access_token"].string_or()); }
};

TEST_P(GatewayWithIssuer, AGrantedTokenReadsItsOwnPatientAndNothingElse) {
  const auto token = access(tokens());
  EXPECT_EQ(get("/Observation/a1", token).status, 200);
  EXPECT_EQ(get("/Observation/b1", token).status, 404);
  EXPECT_EQ(get("/Observation?patient=alice", token).status, 200);
  EXPECT_EQ(get("/Observation?patient=ben", token).status, 403);
  EXPECT_EQ(get("/Condition?patient=alice", token).status, 403);
  EXPECT_EQ(get("/Patient/alice", token).status, 200) << "fhirUser";
  EXPECT_EQ(get("/Patient/ben", token).status, 403);
  EXPECT_EQ(get("/Observation/a1", {}).status, 401);
  const auto before = wire.introspections;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(get("/Observation/a1", token).status, 200);
  EXPECT_EQ(wire.introspections, before) << "remembered";
}

TEST_P(GatewayWithIssuer, RevokedTokensDieWithTheNextWordOfTheFeed) {
  const auto first = tokens();
  EXPECT_EQ(get("/Observation/a1", access(first)).status, 200);
  EXPECT_EQ(as.post("revoke", {{"token", access(first)}}, {AsHarness::basic("app-basic")}).status, 200);
  ASSERT_TRUE(hear());
  EXPECT_EQ(get("/Observation/a1", access(first)).status, 401) << "the token";

  const auto second = tokens();
  EXPECT_EQ(get("/Observation/a1", access(second)).status, 200);
  EXPECT_EQ(
      as.post("revoke", {{"token", std::string(second["refresh_token"].string_or())}}, {AsHarness::basic("app-basic")})
          .status,
      200);
  ASSERT_TRUE(hear());
  EXPECT_EQ(get("/Observation/a1", access(second)).status, 401) << "the grant";

  const auto third = tokens();
  EXPECT_EQ(get("/Observation/a1", access(third)).status, 200);
  as.clock.advance(1s);
  EXPECT_TRUE(run_sync(as.store().revoke_user(as.issuer_id(), UserId("u_alice"), {}, as.clock.now())));
  ASSERT_TRUE(hear());
  EXPECT_EQ(get("/Observation/a1", access(third)).status, 401) << "the user";

  as.clock.advance(2s);
  ASSERT_TRUE(hear());
  const auto fourth = tokens();
  EXPECT_EQ(get("/Observation/a1", access(fourth)).status, 200);
  as.clock.advance(1s);
  EXPECT_TRUE(run_sync(as.store().revoke_client(as.issuer_id(), ClientId("app-basic"), {}, as.clock.now())));
  ASSERT_TRUE(hear());
  EXPECT_EQ(get("/Observation/a1", access(fourth)).status, 401) << "the client";
}

TEST_P(GatewayWithIssuer, WithoutTheIssuerNothingIsBelievedForLong) {
  const auto token = access(tokens());
  EXPECT_EQ(get("/Observation/a1", token).status, 200);
  wire.down = true;
  EXPECT_EQ(get("/Observation/a1", token).status, 200);
  as.clock.advance(3s);
  EXPECT_FALSE(hear());
  EXPECT_EQ(get("/Observation/a1", token).status, 503);
  wire.down = false;
  EXPECT_EQ(get("/Observation/a1", token).status, 200);
}

TEST_P(GatewayWithIssuer, TokensOfOtherAudiencesAndKindsAreRefused) {
  const auto answer = tokens();
  EXPECT_EQ(get("/Observation/a1", answer["id_token"].string_or()).status, 401) << "S-25";
  EXPECT_EQ(get("/Observation/a1", answer["refresh_token"].string_or()).status, 401);
  auto record = as.code_record("app-basic", {"launch/patient", "patient/Observation.rs"},
                               "verifier-verifier-verifier-verifier-verifier");
  record.request.resources = {std::string(kLabs)};
  const auto labs =
      as.redeem("app-basic", as.store_code(std::move(record), "verifier-verifier-verifier-verifier-verifier"));
  EXPECT_EQ(get("/Observation/a1", access(labs)).status, 401) << "audience";
}

TEST_P(GatewayWithIssuer, UserScopesNeedNoFhirUserScope) {
  auto record = as.code_record("app-basic", {"user/Observation.rs"}, "verifier-verifier-verifier-verifier-verifier");
  record.user = UserId("u_dora");
  record.context = Json::object();
  record.fhir_user = std::string(kFhir) + "/Practitioner/dora";
  const auto answer =
      as.redeem("app-basic", as.store_code(std::move(record), "verifier-verifier-verifier-verifier-verifier"));
  EXPECT_EQ(get("/Observation/a1", access(answer)).status, 200);
  EXPECT_EQ(get("/Observation/b1", access(answer)).status, 200);
  EXPECT_EQ(get("/Practitioner/dora", access(answer)).status, 403);
}

TEST_P(GatewayWithIssuer, BackendTokensActForTheClient) {
  const auto answer = as.token(as.with_assertion(
      {{"grant_type", "client_credentials"}, {"scope", "system/Observation.rs"}, {"resource", std::string(kFhir)}},
      as.backend_assertion()));
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto token = access(AsHarness::json(answer));
  EXPECT_EQ(get("/Observation/a1", token).status, 200);
  EXPECT_EQ(get("/Observation/b1", token).status, 200);
  EXPECT_EQ(get("/Patient/alice", token).status, 403);
}

TEST_P(GatewayWithIssuer, AccessIsInTheSameAuditChain) {
  const auto token = access(tokens());
  const auto before = as.audited(model::AuditKind::fhir_access);
  EXPECT_EQ(get("/Observation/a1", token).status, 200);
  EXPECT_EQ(get("/Observation/b1", token).status, 404);
  EXPECT_EQ(as.audited(model::AuditKind::fhir_access), before + 2);
}

TEST_P(GatewayWithIssuer, SmartConfigurationComesFromTheIssuer) {
  const auto response = get("/.well-known/smart-configuration", {});
  ASSERT_EQ(response.status, 200) << response.body;
  const auto json = AsHarness::json(response);
  EXPECT_EQ(json["token_endpoint"].string_or(), kTokenUrl);
  EXPECT_EQ(get("/metadata", {}).status, 200);
}

std::string format_name(const ::testing::TestParamInfo<model::TokenFormat>& info) {
  return std::string(model::name(info.param));
}

INSTANTIATE_TEST_SUITE_P(Formats, GatewayWithIssuer,
                         ::testing::Values(model::TokenFormat::jwt, model::TokenFormat::opaque,
                                           model::TokenFormat::wrapped),
                         format_name);

struct GatewayWithSparseJwt : GatewayWithIssuer {
  GatewayWithSparseJwt() : GatewayWithIssuer(false) {}
};

TEST_P(GatewayWithSparseJwt, AJwtWithoutContextIsCompletedByIntrospection) {
  const auto token = access(tokens());
  EXPECT_EQ(wire.introspections, 0);
  EXPECT_EQ(get("/Observation/a1", token).status, 200);
  EXPECT_EQ(get("/Observation/b1", token).status, 404);
  EXPECT_EQ(wire.introspections, 1);
}

INSTANTIATE_TEST_SUITE_P(Formats, GatewayWithSparseJwt, ::testing::Values(model::TokenFormat::jwt), format_name);

}  // namespace
}  // namespace mitral::testing
