// The invariant of the gateway over whole data sets: what comes out is what the server has, filtered by the reference
// decision. Over the sample records always; over published bundles (Synthea, US Core) where MITRAL_TEST_DATA names a
// folder with them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "gateway/answer.h"
#include "support/gateway_sandbox.h"
#include "support/reference_decision.h"

namespace mitral::gateway::rig {
namespace {

using Rng = std::mt19937;

template <class List>
const auto& pick(Rng& rng, const List& list) {
  return list[rng() % std::size(list)];
}

std::string key_of(const Json& resource) {
  return std::string(resource["resourceType"].string_or()) + "/" + std::string(resource["id"].string_or());
}

reference::Token token_of(const TokenSpec& spec) {
  reference::Token out;
  std::istringstream words(spec.scope);
  for (std::string word; words >> word;) out.scopes.push_back(word);
  out.client = spec.client;
  out.subject = spec.subject;
  out.patient = spec.patient;
  out.fhir_user = spec.fhir_user;
  out.base = kPublic;
  return out;
}

TokenSpec patient_token(const std::string& id, std::string scope) {
  TokenSpec out = maria(std::move(scope));
  out.patient = id;
  out.subject = "u_" + id;
  out.fhir_user = std::string(kPublic) + "/Patient/" + id;
  return out;
}

/// Every resource of the server by type, as an unguarded client sees it, in the gateway's own spelling of references.
class Everything {
 public:
  explicit Everything(SandboxRig& rig) {
    for (const auto& type : types()) {
      std::string next = "/" + type + "?_count=500";
      for (int page = 0; page < 400 && !next.empty(); ++page) {
        const auto response = rig.unguarded(next);
        EXPECT_EQ(response.status, 200) << next;
        const auto json = parse_upstream(response.body, kUpstream, kPublic).value();
        for (const auto& entry : json["entry"].items()) by_type_[type].push_back(entry["resource"]);
        next = link(response, "next");
        for (const std::string_view base : {std::string_view(kUpstream), std::string_view(kPublic)}) {
          if (next.starts_with(base)) next = next.substr(base.size());
        }
      }
    }
  }
  [[nodiscard]] const std::vector<Json>& of(const std::string& type) { return by_type_[type]; }
  [[nodiscard]] std::size_t size() const {
    std::size_t out = 0;
    for (const auto& [type, list] : by_type_) out += list.size();
    return out;
  }
  [[nodiscard]] static const std::vector<std::string>& types() {
    static const std::vector<std::string> list{"Patient",
                                               "AllergyIntolerance",
                                               "CarePlan",
                                               "CareTeam",
                                               "Claim",
                                               "Condition",
                                               "Coverage",
                                               "Device",
                                               "DiagnosticReport",
                                               "DocumentReference",
                                               "Encounter",
                                               "ExplanationOfBenefit",
                                               "Goal",
                                               "Group",
                                               "ImagingStudy",
                                               "Immunization",
                                               "Location",
                                               "Medication",
                                               "MedicationAdministration",
                                               "MedicationDispense",
                                               "MedicationRequest",
                                               "Observation",
                                               "Organization",
                                               "Person",
                                               "Practitioner",
                                               "PractitionerRole",
                                               "Procedure",
                                               "Provenance",
                                               "QuestionnaireResponse",
                                               "RelatedPerson",
                                               "ServiceRequest",
                                               "Specimen",
                                               "SupplyDelivery"};
    return list;
  }

