// Handles: the random texts that browsers and clients hold, each with the prefix of its kind, and what is stored of
// them.
//
// One kind is never looked up as another (prefixes; KC CVE-2026-4282). A handle begins with the millisecond in which it
// was made (48 bits), followed by 208 random bits; what is stored begins with the same 48 bits, followed by as much of
// the text's SHA-256. So handles that are made together lie together in the store's index: with hashes alone each
// would change another page, which was half of what an authorization wrote.
//
// Thread rules: pure functions; Random and the time are handed in.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/random.h"
#include "base/time.h"

namespace mitral::flow {

inline constexpr std::string_view kCodePrefix = "mac_";
inline constexpr std::string_view kLaunchPrefix = "mlt_";
inline constexpr std::string_view kRequestUriPrefix = "urn:ietf:params:oauth:request_uri:";

struct NewHandle {
  std::string text;  ///< for its holder: prefix + 43 characters of base64url
  Hash256 stored{};  ///< what the store knows it by
};
[[nodiscard]] NewHandle make_handle(Random& random, std::string_view prefix, Instant now);
/// What is stored of the handle when the text has exactly this form; nullopt for anything else.
[[nodiscard]] std::optional<Hash256> stored_handle(std::string_view text, std::string_view prefix);
/// SHA-256 of a cookie's value.
[[nodiscard]] Hash256 hash_of(std::string_view text);
/// Hash256 as base64url, for model fields that hold a hash as text, and back.
[[nodiscard]] std::string hash_text(const Hash256& hash);
[[nodiscard]] std::optional<Hash256> parse_hash_text(std::string_view text);

}  // namespace mitral::flow
