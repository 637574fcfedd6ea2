// FhirRoute: everything of the gateway that needs an access token: from one Bearer token to an audited answer.
//
// The order is that of oauth-oidc-fapi §21: one Authorization header, token, revocation, key binding, scope; then the
// handler of the interaction (one table in fhir_route.cc) does its rewrite, filter and audit. See gateway.h for the
// statuses.
//
// Limits: base/limits.h. Thread rules: handle() from any thread that has a Scheduler; the request must outlive the
// Task.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "codec/message.h"
#include "gateway/call.h"
#include "gateway/exchange.h"
#include "gateway/token_verifier.h"

namespace mitral::gateway {

/// Value of "Accept" and _format as clients write them: is FHIR JSON wanted or at least welcome?
[[nodiscard]] bool wants_fhir_json(std::string_view accept, const std::vector<std::string_view>& formats);

/// Decides a classified call and hands it to the handler of its interaction. Also for the entries of a batch.
[[nodiscard]] Task<codec::Response> serve_classified(const Exchange& exchange, Call& call);

/// Is there a handler for it? For the CapabilityStatement: whether a token allows it is another question.
[[nodiscard]] bool is_served(fhir::InteractionKind kind) noexcept;

/// The answer to a request that is none: as fhir::classify() failed.
[[nodiscard]] codec::Response not_understood(const Error& error);

class FhirRoute {
 public:
  FhirRoute(Exchange::Parts parts, TokenVerifier& verifier)
      : parts_(parts), exchange_(std::move(parts)), verifier_(verifier) {}

  /// `rest` is the part of the path below the public base.
  [[nodiscard]] Task<codec::Response> handle(const codec::Request& request, std::string_view rest);

 private:
  [[nodiscard]] std::optional<codec::Response> refuse_token_elsewhere(const codec::Request& request) const;
  [[nodiscard]] Task<codec::Response> guarded(Call& call);
  [[nodiscard]] std::optional<codec::Response> classify(Call& call) const;
  [[nodiscard]] Task<codec::Response> refused_token(const codec::Request& request, const Error& error);

  Exchange::Parts parts_;
  Exchange exchange_;
  TokenVerifier& verifier_;
  std::atomic<std::int64_t> unproven_second_{0};
  std::atomic<std::size_t> unproven_count_{0};
};

}  // namespace mitral::gateway
