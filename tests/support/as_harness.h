// AsHarness: a whole authorization server in this process, without a socket: memory store, a clock that stands still,
// real keys, and one client, user and resource server of each kind. For tests of endpoints, threats and conformance.
//
//   AsHarness as;
//   const auto code = as.mint_code("app-public", {"openid", "patient/*.rs"});
//   const auto answer = as.token({{"grant_type", "authorization_code"}, {"code", code.text}, {"code_verifier",
//   code.verifier},
//                                 {"redirect_uri", kRedirectUri}, {"client_id", "app-public"}});
//
// Clients:  app-public (none)  app-basic  app-post  app-jwt (private_key_jwt ES384, kid app-jwt-1)  backend
// (private_key_jwt ES384,
//           kid backend-1)  backend-basic (client_secret_basic, client_credentials)  app-uri (private_key_jwt by
//           jwks_uri)
// Secrets:  kSecret for every client and resource server that has one.
// Users:    alice (Patient/alice, sees herself and Patient/ben), dora (Practitioner/dora, clinician).
// Servers:  fhir (wrapped)  labs (opaque, FHIR)  api (jwt, not FHIR), audiences kFhir, kLabs, kApi.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/task.h"
#include "codec/base64url.h"
#include "codec/form.h"
#include "codec/json.h"
#include "crypto/hash.h"
#include "crypto/keywrap.h"
#include "flow/handles.h"
#include "flow/pipeline.h"
#include "flow/services.h"
#include "jose/jwt.h"
#include "login/password_pool.h"
#include "spec/oauth/rfc7636_pkce.h"
#include "store/memory/memory_store.h"
#include "support/faulty_store.h"
#include "web/authorization_server.h"

namespace mitral::testing {

inline constexpr std::string_view kIssuer = "https://as.example.org/t/clinic";
inline constexpr std::string_view kTokenUrl = "https://as.example.org/t/clinic/token";
inline constexpr std::string_view kFhir = "https://fhir.example.org/r4";
inline constexpr std::string_view kLabs = "https://labs.example.org/r4";
inline constexpr std::string_view kApi = "https://api.example.org/v1";
inline constexpr std::string_view kSecret = "s3cret-made-of-256-random-bits-aaaaaaaaaaaaaa";
inline constexpr std::string_view kRedirectUri = "https://app.example.org/cb";
inline constexpr std::string_view kJwksUri = "https://app.example.org/jwks.json";
inline constexpr std::string_view kOrigin = "https://app.example.org";
inline constexpr std::string_view kAddress = "192.0.2.10";

/// Serves documents from memory and counts.
class MapFetcher final : public ports::Fetcher {
 public:
  Task<Result<Document>> get(std::string url, std::size_t) override;
  std::map<std::string, Document> documents;
  int fetches = 0;
};

/// Every page is the same page: the browser's endpoints have tests of their own.
class NoPages final : public web::FrontChannel {
 public:
  Task<codec::Response> authorize(flow::Context&) override;
  Task<codec::Response> interaction(flow::Context&, std::string_view) override;
  Task<codec::Response> sign_out(flow::Context&) override;
  Task<codec::Response> account(flow::Context&, std::string_view) override;
  Task<codec::Response> launch(flow::Context& context) override;
  codec::Response asset(const flow::IssuerRuntime&, std::string_view) override;
  codec::Response error_page(const flow::IssuerRuntime&, int status, ClientText) override;

 private:
  static codec::Response page(int status) { return codec::Response::with(status, "text/html; charset=utf-8", "page"); }
};

struct HarnessOptions {
  std::string profile = "smart";
  std::string issuer{kIssuer};
  /// Memory unless it is given.
  std::function<std::unique_ptr<ports::Store>(const Clock&)> make_store = {};
  /// Last word on the configuration of the first issuer.
  std::function<void(flow::IssuerConfig&)> configure = {};
};

struct MintedCode {
  std::string text;
  std::string verifier;
};

class AsHarness {
 public:
  explicit AsHarness(HarnessOptions options = {});
  ~AsHarness();
  AsHarness(const AsHarness&) = delete;
  AsHarness& operator=(const AsHarness&) = delete;

