// SMART App Launch 2.2, scopes: grammar, meaning, narrowing.
#include <gtest/gtest.h>

#include "base/limits.h"
#include "fhir/r4.h"
#include "fhir/search_params.h"
#include "spec/smart/scopes.h"
#include "spec/smart/words.h"

namespace mitral::spec::smart {
namespace {

const ScopeRules& rules() {
  static const ScopeRules r{fhir::resource_types(), &fhir::usable_in_scope};
  return r;
}

constexpr std::string_view kLab = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory";
constexpr std::string_view kVital = "http://terminology.hl7.org/CodeSystem/observation-category|vital-signs";

SmartScope scope(std::string_view text) {
  auto parsed = parse_scope(text, rules());
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : SmartScope{};
}
ScopeSet set(std::string_view text) {
  auto parsed = ScopeSet::parse(text, rules());
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : ScopeSet{};
}
std::string granular(std::string_view head, std::string_view category) {
  return std::string(head).append("?category=").append(category);
}

TEST(SmartScopes, Version2) {
  const auto s = scope("patient/Observation.rs");
  EXPECT_EQ(s.kind, ScopeKind::resource);
  EXPECT_EQ(s.context, ScopeContext::patient);
  EXPECT_EQ(s.type, "Observation");
  EXPECT_EQ(s.notation, Notation::v2);
  EXPECT_TRUE(s.allows('r', "Observation"));
  EXPECT_TRUE(s.allows('s', "Observation"));
  EXPECT_FALSE(s.allows('c', "Observation"));
  EXPECT_FALSE(s.allows('r', "Condition"));
  EXPECT_FALSE(s.allows('x', "Observation"));
  EXPECT_TRUE(scope("user/*.cruds").allows('d', "Condition"));
  EXPECT_TRUE(scope("system/*.rs").allows('s', "Group"));
}

TEST(SmartScopes, Version1MeansLetters) {
  EXPECT_EQ(scope("patient/Patient.read").perms.text(), "rs");
  EXPECT_EQ(scope("patient/Patient.write").perms.text(), "cud");
  EXPECT_EQ(scope("patient/*.*").perms.text(), "cruds");
  EXPECT_EQ(scope("patient/Patient.read").notation, Notation::v1);
}

TEST(SmartScopes, LettersOutOfOrderOrUnknownAreRefused) {
  for (const auto* wrong : {"patient/Patient.sr", "patient/Patient.rx", "patient/Patient.rr", "patient/Patient.",
                            "patient/Patient.R", "patient/Patient.cruds*", "patient/Patient.reads",
                            "patient/Patient.Read", "patient/Patient.r.s", "patient/Patient"}) {
    EXPECT_FALSE(parse_scope(wrong, rules())) << wrong;
  }
}

TEST(SmartScopes, UnknownTypesAndShapesAreRefused) {
  for (const auto* wrong : {"patient/patient.rs", "patient/Nonsense.rs", "patient/.rs", "patient/", "user/", "system/.",
                            "patient/Pati*nt.rs", "patient/**.rs", "patient/Patient/.rs", "patient//Patient.rs",
                            "http://smarthealthit.org/fhir/scopes/patient/X.rs", "launch/nonsense", "launch/Patient",
                            "launch/", "launch/patient?x=y", "launch/patient?role=", "launch/patient?role=a&b=c"}) {
    EXPECT_FALSE(parse_scope(wrong, rules())) << wrong;
  }
}

TEST(SmartScopes, CharactersOutsideRfc6749AreRefused) {
  EXPECT_FALSE(parse_scope("", rules()));
  for (const auto* wrong : {"a b", "a\"b", "a\\b", "a\nb", "\x7f", "\xc3\xa4"}) {
    EXPECT_FALSE(parse_scope(wrong, rules())) << wrong;
  }
  EXPECT_FALSE(parse_scope(std::string_view("a\0b", 3), rules()));
}

TEST(SmartScopes, Granular) {
  const auto s = scope(granular("patient/Observation.rs", kLab));
  ASSERT_EQ(s.restrictions.size(), 1U);
  EXPECT_EQ(s.restrictions[0].param, "category");
  EXPECT_EQ(s.restrictions[0].value(), kLab);
  EXPECT_EQ(
      scope("patient/Observation.rs?category=laboratory&code=http%3A%2F%2Floinc.org%7C2339-0").restrictions[1].value(),
      "http://loinc.org|2339-0");
  EXPECT_EQ(scope("patient/Observation.rs?code=a,b").restrictions[0].any_of, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(scope("patient/Observation.rs?code=a%5C,b").restrictions[0].any_of, (std::vector<std::string>{"a\\,b"}))
      << "escaped comma";
}

TEST(SmartScopes, GranularOnlyWhatCanBeEnforced) {
  for (const auto* wrong : {"patient/Observation.rs?",
                            "patient/Observation.rs?category",
                            "patient/Observation.rs?category=",
                            "patient/Observation.rs?category=a&",
                            "patient/Observation.rs?category=a,,b",
                            "patient/Observation.rs?nonsense=a",
                            "patient/Observation.rs?category:not=a",
                            "patient/Observation.rs?category:in=a",
                            "patient/Observation.rs?subject.name=a",
                            "patient/Observation.rs?_filter=a",
                            "patient/Observation.rs?_has:Provenance:target:agent=a",
                            "patient/Patient.rs?name=a",
                            "patient/Patient.rs?category=a",
                            "patient/*.rs?category=a",
                            "patient/Observation.read?category=a",
                            "patient/Observation.*?category=a",
                            "patient/Observation.rs?category=%",
                            "patient/Observation.rs?category=%00",
                            "patient/Observation.rs?date=soon",
                            "patient/Observation.rs?=a",
                            "patient/Observation.rs??category=a",
                            "patient/Observation.rs?category=a|b|c"}) {
    EXPECT_FALSE(parse_scope(wrong, rules())) << wrong;
  }
  const ScopeRules blind{fhir::resource_types(), nullptr};
  EXPECT_FALSE(parse_scope("patient/Observation.rs?category=a", blind)) << "nobody to enforce it";
}

TEST(SmartScopes, MisprintedSystemIsTakenForTheRightOne) {
  const auto text =
      "patient/Observation.rs?category=http://terminology.hl7.org//CodeSystem-observation-category|social-history";
  const auto s = scope(text);
  EXPECT_EQ(s.text, text);
  EXPECT_EQ(s.restrictions[0].value(), "http://terminology.hl7.org/CodeSystem/observation-category|social-history");
  for (const auto& published : us_core_granular_scopes(ScopeContext::patient))
    EXPECT_EQ(published.find("org//"), std::string::npos);
}

TEST(SmartScopes, OtherKinds) {
  EXPECT_EQ(scope("openid").kind, ScopeKind::openid);
  EXPECT_EQ(scope("fhirUser").kind, ScopeKind::fhir_user);
  EXPECT_EQ(scope("fhiruser").kind, ScopeKind::other) << "case-sensitive";
  EXPECT_EQ(scope("profile").kind, ScopeKind::profile);
  EXPECT_EQ(scope("offline_access").kind, ScopeKind::offline_access);
  EXPECT_EQ(scope("online_access").kind, ScopeKind::online_access);
  EXPECT_EQ(scope("launch").kind, ScopeKind::launch);
  EXPECT_EQ(scope("launch/patient").launch_type, "patient");
  const auto study = scope("launch/imagingstudy?role=http%3A%2F%2Fr.example%2Fx");
  EXPECT_EQ(study.kind, ScopeKind::launch_context);
  EXPECT_EQ(study.role, "http://r.example/x");
  EXPECT_EQ(scope("email").kind, ScopeKind::other);
  EXPECT_EQ(scope("Patient/Patient.rs").kind, ScopeKind::other) << "grants nothing";
  EXPECT_FALSE(scope("email").allows('r', "Patient"));
}

TEST(SmartScopes, UriForms) {
  const auto s = scope("http://smarthealthit.org/fhir/scopes/patient/Patient.rs");
  EXPECT_EQ(s.kind, ScopeKind::resource);
  EXPECT_TRUE(covers(scope("patient/Patient.rs"), s));
  EXPECT_TRUE(covers(s, scope("patient/Patient.rs")));
  EXPECT_EQ(scope("http://openid.net/specs/openid-connect-core-1_0#openid").kind, ScopeKind::openid);
  EXPECT_FALSE(covers(scope("http://smarthealthit.org/fhir/scopes/admin"), scope("admin")))
      << "unknown words are compared as they stand";
}

TEST(SmartScopes, CoversWidensNothing) {
  struct Case {
    std::string wide, narrow;
    bool yes;
  };
  const std::vector<Case> cases = {
      {"patient/*.rs", "patient/Observation.r", true},
      {"patient/Observation.rs", "patient/*.rs", false},
      {"patient/Observation.rs", "patient/Observation.read", true},
      {"patient/Observation.read", "patient/Observation.rs", true},
      {"patient/Observation.r", "patient/Observation.s", false},
      {"user/Observation.rs", "patient/Observation.rs", false},
      {"patient/Observation.rs", "user/Observation.rs", false},
      {"system/*.cruds", "user/Observation.r", false},
      {"patient/Observation.rs", granular("patient/Observation.rs", kLab), true},
      {granular("patient/Observation.rs", kLab), "patient/Observation.rs", false},
      {granular("patient/Observation.rs", kLab), granular("patient/Observation.rs", kVital), false},
      {granular("patient/Observation.rs", std::string(kLab) + "," + std::string(kVital)),
       granular("patient/Observation.r", kLab), true},
      {granular("patient/Observation.rs", kLab),
       granular("patient/Observation.rs", std::string(kLab) + "," + std::string(kVital)), false},
      {"patient/Observation.rs?category=a", "patient/Observation.rs?category=a&code=b", true},
      {"patient/Observation.rs?category=a&code=b", "patient/Observation.rs?category=a", false},
      {"patient/Observation.rs?category=a", "patient/Observation.rs?code=a", false},
      {"patient/Observation.rs?category=a", "patient/Condition.rs?category=a", false},
      {"patient/*.rs", granular("patient/Observation.rs", kLab), true},
      {"launch", "launch/patient", false},
      {"launch/patient", "launch", false},
      {"offline_access", "online_access", false},
      {"profile", "fhirUser", false},
      {"launch/imagingstudy", "launch/imagingstudy?role=http://r.example/x", false},
      {"patient/*.rs", "openid", false},
  };
  for (const auto& c : cases) EXPECT_EQ(covers(scope(c.wide), scope(c.narrow)), c.yes) << c.wide << " / " << c.narrow;
}

TEST(SmartScopes, SetsAddUp) {
  EXPECT_TRUE(set("patient/Observation.r patient/Observation.s").covers(scope("patient/Observation.rs")));
  EXPECT_TRUE(set("patient/*.r patient/Observation.s").covers(scope("patient/Observation.rs")));
  EXPECT_FALSE(set("patient/*.r patient/Observation.s").covers(scope("patient/Condition.rs")));
  EXPECT_FALSE(set("patient/Observation.r user/Observation.s").covers(scope("patient/Observation.rs")))
      << "letters of one context do not serve another";
  EXPECT_TRUE(set("a b").same_as(set("b a")));
}

TEST(SmartScopes, SetGrammar) {
  EXPECT_TRUE(set("").empty());
  EXPECT_EQ(set("openid openid fhirUser").text(), "openid fhirUser");
  for (const auto* wrong : {" openid", "openid ", "openid  fhirUser", "openid\tfhirUser", " "})
    EXPECT_FALSE(ScopeSet::parse(wrong, rules())) << wrong;
  std::string many = "s0";
  for (std::size_t i = 1; i <= limits::kScopeItemsMax; ++i) many += " s" + std::to_string(i);
  EXPECT_FALSE(ScopeSet::parse(many, rules()));
  EXPECT_FALSE(ScopeSet::parse(std::string(limits::kScopeMax + 1, 'a'), rules()));
  std::size_t dropped = 0;
  const auto known =
      ScopeSet::parse_known("openid patient/Patient.sr patient/Patient.rs patient/X.rs", rules(), &dropped);
  ASSERT_TRUE(known);
  EXPECT_EQ(known->text(), "openid patient/Patient.rs");
  EXPECT_EQ(dropped, 2U);
  EXPECT_FALSE(ScopeSet::parse_known("openid \"", rules()));
}

TEST(SmartScopes, NarrowKeepsWhatIsAllowedAsItWasAsked) {
  const auto asked = set("launch/patient openid patient/Patient.read patient/Observation.rs offline_access");
  const auto limit = set("openid fhirUser launch/patient offline_access patient/*.rs");
  EXPECT_EQ(ScopeSet::narrow(asked, limit).text(), asked.text()) << "literal comparison must pass";
}

TEST(SmartScopes, NarrowCutsToTheLimit) {
  const auto narrow = [](std::string_view asked, std::string_view limit) {
    return ScopeSet::narrow(set(asked), set(limit)).text();
  };
  EXPECT_EQ(narrow("patient/*.cruds", "patient/Observation.rs patient/Condition.r"),
            "patient/Observation.rs patient/Condition.r");
  EXPECT_EQ(narrow("patient/Observation.*", "patient/*.read"), "patient/Observation.read")
      << "version 1 was asked, version 1 answers";
  EXPECT_EQ(narrow("patient/Observation.read", "patient/Observation.r"), "patient/Observation.r")
      << "version 1 cannot say it";
  EXPECT_EQ(narrow("patient/Observation.cruds", "patient/Observation.r patient/Observation.s"),
            "patient/Observation.rs");
  EXPECT_EQ(narrow("patient/Observation.rs", granular("patient/Observation.rs", kLab)),
            granular("patient/Observation.rs", kLab));
  EXPECT_EQ(narrow("patient/*.rs", granular("patient/Observation.r", kLab)), granular("patient/Observation.r", kLab));
  EXPECT_EQ(narrow(granular("patient/Observation.rs", kLab), granular("patient/Observation.rs", kVital)), "");
  EXPECT_EQ(narrow("patient/Observation.rs?code=a,b", "patient/Observation.rs?code=b,c"),
            "patient/Observation.rs?code=b");
  EXPECT_EQ(narrow("patient/Observation.rs?code=a", "patient/Observation.rs?category=b"),
            "patient/Observation.rs?code=a&category=b");
  EXPECT_EQ(narrow("user/Observation.rs", "patient/*.cruds"), "");
  EXPECT_EQ(narrow("openid email", "openid"), "openid");
}

TEST(SmartScopes, Simplified) {
  EXPECT_EQ(set("patient/Observation.r patient/*.rs openid patient/Observation.read").simplified().text(),
            "patient/*.rs openid");
  EXPECT_EQ(set("patient/Patient.read patient/Patient.rs").simplified().text(), "patient/Patient.read")
      << "the first of equals stays";
}

TEST(SmartScopes, Edits) {
  EXPECT_EQ(with_perms(scope("patient/Observation.*"), Perms(Perms::kRead | Perms::kSearch))->text,
            "patient/Observation.read");
  EXPECT_EQ(with_perms(scope("patient/Observation.cruds"), Perms(Perms::kRead))->text, "patient/Observation.r");
  EXPECT_FALSE(with_perms(scope("patient/Observation.rs"), Perms(Perms::kDelete)));
  EXPECT_FALSE(with_perms(scope("openid"), Perms(Perms::kRead)));
  EXPECT_EQ(with_restriction(scope("patient/Observation.read"), "category", kLab).text,
            granular("patient/Observation.rs", kLab));
  const auto odd = with_restriction(scope("patient/Observation.rs"), "code", "a b&c%d");
  EXPECT_EQ(odd.text, "patient/Observation.rs?code=a%20b%26c%25d");
  EXPECT_EQ(scope(odd.text).restrictions, odd.restrictions);
  const auto all = expand_wildcard(scope("patient/*.read"), us_core_types());
  EXPECT_EQ(all.size(), us_core_types().size());
  EXPECT_EQ(all.front().text, "patient/AllergyIntolerance.read");
}

TEST(SmartWords, SaysWhatAScopeMeans) {
  EXPECT_EQ(facts(scope(granular("patient/Observation.rs", kLab))).title, "Lab results");
  EXPECT_EQ(facts(scope("patient/Observation.rs?category=laboratory")).category, "laboratory");
  EXPECT_EQ(facts(scope("patient/Observation.rs")).title, "Measurements and results");
  EXPECT_EQ(facts(scope("patient/*.rs")).key, "*");
  EXPECT_TRUE(facts(scope("patient/*.cruds")).writes);
  EXPECT_FALSE(facts(scope("patient/Patient.rs")).writes);
  EXPECT_EQ(facts(scope("patient/Evidence.rs")).key, "other");
  EXPECT_TRUE(facts(scope("patient/Observation.rs?code=x")).other_restriction);
  EXPECT_EQ(facts(scope("launch/patient")).key, "launch/patient");
  EXPECT_EQ(facts(scope("launch/imagingstudy")).key, "launch/");
  EXPECT_EQ(facts(scope("http://openid.net/specs/openid-connect-core-1_0#openid")).key, "openid");
  EXPECT_EQ(facts(scope("something")).key, "unknown");
}

TEST(SmartWords, UsCoreTypesAndCategoriesAllHaveWords) {
  for (const auto type : us_core_types()) {
    EXPECT_NE(facts(scope(std::string("patient/").append(type).append(".rs"))).key, "other") << type;
  }
  const auto granular_texts = us_core_granular_scopes(ScopeContext::patient);
  EXPECT_EQ(granular_texts.size(), 10U);
  for (const auto& text : granular_texts) EXPECT_FALSE(facts(scope(text)).category.empty()) << text;
}

TEST(SmartWords, BroadScopesSplitIntoCategories) {
  const auto whole = scope("patient/Observation.read");
  const auto parts = split_by_category(whole);
  ASSERT_EQ(parts.size(), 6U);
  for (const auto& part : parts) {
    EXPECT_TRUE(covers(whole, part)) << part.text;
    EXPECT_TRUE(parse_scope(part.text, rules())) << part.text;
  }
  EXPECT_TRUE(split_by_category(parts.front()).empty());
  EXPECT_TRUE(split_by_category(scope("patient/Patient.rs")).empty());
}

}  // namespace
}  // namespace mitral::spec::smart
