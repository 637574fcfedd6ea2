// Patients' directives: every element of a FHIR R4 Consent, what can't be read, who is never cut off, and how
// directives combine (policy/consent.h).
#include <gtest/gtest.h>

#include "base/limits.h"
#include "support/consents.h"

namespace mitral::policy::consents {
namespace {

const Asker kAda{};
const Asker kBob{.fhir_user = "Practitioner/bob", .client = "other-app"};
const Asker kMaria{.scope = "patient/*.rs", .fhir_user = "Patient/maria", .patient = "maria"};
const Asker kCarer{.scope = "patient/*.rs", .fhir_user = "RelatedPerson/carer", .patient = "maria"};
const Asker kBackend{.scope = "system/*.rs", .fhir_user = "", .client = "backend", .subject = "backend"};

std::string deny(std::string_view criteria = {}) { return consent_text(rule("OPTIN") + provision("deny", criteria)); }
std::string permit_only(std::string_view criteria) {
  return consent_text(rule("OPTOUT") + provision("permit", criteria));
}

TEST(Consent, NoDirectiveLeavesItToTheScopes) {
  EXPECT_TRUE(reads(kAda, {}));
  EXPECT_FALSE(reads({.scope = "user/Condition.rs"}, {}));
}

TEST(Consent, ADenialOfEverythingCutsOffAllButThePatient) {
  for (const auto& who : {kAda, kCarer, kBackend})
    EXPECT_EQ(decide_read(who, {deny()}, observation_text()).reason, Reason::consent_denied);
  EXPECT_TRUE(reads(kMaria, {deny()}));
  EXPECT_TRUE(reads(kAda, {deny()}, R"({"resourceType":"Practitioner","id":"x"})")) << "nobody's record";
}

TEST(Consent, ADirectiveNeverAddsToScopes) {
  EXPECT_FALSE(reads({.scope = "user/Condition.rs"}, {permit_only(actor("Practitioner/ada"))}));
}

TEST(Consent, S28_APatientWhoseDirectivesWereNotReadIsDenied) {
  const auto a = access(kAda, enforcing());
  const auto o = json(observation_text());
  EXPECT_EQ(resource_visible(a, o, Origin::read, {}, nullptr, at(nullptr)).reason, Reason::consent_unknown);
  EXPECT_EQ(resource_visible(a, o, Origin::read).reason, Reason::consent_unknown) << "no book at all";
  EXPECT_TRUE(resource_visible(access(kMaria, enforcing()), o, Origin::read).permitted());
  EXPECT_TRUE(resource_visible(access(kAda, {}), o, Origin::read).permitted()) << "not enforced here";
}

TEST(Consent, OnlyActivePrivacyConsentsCount) {
  const auto with = [](std::string_view from, std::string_view to) {
    auto text = deny();
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos);
    text.replace(at, from.size(), to);
    return text;
  };
  for (const auto* const status : {"draft", "proposed", "rejected", "inactive", "entered-in-error"}) {
    EXPECT_TRUE(reads(kAda, {with(R"("status":"active")", R"("status":")" + std::string(status) + "\"")})) << status;
  }
  for (const auto* const scope : {"research", "treatment", "adr"}) {
    EXPECT_TRUE(reads(kAda, {with("patient-privacy", scope)})) << scope;
  }
  // Unknown, in words, or of another code system: a denial may be meant.
  EXPECT_FALSE(reads(kAda, {with("patient-privacy", "local-privacy")}));
  EXPECT_FALSE(reads(kAda, {with("CodeSystem/consentscope\",\"code\":\"patient-privacy", "x\",\"code\":\"research")}));
  EXPECT_FALSE(reads(kAda, {with(R"("status":"active")", R"("status":"valid")")}));
  EXPECT_FALSE(reads(kAda, {with(R"("status":"active",)", "")}));
  EXPECT_FALSE(reads(kAda, {with(R"("status":"active")", R"("status":"inactive","_status":{"id":"x"})")}));
}

TEST(Consent, ThoseOfOthersDoNotCount) {
  EXPECT_TRUE(reads(kAda, {consent_text(rule("OPTOUT"), "otto")}));
  EXPECT_FALSE(reads(kAda, {R"({"resourceType":"Consent","id":"c","status":"active"})"})) << "of nobody: perhaps hers";
  EXPECT_FALSE(reads(kAda, {R"({"resourceType":"Consent","id":"c","status":"active",)"
                            R"("patient":{"identifier":{"value":"1"}}})"}));
}

