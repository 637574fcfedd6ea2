// Cookie: the Cookie request header read with suspicion, and Set-Cookie written with every flag (RFC 6265; threats W-7
// to W-9, W-21).
//
// A pair that is not a token name and cookie octets is dropped: other software of the same site may have set it. A name
// that occurs twice is a sign of cookie tossing (a sibling domain sets its own): get() then gives nothing at all.
//
// Limits: kCookieBytesMax over all Cookie headers, kCookiesMax pairs; above them there are no cookies (fail closed).
// Thread rules: values. Cookies owns its text.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/message.h"

namespace mitral::codec {

class Cookies {
 public:
  /// All Cookie headers of the request (HTTP/2 may split them, RFC 9113 §8.2.3).
  [[nodiscard]] static Cookies parse(const Headers& headers);
  [[nodiscard]] static Cookies parse(std::string_view header_value);

  /// The value of the one cookie of this name; nullopt when it is missing or occurs more than once.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept;
  /// The first value, whether or not others follow. Not for anything that security depends on.
  [[nodiscard]] std::optional<std::string_view> first(std::string_view name) const noexcept;
  [[nodiscard]] std::size_t count(std::string_view name) const noexcept;
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& list() const noexcept { return list_; }

 private:
  void add_header(std::string_view value);
  std::vector<std::pair<std::string, std::string>> list_;
};

enum class SameSite : std::uint8_t { strict, lax, none };

struct SetCookie {
  std::string_view name;                                       ///< without prefix
  std::string_view value;                                      ///< cookie octets only (base64url fits)
  std::optional<std::chrono::seconds> max_age = std::nullopt;  ///< none: until the browser closes; zero: delete
  SameSite same_site = SameSite::lax;
  bool secure = true;  ///< false only for plain HTTP on loopback: no __Host- prefix then
  bool http_only = true;
};

/// The name on the wire: "__Host-" and the name when secure (RFC 6265bis §4.1.3.2), else the bare name.
[[nodiscard]] std::string cookie_name(std::string_view name, bool secure);

/// Value for a Set-Cookie header, always with Path=/ and never with Domain. Empty when the name or value has a
/// character that does not belong there; a caller that only stores base64url never sees that.
[[nodiscard]] std::string render(const SetCookie& cookie);

}  // namespace mitral::codec
