// RFC 6749 §4.1.1 with RFC 7636 (PKCE), RFC 8707 (resource), OpenID Connect Core §3.1.2.1 and SMART App Launch 2.2: the
// parameters of an authorization request, read from a form that has passed refuse_duplicates({"resource"}).
//
// Syntax only; what a client may ask for is decided in flow/authorization_request.h. Unknown parameters are ignored
// (RFC 6749 §3.1); parameters that would change the meaning if ignored (request, registration, other code challenge
// methods) are refused.
//
// Limits: kStateMax, kNonceMax, kScopeMax. Errors: the codes of the standards, with literals.
// Thread rules: pure; views into the form.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/form.h"

namespace mitral::spec::oauth {

struct AuthorizationParameters {
  std::string_view response_mode;  ///< empty: default
  std::string_view state;
  std::string_view nonce;
  std::string_view code_challenge;          ///< 43 characters of base64url (S256)
  std::string_view scope;                   ///< as sent
  std::vector<std::string_view> resources;  ///< RFC 8707 `resource`s, then SMART `aud`; no two equal
  std::string_view aud;                     ///< one of them, or empty: came by this name
  bool aud_beside_resource = false;         ///< there are resources, and none is spelled like aud
  std::vector<std::string_view> prompt;
  std::optional<std::int64_t> max_age;
  std::vector<std::string_view> acr_values;
  std::string_view login_hint;
  std::string_view id_token_hint;
  std::string_view launch;
  std::string_view dpop_jkt;
};

[[nodiscard]] Result<AuthorizationParameters> parse_authorization_parameters(const codec::Form& form);

/// `state` as it may be sent back in an error even when other parameters are bad; empty when it is itself bad.
[[nodiscard]] std::string_view state_of(const codec::Form& form) noexcept;

}  // namespace mitral::spec::oauth
