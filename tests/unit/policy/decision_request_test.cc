// decide(): gate by type and letter, and the policy of search parameters.
#include <gtest/gtest.h>

#include "fhir/r4.h"
#include "unit/policy/decision_support.h"

namespace mitral::policy::testing {
namespace {

using codec::Method;

struct Row {
  const char* scopes;
  const char* path;
  Reason expected;
};

TEST(Decide, GateByTypeLetterAndContext) {
  const Row rows[] = {
      {"patient/Observation.rs", "/Observation/1", Reason::permitted},
      {"patient/Observation.r", "/Observation/1", Reason::permitted},
      {"patient/Observation.s", "/Observation/1", Reason::insufficient_scope},
      {"patient/Observation.r", "/Observation/1/_history/2", Reason::permitted},
      {"patient/Observation.r", "/Observation/1/_history", Reason::permitted},
      {"patient/Observation.r", "/Observation/_history", Reason::insufficient_scope},
      {"patient/Observation.s", "/Observation/_history", Reason::permitted},
      {"patient/Observation.r", "/Observation", Reason::insufficient_scope},
      {"patient/Observation.s", "/Observation", Reason::permitted},
      {"patient/Observation.read", "/Observation", Reason::permitted},
      {"patient/*.rs", "/Condition", Reason::permitted},
      {"patient/Observation.rs", "/Condition", Reason::insufficient_scope},
      {"openid launch/patient", "/Observation", Reason::insufficient_scope},
      {"patient/Observation.cud", "/Observation/1", Reason::insufficient_scope},
      {"user/Observation.rs", "/Observation", Reason::permitted},
      {"patient/Observation.rs", "/Patient/maria/Observation", Reason::permitted},
      {"patient/Observation.rs", "/Patient/otto/Observation", Reason::foreign_patient},
      {"patient/Observation.rs", "/Encounter/e/Observation", Reason::permitted},
      {"patient/Observation.rs", "/Encounter/e/Condition", Reason::insufficient_scope},
      {"patient/Observation.rs", "/RelatedPerson/e/Observation", Reason::interaction_not_offered},
      {"patient/Observation.rs", "/Encounter/e/*", Reason::interaction_not_offered},
      {"patient/*.rs", "/Patient/maria/*", Reason::permitted},
      {"patient/*.rs", "/Patient/otto/*", Reason::foreign_patient},
      {"patient/*.r", "/Patient/maria/*", Reason::insufficient_scope},
      {"patient/*.rs", "/_history", Reason::permitted},
      {"patient/*.r", "/_history", Reason::insufficient_scope},
      {"patient/*.rs", "/?_id=1", Reason::permitted},
      {"patient/*.r", "/?_id=1", Reason::insufficient_scope},
      {"patient/*.rs", "/Patient/maria/$everything", Reason::permitted},
      {"patient/*.rs", "/$graphql?query=x", Reason::operation_denied},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(reason(facts(row.scopes), row.path), row.expected) << row.scopes << " " << row.path;
  }
}

TEST(Decide, S7_ReadScopesPermitNoWriteOfAnyKind) {
  const auto token = facts("patient/*.rs user/*.rs");
  for (const auto& [method, path] : {std::pair{Method::post, "/Observation"},
                                     {Method::put, "/Observation/1"},
                                     {Method::patch, "/Observation/1"},
                                     {Method::del, "/Observation/1"},
                                     {Method::put, "/Observation?code=1"},
                                     {Method::del, "/Observation?code=1"}}) {
    EXPECT_EQ(ask(token, path, method).decision.reason, Reason::insufficient_scope) << path;
  }
  // A batch has no letter of its own; each of its entries needs one.
  EXPECT_EQ(ask(token, "", Method::post).decision.reason, Reason::permitted);
  EXPECT_EQ(ask(facts("patient/*.cruds"), "/Observation", Method::post).decision.reason, Reason::permitted);
}

TEST(Decide, MsFhirServer5688_MissingClaimsDeny) {
  EXPECT_EQ(reason(facts("patient/Observation.rs", "", ""), "/Observation"), Reason::missing_context);
  EXPECT_EQ(reason(facts("user/Observation.rs", "", "maria"), "/Observation"), Reason::missing_context);
  EXPECT_EQ(reason(facts("user/Observation.rs", "PractitionerRole/1", "maria"), "/Observation"),
            Reason::missing_context);
  EXPECT_EQ(reason(facts("patient/Observation.rs", "", "../otto"), "/Observation"), Reason::missing_context);
  auto foreign = facts("user/Observation.rs", "", "");
  foreign.fhir_user = "https://evil.example/Practitioner/1";
  EXPECT_EQ(reason(foreign, "/Observation"), Reason::missing_context);
}

TEST(Decide, S16_SystemScopesOnlyWithoutAUser) {
  EXPECT_EQ(reason(facts("system/Observation.rs"), "/Observation"), Reason::insufficient_scope);
  EXPECT_EQ(reason(backend("system/Observation.rs"), "/Observation"), Reason::permitted);
  EXPECT_EQ(reason(backend("user/Observation.rs"), "/Observation"), Reason::missing_context);
  EXPECT_EQ(reason(backend("patient/Observation.rs"), "/Observation"), Reason::missing_context);
}

TEST(Decide, InjectsTheBoundOfTheType) {
  EXPECT_EQ(forwarded(ask(facts("patient/*.rs"), "/Observation?code=x")), "code=x&patient=Patient/maria");
  EXPECT_EQ(forwarded(ask(facts("patient/*.rs"), "/Patient?name=m")), "name=m&_id=maria");
  EXPECT_EQ(forwarded(ask(facts("patient/*.rs"), "/Coverage")), "patient=Patient/maria");
  EXPECT_EQ(forwarded(ask(facts("patient/*.rs"), "/ResearchSubject")), "patient=Patient/maria");
  EXPECT_EQ(forwarded(ask(facts("patient/*.rs"), "/Organization?name=x")), "name=x");
  EXPECT_EQ(forwarded(ask(facts("user/*.rs", "Practitioner/1"), "/Observation?code=x")), "code=x");
  EXPECT_EQ(forwarded(ask(backend("system/*.rs"), "/Observation?code=x")), "code=x");
  EXPECT_EQ(forwarded(ask(facts("patient/*.rs"), "/Patient/maria/Condition?code=x")),
            "patient=Patient/maria&code=x&patient=Patient/maria");
  auto mother = facts("user/*.rs", "Patient/maria", "leo");
  mother.user_patients = {"nora"};
  EXPECT_EQ(forwarded(ask(mother, "/Observation")), "patient=Patient/maria,Patient/leo,Patient/nora");
}

TEST(Decide, EveryTypeInTheCompartmentHasABoundParameter) {
  for (const auto& link : fhir::patient_links()) {
    if (link.access == fhir::PatientAccess::compartment || link.access == fhir::PatientAccess::custom) {
      EXPECT_FALSE(bound_parameter(link.type).empty()) << link.type;
    }
  }
}

TEST(Decide, S19_VariantsOfThePatientParameter) {
  const auto token = facts("patient/*.rs");
  const Row rows[] = {
      {"", "/Observation?patient=maria", Reason::permitted},
      {"", "/Observation?patient=Patient/maria", Reason::permitted},
      {"", "/Observation?patient=https://fhir.example/r4/Patient/maria", Reason::permitted},
      {"", "/Observation?subject:Patient=maria", Reason::permitted},
      {"", "/Observation?subject=Patient/maria", Reason::permitted},
      {"", "/Observation?patient=otto", Reason::foreign_patient},
      {"", "/Observation?patient=maria,otto", Reason::foreign_patient},
      {"", "/Observation?patient=maria&patient=otto", Reason::foreign_patient},
      {"", "/Observation?patient=maria&subject=Patient/otto", Reason::foreign_patient},
      {"", "/Observation?subject:Patient=otto", Reason::foreign_patient},
      {"", "/Observation?subject=Group/g", Reason::foreign_patient},
      {"", "/Observation?p%61tient=otto", Reason::foreign_patient},
      {"", "/Observation?patient=https://evil.example/r4/Patient/maria", Reason::parameter_malformed},
      {"", "/Observation?patient=Patient/maria/_history/1", Reason::parameter_malformed},
      {"", "/Observation?patient:identifier=x%7C1", Reason::parameter_denied},
      {"", "/Observation?patient:not=maria", Reason::parameter_denied},
      {"", "/Observation?patient:missing=true", Reason::parameter_denied},
      {"", "/Observation?patient=maria%5C,otto", Reason::parameter_denied},
      {"", "/Observation?patient=maria%7C1", Reason::parameter_denied},
      {"", "/Observation?Patient=otto", Reason::parameter_unknown},
      {"", "/Observation?patient;=otto", Reason::parameter_unknown},
      {"", "/Patient?_id=maria", Reason::permitted},
      {"", "/Patient?_id=otto", Reason::foreign_patient},
      {"", "/Patient?_id=maria,otto", Reason::foreign_patient},
      {"", "/Patient?_id:not=maria", Reason::parameter_denied},
      {"", "/Appointment?actor=Practitioner/1", Reason::permitted},
      {"", "/Appointment?actor=Patient/otto", Reason::foreign_patient},
      {"", "/Appointment?practitioner=1", Reason::permitted},
  };
  for (const auto& row : rows) EXPECT_EQ(reason(token, row.path), row.expected) << row.path;
  // One spelling reaches upstream, whatever was written.
  EXPECT_EQ(forwarded(ask(token, "/Observation?subject:Patient=https://fhir.example/r4/Patient/maria")),
            "subject=Patient/maria");
  const auto by_form = [&](std::string_view path, std::string_view form) {
    return decide(Access::compile(token), request(path, Method::post, form)).decision.reason;
  };
  EXPECT_EQ(by_form("/Observation/_search", "patient=otto"), Reason::foreign_patient);
  EXPECT_EQ(by_form("/Observation/_search?patient=otto", "patient=maria"), Reason::foreign_patient);
}

TEST(Decide, S9_ChainsReverseChainsAndOpaquePredicatesAreDenied) {
  const auto token = facts("patient/*.rs user/*.rs");
  for (const auto* const path :
       {"/Observation?subject:Patient.name=x", "/Observation?patient.identifier=x", "/Encounter?practitioner.name=x",
        "/Patient?_has:Observation:patient:code=x", "/Patient?_has:Observation:patient:_has:Provenance:target:agent=x",
        "/Observation?_filter=code%20eq%20x", "/Observation?_query=x", "/Observation?_content=x",
        "/Observation?_text=x", "/Observation?_list=1", "/Observation?_contained=true",
        "/Observation?_containedType=container", "/Observation?_type=Patient"}) {
    EXPECT_EQ(reason(token, path), Reason::parameter_denied) << path;
  }
}

TEST(Decide, UnknownParametersAreNeverForwarded) {
  const auto token = facts("patient/*.rs");
  for (const auto* const path :
       {"/Observation?foo=1", "/Observation?pateint=maria", "/Observation?_sort=foo", "/Observation?_at=1",
        "/Observation?_getpages=x", "/Observation?ct=1", "/Observation?_offset=5", "/Observation?_method=PUT",
        "/Observation/1?patient=maria", "/Condition?name=x"}) {
    EXPECT_EQ(reason(token, path), Reason::parameter_unknown) << path;
  }
  for (const auto* const path :
       {"/Observation?_count=x", "/Observation?_count=-1", "/Observation?_count=1&_count=2", "/Observation?date=zz5",
        "/Observation?code:above=x", "/Observation?_total=maybe", "/Observation?_elements=a.b"}) {
    EXPECT_EQ(reason(token, path), Reason::parameter_malformed) << path;
  }
  for (const auto* const path : {"/Observation/1?_summary=count", "/Observation/1/_history?_summary=text"}) {
    EXPECT_EQ(reason(token, path), Reason::parameter_unsupported) << path;
  }
}

TEST(Decide, UsCoreSearchesPass) {
  const auto token = facts("patient/*.rs");
  EXPECT_EQ(
      forwarded(
          ask(token,
              "/Observation?patient=maria&category=http://x%7Claboratory&date=ge2020&date=le2021&_count=10&_sort=-date"
              "&_include=Observation:performer&_revinclude=Provenance:target&_format=json&_pretty=true")),
      "patient=Patient/maria&category=http://x|laboratory&date=ge2020&date=le2021&_count=10&_sort=-date"
      "&_include=Observation:performer&_revinclude=Provenance:target");
  EXPECT_EQ(
      forwarded(ask(token, "/MedicationRequest?patient=maria&intent=order,plan&_include=MedicationRequest:medication")),
      "patient=Patient/maria&intent=order,plan&_include=MedicationRequest:medication");
  EXPECT_EQ(forwarded(ask(token, "/Observation?_count=9999")), "_count=500&patient=Patient/maria");
  EXPECT_EQ(forwarded(ask(token,
                          "/Observation?_id=1,2&_lastUpdated=gt2020&_elements=code,status&_total=none&_summary=false")),
            "_id=1,2&_lastUpdated=gt2020&patient=Patient/maria");
}

TEST(Decide, S10_IncludesNeedAScopeAndANamedPath) {
  const auto token = facts("patient/Observation.rs patient/Encounter.r");
  const auto left = [&](std::string_view path) { return ask(token, path).plan.left_out.size(); };
  EXPECT_EQ(left("/Observation?_include=Observation:encounter"), 0U);
  EXPECT_EQ(left("/Observation?_include=Observation:performer:Practitioner"), 1U);
  EXPECT_EQ(left("/Observation?_revinclude=Provenance:target"), 1U);
  EXPECT_EQ(left("/Encounter?_revinclude=Observation:encounter"), 0U);
  EXPECT_EQ(forwarded(ask(token, "/Observation?_revinclude=Provenance:target")), "patient=Patient/maria");
  for (const auto* const path :
       {"/Observation?_include=*", "/Observation?_include=Observation:*",
        "/Observation?_include:iterate=Observation:encounter", "/Observation?_revinclude:recurse=Provenance:target",
        "/Observation?_include=Encounter:subject", "/Observation?_revinclude=Provenance:target:Patient"}) {
    EXPECT_EQ(reason(token, path), Reason::parameter_denied) << path;
  }
  EXPECT_EQ(reason(token, "/Observation?_include=Observation:foo"), Reason::parameter_unknown);
  EXPECT_EQ(reason(token, "/Observation?_include=Observation:code"), Reason::parameter_unknown);
  EXPECT_EQ(reason(token, "/Observation?_include=Observation"), Reason::parameter_malformed);
}

TEST(Decide, S8_GranularScopesBecomeAnAdditionalFilter) {
  constexpr const char* kVitals = "patient/Observation.rs?category=http://c%7Cvital-signs";
  EXPECT_EQ(forwarded(ask(facts(kVitals), "/Observation?category=http://c%7Claboratory")),
            "category=http://c|laboratory&patient=Patient/maria&category=http://c|vital-signs");
  EXPECT_EQ(forwarded(ask(facts(std::string(kVitals) + " patient/Observation.rs?category=http://c%7Claboratory"),
                          "/Observation")),
            "patient=Patient/maria&category=http://c|vital-signs,http://c|laboratory");
  // A wider scope beside it: nothing may be filtered away.
  EXPECT_EQ(forwarded(ask(facts(std::string(kVitals) + " patient/Observation.s"), "/Observation")),
            "patient=Patient/maria");
}

TEST(Decide, MsFhirServer5817_AScopeThatCannotBeEvaluatedGrantsNothing) {
  auto token = facts("patient/Observation.rs?category=http://c%7Cvital-signs");
  auto scope = token.scopes.items().front();
  scope.text = "patient/Observation.rs?gone=1";
  scope.restrictions.front().param = "gone";
  token.scopes = {};
  token.scopes.add(scope);
  const auto decided = ask(token, "/Observation");
  EXPECT_EQ(decided.decision.reason, Reason::scope_not_evaluable);
  EXPECT_EQ(decided.decision.verdict, Verdict::indeterminate);
  EXPECT_FALSE(decided.decision.permitted());
}

TEST(Decide, FhirUserScopeReadsExactlyThatResource) {
  const auto token = facts("openid fhirUser", "Practitioner/dr-ada", "");
  EXPECT_EQ(reason(token, "/Practitioner/dr-ada"), Reason::permitted);
  EXPECT_EQ(reason(token, "/Practitioner/other"), Reason::insufficient_scope);
  EXPECT_EQ(reason(token, "/Practitioner"), Reason::insufficient_scope);
  EXPECT_EQ(reason(token, "/Practitioner/dr-ada/_history"), Reason::insufficient_scope);
  EXPECT_EQ(reason(token, "/Practitioner/dr-ada/_history/1"), Reason::insufficient_scope);
  EXPECT_EQ(reason(facts("openid", "Practitioner/dr-ada"), "/Practitioner/dr-ada"), Reason::insufficient_scope);
}

TEST(Decide, SaysWhichScopeIsMissing) {
  EXPECT_EQ(ask(facts("patient/Patient.rs"), "/Observation").scope_hint, "patient/Observation.rs");
  EXPECT_EQ(ask(facts("user/Patient.rs", "Practitioner/1", ""), "/Observation/1").scope_hint, "user/Observation.rs");
  EXPECT_EQ(ask(backend("system/Patient.rs"), "/Observation", Method::post).scope_hint, "system/Observation.c");
}

TEST(Decide, ExplainsWithoutValues) {
  Explanation lines;
  (void)decide(Access::compile(facts("patient/Observation.rs")), request("/Observation?patient=canary-id"), &lines);
  (void)decide(Access::compile(facts("patient/Observation.rs")), request("/Observation?code=canary-id"), &lines);
  ASSERT_FALSE(lines.empty());
  for (const auto& line : lines) EXPECT_EQ(line.find("canary"), std::string::npos) << line;
}

}  // namespace
}  // namespace mitral::policy::testing
