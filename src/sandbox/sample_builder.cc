#include "sandbox/sample_builder.h"

#include <fmt/format.h>

namespace mitral::sandbox::sample {

using codec::Json;

BundleBuilder::BundleBuilder()
    : bundle_(Json::object({{"resourceType", "Bundle"}, {"type", "transaction"}, {"entry", Json::array()}})) {}

void BundleBuilder::add(Json item) {
  const auto url = fmt::format("{}/{}", item["resourceType"].string_or(), item["id"].string_or());
  Json entry = Json::object();
  entry.set("resource", std::move(item));
  entry.set("request", Json::object({{"method", "PUT"}, {"url", url}}));
  bundle_.find("entry")->push_back(std::move(entry));
}

Json resource(std::string_view type, std::string_view id) { return Json::object({{"resourceType", type}, {"id", id}}); }

Json ref(std::string_view type, std::string_view id) {
  return Json::object({{"reference", fmt::format("{}/{}", type, id)}});
}

Json coding(std::string_view system, std::string_view code, std::string_view display) {
  return Json::object({{"system", system}, {"code", code}, {"display", display}});
}

Json codes(std::string_view system, std::string_view code, std::string_view display) {
  return Json::object({{"coding", one(coding(system, code, display))}, {"text", display}});
}

Json loinc(std::string_view code, std::string_view display) { return codes("http://loinc.org", code, display); }
Json snomed(std::string_view code, std::string_view display) { return codes("http://snomed.info/sct", code, display); }

Json observation_category(std::string_view code) {
  const bool us_core = code == "sdoh";
  return codes(us_core ? "http://hl7.org/fhir/us/core/CodeSystem/us-core-category"
                       : "http://terminology.hl7.org/CodeSystem/observation-category",
               code, code);
}

Json quantity(std::string_view lexeme, std::string_view unit, std::string_view ucum) {
  return Json::object({{"value", Json::number(lexeme).value_or(Json())},
                       {"unit", unit},
                       {"system", "http://unitsofmeasure.org"},
                       {"code", ucum}});
}

Json one(Json item) {
  Json out = Json::array();
  out.push_back(std::move(item));
  return out;
}

Json identifier(std::string_view system, std::string_view value) {
  return Json::object({{"system", system}, {"value", value}});
}

Json observation(std::string_view id, std::string_view patient, std::string_view category, Json code,
                 std::string_view when) {
  Json out = resource("Observation", id);
  out.set("status", "final");
  out.set("category", one(observation_category(category)));
  out.set("code", std::move(code));
  out.set("subject", ref("Patient", patient));
  out.set("effectiveDateTime", when);
  return out;
}

}  // namespace mitral::sandbox::sample
