#include "login/browser.h"

#include <algorithm>

#include "base/secret.h"
#include "codec/base64url.h"
#include "codec/cookie.h"
#include "codec/text.h"
#include "codec/uri.h"
#include "crypto/hash.h"
#include "crypto/random.h"

namespace mitral::login {
namespace {

constexpr std::size_t kValueSize = 43;  // base64url of 32 bytes

bool has_our_form(std::string_view value) noexcept {
  return value.size() == kValueSize && std::ranges::all_of(value, [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

// Every part is preceded by its length: no two different scopes give the same text.
void append_part(std::string& out, std::string_view part) {
  out.append(std::to_string(part.size())).append(1, ':').append(part);
}

}  // namespace

std::string cookie_base_name(const flow::IssuerRuntime& issuer, CookieKind kind) {
  std::string name = kind == CookieKind::browser ? "mitral_browser" : "mitral_session";
  if (!issuer.base_path().empty()) {
    const Hash256 mark = crypto::sha256(issuer.base_path());
    name.append(1, '_').append(codec::to_hex(as_view(mark).substr(0, 4)));
  }
  return name;
}

std::optional<std::string> read_cookie(const flow::IssuerRuntime& issuer, const codec::Request& request,
                                       CookieKind kind) {
  const auto cookies = codec::Cookies::parse(request.headers);
  const auto value = cookies.get(codec::cookie_name(cookie_base_name(issuer, kind), issuer.is_https()));
  if (!value || !has_our_form(*value)) return std::nullopt;
  return std::string(*value);
}

void set_cookie(codec::Response& response, const flow::IssuerRuntime& issuer, CookieKind kind, std::string_view value) {
  const auto name = cookie_base_name(issuer, kind);
  response.headers.add("Set-Cookie", codec::render({.name = name,
                                                    .value = value,
                                                    .max_age = std::nullopt,
                                                    .same_site = codec::SameSite::lax,
                                                    .secure = issuer.is_https(),
                                                    .http_only = true}));
}

void clear_cookie(codec::Response& response, const flow::IssuerRuntime& issuer, CookieKind kind) {
  const auto name = cookie_base_name(issuer, kind);
  response.headers.add("Set-Cookie", codec::render({.name = name,
                                                    .value = "",
                                                    .max_age = std::chrono::seconds(0),
                                                    .same_site = codec::SameSite::lax,
                                                    .secure = issuer.is_https(),
                                                    .http_only = true}));
}

std::string make_cookie_value(Random& random) { return codec::base64url_encode(crypto::random_bytes(random, 32)); }

std::string csrf_token(const flow::IssuerRuntime& issuer, const CsrfScope& scope) {
  std::string text;
  append_part(text, scope.browser);
  append_part(text, as_view(scope.session));
  append_part(text, scope.purpose);
  append_part(text, scope.subject);
  const Secret key = issuer.derive("csrf");
  return codec::base64url_encode(as_view(crypto::hmac_sha256(key.reveal(), text)));
}

bool csrf_token_fits(const flow::IssuerRuntime& issuer, const CsrfScope& scope, std::string_view presented) {
  return !scope.browser.empty() && constant_time_equal(csrf_token(issuer, scope), presented);
}

bool from_own_pages(const flow::IssuerRuntime& issuer, const codec::Request& request) {
  const auto& headers = request.headers;
  if (headers.count("Origin") > 1 || headers.count("Sec-Fetch-Site") > 1) return false;
  const auto site = headers.get("Sec-Fetch-Site");
  // "none": the person herself (reload, address bar). "same-site" is a sibling domain: not ours.
  if (site && *site != "same-origin" && *site != "none") return false;
  const auto origin = headers.get("Origin");
  if (!origin) return true;
  if (*origin == "null") return true;  // no-referrer pages; Sec-Fetch-Site above and the token decide
  if (*origin == codec::origin_of(issuer.text())) return true;
  const auto scheme_end = origin->find("://");
  return scheme_end != std::string_view::npos &&
         origin->substr(0, scheme_end) == (issuer.is_https() ? "https" : "http") &&
         issuer.accepts_host(origin->substr(scheme_end + 3));
}

bool is_top_level(const codec::Request& request) {
  if (request.headers.count("Sec-Fetch-Dest") > 1) return false;
  const auto destination = request.headers.get("Sec-Fetch-Dest");
  return !destination || *destination == "document";
}

}  // namespace mitral::login
