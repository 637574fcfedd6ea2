#include "policy/scope_policy.h"

#include <gtest/gtest.h>

namespace mitral::policy {
namespace {

model::Client app(std::vector<std::string> scopes, bool offline = true) {
  model::Client c;
  c.scopes = std::move(scopes);
  c.offline_allowed = offline;
  return c;
}
model::ResourceServer fhir(std::vector<std::string> scopes = {}) {
  model::ResourceServer rs;
  rs.audience = "https://fhir.example";
  rs.scopes = std::move(scopes);
  return rs;
}
spec::smart::ScopeSet asked(std::string_view text) { return *spec::smart::ScopeSet::parse_known(text, scope_rules()); }

TEST(ScopePolicy, Smart_1_15_WhatIsNotRegisteredIsSilentlyAbsent) {
  const auto rs = fhir();
  const auto got = within_registration(asked("openid patient/Observation.rs patient/Condition.rs fhirUser"),
                                       app({"openid", "patient/Observation.rs"}), &rs);
  EXPECT_EQ(got.text(), "openid patient/Observation.rs");
}

TEST(ScopePolicy, Smart_1_14_GrantedUnchangedKeepsItsSpelling) {
  const auto rs = fhir();
  EXPECT_EQ(
      within_registration(asked("patient/Patient.read patient/Observation.rs"), app({"patient/*.cruds"}), &rs).text(),
      "patient/Patient.read patient/Observation.rs");
}

TEST(ScopePolicy, WiderAsksAreCutDownToWhatIsRegistered) {
  const auto rs = fhir();
  const auto got = within_registration(asked("patient/*.cruds"), app({"patient/Observation.rs"}), &rs);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got.items()[0].text, "patient/Observation.rs");
}

TEST(ScopePolicy, E17_UnknownScopesAreNeverGranted) {
  const auto rs = fhir();
  EXPECT_EQ(within_registration(asked("patient/Observation.rs made.up patient/Nonsense.rs patient/Observation.sr"),
                                app({"patient/Observation.rs"}), &rs)
                .text(),
            "patient/Observation.rs");
  // Version 1 wildcards are cut down in their own notation.
  EXPECT_EQ(within_registration(asked("patient/*.*"), app({"patient/Observation.rs"}), &rs).text(),
            "patient/Observation.read");
}

TEST(ScopePolicy, ResourceServersLimitWhatConcernsThem) {
  const auto rs = fhir({"patient/Observation.rs"});
  EXPECT_EQ(within_registration(asked("openid launch/patient patient/Observation.rs patient/Condition.rs"),
                                app({"openid", "launch/patient", "patient/*.rs"}), &rs)
                .text(),
            "openid launch/patient patient/Observation.rs");
  auto api = fhir();
  api.fhir = false;
  EXPECT_EQ(
      within_registration(asked("patient/Observation.rs jobs.run"), app({"patient/*.rs", "jobs.run"}), &api).text(),
      "jobs.run");
  EXPECT_EQ(
      within_registration(asked("openid patient/Observation.rs"), app({"openid", "patient/*.rs"}), nullptr).text(),
      "openid");
}

TEST(ScopePolicy, OfflineAccessNeedsAClientThatMay) {
  const auto rs = fhir();
  EXPECT_EQ(within_registration(asked("openid offline_access"), app({"openid", "offline_access"}, false), &rs).text(),
            "openid");
}

TEST(ScopePolicy, UsersGetWhatFitsThem) {
  model::User patient;
  patient.fhir_user = "Patient/1";
  patient.patients = {{"1", "", "self", ""}};
  const auto all = asked("openid fhirUser launch/patient patient/*.rs user/*.rs system/*.rs");
  EXPECT_EQ(within_user(all, patient).text(), "openid fhirUser launch/patient patient/*.rs");
  model::User clinician;
  clinician.fhir_user = "Practitioner/7";
  EXPECT_EQ(within_user(all, clinician).text(), "openid fhirUser launch/patient patient/*.rs user/*.rs");
  EXPECT_EQ(within_user(all, model::User{}).text(), "openid");
}

TEST(ScopePolicy, M4_4_4_MachinesGetNothingOfAUser) {
  const auto rs = fhir();
  const auto client = app({"system/*.rs", "openid", "patient/*.rs", "jobs.run"});
  for (const char* bad : {"openid", "system/*.rs openid", "patient/*.rs", "user/*.rs", "launch", "offline_access",
                          "system/Observation.cud", "other.scope"}) {
    EXPECT_EQ(backend_scopes(bad, client, &rs).error().code, ErrorCode::invalid_scope) << bad;
  }
  EXPECT_EQ(backend_scopes("system/Patient.rs jobs.run", client, &rs)->text(), "system/Patient.rs jobs.run");
  EXPECT_EQ(backend_scopes("system/*.cruds", client, &rs)->text(), "system/*.rs");
  EXPECT_EQ(backend_scopes("", client, &rs)->text(), "system/*.rs jobs.run");
}

TEST(ScopePolicy, Rfc6749_6_RefreshNeverWidens) {
  const auto granted = asked("openid patient/*.rs");
  EXPECT_EQ(narrowed("patient/Observation.r", granted)->text(), "patient/Observation.r");
  EXPECT_FALSE(narrowed("patient/Observation.cruds", granted));
  EXPECT_FALSE(narrowed("openid fhirUser", granted));
}

}  // namespace
}  // namespace mitral::policy
