// Tables of R4, references and compartment membership (SMART patient/ scopes; FHIR R4 Patient compartment).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>

#include "codec/json.h"
#include "fhir/compartment.h"
#include "fhir/r4.h"
#include "fhir/reference.h"

namespace mitral::fhir {
namespace {

using codec::Json;

constexpr std::string_view kBase = "https://gw.example/fhir";

Json json(std::string_view text) {
  auto parsed = Json::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? std::move(*parsed) : Json();
}

TEST(R4, ListsAllTypes) {
  EXPECT_EQ(resource_types().size(), 146U);
  EXPECT_TRUE(std::ranges::is_sorted(resource_types()));
  EXPECT_TRUE(is_resource_type("Observation"));
  for (const auto* wrong : {"observation", "Observation ", "", "Resource", "DomainResource", "SubscriptionStatus"}) {
    EXPECT_FALSE(is_resource_type(wrong)) << wrong;
  }
}

TEST(R4, IdsAreNarrow) {
  EXPECT_TRUE(is_id("a-B.9"));
  EXPECT_TRUE(is_id(std::string(64, 'x')));
  for (const auto& wrong : {std::string(), std::string("."), std::string(".."), std::string("a/b"), std::string("a_b"),
                            std::string(65, 'x'), std::string("a b"), std::string("ä")}) {
    EXPECT_FALSE(is_id(wrong)) << wrong;
  }
}

TEST(Compartment, HasExactlyThe66OfficialTypes) {
  constexpr auto kOfficial = std::to_array<std::string_view>({"Account",
                                                              "AdverseEvent",
                                                              "AllergyIntolerance",
                                                              "Appointment",
                                                              "AppointmentResponse",
                                                              "AuditEvent",
                                                              "Basic",
                                                              "BodyStructure",
                                                              "CarePlan",
                                                              "CareTeam",
                                                              "ChargeItem",
                                                              "Claim",
                                                              "ClaimResponse",
                                                              "ClinicalImpression",
                                                              "Communication",
                                                              "CommunicationRequest",
                                                              "Composition",
                                                              "Condition",
                                                              "Consent",
                                                              "Coverage",
                                                              "CoverageEligibilityRequest",
                                                              "CoverageEligibilityResponse",
                                                              "DetectedIssue",
                                                              "DeviceRequest",
                                                              "DeviceUseStatement",
                                                              "DiagnosticReport",
                                                              "DocumentManifest",
                                                              "DocumentReference",
                                                              "Encounter",
                                                              "EnrollmentRequest",
                                                              "EpisodeOfCare",
                                                              "ExplanationOfBenefit",
                                                              "FamilyMemberHistory",
                                                              "Flag",
                                                              "Goal",
                                                              "Group",
                                                              "ImagingStudy",
                                                              "Immunization",
                                                              "ImmunizationEvaluation",
                                                              "ImmunizationRecommendation",
                                                              "Invoice",
                                                              "List",
                                                              "MeasureReport",
                                                              "Media",
                                                              "MedicationAdministration",
                                                              "MedicationDispense",
                                                              "MedicationRequest",
                                                              "MedicationStatement",
                                                              "MolecularSequence",
                                                              "NutritionOrder",
                                                              "Observation",
                                                              "Patient",
                                                              "Person",
                                                              "Procedure",
                                                              "Provenance",
                                                              "QuestionnaireResponse",
                                                              "RelatedPerson",
                                                              "RequestGroup",
                                                              "ResearchSubject",
                                                              "RiskAssessment",
                                                              "Schedule",
                                                              "ServiceRequest",
                                                              "Specimen",
                                                              "SupplyDelivery",
                                                              "SupplyRequest",
                                                              "VisionPrescription"});
  static_assert(kOfficial.size() == 66);
  std::vector<std::string_view> ours;
  for (const auto& row : patient_links()) {
    if (row.official) ours.push_back(row.type);
  }
  EXPECT_TRUE(std::ranges::equal(ours, kOfficial));
}

TEST(Compartment, EveryOfficialTypeHasAWorkingOwnElementOrIsDenied) {
  for (const auto& row : patient_links()) {
    if (row.own.empty()) {
      EXPECT_TRUE(row.access == PatientAccess::denied || row.access == PatientAccess::shared) << row.type;
      continue;
    }
    if (row.own == "id") continue;
    // Build the first own path as nested objects around a reference and look for it.
    const auto path = row.own.substr(0, row.own.find(' '));
    const auto build = [&](std::string_view target) {
      Json value = Json::object({{"reference", target}});
      auto rest = path;
      while (!rest.empty()) {
        const auto dot = rest.rfind('.');
        const auto key = dot == std::string_view::npos ? rest : rest.substr(dot + 1);
        value = Json::object({{key, Json::array({value})}});
        rest = dot == std::string_view::npos ? std::string_view{} : rest.substr(0, dot);
      }
      value.set("resourceType", row.type);
      return value;
    };
    EXPECT_TRUE(member_of_patient(build("Patient/p"), "p", kBase)) << row.type;
    EXPECT_FALSE(member_of_patient(build("Patient/q"), "p", kBase)) << row.type;
    EXPECT_FALSE(member_of_patient(build("Group/p"), "p", kBase)) << row.type;
  }
}

TEST(Compartment, UnknownTypesAreDenied) {
  for (const auto* type : {"Binary", "Bundle", "Subscription", "Contract", "Linkage", "Slot", "NoSuchType", ""}) {
    EXPECT_EQ(patient_link(type).access, PatientAccess::denied) << type;
  }
  EXPECT_EQ(patient_link("Group").access, PatientAccess::denied);
  EXPECT_EQ(patient_link("Organization").access, PatientAccess::shared);
  EXPECT_EQ(patient_link("Device").access, PatientAccess::custom);
  EXPECT_EQ(patient_link("Provenance").access, PatientAccess::provenance);
}

TEST(Reference, TakesFormsApart) {
  const auto relative = parse_reference("Patient/1", kBase);
  EXPECT_EQ(relative.kind, ReferenceKind::local);
  EXPECT_EQ(relative.type, "Patient");
  EXPECT_EQ(relative.id, "1");
  const auto versioned = parse_reference("https://gw.example/fhir/Patient/1/_history/3", kBase);
  EXPECT_EQ(versioned.kind, ReferenceKind::local);
  EXPECT_EQ(versioned.version, "3");
  EXPECT_EQ(parse_reference("#p", kBase).kind, ReferenceKind::contained);
  EXPECT_EQ(parse_reference("urn:uuid:0", kBase).kind, ReferenceKind::urn);
  EXPECT_EQ(parse_reference("https://gw.example.evil/fhir/Patient/1", kBase).kind, ReferenceKind::foreign);
  EXPECT_EQ(parse_reference("https://gw.example/fhirx/Patient/1", kBase).kind, ReferenceKind::foreign);
  EXPECT_EQ(parse_reference("https://gw.example/fhir/Patient/1", "").kind, ReferenceKind::foreign);
}

TEST(Reference, RefusesLookAlikes) {
  for (const auto* wrong : {"",
                            "Patient",
                            "Patient/",
                            "/Patient/1",
                            "Patient/1/",
                            "patient/1",
                            "Patient/1/2",
                            "Patient/../1",
                            "Patient/1?x",
                            "Patient/%31",
                            "Patient/1/_history/",
                            "Patient/1/_history",
                            "Patient/1#x",
                            "Patient?identifier=1",
                            " Patient/1",
                            "//gw.example/fhir/Patient/1",
                            "Nonsense/1",
                            "https://gw.example/fhir",
                            "https://gw.example/fhir/",
                            "HTTPS://GW.example/fhir/Patient/1"}) {
    EXPECT_NE(parse_reference(wrong, kBase).kind, ReferenceKind::local) << wrong;
  }
}

TEST(Compartment, SubjectDecides) {
  EXPECT_TRUE(member_of_patient(json(R"({"resourceType":"Patient","id":"p"})"), "p", kBase));
  EXPECT_FALSE(member_of_patient(
      json(R"({"resourceType":"Patient","id":"q","link":[{"other":{"reference":"Patient/p"}}]})"), "p", kBase));
  const auto fetal = json(
      R"({"resourceType":"Observation","subject":{"reference":"Patient/mother"},"focus":[{"reference":"Patient/baby"}]})");
  EXPECT_TRUE(member_of_patient(fetal, "mother", kBase));
  EXPECT_FALSE(member_of_patient(fetal, "baby", kBase));
  const auto performed = json(
      R"({"resourceType":"Observation","subject":{"reference":"Patient/q"},"performer":[{"reference":"Patient/p"}]})");
  EXPECT_FALSE(member_of_patient(performed, "p", kBase)) << "performing makes nobody the subject";
}

TEST(Compartment, ReferencesThatProveNothing) {
  for (const auto* subject :
       {R"({"identifier":{"value":"p"}})", R"({"reference":"#p"})", R"({"reference":"urn:uuid:p"})",
        R"({"type":"Patient","display":"p"})", R"({"reference":"https://other.example/fhir/Patient/p"})",
        R"("Patient/p")", R"({"reference":["Patient/p"]})", R"({"reference":"Group/p"})",
        R"({"reference":{"reference":"Patient/p"}})", R"(null)"}) {
    const auto resource = json(
        std::string(R"({"resourceType":"Observation","contained":[{"resourceType":"Patient","id":"p"}],"subject":)") +
        subject + "}");
    EXPECT_FALSE(member_of_patient(resource, "p", kBase)) << subject;
  }
  for (const auto* subject : {"Patient/p", "Patient/p/_history/2", "https://gw.example/fhir/Patient/p"}) {
    const auto resource =
        Json::object({{"resourceType", "Observation"}, {"subject", Json::object({{"reference", subject}})}});
    EXPECT_TRUE(member_of_patient(resource, "p", kBase)) << subject;
  }
}

TEST(Compartment, WithoutTypeOrIdNothingBelongsToAnyone) {
  EXPECT_FALSE(member_of_patient(json(R"({"subject":{"reference":"Patient/p"}})"), "p", kBase));
  EXPECT_FALSE(member_of_patient(json(R"([])"), "p", kBase));
  EXPECT_FALSE(member_of_patient(json(R"({"resourceType":"Patient","id":""})"), "", kBase));
  EXPECT_FALSE(member_of_patient(
      json(R"({"resourceType":"Organization","id":"o","patient":{"reference":"Patient/p"}})"), "p", kBase));
}

TEST(Compartment, CustomTypes) {
  EXPECT_TRUE(member_of_patient(json(R"({"resourceType":"Device","patient":{"reference":"Patient/p"}})"), "p", kBase));
  EXPECT_FALSE(member_of_patient(json(R"({"resourceType":"Device","id":"scale"})"), "p", kBase));
  EXPECT_TRUE(member_of_patient(json(R"({"resourceType":"Task","for":{"reference":"Patient/p"}})"), "p", kBase));
  EXPECT_FALSE(member_of_patient(
      json(R"({"resourceType":"Task","for":{"reference":"Patient/q"},"owner":{"reference":"Patient/p"}})"), "p",
      kBase));
}

TEST(Compartment, SeveralPatientsAreReported) {
  const auto person = json(
      R"({"resourceType":"Person","link":[{"target":{"reference":"Patient/p"}},{"target":{"reference":"Patient/q"}}]})");
  EXPECT_TRUE(member_of_patient(person, "p", kBase));
  EXPECT_TRUE(names_other_patient(person, "p", kBase));
  EXPECT_EQ(member_patients(person, kBase), (std::vector<std::string>{"p", "q"}));
  const auto alone = json(R"({"resourceType":"Observation","subject":{"reference":"Patient/p"}})");
  EXPECT_FALSE(names_other_patient(alone, "p", kBase));
  const auto carrier = json(
      R"({"resourceType":"Observation","contained":[{"resourceType":"Patient"}],"subject":{"reference":"Patient/p"}})");
  EXPECT_TRUE(names_other_patient(carrier, "p", kBase));
  EXPECT_TRUE(has_contained_patient(
      json(R"({"contained":[{"resourceType":"Group","contained":[{"resourceType":"Patient"}]}]})")));
  const auto audit = json(
      R"({"resourceType":"AuditEvent","agent":[{"who":{"reference":"Patient/q"}}],"entity":[{"what":{"reference":"Patient/p"}}]})");
  EXPECT_TRUE(member_of_patient(audit, "p", kBase));
  EXPECT_TRUE(names_other_patient(audit, "p", kBase));
}

TEST(Compartment, ProvenanceNeedsAnAllowedTargetAndNoOtherPatient) {
  const auto allow = [](const Reference& r) { return r.type == "Observation" && r.id == "mine"; };
  const auto allowed = [&](std::string_view targets) {
    return provenance_allowed(json(std::string(R"({"resourceType":"Provenance","target":)").append(targets) + "}"), "p",
                              kBase, allow);
  };
  EXPECT_TRUE(allowed(R"([{"reference":"Observation/mine"}])"));
  EXPECT_TRUE(allowed(R"([{"reference":"Patient/p"}])"));
  EXPECT_TRUE(allowed(R"([{"reference":"Observation/mine"},{"reference":"Organization/o"}])"));
  EXPECT_FALSE(allowed(R"([{"reference":"Observation/other"}])"));
  EXPECT_FALSE(allowed(R"([{"reference":"Observation/mine"},{"reference":"Patient/q"}])"));
  EXPECT_FALSE(allowed(R"([{"reference":"Patient/p"},{"reference":"https://other.example/Patient/q"}])"));
  EXPECT_FALSE(allowed(R"([{"reference":"Observation/mine"},{"identifier":{"value":"q"}}])"));
  EXPECT_FALSE(allowed(R"([{"reference":"Observation/mine"},{"reference":"#x"}])"));
  EXPECT_FALSE(allowed("[]"));
  EXPECT_FALSE(allowed(R"({"reference":"Observation/mine"})"));
}

TEST(Compartment, FindsEveryReference) {
  const auto resource =
      json(R"({"a":{"reference":"Patient/1"},"b":[{"c":{"reference":"X/2"}}],"contained":[{"d":{"reference":"#3"}}]})");
  const auto all = all_references(resource);
  EXPECT_EQ(all, (std::vector<std::string_view>{"Patient/1", "X/2", "#3"}));
}

}  // namespace
}  // namespace mitral::fhir
