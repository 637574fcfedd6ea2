// LoopReactor: the Reactor of a Loop (base/reactor.h): sockets of other libraries on Asio's epoll, deadlines on the
// loop's timer wheel. Private to net/.
//
// Thread rules: the loop's own thread, or while it does not run.
#pragma once

#include <functional>
#include <memory>
#include <unordered_set>

#include "base/reactor.h"

namespace mitral::net {

class Loop;

class LoopReactor final : public Reactor {
 public:
  explicit LoopReactor(Loop& loop) noexcept : loop_(loop) {}
  /// Lets go of every socket: their watches go on to exist, and are silent.
  ~LoopReactor() override;

  [[nodiscard]] Scheduler& scheduler() noexcept override;
  [[nodiscard]] std::unique_ptr<Watch> watch(int socket, std::function<void()> ready) override;
  [[nodiscard]] std::unique_ptr<Alarm> after(Duration delay, std::function<void()> work) override;

 private:
  struct Watched;
  class SocketWatch;
  class LoopAlarm;
  Loop& loop_;
  std::unordered_set<Watched*> watched_;
};

}  // namespace mitral::net
