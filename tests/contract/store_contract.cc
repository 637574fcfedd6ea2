#include "contract/store_contract.h"

namespace mitral::contract {

std::string kind_name(const testing::TestParamInfo<StoreKind>& info) {
  constexpr const char* kNames[] = {"memory", "sqlite", "postgres"};
  return kNames[static_cast<std::size_t>(info.param)];
}

std::vector<StoreKind> servers() {
  if (PostgresServer::installed()) return {StoreKind::sqlite, StoreKind::postgres};
  return {StoreKind::sqlite};
}

std::vector<StoreKind> adapters() {
  auto out = servers();
  out.push_back(StoreKind::memory);
  return out;
}

TempDir::TempDir() {
  std::string pattern = (std::filesystem::temp_directory_path() / "mitral-store-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) std::abort();
  path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::unique_ptr<store::SqliteStore> open_sqlite(store::SqliteOptions options, const Clock& clock) {
  auto opened = store::SqliteStore::open(std::move(options), clock);
  EXPECT_TRUE(opened) << (opened ? "" : opened.error().detail);
  return opened ? std::move(*opened) : nullptr;
}

std::unique_ptr<store::PostgresStore> open_postgres(store::PostgresOptions options, const Clock& clock) {
  auto opened = store::PostgresStore::open(std::move(options), clock);
  EXPECT_TRUE(opened) << (opened ? "" : opened.error().detail);
  return opened ? std::move(*opened) : nullptr;
}

model::AuthorizationRequest Records::request(const ClientId& client) const {
  model::AuthorizationRequest out;
  out.issuer = kClinic;
  out.client = client;
  out.redirect_uri = "https://app.example/cb";
  out.response_mode = "query";
  out.state = "state \"quoted\" \xc3\xa9";
  out.nonce = "nonce";
  out.code_challenge = "challenge";
  out.scopes = {"launch/patient", "patient/*.rs", "offline_access"};
  out.resources = {"https://fhir.example/r4"};
  out.prompt = {"login"};
  out.max_age = 0;
  out.acr_values = {"1"};
  out.login_hint = "ada";
  out.launch = "launch-hash";
  out.par = "par-hash";
  out.dpop_jkt = "jkt";
  return out;
}

model::PushedRequest Records::pushed() {
  return {.handle = handle(),
          .issuer = kClinic,
          .client = ClientId("c_app"),
          .parameters = {{"scope", "openid"}, {"resource", "a"}, {"resource", "b"}},
          .expires = kStart + 90s};
}

model::LaunchTicket Records::launch() {
  return {.handle = handle(),
          .issuer = kClinic,
          .client = ClientId("c_app"),
          .user = UserId("u_ada"),
          .audience = "https://fhir.example/r4",
          .context = codec::Json::object({{"patient", "p1"}}),
          .expires = kStart + 300s};
}

model::Interaction Records::interaction() {
  return {.handle = handle(),
          .browser = handle(),
          .issuer = kClinic,
          .request = request(),
          .session = handle(),
          .patient_id = "p1",
          .reauthenticated = true,
          .created = kStart,
          .expires = kStart + 600s};
}

model::AuthorizationCode Records::code() {
  return {.handle = handle(),
          .issuer = kClinic,
          .request = request(),
          .user = UserId("u_ada"),
          .sid = id(),
          .scopes = {"patient/*.rs"},
          .context = codec::Json::object({{"patient", "p1"}, {"need_patient_banner", true}}),
          .fhir_user = "https://fhir.example/r4/Patient/p1",
          .auth_time = kStart - 5s,
          .acr = "1",
          .amr = {"pwd"},
          .created = kStart,
          .expires = kStart + 30s,
          .grant = std::nullopt};
}

model::Grant Records::grant() {
  return {.id = id(),
          .issuer = kClinic,
          .client = ClientId("c_app"),
          .user = UserId("u_ada"),
          .sid = id(),
          .scopes = {"patient/*.rs", "offline_access"},
          .audiences = {"https://fhir.example/r4"},
          .context = codec::Json::object({{"patient", "p1"}}),
          .fhir_user = "https://fhir.example/r4/Patient/p1",
          .auth_time = kStart - 5s,
          .acr = "1",
          .amr = {"pwd", "otp"},
          .offline = true,
          .created = kStart,
          .expires = kStart + 24h * 365,
          .revoked = std::nullopt};
}

model::RefreshFamily Records::family(const model::Grant& grant) {
  return {.grant = grant.id,
          .issuer = grant.issuer,
          .client = grant.client,
          .generation = 0,
          .rotated = grant.created,
          .expires = kStart + 24h * 100,
          .revoked = std::nullopt};
}

model::User Records::user(const std::string& name) {
  model::User out;
  out.issuer = kClinic;
  out.id = UserId("u_" + name);
  out.username = name;
  out.display_name = "Ada \xf0\x9f\xa7\xac";
  out.email = name + "@example.org";
  out.password_phc = "$argon2id$v=19$m=1,t=1,p=1$c2FsdA$aGFzaA";
  out.fhir_user = "Patient/p1";
  out.roles = {"clinician"};
  out.patients = {{"p1", "Ada", "self", "1980-01-01"}, {"p2", "Bo", "child", ""}};
  out.created = kStart;
  out.updated = kStart;
  return out;
}

model::Session Records::session(const UserId& user) {
  return {.id_hash = handle(),
          .issuer = kClinic,
          .user = user,
          .sid = id(),
          .auth_time = kStart,
          .acr = "1",
          .amr = {"pwd"},
          .created = kStart,
          .last_seen = kStart,
          .expires = kStart + 24h};
}

model::Consent Records::consent() {
  return {.issuer = kClinic,
          .user = UserId("u_ada"),
          .client = ClientId("c_app"),
          .scopes = {"openid"},
          .declined = {"offline_access"},
          .patient_id = "p1",
          .audience = "https://fhir.example/r4",
          .created = kStart,
          .expires = kStart + 24h * 90};
}

model::Client Records::client(const std::string& id) {
  model::Client out;
  out.issuer = kClinic;
  out.id = ClientId(id);
  out.name = "App <b>";
  out.credentials.method = model::ClientAuthMethod::client_secret_basic;
  out.credentials.secret_hashes = {crypto::sha256("secret")};
  out.redirect_uris = {"https://app.example/cb"};
  out.grant_types = {model::GrantType::authorization_code, model::GrantType::refresh_token};
  out.scopes = {"patient/*.rs"};
  out.offline_allowed = true;
  out.dedicated_consent = false;
  out.created = kStart;
  return out;
}

model::ResourceServer Records::server(const std::string& id) {
  model::ResourceServer out;
  out.issuer = kClinic;
  out.id = id;
  out.audience = "https://" + id + ".example/r4";
  out.credentials.method = model::ClientAuthMethod::client_secret_basic;
  out.token_format = model::TokenFormat::opaque;
  out.signing_alg = "RS256";
  out.token_lifetime = 60s;
  out.context_in_jwt = true;
  return out;
}

model::AuditEvent Records::event(model::AuditKind kind) {
  model::AuditEvent out;
  out.issuer = kClinic;
  out.kind = kind;
  out.at = kStart;
  out.client = "c_app";
  out.user = "u_ada";
  out.details = {{"scopes", "patient/*.rs"}};
  return out;
}

StoreContract::~StoreContract() {
  if (store_ != nullptr) expect_intact(*store_);
}

std::unique_ptr<ports::Store> StoreContract::make_store() {
  if (GetParam() == StoreKind::memory) return store::make_memory_store(clock_);
  if (GetParam() == StoreKind::postgres) {
    store::PostgresOptions options;
    options.connect = PostgresServer::shared().fresh();
    return open_postgres(std::move(options), clock_);
  }
  store::SqliteOptions options;
  options.path = dir_.file("store.db");
  return open_sqlite(std::move(options), clock_);
}

void StoreContract::expect_intact(ports::Store& store) {
  audit::VerifyOptions from_its_beginning;
  from_its_beginning.begins = get(store.anchor());
  const auto verdict = audit::verify(
      [&](std::int64_t after, std::size_t limit) { return run_sync(store.read(after, limit)); }, from_its_beginning);
  ASSERT_TRUE(verdict) << verdict.error().detail;
  EXPECT_TRUE(verdict->intact()) << audit::name(verdict->finding) << " at " << verdict->broken_at;
  EXPECT_EQ(verdict->head.seq, store.last_seq());
}

std::vector<model::AuditKind> StoreContract::audited() {
  std::vector<model::AuditKind> out;
  const auto records = get(store_->read(0, 1000));
  out.reserve(records.size());
  for (const auto& record : records) out.push_back(record.event.kind);
  return out;
}

model::AuthorizationCode StoreContract::stored_code() {
  auto one = code();
  ports::AuthorizationStore::Completion completion;
  completion.code = one;
  EXPECT_EQ(get(store_->complete_authorization(kClinic, std::move(completion), {}, kStart)), Claim::won);
  return one;
}

model::Grant StoreContract::stored_grant(std::function<void(model::Grant&)> change) {
  const auto one = stored_code();
  auto made = grant();
  if (change) change(made);
  EXPECT_EQ(get(store_->redeem_code_once(kClinic, one.handle, made, family(made), {}, {}, kStart)), Claim::won);
  return made;
}

}  // namespace mitral::contract
