#include "sandbox/sample_data.h"

#include <fmt/format.h>

#include <array>

#include "codec/base64url.h"
#include "sandbox/sample_builder.h"

namespace mitral::sandbox::sample {
namespace {

using codec::Json;

constexpr std::string_view kMrn = "https://sample-clinic.example/mrn";

// ------------------------------------------------------------------------------------------------ tables

struct Person {
  std::string_view id, given, family, gender, born, city;
};
constexpr auto kPeople = std::to_array<Person>({
    {kMaria, "Maria", "Sample", "female", "1988-04-12", "Sampleton"},
    {kLeo, "Leo", "Sample", "male", "2017-09-30", "Sampleton"},
    {kNora, "Nora", "Sample", "female", "2026-02-14", "Sampleton"},
    {kStranger, "Otto", "Nobody", "male", "1961-11-03", "Elsewhere"},
});

/// Results of one analyte over time: "date value" pairs separated by commas.
struct Lab {
  std::string_view patient, stem, code, display, unit, ucum, low, high, series;
};
constexpr auto kLabs = std::to_array<Lab>({
    {kMaria, "glucose", "2339-0", "Glucose [Mass/volume] in Blood", "mg/dL", "mg/dL", "70", "99",
     "2024-03-05 92,2025-03-11 97,2025-11-20 104,2026-05-18 101"},
    {kMaria, "hba1c", "4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%", "%", "4.0", "5.6",
     "2024-03-05 5.4,2025-03-11 5.6,2025-11-20 5.9,2026-05-18 5.7"},
    {kMaria, "cholesterol", "2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dL", "100", "199",
     "2024-03-05 188,2025-03-11 196,2026-05-18 191"},
    {kMaria, "hdl", "2085-9", "Cholesterol in HDL [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dL", "50", "90",
     "2024-03-05 58,2025-03-11 55,2026-05-18 57"},
    {kMaria, "ldl", "13457-7", "Cholesterol in LDL [Mass/volume] in Serum or Plasma by calculation", "mg/dL", "mg/dL",
     "50", "129", "2024-03-05 108,2025-03-11 117,2026-05-18 111"},
    {kMaria, "triglycerides", "2571-8", "Triglyceride [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dL", "40", "149",
     "2024-03-05 110,2025-03-11 121,2026-05-18 115"},
    {kMaria, "creatinine", "2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dL", "0.50", "1.10",
     "2024-03-05 0.80,2026-05-18 0.82"},
    {kMaria, "hemoglobin", "718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", "g/dL", "12.0", "15.5",
     "2025-11-20 11.4,2026-02-15 10.9,2026-05-18 12.6"},
    {kMaria, "ferritin", "2276-4", "Ferritin [Mass/volume] in Serum or Plasma", "ng/mL", "ng/mL", "15", "150",
     "2025-11-20 14,2026-05-18 38"},
    {kMaria, "tsh", "3016-3", "Thyrotropin [Units/volume] in Serum or Plasma", "mIU/L", "m[IU]/L", "0.40", "4.00",
     "2026-05-18 2.10"},
    {kLeo, "hemoglobin", "718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", "g/dL", "11.5", "15.5",
     "2026-01-22 12.9"},
    {kLeo, "wbc", "6690-2", "Leukocytes [#/volume] in Blood by Automated count", "10*3/uL", "10*3/uL", "4.5", "13.5",
     "2026-01-22 11.8"},
    {kLeo, "lead", "5671-3", "Lead [Mass/volume] in Blood", "ug/dL", "ug/dL", "0", "3.4", "2024-06-02 1.2"},
    {kNora, "bilirubin", "1975-2", "Bilirubin.total [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dL", "0.3", "12.0",
     "2026-02-16 9.8,2026-02-18 7.1"},
    {kNora, "glucose", "2339-0", "Glucose [Mass/volume] in Blood", "mg/dL", "mg/dL", "45", "90", "2026-02-14 61"},
    {kStranger, "glucose", "2339-0", "Glucose [Mass/volume] in Blood", "mg/dL", "mg/dL", "70", "99",
     "2025-10-01 143,2026-04-09 151"},
    {kStranger, "hba1c", "4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%", "%", "4.0", "5.6",
     "2025-10-01 7.4,2026-04-09 7.8"},
    {kStranger, "psa", "2857-1", "Prostate specific Ag [Mass/volume] in Serum or Plasma", "ng/mL", "ng/mL", "0", "4.0",
     "2026-04-09 3.1"},
});

struct Vital {
  std::string_view patient, stem, code, display, unit, ucum, series;
};
constexpr auto kVitals = std::to_array<Vital>({
    {kMaria, "pulse", "8867-4", "Heart rate", "/min", "/min", "2025-11-20 78,2026-05-18 72"},
    {kMaria, "weight", "29463-7", "Body weight", "kg", "kg", "2025-11-20 71.5,2026-05-18 66.2"},
    {kMaria, "height", "8302-2", "Body height", "cm", "cm", "2025-11-20 168"},
    {kLeo, "weight", "29463-7", "Body weight", "kg", "kg", "2025-09-12 28.4,2026-01-22 29.1"},
    {kLeo, "height", "8302-2", "Body height", "cm", "cm", "2025-09-12 133,2026-01-22 135"},
    {kLeo, "temperature", "8310-5", "Body temperature", "Cel", "Cel", "2026-01-22 38.6"},
    {kNora, "weight", "29463-7", "Body weight", "kg", "kg", "2026-02-14 3.42,2026-02-18 3.31,2026-03-16 4.25"},
    {kNora, "head", "9843-4", "Head Occipital-frontal circumference", "cm", "cm", "2026-02-14 34.5,2026-03-16 36.8"},
    {kStranger, "pulse", "8867-4", "Heart rate", "/min", "/min", "2026-04-09 84"},
    {kStranger, "weight", "29463-7", "Body weight", "kg", "kg", "2026-04-09 95.0"},
});

struct Pressure {
  std::string_view patient, stem, when, systolic, diastolic;
};
constexpr auto kPressures = std::to_array<Pressure>({
    {kMaria, "bp-1", "2025-11-20", "118", "76"},
    {kMaria, "bp-2", "2026-05-18", "114", "72"},
    {kStranger, "bp-1", "2026-04-09", "146", "91"},
});

struct Problem {
  std::string_view patient, stem, category, code, display, onset;
  bool active;
};
constexpr auto kProblems = std::to_array<Problem>({
    {kMaria, "asthma", "problem-list-item", "195967001", "Asthma", "2003-05-01", true},
    {kMaria, "anemia", "problem-list-item", "87522002", "Iron deficiency anemia", "2025-11-20", true},
    {kMaria, "pregnancy", "encounter-diagnosis", "72892002", "Normal pregnancy", "2025-06-02", false},
    {kMaria, "worry", "health-concern", "48694002", "Anxiety", "2026-03-01", true},
    {kLeo, "otitis", "encounter-diagnosis", "65363002", "Otitis media", "2026-01-22", false},
    {kLeo, "pollen", "problem-list-item", "21719001", "Allergic rhinitis caused by pollen", "2023-04-15", true},
    {kNora, "jaundice", "encounter-diagnosis", "387712008", "Neonatal jaundice", "2026-02-16", false},
    {kStranger, "diabetes", "problem-list-item", "44054006", "Diabetes mellitus type 2", "2016-08-20", true},
    {kStranger, "hypertension", "problem-list-item", "59621000", "Essential hypertension", "2012-02-10", true},
});

struct Drug {
  std::string_view patient, stem, rxnorm, display, dosage, authored, status;
};
constexpr auto kDrugs = std::to_array<Drug>({
    {kMaria, "albuterol", "745679", "Albuterol 0.09 MG/ACTUAT inhaler", "One or two puffs when breathing is hard",
     "2024-03-05", "active"},
    {kMaria, "iron", "310325", "Ferrous sulfate 325 MG oral tablet", "One tablet every other day", "2025-11-20",
     "active"},
    {kLeo, "amoxicillin", "308189", "Amoxicillin 80 MG/ML oral suspension", "10 mL twice a day for 7 days",
     "2026-01-22", "completed"},
    {kNora, "vitamin-d", "1244014", "Cholecalciferol 400 UNT/ML oral solution", "1 mL once a day", "2026-02-18",
     "active"},
    {kStranger, "metformin", "861007", "Metformin hydrochloride 500 MG oral tablet", "One tablet twice a day",
     "2016-08-20", "active"},
});

struct Shot {
  std::string_view patient, stem, cvx, display, when;
};
constexpr auto kShots = std::to_array<Shot>({
    {kMaria, "tdap", "115", "Tdap", "2025-12-01"},
    {kMaria, "influenza", "150", "Influenza, injectable, quadrivalent, preservative free", "2025-10-10"},
    {kLeo, "mmr", "03", "MMR", "2018-10-02"},
    {kLeo, "dtap", "20", "DTaP", "2021-10-05"},
    {kNora, "hepb", "08", "Hep B, adolescent or pediatric", "2026-02-14"},
    {kStranger, "influenza", "150", "Influenza, injectable, quadrivalent, preservative free", "2025-10-21"},
});

struct Visit {
  std::string_view patient, stem, code, display, start, end, kind;
};
constexpr auto kVisits = std::to_array<Visit>({
    {kMaria, "visit-1", "185349003", "Encounter for check up", "2026-05-18T09:00:00Z", "2026-05-18T09:40:00Z", "AMB"},
    {kMaria, "visit-2", "424441002", "Prenatal initial visit", "2025-07-07T13:00:00Z", "2025-07-07T13:45:00Z", "AMB"},
    {kMaria, "birth", "183460006", "Obstetric emergency hospital admission", "2026-02-13T21:10:00Z",
     "2026-02-17T10:00:00Z", "IMP"},
    {kLeo, "visit-1", "185345009", "Encounter for symptom", "2026-01-22T15:20:00Z", "2026-01-22T15:45:00Z", "AMB"},
    {kNora, "birth", "53923005", "Born in hospital", "2026-02-14T04:32:00Z", "2026-02-17T10:00:00Z", "IMP"},
    {kStranger, "visit-1", "185349003", "Encounter for check up", "2026-04-09T08:00:00Z", "2026-04-09T08:30:00Z",
     "AMB"},
});

// ------------------------------------------------------------------------------------------------ from tables

std::string id_of(std::string_view patient, std::string_view stem) { return fmt::format("{}-{}", patient, stem); }

/// Calls with (number from 1, date, value) for every pair of a series.
template <class Visit>
void each_result(std::string_view series, const Visit& visit) {
  for (int n = 1; !series.empty(); ++n) {
    const auto comma = series.find(',');
    const auto pair = series.substr(0, comma);
    const auto space = pair.find(' ');
    visit(n, pair.substr(0, space), pair.substr(space + 1));
    series.remove_prefix(comma == std::string_view::npos ? series.size() : comma + 1);
  }
}

void add_person(BundleBuilder& out, const Person& person) {
  Json patient = resource("Patient", person.id);
  patient.set("identifier", one(identifier(kMrn, fmt::format("MRN-{}", person.id))));
  patient.set("active", true);
  patient.set(
      "name",
      one(Json::object({{"use", "official"}, {"family", person.family}, {"given", Json::array({person.given})}})));
  patient.set("telecom", one(Json::object({{"system", "phone"}, {"value", "555-0100"}, {"use", "home"}})));
  patient.set("gender", person.gender);
  patient.set("birthDate", person.born);
  patient.set("address", one(Json::object({{"use", "home"},
                                           {"line", Json::array({"1 Sample Street"})},
                                           {"city", person.city},
                                           {"postalCode", "00000"}})));
  patient.set("generalPractitioner", one(ref("Practitioner", kPractitioner)));
  patient.set("managingOrganization", ref("Organization", kOrganization));
  out.add(std::move(patient));
}

void add_labs(BundleBuilder& out, std::string_view patient) {
  for (const auto& lab : kLabs) {
    if (lab.patient != patient) continue;
    each_result(lab.series, [&](int n, std::string_view date, std::string_view value) {
      Json result = observation(fmt::format("{}-{}-{}", patient, lab.stem, n), patient, "laboratory",
                                loinc(lab.code, lab.display), fmt::format("{}T08:00:00Z", date));
      result.set("issued", fmt::format("{}T14:00:00Z", date));
      result.set("performer", one(ref("Organization", kOrganization)));
      result.set("valueQuantity", quantity(value, lab.unit, lab.ucum));
      result.set("referenceRange", one(Json::object({{"low", quantity(lab.low, lab.unit, lab.ucum)},
                                                     {"high", quantity(lab.high, lab.unit, lab.ucum)}})));
      out.add(std::move(result));
    });
  }
}

void add_vitals(BundleBuilder& out, std::string_view patient) {
  for (const auto& vital : kVitals) {
    if (vital.patient != patient) continue;
    each_result(vital.series, [&](int n, std::string_view date, std::string_view value) {
      Json result = observation(fmt::format("{}-{}-{}", patient, vital.stem, n), patient, "vital-signs",
                                loinc(vital.code, vital.display), fmt::format("{}T09:05:00Z", date));
      result.set("valueQuantity", quantity(value, vital.unit, vital.ucum));
      out.add(std::move(result));
    });
  }
  for (const auto& pressure : kPressures) {
    if (pressure.patient != patient) continue;
    Json result = observation(id_of(patient, pressure.stem), patient, "vital-signs",
                              loinc("85354-9", "Blood pressure panel"), fmt::format("{}T09:05:00Z", pressure.when));
    Json parts = Json::array();
    parts.push_back(Json::object({{"code", loinc("8480-6", "Systolic blood pressure")},
                                  {"valueQuantity", quantity(pressure.systolic, "mmHg", "mm[Hg]")}}));
    parts.push_back(Json::object({{"code", loinc("8462-4", "Diastolic blood pressure")},
                                  {"valueQuantity", quantity(pressure.diastolic, "mmHg", "mm[Hg]")}}));
    result.set("component", std::move(parts));
    out.add(std::move(result));
  }
}

void add_problems(BundleBuilder& out, std::string_view patient) {
  for (const auto& problem : kProblems) {
    if (problem.patient != patient) continue;
    Json condition = resource("Condition", id_of(patient, problem.stem));
    condition.set("clinicalStatus",
                  codes("http://terminology.hl7.org/CodeSystem/condition-clinical",
                        problem.active ? "active" : "resolved", problem.active ? "Active" : "Resolved"));
    condition.set("verificationStatus",
                  codes("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed", "Confirmed"));
    const bool us_core = problem.category == "health-concern";
    condition.set("category", one(codes(us_core ? "http://hl7.org/fhir/us/core/CodeSystem/condition-category"
                                                : "http://terminology.hl7.org/CodeSystem/condition-category",
                                        problem.category, problem.category)));
    condition.set("code", snomed(problem.code, problem.display));
    condition.set("subject", ref("Patient", patient));
    condition.set("onsetDateTime", problem.onset);
    condition.set("recordedDate", problem.onset);
    out.add(std::move(condition));
  }
}

void add_drugs(BundleBuilder& out, std::string_view patient) {
  for (const auto& drug : kDrugs) {
    if (drug.patient != patient) continue;
    Json request = resource("MedicationRequest", id_of(patient, drug.stem));
    request.set("status", drug.status);
    request.set("intent", "order");
    request.set("medicationCodeableConcept",
                codes("http://www.nlm.nih.gov/research/umls/rxnorm", drug.rxnorm, drug.display));
    request.set("subject", ref("Patient", patient));
    request.set("authoredOn", drug.authored);
    request.set("requester", ref("Practitioner", kPractitioner));
    request.set("dosageInstruction", one(Json::object({{"text", drug.dosage}})));
    out.add(std::move(request));
  }
}

void add_shots(BundleBuilder& out, std::string_view patient) {
  for (const auto& shot : kShots) {
    if (shot.patient != patient) continue;
    Json immunization = resource("Immunization", id_of(patient, shot.stem));
    immunization.set("status", "completed");
    immunization.set("vaccineCode", codes("http://hl7.org/fhir/sid/cvx", shot.cvx, shot.display));
    immunization.set("patient", ref("Patient", patient));
    immunization.set("occurrenceDateTime", shot.when);
    immunization.set("primarySource", true);
    out.add(std::move(immunization));
  }
}

void add_visits(BundleBuilder& out, std::string_view patient) {
  for (const auto& visit : kVisits) {
    if (visit.patient != patient) continue;
    Json encounter = resource("Encounter", id_of(patient, visit.stem));
    encounter.set("identifier", one(identifier("https://sample-clinic.example/visit", id_of(patient, visit.stem))));
    encounter.set("status", "finished");
    encounter.set("class", coding("http://terminology.hl7.org/CodeSystem/v3-ActCode", visit.kind,
                                  visit.kind == "AMB" ? "ambulatory" : "inpatient encounter"));
    encounter.set("type", one(snomed(visit.code, visit.display)));
    encounter.set("subject", ref("Patient", patient));
    encounter.set("participant", one(Json::object({{"individual", ref("Practitioner", kPractitioner)}})));
    encounter.set("period", Json::object({{"start", visit.start}, {"end", visit.end}}));
    encounter.set("location", one(Json::object({{"location", ref("Location", kLocation)}})));
    encounter.set("serviceProvider", ref("Organization", kOrganization));
    out.add(std::move(encounter));
  }
}

/// A smoking status, an allergy, a laboratory report and a note with its text.
void add_singles(BundleBuilder& out, std::string_view patient, std::string_view allergen,
                 std::string_view allergen_code, std::string_view report_date, std::string_view note) {
  if (patient == kMaria || patient == kStranger) {
    Json smoking = observation(id_of(patient, "smoking"), patient, "social-history",
                               loinc("72166-2", "Tobacco smoking status"), report_date);
    smoking.set("valueCodeableConcept", snomed("266919005", "Never smoked tobacco"));
    out.add(std::move(smoking));
  }
  if (!allergen.empty()) {
    Json allergy = resource("AllergyIntolerance", id_of(patient, "allergy"));
    allergy.set("clinicalStatus",
                codes("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "active", "Active"));
    allergy.set("verificationStatus", codes("http://terminology.hl7.org/CodeSystem/allergyintolerance-verification",
                                            "confirmed", "Confirmed"));
    allergy.set("code", snomed(allergen_code, allergen));
    allergy.set("patient", ref("Patient", patient));
    out.add(std::move(allergy));
  }
  Json report = resource("DiagnosticReport", id_of(patient, "report"));
  report.set("status", "final");
  report.set("category", one(codes("http://terminology.hl7.org/CodeSystem/v2-0074", "LAB", "Laboratory")));
  report.set("code", loinc("11502-2", "Laboratory report"));
  report.set("subject", ref("Patient", patient));
  report.set("effectiveDateTime", report_date);
  report.set("issued", fmt::format("{}T15:00:00Z", report_date));
  report.set("performer", one(ref("Organization", kOrganization)));
  report.set("result", one(ref("Observation", id_of(patient, patient == kLeo ? "hemoglobin-1" : "glucose-1"))));
  out.add(std::move(report));

  const auto text_id = id_of(patient, "note-text");
  Json binary = resource("Binary", text_id);
  binary.set("contentType", "text/plain");
  binary.set("securityContext", ref("Patient", patient));
  binary.set("data", codec::base64_encode(note));
  out.add(std::move(binary));
  Json document = resource("DocumentReference", id_of(patient, "note"));
  document.set("status", "current");
  document.set("type", loinc("11506-3", "Progress note"));
  document.set("category", one(codes("http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category",
                                     "clinical-note", "Clinical Note")));
  document.set("subject", ref("Patient", patient));
  document.set("date", fmt::format("{}T16:00:00Z", report_date));
  document.set("author", one(ref("Practitioner", kPractitioner)));
  document.set(
      "content",
      one(Json::object({{"attachment", Json::object({{"contentType", "text/plain"}, {"url", "Binary/" + text_id}})}})));
  out.add(std::move(document));
}

Json record_of(const Person& person) {
  BundleBuilder out;
  add_person(out, person);
  add_visits(out, person.id);
  add_labs(out, person.id);
  add_vitals(out, person.id);
  add_problems(out, person.id);
  add_drugs(out, person.id);
  add_shots(out, person.id);
  if (person.id == kMaria) {
    add_singles(out, kMaria, "Penicillin", "764146007", "2026-05-18",
                "Maria feels well. Iron to be continued for three months.");
  } else if (person.id == kLeo) {
    add_singles(out, kLeo, "Peanut", "762952008", "2026-01-22",
                "Leo has an infected ear. Back to school when free of fever.");
  } else if (person.id == kNora) {
    add_singles(out, kNora, {}, {}, "2026-02-16", "Nora drinks well. Jaundice is going down.");
  } else {
    add_singles(out, kStranger, "Latex", "111088007", "2026-04-09", "Otto's sugar is too high. Diet was discussed.");
  }
  return out.take();
}

// ------------------------------------------------------------------------------------------------ shared and traps

Json shared_entries() {
  BundleBuilder out;
  Json organization = resource("Organization", kOrganization);
  organization.set("identifier", one(identifier("http://hl7.org/fhir/sid/us-npi", "1234567893")));
  organization.set("active", true);
  organization.set("name", "Sample Clinic");
  organization.set("address", one(Json::object({{"city", "Sampleton"}})));
  out.add(std::move(organization));
  Json practitioner = resource("Practitioner", kPractitioner);
  practitioner.set("identifier", one(identifier("http://hl7.org/fhir/sid/us-npi", "1999999992")));
  practitioner.set(
      "name",
      one(Json::object({{"family", "Example"}, {"given", Json::array({"Ada"})}, {"prefix", Json::array({"Dr."})}})));
  out.add(std::move(practitioner));
  Json role = resource("PractitionerRole", kPractitionerRole);
  role.set("practitioner", ref("Practitioner", kPractitioner));
  role.set("organization", ref("Organization", kOrganization));
  role.set("specialty", one(codes("http://nucc.org/provider-taxonomy", "207Q00000X", "Family Medicine")));
  out.add(std::move(role));
  Json location = resource("Location", kLocation);
  location.set("status", "active");
  location.set("name", "Sample Ward");
  location.set("address", Json::object({{"city", "Sampleton"}}));
  out.add(std::move(location));
  return out.take();
}

Json family_entries() {
  BundleBuilder out;
  for (const auto& [id, child] : {std::pair(kMariaForLeo, kLeo), std::pair(kMariaForNora, kNora)}) {
    Json proxy = resource("RelatedPerson", id);
    proxy.set("active", true);
    proxy.set("patient", ref("Patient", child));
    proxy.set("relationship", one(codes("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "MTH", "mother")));
    proxy.set("name", one(Json::object({{"family", "Sample"}, {"given", Json::array({"Maria"})}})));
    out.add(std::move(proxy));
  }
  Json fetal =
      observation(kFetalHeartRate, kMaria, "exam", loinc("55283-6", "Fetal heart rate"), "2026-02-13T22:00:00Z");
  fetal.set("focus", one(ref("Patient", kNora)));
  fetal.set("valueQuantity", quantity("142", "/min", "/min"));
  out.add(std::move(fetal));
  Json born_with =
      observation("nora-apgar", kNora, "survey", loinc("9274-2", "5 minute Apgar Score"), "2026-02-14T04:37:00Z");
  born_with.set("valueQuantity", quantity("9", "{score}", "{score}"));
  born_with.set("performer", one(ref("Patient", kMaria)));
  out.add(std::move(born_with));
  return out.take();
}

Json both() {
  Json out = Json::array();
  out.push_back(ref("Patient", kMaria));
  out.push_back(ref("Patient", kStranger));
  return out;
}

void add_traps_naming_two(BundleBuilder& out) {
  Json group = resource("Group", kGroupOfTwo);
  group.set("type", "person");
  group.set("actual", true);
  Json members = Json::array();
  for (const auto& patient : both().items()) members.push_back(Json::object({{"entity", patient}}));
  group.set("member", std::move(members));
  out.add(std::move(group));
  Json person = resource("Person", kPersonOfTwo);
  Json links = Json::array();
  for (const auto& patient : both().items())
    links.push_back(Json::object({{"target", patient}, {"assurance", "level1"}}));
  person.set("link", std::move(links));
  out.add(std::move(person));
  for (const auto& [id, targets] : {std::pair(kProvenanceOfTwo,
                                              [] {
                                                Json all = both();
                                                all.push_back(ref("Observation", kMariaLab));
                                                all.push_back(ref("Observation", kStrangerLab));
                                                return all;
                                              }()),
                                    std::pair(kProvenanceOfMaria, one(ref("Observation", kMariaLab)))}) {
    Json provenance = resource("Provenance", id);
    provenance.set("target", targets);
    provenance.set("recorded", "2026-05-18T15:00:00Z");
    provenance.set("agent", one(Json::object({{"who", ref("Practitioner", kPractitioner)},
                                              {"onBehalfOf", ref("Organization", kOrganization)}})));
    out.add(std::move(provenance));
  }
}

void add_traps_of_subject(BundleBuilder& out) {
  Json two = observation(kTwoCategories, kMaria, "laboratory", loinc("59408-5", "Oxygen saturation by pulse oximetry"),
                         "2026-05-18T09:06:00Z");
  two.find("category")->push_back(observation_category("vital-signs"));
  two.set("valueQuantity", quantity("98", "%", "%"));
  out.add(std::move(two));
  Json by_identifier = observation(kIdentifierOnly, kMaria, "laboratory", loinc("2339-0", "Glucose"), "2026-05-18");
  by_identifier.set("subject", Json::object({{"identifier", identifier(kMrn, "MRN-maria")}}));
  out.add(std::move(by_identifier));
  Json contained = observation(kContainedSubject, kMaria, "laboratory", loinc("2339-0", "Glucose"), "2026-05-18");
  Json inner = resource("Patient", "inner");
  inner.set("name", one(Json::object({{"family", "Nobody"}, {"given", Json::array({"Otto"})}})));
  contained.set("contained", one(std::move(inner)));
  contained.set("subject", Json::object({{"reference", "#inner"}}));
  out.add(std::move(contained));
  Json group = observation(kGroupSubject, kMaria, "survey", loinc("55758-7", "PHQ-2 total score"), "2026-05-18");
  group.set("subject", ref("Group", kGroupOfTwo));
  out.add(std::move(group));
  Json moved = observation(kMovedObservation, kStranger, "laboratory", loinc("2339-0", "Glucose"), "2026-04-09");
  moved.set("valueQuantity", quantity("151", "mg/dL", "mg/dL"));
  out.add(std::move(moved));
  Json deleted = observation(kDeletedObservation, kMaria, "laboratory", loinc("2339-0", "Glucose"), "2026-05-01");
  deleted.set("valueQuantity", quantity("90", "mg/dL", "mg/dL"));
  out.add(std::move(deleted));
}

struct Scan {
  std::string_view id;
  std::string_view patient;  ///< or nobody
  std::string_view type;
  std::string_view content;
};
constexpr auto kScans = std::to_array<Scan>({
    {kScanOfMaria, kMaria, "application/pdf", "%PDF-1.7 scan of Maria"},
    {kScanOfStranger, kStranger, "application/pdf", "%PDF-1.7 scan of the stranger"},
    {kScanOfNobody, "", "application/pdf", "%PDF-1.7 scan of nobody"},
    {kPageOfMaria, kMaria, "text/html", "<script>alert(1)</script>"},
});

/// Attachments whose Binary does not say whose it is, and documents put together from records.
void add_traps_of_documents(BundleBuilder& out) {
  for (const auto& scan : kScans) {
    Json binary = resource("Binary", scan.id);
    binary.set("contentType", scan.type);
    binary.set("data", codec::base64_encode(scan.content));
    out.add(std::move(binary));
    if (scan.patient.empty()) continue;
    Json document = resource("DocumentReference", fmt::format("{}-doc", scan.id));
    document.set("status", "current");
    document.set("type", loinc("34133-9", "Summary of episode note"));
    document.set("subject", ref("Patient", scan.patient));
    document.set("date", "2026-05-18T16:00:00Z");
    document.set(
        "content",
        one(Json::object(
            {{"attachment", Json::object({{"contentType", scan.type}, {"url", fmt::format("Binary/{}", scan.id)}})}})));
    out.add(std::move(document));
  }
  for (const auto& [id, with_stranger] : {std::pair(kSummaryOfMaria, false), std::pair(kSummaryOfTwo, true)}) {
    Json summary = resource("Composition", id);
    summary.set("status", "final");
    summary.set("type", loinc("60591-5", "Patient summary Document"));
    summary.set("subject", ref("Patient", kMaria));
    summary.set("date", "2026-05-18T17:00:00Z");
    summary.set("author", one(ref("Practitioner", kPractitioner)));
    summary.set("title", "Summary");
    Json entries = one(ref("Observation", kMariaLab));
    if (with_stranger) entries.push_back(ref("Observation", kStrangerLab));
    summary.set("section", one(Json::object({{"title", "Results"}, {"entry", std::move(entries)}})));
    out.add(std::move(summary));
  }
}

Json trap_entries() {
  BundleBuilder out;
  add_traps_naming_two(out);
  add_traps_of_subject(out);
  add_traps_of_documents(out);
  Json pacemaker = resource("Device", kDeviceOfMaria);
  pacemaker.set("status", "active");
  pacemaker.set("type", snomed("14106009", "Cardiac pacemaker"));
  pacemaker.set("patient", ref("Patient", kMaria));
  out.add(std::move(pacemaker));
  Json scale = resource("Device", kDeviceOfNobody);
  scale.set("status", "active");
  scale.set("type", snomed("469204003", "Infant scale"));
  scale.set("owner", ref("Organization", kOrganization));
  out.add(std::move(scale));
  return out.take();
}

/// The second version of an entry that was recorded for the wrong patient.
Json correction() {
  BundleBuilder out;
  Json moved = observation(kMovedObservation, kMaria, "laboratory", loinc("2339-0", "Glucose"), "2026-04-09");
  moved.set("valueQuantity", quantity("95", "mg/dL", "mg/dL"));
  out.add(std::move(moved));
  return out.take();
}

}  // namespace

std::vector<Json> bundles() {
  std::vector<Json> out;
  out.push_back(shared_entries());
  for (const auto& person : kPeople) out.push_back(record_of(person));
  out.push_back(family_entries());
  out.push_back(trap_entries());
  out.push_back(correction());
  return out;
}

Result<> load_samples(Sandbox& sandbox) {
  for (const auto& bundle : bundles()) MITRAL_CHECK(sandbox.load_bundle(bundle));
  sandbox.remove("Observation", kDeletedObservation);
  return {};
}

}  // namespace mitral::sandbox::sample
