// One connection: what goes through it, what its errors tell and don't tell, and which servers it finds.
#include "contract/postgres_rig.h"
#include "net/dev_ca.h"

namespace mitral::contract {
namespace {

using PostgresConnectionTest = PostgresTest;
using store::postgres::Blob;
using store::postgres::Column;

Hash256 hash_of(std::uint8_t byte) {
  Hash256 out;
  out.fill(byte);
  return out;
}

TEST_F(PostgresConnectionTest, ValuesOfEveryTypeGoThereAndBack) {
  const auto connection = connect();
  Id128 id;
  id.bytes.fill(7);
  const std::string bytes("\0\xff\x80", 3);
  const auto good = connection->exchange(Statement(
      "SELECT $1::bool, $2::int8, $3::text, $4::bytea, $5::bytea, $6::bytea, $7::int8, $8::text, -2", true,
      std::int64_t{-5}, "grüße", Blob{bytes}, hash_of(9), id, from_micros(1'234'567), std::optional<std::string>()));
  ASSERT_TRUE(good) << detail(good);
  EXPECT_TRUE(good->boolean(0, 0));
  EXPECT_EQ(good->integer(0, 1), -5);
  EXPECT_EQ(good->text(0, 2), "grüße");
  EXPECT_EQ(good->text(0, 3), bytes);
  EXPECT_EQ(good->hash(0, 4), hash_of(9));
  EXPECT_EQ(good->id(0, 5), id);
  EXPECT_EQ(good->time(0, 6), from_micros(1'234'567));
  EXPECT_TRUE(good->is_null(0, 7));
  EXPECT_EQ(good->time_or_null(0, 7), std::nullopt);
  EXPECT_EQ(good->integer(0, 8), -2);
  EXPECT_TRUE(good->is_null(0, 99)) << "a column that isn't there";
  EXPECT_TRUE(good->is_null(1, 0)) << "a row that isn't there";
}

TEST_F(PostgresConnectionTest, ColumnsBecomeRows) {
  const auto connection = connect();
  const Column<std::int64_t> numbers{{1, -2, 3}};
  const Column<std::string> texts{{"a", "", "ü"}};
  const Column<Hash256> hashes{{hash_of(1), hash_of(2), hash_of(3)}};
  const auto rows = connection->exchange(
      Statement("SELECT * FROM unnest($1::int8[], $2::text[], $3::bytea[])", numbers, texts, hashes));
  ASSERT_TRUE(rows) << detail(rows);
  ASSERT_EQ(rows->count(), 3);
  EXPECT_EQ(rows->integer(1, 0), -2);
  EXPECT_EQ(rows->text(1, 1), "");
  EXPECT_FALSE(rows->is_null(1, 1));
  EXPECT_EQ(rows->hash(2, 2), hash_of(3));
  const auto none = connection->exchange(Statement("SELECT * FROM unnest($1::int8[])", Column<std::int64_t>{}));
  ASSERT_TRUE(none) << detail(none);
  EXPECT_EQ(none->count(), 0);
}

TEST_F(PostgresConnectionTest, OneRoundTripAnswersInOrderAndStopsAtTheFirstError) {
  const auto connection = connect();
  std::vector<Statement> all;
  all.emplace_back("INSERT INTO things(key, value) VALUES('a', 1)");
  all.emplace_back("INSERT INTO things(key, value) VALUES('a', 2)");
  all.emplace_back("SELECT value FROM things");
  const auto failed = connection->exchange(all);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::conflict);
  EXPECT_EQ(connection->failed_at(), 1U);
  EXPECT_EQ(connection->sqlstate(), "23505");
  EXPECT_EQ(connection->failure(), Failure::statement);
  // Nothing of it stayed, and the connection goes on, with the statement that was skipped too.
  const auto count = connection->exchange(all[2]);
  ASSERT_TRUE(count) << detail(count);
  EXPECT_EQ(count->count(), 0);
}

TEST_F(PostgresConnectionTest, MuchDataBothWaysAtOnceDoesNotBlock) {
  const auto connection = connect();
  const std::string big(256 * 1024, 'x');
  std::vector<Statement> all;
  for (int i = 0; i < 64; ++i) all.emplace_back("SELECT $1::text || $1::text", big);
  const auto rows = connection->exchange(all);
  ASSERT_TRUE(rows) << detail(rows);
  ASSERT_EQ(rows->size(), 64U);
  EXPECT_EQ((*rows)[63].text(0, 0).size(), big.size() * 2);
}

TEST_F(PostgresConnectionTest, DetailsOfErrorsHoldNoValues) {
  const auto connection = connect();
  const std::string secret = "dont-tell-this";
  const std::vector<std::pair<Statement, ErrorCode>> cases = [&] {
    std::vector<std::pair<Statement, ErrorCode>> out;
    out.emplace_back(Statement("INSERT INTO things(key, value) VALUES($1, 1), ($1, 2)", secret), ErrorCode::conflict);
    out.emplace_back(Statement("INSERT INTO things(key, value) VALUES($1, NULL)", secret), ErrorCode::conflict);
    out.emplace_back(Statement("SELECT ($1::text)::int8", secret), ErrorCode::internal);
    out.emplace_back(Statement("SELECT no_such_column, $1::text", secret), ErrorCode::internal);
    out.emplace_back(Statement("SELECT set_config('statement_timeout', $1, true)", secret), ErrorCode::internal);
    return out;
  }();
  for (const auto& [statement, code] : cases) {
    const auto failed = connection->exchange(statement);
    ASSERT_FALSE(failed) << statement.sql();
    EXPECT_EQ(failed.error().code, code) << failed.error().detail;
    EXPECT_EQ(failed.error().detail.find(secret), std::string::npos) << failed.error().detail;
    EXPECT_TRUE(failed.error().client.empty());
  }
}

TEST_F(PostgresConnectionTest, TextsThatAreNoneAreNotSent) {
  const auto connection = connect();
  for (const std::string& bad : {std::string("a\0b", 3), std::string("\xff"), std::string("\xed\xa0\x80")}) {
    const auto failed = connection->exchange(Statement("SELECT $1::text", bad));
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::malformed);
    EXPECT_FALSE(connection->lost());
  }
  EXPECT_TRUE(connection->exchange(Statement("SELECT 1")));
}

