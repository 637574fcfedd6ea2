// LoadProbe: measures how long a connection that became ready waits until its event loop turns to it.
//
// An eventfd that always can be read stands in the loop's epoll set. To ask for its readiness puts it at the end of the
// kernel's ready list, behind every connection that is ready already; the time until it is told is the time that a
// request which arrives at that moment waits. So the kernel's queue is measured too, which no clock inside a handler
// sees. One system call for each measurement, and none while nobody asks.
//
// Thread rules: the loop's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <chrono>
#include <functional>

#include "base/time.h"

namespace mitral::net {

class LoadProbe {
 public:
  using Time = std::chrono::steady_clock::time_point;
  /// `told` is called with each measurement.
  LoadProbe(boost::asio::io_context& io, std::function<void(Duration wait, Time now)> told);

  /// Begins a measurement unless one is under way or the last one is younger than limits::kLoadProbe.
  void start();
  /// When the last measurement ended.
  [[nodiscard]] Time last() const noexcept { return last_; }
  [[nodiscard]] bool under_way() const noexcept { return under_way_; }

 private:
  boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type> event_;
  std::function<void(Duration, Time)> told_;
  Time began_{};
  Time last_{};
  bool under_way_ = false;
};

}  // namespace mitral::net
