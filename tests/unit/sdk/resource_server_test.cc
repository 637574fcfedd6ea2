// The SDK as its user sees it: an authorization server on loopback, tokens of three formats, requests and resources.
#include <gtest/gtest.h>
#include <mitral/resource_server.h>

#include <atomic>
#include <thread>

#include "net/server.h"
#include "support/gateway_rig.h"

namespace mitral::sdk {
namespace {

using codec::Json;
using gateway::rig::issuer_key;
using gateway::rig::Rig;
using namespace std::chrono_literals;

constexpr const char* kBase = "https://fhir.example/r4";

/// The authorization server of the gateway's tests, behind a socket.
class Issuer {
 public:
  Issuer() : runtime_(1) {
    server_ = net::HttpServer::listen(runtime_, "127.0.0.1", 0, nullptr, [this](codec::Request request) {
                return answer(std::move(request));
              }).value();
    runtime_.start();
    url = "http://127.0.0.1:" + std::to_string(server_->port()) + "/t/clinic";
  }
  ~Issuer() {
    server_.reset();
    runtime_.stop();
  }

  [[nodiscard]] Json claims(std::string_view scope, std::string_view patient, std::string_view jti = "j1") const {
    const auto now = to_seconds(SystemClock().now());
    Json out = Json::object({{"iss", url}, {"aud", kBase}, {"exp", now + 300}, {"iat", now}, {"jti", jti}});
    out.set("client_id", "app");
    out.set("sub", "u_maria");
    out.set("scope", scope);
    out.set("grant_id", "g1");
    if (!patient.empty()) out.set("patient", patient);
    return out;
  }
  std::string jwt(std::string_view scope = "patient/*.rs", std::string_view patient = "maria") {
    return "Bearer " + Rig::sign(claims(scope, patient), "at+jwt");
  }
  std::string opaque(std::string_view name) {
    const auto token = "mat_" + codec::base64url_encode(name);
    auto answer = claims("patient/*.rs", "maria", name);
    answer.set("active", true);
    const std::lock_guard lock(world.mutex);
    world.active[token] = std::move(answer);
    return "Bearer " + token;
  }
  void revoke_grant() {
    const std::lock_guard lock(world.mutex);
    world.lines.push_back(Json::object({{"seq", static_cast<std::int64_t>(world.lines.size()) + 1},
                                        {"kind", "grant_revoked"},
                                        {"subject", "g1"},
                                        {"at", to_micros(SystemClock().now())},
                                        {"expires", to_seconds(SystemClock().now()) + 3600}})
                              .dump());
    world.active.clear();
  }

  gateway::rig::World world;
  std::string url;
  std::atomic<bool> down{false};

