// IssuerLink: the gateway as a client of its authorization server: introspection (RFC 7662), key set, revocation feed
// and SMART configuration, each with the gateway's own credential where one is needed. For an issuer of another make
// (Config::foreign) the work is ForeignIssuer's, and there is no feed.
//
// Errors: unavailable for everything that is not a well-formed 200 answer (the caller fails closed); too_large,
// timeout. Thread rules: any thread; immutable but for remembered metadata.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "codec/json.h"
#include "gateway/config.h"
#include "gateway/foreign_issuer.h"
#include "gateway/metrics.h"
#include "gateway/upstream.h"
#include "jose/jwk.h"
#include "model/grant.h"

namespace mitral::gateway {

class IssuerLink {
 public:
  [[nodiscard]] static Result<IssuerLink> create(const Config& config, Sender& sender, Metrics& metrics,
                                                 const Clock& clock, Random& random);

  /// The introspection answer as it came; {"active":false} is a success.
  [[nodiscard]] Task<Result<codec::Json>> introspect(std::string token) const;
  [[nodiscard]] Task<Result<jose::JwkSet>> fetch_keys() const;
  [[nodiscard]] Task<Result<codec::Json>> fetch_smart_configuration() const;

  struct FeedPage {
    std::int64_t seq = 0;
    std::int64_t oldest = 0;
    std::vector<model::Change> changes;
  };
  [[nodiscard]] Task<Result<FeedPage>> poll_feed(std::int64_t after, Duration wait) const;

 private:
  IssuerLink(Sender& sender, Metrics& metrics) noexcept : sender_(sender), metrics_(metrics) {}
  [[nodiscard]] Task<Result<codec::Json>> call(net::Url url, codec::Request request, net::ClientOptions options) const;
  [[nodiscard]] codec::Request get_request(bool with_credential) const;

  Sender& sender_;
  Metrics& metrics_;
  net::Url introspection_, jwks_, feed_, smart_;
  net::ClientOptions options_;
  Secret basic_;                            ///< value of the Authorization header
  std::shared_ptr<ForeignIssuer> foreign_;  ///< null: an issuer of ours
};

}  // namespace mitral::gateway
