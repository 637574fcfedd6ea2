// Search (FHIR R4 search.html) with what US Core asks for, and Patient/$everything.
#include "unit/sandbox/fixture.h"

namespace mitral::sandbox {
namespace {

class SandboxSearch : public SandboxTest {};

TEST_F(SandboxSearch, ByPatientAndCategory) {
  const auto labs = get("/Observation?patient=maria&category=laboratory&_count=100");
  EXPECT_EQ(labs.status, 200);
  EXPECT_GT(labs.json["total"].int_or(0), 20);
  for (const auto& entry : labs.json["entry"].items())
    EXPECT_EQ(entry["resource"]["subject"]["reference"].string_or(), "Patient/maria");
  EXPECT_TRUE(labs.ids().contains("Observation/maria-two-categories"));
  EXPECT_FALSE(labs.ids().contains("Observation/identifier-only-subject"));
  EXPECT_FALSE(labs.ids().contains("Observation/contained-subject"));
  EXPECT_FALSE(labs.ids().contains("Observation/deleted-observation"));
  EXPECT_TRUE(get("/Observation?patient=maria&category=vital-signs&_count=100")
                  .ids()
                  .contains("Observation/maria-two-categories"));
  EXPECT_EQ(labs.ids(), get("/Observation?patient=Patient/maria&category=http://terminology.hl7.org/CodeSystem/"
                            "observation-category%7Claboratory&_count=100")
                            .ids());
}

TEST_F(SandboxSearch, ByPostToo) {
  const auto by_get = get("/Observation?patient=maria&code=2339-0").ids();
  const auto by_post = ask(Method::post, "/Observation/_search", "patient=maria&code=2339-0",
                           {{"Content-Type", "application/x-www-form-urlencoded"}});
  EXPECT_EQ(by_post.status, 200);
  EXPECT_EQ(by_post.ids(), by_get);
  EXPECT_EQ(by_get.size(), 5U);
  const auto split = ask(Method::post, "/Observation/_search?patient=maria", "code=2339-0",
                         {{"Content-Type", "application/x-www-form-urlencoded"}});
  EXPECT_EQ(split.ids(), by_get);
}

TEST_F(SandboxSearch, AndOrDatesAndSort) {
  EXPECT_EQ(get("/Observation?patient=maria&code=4548-4,2339-0&date=ge2026-01-01").ids(),
            (std::set<std::string>{"Observation/maria-hba1c-4", "Observation/maria-glucose-4",
                                   "Observation/moved-observation"}));
  EXPECT_EQ(get("/Observation?patient=maria&code=4548-4&date=ge2025-01-01&date=lt2025-06-01").ids(),
            (std::set<std::string>{"Observation/maria-hba1c-2"}));
  const auto sorted = get("/Observation?patient=maria&code=4548-4&_sort=-date");
  EXPECT_EQ(sorted.json["entry"][0]["resource"]["id"].string_or(), "maria-hba1c-4");
  EXPECT_EQ(sorted.json["entry"][3]["resource"]["id"].string_or(), "maria-hba1c-1");
  EXPECT_EQ(get("/Observation?patient=maria&code=4548-4&_sort=date").json["entry"][0]["resource"]["id"].string_or(),
            "maria-hba1c-1");
  EXPECT_EQ(get("/Patient?family=sample&birthdate=1988-04-12").ids(), (std::set<std::string>{"Patient/maria"}));
  EXPECT_EQ(get("/Patient?_id=maria,otto").ids().size(), 2U);
  EXPECT_EQ(get("/Patient?_lastUpdated=gt2000").ids().size(), 4U);
  EXPECT_EQ(get("/Patient?_lastUpdated=gt2100").json["total"].int_or(-1), 0);
}

TEST_F(SandboxSearch, UnknownIsAnErrorUnlessLenient) {
  EXPECT_EQ(get("/Observation?nonsense=1").status, 400);
  EXPECT_EQ(get("/Observation?code:below=1").status, 400);
  EXPECT_EQ(get("/Observation?patient=").status, 400);
  EXPECT_EQ(get("/Observation?nonsense=1&patient=leo", {{"Prefer", "handling=lenient"}}).ids(),
            get("/Observation?patient=leo").ids());
  EXPECT_EQ(get("/Observation?_sort=nonsense").status, 400);
}

TEST_F(SandboxSearch, Includes) {
  const auto reply =
      get("/Observation?patient=maria&code=2339-0&_include=Observation:subject&_revinclude=Provenance:target");
  EXPECT_EQ(reply.json["total"].int_or(0), 5) << "includes do not count";
  EXPECT_EQ(reply.ids("include"),
            (std::set<std::string>{"Patient/maria", "Provenance/prov-maria-lab", "Provenance/prov-maria-otto"}));
  const auto deep =
      get("/MedicationRequest?patient=maria&_include=MedicationRequest:patient&_include:iterate=Patient:general-"
          "practitioner");
  EXPECT_TRUE(deep.ids("include").contains("Practitioner/dr-ada"));
  EXPECT_EQ(get("/Observation?_include=Observation:code").status, 400);
}

TEST_F(SandboxSearch, ChainsAndHas) {
  EXPECT_EQ(get("/Observation?subject:Patient.family=nobody").ids(), get("/Observation?patient=otto").ids());
  EXPECT_EQ(get("/Observation?patient.family=nobody").ids(), get("/Observation?patient=otto").ids());
  EXPECT_EQ(get("/Patient?_has:Observation:patient:code=2857-1").ids(), (std::set<std::string>{"Patient/otto"}));
  EXPECT_EQ(get("/Observation?subject.a.b=x").status, 400);
}

TEST_F(SandboxSearch, PagesCoverEverythingOnce) {
  auto reply = get("/Observation?patient=maria&_count=7");
  const auto total = reply.json["total"].int_or(0);
  std::set<std::string> seen;
  std::size_t count = 0;
  while (true) {
    EXPECT_LE(reply.json["entry"].size(), 7U);
    for (const auto& id : reply.ids()) {
      EXPECT_TRUE(seen.insert(id).second) << id;
      ++count;
    }
    const auto next = reply.link("next");
    if (next.empty()) break;
    reply = follow(next);
    ASSERT_EQ(reply.status, 200);
  }
  EXPECT_EQ(static_cast<std::int64_t>(count), total);
  EXPECT_FALSE(reply.link("previous").empty());
}

TEST_F(SandboxSearch, CountElementsAndSystem) {
  const auto count = get("/Observation?patient=maria&_summary=count");
  EXPECT_FALSE(count.json.contains("entry"));
  EXPECT_GT(count.json["total"].int_or(0), 20);
  const auto some = get("/Observation?patient=maria&code=4548-4&_elements=code").json["entry"][0]["resource"];
  EXPECT_TRUE(some.contains("code"));
  EXPECT_FALSE(some.contains("subject"));
  EXPECT_EQ(some["meta"]["tag"][0]["code"].string_or(), "SUBSETTED");
  const auto both = get("/?_type=Patient,Practitioner&_count=100").ids();
  EXPECT_TRUE(both.contains("Patient/otto") && both.contains("Practitioner/dr-ada"));
  EXPECT_EQ(get("/?_type=Patient&birthdate=1988").ids(), (std::set<std::string>{"Patient/maria"}));
}

TEST_F(SandboxSearch, CompartmentIsTheOfficialOne) {
  const auto nora = get("/Patient/nora/Observation?_count=100").ids();
  EXPECT_TRUE(nora.contains("Observation/nora-apgar"));
  EXPECT_FALSE(nora.contains("Observation/maria-fetal-heart-rate"));
  EXPECT_TRUE(get("/Patient/maria/Observation?_count=100").ids().contains("Observation/nora-apgar"))
      << "performer is in the official compartment: a gateway must not rely on it";
  EXPECT_TRUE(get("/Patient/maria/*?_count=200").ids().contains("Condition/maria-asthma"));
}

TEST_F(SandboxSearch, EverythingOfAPatient) {
  const auto all = get("/Patient/leo/$everything?_count=200").ids();
  EXPECT_TRUE(all.contains("Patient/leo"));
  EXPECT_TRUE(all.contains("RelatedPerson/maria-for-leo"));
  EXPECT_TRUE(all.contains("Organization/sample-clinic"));
  for (const auto& id : all) EXPECT_FALSE(id.starts_with("Patient/") && id != "Patient/leo") << id;
  EXPECT_EQ(get("/Patient/leo/$everything?_type=Immunization").ids(),
            (std::set<std::string>{"Immunization/leo-dtap", "Immunization/leo-mmr"}));
  EXPECT_EQ(get("/Patient/$nonsense").status, 404);
}

}  // namespace
}  // namespace mitral::sandbox
