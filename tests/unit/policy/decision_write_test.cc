// write_allowed(): content before and after (smart-fhir §4.7).
#include <gtest/gtest.h>

#include "unit/policy/decision_support.h"

namespace mitral::policy::testing {
namespace {

using codec::Json;
using codec::Method;

Reason create(const TokenFacts& token, const Json& after) {
  return write_allowed(Access::compile(token), 'c', nullptr, &after).reason;
}
Reason update(const TokenFacts& token, const Json& before, const Json& after) {
  return write_allowed(Access::compile(token), 'u', &before, &after).reason;
}
Reason upsert(const TokenFacts& token, const Json& after) {
  return write_allowed(Access::compile(token), 'u', nullptr, &after).reason;
}
Reason remove(const TokenFacts& token, const Json& before) {
  return write_allowed(Access::compile(token), 'd', &before, nullptr).reason;
}

const Reason kOk = Reason::permitted;

TEST(Write, S7_EachLetterIsNeededByItself) {
  const auto own = observation("maria");
  EXPECT_EQ(create(facts("patient/Observation.c"), own), kOk);
  EXPECT_EQ(update(facts("patient/Observation.u"), own, own), kOk);
  EXPECT_EQ(remove(facts("patient/Observation.d"), own), kOk);
  for (const auto* const scopes : {"patient/Observation.ruds", "patient/Condition.c", "openid", "patient/*.rs"}) {
    EXPECT_EQ(create(facts(scopes), own), Reason::insufficient_scope) << scopes;
  }
  EXPECT_EQ(update(facts("patient/Observation.crds"), own, own), Reason::insufficient_scope);
  EXPECT_EQ(remove(facts("patient/Observation.crus"), own), Reason::insufficient_scope);
  EXPECT_EQ(create(facts("patient/Observation.cruds", "", ""), own), Reason::missing_context);
}

TEST(Write, S5_OnlyOfTheTokensPatient) {
  const auto all = facts("patient/*.cruds");
  const auto own = observation("maria");
  const auto foreign = observation("otto");
  EXPECT_EQ(create(all, foreign), Reason::resource_not_in_bound);
  EXPECT_EQ(create(all, json(R"({"resourceType":"Observation","status":"final"})")), Reason::resource_not_in_bound);
  EXPECT_EQ(update(all, foreign, foreign), Reason::resource_not_in_bound);
  EXPECT_EQ(remove(all, foreign), Reason::resource_not_in_bound);
  EXPECT_EQ(create(all, json(R"({"resourceType":"Patient"})")), Reason::resource_not_in_bound);
  EXPECT_EQ(create(all, json(R"({"resourceType":"Patient","id":"maria"})")), Reason::resource_not_in_bound)
      << "upstream chooses the id";
  EXPECT_EQ(update(all, json(R"({"resourceType":"Patient","id":"maria"})"),
                   json(R"({"resourceType":"Patient","id":"maria","gender":"female"})")),
            kOk);
  EXPECT_EQ(upsert(all, json(R"({"resourceType":"Patient","id":"otto"})")), Reason::resource_not_in_bound);
  auto mother = facts("user/*.cruds");
  mother.user_patients = {"leo"};
  EXPECT_EQ(create(mother, observation("leo")), kOk);
  EXPECT_EQ(create(mother, foreign), Reason::resource_not_in_bound);
  EXPECT_EQ(create(clinician("user/*.cruds"), foreign), kOk);
  EXPECT_EQ(create(backend("system/*.c"), foreign), kOk);
}

TEST(Write, Fhir4_7_StealingByUpdateIsRefusedBothWays) {
  const auto all = facts("patient/*.cruds");
  // Taking a foreign resource into one's own compartment, and the reverse.
  EXPECT_EQ(update(all, observation("otto"), observation("maria")), Reason::link_changed);
  EXPECT_EQ(update(all, observation("maria"), observation("otto")), Reason::link_changed);
  // Nobody moves a resource to another patient, however wide the scope.
  EXPECT_EQ(update(clinician("user/*.cruds"), observation("otto"), observation("maria")), Reason::link_changed);
  EXPECT_EQ(update(backend("system/*.cruds"), observation("otto"), json(R"({"resourceType":"Observation","id":"o1"})")),
            Reason::link_changed);
  EXPECT_EQ(update(backend("system/*.cruds"), observation("otto"), observation("otto", {}, "o2")),
            Reason::link_changed);
  EXPECT_EQ(update(backend("system/*.cruds"), observation("otto"),
                   json(R"({"resourceType":"Condition","id":"o1","subject":{"reference":"Patient/otto"}})")),
            Reason::link_changed);
  // Another spelling of the same link is the same link.
  EXPECT_EQ(update(all, observation("maria"),
                   json(R"({"resourceType":"Observation","id":"o1",)"
                        R"("subject":{"reference":"https://fhir.example/r4/Patient/maria"}})")),
            kOk);
  const auto meeting = [](std::string_view actors) {
    return json(R"({"resourceType":"Appointment","id":"a","participant":[)" + std::string(actors) + "]}");
  };
  constexpr const char* kMaria = R"({"actor":{"reference":"Patient/maria"}})";
  constexpr const char* kBoth = R"({"actor":{"reference":"Patient/maria"}},{"actor":{"reference":"Patient/otto"}})";
  EXPECT_EQ(update(all, meeting(kMaria), meeting(kBoth)), Reason::link_changed);
  EXPECT_EQ(create(all, meeting(kBoth)), Reason::resource_not_in_bound);
  EXPECT_EQ(update(all, meeting(kMaria),
                   meeting(R"({"actor":{"reference":"Practitioner/1"}},{"actor":{"reference":"Patient/maria"}})")),
            kOk);
}

TEST(Write, Fhir4_1_UpsertDemandsCreateAsWell) {
  const auto own = observation("maria");
  EXPECT_EQ(upsert(facts("patient/Observation.u"), own), Reason::insufficient_scope);
  EXPECT_EQ(upsert(facts("patient/Observation.c"), own), Reason::insufficient_scope);
  EXPECT_EQ(upsert(facts("patient/Observation.cu"), own), kOk);
  EXPECT_EQ(upsert(facts("patient/Observation.c patient/Observation.u"), own), kOk);
  EXPECT_EQ(upsert(facts("patient/*.cud"), observation("otto")), Reason::resource_not_in_bound);
}

constexpr const char* kLab = R"(,"category":[{"coding":[{"system":"http://c","code":"laboratory"}]}])";
constexpr const char* kVitals = R"(,"category":[{"coding":[{"system":"http://c","code":"vital-signs"}]}])";

TEST(Write, S8_RestrictionsHoldBeforeAndAfter) {
  const auto token = facts("patient/Observation.cruds?category=http://c%7Cvital-signs");
  EXPECT_EQ(create(token, observation("maria", kVitals)), kOk);
  EXPECT_EQ(create(token, observation("maria", kLab)), Reason::resource_not_in_scope);
  EXPECT_EQ(create(token, observation("maria")), Reason::resource_not_in_scope);
  EXPECT_EQ(update(token, observation("maria", kVitals), observation("maria", kVitals)), kOk);
  EXPECT_EQ(update(token, observation("maria", kLab), observation("maria", kVitals)), Reason::resource_not_in_scope);
  EXPECT_EQ(update(token, observation("maria", kVitals), observation("maria", kLab)), Reason::resource_not_in_scope);
  EXPECT_EQ(remove(token, observation("maria", kLab)), Reason::resource_not_in_scope);
}

TEST(Write, S16_OneRuleJustifiesBothStates) {
  // Two scopes, each of which holds one of the states only.
  const auto token = facts(
      "patient/Observation.u?category=http://c%7Cvital-signs patient/Observation.u?category=http://c%7Claboratory");
  EXPECT_EQ(update(token, observation("maria", kVitals), observation("maria", kLab)), Reason::resource_not_in_scope);
  EXPECT_EQ(update(token, observation("maria", kLab), observation("maria", kLab)), kOk);
  // The bound of one scope and the letter of another.
  const auto mixed = facts("patient/Observation.cud user/Observation.rs", "Practitioner/1");
  EXPECT_EQ(create(mixed, observation("otto")), Reason::resource_not_in_bound);
}

TEST(Write, Fhir4_7_LabelsAndPolicyTagsStay) {
  const auto with = [](std::string_view meta) {
    return observation("maria", R"(,"meta":{)" + std::string(meta) + "}");
  };
  constexpr const char* kR =
      R"("security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}])";
  constexpr const char* kN =
      R"("security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"N"}])";
  constexpr const char* kTag =
      R"("tag":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"HMARKT"}])";
  constexpr const char* kPlain = R"("tag":[{"system":"urn:app","code":"draft"}])";
  for (const auto& token : {facts("patient/*.cruds"), clinician("user/*.cruds"), backend("system/*.cruds")}) {
    EXPECT_EQ(update(token, with(kR), with(kN)), Reason::label_changed);
    EXPECT_EQ(update(token, with(kR), observation("maria")), Reason::label_changed);
    EXPECT_EQ(update(token, observation("maria"), with(kR)), Reason::label_changed);
    EXPECT_EQ(update(token, observation("maria"), with(kTag)), Reason::label_changed);
    EXPECT_EQ(update(token, with(kTag), observation("maria")), Reason::label_changed);
    EXPECT_EQ(update(token, with(kR), with(kR)), kOk);
    EXPECT_EQ(update(token, with(kPlain), observation("maria")), kOk) << "an app's own tags are its own";
  }
  // What a source system creates it may label; under a bound nobody sorts their own data into what others see.
  EXPECT_EQ(create(facts("patient/*.cruds"), with(kN)), Reason::label_changed);
  EXPECT_EQ(create(clinician("user/*.cruds"), with(kR)), kOk);
  EXPECT_EQ(create(facts("patient/*.cruds"), with(kPlain)), kOk);
  EXPECT_EQ(update(clinician("user/*.cruds"), observation("maria"),
                   observation("maria", R"(,"contained":[{"resourceType":"Medication","id":"m","meta":{)" +
                                            std::string(kR) + "}}]")),
            Reason::label_changed);
}

