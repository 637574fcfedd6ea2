// Keyed hash: SipHash-1-3 of a short string, for tables whose slots a stranger must not be able to choose (threat
// W-16).
//
// Source: J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF" (2012), with one compression and three
// finalization rounds, as hash tables use it. Not a MAC: its output never leaves the process.
//
// Thread rules: pure functions.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace mitral::net {

using HashKey = std::array<std::uint64_t, 2>;

namespace detail {

struct SipState {
  std::uint64_t a, b, c, d;
  constexpr void round() noexcept {
    a += b;
    c += d;
    b = std::rotl(b, 13) ^ a;
    d = std::rotl(d, 16) ^ c;
    a = std::rotl(a, 32);
    c += b;
    a += d;
    b = std::rotl(b, 17) ^ c;
    d = std::rotl(d, 21) ^ a;
    c = std::rotl(c, 32);
  }
};

}  // namespace detail

[[nodiscard]] inline std::uint64_t keyed_hash(const HashKey& key, std::string_view text) noexcept {
  detail::SipState s{key[0] ^ 0x736f6d6570736575ULL, key[1] ^ 0x646f72616e646f6dULL, key[0] ^ 0x6c7967656e657261ULL,
                     key[1] ^ 0x7465646279746573ULL};
  const auto absorb = [&s](std::uint64_t word) {
    s.d ^= word;
    s.round();
    s.a ^= word;
  };
  std::uint64_t last = static_cast<std::uint64_t>(text.size()) << 56;
  while (text.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), 8);
    absorb(word);
    text.remove_prefix(8);
  }
  for (std::size_t i = 0; i < text.size(); ++i)
    last |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[i])) << (8 * i);
  absorb(last);
  s.c ^= 0xff;
  for (int i = 0; i < 3; ++i) s.round();
  return s.a ^ s.b ^ s.c ^ s.d;
}

}  // namespace mitral::net
