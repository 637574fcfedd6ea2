// Operations: the closed list, and what each may be given (smart-fhir §3.3, §4.9).
#include <gtest/gtest.h>

#include <algorithm>

#include "fhir/r4.h"
#include "policy/fhir_operations.h"
#include "unit/policy/decision_support.h"

namespace mitral::policy::testing {
namespace {

using codec::Method;

RequestDecision post(const TokenFacts& token, std::string_view path,
                     const std::vector<std::pair<std::string, std::string>>& body) {
  auto interaction = request(path, Method::post);
  for (const auto& [name, value] : body) interaction.params.push_back({name, value, true});
  return decide(Access::compile(token), interaction);
}

TEST(Operations, S14_WhatIsNotListedIsDeniedWhateverTheScopes) {
  for (const auto& token :
       {facts("patient/*.cruds user/*.cruds"), clinician("user/*.cruds"), backend("system/*.cruds")}) {
    for (const auto* const path : {"/$graphql",
                                   "/Patient/maria/$graphql",
                                   "/$graphql?query=x",
                                   "/Patient/$everything",
                                   "/$everything",
                                   "/Observation/1/$everything",
                                   "/Patient/$match",
                                   "/Patient/maria/$match",
                                   "/Patient/maria/$meta",
                                   "/$meta",
                                   "/Observation/$meta",
                                   "/Patient/maria/$meta-add",
                                   "/Patient/maria/$meta-delete",
                                   "/$expunge",
                                   "/Patient/$expunge",
                                   "/Patient/maria/$expunge",
                                   "/$reindex",
                                   "/Patient/$merge",
                                   "/$import",
                                   "/$process-message",
                                   "/Measure/m/$evaluate-measure",
                                   "/Measure/$submit-data",
                                   "/PlanDefinition/p/$apply",
                                   "/Patient/$member-match",
                                   "/Patient/maria/$purge",
                                   "/Observation/$stats",
                                   "/$convert",
                                   "/$diff",
                                   "/Patient/maria/$diff",
                                   "/$includes",
                                   "/Composition/$document",
                                   "/Observation/1/$lastn",
                                   "/$lastn",
                                   "/DocumentReference/1/$docref",
                                   "/Patient/maria/$export",
                                   "/Group/$export",
                                   "/Observation/$export",
                                   "/Observation/1/$validate",
                                   "/$validate",
                                   "/CodeSystem/c/$lookup",
                                   "/$expand",
                                   "/Patient/maria/$EVERYTHING",
                                   "/Patient/maria/$everything-else"}) {
      for (const auto method : {Method::get, Method::post}) {
        EXPECT_EQ(reason(token, path, method), Reason::operation_denied) << path;
      }
    }
  }
  EXPECT_EQ(reason(clinician("user/*.rs"), "/Patient/$validate"), Reason::operation_denied) << "by POST only";
}

TEST(Operations, EveryRuleHasAPlaceAndAMethod) {
  for (const auto& rule : operation_rules()) {
    EXPECT_TRUE(rule.at_instance || rule.at_type || rule.at_system) << rule.name;
    EXPECT_TRUE(rule.by_get || rule.by_post) << rule.name;
    EXPECT_EQ(rule.type.empty(), rule.at_system) << rule.name;
    if (!rule.type.empty() && rule.type != "*") EXPECT_TRUE(fhir::is_resource_type(rule.type)) << rule.name;
  }
}

TEST(Operations, S14_EverythingOfThePatientWithinTheBoundOnly) {
  const auto token = facts("patient/Observation.rs patient/Condition.rs patient/Patient.r");
  const auto decided = ask(token, "/Patient/maria/$everything?_count=10&_since=2020-01-01&start=2020&end=2021");
  EXPECT_TRUE(decided.decision.permitted());
  EXPECT_EQ(forwarded(decided), "_count=10&_since=2020-01-01&start=2020&end=2021&_type=Condition,Observation");
  EXPECT_EQ(decided.plan.types, (std::vector<std::string>{"Condition", "Observation"}));
  ASSERT_NE(decided.plan.operation, nullptr);
  EXPECT_EQ(decided.plan.operation->treatment, Treatment::everything);
  EXPECT_EQ(decided.plan.letters, "s");
  EXPECT_EQ(reason(token, "/Patient/otto/$everything"), Reason::foreign_patient);
  EXPECT_EQ(reason(token, "/Patient/otto/$everything", Method::post), Reason::foreign_patient);
  EXPECT_EQ(ask(token, "/Patient/maria/$everything?_type=Observation,Encounter").plan.types,
            std::vector<std::string>{"Observation"});
  EXPECT_EQ(reason(token, "/Patient/maria/$everything?_type=Encounter"), Reason::insufficient_scope);
  EXPECT_EQ(reason(facts("patient/*.r"), "/Patient/maria/$everything"), Reason::insufficient_scope);
  EXPECT_EQ(reason(facts("openid"), "/Patient/maria/$everything"), Reason::insufficient_scope);
  for (const auto* const path : {"/Patient/maria/$everything?patient=otto", "/Patient/maria/$everything?_id=otto",
                                 "/Patient/maria/$everything?_include=x", "/Patient/maria/$everything?_filter=x"}) {
    EXPECT_EQ(reason(token, path), Reason::parameter_unknown) << path;
  }
  EXPECT_EQ(reason(token, "/Patient/maria/$everything?_count=0"), Reason::parameter_malformed);
  EXPECT_EQ(reason(token, "/Patient/maria/$everything?start=x%26y"), Reason::parameter_malformed);
  // S-16: for another patient only the types of the scope that is not bound to one.
  const auto both = facts("patient/*.rs user/Observation.rs", "Practitioner/1");
  EXPECT_EQ(ask(both, "/Patient/otto/$everything").plan.types, std::vector<std::string>{"Observation"});
  auto mother = facts("user/*.rs");
  mother.user_patients = {"leo"};
  EXPECT_EQ(reason(mother, "/Patient/leo/$everything"), Reason::permitted);
  EXPECT_EQ(reason(mother, "/Patient/otto/$everything"), Reason::foreign_patient);
  EXPECT_EQ(forwarded(ask(backend("system/*.rs"), "/Patient/otto/$everything")), "");
}

TEST(Operations, EncounterEverythingAndDocument) {
  const auto token = facts("patient/*.rs");
  EXPECT_EQ(reason(token, "/Encounter/e/$everything?_count=5"), Reason::permitted);
  EXPECT_EQ(reason(token, "/Encounter/e/$everything?start=2020"), Reason::parameter_unknown);
  const auto document = ask(token, "/Composition/c/$document?persist=false");
  EXPECT_TRUE(document.decision.permitted());
  EXPECT_EQ(document.plan.operation->treatment, Treatment::document);
  EXPECT_EQ(document.plan.letters, "r");
  EXPECT_EQ(forwarded(document), "");
  EXPECT_EQ(reason(token, "/Composition/c/$document?persist=true"), Reason::parameter_denied) << "that is a write";
  EXPECT_EQ(reason(token, "/Composition/c/$document?graph=x"), Reason::parameter_denied);
  EXPECT_EQ(reason(facts("patient/Observation.rs"), "/Composition/c/$document"), Reason::insufficient_scope);
  EXPECT_EQ(reason(facts("patient/Composition.s"), "/Composition/c/$document"), Reason::insufficient_scope);
}

TEST(Operations, LastnIsASearch) {
  const auto token = facts("patient/Observation.rs");
  EXPECT_EQ(forwarded(ask(token, "/Observation/$lastn?category=x&max=3")), "category=x&patient=Patient/maria&max=3");
  EXPECT_EQ(reason(token, "/Observation/$lastn?patient=otto"), Reason::foreign_patient);
  EXPECT_EQ(reason(token, "/Observation/$lastn?subject:Patient=otto"), Reason::foreign_patient);
  EXPECT_EQ(reason(token, "/Observation/$lastn?patient.name=x"), Reason::parameter_denied);
  EXPECT_EQ(reason(token, "/Observation/$lastn?max=0"), Reason::parameter_malformed);
  EXPECT_EQ(reason(token, "/Observation/$lastn?max=1&max=2"), Reason::parameter_malformed);
  EXPECT_EQ(reason(token, "/Observation/$lastn?max=x"), Reason::parameter_malformed);
  EXPECT_EQ(reason(token, "/Observation/$lastn?foo=1"), Reason::parameter_unknown);
  EXPECT_EQ(reason(facts("patient/Observation.r"), "/Observation/$lastn"), Reason::insufficient_scope);
  EXPECT_EQ(forwarded(ask(facts("patient/Observation.s?category=http://c%7Clab"), "/Observation/$lastn")),
            "patient=Patient/maria&category=http://c|lab");
}

TEST(Operations, DocrefDemandsAPatientWithinTheBound) {
  const auto token = facts("patient/DocumentReference.rs");
  EXPECT_EQ(forwarded(ask(token, "/DocumentReference/$docref")), "patient=maria");
  EXPECT_EQ(forwarded(ask(token, "/DocumentReference/$docref?patient=Patient/maria&start=2020-01-01")),
            "patient=maria&start=2020-01-01");
  EXPECT_EQ(reason(token, "/DocumentReference/$docref?patient=otto"), Reason::foreign_patient);
  for (const auto* const value :
       {"maria,otto", "maria%7C1", "Group/maria", "Patient/maria/_history/1", "", "http://x/Patient/maria"}) {
    EXPECT_EQ(reason(token, "/DocumentReference/$docref?patient=" + std::string(value)), Reason::parameter_malformed)
        << value;
  }
  EXPECT_EQ(reason(token, "/DocumentReference/$docref?patient=maria&patient=maria"), Reason::parameter_malformed);
  EXPECT_EQ(reason(token, "/DocumentReference/$docref?patient:not=maria"), Reason::parameter_unknown);
  EXPECT_EQ(reason(clinician("user/*.rs"), "/DocumentReference/$docref"), Reason::parameter_malformed);
  EXPECT_EQ(forwarded(ask(clinician("user/*.rs"), "/DocumentReference/$docref?patient=otto&type=http://x%7Cy")),
            "patient=otto&type=http://x|y");
  const auto posted = post(token, "/DocumentReference/$docref", {{"patient", "maria"}, {"on-demand", "true"}});
  EXPECT_EQ(forwarded(posted), "patient=maria&on-demand=true");
  EXPECT_TRUE(posted.plan.forward.front().from_body);
  EXPECT_EQ(post(token, "/DocumentReference/$docref", {{"patient", "otto"}}).decision.reason, Reason::foreign_patient);
  EXPECT_EQ(reason(facts("patient/Observation.rs"), "/DocumentReference/$docref"), Reason::insufficient_scope);
}

TEST(Operations, S22_ExportIsForSystemScopesOnly) {
  for (const auto* const path : {"/$export", "/Patient/$export", "/Group/g/$export"}) {
    EXPECT_EQ(reason(backend("system/*.rs"), path), Reason::permitted) << path;
    EXPECT_EQ(reason(clinician("user/*.cruds"), path), Reason::insufficient_scope) << path;
    EXPECT_EQ(reason(facts("patient/*.rs user/*.rs"), path), Reason::insufficient_scope) << path;
    EXPECT_EQ(reason(backend("system/*.r"), path), Reason::insufficient_scope) << path;
    EXPECT_EQ(reason(backend("system/*.s"), path), Reason::insufficient_scope) << path;
    EXPECT_EQ(ask(clinician("user/*.rs"), path).scope_hint.substr(0, 7), "system/");
  }
  // A user's token cannot carry system/ scopes to any effect.
  EXPECT_EQ(reason(facts("system/*.rs"), "/$export"), Reason::insufficient_scope);
}

TEST(Operations, Fhir3_3_ExportedTypesAreThoseGranted) {
  EXPECT_EQ(forwarded(ask(backend("system/*.rs"), "/$export")), "") << "everything is granted";
  EXPECT_EQ(forwarded(ask(backend("system/*.read"), "/$export?_type=Patient,Observation")),
            "_type=Observation,Patient");
  const auto two = backend("system/Observation.rs system/Patient.r system/Patient.s system/Condition.r");
  EXPECT_EQ(forwarded(ask(two, "/$export")), "_type=Observation,Patient");
  EXPECT_EQ(ask(two, "/$export").plan.types, (std::vector<std::string>{"Observation", "Patient"}));
  EXPECT_EQ(reason(two, "/$export?_type=Condition"), Reason::insufficient_scope);
  EXPECT_EQ(reason(two, "/$export?_type=Patient,Condition"), Reason::insufficient_scope);
  EXPECT_EQ(ask(two, "/$export?_type=Patient,Condition").scope_hint, "system/Condition.rs");
  EXPECT_EQ(reason(two, "/$export?_type=Nonsense"), Reason::parameter_malformed);
  EXPECT_EQ(reason(two, "/$export?_type="), Reason::parameter_malformed);
  // Granular: the lines are judged one by one.
  const auto granular = ask(backend("system/Observation.rs?category=http://c%7Clab"), "/$export");
  EXPECT_TRUE(granular.decision.permitted());
  EXPECT_FALSE(granular.plan.unlimited);
  EXPECT_EQ(granular.plan.types, std::vector<std::string>{"Observation"});
}

TEST(Operations, Fhir3_3_GroupExportNeedsTheGroup) {
  EXPECT_EQ(reason(backend("system/Observation.rs"), "/Group/g/$export"), Reason::insufficient_scope);
  EXPECT_EQ(reason(backend("system/Observation.rs system/Group.r"), "/Group/g/$export"), Reason::permitted);
  // Which groups a client may export can be said by a scope.
  const auto one = backend("system/Observation.rs system/Group.r?_id=mine");
  EXPECT_EQ(reason(one, "/Group/mine/$export"), Reason::permitted);
  EXPECT_EQ(reason(one, "/Group/other/$export"), Reason::insufficient_scope);
  EXPECT_EQ(reason(backend("system/Observation.rs system/Group.r?code=x"), "/Group/g/$export"),
            Reason::insufficient_scope)
      << "the Group's content is not at hand";
}

TEST(Operations, Fhir3_3_ExportParameters) {
  const auto token = backend("system/*.rs");
  EXPECT_EQ(forwarded(ask(token, "/$export?_outputFormat=ndjson&_since=2020-01-01T00:00:00Z&_until=2021-01-01")),
            "_outputFormat=application/fhir+ndjson&_since=2020-01-01T00:00:00Z&_until=2021-01-01");
  EXPECT_EQ(forwarded(ask(token, "/$export?_outputFormat=application/fhir%2Bndjson")),
            "_outputFormat=application/fhir+ndjson");
  EXPECT_EQ(reason(token, "/$export?_outputFormat=text/csv"), Reason::parameter_unsupported);
  EXPECT_EQ(reason(token, "/$export?_typeFilter=Observation%3Fcode%3Dx"), Reason::parameter_denied);
  EXPECT_EQ(reason(token, "/Patient/$export?patient=Patient/maria"), Reason::parameter_denied) << "by POST only";
  EXPECT_EQ(reason(token, "/$export?_since=x"), Reason::parameter_malformed);
  EXPECT_EQ(reason(token, "/$export?_mystery=1"), Reason::parameter_unknown);
  EXPECT_EQ(reason(token, "/$export?_filter=1"), Reason::parameter_unknown);
  EXPECT_EQ(reason(token, "/$export?organizeOutputBy=Patient"), Reason::permitted);
  EXPECT_EQ(reason(token, "/$export?organizeOutputBy=../x"), Reason::parameter_malformed);
  EXPECT_EQ(reason(token, "/$export?includeAssociatedData=LatestProvenanceResources"), Reason::permitted);
  EXPECT_EQ(reason(token, "/$export?includeAssociatedData=_all"), Reason::parameter_unsupported);
  EXPECT_EQ(reason(backend("system/Patient.rs"), "/$export?includeAssociatedData=LatestProvenanceResources"),
            Reason::insufficient_scope);
  const auto elements = ask(token, "/$export?_elements=Patient.name,id");
  EXPECT_EQ(elements.plan.elements, (std::vector<std::string>{"Patient.name", "id"}));
  EXPECT_EQ(forwarded(elements), "") << "what lines are judged by must be in them";
  EXPECT_EQ(forwarded(post(token, "/Patient/$export", {{"patient", "Patient/maria"}, {"_type", "Patient"}})),
            "patient=Patient/maria&_type=Patient");
  EXPECT_EQ(post(token, "/Patient/$export", {{"patient", "Group/maria"}}).decision.reason, Reason::parameter_malformed);
  EXPECT_EQ(post(token, "/$export", {{"patient", "Patient/maria"}}).decision.reason, Reason::parameter_denied);
}

TEST(Operations, StatelessOnesNeedToReadTheTypeAndTakeListedParametersOnly) {
  const auto token = clinician("user/ValueSet.r user/CodeSystem.r user/ConceptMap.r user/Patient.r");
  for (const auto* const path :
       {"/ValueSet/$expand?url=http://x&filter=a", "/ValueSet/v/$expand", "/CodeSystem/$lookup?code=1&system=http://x",
        "/ValueSet/$validate-code?url=http://x&code=1", "/CodeSystem/$validate-code?url=http://x&code=1",
        "/ConceptMap/$translate?code=1&system=http://x&target=http://y"}) {
    EXPECT_EQ(reason(token, path), Reason::permitted) << path;
    EXPECT_EQ(reason(clinician("user/Observation.rs"), path), Reason::insufficient_scope) << path;
  }
  EXPECT_EQ(reason(token, "/ValueSet/$expand?valueSet=x"), Reason::parameter_unknown);
  EXPECT_EQ(reason(token, "/ValueSet/$expand?_filter=x"), Reason::parameter_unknown);
  EXPECT_EQ(reason(token, "/Patient/$validate?profile=http://x", Method::post), Reason::permitted);
  EXPECT_EQ(reason(token, "/Observation/$validate", Method::post), Reason::insufficient_scope);
  EXPECT_EQ(reason(token, "/Patient/$validate?mode=delete", Method::post), Reason::parameter_denied);
  EXPECT_EQ(reason(token, "/Patient/$validate?id=otto", Method::post), Reason::parameter_unknown);
}

TEST(Operations, ExplainsWithoutValues) {
  Explanation lines;
  for (const auto* const path : {"/Patient/canary/$everything", "/DocumentReference/$docref?patient=canary",
                                 "/Patient/maria/$everything?canary=1", "/$graphql?query=canary"}) {
    (void)decide(Access::compile(facts("patient/*.rs")), request(path), &lines);
  }
  ASSERT_GE(lines.size(), 8U);
  for (const auto& line : lines) EXPECT_EQ(line.find("canary"), std::string::npos) << line;
}

}  // namespace
}  // namespace mitral::policy::testing
