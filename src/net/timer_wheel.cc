#include "net/timer_wheel.h"

#include <algorithm>

namespace mitral::net {

void Timer::unlink() noexcept {
  if (next_ == nullptr) return;
  previous_->next_ = next_;
  next_->previous_ = previous_;
  previous_ = next_ = nullptr;
  if (wheel_ != nullptr) --wheel_->count_;
}

TimerWheel::Head::Head() noexcept { previous_ = next_ = this; }

// Timers that outlive the wheel are set free, so that their destructors do not reach into it.
TimerWheel::Head::~Head() {
  while (next_ != this) {
    Timer* const timer = next_;
    timer->unlink();
    timer->wheel_ = nullptr;
  }
  previous_ = next_ = nullptr;
}

TimerWheel::TimerWheel(std::int64_t now) noexcept : now_(now) {}
TimerWheel::~TimerWheel() = default;

void TimerWheel::link(Timer& timer, Head& head) noexcept {
  timer.wheel_ = this;
  timer.previous_ = head.previous_;
  timer.next_ = &head;
  head.previous_->next_ = &timer;
  head.previous_ = &timer;
  ++count_;
}

void TimerWheel::set(Timer& timer, std::int64_t due) noexcept {
  timer.due_ = due;
  if (timer.set() && timer.slot_due_ <= due) return;
  timer.unlink();
  timer.slot_due_ = std::clamp(due, now_ + 1, now_ + kSlots - 1);
  link(timer, slot(timer.slot_due_));
}

void TimerWheel::skip_to(std::int64_t now) noexcept {
  if (empty()) now_ = std::max(now_, now);
}

void TimerWheel::advance(std::int64_t now) noexcept {
  while (now_ < now && !empty()) {
    ++now_;
    Head due;  // what is set again while we walk goes elsewhere
    Head& head = slot(now_);
    if (head.next_ == &head) continue;
    due.next_ = head.next_;
    due.previous_ = head.previous_;
    due.next_->previous_ = due.previous_->next_ = &due;
    head.next_ = head.previous_ = &head;
    while (due.next_ != &due) {
      Timer& timer = *due.next_;
      timer.unlink();
      if (timer.due_ > now_) {
        set(timer, timer.due_);
      } else {
        timer.expired();
      }
    }
  }
  now_ = std::max(now_, now);
}

}  // namespace mitral::net
