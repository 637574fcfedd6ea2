// Public documents, CORS, paths, hosts and methods at the gateway.
#include <gtest/gtest.h>

#include "support/gateway_rig.h"

namespace mitral::gateway::rig {
namespace {

using namespace std::chrono_literals;

constexpr const char* kCapabilities = R"({
  "resourceType":"CapabilityStatement","status":"active","date":"2026-01-01","kind":"instance","fhirVersion":"4.0.1",
  "software":{"name":"HAPI FHIR","version":"6.6.6"},"implementation":{"url":"http://fhir.internal:8090/r4"},
  "instantiates":["http://hl7.org/fhir/us/core/CapabilityStatement/us-core-server","http://internal/x"],"format":["xml","json"],
  "rest":[{"mode":"server","security":{"extension":[{"url":"http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris","extension":[{"url":"token","valueUri":"http://old/token"}]}]},
    "interaction":[{"code":"transaction"}],"operation":[{"name":"graphql","definition":"x"}],
    "resource":[{"type":"Observation","interaction":[{"code":"read"},{"code":"create"},{"code":"search-type"}],"conditionalCreate":true,
      "searchInclude":["Observation:subject","*","Observation:nonsense"],"searchRevInclude":["Provenance:target"],
      "searchParam":[{"name":"code","type":"token","documentation":"see http://fhir.internal"},{"name":"_filter","type":"string"}],
      "operation":[{"name":"lastn"}]},{"type":"Nonsense"}]},{"mode":"client"}]})";

struct Public : testing::Test {
  Rig rig;
  Public() {
    rig.world.upstream = fixed({{"/metadata", kCapabilities}, {"/Observation/o1", observation("o1", "maria")}});
  }
  Response with_origin(std::string_view target, std::string_view origin, std::string_view token = {},
                       Method method = Method::get) {
    auto request = Rig::request(target, token, method);
    request.headers.add("Origin", origin);
    return rig.send(std::move(request));
  }
};

