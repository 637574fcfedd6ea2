// Uri: absolute URIs (RFC 3986) taken apart and compared, never normalised.
//
// Comparison is byte by byte wherever security depends on it (redirect_uri, issuer, resource): what a lenient library
// would call equal is how codes get stolen (threats B-4.1, W-11 and the redirect corpus of section 9.1). The one
// exception is the port of a loopback redirect (RFC 8252 §7.3).
//
// Errors: nullopt or false for anything outside the grammar; check_redirect_uri() and its like return a reason.
// Thread rules: pure functions. Uri holds views into the text that was parsed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/form.h"

namespace mitral::codec {

/// Parts of a URI as they were written. has_* tell "empty" from "absent".
struct Uri {
  std::string_view scheme;
  std::string_view authority;  ///< [userinfo@]host[:port]
  std::string_view userinfo;
  std::string_view host;  ///< with brackets for IPv6: "[::1]"
  std::string_view port;  ///< digits only
  std::string_view path;
  std::string_view query;     ///< without '?'
  std::string_view fragment;  ///< without '#'
  bool has_authority = false;
  bool has_userinfo = false;
  bool has_port = false;
  bool has_query = false;
  bool has_fragment = false;
};

/// By the generic syntax of RFC 3986 with a scheme: ASCII only, valid escapes, IP literals that parse, port up to
/// 65535.
[[nodiscard]] std::optional<Uri> parse_uri(std::string_view text) noexcept;
/// parse_uri() for http and https (any case) with a host.
[[nodiscard]] std::optional<Uri> parse_http_url(std::string_view text) noexcept;
[[nodiscard]] bool is_https_url(std::string_view text) noexcept;

/// RFC 3986 §4.3 absolute-URI: a scheme and no fragment. What RFC 8707 §2 asks of a resource indicator.
[[nodiscard]] bool is_absolute_uri(std::string_view text) noexcept;

/// Port written, or 443 / 80 by the scheme. Only for http(s).
[[nodiscard]] std::uint16_t effective_port(const Uri& url) noexcept;

/// "127.0.0.1" or "[::1]" and nothing else, in particular not "localhost" (RFC 8252 §8.3).
[[nodiscard]] bool is_loopback_literal(std::string_view host) noexcept;
/// A host that a browser or resolver may read as an IPv4 number though it is no dotted quad: "2130706433", "0x7f.1",
/// "127.1".
[[nodiscard]] bool is_obscured_ipv4(std::string_view host) noexcept;
/// An IP literal that is not of the public internet, an obscured one, or localhost and its kin.
[[nodiscard]] bool is_private_host(std::string_view host) noexcept;

/// No dot segment, empty segment, backslash, path parameter on a dot segment ("..;"), control character, query or
/// fragment mark, and none of it behind one or two rounds of percent-encoding. For paths that two parsers must read
/// alike (threat W-18).
[[nodiscard]] bool is_plain_path(std::string_view path);

struct RedirectUriRules {
  bool allow_private_scheme = false;  ///< native apps: com.example.app:/cb (RFC 8252 §7.1); the scheme must hold a dot
  bool allow_loopback_http = false;   ///< native apps: http://127.0.0.1/cb, http://[::1]/cb (RFC 8252 §7.3)
  bool allow_localhost_http = false;  ///< development only: http://localhost/cb
};

/// What a client may register as redirect URI: https, or by the rules a private scheme or loopback http; no fragment,
/// not even an empty one; no userinfo, '*', dot segments, encoded traversal, control, space, backslash; no private IP
/// literal. Error: invalid_redirect_uri.
[[nodiscard]] Result<void> check_redirect_uri(std::string_view text, const RedirectUriRules& rules);

/// The presented redirect URI is the registered one: byte for byte, or both are http on the same loopback literal and
/// differ in nothing but the port (RFC 8252 §7.3). Both sides must be as check_redirect_uri() likes them.
[[nodiscard]] bool equal_but_loopback_port(std::string_view registered, std::string_view presented) noexcept;

/// The URI with the parameters appended to its query, before a fragment if it has one (RFC 6749 §3.1.2 keeps an
/// existing query).
[[nodiscard]] std::string with_query(std::string_view uri, const Form& parameters);
/// The URI with the parameters as its fragment; one that it had is replaced.
[[nodiscard]] std::string with_fragment(std::string_view uri, const Form& parameters);
/// Exactly one slash between both: "https://as.example/t/" and "/token" give "https://as.example/t/token".
[[nodiscard]] std::string join_path(std::string_view base, std::string_view path);
/// "https://host:port" as a browser serialises it (RFC 6454 §6.2): lower case, default port left out. Empty if not
/// http(s).
[[nodiscard]] std::string origin_of(std::string_view url);

}  // namespace mitral::codec
