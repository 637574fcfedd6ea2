#include "net/loop_reactor.h"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <optional>

#include "net/loop.h"
#include "net/timer_wheel.h"

namespace mitral::net {

/// Shared with the operations under way, so that a callback may destroy its own watch.
struct LoopReactor::Watched : std::enable_shared_from_this<LoopReactor::Watched> {
  using Descriptor = asio::posix::basic_stream_descriptor<Executor>;

  Watched(LoopReactor& of, int socket, std::function<void()> callback)
      : owner(&of), descriptor(std::in_place, of.loop_.io().get_executor(), socket), ready(std::move(callback)) {}

  /// The socket is not ours to close.
  void let_go() noexcept {
    if (!descriptor) return;
    try {
      descriptor->release();
    } catch (const std::exception&) {
      // It was not registered any more: nothing to let go.
    }
    descriptor.reset();
    owner = nullptr;
  }

  void want(bool readable, bool writable) {
    want_read = readable;
    want_write = writable;
    if (!descriptor) return;
    if (readable && !reading) {
      reading = true;
      descriptor->async_wait(Descriptor::wait_read, [self = shared_from_this()](const boost::system::error_code&) {
        self->reading = false;
        self->fire(self->want_read);
      });
    }
    if (writable && !writing) {
      writing = true;
      descriptor->async_wait(Descriptor::wait_write, [self = shared_from_this()](const boost::system::error_code&) {
        self->writing = false;
        self->fire(self->want_write);
      });
    }
  }

  void fire(bool wanted) {
    if (!wanted || !descriptor) return;
    want_read = want_write = false;
    ready();
  }

  LoopReactor* owner;
  std::optional<Descriptor> descriptor;
  std::function<void()> ready;
  bool reading = false;  ///< an operation is under way, whether it is still wanted or not
  bool writing = false;
  bool want_read = false;
  bool want_write = false;
};

class LoopReactor::SocketWatch final : public Reactor::Watch {
 public:
  explicit SocketWatch(std::shared_ptr<Watched> watched) : watched_(std::move(watched)) {}
  SocketWatch(const SocketWatch&) = delete;
  SocketWatch& operator=(const SocketWatch&) = delete;
  ~SocketWatch() override {
    if (watched_->owner != nullptr) watched_->owner->watched_.erase(watched_.get());
    watched_->let_go();
  }
  void want(bool readable, bool writable) override { watched_->want(readable, writable); }

 private:
  std::shared_ptr<Watched> watched_;
};

class LoopReactor::LoopAlarm final : public Reactor::Alarm, private Timer {
 public:
  LoopAlarm(Loop& loop, Duration delay, std::function<void()> work) : work_(std::move(work)) { loop.set(*this, delay); }

 private:
  void expired() noexcept override {
    // Moved out first: the work may destroy this alarm.
    const auto work = std::move(work_);
    work();
  }
  std::function<void()> work_;
};

LoopReactor::~LoopReactor() {
  for (Watched* watched : watched_) watched->let_go();
}

Scheduler& LoopReactor::scheduler() noexcept { return loop_; }

std::unique_ptr<Reactor::Watch> LoopReactor::watch(int socket, std::function<void()> ready) {
  auto watched = std::make_shared<Watched>(*this, socket, std::move(ready));
  watched_.insert(watched.get());
  return std::make_unique<SocketWatch>(std::move(watched));
}

std::unique_ptr<Reactor::Alarm> LoopReactor::after(Duration delay, std::function<void()> work) {
  return std::make_unique<LoopAlarm>(loop_, delay, std::move(work));
}

}  // namespace mitral::net