TEST_F(PostgresConnectionTest, SessionsAreBounded) {
  const auto connection = connect();
  const auto setting = [&](const char* sql) {
    const auto rows = connection->exchange(Statement(sql));
    EXPECT_TRUE(rows) << detail(rows);
    return rows ? std::string(rows->text(0, 0)) : std::string();
  };
  EXPECT_EQ(setting("SELECT current_setting('statement_timeout')"), "2s");
  EXPECT_EQ(setting("SELECT current_setting('lock_timeout')"), "2s");
  EXPECT_EQ(setting("SELECT current_setting('idle_in_transaction_session_timeout')"), "3s");
  EXPECT_EQ(setting("SELECT current_setting('transaction_isolation')"), "read committed");
  EXPECT_EQ(setting("SELECT current_setting('TimeZone')"), "UTC");
  EXPECT_EQ(setting("SELECT current_setting('application_name')"), "mitral");
  EXPECT_EQ(setting("SELECT current_schema()::text"), options_.schema);
}

TEST_F(PostgresConnectionTest, AServerThatWouldAnswerTooEarlyIsAskedToWait) {
  const auto database = server_->new_database();
  PostgresIntruder(server_->url()).run("ALTER DATABASE " + database + " SET synchronous_commit = off");
  auto options = options_;
  options.url = server_->url(database);
  const auto connection = connect(options);
  const auto rows = connection->exchange(Statement("SELECT current_setting('synchronous_commit')"));
  ASSERT_TRUE(rows) << detail(rows);
  EXPECT_EQ(rows->text(0, 0), "on");
}