TEST(Consent, PolicyRulesByThemselves) {
  for (const auto* const code : {"OPTIN", "IMPLIED", "IMPLIEDD", "NOPP"}) {
    EXPECT_TRUE(reads(kAda, {consent_text(rule(code))})) << code;
  }
  // The last ones are not understood, or say that something is restricted and not what.
  for (const auto* const code : {"OPTOUT", "OPTOUTE", "EMRGONLY", "OPTINR", "GRANTORCHOICE", "hipaa-restrictions"}) {
    EXPECT_FALSE(reads(kAda, {consent_text(rule(code))})) << code;
  }
  EXPECT_FALSE(reads(kAda, {consent_text(R"(,"policyRule":{"text":"as we spoke"})")}));
  EXPECT_FALSE(reads(kAda, {consent_text("")})) << "a scanned form, perhaps";
  EXPECT_FALSE(reads(kAda, {consent_text(R"(,"policyRule":{"coding":[{"system":"urn:x","code":"OPTIN"}]})")}));
  EXPECT_FALSE(reads(kAda, {consent_text(R"(,"policyRule":{"coding":[{"code":"OPTIN"},{"code":"OPTOUT"}]})")}));
}

TEST(Consent, TheBaseIsTheOppositeOfItsExceptionWhereNothingElseIsSaid) {
  const auto bare = [](std::string_view type, std::string_view criteria) {
    return consent_text(R"(,"policy":[{"uri":"https://law.example"}])" + provision(type, criteria));
  };
  EXPECT_FALSE(reads(kBob, {bare("permit", actor("Practitioner/ada"))}));
  EXPECT_TRUE(reads(kAda, {bare("permit", actor("Practitioner/ada"))}));
  EXPECT_TRUE(reads(kBob, {bare("deny", actor("Practitioner/ada"))}));
  EXPECT_FALSE(reads(kAda, {bare("deny", actor("Practitioner/ada"))}));
  EXPECT_TRUE(reads(kBob, {consent_text(rule("OPTIN") + provision("permit", actor("Practitioner/ada")))}));
}

TEST(Consent, ARootWithoutATypeMeansTheBasePolicy) {
  const auto inner = R"(,"provision":{"provision":[{"type":"deny",)" + actor("Practitioner/ada") + "}]}";
  EXPECT_FALSE(reads(kAda, {consent_text(rule("OPTIN") + inner)}));
  EXPECT_TRUE(reads(kBob, {consent_text(rule("OPTIN") + inner)}));
  const auto other = R"(,"provision":{"provision":[{"type":"permit",)" + actor("Practitioner/ada") + "}]}";
  EXPECT_TRUE(reads(kAda, {consent_text(rule("OPTOUT") + other)}));
  EXPECT_FALSE(reads(kBob, {consent_text(rule("OPTOUT") + other)}));
  EXPECT_FALSE(reads(kBob, {consent_text(inner)})) << "neither base nor type";
}

TEST(Consent, Actors) {
  EXPECT_FALSE(reads(kAda, {deny(actor("Practitioner/ada"))}));
  EXPECT_FALSE(reads(kAda, {deny(actor("https://fhir.example/r4/Practitioner/ada"))}));
  EXPECT_TRUE(reads(kBob, {deny(actor("Practitioner/ada"))}));
  EXPECT_TRUE(reads(kBackend, {deny(actor("Practitioner/ada"))})) << "no person asks";
  EXPECT_FALSE(reads(kAda, {deny(actor("Device/app"))}));
  EXPECT_TRUE(reads(kBob, {deny(actor("Device/app"))}));
  EXPECT_FALSE(reads(kCarer, {deny(actor("RelatedPerson/carer"))}));
  EXPECT_TRUE(reads(kAda, {deny(actor("RelatedPerson/carer"))}));
  EXPECT_FALSE(reads(kAda, {deny(R"("actor":[{"role":{"text":"x"},"reference":{"identifier":{"system":)"
                                 R"("https://as.example","value":"app"}}}])")}));
  // Nobody can tell: a denial holds, a permission does not.
  for (const auto* const who : {"Organization/o", "Group/g", "CareTeam/t", "PractitionerRole/r", "#p", "urn:uuid:x",
                                "https://else.example/Practitioner/ada", "Person/p"}) {
    EXPECT_FALSE(reads(kAda, {deny(actor(who))})) << who;
    EXPECT_FALSE(reads(kAda, {permit_only(actor(who))})) << who;
  }
  EXPECT_TRUE(reads(kCarer, {deny(actor("Organization/o"))})) << "a relative is no organization";
  EXPECT_FALSE(reads(kCarer, {deny(actor("Patient/other"))})) << "but may be a patient as well";
  EXPECT_FALSE(reads({.scope = "patient/*.rs", .fhir_user = "", .patient = "maria"}, {deny(actor("Practitioner/x"))}));
  EXPECT_TRUE(reads(kAda, {permit_only(actor("Practitioner/ada"))}));
  EXPECT_FALSE(reads(kBob, {permit_only(actor("Practitioner/ada"))}));
  const auto both =
      R"("actor":[{"reference":{"reference":"Practitioner/ada"}},{"reference":{"reference":"Device/other-app"}}])";
  EXPECT_FALSE(reads(kAda, {deny(both)}));
  EXPECT_FALSE(reads(kBob, {deny(both)})) << "any of them";
}

TEST(Consent, CustodiansAreComparedWithTheDeploymentsOwn) {
  auto ours = enforcing();
  ours.custodians = {"Organization/clinic"};
  const auto reads_here = [&](const std::string& consent) { return reads(kAda, {consent}, observation_text(), ours); };
  EXPECT_FALSE(reads_here(deny(actor("Organization/clinic", "CST"))));
  EXPECT_TRUE(reads_here(deny(actor("Organization/elsewhere", "CST"))));
  EXPECT_TRUE(reads_here(permit_only(actor("Organization/clinic", "CST"))));
  EXPECT_FALSE(reads(kAda, {permit_only(actor("Organization/clinic", "CST"))})) << "whose records these are is unknown";
  const auto pair = [](std::string_view receiver) {
    return R"("actor":[{"role":{"coding":[{"code":"CST"}]},"reference":{"reference":"Organization/clinic"}},)"
           R"({"role":{"coding":[{"code":"IRCP"}]},"reference":{"reference":")" +
           std::string(receiver) + R"("}}])";
  };
  EXPECT_TRUE(reads_here(permit_only(pair("Practitioner/ada"))));
  EXPECT_FALSE(reads_here(permit_only(pair("Practitioner/bob"))));
  EXPECT_FALSE(reads_here(deny(pair("Practitioner/ada"))));
  EXPECT_TRUE(reads_here(deny(pair("Practitioner/bob"))));
  EXPECT_FALSE(reads_here(deny(actor("Practitioner/bob", "AUT")))) << "what Bob wrote: nobody can tell";
}

