// An XML Patch and the JSON Patch that says the same leave the same resource; and the XML form of a resource says all
// that its JSON says.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "codec/xml.h"
#include "fhir/json_patch.h"
#include "fhir/xml_patch.h"
#include "support/gateway_writing.h"

namespace mitral::fhir {
namespace {

using codec::Json;

/// Texts that XML and JSON write in different ways, never empty.
rc::Gen<std::string> any_text() {
  return rc::gen::nonEmpty(rc::gen::map(
      rc::gen::container<std::vector<std::string>>(
          rc::gen::elementOf(std::vector<std::string>{"a", "B", "7", " ", "<", ">", "&", "\"", "'", "]]>", "&amp;",
                                                      "\xC3\xA4", "\xF0\x9F\x92\x89", "\n", "\t", "\\", "/", "~1"})),
      [](const std::vector<std::string>& parts) {
        std::string out;
        for (const auto& part : parts) out += part;
        return out;
      }));
}

Json any_name() {
  Json out = Json::object({{"family", *any_text()}});
  Json given = Json::array();
  for (auto i = *rc::gen::inRange(1, 4); i > 0; --i) given.push_back(Json(*any_text()));
  out.set("given", std::move(given));
  if (*rc::gen::arbitrary<bool>()) out.set("id", "n" + std::to_string(*rc::gen::inRange(0, 99)));
  return out;
}
Json any_identifier() { return Json::object({{"system", *any_text()}, {"value", *any_text()}}); }
Json any_patient() {
  Json out = Json::object({{"resourceType", "Patient"}, {"id", "p"}, {"active", *rc::gen::arbitrary<bool>()}});
  Json names = Json::array(), identifiers = Json::array();
  for (auto i = *rc::gen::inRange(1, 4); i > 0; --i) names.push_back(any_name());
  for (auto i = *rc::gen::inRange(1, 4); i > 0; --i) identifiers.push_back(any_identifier());
  out.set("name", std::move(names));
  out.set("identifier", std::move(identifiers));
  if (*rc::gen::arbitrary<bool>()) out.set("birthDate", "1980-01-01");
  return out;
}

std::string in_text(std::string_view text) {
  std::string out;
  codec::append_xml_text(out, text);
  return out;
}
std::string in_attribute(std::string_view text) {
  std::string out;
  codec::append_xml_attribute(out, text);
  return out;
}
std::string as_xml(std::string_view element, std::string_view value) {
  return "<f:" + std::string(element) + " value=\"" + in_attribute(value) + "\"/>";
}
std::string as_xml(const Json& identifier) {
  return "<f:identifier>" + as_xml("system", identifier["system"].string_or()) +
         as_xml("value", identifier["value"].string_or()) + "</f:identifier>";
}
std::string op(std::string_view kind, const std::string& selector, std::string_view content,
               std::string_view attributes = {}) {
  return "<" + std::string(kind) + " sel=\"f:Patient" + selector + "\" " + std::string(attributes) + ">" +
         std::string(content) + "</" + std::string(kind) + ">";
}

/// Both patches, growing by operations that fit what is there.
class Pair {
 public:
  explicit Pair(Json patient) : now_(std::move(patient)) {}

