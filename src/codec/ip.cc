#include "codec/ip.h"

#include <algorithm>

namespace mitral::codec {
namespace {

bool parse_v4(std::string_view text, std::uint8_t* out) noexcept {
  for (int part = 0; part < 4; ++part) {
    unsigned value = 0;
    std::size_t digits = 0;
    while (digits < text.size() && digits < 4 && text[digits] >= '0' && text[digits] <= '9') {
      value = value * 10 + static_cast<unsigned>(text[digits++] - '0');
    }
    // A leading zero means octal to some readers.
    if (digits == 0 || digits > 3 || value > 255 || (digits > 1 && text[0] == '0')) return false;
    *out++ = static_cast<std::uint8_t>(value);
    text.remove_prefix(digits);
    if (part == 3) return text.empty();
    if (text.empty() || text.front() != '.') return false;
    text.remove_prefix(1);
  }
  return false;
}

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Groups of 16 bits between colons; an IPv4 tail may stand for the last two. Number of bytes written, or -1.
int parse_groups(std::string_view text, std::uint8_t* out, int room, bool v4_tail) noexcept {
  int used = 0;
  while (!text.empty()) {
    const auto colon = text.find(':');
    const auto group = text.substr(0, colon);
    if (group.find('.') != std::string_view::npos) {
      if (!v4_tail || colon != std::string_view::npos || used + 4 > room || !parse_v4(group, out + used)) return -1;
      return used + 4;
    }
    if (group.empty() || group.size() > 4 || used + 2 > room) return -1;
    unsigned value = 0;
    for (char c : group) {
      if (hex_value(c) < 0) return -1;
      value = value * 16 + static_cast<unsigned>(hex_value(c));
    }
    out[used++] = static_cast<std::uint8_t>(value >> 8U);
    out[used++] = static_cast<std::uint8_t>(value & 255U);
    if (colon == std::string_view::npos) return used;
    text.remove_prefix(colon + 1);
    if (text.empty()) return -1;  // trailing single colon
  }
  return used;
}

bool parse_v6(std::string_view text, std::array<std::uint8_t, 16>& out) noexcept {
  const auto gap = text.find("::");
  if (gap == std::string_view::npos) return parse_groups(text, out.data(), 16, true) == 16;
  const auto head = text.substr(0, gap);
  const auto tail = text.substr(gap + 2);
  std::array<std::uint8_t, 16> rest{};
  // "::" stands for at least one group.
  const int before = parse_groups(head, out.data(), 14, false);
  if (before < 0) return false;
  const int after = parse_groups(tail, rest.data(), 14 - before, true);
  if (after < 0) return false;
  std::copy_n(rest.begin(), after, out.end() - after);
  return true;
}

struct Block {
  std::array<std::uint8_t, 16> prefix;
  int bits;
};

// IANA special-purpose registries: what is not globally reachable, and multicast.
constexpr auto kV4Special = std::to_array<Block>({
    {{0}, 8},
    {{10}, 8},
    {{100, 64}, 10},
    {{127}, 8},
    {{169, 254}, 16},
    {{172, 16}, 12},
    {{192, 0, 0}, 24},
    {{192, 0, 2}, 24},
    {{192, 88, 99}, 24},
    {{192, 168}, 16},
    {{198, 18}, 15},
    {{198, 51, 100}, 24},
    {{203, 0, 113}, 24},
    {{224}, 3},
});
constexpr auto kV6Special = std::to_array<Block>({
    {{0x01, 0x00}, 64},              // discard only
    {{0x20, 0x01, 0x00}, 23},        // protocol assignments: Teredo, ORCHID and others
    {{0x20, 0x01, 0x0d, 0xb8}, 32},  // documentation
    {{0x3f, 0xff}, 20},              // documentation
});

bool within(const Block& block, const std::uint8_t* bytes) noexcept {
  int left = block.bits;
  for (std::size_t i = 0; left > 0; ++i, left -= 8) {
    const auto mask = static_cast<std::uint8_t>(left >= 8 ? 0xff : 0xff00 >> left);
    if (((bytes[i] ^ block.prefix[i]) & mask) != 0) return false;
  }
  return true;
}

bool is_public_v4(const std::uint8_t* bytes) noexcept {
  return std::ranges::none_of(kV4Special, [&](const Block& block) { return within(block, bytes); });
}

}  // namespace

std::optional<IpAddress> parse_ip(std::string_view text) noexcept {
  IpAddress out;
  if (text.find(':') != std::string_view::npos) {
    out.v6 = true;
    if (!parse_v6(text, out.bytes)) return std::nullopt;
    return out;
  }
  if (!parse_v4(text, out.bytes.data())) return std::nullopt;
  return out;
}

bool is_loopback(const IpAddress& address) noexcept {
  static constexpr std::array<std::uint8_t, 16> kV6Loopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return address.v6 ? address.bytes == kV6Loopback : address.bytes[0] == 127;
}

bool is_public(const IpAddress& address) noexcept {
  const auto* bytes = address.bytes.data();
  if (!address.v6) return is_public_v4(bytes);
  static constexpr Block kNat64{{0x00, 0x64, 0xff, 0x9b}, 96};
  static constexpr Block kSixToFour{{0x20, 0x02}, 16};
  // These carry an IPv4 address to which a gateway will deliver.
  if (within(kNat64, bytes)) return is_public_v4(bytes + 12);
  if (within(kSixToFour, bytes)) return is_public_v4(bytes + 2);
  // Only 2000::/3 is global unicast: that leaves out ::, ::1, mapped and compatible IPv4, local NAT64, fc00::/7,
  // fe80::/10, ff00::/8.
  if ((bytes[0] & 0xe0U) != 0x20U) return false;
  return std::ranges::none_of(kV6Special, [&](const Block& block) { return within(block, bytes); });
}

}  // namespace mitral::codec
