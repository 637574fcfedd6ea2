// Context: one request on its way through the pipeline: what came in, what has been proven, what will go out.
//
// A step reads what earlier steps left and adds its own. Everything here dies with the request; nothing is shared.
// The directory snapshot is taken once, so that all steps see the same records.
//
// Thread rules: one request, one thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "codec/form.h"
#include "codec/message.h"
#include "flow/endpoint.h"
#include "flow/issue.h"
#include "flow/issuer_config.h"
#include "flow/proofs.h"
#include "flow/services.h"
#include "policy/profile.h"
#include "ports/directory.h"
#include "spec/oauth/rfc6749_client.h"
#include "spec/oauth/rfc7523_assertion.h"

namespace mitral::flow {

struct Context {
  Context(Services& services_, const IssuerRuntime& issuer_, Endpoint endpoint_, codec::Request request_);
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Services& services;
  const IssuerRuntime& issuer;
  const Endpoint endpoint;
  codec::Request request;
  const Instant now;  ///< one instant for the whole request
  const std::shared_ptr<const ports::Directory> directory;

  /// Parameters: the form body of a POST, the query of a GET at /authorize. Steps `parse` or `parse_authorize`.
  codec::Form form;
  /// `grant_type`, once known to be supported (token endpoint).
  std::optional<model::GrantType> grant_type;

  // Client authentication, as it was presented; nothing here is proven.
  spec::oauth::PresentedClient presented;
  std::optional<spec::oauth::PresentedAssertion> assertion;
  std::shared_ptr<const jose::JwkSet> fetched_keys;  ///< of jwks_uri
  const model::Client* candidate = nullptr;
  const model::ResourceServer* candidate_server = nullptr;

  // Proven.
  std::optional<AuthenticatedClient> client;
  std::optional<AuthenticatedServer> server;
  std::optional<AuthorizedIntrospector> introspector;  ///< instead of client and server
  std::optional<policy::Profile> profile;              ///< floor ⊓ issuer ⊓ client
  std::optional<SenderBinding> sender;
  std::optional<RedeemedGrant> grant;
  std::optional<ApprovedScopes> scopes;
  std::optional<PreparedTokens> prepared;

  std::int64_t retry_after_s = 0;  ///< of a 429 or 503
  bool client_failed = false;      ///< the client could not prove itself: throttled and audited

  bool audited = false;  ///< a step has written the event of this denial itself

  codec::Response response;

  /// An audit event of this request with issuer, time, address and client filled in.
  [[nodiscard]] model::AuditEvent event(model::AuditKind kind, model::AuditOutcome outcome) const;
};

}  // namespace mitral::flow
