// Circuit: a breaker in front of one upstream, so that callers of a server that is down are answered at once and the
// server is left in peace while it comes back.
//
//   closed     everything passes; outcomes are counted over a sliding window of ten slices
//   open       nothing passes, for `pause`
//   half open  one request tries; its success closes the circuit, its failure opens it again
//
// It opens when the window holds at least `requests_min` outcomes and `failed_percent` of them failed. What counts as a
// failure is the caller's business.
//
// Errors: none. Thread rules: any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include "base/time.h"
#include "gateway/rules.h"

namespace mitral::gateway {

class Circuit {
 public:
  enum class State : std::uint8_t { closed, open, half_open };

  explicit Circuit(CircuitRules rules) noexcept : rules_(rules) {}

  /// Permission for one request. Its outcome must be told once; one that dies untold has failed.
  class Pass {
   public:
    Pass(Circuit& circuit, const Clock& clock, std::uint64_t turn, bool trial) noexcept
        : circuit_(&circuit), clock_(&clock), turn_(turn), trial_(trial) {}
    Pass(Pass&& other) noexcept
        : circuit_(std::exchange(other.circuit_, nullptr)),
          clock_(other.clock_),
          turn_(other.turn_),
          trial_(other.trial_) {}
    Pass& operator=(Pass&&) = delete;
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    ~Pass() { tell(false); }
    void tell(bool good) noexcept {
      if (auto* const to = std::exchange(circuit_, nullptr)) to->told(*this, clock_->now(), good);
    }

   private:
    friend class Circuit;
    Circuit* circuit_;
    const Clock* clock_;
    std::uint64_t turn_;
    bool trial_;
  };

  /// nullopt: not now. The clock must outlive the pass.
  [[nodiscard]] std::optional<Pass> ask(const Clock& clock);
  [[nodiscard]] State state() const noexcept { return state_.load(std::memory_order_relaxed); }
  /// How often it opened.
  [[nodiscard]] std::uint64_t opened() const noexcept { return opened_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kSlices = 10;
  struct Slice {
    std::int64_t number = -1;
    unsigned good = 0, bad = 0;
  };
  void told(const Pass& pass, Instant now, bool good) noexcept;
  void open(Instant now) noexcept;
  [[nodiscard]] bool too_many_failed(std::int64_t slice) const noexcept;

  const CircuitRules rules_;
  mutable std::mutex mutex_;
  std::array<Slice, kSlices> slices_{};
  Instant reopen_;
  bool trying_ = false;
  std::uint64_t turn_ = 0;  ///< grows with each change of state: outcomes of an earlier turn don't count
  std::atomic<State> state_{State::closed};
  std::atomic<std::uint64_t> opened_{0};
};

}  // namespace mitral::gateway
