// Patients' directives for tests: FHIR Consent resources in few words, and tokens that ask.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"
#include "policy/consent_gate.h"
#include "policy/fhir_decision.h"

namespace mitral::policy::consents {

using codec::Json;

inline constexpr const char* kBase = "https://fhir.example/r4";
inline constexpr const char* kIssuer = "https://as.example";
inline constexpr auto kNow = Instant(std::chrono::seconds(1'790'000'000));  // 2026-09-21

inline Json json(std::string_view text) { return Json::parse(text).value(); }

/// An active privacy Consent; `rest` are further members, each with a leading comma.
inline std::string consent_text(std::string_view rest, std::string_view patient = "maria") {
  return R"({"resourceType":"Consent","id":"c1","status":"active","scope":{"coding":[{"system":)"
         R"("http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]},)"
         R"("category":[{"coding":[{"system":"http://loinc.org","code":"59284-0"}]}],"patient":{"reference":"Patient/)" +
         std::string(patient) + "\"}" + std::string(rest) + "}";
}
inline std::string rule(std::string_view code) {
  return R"(,"policyRule":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":")" +
         std::string(code) + R"("}]})";
}
/// A root provision of a type with criteria ("\"class\":[…]").
inline std::string provision(std::string_view type, std::string_view criteria = {}) {
  return R"(,"provision":{"type":")" + std::string(type) + "\"" + (criteria.empty() ? "" : ",") +
         std::string(criteria) + "}";
}
inline std::string actor(std::string_view reference, std::string_view role = "PRCP") {
  return R"("actor":[{"role":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":")" +
         std::string(role) + R"("}]},"reference":{"reference":")" + std::string(reference) + R"("}}])";
}

inline std::shared_ptr<const PatientDirectives> directives(const std::vector<std::string>& texts,
                                                           std::string_view patient = "maria") {
  std::vector<Json> list;
  list.reserve(texts.size());
  for (const auto& text : texts) list.push_back(json(text));
  return std::make_shared<const PatientDirectives>(patient, list, kBase);
}

struct Asker {
  std::string scope = "user/*.rs";
  std::string fhir_user = "Practitioner/ada";
  std::string client = "app";
  std::string subject = "u_1";
  std::string patient{};
  std::string purpose{};
};

inline Access access(const Asker& who, DataPolicy policy) {
  TokenFacts facts;
  facts.scopes = spec::smart::ScopeSet::parse_known(who.scope, scope_rules()).value();
  facts.client = who.client;
  facts.subject = who.subject;
  facts.patient = who.patient;
  facts.fhir_user = who.fhir_user;
  facts.own_base = kBase;
  facts.issuer = kIssuer;
  facts.purpose = who.purpose;
  facts.data_policy = std::make_shared<const DataPolicy>(std::move(policy));
  return Access::compile(facts);
}

inline DataPolicy enforcing() {
  DataPolicy out;
  out.consents = true;
  return out;
}
inline LabelPolicy hiding(const std::vector<std::string>& codes) {
  std::vector<Label> list;
  for (const auto& code : codes) list.push_back(Label::parse(code).value());
  return LabelPolicy(std::move(list));
}

/// Directives of Maria alone.
inline Circumstances at(std::shared_ptr<const PatientDirectives> maria, Instant now = kNow) {
  auto book = std::make_shared<ConsentBook>();
  if (maria) book->put("maria", std::move(maria));
  return {.now = now, .consents = std::move(book)};
}

inline std::string observation_text(std::string_view rest = {}, std::string_view patient = "maria") {
  return R"({"resourceType":"Observation","id":"o1","subject":{"reference":"Patient/)" + std::string(patient) + "\"}" +
         std::string(rest) + "}";
}
inline std::string labelled(std::string_view codes) { return R"(,"meta":{"security":[)" + std::string(codes) + "]}"; }
inline std::string label(std::string_view code, std::string_view system = "v3-ActCode") {
  return R"({"system":"http://terminology.hl7.org/CodeSystem/)" + std::string(system) + R"(","code":")" +
         std::string(code) + R"("})";
}

/// May the asker read this, given Maria's Consents?
inline Decision decide_read(const Asker& who, const std::vector<std::string>& consents, std::string_view resource,
                            DataPolicy policy = enforcing(), Instant now = kNow) {
  return resource_visible(access(who, std::move(policy)), json(resource), Origin::read, {}, nullptr,
                          at(directives(consents), now));
}
inline bool reads(const Asker& who, const std::vector<std::string>& consents,
                  std::string_view resource = observation_text(), DataPolicy policy = enforcing()) {
  return decide_read(who, consents, resource, std::move(policy)).permitted();
}

}  // namespace mitral::policy::consents
