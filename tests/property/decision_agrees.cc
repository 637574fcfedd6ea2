// The decision against its slow twin: random tokens, random resources of every type, random requests. Once by many
// seeds, the same everywhere, and once by rapidcheck, which finds new ones and makes what it found small.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <random>

#include "fhir/r4.h"
#include "policy/fhir_decision.h"
#include "support/reference_decision.h"

namespace mitral::reference {
namespace {

using codec::Json;

/// Numbers by a seed, or drawn by rapidcheck, which then knows how to make them smaller.
class Rng {
 public:
  Rng() = default;
  explicit Rng(unsigned seed) : seeded_(std::mt19937(seed)) {}
  std::uint32_t operator()() {
    return seeded_ ? static_cast<std::uint32_t>((*seeded_)()) : *rc::gen::inRange<std::uint32_t>(0, 1U << 20U);
  }

 private:
  std::optional<std::mt19937> seeded_;
};

constexpr const char* kBase = "https://gw.example/fhir";

template <class List>
const auto& pick(Rng& rng, const List& list) {
  return list[rng() % std::size(list)];
}

const std::vector<std::string>& all_types() {
  static const std::vector<std::string> out = [] {
    std::vector<std::string> list{"Patient", "Provenance",       "Group", "MessageHeader",
                                  "Linkage", "GuidanceResponse", "Slot"};
    for (const auto& [type, elements] : own_elements()) list.push_back(type);
    for (const auto& type : shared_types()) list.push_back(type);
    return list;
  }();
  return out;
}

std::string random_scope(Rng& rng) {
  static const std::vector<std::string> contexts{"patient", "patient", "user", "system"};
  static const std::vector<std::string> letters{"rs", "r", "s", "cruds", "cud", "read", "write", "*", "u", "ds"};
  auto out = pick(rng, contexts) + "/";
  const auto type = rng() % 4 == 0   ? std::string("*")
                    : rng() % 2 == 0 ? pick(rng, std::vector<std::string>{"Observation", "Condition"})
                                     : pick(rng, all_types());
  out += type + "." + pick(rng, letters);
  if (rng() % 3 != 0) return out;
  static const std::vector<std::string> observation{"category=laboratory",
                                                    "category=http://c%7Claboratory",
                                                    "category=%7Claboratory",
                                                    "category=laboratory,vital-signs",
                                                    "code=http://loinc.org%7C1-8",
                                                    "status=final",
                                                    "category=laboratory&status=final"};
  static const std::vector<std::string> condition{"category=problem-list-item", "clinical-status=active",
                                                  "code=http://loinc.org%7C1-8"};
  static const std::vector<std::string> any{"_tag=http://t%7Ca", "_security=R", "_tag=a,b"};
  out += "?" + (type == "Observation" ? pick(rng, observation)
                : type == "Condition" ? pick(rng, condition)
                                      : pick(rng, any));
  return out;
}

Token random_token(Rng& rng) {
  Token out;
  out.base = kBase;
  out.client = "app";
  switch (rng() % 6) {
    case 0:
    case 1:
      out.subject = "u_maria";
      out.patient = rng() % 5 == 0 ? "" : "maria";
      out.fhir_user = rng() % 5 == 0 ? "" : std::string(kBase) + "/Patient/maria";
      break;
    case 2:
      out.subject = "u_parent";
      out.patient = "otto";
      out.fhir_user = rng() % 2 == 0 ? "RelatedPerson/rp" : "Patient/parent";
      out.proxied = {"otto", "ida"};
      break;
    case 3:
      out.subject = "u_ada";
      out.fhir_user = pick(rng, std::vector<std::string>{"Practitioner/ada", "https://gw.example/fhir/Practitioner/ada",
                                                         "https://evil.example/fhir/Practitioner/ada", "Device/ada",
                                                         "Practitioner/ada/_history/1", "PractitionerRole/ada"});
      out.patient = rng() % 2 == 0 ? "maria" : "";
      break;
    case 4: out.subject = out.client; break;
    default: out.patient = "maria";  // no subject at all
  }
  for (std::size_t n = 1 + rng() % 4; n > 0; --n) out.scopes.push_back(random_scope(rng));
  if (rng() % 4 == 0) out.scopes.emplace_back("fhirUser");
  return out;
}

std::optional<policy::Access> access_of(const Token& token) {
  std::string text;
  for (const auto& scope : token.scopes) text += (text.empty() ? "" : " ") + scope;
  policy::TokenFacts facts;
  auto scopes = spec::smart::ScopeSet::parse_known(text, policy::scope_rules());
  if (!scopes) return std::nullopt;
  facts.scopes = std::move(*scopes);
  facts.client = token.client;
  facts.subject = token.subject;
  facts.patient = token.patient;
  facts.fhir_user = token.fhir_user;
  facts.user_patients = token.proxied;
  facts.own_base = token.base;
  return policy::Access::compile(facts);
}

Json reference_to(Rng& rng) {
  static const std::vector<std::string> texts{"Patient/maria",
                                              "Patient/maria",
                                              "Patient/otto",
                                              "Patient/ida",
                                              "Patient/eve",
                                              "Patient/maria/_history/2",
                                              "https://gw.example/fhir/Patient/maria",
                                              "https://gw.example/fhirx/Patient/maria",
                                              "https://evil/Patient/maria",
                                              "#p",
                                              "urn:uuid:1",
                                              "Group/maria",
                                              "Practitioner/ada",
                                              "Observation/x1",
                                              "patient/maria",
                                              "Patient/",
                                              "Patient/a b",
                                              "Patient?identifier=1",
                                              ""};
  Json out = Json::object({{"reference", pick(rng, texts)}});
  if (rng() % 10 == 0) out = Json::object({{"identifier", Json::object({{"value", "maria"}})}});
  return out;
}

Json concept_of(std::string_view system, std::string_view code) {
  Json coding = Json::object({{"code", code}});
  if (!system.empty()) coding.set("system", Json(system));
  return Json::object({{"coding", Json::array({coding})}});
}

/// Puts a value where a dotted path says; the first step becomes an array now and then.
void put(Rng& rng, Json& resource, const std::string& path, Json value) {
  const auto dot = path.find('.');
  if (dot == std::string::npos) {
    resource.set(path, rng() % 3 == 0 ? Json::array({std::move(value), reference_to(rng)}) : std::move(value));
    return;
  }
  Json inner = Json::object();
  inner.set(path.substr(dot + 1), std::move(value));
  Json list = Json::array({std::move(inner)});
  if (rng() % 3 == 0) {
    Json other = Json::object();
    other.set(path.substr(dot + 1), reference_to(rng));
    list.push_back(std::move(other));
  }
  resource.set(path.substr(0, dot), std::move(list));
}

Json random_resource(Rng& rng) {
  static const std::vector<std::string> ids{"maria", "otto", "x1", "x1", "ada", "rp"};
  const auto& type = pick(rng, all_types());
  Json out = Json::object({{"resourceType", type}, {"id", pick(rng, ids)}});
  if (const auto row = own_elements().find(type); row != own_elements().end()) {
    for (const auto& path : row->second) {
      if (rng() % 5 != 0) put(rng, out, path, reference_to(rng));
    }
  }
  if (type == "Provenance") {  // an object in place of the array could not be read, and is denied
    Json targets = Json::array();
    for (std::size_t n = rng() % 3; n > 0; --n) targets.push_back(reference_to(rng));
    out.set("target", std::move(targets));
  }
  for (const auto* const distraction : {"performer", "author", "focus", "recorder", "subject", "patient"}) {
    if (rng() % 8 == 0 && !out.contains(distraction)) out.set(distraction, reference_to(rng));
  }
  if (type == "Observation" || type == "Condition") {
    Json list = Json::array();
    for (std::size_t n = rng() % 3; n > 0; --n) {
      list.push_back(concept_of(pick(rng, std::vector<std::string>{"http://c", "http://d", ""}),
                                pick(rng, std::vector<std::string>{"laboratory", "vital-signs", "problem-list-item"})));
    }
    if (!list.empty()) out.set("category", std::move(list));
    if (rng() % 2 == 0) out.set("code", concept_of("http://loinc.org", rng() % 2 == 0 ? "1-8" : "2-6"));
    if (type == "Observation") out.set("status", rng() % 2 == 0 ? "final" : "preliminary");
    if (type == "Condition" && rng() % 2 == 0) out.set("clinicalStatus", concept_of("http://s", "active"));
  }
  if (rng() % 3 == 0) {
    out.set(
        "meta",
        Json::object({{rng() % 2 == 0 ? "tag" : "security",
                       Json::array({Json::object({{"system", "http://t"},
                                                  {"code", pick(rng, std::vector<std::string>{"a", "b", "R"})}})})}}));
  }
  if (rng() % 12 == 0) {
    out.set("contained",
            Json::array({Json::object({{"resourceType", rng() % 2 == 0 ? "Patient" : "Medication"}, {"id", "p"}})}));
  }
  return out;
}

struct Comparison {
  bool permitted = false;
  std::string difference;  ///< empty: they agree
};

std::string told(const Token& token) {
  std::string out;
  for (const auto& scope : token.scopes) out += scope + " ";
  return out + "\nfhirUser " + token.fhir_user + " patient " + token.patient + "\n";
}

Comparison compare_resource(Rng& rng) {
  constexpr std::pair<Way, policy::Origin> kWays[] = {{Way::read, policy::Origin::read},
                                                      {Way::match, policy::Origin::match},
                                                      {Way::included, policy::Origin::included},
                                                      {Way::reverse, policy::Origin::reverse}};
  const auto token = random_token(rng);
  const auto access = access_of(token);
  if (!access) return {false, "the scopes can't be read: " + told(token)};
  const auto resource = random_resource(rng);
  std::set<std::string> seen;
  if (rng() % 2 == 0) seen.insert("Observation/x1");
  const auto& [way, origin] = kWays[rng() % std::size(kWays)];
  const bool slow = may_see(token, resource, way, seen);
  const bool fast =
      policy::resource_visible(*access, resource, origin, [&](std::string_view type, std::string_view id) {
        return seen.contains(std::string(type) + "/" + std::string(id));
      }).permitted();
  if (fast == slow) return {slow, {}};
  return {slow, (slow ? "only the twin shows\n" : "only the decision shows\n") + told(token) + resource.dump()};
}

TEST(DecisionAgrees, OnEveryResourceThatAnyTokenMaySee) {
  std::size_t shown = 0;
  for (unsigned seed = 1; seed <= 30'000; ++seed) {
    Rng rng(seed);
    const auto result = compare_resource(rng);
    shown += result.permitted ? 1 : 0;
    ASSERT_EQ(result.difference, "") << seed;
  }
  EXPECT_GT(shown, 1'000U);  // the generator must not miss what it is for
}

RC_GTEST_PROP(DecisionAgrees, OnWhatRapidcheckMakesUp, ()) {
  Rng rng;
  RC_ASSERT(compare_resource(rng).difference == "");
}

// ---- requests

struct Asked {
  std::string method, path;
  bool if_none_exist = false;
};

Asked random_request(Rng& rng) {
  static const std::vector<std::string> methods{"GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
  const auto& type = pick(rng, all_types());
  static const std::vector<std::string> shapes{"/T",          "/T/x1",       "/T/x1/_history",  "/T/x1/_history/2",
                                               "/T/_history", "/T/_search",  "/T?_id=x1",       "/_history",
                                               "/T/x1/$meta", "/T/$graphql", "/Patient/maria/T"};
  Asked out{pick(rng, methods), pick(rng, shapes), rng() % 4 == 0};
  if (const auto at = out.path.find("/T"); at != std::string::npos) out.path.replace(at + 1, 1, type);
  return out;
}

Comparison compare_request(Rng& rng) {
  const auto token = random_token(rng);
  const auto access = access_of(token);
  if (!access) return {false, "the scopes can't be read: " + told(token)};
  const auto asked = random_request(rng);
  const auto question = asked.path.find('?');
  const auto interaction = fhir::classify(
      {.method = codec::parse_method(asked.method),
       .path = std::string_view(asked.path).substr(0, question),
       .query = question == std::string::npos ? std::string_view{} : std::string_view(asked.path).substr(question + 1),
       .content_type = asked.path.ends_with("_search") ? "application/x-www-form-urlencoded" : "",
       .body = {},
       .if_none_exist = asked.if_none_exist});
  if (!interaction) return {};
  const bool fast = policy::decide(*access, *interaction).decision.permitted();
  const auto letters = letters_for(asked.method, asked.path, asked.if_none_exist);
  const auto where = asked.method + " " + asked.path + "\n" + told(token);
  if (!letters) return {fast, fast ? "permitted though never allowed: " + where : ""};
  if (interaction->type.empty()) return {fast, {}};  // system level: on every type that may come back
  const bool self = std::ranges::find(token.scopes, "fhirUser") != token.scopes.end() && *letters == "r" &&
                    token.fhir_user.ends_with(interaction->type + "/" + interaction->id);
  const bool slow =
      std::ranges::all_of(*letters, [&](char letter) { return may_ask(token, letter, interaction->type); });
  if (fast && !slow && !self) return {fast, "permitted without a scope: " + where};
  const bool plain = *letters == "r" || (*letters == "s" && interaction->compartment_type.empty());
  // "_id" of another patient is refused for her sake, not for want of a scope.
  if (slow && plain && question == std::string::npos && !fast) return {fast, "denied with a scope: " + where};
  return {fast, {}};
}

TEST(DecisionAgrees, OnWhatMayBeAskedForAtAll) {
  std::size_t permitted = 0;
  for (unsigned seed = 1; seed <= 30'000; ++seed) {
    Rng rng(seed);
    const auto result = compare_request(rng);
    permitted += result.permitted ? 1 : 0;
    ASSERT_EQ(result.difference, "") << seed;
  }
  EXPECT_GT(permitted, 1'000U);
}

RC_GTEST_PROP(DecisionAgrees, OnRequestsThatRapidcheckMakesUp, ()) {
  Rng rng;
  RC_ASSERT(compare_request(rng).difference == "");
}

}  // namespace
}  // namespace mitral::reference