TEST(Consent, Periods) {
  const auto during = [](std::string_view period) { return deny(R"("period":{)" + std::string(period) + "}"); };
  EXPECT_FALSE(reads(kAda, {during(R"("start":"2026-01-01")")}));
  EXPECT_FALSE(reads(kAda, {during(R"("end":"2026")")})) << "the whole year";
  EXPECT_FALSE(reads(kAda, {during(R"("start":"2026-09-21","end":"2026-09-21")")})) << "the whole day";
  EXPECT_TRUE(reads(kAda, {during(R"("start":"2027-01-01")")})) << "not yet";
  EXPECT_TRUE(reads(kAda, {during(R"("end":"2026-09-20")")})) << "over";
  EXPECT_FALSE(reads(kAda, {during(R"("end":"soon")")})) << "unreadable";
  EXPECT_FALSE(reads(kAda, {during("")})) << "unreadable";
  EXPECT_FALSE(reads(kAda, {during(R"("start":"2027","end":"2020")")})) << "unreadable";
  // A permission that is over leaves the denial.
  EXPECT_FALSE(reads(kAda, {permit_only(R"("period":{"end":"2025"})")}));
}

TEST(Consent, Actions) {
  const auto action = [](std::string_view code) {
    return R"("action":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentaction","code":")" +
           std::string(code) + R"("}]}])";
  };
  for (const auto* const code : {"access", "use", "disclose"}) {
    EXPECT_FALSE(reads(kAda, {deny(action(code))})) << code;
    EXPECT_TRUE(reads(kAda, {permit_only(action(code))})) << code;
  }
  for (const auto* const code : {"collect", "correct"}) {
    EXPECT_TRUE(reads(kAda, {deny(action(code))})) << code;
    EXPECT_FALSE(reads(kAda, {permit_only(action(code))})) << code;
  }
  EXPECT_FALSE(reads(kAda, {deny(action("copy"))})) << "unknown";
  EXPECT_FALSE(reads(kAda, {deny(R"("action":[{"text":"look"}])")}));
}

TEST(Consent, Purposes) {
  const auto purpose = [](std::string_view code) {
    return R"("purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":")" + std::string(code) +
           R"("}])";
  };
  auto treating = enforcing();
  treating.assumed_purpose = "TREAT";
  EXPECT_FALSE(reads(kAda, {deny(purpose("HMARKT"))})) << "what the token is for, nobody says";
  EXPECT_TRUE(reads(kAda, {deny(purpose("HMARKT"))}, observation_text(), treating));
  EXPECT_FALSE(reads(kAda, {deny(purpose("TREAT"))}, observation_text(), treating));
  EXPECT_TRUE(reads(kAda, {permit_only(purpose("TREAT"))}, observation_text(), treating));
  EXPECT_FALSE(reads(kAda, {permit_only(purpose("TREAT"))}));
  const Asker marketing{.purpose = "HMARKT"};
  EXPECT_FALSE(reads(marketing, {deny(purpose("HMARKT"))}, observation_text(), treating));
}

