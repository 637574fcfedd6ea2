// write_allowed() against a slow reading of smart-fhir §4.7 for one token, patient/*.cruds of Maria, over random
// states. Written from the checklist alone: it shares no code with the decision but the JSON tree.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "unit/policy/decision_support.h"

namespace mitral::policy::testing {
namespace {

using codec::Json;
using Rng = std::mt19937;

const std::string& pick(Rng& rng, const std::vector<std::string>& list) { return list[rng() % list.size()]; }

/// The element that says whose a resource is; types that are not here are nobody's to write under a bound.
const std::map<std::string, std::string>& owning_element() {
  static const std::map<std::string, std::string> kMap{
      {"Observation", "subject"},     {"Condition", "subject"}, {"AllergyIntolerance", "patient"},
      {"Coverage", "beneficiary"},    {"Task", "for"},          {"Device", "patient"},
      {"Appointment", "participant"}, {"Patient", "id"}};
  return kMap;
}

/// The id when the text names a Patient here: "Patient/x", below the base, or one of its versions.
std::optional<std::string> patient_named(std::string text) {
  const std::string base = std::string(kBase) + "/";
  if (text.starts_with(base)) text.erase(0, base.size());
  if (!text.starts_with("Patient/")) return std::nullopt;
  text.erase(0, 8);
  if (const auto history = text.find("/_history/"); history != std::string::npos) text.resize(history);
  const bool id = !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '.';
  });
  return id ? std::optional(text) : std::nullopt;
}

std::set<std::string> owners(const Json& state) {
  std::set<std::string> out;
  const auto found = owning_element().find(std::string(state["resourceType"].string_or()));
  if (found == owning_element().end()) return out;
  const auto add = [&](const Json& reference) {
    if (const auto id = patient_named(std::string(reference["reference"].string_or()))) out.insert(*id);
  };
  if (found->second == "id") {
    out.insert(std::string(state["id"].string_or()));
  } else if (found->second == "participant") {
    for (const auto& item : state["participant"].items()) add(item["actor"]);
  } else {
    add(state[found->second]);
  }
  return out;
}

void texts_of(const Json& value, std::string_view key, std::set<std::string>& references,
              std::set<std::string>& binaries) {
  if (const auto text = value.as_string()) {
    if (key == "reference") references.insert(std::string(*text));
    if (text->starts_with("Binary/") || text->find("/Binary/") != std::string_view::npos)
      binaries.insert(std::string(*text));
  }
  for (const auto& item : value.items()) texts_of(item, key, references, binaries);
  for (const auto& member : value.members()) texts_of(member.value, member.key, references, binaries);
}

/// A reference that someone who may write about Maria only may add.
bool may_add(const std::string& text) {
  if (text.find('?') != std::string::npos) return false;
  if (const auto id = patient_named(text)) return *id == "maria";
  if (text.starts_with("#") || text.starts_with("urn:")) return true;
  if (text.starts_with("https://fhir.example/r4/"))
    return !text.ends_with("/") && text.find("Patient") == std::string::npos;
  if (text.starts_with("http")) return text.find("/Patient/") == std::string::npos;
  return text == "Practitioner/1" || text == "Encounter/1" || text == "Group/1";
}

bool reference_allows(char letter, const Json* before, const Json* after) {
  const auto& one = after != nullptr ? *after : *before;
  const std::string type(one["resourceType"].string_or());
  if (!owning_element().contains(type)) return false;
  if (letter == 'c' && type == "Patient") return false;
  for (const auto* const state : {before, after}) {
    if (state == nullptr) continue;
    if (owners(*state) != std::set<std::string>{"maria"}) return false;
    for (const auto& inner : (*state)["contained"].items()) {
      if (inner["resourceType"].string_or() == "Patient") return false;
    }
  }
  if (after == nullptr) return true;
  std::set<std::string> old_references;
  std::set<std::string> old_binaries;
  std::set<std::string> references;
  std::set<std::string> binaries;
  if (before != nullptr) texts_of(*before, {}, old_references, old_binaries);
  texts_of(*after, {}, references, binaries);
  for (const auto& text : references) {
    if (!old_references.contains(text) && !may_add(text)) return false;
  }
  for (const auto& text : binaries) {
    if (!old_binaries.contains(text)) return false;
  }
  const auto& labels = (*after)["meta"]["security"];
  if (before == nullptr) return labels.is_null();
  return (*before)["id"] == (*after)["id"] && (*before)["resourceType"] == (*after)["resourceType"] &&
         labels == (*before)["meta"]["security"];
}

