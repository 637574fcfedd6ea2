// FhirRoute: everything of the gateway that needs an access token: from one Bearer token to an audited answer.
//
// The order is that of oauth-oidc-fapi §21: one Authorization header, token, revocation, key binding, scope, rewrite,
// filter, audit. See gateway.h for the statuses.
//
// Limits: base/limits.h. Thread rules: handle() from any thread that has a Scheduler; the request must outlive the
// Task.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "codec/message.h"
#include "fhir/interaction.h"
#include "gateway/answer.h"
#include "gateway/config.h"
#include "gateway/metrics.h"
#include "gateway/page_sealer.h"
#include "gateway/token_verifier.h"
#include "gateway/upstream.h"
#include "policy/fhir_decision.h"
#include "ports/stores.h"

namespace mitral::gateway {

/// URL of a resource's RFC 9728 metadata: the well-known segment between host and path (§3.1).
[[nodiscard]] std::string resource_metadata_url(std::string_view resource);
/// Value of "Accept" and _format as clients write them: is FHIR JSON wanted or at least welcome?
[[nodiscard]] bool wants_fhir_json(std::string_view accept, const std::vector<std::string_view>& formats);

class FhirRoute {
 public:
  struct Parts {
    const Config& config;
    net::Url upstream;  ///< of the upstream base, its target without a trailing slash
    Sender& sender;
    ports::AuditStore& audit;
    const Clock& clock;
    Metrics& metrics;
    TokenVerifier& verifier;
    const PageSealer& pages;
  };
  explicit FhirRoute(Parts parts);

  /// `rest` is the part of the path below the public base.
  [[nodiscard]] Task<codec::Response> handle(const codec::Request& request, std::string_view rest);

 private:
  struct Call;
  [[nodiscard]] std::optional<codec::Response> refuse_token_elsewhere(const codec::Request& request) const;
  [[nodiscard]] codec::Response unauthorized(std::string_view error, ClientText description) const;
  [[nodiscard]] codec::Response refusal(const policy::RequestDecision& decision,
                                        const fhir::Interaction& interaction) const;
  [[nodiscard]] Task<codec::Response> guarded(Call& call);
  [[nodiscard]] std::optional<codec::Response> classify(Call& call) const;
  [[nodiscard]] std::optional<codec::Response> unseal(Call& call) const;
  [[nodiscard]] codec::Request upstream_request(const Call& call) const;
  [[nodiscard]] std::string upstream_target(const Call& call) const;
  [[nodiscard]] Task<codec::Response> forward(Call& call);
  [[nodiscard]] Task<codec::Response> judge(Call& call, const codec::Response& upstream);
  [[nodiscard]] codec::Response render(const Call& call, const Judged& judged, const codec::Response& upstream) const;
  [[nodiscard]] std::optional<std::string> seal_link(const Call& call, std::string_view upstream_link) const;
  /// Writes the access down, then lets the answer go; an answer that can't be written down does not leave.
  [[nodiscard]] Task<codec::Response> released(Call& call, codec::Response response, std::string_view reason,
                                               const std::vector<Shown>& shown = {}, std::size_t withheld = 0);
  [[nodiscard]] Task<codec::Response> refused_token(const codec::Request& request, const Error& error);

  Parts parts_;
  std::string upstream_base_;  ///< as configured: what upstream calls itself
  std::string challenge_metadata_;
  std::atomic<std::int64_t> unproven_second_{0};
  std::atomic<std::size_t> unproven_count_{0};
};

}  // namespace mitral::gateway
