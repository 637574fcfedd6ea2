// Browser: what ties a page to one browser and a form to one page: cookies, CSRF tokens, and where a request came from.
//
//   browser cookie   256 random bits, made when the first interaction begins. An interaction stores its hash, so a URL
//   of a
//                    sign-in under way is worth nothing in another browser (threat BU-3).
//   session cookie   see session.h.
//   CSRF token       HMAC over (browser cookie, session, purpose) with a key of the issuer: no state, and a token of
//                    another browser, session, interaction or purpose is wrong (threats W-6, M-4.4.1.10).
//   origin           Sec-Fetch-Site and Origin, when the browser sends them, must say "same origin". They come on top
//   of
//                    the token: pages are sent with Referrer-Policy: no-referrer, which makes browsers say "Origin:
//                    null".
//
// Cookie names carry __Host- on https; an issuer below a path adds a mark of that path, for cookies know hosts only.
// Limits: those of codec/cookie.h. Errors: none; what does not fit is absent or false.
// Thread rules: pure functions; values.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/random.h"
#include "codec/message.h"
#include "flow/issuer_config.h"

namespace mitral::login {

enum class CookieKind : std::uint8_t { browser, session };

/// Bare name, without prefix.
[[nodiscard]] std::string cookie_base_name(const flow::IssuerRuntime& issuer, CookieKind kind);
/// The value when the cookie is there once and has the form of one that we set.
[[nodiscard]] std::optional<std::string> read_cookie(const flow::IssuerRuntime& issuer, const codec::Request& request,
                                                     CookieKind kind);
/// Adds Set-Cookie: HttpOnly, SameSite=Lax, Path=/, Secure on https; until the browser closes.
void set_cookie(codec::Response& response, const flow::IssuerRuntime& issuer, CookieKind kind, std::string_view value);
void clear_cookie(codec::Response& response, const flow::IssuerRuntime& issuer, CookieKind kind);

/// 43 characters of base64url.
[[nodiscard]] std::string make_cookie_value(Random& random);

/// What a form's token is bound to. `session` is zero before sign-in.
struct CsrfScope {
  std::string_view browser;  ///< value of the browser (or session) cookie
  Hash256 session{};
  std::string_view purpose;  ///< e.g. "consent"
  std::string_view subject;  ///< e.g. the interaction's id
};
[[nodiscard]] std::string csrf_token(const flow::IssuerRuntime& issuer, const CsrfScope& scope);
[[nodiscard]] bool csrf_token_fits(const flow::IssuerRuntime& issuer, const CsrfScope& scope,
                                   std::string_view presented);

/// False when the browser itself says that a page of another origin made this request.
[[nodiscard]] bool from_own_pages(const flow::IssuerRuntime& issuer, const codec::Request& request);
/// False when the request is for a frame, an image, a worker, a script: anything but a page of its own (threat BB-5).
[[nodiscard]] bool is_top_level(const codec::Request& request);

}  // namespace mitral::login
