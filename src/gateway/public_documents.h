// PublicDocuments: what the gateway tells anyone: the CapabilityStatement, the SMART configuration of this FHIR base
// (always application/json, whatever Accept says), and the protected resource metadata of RFC 9728.
//
// Fetched from upstream and from the authorization server, rebuilt, and kept for kDiscoveryLifetime, so that callers
// without a token can't make the gateway ask again and again. Stale copies serve while a source is down.
//
// Errors: answered as 503 or 502. Thread rules: any thread that has a Scheduler.
#pragma once

#include <string>

#include "base/task.h"
#include "codec/message.h"
#include "gateway/config.h"
#include "gateway/issuer_link.h"
#include "gateway/refreshed.h"
#include "gateway/upstream.h"

namespace mitral::gateway {

/// RFC 9728 §2.
[[nodiscard]] codec::Json protected_resource_metadata(const Config& config);

class PublicDocuments {
 public:
  PublicDocuments(const Config& config, net::Url upstream, Sender& sender, const IssuerLink& issuer,
                  const Clock& clock);

  /// The CapabilityStatement, in the form and mode that the request asks for: JSON, not of terminology.
  [[nodiscard]] Task<codec::Response> metadata(const codec::Request& request);
  [[nodiscard]] Task<codec::Response> smart_configuration();
  [[nodiscard]] codec::Response protected_resource() const;

 private:
  [[nodiscard]] Task<Result<codec::Json>> fetch_smart();
  [[nodiscard]] Task<Result<std::string>> fetch_metadata();

  const Config& config_;
  net::Url upstream_;
  Sender& sender_;
  const IssuerLink& issuer_;
  const Clock& clock_;
  Refreshed<codec::Json> smart_;
  Refreshed<std::string> metadata_;
};

}  // namespace mitral::gateway
