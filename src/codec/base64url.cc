#include "codec/base64url.h"

#include <array>

namespace mitral::codec {
namespace {

constexpr std::string_view kUrlAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kStdAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Value of every byte, or 0xff.
using Table = std::array<std::uint8_t, 256>;
consteval Table make_table(std::string_view alphabet) {
  Table table{};
  table.fill(0xff);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return table;
}
constexpr Table kUrlTable = make_table(kUrlAlphabet);
constexpr Table kStdTable = make_table(kStdAlphabet);

void encode_to(std::string& out, std::string_view bytes, std::string_view alphabet) {
  const std::size_t start = out.size();
  out.resize(start + (bytes.size() * 4 + 2) / 3);
  char* to = out.data() + start;
  std::size_t i = 0;
  const auto at = [&](std::size_t k) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[k])); };
  for (; i + 3 <= bytes.size(); i += 3) {
    const std::uint32_t block = (at(i) << 16U) | (at(i + 1) << 8U) | at(i + 2);
    *to++ = alphabet[block >> 18U];
    *to++ = alphabet[(block >> 12U) & 63U];
    *to++ = alphabet[(block >> 6U) & 63U];
    *to++ = alphabet[block & 63U];
  }
  if (bytes.size() - i == 1) {
    *to++ = alphabet[at(i) >> 2U];
    *to++ = alphabet[(at(i) & 3U) << 4U];
  } else if (bytes.size() - i == 2) {
    const std::uint32_t block = (at(i) << 8U) | at(i + 1);
    *to++ = alphabet[block >> 10U];
    *to++ = alphabet[(block >> 4U) & 63U];
    *to++ = alphabet[(block & 15U) << 2U];
  }
}

constexpr std::size_t decoded_size(std::size_t characters) noexcept {
  return characters / 4 * 3 + characters % 4 * 3 / 4;
}

// Decodes text without padding. The caller gives decoded_size(text.size()) bytes of room.
bool decode_to(std::string_view text, std::uint8_t* to, const Table& table) noexcept {
  if (text.size() % 4 == 1) return false;
  const auto at = [&](std::size_t k) { return static_cast<std::uint32_t>(table[static_cast<unsigned char>(text[k])]); };
  std::size_t i = 0;
  for (; i + 4 <= text.size(); i += 4) {
    const std::uint32_t a = at(i);
    const std::uint32_t b = at(i + 1);
    const std::uint32_t c = at(i + 2);
    const std::uint32_t d = at(i + 3);
    if (((a | b | c | d) & 0xc0U) != 0) return false;
    const std::uint32_t block = (a << 18U) | (b << 12U) | (c << 6U) | d;
    *to++ = static_cast<std::uint8_t>(block >> 16U);
    *to++ = static_cast<std::uint8_t>(block >> 8U);
    *to++ = static_cast<std::uint8_t>(block);
  }
  const std::size_t rest = text.size() - i;
  if (rest == 0) return true;
  const std::uint32_t a = at(i);
  const std::uint32_t b = at(i + 1);
  const std::uint32_t c = rest == 3 ? at(i + 2) : 0;
  if (((a | b | c) & 0xc0U) != 0) return false;
  // The bits that no byte needs must be zero, or several texts would mean the same bytes (J-15).
  if (rest == 2 ? (b & 15U) != 0 : (c & 3U) != 0) return false;
  *to++ = static_cast<std::uint8_t>((a << 2U) | (b >> 4U));
  if (rest == 3) *to = static_cast<std::uint8_t>((b << 4U) | (c >> 2U));
  return true;
}

std::optional<std::string> decode(std::string_view text, const Table& table) {
  std::string out(decoded_size(text.size()), '\0');
  if (!decode_to(text, reinterpret_cast<std::uint8_t*>(out.data()), table)) return std::nullopt;  // NOLINT
  return out;
}

}  // namespace

std::string base64url_encode(std::string_view bytes) {
  std::string out;
  encode_to(out, bytes, kUrlAlphabet);
  return out;
}

void base64url_append(std::string& out, std::string_view bytes) { encode_to(out, bytes, kUrlAlphabet); }

std::optional<std::string> base64url_decode(std::string_view text) { return decode(text, kUrlTable); }

bool base64url_decode_into(std::string_view text, std::span<std::uint8_t> out) noexcept {
  return decoded_size(text.size()) == out.size() && decode_to(text, out.data(), kUrlTable);
}

std::string base64_encode(std::string_view bytes) {
  std::string out;
  encode_to(out, bytes, kStdAlphabet);
  out.append((4 - out.size() % 4) % 4, '=');
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  if (text.ends_with('=')) text.remove_suffix(text.ends_with("==") ? 2 : 1);
  return decode(text, kStdTable);
}

}  // namespace mitral::codec
