// Explain: why the gateway permits or denies a request, in words and as JSON. The same classification and the same
// decision as at the gateway, on a token's facts that the operator gives; nothing is sent anywhere.
//
// Errors: config_invalid for input that cannot be read. Thread rules: pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "codec/json.h"
#include "model/audit_event.h"
#include "policy/fhir_decision.h"

namespace mitral::app {

/// What the token says, as an introspection answer or the claims of a JWT would.
struct ExplainedToken {
  std::string scope;
  std::string client = "client";
  std::string subject;  ///< empty: the client itself, or a user when patient or fhir_user is given
  std::string patient;
  std::string fhir_user;
  std::string purpose;

  /// Claims "scope", "client_id" or "azp", "sub", "patient", "fhirUser", "purpose_of_use".
  [[nodiscard]] static ExplainedToken from_claims(const codec::Json& claims);
};

struct ExplainedRequest {
  std::string method = "GET";
  std::string target;  ///< below the FHIR base: "/Observation?code=1-8"
  bool if_none_exist = false;
  std::optional<codec::Json> body;  ///< of a create or update: judged as what is to be stored

  /// The request that an audit record of a gateway is about, as far as it is recorded: no search value ever is.
  /// nullopt: the record is not about a FHIR access that was understood.
  [[nodiscard]] static std::optional<ExplainedRequest> from_audit(const model::AuditEvent& event);
};

struct ExplainInput {
  ExplainedToken token;
  ExplainedRequest request;
  std::vector<codec::Json> resources;  ///< what upstream would answer with, or has stored (writes): each is judged
  std::vector<codec::Json> consents;   ///< FHIR Consent resources in force; none: directives play no part
  std::string base = "https://fhir.example";
  std::shared_ptr<const policy::DataPolicy> data_policy;
  Instant now;
};

/// { token, request, decision, resources }: each verdict with its reason and the lines that led there.
[[nodiscard]] Result<codec::Json> explain(const ExplainInput& input);
/// The same for people.
[[nodiscard]] std::string explain_text(const codec::Json& report);

}  // namespace mitral::app
