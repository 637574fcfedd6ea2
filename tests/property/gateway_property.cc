// The invariant behind the gateway: the guarded answer is the unguarded one, filtered by the predicate. Random queries,
// random tokens, and a second, slow predicate written straight from the tables of the checklist.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "fhir/compartment.h"
#include "support/gateway_sandbox.h"

namespace mitral::gateway::rig {
namespace {

using Rng = std::mt19937;

template <class List>
const auto& pick(Rng& rng, const List& list) {
  return list[std::uniform_int_distribution<std::size_t>(0, std::size(list) - 1)(rng)];
}

// ---- the slow predicate: patient/ scopes without restrictions, from the table of the checklist (R4, own elements)
// ------------

const std::map<std::string, std::string, std::less<>>& own_elements() {
  static const std::map<std::string, std::string, std::less<>> table{{"AllergyIntolerance", "patient"},
                                                                     {"CarePlan", "subject"},
                                                                     {"CareTeam", "subject"},
                                                                     {"Condition", "subject"},
                                                                     {"Coverage", "beneficiary"},
                                                                     {"DiagnosticReport", "subject"},
                                                                     {"DocumentReference", "subject"},
                                                                     {"Encounter", "subject"},
                                                                     {"Goal", "subject"},
                                                                     {"Immunization", "patient"},
                                                                     {"MedicationDispense", "subject"},
                                                                     {"MedicationRequest", "subject"},
                                                                     {"Observation", "subject"},
                                                                     {"Procedure", "subject"},
                                                                     {"QuestionnaireResponse", "subject"},
                                                                     {"RelatedPerson", "patient"},
                                                                     {"ServiceRequest", "subject"},
                                                                     {"Specimen", "subject"},
                                                                     {"Device", "patient"}};
  return table;
}
const std::set<std::string, std::less<>>& shared_types() {
  static const std::set<std::string, std::less<>> table{"Location", "Organization", "Practitioner", "PractitionerRole",
                                                        "Medication"};
  return table;
}

bool reference_visible(const Json& resource, const std::string& patient) {
  const std::string type(resource["resourceType"].string_or());
  for (const auto& inner : resource["contained"].items()) {
    if (inner["resourceType"].string_or() == "Patient") return false;
  }
  if (type == "Patient") return resource["id"].string_or() == patient;
  if (shared_types().contains(type)) return true;
  const auto row = own_elements().find(type);
  if (row == own_elements().end()) return false;
  const auto text = resource[row->second]["reference"].string_or();
  return text == "Patient/" + patient || text == std::string(kPublic) + "/Patient/" + patient ||
         text == std::string(kUpstream) + "/Patient/" + patient;
}

std::string key_of(const Json& resource) {
  return std::string(resource["resourceType"].string_or()) + "/" + std::string(resource["id"].string_or());
}

const std::vector<std::string>& searchable_types() {
  static const std::vector<std::string> list = [] {
    std::vector<std::string> out{"Patient"};
    for (const auto& [type, element] : own_elements()) out.push_back(type);
    for (const auto& type : shared_types()) out.push_back(type);
    return out;
  }();
  return list;
}

std::string random_query(Rng& rng, const std::string& type) {
  static const std::vector<std::string> general{"",
                                                "",
                                                "_count=1",
                                                "_count=3",
                                                "_count=50",
                                                "_lastUpdated=gt2000",
                                                "_sort=_id",
                                                "_sort=-_lastUpdated",
                                                "_elements=id",
                                                "_total=accurate"};
  static const std::map<std::string, std::vector<std::string>> special{
      {"Observation",
       {"category=laboratory", "category=vital-signs,laboratory", "code=http://loinc.org%7C2339-0", "status=final",
        "date=ge2000", "patient=maria", "subject:Patient=maria", "category:not=laboratory", "code:missing=false"}},
      {"Condition", {"category=problem-list-item", "clinical-status=active", "patient=Patient/maria"}},
      {"Patient", {"gender=female", "birthdate=gt1900", "name=a", "_id=maria"}},
      {"Encounter", {"status=finished", "date=ge2000", "patient=maria"}}};
  std::string out = "/" + type + "?";
  std::vector<std::string> parts{pick(rng, general)};
  if (const auto row = special.find(type); row != special.end()) {
    for (int n = static_cast<int>(rng() % 3); n > 0; --n) parts.push_back(pick(rng, row->second));
  }
  for (const auto& part : parts) {
    if (!part.empty()) out += (out.back() == '?' ? "" : "&") + part;
  }
  return out;
}

/// All matches of the unguarded server, every page.
std::map<std::string, Json> unguarded_matches(SandboxRig& rig, std::string target) {
  std::map<std::string, Json> out;
  // Projection happens behind the predicate; here it would take away what the predicate reads.
  for (const std::string_view part : {"_elements=id", "_total=accurate", "_count=1", "_count=3", "_count=50"}) {
    if (const auto at = target.find(part); at != std::string::npos) target.erase(at, part.size());
  }
  target += (target.back() == '?' || target.back() == '&' ? "" : "&") + std::string("_count=500");
  const auto response = rig.unguarded(target);
  EXPECT_EQ(response.status, 200) << target << response.body;
  const auto json = Json::parse(response.body).value();
  for (const auto& entry : json["entry"].items()) {
    if (entry["search"]["mode"].string_or() == "match") out.emplace(key_of(entry["resource"]), entry["resource"]);
  }
  return out;
}

struct GatewayProperty : testing::Test {
  SandboxRig rig;
};

TEST_F(GatewayProperty, GuardedSearchIsUnguardedSearchFiltered) {
  const std::vector<TokenSpec> specs{
      maria(),
      maria("patient/Observation.rs patient/Patient.rs patient/Practitioner.s"),
      maria("patient/*.rs?_tag=nothing patient/Condition.s"),
      maria("patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category%7Cvital-signs"),
      maria("patient/Observation.rs?category=vital-signs patient/Observation.rs?category=laboratory"),
      maria("user/*.rs"),
      practitioner(),
      practitioner("user/Observation.rs?category=laboratory user/Patient.rs"),
      backend(),
  };
  int searched = 0;
  for (unsigned seed = 1; seed <= 600; ++seed) {
    Rng rng(seed);
    const auto& spec = pick(rng, specs);
    const auto& type = pick(rng, searchable_types());
    const auto target = random_query(rng, type);
    const auto access = access_of(spec);
    int status = 0;
    const auto entries = rig.all_pages(target, rig.jwt(spec), &status);
    if (status != 200) {
      EXPECT_EQ(status, 403) << seed << " " << target << " " << spec.scope;
      continue;
    }
    ++searched;
    std::set<std::string> guarded;
    for (const auto& entry : entries) {
      EXPECT_TRUE(guarded.insert(key_of(entry["resource"])).second) << "twice: " << seed << " " << target;
    }
    std::set<std::string> expected;
    for (const auto& [key, resource] : unguarded_matches(rig, target)) {
      if (policy::resource_visible(access, resource, policy::Origin::match).permitted()) expected.insert(key);
    }
    EXPECT_EQ(guarded, expected) << seed << " " << target << " " << spec.scope;
  }
  EXPECT_GT(searched, 200);
}

TEST_F(GatewayProperty, GuardedReadIsUnguardedReadFiltered) {
  for (const auto& spec : {maria(), maria("patient/Observation.r?category=laboratory patient/Patient.r"),
                           practitioner("user/Observation.r user/Group.r")}) {
    const auto access = access_of(spec);
    const auto bearer = rig.jwt(spec);
    for (const auto* const type :
         {"Observation", "Patient", "Condition", "Group", "Person", "Device", "Provenance", "Practitioner"}) {
      const auto listing = Json::parse(rig.unguarded("/" + std::string(type) + "?_count=500").body).value();
      for (const auto& entry : listing["entry"].items()) {
        const auto& resource = entry["resource"];
        const auto response = rig.get("/" + key_of(resource), bearer);
        const bool visible = policy::resource_visible(access, resource, policy::Origin::read).permitted();
        EXPECT_EQ(response.status == 200, visible) << key_of(resource) << " " << spec.scope << " " << response.status;
        if (visible) EXPECT_EQ(Json::parse(response.body).value()["id"], resource["id"]);
      }
    }
  }
}

TEST_F(GatewayProperty, PredicateAgreesWithTheSlowReference) {
  const auto access = access_of(maria());
  std::size_t seen = 0;
  std::size_t shown = 0;
  for (const auto& type : searchable_types()) {
    const auto listing = Json::parse(rig.unguarded("/" + type + "?_count=500").body).value();
    for (const auto& entry : listing["entry"].items()) {
      const auto& resource = entry["resource"];
      const bool fast = policy::resource_visible(access, resource, policy::Origin::read).permitted();
      EXPECT_EQ(fast, reference_visible(resource, "maria")) << key_of(resource);
      ++seen;
      shown += fast ? 1 : 0;
    }
  }
  EXPECT_GT(seen, 20U);
  EXPECT_GT(shown, 5U);
  EXPECT_LT(shown, seen);
}

TEST_F(GatewayProperty, RandomlyBentResourcesAreJudgedAlike) {
  const auto access = access_of(maria());
  const std::vector<std::string> references{"Patient/maria",
                                            "Patient/otto",
                                            "Patient/maria ",
                                            "patient/maria",
                                            "Patient/maria/",
                                            "Patient//maria",
                                            std::string(kPublic) + "/Patient/maria",
                                            std::string(kPublic) + "x/Patient/maria",
                                            "http://evil/Patient/maria",
                                            "#maria",
                                            "urn:uuid:maria",
                                            "Group/maria",
                                            "Patient/mari\u0430",
                                            "Patient/maria#x",
                                            "Patient/maria?x",
                                            ""};
  const std::vector<std::string> names{"subject", "patient", "beneficiary", "performer", "focus", "author"};
  for (unsigned seed = 1; seed <= 4000; ++seed) {
    Rng rng(seed);
    Json resource =
        Json::object({{"resourceType", pick(rng, searchable_types())}, {"id", rng() % 4 == 0 ? "maria" : "x1"}});
    for (int n = static_cast<int>(rng() % 4); n > 0; --n) {
      resource.set(pick(rng, names), Json::object({{"reference", pick(rng, references)}}));
    }
    if (rng() % 10 == 0)
      resource.set(
          "contained",
          Json::array({Json::object({{"resourceType", rng() % 2 == 0 ? "Patient" : "Medication"}, {"id", "c"}})}));
    const bool fast = policy::resource_visible(access, resource, policy::Origin::read).permitted();
    EXPECT_EQ(fast, reference_visible(resource, "maria")) << seed << " " << resource.dump();
  }
}

TEST_F(GatewayProperty, NoRequestOfRandomPiecesGetsAnythingForeign) {
  const std::vector<std::string> pieces{"/Observation",
                                        "/Patient",
                                        "/maria",
                                        "/otto",
                                        "/_history",
                                        "/1",
                                        "/_search",
                                        "?",
                                        "&",
                                        "patient=",
                                        "subject=",
                                        "maria",
                                        "otto",
                                        ",",
                                        "_include=Observation:subject",
                                        "_revinclude=Observation:subject",
                                        "_id=",
                                        "%2e%2e",
                                        "..",
                                        ";",
                                        "/*",
                                        "/$everything",
                                        "_count=2",
                                        ":Patient",
                                        ":not",
                                        "=",
                                        "%00",
                                        "*",
                                        "_page=",
                                        "/otto-glucose-1",
                                        "#"};
  const auto bearer = rig.jwt(maria());
  for (unsigned seed = 1; seed <= 3000; ++seed) {
    Rng rng(seed);
    std::string target;
    for (int n = 1 + static_cast<int>(rng() % 8); n > 0; --n) target += pick(rng, pieces);
    const auto response = rig.get(target, bearer);
    EXPECT_LT(response.status, 500) << target;
    if (response.status != 200) continue;
    const auto json = Json::parse(response.body).value();
    const auto check = [&](const Json& resource) {
      for (const auto& id : fhir::member_patients(resource, kPublic)) EXPECT_EQ(id, "maria") << target;
    };
    if (json["resourceType"].string_or() == "Bundle") {
      for (const auto& entry : json["entry"].items()) check(entry["resource"]);
    } else {
      check(json);
    }
  }
}

}  // namespace
}  // namespace mitral::gateway::rig
