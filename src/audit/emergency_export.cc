#include "audit/emergency_export.h"

#include "codec/text.h"

namespace mitral::audit {
namespace {

using codec::Json;

constexpr std::string_view kOwn = "urn:mitral:emergency-access";
constexpr std::string_view kActReason = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
constexpr std::string_view kCategory = "http://terminology.hl7.org/CodeSystem/communication-category";

Json concept_of(std::string_view system, std::string_view code, std::string_view text) {
  auto coding = Json::object({{"system", system}, {"code", code}});
  if (!text.empty()) coding.set("display", text);
  return Json::object({{"coding", Json::array({std::move(coding)})}});
}

Json reference(std::string_view to, std::string_view display = {}) {
  auto out = Json::object({{"reference", to}});
  if (!display.empty()) out.set("display", display);
  return out;
}

Json identifier(const model::EmergencyAccess& access) {
  return Json::array({Json::object({{"system", access.issuer.value}, {"value", access.id.text()}})});
}

Json etreat() { return concept_of(kActReason, "ETREAT", "Emergency Treatment"); }

/// One Task.input or Task.output.
Json fact(std::string_view code, std::string_view value_name, Json value) {
  auto out = Json::object();
  out.set("type", concept_of(kOwn, code, {}));
  out.set(value_name, std::move(value));
  return out;
}

}  // namespace

std::string emergency_resource_id(const model::EmergencyAccess& access) { return codec::to_hex(access.id.view()); }

Json review_task(const model::EmergencyAccess& access) {
  auto out = Json::object();
  out.set("resourceType", "Task");
  out.set("id", emergency_resource_id(access));
  out.set("identifier", identifier(access));
  out.set("status", access.review ? "completed" : "requested");
  out.set("intent", "order");
  out.set("priority", "urgent");
  out.set("code", concept_of(kOwn, "emergency-access-review", "Review of an emergency access"));
  out.set("description", "Review whether this emergency access to a health record was justified.");
  out.set("for", reference("Patient/" + access.patient_id));
  out.set("authoredOn", to_rfc3339(access.at));
  out.set("lastModified", to_rfc3339(access.review ? access.review->at : access.at));
  out.set("requester", reference(access.fhir_user, access.user_name));
  out.set("reasonCode", etreat());
  auto input = Json::array();
  input.push_back(fact("time", "valueDateTime", to_rfc3339(access.at)));
  input.push_back(fact("end", "valueDateTime", to_rfc3339(access.expires)));
  input.push_back(fact("client", "valueString", access.client.value));
  input.push_back(fact("purpose", "valueCodeableConcept", etreat()));
  input.push_back(fact("reason", "valueCodeableConcept", concept_of(kOwn, name(access.reason), {})));
  input.push_back(fact("statement", "valueString", access.statement));
  // The audit record names the access as the grant of its events.
  input.push_back(fact("audit-grant", "valueString", access.id.text()));
  out.set("input", std::move(input));
  if (access.review) {
    auto output = Json::array();
    output.push_back(fact("verdict", "valueCodeableConcept", concept_of(kOwn, name(access.review->verdict), {})));
    output.push_back(fact("reviewed-by", "valueString", access.review->by));
    if (!access.review->note.empty()) output.push_back(fact("note", "valueString", access.review->note));
    out.set("output", std::move(output));
  }
  return out;
}

Json patient_notice(const model::EmergencyAccess& access) {
  const std::string patient = "Patient/" + access.patient_id;
  const std::string who = access.user_name.empty() ? access.fhir_user : access.user_name;
  auto out = Json::object();
  out.set("resourceType", "Communication");
  out.set("id", emergency_resource_id(access));
  out.set("identifier", identifier(access));
  // Ready for her to read; that she has read it, nobody knows.
  out.set("status", "in-progress");
  out.set("category", Json::array({concept_of(kCategory, "notification", "Notification")}));
  out.set("priority", "routine");
  out.set("subject", reference(patient));
  out.set("about", Json::array({reference("Task/" + emergency_resource_id(access))}));
  out.set("sent", to_rfc3339(access.at));
  out.set("recipient", Json::array({reference(patient)}));
  out.set("reasonCode", Json::array({etreat()}));
  const std::string text = "Your health record was opened in an emergency, without asking you, on " +
                           to_rfc3339(access.at) + " by " + who + ". The access ended by itself and is being reviewed.";
  out.set("payload", Json::array({Json::object({{"contentString", text}})}));
  return out;
}

}  // namespace mitral::audit
