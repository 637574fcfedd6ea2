// RFC 7636 (PKCE), method S256 only: plain, and a method left out (which means plain), are refused (threat B-4.8c).
//
// Thread rules: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace mitral::spec::oauth {

/// code_verifier = 43*128unreserved (RFC 7636 §4.1).
[[nodiscard]] bool is_code_verifier(std::string_view text) noexcept;
/// 43 characters that base64url-decode to 32 bytes.
[[nodiscard]] bool is_s256_challenge(std::string_view text) noexcept;
[[nodiscard]] std::string s256_challenge(std::string_view verifier);
/// The verifier is well formed and its S256 is the challenge; compared in constant time.
[[nodiscard]] bool pkce_matches(std::string_view verifier, std::string_view challenge);

}  // namespace mitral::spec::oauth
