// Whatever is asked for and whatever is ticked: granted ⊆ requested, and a scope whose boxes are all ticked comes back
// as is.
#include "login/consent_model.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>

#include "policy/scope_rules.h"

namespace mitral::login {
namespace {

std::string random_scope() {
  const auto context = *rc::gen::element<std::string>("patient", "user");
  const auto type = *rc::gen::element<std::string>("*", "Patient", "Observation", "Condition", "Goal", "Appointment",
                                                   "DocumentReference", "Binary");
  const auto perms = *rc::gen::element<std::string>("rs", "r", "s", "cruds", "cud", "crs", "read", "write", "*");
  std::string scope = context + "/" + type + "." + perms;
  const bool v2 = perms != "read" && perms != "write" && perms != "*";
  if (v2 && type == "Observation" && *rc::gen::arbitrary<bool>()) {
    scope += *rc::gen::element<std::string>(
        "?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory", "?category=laboratory",
        "?code=http://loinc.org|4548-4", "?category=vital-signs&code=http://loinc.org|4548-4");
  }
  return scope;
}

TEST(ConsentModelProperty, GrantedIsWithinRequested) {
  EXPECT_TRUE(rc::check([] {
    spec::smart::ScopeSet requested;
    const auto count = *rc::gen::inRange(0, 6);
    for (int i = 0; i < count; ++i) {
      auto scope = spec::smart::parse_scope(random_scope(), policy::scope_rules());
      RC_ASSERT(scope.has_value());
      requested.add(*scope);
    }
    for (const auto* extra : {"openid", "fhirUser", "launch/patient", "offline_access", "jobs.run"}) {
      if (*rc::gen::arbitrary<bool>()) requested.add(*spec::smart::parse_scope(extra, policy::scope_rules()));
    }
    const auto form = ConsentForm::make(requested);
    std::set<std::string> ticked;
    const auto share = *rc::gen::inRange(0, 101);
    for (const auto& value : form.all_values()) {
      if (*rc::gen::inRange(0, 100) < share) ticked.insert(value);
    }
    const bool offline = *rc::gen::arbitrary<bool>();
    const auto granted =
        form.grant({.ticked = [&](std::string_view v) { return ticked.contains(std::string(v)); }, .offline = offline});
    if (!granted) {
      RC_ASSERT(granted.error().code == ErrorCode::too_large);
      return;
    }
    RC_ASSERT(requested.covers(*granted));
    if (!offline) RC_ASSERT(!granted->has(spec::smart::ScopeKind::offline_access));
    // What is granted can be parsed again: it will be, from storage.
    const auto again = spec::smart::ScopeSet::parse(granted->text(), policy::scope_rules());
    RC_ASSERT(again.has_value());
    RC_ASSERT(again->same_as(*granted));
    // Nothing of an unticked item is left.
    const auto left = ConsentForm::make(*granted);
    for (const auto& item : form.items()) {
      if (ticked.contains(item.value) || item.facts.other_restriction || item.fixed_kind || item.other_types) continue;
      for (const auto& kept : left.items()) RC_ASSERT(kept.value != item.value);
    }
  }));
}

TEST(ConsentModelProperty, EverythingTickedIsGrantedAsAsked) {
  EXPECT_TRUE(rc::check([] {
    spec::smart::ScopeSet requested;
    const auto count = *rc::gen::inRange(1, 6);
    for (int i = 0; i < count; ++i) requested.add(*spec::smart::parse_scope(random_scope(), policy::scope_rules()));
    const auto granted =
        ConsentForm::make(requested).grant({.ticked = [](std::string_view) { return true; }, .offline = true});
    RC_ASSERT(granted.has_value());
    RC_ASSERT(granted->text() == requested.text());
  }));
}

}  // namespace
}  // namespace mitral::login
