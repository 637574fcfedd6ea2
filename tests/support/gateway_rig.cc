#include "support/gateway_rig.h"

namespace mitral::gateway::rig {

const crypto::PrivateKey& issuer_key() {
  static const auto key = crypto::PrivateKey::generate(crypto::KeyKind::p256).value();
  return key;
}

const crypto::PrivateKey& other_key() {
  static const auto key = crypto::PrivateKey::generate(crypto::KeyKind::p256).value();
  return key;
}

Task<Result<void>> MemoryAudit::append(ports::Events events) {
  if (fails) co_return fail(ErrorCode::unavailable, {}, "disk full");
  const std::lock_guard lock(mutex_);
  for (auto& event : events) list.push_back(std::move(event));
  co_return Result<void>{};
}

Task<Result<std::vector<MemoryAudit::Record>>> MemoryAudit::read(std::int64_t after_seq, std::size_t limit) {
  if (fails) co_return fail(ErrorCode::unavailable, {}, "disk gone");
  const std::lock_guard lock(mutex_);
  std::vector<Record> out;
  for (auto at = static_cast<std::size_t>(after_seq); at < list.size() && out.size() < limit; ++at) {
    out.push_back(
        {.seq = static_cast<std::int64_t>(at) + 1, .event = list[at], .previous = {}, .hash = {}, .checkpoint = {}});
  }
  co_return out;
}

std::int64_t MemoryAudit::last_seq() const { return static_cast<std::int64_t>(list.size()); }

Task<Result<MemoryAudit::Anchor>> MemoryAudit::anchor() { co_return Anchor{}; }

Task<Result<std::size_t>> MemoryAudit::release_up_to(std::int64_t, std::size_t) { co_return std::size_t{0}; }

Task<Result<Response>> World::send(net::Url url, Request request, net::ClientOptions options) {
  request.set_target(url.target);
  request.headers.set("Host", url.authority());
  {
    const std::lock_guard lock(mutex);
    if (url.host == "as.example") {
      if (issuer_down) co_return fail(ErrorCode::unavailable, {}, "down");
      co_return issue(request);
    }
    if (keep_log) upstream_log.push_back(request);
  }
  if (upstream_error) co_return std::unexpected(*upstream_error);
  auto response = co_await upstream(std::move(request));
  // A bound that the gateway chose for this request, not the client's own.
  const bool bounded = options.max_body != net::ClientOptions{}.max_body;
  if (bounded && response.body.size() > options.max_body) co_return fail(ErrorCode::too_large, {}, "body");
  co_return response;
}

Response World::json(const Json& body) { return Response::with(200, "application/json", body.dump()); }

Response World::issue(const Request& request) {
  constexpr std::string_view kBasePath = "/t/clinic";
  const auto path = request.path.substr(kBasePath.size());
  if (path == "/jwks") {
    ++jwks_fetches;
    jose::JwkSet set;
    for (const auto& [kid, key] : keys)
      (void)set.add(jose::Jwk::from_key(key->public_key(), kid, "ES256", jose::KeyUse::sig));
    return json(set.to_json());
  }
  if (path == "/.well-known/smart-configuration") {
    const std::string base = kIssuer;
    return json(Json::object({{"issuer", base},
                              {"authorization_endpoint", base + "/authorize"},
                              {"token_endpoint", base + "/token"},
                              {"jwks_uri", base + "/jwks"},
                              {"capabilities", Json::array({Json("launch-standalone")})}}));
  }
  if (request.headers.get("Authorization") != "Basic " + codec::base64_encode("gw:s3cret")) {
    return Response::with(401, "application/json", "{}");
  }
  if (path == "/introspect") {
    ++introspections;
    const auto form = codec::Form::parse(request.body).value();
    const auto found = active.find(std::string(form.get("token").value_or("")));
    return json(found == active.end() ? Json::object({{"active", false}}) : found->second);
  }
  if (path == "/revocations") {
    const auto form = codec::Form::parse(request.query).value();
    const auto after = std::stoll(std::string(form.get("after").value_or("0")));
    Json out = Json::object({{"seq", static_cast<std::int64_t>(lines.size())}, {"oldest", oldest}});
    Json changes = Json::array();
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (static_cast<std::int64_t>(i) + 1 > after) changes.push_back(Json::parse(lines[i]).value());
    }
    out.set("changes", std::move(changes));
    return json(out);
  }
  return Response::with(404, "application/json", "{}");
}

Config plain_config() {
  Config config;
  config.public_base = kPublic;
  config.upstream = kUpstream;
  config.upstream_headers = {{"Authorization", "Bearer upstream-credential"}};
  config.issuer = kIssuer;
  config.credential_id = "gw";
  config.credential_secret = Secret("s3cret");
  config.origins = {kOrigin};
  return config;
}

Rig::Rig(std::function<void(Config&)> change) {
  Config config = plain_config();
  if (change) change(config);
  gateway = Gateway::create(std::move(config), world, audit, clock, random).value();
  hear();
}

Rig::~Rig() = default;

bool Rig::hear() { return run_sync(gateway->feed().poll_once(Duration::zero())).has_value(); }

void Rig::revoke(std::string_view kind, std::string_view subject) {
  world.lines.push_back(Json::object({{"seq", static_cast<std::int64_t>(world.lines.size()) + 1},
                                      {"kind", kind},
                                      {"subject", subject},
                                      {"at", to_micros(clock.now())},
                                      {"expires", to_seconds(clock.now()) + 3600}})
                            .dump());
}

