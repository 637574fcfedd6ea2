// Client and resource server: who may ask for tokens, and who may be asked with them.
//
// Records are immutable snapshots while a request runs (ports/directory.h); a change makes a new snapshot.
// Sources: RFC 6749 §2, RFC 7591 §2 for the members' meaning, SMART App Launch 2.2 for launch URLs.
//
// Thread rules: values; a shared snapshot is const.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "jose/jwk.h"

namespace mitral::model {

enum class ClientAuthMethod : std::uint8_t { none, client_secret_basic, client_secret_post, private_key_jwt };
[[nodiscard]] std::string_view name(ClientAuthMethod method) noexcept;
[[nodiscard]] std::optional<ClientAuthMethod> parse_client_auth_method(std::string_view text) noexcept;

enum class GrantType : std::uint8_t { authorization_code, refresh_token, client_credentials };
[[nodiscard]] std::string_view name(GrantType type) noexcept;
[[nodiscard]] std::optional<GrantType> parse_grant_type(std::string_view text) noexcept;

enum class TokenFormat : std::uint8_t { jwt, opaque, wrapped };
[[nodiscard]] std::string_view name(TokenFormat format) noexcept;
[[nodiscard]] std::optional<TokenFormat> parse_token_format(std::string_view text) noexcept;

/// What a caller of the back-channel endpoints proves itself with. Secrets are made by the server from 256 random bits,
/// so SHA-256 is enough to store them; at most two are alive, to let a client change over.
struct Credentials {
  ClientAuthMethod method = ClientAuthMethod::none;
  std::vector<Hash256> secret_hashes;
  std::string assertion_alg;  ///< private_key_jwt: the one algorithm accepted, or empty for any the profile allows
  jose::JwkSet jwks;          ///< inline keys
  std::string jwks_uri;       ///< or where to fetch them; never both (RFC 7591 §2)
};

struct Client {
  Issuer issuer;
  ClientId id;
  bool enabled = true;
  std::string name;  ///< hostile text: escape wherever it is shown
  std::string client_uri, logo_uri, policy_uri, tos_uri;
  bool verified = false;  ///< an operator vouches for name and publisher; shown on the consent page
  Credentials credentials;
  std::vector<std::string> redirect_uris;  ///< compared byte by byte
  std::vector<std::string> launch_urls;    ///< SMART EHR launch
  std::vector<std::string> origins;        ///< CORS
  std::vector<GrantType> grant_types;
  std::vector<std::string> scopes;     ///< what it may ever ask for, SMART patterns included (patient/*.rs)
  std::vector<std::string> resources;  ///< audiences it may ask for; empty: every resource server of the issuer
  std::string profile;                 ///< profile row that applies beside the server's; empty: none
  std::string id_token_alg;          ///< of its ID tokens (OpenID Connect Registration §2); empty: the profile's first
  bool id_token_at_refresh = false;  ///< a new ID token with every refresh (OpenID Connect Core §12.2)
  bool offline_allowed = false;
  bool dedicated_consent = true;  ///< false: no consent page (first-party apps that an operator registered)
  bool emergency_access = false;  ///< may ask for emergency access (purpose_of_use=ETREAT, flow/emergency.h)
  Instant created;
  Instant updated;
  Instant tokens_valid_from;  ///< tokens issued before are dead: how a client's tokens are revoked at once

  [[nodiscard]] bool is_public() const noexcept { return credentials.method == ClientAuthMethod::none; }
  [[nodiscard]] bool may(GrantType type) const noexcept;
};

struct ResourceServer {
  Issuer issuer;
  std::string id;        ///< its name when it calls introspection or the revocation feed
  std::string audience;  ///< resource identifier (RFC 8707): for FHIR the base URL, as published
  bool enabled = true;
  std::string name;  ///< shown on the consent page
  Credentials credentials;
  TokenFormat token_format = TokenFormat::wrapped;
  std::string signing_alg = "ES256";  ///< of jwt and wrapped tokens
  Duration token_lifetime = std::chrono::minutes(5);
  std::vector<std::string> scopes;  ///< what makes sense there; empty: any
  bool fhir = true;                 ///< SMART scopes and launch context apply
  bool context_in_jwt = false;      ///< put SMART launch context and sub into a jwt token, not only in introspection
};

}  // namespace mitral::model
