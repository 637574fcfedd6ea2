#include "store/postgres/dialer.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/limits.h"
#include "store/postgres/libpq.h"
#include "store/postgres/server_error.h"

namespace mitral::store::postgres {
namespace {

constexpr int kVersionMin = 130'000;
constexpr const char* kAuthorities = "/etc/ssl/certs/ca-certificates.crt";

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> out;
  std::size_t from = 0;
  for (;;) {
    const auto comma = list.find(',', from);
    out.push_back(list.substr(from, comma - from));
    if (comma == std::string::npos) return out;
    from = comma + 1;
  }
}

long long millis(Duration time) { return std::chrono::ceil<std::chrono::milliseconds>(time).count(); }

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const ConnectOptions& options, const std::atomic<bool>* stop) {
  return Dialer(options, stop).dial();
}

bool Dialer::Host::remote() const {
  const std::string& where = address.empty() ? name : address;
  const bool socket = where.empty() || where.starts_with('/') || where.starts_with('@');
  return !socket && where != "localhost" && where != "::1" && !where.starts_with("127.");
}

std::string Dialer::Host::shown() const {
  const std::string& where = name.empty() ? address : name;
  return fmt::format("{}:{}", where.empty() ? "local socket" : where, port.empty() ? "5432" : port);
}

std::string Dialer::given(std::string_view key) const {
  const auto at = std::ranges::find(parameters_, key, [](const auto& entry) { return std::string_view(entry.first); });
  return at == parameters_.end() ? std::string() : at->second;
}

// libpq's own message is not told: it quotes the piece that it stumbled over, which may be part of the password.
Result<void> Dialer::parse() {
  MITRAL_CHECK(load_libpq());
  const std::string_view url = options_.url;
  if (url.empty()) return fail(ErrorCode::config_invalid, {}, "the database's connection string is empty");
  if (const auto scheme = url.find("://"); scheme != std::string_view::npos) {
    const auto authority = url.substr(scheme + 3, url.find_first_of("/?", scheme + 3) - scheme - 3);
    if (std::ranges::count(authority, '@') > 1) {
      return fail(ErrorCode::config_invalid, {}, "the connection string has two '@': write %40 inside a password");
    }
  }
  char* message = nullptr;
  PQconninfoOption* const options = libpq().PQconninfoParse(options_.url.c_str(), &message);
  libpq().PQfreemem(message);
  if (options == nullptr) return fail(ErrorCode::config_invalid, {}, "the database's connection string can't be read");
  for (const auto* option = options; option->keyword != nullptr; ++option) {
    if (option->val != nullptr && *option->val != '\0') parameters_.emplace_back(option->keyword, option->val);
  }
  libpq().PQconninfoFree(options);
  return split_hosts();
}

Result<void> Dialer::split_hosts() {
  const auto names = split(given("host"));
  const auto addresses = split(given("hostaddr"));
  const auto ports = split(given("port"));
  const std::size_t count = std::max(names.size(), addresses.size());
  const auto fits = [count](const auto& list, bool one_for_all) {
    return list.size() == count || (list.size() == 1 && (one_for_all || list[0].empty()));
  };
  if (!fits(names, false) || !fits(addresses, false) || !fits(ports, true)) {
    return fail(ErrorCode::config_invalid, {}, "the connection string has not as many ports as hosts");
  }
  // What stands where a port should may be a piece of a password.
  const auto is_number = [](const std::string& port) {
    return std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
  };
  if (!std::ranges::all_of(ports, is_number)) {
    return fail(ErrorCode::config_invalid, {}, "the connection string has a port that is no number");
  }
  for (std::size_t i = 0; i < count; ++i) {
    hosts_.push_back({.name = names.size() == count ? names[i] : std::string(),
                      .address = addresses.size() == count ? addresses[i] : std::string(),
                      .port = ports.size() == count ? ports[i] : ports[0]});
  }
  return {};
}

Dialer::Parameters Dialer::parameters_for(const Host& host) const {
  Parameters out;
  for (const auto& [key, value] : parameters_) {
    if (key != "host" && key != "hostaddr" && key != "port" && key != "target_session_attrs")
      out.emplace_back(key, value);
  }
  const auto set = [&out](const char* key, std::string value) {
    if (!value.empty()) out.emplace_back(key, std::move(value));
  };
  const auto by_default = [&](const char* key, std::string value) {
    if (given(key).empty()) set(key, std::move(value));
  };
  set("host", host.name);
  set("hostaddr", host.address);
  set("port", host.port);
  set("target_session_attrs", "read-write");
  set("client_encoding", "UTF8");
  if (!options_.password.empty()) set("password", options_.password);
  by_default("application_name", options_.application_name);
  by_default("gssencmode", "disable");
  by_default("keepalives_idle", std::to_string(std::chrono::seconds(limits::kPostgresKeepAlive).count()));
  by_default("keepalives_interval", "1");
  by_default("keepalives_count", "3");
  by_default("tcp_user_timeout", std::to_string(millis(limits::kPostgresStatementTimeout + limits::kPostgresGrace)));
  if (host.remote() && given("sslmode").empty() && std::getenv("PGSSLMODE") == nullptr) {
    set("sslmode", "verify-full");
    if (std::getenv("PGSSLROOTCERT") == nullptr) by_default("sslrootcert", kAuthorities);
  }
  return out;
}