TEST_F(PostgresConnectionTest, ASlowStatementIsEndedAndTheConnectionGoesOn) {
  const auto connection = connect();
  const auto slow = connection->exchange(Statement("SELECT pg_sleep(30)"));
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().code, ErrorCode::unavailable);
  EXPECT_EQ(connection->sqlstate(), "57014");
  EXPECT_FALSE(connection->lost());
  EXPECT_TRUE(connection->exchange(Statement("SELECT 1")));
}

TEST_F(PostgresConnectionTest, APatientConnectionWaitsLonger) {
  const auto connection = connect();
  ASSERT_TRUE(connection->be_patient(20s));
  EXPECT_TRUE(connection->exchange(Statement("SELECT pg_sleep(3)::text")));
  EXPECT_TRUE(connection->execute("SELECT pg_sleep(3)"));
}

TEST_F(PostgresConnectionTest, AServerThatFallsSilentLosesTheConnection) {
  PostgresServer own{PostgresServer::Options{}};
  auto options = own.fresh();
  const auto connection = connect(options);
  own.freeze();
  const auto began = std::chrono::steady_clock::now();
  const auto silent = connection->exchange(Statement("SELECT 1"));
  const auto took = std::chrono::steady_clock::now() - began;
  const auto refused = Connection::open(options);
  own.thaw();
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().code, ErrorCode::unavailable);
  EXPECT_TRUE(connection->lost());
  EXPECT_LT(took, 10s);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  const auto after = connection->exchange(Statement("SELECT 1"));
  EXPECT_FALSE(after) << "lost is lost";
}

TEST_F(PostgresConnectionTest, AKilledSessionIsLost) {
  const auto connection = connect();
  intruder().run(fmt::format("SELECT pg_terminate_backend({})", connection->backend()));
  const auto failed = connection->exchange(Statement("SELECT 1"));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::unavailable);
  EXPECT_TRUE(connection->lost());
}

TEST_F(PostgresConnectionTest, NotifyIsHeardFromOtherSessions) {
  const auto connection = connect();
  ASSERT_TRUE(connection->execute("LISTEN a_channel"));
  EXPECT_EQ(connection->wait_notified(10ms).value_or(true), false);
  const auto other = connect();
  ASSERT_TRUE(other->exchange(Statement("NOTIFY a_channel")));
  EXPECT_EQ(connection->wait_notified(10s).value_or(false), true);
  EXPECT_EQ(connection->wait_notified(10ms).value_or(true), false);
  // One that comes along with an answer is not lost.
  ASSERT_TRUE(other->exchange(Statement("NOTIFY a_channel")));
  ASSERT_TRUE(connection->exchange(Statement("SELECT 1")));
  EXPECT_EQ(connection->wait_notified(10s).value_or(false), true);
}

// ---- COMMIT

TEST_F(PostgresConnectionTest, ACommitThatRolledBackIsNone) {
  const auto connection = connect();
  ASSERT_TRUE(connection->exchange(Statement("BEGIN")));
  ASSERT_FALSE(connection->exchange(Statement("SELECT 1/0")));
  // PostgreSQL answers this COMMIT with the tag ROLLBACK and no error.
  const auto committed = connection->exchange(Statement("COMMIT"));
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code, ErrorCode::unavailable);
  EXPECT_TRUE(connection->lost());
}

TEST_F(PostgresConnectionTest, ACommitThatGaveUpItsStandbyIsNone) {
  PostgresServer own{PostgresServer::Options{.settings = {"synchronous_standby_names = 'nobody'"}}};
  auto options = own.fresh();
  const auto connection = connect(options);
  std::thread canceller([&] {
    PostgresIntruder admin(own.url());
    EXPECT_TRUE(admin.await(
        fmt::format("SELECT wait_event FROM pg_stat_activity WHERE pid = {}", connection->backend()), "SyncRep"));
    admin.run(fmt::format("SELECT pg_cancel_backend({})", connection->backend()));
  });
  std::vector<Statement> all;
  all.emplace_back("BEGIN");
  all.emplace_back("CREATE TABLE public.t(a int)");
  all.emplace_back("COMMIT");
  const auto committed = connection->exchange(all);
  canceller.join();
  // The server says COMMIT, with a warning that only it itself has the data.
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code, ErrorCode::unavailable);
  EXPECT_TRUE(connection->lost());
}

