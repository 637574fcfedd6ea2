// Consent model: what a person unticks is not granted, what she leaves is granted in the client's own words, and
// nothing is ever granted that was not asked for.
#include "login/consent_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "policy/scope_policy.h"

namespace mitral::login {
namespace {

using spec::smart::ScopeSet;

ScopeSet set_of(std::string_view text) {
  auto set = ScopeSet::parse(text, policy::scope_rules());
  EXPECT_TRUE(set) << text;
  return set ? *set : ScopeSet();
}

std::string granted(std::string_view asked, std::set<std::string> unticked, bool offline = true) {
  const auto form = ConsentForm::make(set_of(asked));
  const auto values = form.all_values();
  for (const auto& value : unticked) {
    EXPECT_NE(std::ranges::find(values, value), values.end()) << "no such box: " << value;
  }
  auto out = form.grant(
      {.ticked = [&](std::string_view v) { return !unticked.contains(std::string(v)); }, .offline = offline});
  EXPECT_TRUE(out);
  return out ? out->text() : "";
}

TEST(ConsentModel, Smart115_UnchangedScopesKeepTheClientsSpelling) {
  for (const auto* asked :
       {"launch/patient openid fhirUser offline_access patient/Patient.rs", "patient/*.rs",
        "patient/*.read user/Observation.*", "patient/Condition.read patient/Observation.cruds",
        "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory"}) {
    EXPECT_EQ(granted(asked, {}), asked);
  }
}

TEST(ConsentModel, Smart25_UntickedTypeLeavesTheOthers) {
  EXPECT_EQ(granted("openid patient/Patient.rs patient/Condition.rs", {"patient.see.Condition"}),
            "openid patient/Patient.rs");
}

TEST(ConsentModel, Smart25_WildcardIsSpelledOutWhenATypeIsUnticked) {
  const auto text = granted("patient/*.rs", {"patient.see.Condition"});
  EXPECT_EQ(text.find("patient/*"), std::string::npos);
  EXPECT_EQ(text.find("patient/Condition"), std::string::npos);
  EXPECT_NE(text.find("patient/Observation.rs"), std::string::npos);
  EXPECT_NE(text.find("patient/Patient.rs"), std::string::npos);
  EXPECT_NE(text.find("patient/Appointment.rs"), std::string::npos) << "the rest of the record stays";
  const auto fewer = granted("patient/*.rs", {"patient.see.Condition", "patient.see.other"});
  EXPECT_EQ(fewer.find("patient/Appointment"), std::string::npos);
}

TEST(ConsentModel, Smart28_TypeLevelBecomesCategories) {
  const auto text =
      granted("patient/Observation.rs", {"patient.see.Observation.survey", "patient.see.Observation.sdoh"});
  EXPECT_EQ(text.find("patient/Observation.rs "), std::string::npos);
  EXPECT_NE(text.find("patient/Observation.rs?category="), std::string::npos);
  EXPECT_NE(text.find("|laboratory"), std::string::npos);
  EXPECT_EQ(text.find("|survey"), std::string::npos);
  EXPECT_TRUE(set_of("patient/Observation.rs").covers(set_of(text)));
}

TEST(ConsentModel, Smart28_CategoriesOfVersionOneAreAnsweredInVersionTwo) {
  const auto text = granted("patient/Condition.read", {"patient.see.Condition.health-concern"});
  EXPECT_NE(text.find("patient/Condition.rs?category="), std::string::npos);
  EXPECT_EQ(text.find("health-concern"), std::string::npos);
}

TEST(ConsentModel, AllCategoriesUntickedLeavesNothingOfTheType) {
  std::set<std::string> unticked;
  const auto form = ConsentForm::make(set_of("patient/Condition.rs"));
  for (const auto& part : form.items().front().parts) unticked.insert(part.value);
  EXPECT_EQ(granted("patient/Condition.rs", unticked), "");
}

TEST(ConsentModel, CategoryTickedWithoutItsTypeCountsForNothing) {
  EXPECT_EQ(granted("patient/Condition.rs patient/Patient.rs", {"patient.see.Condition"}), "patient/Patient.rs");
}

TEST(ConsentModel, ReadingAndChangingAreSeparate) {
  EXPECT_EQ(granted("patient/Goal.cruds", {"patient.change.Goal"}), "patient/Goal.rs");
  EXPECT_EQ(granted("patient/Goal.cruds", {"patient.see.Goal"}), "patient/Goal.cud");
  EXPECT_EQ(granted("patient/Goal.*", {"patient.change.Goal"}), "patient/Goal.read");
}

TEST(ConsentModel, OneBoxForAllScopesThatMeanTheSame) {
  const auto form = ConsentForm::make(set_of("patient/Goal.rs patient/Goal.r"));
  EXPECT_EQ(form.items().size(), 1U);
  EXPECT_EQ(granted("patient/Goal.rs patient/Goal.r", {"patient.see.Goal"}), "");
}

TEST(ConsentModel, E18_ATypeAskedForTwiceIsNotHiddenInEverythingElse) {
  const auto text = granted("patient/*.rs patient/Appointment.rs", {"patient.see.Appointment"});
  EXPECT_EQ(text.find("patient/Appointment.rs"), std::string::npos);
  EXPECT_NE(text.find("patient/Account.rs"), std::string::npos);
}

TEST(ConsentModel, E18_ARestrictedScopeFallsWithItsType) {
  const std::string lab = "patient/Observation.rs?category=laboratory";
  EXPECT_EQ(granted("patient/Goal.rs patient/Observation.rs " + lab, {"patient.see.Observation"}), "patient/Goal.rs");
  const auto text = granted("patient/Observation.rs " + lab, {"patient.see.Observation.laboratory"});
  EXPECT_EQ(text.find("laboratory"), std::string::npos);
  EXPECT_NE(text.find("vital-signs"), std::string::npos);
  const auto code = granted("patient/Observation.rs patient/Observation.rs?code=http://loinc.org|4548-4",
                            {"patient.see.Observation.survey"});
  EXPECT_EQ(code.find("code="), std::string::npos) << "it might be a survey";
  EXPECT_EQ(granted("patient/*.rs " + lab, {"patient.see.Observation"}).find("Observation"), std::string::npos);
}

TEST(ConsentModel, UserAndPatientScopesAreSeparateBoxes) {
  EXPECT_EQ(granted("patient/Goal.rs user/Goal.rs", {"user.see.Goal"}), "patient/Goal.rs");
}

TEST(ConsentModel, OfflineHasItsOwnSwitch) {
  EXPECT_EQ(granted("openid offline_access patient/Goal.rs", {}, false), "openid patient/Goal.rs");
}

TEST(ConsentModel, E18_MadeUpNamesGrantNothing) {
  const auto form = ConsentForm::make(set_of("patient/Goal.rs"));
  const std::set<std::string> sent = {
      "patient.see.Condition", "patient/*.cruds", "user.see.Goal", "patient.change.Goal", "*", ""};
  const auto out =
      form.grant({.ticked = [&](std::string_view v) { return sent.contains(std::string(v)); }, .offline = true});
  ASSERT_TRUE(out);
  EXPECT_TRUE(out->empty());
}

TEST(ConsentModel, EveryWildcardFitsTheLimitWhenSpelledOut) {
  EXPECT_FALSE(granted("user/*.cruds", {"user.change.Goal"}).empty());
  EXPECT_FALSE(granted("patient/*.*", {"patient.see.Goal"}).empty());
}

TEST(ConsentModel, DeclinedNamesWhatWasNotGrantedAsAsked) {
  const auto form = ConsentForm::make(set_of("patient/*.rs offline_access openid"));
  const auto out = form.grant({.ticked = [](std::string_view v) { return v != "patient.see.Goal"; }, .offline = false});
  ASSERT_TRUE(out);
  EXPECT_EQ(form.declined(*out), (std::vector<std::string>{"patient/*.rs", "offline_access"}));
}

}  // namespace
}  // namespace mitral::login