TEST(Consent, Classes) {
  const auto classes = [](std::string_view code, std::string_view system = "http://hl7.org/fhir/resource-types") {
    return R"("class":[{"system":")" + std::string(system) + R"(","code":")" + std::string(code) + R"("}])";
  };
  const std::string condition = R"({"resourceType":"Condition","id":"c","subject":{"reference":"Patient/maria"}})";
  EXPECT_FALSE(reads(kAda, {deny(classes("Observation"))}));
  EXPECT_TRUE(reads(kAda, {deny(classes("Observation"))}, condition));
  EXPECT_TRUE(reads(kAda, {permit_only(classes("Observation"))}));
  EXPECT_FALSE(reads(kAda, {permit_only(classes("Observation"))}, condition));
  EXPECT_FALSE(reads(kAda, {deny(classes("Condition"))},
                     observation_text(R"(,"contained":[{"resourceType":"Condition","id":"x"}])")))
      << "what is contained is shown with it";
  EXPECT_FALSE(reads(kAda, {deny(classes("Nonsense"))}));
  EXPECT_FALSE(reads(kAda, {deny(classes("x", "urn:unknown"))}));
  const auto profile = R"(,"meta":{"profile":["https://p.example/lab|1.0"]})";
  EXPECT_FALSE(reads(kAda, {deny(classes("https://p.example/lab", "urn:ietf:rfc:3986"))}, observation_text(profile)));
  EXPECT_TRUE(reads(kAda, {deny(classes("https://p.example/vital", "urn:ietf:rfc:3986"))}, observation_text(profile)));
  const std::string document =
      R"({"resourceType":"DocumentReference","id":"d","subject":{"reference":"Patient/maria"},)"
      R"("type":{"coding":[{"system":"http://loinc.org","code":"34133-9"}]}})";
  EXPECT_FALSE(reads(kAda, {deny(classes("34133-9", "http://loinc.org"))}, document));
  EXPECT_TRUE(reads(kAda, {deny(classes("11488-4", "http://loinc.org"))}, document));
  EXPECT_TRUE(reads(kAda, {deny(classes("34133-9", "http://loinc.org"))}));
}

