#include "flow/refresh_token.h"

#include <array>
#include <cstring>

#include "base/secret.h"
#include "codec/base64url.h"
#include "crypto/hash.h"

namespace mitral::flow {
namespace {

constexpr std::size_t kBody = 16 + 4;
constexpr std::size_t kMac = 24;
constexpr std::size_t kTextSize = (kBody + kMac) * 4 / 3 + 1;  // 44 bytes: 59 characters

std::string body_of(const Id128& grant, std::uint32_t generation) {
  std::string out(grant.view());
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((generation >> shift) & 0xff);
  return out;
}

Hash256 mac_of(const Secret& key, std::string_view issuer, std::string_view body) {
  std::string data;
  data.reserve(issuer.size() + 1 + body.size());
  data += issuer;
  data += '\n';
  data += body;
  return crypto::hmac_sha256(key.reveal(), data);
}

}  // namespace

std::string RefreshTokens::make(const Id128& grant, std::uint32_t generation) const {
  std::string raw = body_of(grant, generation);
  raw.reserve(kBody + kMac);
  raw += as_view(mac_of(keys_.back().key, issuer_, raw)).substr(0, kMac);
  std::string out;
  out.reserve(kRefreshTokenPrefix.size() + kTextSize);
  out += kRefreshTokenPrefix;
  codec::base64url_append(out, raw);
  return out;
}

std::optional<RefreshTokens::Parts> RefreshTokens::open(std::string_view text) const {
  if (!text.starts_with(kRefreshTokenPrefix) || text.size() != kRefreshTokenPrefix.size() + kTextSize)
    return std::nullopt;
  std::array<std::uint8_t, kBody + kMac> raw{};
  if (!codec::base64url_decode_into(text.substr(kRefreshTokenPrefix.size()), raw)) return std::nullopt;
  const auto bytes = as_view(raw);
  const auto body = bytes.substr(0, kBody);
  bool good = false;
  for (const DerivedKey& key : keys_) {
    const auto mac = mac_of(key.key, issuer_, body);
    good |= constant_time_equal(as_view(mac).substr(0, kMac), bytes.substr(kBody));
  }
  if (!good) return std::nullopt;
  Parts out;
  std::memcpy(out.grant.bytes.data(), raw.data(), 16);
  for (std::size_t i = 16; i < kBody; ++i) out.generation = (out.generation << 8) | raw[i];
  return out;
}

}  // namespace mitral::flow
