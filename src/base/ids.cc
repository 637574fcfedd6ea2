#include "base/ids.h"

namespace mitral {
namespace {
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
}

// base64url of exactly 16 bytes; written here because base/ lies below codec/.
std::string Id128::text() const {
  std::string out(22, '\0');
  char* to = out.data();
  std::size_t i = 0;
  for (; i < 15; i += 3) {
    const std::uint32_t block =
        (std::uint32_t{bytes[i]} << 16U) | (std::uint32_t{bytes[i + 1]} << 8U) | std::uint32_t{bytes[i + 2]};
    *to++ = kAlphabet[block >> 18U];
    *to++ = kAlphabet[(block >> 12U) & 63U];
    *to++ = kAlphabet[(block >> 6U) & 63U];
    *to++ = kAlphabet[block & 63U];
  }
  *to++ = kAlphabet[bytes[i] >> 2U];
  *to = kAlphabet[(bytes[i] & 3U) << 4U];
  return out;
}

std::optional<Id128> Id128::parse(std::string_view text) noexcept {
  if (text.size() != 22) return std::nullopt;
  Id128 id;
  std::uint32_t buffer = 0;
  int bits = 0;
  std::size_t at = 0;
  for (char c : text) {
    const auto value = kAlphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    buffer = (buffer << 6U) | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits >= 8 && at < id.bytes.size()) {
      bits -= 8;
      id.bytes[at++] = static_cast<std::uint8_t>(buffer >> static_cast<unsigned>(bits));
    }
  }
  // The last character carries four spare bits: they must be zero, or two texts would mean one id.
  if ((buffer & ((1U << static_cast<unsigned>(bits)) - 1U)) != 0) return std::nullopt;
  return id;
}

}  // namespace mitral
