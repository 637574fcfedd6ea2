#include "spec/oauth/rfc7591_client_metadata.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/text.h"
#include "codec/uri.h"
#include "jose/alg.h"
#include "jose/jwk.h"

namespace mitral::spec::oauth {
namespace {

std::unexpected<Error> bad(std::string_view member, std::string_view why) {
  return fail(ErrorCode::invalid_client_metadata, "the client metadata is not acceptable",
              std::string(member) + ": " + std::string(why));
}

bool has(const std::vector<std::string>& list, std::string_view value) {
  return std::ranges::find(list, value) != list.end();
}

bool is_loopback_http(std::string_view text) {
  const auto url = codec::parse_http_url(text);
  return url && url->scheme == "http" && codec::is_loopback_literal(url->host);
}

Result<void> check_lists(const ClientMetadata& m) {
  for (const auto* list : {&m.grant_types, &m.redirect_uris, &m.scopes, &m.origins, &m.launch_urls}) {
    if (list->size() > limits::kRegistrationListMax) return bad("metadata", "a list is too long");
    for (auto at = list->begin(); at != list->end(); ++at) {
      if (std::find(std::next(at), list->end(), *at) != list->end())
        return bad("metadata", "a list holds a value twice");
    }
  }
  return {};
}

// RFC 7591 §2: grant types and redirect URIs belong together; a refresh token comes from a code only.
Result<void> check_grants(const ClientMetadata& m) {
  if (m.grant_types.empty()) return bad("grant_types", "at least one is needed");
  for (const auto& grant : m.grant_types) {
    if (grant != "authorization_code" && grant != "refresh_token" && grant != "client_credentials") {
      return bad("grant_types", "authorization_code, refresh_token and client_credentials are supported");
    }
  }
  const bool code = has(m.grant_types, "authorization_code");
  if (has(m.grant_types, "refresh_token") && !code)
    return bad("grant_types", "refresh_token needs authorization_code beside it");
  if (code && m.redirect_uris.empty())
    return fail(ErrorCode::invalid_redirect_uri, "redirect_uris is missing",
                "redirect_uris: authorization_code needs at least one");
  if (!code && !m.redirect_uris.empty()) return bad("redirect_uris", "are of use with authorization_code only");
  if (has(m.grant_types, "client_credentials") && m.token_endpoint_auth_method == "none") {
    return bad("grant_types", "client_credentials needs a client that can authenticate");
  }
  return {};
}

Result<void> check_redirects(const ClientMetadata& m) {
  for (const auto& uri : m.redirect_uris) {
    if (uri.size() > limits::kRedirectUriMax)
      return fail(ErrorCode::invalid_redirect_uri, "a redirect URI is too long", "redirect_uris: over the limit");
    if (auto ok = codec::check_redirect_uri(uri, {.allow_private_scheme = m.native, .allow_loopback_http = m.native});
        !ok) {
      return std::unexpected(std::move(ok).error());
    }
    // RFC 8252 §8.5: an app that many people install keeps no secret (threat M-4.1.1). Loopback stays: a developer's
    // machine.
    const bool shared_secret =
        m.token_endpoint_auth_method == "client_secret_basic" || m.token_endpoint_auth_method == "client_secret_post";
    if (shared_secret && !uri.starts_with("https:") && !uri.starts_with("http:")) {
      return bad("token_endpoint_auth_method",
                 "an app with a scheme of its own is installed on devices and keeps no secret: use none");
    }
  }
  return {};
}

Result<void> check_keys(const ClientMetadata& m) {
  const bool assertions = m.token_endpoint_auth_method == "private_key_jwt";
  if (!m.jwks.empty() && !m.jwks_uri.empty()) return bad("jwks", "jwks and jwks_uri exclude each other");
  if (assertions && m.jwks.empty() && m.jwks_uri.empty()) return bad("jwks", "private_key_jwt needs jwks or jwks_uri");
  if (!assertions && !m.token_endpoint_auth_signing_alg.empty())
    return bad("token_endpoint_auth_signing_alg", "is for private_key_jwt only");
  if (!m.token_endpoint_auth_signing_alg.empty() && !jose::parse_sign_alg(m.token_endpoint_auth_signing_alg)) {
    return bad("token_endpoint_auth_signing_alg", "is not a supported asymmetric algorithm");
  }
  if (!m.jwks.empty()) {
    // Private members, weak keys and repeated kids are refused by the parser (J-8, J-9).
    const auto keys = jose::JwkSet::parse(m.jwks);
    if (!keys) return bad("jwks", "is not a set of acceptable public keys: " + keys.error().detail);
    if (keys->empty()) return bad("jwks", "holds no key");
    if (!std::ranges::all_of(keys->keys(), [](const jose::Jwk& key) { return !key.kid().empty(); }))
      return bad("jwks", "each key needs a kid");
  }
  // Loopback is for the demo and tests; the fetcher refuses it unless the operator allowed that.
  if (!m.jwks_uri.empty() && !codec::is_https_url(m.jwks_uri) && !is_loopback_http(m.jwks_uri))
    return bad("jwks_uri", "must be https");
  return {};
}

Result<void> check_scopes(const ClientMetadata& m) {
  const bool code = has(m.grant_types, "authorization_code");
  const bool backend = has(m.grant_types, "client_credentials");
  std::size_t bytes = 0;
  for (const auto& scope : m.scopes) {
    bytes += scope.size() + 1;
    if (!codec::is_scope_token(scope)) return bad("scope", "has a character outside RFC 6749 §3.3");
    if (scope.starts_with("system/") && !backend) return bad("scope", "system scopes need client_credentials");
    const bool personal = scope.starts_with("patient/") || scope.starts_with("user/") || scope == "openid" ||
                          scope == "offline_access" || scope == "launch" || scope.starts_with("launch/");
    if (personal && !code) return bad("scope", "scopes about a person need authorization_code");
  }
  if (bytes > limits::kScopeMax) return bad("scope", "is too long");
  return {};
}

Result<void> check_links(const ClientMetadata& m) {
  for (const auto& [member, uri] : {std::pair<std::string_view, const std::string&>{"client_uri", m.client_uri},
                                    {"policy_uri", m.policy_uri},
                                    {"tos_uri", m.tos_uri},
                                    {"logo_uri", m.logo_uri}}) {
    if (!uri.empty() && !codec::is_https_url(uri)) return bad(member, "must be https");
    if (uri.size() > limits::kRedirectUriMax) return bad(member, "is too long");
  }
  for (const auto& uri : m.launch_urls) {
    if (!codec::is_https_url(uri) && !is_loopback_http(uri)) return bad("launch_urls", "must be https");
  }
  for (const auto& origin : m.origins) {
    if (!is_web_origin(origin)) return bad("origins", "must be like https://app.example, without a path");
  }
  return {};
}

}  // namespace

bool is_web_origin(std::string_view text) {
  // Origins are compared whole; one that looks like a pattern would only mislead who wrote it.
  if (text.find('*') != std::string_view::npos) return false;
  return codec::origin_of(text) == text && (codec::is_https_url(text) || is_loopback_http(text));
}

Result<void> check_client_metadata(const ClientMetadata& m) {
  // W-5: no control, bidi or invisible characters in a name that a consent page will show.
  if (!codec::display_name_safe(m.client_name, limits::kClientNameMax))
    return bad("client_name", "is empty, too long or has invisible characters");
  const auto& method = m.token_endpoint_auth_method;
  if (method != "none" && method != "client_secret_basic" && method != "client_secret_post" &&
      method != "private_key_jwt") {
    return bad("token_endpoint_auth_method",
               "none, client_secret_basic, client_secret_post and private_key_jwt are supported");
  }
  MITRAL_CHECK(check_lists(m));
  MITRAL_CHECK(check_grants(m));
  MITRAL_CHECK(check_redirects(m));
  MITRAL_CHECK(check_keys(m));
  MITRAL_CHECK(check_scopes(m));
  return check_links(m);
}

}  // namespace mitral::spec::oauth
