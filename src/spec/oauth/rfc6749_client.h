// RFC 6749 §2.3: how a client presents itself at the back channel: exactly one way per request.
//
//   client_secret_basic   Authorization: Basic; halves form-decoded (RFC 6749 §2.3.1), then raw, for clients do either
//   client_secret_post    client_id and client_secret in the form
//   private_key_jwt       client_assertion and client_assertion_type (RFC 7523 §2.2); client_id optional, must agree
//   none                  client_id alone
//
// Two ways at once are invalid_request, also when one of them is junk (threat J-27). Query parameters are never looked
// at. Nothing here is proven: that is flow/steps/client.cc.
//
// Errors: invalid_request, invalid_client. Thread rules: pure; values own their text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "codec/form.h"
#include "codec/message.h"

namespace mitral::spec::oauth {

inline constexpr std::string_view kJwtBearerAssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

enum class PresentedBy : std::uint8_t { nothing, client_id_only, basic, post, assertion };

struct PresentedClient {
  PresentedBy by = PresentedBy::nothing;
  std::string id;  ///< empty with an assertion until it is parsed, and with nothing
  Secret secret;
  std::optional<std::string> raw_id;  ///< basic only: the halves without form-decoding, where they differ
  Secret raw_secret;
  std::string_view assertion;              ///< views into the form
  bool used_authorization_header = false;  ///< then a 401 must carry WWW-Authenticate (RFC 6749 §5.2)
};

/// `used_authorization_header` is told even when the result is an error, so that the error can be answered properly.
[[nodiscard]] Result<PresentedClient> presented_client(const codec::Headers& headers, const codec::Form& form,
                                                       bool& used_authorization_header);

}  // namespace mitral::spec::oauth
