// Dialer: makes a Connection out of a connection string: which hosts, in which order, until when. Private to
// store/postgres.
//
// libpq has a list of hosts too, but no deadline for each of them when it is polled, and no memory of the one that
// served last: after the first host has died, every connection would wait for it again.
//
// Errors: see connection.h. Thread rules: one thread at a time; blocks.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "store/postgres/connection.h"

namespace mitral::store::postgres {

class Dialer {
 public:
  Dialer(const ConnectOptions& options, const std::atomic<bool>* stop) : options_(options), stop_(stop) {}
  [[nodiscard]] Result<std::unique_ptr<Connection>> dial();

 private:
  using Parameters = std::vector<std::pair<std::string, std::string>>;
  struct Host {
    std::string name, address, port;
    [[nodiscard]] bool remote() const;
    [[nodiscard]] std::string shown() const;
  };

  [[nodiscard]] Result<void> parse();
  [[nodiscard]] Result<void> split_hosts();
  [[nodiscard]] Parameters parameters_for(const Host& host) const;
  [[nodiscard]] Result<std::unique_ptr<Connection>> try_host(const Host& host);
  [[nodiscard]] Result<void> shake_hands(Connection& connection, Connection::Steady::time_point deadline);
  [[nodiscard]] Result<void> set_up(Connection& connection, Connection::Steady::time_point deadline);
  [[nodiscard]] bool stopped() const noexcept { return stop_ != nullptr && stop_->load(std::memory_order_relaxed); }
  [[nodiscard]] std::string given(std::string_view key) const;

  const ConnectOptions& options_;
  const std::atomic<bool>* stop_;
  Parameters parameters_;
  std::vector<Host> hosts_;
};

}  // namespace mitral::store::postgres