TEST(Write, Fhir4_7_ReferencesToOtherPatientsAreRefused) {
  const auto all = facts("patient/*.cruds");
  const auto focus = [](std::string_view reference) {
    return observation("maria", R"(,"focus":[{"reference":")" + std::string(reference) + R"("}])");
  };
  for (const auto* const reference :
       {"Patient/otto", "https://fhir.example/r4/Patient/otto", "Patient/otto/_history/1",
        "http://upstream:8080/fhir/Patient/otto", "patient/otto", "Patient/", "Patient//otto", "Nonsense/1", ""}) {
    EXPECT_EQ(create(all, focus(reference)), Reason::reference_denied) << reference;
    EXPECT_EQ(update(all, observation("maria"), focus(reference)), Reason::reference_denied) << reference;
  }
  EXPECT_EQ(update(all, focus("Patient/otto"), focus("Patient/otto")), kOk) << "it was there before";
  for (const auto* const reference : {"Patient/maria", "Practitioner/1", "#p", "urn:uuid:1", "https://else/Device/1"}) {
    EXPECT_EQ(create(all, focus(reference)), kOk) << reference;
  }
  EXPECT_EQ(create(all, observation("maria", R"(,"extension":[{"url":"x","valueReference":)"
                                             R"({"reference":"Patient/otto"}}])")),
            Reason::reference_denied);
  EXPECT_EQ(create(clinician("user/*.cruds"), focus("Patient/otto")), kOk);
}

