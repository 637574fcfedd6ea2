// Directives and labels, whatever they are: another denial never shows more, and the patient herself always sees the
// same.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "support/consents.h"

namespace mitral::policy::consents {
namespace {

std::string pick(const std::vector<std::string>& list) { return list[*rc::gen::inRange<std::size_t>(0, list.size())]; }

/// A few criteria of any kind, also broken ones.
std::string criteria() {
  static const std::vector<std::string> kCriteria{
      actor("Practitioner/ada"),
      actor("Practitioner/bob"),
      actor("Device/app"),
      actor("RelatedPerson/carer"),
      actor("Organization/clinic"),
      actor("Organization/clinic", "CST"),
      R"("period":{"end":"2020"})",
      R"("period":{"start":"2020"})",
      R"("class":[{"system":"http://hl7.org/fhir/resource-types","code":"Observation"}])",
      R"("class":[{"system":"urn:x","code":"y"}])",
      R"("code":[{"coding":[{"system":"http://loinc.org","code":"2339-0"}]}])",
      R"("securityLabel":[)" + label("ETH") + "]",
      R"("securityLabel":[)" + label("R", "v3-Confidentiality") + "]",
      R"("purpose":[{"code":"TREAT"}])",
      R"("action":[{"coding":[{"code":"access"}]}])",
      R"("data":[{"meaning":"instance","reference":{"reference":"Observation/o1"}}])",
      R"("dataPeriod":{"start":"2020"})",
      R"("unheard":"of")"};
  std::string out;
  std::vector<std::string> names;
  for (auto n = *rc::gen::inRange(0, 3); n > 0; --n) {
    const auto one = pick(kCriteria);
    const auto name = one.substr(0, one.find(':'));
    if (std::ranges::find(names, name) != names.end()) continue;
    names.push_back(name);
    out.append(out.empty() ? "" : ",").append(one);
  }
  return out;
}

std::string tree(const std::vector<std::string>& types, int depth) {
  auto out = R"({"type":")" + pick(types) + "\"";
  if (const auto more = criteria(); !more.empty()) out += "," + more;
  std::string inner;
  if (depth > 0) {
    for (auto n = *rc::gen::inRange(0, 3); n > 0; --n) inner += (inner.empty() ? "" : ",") + tree(types, depth - 1);
  }
  if (!inner.empty()) out += R"(,"provision":[)" + inner + "]";
  return out + "}";
}

std::string any_consent() {
  return consent_text(rule(pick({"OPTIN", "OPTOUT", "local"})) + R"(,"provision":)" + tree({"permit", "deny"}, 2));
}

Asker any_asker() {
  Asker out;
  out.scope = pick({"user/*.rs", "user/Observation.rs", "user/*.rs user/Observation.rs?_security=ETH"});
  out.fhir_user = pick({"Practitioner/ada", "Practitioner/bob", "Person/p", ""});
  out.client = pick({"app", "other"});
  if (*rc::gen::arbitrary<bool>()) {
    out.scope = "patient/*.rs";
    out.patient = "maria";
    out.fhir_user = pick({"RelatedPerson/carer", "Practitioner/ada", "Patient/otto", ""});
  }
  return out;
}

std::string any_observation() {
  auto rest =
      pick({"", R"(,"code":{"coding":[{"system":"http://loinc.org","code":"2339-0"}]})", R"(,"code":{"text":"x"})"});
  rest += pick({"", R"(,"effectiveDateTime":"2019-01-01")", R"(,"effectiveDateTime":"2023")"});
  rest += pick({"", labelled(label("ETH")), labelled(label("R", "v3-Confidentiality")),
                labelled(label("ETH") + "," + label("HIV")), labelled("{}")});
  return observation_text(rest);
}

DataPolicy strict() {
  auto out = enforcing();
  out.labels = hiding({"R", "ETH", "HIV"});
  return out;
}

RC_GTEST_PROP(ConsentProperty, AnotherDenialNeverShowsMore, ()) {
  const auto who = any_asker();
  const auto resource = any_observation();
  std::vector<std::string> list;
  for (auto n = *rc::gen::inRange(0, 4); n > 0; --n) list.push_back(any_consent());
  const bool before = reads(who, list, resource, strict());
  const auto denial = consent_text(rule(pick({"OPTIN", "OPTOUT"})) + R"(,"provision":)" + tree({"deny"}, 2));
  list.insert(list.begin() + *rc::gen::inRange<std::ptrdiff_t>(0, static_cast<std::ptrdiff_t>(list.size()) + 1),
              denial);
  if (!before) RC_ASSERT(!reads(who, list, resource, strict()));
}

RC_GTEST_PROP(ConsentProperty, AnyDirectiveShowsNoMoreThanScopesDo, ()) {
  const auto who = any_asker();
  const auto resource = any_observation();
  if (reads(who, {any_consent(), any_consent()}, resource, enforcing())) RC_ASSERT(reads(who, {}, resource, {}));
}

RC_GTEST_PROP(ConsentProperty, ThePatientHerselfAlwaysSeesTheSame, ()) {
  const Asker maria{.scope = "patient/*.rs", .fhir_user = "Patient/maria", .patient = "maria"};
  const auto resource = any_observation();
  RC_ASSERT(reads(maria, {}, resource, {}));
  RC_ASSERT(reads(maria, {any_consent(), any_consent()}, resource, strict()));
  RC_ASSERT(resource_visible(access(maria, strict()), json(resource), Origin::match).permitted());
}

RC_GTEST_PROP(ConsentProperty, EmergencyShowsWhatScopesShowAndMarksTheRest, ()) {
  auto who = any_asker();
  const auto resource = any_observation();
  const std::vector<std::string> list{any_consent()};
  const bool plainly = reads(who, list, resource, strict());
  const bool by_scopes = reads(who, {}, resource, {});
  who.purpose = "ETREAT";
  const auto decision = decide_read(who, list, resource, strict());
  RC_ASSERT(decision.permitted() == by_scopes);
  if (plainly) RC_ASSERT(decision.permitted());
  // A purpose of use may itself match a provision, so a mark may come or go with it; without a mark it is a plain yes.
  if (decision.permitted() && !plainly && list.front().find("purpose") == std::string::npos) {
    RC_ASSERT(decision.overridden);
  }
}

}  // namespace
}  // namespace mitral::policy::consents
