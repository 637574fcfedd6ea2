#include "spec/smart/words.h"

#include <algorithm>
#include <array>

namespace mitral::spec::smart {
namespace {

struct Words {
  std::string_view key;
  std::string_view title;
  std::string_view detail;
  bool sensitive = false;
};

constexpr auto kWords = std::to_array<Words>({
    {"*", "Your whole health record", "Everything that is recorded about you here, now and in the future.", true},
    {"Account", "Billing accounts", "Accounts that charges for your care are booked to."},
    {"AllergyIntolerance", "Allergies", "What you are allergic to or do not tolerate, and how you react."},
    {"Appointment", "Appointments", "Past and coming appointments."},
    {"CarePlan", "Care plans", "What has been planned for your care."},
    {"CareTeam", "Care team", "The people who take part in your care."},
    {"Claim", "Insurance claims", "What was billed to your insurance."},
    {"Condition", "Health problems", "Illnesses, diagnoses and health concerns."},
    {"Condition/encounter-diagnosis", "Diagnoses of visits", "What was diagnosed at your visits."},
    {"Condition/health-concern", "Health concerns", "Matters about your health that you or others raised.", true},
    {"Condition/problem-list-item", "Problem list", "Illnesses and problems that are followed over time."},
    {"Consent", "Consents", "What you have agreed to or refused."},
    {"Coverage", "Insurance", "Who pays for your care."},
    {"Device", "Medical devices", "Implants and other devices that belong to you."},
    {"DiagnosticReport", "Test reports", "Reports about laboratory tests and examinations."},
    {"DocumentReference", "Documents", "Letters, notes and other documents.", true},
    {"DocumentReference/clinical-note", "Clinical notes", "Notes that doctors and nurses wrote about you.", true},
    {"Encounter", "Visits", "When and where you were seen, and why."},
    {"ExplanationOfBenefit", "Insurance statements", "What your insurance paid and what it did not."},
    {"FamilyMemberHistory", "Family history", "Illnesses in your family.", true},
    {"Goal", "Goals", "Goals that were agreed for your health."},
    {"ImagingStudy", "Images", "X-rays and other images."},
    {"Immunization", "Vaccinations", "Vaccines that you were given."},
    {"Location", "Places of care", "Addresses of the places where you were seen."},
    {"Media", "Pictures", "Photographs and recordings.", true},
    {"Medication", "Medicines", "Descriptions of medicines."},
    {"MedicationAdministration", "Medicines given", "Medicines that were given to you."},
    {"MedicationDispense", "Medicines handed out", "Medicines that a pharmacy handed out to you."},
    {"MedicationRequest", "Prescriptions", "Medicines that were prescribed to you."},
    {"MedicationStatement", "Medicines you take", "Medicines that you said you take."},
    {"Observation", "Measurements and results", "Lab results, vital signs, and what was noted about how you live.",
     true},
    {"Observation/laboratory", "Lab results", "Results of blood tests and other laboratory tests."},
    {"Observation/procedure", "Clinical tests", "Results of examinations, for example a heart tracing."},
    {"Observation/sdoh", "Living conditions", "Food, housing, transport and other conditions of life.", true},
    {"Observation/social-history", "Habits and social history", "Smoking, occupation, pregnancy and the like.", true},
    {"Observation/survey", "Questionnaire results", "Scores of questionnaires, for example about mood.", true},
    {"Observation/vital-signs", "Vital signs", "Blood pressure, pulse, temperature, height and weight."},
    {"Organization", "Organizations", "Hospitals, practices and insurers that take part in your care."},
    {"Patient", "Personal details", "Name, birth date, address and contact details."},
    {"Practitioner", "Doctors and nurses", "Names of the people who treated you."},
    {"PractitionerRole", "Roles of doctors and nurses", "Where those who treated you work, and as what."},
    {"Procedure", "Operations and procedures", "What was done to you."},
    {"Provenance", "Origin of records", "Who recorded an entry, and when."},
    {"QuestionnaireResponse", "Answered questionnaires", "Questionnaires that you filled in.", true},
    {"RelatedPerson", "Family and carers", "People close to you who are on record."},
    {"ServiceRequest", "Referrals and orders", "Tests and treatments that were ordered for you."},
    {"Specimen", "Samples", "Blood and other samples that were taken."},
    {"Task", "Tasks", "Things to be done for your care."},
    {"fhirUser", "Who you are in the health record", "Which entry of the record describes you."},
    {"launch", "What you were looking at", "The patient and visit that were open when you started the app."},
    {"launch/", "What you were looking at", "An entry that was open when you started the app."},
    {"launch/encounter", "Which visit", "The visit that you choose or that was open."},
    {"launch/patient", "Whose record", "Which person's record you choose."},
    {"offline_access", "Keep access while you are away",
     "The app can read what you allow even when you do not use it, until you end it."},
    {"online_access", "Keep access while you are signed in",
     "The app can read what you allow for as long as you stay signed in."},
    {"openid", "That you signed in", "The app learns that it is you, without your name."},
    {"profile", "Who you are", "The app learns which entry describes you."},
});
static_assert(std::ranges::is_sorted(kWords, {}, &Words::key));
constexpr Words kOtherType{"other", "Other health data", "A kind of record that has no everyday name.", true};
constexpr Words kOtherScope{"unknown", "Something else", "The app asks for something that we have no words for.", true};

constexpr std::string_view kConditionCategory = "http://terminology.hl7.org/CodeSystem/condition-category";
constexpr std::string_view kUsCoreCondition = "http://hl7.org/fhir/us/core/CodeSystem/condition-category";
constexpr std::string_view kObservationCategory = "http://terminology.hl7.org/CodeSystem/observation-category";
constexpr std::string_view kUsCoreCategory = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category";
constexpr std::string_view kUsCoreDocument =
    "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category";

constexpr auto kCategories = std::to_array<Category>({
    {"Condition", kConditionCategory, "encounter-diagnosis", "Diagnoses of visits"},
    {"Condition", kUsCoreCondition, "health-concern", "Health concerns"},
    {"Condition", kConditionCategory, "problem-list-item", "Problem list"},
    {"DocumentReference", kUsCoreDocument, "clinical-note", "Clinical notes"},
    {"Observation", kObservationCategory, "laboratory", "Lab results"},
    {"Observation", kObservationCategory, "procedure", "Clinical tests"},
    {"Observation", kUsCoreCategory, "sdoh", "Living conditions"},
    {"Observation", kObservationCategory, "social-history", "Habits and social history"},
    {"Observation", kObservationCategory, "survey", "Questionnaire results"},
    {"Observation", kObservationCategory, "vital-signs", "Vital signs"},
});

constexpr auto kUsCoreTypes = std::to_array<std::string_view>({"AllergyIntolerance",
                                                               "CarePlan",
                                                               "CareTeam",
                                                               "Condition",
                                                               "Coverage",
                                                               "Device",
                                                               "DiagnosticReport",
                                                               "DocumentReference",
                                                               "Encounter",
                                                               "Goal",
                                                               "Immunization",
                                                               "MedicationDispense",
                                                               "MedicationRequest",
                                                               "Observation",
                                                               "Organization",
                                                               "Patient",
                                                               "Practitioner",
                                                               "PractitionerRole",
                                                               "Procedure",
                                                               "Provenance",
                                                               "QuestionnaireResponse",
                                                               "RelatedPerson",
                                                               "ServiceRequest",
                                                               "Specimen"});

const Words* find_words(std::string_view key) noexcept {
  const auto* const found = std::ranges::lower_bound(kWords, key, {}, &Words::key);
  return found != kWords.end() && found->key == key ? found : nullptr;
}

void put(ScopeFacts& out, const Words& words) {
  out.key = words.key;
  out.title = words.title;
  out.detail = words.detail;
  out.sensitive = words.sensitive;
}

/// The known category that a restriction names alone: "system|code", or the bare code.
const Category* category_of(std::string_view type, const ScopeRestriction& restriction) {
  if (restriction.param != "category" || restriction.any_of.size() != 1) return nullptr;
  const std::string_view value = restriction.any_of.front();
  for (const auto& category : categories_of(type)) {
    const bool with_system = value.size() == category.system.size() + 1 + category.code.size() &&
                             value.starts_with(category.system) && value[category.system.size()] == '|' &&
                             value.ends_with(category.code);
    if (with_system || value == category.code) return &category;
  }
  return nullptr;
}

void resource_facts(ScopeFacts& out, const SmartScope& scope) {
  out.context = scope.context;
  out.type = scope.type;
  out.reads = scope.perms.contains(Perms::letter('r')) || scope.perms.contains(Perms::letter('s'));
  out.writes = !(scope.perms & Perms(Perms::kCreate | Perms::kUpdate | Perms::kDelete)).empty();
  const auto* words = find_words(scope.type);
  put(out, words == nullptr ? kOtherType : *words);
  const auto* const category =
      scope.restrictions.size() == 1 ? category_of(scope.type, scope.restrictions.front()) : nullptr;
  out.other_restriction = !scope.restrictions.empty() && category == nullptr;
  if (category == nullptr) return;
  out.category = category->code;
  words = find_words(scope.type + '/' + out.category);
  if (words != nullptr) put(out, *words);
}

}  // namespace

ScopeFacts facts(const SmartScope& scope) {
  ScopeFacts out;
  switch (scope.kind) {
    case ScopeKind::resource: resource_facts(out, scope); return out;
    case ScopeKind::launch_context: {
      const auto* const words = find_words("launch/" + scope.launch_type);
      put(out, words != nullptr ? *words : *find_words("launch/"));
      return out;
    }
    case ScopeKind::other: break;
    default:
      if (const auto* const words = find_words(scope.canonical())) {
        put(out, *words);
        return out;
      }
  }
  put(out, kOtherScope);
  return out;
}

std::span<const Category> categories_of(std::string_view type) noexcept {
  const auto [first, last] = std::ranges::equal_range(kCategories, type, {}, &Category::type);
  return {first, last};
}

std::vector<SmartScope> split_by_category(const SmartScope& scope) {
  std::vector<SmartScope> out;
  if (scope.kind != ScopeKind::resource || !scope.restrictions.empty()) return out;
  for (const auto& category : categories_of(scope.type)) {
    out.push_back(with_restriction(scope, "category", std::string(category.system).append("|").append(category.code)));
  }
  return out;
}

std::vector<std::string> us_core_granular_scopes(ScopeContext context) {
  std::vector<std::string> out;
  for (const auto& category : kCategories) {
    out.push_back(std::string(name(context))
                      .append("/")
                      .append(category.type)
                      .append(".rs?category=")
                      .append(category.system)
                      .append("|")
                      .append(category.code));
  }
  return out;
}

std::span<const std::string_view> us_core_types() noexcept { return kUsCoreTypes; }

}  // namespace mitral::spec::smart