TEST(Write, S14_MatchUrlsInReferencesAreRefusedForEveryone) {
  for (const auto& token : {facts("patient/*.cruds"), clinician("user/*.cruds"), backend("system/*.cruds")}) {
    for (const auto* const reference : {"Patient?identifier=x", "https://fhir.example/r4/Patient?identifier=x",
                                        "Practitioner?name=x", "http://upstream:8080/fhir/Patient?identifier=otto"}) {
      const auto resource = observation("maria", R"(,"performer":[{"reference":")" + std::string(reference) + R"("}])");
      EXPECT_EQ(create(token, resource), Reason::reference_denied) << reference;
      EXPECT_EQ(update(token, observation("maria"), resource), Reason::reference_denied) << reference;
    }
  }
}

TEST(Write, Fhir4_7_AContainedPatientIsRefused) {
  constexpr const char* kContained = R"(,"contained":[{"resourceType":"Patient","id":"p"}])";
  EXPECT_EQ(create(facts("patient/*.cruds"), observation("maria", kContained)), Reason::write_denied);
  EXPECT_EQ(create(clinician("user/*.cruds"), observation("maria", kContained)), Reason::write_denied);
  EXPECT_EQ(update(clinician("user/*.cruds"), observation("maria"), observation("maria", kContained)),
            Reason::write_denied);
  EXPECT_EQ(update(clinician("user/*.cruds"), observation("maria", kContained), observation("maria", kContained)), kOk);
}

