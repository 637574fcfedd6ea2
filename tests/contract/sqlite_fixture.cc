#include "contract/sqlite_fixture.h"

namespace mitral::contract {

Intruder::Intruder(const std::string& path) { EXPECT_EQ(sqlite3_open(path.c_str(), &db_), SQLITE_OK); }

void Intruder::run(const std::string& sql) {
  EXPECT_EQ(try_run(sql), SQLITE_OK) << sqlite3_errmsg(db_) << " in " << sql;
}

std::string Intruder::value(const std::string& sql) {
  std::string out;
  const auto take = [](void* to, int, char** values, char**) {
    *static_cast<std::string*>(to) = values[0] == nullptr ? "" : values[0];
    return 0;
  };
  EXPECT_EQ(sqlite3_exec(db_, sql.c_str(), take, &out, nullptr), SQLITE_OK) << sqlite3_errmsg(db_);
  return out;
}

store::SqliteOptions SqliteTest::options() {
  store::SqliteOptions out;
  out.path = path_;
  return out;
}

audit::Verdict SqliteTest::verdict_of(ports::Store& store, const audit::VerifyOptions& how) {
  const auto verdict =
      audit::verify([&](std::int64_t after, std::size_t limit) { return run_sync(store.read(after, limit)); }, how);
  EXPECT_TRUE(verdict) << verdict.error().detail;
  return verdict ? *verdict : audit::Verdict{};
}

void SqliteTest::expect_intact(ports::Store& store) {
  const auto verdict = verdict_of(store);
  EXPECT_TRUE(verdict.intact()) << audit::name(verdict.finding) << " at " << verdict.broken_at;
  EXPECT_EQ(verdict.head.seq, store.last_seq());
}

model::AuthorizationCode SqliteTest::stored_code(ports::Store& store) {
  auto one = code();
  ports::AuthorizationStore::Completion completion;
  completion.code = one;
  EXPECT_EQ(get(store.complete_authorization(kClinic, std::move(completion), {}, kStart)), Claim::won);
  return one;
}

model::Grant SqliteTest::stored_grant(ports::Store& store) {
  const auto one = stored_code(store);
  auto made = grant();
  EXPECT_EQ(get(store.redeem_code_once(kClinic, one.handle, made, family(made), {}, {}, kStart)), Claim::won);
  return made;
}

}  // namespace mitral::contract