const std::vector<std::string>& references() {
  static const std::vector<std::string> kList{"Patient/maria",
                                              "Patient/maria",
                                              "Patient/maria",
                                              "Patient/otto",
                                              "Patient/maria/_history/2",
                                              "https://fhir.example/r4/Patient/maria",
                                              "https://fhir.example/r4/Patient/otto",
                                              "http://upstream:8080/fhir/Patient/otto",
                                              "http://upstream:8080/fhir/Device/1",
                                              "Patient?identifier=x",
                                              "Practitioner/1",
                                              "Encounter/1",
                                              "Group/1",
                                              "patient/maria",
                                              "Patient/",
                                              "#p",
                                              "urn:uuid:1"};
  return kList;
}

Json link(const std::string& text) { return Json::object({{"reference", text}}); }

Json random_state(Rng& rng, const std::string& type) {
  Json out = Json::object({{"resourceType", type}, {"id", rng() % 8 == 0 ? "otto" : "maria"}});
  const auto found = owning_element().find(type);
  const auto element = found == owning_element().end() ? std::string("subject") : found->second;
  if (element == "participant") {
    Json list = Json::array();
    for (unsigned n = 1 + rng() % 2; n > 0; --n)
      list.push_back(Json::object({{"actor", link(pick(rng, references()))}}));
    out.set("participant", std::move(list));
  } else if (element != "id") {
    out.set(element, link(rng() % 3 == 0 ? pick(rng, references()) : "Patient/maria"));
  }
  if (rng() % 3 == 0) out.set("focus", Json::array({link(pick(rng, references()))}));
  if (rng() % 6 == 0) {
    out.set("contained",
            Json::array({Json::object({{"resourceType", rng() % 2 == 0 ? "Patient" : "Medication"}, {"id", "c"}})}));
  }
  if (rng() % 6 == 0) {
    const char* const code = rng() % 2 == 0 ? "R" : "N";
    out.set("meta", Json::object({{"security", Json::array({Json::object({{"system", "s"}, {"code", code}})})}}));
  }
  if (rng() % 8 == 0)
    out.set("photo", Json::array({Json::object({{"url", rng() % 2 == 0 ? "Binary/b" : "http://x/y"}})}));
  return out;
}

TEST(WriteReference, Fhir4_7_RandomStatesAreJudgedAlike) {
  const auto access = Access::compile(facts("patient/*.cruds"));
  std::vector<std::string> types{"Practitioner", "Group", "Subscription", "Organization", "Binary"};
  for (const auto& [type, element] : owning_element()) types.insert(types.end(), 3, type);
  std::size_t allowed = 0;
  std::size_t asked = 0;
  for (unsigned seed = 1; seed <= 20'000; ++seed) {
    Rng rng(seed);
    const auto& type = pick(rng, types);
    const auto before = random_state(rng, type);
    auto after = rng() % 2 == 0 ? random_state(rng, rng() % 10 == 0 ? pick(rng, types) : type) : before;
    if (rng() % 4 == 0) after.set("focus", Json::array({link(pick(rng, references()))}));
    const auto check = [&](char letter, const Json* first, const Json* second) {
      const bool fast = write_allowed(access, letter, first, second).permitted();
      EXPECT_EQ(fast, reference_allows(letter, first, second))
          << letter << " " << (first != nullptr ? first->dump() : "-") << " -> "
          << (second != nullptr ? second->dump() : "-");
      ++asked;
      allowed += fast ? 1 : 0;
    };
    check('c', nullptr, &after);
    check('u', nullptr, &after);
    check('u', &before, &after);
    check('d', &before, nullptr);
    if (HasFailure()) return;
  }
  EXPECT_GT(allowed, asked / 20) << "a test of denials alone proves little";
  EXPECT_LT(allowed, asked);
}

}  // namespace
}  // namespace mitral::policy::testing
