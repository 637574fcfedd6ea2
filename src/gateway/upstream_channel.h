// UpstreamChannel: the one way to the FHIR server: bounded, broken when the server is down, and with one retry where
// that is safe. A Sender around the Sender that does the sending, so that no handler can go past it.
//
// Only requests to the FHIR server itself are meant: others (hosts where Bulk Data files lie) are bounded, no more.
//
//   bound    at most `in_flight_max` requests at once, counted until the last byte of a streamed answer: then
//            unavailable, at once
//   circuit  circuit.h. Failures are: no connection, timeouts, 502, 503 and 504. Not a 500: it speaks of the request as
//            often as of the server, and a caller who finds a request that makes a FHIR server stumble must not be able
//            to shut out everybody else.
//   retry    GET and HEAD, once, after a pause, when there was no connection or the answer was 502, 503 or 504, if the
//            time of the first attempt leaves room. Nothing else is ever sent twice (RFC 9110 §9.2.2).
//
// Errors: those of Sender; unavailable when the bound or the circuit refuses. Limits: UpstreamRules. Thread rules: any
// thread that has a Scheduler.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

#include "gateway/circuit.h"
#include "gateway/metrics.h"
#include "gateway/rules.h"
#include "gateway/upstream.h"

namespace mitral::gateway {

class UpstreamChannel final : public Sender {
 public:
  /// What is handed in must outlive the channel.
  UpstreamChannel(Sender& sender, net::Url upstream, UpstreamRules rules, Metrics& metrics, const Clock& clock)
      : sender_(sender),
        upstream_(std::move(upstream)),
        rules_(rules),
        metrics_(metrics),
        clock_(clock),
        circuit_(rules.circuit) {}

  Task<Result<codec::Response>> send(net::Url url, codec::Request request, net::ClientOptions options) override;
  Task<Result<codec::Response>> open(net::Url url, codec::Request request, net::ClientOptions options) override;

  [[nodiscard]] const Circuit& circuit() const noexcept { return circuit_; }
  [[nodiscard]] std::size_t in_flight() const noexcept { return in_flight_.load(std::memory_order_relaxed); }

 private:
  class Slot;
  class Body;
  [[nodiscard]] Task<Result<codec::Response>> attempt(net::Url url, codec::Request request, net::ClientOptions options,
                                                      bool stream);
  [[nodiscard]] Task<Result<codec::Response>> bounded(net::Url url, codec::Request request, net::ClientOptions options,
                                                      bool stream);

  [[nodiscard]] Task<Result<codec::Response>> once(net::Url url, codec::Request request, net::ClientOptions options,
                                                   bool stream);

  Sender& sender_;
  const net::Url upstream_;
  const UpstreamRules rules_;
  Metrics& metrics_;
  const Clock& clock_;
  Circuit circuit_;
  std::atomic<std::size_t> in_flight_{0};
};

}  // namespace mitral::gateway
