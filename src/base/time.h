// Time: wall-clock instants in whole microseconds since the Unix epoch, and the clock as something handed in.
//
// No code outside base/ and app/ reads the system's clock: a function that needs "now" gets an Instant, an object that
// needs it again and again gets a Clock. JSON and JWT carry whole seconds (NumericDate): see to_seconds().
//
// Thread rules: Instant and Duration are values; Clock::now() may be called from any thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace mitral {

using Duration = std::chrono::microseconds;
using Instant = std::chrono::time_point<std::chrono::system_clock, Duration>;

[[nodiscard]] constexpr std::int64_t to_seconds(Instant t) noexcept {
  return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
}
[[nodiscard]] constexpr Instant from_seconds(std::int64_t seconds) noexcept {
  return Instant(std::chrono::seconds(seconds));
}
[[nodiscard]] constexpr std::int64_t to_micros(Instant t) noexcept { return t.time_since_epoch().count(); }
[[nodiscard]] constexpr Instant from_micros(std::int64_t micros) noexcept { return Instant(Duration(micros)); }

/// Milliseconds since the epoch as 48 bits, the most significant first: texts and bytes that begin with it sort by
/// time.
[[nodiscard]] constexpr std::array<std::uint8_t, 6> time_prefix(Instant t) noexcept {
  const auto ms =
      static_cast<std::uint64_t>(std::chrono::floor<std::chrono::milliseconds>(t).time_since_epoch().count());
  std::array<std::uint8_t, 6> out{};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
  return out;
}

/// RFC 3339 in UTC with milliseconds: 2026-01-31T23:59:59.123Z (a FHIR instant as well).
[[nodiscard]] std::string to_rfc3339(Instant t);
/// HTTP-date (RFC 9110 §5.6.7): Sat, 31 Jan 2026 23:59:59 GMT.
[[nodiscard]] std::string to_http_date(Instant t);

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Instant now() const noexcept = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const noexcept override {
    return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  }
};

/// A clock for tests: stands still until it is moved. set() and advance() are not synchronised with readers.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Instant start) noexcept : now_(start) {}
  [[nodiscard]] Instant now() const noexcept override { return now_; }
  void set(Instant t) noexcept { now_ = t; }
  void advance(Duration d) noexcept { now_ += d; }

 private:
  Instant now_;
};

}  // namespace mitral
