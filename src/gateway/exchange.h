// Exchange: what every handler of the gateway needs to bring a judged request to an audited answer: requests to
// upstream built anew, refusals in their fixed shapes, the facts that a judgement needs, and the release of an answer.
//
// A handler never talks to upstream, to the audit or to the client but through here, so that these hold everywhere:
// no header, parameter or credential of the client reaches upstream unjudged (threat W-19); an error body of upstream
// never reaches the client; nothing leaves before its audit event is durable.
//
// Limits: base/limits.h. Errors: those of Sender; a Response is always an answer that may be sent. Thread rules: const
// methods from any thread that has a Scheduler; the Call must outlive the Task.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "codec/json.h"
#include "codec/message.h"
#include "gateway/answer.h"
#include "gateway/call.h"
#include "gateway/config.h"
#include "gateway/consent_source.h"
#include "gateway/metrics.h"
#include "gateway/page_sealer.h"
#include "gateway/upstream.h"
#include "ports/stores.h"

namespace mitral::gateway {

/// One request to the FHIR server behind the gateway.
struct UpstreamRequest {
  codec::Method method = codec::Method::get;
  std::string target{};        ///< below the upstream base: "/Observation?patient=Patient/1"
  std::string content_type{};  ///< of the body, or empty
  std::string body{};
  std::vector<codec::Header> headers{};  ///< further ones that the gateway itself chose (If-Match ...)
  bool stream = false;                   ///< the answer's body may come in pieces
  std::string accept = "application/fhir+json";
  const Call* call = nullptr;  ///< on whose behalf: upstream is told, where the operator wants it (phantom.h)
  std::size_t max_body = 0;    ///< of the answer; 0: as configured
};

class Bulk;
class EmergencyReviews;
class Identity;

/// What became of a call, for the audit.
struct Release {
  std::string_view reason{};   ///< stable code; empty on success
  std::vector<Shown> shown{};  ///< resources that leave with the answer (or were written)
  std::size_t withheld = 0;
};

class Exchange {
 public:
  struct Parts {
    const Config& config;
    net::Url upstream;  ///< of the upstream base, its target without a trailing slash
    Sender& sender;
    ports::AuditStore& audit;
    const Clock& clock;
    Metrics& metrics;
    const PageSealer& pages;
    Bulk* bulk = nullptr;                 ///< null: Bulk Data is not offered
    const Identity* identity = nullptr;   ///< null: upstream is told nothing about callers
    EmergencyReviews* reviews = nullptr;  ///< null: the FHIR server is not told of emergency accesses
  };
  explicit Exchange(Parts parts);

  [[nodiscard]] const Config& config() const noexcept { return parts_.config; }
  [[nodiscard]] const std::string& public_base() const noexcept { return parts_.config.public_base; }
  /// What upstream calls itself, for moving its references.
  [[nodiscard]] const std::string& upstream_base() const noexcept { return parts_.config.upstream; }
  /// Path of the upstream base, without a trailing slash.
  [[nodiscard]] const std::string& upstream_path() const noexcept { return parts_.upstream.target; }
  [[nodiscard]] Metrics& metrics() const noexcept { return parts_.metrics; }
  [[nodiscard]] const PageSealer& pages() const noexcept { return parts_.pages; }
  [[nodiscard]] Bulk* bulk() const noexcept { return parts_.bulk; }
  [[nodiscard]] Instant now() const { return parts_.clock.now(); }

  /// Sends with the gateway's own credential. Every status is a success; failures are logged and counted here.
  [[nodiscard]] Task<Result<codec::Response>> send(UpstreamRequest request) const;
  /// A streamed GET from a host that the operator listed for files. No credential and no header but Accept goes there.
  [[nodiscard]] Task<Result<codec::Response>> download(net::Url url, std::string accept) const;
  /// The strictly parsed JSON of a 200 or 201 answer, upstream references moved to the public base. malformed: not FHIR
  /// JSON.
  [[nodiscard]] Result<codec::Json> fhir_json(const codec::Response& response) const;
  /// A resource as it stands now, whoever it belongs to: for judging, never for showing as it is. not_found for 404,
  /// 410.
  [[nodiscard]] Task<Result<codec::Json>> fetch(std::string_view type, std::string_view id) const;

  /// The facts besides the token, for the patients within the token's bounds and those named here. unavailable: the
  /// directives of one of them can't be read (but in emergency access, which overrides them).
  [[nodiscard]] Task<Result<policy::Circumstances>> circumstances(const Call& call,
                                                                  std::vector<std::string> patients) const;

  /// The refusal in the shape that its reason asks for: status, OperationOutcome, challenge.
  [[nodiscard]] codec::Response refusal(const policy::RequestDecision& decision) const;
  [[nodiscard]] codec::Response unauthorized(std::string_view error, ClientText description) const;
  /// A challenge for 400 invalid_request and the like.
  [[nodiscard]] std::string challenge_for(std::string_view error, ClientText text, std::string_view scope = {}) const;

  /// The answer for a failed or unexpected upstream answer, audited. Bodies of upstream's errors are dropped.
  [[nodiscard]] Task<codec::Response> upstream_failed(Call& call, const Error& error) const;
  [[nodiscard]] Task<codec::Response> upstream_status(Call& call, int status) const;
  /// 200 of upstream that is not what was asked for: 502.
  [[nodiscard]] Task<codec::Response> upstream_rejected(Call& call, std::string_view why) const;

  /// Writes the access down, then lets the answer go; an answer that can't be written down becomes 503.
  [[nodiscard]] Task<codec::Response> released(Call& call, codec::Response response, Release what) const;
  /// Only the audit part, for answers that leave piece by piece.
  [[nodiscard]] Task<Result<void>> write_down(const Call& call, int status, const Release& what) const;

 private:
  Parts parts_;
  std::string challenge_metadata_;
  std::unique_ptr<ConsentSource> consents_;  ///< null: directives are not enforced
};

/// Media type and coding of an upstream answer are FHIR JSON's.
[[nodiscard]] bool says_fhir_json(const codec::Response& response);
/// The one 503: can't be checked now.
[[nodiscard]] codec::Response unavailable();
/// The one 502.
[[nodiscard]] codec::Response bad_gateway();
[[nodiscard]] codec::Response method_not_allowed();
/// "a=b&c=d", encoded.
[[nodiscard]] std::string serialize(const std::vector<fhir::QueryParam>& params);
/// URL of a resource's RFC 9728 metadata: the well-known segment between host and path (§3.1).
[[nodiscard]] std::string resource_metadata_url(std::string_view resource);
/// W/"version" of a resource, or empty.
[[nodiscard]] std::string version_tag(const codec::Json& resource);

}  // namespace mitral::gateway
