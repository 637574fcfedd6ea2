// TimerWheel: many deadlines of one loop at the price of one store each.
//
// Time is counted in ticks. A timer sits in the slot where it was put; moving its deadline further away only notes the
// new one, and the timer is put again when its slot comes round (RFC 9112 connections move their deadline with every
// request, and almost never reach it). Moving it nearer puts it at once.
//
// Thread rules: one thread. A timer may be set, cancelled or destroyed inside expired(), its own included.
#pragma once

#include <array>
#include <cstdint>

namespace mitral::net {

class TimerWheel;

class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer() { unlink(); }
  /// The deadline passed. The timer is no longer set.
  virtual void expired() noexcept = 0;
  [[nodiscard]] bool set() const noexcept { return next_ != nullptr; }

 private:
  friend class TimerWheel;
  void unlink() noexcept;
  Timer* previous_ = nullptr;
  Timer* next_ = nullptr;
  TimerWheel* wheel_ = nullptr;
  std::int64_t due_ = 0;
  std::int64_t slot_due_ = 0;
};

class TimerWheel {
 public:
  /// `now` is the tick that has already passed.
  explicit TimerWheel(std::int64_t now) noexcept;
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  /// Calls expired() once the given tick has passed; at the next advance() when it already has.
  void set(Timer& timer, std::int64_t due) noexcept;
  static void cancel(Timer& timer) noexcept { timer.unlink(); }
  void advance(std::int64_t now) noexcept;
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  /// For a wheel that was empty for a while: the time that passed held nothing.
  void skip_to(std::int64_t now) noexcept;

 private:
  friend class Timer;
  static constexpr std::int64_t kSlots = 512;
  struct Head final : Timer {
    Head() noexcept;
    ~Head() override;
    void expired() noexcept override {}
  };
  void link(Timer& timer, Head& head) noexcept;
  Head& slot(std::int64_t tick) noexcept { return slots_[static_cast<std::size_t>(tick % kSlots)]; }

  std::int64_t now_;
  std::int64_t count_ = 0;
  std::array<Head, kSlots> slots_;  // last: it is destroyed first, and counts down
};

}  // namespace mitral::net