  void grow() {
    const auto name = *rc::gen::inRange<std::size_t>(0, now_["name"].size());
    const auto given = *rc::gen::inRange<std::size_t>(0, now_["name"][name]["given"].size());
    const auto name_path = "/name/" + std::to_string(name);
    const auto name_step = "/f:name[" + std::to_string(name + 1) + "]";
    const auto given_step = name_step + "/f:given[" + std::to_string(given + 1) + "]";
    const auto text = *any_text();
    switch (*rc::gen::inRange(0, 9)) {
      case 0:
        return both("replace", name_path + "/given/" + std::to_string(given), Json(text),
                    op("replace", given_step + "/@value", in_text(text)));
      case 1: return both("add", name_path + "/given/-", Json(text), op("add", name_step, as_xml("given", text)));
      case 2:
        return both("add", name_path + "/given/" + std::to_string(given), Json(text),
                    op("add", given_step, as_xml("given", text), "pos=\"before\""));
      case 3:
        return both("add", name_path + "/given/" + std::to_string(given + 1), Json(text),
                    op("add", given_step, as_xml("given", text), "pos=\"after\""));
      case 4:
        return both("add", name_path + "/family", Json(text),
                    op("replace", name_step + "/f:family", as_xml("family", text)));
      case 5:
        if (now_.contains("birthDate")) return both("remove", "/birthDate", {}, op("remove", "/f:birthDate", ""));
        return both("add", "/birthDate", Json("1990"), op("add", "", as_xml("birthDate", "1990")));
      case 6: {
        const auto identifier = any_identifier();
        return both("add", "/identifier/0", identifier, op("add", "", as_xml(identifier), "pos=\"prepend\""));
      }
      case 7: {
        const bool active = now_["active"].bool_or(false);
        return both("replace", "/active", Json(!active), op("replace", "/f:active/@value", active ? "false" : "true"));
      }
      default:
        if (now_["identifier"].size() < 2) return;
        return both("remove", "/identifier/0", {}, op("remove", "/f:identifier[1]", " "));
    }
  }

  void check(const Json& before) const {
    const auto by_json = apply_json_patch(before, json_);
    RC_ASSERT(by_json.has_value());
    const auto patch = XmlPatch::parse("<diff xmlns:f=\"http://hl7.org/fhir\">" + xml_ + "</diff>");
    RC_ASSERT(patch.has_value());
    const auto by_xml = patch->apply(before);
    if (!by_xml) RC_FAIL(std::string(by_xml.error().client.view()) + xml_);
    if (*by_xml != *by_json) RC_FAIL(by_xml->dump() + " is not " + by_json->dump() + xml_);
  }

 private:
  void both(std::string_view kind, const std::string& path, Json value, const std::string& xml) {
    Json one = Json::object({{"op", kind}, {"path", path}});
    if (kind != "remove") one.set("value", std::move(value));
    now_ = apply_json_patch(std::move(now_), Json::array({one})).value();
    json_.push_back(std::move(one));
    xml_ += xml;
  }

  Json now_;
  Json json_ = Json::array();
  std::string xml_;
};

RC_GTEST_PROP(XmlPatchProperty, S14_SaysWhatTheJsonPatchSays, ()) {
  const auto before = any_patient();
  Pair pair(before);
  for (auto i = *rc::gen::inRange(0, 12); i > 0; --i) pair.grow();
  pair.check(before);
}

TEST(XmlPatchProperty, EveryKindOfResourceComesBackAsItWas) {
  gateway::rig::WritingRig rig;
  std::size_t seen = 0;
  for (const auto* const type : {"Patient",
                                 "Observation",
                                 "Condition",
                                 "Encounter",
                                 "DocumentReference",
                                 "Practitioner",
                                 "PractitionerRole",
                                 "Organization",
                                 "Location",
                                 "RelatedPerson",
                                 "Group",
                                 "Person",
                                 "Provenance",
                                 "Device",
                                 "Binary",
                                 "AllergyIntolerance",
                                 "MedicationRequest",
                                 "Immunization",
                                 "Procedure",
                                 "DiagnosticReport",
                                 "CarePlan",
                                 "CareTeam",
                                 "Goal",
                                 "Coverage",
                                 "Consent",
                                 "List",
                                 "Questionnaire",
                                 "QuestionnaireResponse"}) {
    const auto found = Json::parse(rig.unguarded("/" + std::string(type) + "?_count=500").body).value();
    for (const auto& entry : found["entry"].items()) {
      const auto& resource = entry["resource"];
      const auto form = xml_form(resource);
      ASSERT_TRUE(form) << resource.dump();
      ASSERT_EQ(json_form(*form).value(), resource);
      ++seen;
    }
  }
  EXPECT_GT(seen, 100U);
}

}  // namespace
}  // namespace mitral::fhir
