// Handles: the random texts that browsers and clients hold, each with the prefix of its kind, and the hashes that are
// stored.
//
// One kind is never looked up as another (prefixes; KC CVE-2026-4282). 256 random bits each.
// Thread rules: pure functions; Random is handed in.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/random.h"

namespace mitral::flow {

inline constexpr std::string_view kCodePrefix = "mac_";
inline constexpr std::string_view kLaunchPrefix = "mlt_";
inline constexpr std::string_view kRequestUriPrefix = "urn:ietf:params:oauth:request_uri:";

/// prefix + 43 characters of base64url.
[[nodiscard]] std::string make_handle(Random& random, std::string_view prefix);
/// SHA-256 of the whole text when it has exactly this form; nullopt for anything else.
[[nodiscard]] std::optional<Hash256> handle_hash(std::string_view text, std::string_view prefix);
/// The stored form of any handle without looking at its form (cookies, interaction ids have an empty prefix).
[[nodiscard]] Hash256 hash_of(std::string_view text);
/// Hash256 as base64url, for model fields that hold a hash as text, and back.
[[nodiscard]] std::string hash_text(const Hash256& hash);
[[nodiscard]] std::optional<Hash256> parse_hash_text(std::string_view text);

}  // namespace mitral::flow
