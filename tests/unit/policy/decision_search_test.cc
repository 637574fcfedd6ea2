// Searches beyond one type's plain parameters: chains, summaries, compartments, the system, conditions of writes.
#include <gtest/gtest.h>

#include <algorithm>

#include "fhir/r4.h"
#include "unit/policy/decision_support.h"

namespace mitral::policy::testing {
namespace {

using codec::Method;

bool lists(const std::vector<std::string>& types, std::string_view type) {
  return std::ranges::find(types, type) != types.end();
}

// ---------------------------------------------------------------------------------------------- chains

TEST(DecideSearch, S9_ChainsOnlyWhereNothingIsHiddenOnTheWay) {
  constexpr const char* kChains[] = {"/Observation?subject:Patient.name=x",
                                     "/Observation?patient.identifier=x",
                                     "/Observation?encounter:Encounter.status=finished",
                                     "/Observation?encounter:Encounter.patient.name=x",
                                     "/Patient?_has:Observation:patient:code=x",
                                     "/Patient?_has:Encounter:patient:_has:Observation:encounter:code=x",
                                     "/Encounter?_has:Observation:encounter:patient=otto"};
  for (const auto* const path : kChains) {
    EXPECT_EQ(reason(clinician("user/*.rs"), path), Reason::permitted) << path;
    EXPECT_EQ(reason(backend("system/*.rs"), path), Reason::permitted) << path;
    EXPECT_EQ(reason(facts("patient/*.rs"), path), Reason::parameter_denied) << path;
    EXPECT_EQ(reason(facts("user/*.rs"), path), Reason::parameter_denied) << path << ": a patient's own user/ scopes";
    EXPECT_EQ(reason(clinician("user/*.rs?_tag=a"), path), Reason::parameter_denied) << path;
    EXPECT_EQ(reason(clinician("user/*.r"), path), Reason::insufficient_scope) << path;
  }
  // A scope for the outer type says nothing about the inner one.
  const auto narrow = clinician("user/Observation.rs user/Patient.r user/Encounter.rs?status=finished");
  EXPECT_EQ(reason(narrow, "/Observation?patient.name=x"), Reason::parameter_denied);
  EXPECT_EQ(reason(narrow, "/Observation?encounter:Encounter.status=finished"), Reason::parameter_denied);
  EXPECT_EQ(reason(clinician("user/Patient.rs user/Observation.r"), "/Patient?_has:Observation:patient:code=x"),
            Reason::parameter_denied);
  // One scope that is wide beside one that is not: each type must be wide.
  EXPECT_EQ(reason(clinician("user/Observation.rs user/Patient.rs"), "/Observation?patient.name=x"), Reason::permitted);
}

TEST(DecideSearch, S9_ChainsAreReadStrictly) {
  const auto token = clinician("user/*.rs");
  const std::pair<const char*, Reason> rows[] = {
      {"/Observation?encounter.status=x", Reason::parameter_denied},  // which type?
      {"/Observation?subject.name=x", Reason::parameter_denied},      // which type?
      {"/Observation?subject:Nonsense.name=x", Reason::parameter_denied},
      {"/Observation?patient:Group.name=x", Reason::parameter_denied},
      {"/Observation?code.name=x", Reason::parameter_malformed},
      {"/Observation?nothing.name=x", Reason::parameter_unknown},
      {"/Observation?patient.nothing=x", Reason::parameter_unknown},
      {"/Observation?patient.birthdate=zz", Reason::parameter_malformed},
      {"/Observation?patient.=x", Reason::parameter_unknown},
      {"/Observation?.name=x", Reason::parameter_unknown},
      {"/Observation?encounter:Encounter.patient.organization:Organization.name=x", Reason::parameter_denied},
      {"/Patient?_has=x", Reason::parameter_denied},
      {"/Patient?_has:Observation=x", Reason::parameter_malformed},
      {"/Patient?_has:Observation:patient=x", Reason::parameter_malformed},
      {"/Patient?_has:Nonsense:patient:code=x", Reason::parameter_unknown},
      {"/Patient?_has:Observation:code:code=x", Reason::parameter_malformed},
      {"/Encounter?_has:Observation:patient:code=x", Reason::parameter_malformed},  // leads to Patient
      {"/Patient?_has:Observation:patient:encounter:Encounter.status=x", Reason::parameter_denied},
      {"/Patient?_has:Encounter:patient:_has:Observation:encounter:_has:Provenance:target:agent=x",
       Reason::parameter_denied},
  };
  for (const auto& [path, expected] : rows) EXPECT_EQ(reason(token, path), expected) << path;
  EXPECT_EQ(forwarded(ask(token, "/Observation?encounter:Encounter.patient=https://fhir.example/r4/Patient/p")),
            "encounter:Encounter.patient=Patient/p");
}

TEST(DecideSearch, S21_NoChainsAndNoLabelSearchesWhereLabelsAreHidden) {
  auto policy = std::make_shared<DataPolicy>();
  policy->labels = LabelPolicy({{{}, "R"}});
  auto token = clinician("user/*.rs");
  EXPECT_EQ(reason(token, "/Observation?_security=R"), Reason::permitted);
  token.data_policy = policy;
  EXPECT_EQ(reason(token, "/Observation?_security=R"), Reason::parameter_denied);
  EXPECT_EQ(reason(token, "/Observation?_security:not=R"), Reason::parameter_denied);
  EXPECT_EQ(reason(token, "/Observation?_sort=_security"), Reason::parameter_denied);
  EXPECT_EQ(reason(token, "/?_type=Observation&_security=R"), Reason::parameter_denied);
  EXPECT_EQ(reason(token, "/Observation?patient.name=x"), Reason::parameter_denied);
  EXPECT_EQ(reason(token, "/Patient?_has:Observation:patient:code=x"), Reason::parameter_denied);
  EXPECT_FALSE(ask(token, "/Observation").plan.unlimited);
}

TEST(DecideSearch, S13_S17_WhatABundleHoldsMayBeHidden) {
  for (const auto* const path : {"/Bundle/1", "/Bundle/1/_history", "/Bundle?_id=1", "/Bundle/_history"}) {
    EXPECT_FALSE(ask(backend("system/Bundle.rs"), path).plan.unlimited) << path << ": not everything that is in it";
    EXPECT_FALSE(ask(clinician("user/Bundle.rs user/Observation.rs"), path).plan.unlimited) << path;
    EXPECT_FALSE(ask(backend("system/Bundle.rs system/*.rs?_tag=a"), path).plan.unlimited) << path;
    EXPECT_TRUE(ask(backend("system/*.rs"), path).plan.unlimited) << path;
  }
  EXPECT_FALSE(ask(backend("system/*.s"), "/Bundle?_id=1").plan.unlimited) << "what it holds is read";
  EXPECT_FALSE(tombstone_visible(Access::compile(backend("system/Bundle.rs")), "Bundle", Origin::match));
  EXPECT_TRUE(tombstone_visible(Access::compile(backend("system/*.rs")), "Bundle", Origin::match));
}

// ---------------------------------------------------------------------------------------------- summaries

TEST(DecideSearch, S13_SummariesAreMadeHere) {
  const auto token = facts("patient/*.rs");
  const auto summary = [&](std::string_view path) {
    const auto decided = ask(token, path);
    EXPECT_TRUE(decided.decision.permitted()) << path;
    EXPECT_EQ(forwarded(decided).find("_summary"), std::string::npos) << path;
    return decided.plan.summary;
  };
  EXPECT_EQ(summary("/Observation?_summary=count"), Summary::count);
  EXPECT_EQ(summary("/Observation?_count=0"), Summary::count);
  EXPECT_EQ(summary("/Observation?_summary=text"), Summary::text);
  EXPECT_EQ(summary("/Observation?_summary=data"), Summary::data);
  EXPECT_EQ(summary("/Observation?_summary=true"), Summary::elements);
  EXPECT_EQ(summary("/Observation?_summary=false"), Summary::none);
  EXPECT_EQ(summary("/Observation/1?_summary=true"), Summary::elements);
  EXPECT_EQ(summary("/Observation/1/_history/1?_summary=text"), Summary::text);
  for (const auto* const path : {"/Observation?_summary=all", "/Observation?_summary=", "/Observation?_summary=TRUE",
                                 "/Observation?_summary=false&_summary=count"}) {
    EXPECT_EQ(reason(token, path), Reason::parameter_malformed) << path;
  }
  EXPECT_EQ(reason(token, "/Observation?_summary:not=true"), Reason::parameter_denied);
  // Whether upstream's own count may be believed.
  EXPECT_FALSE(ask(token, "/Observation?_summary=count").plan.unlimited);
  EXPECT_TRUE(ask(clinician("user/*.rs"), "/Observation?_summary=count").plan.unlimited);
  EXPECT_FALSE(ask(clinician("user/*.rs?_tag=a"), "/Observation?_summary=count").plan.unlimited);
}

// ---------------------------------------------------------------------------------------------- compartments

TEST(DecideSearch, Fhir4_1_CompartmentsAsSearchesOfTheType) {
  EXPECT_EQ(forwarded(ask(facts("patient/*.rs"), "/Encounter/e/Observation?code=x")),
            "encounter=Encounter/e&code=x&patient=Patient/maria");
  EXPECT_EQ(forwarded(ask(clinician("user/*.rs"), "/Practitioner/p/Appointment")), "practitioner=Practitioner/p");
  EXPECT_EQ(forwarded(ask(clinician("user/*.rs"), "/Device/d/DeviceUseStatement")), "device=Device/d");
  for (const auto* const path : {"/Encounter/e/Patient", "/Practitioner/p/Observation", "/Device/d/Patient",
                                 "/RelatedPerson/r/Observation", "/Encounter/e/*", "/Practitioner/p/*"}) {
    EXPECT_EQ(reason(clinician("user/*.rs"), path), Reason::interaction_not_offered) << path;
  }
  EXPECT_EQ(reason(facts("patient/*.rs"), "/Encounter/e/Observation?patient=otto"), Reason::foreign_patient);
}

TEST(DecideSearch, Fhir4_1_WholeCompartmentKeepsToTheTypesOfTheToken) {
  const auto token = facts("patient/Observation.rs patient/Condition.r patient/Immunization.s patient/Device.rs");
  const auto decided = ask(token, "/Patient/maria/*");
  EXPECT_EQ(decided.plan.types, (std::vector<std::string>{"Immunization", "Observation"}))
      << "r does not search, and a Device is in no compartment";
  EXPECT_EQ(forwarded(decided), "_type=Immunization,Observation");
  EXPECT_EQ(decided.plan.search_type, "");
  EXPECT_EQ(decided.plan.letters, "s");
  EXPECT_EQ(ask(token, "/Patient/maria/*?_type=Observation,Condition&_count=5").plan.types,
            std::vector<std::string>{"Observation"});
  EXPECT_EQ(reason(token, "/Patient/maria/*?_type=Condition"), Reason::insufficient_scope);
  EXPECT_EQ(reason(token, "/Patient/maria/*?_type=Nonsense"), Reason::parameter_malformed);
  EXPECT_EQ(reason(token, "/Patient/maria/*?code=x"), Reason::parameter_unknown);
  EXPECT_EQ(reason(token, "/Patient/maria/*?_filter=x"), Reason::parameter_denied);
  EXPECT_EQ(reason(token, "/Patient/otto/*"), Reason::foreign_patient);
  EXPECT_EQ(reason(facts("patient/Organization.rs"), "/Patient/maria/*"), Reason::insufficient_scope);
  EXPECT_EQ(reason(facts("openid"), "/Patient/maria/*"), Reason::insufficient_scope);
  EXPECT_EQ(reason(facts("patient/*.rs", "", ""), "/Patient/maria/*"), Reason::missing_context);
  // S-16: a wide scope for one type opens that type only.
  const auto both = facts("patient/*.rs user/Observation.rs", "Practitioner/1");
  EXPECT_EQ(ask(both, "/Patient/otto/*").plan.types, std::vector<std::string>{"Observation"});
  EXPECT_TRUE(lists(ask(both, "/Patient/maria/*").plan.types, "Condition"));
  for (const auto* const hidden : {"Group", "Schedule"}) {
    EXPECT_FALSE(lists(ask(facts("patient/*.rs"), "/Patient/maria/*").plan.types, hidden)) << hidden;
  }
}

// ---------------------------------------------------------------------------------------------- the system

TEST(DecideSearch, Fhir4_1_SystemSearchIsNarrowedToGrantedTypes) {
  const auto wide = ask(backend("system/*.rs"), "/?_lastUpdated=gt2020");
  EXPECT_TRUE(wide.decision.permitted());
  EXPECT_EQ(wide.plan.types.size(), fhir::resource_types().size());
  EXPECT_EQ(forwarded(wide), "_lastUpdated=gt2020") << "nothing to narrow";
  EXPECT_TRUE(wide.plan.unlimited);
  EXPECT_EQ(forwarded(ask(clinician("user/Observation.rs user/Condition.s user/Patient.r"), "/?_id=1")),
            "_id=1&_type=Condition,Observation");
  EXPECT_EQ(forwarded(ask(clinician("user/Observation.rs"), "/?_type=Observation,Patient")), "_type=Observation");
  EXPECT_EQ(reason(clinician("user/Observation.rs"), "/?_type=Patient"), Reason::insufficient_scope);
  EXPECT_EQ(reason(clinician("user/Observation.rs"), "/?_type=Nonsense"), Reason::parameter_malformed);
  EXPECT_EQ(reason(clinician("openid"), "/?_type=Patient"), Reason::insufficient_scope);
  for (const auto* const path : {"/?code=x", "/?patient=otto", "/?foo=1"}) {
    EXPECT_EQ(reason(clinician("user/*.rs"), path), Reason::parameter_unknown) << path;
  }
  for (const auto* const path : {"/?_include=Observation:subject", "/?_has:Observation:patient:code=x",
                                 "/?_revinclude=Provenance:target", "/?_filter=x", "/?subject.name=x", "/?_list=x"}) {
    EXPECT_EQ(reason(clinician("user/*.rs"), path), Reason::parameter_denied) << path;
  }
}

TEST(DecideSearch, S5_SystemSearchUnderABoundIsAlwaysBound) {
  const auto decided = ask(facts("patient/*.rs"), "/?_lastUpdated=gt2020");
  EXPECT_TRUE(decided.decision.permitted());
  EXPECT_NE(forwarded(decided).find("patient=Patient/maria"), std::string::npos);
  EXPECT_FALSE(decided.plan.unlimited);
  EXPECT_TRUE(lists(decided.plan.types, "Observation"));
  for (const auto* const type : {"Practitioner", "Patient", "Group", "Binary", "Subscription"}) {
    EXPECT_FALSE(lists(decided.plan.types, type)) << type;
  }
  EXPECT_EQ(forwarded(ask(facts("patient/*.rs"), "/?_type=Patient")), "_id=maria&_type=Patient");
  EXPECT_EQ(reason(facts("patient/*.rs"), "/?_type=Practitioner"), Reason::interaction_not_offered);
  EXPECT_EQ(reason(facts("patient/*.rs", "", ""), "/?_type=Observation"), Reason::missing_context);
}

TEST(DecideSearch, Fhir4_1_SystemHistoryNeedsSearchAndNamesItsTypes) {
  const auto decided = ask(clinician("user/Observation.rs user/Patient.r"), "/_history?_since=2020-01-01&_count=9");
  EXPECT_EQ(forwarded(decided), "_since=2020-01-01&_count=9&_type=Observation");
  EXPECT_EQ(decided.plan.types, std::vector<std::string>{"Observation"});
  EXPECT_EQ(forwarded(ask(backend("system/*.rs"), "/_history")), "");
  EXPECT_EQ(reason(clinician("user/*.r"), "/_history"), Reason::insufficient_scope);
  EXPECT_EQ(reason(clinician("user/*.rs"), "/_history?_type=Patient"), Reason::parameter_denied);
}

// ---------------------------------------------------------------------------------------------- conditions of writes

RequestDecision conditional(const TokenFacts& token, std::string_view path, Method method,
                            std::string_view if_none_exist = {}) {
  auto interaction = request(path, method, {}, !if_none_exist.empty());
  for (auto& param : fhir::parse_query(if_none_exist).value()) interaction.params.push_back(param);
  return decide(Access::compile(token), interaction);
}

TEST(DecideSearch, S15_ConditionalCreateIsASearchWithinTheBound) {
  const auto token = facts("patient/Observation.cs");
  const auto decided = conditional(token, "/Observation", Method::post, "identifier=x");
  EXPECT_TRUE(decided.decision.permitted());
  EXPECT_EQ(forwarded(decided), "identifier=x&patient=Patient/maria");
  EXPECT_EQ(conditional(facts("patient/Observation.c"), "/Observation", Method::post, "identifier=x").decision.reason,
            Reason::insufficient_scope);
  EXPECT_EQ(conditional(facts("patient/Observation.s"), "/Observation", Method::post, "identifier=x").decision.reason,
            Reason::insufficient_scope);
  const auto why = [&](std::string_view match) {
    return conditional(token, "/Observation", Method::post, match).decision.reason;
  };
  EXPECT_EQ(why("patient=otto"), Reason::foreign_patient);
  EXPECT_EQ(why("foo=1"), Reason::parameter_unknown);
  EXPECT_EQ(why("_format=json"), Reason::parameter_malformed) << "no condition at all";
  for (const auto* const match :
       {"identifier=x&_count=1", "identifier=x&_include=Observation:subject", "identifier=x&_summary=count",
        "subject:Patient.name=x", "_filter=x", "_has:Provenance:target:agent=x", "identifier=x&_sort=date"}) {
    EXPECT_EQ(why(match), Reason::parameter_denied) << match;
  }
  // Not even where nothing is hidden: a condition is resolved to ids here, and those must be found by content.
  EXPECT_EQ(conditional(clinician("user/*.cruds"), "/Observation", Method::post, "patient.name=x").decision.reason,
            Reason::parameter_denied);
}

TEST(DecideSearch, S15_ConditionalChangesAreOffUnderPatientScopes) {
  for (const auto method : {Method::put, Method::patch, Method::del}) {
    EXPECT_EQ(conditional(facts("patient/*.cruds"), "/Observation?identifier=x", method).decision.reason,
              Reason::interaction_not_offered);
    EXPECT_EQ(
        conditional(facts("patient/*.cruds user/Observation.s", "Practitioner/1"), "/Observation?identifier=x", method)
            .decision.reason,
        Reason::interaction_not_offered)
        << "found by one scope, changed by another of the other kind";
    EXPECT_EQ(forwarded(conditional(clinician("user/*.cruds"), "/Observation?identifier=x", method)), "identifier=x");
    EXPECT_EQ(forwarded(conditional(facts("user/*.cruds"), "/Observation?identifier=x", method)),
              "identifier=x&patient=Patient/maria");
    EXPECT_EQ(conditional(clinician("user/*.rs"), "/Observation?identifier=x", method).decision.reason,
              Reason::insufficient_scope);
    EXPECT_EQ(conditional(clinician("user/*.cud"), "/Observation?identifier=x", method).decision.reason,
              Reason::insufficient_scope);
    EXPECT_EQ(conditional(clinician("user/*.cruds"), "/Observation?_format=json", method).decision.reason,
              Reason::parameter_malformed)
        << "all of a type";
    EXPECT_EQ(
        conditional(clinician("user/*.cruds"), "/Observation?identifier=x&_cascade=delete", method).decision.reason,
        Reason::parameter_unknown);
  }
}

TEST(DecideSearch, Fhir4_7_WritesTakeNoParametersThatChangeTheirMeaning) {
  const auto token = backend("system/*.cruds");
  for (const auto* const query : {"_cascade=delete", "_expunge=true", "hardDelete=true", "_allowPartialSuccess=true"}) {
    const auto path = "/Observation/1?" + std::string(query);
    EXPECT_EQ(reason(token, path, Method::del), Reason::parameter_unknown) << query;
    EXPECT_EQ(reason(token, path, Method::put), Reason::parameter_unknown) << query;
    EXPECT_EQ(reason(token, "/?" + std::string(query), Method::post), Reason::parameter_unknown) << query;
  }
  EXPECT_EQ(reason(token, "/Observation/1?_format=json&_pretty=true", Method::put), Reason::permitted);
  EXPECT_EQ(reason(token, "/Observation?identifier=x", Method::post), Reason::parameter_unknown)
      << "a condition belongs in If-None-Exist";
}

// ---------------------------------------------------------------------------------------------- Binary

TEST(DecideSearch, S17_BinaryIsAskedForByReadersOfDocuments) {
  EXPECT_EQ(reason(facts("patient/DocumentReference.rs"), "/Binary/b"), Reason::permitted);
  EXPECT_EQ(reason(facts("patient/Binary.r"), "/Binary/b"), Reason::permitted);
  EXPECT_EQ(reason(facts("patient/Observation.rs"), "/Binary/b"), Reason::insufficient_scope);
  EXPECT_EQ(reason(facts("patient/DocumentReference.rs"), "/Binary/b/_history/1"), Reason::insufficient_scope);
  EXPECT_EQ(reason(facts("patient/DocumentReference.rs"), "/Binary"), Reason::insufficient_scope);
  EXPECT_EQ(reason(facts("patient/DocumentReference.rs"), "/Binary/b", Method::del), Reason::insufficient_scope);
  const auto binary = json(R"({"resourceType":"Binary","id":"b","data":"AA=="})");
  for (const auto* const scopes : {"patient/*.rs", "patient/DocumentReference.rs", "user/*.rs"}) {
    EXPECT_FALSE(resource_visible(Access::compile(facts(scopes)), binary, Origin::read).permitted()) << scopes;
  }
  EXPECT_TRUE(resource_visible(Access::compile(clinician("user/*.rs")), binary, Origin::read).permitted());
}

TEST(DecideSearch, ADenialCarriesNoPlan) {
  const auto decided = ask(facts("patient/*.rs"), "/Observation?code=x&_filter=y");
  EXPECT_FALSE(decided.decision.permitted());
  EXPECT_TRUE(decided.plan.forward.empty());
  EXPECT_TRUE(decided.plan.kept.empty());
  EXPECT_EQ(decided.parameter, "_filter");
}

}  // namespace
}  // namespace mitral::policy::testing
