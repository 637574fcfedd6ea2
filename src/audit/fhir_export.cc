#include "audit/fhir_export.h"

#include <array>

#include "codec/base64url.h"

namespace mitral::audit {
namespace {

using codec::Json;
using model::AuditKind;
using model::AuditOutcome;

constexpr std::string_view kDicom = "http://dicom.nema.org/resources/ontology/DCM";
constexpr std::string_view kEventType = "http://terminology.hl7.org/CodeSystem/audit-event-type";
constexpr std::string_view kInteraction = "http://hl7.org/fhir/restful-interaction";
constexpr std::string_view kIhe = "urn:ihe:event-type-code";
constexpr std::string_view kOwn = "urn:mitral:audit-event";
constexpr std::string_view kPurpose = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
constexpr std::string_view kParticipation = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
constexpr std::string_view kEntityType = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
constexpr std::string_view kEntityRole = "http://terminology.hl7.org/CodeSystem/object-role";
constexpr std::string_view kSourceType = "http://terminology.hl7.org/CodeSystem/security-source-type";
constexpr std::string_view kAuthServer = "http://terminology.hl7.org/CodeSystem/extra-security-role-type";

Json coding(std::string_view system, std::string_view code, std::string_view display) {
  auto out = Json::object({{"system", system}, {"code", code}});
  if (!display.empty()) out.set("display", display);
  return out;
}

Json concept_of(std::string_view system, std::string_view code, std::string_view display) {
  return Json::object({{"coding", Json::array({coding(system, code, display)})}});
}

/// DICOM and IHE codes of a kind (threats §14); fhir_access has its own.
struct Codes {
  AuditKind kind;
  std::string_view type, type_display;
  std::string_view subtype_system, subtype, subtype_display;
};
constexpr std::array kCodes{
    Codes{AuditKind::sign_in, "110114", "User Authentication", kDicom, "110122", "Login"},
    Codes{AuditKind::sign_out, "110114", "User Authentication", kDicom, "110123", "Logout"},
    Codes{AuditKind::consent, "110113", "Security Alert", kOwn, "AuthZ-Consent", "Consent decision"},
    Codes{AuditKind::code_issued, "110114", "User Authentication", kIhe, "ITI-71", "Get Access Token"},
    Codes{AuditKind::code_redeemed, "110114", "User Authentication", kIhe, "ITI-71", "Get Access Token"},
    Codes{AuditKind::token_issued, "110114", "User Authentication", kIhe, "ITI-71", "Get Access Token"},
    Codes{AuditKind::token_refreshed, "110114", "User Authentication", kIhe, "ITI-71", "Get Access Token"},
    Codes{AuditKind::revocation, "110113", "Security Alert", kDicom, "110135", "Object Security Attributes Changed"},
    Codes{AuditKind::denial, "110113", "Security Alert", kDicom, "110132", "Use of Restricted Function"},
    Codes{AuditKind::reuse_detected, "110113", "Security Alert", kDicom, "110132", "Use of Restricted Function"},
    Codes{AuditKind::launch, "110100", "Application Activity", kDicom, "110151", "Application Launcher"},
    Codes{AuditKind::administration, "110113", "Security Alert", kDicom, "110129", "Security Configuration"},
    Codes{AuditKind::emergency, "110113", "Security Alert", kDicom, "110127", "Emergency Override Started"},
};

std::string_view detail(const model::AuditEvent& event, std::string_view key) {
  for (const auto& [k, value] : event.details) {
    if (k == key) return value;
  }
  return {};
}

std::string_view action_of(const model::AuditEvent& event) {
  if (event.kind != AuditKind::fhir_access) return "E";
  const auto interaction = detail(event, "interaction");
  if (interaction == "read" || interaction == "vread") return "R";
  if (interaction == "create") return "C";
  if (interaction == "update" || interaction == "patch") return "U";
  if (interaction == "delete") return "D";
  return "E";
}

/// AuditEvent.outcome: 0 success, 4 minor (the caller may try again), 8 serious (refused).
std::string_view outcome_of(AuditOutcome outcome) {
  switch (outcome) {
    case AuditOutcome::success: return "0";
    case AuditOutcome::failure: return "4";
    case AuditOutcome::denied: return "8";
  }
  return "8";
}

void set_type(Json& out, const model::AuditEvent& event) {
  if (event.kind == AuditKind::fhir_access) {
    out.set("type", coding(kEventType, "rest", "RESTful Operation"));
    const auto interaction = detail(event, "interaction");
    if (!interaction.empty()) out.set("subtype", Json::array({coding(kInteraction, interaction, {})}));
    return;
  }
  for (const auto& row : kCodes) {
    if (row.kind != event.kind) continue;
    out.set("type", coding(kDicom, row.type, row.type_display));
    out.set("subtype", Json::array({coding(row.subtype_system, row.subtype, row.subtype_display),
                                    coding(kOwn, name(event.kind), {})}));
  }
}

Json identified(std::string_view system, std::string_view value) {
  auto identifier = Json::object();
  if (!system.empty()) identifier.set("system", system);
  identifier.set("value", value);
  return Json::object({{"identifier", std::move(identifier)}});
}

Json agents(const model::AuditEvent& event, std::string_view observer) {
  const bool access = event.kind == AuditKind::fhir_access;
  auto out = Json::array();
  if (!event.client.empty() || !event.address.empty()) {
    auto client = Json::object();
    client.set("type",
               access ? concept_of(kDicom, "110153", "Source Role ID") : concept_of(kDicom, "110150", "Application"));
    if (!event.client.empty()) client.set("who", identified(event.issuer.value, event.client));
    client.set("requestor", event.user.empty());
    if (!event.address.empty()) {
      client.set("network", Json::object({{"address", event.address}, {"type", "2"}}));
    }
    out.push_back(std::move(client));
  }
  if (!event.user.empty()) {
    auto user = Json::object();
    user.set("type", concept_of(kParticipation, "IRCP", "information recipient"));
    user.set("who", identified(event.issuer.value, event.user));
    user.set("requestor", true);
    // OAUTHaccessTokenUse: the token stands as the policy under which the user acts.
    if (!event.token.empty()) user.set("policy", Json::array({"urn:ietf:params:oauth:jti:" + event.token}));
    out.push_back(std::move(user));
  }
  auto server = Json::object();
  server.set("type", access ? concept_of(kDicom, "110152", "Destination Role ID")
                            : concept_of(kAuthServer, "authserver", "authorization server"));
  server.set("who", Json::object({{"display", observer}}));
  // One agent must be the initiator (AuditEvent.agent.requestor); the server is when nobody else is known.
  server.set("requestor", event.client.empty() && event.address.empty() && event.user.empty());
  out.push_back(std::move(server));
  return out;
}

Json entities(const ports::AuditStore::Record& record) {
  const auto& event = record.event;
  auto out = Json::array();
  if (!event.patient.empty()) {
    const bool typed = event.patient.find('/') != std::string::npos;
    auto patient = Json::object();
    patient.set("what", Json::object({{"reference", typed ? event.patient : "Patient/" + event.patient}}));
    patient.set("type", coding(kEntityType, "1", "Person"));
    patient.set("role", coding(kEntityRole, "1", "Patient"));
    out.push_back(std::move(patient));
  }
  if (!event.token.empty()) {
    auto token = Json::object();
    token.set("what", identified({}, "urn:ietf:params:oauth:jti:" + event.token));
    token.set("type", coding(kEntityType, "2", "System Object"));
    token.set("role", coding(kEntityRole, "13", "Security Resource"));
    out.push_back(std::move(token));
  }
  // Everything else that the record knows, and where in the chain it stands.
  auto details = Json::array();
  const auto put = [&](std::string_view key, const std::string& value) {
    if (!value.empty() && !key.empty()) details.push_back(Json::object({{"type", key}, {"valueString", value}}));
  };
  put("audit-seq", std::to_string(record.seq));
  put("audit-hash", codec::base64url_encode(ByteSpan(record.hash)));
  put("grant", event.grant);
  for (const auto& [key, value] : event.details) put(key, value);
  auto trace = Json::object();
  trace.set("what", identified("urn:mitral:audit-seq", std::to_string(record.seq)));
  trace.set("type", coding(kEntityType, "4", "Other"));
  trace.set("detail", std::move(details));
  out.push_back(std::move(trace));
  return out;
}

}  // namespace

codec::Json to_fhir(const ports::AuditStore::Record& record, std::string_view observer) {
  const auto& event = record.event;
  auto out = Json::object();
  out.set("resourceType", "AuditEvent");
  out.set("id", "mitral-" + std::to_string(record.seq));
  set_type(out, event);
  out.set("action", action_of(event));
  out.set("recorded", to_rfc3339(event.at));
  out.set("outcome", outcome_of(event.outcome));
  if (!event.reason.empty()) out.set("outcomeDesc", event.reason);
  if (const auto purpose = detail(event, "purpose_of_use"); !purpose.empty()) {
    out.set("purposeOfEvent", Json::array({concept_of(kPurpose, purpose, {})}));
  }
  out.set("agent", agents(event, observer));
  out.set("source", Json::object({{"site", event.issuer.value},
                                  {"observer", Json::object({{"display", observer}})},
                                  {"type", Json::array({coding(kSourceType, "6", "Security Server")})}}));
  out.set("entity", entities(record));
  return out;
}

}  // namespace mitral::audit
