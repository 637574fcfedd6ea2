// ONC 170.315(g)(10): the rows of Inferno's kit that read FHIR data, through the real gateway with tokens that a real
// person allowed (smart-fhir 2.3, 2.4, 2.5, 2.7, 2.8, 2.10).
#include "conformance/onc_rig.h"

namespace mitral::testing {
namespace {

using codec::Json;
using Found = std::set<std::string>;

std::string all_types(std::string_view letters = ".rs") {
  std::string out(kFoundation);
  for (const auto& type : g10_types()) out += " patient/" + type + std::string(letters);
  return out;
}
/// The first search of each type's US Core profile, with the patient in context.
std::string first_search(const std::string& type) {
  if (type == "Patient") return "/Patient?_id=alice";
  if (type == "Provenance" || type == "Location") return "/" + type + "?_id=x";
  if (type == "Observation") return "/Observation?patient=alice&category=laboratory";
  if (type == "DiagnosticReport") return "/DiagnosticReport?patient=alice&category=LAB";
  if (type == "CarePlan") return "/CarePlan?patient=alice&category=assess-plan";
  if (type == "CareTeam") return "/CareTeam?patient=alice&status=active";
  if (type == "MedicationRequest") return "/MedicationRequest?patient=alice&intent=order";
  return "/" + type + "?patient=alice";
}

TEST(OncGateway_2_3, smart_cors_metadata_request) {
  Onc onc;
  for (const auto* path : {"/metadata", "/.well-known/smart-configuration"}) {
    const auto response = onc.fhir(path, {}, {{"Origin", "https://inferno.healthit.gov"}});
    EXPECT_EQ(response.status, 200) << path;
    EXPECT_EQ(response.headers.get("Access-Control-Allow-Origin"), "*") << path;
  }
  const auto issuers = AsHarness::json(onc.as().get("/t/clinic/.well-known/smart-configuration"));
  const auto served = AsHarness::json(onc.fhir("/.well-known/smart-configuration"));
  for (const auto* member :
       {"authorization_endpoint", "token_endpoint", "introspection_endpoint", "revocation_endpoint"})
    EXPECT_EQ(served[member], issuers[member]) << member;
  const auto metadata = AsHarness::json(onc.fhir("/metadata"));
  const auto security = metadata["rest"][0]["security"].dump();
  EXPECT_NE(security.find("SMART-on-FHIR"), std::string::npos);
  EXPECT_NE(security.find(std::string(served["token_endpoint"].string_or())), std::string::npos) << "oauth-uris agree";
}

TEST(OncGateway_2_3, smart_cors_openid_fhir_user_claim) {
  Onc onc;
  const auto session = onc.standalone("launch/patient openid fhirUser patient/Observation.rs", {}, "app-public");
  const auto url = std::string(onc.id_token(session)["fhirUser"].string_or());
  ASSERT_TRUE(url.starts_with(std::string(kFhir) + "/"));
  const auto response = onc.fhir(url.substr(kFhir.size()), session.access(), {{"Origin", std::string(kOrigin)}});
  EXPECT_EQ(response.status, 200) << "readable by fhirUser alone";
  EXPECT_EQ(response.headers.get("Access-Control-Allow-Origin"), kOrigin);
  const auto refused = onc.fhir("/Goal?patient=alice", session.access(), {{"Origin", std::string(kOrigin)}});
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.headers.get("Access-Control-Allow-Origin"), kOrigin) << "errors too";
}

TEST(OncGateway_2_3, smart_openid_fhir_user_claim) {
  Onc onc;
  for (const auto& [session, type] :
       {std::pair{onc.standalone(kFoundation), std::string("Patient")},
        std::pair{onc.ehr("launch openid fhirUser user/Observation.rs"), std::string("Practitioner")}}) {
    const auto url = std::string(onc.id_token(session)["fhirUser"].string_or());
    const auto response = onc.fhir(url.substr(kFhir.size()), session.access());
    EXPECT_EQ(response.status, 200) << url;
    EXPECT_EQ(AsHarness::json(response)["resourceType"].string_or(), type);
  }
}

TEST(OncGateway_2_4, g10_unauthorized_access) {
  Onc onc;
  const auto session = onc.standalone(all_types());
  EXPECT_EQ(onc.fhir("/Patient/alice").status, 401) << "exactly";
  EXPECT_EQ(onc.fhir("/Patient/alice", "garbage").status, 401);
  EXPECT_EQ(onc.fhir("/Patient/alice", session.text("id_token")).status, 401);
}

TEST(OncGateway_2_4, g10_patient_context) {
  Onc onc;
  auto session = onc.standalone(all_types());
  EXPECT_EQ(onc.fhir("/Patient/" + session.patient(), session.access()).status, 200);
  session.token = AsHarness::json(onc.refresh(session));
  EXPECT_EQ(onc.fhir("/Patient/" + session.patient(), session.access()).status, 200) << "with the refreshed token";
}

TEST(OncGateway_2_4, g10_unrestricted_resource_type_access) {
  Onc onc;
  for (const auto& scope : {all_types(), std::string(kFoundation) + " patient/*.rs", all_types(".read")}) {
    const auto session = onc.standalone(scope);
    for (const auto& type : g10_types()) {
      const auto response = onc.fhir(first_search(type), session.access());
      EXPECT_EQ(response.status, 200) << type << ": " << response.body.substr(0, 200);
    }
  }
}

TEST(OncGateway_2_5, g10_restricted_access_per_type) {
  for (const auto& type : {"Condition", "Observation", "Goal", "DocumentReference", "MedicationRequest"}) {
    Onc onc;  // nothing is remembered of the choice before
    const auto session = onc.standalone(all_types(), {"patient.see." + std::string(type)});
    for (const auto& other : g10_types()) {
      const auto status = onc.fhir(first_search(other), session.access()).status;
      EXPECT_EQ(status, other == type ? 403 : 200) << type << " denied, asked for " << other;
    }
  }
}

TEST(OncGateway_2_6, practitioner_reads_patient_and_encounter_of_the_launch) {
  Onc onc;
  auto session = onc.ehr("launch openid fhirUser offline_access user/Patient.rs user/Encounter.rs user/Observation.rs");
  EXPECT_EQ(onc.fhir("/Patient/alice").status, 401);
  EXPECT_EQ(onc.fhir("/Patient/" + session.patient(), session.access()).status, 200);
  EXPECT_EQ(onc.fhir("/Encounter/" + session.text("encounter"), session.access()).status, 200);
  session.token = AsHarness::json(onc.refresh(session, session.scope()));
  EXPECT_EQ(onc.fhir("/Patient/alice", session.access()).status, 200);
}

TEST(OncGateway_2_7, searches_by_get_and_post_with_combinations_and_includes) {
  Onc onc;
  const auto session = onc.standalone(all_types() + " patient/Medication.rs patient/Practitioner.rs");
  EXPECT_EQ(
      onc.found(
          "/Observation?patient=alice&category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
          session.access()),
      (Found{"Observation/lab"}));
  EXPECT_EQ(onc.found("/Observation?patient=alice&category=vital-signs&date=ge2026-03-01&date=le2026-03-31",
                      session.access()),
            (Found{"Observation/vital"}));
  EXPECT_EQ(onc.found("/Observation?patient=alice&category=laboratory,vital-signs&status=final", session.access()),
            (Found{"Observation/lab", "Observation/vital"}));
  EXPECT_EQ(onc.found("/Observation?patient=alice&code=http://loinc.org|8867-4&category=survey", session.access()),
            (Found{"Observation/score"}));
  EXPECT_EQ(onc.found("/MedicationRequest?patient=alice&intent=order&_include=MedicationRequest:medication",
                      session.access()),
            (Found{"MedicationRequest/rx", "Medication/pill"}));
  EXPECT_EQ(onc.found("/Observation?patient=alice&category=laboratory&_revinclude=Provenance:target", session.access()),
            (Found{"Observation/lab", "Provenance/origin"}));
  const auto posted =
      onc.fhir("/Observation/_search", session.access(), {{"Content-Type", "application/x-www-form-urlencoded"}},
               codec::Method::post, "patient=alice&category=laboratory");
  ASSERT_EQ(posted.status, 200) << posted.body;
  EXPECT_EQ(AsHarness::json(posted)["total"].int_or(1), 1);
  for (const auto& link : AsHarness::json(posted)["link"].items())
    EXPECT_TRUE(link["url"].string_or().starts_with(kFhir)) << "links lead to the public base";
  EXPECT_EQ(onc.found("/Observation?patient=alice&category=imaging", session.access()), Found{})
      << "in scope, no data: 200";
}

TEST(OncGateway_2_8, token_revocation) {
  Onc onc;
  const auto session = onc.standalone(all_types());
  ASSERT_EQ(onc.fhir("/Patient/alice", session.access()).status, 200);
  EXPECT_EQ(onc.as().post("revoke", {{"token", session.refresh()}}, {AsHarness::basic("app-basic")}).status, 200);
  ASSERT_TRUE(onc.hear());
  EXPECT_EQ(onc.fhir("/Patient/alice", session.access()).status, 401);
  EXPECT_EQ(AsHarness::verdict(onc.refresh(session)), "400 invalid_grant");
  EXPECT_EQ(onc.as().introspect(session.access()).dump(), R"({"active":false})");
}

TEST(OncGateway_2_8, public_client_reads_its_patient) {
  Onc onc;
  const auto session =
      onc.standalone("launch/patient openid fhirUser offline_access patient/Patient.rs", {}, "app-public");
  EXPECT_EQ(onc.fhir("/Patient/" + session.patient(), session.access()).status, 200);
}

/// The earlier results, cut to what the scopes say: nothing missing and nothing more.
void fine_grained(const std::string& scopes, const Found& conditions, const Found& observations) {
  Onc onc;
  const auto session = onc.standalone(std::string(kFoundation) + scopes);
  EXPECT_EQ(onc.found("/Condition?patient=alice", session.access()), conditions);
  EXPECT_EQ(onc.found("/Observation?patient=alice", session.access()), observations);
  const Found every{"Condition/diagnosis", "Condition/problem", "Condition/concern",
                    "Observation/lab",     "Observation/vital", "Observation/smoking",
                    "Observation/score",   "Observation/ecg",   "Observation/housing"};
  for (const auto& name : every) {
    const auto response = onc.fhir("/" + name, session.access());
    const bool inside = conditions.contains(name) || observations.contains(name);
    EXPECT_EQ(response.status == 200, inside) << name << " " << response.status;
    if (!inside && !response.body.empty()) {
      EXPECT_EQ(AsHarness::json(response)["resourceType"].string_or(), "OperationOutcome");
    }
  }
  const auto bundle = AsHarness::json(onc.fhir("/Observation?patient=alice", session.access()));
  if (bundle.contains("total")) {
    EXPECT_EQ(bundle["total"].int_or(-1), static_cast<std::int64_t>(observations.size())) << "an honest total";
  }
}

TEST(OncGateway_2_8, fine_grained_scopes_set_A) {
  fine_grained(" " + granular("Condition", kConditionCategory, "encounter-diagnosis") + " " +
                   granular("Condition", kUsCoreConditionCategory, "health-concern") + " " +
                   granular("Observation", kObservationCategory, "laboratory") + " " +
                   granular("Observation", kObservationCategory, "social-history"),
               {"Condition/diagnosis", "Condition/concern"}, {"Observation/lab", "Observation/smoking"});
}

TEST(OncGateway_2_8, fine_grained_scopes_set_B) {
  fine_grained(" " + granular("Condition", kConditionCategory, "problem-list-item") + " " +
                   granular("Observation", kObservationCategory, "vital-signs") + " " +
                   granular("Observation", kObservationCategory, "survey") + " " +
                   granular("Observation", kUsCoreCategory, "sdoh"),
               {"Condition/problem"}, {"Observation/vital", "Observation/score", "Observation/housing"});
}

TEST(OncGateway_2_8, granular_scope_selection_limits_what_is_read) {
  Onc onc;
  const auto session = onc.standalone(
      "launch/patient openid fhirUser offline_access patient/Condition.rs patient/Observation.rs patient/Patient.rs",
      {"patient.see.Condition.health-concern", "patient.see.Observation.sdoh", "patient.see.Observation.survey"});
  EXPECT_EQ(onc.found("/Condition?patient=alice", session.access()),
            (Found{"Condition/diagnosis", "Condition/problem"}));
  EXPECT_EQ(onc.found("/Observation?patient=alice", session.access()),
            (Found{"Observation/lab", "Observation/vital", "Observation/smoking", "Observation/ecg"}));
}

TEST(OncGateway_2_9, revocation_by_the_patient_is_heard_at_once) {
  Onc onc;
  const auto session = onc.standalone(all_types());
  ASSERT_EQ(onc.fhir("/Patient/alice", session.access()).status, 200);
  const auto grant = Id128::parse(onc.as().introspect(session.access())["grant_id"].string_or());
  ASSERT_TRUE(grant);
  ASSERT_TRUE(run_sync(onc.as().store().revoke_grant(onc.as().issuer_id(), *grant, {}, onc.as().clock.now())));
  ASSERT_TRUE(onc.hear());
  EXPECT_EQ(onc.fhir("/Patient/alice", session.access()).status, 401);
}

TEST(OncGateway_2_10, 04_WithoutATokenExactly401_05_DeniedTypesExactly403) {
  Onc onc;
  const auto session = onc.standalone(all_types(), {"patient.see.Goal"});
  EXPECT_EQ(onc.fhir("/Goal?patient=alice").status, 401);
  EXPECT_EQ(onc.fhir("/Goal?patient=alice", session.access()).status, 403);
  EXPECT_EQ(onc.fhir("/Goal/walk", session.access()).status, 403);
}

TEST(OncGateway_2_10, 11_FhirUserIsReadableWithoutResourceScopes) {
  Onc onc;
  const auto session = onc.standalone("openid fhirUser launch/patient");
  EXPECT_EQ(onc.fhir("/Patient/alice", session.access()).status, 200);
  EXPECT_EQ(onc.fhir("/Patient/ben", session.access()).status, 403);
}

}  // namespace
}  // namespace mitral::testing
