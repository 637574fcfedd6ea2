// The PostgreSQL side of store/transfer.h: one schema of one database, migrated.
//
// Errors: see store/transfer.h and connection.h. Thread rules: one thread.
#pragma once

#include <memory>

#include "base/result.h"
#include "store/postgres/connection.h"
#include "store/transfer.h"

namespace mitral::store::transfer {

[[nodiscard]] Result<std::unique_ptr<Database>> open_postgres(const postgres::ConnectOptions& options);

}  // namespace mitral::store::transfer
