// Security headers: what every page carries, so that it can't be framed, scripted, cached or made to leak (threats
// M-4.4.1.9, B-4.2, W-4, W-10, BB-5).
//
//   Content-Security-Policy   default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none';
//                             form-action 'self' and, where a form's answer may lead to it, the client's origin:
//                             Chromium applies form-action to the redirects that follow a form (issue w3c/webappsec-csp
//                             8)
//   X-Frame-Options DENY, Referrer-Policy no-referrer, X-Content-Type-Options nosniff, Cache-Control no-store,
//   Cross-Origin-Opener-Policy and -Resource-Policy same-origin, Permissions-Policy without anything, HSTS on https.
//
// Thread rules: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "codec/message.h"
#include "flow/issuer_config.h"

namespace mitral::web {

struct PagePolicy {
  bool own_forms = false;          ///< the page has forms that post to us
  std::string_view leads_to = {};  ///< a proven redirect_uri that the browser may be sent to after the form; or empty
  std::string_view script = {};    ///< the page's one inline script, allowed by its hash; or empty
};

/// The source expression that lets a form lead to this URI: origin for http(s), scheme for others. Empty if it has
/// none.
[[nodiscard]] std::string csp_source(std::string_view uri);
[[nodiscard]] std::string content_security_policy(const PagePolicy& policy);
/// Sets every header named above.
void add_page_headers(codec::Response& response, const flow::IssuerRuntime& issuer, const PagePolicy& policy);
/// For redirects: no caching, no referrer; nothing to frame.
void add_redirect_headers(codec::Response& response);

}  // namespace mitral::web
