// Base64url and base64 (RFC 4648 §5 and §4), strict: one byte string has exactly one text (threat J-15).
//
// base64url has no padding (RFC 7515 §2); base64 has all of it. Whitespace, foreign characters, padding where it does
// not belong, impossible lengths and spare bits that are not zero are all refused with nullopt.
//
// Not constant in time: encode and decode keys by it only where that is no concern (they are public or at rest).
// Thread rules: pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace mitral::codec {

[[nodiscard]] std::string base64url_encode(std::string_view bytes);
[[nodiscard]] inline std::string base64url_encode(ByteSpan bytes) { return base64url_encode(as_view(bytes)); }
void base64url_append(std::string& out, std::string_view bytes);
[[nodiscard]] std::optional<std::string> base64url_decode(std::string_view text);
/// Decodes into exactly the span; false when the text is bad or of another length.
[[nodiscard]] bool base64url_decode_into(std::string_view text, std::span<std::uint8_t> out) noexcept;

[[nodiscard]] std::string base64_encode(std::string_view bytes);
[[nodiscard]] inline std::string base64_encode(ByteSpan bytes) { return base64_encode(as_view(bytes)); }
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

}  // namespace mitral::codec
