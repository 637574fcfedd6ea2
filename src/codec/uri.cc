#include "codec/uri.h"

#include <algorithm>

#include "codec/ip.h"
#include "codec/message.h"
#include "codec/text.h"

namespace mitral::codec {
namespace {

constexpr bool is_alpha(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_hex(char c) noexcept { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
constexpr bool is_unreserved(char c) noexcept {
  return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}
constexpr bool is_sub_delim(char c) noexcept {
  return std::string_view("!$&'()*+,;=").find(c) != std::string_view::npos;
}

// Only unreserved, sub-delims, the extra characters and well-formed escapes (RFC 3986 §2).
bool is_made_of(std::string_view text, std::string_view extra) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (text.size() - i < 3 || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return false;
      i += 2;
    } else if (!is_unreserved(c) && !is_sub_delim(c) && extra.find(c) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

bool is_scheme(std::string_view text) noexcept {
  return !text.empty() && is_alpha(text.front()) && std::ranges::all_of(text, [](char c) {
    return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  });
}

bool parse_authority(Uri& uri) noexcept {
  std::string_view rest = uri.authority;
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    uri.has_userinfo = true;
    uri.userinfo = rest.substr(0, at);
    rest.remove_prefix(at + 1);  // a second '@' is no host character and fails below
  }
  std::size_t host_end = 0;
  if (rest.starts_with('[')) {
    host_end = rest.find(']');
    if (host_end == std::string_view::npos) return false;
    ++host_end;
    const auto address = parse_ip(rest.substr(1, host_end - 2));
    if (!address || !address->v6) return false;
    uri.host = rest.substr(0, host_end);
  } else {
    host_end = std::min(rest.find(':'), rest.size());
    uri.host = rest.substr(0, host_end);
    if (!is_made_of(uri.host, "")) return false;
  }
  rest.remove_prefix(host_end);
  if (!rest.empty()) {
    if (rest.front() != ':') return false;
    uri.has_port = true;
    uri.port = rest.substr(1);
    const auto number = parse_uint(uri.port);
    if (!uri.port.empty() && (!number || *number > 65535)) return false;
  }
  return is_made_of(uri.userinfo, ":");
}

bool is_http_scheme(std::string_view scheme) noexcept { return iequals(scheme, "http") || iequals(scheme, "https"); }

// One round of percent-decoding; a broken escape stays as it is.
std::string unescape_once(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && text.size() - i >= 3 && is_hex(text[i + 1]) && is_hex(text[i + 2])) {
      out += *from_hex(text.substr(i + 1, 2));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

bool has_plain_segments(std::string_view path) {
  if (path.empty()) return true;
  for (char c : path) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\' || c == '?' || c == '#') return false;
  }
  auto segments = split(path, '/');
  if (segments.front().empty()) segments.erase(segments.begin());
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto name = segments[i].substr(0, segments[i].find(';'));
    if (name == "." || name == "..") return false;
    // "/" at the very end is fine; "//" is not, and ";x" alone is a segment without a name.
    if (name.empty() && (i + 1 != segments.size() || !segments[i].empty())) return false;
  }
  return true;
}

std::unexpected<Error> bad_redirect(ClientText reason) {
  return fail(ErrorCode::invalid_redirect_uri, reason, std::string(reason.view()));
}

Result<void> check_http_redirect(const Uri& uri, const RedirectUriRules& rules) {
  if (uri.host.empty()) return bad_redirect("redirect URI has no host");
  if (uri.host.find('%') != std::string_view::npos) return bad_redirect("redirect URI host has an escape");
  if (uri.has_port && uri.port.empty()) return bad_redirect("redirect URI has an empty port");
  // The scheme list ignores case, what follows compares exactly: "HTTP://127.0.0.1" would never match a presented URI.
  if (iequals(uri.scheme, "http")) {
    if (rules.allow_loopback_http && is_loopback_literal(uri.host)) return {};
    if (rules.allow_localhost_http && iequals(uri.host, "localhost")) return {};
    return bad_redirect("redirect URI must use https");
  }
  if (is_private_host(uri.host)) return bad_redirect("redirect URI host is not public");
  return {};
}

// "http://127.0.0.1" or "http://[::1]", then the port, then everything else.
struct LoopbackParts {
  std::string_view origin;
  std::string_view rest;
};
std::optional<LoopbackParts> split_loopback(std::string_view text) noexcept {
  for (std::string_view origin : {"http://127.0.0.1", "http://[::1]"}) {
    if (!text.starts_with(origin)) continue;
    auto rest = text.substr(origin.size());
    if (rest.starts_with(':')) {
      const auto end = std::min(rest.find_first_not_of("0123456789", 1), rest.size());
      const auto port = parse_uint(rest.substr(1, end - 1));
      if (!port || *port == 0 || *port > 65535) return std::nullopt;
      rest.remove_prefix(end);
    }
    // Whatever goes on the authority ("@evil", ".evil") is no loopback literal.
    if (!rest.empty() && rest.front() != '/' && rest.front() != '?') return std::nullopt;
    return LoopbackParts{origin, rest};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Uri> parse_uri(std::string_view text) noexcept {
  Uri uri;
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || !is_scheme(text.substr(0, colon))) return std::nullopt;
  uri.scheme = text.substr(0, colon);
  std::string_view rest = text.substr(colon + 1);
  if (const auto hash = rest.find('#'); hash != std::string_view::npos) {
    uri.has_fragment = true;
    uri.fragment = rest.substr(hash + 1);
    rest = rest.substr(0, hash);
  }
  if (const auto mark = rest.find('?'); mark != std::string_view::npos) {
    uri.has_query = true;
    uri.query = rest.substr(mark + 1);
    rest = rest.substr(0, mark);
  }
  if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    const auto slash = std::min(rest.find('/'), rest.size());
    uri.has_authority = true;
    uri.authority = rest.substr(0, slash);
    rest.remove_prefix(slash);
    if (!parse_authority(uri)) return std::nullopt;
  }
  uri.path = rest;
  if (!is_made_of(uri.path, ":@/") || !is_made_of(uri.query, ":@/?") || !is_made_of(uri.fragment, ":@/?")) {
    return std::nullopt;
  }
  return uri;
}

std::optional<Uri> parse_http_url(std::string_view text) noexcept {
  auto uri = parse_uri(text);
  if (!uri || !is_http_scheme(uri->scheme) || uri->host.empty()) return std::nullopt;
  return uri;
}

bool is_https_url(std::string_view text) noexcept {
  const auto uri = parse_http_url(text);
  return uri && iequals(uri->scheme, "https");
}

bool is_absolute_uri(std::string_view text) noexcept {
  const auto uri = parse_uri(text);
  return uri && !uri->has_fragment;
}

std::uint16_t effective_port(const Uri& url) noexcept {
  if (!url.port.empty()) return static_cast<std::uint16_t>(parse_uint(url.port).value_or(0));
  return iequals(url.scheme, "https") ? 443 : 80;
}

bool is_loopback_literal(std::string_view host) noexcept { return host == "127.0.0.1" || host == "[::1]"; }

bool is_obscured_ipv4(std::string_view host) noexcept {
  if (host.ends_with('.')) host.remove_suffix(1);
  const auto dot = host.rfind('.');
  const auto last = dot == std::string_view::npos ? host : host.substr(dot + 1);
  const bool decimal = !last.empty() && std::ranges::all_of(last, is_digit);
  const bool hexadecimal = last.size() >= 2 && last[0] == '0' && (last[1] == 'x' || last[1] == 'X') &&
                           std::ranges::all_of(last.substr(2), is_hex);
  return (decimal || hexadecimal) && !parse_ip(host);
}

bool is_private_host(std::string_view host) noexcept {
  if (host.starts_with('[') && host.ends_with(']')) {
    const auto address = parse_ip(host.substr(1, host.size() - 2));
    return !address || !is_public(*address);
  }
  if (host.ends_with('.')) host.remove_suffix(1);
  if (is_obscured_ipv4(host)) return true;
  if (const auto address = parse_ip(host)) return !is_public(*address);
  static constexpr std::string_view kLocal = ".localhost";
  return host.empty() || iequals(host, "localhost") ||
         (host.size() > kLocal.size() && iequals(host.substr(host.size() - kLocal.size()), kLocal));
}

bool is_plain_path(std::string_view path) {
  if (!has_plain_segments(path)) return false;
  const std::string once = unescape_once(path);
  // An escaped slash changes the segments for whoever decodes first, an escaped semicolon their parameters.
  if (std::ranges::count(once, '/') != std::ranges::count(path, '/') || !has_plain_segments(once)) return false;
  const std::string twice = unescape_once(once);
  return std::ranges::count(twice, '/') == std::ranges::count(path, '/') && has_plain_segments(twice);
}

Result<void> check_redirect_uri(std::string_view text, const RedirectUriRules& rules) {
  if (text.size() > limits::kRedirectUriMax) return bad_redirect("redirect URI is too long");
  if (text.find('*') != std::string_view::npos) return bad_redirect("redirect URI has a wildcard");
  const auto uri = parse_uri(text);  // leaves out controls, spaces, backslashes, quotes and non-ASCII
  if (!uri) return bad_redirect("redirect URI is not an absolute URI");
  if (uri->has_fragment) return bad_redirect("redirect URI has a fragment");
  if (uri->has_userinfo) return bad_redirect("redirect URI has user information");
  if (!is_plain_path(uri->path)) return bad_redirect("redirect URI path has dot segments or escaped delimiters");
  if (is_http_scheme(uri->scheme)) return check_http_redirect(*uri, rules);
  // A private-use scheme is a reversed domain name, so it holds a dot; "javascript", "data", "file" and the like do not
  // (RFC 8252 §7.1, §8.4).
  if (!rules.allow_private_scheme || uri->scheme.find('.') == std::string_view::npos) {
    return bad_redirect("redirect URI scheme is not allowed");
  }
  return {};
}

bool equal_but_loopback_port(std::string_view registered, std::string_view presented) noexcept {
  if (registered == presented) return true;
  const auto left = split_loopback(registered);
  const auto right = split_loopback(presented);
  return left && right && left->origin == right->origin && left->rest == right->rest;
}

std::string with_query(std::string_view uri, const Form& parameters) {
  const auto hash = std::min(uri.find('#'), uri.size());
  std::string out(uri.substr(0, hash));
  if (!parameters.empty()) {
    const auto mark = out.find('?');
    if (mark == std::string::npos) {
      out.push_back('?');
    } else if (mark + 1 != out.size() && !out.ends_with('&')) {
      out.push_back('&');
    }
    out += parameters.serialize();
  }
  out += uri.substr(hash);
  return out;
}

std::string with_fragment(std::string_view uri, const Form& parameters) {
  std::string out(uri.substr(0, uri.find('#')));
  out.push_back('#');
  out += parameters.serialize();
  return out;
}

std::string join_path(std::string_view base, std::string_view path) {
  while (base.ends_with('/')) base.remove_suffix(1);
  while (path.starts_with('/')) path.remove_prefix(1);
  std::string out(base);
  out.push_back('/');
  out += path;
  return out;
}

std::string origin_of(std::string_view url) {
  const auto uri = parse_http_url(url);
  if (!uri) return {};
  std::string out = to_lower(uri->scheme) + "://" + to_lower(uri->host);
  const auto port = effective_port(*uri);
  if (port != (iequals(uri->scheme, "https") ? 443 : 80)) out += ":" + std::to_string(port);
  return out;
}

}  // namespace mitral::codec
