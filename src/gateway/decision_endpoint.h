// DecisionEndpoint: the gateway's decision as a service for a proxy that forwards requests itself: nginx auth_request
// and Envoy ext_authz (HTTP service). It decides requests, never answers.
//
//   nginx   any method on exactly {path}, with X-Original-Method, X-Original-URI and the client's Authorization.
//           204 permitted; 401 and 403 with WWW-Authenticate; 503 can't be checked (nginx makes a 500 of it)
//   Envoy   {path}/envoy as path_prefix: the client's own method and the rest of the path. 200 permitted; everything
//           else is the answer that the client shall get
//
// A permitted request carries X-Authorization-* headers, as phantom.h makes them, for the proxy to hand on.
//
// The gateway's boundary is the judgement of each resource of an answer, and that does not happen here. So by default
// only what is safe without it is permitted: reads and searches, by a token for which nothing of the type can be
// hidden, with no parameter that the gateway would have changed or left out, no includes, and nowhere where patients'
// directives or security labels are enforced. With DecideRules::request_only the resource server has promised to judge
// its answers and what is written with include/mitral/resource_server.h; then everything passes that a scope may allow.
// Batches and transactions never pass: their entries can't be seen here. Nor do searches by POST, whose body can't be.
// Nor does what the FHIR server might read as another request (threat W-18): method override headers, a path that is
// not plain, ';' or '#' in a query that are not escaped.
//
// For the operator's own network only: it must not be reachable by clients. DecideRules::secret, when set, must come
// in X-Decide-Secret.
//
// Errors: answers. Thread rules: any thread that has a Scheduler; the request must outlive the Task.
#pragma once

#include "base/task.h"
#include "codec/message.h"
#include "gateway/exchange.h"
#include "gateway/phantom.h"
#include "gateway/token_verifier.h"

namespace mitral::gateway {

class DecisionEndpoint {
 public:
  /// What is handed in must outlive it. `parts.identity` is not used: `teller` tells.
  DecisionEndpoint(Exchange::Parts parts, TokenVerifier& verifier, const Identity& teller);

  [[nodiscard]] Task<codec::Response> handle(const codec::Request& request) const;

 private:
  struct Asked;
  [[nodiscard]] std::optional<codec::Response> understand(const codec::Request& request, Asked& asked) const;
  [[nodiscard]] Task<codec::Response> decided(Asked& asked) const;
  [[nodiscard]] bool safe_unjudged(const Call& call) const;

  Exchange::Parts parts_;
  Exchange exchange_;
  TokenVerifier& verifier_;
  const Identity& teller_;
  std::string base_path_;
};

}  // namespace mitral::gateway
