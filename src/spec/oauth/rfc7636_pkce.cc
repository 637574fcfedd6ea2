#include "spec/oauth/rfc7636_pkce.h"

#include <algorithm>
#include <array>

#include "base/secret.h"
#include "codec/base64url.h"
#include "crypto/hash.h"

namespace mitral::spec::oauth {

bool is_code_verifier(std::string_view text) noexcept {
  return text.size() >= 43 && text.size() <= 128 && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                  c == '_' || c == '~';
         });
}

bool is_s256_challenge(std::string_view text) noexcept {
  std::array<std::uint8_t, 32> bytes{};
  return text.size() == 43 && codec::base64url_decode_into(text, bytes);
}

std::string s256_challenge(std::string_view verifier) { return codec::base64url_encode(crypto::sha256(verifier)); }

bool pkce_matches(std::string_view verifier, std::string_view challenge) {
  return is_code_verifier(verifier) && constant_time_equal(s256_challenge(verifier), challenge);
}

}  // namespace mitral::spec::oauth
