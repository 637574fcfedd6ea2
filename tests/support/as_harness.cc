#include "support/as_harness.h"

namespace mitral::testing {

Task<Result<ports::Fetcher::Document>> MapFetcher::get(std::string url, std::size_t) {
  ++fetches;
  const auto it = documents.find(url);
  if (it == documents.end()) co_return fail(ErrorCode::unavailable, {}, "no such document");
  co_return it->second;
}

Task<codec::Response> NoPages::authorize(flow::Context&) { co_return page(200); }

Task<codec::Response> NoPages::interaction(flow::Context&, std::string_view) { co_return page(200); }

Task<codec::Response> NoPages::sign_out(flow::Context&) { co_return page(200); }

Task<codec::Response> NoPages::account(flow::Context&, std::string_view) { co_return page(200); }

Task<codec::Response> NoPages::launch(flow::Context& context) {
  codec::Response out = page(200);
  out.body = context.client ? context.client->id().value : "nobody";
  co_return out;
}

codec::Response NoPages::asset(const flow::IssuerRuntime&, std::string_view) { return page(200); }

codec::Response NoPages::error_page(const flow::IssuerRuntime&, int status, ClientText) { return page(status); }

AsHarness::AsHarness(HarnessOptions options)
    : options_(std::move(options)),
      store_(FaultyStore::around(options_.make_store ? options_.make_store(clock) : store::make_memory_store(clock))) {
  log::configure(log::Level::off, log::Format::text);
  for (const int id : {1, 2}) {
    const std::string key(32, static_cast<char>(id));
    roots_.push_back({static_cast<std::uint8_t>(id), Secret(key)});
    EXPECT_TRUE(master_.add(static_cast<std::uint32_t>(id), Secret(key)));
  }
  flow::IssuerConfig config;
  config.issuer = options_.issuer;
  config.profile = options_.profile;
  config.display_name = "Test Clinic";
  const auto plain = config;
  if (options_.configure) options_.configure(config);
  auto runtime = flow::IssuerRuntime::make(config, roots_);
  EXPECT_TRUE(runtime) << runtime.error().detail;
  issuers_.push_back(std::move(*runtime));
  auto other = plain;
  other.issuer = "https://as.example.org/t/other";
  issuers_.push_back(std::move(*flow::IssuerRuntime::make(other, roots_)));
  passwords_ = std::move(*login::PasswordPool::create({.memory_kib = 64, .passes = 1, .lanes = 1}, random, 1));
  metrics_ = std::make_unique<flow::Metrics>();
  keys_ = std::make_unique<flow::KeyRing>(*store_, master_, clock, random, *metrics_,
                                          std::vector<Issuer>{issuers_[0]->id(), issuers_[1]->id()});
  feed_ = std::make_unique<flow::ChangeFeed>(*store_, clock);
  users_ = std::make_unique<flow::UserStates>(*store_, *feed_);
  client_keys_ = std::make_unique<flow::ClientKeys>(fetcher, *metrics_);
  throttle_ = std::make_unique<flow::Throttle>(flow::ThrottleRules{}, random);
  services_ =
      std::make_unique<flow::Services>(flow::Services{*store_, clock, random, *passwords_, fetcher, *keys_, *feed_,
                                                      *users_, *client_keys_, *throttle_, *metrics_, issuers_});
  server_ = std::make_unique<web::AuthorizationServer>(*services_, pages_);
  load_keys();
  populate();
}

AsHarness::~AsHarness() = default;

std::unique_ptr<web::AuthorizationServer> AsHarness::server_with(web::FrontChannel& front) {
  return std::make_unique<web::AuthorizationServer>(*services_, front);
}

codec::Response AsHarness::send(codec::Method method, std::string_view path, std::string body,
                                std::vector<codec::Header> headers) {
  codec::Request request;
  request.method = method;
  request.set_target(std::string(path));
  request.headers.add("Host", "as.example.org");
  for (const auto& h : headers) request.headers.add(h.name, h.value);
  request.body = std::move(body);
  request.peer_address = kAddress;
  request.tls = true;
  request.received = clock.now();
  return run_sync(server_->handle(std::move(request)));
}

codec::Response AsHarness::get(std::string_view path, std::vector<codec::Header> headers) {
  return send(codec::Method::get, path, {}, std::move(headers));
}

codec::Response AsHarness::post(std::string_view endpoint, const codec::Form& form,
                                std::vector<codec::Header> headers) {
  headers.push_back({"Content-Type", "application/x-www-form-urlencoded"});
  return send(codec::Method::post, "/t/clinic/" + std::string(endpoint), form.serialize(), std::move(headers));
}

codec::Response AsHarness::token(const codec::Form& form, std::vector<codec::Header> headers) {
  return post("token", form, std::move(headers));
}

codec::Json AsHarness::json(const codec::Response& response) {
  auto parsed = codec::Json::parse_object(response.body);
  EXPECT_TRUE(parsed) << response.body;
  return parsed ? std::move(*parsed) : codec::Json();
}

std::string AsHarness::verdict(const codec::Response& response) {
  const auto parsed = codec::Json::parse(response.body);
  return std::to_string(response.status) + " " + std::string(parsed ? (*parsed)["error"].string_or("-") : "?");
}

codec::Header AsHarness::basic(std::string_view id, std::string_view secret) {
  return {"Authorization", "Basic " + codec::base64_encode(std::string(id) + ":" + std::string(secret))};
}

codec::Header AsHarness::bearer(std::string_view token) { return {"Authorization", "Bearer " + std::string(token)}; }

codec::Json AsHarness::assertion_claims(std::string_view client, std::string_view audience) {
  return codec::Json::object({{"iss", client},
                              {"sub", client},
                              {"aud", audience},
                              {"exp", to_seconds(clock.now()) + 300},
                              {"jti", Id128::random(random).text()}});
}

std::string AsHarness::sign(const crypto::PrivateKey& key, std::string kid, const codec::Json& claims,
                            std::string_view typ, jose::SignAlg alg) {
  auto out = jose::sign_jws({std::move(kid), alg, key}, {.typ = typ, .cty = {}}, claims.dump());
  EXPECT_TRUE(out);
  return out ? *out : std::string{};
}

codec::Form AsHarness::with_assertion(codec::Form form, const std::string& assertion) const {
  form.add("client_assertion_type", spec::oauth::kJwtBearerAssertionType).add("client_assertion", assertion);
  return form;
}

model::AuthorizationCode AsHarness::code_record(std::string_view client, std::vector<std::string> scopes,
                                                std::string_view verifier) {
  model::AuthorizationCode code;
  code.issuer = issuer_id();
  code.request.issuer = issuer_id();
  code.request.client = ClientId(client);
  code.request.redirect_uri = kRedirectUri;
  code.request.response_mode = "query";
  code.request.nonce = "n-123";
  code.request.code_challenge = spec::oauth::s256_challenge(verifier);
  code.request.scopes = scopes;
  code.request.resources = {std::string(kFhir)};
  code.request.extra = codec::Json::object();
  code.user = UserId("u_alice");
  code.sid = Id128::random(random);
  code.scopes = std::move(scopes);
  code.context = codec::Json::object({{"patient", "alice"}, {"need_patient_banner", true}});
  code.fhir_user = std::string(kFhir) + "/Patient/alice";
  code.auth_time = clock.now() - std::chrono::seconds(20);
  code.acr = "urn:mitral:password";
  code.amr = {"pwd"};
  code.created = clock.now();
  code.expires = clock.now() + limits::kCodeLifetime;
  return code;
}

MintedCode AsHarness::store_code(model::AuthorizationCode code, std::string verifier) {
  auto handle = flow::make_handle(random, flow::kCodePrefix, clock.now());
  MintedCode out{std::move(handle.text), std::move(verifier)};
  code.handle = handle.stored;
  ports::AuthorizationStore::Completion completion;
  completion.code = std::move(code);
  const auto done = run_sync(store_->complete_authorization(issuer_id(), std::move(completion), {}, clock.now()));
  EXPECT_TRUE(done && *done == ports::Claim::won);
  return out;
}

MintedCode AsHarness::mint_code(std::string_view client, std::vector<std::string> scopes) {
  std::string verifier = flow::make_handle(random, "", clock.now()).text;
  auto record = code_record(client, std::move(scopes), verifier);
  return store_code(std::move(record), std::move(verifier));
}

codec::Form AsHarness::code_form(const MintedCode& code) {
  return {{"grant_type", "authorization_code"},
          {"code", code.text},
          {"code_verifier", code.verifier},
          {"redirect_uri", std::string(kRedirectUri)}};
}

codec::Json AsHarness::tokens_for(std::string_view client, std::vector<std::string> scopes) {
  return redeem(client, mint_code(client, std::move(scopes)));
}

codec::Json AsHarness::redeem(std::string_view client, const MintedCode& code) {
  auto form = code_form(code);
  std::vector<codec::Header> headers;
  if (client == "app-basic") {
    headers.push_back(basic(client));
  } else {
    form.add("client_id", client);
    if (client == "app-post") form.add("client_secret", kSecret);
  }
  const auto response = token(form, std::move(headers));
  EXPECT_EQ(response.status, 200) << response.body;
  return json(response);
}

codec::Json AsHarness::introspect(std::string_view token, std::string_view server) {
  const auto response = post("introspect", {{"token", std::string(token)}}, {basic(server)});
  EXPECT_EQ(response.status, 200) << response.body;
  return json(response);
}

model::Client AsHarness::client_record(std::string_view id) { return *store_->directory()->client(issuer_id(), id); }

void AsHarness::put(model::Client client) { EXPECT_TRUE(run_sync(store_->put_client(std::move(client), event()))); }

void AsHarness::put(model::ResourceServer server) {
  EXPECT_TRUE(run_sync(store_->put_resource_server(std::move(server), event())));
}

void AsHarness::put(model::User user) {
  EXPECT_TRUE(run_sync(store_->put_user(std::move(user), {event()})));
  EXPECT_TRUE(run_sync(feed_->tick()));
}

model::User AsHarness::user_record(std::string_view id) {
  return **run_sync(store_->find_user(issuer_id(), UserId(id)));
}

model::AuditEvent AsHarness::event() {
  model::AuditEvent out;
  out.issuer = issuer_id();
  out.kind = model::AuditKind::administration;
  out.at = clock.now();
  return out;
}

std::vector<ports::AuditStore::Record> AsHarness::audit() { return *run_sync(store_->read(0, 10'000)); }

std::size_t AsHarness::audited(model::AuditKind kind) {
  const auto records = audit();
  return static_cast<std::size_t>(
      std::count_if(records.begin(), records.end(), [&](const auto& r) { return r.event.kind == kind; }));
}

void AsHarness::tick() { EXPECT_TRUE(run_sync(feed_->tick())); }

const crypto::PrivateKey& AsHarness::fixed_key(std::size_t i) {
  static const std::vector<crypto::PrivateKey> keys = [] {
    std::vector<crypto::PrivateKey> out;
    for (int n = 0; n < 2; ++n) out.push_back(*crypto::PrivateKey::generate(crypto::KeyKind::p384));
    return out;
  }();
  return keys[i];
}

void AsHarness::load_keys() {
  static std::map<std::string, std::vector<model::SigningKeyRecord>> made;
  for (const auto& issuer : issuers_) {
    for (const auto& record : made[issuer->text()])
      EXPECT_TRUE(run_sync(store_->add_key_once(record, record.active_from, {})));
  }
  const auto ticked = run_sync(keys_->tick());
  EXPECT_TRUE(ticked) << ticked.error().detail;
  for (const auto& issuer : issuers_) {
    if (made[issuer->text()].empty()) made[issuer->text()] = *run_sync(store_->keys(issuer->id()));
  }
}

jose::JwkSet AsHarness::one_key(const crypto::PrivateKey& key, std::string kid) {
  jose::JwkSet out;
  EXPECT_TRUE(out.add(jose::Jwk::from_key(key.public_key(), std::move(kid), "ES384", jose::KeyUse::sig)));
  return out;
}

model::Client AsHarness::base_client(std::string_view id, model::ClientAuthMethod method) const {
  using model::GrantType;
  model::Client c;
  c.issuer = issuers_[0]->id();
  c.id = ClientId(id);
  c.name = "Test app";
  c.credentials.method = method;
  c.redirect_uris = {std::string(kRedirectUri)};
  c.launch_urls = {"https://app.example.org/launch"};
  c.origins = {std::string(kOrigin)};
  c.grant_types = {GrantType::authorization_code, GrantType::refresh_token};
  c.scopes = {"openid", "profile",        "fhirUser",         "email",           "offline_access", "online_access",
              "launch", "launch/patient", "launch/encounter", "patient/*.cruds", "user/*.cruds"};
  c.offline_allowed = true;
  c.created = c.updated = clock.now() - std::chrono::hours(1);
  return c;
}

void AsHarness::populate() {
  using model::ClientAuthMethod;
  using model::GrantType;
  const auto secret_hash = crypto::sha256(kSecret);
  put(base_client("app-public", ClientAuthMethod::none));
  auto basic_client = base_client("app-basic", ClientAuthMethod::client_secret_basic);
  basic_client.credentials.secret_hashes = {secret_hash};
  put(basic_client);
  auto post_client = base_client("app-post", ClientAuthMethod::client_secret_post);
  post_client.credentials.secret_hashes = {secret_hash};
  put(post_client);
  auto jwt_client = base_client("app-jwt", ClientAuthMethod::private_key_jwt);
  jwt_client.credentials.jwks = one_key(app_key, "app-jwt-1");
  put(jwt_client);
  auto uri_client = base_client("app-uri", ClientAuthMethod::private_key_jwt);
  uri_client.credentials.jwks_uri = kJwksUri;
  put(uri_client);
  fetcher.documents[std::string(kJwksUri)] = {one_key(app_key, "app-uri-1").to_json().dump(), "application/json", 300};

  auto backend = base_client("backend", ClientAuthMethod::private_key_jwt);
  backend.credentials.jwks = one_key(backend_key, "backend-1");
  backend.grant_types = {GrantType::client_credentials};
  backend.scopes = {"system/*.rs", "system/Patient.cruds", "jobs.run"};
  backend.resources = {std::string(kFhir), std::string(kApi)};
  put(backend);
  auto backend_basic = base_client("backend-basic", ClientAuthMethod::client_secret_basic);
  backend_basic.credentials.secret_hashes = {secret_hash};
  backend_basic.grant_types = {GrantType::client_credentials};
  backend_basic.scopes = {"system/*.rs", "jobs.run"};
  backend_basic.resources = {std::string(kApi), std::string(kLabs)};
  put(backend_basic);

  put_server("fhir", kFhir, model::TokenFormat::wrapped, true);
  put_server("labs", kLabs, model::TokenFormat::opaque, true);
  put_server("api", kApi, model::TokenFormat::jwt, false);

  model::User alice;
  alice.issuer = issuer_id();
  alice.id = UserId("u_alice");
  alice.username = "alice";
  alice.display_name = "Alice Example";
  alice.email = "alice@example.org";
  alice.password_phc = *run_sync(passwords_->hash(Secret("correct horse")));
  alice.fhir_user = "Patient/alice";
  alice.patients = {{"alice", "Alice Example", "self", "1980-02-03"}, {"ben", "Ben Example", "child", "2015-06-07"}};
  alice.created = alice.updated = clock.now() - std::chrono::hours(1);
  put(alice);
  model::User dora = alice;
  dora.id = UserId("u_dora");
  dora.username = "dora";
  dora.display_name = "Dr. Dora";
  dora.fhir_user = "Practitioner/dora";
  dora.roles = {"clinician"};
  dora.patients.clear();
  put(dora);
}

void AsHarness::put_server(std::string_view id, std::string_view audience, model::TokenFormat format, bool fhir) {
  model::ResourceServer rs;
  rs.issuer = issuer_id();
  rs.id = id;
  rs.audience = audience;
  rs.name = "Resource server";
  rs.credentials.method = model::ClientAuthMethod::client_secret_basic;
  rs.credentials.secret_hashes = {crypto::sha256(kSecret)};
  rs.token_format = format;
  rs.fhir = fhir;
  put(rs);
}

}  // namespace mitral::testing
