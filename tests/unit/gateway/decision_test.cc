// The decision as a service: what nginx auth_request and Envoy ext_authz ask, and what they are told.
#include <gtest/gtest.h>

#include "support/gateway_rig.h"

namespace mitral::gateway::rig {
namespace {

constexpr const char* kEverything = "user/*.rs";

class Decisions : public testing::Test {
 protected:
  explicit Decisions(std::function<void(Config&)> change = {})
      : rig([change = std::move(change)](Config& config) {
          config.identity.headers = true;
          if (change) change(config);
        }) {}
  std::string clinician(std::string_view scope = kEverything) {
    return rig.jwt({.scope = std::string(scope),
                    .patient = "",
                    .fhir_user = std::string(kPublic) + "/Practitioner/ada",
                    .subject = "u_ada"});
  }
  std::string maria(std::string_view scope = "patient/*.rs") { return rig.jwt({.scope = std::string(scope)}); }

  Response ask(Request request) { return run_sync(rig.gateway->decide(std::move(request))); }
  static Request nginx(std::string_view method, std::string_view uri, std::string_view token) {
    Request out;
    out.set_target("/_decide");
    out.headers.add("Host", "127.0.0.1");
    out.headers.add("X-Original-Method", method);
    out.headers.add("X-Original-URI", "/fhir" + std::string(uri));
    if (!token.empty()) out.headers.add("Authorization", "Bearer " + std::string(token));
    out.peer_address = "127.0.0.1";
    return out;
  }
  int by_nginx(std::string_view method, std::string_view uri, std::string_view token) {
    return ask(nginx(method, uri, token)).status;
  }
  /// As Envoy's documentation of the HTTP service says: method, path behind the prefix, Host, Content-Length 0.
  static Request envoy(Method method, std::string_view uri, std::string_view token) {
    Request out;
    out.method = method;
    out.set_target("/_decide/envoy/fhir" + std::string(uri));
    out.headers.add("Host", "gw.example");
    out.headers.add("Content-Length", "0");
    if (!token.empty()) out.headers.add("Authorization", "Bearer " + std::string(token));
    out.peer_address = "127.0.0.1";
    return out;
  }
  int by_envoy(Method method, std::string_view uri, std::string_view token) {
    return ask(envoy(method, uri, token)).status;
  }
  Rig rig;
};

class RequestDecisions : public Decisions {
 protected:
  RequestDecisions() : Decisions([](Config& c) { c.decide.request_only = true; }) {}
};
class SecretDecisions : public Decisions {
 protected:
  SecretDecisions() : Decisions([](Config& c) { c.decide.secret = Secret("0123456789abcdef0123456789abcdef"); }) {}
};
class LabelledDecisions : public Decisions {
 protected:
  LabelledDecisions() : Decisions([](Config& c) { c.hidden_labels = {policy::Label{{}, "ETH"}}; }) {}
};

TEST_F(Decisions, WhatNeedsNoJudgementOfTheAnswerIsPermitted) {
  const auto token = clinician();
  for (const char* uri : {"/Patient/maria", "/Observation?patient=maria", "/Observation/x/_history", "/Patient"})
    EXPECT_EQ(by_nginx("GET", uri, token), 204) << uri;
  EXPECT_EQ(by_envoy(Method::get, "/Patient/maria", token), 200);
  const auto answer = ask(nginx("GET", "/Patient/maria", token));
  EXPECT_EQ(answer.headers.get("X-Authorization-Subject"), "u_ada");
  EXPECT_EQ(answer.headers.get("X-Authorization-Fhir-User"), std::string(kPublic) + "/Practitioner/ada");
  EXPECT_EQ(answer.headers.get("Cache-Control"), "no-store");
  EXPECT_TRUE(rig.world.upstream_log.empty()) << "nobody is asked but the decision";
  EXPECT_EQ(rig.gateway->metrics().decided_permit.value(), 6U);
  EXPECT_EQ(rig.audit.list.size(), 6U);
}

TEST_F(Decisions, WhatNeedsItIsDenied) {
  const auto token = clinician();
  for (const char* uri :
       {"/Observation?_include=Observation:subject", "/Patient?_revinclude=Observation:subject",
        "/Observation?patient.name=Otto", "/Patient?_has:Observation:patient:code=1234-5", "/Patient/maria/Observation",
        "/Patient/maria/$everything", "/Observation?_contained=true", "/?_type=Patient", "/_history"}) {
    EXPECT_EQ(by_nginx("GET", uri, token), 403) << uri;
    EXPECT_NE(by_envoy(Method::get, uri, token), 200) << uri;
  }
  EXPECT_EQ(by_nginx("GET", "/Observation?patient=maria", maria()), 403) << "a bound is kept by judging answers";
  EXPECT_EQ(by_nginx("GET", "/Observation/x", clinician("user/Observation.rs?category=laboratory")), 403);
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE", "BREW", "get", ""})
    EXPECT_EQ(by_nginx(method, "/Patient/maria", clinician("user/*.cruds")), 403) << method;
  EXPECT_EQ(by_nginx("POST", "/Observation/_search", token), 403) << "its parameters are in the body";
  EXPECT_EQ(by_nginx("POST", "/", clinician("user/*.cruds")), 403) << "entries are in the body";
}

TEST_F(Decisions, S17_ABundleIsNotSafeByItsOwnTypeAlone) {
  EXPECT_EQ(by_nginx("GET", "/Bundle/1", clinician("user/Bundle.rs user/Observation.rs")), 403) << "it may hold more";
  EXPECT_EQ(by_envoy(Method::get, "/Bundle?_id=1", clinician("user/Bundle.rs")), 403);
  EXPECT_EQ(by_nginx("GET", "/Bundle/1", clinician()), 204);
}

TEST_F(LabelledDecisions, LabelsAreFoundInAnswersOnly) {
  EXPECT_EQ(by_nginx("GET", "/Patient/maria", clinician()), 403);
}

TEST_F(RequestDecisions, AResourceServerThatJudgesItsAnswersIsAskedTheRest) {
  EXPECT_EQ(by_nginx("GET", "/Observation?patient=maria", maria()), 204);
  EXPECT_EQ(by_nginx("GET", "/Observation?patient=otto", maria()), 403);
  EXPECT_EQ(by_nginx("GET", "/Observation/x", maria("patient/Patient.rs")), 403);
  EXPECT_EQ(by_envoy(Method::get, "/Patient/maria", maria()), 200);
  EXPECT_EQ(by_nginx("POST", "/", clinician("user/*.cruds")), 403) << "a batch is never decided by its head";
  EXPECT_EQ(by_nginx("POST", "/Observation/_search", maria()), 403);
}

TEST_F(Decisions, RefusalsTellADeveloperWhatToDo) {
  const auto none = ask(nginx("GET", "/Patient/maria", ""));
  EXPECT_EQ(none.status, 401);
  EXPECT_EQ(none.headers.get("WWW-Authenticate"),
            R"(Bearer resource_metadata="https://gw.example/.well-known/oauth-protected-resource/fhir")");
  const auto bad = ask(nginx("GET", "/Patient/maria", "nonsense"));
  EXPECT_EQ(bad.status, 401);
  EXPECT_NE(bad.headers.get("WWW-Authenticate").value_or("").find(R"(error="invalid_token")"), std::string::npos);
  const auto scope = ask(nginx("GET", "/Observation/x", clinician("user/Patient.rs")));
  EXPECT_EQ(scope.status, 403);
  const auto challenge = std::string(scope.headers.get("WWW-Authenticate").value_or(""));
  EXPECT_NE(challenge.find(R"(error="insufficient_scope")"), std::string::npos) << challenge;
  EXPECT_NE(challenge.find("user/Observation.r"), std::string::npos) << challenge;
  EXPECT_EQ(rig.gateway->metrics().decided_deny.value(), 3U);
}

TEST_F(Decisions, W18_OnlyTheDecidedRequestIsTheOneThatIsSent) {
  const auto token = clinician();
  for (const char* uri :
       {"/../admin", "/Patient/%2e%2e/x", "//Patient/maria", "/Patient/maria;x=1", "/Patient\\maria"}) {
    EXPECT_EQ(by_nginx("GET", uri, token), 403) << uri;
    EXPECT_NE(by_envoy(Method::get, uri, token), 200) << uri;
  }
  auto elsewhere = nginx("GET", "", token);
  for (const char* uri : {"/admin", "/fhirx/Patient/maria", "", "*", "https://gw.example/fhir/Patient/maria"}) {
    elsewhere.headers.set("X-Original-URI", uri);
    EXPECT_EQ(ask(elsewhere).status, 403) << uri;
  }
  for (const char* name : {"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"}) {
    auto request = nginx("GET", "/Patient/maria", token);
    request.headers.add(name, "DELETE");
    EXPECT_EQ(ask(request).status, 403) << name;
  }
  for (const char* name : {"X-Original-URI", "X-Original-Method", "Authorization"}) {
    auto twice = nginx("GET", "/Patient/maria", token);
    twice.headers.add(name, name == std::string_view("Authorization") ? "Bearer other" : "GET");
    EXPECT_NE(ask(twice).status, 204) << name;
    auto none = nginx("GET", "/Patient/maria", token);
    none.headers.remove(name);
    EXPECT_NE(ask(none).status, 204) << name;
  }
  // A server that splits a query at ';', or ends it at '#', would see an include here, or no condition.
  for (const char* uri : {"/Observation?code=1-8;_include=Observation:subject", "/Observation?code=1-8#&patient=maria",
                          "/Observation?#", "/Observation?;", "/Patient/maria?_format=json;_has=x"}) {
    EXPECT_EQ(by_nginx("GET", uri, token), 403) << uri;
    EXPECT_EQ(by_envoy(Method::get, uri, token), 403) << uri;
  }
  EXPECT_EQ(by_nginx("GET", "/Observation?code=1%3B2%23", token), 204) << "escaped they are data";
  // Headers of nginx say nothing to Envoy's form.
  auto mixed = envoy(Method::del, "/Patient/maria", clinician("user/*.cruds"));
  mixed.headers.add("X-Original-Method", "GET");
  mixed.headers.add("X-Original-URI", "/fhir/Patient/maria");
  EXPECT_NE(ask(mixed).status, 200);
}

TEST_F(Decisions, W19_AClientCanNotBringItsOwnIdentity) {
  auto request = nginx("GET", "/Patient/maria", clinician());
  request.headers.add("X-Authorization-Subject", "u_root");
  const auto answer = ask(request);
  EXPECT_EQ(answer.headers.count("X-Authorization-Subject"), 1U);
  EXPECT_EQ(answer.headers.get("X-Authorization-Subject"), "u_ada");
}

TEST_F(Decisions, ItIsNotServedToClients) {
  for (const char* target : {"/_decide", "/_decide/envoy/fhir/Patient/maria", "/fhir/_decide"}) {
    auto request = nginx("GET", "/Patient/maria", clinician());
    request.headers.set("Host", "gw.example");
    request.set_target(target);
    EXPECT_NE(rig.send(request).status, 204) << target;
  }
}

TEST_F(SecretDecisions, OnlyTheProxyMayAsk) {
  auto request = nginx("GET", "/Patient/maria", clinician());
  EXPECT_EQ(ask(request).status, 403);
  request.headers.set("X-Decide-Secret", "0123456789abcdef0123456789abcdeX");
  EXPECT_EQ(ask(request).status, 403);
  request.headers.set("X-Decide-Secret", "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(ask(request).status, 204);
  request.headers.add("X-Decide-Secret", "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(ask(request).status, 403);
}

TEST_F(Decisions, WhatCanNotBeCheckedIsNotPermitted) {
  rig.world.issuer_down = true;
  EXPECT_EQ(by_nginx("GET", "/Patient/maria", rig.opaque()), 503);
  EXPECT_EQ(by_envoy(Method::get, "/Patient/maria", rig.opaque()), 503);
  rig.world.issuer_down = false;
  rig.audit.fails = true;
  EXPECT_EQ(by_nginx("GET", "/Patient/maria", clinician()), 503) << "nothing without its record";
}

TEST_F(Decisions, RevocationHoldsHereToo) {
  const auto token = clinician();
  ASSERT_EQ(by_nginx("GET", "/Patient/maria", token), 204);
  rig.revoke("grant_revoked", "grant-1");
  rig.hear();
  EXPECT_EQ(by_nginx("GET", "/Patient/maria", token), 401);
}

}  // namespace
}  // namespace mitral::gateway::rig