TEST(Consent, Codes) {
  const auto code = [](std::string_view value) {
    return R"("code":[{"coding":[{"system":"http://loinc.org","code":")" + std::string(value) + R"("}]}])";
  };
  const auto coded = observation_text(R"(,"code":{"coding":[{"system":"http://loinc.org","code":"2339-0"}]})");
  EXPECT_FALSE(reads(kAda, {deny(code("2339-0"))}, coded));
  EXPECT_TRUE(reads(kAda, {deny(code("718-7"))}, coded));
  EXPECT_TRUE(reads(kAda, {permit_only(code("2339-0"))}, coded));
  EXPECT_FALSE(reads(kAda, {permit_only(code("718-7"))}, coded));
  const auto deep = observation_text(R"(,"code":{"coding":[{"code":"panel"}]},"component":[{"code":{"coding":[)"
                                     R"({"system":"http://loinc.org","code":"2339-0"}]}}])");
  EXPECT_FALSE(reads(kAda, {deny(code("2339-0"))}, deep)) << "found in an instance, wherever";
  EXPECT_FALSE(reads(kAda, {deny(code("718-7"))}, observation_text(R"(,"code":{"text":"glucose?"})"))) << "in words";
  EXPECT_FALSE(reads(kAda, {deny(code("718-7"))},
                     R"({"resourceType":"MedicationRequest","id":"m","subject":{"reference":"Patient/maria"},)"
                     R"("medicationReference":{"reference":"Medication/1"}})"))
      << "the code stands elsewhere";
  EXPECT_FALSE(reads(kAda, {deny(R"("code":[{"text":"sugar"}])")}, coded));
}

TEST(Consent, DataPeriods) {
  const auto data = [](std::string_view period) { return R"("dataPeriod":{)" + std::string(period) + "}"; };
  const auto on = [](std::string_view date) {
    return observation_text(R"(,"effectiveDateTime":")" + std::string(date) + "\"");
  };
  const auto old = data(R"("end":"2020-12-31")");
  EXPECT_FALSE(reads(kAda, {deny(old)}, on("2019-05-01")));
  EXPECT_TRUE(reads(kAda, {deny(old)}, on("2021-05-01")));
  EXPECT_TRUE(reads(kAda, {permit_only(old)}, on("2019-05-01")));
  EXPECT_FALSE(reads(kAda, {permit_only(old)}, on("2021-05-01")));
  EXPECT_FALSE(reads(kAda, {deny(old)})) << "without a date";
  EXPECT_FALSE(reads(kAda, {permit_only(old)})) << "without a date";
  const auto across = observation_text(R"(,"effectivePeriod":{"start":"2020-06","end":"2021-06"})");
  EXPECT_FALSE(reads(kAda, {deny(old)}, across));
  EXPECT_FALSE(reads(kAda, {permit_only(old)}, across));
  EXPECT_TRUE(
      reads(kAda, {deny(old)}, observation_text(R"(,"effectiveDateTime":"2021","issued":"2020-01-01T00:00:00Z")")))
      << "when it happened, not when it was written";
}

TEST(Consent, Data) {
  const auto data = [](std::string_view meaning, std::string_view reference) {
    return R"("data":[{"meaning":")" + std::string(meaning) + R"(","reference":{"reference":")" +
           std::string(reference) + R"("}}])";
  };
  EXPECT_FALSE(reads(kAda, {deny(data("instance", "Observation/o1"))}));
  EXPECT_TRUE(reads(kAda, {deny(data("instance", "Observation/o2"))}));
  const auto at_visit = observation_text(R"(,"encounter":{"reference":"Encounter/e1"})");
  EXPECT_FALSE(reads(kAda, {deny(data("dependents", "Encounter/e1"))}, at_visit));
  EXPECT_TRUE(reads(kAda, {deny(data("dependents", "Encounter/e2"))}, at_visit));
  EXPECT_FALSE(reads(kAda, {deny(data("related", "Encounter/e2"))}, at_visit)) << "what that refers to, nobody knows";
  EXPECT_FALSE(reads(kAda, {permit_only(data("related", "Encounter/e2"))}, at_visit));
  const auto by = observation_text(R"(,"performer":[{"reference":"Practitioner/bob"}])");
  EXPECT_FALSE(reads(kAda, {deny(data("authoredby", "Practitioner/bob"))}, by));
  EXPECT_TRUE(reads(kAda, {deny(data("authoredby", "Practitioner/ada"))}, by));
  EXPECT_FALSE(reads(kAda, {deny(data("instance", "https://else.example/Observation/o9"))}));
  EXPECT_FALSE(reads(kAda, {deny(data("nearby", "Observation/o9"))}));
}

TEST(Consent, SecurityLabels) {
  const auto labels = [](std::string_view code) { return R"("securityLabel":[)" + std::string(code) + "]"; };
  const auto eth = observation_text(labelled(label("ETH")));
  EXPECT_FALSE(reads(kAda, {deny(labels(label("ETH")))}, eth));
  EXPECT_TRUE(reads(kAda, {deny(labels(label("ETH")))}));
  EXPECT_TRUE(reads(kAda, {deny(labels(label("HIV")))}, eth));
  EXPECT_FALSE(reads(kAda, {deny(labels(label("SUD")))}, observation_text(labelled(label("OPIOIDUD")))));
  EXPECT_FALSE(reads(kAda, {deny(labels(label("HIV")))}, observation_text(labelled(R"({"display":"?"})"))));
  // Confidentiality: a floor in a denial, a ceiling in a permission; unlabelled is N.
  const auto level = [](std::string_view code) { return label(code, "v3-Confidentiality"); };
  const auto r = observation_text(labelled(level("R")));
  EXPECT_FALSE(reads(kAda, {deny(labels(level("R")))}, r));
  EXPECT_FALSE(reads(kAda, {deny(labels(level("R")))}, observation_text(labelled(level("V")))));
  EXPECT_TRUE(reads(kAda, {deny(labels(level("R")))}));
  EXPECT_FALSE(reads(kAda, {permit_only(labels(level("N")))}, r));
  EXPECT_TRUE(reads(kAda, {permit_only(labels(level("N")))}));
  EXPECT_TRUE(reads(kAda, {permit_only(labels(level("R")))}, r));
  EXPECT_FALSE(reads(kAda, {permit_only(labels(level("L")))}));
}

TEST(Consent, CriteriaOfOneProvisionMustAllMatch) {
  const auto both =
      actor("Practitioner/ada") + R"(,"class":[{"system":"http://hl7.org/fhir/resource-types","code":"Condition"}])";
  EXPECT_TRUE(reads(kAda, {deny(both)}));
  EXPECT_FALSE(
      reads(kAda, {deny(both)}, R"({"resourceType":"Condition","id":"c","subject":{"reference":"Patient/maria"}})"));
}

