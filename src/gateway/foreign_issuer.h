// ForeignIssuer: an authorization server of another make (Keycloak, an EHR): its metadata, its keys, its introspection,
// and its claims put into the words that the rest of the gateway understands.
//
// Source: OpenID Connect Discovery 1.0 §4, RFC 8414 §3, RFC 7662, RFC 9068, RFC 7523 (private_key_jwt).
//
// Such an issuer publishes no revocations, so a check is believed for a short time only (ForeignRules::believed), and
// every token must say when it ends. What a claim does not say is not guessed: without issuer, audience, client or
// subject a token is refused; a patient or fhirUser that is no text is refused, not passed over. A
// purpose of use opens what a patient has closed, so it counts only from an issuer that the operator trusts with that
// (ForeignRules::trust_purpose).
//
//   an ID token, a refresh or a logout token is not an access token, whatever its "typ" header says (threat J-5): the
//   claims at_hash, c_hash, s_hash, events and a payload "typ" of ID, Refresh, Offline or Logout refuse it
//   a token is one of a client for itself, and system/ scopes count in it, only if `system_when` says so, or, where
//   nothing is configured, if subject and client are equal (RFC 9068 §5)
//
// JWT answers of introspection (RFC 9701) are not understood. Documents of the issuer are fetched as configured, never
// from an address that a token names.
//
// Errors: unavailable for everything that is not a well-formed answer; invalid_token from own_claims(). Limits:
// base/limits.h. Thread rules: any thread that has a Scheduler.
#pragma once

#include <memory>
#include <string>

#include "base/random.h"
#include "base/result.h"
#include "base/task.h"
#include "codec/form.h"
#include "codec/json.h"
#include "gateway/config.h"
#include "gateway/refreshed.h"
#include "gateway/upstream.h"
#include "jose/jwk.h"

namespace mitral::gateway {

class ForeignIssuer {
 public:
  /// What is handed in must outlive it. Error: config_invalid.
  [[nodiscard]] static Result<std::shared_ptr<ForeignIssuer>> create(const Config& config, Sender& sender,
                                                                     const Clock& clock, Random& random);

  [[nodiscard]] Task<Result<jose::JwkSet>> fetch_keys();
  /// The answer as it came; {"active":false} is a success.
  [[nodiscard]] Task<Result<codec::Json>> introspect(std::string token);
  /// A SMART configuration made of the issuer's metadata.
  [[nodiscard]] Task<Result<codec::Json>> smart_configuration();

 private:
  ForeignIssuer(const Config& config, Sender& sender, const Clock& clock, Random& random);
  using Metadata = Refreshed<codec::Json>;
  [[nodiscard]] Task<Result<Metadata::Value>> metadata();
  [[nodiscard]] Task<Result<codec::Json>> fetch_metadata();
  /// `configured`, or the member of the metadata.
  [[nodiscard]] Task<Result<net::Url>> endpoint(std::string configured, std::string member);
  [[nodiscard]] Result<void> authenticate(codec::Request& request, codec::Form& form) const;

  const Config& config_;
  Sender& sender_;
  const Clock& clock_;
  Random& random_;
  net::Url metadata_url_;
  Metadata metadata_;
};

/// Claims of a foreign JWT or introspection answer under our own names: iss, aud, exp, iat, jti, client_id, sub, scope,
/// patient, fhirUser, cnf. `introspected`: the issuer itself was asked, so iss and iat may be absent.
[[nodiscard]] Result<codec::Json> own_claims(const codec::Json& claims, const ForeignRules& rules,
                                             std::string_view issuer, bool introspected, Instant now);

/// The JSON object of a 200 answer of an authorization server; anything else is unavailable.
[[nodiscard]] Result<codec::Json> issuer_answer(const codec::Response& response, std::size_t max_body);

}  // namespace mitral::gateway
