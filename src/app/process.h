// Process: listeners on a runtime, ended gracefully: SIGTERM or SIGINT first tells the world (/readyz is red, answers
// close their connections) and goes on serving for the delay that load balancers need, then stops accepting, lets
// requests in flight finish (bounded by limits::kDrainTimeout), and ends the loops. SIGHUP reads the TLS files again;
// they are also looked at each second.
//
// Thread rules: the owner's thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/config.h"
#include "base/result.h"
#include "base/secret.h"
#include "net/runtime.h"
#include "net/server.h"
#include "net/tls.h"

namespace mitral::app {

class Process {
 public:
  explicit Process(net::Runtime& runtime);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Binds and begins to accept; the port that was taken.
  [[nodiscard]] Result<std::uint16_t> listen(const Endpoint& endpoint, net::Handler handler,
                                             net::ServerOptions options = {});
  /// Before listen(): TLS sessions of one node are resumed on every other that has the secret; `scope` is what listens.
  void share_tickets(Secret secret, std::string scope);
  /// What happens first when the process is asked to end. Background tasks (Runtime::spawn_on) that it tells to end are
  /// waited for, as requests in flight are.
  void on_drain(std::function<void()> work) { on_drain_ = std::move(work); }
  /// What happens when no more connections are accepted.
  void on_close(std::function<void()> work) { on_close_ = std::move(work); }
  /// How long it goes on serving after on_drain().
  void set_drain_delay(Duration delay) { drain_delay_ = delay; }
  /// Runs until a signal; a second one ends at once.
  void run();
  /// Counters of all listeners in the Prometheus text format.
  [[nodiscard]] std::string metrics_text() const;

 private:
  void drain();
  void close_doors();
  void end_when_quiet();
  net::Runtime& runtime_;
  std::vector<std::unique_ptr<net::HttpServer>> servers_;
  std::vector<std::shared_ptr<net::TlsContext>> contexts_;
  Secret ticket_secret_;
  std::string ticket_scope_;
  std::shared_ptr<void> timer_, ending_, closing_;
  Duration drain_delay_{};
  std::function<void()> on_drain_, on_close_;
  std::size_t open_ = 0;
  bool draining_ = false;
};

}  // namespace mitral::app