TEST(Consent, TheInnermostMatchDecides) {
  // Deny all; but permit Ada; but deny her Conditions; but permit this one.
  const auto nested = consent_text(
      rule("OPTOUT") + R"(,"provision":{"type":"deny","provision":[{"type":"permit",)" + actor("Practitioner/ada") +
      R"(,"provision":[{"type":"deny","class":[{"system":"http://hl7.org/fhir/resource-types","code":"Condition"}],)"
      R"("provision":[{"type":"permit","data":[{"meaning":"instance","reference":{"reference":"Condition/ok"}}]}]}]}]})");
  const auto condition = [](std::string_view id) {
    return R"({"resourceType":"Condition","id":")" + std::string(id) + R"(","subject":{"reference":"Patient/maria"}})";
  };
  EXPECT_TRUE(reads(kAda, {nested}));
  EXPECT_FALSE(reads(kBob, {nested}));
  EXPECT_FALSE(reads(kAda, {nested}, condition("c1")));
  EXPECT_TRUE(reads(kAda, {nested}, condition("ok")));
  EXPECT_FALSE(reads(kBob, {nested}, condition("ok")));
}

TEST(Consent, OfSeveralThatMatchADenyBeatsAPermit) {
  const auto siblings = consent_text(rule("OPTIN") + R"(,"provision":{"type":"permit","provision":[{"type":"permit",)" +
                                     actor("Practitioner/ada") + R"(},{"type":"deny",)" + actor("Device/app") + "}]}");
  EXPECT_FALSE(reads(kAda, {siblings}));
  EXPECT_FALSE(reads(kAda, {deny(actor("Practitioner/ada")), permit_only(actor("Practitioner/ada"))}));
  EXPECT_FALSE(reads(kAda, {permit_only(actor("Practitioner/ada")), deny(actor("Practitioner/ada"))}));
}

TEST(Consent, WhereNobodyKnowsWhetherItAppliesTheStricterOutcomeHolds) {
  // The outer permit may or may not apply; its exception certainly does.
  const auto text = consent_text(rule("OPTIN") + R"(,"provision":{"type":"permit",)" + actor("Organization/o") +
                                 R"(,"provision":[{"type":"deny",)" + actor("Practitioner/ada") + "}]}");
  EXPECT_FALSE(reads(kAda, {text}));
  EXPECT_TRUE(reads(kBob, {text}));
}

TEST(Consent, WhatCanNotBeReadDeniesAllButThePatient) {
  const std::string deep = [] {
    std::string out = R"(,"provision":)";
    for (std::size_t i = 0; i <= limits::kConsentDepthMax; ++i) out += R"({"type":"permit","provision":[)";
    out += R"({"type":"permit"})";
    for (std::size_t i = 0; i <= limits::kConsentDepthMax; ++i) out += "]}";
    return out;
  }();
  const auto many = [](std::string_view key, std::string_view item, std::size_t count) {
    std::string out = R"(,"provision":{"type":"permit",")" + std::string(key) + "\":[";
    for (std::size_t i = 0; i < count; ++i) out.append(i == 0 ? "" : ",").append(item);
    return out + "]}";
  };
  const std::vector<std::string> unreadable{
      provision("allow"),
      R"(,"provision":[{"type":"permit"}])",
      R"(,"provision":{"type":"permit","provision":[{}]})",
      R"(,"provision":{"type":"permit","provision":{}})",
      R"(,"provision":{"type":"permit","modifierExtension":[{"url":"https://x"}]})",
      R"(,"provision":{"type":"permit","_type":{"id":"x"}})",
      R"(,"provision":{"type":"permit","expression":{}})",
      R"(,"provision":{"type":"permit","actor":{}})",
      R"(,"provision":{"type":"permit","actor":[]})",
      R"(,"provision":{"type":"permit","actor":[{"role":{"text":"x"}}]})",
      R"(,"provision":{"type":"permit","actor":[{"modifierExtension":[],"reference":{}}]})",
      R"(,"provision":{"type":"permit","class":[{"display":"x"}]})",
      R"(,"provision":{"type":"permit","code":[{}]})",
      R"(,"modifierExtension":[{"url":"https://not"}],"provision":{"type":"permit"})",
      R"(,"implicitRules":"https://rules.example","provision":{"type":"permit"})",
      R"(,"decision":"permit","provision":{"type":"permit"})",
      deep,
      many("provision", R"({"type":"permit"})", limits::kConsentProvisionsMax),
      many("class", R"({"code":"Observation"})", limits::kConsentCriteriaMax + 1)};
  for (const auto& rest : unreadable) {
    const auto text = consent_text(rule("OPTIN") + rest);
    EXPECT_FALSE(directives({text})->readable()) << rest.substr(0, 120);
    EXPECT_FALSE(reads(kAda, {text})) << rest.substr(0, 120);
    EXPECT_TRUE(reads(kMaria, {text})) << rest.substr(0, 120);
  }
  EXPECT_FALSE(reads(kAda, {R"({"resourceType":"Contract","id":"x"})"}));
  EXPECT_FALSE(reads(kAda, {"[]"}));
}

