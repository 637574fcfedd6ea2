#include "codec/text.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace mitral::codec {
namespace {

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};

// What must not stand in a name shown to people: it is invisible, reorders its surroundings or means nothing (threat
// W-5). Sorted.
constexpr auto kUnsafe = std::to_array<Range>({
    {0x0000, 0x001f},     // C0 controls
    {0x007f, 0x009f},     // DEL and C1 controls
    {0x00ad, 0x00ad},     // soft hyphen
    {0x034f, 0x034f},     // combining grapheme joiner
    {0x061c, 0x061c},     // Arabic letter mark
    {0x115f, 0x1160},     // Hangul fillers
    {0x17b4, 0x17b5},     // Khmer inherent vowels
    {0x180b, 0x180f},     // Mongolian selectors
    {0x2000, 0x200f},     // odd spaces, zero-width characters, direction marks
    {0x2028, 0x202f},     // separators, bidi embeddings and overrides, narrow space
    {0x205f, 0x206f},     // mathematical space, invisible operators, bidi isolates
    {0x2800, 0x2800},     // blank Braille pattern
    {0x3000, 0x3000},     // ideographic space
    {0x3164, 0x3164},     // Hangul filler
    {0xd800, 0xdfff},     // surrogates
    {0xe000, 0xf8ff},     // private use
    {0xfdd0, 0xfdef},     // noncharacters
    {0xfe00, 0xfe0f},     // variation selectors
    {0xfeff, 0xfeff},     // byte order mark
    {0xffa0, 0xffa0},     // half-width Hangul filler
    {0xfff0, 0xfffd},     // specials, the replacement character included
    {0x1bca0, 0x1bca3},   // shorthand format controls
    {0x1d173, 0x1d17a},   // musical format controls
    {0xe0000, 0xe0fff},   // tags, more variation selectors
    {0xf0000, 0x10ffff},  // private use planes
});

bool is_unsafe_code_point(std::uint32_t c) noexcept {
  if ((c & 0xfffeU) == 0xfffeU) return true;  // last two of every plane are noncharacters
  const auto it = std::ranges::upper_bound(kUnsafe, c, {}, &Range::first);
  return it != kUnsafe.begin() && c <= std::prev(it)->last;
}

std::uint32_t decode(std::string_view sequence) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(sequence[i])); };
  switch (sequence.size()) {
    case 1: return at(0);
    case 2: return ((at(0) & 0x1fU) << 6U) | (at(1) & 0x3fU);
    case 3: return ((at(0) & 0x0fU) << 12U) | ((at(1) & 0x3fU) << 6U) | (at(2) & 0x3fU);
    default: return ((at(0) & 0x07U) << 18U) | ((at(1) & 0x3fU) << 12U) | ((at(2) & 0x3fU) << 6U) | (at(3) & 0x3fU);
  }
}

unsigned script_of(std::uint32_t c) noexcept {
  if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= 0xc0 && c <= 0x24f && c != 0xd7 && c != 0xf7) ||
      (c >= 0x1e00 && c <= 0x1eff)) {
    return 1;  // Latin
  }
  if ((c >= 0x370 && c <= 0x3ff) || (c >= 0x1f00 && c <= 0x1fff)) return 2;     // Greek
  if (c >= 0x400 && c <= 0x52f) return 4;                                       // Cyrillic
  if (c >= 0x531 && c <= 0x58f) return 8;                                       // Armenian
  if ((c >= 0x13a0 && c <= 0x13ff) || (c >= 0xab70 && c <= 0xabbf)) return 16;  // Cherokee
  return 0;
}

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  for (;;) {
    const auto at = text.find(separator);
    out.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at + 1);
  }
}

std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const auto at = std::min(text.find(' '), text.size());
    if (at != 0) out.push_back(text.substr(0, at));
    text.remove_prefix(std::min(at + 1, text.size()));
  }
  return out;
}