  // ---- the pieces -------------------------------------------------------------------------------------------------
  ManualClock clock{from_seconds(1'790'000'000)};
  SequenceRandom random;
  MapFetcher fetcher;
  crypto::PrivateKey app_key = fixed_key(0);
  crypto::PrivateKey backend_key = fixed_key(1);

  [[nodiscard]] ports::Store& store() { return *store_; }
  /// The switch that puts the store out of order.
  [[nodiscard]] FaultyStore& faults() { return *store_; }
  [[nodiscard]] flow::Services& services() { return *services_; }
  [[nodiscard]] flow::KeyRing& keys() { return *keys_; }
  [[nodiscard]] flow::Metrics& metrics() { return *metrics_; }
  [[nodiscard]] const flow::IssuerRuntime& issuer() const { return *issuers_[0]; }
  [[nodiscard]] web::AuthorizationServer& server() { return *server_; }
  [[nodiscard]] Issuer issuer_id() const { return issuers_[0]->id(); }
  /// The same server with other pages, for tests of the browser's side.
  [[nodiscard]] std::unique_ptr<web::AuthorizationServer> server_with(web::FrontChannel& front);

  // ---- requests ---------------------------------------------------------------------------------------------------
  [[nodiscard]] codec::Response send(codec::Method method, std::string_view path, std::string body = {},
                                     std::vector<codec::Header> headers = {});
  [[nodiscard]] codec::Response get(std::string_view path, std::vector<codec::Header> headers = {});
  /// POST of a form to {issuer}/{endpoint}.
  [[nodiscard]] codec::Response post(std::string_view endpoint, const codec::Form& form,
                                     std::vector<codec::Header> headers = {});
  [[nodiscard]] codec::Response token(const codec::Form& form, std::vector<codec::Header> headers = {});
  [[nodiscard]] static codec::Json json(const codec::Response& response);
  /// "400 invalid_grant", for one-line expectations.
  [[nodiscard]] static std::string verdict(const codec::Response& response);
  [[nodiscard]] static codec::Header basic(std::string_view id, std::string_view secret = kSecret);
  [[nodiscard]] static codec::Header bearer(std::string_view token);

  // ---- client assertions ------------------------------------------------------------------------------------------
  [[nodiscard]] codec::Json assertion_claims(std::string_view client, std::string_view audience = kTokenUrl);
  [[nodiscard]] static std::string sign(const crypto::PrivateKey& key, std::string kid, const codec::Json& claims,
                                        std::string_view typ = "JWT", jose::SignAlg alg = jose::SignAlg::es384);
  [[nodiscard]] codec::Form with_assertion(codec::Form form, const std::string& assertion) const;
  [[nodiscard]] std::string app_assertion() { return sign(app_key, "app-jwt-1", assertion_claims("app-jwt")); }
  [[nodiscard]] std::string backend_assertion() { return sign(backend_key, "backend-1", assertion_claims("backend")); }

  // ---- codes and tokens -------------------------------------------------------------------------------------------
  [[nodiscard]] model::AuthorizationCode code_record(std::string_view client, std::vector<std::string> scopes,
                                                     std::string_view verifier);
  /// Stores a code as if /authorize had ended well.
  [[nodiscard]] MintedCode store_code(model::AuthorizationCode code, std::string verifier);
  [[nodiscard]] MintedCode mint_code(std::string_view client, std::vector<std::string> scopes);
  [[nodiscard]] static codec::Form code_form(const MintedCode& code);
  /// Redeems a fresh code of a public, basic or post client.
  [[nodiscard]] codec::Json tokens_for(std::string_view client, std::vector<std::string> scopes);
  [[nodiscard]] codec::Json redeem(std::string_view client, const MintedCode& code);
  [[nodiscard]] codec::Json introspect(std::string_view token, std::string_view server = "fhir");

  // ---- records ----------------------------------------------------------------------------------------------------
  [[nodiscard]] model::Client client_record(std::string_view id);
  void put(model::Client client);
  void put(model::ResourceServer server);
  void put(model::User user);
  [[nodiscard]] model::User user_record(std::string_view id);
  [[nodiscard]] model::AuditEvent event();
  [[nodiscard]] std::vector<ports::AuditStore::Record> audit();
  [[nodiscard]] std::size_t audited(model::AuditKind kind);
  [[nodiscard]] ports::Maintenance::Counters counters() const { return store_->counters(); }
  void tick();

 private:
  // Keys are made once per process: an RSA key takes longer than most tests.
  static const crypto::PrivateKey& fixed_key(std::size_t i);
  void load_keys();
  [[nodiscard]] static jose::JwkSet one_key(const crypto::PrivateKey& key, std::string kid);
  [[nodiscard]] model::Client base_client(std::string_view id, model::ClientAuthMethod method) const;
  void populate();
  void put_server(std::string_view id, std::string_view audience, model::TokenFormat format, bool fhir);

  HarnessOptions options_;
  std::unique_ptr<FaultyStore> store_;
  crypto::MasterKeyRing master_;
  std::vector<flow::RootKey> roots_;
  std::vector<std::unique_ptr<flow::IssuerRuntime>> issuers_;
  std::unique_ptr<login::PasswordPool> passwords_;
  std::unique_ptr<flow::Metrics> metrics_;
  std::unique_ptr<flow::KeyRing> keys_;
  std::unique_ptr<flow::ChangeFeed> feed_;
  std::unique_ptr<flow::UserStates> users_;
  std::unique_ptr<flow::ClientKeys> client_keys_;
  std::unique_ptr<flow::Throttle> throttle_;
  std::unique_ptr<flow::Services> services_;
  NoPages pages_;
  std::unique_ptr<web::AuthorizationServer> server_;
};

}  // namespace mitral::testing