TEST_F(Public, SmartConfigurationIsJsonForAnyone) {
  auto request = Rig::request("/.well-known/smart-configuration");
  request.headers.add("Accept", "application/fhir+json");
  request.headers.add("Origin", "https://anyone.example");
  const auto response = rig.send(std::move(request));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.get("Content-Type"), "application/json");
  EXPECT_EQ(response.headers.get("Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(Json::parse(response.body).value()["token_endpoint"].string_or(), std::string(kIssuer) + "/token");
  rig.world.issuer_down = true;
  EXPECT_EQ(rig.get("/.well-known/smart-configuration").status, 200) << "kept";
  rig.clock.advance(120s);
  EXPECT_EQ(rig.get("/.well-known/smart-configuration").status, 200) << "stale but served";
}

TEST_F(Public, SmartConfigurationDownAtStartIs503) {
  Rig fresh;
  fresh.world.issuer_down = true;
  EXPECT_EQ(fresh.get("/.well-known/smart-configuration").status, 503);
  EXPECT_EQ(fresh.get("/metadata").status, 503);
}

TEST_F(Public, S24_MetadataIsTheGatewaysOwn) {
  const auto response = with_origin("/metadata", "https://anyone.example");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.get("Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(response.headers.get("Content-Type"), "application/fhir+json; charset=utf-8");
  for (const auto* const gone :
       {"internal", "HAPI", "graphql", "lastn", "_filter", "Nonsense", "old/token", "nonsense", "\"*\""}) {
    EXPECT_EQ(response.body.find(gone), std::string::npos) << gone;
  }
  const auto json = Json::parse(response.body).value();
  EXPECT_EQ(json["implementation"]["url"].string_or(), kPublic);
  EXPECT_EQ(json["rest"][0]["mode"].string_or(), "server");
  EXPECT_NE(response.body.find(std::string(kIssuer) + "/token"), std::string::npos);
  EXPECT_NE(response.body.find("SMART-on-FHIR"), std::string::npos);
  EXPECT_EQ(json["rest"][0]["resource"][0]["searchParam"][0]["name"].string_or(), "code");
  const auto requests = rig.world.upstream_log.size();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(rig.get("/metadata").status, 200);
  EXPECT_EQ(rig.world.upstream_log.size(), requests) << "callers without a token can't make upstream work";
}

TEST_F(Public, Rfc9728_ProtectedResourceMetadata) {
  Request request;
  request.set_target("/.well-known/oauth-protected-resource/fhir");
  const auto response = rig.send(std::move(request));
  EXPECT_EQ(response.status, 200);
  const auto json = Json::parse(response.body).value();
  EXPECT_EQ(json["resource"].string_or(), kPublic);
  EXPECT_EQ(json["authorization_servers"][0].string_or(), kIssuer);
  EXPECT_EQ(json["bearer_methods_supported"][0].string_or(), "header");
}

TEST_F(Public, CorsForRegisteredOriginsOnDataAndErrors) {
  const auto ok = with_origin("/Observation/o1", kOrigin, rig.jwt());
  EXPECT_EQ(ok.headers.get("Access-Control-Allow-Origin"), kOrigin);
  EXPECT_NE(ok.headers.get("Access-Control-Expose-Headers").value_or("").find("WWW-Authenticate"), std::string::npos);
  EXPECT_FALSE(ok.headers.get("Access-Control-Allow-Credentials"));
  EXPECT_NE(ok.headers.get("Vary").value_or("").find("Origin"), std::string::npos);
  EXPECT_EQ(with_origin("/Observation/o1", kOrigin).headers.get("Access-Control-Allow-Origin"), kOrigin) << "401 too";
  EXPECT_EQ(
      with_origin("/Condition/o1", kOrigin, rig.jwt({.scope = "openid"})).headers.get("Access-Control-Allow-Origin"),
      kOrigin)
      << "403 too";
  EXPECT_FALSE(
      with_origin("/Observation/o1", "https://evil.example", rig.jwt()).headers.get("Access-Control-Allow-Origin"));
  EXPECT_FALSE(with_origin("/Observation/o1", "null", rig.jwt()).headers.get("Access-Control-Allow-Origin"));
}

TEST_F(Public, PreflightNeedsNoToken) {
  const auto preflight = [&](std::string_view target, std::string_view origin) {
    auto request = Rig::request(target, {}, Method::options);
    request.headers.add("Origin", origin);
    request.headers.add("Access-Control-Request-Method", "GET");
    request.headers.add("Access-Control-Request-Headers", "authorization");
    return rig.send(std::move(request));
  };
  const auto ok = preflight("/Observation/o1", kOrigin);
  EXPECT_EQ(ok.status, 204);
  EXPECT_EQ(ok.headers.get("Access-Control-Allow-Origin"), kOrigin);
  EXPECT_NE(ok.headers.get("Access-Control-Allow-Headers").value_or("").find("Authorization"), std::string::npos);
  EXPECT_FALSE(preflight("/Observation/o1", "https://evil.example").headers.get("Access-Control-Allow-Origin"));
  EXPECT_EQ(preflight("/metadata", "https://anyone.example").headers.get("Access-Control-Allow-Origin"), "*");
  EXPECT_TRUE(rig.world.upstream_log.empty());
}

TEST_F(Public, W2_W3_OtherHostsAreMisdirected) {
  for (const auto* const host : {"evil.example", "gw.example:444", "gw.example.evil.example", "127.0.0.1", ""}) {
    auto request = Rig::request("/Observation/o1", rig.jwt());
    request.headers.set("Host", host);
    EXPECT_EQ(rig.send(std::move(request)).status, 421) << host;
  }
  auto poisoned = Rig::request("/Observation/o1", rig.jwt());
  poisoned.headers.add("X-Forwarded-Host", "evil.example");
  poisoned.headers.add("X-Forwarded-Proto", "http");
  poisoned.headers.add("Forwarded", "host=evil.example");
  const auto response = rig.send(std::move(poisoned));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body.find("evil"), std::string::npos);
}

TEST_F(Public, W17_MethodsAreWhatTheyAre) {
  const auto token = rig.jwt({.scope = "patient/*.cruds"});
  EXPECT_EQ(rig.send(Rig::request("/Observation/o1", token, Method::other)).status, 405);
  for (const auto* const name : {"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"}) {
    auto request = Rig::request("/Observation/o1", token);
    request.headers.add(name, "DELETE");
    EXPECT_EQ(rig.send(std::move(request)).status, 200) << name;
    EXPECT_EQ(rig.world.upstream_log.back().method, Method::get);
  }
  EXPECT_EQ(rig.get("/Observation/o1?_method=DELETE", token).status, 400);
  const auto sent = rig.world.upstream_log.size();
  for (const auto method : {Method::put, Method::patch}) {
    EXPECT_EQ(rig.send(Rig::request("/Observation/o1", token, method)).status, 415) << "no body, no media type";
  }
  for (const auto method : {Method::put, Method::patch, Method::del}) {
    const auto response = rig.send(Rig::request("/Observation", token, method));
    EXPECT_EQ(response.status, 405);
    EXPECT_EQ(response.headers.get("Allow"), "GET, HEAD, POST, PUT, PATCH, DELETE");
    EXPECT_EQ(rig.send(Rig::request("/Observation/o1", rig.jwt(), method)).status, 403) << "S-7";
    EXPECT_EQ(rig.send(Rig::request("/Observation/o1", {}, method)).status, 401);
  }
  EXPECT_EQ(rig.send(Rig::request("/Observation", token, Method::post)).status, 415);
  EXPECT_EQ(rig.send(Rig::request("/Observation", rig.jwt(), Method::post)).status, 403) << "S-7";
  EXPECT_EQ(rig.send(Rig::request("", token, Method::post)).status, 415) << "S-14 batch";
  EXPECT_EQ(rig.world.upstream_log.size(), sent);
}

TEST_F(Public, W18_PathsThatTwoParsersMayReadDifferently) {
  const auto token = rig.jwt();
  for (const auto* const path : {"/..;/admin",
                                 "/%2e%2e/admin",
                                 "/Observation%2fo1",
                                 "/Observation/../Observation/o1",
                                 "/./Observation/o1",
                                 "//Observation/o1",
                                 "/Observation//o1",
                                 "/Observation/o1/",
                                 "/Observation/o1%00",
                                 "/Observation/o1;x=1",
                                 "/Observation\\o1",
                                 "/Observation/%6f1",
                                 "/Observation/o1.",
                                 "/Observation/o1%23",
                                 "/observation/o1",
                                 "/OBSERVATION/o1",
                                 "/Observation/o1/x.css",
                                 "/Observation/o1%2ecss",
                                 "/Observation/%252e%252e/x",
                                 "/Observation/o1\t",
                                 "/Observation/\xc3\xb6",
                                 "/.well-known/../Observation/o1",
                                 "/metadata/../Observation/o1"}) {
    const auto response = rig.get(path, token);
    EXPECT_TRUE(response.status == 400 || response.status == 404) << path << " " << response.status;
    EXPECT_EQ(response.headers.get("Cache-Control"), "no-store, private") << path;
  }
  EXPECT_TRUE(rig.world.upstream_log.empty());
  for (const auto* const outside : {"/", "/fhirx/Observation/o1", "/FHIR/Observation/o1", "/r4/Observation/o1",
                                    "/metrics", "/healthz", "/readyz", "/.well-known/oauth-protected-resource"}) {
    Request request;
    request.set_target(outside);
    request.headers.add("Authorization", "Bearer " + token);
    EXPECT_EQ(rig.send(std::move(request)).status, 404) << outside;
  }
  EXPECT_TRUE(rig.world.upstream_log.empty());
}

TEST_F(Public, W20_NothingSkipsAuthentication) {
  for (const auto& [name, value] : {std::pair{"User-Agent", "kube-probe/1.0"},
                                    {"X-Forwarded-Uri", "/metadata"},
                                    {"X-Original-URL", "/fhir/metadata"},
                                    {"X-Rewrite-URL", "/fhir/metadata"},
                                    {"Origin", kOrigin},
                                    {"X-Forwarded-Method", "OPTIONS"},
                                    {"Cookie", "session=%00\xff;;;=;"},
                                    {"X-Forwarded-User", "admin"}}) {
    auto request = Rig::request("/Observation/o1");
    request.headers.add(name, value);
    EXPECT_EQ(rig.send(std::move(request)).status, 401) << name;
  }
  EXPECT_EQ(rig.get("/Observation/o1?x=/metadata").status, 401);
  EXPECT_EQ(rig.get("/metadata/").status, 401);
}

TEST_F(Public, W29_NothingOfAPatientIsCacheable) {
  const auto token = rig.jwt();
  for (const auto* const path :
       {"/Observation/o1", "/Observation/none", "/Condition?x=1", "/Observation/o1/x.css", "/Observation"}) {
    const auto response = rig.get(path, token);
    EXPECT_EQ(response.headers.get("Cache-Control"), "no-store, private") << path;
    EXPECT_EQ(response.headers.count("Cache-Control"), 1U);
    EXPECT_EQ(response.headers.get("X-Content-Type-Options"), "nosniff");
  }
}

TEST(GatewayConfig, RefusesWhatCannotBeMeant) {
  const auto bad = [](const std::function<void(Config&)>& change) {
    World world;
    MemoryAudit audit;
    ManualClock clock{Instant{}};
    SequenceRandom random;
    Config config;
    config.public_base = kPublic;
    config.upstream = kUpstream;
    config.issuer = kIssuer;
    change(config);
    const auto made = Gateway::create(config, world, audit, clock, random);
    return !made && made.error().code == ErrorCode::config_invalid;
  };
  EXPECT_FALSE(bad([](Config&) {}));
  EXPECT_TRUE(bad([](Config& c) { c.public_base += "/"; }));
  EXPECT_TRUE(bad([](Config& c) { c.public_base = "gw.example/fhir"; }));
  EXPECT_TRUE(bad([](Config& c) { c.upstream += "?x=1"; }));
  EXPECT_TRUE(bad([](Config& c) { c.upstream = "ftp://x/y"; }));
  EXPECT_TRUE(bad([](Config& c) { c.issuer = "as.example"; }));
  EXPECT_TRUE(bad([](Config& c) { c.origins = {"*"}; }));
  EXPECT_TRUE(bad([](Config& c) { c.origins = {"https://app.example/"}; }));
  EXPECT_TRUE(bad([](Config& c) { c.page_key = Secret("short"); }));
  EXPECT_TRUE(bad([](Config& c) { c.upstream_headers = {{"X", "a\r\nb"}}; }));
}

TEST_F(Public, MetricsAreCounted) {
  rig.get("/Observation/o1", rig.jwt());
  rig.get("/Observation/o1");
  std::string text;
  rig.gateway->metrics().render(text);
  EXPECT_NE(text.find("mitral_gateway_answers_total{class=\"2xx\"} 1\n"), std::string::npos);
  EXPECT_NE(text.find("mitral_gateway_no_token_total 1\n"), std::string::npos);
  EXPECT_NE(text.find("mitral_gateway_resources_shown_total 1\n"), std::string::npos);
}

}  // namespace
}  // namespace mitral::gateway::rig