TEST(Write, Fhir4_6_SharedTypesAreNeverWrittenUnderABound) {
  for (const auto* const text :
       {R"({"resourceType":"Practitioner","id":"x"})", R"({"resourceType":"Organization","id":"x"})",
        R"({"resourceType":"Medication","id":"x"})",
        R"({"resourceType":"Group","id":"x","member":[{"entity":{"reference":"Patient/maria"}}]})",
        R"({"resourceType":"Bundle","id":"x","type":"collection"})", R"({"resourceType":"Binary","id":"x"})",
        R"({"resourceType":"Schedule","id":"x","actor":[{"reference":"Patient/maria"}]})"}) {
    const auto resource = json(text);
    for (const auto* const scopes : {"patient/*.cruds", "user/*.cruds"}) {
      EXPECT_EQ(create(facts(scopes), resource), Reason::write_denied) << text;
      EXPECT_EQ(update(facts(scopes), resource, resource), Reason::write_denied) << text;
      EXPECT_EQ(remove(facts(scopes), resource), Reason::write_denied) << text;
    }
    EXPECT_EQ(update(clinician("user/*.cruds"), resource, resource), kOk) << text;
  }
  const auto person = json(R"({"resourceType":"Person","id":"x","link":[{"target":{"reference":"Patient/maria"}}]})");
  EXPECT_EQ(update(facts("patient/*.cruds"), person, person), kOk);
  const auto device = json(R"({"resourceType":"Device","patient":{"reference":"Patient/maria"}})");
  EXPECT_EQ(create(facts("patient/*.cruds"), device), kOk);
  EXPECT_EQ(create(facts("patient/*.cruds"), json(R"({"resourceType":"Device"})")), Reason::resource_not_in_bound);
}

TEST(Write, S18_SubscriptionsAndDefinitionsAreWrittenByNobody) {
  for (const auto* const type : {"Subscription", "SearchParameter", "OperationDefinition", "CompartmentDefinition"}) {
    const auto resource = Json::object(
        {{"resourceType", type}, {"id", "x"}, {"channel", Json::object({{"endpoint", "http://169.254.169.254/"}})}});
    for (const auto& token : {facts("patient/*.cruds"), clinician("user/*.cruds"), backend("system/*.cruds")}) {
      EXPECT_EQ(create(token, resource), Reason::write_denied) << type;
      EXPECT_EQ(update(token, resource, resource), Reason::write_denied) << type;
      EXPECT_EQ(remove(token, resource), Reason::write_denied) << type;
    }
  }
  // An address in content is text: nothing opens it.
  EXPECT_EQ(create(facts("patient/*.cruds"),
                   json(R"({"resourceType":"DocumentReference","subject":{"reference":"Patient/maria"},)"
                        R"("content":[{"attachment":{"url":"http://169.254.169.254/latest"}}]})")),
            kOk);
}

TEST(Write, S17_NobodyClaimsAStoredBinaryAsTheirDocument) {
  const auto document = [](std::string_view url) {
    return json(R"({"resourceType":"DocumentReference","id":"d","subject":{"reference":"Patient/maria"},)"
                R"("content":[{"attachment":{"url":")" +
                std::string(url) + R"("}}]})");
  };
  const auto all = facts("patient/*.cruds");
  for (const auto* const url : {"Binary/ottos", "https://fhir.example/r4/Binary/ottos",
                                "http://upstream:8080/fhir/Binary/ottos", "Binary/ottos/_history/1", "/Binary/ottos"}) {
    EXPECT_EQ(create(all, document(url)), Reason::reference_denied) << url;
    EXPECT_EQ(update(all, document("Binary/hers"), document(url)), Reason::reference_denied) << url;
  }
  EXPECT_EQ(update(all, document("Binary/hers"), document("Binary/hers")), kOk);
  EXPECT_EQ(create(clinician("user/*.cruds"), document("Binary/ottos")), kOk);
}

