// ServerError: what a failed statement or connection means, by its SQLSTATE (PostgreSQL, appendix A).
//
// Texts of the server may hold values (DETAIL; messages of class 22), so they are told only for classes whose messages
// speak of the schema or of the server itself.
//
// Thread rules: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "store/postgres/connection.h"

struct pg_result;

namespace mitral::store::postgres {

struct ServerError {
  Error error;
  Failure failure = Failure::statement;
  std::string sqlstate;
};
/// `sql` is the text of the program that failed, without parameters.
[[nodiscard]] ServerError server_error(const pg_result* result, std::string_view sql);

/// Why a connection could not be had. `message` is libpq's, with SQLSTATEs in place of the server's words.
[[nodiscard]] Error connect_error(std::string_view message);

}  // namespace mitral::store::postgres
