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
std::string kind_name(const testing::TestParamInfo<StoreKind>& info);
std::vector<StoreKind> servers();
std::vector<StoreKind> adapters();

/// A folder of its own that goes away with the test.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

std::unique_ptr<store::SqliteStore> open_sqlite(store::SqliteOptions options, const Clock& clock);

std::unique_ptr<store::PostgresStore> open_postgres(store::PostgresOptions options, const Clock& clock);

/// Builders of records, all different from each other.
class Records {
 public:
  [[nodiscard]] Hash256 handle() { return crypto::sha256("handle " + std::to_string(++counter_)); }
  [[nodiscard]] Id128 id() { return Id128::random(random_); }

  [[nodiscard]] model::AuthorizationRequest request(const ClientId& client = ClientId("c_app")) const;
  [[nodiscard]] model::PushedRequest pushed();
  [[nodiscard]] model::LaunchTicket launch();
  [[nodiscard]] model::Interaction interaction();
  [[nodiscard]] model::AuthorizationCode code();
  [[nodiscard]] model::Grant grant();
  [[nodiscard]] static model::RefreshFamily family(const model::Grant& grant);
  [[nodiscard]] static model::User user(const std::string& name = "ada");
  [[nodiscard]] model::Session session(const UserId& user = UserId("u_ada"));
  [[nodiscard]] static model::Consent consent();
  [[nodiscard]] static model::Client client(const std::string& id = "c_app");
  [[nodiscard]] static model::ResourceServer server(const std::string& id = "fhir");
  [[nodiscard]] static model::AuditEvent event(model::AuditKind kind = model::AuditKind::token_issued);

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
  ~StoreContract() override;

  std::unique_ptr<ports::Store> make_store();

  static void expect_intact(ports::Store& store);
  /// Kinds of all audit events so far.
  std::vector<model::AuditKind> audited();
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
  model::AuthorizationCode stored_code();
  /// A living grant with a family, made the only way there is.
  model::Grant stored_grant(std::function<void(model::Grant&)> change = {});

  ManualClock clock_{kStart};
  TempDir dir_;
  std::unique_ptr<ports::Store> store_;
};

#define MITRAL_STORE_CONTRACT(suite) INSTANTIATE_TEST_SUITE_P(Adapters, suite, testing::ValuesIn(adapters()), kind_name)

}  // namespace mitral::contract
