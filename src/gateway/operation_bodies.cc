#include "gateway/operation_bodies.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "codec/text.h"
#include "gateway/operations.h"

namespace mitral::gateway {
namespace {

using codec::Json;

constexpr int kPartsDepthMax = 4;
constexpr std::size_t kExpressionMax = 200;
constexpr auto kPrimitives = std::to_array<std::string_view>(
    {"valueBoolean", "valueCanonical", "valueCode", "valueDate", "valueDateTime", "valueDecimal", "valueId",
     "valueInstant", "valueInteger", "valuePositiveInt", "valueString", "valueTime", "valueUnsignedInt", "valueUri",
     "valueUrl", "valueUuid"});
constexpr auto kSeverities = std::to_array<std::string_view>({"error", "fatal", "information", "warning"});
/// Issue types that say whether something else is stored (threat S-11).
constexpr auto kTelling = std::to_array<std::string_view>(
    {"conflict", "deleted", "duplicate", "forbidden", "lock-error", "multiple-matches", "not-found", "security"});

/// Resources and codes that terminology operations are given, by the parameter's name.
struct Given {
  std::string_view name;
  std::string_view type;  ///< of the resource; empty: a Coding or CodeableConcept
};
constexpr auto kGiven = std::to_array<Given>({
    {"codeSystem", "CodeSystem"},
    {"codeableConcept", ""},
    {"coding", ""},
    {"conceptMap", "ConceptMap"},
    {"valueSet", "ValueSet"},
});

bool is_primitive(std::string_view key) { return std::ranges::binary_search(kPrimitives, key); }

bool is_code(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
}

/// "Patient.name[0].given": a place in what was sent. Anything with quotes or spaces may quote content.
bool is_place(std::string_view text) {
  return !text.empty() && text.size() <= kExpressionMax && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '[' ||
           c == ']' || c == '(' || c == ')' || c == '/' || c == ':' || c == '_';
  });
}

std::string text_of(const Json& value) {
  if (const auto text = value.as_string()) return std::string(*text);
  if (const auto flag = value.as_bool()) return *flag ? "true" : "false";
  return std::string(value.lexeme());
}

std::optional<std::string> coding_text(const Json& coding) {
  const auto system = coding["system"].string_or();
  const auto code = coding["code"].string_or();
  constexpr std::string_view kSpecial = "|,$\\";
  if (code.empty() || code.find_first_of(kSpecial) != std::string_view::npos ||
      system.find_first_of(kSpecial) != std::string_view::npos) {
    return std::nullopt;
  }
  return system.empty() ? std::string(code) : std::string(system).append("|").append(code);
}

/// One parameter for upstream: its name and its one value, nothing beside.
std::optional<Json> given_parameter(const fhir::Interaction& interaction, const Json& item) {
  Json out = Json::object({{"name", item["name"]}});
  if (simple_value(item)) {
    for (const auto& [key, value] : item.members()) {
      if (key.starts_with("value")) out.set(key, value);
    }
    return out;
  }
  const auto name = item["name"].string_or();
  if (interaction.operation == "validate") {
    if (name != "resource" || item["resource"]["resourceType"].string_or() != interaction.type) return std::nullopt;
    out.set("resource", item["resource"]);
    return out;
  }
  const auto* const given = std::ranges::find(kGiven, name, &Given::name);
  if (given == kGiven.end()) return std::nullopt;
  if (given->type.empty()) {
    const auto* const key = name == "coding" ? "valueCoding" : "valueCodeableConcept";
    if (!item[key].is_object()) return std::nullopt;
    out.set(key, item[key]);
    return out;
  }
  if (item["resource"]["resourceType"].string_or() != given->type) return std::nullopt;
  out.set("resource", item["resource"]);
  return out;
}

/// A parameter that came back: values of simple kinds and parts of them, never a resource.
std::optional<Json> public_parameter(const Json& item, int depth) {
  if (!item["name"].is_string() || depth > kPartsDepthMax) return std::nullopt;
  Json out = Json::object({{"name", item["name"]}});
  for (const auto& [key, value] : item.members()) {
    if (is_primitive(key) && !value.is_object() && !value.is_array()) out.set(key, value);
  }
  if (const auto& coding = item["valueCoding"]; coding.is_object()) {
    Json kept = Json::object();
    for (const auto* const name : {"system", "version", "code", "display"}) {
      if (coding[name].is_string()) kept.set(name, coding[name]);
    }
    out.set("valueCoding", std::move(kept));
  }
  Json parts = Json::array();
  for (const auto& part : item["part"].items()) {
    if (auto made = public_parameter(part, depth + 1)) parts.push_back(std::move(*made));
  }
  if (!parts.empty()) out.set("part", std::move(parts));
  return out;
}