Result<std::unique_ptr<Connection>> Dialer::dial() {
  MITRAL_CHECK(parse());
  const std::size_t first = options_.last_host->load(std::memory_order_relaxed) % hosts_.size();
  Error error{ErrorCode::unavailable, {}, "can't connect to the database"};
  const char* between = ": ";
  for (std::size_t i = 0; i < hosts_.size() && !stopped(); ++i) {
    const std::size_t index = (first + i) % hosts_.size();
    auto connection = try_host(hosts_[index]);
    if (connection) {
      options_.last_host->store(index, std::memory_order_relaxed);
      return connection;
    }
    // What an operator has to put right outweighs a host that is merely down.
    if (connection.error().code == ErrorCode::config_invalid) error.code = ErrorCode::config_invalid;
    error.detail += std::exchange(between, "; ") + hosts_[index].shown() + " " + connection.error().detail;
  }
  return fail(std::move(error));
}

Result<std::unique_ptr<Connection>> Dialer::try_host(const Host& host) {
  const auto deadline = Connection::Steady::now() + limits::kPostgresConnectTimeout;
  const auto parameters = parameters_for(host);
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : parameters) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  std::unique_ptr<Connection> connection(new Connection());
  connection->connection_ = libpq().PQconnectStartParams(keys.data(), values.data(), 0);
  if (connection->connection_ == nullptr) return fail(ErrorCode::unavailable, {}, "out of memory");
  MITRAL_CHECK(shake_hands(*connection, deadline));
  MITRAL_CHECK(set_up(*connection, deadline));
  return connection;
}

Result<void> Dialer::shake_hands(Connection& connection, Connection::Steady::time_point deadline) {
  PGconn* const raw = connection.connection_;
  // The server's words may be in any language; its codes are not.
  libpq().PQsetErrorVerbosity(raw, PQERRORS_SQLSTATE);
  auto state = libpq().PQstatus(raw) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (state != PGRES_POLLING_OK) {
    if (state == PGRES_POLLING_FAILED) return fail(connect_error(libpq().PQerrorMessage(raw)));
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Connection::Steady::now()).count();
    if (left <= 0 || stopped()) return fail(ErrorCode::unavailable, {}, "did not answer in time");
    pollfd descriptor{.fd = libpq().PQsocket(raw),
                      .events = static_cast<short>(state == PGRES_POLLING_READING ? POLLIN : POLLOUT),
                      .revents = 0};
    // In small steps, so that a stop is noticed.
    if (::poll(&descriptor, 1, static_cast<int>(std::min<std::int64_t>(left, 50))) > 0)
      state = libpq().PQconnectPoll(raw);
  }
  return {};
}

Result<void> Dialer::set_up(Connection& connection, Connection::Steady::time_point deadline) {
  PGconn* const raw = connection.connection_;
  if (libpq().PQserverVersion(raw) < kVersionMin) {
    return fail(ErrorCode::config_invalid, {}, "the server is older than PostgreSQL 13");
  }
  const auto note_warning = [](void* to, const PGresult* notice) {
    const char* const severity = libpq().PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity != nullptr && std::strcmp(severity, "WARNING") == 0) static_cast<Connection*>(to)->warned_ = true;
  };
  libpq().PQsetNoticeReceiver(raw, note_warning, &connection);
  connection.has_notify_ = libpq().PQparameterStatus(raw, "crdb_version") == nullptr;
  char* const quoted = libpq().PQescapeIdentifier(raw, options_.schema.data(), options_.schema.size());
  if (quoted == nullptr) return fail(ErrorCode::config_invalid, {}, "the schema's name is not UTF-8");
  connection.schema_ = quoted;
  libpq().PQfreemem(quoted);
  if (libpq().PQsetnonblocking(raw, 1) != 0) return fail(ErrorCode::unavailable, {}, "the connection was lost");
  MITRAL_CHECK(connection.execute_until(
      fmt::format("SET search_path TO {};"
                  "SET TimeZone TO 'UTC';"
                  "SET default_transaction_isolation TO 'read committed';"
                  "SET statement_timeout TO {};"
                  "SET lock_timeout TO {};"
                  "SET idle_in_transaction_session_timeout TO {};"
                  "SET default_transaction_read_only TO {};"
                  "SELECT set_config('synchronous_commit', 'on', false)"
                  " WHERE current_setting('synchronous_commit', true) = 'off';"
                  "SELECT set_config('jit', 'off', false) WHERE current_setting('jit', true) = 'on';"
                  // Everything is read by an index. A plan made while the tables were empty must not outlive that.
                  "SELECT set_config('enable_seqscan', 'off', false)"
                  " WHERE current_setting('enable_seqscan', true) = 'on'",
                  connection.schema_, millis(limits::kPostgresStatementTimeout), millis(limits::kPostgresLockTimeout),
                  millis(limits::kPostgresIdleTransaction), options_.read_only ? "on" : "off"),
      deadline));
  if (libpq().PQenterPipelineMode(raw) != 1) return fail(ErrorCode::unavailable, {}, "the connection was lost");
  return {};
}

}  // namespace mitral::store::postgres
