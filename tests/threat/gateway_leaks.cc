// A FHIR server that leaks on purpose, behind the gateway: every fault of the sandbox, every incident of other servers,
// and the FHIR rows of the threat catalogue (threats §7) that reading and searching touch.
#include <gtest/gtest.h>

#include <algorithm>

#include "fhir/compartment.h"
#include "support/gateway_sandbox.h"

namespace mitral::gateway::rig {
namespace {

using namespace std::chrono_literals;
namespace sample = sandbox::sample;
using Ids = std::vector<std::string>;

std::string path(std::string_view type, std::string_view id) { return "/" + std::string(type) + "/" + std::string(id); }
bool has(const Ids& list, std::string_view item) { return std::ranges::find(list, item) != list.end(); }

struct GatewayThreat : testing::Test {
  SandboxRig rig;
  std::string token = rig.jwt(maria());

  /// Every resource of the answer is one that the predicate shows, whatever upstream did.
  void expect_clean(const Response& response, const TokenSpec& spec, const std::string& what) {
    if (response.status != 200) {
      EXPECT_EQ(response.body.find("otto"), std::string::npos) << what;
      return;
    }
    const auto json = Json::parse(response.body);
    ASSERT_TRUE(json) << what;
    const auto check = [&](const Json& resource) {
      if (resource["resourceType"].string_or() == "OperationOutcome") return;
      const auto patients = fhir::member_patients(resource, kPublic);
      for (const auto& id : patients)
        EXPECT_EQ(id, spec.patient) << what << " " << resource["resourceType"].string_or();
      EXPECT_FALSE(fhir::has_contained_patient(resource)) << what;
    };
    if ((*json)["resourceType"].string_or() != "Bundle") return check(*json);
    for (const auto& entry : (*json)["entry"].items()) check(entry["resource"]);
    EXPECT_EQ(response.body.find("fhir.internal"), std::string::npos) << what;
  }
};

const char* const kTargets[] = {
    "/Observation?_count=5",
    "/Observation?patient=maria&_include=Observation:subject&_revinclude=Provenance:target",
    "/Observation?code=http://loinc.org%7C2339-0",
    "/Observation/maria-glucose-1",
    "/Observation/otto-glucose-1",
    "/Observation/moved-observation",
    "/Observation/moved-observation/_history",
    "/Observation/moved-observation/_history/1",
    "/Observation/moved-observation/_history/2",
    "/Observation/deleted-observation",
    "/Observation/deleted-observation/_history",
    "/Observation/_history",
    "/Observation/maria-glucose-1/_history",
    "/Patient?_id=maria&_revinclude=Observation:subject",
    "/Patient?name=a",
    "/Patient",
    "/Patient/maria",
    "/Patient/otto",
    "/Patient/maria/Condition",
    "/Encounter?_include=Encounter:subject",
    "/Group",
    "/Group/group-maria-otto",
    "/Person",
    "/Person/person-maria-otto",
    "/Provenance",
    "/Provenance?target=Observation/otto-glucose-1",
    "/Provenance/prov-maria-otto",
    "/Device",
    "/Device/ward-scale",
    "/DocumentReference",
    "/Binary/otto-note-pdf",
    "/Binary/maria-note-pdf",
    "/RelatedPerson",
    "/Practitioner",
};

TEST_F(GatewayThreat, NoFaultOfTheUpstreamGetsAForeignByteOut) {
  auto names = sandbox::misbehaviour_names();
  names.emplace_back("");
  for (const auto name : names) {
    sandbox::Misbehaviour how;
    if (!name.empty()) ASSERT_TRUE(sandbox::set_by_name(how, name));
    how.delay = Duration::zero();
    rig.sandbox.set_misbehaviour(how);
    for (const auto* const target : kTargets) {
      expect_clean(rig.get(target, token), maria(), std::string(name) + " " + target);
      auto conditional = Rig::request(target, token);
      conditional.headers.add("If-None-Match", "*");
      conditional.headers.add("Prefer", "handling=lenient");
      expect_clean(rig.send(std::move(conditional)), maria(), std::string(name) + " conditional " + target);
    }
    for (const auto& entry : rig.all_pages("/Observation?_count=2", token)) {
      EXPECT_EQ(fhir::member_patients(entry["resource"], kPublic), Ids{"maria"}) << name;
    }
  }
}

TEST_F(GatewayThreat, AllFaultsAtOnceButTheUnreadableOnes) {
  sandbox::Misbehaviour how;
  how.lenient_params = how.wrong_subject_includes = how.foreign_matches = how.unfiltered_next_pages = true;
  how.absolute_self_links = how.wrong_totals = how.mixed_history = how.phi_in_errors = true;
  rig.sandbox.set_misbehaviour(how);
  for (const auto* const target : kTargets) expect_clean(rig.get(target, token), maria(), target);
  EXPECT_EQ(rig.get("/Observation/maria-glucose-1", token).status, 200) << "and it still works";
  EXPECT_FALSE(rig.all_pages("/Observation?_count=3", token).empty());
}

TEST_F(GatewayThreat, UnreadableAnswersAre502) {
  for (const auto* const name : {"xml-answer", "not-json", "truncated", "duplicate-keys"}) {
    sandbox::Misbehaviour how;
    ASSERT_TRUE(sandbox::set_by_name(how, name));
    rig.sandbox.set_misbehaviour(how);
    EXPECT_EQ(rig.get("/Observation/maria-glucose-1", token).status, 502) << name;
    EXPECT_EQ(rig.get("/Observation", token).status, 502) << name;
  }
}

TEST_F(GatewayThreat, MsFhirServer5683_IncludesOutOfTheCompartment) {
  sandbox::Misbehaviour how;
  how.wrong_subject_includes = true;
  rig.sandbox.set_misbehaviour(how);
  const auto response = rig.get("/Observation?_include=Observation:subject", token);
  ASSERT_EQ(response.status, 200);
  EXPECT_TRUE(has(ids(response), "Patient/maria"));
  for (const auto& id : ids(response)) EXPECT_EQ(id.find("otto"), std::string::npos) << id;
  EXPECT_GT(rig.gateway->metrics().resources_withheld.value(), 0U) << "the fault was there";
}

TEST_F(GatewayThreat, MsFhirServer2934_ReadByIdObeysGranularScopes) {
  const auto vitals =
      maria("patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category%7Cvital-signs");
  const auto granular = rig.jwt(vitals);
  EXPECT_EQ(rig.get(path("Observation", sample::kMariaLab), granular).status, 404);
  EXPECT_EQ(rig.get(path("Observation", sample::kMariaLab), token).status, 200);
  EXPECT_EQ(rig.get(path("Observation", sample::kTwoCategories), granular).status, 200) << "any category counts";
  for (const auto* const query :
       {"/Observation", "/Observation?category=laboratory", "/Observation?category:not=vital-signs",
        "/Observation?category=laboratory,vital-signs", "/Observation?category=vital-signs&category=laboratory"}) {
    const auto response = rig.get(query, granular);
    if (response.status != 200) continue;
    for (const auto& id : ids(response)) {
      EXPECT_NE(id, "Observation/" + std::string(sample::kMariaLab)) << query;
    }
  }
  EXPECT_EQ(rig.get("/Observation?_filter=category%20eq%20laboratory", granular).status, 403);
}

TEST_F(GatewayThreat, MsFhirServer5817_LenientHandlingNeverRelaxes) {
  sandbox::Misbehaviour how;
  how.lenient_params = true;
  rig.sandbox.set_misbehaviour(how);
  auto request = Rig::request("/Observation?foo=bar", token);
  request.headers.add("Prefer", "handling=lenient");
  EXPECT_EQ(rig.send(std::move(request)).status, 400);
  for (const auto& id : ids(rig.get("/Observation", token))) EXPECT_EQ(id.find("otto"), std::string::npos);
  EXPECT_EQ(rig.world.upstream_log.back().headers.get("Prefer"), "handling=strict");
}

TEST_F(GatewayThreat, Hapi6065_ReverseChainsInferNothing) {
  for (const auto* const target :
       {"/Patient?_has:Observation:patient:code=x", "/Patient?_id=maria&_has:Observation:patient:code=x",
        "/Observation?subject:Patient.name=Otto", "/Encounter?patient.identifier=1"}) {
    const auto sent = rig.world.upstream_log.size();
    EXPECT_EQ(rig.get(target, token).status, 403) << target;
    EXPECT_EQ(rig.world.upstream_log.size(), sent) << "nothing was asked";
  }
}

TEST_F(GatewayThreat, Hapi590_PagesAreJudgedAgain) {
  sandbox::Misbehaviour how;
  how.unfiltered_next_pages = true;
  rig.sandbox.set_misbehaviour(how);
  const auto first = rig.get("/Observation?_count=1", token);
  ASSERT_EQ(first.status, 200);
  const auto next = link(first, "next");
  ASSERT_FALSE(next.empty());
  EXPECT_EQ(next.find("_offset"), std::string::npos) << "the upstream's link is not shown";
  for (const auto& entry : rig.all_pages(below_base(next), token)) {
    EXPECT_EQ(fhir::member_patients(entry["resource"], kPublic), Ids{"maria"});
  }
  EXPECT_EQ(rig.get(below_base(next), rig.jwt(practitioner())).status, 404) << "S-12";
}

TEST_F(GatewayThreat, S5_ForeignAndRandomIdsLookAlike) {
  const auto foreign = rig.get(path("Observation", sample::kStrangerLab), token);
  const auto random = rig.get("/Observation/does-not-exist", token);
  EXPECT_EQ(foreign.status, 404);
  EXPECT_EQ(random.status, 404);
  EXPECT_EQ(foreign.body, random.body);
  EXPECT_EQ(foreign.headers.list().size(), random.headers.list().size());
  EXPECT_EQ(rig.get("/Observation?patient=otto", token).status, 403);
  EXPECT_EQ(rig.get("/Observation?patient=otto", token).body, rig.get("/Observation?patient=nobody", token).body);
}

TEST_F(GatewayThreat, S11_WithoutScopeDataAndNoDataLookAlike) {
  const auto limited = rig.jwt(maria("patient/Patient.rs"));
  const auto with_data = rig.get("/Observation?patient=maria", limited);
  const auto without = rig.get("/Immunization?patient=maria", limited);
  EXPECT_EQ(with_data.status, 403);
  EXPECT_EQ(without.status, 403);
  EXPECT_EQ(with_data.body, without.body);
}

TEST_F(GatewayThreat, S17_IndirectHealthDataIsDenied) {
  for (const auto& target :
       {path("Group", sample::kGroupOfTwo), path("Person", sample::kPersonOfTwo),
        path("Provenance", sample::kProvenanceOfTwo), path("Binary", sample::kBinaryOfStranger),
        path("DocumentReference", sample::kDocumentOfStranger), path("Device", sample::kDeviceOfNobody),
        path("Observation", sample::kIdentifierOnly), path("Observation", sample::kContainedSubject),
        path("Observation", sample::kGroupSubject)}) {
    EXPECT_EQ(rig.get(target, token).status, 404) << target;
  }
  EXPECT_EQ(rig.get(path("Device", sample::kDeviceOfMaria), token).status, 200);
  EXPECT_EQ(rig.get(path("DocumentReference", sample::kDocumentOfMaria), token).status, 200);
}

TEST_F(GatewayThreat, MotherAndNewbornStayApart) {
  EXPECT_EQ(rig.get(path("Observation", sample::kFetalHeartRate), token).status, 200) << "subject decides, not focus";
  EXPECT_EQ(rig.get("/Patient/nora", token).status, 404);
  auto nora = maria();
  nora.patient = "nora";
  const auto for_nora = rig.jwt(nora);
  EXPECT_EQ(rig.get(path("Observation", sample::kFetalHeartRate), for_nora).status, 404);
  EXPECT_EQ(rig.get("/Patient/nora", for_nora).status, 200);
  EXPECT_EQ(rig.get("/Patient/maria", for_nora).status, 404);
}

TEST_F(GatewayThreat, S20_VersionsFromAnotherTimeStayWithTheirOwner) {
  const auto base = path("Observation", sample::kMovedObservation);
  EXPECT_EQ(rig.get(base, token).status, 200);
  EXPECT_EQ(rig.get(base + "/_history/1", token).status, 404);
  EXPECT_EQ(rig.get(base + "/_history/2", token).status, 200);
  EXPECT_EQ(ids(rig.get(base + "/_history", token)).size(), 1U);
  auto otto = maria();
  otto.patient = "otto";
  const auto former = rig.jwt(otto);
  EXPECT_EQ(rig.get(base, former).status, 404);
  EXPECT_EQ(rig.get(base + "/_history/1", former).status, 200);
}

TEST_F(GatewayThreat, LinuxForHealth1881_ProvenanceOfOnesOwnLab) {
  const auto response =
      rig.get("/Observation?_id=" + std::string(sample::kMariaLab) + "&_revinclude=Provenance:target", token);
  EXPECT_TRUE(has(ids(response), "Provenance/" + std::string(sample::kProvenanceOfMaria)));
  EXPECT_FALSE(has(ids(response), "Provenance/" + std::string(sample::kProvenanceOfTwo)));
}

TEST_F(GatewayThreat, LinuxForHealth3091_PatientSearchFindsOneself) {
  EXPECT_EQ(ids(rig.get("/Patient", token)), Ids{"Patient/maria"});
  EXPECT_EQ(ids(rig.get("/Patient?gender=female,male", token)), Ids{"Patient/maria"});
  EXPECT_EQ(rig.get("/Patient?_id=otto", token).status, 403);
}

TEST_F(GatewayThreat, S14_BatchGraphQlAndOperationsAreRefused) {
  const auto all = rig.jwt(maria("patient/*.cruds user/*.cruds"));
  const auto sent = rig.world.upstream_log.size();
  auto batch = Rig::request("", all, Method::post);
  batch.headers.add("Content-Type", "application/fhir+json");
  batch.body =
      R"({"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/otto"}}]})";
  const auto answer = rig.send(std::move(batch));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ((*Json::parse(answer.body))["entry"][0]["response"]["status"].string_or(), "404 Not Found");
  EXPECT_EQ(answer.body.find("family"), std::string::npos);
  rig.world.upstream_log.resize(sent);
  for (const auto* const target :
       {"/$graphql?query=x", "/Patient/otto/$everything", "/Patient/$match", "/Observation/$stats",
        "/Patient/maria/$meta", "/$export", "/Patient/$export", "/Group/g/$export", "/$diff", "/Patient/otto/*"}) {
    EXPECT_EQ(rig.get(target, all).status, 403) << target;
  }
  EXPECT_EQ(rig.world.upstream_log.size(), sent);
}

TEST_F(GatewayThreat, S15_ConditionalCreateIsNoOracle) {
  const auto rs = token;
  const auto cs = rig.jwt(maria("patient/*.cruds"));
  for (const auto& bearer : {rs, cs}) {
    std::vector<std::string> bodies;
    for (const auto* const match : {"identifier=otto", "identifier=nobody"}) {
      auto request = Rig::request("/Patient", bearer, Method::post);
      request.headers.add("Content-Type", "application/fhir+json");
      request.headers.add("If-None-Exist", match);
      request.body = R"({"resourceType":"Patient"})";
      const auto response = rig.send(std::move(request));
      EXPECT_EQ(response.status, 403);
      bodies.push_back(response.body);
    }
    EXPECT_EQ(bodies.front(), bodies.back());
  }
}

TEST_F(GatewayThreat, S16_ClinicianWithBothContexts) {
  auto both = practitioner("patient/Observation.rs user/Patient.r");
  both.patient = "maria";
  const auto bearer = rig.jwt(both);
  EXPECT_EQ(rig.get(path("Observation", sample::kMariaLab), bearer).status, 200);
  EXPECT_EQ(rig.get(path("Observation", sample::kStrangerLab), bearer).status, 404);
  EXPECT_EQ(rig.get("/Patient/otto", bearer).status, 200);
  EXPECT_EQ(rig.get("/Patient", bearer).status, 403) << "r does not search";
}

TEST_F(GatewayThreat, S6_ProxiesSeeTheirChildThroughUserScopes) {
  auto mother = maria("user/*.rs");
  mother.patient = "leo";
  const auto bearer = rig.jwt(mother);
  EXPECT_EQ(rig.get("/Patient/leo", bearer).status, 200);
  EXPECT_EQ(rig.get("/Patient/maria", bearer).status, 200);
  EXPECT_EQ(rig.get("/Patient/nora", bearer).status, 404) << "another child needs a token that names her";
  EXPECT_EQ(rig.get("/Patient/otto", bearer).status, 404);
}

TEST_F(GatewayThreat, S13_NoTotalTellsOfWhatIsHidden) {
  sandbox::Misbehaviour how;
  how.wrong_totals = true;
  rig.sandbox.set_misbehaviour(how);
  const auto json = Json::parse(rig.get("/Observation?_count=2", token).body).value();
  EXPECT_FALSE(json.contains("total"));
  const auto whole = Json::parse(rig.get("/Condition", token).body).value();
  EXPECT_EQ(whole["total"].as_int64(), static_cast<std::int64_t>(whole["entry"].size()));
  // Counted here, from what may be seen.
  const auto count = rig.get("/Observation?_summary=count", token);
  ASSERT_EQ(count.status, 200);
  EXPECT_EQ(Json::parse(count.body).value()["total"].as_int64(),
            static_cast<std::int64_t>(rig.all_pages("/Observation?_count=50", token).size()));
}

TEST_F(GatewayThreat, S26_SearchTermsStayOutOfAuditAndAnswers) {
  EXPECT_EQ(rig.get("/Patient?identifier=canary-078-05-1120", token).status, 200);
  EXPECT_EQ(rig.get("/Patient?canary-name=canary-078-05-1120", token).status, 400);
  EXPECT_EQ(rig.get("/Patient?birthdate=canary-078-05-1120", token).status, 400);
  for (const auto& event : rig.audit.list) {
    for (const auto& [key, value] : event.details) EXPECT_EQ(value.find("canary"), std::string::npos) << key;
    EXPECT_EQ(event.reason.find("canary"), std::string::npos);
  }
  EXPECT_EQ(rig.get("/Patient?canary-name=1", token).body.find("canary"), std::string::npos);
}

TEST_F(GatewayThreat, S27_TokensOfAnotherTenantAreStrangers) {
  auto other = maria();
  other.issuer = "https://as.example/t/other";
  EXPECT_EQ(rig.get("/Patient/maria", rig.jwt(other)).status, 401);
}

TEST_F(GatewayThreat, B49_TheClientsTokenNeverReachesUpstream) {
  EXPECT_EQ(rig.get("/Patient/maria", token).status, 200);
  for (const auto& request : rig.world.upstream_log) {
    for (const auto& header : request.headers.list()) EXPECT_EQ(header.value.find(token), std::string::npos);
    EXPECT_EQ(request.target.find(token), std::string::npos);
  }
}

TEST_F(GatewayThreat, UsersWithoutBoundsWork) {
  const auto ada = rig.jwt(practitioner());
  EXPECT_EQ(rig.get("/Patient/otto", ada).status, 200);
  EXPECT_TRUE(has(ids(rig.get("/Patient?_count=50", ada)), "Patient/otto"));
  EXPECT_EQ(rig.get(path("Group", sample::kGroupOfTwo), ada).status, 200);
  const auto machine = rig.jwt(backend());
  EXPECT_EQ(rig.get("/Patient/otto", machine).status, 200);
  EXPECT_EQ(rig.get("/Patient/otto", rig.opaque(backend("user/*.rs patient/*.rs"))).status, 403) << "B-4.15";
}

}  // namespace
}  // namespace mitral::gateway::rig