 private:
  Task<codec::Response> answer(codec::Request request) {
    if (down) co_return codec::Response::with(503, "text/plain", "down");
    auto url_as_known = net::parse_url("https://as.example" + request.target).value();
    auto out = co_await world.send(std::move(url_as_known), std::move(request), {});
    co_return std::move(*out);
  }
  net::Runtime runtime_;
  std::unique_ptr<net::HttpServer> server_;
};

class Sdk : public testing::Test {
 protected:
  Settings settings() const {
    Settings out;
    out.resource = kBase;
    out.issuer = issuer.url;
    out.credential_id = "gw";
    out.credential_secret = "s3cret";
    out.allow_plain_http = true;
    out.timeout = 2s;
    return out;
  }
  std::unique_ptr<ResourceServer> started(Settings with) {
    std::string problem;
    auto out = ResourceServer::start(std::move(with), &problem);
    EXPECT_TRUE(out) << problem;
    for (int i = 0; i < 200 && !out->ready(); ++i) std::this_thread::sleep_for(10ms);
    EXPECT_TRUE(out->ready());
    return out;
  }
  Issuer issuer;
};

TEST_F(Sdk, SettingsThatCanNotWorkAreRefusedWithAReason) {
  const auto refused = [&](const std::function<void(Settings&)>& change) {
    auto with = settings();
    change(with);
    std::string problem;
    return ResourceServer::start(with, &problem) == nullptr && !problem.empty();
  };
  EXPECT_TRUE(refused([](Settings& s) { s.resource = "https://fhir.example/r4/"; }));
  EXPECT_TRUE(refused([](Settings& s) { s.resource = "fhir.example"; }));
  EXPECT_TRUE(refused([](Settings& s) { s.allow_plain_http = false; }));
  EXPECT_TRUE(refused([](Settings& s) { s.issuer = "as"; }));
  EXPECT_TRUE(refused([](Settings& s) { s.credential_id.clear(); }));
  EXPECT_TRUE(refused([](Settings& s) { s.hidden_labels = {"a b c"}; }));
  EXPECT_TRUE(refused([](Settings& s) { s.timeout = 0ms; }));
}

TEST_F(Sdk, TokenRequestResourceInThatOrder) {
  const auto server = started(settings());
  Refusal why;
  const auto token = server->authenticate(issuer.jwt(), "192.0.2.7", &why);
  ASSERT_TRUE(token) << why.reason;
  EXPECT_EQ(token->client(), "app");
  EXPECT_EQ(token->patient(), "maria");
  EXPECT_EQ(token->scope(), "patient/*.rs");
  EXPECT_GT(token->expires(), std::chrono::system_clock::now());

  const auto search = server->decide(*token, {.method = "GET", .path = "/Observation", .query = "code=1"}, &why);
  ASSERT_TRUE(search) << why.reason;
  EXPECT_EQ(search->interaction(), "search-type");
  const auto& added = search->parameters();
  EXPECT_TRUE(std::ranges::any_of(added, [](const auto& p) { return p.second.find("maria") != std::string::npos; }));
  EXPECT_TRUE(server->visible(*search, gateway::rig::observation("m", "maria")));
  EXPECT_FALSE(server->visible(*search, gateway::rig::observation("o", "otto")));
  EXPECT_FALSE(server->visible(*search, "{"));
  EXPECT_FALSE(server->visible(*search, ""));
  EXPECT_FALSE(server->visible(*search, R"({"resourceType":"Observation","resourceType":"Patient","id":"x"})"));
  const auto read = server->decide(*token, {.method = "GET", .path = "/Patient/maria"}, &why);
  ASSERT_TRUE(read);
  EXPECT_TRUE(server->visible(*read, gateway::rig::patient("maria")));
  EXPECT_FALSE(server->visible(*read, gateway::rig::patient("otto")));
  EXPECT_FALSE(server->writable(*read, {}, gateway::rig::observation("m", "maria")))
      << "a read is no permission to write";
}

TEST_F(Sdk, S14_WritesAreWhatTheRequestSaidAndNoMore) {
  using gateway::rig::observation;
  const auto server = started(settings());
  Refusal why;
  const auto token = server->authenticate(issuer.jwt("patient/Observation.cruds patient/Condition.cruds"), "192.0.2.7");
  ASSERT_TRUE(token);
  const auto may = [&](std::string_view method, std::string_view path, std::string_view before,
                       std::string_view after) {
    const auto permit = server->decide(*token, {.method = method, .path = path}, &why);
    return permit && server->writable(*permit, before, after);
  };
  const auto hers = observation("a", "maria");
  EXPECT_TRUE(may("POST", "/Observation", {}, hers));
  EXPECT_TRUE(may("PUT", "/Observation/a", hers, hers));
  EXPECT_TRUE(may("PUT", "/Observation/a", {}, hers));
  EXPECT_TRUE(may("DELETE", "/Observation/a", hers, {}));
  const auto his = observation("a", "otto");
  EXPECT_FALSE(may("POST", "/Observation", {}, his));
  EXPECT_FALSE(may("PUT", "/Observation/a", his, hers)) << "subjects do not move";
  EXPECT_FALSE(may("PUT", "/Observation/a", hers, his));
  EXPECT_FALSE(may("DELETE", "/Observation/a", his, {}));
  // One kind of write is no permission for another.
  EXPECT_FALSE(may("POST", "/Observation", hers, hers));
  EXPECT_FALSE(may("POST", "/Observation", hers, {}));
  EXPECT_FALSE(may("PUT", "/Observation/a", hers, {}));
  EXPECT_FALSE(may("DELETE", "/Observation/a", hers, hers));
  EXPECT_FALSE(may("DELETE", "/Observation/a", {}, {}));
  EXPECT_TRUE(may("PATCH", "/Observation/a", hers, hers));
  EXPECT_FALSE(may("PATCH", "/Observation/a", {}, hers)) << "there is nothing to patch";
  // Body and URL are one thing.
  const std::string condition = R"({"resourceType":"Condition","id":"a","subject":{"reference":"Patient/maria"}})";
  EXPECT_FALSE(may("POST", "/Observation", {}, condition));
  EXPECT_FALSE(may("PUT", "/Observation/a", hers, observation("b", "maria")));
  EXPECT_FALSE(may("PUT", "/Observation/b", hers, hers));
  EXPECT_FALSE(may("DELETE", "/Observation/b", hers, {}));
}

TEST_F(Sdk, S14_AnUpdateThatCreatesNeedsBothRights) {
  using gateway::rig::observation;
  const auto server = started(settings());
  const auto token =
      server->authenticate(issuer.jwt("patient/Observation.c patient/Observation.u?category=laboratory"), "192.0.2.7");
  ASSERT_TRUE(token);
  const auto permit = server->decide(*token, {.method = "PUT", .path = "/Observation/a"});
  ASSERT_TRUE(permit);
  EXPECT_FALSE(server->writable(*permit, {}, observation("a", "maria"))) << "only of this category may be updated";
  EXPECT_TRUE(server->writable(
      *permit, {}, observation("a", "maria", R"(,"category":[{"coding":[{"system":"x","code":"laboratory"}]}])")));
}

TEST_F(Sdk, RefusalsAreReadyToBeAnswered) {
  const auto server = started(settings());
  Refusal why;
  for (const char* none : {"", "Basic eA==", "Bearer", "Bearer a b", "DPoP x"}) {
    EXPECT_FALSE(server->authenticate(none, "192.0.2.7", &why));
    EXPECT_EQ(why.status, 401) << none;
    EXPECT_EQ(why.challenge,
              R"(Bearer resource_metadata="https://fhir.example/.well-known/oauth-protected-resource/r4")");
  }
  EXPECT_FALSE(server->authenticate("Bearer nonsense", "192.0.2.7", &why));
  EXPECT_EQ(why.status, 401);
  EXPECT_NE(why.challenge.find(R"(error="invalid_token")"), std::string::npos);
  const auto token = server->authenticate(issuer.jwt("patient/Patient.rs"), "192.0.2.7");
  ASSERT_TRUE(token);
  EXPECT_FALSE(server->decide(*token, {.path = "/Observation/1"}, &why));
  EXPECT_EQ(why.status, 403);
  EXPECT_NE(why.challenge.find("patient/Observation.r"), std::string::npos) << why.challenge;
  for (const char* path : {"/../x", "/Patient/%2e%2e", "//Patient", "/Nothing/1"})
    EXPECT_FALSE(server->decide(*token, {.path = path}, &why)) << path;
  EXPECT_FALSE(server->decide(*token, {.method = "POST", .path = "/"}, &why)) << "a batch is decided entry by entry";
  EXPECT_FALSE(server->decide(*token, {.method = "get", .path = "/Patient/maria"}, &why));
  const auto metadata = Json::parse(server->metadata()).value();
  EXPECT_EQ(metadata["resource"].string_or(), kBase);
}

TEST_F(Sdk, WhatIsRevokedOrCanNotBeAskedOpensNothing) {
  const auto server = started(settings());
  const auto first = issuer.opaque("first");
  ASSERT_TRUE(server->authenticate(first, "192.0.2.7"));
  issuer.revoke_grant();
  bool refused = false;
  for (int i = 0; i < 200 && !refused; ++i) {
    refused = !server->authenticate(first, "192.0.2.7");
    if (!refused) std::this_thread::sleep_for(10ms);
  }
  EXPECT_TRUE(refused) << "within two seconds";
  issuer.down = true;
  Refusal why;
  EXPECT_FALSE(server->authenticate("Bearer mat_" + codec::base64url_encode("another"), "192.0.2.7", &why));
  EXPECT_EQ(why.status, 503);
}

TEST_F(Sdk, LabelledDataIsHidden) {
  auto with = settings();
  with.hidden_labels = {"ETH"};
  const auto server = started(with);
  const auto token = server->authenticate(issuer.jwt(), "192.0.2.7");
  ASSERT_TRUE(token);
  const auto search = server->decide(*token, {.path = "/Observation"});
  ASSERT_TRUE(search);
  EXPECT_TRUE(server->visible(*search, gateway::rig::observation("m", "maria")));
  EXPECT_FALSE(server->visible(
      *search,
      R"({"resourceType":"Observation","id":"m","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"ETH"}]},"status":"final","subject":{"reference":"Patient/maria"}})"));
}

TEST_F(Sdk, ThreadsShareOneServer) {
  const auto server = started(settings());
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  std::vector<std::string> tokens;
  for (int i = 0; i < 8; ++i) tokens.push_back(issuer.opaque("thread " + std::to_string(i)));
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 50; ++n) {
        const auto token = server->authenticate(tokens[static_cast<std::size_t>(n) % tokens.size()], "192.0.2.7");
        if (token && server->decide(*token, {.path = "/Patient/maria"})) good.fetch_add(1);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good.load(), 200);
}

}  // namespace
}  // namespace mitral::sdk
