// SMART configuration: the document at <FHIR base>/.well-known/smart-configuration (SMART App Launch 2.2, conformance).
//
// Capability strings are computed from what is configured: nothing is claimed that does not run. The same facts feed
// the legacy oauth-uris extension of a CapabilityStatement, so the two cannot differ. Limits: none of its own. Errors:
// config_invalid when a URL is not absolute http(s) or a required fact is missing. Thread rules: pure; values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/json.h"

namespace mitral::spec::smart {

/// A FHIR server that takes the same authorization (experimental in SMART 2.2): its base and what it can do.
struct AssociatedEndpoint {
  std::string url;
  std::vector<std::string> capabilities;
};

/// Facts as configuration knows them. Empty text: absent.
struct ConfigurationFacts {
  std::string issuer;  ///< present in the document only with OpenID Connect
  std::string jwks_uri;
  std::string authorization_endpoint;
  std::string token_endpoint;
  std::string introspection_endpoint;
  std::string revocation_endpoint;
  std::string registration_endpoint;
  std::string management_endpoint;
  std::string user_access_brand_bundle;
  std::string user_access_brand_identifier_system;
  std::string user_access_brand_identifier_value;
  std::vector<AssociatedEndpoint> associated_endpoints;
  std::vector<std::string> scopes_supported;
  std::vector<std::string> token_endpoint_auth_methods;  ///< client_secret_basic, private_key_jwt, none ...
  std::vector<std::string> token_endpoint_auth_signing_algs;
  std::vector<std::string> grant_types;
  bool openid_connect = false;
  bool launch_ehr = false;
  bool launch_standalone = false;
  bool authorize_post = false;
  bool patient_banner = false;  ///< need_patient_banner is sent
  bool style_url = false;       ///< smart_style_url is sent
  bool ehr_patient = false;     ///< EHR launch gives a patient
  bool ehr_encounter = false;
  bool standalone_patient = false;  ///< a patient picker exists
  bool standalone_encounter = false;
  bool offline_access = false;
  bool online_access = false;
  bool patient_scopes = false;
  bool user_scopes = false;
  bool scopes_v1 = false;
  bool scopes_v2 = false;                       ///< only when the gateway enforces restrictions
  std::vector<std::string> extra_capabilities;  ///< full URIs only
};

/// Capability strings in the order of the standard's list.
[[nodiscard]] std::vector<std::string> capabilities(const ConfigurationFacts& facts);
/// The document.
[[nodiscard]] Result<codec::Json> smart_configuration(const ConfigurationFacts& facts);
/// `rest.security` of a CapabilityStatement with the SMART-on-FHIR service and the oauth-uris extension.
[[nodiscard]] Result<codec::Json> capability_security(const ConfigurationFacts& facts, bool cors);

}  // namespace mitral::spec::smart
