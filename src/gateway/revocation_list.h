// RevocationList: what the revocation feed has said, kept until no token that it concerns can be alive. Asked at every
// request, so a token in the cache, or one whose signature still verifies, dies the moment its line arrives.
//
// Some news says only "what you know may be old" (a client, user or session changed; lines were missed): then
// confirmed_since() moves to that instant, and nothing that was confirmed before it is believed without asking again.
//
// Limits: kRevocationsKeptMax; above it everything is forgotten and confirmed_since() moves (fails closed).
// Thread rules: any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/time.h"
#include "model/grant.h"

namespace mitral::gateway {

/// The names under which a token can be revoked.
struct TokenNames {
  std::string_view jti;
  std::string_view grant;
  std::string_view client;
  std::string_view subject;
  Instant issued;  ///< whole seconds, as in "iat"
};

class RevocationList {
 public:
  void apply(const model::Change& change, Instant now);
  [[nodiscard]] bool revoked(const TokenNames& token) const;
  /// Facts about tokens confirmed before this instant must be confirmed again.
  [[nodiscard]] Instant confirmed_since() const noexcept { return from_micros(since_.load(std::memory_order_acquire)); }
  void distrust_before(Instant now) noexcept;
  /// Forgets what has expired; how much is left.
  std::size_t sweep(Instant now);

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  struct Row {
    Instant at;  ///< tokens issued up to here
    Instant expires;
  };
  using Rows = std::unordered_map<std::string, Row, TextHash, std::equal_to<>>;

  [[nodiscard]] static bool dead(const Rows& rows, std::string_view name, Instant issued);

  mutable std::shared_mutex mutex_;
  Rows grants_, tokens_, clients_, users_;
  std::atomic<std::int64_t> since_{INT64_MIN};
};

}  // namespace mitral::gateway
