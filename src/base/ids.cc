#include "base/ids.h"

namespace mitral {
namespace {
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
}

// base64url of exactly 16 bytes; written here because base/ lies below codec/.
std::string Id128::text() const {
  std::string out;
  out.reserve(22);
  std::uint32_t buffer = 0;
  int bits = 0;
  for (auto byte : bytes) {
    buffer = (buffer << 8U) | byte;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      out.push_back(kAlphabet[(buffer >> static_cast<unsigned>(bits)) & 63U]);
    }
  }
  out.push_back(kAlphabet[(buffer << static_cast<unsigned>(6 - bits)) & 63U]);
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
