// The contract of ports/stores.h as tests: every adapter runs all of them. A new adapter adds its name to StoreKind, a
// case to make_store(), and nothing else.
//
// Tests that need a real file or server (faults, other processes) stand in files of their own.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "audit/verify.h"
#include "base/random.h"
#include "base/task.h"
#include "crypto/hash.h"
#include "ports/stores.h"
#include "store/memory/memory_store.h"
#include "store/postgres/postgres_store.h"
#include "store/sqlite/sqlite_store.h"
#include "support/postgres_server.h"

namespace mitral::contract {

using namespace std::chrono_literals;
using ports::Claim;
using ports::Events;
using testing_support::PostgresServer;
using RotationOutcome = ports::GrantStore::RotationOutcome;

inline const Issuer kClinic{"https://as.example/t/clinic"};
inline const Issuer kOther{"https://as.example/t/other"};
inline const Instant kStart = from_seconds(1'800'000'000);

enum class StoreKind : std::uint8_t { memory, sqlite, postgres };
inline std::string kind_name(const testing::TestParamInfo<StoreKind>& info) {
  constexpr const char* kNames[] = {"memory", "sqlite", "postgres"};
  return kNames[static_cast<std::size_t>(info.param)];
}
inline std::vector<StoreKind> servers() {
  if (PostgresServer::installed()) return {StoreKind::sqlite, StoreKind::postgres};
  return {StoreKind::sqlite};
}
inline std::vector<StoreKind> adapters() {
  auto out = servers();
  out.push_back(StoreKind::memory);
  return out;
}

/// A folder of its own that goes away with the test.
class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mitral-store-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline std::unique_ptr<store::SqliteStore> open_sqlite(store::SqliteOptions options, const Clock& clock) {
  auto opened = store::SqliteStore::open(std::move(options), clock);
  EXPECT_TRUE(opened) << (opened ? "" : opened.error().detail);
  return opened ? std::move(*opened) : nullptr;
}

inline std::unique_ptr<store::PostgresStore> open_postgres(store::PostgresOptions options, const Clock& clock) {
  auto opened = store::PostgresStore::open(std::move(options), clock);
  EXPECT_TRUE(opened) << (opened ? "" : opened.error().detail);
  return opened ? std::move(*opened) : nullptr;
}

/// Builders of records, all different from each other.
class Records {
 public:
  [[nodiscard]] Hash256 handle() { return crypto::sha256("handle " + std::to_string(++counter_)); }
  [[nodiscard]] Id128 id() { return Id128::random(random_); }

  [[nodiscard]] model::AuthorizationRequest request(const ClientId& client = ClientId("c_app")) const {
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
  [[nodiscard]] model::PushedRequest pushed() {
    return {.handle = handle(),
            .issuer = kClinic,
            .client = ClientId("c_app"),
            .parameters = {{"scope", "openid"}, {"resource", "a"}, {"resource", "b"}},
            .expires = kStart + 90s};
  }
  [[nodiscard]] model::LaunchTicket launch() {
    return {.handle = handle(),
            .issuer = kClinic,
            .client = ClientId("c_app"),
            .user = UserId("u_ada"),
            .audience = "https://fhir.example/r4",
            .context = codec::Json::object({{"patient", "p1"}}),
            .expires = kStart + 300s};
  }
  [[nodiscard]] model::Interaction interaction() {
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
  [[nodiscard]] model::AuthorizationCode code() {
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
  [[nodiscard]] model::Grant grant() {
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
  [[nodiscard]] static model::RefreshFamily family(const model::Grant& grant) {
    return {.grant = grant.id,
            .issuer = grant.issuer,
            .client = grant.client,
            .generation = 0,
            .rotated = grant.created,
            .expires = kStart + 24h * 100,
            .revoked = std::nullopt};
  }
  [[nodiscard]] static model::User user(const std::string& name = "ada") {
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
  [[nodiscard]] model::Session session(const UserId& user = UserId("u_ada")) {
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
  [[nodiscard]] static model::Consent consent() {
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
  [[nodiscard]] static model::Client client(const std::string& id = "c_app") {
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
  [[nodiscard]] static model::ResourceServer server(const std::string& id = "fhir") {
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
  [[nodiscard]] static model::AuditEvent event(model::AuditKind kind = model::AuditKind::token_issued) {
    model::AuditEvent out;
    out.issuer = kClinic;
    out.kind = kind;
    out.at = kStart;
    out.client = "c_app";
    out.user = "u_ada";
    out.details = {{"scopes", "patient/*.rs"}};
    return out;
  }

 private:
  SequenceRandom random_;
  std::uint64_t counter_ = 0;
};

/// Runs `work(i)` on `count` threads that start together; each is its own scheduler.
template <class F>
void together(int count, F work) {
  std::atomic<int> ready{0};
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      ++ready;
      while (ready < count) std::this_thread::yield();
      work(i);
    });
  }
  for (auto& thread : threads) thread.join();
}

class StoreContract : public testing::TestWithParam<StoreKind>, public Records {
 protected:
  StoreContract() : store_(make_store()) {}
  /// Whatever a test did, the audit record must hold.
  ~StoreContract() override {
    if (store_ != nullptr) expect_intact(*store_);
  }

  std::unique_ptr<ports::Store> make_store() {
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

  static void expect_intact(ports::Store& store) {
    audit::VerifyOptions from_its_beginning;
    from_its_beginning.begins = get(store.anchor());
    const auto verdict = audit::verify(
        [&](std::int64_t after, std::size_t limit) { return run_sync(store.read(after, limit)); }, from_its_beginning);
    ASSERT_TRUE(verdict) << verdict.error().detail;
    EXPECT_TRUE(verdict->intact()) << audit::name(verdict->finding) << " at " << verdict->broken_at;
    EXPECT_EQ(verdict->head.seq, store.last_seq());
  }
  /// Kinds of all audit events so far.
  std::vector<model::AuditKind> audited() {
    std::vector<model::AuditKind> out;
    const auto records = get(store_->read(0, 1000));
    out.reserve(records.size());
    for (const auto& record : records) out.push_back(record.event.kind);
    return out;
  }
  std::vector<model::Change> changes(std::int64_t after = 0) { return get(store_->changes_after(after, 1000)); }

  /// The value of an act that must not fail.
  template <class T>
  static T get(Task<Result<T>> task) {
    auto result = run_sync(std::move(task));
    EXPECT_TRUE(result) << (result ? "" : result.error().detail);
    if constexpr (!std::is_void_v<T>) return result ? std::move(*result) : T{};
  }
  template <class T>
  static ErrorCode error_of(Task<Result<T>> task) {
    const auto result = run_sync(std::move(task));
    EXPECT_FALSE(result);
    return result ? ErrorCode::internal : result.error().code;
  }

  /// A code that is stored and ready to be redeemed.
  model::AuthorizationCode stored_code() {
    auto one = code();
    ports::AuthorizationStore::Completion completion;
    completion.code = one;
    EXPECT_EQ(get(store_->complete_authorization(kClinic, std::move(completion), {}, kStart)), Claim::won);
    return one;
  }
  /// A living grant with a family, made the only way there is.
  model::Grant stored_grant(std::function<void(model::Grant&)> change = {}) {
    const auto one = stored_code();
    auto made = grant();
    if (change) change(made);
    EXPECT_EQ(get(store_->redeem_code_once(kClinic, one.handle, made, family(made), {}, {}, kStart)), Claim::won);
    return made;
  }

  ManualClock clock_{kStart};
  TempDir dir_;
  std::unique_ptr<ports::Store> store_;
};

#define MITRAL_STORE_CONTRACT(suite) INSTANTIATE_TEST_SUITE_P(Adapters, suite, testing::ValuesIn(adapters()), kind_name)

}  // namespace mitral::contract