TEST(Consent, TooManyConsentsDeny) {
  std::vector<std::string> list(limits::kConsentsPerPatientMax, consent_text(rule("OPTIN")));
  EXPECT_TRUE(reads(kAda, list));
  list.push_back(consent_text(rule("OPTIN")));
  EXPECT_FALSE(reads(kAda, list));
  EXPECT_TRUE(reads(kMaria, list));
}

TEST(Consent, EveryoneWhomAResourceIsAboutMustAgree) {
  const auto o = json(R"({"resourceType":"Appointment","id":"a","participant":[{"actor":{"reference":"Patient/otto"}},)"
                      R"({"actor":{"reference":"Patient/maria"}}]})");
  auto book = std::make_shared<ConsentBook>();
  book->put("otto", std::make_shared<const PatientDirectives>());
  book->put("maria", directives({deny()}));
  const Circumstances facts{.now = kNow, .consents = book};
  EXPECT_FALSE(resource_visible(access(kAda, enforcing()), o, Origin::read, {}, nullptr, facts).permitted());
  book->put("maria", directives({}));
  EXPECT_TRUE(resource_visible(access(kAda, enforcing()), o, Origin::read, {}, nullptr, facts).permitted());
}

TEST(Consent, ASubjectWhoCanNotBeToldIsDenied) {
  for (const auto* const subject : {R"({"identifier":{"value":"maria"}})", R"({"display":"Maria"})",
                                    R"({"reference":"#p"})", R"({"reference":"https://else.example/Patient/maria"})"}) {
    const auto text = R"({"resourceType":"Observation","id":"o1","subject":)" + std::string(subject) + "}";
    EXPECT_FALSE(reads(kAda, {}, text)) << subject;
    EXPECT_TRUE(reads(kAda, {}, text, {})) << subject;
  }
  EXPECT_TRUE(reads(kAda, {}, R"({"resourceType":"Observation","id":"o1","subject":{"reference":"Location/ward"}})"));
  EXPECT_TRUE(reads(kAda, {}, R"({"resourceType":"Observation","id":"o1"})"));
  EXPECT_FALSE(reads(kAda, {deny()},
                     R"({"resourceType":"Group","id":"g","member":[{"entity":{"reference":"Patient/maria"}}]})"));
  EXPECT_FALSE(
      reads(kAda, {deny()}, R"({"resourceType":"Binary","id":"b","securityContext":{"reference":"Patient/maria"}})"));
}

TEST(Consent, AProvenanceTellsNothingOfWhatIsHidden) {
  const auto a = access(kAda, enforcing());
  const auto p = json(R"({"resourceType":"Provenance","id":"p","target":[{"reference":"Observation/o1"}]})");
  EXPECT_FALSE(resource_visible(a, p, Origin::read, {}, nullptr, at(directives({}))).permitted());
  const SeenVisible seen = [](std::string_view, std::string_view) { return true; };
  EXPECT_TRUE(resource_visible(a, p, Origin::match, seen, nullptr, at(directives({}))).permitted());
  const auto of_maria = json(R"({"resourceType":"Provenance","id":"p","target":[{"reference":"Patient/maria"}]})");
  EXPECT_FALSE(resource_visible(a, of_maria, Origin::read, {}, nullptr, at(directives({deny()}))).permitted());
}

TEST(Consent, S21_EmergencyOverridesAndSaysSo) {
  const Asker emergency{.purpose = "ETREAT"};
  const auto decision = decide_read(emergency, {deny()}, observation_text());
  EXPECT_TRUE(decision.permitted());
  EXPECT_TRUE(decision.overridden);
  EXPECT_FALSE(decide_read(emergency, {}, observation_text()).overridden) << "nothing was in the way";
  EXPECT_TRUE(
      resource_visible(access(emergency, enforcing()), json(observation_text()), Origin::read, {}, nullptr, at(nullptr))
          .overridden)
      << "nor is a care team to wait for a server";
  for (const auto* const purpose : {"TREAT", "BTG", "etreat", "ETREAT "}) {
    EXPECT_FALSE(decide_read({.purpose = purpose}, {deny()}, observation_text()).permitted()) << purpose;
  }
  EXPECT_FALSE(reads({.scope = "user/Condition.rs", .purpose = "ETREAT"}, {deny()})) << "scopes still bound it";
}

TEST(Consent, ExplanationsNameNoData) {
  Explanation lines;
  (void)resource_visible(access(kAda, enforcing()), json(observation_text()), Origin::read, {}, &lines,
                         at(directives({deny()})));
  ASSERT_FALSE(lines.empty());
  for (const auto& line : lines) EXPECT_EQ(line.find("maria"), std::string::npos) << line;
}

Decision writes(const Asker& who, char letter, const std::vector<std::string>& consents, std::string_view before,
                std::string_view after, DataPolicy policy = enforcing()) {
  const auto a = access(who, std::move(policy));
  const auto old = before.empty() ? Json() : json(before);
  const auto fresh = after.empty() ? Json() : json(after);
  return guard_written(a, a.rules().front(), letter, before.empty() ? nullptr : &old, after.empty() ? nullptr : &fresh,
                       at(directives(consents)));
}

TEST(ConsentWrites, DirectivesHoldForWhatIsWritten) {
  const Asker writer{.scope = "user/*.cruds"};
  const auto o = observation_text();
  const auto action = [](std::string_view code) {
    return R"("action":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentaction","code":")" +
           std::string(code) + R"("}]}])";
  };
  EXPECT_TRUE(writes(writer, 'c', {}, "", o).permitted());
  EXPECT_FALSE(writes(writer, 'c', {deny()}, "", o).permitted());
  EXPECT_FALSE(writes(writer, 'd', {deny()}, o, "").permitted());
  EXPECT_FALSE(writes(writer, 'c', {deny(action("collect"))}, "", o).permitted());
  EXPECT_TRUE(writes(writer, 'u', {deny(action("collect"))}, o, o).permitted());
  EXPECT_FALSE(writes(writer, 'u', {deny(action("correct"))}, o, o).permitted());
  EXPECT_FALSE(writes(writer, 'u', {deny(action("use"))}, o, o).permitted());
  EXPECT_FALSE(writes(writer, 'u', {permit_only(action("use"))}, o, o).permitted());
  EXPECT_TRUE(writes(writer, 'u', {permit_only(action("correct"))}, o, o).permitted());
  EXPECT_TRUE(writes(writer, 'c', {deny(action("disclose"))}, "", o).permitted());
  const auto emergency = writes({.scope = "user/*.cruds", .purpose = "ETREAT"}, 'c', {deny()}, "", o);
  EXPECT_TRUE(emergency.permitted() && emergency.overridden);
}

