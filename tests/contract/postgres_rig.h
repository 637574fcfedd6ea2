// What tests of the PostgreSQL adapter's engine room need: the tables that the writer itself writes, in a schema of
// their own, and a table to act on.
#pragma once

#include <future>
#include <map>

#include "base/task.h"
#include "net/runtime.h"
#include "store/postgres/connection.h"
#include "store/postgres/writer.h"
#include "support/postgres_server.h"

namespace mitral::contract {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): literals
using store::postgres::Connection;
using store::postgres::ConnectOptions;
using store::postgres::Failure;
using store::postgres::Rows;
using store::postgres::Statement;
using store::postgres::Tx;
using store::postgres::Writer;
using testing_support::PostgresIntruder;
using testing_support::PostgresServer;

inline void make_tables(const ConnectOptions& options) {
  PostgresIntruder intruder(options.url);
  intruder.run("CREATE SCHEMA " + options.schema);
  intruder.run("SET search_path TO " + options.schema);
  intruder.run(
      "CREATE TABLE head(id int PRIMARY KEY CHECK (id = 1), audit_seq int8 NOT NULL, audit_hash bytea NOT NULL, "
      "audit_at int8 NOT NULL, sealed int8 NOT NULL, change_seq int8 NOT NULL);"
      "INSERT INTO head VALUES (1, 0, decode(repeat('00', 32), 'hex'), 0, 0, 0);"
      "CREATE TABLE audit(seq int8 PRIMARY KEY, issuer text NOT NULL, at int8 NOT NULL, event text NOT NULL, "
      "hash bytea NOT NULL, checkpoint text);"
      "CREATE TABLE changes(seq int8 PRIMARY KEY, issuer text NOT NULL, kind int4 NOT NULL, subject text NOT NULL, "
      "at int8 NOT NULL, expires int8 NOT NULL);"
      "CREATE TABLE things(key text PRIMARY KEY, value int8 NOT NULL)");
}

inline store::PreparedEvents event(const std::string& text) {
  return {{.issuer = Issuer("https://as.example"), .at = from_seconds(1'800'000'000), .canonical = text}};
}

/// A test with a schema, on the server of the process unless it brings one of its own.
class PostgresTest : public testing::Test {
 protected:
  void use(PostgresServer& server) {
    server_ = &server;
    options_ = server.fresh();
    make_tables(options_);
  }
  void SetUp() override {
    MITRAL_NEEDS_POSTGRES();
    if (server_ == nullptr) use(PostgresServer::shared());
  }

  [[nodiscard]] std::unique_ptr<Connection> connect() const { return connect(options_); }
  static std::unique_ptr<Connection> connect(const ConnectOptions& options) {
    auto connection = Connection::open(options);
    EXPECT_TRUE(connection) << connection.error().detail;
    return connection ? std::move(*connection) : nullptr;
  }
  [[nodiscard]] PostgresIntruder intruder() const { return PostgresIntruder(server_->url(), options_.schema); }

  [[nodiscard]] std::unique_ptr<Writer> writer(Writer::Listener listener = {}) const {
    auto out = std::make_unique<Writer>(Writer::Options{.connect = options_, .max_delay = 20ms, .signer = {}},
                                        std::move(listener));
    const auto started = out->start();
    EXPECT_TRUE(started) << started.error().detail;
    return out;
  }

  /// Adds a thing; conflict when there is one of that name.
  static Task<Result<void>> add(Writer& writer, std::string key, std::int64_t value = 1) {
    std::vector<Statement> opening;
    opening.emplace_back("INSERT INTO things(key, value) VALUES($1, $2)", key, value);
    co_return co_await writer.write(std::move(opening), [](Tx&, std::span<const Rows>) -> Result<void> { return {}; });
  }
  /// Adds a thing that is judged by what was there before; a thing twice is refused by the act itself.
  static Task<Result<void>> add_judged(Writer& writer, std::string key, const store::PreparedEvents& events) {
    std::vector<Statement> opening;
    opening.emplace_back("INSERT INTO things(key, value) VALUES($1, 1) ON CONFLICT DO NOTHING", key);
    co_return co_await writer.write(std::move(opening),
                                    [&events, &key](Tx& tx, std::span<const Rows> rows) -> Result<void> {
                                      if (rows[0].affected() != 1) return fail(ErrorCode::conflict, {}, "twice");
                                      tx.audit(events);
                                      tx.change(Issuer("https://as.example"), model::ChangeKind::grant_revoked, key,
                                                from_seconds(1), from_seconds(2));
                                      return {};
                                    });
  }

  /// Runs the task on a loop of the runtime and hands its result to the calling thread.
  template <class T>
  static std::future<T> on_loop(net::Runtime& runtime, unsigned loop, std::function<Task<T>()> make) {
    auto promise = std::make_shared<std::promise<T>>();
    auto future = promise->get_future();
    // A lambda that is a coroutine must live as long as its Task.
    auto maker = std::make_shared<std::function<Task<T>()>>(std::move(make));
    runtime.post(loop, [promise, maker] {
      spawn((*maker)(), [promise, maker](std::exception_ptr failed, std::optional<T> value) {
        if (failed) {
          promise->set_exception(failed);
        } else {
          promise->set_value(std::move(*value));
        }
      });
    });
    return future;
  }

  static std::string detail(const auto& result) { return result ? std::string() : result.error().detail; }

  PostgresServer* server_ = nullptr;
  ConnectOptions options_;
};

}  // namespace mitral::contract
