// RefreshTokens: refresh tokens that are recomputed instead of stored.
//
//   "mrt_" base64url( grant id 16 | generation 4, big-endian | HMAC-SHA-256(issuer key, issuer, grant, generation)
//   first 24 )
//
// 192 bits of MAC; which generation is good stands in the family's row (model::RefreshFamily). A leaked database holds
// no refresh token (threat M-4.5.2), and a forged one dies on the MAC before any lookup.
//
// Thread rules: immutable; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "flow/issuer_config.h"

namespace mitral::flow {

inline constexpr std::string_view kRefreshTokenPrefix = "mrt_";
inline constexpr std::uint32_t kFirstGeneration = 1;

class RefreshTokens {
 public:
  struct Parts {
    Id128 grant;
    std::uint32_t generation = 0;
  };
  RefreshTokens(std::string issuer, std::vector<DerivedKey> keys)
      : issuer_(std::move(issuer)), keys_(std::move(keys)) {}
  [[nodiscard]] std::string make(const Id128& grant, std::uint32_t generation) const;
  /// nullopt unless the MAC holds.
  [[nodiscard]] std::optional<Parts> open(std::string_view text) const;

 private:
  std::string issuer_;
  std::vector<DerivedKey> keys_;
};

}  // namespace mitral::flow
