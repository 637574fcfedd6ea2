// Random: unpredictable bytes as something handed in, so that tests are repeatable.
//
// The production source is crypto::system_random(). SequenceRandom is for tests only and says so by its name.
//
// Thread rules: fill() may be called from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

namespace mitral {

class Random {
 public:
  virtual ~Random() = default;
  /// Fills the whole span or ends the program: there is no way to go on without randomness.
  virtual void fill(std::span<std::uint8_t> out) noexcept = 0;
};

/// Counts up: every fill gives other bytes, and the same run gives the same bytes. Tests only.
class SequenceRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) noexcept override {
    std::uint64_t x = ++counter_ * 0x9E3779B97F4A7C15ULL;
    for (auto& byte : out) {
      x ^= x << 13;
      x ^= x >> 7;
      x ^= x << 17;
      byte = static_cast<std::uint8_t>(x);
    }
  }

 private:
  std::atomic<std::uint64_t> counter_{0};
};

}  // namespace mitral
