#include "codec/text.h"
#include "codec/uri.h"
#include "net/client.h"
#include "net/http_chars.h"

namespace mitral::net {

std::string Url::authority() const {
  std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != (tls ? 443 : 80)) out += ":" + std::to_string(port);
  return out;
}

Result<Url> parse_url(std::string_view text) {
  const auto refused = [](const char* why) {
    return fail(ErrorCode::malformed, {}, std::string("URL refused: ") + why);
  };
  if (text.size() > limits::kUrlMax) return fail(ErrorCode::too_large, {}, "URL too long");
  const auto uri = codec::parse_http_url(text);
  if (!uri) return refused("no http or https URL");
  if (uri->has_userinfo) return refused("user information");
  if (uri->has_fragment) return refused("fragment");
  // The connection, the Host header and the certificate check all have to mean the same host.
  const auto authority = chars::parse_authority(uri->authority);
  if (!authority) return refused("host");
  if (codec::is_obscured_ipv4(authority->host)) return refused("numeric host");
  if (authority->ipv6 && !codec::parse_ip(authority->host)) return refused("IPv6 literal");
  Url url;
  url.tls = codec::iequals(uri->scheme, "https");
  url.host = codec::to_lower(authority->host);
  url.port = codec::effective_port(*uri);
  if (url.port == 0) return refused("port");
  url.target = uri->path.empty() ? "/" : std::string(uri->path);
  if (uri->has_query) (url.target += '?') += uri->query;
  if (!chars::is_target(url.target)) return refused("target");
  return url;
}

}  // namespace mitral::net
