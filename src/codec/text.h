// Text: small helpers over strings, and the character sets of RFC 6749 appendix A.
//
// Thread rules: pure functions. split() and trim() return views into their input.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mitral::codec {

/// Pieces between separators, empty ones included: "a,,b" gives three. An empty text gives one empty piece.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);
/// Words between runs of spaces; nothing else separates. No empty ones.
[[nodiscard]] std::vector<std::string_view> split_words(std::string_view text);
/// Without spaces and tabs at both ends (OWS of RFC 9110 §5.6.3).
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;
/// ASCII letters to lower case.
[[nodiscard]] std::string to_lower(std::string_view text);
/// Plain decimal digits without sign, in range.
[[nodiscard]] std::optional<std::uint64_t> parse_uint(std::string_view digits) noexcept;
[[nodiscard]] std::string to_hex(std::string_view bytes);
/// Pairs of hex digits in either case; nullopt for anything else.
[[nodiscard]] std::optional<std::string> from_hex(std::string_view text);

/// Well-formed UTF-8 (RFC 3629): no overlong form, no surrogate, nothing above U+10FFFF.
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;
/// Length of the well-formed UTF-8 sequence at the start of the text, or 0.
[[nodiscard]] std::size_t utf8_sequence_length(std::string_view text) noexcept;
/// Appends one code point. Precondition: a Unicode scalar value.
void append_utf8(std::string& out, std::uint32_t code_point);

/// & < > " ' escaped, safe as HTML text and inside quoted attributes (threat W-4).
[[nodiscard]] std::string html_escape(std::string_view text);

/// A name that may be shown to people (client_name, user name): 1 to max_bytes of valid UTF-8 without control, bidi,
/// zero-width, line separator, private-use, tag or noncharacter code points and without a space at either end (threat
/// W-5).
[[nodiscard]] bool display_name_safe(std::string_view name, std::size_t max_bytes) noexcept;
/// Letters of more than one of Latin, Greek, Cyrillic, Armenian, Cherokee: a sign of look-alikes, to be shown as a
/// warning (threat W-5).
[[nodiscard]] bool mixes_scripts(std::string_view name) noexcept;

// Character sets of RFC 6749 appendix A.
[[nodiscard]] constexpr bool is_vschar(char c) noexcept { return c >= 0x20 && c <= 0x7e; }
[[nodiscard]] constexpr bool is_nqchar(char c) noexcept { return c > 0x20 && c <= 0x7e && c != '"' && c != '\\'; }
[[nodiscard]] constexpr bool is_nqschar(char c) noexcept { return c >= 0x20 && c <= 0x7e && c != '"' && c != '\\'; }
/// All characters of the text, and at least one.
[[nodiscard]] bool all_vschar(std::string_view text) noexcept;
[[nodiscard]] bool all_nqchar(std::string_view text) noexcept;
[[nodiscard]] bool all_nqschar(std::string_view text) noexcept;
/// scope-token = 1*NQCHAR (RFC 6749 §3.3).
[[nodiscard]] inline bool is_scope_token(std::string_view text) noexcept { return all_nqchar(text); }
/// scope = scope-token *( SP scope-token ): single spaces only; nullopt for anything else, the empty text included.
[[nodiscard]] std::optional<std::vector<std::string_view>> split_scope(std::string_view text);

}  // namespace mitral::codec
