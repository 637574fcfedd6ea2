// Search conditions evaluated on resources (FHIR R4 search.html §3.1.1).
#include <gtest/gtest.h>

#include "base/limits.h"
#include "fhir/search_params.h"

namespace mitral::fhir {
namespace {

using codec::Json;

constexpr std::string_view kBase = "https://gw.example/fhir";

Json json(std::string_view text) {
  auto parsed = Json::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? std::move(*parsed) : Json();
}

bool hit(const Json& resource, std::string_view name, std::string_view value) {
  const auto got = matches(resource, name, value, kBase);
  EXPECT_TRUE(got) << name << '=' << value;
  return got && *got;
}
bool refused(std::string_view type, std::string_view name, std::string_view value) {
  return !parse_condition(type, name, value);
}

const Json& lab() {
  static const Json resource = json(R"({
    "resourceType":"Observation","id":"o1","meta":{"lastUpdated":"2026-01-02T03:04:05.678Z","tag":[{"system":"s","code":"t"}]},
    "status":"final",
    "category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]},
                {"coding":[{"code":"bare"}]}],
    "code":{"coding":[{"system":"http://loinc.org","code":"2339-0"},{"system":"urn:local","code":"a,b|c"}],"text":"Glucose"},
    "subject":{"reference":"Patient/p1"},"encounter":{"reference":"https://gw.example/fhir/Encounter/e1/_history/2"},
    "effectiveDateTime":"2026-03-10T08:30:00+01:00","identifier":[{"system":"urn:acc","value":"42"},{"value":"7"}],
    "valueQuantity":{"value":5.4,"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"}})");
  return resource;
}

TEST(Search, TokenSystemsAndCodes) {
  EXPECT_TRUE(hit(lab(), "category", "laboratory"));
  EXPECT_TRUE(hit(lab(), "category", "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"));
  EXPECT_TRUE(hit(lab(), "category", "http://terminology.hl7.org/CodeSystem/observation-category|"));
  EXPECT_FALSE(hit(lab(), "category", "http://elsewhere|laboratory"));
  EXPECT_FALSE(hit(lab(), "category", "|laboratory")) << "it has a system";
  EXPECT_TRUE(hit(lab(), "category", "|bare"));
  EXPECT_TRUE(hit(lab(), "category", "bare"));
  EXPECT_FALSE(hit(lab(), "category", "http://terminology.hl7.org/CodeSystem/observation-category|bare"))
      << "data without a system does not match a system";
  EXPECT_FALSE(hit(lab(), "category", "Laboratory")) << "a restriction must not match more than it says";
  EXPECT_FALSE(hit(lab(), "category", "labor"));
}

TEST(Search, TokenOrAndEscapes) {
  EXPECT_TRUE(hit(lab(), "code", "x,y,2339-0"));
  EXPECT_TRUE(hit(lab(), "code", R"(urn:local|a\,b\|c)"));
  EXPECT_FALSE(hit(lab(), "code", "urn:local|a"));
  EXPECT_TRUE(refused("Observation", "code", "a|b|c"));
  EXPECT_TRUE(refused("Observation", "code", R"(a\x)"));
  EXPECT_TRUE(refused("Observation", "code", R"(a\)"));
  EXPECT_TRUE(refused("Observation", "code", "a,,b"));
  EXPECT_TRUE(refused("Observation", "code", ""));
  EXPECT_TRUE(refused("Observation", "code", "|"));
}

TEST(Search, TokenOnOtherShapes) {
  EXPECT_TRUE(hit(lab(), "status", "final"));
  EXPECT_FALSE(hit(lab(), "status", "http://hl7.org/fhir/observation-status|final")) << "a plain code names no system";
  EXPECT_TRUE(hit(lab(), "identifier", "urn:acc|42"));
  EXPECT_TRUE(hit(lab(), "identifier", "|7"));
  EXPECT_FALSE(hit(lab(), "identifier", "urn:acc|7"));
  EXPECT_TRUE(hit(lab(), "_id", "o1"));
  EXPECT_TRUE(hit(lab(), "_tag", "s|t"));
  const auto patient = json(
      R"({"resourceType":"Patient","active":true,"telecom":[{"system":"phone","value":"1"},{"system":"email","value":"a@b.example"}]})");
  EXPECT_TRUE(hit(patient, "active", "true"));
  EXPECT_TRUE(hit(patient, "email", "a@b.example"));
  EXPECT_FALSE(hit(patient, "phone", "a@b.example")) << "the filter of the path holds";
}