std::string_view trim(std::string_view text) noexcept {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

std::optional<std::uint64_t> parse_uint(std::string_view digits) noexcept {
  if (digits.empty() || digits.size() > 20) return std::nullopt;
  std::uint64_t out = 0;
  for (char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    if (__builtin_mul_overflow(out, std::uint64_t{10}, &out) ||
        __builtin_add_overflow(out, static_cast<std::uint64_t>(c - '0'), &out)) {
      return std::nullopt;
    }
  }
  return out;
}

std::string to_hex(std::string_view bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out.push_back(kDigits[byte >> 4U]);
    out.push_back(kDigits[byte & 15U]);
  }
  return out;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<char>(high * 16 + low));
  }
  return out;
}

std::size_t utf8_sequence_length(std::string_view text) noexcept {
  if (text.empty()) return 0;
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto tail = [&](std::size_t i) { return (at(i) & 0xc0U) == 0x80U; };
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  if (lead < 0xc2) return 0;  // continuation byte or overlong
  if (lead < 0xe0) return text.size() >= 2 && tail(1) ? 2 : 0;
  if (lead < 0xf0) {
    if (text.size() < 3 || !tail(1) || !tail(2)) return 0;
    if (lead == 0xe0 && at(1) < 0xa0) return 0;  // overlong
    if (lead == 0xed && at(1) > 0x9f) return 0;  // surrogate
    return 3;
  }
  if (lead > 0xf4 || text.size() < 4 || !tail(1) || !tail(2) || !tail(3)) return 0;
  if (lead == 0xf0 && at(1) < 0x90) return 0;  // overlong
  if (lead == 0xf4 && at(1) > 0x8f) return 0;  // above U+10FFFF
  return 4;
}

bool is_utf8(std::string_view text) noexcept {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    std::uint64_t word = 0;
    if (end - at >= 8 && (std::memcpy(&word, at, 8), (word & 0x8080808080808080ULL) == 0)) {
      at += 8;
      continue;
    }
    const auto length = utf8_sequence_length({at, static_cast<std::size_t>(end - at)});
    if (length == 0) return false;
    at += length;
  }
  return true;
}

void append_utf8(std::string& out, std::uint32_t c) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0U | (c >> 6U));
    put(0x80U | (c & 0x3fU));
  } else if (c < 0x10000) {
    put(0xe0U | (c >> 12U));
    put(0x80U | ((c >> 6U) & 0x3fU));
    put(0x80U | (c & 0x3fU));
  } else {
    put(0xf0U | (c >> 18U));
    put(0x80U | ((c >> 12U) & 0x3fU));
    put(0x80U | ((c >> 6U) & 0x3fU));
    put(0x80U | (c & 0x3fU));
  }
}

std::string html_escape(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out.push_back(c);
    }
  }
  return out;
}

bool display_name_safe(std::string_view name, std::size_t max_bytes) noexcept {
  if (name.empty() || name.size() > max_bytes || name.front() == ' ' || name.back() == ' ') return false;
  while (!name.empty()) {
    const auto length = utf8_sequence_length(name);
    if (length == 0 || is_unsafe_code_point(decode(name.substr(0, length)))) return false;
    name.remove_prefix(length);
  }
  return true;
}

bool mixes_scripts(std::string_view name) noexcept {
  unsigned seen = 0;
  while (!name.empty()) {
    const auto length = utf8_sequence_length(name);
    if (length == 0) return true;
    seen |= script_of(decode(name.substr(0, length)));
    name.remove_prefix(length);
  }
  return (seen & (seen - 1)) != 0;
}

bool all_vschar(std::string_view text) noexcept { return !text.empty() && std::ranges::all_of(text, is_vschar); }
bool all_nqchar(std::string_view text) noexcept { return !text.empty() && std::ranges::all_of(text, is_nqchar); }
bool all_nqschar(std::string_view text) noexcept { return !text.empty() && std::ranges::all_of(text, is_nqschar); }

std::optional<std::vector<std::string_view>> split_scope(std::string_view text) {
  auto out = split(text, ' ');
  if (!std::ranges::all_of(out, is_scope_token)) return std::nullopt;
  return out;
}

}  // namespace mitral::codec
