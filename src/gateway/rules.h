// Rules: how the gateway treats its neighbours, as plain data within Config: the FHIR server, an authorization server
// of another make, and a proxy that asks for decisions.
//
// Thread rules: values; constant once the gateway is made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/secret.h"
#include "base/time.h"
#include "crypto/key.h"

namespace mitral::gateway {

/// circuit.h
struct CircuitRules {
  Duration window = limits::kCircuitWindow;
  unsigned requests_min = limits::kCircuitRequestsMin;
  unsigned failed_percent = limits::kCircuitFailedPercent;  ///< above 100: never opens
  Duration pause = limits::kCircuitPause;
};

/// upstream_channel.h
struct UpstreamRules {
  std::size_t in_flight_max = limits::kUpstreamInFlightMax;
  CircuitRules circuit;
  bool retry = true;
  Duration retry_pause = limits::kUpstreamRetryPause;
};

/// What the FHIR server is told about the caller (phantom.h).
struct IdentityRules {
  bool headers = false;
  std::string prefix = "X-Authorization-";
  bool phantom = false;
  std::string phantom_header;             ///< empty: prefix + "Token"; Authorization: as a Bearer token
  std::optional<crypto::PrivateKey> key;  ///< P-256; none: made at start, another in each process
};

/// Whose tokens are accepted.
enum class IssuerKind : std::uint8_t {
  mitral,         ///< one of ours: tokens in three formats, and a revocation feed
  jwks,           ///< any that signs JWTs
  introspection,  ///< any that answers RFC 7662
};

/// A claim and the text that it must have, or have among others if it is an array. "{client}" is the client's id. No
/// text: the claim must not be there.
struct ClaimRule {
  std::string claim, value;
};

/// foreign_issuer.h; meaningless for IssuerKind::mitral.
struct ForeignRules {
  IssuerKind kind = IssuerKind::mitral;
  std::string metadata_url;                      ///< empty: issuer + /.well-known/openid-configuration
  std::vector<std::string> typs{"at+jwt"};       ///< accepted "typ" of a JWT; "" for one without
  bool introspect_too = false;                   ///< jwks: ask as well, before a token is believed
  Duration believed = limits::kForeignBelieved;  ///< how old a check may be that decides
  std::vector<std::string> scope_claims{"scope", "scp"};
  std::vector<std::string> client_claims{"client_id", "azp"};
  std::string subject_claim = "sub";
  std::string patient_claim = "patient";
  std::string fhir_user_claim = "fhirUser";
  bool trust_purpose = false;          ///< its purpose_of_use counts, emergency access included
  std::vector<ClaimRule> required;     ///< all must hold
  std::vector<ClaimRule> system_when;  ///< one holds: a token of a client for itself. Empty: subject equals client
  std::optional<crypto::PrivateKey> assertion_key;  ///< private_key_jwt at introspection; none: Basic
  std::string assertion_kid;
  std::string assertion_audience;         ///< empty: the issuer
  std::vector<std::string> capabilities;  ///< of the SMART configuration
};

/// Groups that a client may export (Bulk Data); a client that is listed exports nothing else.
struct BulkGroups {
  std::string client;
  std::vector<std::string> groups;  ///< logical ids
};

/// decision_endpoint.h
struct DecideRules {
  std::string path = "/_decide";
  bool request_only = false;  ///< answers are judged by the resource server
  Secret secret;              ///< what the proxy proves itself by; empty: whoever can connect may ask
};

}  // namespace mitral::gateway
