#include "app/config_storage.h"

#include <gtest/gtest.h>

namespace mitral::app {
namespace {

std::string problems(const std::string& storage) {
  const auto loaded = parse_config(R"(
[server]
listen = "127.0.0.1:8080"
master_key_file = "master.key"
storage = { )" + storage + R"( }
[[issuer]]
id = "http://127.0.0.1:8080"
)",
                                   "m.toml");
  std::string out;
  for (const auto& p : loaded.problems) out += p.text + "\n";
  return out;
}

TEST(ConfigStorage, ReadsAPostgresDatabase) {
  const auto loaded = parse_config(R"(
[server]
listen = "127.0.0.1:8080"
master_key_file = "master.key"
drain_delay = "5s"
share_port = true
[server.storage]
postgres = "postgresql://mitral@db1,db2:5433/clinic?sslmode=verify-full&sslrootcert=/etc/ca.pem"
password_file = "db.password"
schema = "auth"
durability = "delayed"
[[issuer]]
id = "http://127.0.0.1:8080"
)",
                                   "m.toml");
  ASSERT_TRUE(loaded.problems.empty()) << loaded.problems.front().text;
  const auto& server = *loaded.config.server;
  EXPECT_EQ(server.storage.schema, "auth");
  EXPECT_EQ(server.storage.password_file, "db.password");
  EXPECT_FALSE(server.storage.durable);
  EXPECT_EQ(server.drain_delay, std::chrono::seconds(5));
  EXPECT_TRUE(server.share_port);
}

TEST(ConfigStorage, TakesLocalDatabasesInTheClear) {
  for (const char* url : {"postgresql://127.0.0.1/db", "postgresql://u@localhost:5433/db", "postgresql://[::1]:5432/db",
                          "postgresql:///db?host=/run/postgresql", "postgresql://%2Frun%2Fpostgresql/db",
                          "postgresql://127.0.0.1,127.0.0.2:5433/db"}) {
    EXPECT_EQ(postgres_url_problem(url), "") << url;
  }
}

TEST(ConfigStorage, RefusesClearTextToAnotherMachine) {
  for (const char* url :
       {"postgresql://db1/db", "postgresql://u@db1:5432/db?sslmode=prefer", "postgresql://127.0.0.1,db2/db",
        "postgresql://db1/db?sslmode=disable", "postgresql://localhost/db?host=db1", "postgresql://10.0.0.1/db",
        "postgresql://localhost.example.org/db", "postgresql://127.0.0.1/db?host=127.0.0.1,10.1.1.1"}) {
    EXPECT_NE(postgres_url_problem(url).find("in the clear"), std::string::npos) << url;
  }
  EXPECT_EQ(postgres_url_problem("postgresql://db1,db2/db?sslmode=verify-full"), "");
  EXPECT_EQ(postgres_url_problem("postgresql://db1/db?sslmode=require"), "");
}

// A secret belongs neither into the configuration nor into the message about it.
TEST(ConfigStorage, RefusesAPasswordInTheAddress) {
  for (const char* url : {"postgresql://u:hunter2@localhost/db", "postgresql://localhost/db?password=hunter2",
                          "postgresql://u:hunter2@db1/db?sslmode=require"}) {
    const auto problem = postgres_url_problem(url);
    EXPECT_NE(problem.find("password_file"), std::string::npos) << url;
    EXPECT_EQ(problem.find("hunter2"), std::string::npos);
  }
}

TEST(ConfigStorage, RefusesWhatItDoesNotKnow) {
  for (const char* url :
       {"host=localhost dbname=x", "postgres://localhost/db", "postgresql://localhost", "postgresql://localhost/",
        "postgresql://localhost/db?options=-csearch_path%3Dpublic", "postgresql://localhost/db?service=x",
        "postgresql://localhost/db?target_session_attrs=any", "postgresql://localhost/db?sslmode=",
        "postgresql://localhost/db?sslmode=require&sslmode=disable", "postgresql://localhost/d b", "postgresql:///db",
        "postgresql://localhost/db#x", "postgresql://localhost/db?hostaddr=10.0.0.1"}) {
    EXPECT_NE(postgres_url_problem(url), "") << url;
  }
}

TEST(ConfigStorage, OnePlaceAndNothingThatIsIgnored) {
  EXPECT_NE(problems(R"(path = "a.db", postgres = "postgresql://localhost/db")").find("choose one"), std::string::npos);
  EXPECT_NE(problems(R"(path = "a.db", schema = "x")").find("belongs to a PostgreSQL"), std::string::npos);
  EXPECT_NE(problems(R"(path = "a.db", password_file = "x")").find("belongs to a PostgreSQL"), std::string::npos);
  EXPECT_NE(problems(R"(postgres = "")").find("must not be empty"), std::string::npos);
  EXPECT_NE(problems(R"(postgres = "postgresql://localhost/db", schema = "A-b")").find("'schema'"), std::string::npos);
  EXPECT_NE(problems(R"(durability = "full")").find("'path'"), std::string::npos);
  EXPECT_EQ(problems(R"(postgres = "postgresql://localhost/db")"), "");
}

}  // namespace
}  // namespace mitral::app
