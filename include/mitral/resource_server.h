// mitral/resource_server.h: what a FHIR R4 resource server in C++ needs to enforce access tokens by itself, with the
// very decision of Mitral's gateway: verify a token, decide a request, judge each resource of the answer.
//
//   mitral::sdk::Settings settings;
//   settings.resource = "https://fhir.example/r4";
//   settings.issuer = "https://as.example/t/clinic";
//   settings.credential_id = "fhir"; settings.credential_secret = …;
//   std::string problem;
//   auto server = mitral::sdk::ResourceServer::start(settings, &problem);      // null: problem says why
//
//   mitral::sdk::Refusal refusal;
//   auto token = server->authenticate(authorization_header, peer_address, &refusal);
//   auto permit = token ? server->decide(*token, {"GET", "/Observation", "patient=maria"}, &refusal) : std::nullopt;
//   if (!permit) answer(refusal.status, refusal.challenge, refusal.text);
//   for (resource : found) if (server->visible(*permit, resource)) show(resource);
//
// The three steps belong together. decide() alone is no protection: a permitted search may find resources that this
// token may not see, and only visible() knows them. A resource that is not visible must leave no trace: not in totals,
// not in links, and a read of it is answered like one of a resource that does not exist.
//
// Sources: SMART App Launch 2.2, RFC 6750, RFC 7662, RFC 8707, RFC 9068, RFC 9728.
// Security labels are enforced as Settings::hidden_labels says. Patients' Consent resources are not: where they shall
// decide, put the gateway in front.
//
// Errors: no function throws but std::bad_alloc; what can't be checked is refused (503). Nothing here writes an audit
// record: that is the caller's duty, and Token has what it takes.
// Thread rules: start() and the destructor on one thread, with no call in progress; everything else from any thread.
// authenticate() may block for Settings::timeout, when the authorization server must be asked; nothing else blocks. The
// object has two threads of its own at most.
// Stability: what is in this header keeps its meaning within a major version. C++20.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mitral::sdk {

struct Settings {
  std::string resource;       ///< own FHIR base URL, without a trailing slash
  std::string audience;       ///< what "aud" of a token must contain; empty: resource
  std::string issuer;         ///< the authorization server's issuer identifier
  std::string credential_id;  ///< own name at introspection and at the revocation feed
  std::string credential_secret;
  std::string ca_file;            ///< PEM bundle trusted beside the system's
  bool allow_plain_http = false;  ///< towards the issuer: for tests on one machine
  std::string name = "FHIR";      ///< in the metadata of RFC 9728
  std::vector<std::string> scopes_supported;
  std::vector<std::string> hidden_labels;  ///< "code" or "system|code"; shown only to those who may overcome them
  std::chrono::milliseconds timeout{5000};
};

/// The answer to give instead. Texts are fixed and safe to show; nothing in them comes from the request.
struct Refusal {
  int status = 403;
  std::string reason;     ///< stable code, for logs and audit: "insufficient_scope" …
  std::string text;       ///< for an OperationOutcome
  std::string challenge;  ///< value of WWW-Authenticate; empty: none
};

/// A verified access token. Cheap to copy.
class Token {
 public:
  [[nodiscard]] const std::string& client() const noexcept;
  [[nodiscard]] const std::string& subject() const noexcept;  ///< the client's own id in a token without a user
  [[nodiscard]] const std::string& patient() const noexcept;  ///< launch context; may be empty
  [[nodiscard]] const std::string& fhir_user() const noexcept;
  [[nodiscard]] const std::string& scope() const noexcept;
  [[nodiscard]] const std::string& grant() const noexcept;
  [[nodiscard]] const std::string& id() const noexcept;       ///< jti
  [[nodiscard]] const std::string& purpose() const noexcept;  ///< HL7 PurposeOfUse, or empty
  [[nodiscard]] std::chrono::system_clock::time_point expires() const noexcept;

 private:
  friend class ResourceServer;
  struct State;
  std::shared_ptr<const State> state_;
};

/// What a client asks. Views need to live during the call only.
struct Request {
  std::string_view method = "GET";  ///< exact case
  std::string_view path;            ///< below the FHIR base, as sent: "/Observation/1"
  std::string_view query{};         ///< as sent, without '?'
  std::string_view content_type{};
  std::string_view body{};     ///< needed for POST _search only
  bool if_none_exist = false;  ///< that header is there
};

/// A permitted request: what its resources are judged by. Cheap to copy.
class Permission {
 public:
  /// Search parameters to add, each by AND: the bounds of the token. They save work; visible() is what protects.
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& parameters() const noexcept;
  /// "read", "search-type", "create" …
  [[nodiscard]] std::string_view interaction() const noexcept;

 private:
  friend class ResourceServer;
  struct State;
  std::shared_ptr<const State> state_;
};

/// How a resource came into an answer.
enum class Origin {
  asked,     ///< read, search match, history
  included,  ///< by _include
  reverse,   ///< by _revinclude
};

class ResourceServer {
 public:
  /// Null, and what is wrong in `problem`, if the settings can't work. Does not wait for the authorization server.
  [[nodiscard]] static std::unique_ptr<ResourceServer> start(Settings settings, std::string* problem = nullptr);
  ~ResourceServer();
  ResourceServer(const ResourceServer&) = delete;
  ResourceServer& operator=(const ResourceServer&) = delete;

  /// `authorization`: the value of the one Authorization header; empty if there is none. More than one is for the
  /// caller to refuse. `address` of the caller bounds how much one caller can make us ask.
  [[nodiscard]] std::optional<Token> authenticate(std::string_view authorization, std::string_view address,
                                                  Refusal* refusal = nullptr) const;
  /// May this be done at all, by method, type and parameters? A batch or transaction is not decided as a whole: each
  /// entry is a request.
  [[nodiscard]] std::optional<Permission> decide(const Token& token, const Request& request,
                                                 Refusal* refusal = nullptr) const;
  /// May this resource (FHIR JSON) be shown in the answer? What can't be read may not.
  [[nodiscard]] bool visible(const Permission& permission, std::string_view resource,
                             Origin origin = Origin::asked) const;
  /// May a permitted write make `after` of `before`? Empty text: there is nothing before, or nothing after. Both must
  /// be of the type and id in the path, as far as it names them.
  [[nodiscard]] bool writable(const Permission& permission, std::string_view before, std::string_view after) const;

  /// The document for /.well-known/oauth-protected-resource{path of resource} (RFC 9728), application/json.
  [[nodiscard]] std::string metadata() const;
  /// Revocations are being heard. If not, every token is asked about anew.
  [[nodiscard]] bool ready() const;

 private:
  struct Impl;
  explicit ResourceServer(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mitral::sdk
