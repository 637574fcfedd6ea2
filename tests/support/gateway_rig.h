// A gateway in one process: a FHIR upstream as a function, an authorization server that signs and introspects what the
// test tells it to, an audit store in memory, and a clock that is moved by hand.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "codec/base64url.h"
#include "codec/form.h"
#include "codec/json.h"
#include "crypto/key.h"
#include "crypto/random.h"
#include "gateway/gateway.h"
#include "jose/jwk.h"
#include "jose/jwt.h"

namespace mitral::gateway::rig {

using codec::Json;
using codec::Method;
using codec::Request;
using codec::Response;

inline constexpr const char* kPublic = "https://gw.example/fhir";
inline constexpr const char* kUpstream = "http://fhir.internal:8090/r4";
inline constexpr const char* kIssuer = "https://as.example/t/clinic";
inline constexpr const char* kOrigin = "https://app.example";

const crypto::PrivateKey& issuer_key();
const crypto::PrivateKey& other_key();

class MemoryAudit final : public ports::AuditStore {
 public:
  Task<Result<void>> append(ports::Events events) override;
  Task<Result<std::vector<Record>>> read(std::int64_t after_seq, std::size_t limit) override;
  [[nodiscard]] std::int64_t last_seq() const override;
  Task<Result<Anchor>> anchor() override;
  Task<Result<std::size_t>> release_up_to(std::int64_t, std::size_t) override;

  std::vector<model::AuditEvent> list;
  bool fails = false;

 private:
  std::mutex mutex_;
};

/// Answers for both neighbours of the gateway.
class World final : public Sender {
 public:
  Task<Result<Response>> send(net::Url url, Request request, net::ClientOptions options) override;

  std::function<Task<Response>(Request)> upstream;
  std::vector<Request> upstream_log;
  bool keep_log = true;
  std::mutex mutex;  ///< for tests with several threads that change what the issuer knows
  std::optional<Error> upstream_error;
  bool issuer_down = false;
  std::map<std::string, Json> active;  ///< token -> introspection answer
  std::vector<std::string> lines;      ///< feed lines as JSON text, seq = index + 1
  std::int64_t oldest = 1;
  int introspections = 0;
  int jwks_fetches = 0;
  std::vector<std::pair<std::string, const crypto::PrivateKey*>> keys{{"k1", &issuer_key()}};

 private:
  static Response json(const Json& body);

  Response issue(const Request& request);
};

struct TokenSpec {
  std::string scope = "patient/*.rs";
  std::string patient = "maria";
  std::string fhir_user = std::string(kPublic) + "/Patient/maria";
  std::string client = "app";
  std::string subject = "u_maria";
  std::string grant = "grant-1";
  std::string jti = "jti-1";
  std::string audience = kPublic;
  std::string issuer = kIssuer;
  std::int64_t lifetime = 300;
  std::int64_t age = 0;
};

/// The configuration of every rig, before its test has the last word.
[[nodiscard]] Config plain_config();

class Rig {
 public:
  explicit Rig(std::function<void(Config&)> change = {});
  ~Rig();
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  /// One poll of the feed. Lines that were there before the first poll count as well.
  bool hear();

  void revoke(std::string_view kind, std::string_view subject);

  [[nodiscard]] Json claims(const TokenSpec& spec) const;
  static std::string sign(const Json& claims, std::string_view typ, const crypto::PrivateKey& key = issuer_key(),
                          std::string kid = "k1");
  std::string jwt(const TokenSpec& spec = {}) { return sign(claims(spec), "at+jwt"); }
  std::string opaque(const TokenSpec& spec = {});
  std::string wrapped(const TokenSpec& spec = {});

  static Request request(std::string_view target, std::string_view token = {}, Method method = Method::get);
  /// With `whole_answers`, streams are read to their end; one that breaks off is no answer: 502 without a body.
  Response send(Request request);
  bool whole_answers = false;
  Response get(std::string_view target, std::string_view token = {}) { return send(request(target, token)); }
  Response search(std::string_view target, std::string_view body, std::string_view token);

  ManualClock clock{from_seconds(1'780'000'000)};
  World world;
  MemoryAudit audit;
  std::unique_ptr<Gateway> gateway;

 private:
  int counter_ = 0;
  SequenceRandom random;
};

/// An upstream with fixed answers by target (without the base path); anything else is 404.
std::function<Task<Response>(Request)> fixed(std::map<std::string, std::string> answers);

std::string observation(std::string_view id, std::string_view patient, std::string_view extra = {});
std::string patient(std::string_view id);

struct EntryText {
  std::string resource;
  std::string mode = "match";
};
std::string bundle(const std::vector<EntryText>& entries, std::string_view links = "[]", std::string_view extra = {},
                   std::string_view type = "searchset");

/// "Type/id" of every entry that has a resource.
std::vector<std::string> ids(const Response& response);
std::string link(const Response& response, std::string_view relation);
std::string below_base(std::string_view url);

}  // namespace mitral::gateway::rig
