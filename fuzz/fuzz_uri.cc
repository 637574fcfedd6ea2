// Uri: parts put together again are the input; what may be registered as redirect URI has none of the dangerous parts;
// two URIs that compare equal differ at most in a loopback port; parameters appended can be read back. The first line
// is one URI, the rest another.
#include <cstdint>
#include <cstdlib>

#include "codec/form.h"
#include "codec/ip.h"
#include "codec/uri.h"

namespace codec = mitral::codec;

namespace {

constexpr codec::RedirectUriRules kAll{
    .allow_private_scheme = true, .allow_loopback_http = true, .allow_localhost_http = true};

void require(bool holds) {
  if (!holds) std::abort();
}

std::string assemble(const codec::Uri& uri) {
  std::string out(uri.scheme);
  out += ':';
  if (uri.has_authority) {
    out += "//";
    if (uri.has_userinfo) out += std::string(uri.userinfo) + "@";
    out += uri.host;
    if (uri.has_port) out += ":" + std::string(uri.port);
  }
  out += uri.path;
  if (uri.has_query) out += "?" + std::string(uri.query);
  if (uri.has_fragment) out += "#" + std::string(uri.fragment);
  return out;
}

void check_redirect(std::string_view text, const codec::Uri& uri) {
  if (!codec::check_redirect_uri(text, kAll)) {
    require(!codec::check_redirect_uri(text, {}));  // fewer permissions never allow more
    return;
  }
  require(text.find_first_of("#*\\ \r\n\t") == std::string_view::npos);
  require(!uri.has_userinfo && !uri.has_fragment);
  require(uri.path.find("/../") == std::string_view::npos && !uri.path.ends_with("/.."));
  require(codec::equal_but_loopback_port(text, text));
}

void check_one(std::string_view text) {
  (void)codec::is_private_host(text);
  (void)codec::is_plain_path(text);
  if (const auto address = codec::parse_ip(text); address && codec::is_public(*address)) {
    require(!codec::is_loopback(*address));
  }
  const auto uri = codec::parse_uri(text);
  if (!uri) {
    require(!codec::check_redirect_uri(text, kAll) && !codec::is_absolute_uri(text));
    return;
  }
  require(assemble(*uri) == text);
  check_redirect(text, *uri);
  if (uri->has_fragment) return;
  const codec::Form added{{"code", "a b&="}, {"state", std::string(text)}};
  const auto extended = codec::with_query(text, added);
  const auto parsed = codec::parse_uri(extended);
  require(parsed && parsed->host == uri->host && parsed->path == uri->path && parsed->query.starts_with(uri->query));
  require(parsed->query.ends_with(added.serialize()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto line = text.find('\n');
  const auto first = text.substr(0, line);
  const auto second = line == std::string_view::npos ? std::string_view{} : text.substr(line + 1);
  check_one(first);
  check_one(second);
  const bool equal = codec::equal_but_loopback_port(first, second);
  require(equal == codec::equal_but_loopback_port(second, first));
  if (equal && first != second) {
    require(first.starts_with("http://127.0.0.1") || first.starts_with("http://[::1]"));
    const auto a = codec::parse_uri(first);
    const auto b = codec::parse_uri(second);
    if (a && b) require(a->host == b->host && a->path == b->path && a->query == b->query && !a->has_userinfo);
  }
  return 0;
}
