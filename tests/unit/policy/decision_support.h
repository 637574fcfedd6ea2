// What the tests of the decision share: tokens, requests, resources.
//
// Thread rules: none; for tests.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fhir/interaction.h"
#include "policy/fhir_decision.h"

namespace mitral::policy::testing {

inline constexpr const char* kBase = "https://fhir.example/r4";

/// A user's token; fhir_user is "Type/id" or empty.
inline TokenFacts facts(std::string_view scopes, std::string_view fhir_user = "Patient/maria",
                        std::string_view patient = "maria") {
  TokenFacts out;
  out.scopes = spec::smart::ScopeSet::parse_known(scopes, scope_rules()).value();
  out.client = "app";
  out.subject = "u_1";
  out.patient = patient;
  out.fhir_user = fhir_user.empty() ? "" : std::string(kBase) + "/" + std::string(fhir_user);
  out.own_base = kBase;
  return out;
}

/// A clinician's token without a patient in context.
inline TokenFacts clinician(std::string_view scopes) { return facts(scopes, "Practitioner/ada", ""); }

/// A backend service's token.
inline TokenFacts backend(std::string_view scopes) {
  auto out = facts(scopes, "", "");
  out.subject = out.client;
  return out;
}

inline fhir::Interaction request(std::string_view path, codec::Method method = codec::Method::get,
                                 std::string_view body = {}, bool if_none_exist = false) {
  const auto mark = path.find('?');
  return fhir::classify({.method = method,
                         .path = path.substr(0, mark),
                         .query = mark == std::string_view::npos ? std::string_view{} : path.substr(mark + 1),
                         .content_type = body.empty() ? "" : "application/x-www-form-urlencoded",
                         .body = body,
                         .if_none_exist = if_none_exist})
      .value();
}

inline RequestDecision ask(const TokenFacts& token, std::string_view path, codec::Method method = codec::Method::get,
                           bool if_none_exist = false) {
  return decide(Access::compile(token), request(path, method, {}, if_none_exist));
}
inline Reason reason(const TokenFacts& token, std::string_view path, codec::Method method = codec::Method::get) {
  return ask(token, path, method).decision.reason;
}

inline std::string forwarded(const RequestDecision& decision) {
  std::string out;
  for (const auto& param : decision.plan.forward) out += (out.empty() ? "" : "&") + param.name + "=" + param.value;
  return out;
}

inline codec::Json json(std::string_view text) { return codec::Json::parse(text).value(); }

/// An Observation of the patient; `extra` is ",\"member\":value" text.
inline codec::Json observation(std::string_view patient, std::string_view extra = {}, std::string_view id = "o1") {
  std::string text = R"({"resourceType":"Observation",)";
  if (!id.empty()) text.append(R"("id":")").append(id).append(R"(",)");
  text.append(R"("subject":{"reference":"Patient/)").append(patient).append(R"("})").append(extra).append("}");
  return json(text);
}

}  // namespace mitral::policy::testing
