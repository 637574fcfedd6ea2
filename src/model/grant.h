// Grant and what leads to it: authorization request, interaction, code, launch; and what comes of it: refresh family.
//
// Lifetimes stand in base/limits.h. Everything that a browser or client holds is a handle of which only the SHA-256 is
// stored, except refresh tokens, which are recomputed from a key and are not stored at all.
//
// Thread rules: values.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "codec/json.h"

namespace mitral::model {

/// A permission that a user gave to a client. One row lives as long as the permission; access tokens have no rows.
struct Grant {
  Id128 id;
  Issuer issuer;
  ClientId client;
  UserId user;
  Id128 sid;                        ///< session it was made in; zero for none
  std::vector<std::string> scopes;  ///< granted, in the client's own spelling and order; access tokens carry a subset
  std::vector<std::string> audiences;  ///< resource identifiers it covers
  codec::Json context;    ///< SMART launch context, as in the token response (patient, encounter …); object
  std::string fhir_user;  ///< absolute URL, or empty
  Instant auth_time;
  std::string acr;
  std::vector<std::string> amr;
  bool offline = false;  ///< outlives the session
  Instant created;
  Instant expires;  ///< absolute end
  std::optional<Instant> revoked;
  std::string purpose = {};  ///< HL7 PurposeOfUse it was given for ("ETREAT": emergency access), or empty: any
};

/// The O(1) row behind all refresh tokens of a grant: rotation moves `generation` forward.
struct RefreshFamily {
  Id128 grant;  ///< also the family's key: one family per grant
  Issuer issuer;
  ClientId client;
  std::uint32_t generation = 0;  ///< the only one that is good, but for a retry of the one before
  Instant rotated;               ///< when `generation` was reached
  Instant expires;               ///< moves with each use
  std::optional<Instant> revoked;
};

/// A validated authorization request, kept while a person signs in and consents, then inside the code.
struct AuthorizationRequest {
  Issuer issuer;
  ClientId client;
  std::string redirect_uri;
  bool redirect_uri_sent = true;
  std::string response_mode;  ///< "query" or "form_post"
  std::string state;
  std::string nonce;
  std::string code_challenge;          ///< S256
  std::vector<std::string> scopes;     ///< asked for, in order
  std::vector<std::string> resources;  ///< aud or resource, resolved
  std::vector<std::string> prompt;
  std::optional<std::int64_t> max_age;
  std::vector<std::string> acr_values;
  std::string login_hint;
  std::string launch;    ///< hash (base64url) of the EHR launch handle, or empty
  std::string par;       ///< hash (base64url) of the request_uri, or empty: claimed at completion
  std::string dpop_jkt;  ///< RFC 9449 §10
  codec::Json extra;     ///< members later standards add; object

  [[nodiscard]] codec::Json to_json() const;
  [[nodiscard]] static std::optional<AuthorizationRequest> from_json(const codec::Json& json);
};

/// Pushed authorization request (RFC 9126): the parameters as pushed, revalidated when used.
struct PushedRequest {
  Hash256 handle{};  ///< SHA-256 of the request_uri
  Issuer issuer;
  ClientId client;
  std::vector<std::pair<std::string, std::string>> parameters;
  Instant expires;
};

/// One authorization request on its way through the sign-in and consent pages, bound to one browser.
struct Interaction {
  Hash256 handle{};   ///< SHA-256 of the id in the page's URL
  Hash256 browser{};  ///< SHA-256 of the browser cookie: another browser can't go on with it (BU-3)
  Issuer issuer;
  AuthorizationRequest request;
  Hash256 session{};             ///< session that signed in within it; zero before
  std::string patient_id;        ///< picked
  bool reauthenticated = false;  ///< prompt=login or max_age was met inside this interaction
  Instant created;
  Instant expires;
};

struct AuthorizationCode {
  Hash256 handle{};  ///< SHA-256 of the code
  Issuer issuer;
  AuthorizationRequest request;
  UserId user;
  Id128 sid;
  std::vector<std::string> scopes;  ///< granted
  codec::Json context;              ///< launch context; object
  std::string fhir_user;
  Instant auth_time;
  std::string acr;
  std::vector<std::string> amr;
  Instant created;
  Instant expires;
  std::optional<Id128> grant;  ///< set once it was redeemed: reuse revokes this grant (RFC 6749 §4.1.2)
};

/// EHR launch handle (SMART App Launch 2.2 "launch"): single use, short-lived, bound to client and user.
struct LaunchTicket {
  Hash256 handle{};
  Issuer issuer;
  ClientId client;
  UserId user;
  std::string audience;
  codec::Json context;  ///< object
  Instant expires;
};

/// A key that signs tokens. The private part is stored wrapped by the master key.
struct SigningKeyRecord {
  Issuer issuer;
  std::string kid;
  std::string alg;
  std::string purpose;          ///< "token" or "audit"
  std::string wrapped_private;  ///< crypto/wrap.h blob
  std::string public_jwk;       ///< JSON
  Instant published;            ///< appears in the JWKS from here
  Instant active_from;          ///< signs from here
  Instant retired_from;         ///< no longer signs
  Instant removed_from;         ///< leaves the JWKS: everything it signed has expired
  bool revoked = false;
};

enum class ChangeKind : std::uint8_t {
  grant_revoked = 1,
  token_revoked,
  client_revoked,
  user_revoked,
  session_ended,
  directory_changed,
  keys_changed,
  user_changed
};
[[nodiscard]] std::string_view name(ChangeKind kind) noexcept;
[[nodiscard]] std::optional<ChangeKind> parse_change_kind(std::string_view text) noexcept;

/// One line of the change feed that nodes, gateways and resource servers follow. Rows may be dropped once `expires`
/// passed.
struct Change {
  std::int64_t seq = 0;  ///< rises without order gaps being guaranteed; given by the store
  Issuer issuer;
  ChangeKind kind = ChangeKind::grant_revoked;
  std::string subject;  ///< grant id, token id, client id or user id
  Instant at;           ///< tokens issued up to here are dead (client, user)
  Instant expires;      ///< when no token that it concerns can be alive any more
};

}  // namespace mitral::model
