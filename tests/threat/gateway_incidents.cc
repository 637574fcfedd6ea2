// What went wrong elsewhere must not go wrong here: incidents of other FHIR servers and gateways, each by the name
// under which it was reported (smart-fhir §4.11). Those that need a server that leaks stand in gateway_leaks.cc.
#include <gtest/gtest.h>

#include <algorithm>

#include "support/gateway_sandbox.h"

namespace mitral::gateway::rig {
namespace {

namespace sample = sandbox::sample;
using Ids = std::vector<std::string>;

struct GatewayIncident : testing::Test {
  SandboxRig rig;

  std::size_t asked() const { return rig.world.upstream_log.size(); }
  Response post(std::string_view target, std::string_view token, std::string body) {
    auto request = Rig::request(target, token, Method::post);
    request.headers.add("Content-Type", "application/fhir+json");
    request.body = std::move(body);
    return rig.send(std::move(request));
  }
};

TEST_F(GatewayIncident, MsFhirServer5688_AMissingFhirUserDeniesEverything) {
  auto spec = practitioner("user/*.cruds");
  spec.fhir_user.clear();
  const auto token = rig.opaque(spec);
  const auto before = asked();
  for (const auto* const target :
       {"/Patient", "/Observation", "/Patient/maria", "/Observation/_history", "/_history"}) {
    EXPECT_EQ(rig.get(target, token).status, 403) << target;
  }
  EXPECT_EQ(asked(), before);
}

TEST_F(GatewayIncident, MsFhirServer5096_ChainsAndIncludesWithGranularScopes) {
  const auto granular = rig.jwt(maria("patient/Observation.rs?category=laboratory patient/Patient.r"));
  const auto before = asked();
  EXPECT_EQ(rig.get("/Observation?subject:Patient.name=Maria", granular).status, 403);
  EXPECT_EQ(rig.get("/Observation?patient.name=Maria", granular).status, 403);
  EXPECT_EQ(asked(), before) << "an answer to a chain would be an answer about what the scope hides";
  const auto response = rig.get("/Observation?_include=Observation:subject", granular);
  ASSERT_EQ(response.status, 200);
  EXPECT_TRUE(std::ranges::count(ids(response), "Patient/maria"));
  // A wildcard beside it adds up: the widest scope shows what it shows.
  const auto both = rig.jwt(maria("patient/*.rs patient/Observation.rs?category=laboratory"));
  EXPECT_EQ(rig.all_pages("/Observation", both).size(), rig.all_pages("/Observation", rig.jwt(maria())).size());
  EXPECT_LT(rig.all_pages("/Observation", granular).size(), rig.all_pages("/Observation", both).size());
}

TEST_F(GatewayIncident, Hapi3382_UpstreamPagingHandlesAreNotForwarded) {
  const auto token = rig.jwt(practitioner());
  const auto before = asked();
  for (const auto* const target : {"/?_getpages=abc&_getpagesoffset=20&_count=20&_bundletype=searchset",
                                   "/Observation?_getpages=abc", "/Observation?_offset=20", "/Observation?ct=abc"}) {
    const auto status = rig.get(target, token).status;
    EXPECT_TRUE(status == 400 || status == 403 || status == 404) << target << " " << status;
  }
  EXPECT_EQ(asked(), before);
}

TEST_F(GatewayIncident, Hapi56_InlineMatchUrlsAreRefused) {
  const auto token = rig.jwt(maria("patient/*.cruds"));
  const auto size = rig.sandbox.size();
  EXPECT_GE(post("/Observation", token,
                 R"({"resourceType":"Observation","status":"final","code":{"text":"x"},
                     "subject":{"reference":"Patient?identifier=otto"}})")
                .status,
            400);
  EXPECT_GE(post("", token,
                 R"({"resourceType":"Bundle","type":"transaction","entry":[{"resource":{"resourceType":"Observation",
                     "status":"final","code":{"text":"x"},"subject":{"reference":"Patient/maria"},
                     "performer":[{"reference":"Practitioner?identifier=new"}]},
                     "request":{"method":"POST","url":"Observation"}}]})")
                .status,
            400);
  EXPECT_EQ(rig.sandbox.size(), size) << "and no placeholder was made";
}

TEST_F(GatewayIncident, Hapi1864_GraphQlIsNoWayIn) {
  const auto token = rig.jwt(practitioner("user/*.cruds"));
  const auto before = asked();
  for (const auto* const target : {"/$graphql?query=%7BPatient(id:%22otto%22)%7Bname%7D%7D",
                                   "/Patient/otto/$graphql?query=%7Bname%7D", "/Patient/$graphql"}) {
    EXPECT_GE(rig.get(target, token).status, 403) << target;
    EXPECT_GE(post(target, token, R"({"query":"{PatientList{name}}"})").status, 400) << target;
  }
  EXPECT_EQ(asked(), before);
}