// ---- finding a server

/// Takes connections and never says a word.
class SilentServer {
 public:
  SilentServer() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    ::bind(fd_, reinterpret_cast<sockaddr*>(&address), size);          // NOLINT
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);  // NOLINT
    ::listen(fd_, 16);
    port_ = ntohs(address.sin_port);
  }
  ~SilentServer() { ::close(fd_); }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;
  [[nodiscard]] int port() const noexcept { return port_; }

 private:
  int fd_;
  int port_ = 0;
};

std::string several(const std::vector<int>& ports) {
  std::string hosts;
  for (const int port : ports) hosts += fmt::format("{}127.0.0.1:{}", hosts.empty() ? "" : ",", port);
  return fmt::format("postgresql://postgres:{}@{}/postgres", PostgresServer::kPassword, hosts);
}

TEST_F(PostgresConnectionTest, ADeadOrSilentFirstHostIsPassedOverAndRemembered) {
  const SilentServer silent;
  auto options = options_;
  options.url = several({PostgresServer::free_port(), silent.port(), server_->port()});
  auto began = std::chrono::steady_clock::now();
  ASSERT_NE(connect(options), nullptr);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
  EXPECT_EQ(options.last_host->load(), 2U);
  began = std::chrono::steady_clock::now();
  ASSERT_NE(connect(options), nullptr);
  EXPECT_LT(std::chrono::steady_clock::now() - began, limits::kPostgresConnectTimeout)
      << "the silent one was asked again";
}

TEST_F(PostgresConnectionTest, AStandbyIsPassedOverAndServesOncePromoted) {
  PostgresServer primary{PostgresServer::Options{}};
  PostgresServer standby(primary, "second", PostgresServer::Options{});
  auto options = primary.fresh();
  options.url = several({standby.port(), primary.port()});
  auto connection = connect(options);
  ASSERT_NE(connection, nullptr);
  auto recovering = connection->exchange(Statement("SELECT pg_is_in_recovery()"));
  ASSERT_TRUE(recovering) << detail(recovering);
  EXPECT_FALSE(recovering->boolean(0, 0));
  EXPECT_EQ(options.last_host->load(), 1U);

  auto only_standby = options;
  only_standby.last_host = std::make_shared<std::atomic<std::size_t>>(0);
  only_standby.url = standby.tcp_url();
  const auto refused = Connection::open(only_standby);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);

  primary.kill9();
  standby.promote();
  EXPECT_FALSE(connection->exchange(Statement("SELECT 1")));
  connection = connect(options);
  ASSERT_NE(connection, nullptr);
  EXPECT_EQ(options.last_host->load(), 0U);
  EXPECT_TRUE(connection->exchange(Statement("CREATE TABLE public.written_after(a int)")));
}

TEST_F(PostgresConnectionTest, AWrongPasswordIsToldWithoutIt) {
  auto options = options_;
  options.url = server_->tcp_url("postgres", "127.0.0.1", "wrong-password-1");
  const auto wrong = Connection::open(options);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::config_invalid);
  EXPECT_EQ(wrong.error().detail.find("wrong-password-1"), std::string::npos) << wrong.error().detail;
  EXPECT_NE(wrong.error().detail.find("127.0.0.1"), std::string::npos) << wrong.error().detail;
  options.url = fmt::format("postgresql://postgres@127.0.0.1:{}/postgres", server_->port());
  options.password = "wrong-password-2";
  const auto from_file = Connection::open(options);
  ASSERT_FALSE(from_file);
  EXPECT_EQ(from_file.error().code, ErrorCode::config_invalid);
  EXPECT_EQ(from_file.error().detail.find("wrong-password-2"), std::string::npos);
  options.password = PostgresServer::kPassword;
  EXPECT_NE(connect(options), nullptr);
}