TEST(Write, ProvenanceUnderABoundSpeaksOfThePatientOnly) {
  const auto provenance = [](std::string_view targets) {
    return json(R"({"resourceType":"Provenance","target":[)" + std::string(targets) + "]}");
  };
  const auto all = facts("patient/*.cruds");
  EXPECT_EQ(create(all, provenance(R"({"reference":"Patient/maria"})")), kOk);
  EXPECT_NE(create(all, provenance(R"({"reference":"Patient/maria"},{"reference":"Observation/ottos"})")), kOk);
  EXPECT_NE(create(all, provenance(R"({"reference":"Patient/maria"},{"reference":"Patient/otto"})")), kOk);
  EXPECT_NE(create(all, provenance(R"({"reference":"Observation/ottos"})")), kOk);
  EXPECT_NE(create(all, provenance("")), kOk);
}

TEST(Write, ASubsettedCopyIsNotStored) {
  constexpr const char* kSubsetted =
      R"(,"meta":{"tag":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}]})";
  EXPECT_EQ(update(clinician("user/*.cruds"), observation("maria"), observation("maria", kSubsetted)),
            Reason::write_denied);
  EXPECT_EQ(create(facts("patient/*.cruds"), observation("maria", kSubsetted)), Reason::write_denied);
}

TEST(Write, S14_AStoredBundleIsHeldToItsContent) {
  const auto bundle = [](std::string_view inner) {
    return json(R"({"resourceType":"Bundle","id":"b","type":"collection","entry":[{"resource":)" + std::string(inner) +
                "}]}");
  };
  const auto token = backend("system/Bundle.cud system/Observation.cud");
  EXPECT_EQ(create(token, bundle(R"({"resourceType":"Observation"})")), kOk);
  EXPECT_EQ(create(token, bundle(R"({"resourceType":"Condition"})")), Reason::resource_not_in_scope);
  EXPECT_EQ(create(backend("system/*.cud"), bundle(R"({"resourceType":"Subscription"})")),
            Reason::resource_not_in_scope);
  EXPECT_EQ(create(token, bundle(R"({"type":"x"})")), Reason::resource_not_in_scope);
  auto nested = bundle(R"({"resourceType":"Observation"})");
  for (int i = 0; i < 4; ++i) nested = bundle(nested.dump());
  EXPECT_EQ(create(token, nested), Reason::resource_not_in_scope);
}

TEST(Write, WhatCannotBeJudgedIsIndeterminate) {
  const auto access = Access::compile(backend("system/*.cruds"));
  const auto good = observation("maria");
  for (const auto* const text :
       {"{}", "[]", "null", R"({"resourceType":"Nonsense","id":"1"})", R"({"resourceType":"Observation","id":"../x"})",
        R"({"resourceType":"Observation","id":1})", R"({"resourceType":["Observation"],"id":"1"})"}) {
    const auto bad = json(text);
    for (const char letter : {'c', 'u', 'd'}) {
      EXPECT_EQ(write_allowed(access, letter, letter == 'c' ? nullptr : &bad, letter == 'd' ? nullptr : &bad).verdict,
                Verdict::indeterminate)
          << text;
    }
    EXPECT_EQ(write_allowed(access, 'u', &bad, &good).verdict, Verdict::indeterminate) << text;
    EXPECT_EQ(write_allowed(access, 'u', &good, &bad).verdict, Verdict::indeterminate) << text;
  }
  // States that do not go with the letter.
  EXPECT_EQ(write_allowed(access, 'c', &good, &good).verdict, Verdict::indeterminate);
  EXPECT_EQ(write_allowed(access, 'u', &good, nullptr).verdict, Verdict::indeterminate);
  EXPECT_EQ(write_allowed(access, 'd', nullptr, nullptr).verdict, Verdict::indeterminate);
  EXPECT_EQ(write_allowed(access, 'd', &good, &good).verdict, Verdict::indeterminate);
  EXPECT_EQ(write_allowed(access, 'r', &good, &good).verdict, Verdict::indeterminate);
  EXPECT_EQ(write_allowed(access, 's', nullptr, &good).verdict, Verdict::indeterminate);
}

TEST(Write, ExplainsWithoutValues) {
  Explanation lines;
  const auto resource = observation("canary");
  (void)write_allowed(Access::compile(facts("patient/*.cruds")), 'c', nullptr, &resource, &lines);
  (void)write_allowed(Access::compile(clinician("user/*.cruds")), 'u', &resource, &resource, &lines);
  ASSERT_GE(lines.size(), 4U);
  for (const auto& line : lines) EXPECT_EQ(line.find("canary"), std::string::npos) << line;
}

}  // namespace
}  // namespace mitral::policy::testing