 private:
  std::map<std::string, std::vector<Json>, std::less<>> by_type_;
};

const std::vector<std::string>& scope_lists() {
  static const std::vector<std::string> list{
      "patient/*.rs",
      "patient/*.read",
      "patient/Observation.rs patient/Condition.rs patient/Patient.rs",
      "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category%7Claboratory",
      "patient/Observation.rs?category=laboratory patient/Observation.rs?category=vital-signs patient/Patient.r",
      "patient/Condition.rs?category=http://terminology.hl7.org/CodeSystem/condition-category%7Cproblem-list-item",
      "patient/Observation.s patient/Encounter.r",
      "user/*.rs",
      "patient/*.rs user/Practitioner.rs user/Organization.rs",
  };
  return list;
}

void compare_searches(SandboxRig& rig, Everything& all, Rng& rng, const std::vector<std::string>& patients,
                      int rounds) {
  int searched = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto spec =
        rng() % 8 == 0 ? practitioner(pick(
                             rng, std::vector<std::string>{"user/*.rs",
                                                           "user/Observation.rs?category=laboratory user/Patient.rs"}))
                       : patient_token(pick(rng, patients), pick(rng, scope_lists()));
    const auto& type = pick(rng, Everything::types());
    const auto target = "/" + type + "?_count=" + std::to_string(1 + rng() % 120);
    const auto token = token_of(spec);
    int status = 0;
    const auto entries = rig.all_pages(target, rig.jwt(spec), &status);
    const auto where = target + " " + spec.scope + " " + spec.patient;
    if (!reference::may_ask(token, 's', type)) {
      ASSERT_EQ(status, 403) << where;
      continue;
    }
    ASSERT_EQ(status, 200) << where;
    ++searched;
    std::set<std::string> guarded;
    for (const auto& entry : entries) ASSERT_TRUE(guarded.insert(key_of(entry["resource"])).second) << where;
    std::set<std::string> expected;
    for (const auto& resource : all.of(type)) {
      if (reference::may_see(token, resource, reference::Way::match)) expected.insert(key_of(resource));
    }
    // About others' resources a Provenance speaks only beside them (tested with _revinclude below).
    if (type != "Provenance") ASSERT_EQ(guarded, expected) << where;
  }
  EXPECT_GT(searched, rounds / 4);
}

void compare_reads(SandboxRig& rig, Everything& all, Rng& rng, const std::vector<std::string>& patients, int rounds) {
  int shown = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto& list = all.of(pick(rng, Everything::types()));
    if (list.empty()) continue;
    const auto& resource = pick(rng, list);
    auto spec = patient_token(pick(rng, patients), pick(rng, scope_lists()));
    const auto owner = resource["subject"]["reference"].string_or();  // else hardly any read would be a permitted one
    if (owner.starts_with("Patient/") && rng() % 2 == 0) spec = patient_token(std::string(owner.substr(8)), spec.scope);
    const auto response = rig.get("/" + key_of(resource), rig.jwt(spec));
    const bool expected = reference::may_see(token_of(spec), resource, reference::Way::read);
    shown += expected ? 1 : 0;
    ASSERT_EQ(response.status == 200, expected)
        << key_of(resource) << " " << spec.scope << " " << spec.patient << " " << response.status;
  }
  EXPECT_GT(shown, 0);
}

void compare_includes(SandboxRig& rig, Rng& rng, const std::vector<std::string>& patients, int rounds) {
  static const std::vector<std::string> queries{
      "/Observation?_include=Observation:subject&_include=Observation:encounter&_count=40",
      "/Encounter?_revinclude=Provenance:target&_include=Encounter:participant&_count=40",
      "/MedicationRequest?_include=MedicationRequest:medication&_include=MedicationRequest:requester&_count=40",
      "/Patient?_revinclude=Observation:subject&_revinclude=Provenance:target",
      "/DiagnosticReport?_include=DiagnosticReport:result&_revinclude=Provenance:target&_count=20"};
  for (int round = 0; round < rounds; ++round) {
    const auto spec = patient_token(pick(rng, patients), "patient/*.rs");
    const auto token = token_of(spec);
    const auto& query = pick(rng, queries);
    int status = 0;
    const auto entries = rig.all_pages(query, rig.jwt(spec), &status);
    ASSERT_EQ(status, 200) << query;
    std::set<std::string> seen;
    for (const auto& entry : entries) seen.insert(key_of(entry["resource"]));
    for (const auto& entry : entries) {
      const auto& resource = entry["resource"];
      if (resource["resourceType"].string_or() == "OperationOutcome") continue;
      const auto way =
          entry["search"]["mode"].string_or() == "match" ? reference::Way::match : reference::Way::included;
      ASSERT_TRUE(reference::may_see(token, resource, way, seen))
          << query << " " << spec.patient << " " << key_of(resource);
    }
  }
}

void compare(SandboxRig& rig, unsigned seed, int rounds) {
  Rng rng(seed);
  Everything all(rig);
  std::vector<std::string> patients;
  for (const auto& resource : all.of("Patient")) patients.emplace_back(resource["id"].string_or());
  ASSERT_GE(patients.size(), 2U);
  compare_searches(rig, all, rng, patients, rounds);
  compare_reads(rig, all, rng, patients, rounds);
  compare_includes(rig, rng, patients, rounds / 4);
}

TEST(GuardedEqualsFiltered, OverTheSampleRecords) {
  SandboxRig rig;
  compare(rig, 1, 400);
}

TEST(GuardedEqualsFiltered, OverPublishedBundles) {
  const char* const folder = std::getenv("MITRAL_TEST_DATA");
  if (folder == nullptr) GTEST_SKIP() << "MITRAL_TEST_DATA names no folder with FHIR bundles";
  SandboxRig rig;
  std::size_t files = 0;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".json") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);  // so that a seed means the same everywhere
  for (const auto& path : paths) {
    std::ifstream in(path);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    ASSERT_TRUE(rig.sandbox.load_text(text)) << path;
    ++files;
  }
  ASSERT_GT(files, 0U) << folder;
  compare(rig, 2, 600);
}

}  // namespace
}  // namespace mitral::gateway::rig
