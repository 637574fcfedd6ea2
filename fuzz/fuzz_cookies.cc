// Cookies and the other header fields: what is read holds only allowed characters and what is written can't split a
// header; a base64 text that decodes is the only text of its bytes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "codec/base64url.h"
#include "codec/cookie.h"
#include "codec/fields.h"

namespace codec = mitral::codec;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_cookies(std::string_view text) {
  const auto cookies = codec::Cookies::parse(text);
  for (const auto& [name, value] : cookies.list()) {
    const auto line = codec::render({.name = name, .value = value, .secure = false});
    require(!line.empty() && codec::is_safe_header_value(line));
    const auto back = codec::Cookies::parse(line.substr(0, line.find(';')));
    // A value that is itself in quotes loses them once more; every other comes back.
    if (value.size() < 2 || value.front() != '"') require(back.get(name) == value);
    require(cookies.get(name).has_value() == (cookies.count(name) == 1));
  }
  codec::Headers headers;
  headers.add("Cookie", text);
  require(codec::Cookies::parse(headers).list() == cookies.list());
  const auto set = codec::render({.name = "s", .value = text});
  require(codec::is_safe_header_value(set) && (set.empty() || std::ranges::count(set, ';') == 4));
}

void check_fields(std::string_view text) {
  require(codec::is_safe_header_value(codec::Challenge("Bearer").param("scope", text).text()));
  if (const auto authorization = codec::parse_authorization(text)) {
    if (authorization->scheme != codec::AuthScheme::other) require(codec::is_token68(authorization->credentials));
  }
  (void)codec::parse_basic(text);
  if (const auto type = codec::parse_media_type(text)) {
    require(type->type.find('/') != std::string::npos);
    require(codec::accept_weight(type->type, type->type) == 1000);
  }
  const int weight = codec::accept_weight(text, "application/json");
  require(weight >= 0 && weight <= 1000);
  if (codec::accepts_explicitly(text, "application/json")) require(weight > 0);
  if (const auto bytes = codec::base64url_decode(text)) require(codec::base64url_encode(*bytes) == text);
  if (const auto bytes = codec::base64_decode(text)) require(codec::base64_encode(*bytes) == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_cookies(text);
  check_fields(text);
  return 0;
}
