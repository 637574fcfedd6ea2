#include "store/postgres/connection.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cstring>

#include "base/limits.h"
#include "store/postgres/libpq.h"
#include "store/postgres/server_error.h"

namespace mitral::store::postgres {
namespace {

struct Clear {
  void operator()(PGresult* result) const noexcept { libpq().PQclear(result); }
};
using Owned = std::unique_ptr<PGresult, Clear>;

int poll_time(Connection::Steady::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Connection::Steady::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

}  // namespace

Connection::~Connection() {
  if (connection_ != nullptr) libpq().PQfinish(connection_);
}

int Connection::socket() const noexcept { return libpq().PQsocket(connection_); }

int Connection::backend() const noexcept { return libpq().PQbackendPID(connection_); }

Connection::Steady::time_point Connection::deadline() const noexcept {
  const Duration longest = std::max<Duration>(patience_, limits::kPostgresStatementTimeout);
  return Steady::now() + longest + limits::kPostgresGrace;
}

Error Connection::lost_error() const { return {ErrorCode::unavailable, {}, why_lost_}; }

void Connection::lose(std::string why) {
  if (lost()) return;
  failure_ = Failure::lost;
  why_lost_ = std::move(why);
}

// ---- piece by piece

void Connection::send(std::span<const Statement* const> statements) {
  flights_.emplace_back();
  Flight& flight = flights_.back();
  flight.answer.rows.reserve(statements.size());
  flight.steps.reserve(statements.size() + 1);
  for (const Statement* statement : statements) {
    if (lost()) return;
    send_one(*statement, flight);
  }
  if (!lost() && libpq().PQpipelineSync(connection_) != 1) lose("the connection to the database was lost");
}

void Connection::send_one(const Statement& statement, Flight& flight) {
  const auto parameters = statement.parameters();
  const int count = static_cast<int>(parameters.size());
  types_.clear();
  values_.clear();
  lengths_.clear();
  for (const auto& parameter : parameters) {
    types_.push_back(parameter.type);
    values_.push_back(parameter.null ? nullptr : statement.bytes(parameter).data());
    lengths_.push_back(static_cast<int>(parameter.size));
  }
  if (formats_.size() < parameters.size()) formats_.resize(parameters.size(), 1);
  const auto [known, fresh] = prepared_.try_emplace(statement.sql());
  if (fresh) {
    known->second = fmt::format("m{}", ++names_);
    if (libpq().PQsendPrepare(connection_, known->second.c_str(), statement.sql(), count, types_.data()) != 1) {
      lose("the connection to the database was lost");
      return;
    }
    flight.steps.push_back({statement.sql(), true});
  }
  if (libpq().PQsendQueryPrepared(connection_, known->second.c_str(), count, values_.data(), lengths_.data(),
                                  formats_.data(), 1) != 1) {
    lose("the connection to the database was lost");
    return;
  }
  flight.steps.push_back({statement.sql(), false});
}

bool Connection::flush() {
  if (lost()) return true;
  const int left = libpq().PQflush(connection_);
  if (left < 0) lose("the connection to the database was lost");
  return left <= 0;
}

void Connection::consume() {
  if (!lost() && libpq().PQconsumeInput(connection_) != 1) lose("the connection to the database was lost");
}

bool Connection::take(Answer& answer) {
  for (int nothing = 0; !flights_.empty();) {
    Flight& flight = flights_.front();
    if (lost()) {
      answer = std::move(flight.answer);
      answer.failure = Failure::lost;
      answer.error = lost_error();
      flights_.pop_front();
      return true;
    }
    if (libpq().PQisBusy(connection_) != 0) return false;
    Owned result(libpq().PQgetResult(connection_));
    if (!result) {
      // One stands between the results of two statements. More of them means that nothing will come any more.
      if (++nothing > 3) lose("the database's answers are out of step");
      continue;
    }
    nothing = 0;
    if (libpq().PQresultStatus(result.get()) == PGRES_PIPELINE_SYNC) {
      answer = std::move(flight.answer);
      flights_.pop_front();
      return true;
    }
    judge(result.release(), flight);
  }
  return false;
}

/// Takes the result over.
void Connection::judge(PGresult* raw, Flight& flight) {
  Owned result(raw);
  const bool warned = std::exchange(warned_, false);
  auto& answer = flight.answer;
  if (flight.next == flight.steps.size()) {
    // A farewell that the server sent unasked.
    lose(server_error(result.get(), {}).error.detail);
    return;
  }
  const Step step = flight.steps[flight.next++];
  switch (libpq().PQresultStatus(result.get())) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK: {
      if (step.prepare) return;
      const bool commit = std::strcmp(step.sql, "COMMIT") == 0;
      if (commit && (warned || std::strcmp(libpq().PQcmdStatus(result.get()), "COMMIT") != 0)) {
        lose("the database did not confirm a commit");
        return;
      }
      answer.rows.emplace_back(result.release());
      return;
    }
    case PGRES_PIPELINE_ABORTED:
      if (step.prepare) prepared_.erase(step.sql);
      return;
    case PGRES_FATAL_ERROR: {
      if (step.prepare) prepared_.erase(step.sql);
      auto what = server_error(result.get(), step.sql);
      answer.sqlstate = std::move(what.sqlstate);
      answer.error = std::move(what.error);
      answer.failure = what.failure;
      if (what.failure == Failure::lost) {
        sqlstate_ = answer.sqlstate;
        lose(answer.error.detail);
      }
      return;
    }
    default: lose("the database's answers are out of step");
  }
}

// ---- blocking

bool Connection::wait(bool writable, Steady::time_point deadline) {
  for (;;) {
    pollfd descriptor{.fd = socket(), .events = static_cast<short>(writable ? POLLIN | POLLOUT : POLLIN), .revents = 0};
    const int time = poll_time(deadline);
    const int ready = ::poll(&descriptor, 1, time);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) break;
    if (ready == 0 && Steady::now() >= deadline) break;
  }
  lose("the database did not answer in time");
  return false;
}