TEST(ConsentWrites, S28_AConsentIsChangedByThePatientOrUnderAScopeThatNamesIt) {
  const auto c = consent_text(rule("OPTIN"));
  EXPECT_FALSE(writes({.scope = "user/*.cruds"}, 'u', {}, c, c).permitted());
  EXPECT_FALSE(writes({.scope = "user/*.cruds", .purpose = "ETREAT"}, 'd', {}, c, "").permitted());
  EXPECT_FALSE(
      writes({.scope = "patient/*.cruds", .fhir_user = "RelatedPerson/carer", .patient = "maria"}, 'd', {}, c, "")
          .permitted());
  EXPECT_TRUE(writes({.scope = "user/Consent.cruds"}, 'u', {}, c, c).permitted());
  EXPECT_TRUE(writes({.scope = "patient/*.cruds", .fhir_user = "Patient/maria", .patient = "maria"}, 'c', {}, "", c)
                  .permitted());
  EXPECT_TRUE(writes({.scope = "user/*.cruds"}, 'u', {}, c, c, {}).permitted()) << "not enforced here";
}

TEST(ConsentWrites, HiddenDataIsNotOverwrittenUnseen) {
  DataPolicy policy;
  policy.labels = hiding({"ETH"});
  const auto eth = observation_text(labelled(label("ETH")));
  const Asker writer{.scope = "user/*.cruds"};
  EXPECT_EQ(writes(writer, 'u', {}, eth, eth, policy).reason, Reason::label_hidden);
  EXPECT_EQ(writes(writer, 'd', {}, eth, "", policy).reason, Reason::label_hidden);
  EXPECT_TRUE(writes(writer, 'c', {}, "", eth, policy).permitted()) << "labelling one's own is no disclosure";
}

TEST(ConsentPatients, WhoMustBeAsked) {
  using Ids = std::vector<std::string>;
  EXPECT_EQ(patients_to_ask(access(kCarer, enforcing()), {}), Ids{"maria"});
  EXPECT_EQ(patients_to_ask(access(kCarer, enforcing()), {"otto"}), Ids{"maria"}) << "others never come into the bound";
  EXPECT_EQ(patients_to_ask(access(kMaria, enforcing()), {"maria"}), Ids{});
  EXPECT_EQ(patients_to_ask(access(kAda, enforcing()), {"otto", "maria", "otto"}), (Ids{"maria", "otto"}));
}

}  // namespace
}  // namespace mitral::policy::consents
