// resource_visible(): one predicate for reads, versions, histories, matches and includes.
#include <gtest/gtest.h>

#include "policy/fhir_decision.h"

namespace mitral::policy {
namespace {

using codec::Json;

constexpr const char* kBase = "https://fhir.example/r4";

Access access(std::string_view scopes, std::string_view fhir_user = "Patient/maria", std::string_view patient = "maria",
              std::vector<std::string> proxied = {}) {
  TokenFacts out;
  out.scopes = spec::smart::ScopeSet::parse_known(scopes, scope_rules()).value();
  out.client = "app";
  out.subject = "u_1";
  out.patient = patient;
  out.fhir_user = fhir_user;
  out.user_patients = std::move(proxied);
  out.own_base = kBase;
  return Access::compile(out);
}

Json json(std::string_view text) { return Json::parse(text).value(); }

Json observation(std::string_view patient, std::string_view extra = {}) {
  return json(R"({"resourceType":"Observation","id":"o1","subject":{"reference":"Patient/)" + std::string(patient) +
              R"("})" + std::string(extra) + "}");
}

bool visible(const Access& a, const Json& resource, Origin origin = Origin::read) {
  return resource_visible(a, resource, origin).permitted();
}

TEST(Visible, S5_TheTokensPatientOnly) {
  const auto a = access("patient/Observation.rs");
  EXPECT_TRUE(visible(a, observation("maria")));
  EXPECT_FALSE(visible(a, observation("otto")));
  EXPECT_EQ(resource_visible(a, observation("otto"), Origin::read).reason, Reason::resource_not_in_bound);
  EXPECT_FALSE(visible(a, json(R"({"resourceType":"Observation","id":"o"})")));
  EXPECT_FALSE(
      visible(a, json(R"({"resourceType":"Observation","id":"o","subject":{"identifier":{"value":"maria"}}})")));
  EXPECT_FALSE(visible(a, json(R"({"resourceType":"Observation","id":"o","subject":{"reference":"Group/maria"}})")));
  EXPECT_FALSE(visible(a, json(R"({"resourceType":"Observation","id":"o","subject":{"reference":"#p"},)"
                               R"("contained":[{"resourceType":"Patient","id":"p"}]})")));
  EXPECT_FALSE(visible(
      a, json(R"({"resourceType":"Observation","id":"o","subject":{"reference":"https://evil/Patient/maria"}})")));
  EXPECT_TRUE(visible(
      a,
      json(
          R"({"resourceType":"Observation","id":"o","subject":{"reference":"https://fhir.example/r4/Patient/maria"}})")));
  // focus and performer make nobody a member (mother and newborn, smart-fhir §4.6).
  EXPECT_FALSE(visible(
      a,
      observation("nora", R"(,"focus":[{"reference":"Patient/maria"}],"performer":[{"reference":"Patient/maria"}])")));
}

TEST(Visible, AContainedForeignPatientHidesTheContainer) {
  const auto a = access("patient/Observation.rs");
  EXPECT_FALSE(visible(a, observation("maria", R"(,"contained":[{"resourceType":"Patient","id":"x"}])")));
}

TEST(Visible, LettersByOrigin) {
  const auto r = access("patient/Observation.r");
  const auto s = access("patient/Observation.s");
  const auto o = observation("maria");
  EXPECT_TRUE(visible(r, o, Origin::read));
  EXPECT_FALSE(visible(r, o, Origin::match));
  EXPECT_TRUE(visible(r, o, Origin::included));
  EXPECT_FALSE(visible(r, o, Origin::reverse));
  EXPECT_FALSE(visible(s, o, Origin::read));
  EXPECT_TRUE(visible(s, o, Origin::match));
  EXPECT_TRUE(visible(s, o, Origin::included));
  EXPECT_TRUE(visible(s, o, Origin::reverse));
}

TEST(Visible, S8_GranularRestrictionsHoldForReadsToo) {
  const auto a = access("patient/Observation.rs?category=http://c%7Cvital-signs");
  const auto with = [](std::string_view codes) {
    return observation("maria", R"(,"category":[{"coding":[)" + std::string(codes) + "]}]");
  };
  EXPECT_TRUE(visible(a, with(R"({"system":"http://c","code":"vital-signs"})")));
  EXPECT_FALSE(visible(a, with(R"({"system":"http://c","code":"laboratory"})")));
  EXPECT_FALSE(visible(a, with(R"({"code":"vital-signs"})")));
  EXPECT_FALSE(visible(a, with(R"({"system":"http://other","code":"vital-signs"})")));
  EXPECT_TRUE(
      visible(a, with(R"({"system":"http://c","code":"laboratory"},{"system":"http://c","code":"vital-signs"})")));
  EXPECT_FALSE(visible(a, observation("maria")));
}

TEST(Visible, S16_LettersOfOneScopeNeverMeetTheBoundOfAnother) {
  // user/ is wide but covers Condition only; patient/ covers Observation of Maria only.
  const auto a = access("patient/Observation.rs user/Condition.rs", "Practitioner/1");
  EXPECT_TRUE(visible(a, observation("maria")));
  EXPECT_FALSE(visible(a, observation("otto")));
  EXPECT_TRUE(visible(a, json(R"({"resourceType":"Condition","id":"c","subject":{"reference":"Patient/otto"}})")));
  // Restriction of one scope, bound of the other: neither justifies it.
  const auto b = access("patient/Observation.rs user/Observation.rs?category=http://c%7Cvital-signs", "Practitioner/1");
  EXPECT_FALSE(visible(b, observation("otto")));
  EXPECT_TRUE(
      visible(b, observation("otto", R"(,"category":[{"coding":[{"system":"http://c","code":"vital-signs"}]}])")));
}

TEST(Visible, SharedTypesAreReadableAndDeniedTypesAreNot) {
  const auto a = access("patient/*.rs");
  EXPECT_TRUE(visible(a, json(R"({"resourceType":"Practitioner","id":"1"})")));
  EXPECT_TRUE(visible(a, json(R"({"resourceType":"Organization","id":"1"})")));
  for (
      const auto* const text :
      {R"({"resourceType":"Group","id":"1","member":[{"entity":{"reference":"Patient/maria"}}]})",
       R"({"resourceType":"Binary","id":"1"})", R"({"resourceType":"Bundle","id":"1","type":"collection"})",
       R"({"resourceType":"Subscription","id":"1"})",
       R"({"resourceType":"Schedule","id":"1","actor":[{"reference":"Patient/maria"}]})",
       R"({"resourceType":"OperationOutcome","id":"1"})", R"({"resourceType":"Device","id":"1"})",
       R"({"resourceType":"Device","id":"1","patient":{"reference":"Patient/otto"}})",
       R"({"resourceType":"Person","id":"1","link":[{"target":{"reference":"Patient/maria"}},{"target":{"reference":"Patient/otto"}}]})",
       R"({"resourceType":"Nonsense","id":"1"})", R"({"resourceType":"Observation"})", R"({"id":"1"})", R"([])",
       R"("x")"}) {
    EXPECT_FALSE(visible(a, json(text))) << text;
  }
  EXPECT_TRUE(visible(a, json(R"({"resourceType":"Device","id":"1","patient":{"reference":"Patient/maria"}})")));
  EXPECT_TRUE(visible(a, json(R"({"resourceType":"Patient","id":"maria"})")));
  EXPECT_FALSE(visible(a, json(R"({"resourceType":"Patient","id":"otto"})")));
}

TEST(Visible, UserScopesOfAPatientReachHerselfAndHerProxies) {
  const auto a = access("user/Observation.rs", "Patient/maria", "leo", {"nora"});
  for (const auto* const id : {"maria", "leo", "nora"}) EXPECT_TRUE(visible(a, observation(id))) << id;
  EXPECT_FALSE(visible(a, observation("otto")));
  const auto related = access("user/Observation.rs", "RelatedPerson/maria-for-leo", "leo");
  EXPECT_TRUE(visible(related, observation("leo")));
  EXPECT_FALSE(visible(related, observation("maria")));
  EXPECT_FALSE(visible(access("user/Observation.rs", "RelatedPerson/x", ""), observation("leo")));
  const auto practitioner = access("user/Observation.rs", "Practitioner/dr-ada", "maria");
  EXPECT_TRUE(visible(practitioner, observation("otto")));
}

TEST(Visible, ProvenanceByItsTargets) {
  const auto a = access("patient/Provenance.rs patient/Observation.rs");
  const auto prov = [](std::string_view targets) {
    return json(R"({"resourceType":"Provenance","id":"p","target":[)" + std::string(targets) + "]}");
  };
  const SeenVisible seen = [](std::string_view type, std::string_view id) {
    return type == "Observation" && id == "o1";
  };
  const auto ok = [&](std::string_view targets) {
    return resource_visible(a, prov(targets), Origin::reverse, seen).permitted();
  };
  EXPECT_TRUE(ok(R"({"reference":"Patient/maria"})"));
  EXPECT_TRUE(ok(R"({"reference":"Observation/o1"})"));
  EXPECT_FALSE(ok(R"({"reference":"Observation/o2"})"));
  EXPECT_FALSE(ok(R"({"reference":"Observation/o1"},{"reference":"Patient/otto"})"));
  EXPECT_FALSE(resource_visible(a, prov(R"({"reference":"Observation/o1"})"), Origin::read).permitted());
}

TEST(Visible, S17_AStoredBundleShowsOnlyWhatCouldBeReadByItself) {
  TokenFacts facts;
  facts.scopes = spec::smart::ScopeSet::parse_known("system/Bundle.rs system/Observation.r", scope_rules()).value();
  facts.client = facts.subject = "backend";
  const auto a = Access::compile(facts);
  EXPECT_TRUE(visible(
      a, json(R"({"resourceType":"Bundle","id":"b","entry":[{"resource":{"resourceType":"Observation","id":"1"}}]})")));
  EXPECT_FALSE(visible(
      a, json(R"({"resourceType":"Bundle","id":"b","entry":[{"resource":{"resourceType":"Condition","id":"1"}}]})")));
  std::string nested = R"({"resourceType":"Observation","id":"1"})";
  for (int i = 0; i < 5; ++i) nested = R"({"resourceType":"Bundle","id":"b","entry":[{"resource":)" + nested + "}]}";
  EXPECT_FALSE(visible(a, json(nested)));
}

TEST(Visible, FhirUserReadsItselfOnly) {
  const auto a = access("openid fhirUser", "https://fhir.example/r4/RelatedPerson/r1", "");
  EXPECT_TRUE(visible(a, json(R"({"resourceType":"RelatedPerson","id":"r1"})")));
  EXPECT_FALSE(visible(a, json(R"({"resourceType":"RelatedPerson","id":"r1"})"), Origin::included));
  EXPECT_FALSE(visible(a, json(R"({"resourceType":"RelatedPerson","id":"r2"})")));
}

TEST(Visible, TombstonesOnlyWhereNothingIsHidden) {
  EXPECT_FALSE(tombstone_visible(access("patient/Observation.rs"), "Observation", Origin::read));
  EXPECT_TRUE(tombstone_visible(access("user/Observation.rs", "Practitioner/1"), "Observation", Origin::read));
  EXPECT_FALSE(tombstone_visible(access("user/Observation.s", "Practitioner/1"), "Observation", Origin::read));
  EXPECT_FALSE(tombstone_visible(access("user/Observation.rs?category=http://c%7Cx", "Practitioner/1"), "Observation",
                                 Origin::read));
}

}  // namespace
}  // namespace mitral::policy
