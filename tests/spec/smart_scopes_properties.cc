// SMART scopes: laws that must hold for any scope (RapidCheck). A law broken by any generated case is a way to widen
// access.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "fhir/r4.h"
#include "fhir/search_params.h"
#include "spec/smart/scopes.h"

namespace mitral::spec::smart {
namespace {

const ScopeRules& rules() {
  static const ScopeRules r{fhir::resource_types(), &fhir::usable_in_scope};
  return r;
}

rc::Gen<std::string> letters() {
  return rc::gen::map(rc::gen::inRange(1, 32), [](int bits) { return Perms(static_cast<std::uint8_t>(bits)).text(); });
}

rc::Gen<std::string> resource_scope() {
  // Few values, so that scopes meet often.
  return rc::gen::exec([] {
    std::string text = *rc::gen::element<std::string>("patient", "user", "system");
    const std::string type = *rc::gen::element<std::string>("*", "Observation", "Condition", "Patient");
    text += '/' + type + '.';
    if (*rc::gen::inRange(0, 4) == 0) return text + *rc::gen::element<std::string>("read", "write", "*");
    text += *letters();
    if (type != "Observation" && type != "Condition") return text;
    char separator = '?';
    for (const std::string param : {"category", "code"}) {
      const auto values = *rc::gen::container<std::vector<std::string>>(
          *rc::gen::inRange(0, 4), rc::gen::element<std::string>("a", "s|a", "b", "|c"));
      if (values.empty() || *rc::gen::arbitrary<bool>()) continue;
      text += separator + param + '=';
      for (std::size_t i = 0; i < values.size(); ++i) text += (i == 0 ? "" : ",") + values[i];
      separator = '&';
    }
    return text;
  });
}

rc::Gen<std::string> any_scope() {
  return rc::gen::oneOf(
      resource_scope(), resource_scope(), resource_scope(),
      rc::gen::element<std::string>("openid", "fhirUser", "launch", "launch/patient", "offline_access", "email"));
}

SmartScope parsed(const std::string& text) {
  auto scope = parse_scope(text, rules());
  RC_ASSERT(scope.has_value());
  return *scope;
}

rc::Gen<ScopeSet> any_set() {
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(any_scope()), [](std::vector<std::string> texts) {
    ScopeSet out;
    if (texts.size() > 6) texts.resize(6);
    for (const auto& text : texts) out.add(parsed(text));
    return out;
  });
}

void law(const char* what, bool holds) { EXPECT_TRUE(holds) << what; }

TEST(SmartScopeLaws, ParsePrintsBackAndCanonicalIsAFixedPoint) {
  law("parse and print", rc::check([] {
        const auto text = *any_scope();
        const auto scope = parsed(text);
        RC_ASSERT(scope.text == text);
        const auto canonical = parsed(scope.canonical());
        RC_ASSERT(canonical.canonical() == scope.canonical());
        RC_ASSERT(covers(scope, canonical) && covers(canonical, scope));
      }));
}

TEST(SmartScopeLaws, CoversIsReflexiveAndTransitive) {
  law("reflexive", rc::check([] {
        const auto a = parsed(*any_scope());
        RC_ASSERT(covers(a, a));
      }));
  law("transitive", rc::check([] {
        const auto a = parsed(*any_scope());
        const auto b = parsed(*any_scope());
        const auto c = parsed(*any_scope());
        if (covers(a, b) && covers(b, c)) RC_ASSERT(covers(a, c));
      }));
}

TEST(SmartScopeLaws, WhoeverCoversAllowsAtLeastTheSame) {
  law("covers implies allows", rc::check([] {
        const auto a = parsed(*resource_scope());
        const auto b = parsed(*resource_scope());
        if (!covers(a, b)) return;
        for (const char letter : std::string_view("cruds")) {
          for (const auto* type : {"Observation", "Condition", "Patient", "Device"})
            RC_ASSERT(!b.allows(letter, type) || a.allows(letter, type));
        }
      }));
}

TEST(SmartScopeLaws, MeetLiesWithinBoth) {
  law("meet", rc::check([] {
        const auto asked = parsed(*any_scope());
        const auto limit = parsed(*any_scope());
        const auto both = meet(asked, limit);
        if (!both) {
          RC_ASSERT(!covers(limit, asked));
          return;
        }
        RC_ASSERT(covers(asked, *both));
        RC_ASSERT(covers(limit, *both));
        RC_ASSERT(parsed(both->text) == *both);
      }));
}

TEST(SmartScopeLaws, NarrowingNeverWidens) {
  law("narrow", rc::check([] {
        const auto asked = *any_set();
        const auto limit = *any_set();
        const auto granted = ScopeSet::narrow(asked, limit);
        RC_ASSERT(asked.covers(granted));
        RC_ASSERT(limit.covers(granted));
        RC_ASSERT(ScopeSet::narrow(granted, limit).text() == granted.text());
        for (const auto& scope : granted.items()) RC_ASSERT(parsed(scope.text) == scope);
      }));
  law("narrow keeps everything inside", rc::check([] {
        const auto asked = *any_set();
        const auto limit = ScopeSet::unite(*any_set(), asked);
        RC_ASSERT(ScopeSet::narrow(asked, limit).text() == asked.text());
      }));
}

TEST(SmartScopeLaws, UnionAndSimplificationKeepTheMeaning) {
  law("unite", rc::check([] {
        const auto a = *any_set();
        const auto b = *any_set();
        const auto both = ScopeSet::unite(a, b);
        RC_ASSERT(both.covers(a) && both.covers(b));
        RC_ASSERT(both.simplified().same_as(both));
      }));
}

TEST(SmartScopeLaws, RandomTextNeverBecomesAResourceScopeByAccident) {
  law("noise", rc::check([] {
        const auto noise = *rc::gen::string<std::string>();
        const auto scope = parse_scope("patient/" + noise, rules());
        if (!scope) return;
        RC_ASSERT(scope->kind == ScopeKind::resource);
        RC_ASSERT(scope->type == "*" || fhir::is_resource_type(scope->type));
      }));
}

}  // namespace
}  // namespace mitral::spec::smart
