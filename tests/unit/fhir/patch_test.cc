#include <gtest/gtest.h>

#include "base/limits.h"
#include "fhir/fhirpath_patch.h"
#include "fhir/json_patch.h"

namespace mitral::fhir {
namespace {

using codec::Json;

Result<Json> patched(std::string_view document, std::string_view patch) {
  return apply_json_patch(*Json::parse(document), *Json::parse(patch));
}

TEST(JsonPatch, Rfc6902Operations) {
  EXPECT_EQ(patched(R"({"a":[1,3]})", R"([{"op":"add","path":"/a/1","value":2}])")->dump(), R"({"a":[1,2,3]})");
  EXPECT_EQ(patched(R"({"a":[1]})", R"([{"op":"add","path":"/a/-","value":2}])")->dump(), R"({"a":[1,2]})");
  EXPECT_EQ(patched(R"({"a":1,"b":2})", R"([{"op":"remove","path":"/a"}])")->dump(), R"({"b":2})");
  EXPECT_EQ(patched(R"({"a":[1,2,3]})", R"([{"op":"remove","path":"/a/1"}])")->dump(), R"({"a":[1,3]})");
  EXPECT_EQ(patched(R"({"a":1})", R"([{"op":"replace","path":"/a","value":[]}])")->dump(), R"({"a":[]})");
  EXPECT_EQ(patched(R"({"a":1})", R"([{"op":"move","from":"/a","path":"/b"}])")->dump(), R"({"b":1})");
  EXPECT_EQ(patched(R"({"a":1})", R"([{"op":"copy","from":"/a","path":"/b"}])")->dump(), R"({"a":1,"b":1})");
  EXPECT_EQ(patched(R"({"a/b":{"~":1}})", R"([{"op":"test","path":"/a~1b/~0","value":1}])")->dump(),
            R"({"a/b":{"~":1}})");
}

TEST(JsonPatch, FailuresLeaveNothing) {
  for (const auto* wrong :
       {R"([{"op":"remove","path":"/x"}])", R"([{"op":"test","path":"/a","value":2}])",
        R"([{"op":"add","path":"/x/y","value":1}])", R"([{"op":"add","path":"/l/5","value":1}])",
        R"([{"op":"add","path":"/l/01","value":1}])", R"([{"op":"add","path":"a","value":1}])",
        R"([{"op":"add","path":"/a"}])", R"([{"op":"move","from":"/l","path":"/l/0"}])",
        R"([{"op":"nonsense","path":"/a"}])", R"({})", R"([{"op":"replace","path":"/~2","value":1}])",
        R"([{"op":"remove","path":""}])", R"([7])"}) {
    EXPECT_FALSE(patched(R"({"a":1,"l":[1]})", wrong)) << wrong;
  }
}

TEST(JsonPatch, S14_CopiesDoNotFillTheMemory) {
  // Each operation doubles the document: 200 of them would need more bytes than there are atoms.
  std::string patch = "[";
  for (std::size_t i = 0; i < limits::kPatchOperationsMax; ++i) {
    patch += (i == 0 ? "" : ",") + std::string(R"({"op":"copy","from":"","path":"/k)") + std::to_string(i) + R"("})";
  }
  const auto out = patched(R"({"a":1})", patch + "]");
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, ErrorCode::too_large);
}

TEST(JsonPatch, S14_NumberOfOperationsAndDepthAreBounded) {
  std::string patch = "[";
  for (std::size_t i = 0; i <= limits::kPatchOperationsMax; ++i) {
    patch += (i == 0 ? "" : ",") + std::string(R"({"op":"add","path":"/a","value":1})");
  }
  EXPECT_EQ(patched("{}", patch + "]").error().code, ErrorCode::too_large);
  std::string deep;
  for (std::size_t i = 0; i < 60; ++i) deep += "[";
  deep += std::string(60, ']');
  EXPECT_EQ(
      patched(R"({"a":{"b":{"c":{"d":{"e":{}}}}}})", R"([{"op":"add","path":"/a/b/c/d/e/f","value":)" + deep + "}]")
          .error()
          .code,
      ErrorCode::too_large);
}

TEST(JsonPatch, TellsWhetherItTests) {
  EXPECT_TRUE(tests_values(*Json::parse(R"([{"op":"add"},{"op":"test"}])")));
  EXPECT_FALSE(tests_values(*Json::parse(R"([{"op":"add"}])")));
}

struct Part {
  std::string name;
  std::string value;  ///< a member: "valueString":"x"
};
std::string operation(const std::vector<Part>& parts) {
  std::string out = R"({"name":"operation","part":[)";
  for (std::size_t i = 0; i < parts.size(); ++i) {
    out += (i == 0 ? "" : ",") + std::string(R"({"name":")") + parts[i].name + R"(",)" + parts[i].value + "}";
  }
  return out + "]}";
}
std::string kind(std::string_view text) { return R"("valueCode":")" + std::string(text) + R"(")"; }
std::string text(std::string_view value) { return R"("valueString":")" + std::string(value) + R"(")"; }
Result<Json> path_patched(std::string_view document, const std::string& op) {
  return apply_fhirpath_patch(*Json::parse(document),
                              *Json::parse(R"({"resourceType":"Parameters","parameter":[)" + op + "]}"));
}

constexpr std::string_view kPatient =
    R"({"resourceType":"Patient","birthDate":"1980-01-01","identifier":[{"system":"a","value":"1"},{"system":"b","value":"2"}],)"
    R"("name":[{"family":"Vogel","given":["Maria","Anna"]}]})";

TEST(FhirPathPatch, FhirpatchReplacesAndDeletes) {
  EXPECT_EQ((*path_patched(kPatient, operation({{"type", kind("replace")},
                                                {"path", text("Patient.birthDate")},
                                                {"value", R"("valueDate":"1981-02-02")"}})))["birthDate"]
                .string_or(),
            "1981-02-02");
  EXPECT_FALSE(path_patched(kPatient, operation({{"type", kind("delete")}, {"path", text("Patient.birthDate")}}))
                   ->contains("birthDate"));
  EXPECT_TRUE(path_patched(kPatient, operation({{"type", kind("delete")}, {"path", text("Patient.gender")}})))
      << "deleting nothing is allowed";
  const auto one = path_patched(
      kPatient, operation({{"type", kind("delete")}, {"path", text("Patient.identifier.where(system = 'a')")}}));
  ASSERT_TRUE(one);
  EXPECT_EQ((*one)["identifier"].dump(), R"([{"system":"b","value":"2"}])");
  const auto given = path_patched(
      kPatient,
      operation({{"type", kind("replace")}, {"path", text("Patient.name[0].given[1]")}, {"value", text("Eva")}}));
  ASSERT_TRUE(given);
  EXPECT_EQ((*given)["name"][0]["given"].dump(), R"(["Maria","Eva"])");
}

TEST(FhirPathPatch, FhirpatchAddsInsertsAndMoves) {
  const auto added = path_patched(kPatient, operation({{"type", kind("add")},
                                                       {"path", text("Patient")},
                                                       {"name", text("telecom")},
                                                       {"value", R"("valueContactPoint":{"system":"phone"})"}}));
  ASSERT_TRUE(added);
  EXPECT_EQ((*added)["telecom"].dump(), R"([{"system":"phone"}])");
  const auto appended = path_patched(kPatient, operation({{"type", kind("add")},
                                                          {"path", text("Patient")},
                                                          {"name", text("identifier")},
                                                          {"value", R"("valueIdentifier":{"value":"3"})"}}));
  ASSERT_TRUE(appended);
  EXPECT_EQ((*appended)["identifier"].size(), 3U);
  const auto inserted = path_patched(kPatient, operation({{"type", kind("insert")},
                                                          {"path", text("Patient.identifier")},
                                                          {"index", R"("valueInteger":0)"},
                                                          {"value", R"("valueIdentifier":{"value":"0"})"}}));
  ASSERT_TRUE(inserted);
  EXPECT_EQ((*inserted)["identifier"][0]["value"].string_or(), "0");
  const auto moved = path_patched(kPatient, operation({{"type", kind("move")},
                                                       {"path", text("Patient.identifier")},
                                                       {"source", R"("valueInteger":1)"},
                                                       {"destination", R"("valueInteger":0)"}}));
  ASSERT_TRUE(moved);
  EXPECT_EQ((*moved)["identifier"][0]["value"].string_or(), "2");
}

TEST(FhirPathPatch, FhirpatchPutsValuesOfPartsTogether) {
  const auto contact = [](std::string_view parts) { return std::string(R"("part":[)") + std::string(parts) + "]"; };
  const std::string parts =
      R"({"name":"relationship","valueCodeableConcept":{"text":"friend"}},{"name":"gender","valueCode":"male"},)"
      R"({"name":"name","part":[{"name":"family","valueString":"Otto"},{"name":"given","valueString":"O."},)"
      R"({"name":"given","valueString":"P."}]},{"name":"extension","part":[{"name":"url","valueUri":"u"},)"
      R"({"name":"value","valueBoolean":true}]})";
  const std::string made =
      R"({"relationship":[{"text":"friend"}],"gender":"male","name":{"family":"Otto","given":["O.","P."]},)"
      R"("extension":[{"url":"u","valueBoolean":true}]})";
  const auto added = path_patched(
      kPatient,
      operation(
          {{"type", kind("add")}, {"path", text("Patient")}, {"name", text("contact")}, {"value", contact(parts)}}));
  ASSERT_TRUE(added) << added.error().client.view();
  EXPECT_EQ((*added)["contact"].dump(), "[" + made + "]") << "a list, although none was there to say so";
  const auto again =
      path_patched(added->dump(), operation({{"type", kind("insert")},
                                             {"path", text("Patient.contact")},
                                             {"index", R"("valueInteger":0)"},
                                             {"value", contact(R"({"name":"gender","valueCode":"x"})")}}));
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)["contact"].dump(), R"([{"gender":"x"},)" + made + "]");
  const auto replaced =
      path_patched(added->dump(), operation({{"type", kind("replace")},
                                             {"path", text("Patient.contact[0]")},
                                             {"value", contact(R"({"name":"gender","valueCode":"y"})")}}));
  ASSERT_TRUE(replaced);
  EXPECT_EQ((*replaced)["contact"].dump(), R"([{"gender":"y"}])");
  for (const auto* const wrong :
       {R"({"name":"nonsense","valueCode":"x"})", R"({"name":"gender","valueInteger":7})", R"({"name":"gender"})",
        R"({"name":"gender","valueCode":"a"},{"name":"gender","valueCode":"b"})", "",
        R"({"name":"gender","valueCode":"a","valueString":"b"})", R"({"name":"relationship","valueString":"friend"})",
        R"({"name":"name","part":[]})", R"({"name":"gender","part":[{"name":"extension","part":[]}]})"}) {
    EXPECT_FALSE(path_patched(
        kPatient,
        operation(
            {{"type", kind("add")}, {"path", text("Patient")}, {"name", text("contact")}, {"value", contact(wrong)}})))
        << wrong;
  }
  EXPECT_FALSE(path_patched(kPatient, operation({{"type", kind("replace")},
                                                 {"path", text("Patient.birthDate")},
                                                 {"value", contact(R"({"name":"id","valueString":"x"})")}})))
      << "a date has no parts in JSON";
}

TEST(FhirPathPatch, ElementsThatAreNotThereYet) {
  constexpr std::string_view kEncounter =
      R"({"resourceType":"Encounter","contained":[{"resourceType":"Patient","id":"p"}],"location":[{"status":"active"}]})";
  const auto added = [&](std::string_view path, std::string_view name, const std::string& value) {
    const auto out = path_patched(
        kEncounter, operation({{"type", kind("add")}, {"path", text(path)}, {"name", text(name)}, {"value", value}}));
    return out ? out->dump() : std::string();
  };
  EXPECT_NE(added("Encounter", "priority", R"("valueCodeableConcept":{"text":"x"})").find(R"("priority":{"text":"x"})"),
            std::string::npos);
  EXPECT_NE(added("Encounter", "type", R"("valueCodeableConcept":{"text":"x"})").find(R"("type":[{"text":"x"}])"),
            std::string::npos);
  EXPECT_NE(added("Encounter.location[0]", "period", R"("valuePeriod":{"start":"2026"})").find(R"("period":{)"),
            std::string::npos);
  EXPECT_NE(added("Encounter.contained[0]", "name", R"("valueHumanName":{"text":"x"})").find(R"("name":[{)"),
            std::string::npos)
      << "in a resource inside another one its own type counts";
  EXPECT_NE(added("Encounter.contained[0]", "deceased", R"("valueBoolean":true)").find(R"("deceasedBoolean":true)"),
            std::string::npos);
  EXPECT_EQ(added("Encounter.contained[0]", "deceased", R"("valueString":"x")"), "") << "no type of this choice";
  EXPECT_EQ(added("Encounter", "gender", R"("valueCode":"x")"), "");
}

TEST(FhirPathPatch, ChoicesChangeTheirName) {
  constexpr std::string_view kObservation = R"({"resourceType":"Observation","valueString":"x"})";
  const auto out = path_patched(kObservation, operation({{"type", kind("replace")},
                                                         {"path", text("Observation.value")},
                                                         {"value", R"("valueQuantity":{"value":1})"}}));
  ASSERT_TRUE(out);
  EXPECT_EQ(out->dump(), R"({"resourceType":"Observation","valueQuantity":{"value":1}})");
  EXPECT_FALSE(path_patched(kObservation, operation({{"type", kind("add")},
                                                     {"path", text("Observation")},
                                                     {"name", text("value")},
                                                     {"value", R"("valueQuantity":{"value":1})"}})));
}

TEST(FhirPathPatch, WhatCannotBeEvaluatedIsRefused) {
  for (const auto* const path :
       {"Patient.name.resolve()", "Patient.identifier", "Patient.identifier.where(value > '1')", "Observation.status",
        "birthDate", "Patient.name[x]", "Patient.identifier.where(system = 'a' or true)", "Patient..name", "Patient.",
        "%resource.birthDate", "Patient.name.where(family = 'O\\\\'Hara')", "Patient.descendants()", "Patient"}) {
    EXPECT_FALSE(
        path_patched(kPatient, operation({{"type", kind("replace")}, {"path", text(path)}, {"value", text("x")}})))
        << path;
  }
  EXPECT_FALSE(path_patched(
      kPatient,
      operation(
          {{"type", kind("add")}, {"path", text("Patient")}, {"name", text("somethingNew")}, {"value", text("x")}})))
      << "FHIR R4 has no such element";
  EXPECT_FALSE(path_patched(kPatient, operation({{"type", kind("replace")},
                                                 {"type", kind("delete")},
                                                 {"path", text("Patient.birthDate")},
                                                 {"value", text("x")}})));
  EXPECT_FALSE(apply_fhirpath_patch(*Json::parse(kPatient), *Json::parse(R"({"resourceType":"Bundle"})")));
}

}  // namespace
}  // namespace mitral::fhir
