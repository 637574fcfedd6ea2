#include "store/postgres/server_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "store/postgres/libpq.h"

namespace mitral::store::postgres {
namespace {

constexpr std::size_t kTextShown = 160;

std::string_view field(const pg_result* result, int code) {
  const char* const text = libpq().PQresultErrorField(result, code);
  return text == nullptr ? std::string_view() : std::string_view(text);
}

bool in_class(std::string_view state, std::string_view prefix) { return state.starts_with(prefix); }

/// Failures of the server as a whole, which pass.
bool passes(std::string_view state) {
  return in_class(state, "53") || in_class(state, "55") || in_class(state, "57") || in_class(state, "58") ||
         in_class(state, "XX");
}

Failure failure_of(const pg_result* result, std::string_view state) {
  const auto severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (severity == "FATAL" || severity == "PANIC") return Failure::lost;
  if (state.empty() || in_class(state, "08") || state == "40003") return Failure::lost;
  if (in_class(state, "57P")) return Failure::lost;
  // The server was demoted, or plans and names of this session are out of date: another connection will do.
  if (state == "25006" || state == "26000") return Failure::lost;
  if (state == "0A000" && field(result, PG_DIAG_SOURCE_FUNCTION) == "RevalidateCachedQuery") return Failure::lost;
  if (in_class(state, "40")) return Failure::serialize;
  return Failure::statement;
}

ErrorCode code_of(Failure failure, std::string_view state) {
  if (failure == Failure::lost || failure == Failure::serialize || passes(state)) return ErrorCode::unavailable;
  if (in_class(state, "23")) return ErrorCode::conflict;
  if (state == "22021" || state == "22P05") return ErrorCode::malformed;
  return ErrorCode::internal;
}

/// Messages that name only what is in the schema, or files of the server.
bool speaks_of_no_value(std::string_view state) {
  return in_class(state, "42") || in_class(state, "0A") || in_class(state, "3F") || passes(state);
}

std::string shortened(std::string_view text) {
  std::string out(text.substr(0, kTextShown));
  std::ranges::replace(out, '\n', ' ');
  if (text.size() > kTextShown) out += "...";
  return out;
}

}  // namespace

ServerError server_error(const pg_result* result, std::string_view sql) {
  ServerError out;
  out.sqlstate = field(result, PG_DIAG_SQLSTATE);
  out.failure = failure_of(result, out.sqlstate);
  out.error.code = code_of(out.failure, out.sqlstate);
  auto& detail = out.error.detail;
  detail = out.sqlstate.empty() ? "the connection to the database was lost" : "database: SQLSTATE " + out.sqlstate;
  if (speaks_of_no_value(out.sqlstate)) {
    detail += ", " + shortened(field(result, PG_DIAG_MESSAGE_PRIMARY));
  }
  for (const int part : {PG_DIAG_TABLE_NAME, PG_DIAG_COLUMN_NAME, PG_DIAG_CONSTRAINT_NAME}) {
    if (const auto name = field(result, part); !name.empty()) detail += fmt::format(", {}", name);
  }
  if (out.error.code == ErrorCode::internal && !sql.empty()) detail += " in: " + shortened(sql);
  return out;
}

Error connect_error(std::string_view message) {
  struct Known {
    std::string_view state;
    ErrorCode code;
    std::string_view words;
  };
  static constexpr std::array kKnown = {
      Known{"28P01", ErrorCode::config_invalid, "wrong user or password"},
      Known{"28000", ErrorCode::config_invalid, "the server does not accept this user from here"},
      Known{"3D000", ErrorCode::config_invalid, "no such database"},
      Known{"42501", ErrorCode::config_invalid, "the user may not connect to this database"},
      Known{"53300", ErrorCode::unavailable, "the server has no connection left"},
      Known{"57P03", ErrorCode::unavailable, "the server is starting up or shutting down"},
  };
  if (const auto at = message.find("FATAL:"); at != std::string_view::npos) {
    auto state = message.substr(at + 6);
    state.remove_prefix(std::min(state.find_first_not_of(' '), state.size()));
    state = state.substr(0, 5);
    for (const auto& known : kKnown) {
      if (known.state == state) return {known.code, {}, fmt::format("{} ({})", known.words, state)};
    }
    const bool bad = in_class(state, "28") || in_class(state, "42") || in_class(state, "22");
    return {bad ? ErrorCode::config_invalid : ErrorCode::unavailable, {}, fmt::format("SQLSTATE {}", state)};
  }
  // libpq's own words, which it has no codes for; they are not translated in this program.
  struct Word {
    std::string_view found;
    ErrorCode code;
    std::string_view words;
  };
  static constexpr std::array kWords = {
      Word{"read-only", ErrorCode::unavailable, "the server is read-only"},
      Word{"hot standby", ErrorCode::unavailable, "the server is a standby"},
      Word{"refused", ErrorCode::unavailable, "connection refused"},
      Word{"could not translate host name", ErrorCode::unavailable, "unknown host"},
      Word{"No such file", ErrorCode::unavailable, "no such socket"},
      Word{"does not support SSL", ErrorCode::config_invalid, "the server has no TLS, but sslmode demands it"},
      Word{"root certificate file", ErrorCode::config_invalid, "the file of sslrootcert can't be read"},
      Word{"certificate verify failed", ErrorCode::config_invalid, "the server's certificate is not trusted"},
      Word{"does not match host name", ErrorCode::config_invalid, "the server's certificate is for another host"},
      Word{"certificate", ErrorCode::config_invalid, "certificate refused"},
      Word{"sslmode", ErrorCode::config_invalid, "sslmode is not understood"},
      Word{"no password supplied", ErrorCode::config_invalid, "the server wants a password"},
      Word{"unreachable", ErrorCode::unavailable, "unreachable"},
      Word{"closed the connection", ErrorCode::unavailable, "the server closed the connection"},
  };
  for (const auto& word : kWords) {
    if (message.contains(word.found)) return {word.code, {}, std::string(word.words)};
  }
  return {ErrorCode::unavailable, {}, "can't connect"};
}

}  // namespace mitral::store::postgres
