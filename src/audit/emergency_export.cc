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

Json identifier(std::string_view issuer, std::string_view id) {
  return Json::object({{"system", issuer}, {"value", id}});
}

Json etreat() { return concept_of(kActReason, "ETREAT", "Emergency Treatment"); }

/// One Task.input or Task.output.
Json fact(std::string_view code, std::string_view value_name, Json value) {
  auto out = Json::object();
  out.set("type", concept_of(kOwn, code, {}));
  out.set(value_name, std::move(value));
  return out;
}

/// What every Task says.
Json task_frame(Json identifiers, bool done) {
  auto out = Json::object();
  out.set("resourceType", "Task");
  out.set("identifier", std::move(identifiers));
  out.set("status", done ? "completed" : "requested");
  out.set("intent", "order");
  out.set("priority", "urgent");
  out.set("code", concept_of(kOwn, "emergency-access-review", "Review of an emergency access"));
  out.set("description", "Review whether this emergency access to a health record was justified.");
  return out;
}

/// What every notice says.
Json notice_frame(Json identifiers, Json patient, Json task, Instant at, std::string_view text) {
  auto out = Json::object();
  out.set("resourceType", "Communication");
  out.set("identifier", std::move(identifiers));
  // Ready for her to read; that she has read it, nobody knows.
  out.set("status", "in-progress");
  out.set("category", Json::array({concept_of(kCategory, "notification", "Notification")}));
  out.set("priority", "routine");
  out.set("subject", patient);
  out.set("about", Json::array({std::move(task)}));
  out.set("sent", to_rfc3339(at));
  out.set("recipient", Json::array({std::move(patient)}));
  out.set("reasonCode", Json::array({etreat()}));
  out.set("payload", Json::array({Json::object({{"contentString", text}})}));
  return out;
}

std::string opened_by(std::string_view who, Instant at) {
  return "Your health record was opened in an emergency, without asking you, on " + to_rfc3339(at) + " by " +
         std::string(who) + ".";
}

/// A reference, or the same in words.
Json named(std::string_view type, std::string_view to, bool literal) {
  return literal ? reference(to) : Json::object({{"type", type}, {"display", to}});
}

std::string_view type_of(std::string_view reference) { return reference.substr(0, reference.find('/')); }

}  // namespace

std::string emergency_resource_id(const model::EmergencyAccess& access) { return codec::to_hex(access.id.view()); }

Json review_task(const model::EmergencyAccess& access) {
  auto out = task_frame(Json::array({identifier(access.issuer.value, access.id.text())}), access.review.has_value());
  out.set("id", emergency_resource_id(access));
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
  const auto text = opened_by(access.user_name.empty() ? access.fhir_user : access.user_name, access.at) +
                    " The access ended by itself and is being reviewed.";
  auto out = notice_frame(Json::array({identifier(access.issuer.value, access.id.text())}),
                          reference("Patient/" + access.patient_id), reference("Task/" + emergency_resource_id(access)),
                          access.at, text);
  out.set("id", emergency_resource_id(access));
  return out;
}

Json review_task(const EmergencyUse& use, bool literal) {
  auto out = task_frame(Json::array({identifier(use.issuer, use.id)}), false);
  if (!use.patient.empty()) out.set("for", named("Patient", "Patient/" + use.patient, literal));
  out.set("authoredOn", to_rfc3339(use.at));
  out.set("lastModified", to_rfc3339(use.at));
  if (!use.clinician.empty()) {
    out.set("requester", named(type_of(use.clinician), use.clinician, literal));
  } else {
    out.set("requester", Json::object({{"type", "Practitioner"}, {"identifier", identifier(use.issuer, use.subject)}}));
  }
  out.set("reasonCode", etreat());
  auto input = Json::array();
  input.push_back(fact("time", "valueDateTime", to_rfc3339(use.at)));
  input.push_back(fact("end", "valueDateTime", to_rfc3339(use.expires)));
  input.push_back(fact("client", "valueString", use.client));
  input.push_back(fact("purpose", "valueCodeableConcept", etreat()));
  input.push_back(fact("audit-grant", "valueString", use.id));
  out.set("input", std::move(input));
  return out;
}

Json patient_notice(const EmergencyUse& use, bool literal) {
  // Its server-given id is not known here; the identifier is.
  auto task = Json::object({{"type", "Task"}, {"identifier", identifier(use.issuer, use.id)}});
  const auto text = opened_by(use.clinician.empty() ? "a clinician" : use.clinician, use.at) +
                    " The access ends by itself within minutes and will be reviewed.";
  return notice_frame(Json::array({identifier(use.issuer, use.id)}),
                      named("Patient", "Patient/" + use.patient, literal), std::move(task), use.at, text);
}

}  // namespace mitral::audit
