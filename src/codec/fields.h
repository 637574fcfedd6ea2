// Fields: the HTTP header fields of this trade (RFC 9110, RFC 6750, RFC 9449, RFC 7617), read strictly and written
// safely.
//
// Errors: malformed for what does not parse; challenges drop characters that may not stand in a quoted-string, so that
// no header can be split (threat W-12). Thread rules: pure functions and values.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "codec/message.h"

namespace mitral::codec {

/// RFC 9110 §5.6.2 token.
[[nodiscard]] bool is_token(std::string_view text) noexcept;
/// RFC 9110 §11.2 token68, as Bearer and DPoP carry.
[[nodiscard]] bool is_token68(std::string_view text) noexcept;
/// May be sent as a header value: visible ASCII and inner spaces only. No CR, LF, NUL, tab or byte above 0x7e (threat
/// W-12).
[[nodiscard]] bool is_safe_header_value(std::string_view value) noexcept;

enum class AuthScheme : std::uint8_t { basic, bearer, dpop, other };

struct Authorization {
  AuthScheme scheme = AuthScheme::other;
  std::string_view credentials;  ///< token68 for basic, bearer and dpop. Views into the header.
};

/// One Authorization value: a scheme in any case, spaces, and for the three known schemes exactly one token68 (no list,
/// no comma).
[[nodiscard]] Result<Authorization> parse_authorization(std::string_view value);
/// The request's Authorization header: nullopt when there is none, an error when there are two.
[[nodiscard]] Result<std::optional<Authorization>> authorization_of(const Headers& headers);

struct BasicCredentials {
  std::string id;
  Secret secret;
};
/// client_secret_basic (RFC 6749 §2.3.1): strict base64, split at the first colon, both halves form-urldecoded. No
/// control characters.
[[nodiscard]] Result<BasicCredentials> parse_basic(std::string_view credentials);

/// A WWW-Authenticate challenge: Challenge("DPoP").param("error", "invalid_token").param("algs", "ES256").text().
class Challenge {
 public:
  explicit Challenge(std::string_view scheme) : text_(scheme) {}
  /// A quoted-string: quote and backslash are escaped, anything but printable ASCII is left out.
  Challenge& param(std::string_view name, std::string_view value);
  /// param() when the value is not empty.
  Challenge& param_if(std::string_view name, std::string_view value) {
    return value.empty() ? *this : param(name, value);
  }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
  bool first_ = true;
};

struct MediaType {
  std::string type;                                             ///< lower case "application/json"
  std::vector<std::pair<std::string, std::string>> parameters;  ///< names in lower case, values unquoted
  [[nodiscard]] std::optional<std::string_view> parameter(std::string_view name) const noexcept;
};
/// type/subtype with parameters (RFC 9110 §8.3.1); nullopt when malformed or a parameter name is repeated.
[[nodiscard]] std::optional<MediaType> parse_media_type(std::string_view value);
/// The Content-Type is this media type (lower case), with any parameters but a charset other than UTF-8.
[[nodiscard]] bool is_media_type(std::string_view content_type, std::string_view wanted);
/// Exactly one Content-Type header, and is_media_type() of it.
[[nodiscard]] bool has_media_type(const Headers& headers, std::string_view wanted);

/// Weight of the media type in an Accept value in thousandths: the most specific range counts (RFC 9110 §12.5.1). 0:
/// not acceptable. An absent or empty header accepts everything; a malformed one nothing but what parses in it.
[[nodiscard]] int accept_weight(std::string_view accept, std::string_view media_type);
/// The offered type with the greatest weight (the earlier of equals), or nullopt when none is acceptable.
[[nodiscard]] std::optional<std::string_view> preferred(std::string_view accept,
                                                        std::span<const std::string_view> offered);
[[nodiscard]] std::optional<std::string_view> preferred(std::string_view accept,
                                                        std::initializer_list<std::string_view> offered);
/// The client names this very type with a weight above zero; wildcards do not count. For opt-in formats such as
/// application/token-introspection+jwt (RFC 9701 §4).
[[nodiscard]] bool accepts_explicitly(std::string_view accept, std::string_view media_type);

}  // namespace mitral::codec
