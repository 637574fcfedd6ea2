// Gateway: the policy enforcement point in front of one FHIR R4 server (house plan §8, smart-fhir §4.3).
//
// handle() answers one request, in one order: plain path and Host, public documents, one bearer token, classify,
// decide, rewrite, upstream, judge every resource, audit, answer. What is not understood is denied; what can't be
// checked is denied; nothing leaves before its audit event is durable. Upstream sees a request built anew: no header,
// credential or parameter of the client's reaches it unjudged.
//
//   401 no token or a bad one   403 the token does not allow it   404 absent or not yours, one fixed answer
//   400 not understood          405 method or interaction not offered here      406 another format than JSON
//   502 upstream's answer was not let through                     503 can't check now (authorization server, audit
//   store)
//
// Served without a token: {base}/metadata, {base}/.well-known/smart-configuration,
// /.well-known/oauth-protected-resource{base path} (RFC 9728), CORS preflight. Health and metrics are not served here
// (threat W-20): they belong to the operator's listener.
//
// The feed must be followed (feed().run(), in a task of its own): while it is silent every token is introspected anew.
// Limits: base/limits.h. Thread rules: handle() from any thread that has a Scheduler; create() and the destructor on
// the owner's thread, with no request in flight.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "codec/message.h"
#include "gateway/config.h"
#include "gateway/metrics.h"
#include "gateway/token_verifier.h"
#include "gateway/upstream.h"
#include "ports/stores.h"

namespace mitral::gateway {

class EmergencyReviews;

class Gateway {
 public:
  /// Everything handed in by reference must outlive the gateway. Error: config_invalid.
  [[nodiscard]] static Result<std::unique_ptr<Gateway>> create(Config config, Sender& sender, ports::AuditStore& audit,
                                                               const Clock& clock, Random& random);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  [[nodiscard]] Task<codec::Response> handle(codec::Request request);

  /// The decision as a service for a proxy (decision_endpoint.h): on a listener that only the proxy reaches.
  [[nodiscard]] Task<codec::Response> decide(codec::Request request);
  [[nodiscard]] FeedFollower& feed() noexcept;
  [[nodiscard]] const Metrics& metrics() const noexcept;
  /// The authorization server is being heard: for /readyz.
  [[nodiscard]] bool ready() const noexcept;
  /// What tells the FHIR server of emergency accesses, to be run in a task of its own; null: that is not configured.
  [[nodiscard]] EmergencyReviews* reviews() noexcept;
  /// There is a revocation feed to follow: not with an issuer of another make.
  [[nodiscard]] bool follows_feed() const noexcept;
  /// Tokens remembered now.
  [[nodiscard]] std::size_t tokens_cached() const;

 private:
  struct Impl;
  explicit Gateway(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mitral::gateway
