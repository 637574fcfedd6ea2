// Security labels: what hides, and the ways by which a label is overcome (policy/labels.h).
#include <gtest/gtest.h>

#include "support/consents.h"

namespace mitral::policy::consents {
namespace {

DataPolicy hidden(const std::vector<std::string>& codes = {"R", "ETH", "SUD", "HIV"}, bool consents = false) {
  DataPolicy out;
  out.labels = hiding(codes);
  out.consents = consents;
  return out;
}

bool sees(const Asker& who, std::string_view labels, const DataPolicy& policy = hidden()) {
  return resource_visible(access(who, policy), json(observation_text(labelled(labels))), Origin::read).permitted();
}

const Asker kAda{};
const Asker kMaria{.scope = "patient/*.rs", .fhir_user = "Patient/maria", .patient = "maria"};
const Asker kCarer{.scope = "patient/*.rs", .fhir_user = "RelatedPerson/carer", .patient = "maria"};

const std::string kEth = label("ETH");
const std::string kHiv = label("HIV");
const std::string kR = label("R", "v3-Confidentiality");
const std::string kV = label("V", "v3-Confidentiality");
const std::string kN = label("N", "v3-Confidentiality");

TEST(Labels, S21_ScopesAloneShowNothingThatIsHidden) {
  for (const auto& labels : {kEth, kHiv, kR, kV, kN + "," + kEth, label("OPIOIDUD"), label("ETHUD")}) {
    EXPECT_FALSE(sees(kAda, labels)) << labels;
    EXPECT_FALSE(sees(kCarer, labels)) << labels;
    EXPECT_TRUE(sees(kMaria, labels)) << labels;
    EXPECT_TRUE(sees(kAda, labels, {})) << labels;
  }
  for (const auto& labels : {kN, label("PSY"), label("L", "v3-Confidentiality")}) EXPECT_TRUE(sees(kAda, labels));
  EXPECT_TRUE(resource_visible(access(kAda, hidden()), json(observation_text()), Origin::read).permitted());
  EXPECT_EQ(resource_visible(access(kAda, hidden()), json(observation_text(labelled(kEth))), Origin::read).reason,
            Reason::label_hidden);
}

TEST(Labels, OldNamesAndNoNameOfTheCodeSystemHideTheSame) {
  for (const auto* const system : {"http://hl7.org/fhir/v3/ActCode", "urn:oid:2.16.840.1.113883.5.4"}) {
    EXPECT_FALSE(sees(kAda, R"({"system":")" + std::string(system) + R"(","code":"ETHUD"})")) << system;
  }
  EXPECT_FALSE(sees(kAda, R"({"code":"ETH"})"));
  EXPECT_FALSE(sees(kAda, R"({"system":"http://hl7.org/fhir/v3/Confidentiality","code":"V"})"));
  EXPECT_TRUE(sees(kAda, R"({"system":"urn:local","code":"V"})"));
  const auto local = hidden({"urn:local|V"});
  EXPECT_FALSE(sees(kAda, R"({"system":"urn:local","code":"V"})", local));
  EXPECT_TRUE(sees(kAda, R"({"system":"urn:other","code":"V"})", local));
}

TEST(Labels, WhatCanNotBeReadHides) {
  for (const auto* const labels : {R"({"display":"secret"})", R"({"system":"x"})", R"({"code":7})", R"("R")", "null"}) {
    EXPECT_FALSE(sees(kAda, labels)) << labels;
    EXPECT_FALSE(sees({.scope = "user/Observation.rs?_security=ETH"}, labels)) << labels;
    EXPECT_TRUE(sees(kMaria, labels)) << labels;
  }
  const auto a = access(kAda, hidden());
  EXPECT_FALSE(
      resource_visible(a, json(observation_text(R"(,"meta":{"security":{"code":"N"}})")), Origin::read).permitted());
}

TEST(Labels, LabelsStandInMoreThanOnePlace) {
  const auto a = access(kAda, hidden());
  const auto shown = [&](std::string_view text) { return resource_visible(a, json(text), Origin::read).permitted(); };
  EXPECT_FALSE(shown(
      observation_text(R"(,"contained":[{"resourceType":"Condition","id":"x","meta":{"security":[)" + kHiv + "]}}]")));
  EXPECT_FALSE(shown(R"({"resourceType":"DocumentReference","id":"d","subject":{"reference":"Patient/maria"},)"
                     R"("securityLabel":[{"coding":[)" +
                     kR + "]}]}"));
  EXPECT_FALSE(shown(R"({"resourceType":"DocumentReference","id":"d","subject":{"reference":"Patient/maria"},)"
                     R"("securityLabel":[{"text":"private"}]})"));
  EXPECT_FALSE(shown(
      R"({"resourceType":"Composition","id":"c","subject":{"reference":"Patient/maria"},"confidentiality":"R"})"));
  EXPECT_TRUE(shown(
      R"({"resourceType":"Composition","id":"c","subject":{"reference":"Patient/maria"},"confidentiality":"N"})"));
  const auto inline_label =
      R"(,"valueString":"x","_valueString":{"extension":[{"url":)"
      R"("http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label",)"
      R"("valueCoding":)" +
      kEth + "}]}";
  EXPECT_FALSE(shown(observation_text(labelled(label("PROCESSINLINELABEL")) + inline_label)));
  EXPECT_TRUE(shown(observation_text(labelled(label("PROCESSINLINELABEL")))));
}

TEST(Labels, AGranularScopeThatNamesTheLabelShowsIt) {
  const Asker named{
      .scope = "user/*.rs user/Observation.rs?_security=http://terminology.hl7.org/CodeSystem/v3-ActCode%7CETH"};
  EXPECT_TRUE(sees(named, kEth));
  EXPECT_FALSE(sees(named, kHiv));
  EXPECT_FALSE(sees(named, kEth + "," + kHiv)) << "each hidden label of it";
  EXPECT_TRUE(sees(named, kEth + "," + kR)) << "R comes with the sensitivity";
  EXPECT_FALSE(sees(named, kEth + "," + kV)) << "V does not";
  EXPECT_TRUE(sees({.scope = "user/Observation.rs?_security=ETH"}, kEth)) << "any code system";
  EXPECT_TRUE(sees({.scope = "user/Observation.rs?_security=ETH,HIV"}, kEth + "," + kHiv));
  EXPECT_FALSE(sees({.scope = "user/Observation.rs?_security=urn:local%7CETH"}, kEth));
  EXPECT_FALSE(sees({.scope = "user/Condition.rs?_security=ETH user/Observation.rs"}, kEth)) << "another type's scope";
  EXPECT_FALSE(sees({.scope = "user/Observation.rs?_security=R"}, kR + "," + kEth)) << "a level names no sensitivity";
  EXPECT_TRUE(sees({.scope = "user/Observation.rs?_security=R"}, kR));
  // Two scopes, one label each: one scope must justify all of it.
  EXPECT_FALSE(
      sees({.scope = "user/Observation.rs?_security=ETH user/Observation.rs?_security=HIV"}, kEth + "," + kHiv));
}

TEST(Labels, APermitOfThePatientThatNamesTheLabelShowsIt) {
  const auto policy = hidden({"R", "V", "ETH", "SUD", "HIV"}, true);
  const auto shown = [&](const Asker& who, std::string_view labels, const std::vector<std::string>& consents) {
    return resource_visible(access(who, policy), json(observation_text(labelled(labels))), Origin::read, {}, nullptr,
                            at(directives(consents)))
        .permitted();
  };
  const auto permit_label = [](std::string_view labels, std::string_view who) {
    return consent_text(rule("OPTIN") +
                        provision("permit", actor(who) + R"(,"securityLabel":[)" + std::string(labels) + "]"));
  };
  const Asker bob{.fhir_user = "Practitioner/bob"};
  const auto eth = permit_label(kEth, "Practitioner/ada");
  EXPECT_FALSE(shown(kAda, kEth, {}));
  EXPECT_TRUE(shown(kAda, kEth, {eth}));
  EXPECT_TRUE(shown(kAda, kEth + "," + kR, {eth}));
  EXPECT_FALSE(shown(bob, kEth, {eth})) << "for Ada only";
  EXPECT_FALSE(shown(kAda, kHiv, {eth}));
  EXPECT_FALSE(shown(kAda, kEth + "," + kHiv, {eth}));
  EXPECT_TRUE(shown(kAda, kEth + "," + kHiv, {eth, permit_label(kHiv, "Device/app")}));
  EXPECT_TRUE(shown(kAda, label("ETHUD"), {permit_label(label("SUD"), "Practitioner/ada")}));
  EXPECT_FALSE(shown(kAda, label("SUD"), {permit_label(label("ETHUD"), "Practitioner/ada")}));
  EXPECT_TRUE(shown(kAda, kR, {permit_label(kV, "Practitioner/ada")}));
  EXPECT_FALSE(shown(kAda, kV, {permit_label(kR, "Practitioner/ada")}));
  EXPECT_FALSE(shown(kAda, kEth, {eth, consent_text(rule("OPTOUT"))})) << "a deny beats it";
  EXPECT_FALSE(shown(kAda, kEth, {permit_label(kEth, "Organization/o")})) << "nobody can tell whether that is Ada";
  EXPECT_FALSE(shown(kAda, kEth, {consent_text(rule("OPTIN"))})) << "a general yes names no label";
  EXPECT_FALSE(shown({.scope = "user/Condition.rs"}, kEth, {eth}));
}

TEST(Labels, S21_EmergencyShowsAndSaysSo) {
  const auto decision =
      resource_visible(access({.purpose = "ETREAT"}, hidden()), json(observation_text(labelled(kEth))), Origin::read);
  EXPECT_TRUE(decision.permitted());
  EXPECT_TRUE(decision.overridden);
  EXPECT_FALSE(
      resource_visible(access({.purpose = "ETREAT"}, hidden()), json(observation_text()), Origin::read).overridden);
}

TEST(Labels, TheUsersOwnResourceIsHers) {
  const Asker self{.scope = "fhirUser openid", .fhir_user = "Patient/maria", .patient = "maria"};
  const auto patient = R"({"resourceType":"Patient","id":"maria","meta":{"security":[)" + kR + "]}}";
  EXPECT_TRUE(resource_visible(access(self, hidden()), json(patient), Origin::read).permitted());
}

TEST(Labels, ProxiesSeeNoHiddenDataOfTheirChildren) {
  // S-6: a mother with user/ scopes over herself and her son.
  TokenFacts facts;
  facts.scopes = spec::smart::ScopeSet::parse_known("user/*.rs", scope_rules()).value();
  facts.client = "app";
  facts.subject = "u";
  facts.fhir_user = "Patient/maria";
  facts.user_patients = {"leo"};
  facts.own_base = kBase;
  facts.data_policy = std::make_shared<const DataPolicy>(hidden());
  const auto a = Access::compile(facts);
  EXPECT_TRUE(resource_visible(a, json(observation_text(labelled(kEth))), Origin::read).permitted());
  EXPECT_TRUE(resource_visible(a, json(observation_text({}, "leo")), Origin::read).permitted());
  EXPECT_FALSE(resource_visible(a, json(observation_text(labelled(kEth), "leo")), Origin::read).permitted());
  EXPECT_TRUE(a.hides_labels());
}

TEST(Labels, NothingIsFoundOutAboutWhatIsHidden) {
  EXPECT_TRUE(access(kAda, hidden()).hides_labels());
  EXPECT_FALSE(access(kMaria, hidden()).hides_labels());
  EXPECT_FALSE(access(kAda, {}).hides_labels());
  EXPECT_FALSE(access({.purpose = "ETREAT"}, hidden()).hides_labels());
  const auto a = access(kAda, hidden());
  EXPECT_FALSE(a.rules().front().unlimited()) << "so no totals and no tombstones";
  EXPECT_FALSE(tombstone_visible(a, "Observation", Origin::read));
  EXPECT_TRUE(tombstone_visible(access(kAda, {}), "Observation", Origin::read));
  EXPECT_FALSE(tombstone_visible(access(kAda, enforcing()), "Observation", Origin::read));
}

TEST(Labels, TheDefaultListHidesWhatLawsSingleOut) {
  std::vector<std::string> codes;
  for (const auto code : default_hidden_labels()) codes.emplace_back(code);
  const auto policy = hidden(codes);
  for (const auto* const code : {"ETH", "PSY", "HIV", "SEX", "STD", "SDV", "SUD", "GDIS", "42CFRPart2", "PSYTHPN"}) {
    EXPECT_FALSE(sees(kAda, label(code), policy)) << code;
  }
  EXPECT_FALSE(sees(kAda, kR, policy));
  EXPECT_TRUE(sees(kAda, kN, policy));
}

TEST(Labels, Parsing) {
  EXPECT_EQ(Label::parse("ETH"), (Label{"", "ETH"}));
  EXPECT_EQ(Label::parse("urn:x|A"), (Label{"urn:x", "A"}));
  for (const auto* const bad : {"", "urn:x|", "a b", "a|b|c", "\x01"}) EXPECT_FALSE(Label::parse(bad)) << bad;
}

}  // namespace
}  // namespace mitral::policy::consents