TEST(Search, Modifiers) {
  EXPECT_TRUE(hit(lab(), "category:not", "vital-signs"));
  EXPECT_FALSE(hit(lab(), "category:not", "vital-signs,laboratory"));
  EXPECT_TRUE(hit(lab(), "specimen:missing", "true"));
  EXPECT_FALSE(hit(lab(), "subject:missing", "true"));
  EXPECT_TRUE(refused("Observation", "subject:missing", "maybe"));
  for (const auto* name : {"code:in",
                           "code:below",
                           "code:above",
                           "code:text",
                           "code:not-in",
                           "subject:nonsense",
                           "subject:not",
                           "code:exact",
                           "subject.name",
                           "subject:Patient.name",
                           "_has:Provenance:target:agent",
                           "_filter",
                           "_text",
                           "_content",
                           "_query",
                           "_list",
                           "",
                           "Code",
                           "code:",
                           "date:ap"}) {
    EXPECT_TRUE(refused("Observation", name, "x")) << name;
  }
  EXPECT_TRUE(refused("NoSuchType", "code", "x"));
}

TEST(Search, References) {
  for (const auto* same : {"p1", "Patient/p1", "https://gw.example/fhir/Patient/p1"}) {
    EXPECT_TRUE(hit(lab(), "patient", same)) << same;
    EXPECT_TRUE(hit(lab(), "subject", same)) << same;
  }
  for (const auto* other :
       {"p2", "Patient/p2", "Group/p1", "https://other.example/fhir/Patient/p1", "Patient/p1/_history/1"}) {
    EXPECT_FALSE(hit(lab(), "patient", other)) << other;
  }
  EXPECT_TRUE(hit(lab(), "subject:Patient", "p1"));
  EXPECT_FALSE(hit(lab(), "subject:Group", "p1"));
  EXPECT_TRUE(hit(lab(), "encounter", "e1"));
  EXPECT_TRUE(hit(lab(), "encounter", "Encounter/e1/_history/2"));
  const auto group = json(R"({"resourceType":"Observation","subject":{"reference":"Group/p1"}})");
  EXPECT_FALSE(hit(group, "patient", "p1")) << "patient counts only Patients";
  EXPECT_TRUE(hit(group, "subject", "Group/p1"));
  const auto by_identifier =
      json(R"({"resourceType":"Observation","subject":{"identifier":{"system":"s","value":"p1"}}})");
  EXPECT_FALSE(hit(by_identifier, "patient", "p1"));
  EXPECT_TRUE(hit(by_identifier, "subject:identifier", "s|p1"));
  const auto answer =
      json(R"({"resourceType":"QuestionnaireResponse","questionnaire":"http://q.example/Questionnaire/1|2.0"})");
  EXPECT_TRUE(hit(answer, "questionnaire", "http://q.example/Questionnaire/1"));
  EXPECT_FALSE(hit(answer, "questionnaire", "http://q.example/Questionnaire"));
}

TEST(Search, Dates) {
  for (const auto* yes : {"2026", "2026-03", "2026-03-10", "eq2026-03-10", "2026-03-10T07:30:00Z", "2026-03-10T07:30Z",
                          "ge2026-03-10", "le2026-03-10", "gt2026-03-09", "lt2026-03-11", "ne2025", "sa2026-03-09",
                          "eb2026-03-11", "2026-03-10T08:30:00+01:00"}) {
    EXPECT_TRUE(hit(lab(), "date", yes)) << yes;
  }
  for (const auto* no : {"2025", "2026-03-11", "gt2026-03-10", "lt2026-03-10", "ne2026", "sa2026-03-10", "eb2026-03-10",
                         "2026-03-10T08:30:00Z"}) {
    EXPECT_FALSE(hit(lab(), "date", no)) << no;
  }
  for (const auto* bad :
       {"yesterday", "2026-13", "2026-02-30", "2026-3-1", "ap2026", "xx2026", "2026-01-01T25:00", "2026-01-01T10",
        "20260101", "2026-01-01T10:00:00.Z", "2026-01-01T10:00:00+25:00", "0000", "2026-01-01 10:00"}) {
    EXPECT_TRUE(refused("Observation", "date", bad)) << bad;
  }
  EXPECT_TRUE(hit(lab(), "_lastUpdated", "gt2026-01-02T03:04:05Z") == false) << "within the second";
  EXPECT_TRUE(hit(lab(), "_lastUpdated", "ge2026-01-02"));
  const auto visit = json(R"({"resourceType":"Encounter","period":{"start":"2026-01-01","end":"2026-01-31"}})");
  EXPECT_TRUE(hit(visit, "date", "2026-01"));
  EXPECT_FALSE(hit(visit, "date", "2026-01-15")) << "the day does not contain the period";
  EXPECT_TRUE(hit(visit, "date", "gt2026-01-15"));
  EXPECT_TRUE(hit(visit, "date", "lt2026-01-15"));
  const auto open = json(R"({"resourceType":"Encounter","period":{"start":"2026-01-01"}})");
  EXPECT_TRUE(hit(open, "date", "gt2099"));
  EXPECT_FALSE(hit(json(R"({"resourceType":"Encounter","period":{}})"), "date", "gt1900"));
}

TEST(Search, DateRangesAreExact) {
  EXPECT_EQ(parse_date_range("1970")->from, 0);
  EXPECT_EQ(parse_date_range("1970-01-01T00:00:01Z")->from, 1'000'000);
  EXPECT_EQ(parse_date_range("1970-01-01T00:00:00.5Z")->from, 500'000);
  EXPECT_EQ(parse_date_range("1970-01-01T00:00:00.5Z")->to, 600'000);
  EXPECT_EQ(parse_date_range("1970-01-01T01:00:00+01:00")->from, 0);
  EXPECT_EQ(parse_date_range("2024-02-29")->to - parse_date_range("2024-02-29")->from, 86'400'000'000);
}

TEST(Search, StringsNumbersUris) {
  const auto patient = json(
      R"({"resourceType":"Patient","name":[{"family":"Sample","given":["Maria","Eva"]}],"address":[{"city":"Bern","line":["Main 1"]}]})");
  EXPECT_TRUE(hit(patient, "name", "mar"));
  EXPECT_TRUE(hit(patient, "name", "SAMPLE"));
  EXPECT_TRUE(hit(patient, "given", "eva"));
  EXPECT_FALSE(hit(patient, "family", "eva"));
  EXPECT_FALSE(hit(patient, "family", "ample"));
  EXPECT_TRUE(hit(patient, "family:contains", "ample"));
  EXPECT_FALSE(hit(patient, "family:exact", "sample"));
  EXPECT_TRUE(hit(patient, "family:exact", "Sample"));
  EXPECT_TRUE(hit(patient, "address", "main"));
  EXPECT_TRUE(hit(patient, "address-city", "bern"));
  for (const auto* yes : {"5.4", "5", "gt5", "le5.4", "5.4|http://unitsofmeasure.org|mmol/L", "5.4||mmol/L", "lt1e1"}) {
    EXPECT_TRUE(hit(lab(), "value-quantity", yes)) << yes;
  }
  for (const auto* no : {"5.5", "5.40001", "gt5.4", "5.4|http://unitsofmeasure.org|mg/dL", "6"})
    EXPECT_FALSE(hit(lab(), "value-quantity", no)) << no;
  for (const auto* bad : {"five", "5.4|a", "5.4||", "+5"})
    EXPECT_TRUE(refused("Observation", "value-quantity", bad)) << bad;
  const auto profiled = json(R"({"resourceType":"Observation","meta":{"profile":["http://p.example/x"]}})");
  EXPECT_TRUE(hit(profiled, "_profile", "http://p.example/x"));
  EXPECT_FALSE(hit(profiled, "_profile", "http://p.example/"));
}

TEST(Search, TableHasWhatUsCoreNeeds) {
  struct Need {
    std::string_view type;
    std::string_view names;
  };
  constexpr auto kNeeds = std::to_array<Need>({
      {"AllergyIntolerance", "patient clinical-status"},
      {"CarePlan", "patient category date status"},
      {"CareTeam", "patient status role"},
      {"Condition",
       "patient category clinical-status code encounter onset-date abatement-date recorded-date asserted-date"},
      {"Coverage", "patient"},
      {"Device", "patient type status"},
      {"DiagnosticReport", "patient category code date status"},
      {"DocumentReference", "_id patient category date type status period"},
      {"Encounter", "_id patient class date identifier type status location discharge-disposition"},
      {"Goal", "patient lifecycle-status target-date description"},
      {"Immunization", "patient date status"},
      {"Location", "name address address-city address-state address-postalcode"},
      {"MedicationDispense", "patient status type"},
      {"MedicationRequest", "patient intent status encounter authoredon"},
      {"Observation", "patient category code date status _lastUpdated"},
      {"Organization", "name address"},
      {"Patient", "_id birthdate family gender given identifier name death-date"},
      {"Practitioner", "_id name identifier"},
      {"PractitionerRole", "specialty practitioner"},
      {"Procedure", "patient date code status"},
      {"Provenance", "target patient"},
      {"QuestionnaireResponse", "_id patient authored questionnaire status"},
      {"RelatedPerson", "_id patient name"},
      {"ServiceRequest", "_id patient category code authored status"},
      {"Specimen", "_id patient"},
  });
  for (const auto& [type, names] : kNeeds) {
    std::size_t start = 0;
    while (start <= names.size()) {
      const auto end = std::min(names.find(' ', start), names.size());
      EXPECT_NE(find_param(type, names.substr(start, end - start)), nullptr)
          << type << ' ' << names.substr(start, end - start);
      start = end + 1;
    }
  }
  EXPECT_EQ(find_param("Observation", "nonsense"), nullptr);
  EXPECT_EQ(find_param("Nonsense", "_id"), nullptr);
}

TEST(Search, ScopesMayOnlyUseWhatCanBeEnforced) {
  EXPECT_TRUE(usable_in_scope("Observation", "category",
                              "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"));
  EXPECT_TRUE(usable_in_scope("Observation", "patient", "p1"));
  EXPECT_TRUE(usable_in_scope("Observation", "date", "ge2020"));
  EXPECT_TRUE(usable_in_scope("*", "_tag", "a|b"));
  EXPECT_FALSE(usable_in_scope("*", "category", "x"));
  EXPECT_FALSE(usable_in_scope("Patient", "category", "x")) << "Patient has no category: the restriction would vanish";
  EXPECT_FALSE(usable_in_scope("Patient", "name", "x")) << "prefix match on text is no boundary";
  EXPECT_FALSE(usable_in_scope("Observation", "category:not", "x"));
  EXPECT_FALSE(usable_in_scope("Observation", "subject.name", "x"));
  EXPECT_FALSE(usable_in_scope("Observation", "_filter", "x"));
  EXPECT_FALSE(usable_in_scope("Observation", "date", "soon"));
  EXPECT_FALSE(usable_in_scope("Nonsense", "_tag", "x"));
}

TEST(Search, LimitsHold) {
  EXPECT_EQ(parse_condition("Observation", "code", std::string(limits::kFhirParameterMax + 1, 'x')).error().code,
            ErrorCode::too_large);
  std::string many = "a";
  for (std::size_t i = 0; i < limits::kFhirOrValuesMax; ++i) many += ",a";
  EXPECT_EQ(parse_condition("Observation", "code", many).error().code, ErrorCode::too_large);
}

TEST(Search, SortKeysOrder) {
  const auto* const date = find_param("Observation", "date");
  const auto at = [&](std::string_view when) {
    return sort_key(Json::object({{"resourceType", "Observation"}, {"effectiveDateTime", when}}), *date, false);
  };
  EXPECT_LT(at("1950-01-01"), at("1970-06-01"));
  EXPECT_LT(at("2026-01-01"), at("2026-01-02"));
  EXPECT_LT(at("2026-01-01T00:00:00+02:00"), at("2026-01-01T00:00:00Z"));
  EXPECT_EQ(sort_key(Json::object({{"resourceType", "Observation"}}), *date, false), "");
}

}  // namespace
}  // namespace mitral::fhir