TEST_F(PostgresConnectionTest, WhatAnOperatorHasToPutRightIsConfigInvalid) {
  auto options = options_;
  const std::string secret = "p4ssw0rd";
  for (const std::string& url :
       {std::string(), std::string("no such thing " + secret), "postgresql://u:a@" + secret + "@127.0.0.1/db",
        "host=127.0.0.1,127.0.0.2 port=1,2,3 password=" + secret, "postgresql://u:x@127.0.0.1:" + secret + "/db",
        server_->tcp_url("no_such_database"), server_->tcp_url() + "?sslmode=require",
        server_->tcp_url() + "?sslmode=" + secret}) {
    options.url = url;
    const auto refused = Connection::open(options);
    ASSERT_FALSE(refused) << url;
    EXPECT_EQ(refused.error().code, ErrorCode::config_invalid) << url << ": " << refused.error().detail;
    EXPECT_EQ(refused.error().detail.find(secret), std::string::npos) << refused.error().detail;
  }
}

TEST_F(PostgresConnectionTest, TlsIsDemandedAndTheServerMustProveItself) {
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("mitral-pg-tls-{}", ::getpid());
  const auto other = folder / "other";
  std::filesystem::create_directories(other);
  const auto now = SystemClock().now();
  const auto mine = net::make_dev_certificates(folder.string(), now);
  const auto theirs = net::make_dev_certificates(other.string(), now);
  ASSERT_TRUE(mine && theirs);
  PostgresServer own{PostgresServer::Options{.certificate_file = mine->certificate_file, .key_file = mine->key_file}};
  auto options = own.fresh();
  options.url = own.tcp_url("postgres", "localhost") + "?sslmode=verify-full&sslrootcert=" + mine->ca_file;
  {
    const auto connection = connect(options);
    ASSERT_NE(connection, nullptr);
    const auto tls = connection->exchange(Statement("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"));
    ASSERT_TRUE(tls) << detail(tls);
    EXPECT_TRUE(tls->boolean(0, 0));
    std::vector<Statement> many;
    for (int i = 0; i < 300; ++i) many.emplace_back("SELECT repeat('x', 20000)");
    EXPECT_TRUE(connection->exchange(many));
  }
  options.url = own.tcp_url("postgres", "localhost") + "?sslmode=verify-full&sslrootcert=" + theirs->ca_file;
  const auto stranger = Connection::open(options);
  ASSERT_FALSE(stranger);
  EXPECT_EQ(stranger.error().code, ErrorCode::config_invalid) << stranger.error().detail;
  options.url = own.tcp_url() + "?sslmode=verify-full&sslrootcert=" + (folder / "missing.pem").string();
  const auto missing = Connection::open(options);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::config_invalid) << missing.error().detail;
  std::filesystem::remove_all(folder);
}

TEST_F(PostgresConnectionTest, AServerElsewhereMustProveItselfUnlessToldOtherwise) {
  // 0.0.0.0 reaches this machine, and is not spelled as one of its own addresses.
  auto options = options_;
  options.url = server_->tcp_url("postgres", "0.0.0.0");
  const auto plain = Connection::open(options);
  ASSERT_FALSE(plain);
  EXPECT_EQ(plain.error().code, ErrorCode::config_invalid) << plain.error().detail;
  options.url += "?sslmode=disable";
  EXPECT_NE(connect(options), nullptr);
}

TEST_F(PostgresConnectionTest, ASchemaNameIsQuoted) {
  auto options = options_;
  options.schema = "a\"; DROP SCHEMA public; --";
  const auto connection = connect(options);
  ASSERT_NE(connection, nullptr);
  const auto path = connection->exchange(Statement("SELECT current_setting('search_path')"));
  ASSERT_TRUE(path) << detail(path);
  EXPECT_EQ(path->text(0, 0), "\"a\"\"; DROP SCHEMA public; --\"");
}

}  // namespace
}  // namespace mitral::contract
