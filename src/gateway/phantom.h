// Phantom: what the FHIR server is told about the caller: headers X-Authorization-*, or a token signed by the gateway.
//
// Only what a verified token says is told, and only by the gateway: requests to upstream are built anew, so headers of
// the same names that a client sends go nowhere (threat W-19).
//
//   headers  Client, Subject, Patient, Scope, Purpose and Fhir-User after the prefix; one without a value is not sent.
//            Values are visible ASCII, everything else percent-encoded as UTF-8; one above kIdentityValueMax is left
//            out: half a scope would be another scope.
//   phantom  a JWT (typ phantom+jwt, ES256) with iss (the public base), aud (the upstream base), sub, client_id, scope,
//            patient, fhirUser, purpose, jti, iat and exp, at most kPhantomLifetime ahead and never beyond the access
//            token. Made once for a token and used for half of its life, so its jti is no nonce: it proves who asks,
//            not that a request is new. The key is published by jwks().
//
// Errors: crypto_failed when it can't be signed; the request must then not be sent. config_invalid: the key is not of
// P-256, or the prefix is no header name. Thread rules: const methods from any thread; moved only before use.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "codec/message.h"
#include "gateway/config.h"
#include "gateway/metrics.h"
#include "gateway/token_verifier.h"
#include "jose/jws.h"

namespace mitral::gateway {

class Identity {
 public:
  /// What is handed in must outlive it.
  [[nodiscard]] static Result<Identity> create(const Config& config, Metrics& metrics, Random& random);

  [[nodiscard]] bool tells() const noexcept { return rules_.headers || signer_.has_value(); }
  [[nodiscard]] Result<std::vector<codec::Header>> headers_for(const VerifiedToken& token, Instant now) const;
  /// The key set as JSON; empty when nothing is signed.
  [[nodiscard]] const std::string& jwks() const noexcept { return jwks_; }

 private:
  Identity(IdentityRules rules, Metrics& metrics, Random& random)
      : rules_(std::move(rules)), metrics_(&metrics), random_(&random) {}
  [[nodiscard]] Result<std::string> phantom(const VerifiedToken& token, Instant now) const;

  IdentityRules rules_;
  Metrics* metrics_;
  Random* random_;
  std::string issuer_, audience_;
  std::optional<jose::JwsSigner> signer_;
  std::string jwks_;
};

/// Path of the gateway's own key set, at the root of its host.
inline constexpr std::string_view kGatewayJwksPath = "/.well-known/mitral-gateway-jwks";

}  // namespace mitral::gateway
