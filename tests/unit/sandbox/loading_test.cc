// Loading of bundles: the samples, and published ones where MITRAL_TEST_DATA names a folder with them.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "fhir/compartment.h"
#include "fhir/r4.h"
#include "unit/sandbox/fixture.h"

namespace mitral::sandbox {
namespace {

class Loading : public SandboxTest {};

TEST_F(Loading, SamplesHoldWhatTheConstantsName) {
  using namespace sample;
  EXPECT_GT(sandbox_.size(), 120U);
  for (const auto id : {kMaria, kLeo, kNora, kStranger}) EXPECT_FALSE(sandbox_.current("Patient", id).is_null()) << id;
  for (const auto id : {kTwoCategories, kMovedObservation, kFetalHeartRate, kIdentifierOnly, kContainedSubject,
                        kGroupSubject, kMariaLab, kStrangerLab}) {
    EXPECT_FALSE(sandbox_.current("Observation", id).is_null()) << id;
  }
  for (const auto& [type, id] :
       std::vector<std::pair<std::string_view, std::string_view>>{{"Practitioner", kPractitioner},
                                                                  {"PractitionerRole", kPractitionerRole},
                                                                  {"Organization", kOrganization},
                                                                  {"Location", kLocation},
                                                                  {"RelatedPerson", kMariaForLeo},
                                                                  {"RelatedPerson", kMariaForNora},
                                                                  {"Group", kGroupOfTwo},
                                                                  {"Person", kPersonOfTwo},
                                                                  {"Provenance", kProvenanceOfTwo},
                                                                  {"Provenance", kProvenanceOfMaria},
                                                                  {"Device", kDeviceOfMaria},
                                                                  {"Device", kDeviceOfNobody},
                                                                  {"DocumentReference", kDocumentOfMaria},
                                                                  {"Binary", kBinaryOfMaria},
                                                                  {"DocumentReference", kDocumentOfStranger},
                                                                  {"Binary", kBinaryOfStranger},
                                                                  {"Encounter", kMariaEncounter}}) {
    EXPECT_FALSE(sandbox_.current(type, id).is_null()) << type << ' ' << id;
  }
  EXPECT_TRUE(sandbox_.current("Observation", kDeletedObservation).is_null());
}

TEST_F(Loading, SampleReferencesAllResolve) {
  for (const auto& bundle : sample::bundles()) {
    for (const auto& entry : bundle["entry"].items()) {
      for (const auto text : fhir::all_references(entry["resource"])) {
        const auto reference = fhir::parse_reference(text, kBase);
        if (reference.kind == fhir::ReferenceKind::contained) continue;
        ASSERT_EQ(reference.kind, fhir::ReferenceKind::local) << text;
        EXPECT_FALSE(sandbox_.current(reference.type, reference.id).is_null()) << text;
      }
    }
  }
}

TEST_F(Loading, SampleNamesAreClearlyInvented) {
  for (const auto& entry : get("/Patient").json["entry"].items()) {
    const auto family = entry["resource"]["name"][0]["family"].string_or();
    EXPECT_TRUE(family == "Sample" || family == "Nobody") << family;
  }
}

TEST_F(Loading, ConditionalReferencesResolveOrMakeAStub) {
  const auto loaded = sandbox_.load_text(R"({"resourceType":"Bundle","type":"transaction","entry":[
    {"fullUrl":"urn:uuid:8f2c1d7e-0000-4000-8000-000000000001","resource":{"resourceType":"Observation",
      "subject":{"reference":"urn:uuid:8f2c1d7e-0000-4000-8000-000000000002"},
      "performer":[{"reference":"Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|1999999992"},{"reference":"Organization?identifier=urn:x|new"},
                   {"reference":"Organization?identifier=urn:x|new"}]},
     "request":{"method":"POST","url":"Observation"}},
    {"fullUrl":"urn:uuid:8f2c1d7e-0000-4000-8000-000000000002","resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}]})");
  ASSERT_TRUE(loaded) << loaded.error().client.view();
  EXPECT_EQ(*loaded, 2U);
  const auto observation = sandbox_.current("Observation", "8f2c1d7e-0000-4000-8000-000000000001");
  EXPECT_EQ(observation["subject"]["reference"].string_or(), "Patient/8f2c1d7e-0000-4000-8000-000000000002");
  EXPECT_EQ(observation["performer"][0]["reference"].string_or(), "Practitioner/dr-ada");
  EXPECT_TRUE(observation["performer"][1]["reference"].string_or().starts_with("Organization/"));
  EXPECT_EQ(observation["performer"][1], observation["performer"][2]) << "one stub, not two";
  EXPECT_EQ(get("/Organization?identifier=urn:x%7Cnew").json["total"].int_or(0), 1);
}

TEST_F(Loading, BadBundlesLoadNothing) {
  const auto before = sandbox_.size();
  for (
      const auto* wrong :
      {"{}", R"({"resourceType":"Patient"})",
       R"({"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient","id":"x"}},{}]})",
       R"({"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Nonsense"}}]})",
       R"({"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Observation","id":"x","subject":{"reference":"Patient?name=x"}}}]})",
       "[", R"({"resourceType":"Bundle","resourceType":"Bundle"})"}) {
    EXPECT_FALSE(sandbox_.load_text(wrong)) << wrong;
    EXPECT_EQ(sandbox_.size(), before) << wrong;
  }
}

TEST_F(Loading, PublishedBundles) {
  const char* const folder = std::getenv("MITRAL_TEST_DATA");
  if (folder == nullptr) GTEST_SKIP() << "MITRAL_TEST_DATA is not set: published sample bundles were not loaded";
  std::size_t files = 0;
  std::size_t resources = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    const auto loaded = sandbox_.load_text(text);
    ASSERT_TRUE(loaded) << entry.path() << ' ' << loaded.error().client.view() << ' ' << loaded.error().detail;
    ++files;
    resources += *loaded;
  }
  ASSERT_GT(files, 0U) << "no bundle in " << folder;
  RecordProperty("resources", static_cast<int>(resources));
  // Every patient's own search gives only her own, and no reference is left as a urn.
  std::string url = "/Patient?_count=500";
  const auto patients = get(url);
  EXPECT_GT(patients.json["total"].int_or(0), 4);
  for (const auto& patient : patients.json["entry"].items()) {
    const std::string id(patient["resource"]["id"].string_or());
    for (const auto* type : {"Observation", "Condition", "Encounter", "MedicationRequest", "Immunization"}) {
      auto reply = get(std::string("/").append(type).append("?_count=200&patient=").append(id));
      while (true) {
        ASSERT_EQ(reply.status, 200);
        for (const auto& entry : reply.json["entry"].items()) {
          EXPECT_TRUE(fhir::member_of_patient(entry["resource"], id, kBase))
              << type << ' ' << entry["fullUrl"].string_or();
          for (const auto text : fhir::all_references(entry["resource"]))
            EXPECT_FALSE(text.starts_with("urn:")) << text;
        }
        const auto next = reply.link("next");
        if (next.empty()) break;
        reply = follow(next);
      }
    }
  }
}

}  // namespace
}  // namespace mitral::sandbox