TEST_F(GatewayIncident, LinuxForHealth2669_HiddenAndAbsentAnswerAlike) {
  const auto token = rig.jwt(maria("patient/*.cruds"));
  const auto same = [&](Method method, std::string_view hidden, std::string_view absent, std::string body) {
    const auto send = [&](std::string_view target) {
      auto request = Rig::request(target, token, method);
      if (!body.empty()) {
        auto text = body;
        const auto id = std::string(target.substr(target.rfind('/') + 1));
        for (auto at = text.find("ID"); at != std::string::npos; at = text.find("ID")) text.replace(at, 2, id);
        request.headers.add("Content-Type", "application/fhir+json");
        request.body = text;
      }
      request.headers.add("If-None-Match", "W/\"1\"");
      return rig.send(std::move(request));
    };
    const auto one = send(hidden);
    const auto other = send(absent);
    EXPECT_EQ(one.status, other.status) << hidden;
    EXPECT_EQ(one.body, other.body) << hidden;
    EXPECT_EQ(one.headers.list().size(), other.headers.list().size()) << hidden;
    EXPECT_GE(one.status, 400) << hidden;
  };
  for (const auto method : {Method::get, Method::head}) {
    same(method, "/Observation/otto-glucose-1", "/Observation/nothing-here", {});
    same(method, "/Observation/otto-glucose-1/_history", "/Observation/nothing-here/_history", {});
    same(method, "/Observation/otto-glucose-1/_history/1", "/Observation/nothing-here/_history/1", {});
  }
  same(Method::del, "/Observation/otto-glucose-1", "/Observation/nothing-here", {});
}

TEST_F(GatewayIncident, LinuxForHealth2444_ListsAndGroupsAreNoOracle) {
  const auto token = rig.jwt(maria());
  EXPECT_EQ(rig.get("/Observation?_list=42", token).status, 403);
  EXPECT_EQ(rig.get("/Group/" + std::string(sample::kGroupOfTwo), token).status, 404);
  EXPECT_EQ(ids(rig.get("/Group", token)), Ids{});
  for (const auto* const member : {"otto", "maria", "nobody"}) {
    EXPECT_EQ(ids(rig.get("/Group?member=Patient/" + std::string(member), token)), Ids{}) << member;
  }
}

TEST_F(GatewayIncident, LinuxForHealth1849_AnotherLinkToThePatientIsNoMembership) {
  auto mine = std::string(
      R"({"resourceType":"Observation","id":"done-by-maria","status":"final","code":{"text":"x"},
          "subject":{"reference":"Patient/otto"},"performer":[{"reference":"Patient/maria"}]})");
  ASSERT_TRUE(
      rig.sandbox.load_text(R"({"resourceType":"Bundle","type":"collection","entry":[{"resource":)" + mine + "}]}"));
  const auto token = rig.jwt(maria());
  EXPECT_EQ(rig.get("/Observation/done-by-maria", token).status, 404);
  for (const auto* const query :
       {"/Observation?performer=Patient/maria", "/Observation?performer=Patient/maria&patient=maria",
        "/Observation?subject=Patient/maria&patient=maria&_count=200"}) {
    const auto response = rig.get(query, token);
    if (response.status != 200) continue;
    EXPECT_EQ(std::ranges::count(ids(response), "Observation/done-by-maria"), 0) << query;
  }
}

TEST_F(GatewayIncident, FhirWorks78And92_IncludesAreNeitherLostNorGivenAway) {
  const std::string query = "/Encounter?_include=Encounter:participant&_count=50";
  const auto names_practitioner = [](const Response& response) {
    return std::ranges::any_of(ids(response), [](const std::string& id) { return id.starts_with("Practitioner/"); });
  };
  const auto with_scope = rig.get(query, rig.jwt(maria("patient/Encounter.rs patient/Practitioner.r")));
  const auto without = rig.get(query, rig.jwt(maria("patient/Encounter.rs")));
  ASSERT_EQ(with_scope.status, 200);
  ASSERT_EQ(without.status, 200);
  EXPECT_TRUE(names_practitioner(with_scope));
  EXPECT_FALSE(names_practitioner(without));
}

TEST_F(GatewayIncident, Medplum7816_AChainInsideAScopeGrantsNothing) {
  const auto before = asked();
  for (const auto* const scope :
       {"patient/Observation.rs?subject:Patient.name=Maria", "patient/Observation.rs?patient.name=Maria",
        "patient/Observation.rs?_has:Provenance:target:agent=x", "patient/Observation.rs?code:in=http://x"}) {
    EXPECT_EQ(rig.get("/Observation", rig.jwt(maria(scope))).status, 403) << scope;
    EXPECT_EQ(rig.get("/Observation/maria-glucose-1", rig.jwt(maria(scope))).status, 403) << scope;
  }
  EXPECT_EQ(asked(), before);
}

}  // namespace
}  // namespace mitral::gateway::rig
