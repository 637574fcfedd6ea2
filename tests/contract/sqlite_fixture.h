// What tests need that meet the SQLite file itself: a store in a folder of its own, a second connection to the file
// that plays another program or an attacker, and switches for faults.
#pragma once

#include <sqlite3.h>

#include "contract/store_contract.h"

namespace mitral::contract {

/// Another program with the file open. Statements must succeed unless try_run() is asked.
class Intruder {
 public:
  explicit Intruder(const std::string& path);
  ~Intruder() { sqlite3_close(db_); }
  Intruder(const Intruder&) = delete;
  Intruder& operator=(const Intruder&) = delete;
  int try_run(const std::string& sql) { return sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr); }
  void run(const std::string& sql);
  std::string value(const std::string& sql);

 private:
  sqlite3* db_ = nullptr;
};

class SqliteTest : public testing::Test, public Records {
 protected:
  [[nodiscard]] store::SqliteOptions options();
  std::unique_ptr<store::SqliteStore> open() { return open_sqlite(options(), clock_); }

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
  static audit::Verdict verdict_of(ports::Store& store, const audit::VerifyOptions& how = {});
  static void expect_intact(ports::Store& store);
  model::AuthorizationCode stored_code(ports::Store& store);
  model::Grant stored_grant(ports::Store& store);
  /// Waits for something that another thread or process brings about.
  template <class F>
  static bool within(std::chrono::milliseconds limit, F condition) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(5ms);
    }
    return true;
  }

  ManualClock clock_{kStart};
  TempDir dir_;
  std::string path_ = dir_.file("store.db");
};

}  // namespace mitral::contract