Json public_value_set(const Json& value_set) {
  Json out = Json::object({{"resourceType", "ValueSet"}});
  for (const auto* const name : {"id", "url", "version", "name", "title", "status", "expansion"}) {
    if (value_set.contains(name)) out.set(name, value_set[name]);
  }
  return out;
}

std::optional<Json> public_issue(const Json& issue) {
  const auto severity = issue["severity"].string_or();
  const auto code = issue["code"].string_or();
  if (!std::ranges::binary_search(kSeverities, severity) || !is_code(code)) return std::nullopt;
  if (std::ranges::binary_search(kTelling, code)) return std::nullopt;
  Json out = Json::object({{"severity", severity}, {"code", code}});
  Json codings = Json::array();
  for (const auto& coding : issue["details"]["coding"].items()) {
    if (!is_code(coding["code"].string_or())) continue;
    Json kept = Json::object();
    if (is_place(coding["system"].string_or())) kept.set("system", coding["system"]);
    kept.set("code", coding["code"]);
    codings.push_back(std::move(kept));
  }
  if (!codings.empty()) out.set("details", Json::object({{"coding", std::move(codings)}}));
  for (const auto* const name : {"location", "expression"}) {
    Json places = Json::array();
    for (const auto& place : issue[name].items()) {
      if (is_place(place.string_or())) places.push_back(place);
    }
    if (!places.empty()) out.set(name, std::move(places));
  }
  return out;
}

}  // namespace

std::optional<std::string> simple_value(const Json& parameter) {
  std::optional<std::string> out;
  for (const auto& [key, value] : parameter.members()) {
    if (key == "name" || key == "id") continue;
    if (out || !key.starts_with("value")) return std::nullopt;
    if (is_primitive(key) && !value.is_object() && !value.is_array() && !value.is_null()) {
      out = text_of(value);
    } else if (key == "valueReference" && value["reference"].is_string()) {
      out = text_of(value["reference"]);
    } else if (key == "valueCoding") {
      out = coding_text(value);
    }
    if (!out) return std::nullopt;
  }
  return out;
}

std::optional<Json> stateless_body(const fhir::Interaction& interaction, std::string_view body) {
  if (codec::trim(body).empty()) return Json::object({{"resourceType", "Parameters"}});
  auto json = Json::parse_object(body, {.max_bytes = limits::kOperationBodyMax});
  if (!json) return std::nullopt;
  const auto type = (*json)["resourceType"].string_or();
  const bool itself = interaction.operation == "validate" || interaction.operation == "expand";
  if (itself && type == interaction.type) return std::move(*json);
  if (type != "Parameters") return std::nullopt;
  Json list = Json::array();
  for (const auto& item : (*json)["parameter"].items()) {
    auto made = given_parameter(interaction, item);
    if (!made) return std::nullopt;
    list.push_back(std::move(*made));
  }
  Json out = Json::object({{"resourceType", "Parameters"}});
  if (!list.empty()) out.set("parameter", std::move(list));
  return out;
}

std::optional<Json> stateless_answer(const Json& answer, const policy::OperationRule& rule) {
  const auto type = answer["resourceType"].string_or();
  if (type == "OperationOutcome") return public_outcome(answer);
  if (type != rule.answers_with) return std::nullopt;
  if (type == "ValueSet") return public_value_set(answer);
  if (type != "Parameters") return std::nullopt;
  Json list = Json::array();
  for (const auto& item : answer["parameter"].items()) {
    if (auto made = public_parameter(item, 0)) list.push_back(std::move(*made));
  }
  Json out = Json::object({{"resourceType", "Parameters"}});
  if (!list.empty()) out.set("parameter", std::move(list));
  return out;
}

Json public_outcome(const Json& outcome) {
  Json issues = Json::array();
  for (const auto& issue : outcome["issue"].items()) {
    if (auto made = public_issue(issue)) issues.push_back(std::move(*made));
  }
  if (issues.empty()) issues.push_back(Json::object({{"severity", "information"}, {"code", "informational"}}));
  return Json::object({{"resourceType", "OperationOutcome"}, {"issue", std::move(issues)}});
}

}  // namespace mitral::gateway
