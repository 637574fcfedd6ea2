#include "fhir/r4.h"

#include <algorithm>
#include <array>

namespace mitral::fhir {
namespace {

// clang-format off
constexpr auto kTypes = std::to_array<std::string_view>({
    "Account", "ActivityDefinition", "AdverseEvent", "AllergyIntolerance", "Appointment", "AppointmentResponse",
    "AuditEvent", "Basic", "Binary", "BiologicallyDerivedProduct", "BodyStructure", "Bundle", "CapabilityStatement",
    "CarePlan", "CareTeam", "CatalogEntry", "ChargeItem", "ChargeItemDefinition", "Claim", "ClaimResponse",
    "ClinicalImpression", "CodeSystem", "Communication", "CommunicationRequest", "CompartmentDefinition", "Composition",
    "ConceptMap", "Condition", "Consent", "Contract", "Coverage", "CoverageEligibilityRequest",
    "CoverageEligibilityResponse", "DetectedIssue", "Device", "DeviceDefinition", "DeviceMetric", "DeviceRequest",
    "DeviceUseStatement", "DiagnosticReport", "DocumentManifest", "DocumentReference", "EffectEvidenceSynthesis",
    "Encounter", "Endpoint", "EnrollmentRequest", "EnrollmentResponse", "EpisodeOfCare", "EventDefinition", "Evidence",
    "EvidenceVariable", "ExampleScenario", "ExplanationOfBenefit", "FamilyMemberHistory", "Flag", "Goal",
    "GraphDefinition", "Group", "GuidanceResponse", "HealthcareService", "ImagingStudy", "Immunization",
    "ImmunizationEvaluation", "ImmunizationRecommendation", "ImplementationGuide", "InsurancePlan", "Invoice",
    "Library", "Linkage", "List", "Location", "Measure", "MeasureReport", "Media", "Medication",
    "MedicationAdministration", "MedicationDispense", "MedicationKnowledge", "MedicationRequest", "MedicationStatement",
    "MedicinalProduct", "MedicinalProductAuthorization", "MedicinalProductContraindication",
    "MedicinalProductIndication", "MedicinalProductIngredient", "MedicinalProductInteraction",
    "MedicinalProductManufactured", "MedicinalProductPackaged", "MedicinalProductPharmaceutical",
    "MedicinalProductUndesirableEffect", "MessageDefinition", "MessageHeader", "MolecularSequence", "NamingSystem",
    "NutritionOrder", "Observation", "ObservationDefinition", "OperationDefinition", "OperationOutcome", "Organization",
    "OrganizationAffiliation", "Parameters", "Patient", "PaymentNotice", "PaymentReconciliation", "Person",
    "PlanDefinition", "Practitioner", "PractitionerRole", "Procedure", "Provenance", "Questionnaire",
    "QuestionnaireResponse", "RelatedPerson", "RequestGroup", "ResearchDefinition", "ResearchElementDefinition",
    "ResearchStudy", "ResearchSubject", "RiskAssessment", "RiskEvidenceSynthesis", "Schedule", "SearchParameter",
    "ServiceRequest", "Slot", "Specimen", "SpecimenDefinition", "StructureDefinition", "StructureMap", "Subscription",
    "Substance", "SubstanceNucleicAcid", "SubstancePolymer", "SubstanceProtein", "SubstanceReferenceInformation",
    "SubstanceSourceMaterial", "SubstanceSpecification", "SupplyDelivery", "SupplyRequest", "Task",
    "TerminologyCapabilities", "TestReport", "TestScript", "ValueSet", "VerificationResult", "VisionPrescription"});
// clang-format on
static_assert(std::ranges::is_sorted(kTypes));

using enum PatientAccess;

// The 66 types of the R4 Patient compartment, then (false) those with a rule of Mitral's own. Two official ones are
// denied under patient/: Group, whose only link lists other patients, and Schedule, whose actors are mostly
// practitioners.
constexpr auto kLinks = std::to_array<PatientLink>({
    // type, access, own elements, other official elements, official
    {"Account", compartment, "subject", "", true},
    {"ActivityDefinition", shared, "", "", false},
    {"AdverseEvent", compartment, "subject", "", true},
    {"AllergyIntolerance", compartment, "patient", "recorder asserter", true},
    {"Appointment", compartment, "participant.actor", "", true},
    {"AppointmentResponse", compartment, "actor", "", true},
    {"AuditEvent", compartment, "agent.who entity.what", "", true},
    {"Basic", compartment, "subject", "author", true},
    {"BodyStructure", compartment, "patient", "", true},
    {"CarePlan", compartment, "subject", "activity.detail.performer", true},
    {"CareTeam", compartment, "subject", "participant.member", true},
    {"ChargeItem", compartment, "subject", "", true},
    {"Claim", compartment, "patient", "payee.party", true},
    {"ClaimResponse", compartment, "patient", "", true},
    {"ClinicalImpression", compartment, "subject", "", true},
    {"CodeSystem", shared, "", "", false},
    {"Communication", compartment, "subject", "sender recipient", true},
    {"CommunicationRequest", compartment, "subject", "sender recipient requester", true},
    {"Composition", compartment, "subject", "author attester.party", true},
    {"Condition", compartment, "subject", "asserter", true},
    {"Consent", compartment, "patient", "", true},
    {"Coverage", compartment, "beneficiary", "policyHolder subscriber payor", true},
    {"CoverageEligibilityRequest", compartment, "patient", "", true},
    {"CoverageEligibilityResponse", compartment, "patient", "", true},
    {"DetectedIssue", compartment, "patient", "", true},
    {"Device", custom, "patient", "", false},
    {"DeviceRequest", compartment, "subject", "performer", true},
    {"DeviceUseStatement", compartment, "subject", "", true},
    {"DiagnosticReport", compartment, "subject", "", true},
    {"DocumentManifest", compartment, "subject", "author recipient", true},
    {"DocumentReference", compartment, "subject", "author", true},
    {"Encounter", compartment, "subject", "", true},
    {"Endpoint", shared, "", "", false},
    {"EnrollmentRequest", compartment, "candidate", "", true},
    {"EpisodeOfCare", compartment, "patient", "", true},
    {"ExplanationOfBenefit", compartment, "patient", "payee.party", true},
    {"FamilyMemberHistory", compartment, "patient", "", true},
    {"Flag", compartment, "subject", "", true},
    {"Goal", compartment, "subject", "", true},
    {"Group", denied, "", "member.entity", true},
    {"HealthcareService", shared, "", "", false},
    {"ImagingStudy", compartment, "subject", "", true},
    {"Immunization", compartment, "patient", "", true},
    {"ImmunizationEvaluation", compartment, "patient", "", true},
    {"ImmunizationRecommendation", compartment, "patient", "", true},
    {"InsurancePlan", shared, "", "", false},
    {"Invoice", compartment, "subject", "recipient", true},
    {"Library", shared, "", "", false},
    {"List", compartment, "subject", "source", true},
    {"Location", shared, "", "", false},
    {"Measure", shared, "", "", false},
    {"MeasureReport", compartment, "subject", "", true},
    {"Media", compartment, "subject", "", true},
    {"Medication", shared, "", "", false},
    {"MedicationAdministration", compartment, "subject", "performer.actor", true},
    {"MedicationDispense", compartment, "subject", "receiver", true},
    {"MedicationRequest", compartment, "subject", "", true},
    {"MedicationStatement", compartment, "subject", "", true},
    {"MolecularSequence", compartment, "patient", "", true},
    {"NutritionOrder", compartment, "patient", "", true},
    {"Observation", compartment, "subject", "performer", true},
    {"Organization", shared, "", "", false},
    {"Patient", compartment, "id", "link.other", true},
    {"Person", compartment, "link.target", "", true},
    {"PlanDefinition", shared, "", "", false},
    {"Practitioner", shared, "", "", false},
    {"PractitionerRole", shared, "", "", false},
    {"Procedure", compartment, "subject", "performer.actor", true},
    {"Provenance", provenance, "target", "", true},
    {"Questionnaire", shared, "", "", false},
    {"QuestionnaireResponse", compartment, "subject", "author", true},
    {"RelatedPerson", compartment, "patient", "", true},
    {"RequestGroup", compartment, "subject", "action.participant", true},
    {"ResearchStudy", shared, "", "", false},
    {"ResearchSubject", compartment, "individual", "", true},
    {"RiskAssessment", compartment, "subject", "", true},
    {"Schedule", denied, "actor", "", true},
    {"ServiceRequest", compartment, "subject", "performer", true},
    {"Specimen", compartment, "subject", "", true},
    {"StructureDefinition", shared, "", "", false},
    {"Substance", shared, "", "", false},
    {"SupplyDelivery", compartment, "patient", "", true},
    {"SupplyRequest", compartment, "deliverTo", "", true},
    {"Task", custom, "for", "focus owner requester", false},
    {"ValueSet", shared, "", "", false},
    {"VisionPrescription", compartment, "patient", "", true},
});
static_assert(std::ranges::is_sorted(kLinks, {}, &PatientLink::type));
static_assert(std::ranges::count_if(kLinks, &PatientLink::official) == 66);
static_assert(std::ranges::all_of(kLinks,
                                  [](const PatientLink& row) { return std::ranges::binary_search(kTypes, row.type); }));

constexpr PatientLink kUnknown{};

constexpr bool id_char(char c) noexcept {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

constexpr std::string_view key_of(std::string_view name) noexcept { return name; }
constexpr std::string_view key_of(const PatientLink& row) noexcept { return row.type; }

/// Where a name stands in a table: asked several times for every resource of every answer, so by hash. The table is
/// fixed, so nobody can choose names that fall together.
class Index {
 public:
  template <class Table>
  consteval explicit Index(const Table& table) {
    for (std::size_t i = 0; i < table.size(); ++i) {
      auto slot = start(key_of(table[i]));
      while (slots_[slot] != 0) slot = (slot + 1) % slots_.size();
      slots_[slot] = static_cast<std::uint8_t>(i + 1);
    }
  }
  /// The size of the table: not there.
  template <class Table>
  [[nodiscard]] constexpr std::size_t find(const Table& table, std::string_view name) const noexcept {
    for (auto slot = start(name); slots_[slot] != 0; slot = (slot + 1) % slots_.size()) {
      if (key_of(table[slots_[slot] - 1U]) == name) return slots_[slot] - 1U;
    }
    return table.size();
  }

 private:
  static constexpr std::size_t start(std::string_view name) noexcept {
    if (name.empty()) return 0;
    const auto byte = [&](std::size_t at) { return static_cast<std::size_t>(static_cast<unsigned char>(name[at])); };
    return (name.size() * 131 + byte(0) * 31 + byte(name.size() / 2) * 17 + byte(name.size() - 1) * 7) % 1024;
  }
  std::array<std::uint8_t, 1024> slots_{};
};
static_assert(kTypes.size() < 255);
constexpr Index kTypeIndex(kTypes);
constexpr Index kLinkIndex(kLinks);

}  // namespace

std::span<const std::string_view> resource_types() noexcept { return kTypes; }

bool is_resource_type(std::string_view type) noexcept { return kTypeIndex.find(kTypes, type) != kTypes.size(); }

bool is_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 64 && text != "." && text != ".." && std::ranges::all_of(text, id_char);
}

std::string_view name(PatientAccess access) noexcept {
  switch (access) {
    case compartment: return "compartment";
    case custom: return "custom";
    case provenance: return "provenance";
    case shared: return "shared";
    case denied: break;
  }
  return "denied";
}

const PatientLink& patient_link(std::string_view type) noexcept {
  const auto place = kLinkIndex.find(kLinks, type);
  return place == kLinks.size() ? kUnknown : kLinks[place];
}

std::span<const PatientLink> patient_links() noexcept { return kLinks; }

}  // namespace mitral::fhir
