#include "web/security_headers.h"

#include "base/bytes.h"
#include "codec/base64url.h"
#include "codec/uri.h"
#include "crypto/hash.h"
#include "flow/responses.h"

namespace mitral::web {

std::string csp_source(std::string_view uri) {
  const auto parts = codec::parse_uri(uri);
  if (!parts) return {};
  auto origin = codec::origin_of(uri);
  // The grammar of CSP has no IPv6 literals: the scheme has to do.
  if (!origin.empty() && origin.find('[') == std::string::npos) return origin;
  return std::string(parts->scheme).append(1, ':');
}

std::string content_security_policy(const PagePolicy& policy) {
  std::string out = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action";
  const std::string source = policy.leads_to.empty() ? std::string() : csp_source(policy.leads_to);
  if (policy.own_forms) out.append(" 'self'");
  if (!source.empty()) out.append(1, ' ').append(source);
  if (!policy.own_forms && source.empty()) out.append(" 'none'");
  if (!policy.script.empty()) {
    const Hash256 hash = crypto::sha256(policy.script);
    out.append("; script-src 'sha256-").append(codec::base64_encode(as_view(hash))).append("'");
  }
  return out;
}

void add_page_headers(codec::Response& response, const flow::IssuerRuntime& issuer, const PagePolicy& policy) {
  auto& headers = response.headers;
  headers.set("Content-Security-Policy", content_security_policy(policy));
  headers.set("X-Frame-Options", "DENY");
  headers.set("Referrer-Policy", "no-referrer");
  headers.set("Cache-Control", "no-store");
  headers.set("Pragma", "no-cache");
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  headers.set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()");
  flow::add_common_headers(response, issuer);
}

void add_redirect_headers(codec::Response& response) {
  response.headers.set("Referrer-Policy", "no-referrer");
  response.headers.set("X-Content-Type-Options", "nosniff");
  response.headers.set("Cache-Control", "no-store");
  response.headers.set("Pragma", "no-cache");
}

}  // namespace mitral::web
