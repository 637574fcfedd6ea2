// Libpq: PostgreSQL's client library, loaded when the first connection is made and not before.
//
// It brings some twenty libraries of its own (Kerberos, LDAP ...). A server that keeps its data in SQLite should
// neither carry them in memory, nor spend a third of its start on linking them, nor hand an attacker their code.
//
// Errors: unavailable when the library is not installed (Debian: libpq5). Thread rules: any thread; libpq() after
// load_libpq() succeeded once.
#pragma once

#include <libpq-fe.h>

#include "base/result.h"

namespace mitral::store::postgres {

// Every function of it that we call, by its own name and type.
// clang-format off
#define MITRAL_LIBPQ_FUNCTIONS(X)                                                                               \
  X(PQbackendPID) X(PQclear) X(PQcmdStatus) X(PQcmdTuples) X(PQconnectPoll) X(PQconnectStartParams)             \
  X(PQconninfoFree) X(PQconninfoParse) X(PQconsumeInput) X(PQenterPipelineMode) X(PQerrorMessage)               \
  X(PQescapeIdentifier) X(PQexitPipelineMode) X(PQfinish) X(PQflush) X(PQfreemem) X(PQgetResult) X(PQgetisnull) \
  X(PQgetlength) X(PQgetvalue) X(PQisBusy) X(PQnfields) X(PQnotifies) X(PQntuples) X(PQparameterStatus)         \
  X(PQpipelineSync) X(PQresultErrorField) X(PQresultStatus) X(PQsendPrepare) X(PQsendQuery)                     \
  X(PQsendQueryPrepared) X(PQserverVersion) X(PQsetErrorVerbosity) X(PQsetNoticeReceiver) X(PQsetnonblocking)   \
  X(PQsocket) X(PQstatus)
// clang-format on

struct Libpq {
#define MITRAL_DECLARE(name) decltype(&::name) name = nullptr;
  MITRAL_LIBPQ_FUNCTIONS(MITRAL_DECLARE)
#undef MITRAL_DECLARE
};

[[nodiscard]] Result<void> load_libpq();
[[nodiscard]] const Libpq& libpq() noexcept;

}  // namespace mitral::store::postgres
