// The way to the FHIR server: what is told there, what is sent twice and what never is, and when nobody is let through.
#include <gtest/gtest.h>

#include "gateway/circuit.h"
#include "gateway/phantom.h"
#include "gateway/upstream_channel.h"
#include "jose/jwt.h"
#include "support/gateway_rig.h"

namespace mitral::gateway::rig {
namespace {

using namespace std::chrono_literals;

/// A FHIR server of a script: answers in order, then 200.
class Script final : public Sender {
 public:
  Task<Result<Response>> send(net::Url, Request request, net::ClientOptions options) override {
    seen.push_back(std::move(request));
    timeouts.push_back(options.total_timeout);
    const auto step = steps.empty() ? 200 : steps.front();
    if (!steps.empty()) steps.erase(steps.begin());
    if (step == kNoConnection) co_return fail(ErrorCode::unavailable);
    if (step == kTimeout) co_return fail(ErrorCode::timeout);
    co_return Response::with(step, "application/fhir+json", "{}");
  }
  static constexpr int kNoConnection = 0, kTimeout = 1;
  std::vector<int> steps;
  std::vector<Request> seen;
  std::vector<Duration> timeouts;
};

class Channel : public testing::Test {
 protected:
  static UpstreamRules rules() {
    UpstreamRules out;
    out.retry_pause = Duration::zero();
    return out;
  }
  static Request request(Method method) {
    Request out;
    out.method = method;
    out.set_target("/r4/Patient/maria");
    return out;
  }
  int status(Method method = Method::get) {
    const auto answer = run_sync(channel.send(url, request(method), {}));
    return answer ? answer->status : answer.error().code == ErrorCode::unavailable ? -1 : -2;
  }
  const net::Url url = net::parse_url(kUpstream).value();
  ManualClock clock{from_seconds(1'780'000'000)};
  Metrics metrics;
  Script script;
  UpstreamChannel channel{script, url, rules(), metrics, clock};
};

TEST_F(Channel, ASafeRequestIsSentOnceMoreWhenTheServerWasNotThere) {
  for (const int failure : {Script::kNoConnection, 502, 503, 504}) {
    script.seen.clear();
    script.steps = {failure};
    EXPECT_EQ(status(), 200) << failure;
    EXPECT_EQ(script.seen.size(), 2U) << failure;
  }
  EXPECT_EQ(metrics.upstream_retries.value(), 4U);
  script.seen.clear();
  script.steps = {503, 503, 200};
  EXPECT_EQ(status(), 503) << "once, not until it works";
  EXPECT_EQ(script.seen.size(), 2U);
}

TEST_F(Channel, Rfc9110_9_2_2_NothingThatMayHaveBeenDoneIsSentTwice) {
  for (const auto method : {Method::post, Method::put, Method::patch, Method::del}) {
    for (const int failure : {Script::kNoConnection, 502, 503, 504}) {
      script.seen.clear();
      script.steps = {failure};
      EXPECT_NE(status(method), 200);
      EXPECT_EQ(script.seen.size(), 1U) << name(method) << failure;
    }
  }
  for (const int other : {Script::kTimeout, 500, 404, 429}) {
    script.seen.clear();
    script.steps = {other};
    status(Method::get);
    EXPECT_EQ(script.seen.size(), 1U) << other;
  }
}

TEST_F(Channel, ARetryHasNoMoreTimeThanTheFirstLeft) {
  script.steps = {503};
  net::ClientOptions options;
  options.total_timeout = 4s;
  ASSERT_TRUE(run_sync(channel.send(url, request(Method::get), options)));
  ASSERT_EQ(script.timeouts.size(), 2U);
  EXPECT_LE(script.timeouts[1], script.timeouts[0]);
}

TEST_F(Channel, ADownServerIsLeftInPeaceAndTriedByOne) {
  // Posts are not sent again, so each counts once.
  script.steps.assign(limits::kCircuitRequestsMin, 503);
  for (unsigned i = 0; i < limits::kCircuitRequestsMin; ++i) EXPECT_EQ(status(Method::post), 503);
  EXPECT_EQ(channel.circuit().state(), Circuit::State::open);
  const auto asked = script.seen.size();
  EXPECT_EQ(status(), -1) << "at once, unasked";
  EXPECT_EQ(script.seen.size(), asked);
  EXPECT_EQ(metrics.upstream_refused_circuit.value(), 1U);
  EXPECT_EQ(metrics.circuit_opened.value(), 1U);

  clock.advance(limits::kCircuitPause);
  script.steps = {Script::kTimeout};
  EXPECT_EQ(status(), -2) << "one request tries, and fails";
  EXPECT_EQ(status(), -1);
  clock.advance(limits::kCircuitPause);
  EXPECT_EQ(status(), 200);
  EXPECT_EQ(channel.circuit().state(), Circuit::State::closed);
  EXPECT_EQ(status(), 200);
}

TEST_F(Channel, ARequestThatMakesTheServerStumbleShutsOutNobody) {
  script.steps.assign(500, 500);
  for (int i = 0; i < 500; ++i) EXPECT_EQ(status(Method::post), 500);
  EXPECT_EQ(channel.circuit().state(), Circuit::State::closed);
}

TEST_F(Channel, OldFailuresAreForgotten) {
  for (unsigned i = 0; i < 3 * limits::kCircuitRequestsMin; ++i) {
    script.steps = {503};
    EXPECT_EQ(status(Method::post), 503);
    clock.advance(limits::kCircuitWindow / 10);
  }
  EXPECT_EQ(channel.circuit().state(), Circuit::State::closed) << "never twenty within the window";
}

TEST_F(Channel, HalfOpenLetsExactlyOneThrough) {
  Circuit circuit({.window = 10s, .requests_min = 1, .failed_percent = 50, .pause = 5s});
  circuit.ask(clock)->tell(false);
  EXPECT_FALSE(circuit.ask(clock));
  clock.advance(5s);
  {
    auto trial = circuit.ask(clock);
    ASSERT_TRUE(trial);
    EXPECT_FALSE(circuit.ask(clock));
  }
  EXPECT_EQ(circuit.state(), Circuit::State::open) << "a trial that dies untold has failed";
  clock.advance(5s);
  auto trial = circuit.ask(clock);
  ASSERT_TRUE(trial);
  trial->tell(true);
  EXPECT_EQ(circuit.state(), Circuit::State::closed);
}

TEST_F(Channel, FullIsFull) {
  auto few = rules();
  few.in_flight_max = 2;
  struct Body final : codec::BodySource {
    Task<Result<std::string>> next() override { co_return std::string(); }
  };
  struct Streams final : Sender {
    Task<Result<Response>> send(net::Url, Request, net::ClientOptions) override {
      Response out;
      out.stream = std::make_shared<Body>();
      co_return out;
    }
  } streams;
  UpstreamChannel channel2(streams, url, few, metrics, clock);
  auto first = run_sync(channel2.open(url, request(Method::get), {}));
  auto second = run_sync(channel2.open(url, request(Method::get), {}));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(channel2.in_flight(), 2U) << "until the last byte of the answer";
  const auto third = run_sync(channel2.open(url, request(Method::get), {}));
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, ErrorCode::unavailable);
  EXPECT_EQ(metrics.upstream_refused_full.value(), 1U);
  first->stream.reset();
  EXPECT_TRUE(run_sync(channel2.open(url, request(Method::get), {})));
}

class Told : public testing::Test {
 protected:
  static Rig make(std::function<void(Config&)> change) {
    return Rig([change = std::move(change)](Config& config) {
      config.upstream_rules.retry_pause = Duration::zero();
      change(config);
    });
  }
  static void serve(Rig& rig) { rig.world.upstream = fixed({{"/Patient/maria", patient("maria")}}); }
};

TEST_F(Told, OpenCircuitIsA503WithRetryAfter) {
  Rig rig([](Config& c) {
    c.upstream_rules.circuit.requests_min = 2;
    c.upstream_rules.retry = false;
  });
  rig.world.upstream_error = Error{ErrorCode::unavailable, {}, {}};
  rig.get("/Patient/maria", rig.jwt());
  rig.get("/Patient/maria", rig.jwt());
  const auto asked = rig.world.upstream_log.size();
  const auto refused = rig.get("/Patient/maria", rig.jwt());
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.get("Retry-After"), "1");
  EXPECT_EQ(rig.world.upstream_log.size(), asked);
  EXPECT_TRUE(rig.gateway->ready()) << "readiness is about this program";
}

TEST_F(Told, W19_IdentityHeadersAreTheGatewaysOwn) {
  Rig rig([](Config& c) { c.identity.headers = true; });
  serve(rig);
  auto request = Rig::request("/Patient/maria", rig.jwt());
  for (const char* name : {"X-Authorization-Patient", "x-authorization-patient", "X_Authorization_Patient",
                           "X-AUTHORIZATION-Scope", "X-User-Id", "x_user_id", "Connection"}) {
    request.headers.add(name, "otto");
  }
  ASSERT_EQ(rig.send(request).status, 200);
  ASSERT_EQ(rig.world.upstream_log.size(), 1U);
  const auto& seen = rig.world.upstream_log[0].headers;
  EXPECT_EQ(seen.count("X-Authorization-Patient"), 1U);
  EXPECT_EQ(seen.get("X-Authorization-Patient"), "maria");
  EXPECT_EQ(seen.get("X-Authorization-Client"), "app");
  EXPECT_EQ(seen.get("X-Authorization-Subject"), "u_maria");
  EXPECT_EQ(seen.get("X-Authorization-Scope"), "patient/*.rs");
  EXPECT_EQ(seen.get("X-Authorization-Fhir-User"), std::string(kPublic) + "/Patient/maria");
  EXPECT_EQ(seen.count("X-Authorization-Purpose"), 0U) << "none was vouched for";
  for (const auto& header : seen.list()) EXPECT_EQ(header.value.find("otto"), std::string::npos) << header.name;
}

TEST_F(Told, NothingIsToldUnlessWanted) {
  Rig rig;
  serve(rig);
  ASSERT_EQ(rig.get("/Patient/maria", rig.jwt()).status, 200);
  for (const auto& header : rig.world.upstream_log[0].headers.list())
    EXPECT_FALSE(header.name.starts_with("X-Authorization-")) << header.name;
  EXPECT_EQ(rig.send([] {
                 auto request = Rig::request("", {});
                 request.set_target(std::string(kGatewayJwksPath));
                 return request;
               }())
                .status,
            404);
}

TEST_F(Told, W12_ValuesCanNotBreakAHeader) {
  Rig rig([](Config& c) { c.identity.headers = true; });
  serve(rig);
  ASSERT_EQ(rig.get("/Patient/maria", rig.jwt({.subject = "u_\r\nX-Evil: 1\xc3\xa9 %"})).status, 200);
  EXPECT_EQ(rig.world.upstream_log[0].headers.get("X-Authorization-Subject"), "u_%0D%0AX-Evil: 1%C3%A9 %25");
  std::string long_scope = "patient/*.rs";
  for (int i = 0; i < 200; ++i)
    long_scope += " patient/Observation.rs?code=" + std::to_string(i) + "12345678901234567890";
  EXPECT_EQ(rig.get("/Patient/maria", rig.jwt({.scope = long_scope, .jti = "j2"})).status, 200);
  EXPECT_EQ(rig.world.upstream_log[1].headers.count("X-Authorization-Scope"), 0U) << "half a scope is another scope";
}

TEST_F(Told, APhantomTokenProvesWhoAsks) {
  Rig rig([](Config& c) { c.identity.phantom = true; });
  serve(rig);
  auto jwks = Rig::request("", {});
  jwks.set_target(std::string(kGatewayJwksPath));
  const auto published = rig.send(jwks);
  ASSERT_EQ(published.status, 200);
  const auto keys = jose::JwkSet::parse(std::string_view(published.body)).value();
  const auto access = rig.jwt();
  ASSERT_EQ(rig.get("/Patient/maria", access).status, 200);
  const auto token = std::string(rig.world.upstream_log[0].headers.get("X-Authorization-Token").value_or(""));
  const auto jws = jose::Jws::parse(token, {jose::SignAlg::es256});
  ASSERT_TRUE(jws) << token;
  EXPECT_TRUE(jose::typ_is(jws->header().typ, "phantom+jwt"));
  jose::Validation expected;
  expected.issuer = kPublic;
  expected.audiences = {kUpstream};
  expected.now = rig.clock.now();
  expected.typs = {"phantom+jwt"};
  expected.lifetime_max = 60s;
  expected.required = {"iss", "aud", "exp", "iat", "jti", "sub", "client_id", "scope", "patient"};
  const auto jwt = jose::validated_jwt(jws->verify(keys).value(), expected);
  ASSERT_TRUE(jwt) << jwt.error().detail;
  EXPECT_EQ(jwt->claims.json["patient"].string_or(), "maria");
  EXPECT_EQ(jwt->claims.json["fhirUser"].string_or(), std::string(kPublic) + "/Patient/maria");

  ASSERT_EQ(rig.get("/Patient/maria", access).status, 200);
  EXPECT_EQ(rig.world.upstream_log[1].headers.get("X-Authorization-Token"), token) << "signed once for a token";
  rig.clock.advance(31s);
  rig.hear();
  ASSERT_EQ(rig.get("/Patient/maria", access).status, 200);
  EXPECT_NE(rig.world.upstream_log[2].headers.get("X-Authorization-Token"), token);
  EXPECT_EQ(rig.get("/Patient/maria", token).status, 401) << "J-5: and opens nothing here";
}

TEST_F(Told, APhantomNeverOutlivesItsToken) {
  Rig rig([](Config& c) {
    c.identity.phantom = true;
    c.identity.phantom_header = "X-Who";
  });
  serve(rig);
  ASSERT_EQ(rig.get("/Patient/maria", rig.jwt({.lifetime = 20})).status, 200);
  const auto jws = jose::Jws::parse(*rig.world.upstream_log[0].headers.get("X-Who"), {jose::SignAlg::es256});
  const auto claims = Json::parse(jws->unverified_payload()).value();
  EXPECT_EQ(claims["exp"].int_or(0), to_seconds(rig.clock.now()) + 20);
}

TEST_F(Told, TwoCredentialsInOneHeaderAreRefusedAtStart) {
  for (const bool clash : {true, false}) {
    Rig plain;
    Config config;
    config.public_base = kPublic;
    config.upstream = kUpstream;
    config.issuer = kIssuer;
    config.credential_id = "gw";
    config.identity.phantom = true;
    config.identity.phantom_header = "authorization";
    if (clash) config.upstream_headers = {{"Authorization", "Basic eA=="}};
    const auto made = Gateway::create(config, plain.world, plain.audit, plain.clock, crypto::system_random());
    EXPECT_EQ(made.has_value(), !clash);
  }
}

TEST(IntrospectionShares, W32_OneCallerLeavesRoomForTheOthers) {
  AddressShares shares(2);
  const AddressShares::Hold a(shares, "192.0.2.1");
  const AddressShares::Hold b(shares, "192.0.2.1");
  EXPECT_TRUE(a.granted() && b.granted());
  EXPECT_FALSE(AddressShares::Hold(shares, "192.0.2.1").granted());
  EXPECT_TRUE(AddressShares::Hold(shares, "192.0.2.2").granted());
  {
    const AddressShares::Hold v6(shares, "2001:db8:1:2::1");
    const AddressShares::Hold next(shares, "2001:db8:1:2:ffff::2");
    EXPECT_TRUE(v6.granted() && next.granted());
    EXPECT_FALSE(AddressShares::Hold(shares, "2001:db8:1:2:3::3").granted()) << "one customer is one /64";
    EXPECT_TRUE(AddressShares::Hold(shares, "2001:db8:1:3::1").granted());
  }
  EXPECT_TRUE(AddressShares::Hold(shares, "2001:db8:1:2:3::3").granted()) << "given back";
}

/// An authorization server that answers introspections when it is told to.
class SlowIssuer final : public Sender {
 public:
  Task<Result<Response>> send(net::Url url, Request request, net::ClientOptions options) override {
    if (url.target.ends_with("/introspect")) {
      co_await Completion<int>{[this](std::function<void(int)> resume) { waiting.push_back(std::move(resume)); }, {}};
    }
    co_return co_await world.send(std::move(url), std::move(request), std::move(options));
  }
  World world;
  std::vector<std::function<void(int)>> waiting;
};

TEST(IntrospectionShares, W32_ANoisyCallerCanNotStarveTheGateway) {
  SlowIssuer issuer;
  MemoryAudit audit;
  ManualClock clock{from_seconds(1'780'000'000)};
  Config config;
  config.public_base = kPublic;
  config.upstream = kUpstream;
  config.issuer = kIssuer;
  config.credential_id = "gw";
  config.credential_secret = Secret("s3cret");
  const auto gateway = Gateway::create(config, issuer, audit, clock, crypto::system_random()).value();
  std::vector<int> answers;
  const auto ask = [&](std::string_view address, int number) {
    auto request = Rig::request("/Patient/maria", "mat_" + codec::base64url_encode("guess " + std::to_string(number)));
    request.peer_address = address;
    spawn(gateway->handle(std::move(request)), [&](std::exception_ptr, std::optional<Response> response) {
      answers.push_back(response ? response->status : 0);
    });
  };
  const int share = static_cast<int>(limits::kIntrospectionsPerAddressMax);
  for (int i = 0; i < share + 5; ++i) ask("192.0.2.66", i);
  EXPECT_EQ(answers, std::vector<int>(5, 503));
  EXPECT_EQ(gateway->metrics().introspections_refused.value(), 5U);
  answers.clear();
  ask("192.0.2.7", 1'000);
  EXPECT_TRUE(answers.empty()) << "another caller is asked about";
  while (!issuer.waiting.empty()) {
    auto resume = std::move(issuer.waiting.back());
    issuer.waiting.pop_back();
    resume(0);
  }
  EXPECT_EQ(answers, std::vector<int>(static_cast<std::size_t>(share) + 1, 401));
}

}  // namespace
}  // namespace mitral::gateway::rig
