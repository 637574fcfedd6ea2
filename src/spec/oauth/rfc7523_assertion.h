// RFC 7523 §3 (and rfc7523bis, SMART App Launch 2.2): a JWT by which a client proves itself.
//
// Header: asymmetric algorithm from the caller's list; typ absent, JWT or client-authentication+jwt, nothing else, so
// that no other kind of JWT passes for one (threat J-5); jku, if there, must be the registered URL (never fetched
// otherwise, J-3). Claims: iss = sub = client_id; aud one plain string (threat BU-1); exp at most the profile's
// lifetime ahead (plus clock skew); jti, to be claimed once by the caller after the signature held (J-21); iat and nbf,
// if there, sane.
//
// Errors: invalid_client for everything; the detail says what. Thread rules: pure; "now" is handed in.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "jose/jws.h"
#include "jose/jwt.h"

namespace mitral::spec::oauth {

/// Parsed, signature not checked.
struct PresentedAssertion {
  jose::Jws jws;
  std::string client_id;  ///< iss = sub
  std::string jti;
  std::optional<std::string> jku;
  Instant expires;
};

struct AssertionRules {
  /// Accepted audiences: the issuer, and the token endpoint where the profile allows it.
  std::span<const std::string_view> audiences;
  std::chrono::seconds lifetime_max{};
  bool kid_required = false;
  Instant now;
};

/// Shape, typ and who it claims to be: enough to find the client.
[[nodiscard]] Result<PresentedAssertion> parse_assertion(std::string_view compact, jose::SignAlgs allowed);
/// Signature with the client's keys, then all claims. `registered_jku` is the client's jwks_uri, or empty.
[[nodiscard]] Result<void> verify_assertion(const PresentedAssertion& assertion, const jose::JwkSet& keys,
                                            std::string_view registered_jku, const AssertionRules& rules);

}  // namespace mitral::spec::oauth