Result<std::vector<Rows>> Connection::exchange(std::span<const Statement* const> statements) {
  if (lost()) return fail(lost_error());
  failure_ = Failure::none;
  failed_at_ = 0;
  sqlstate_.clear();
  for (const Statement* statement : statements) {
    if (!statement->sendable()) {
      failure_ = Failure::statement;
      failed_at_ = static_cast<std::size_t>(std::ranges::find(statements, statement) - statements.begin());
      return fail(ErrorCode::malformed, {}, "a text is not UTF-8");
    }
  }
  const auto until = deadline();
  send(statements);
  Answer answer;
  for (;;) {
    const bool sent = flush();
    if (take(answer)) break;
    if (!wait(!sent, until)) continue;
    consume();
  }
  if (answer.failure == Failure::none) return std::move(answer.rows);
  failure_ = answer.failure;
  failed_at_ = answer.rows.size();
  if (!answer.sqlstate.empty()) sqlstate_ = std::move(answer.sqlstate);
  return fail(std::move(answer.error));
}

Result<std::vector<Rows>> Connection::exchange(std::span<const Statement> statements) {
  std::vector<const Statement*> all;
  all.reserve(statements.size());
  for (const auto& statement : statements) all.push_back(&statement);
  return exchange(std::span<const Statement* const>(all));
}

Result<Rows> Connection::exchange(const Statement& statement) {
  const Statement* const one[] = {&statement};
  MITRAL_TRY(auto rows, exchange(std::span<const Statement* const>(one)));
  return std::move(rows.front());
}

Result<void> Connection::execute(const std::string& sql) {
  if (lost()) return fail(lost_error());
  failure_ = Failure::none;
  failed_at_ = 0;
  sqlstate_.clear();
  if (libpq().PQexitPipelineMode(connection_) != 1)
    return fail(ErrorCode::internal, {}, "execute() while in a pipeline");
  auto done = execute_until(sql, deadline());
  if (!lost() && libpq().PQenterPipelineMode(connection_) != 1) lose("the connection to the database was lost");
  return done;
}

Result<void> Connection::execute_until(const std::string& sql, Steady::time_point until) {
  if (libpq().PQsendQuery(connection_, sql.c_str()) != 1) {
    lose("the connection to the database was lost");
    return fail(lost_error());
  }
  Error error;
  for (;;) {
    const bool sent = flush();
    if (lost()) return fail(lost_error());
    if (libpq().PQisBusy(connection_) != 0) {
      if (!wait(!sent, until)) return fail(lost_error());
      consume();
      continue;
    }
    const Owned result(libpq().PQgetResult(connection_));
    if (!result) break;
    const auto status = libpq().PQresultStatus(result.get());
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY) continue;
    auto what = server_error(result.get(), {});
    sqlstate_ = std::move(what.sqlstate);
    if (what.failure == Failure::lost) {
      lose(what.error.detail);
      return fail(lost_error());
    }
    failure_ = what.failure;
    error = std::move(what.error);
  }
  warned_ = false;
  if (failure_ != Failure::none) return fail(std::move(error));
  return {};
}

Result<void> Connection::be_patient(Duration longest) {
  const auto time = std::chrono::ceil<std::chrono::milliseconds>(longest).count();
  MITRAL_CHECK(execute(fmt::format("SET statement_timeout TO {0}; SET lock_timeout TO {0}", time)));
  patience_ = longest;
  return {};
}

Result<bool> Connection::wait_notified(Duration longest) {
  if (lost()) return fail(lost_error());
  const auto until = Steady::now() + longest;
  const auto take_all = [this] {
    bool any = false;
    while (PGnotify* const notify = libpq().PQnotifies(connection_)) {
      libpq().PQfreemem(notify);
      any = true;
    }
    return any;
  };
  // What came with an earlier answer has been read from the socket already.
  if (take_all()) return true;
  for (;;) {
    pollfd descriptor{.fd = socket(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&descriptor, 1, poll_time(until));
    if (ready < 0 && errno != EINTR) lose("the connection to the database was lost");
    if (ready > 0) consume();
    if (lost()) return fail(lost_error());
    if (take_all()) return true;
    if (Steady::now() >= until) return false;
  }
}

}  // namespace mitral::store::postgres