Json Rig::claims(const TokenSpec& spec) const {
  const auto now = to_seconds(clock.now()) - spec.age;
  Json out = Json::object({{"iss", spec.issuer},
                           {"aud", spec.audience},
                           {"exp", now + spec.lifetime},
                           {"iat", now},
                           {"jti", spec.jti},
                           {"client_id", spec.client},
                           {"sub", spec.subject},
                           {"scope", spec.scope}});
  if (!spec.grant.empty()) out.set("grant_id", spec.grant);
  if (!spec.patient.empty()) out.set("patient", spec.patient);
  if (!spec.fhir_user.empty()) out.set("fhirUser", spec.fhir_user);
  return out;
}

std::string Rig::sign(const Json& claims, std::string_view typ, const crypto::PrivateKey& key, std::string kid) {
  return jose::sign_jws({std::move(kid), jose::SignAlg::es256, key}, {.typ = typ, .cty = {}}, claims.dump()).value();
}

std::string Rig::opaque(const TokenSpec& spec) {
  auto token = "mat_" + codec::base64url_encode("sealed " + std::to_string(++counter_) + " for " + spec.client);
  auto answer = claims(spec);
  answer.set("active", true);
  world.active[token] = std::move(answer);
  return token;
}

std::string Rig::wrapped(const TokenSpec& spec) {
  const auto inner = opaque(spec);
  Json outer = Json::object();
  const auto all = claims(spec);
  for (const char* const name : {"iss", "aud", "exp", "iat", "jti"}) outer.set(name, all[name]);
  outer.set("opaque", inner);
  auto token = sign(outer, "wrapped+jwt");
  world.active[token] = world.active[inner];
  return token;
}

Request Rig::request(std::string_view target, std::string_view token, Method method) {
  Request out;
  out.method = method;
  out.set_target("/fhir" + std::string(target));
  out.headers.add("Host", "gw.example");
  if (!token.empty()) out.headers.add("Authorization", "Bearer " + std::string(token));
  out.peer_address = "192.0.2.7";
  out.received = Instant{};
  return out;
}

Response Rig::send(Request request) {
  auto out = run_sync(gateway->handle(std::move(request)));
  while (whole_answers && out.stream != nullptr) {
    const auto piece = run_sync(out.stream->next());
    if (!piece) return Response::with(502, {}, {});
    if (piece->empty()) break;
    out.body += *piece;
  }
  if (whole_answers) out.stream.reset();
  return out;
}

Response Rig::search(std::string_view target, std::string_view body, std::string_view token) {
  auto out = request(target, token, Method::post);
  out.headers.add("Content-Type", "application/x-www-form-urlencoded");
  out.body = body;
  return send(std::move(out));
}

std::function<Task<Response>(Request)> fixed(std::map<std::string, std::string> answers) {
  auto shared = std::make_shared<std::map<std::string, std::string>>(std::move(answers));
  return [shared](Request request) -> Task<Response> {
    return [](std::shared_ptr<std::map<std::string, std::string>> known, Request r) -> Task<Response> {
      auto key = r.target.substr(std::string_view("/r4").size());
      auto found = known->find(key);
      if (found == known->end()) found = known->find(key.substr(0, key.find('?')));
      if (found == known->end()) {
        co_return Response::with(404, "application/fhir+json", R"({"resourceType":"OperationOutcome","issue":[]})");
      }
      co_return Response::with(200, "application/fhir+json", found->second);
    }(shared, std::move(request));
  };
}

std::string observation(std::string_view id, std::string_view patient, std::string_view extra) {
  return R"({"resourceType":"Observation","id":")" + std::string(id) +
         R"(","meta":{"versionId":"1"},"status":"final","subject":{"reference":"Patient/)" + std::string(patient) +
         R"("})" + std::string(extra) + "}";
}

std::string patient(std::string_view id) { return R"({"resourceType":"Patient","id":")" + std::string(id) + R"("})"; }

std::string bundle(const std::vector<EntryText>& entries, std::string_view links, std::string_view extra,
                   std::string_view type) {
  std::string out = R"({"resourceType":"Bundle","type":")" + std::string(type) + R"(","link":)" + std::string(links) +
                    std::string(extra) + R"(,"entry":[)";
  for (std::size_t i = 0; i < entries.size(); ++i) {
    out += (i == 0 ? "" : ",") + std::string(R"({"fullUrl":"http://elsewhere/x","resource":)") + entries[i].resource +
           R"(,"search":{"mode":")" + entries[i].mode + R"("}})";
  }
  return out + "]}";
}

std::vector<std::string> ids(const Response& response) {
  std::vector<std::string> out;
  const auto json = Json::parse(response.body);
  if (!json) return {"not json"};
  for (const auto& entry : (*json)["entry"].items()) {
    out.push_back(std::string(entry["resource"]["resourceType"].string_or()) + "/" +
                  std::string(entry["resource"]["id"].string_or()));
  }
  return out;
}

std::string link(const Response& response, std::string_view relation) {
  const auto json = Json::parse(response.body);
  if (!json) return {};
  for (const auto& item : (*json)["link"].items()) {
    if (item["relation"].string_or() == relation) return std::string(item["url"].string_or());
  }
  return {};
}

std::string below_base(std::string_view url) {
  return std::string(url.starts_with(kPublic) ? url.substr(std::string_view(kPublic).size()) : url);
}

}  // namespace mitral::gateway::rig
