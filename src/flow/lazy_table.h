// LazyTable: a table of fixed size whose parts are made when they are first written.
//
// The tables that remember who failed or asks too often are sized for an attack, and on most days nearly all of them is
// never touched: memory is taken by kPart entries at a time.
//
// Limits: the size given to the constructor; parts are never given back. Thread rules: any thread; what is inside an
// entry guards itself.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>

namespace mitral::flow {

template <class T>
class LazyTable {
 public:
  static constexpr std::size_t kPart = 64;

  explicit LazyTable(std::size_t size)
      : size_(size), parts_(std::make_unique<std::atomic<Part*>[]>((size + kPart - 1) / kPart)) {}
  LazyTable(const LazyTable&) = delete;
  LazyTable& operator=(const LazyTable&) = delete;
  ~LazyTable() {
    for (std::size_t i = 0; i * kPart < size_; ++i) delete parts_[i].load(std::memory_order_relaxed);
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// nullptr while nothing near it was ever written.
  [[nodiscard]] T* find(std::size_t index) const noexcept {
    Part* const part = parts_[index / kPart].load(std::memory_order_acquire);
    return part == nullptr ? nullptr : &(*part)[index % kPart];
  }
  [[nodiscard]] T& at(std::size_t index) {
    if (T* const there = find(index)) return *there;
    auto fresh = std::make_unique<Part>();
    Part* expected = nullptr;
    auto& place = parts_[index / kPart];
    // Two threads may make the same part: the first one's stays.
    if (place.compare_exchange_strong(expected, fresh.get(), std::memory_order_acq_rel)) expected = fresh.release();
    return (*expected)[index % kPart];
  }

 private:
  using Part = std::array<T, kPart>;
  std::size_t size_;
  std::unique_ptr<std::atomic<Part*>[]> parts_;
};

}  // namespace mitral::flow
