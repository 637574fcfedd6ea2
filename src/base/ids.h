// Ids: 128-bit identifiers and typed string identifiers, so that a client's id can't be passed where a user's belongs.
//
// Thread rules: values; no shared state.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/time.h"

namespace mitral {

/// 16 bytes, written as 22 characters of base64url. Grants, tokens (jti), families and sessions have one each.
struct Id128 {
  std::array<std::uint8_t, 16> bytes{};

  [[nodiscard]] static Id128 random(Random& random) noexcept {
    Id128 id;
    random.fill(id.bytes);
    return id;
  }
  /// The millisecond in 48 bits, then 80 random ones (as UUIDv7 does it, RFC 9562 §5.7): what is made together lies
  /// together in the store's index, where random ids would each change another page. It tells when it was made.
  [[nodiscard]] static Id128 ordered(Random& random, Instant now) noexcept {
    Id128 id = Id128::random(random);
    const auto time = time_prefix(now);
    std::ranges::copy(time, id.bytes.begin());
    return id;
  }
  [[nodiscard]] static std::optional<Id128> parse(std::string_view text) noexcept;
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool is_zero() const noexcept { return *this == Id128{}; }
  [[nodiscard]] std::string_view view() const noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};  // NOLINT
  }
  friend auto operator<=>(const Id128&, const Id128&) = default;
};

/// A string that names one kind of thing. Tag is an empty struct.
template <class Tag>
struct StringId {
  std::string value;
  StringId() = default;
  explicit StringId(std::string v) : value(std::move(v)) {}
  explicit StringId(std::string_view v) : value(v) {}
  explicit StringId(const char* v) : value(v) {}
  [[nodiscard]] bool empty() const noexcept { return value.empty(); }
  friend auto operator<=>(const StringId&, const StringId&) = default;
};

using Issuer = StringId<struct IssuerTag>;  ///< issuer identifier (RFC 8414 §2): the tenant of every record
using ClientId = StringId<struct ClientIdTag>;
using UserId = StringId<struct UserIdTag>;  ///< the subject ("sub"); assigned by the server, never chosen by a client

}  // namespace mitral

template <>
struct std::hash<mitral::Id128> {
  std::size_t operator()(const mitral::Id128& id) const noexcept { return std::hash<std::string_view>{}(id.view()); }
};
template <class Tag>
struct std::hash<mitral::StringId<Tag>> {
  std::size_t operator()(const mitral::StringId<Tag>& id) const noexcept { return std::hash<std::string>{}(id.value); }
};
