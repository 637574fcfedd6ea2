// RFC 6749 §5.1 with SMART App Launch 2.2 launch context: the answer of the token endpoint.
//
// `scope` is always written, also when it is empty or as asked: SMART requires it. expires_in is a number.
// Thread rules: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "codec/json.h"

namespace mitral::spec::oauth {

struct TokenResponse {
  std::string_view access_token{};
  std::string_view token_type = "Bearer";
  std::int64_t expires_in = 0;
  std::string_view scope{};
  std::string_view refresh_token{};  ///< empty: none
  std::string_view id_token{};       ///< empty: none
  const codec::Json* context =
      nullptr;  ///< object whose members stand at the top level; never overrides a member above
};

[[nodiscard]] std::string token_response_json(const TokenResponse& response);

/// Members of an object appended as ,"key":value, but for those that the standards define for this answer.
void append_context_members(std::string& out, const codec::Json& context);

}  // namespace mitral::spec::oauth
