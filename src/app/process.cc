#include "app/process.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <utility>

#include "base/limits.h"

namespace mitral::app {

Process::Process(net::Runtime& runtime) : runtime_(runtime) {}
Process::~Process() = default;

void Process::share_tickets(Secret secret, std::string scope) {
  ticket_secret_ = std::move(secret);
  ticket_scope_ = std::move(scope);
}

Result<std::uint16_t> Process::listen(const Endpoint& endpoint, net::Handler handler, net::ServerOptions options) {
  std::shared_ptr<net::TlsContext> tls;
  if (!endpoint.certificate.empty()) {
    net::TlsOptions files;
    files.certificate_file = endpoint.certificate;
    files.key_file = endpoint.key;
    files.ticket_secret = ticket_secret_;
    files.ticket_scope = ticket_scope_;
    MITRAL_TRY(tls, net::TlsContext::create(std::move(files)));
    contexts_.push_back(tls);
  }
  auto server = net::HttpServer::listen(runtime_, endpoint.address, endpoint.port, tls, std::move(handler), options);
  if (!server) {
    auto error = std::move(server).error();
    error.detail = fmt::format("can't listen on {}:{}: {}", endpoint.address, endpoint.port, error.detail);
    return std::unexpected(std::move(error));
  }
  servers_.push_back(std::move(*server));
  return servers_.back()->port();
}

void Process::drain() {
  if (draining_) return runtime_.stop();
  draining_ = true;
  log::info("process.draining");
  if (on_drain_) on_drain_();
  for (auto& server : servers_) server->announce_drain();
  if (drain_delay_ <= Duration{}) return close_doors();
  closing_ = runtime_.every(drain_delay_, [this, closed = false]() mutable {
    if (!std::exchange(closed, true)) close_doors();
  });
}

void Process::close_doors() {
  if (on_close_) on_close_();
  open_ = servers_.size();
  if (open_ == 0) return end_when_quiet();
  for (auto& server : servers_) {
    server->drain([this] {
      runtime_.post(0, [this] {
        if (--open_ == 0) end_when_quiet();
      });
    });
  }
}

// A poll of the gateway's feed, say, takes up to its own timeout to see that it is over.
void Process::end_when_quiet() {
  if (runtime_.tasks() == 0) return runtime_.stop();
  const auto latest = std::chrono::steady_clock::now() + limits::kDrainTimeout;
  ending_ = runtime_.every(limits::kTimerTick, [this, latest] {
    if (runtime_.tasks() == 0 || std::chrono::steady_clock::now() >= latest) runtime_.stop();
  });
}

void Process::run() {
  const auto reload = [this](bool always) {
    for (auto& context : contexts_) {
      const auto done = always ? context->reload() : [&]() -> Result<void> {
        const auto changed = context->reload_if_changed();
        if (!changed) return std::unexpected(changed.error());
        if (*changed) log::info("tls.reloaded");
        return {};
      }();
      if (!done) log::error("tls.reload_failed", {{"error", done.error().detail}});
    }
  };
  runtime_.on_signal(SIGTERM, [this] { drain(); });
  runtime_.on_signal(SIGINT, [this] { drain(); });
  runtime_.on_signal(SIGHUP, [reload] { reload(true); });
  if (!contexts_.empty()) timer_ = runtime_.every(std::chrono::seconds(1), [reload] { reload(false); });
  runtime_.run();
  log::info("process.ended");
}

namespace {

// What was turned away, by reason, and what the decision rests on.
std::string overload_text(const net::ServerCounters& sum) {
  std::string out =
      "# HELP mitral_http_shed_total Requests turned away for want of capacity.\n# TYPE mitral_http_shed_total "
      "counter\n";
  for (std::size_t i = 0; i < sum.shed.size(); ++i)
    out += fmt::format("mitral_http_shed_total{{reason=\"{}\"}} {}\n", name(static_cast<net::Shed>(i)), sum.shed[i]);
  out +=
      "# HELP mitral_http_malformed_total Requests refused by the parser.\n# TYPE mitral_http_malformed_total "
      "counter\n";
  for (std::size_t i = 1; i < sum.refused.size(); ++i)
    out += fmt::format("mitral_http_malformed_total{{reason=\"{}\"}} {}\n", name(static_cast<net::Refusal>(i)),
                       sum.refused[i]);
  out += fmt::format(
      "# HELP mitral_http_evicted_total Idle connections closed to make room.\n"
      "# TYPE mitral_http_evicted_total counter\nmitral_http_evicted_total {}\n"
      "# HELP mitral_http_accept_pauses_total Times that file descriptors ran out.\n"
      "# TYPE mitral_http_accept_pauses_total counter\nmitral_http_accept_pauses_total {}\n"
      "# HELP mitral_http_queue_wait_seconds How long a ready connection waited for its event loop, last measured.\n"
      "# TYPE mitral_http_queue_wait_seconds gauge\nmitral_http_queue_wait_seconds {:.6f}\n"
      "# HELP mitral_http_shed_share Part of the requests that is refused now.\n"
      "# TYPE mitral_http_shed_share gauge\nmitral_http_shed_share {:.3f}\n"
      "# HELP mitral_http_refusal_cost_seconds Time of an event loop that turning a request away takes.\n"
      "# TYPE mitral_http_refusal_cost_seconds gauge\nmitral_http_refusal_cost_seconds {:.7f}\n"
      "# HELP mitral_http_service_cost_seconds Time of an event loop that a served request takes, measured while there "
      "are too many; 0 when not known.\n"
      "# TYPE mitral_http_service_cost_seconds gauge\nmitral_http_service_cost_seconds {:.7f}\n"
      "# HELP mitral_http_tls_handshakes_total TLS handshakes, full and resumed by a ticket.\n"
      "# TYPE mitral_http_tls_handshakes_total counter\nmitral_http_tls_handshakes_total{{kind=\"full\"}} {}\n"
      "mitral_http_tls_handshakes_total{{kind=\"resumed\"}} {}\n",
      sum.evicted, sum.accept_paused, std::chrono::duration<double>(sum.queue_wait).count(), sum.shed_share,
      sum.refusal_cost, sum.service_cost, sum.tls_full, sum.tls_resumed);
  return out;
}

}  // namespace

std::string Process::metrics_text() const {
  net::ServerCounters sum;
  for (const auto& server : servers_) {
    const auto c = server->counters();
    sum.accepted += c.accepted;
    sum.active += c.active;
    sum.requests += c.requests;
    sum.refused_full += c.refused_full + c.refused_address;
    sum.tls_failed += c.tls_failed;
    sum.timed_out_read += c.timed_out_read;
    sum.timed_out_write += c.timed_out_write;
    sum.timed_out_handler += c.timed_out_handler;
    sum.handler_failed += c.handler_failed;
    sum.tls_full += c.tls_full;
    sum.tls_resumed += c.tls_resumed;
    sum.evicted += c.evicted;
    sum.accept_paused += c.accept_paused;
    for (std::size_t i = 0; i < c.shed.size(); ++i) sum.shed[i] += c.shed[i];
    for (std::size_t i = 0; i < c.refused.size(); ++i) sum.refused[i] += c.refused[i];
    sum.queue_wait = std::max(sum.queue_wait, c.queue_wait);
    sum.shed_share = std::max(sum.shed_share, c.shed_share);
    sum.refusal_cost = std::max(sum.refusal_cost, c.refusal_cost);
    sum.service_cost = std::max(sum.service_cost, c.service_cost);
  }
  const auto line = [](std::string_view name, std::string_view type, std::string_view help, std::uint64_t value) {
    return fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n{0} {3}\n", name, type, help, value);
  };
  return line("mitral_http_connections_total", "counter", "Connections accepted.", sum.accepted) +
         line("mitral_http_connections_active", "gauge", "Connections open now.", sum.active) +
         line("mitral_http_requests_total", "counter", "Requests handed to a handler.", sum.requests) +
         line("mitral_http_connections_refused_total", "counter", "Connections over a limit.", sum.refused_full) +
         line("mitral_http_tls_failed_total", "counter", "Failed TLS handshakes.", sum.tls_failed) +
         line("mitral_http_read_timeouts_total", "counter", "Requests that came too slowly.", sum.timed_out_read) +
         line("mitral_http_write_timeouts_total", "counter", "Answers that were read too slowly.",
              sum.timed_out_write) +
         line("mitral_http_handler_timeouts_total", "counter", "Requests over their deadline.", sum.timed_out_handler) +
         line("mitral_http_handler_failures_total", "counter", "Handlers that failed by an exception.",
              sum.handler_failed) +
         overload_text(sum);
}

}  // namespace mitral::app
