// Secret: a value that must not be printed, compared in variable time or left in memory.
//
// It has no operator<< and no formatter, on purpose; reveal() is the one way to its bytes and easy to grep for.
// The memory is overwritten when the value dies or is moved from.
//
// Thread rules: values; no shared state.
#pragma once

#include <string>
#include <string_view>

namespace mitral {

/// True when both are equal. Time depends on the lengths only, never on the contents.
[[nodiscard]] bool constant_time_equal(std::string_view a, std::string_view b) noexcept;

/// Overwrites the bytes in a way that the optimizer can't drop.
void wipe(std::string& bytes) noexcept;

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string bytes) noexcept : bytes_(std::move(bytes)) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret& other) {
    if (this != &other) {
      wipe(bytes_);
      bytes_ = other.bytes_;
    }
    return *this;
  }
  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { wipe(other.bytes_); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      wipe(bytes_);
      bytes_ = other.bytes_;
      wipe(other.bytes_);
    }
    return *this;
  }
  ~Secret() { wipe(bytes_); }

  [[nodiscard]] std::string_view reveal() const noexcept { return bytes_; }
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
  [[nodiscard]] friend bool operator==(const Secret& a, const Secret& b) noexcept {
    return constant_time_equal(a.bytes_, b.bytes_);
  }

 private:
  std::string bytes_;
};

}  // namespace mitral
