// Proofs: security facts as types that only the step that established them can make.
//
// A function that issues something takes the proofs as parameters: code that skipped a check does not compile, for it
// has nothing to pass. Each class names its one maker as a friend (struct of static functions, defined in that step's
// file); docs/adr/0007-pipeline-and-proofs.md tells the whole chain.
//
//   AuthenticatedClient     steps/client.cc    who calls, by which method, proven
//   AuthenticatedServer     steps/client.cc    a resource server that calls introspection or the feed
//   AuthorizedIntrospector  steps/bearer.cc    a backend that calls introspection with an access token
//   VerifiedRedirect        steps/redirect.cc  redirect_uri is registered for this client: errors may be redirected
//   SenderBinding           steps/sender.cc    key that the tokens will be bound to, or none where that is allowed
//   RedeemedGrant           grants/*.cc        a code, refresh token or client registration that entitles to tokens
//   ApprovedScopes          steps/scopes.cc    what may go into the token after every limit was applied
//
// Pointers inside lead into the directory snapshot that Context::directory keeps alive.
// Thread rules: values that belong to one request.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "model/client.h"
#include "model/grant.h"
#include "spec/smart/scopes.h"

namespace mitral::flow {

struct ClientStep;    // steps/client.cc
struct BearerStep;    // steps/bearer.cc
struct RedirectStep;  // steps/redirect.cc
struct SenderStep;    // steps/sender.cc
struct GrantStep;     // grants/*.cc
struct ScopeStep;     // steps/scopes.cc

class AuthenticatedClient {
 public:
  [[nodiscard]] const model::Client& record() const noexcept { return *client_; }
  [[nodiscard]] const ClientId& id() const noexcept { return client_->id; }
  /// How it proved itself. `none` only for a public client, which has said nothing but its name.
  [[nodiscard]] model::ClientAuthMethod method() const noexcept { return method_; }
  [[nodiscard]] bool is_public() const noexcept { return method_ == model::ClientAuthMethod::none; }

 private:
  friend struct ClientStep;
  AuthenticatedClient(const model::Client& client, model::ClientAuthMethod method) noexcept
      : client_(&client), method_(method) {}
  const model::Client* client_;
  model::ClientAuthMethod method_;
};

class AuthenticatedServer {
 public:
  [[nodiscard]] const model::ResourceServer& record() const noexcept { return *server_; }

 private:
  friend struct ClientStep;
  explicit AuthenticatedServer(const model::ResourceServer& server) noexcept : server_(&server) {}
  const model::ResourceServer* server_;
};

/// A backend that called introspection with an access token for it (SMART App Launch 2.2, token introspection): it may
/// look at whatever is issued for the resource that its own token is for.
class AuthorizedIntrospector {
 public:
  [[nodiscard]] const std::string& audience() const noexcept { return audience_; }

 private:
  friend struct BearerStep;
  explicit AuthorizedIntrospector(std::string audience) noexcept : audience_(std::move(audience)) {}
  std::string audience_;
};

/// The redirect URI as it was presented (or the only registered one), proven to belong to the client. Only who holds
/// this may redirect a browser, errors included (threat M-4.2.4).
class VerifiedRedirect {
 public:
  [[nodiscard]] const model::Client& client() const noexcept { return *client_; }
  [[nodiscard]] const std::string& uri() const noexcept { return uri_; }
  [[nodiscard]] bool was_sent() const noexcept { return sent_; }

 private:
  friend struct RedirectStep;
  VerifiedRedirect(const model::Client& client, std::string uri, bool sent)
      : client_(&client), uri_(std::move(uri)), sent_(sent) {}
  const model::Client* client_;
  std::string uri_;
  bool sent_;
};

class SenderBinding {
 public:
  [[nodiscard]] bool bound() const noexcept { return jkt_.has_value(); }
  [[nodiscard]] const std::optional<Hash256>& jkt() const noexcept { return jkt_; }

 private:
  friend struct SenderStep;
  explicit SenderBinding(std::optional<Hash256> jkt) noexcept : jkt_(jkt) {}
  std::optional<Hash256> jkt_;
};

/// The right to get tokens, checked against the caller, not yet spent: step commit spends it.
class RedeemedGrant {
 public:
  enum class Source : std::uint8_t { code, refresh, client };
  [[nodiscard]] Source source() const noexcept { return source_; }
  /// For `code` and `refresh`; with `code` it is the grant that commit will create.
  [[nodiscard]] const model::Grant& grant() const noexcept { return grant_; }
  [[nodiscard]] bool has_user() const noexcept { return source_ != Source::client; }
  /// When the permission was given: a revocation of client or user after that takes it back.
  [[nodiscard]] Instant since() const noexcept { return since_; }
  /// `code`: what it was made for, and its hash.
  [[nodiscard]] const model::AuthorizationRequest& request() const noexcept { return request_; }
  [[nodiscard]] const Hash256& code() const noexcept { return code_; }
  /// `refresh`: the generation that was presented.
  [[nodiscard]] std::uint32_t generation() const noexcept { return generation_; }

 private:
  friend struct GrantStep;
  explicit RedeemedGrant(Source source) noexcept : source_(source) {}
  Source source_;
  model::Grant grant_;
  Instant since_;
  model::AuthorizationRequest request_;
  Hash256 code_{};
  std::uint32_t generation_ = 0;
};

/// Scopes and audience of the access token about to be made.
class ApprovedScopes {
 public:
  /// In the words that the client used, in its order.
  [[nodiscard]] const std::vector<std::string>& list() const noexcept { return list_; }
  [[nodiscard]] bool contains(std::string_view scope) const noexcept;
  /// Exactly the grant's own list.
  [[nodiscard]] bool whole_grant() const noexcept { return whole_; }
  /// Resource identifier; the issuer itself when no resource server is concerned.
  [[nodiscard]] const std::string& audience() const noexcept { return audience_; }
  /// nullptr when the audience is the issuer.
  [[nodiscard]] const model::ResourceServer* server() const noexcept { return server_; }

 private:
  friend struct ScopeStep;
  ApprovedScopes() = default;
  std::vector<std::string> list_;
  bool whole_ = false;
  std::string audience_;
  const model::ResourceServer* server_ = nullptr;
};

}  // namespace mitral::flow
