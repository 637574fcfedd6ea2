// The clock that all nodes share: the database server's.
#include "store/postgres/store_impl.h"

namespace mitral::store::postgres {

Task<Result<std::optional<Duration>>> StoreImpl::clock_skew() {
  const Instant before = clock_.now();
  MITRAL_CO_TRY(const auto rows,
                co_await readers_->read(Statement("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8")));
  if (rows.empty()) co_return fail(ErrorCode::unavailable, {}, "the database does not tell its time");
  // The server answered somewhere between; half way is wrong by no more than half the round trip.
  const Instant middle = before + (clock_.now() - before) / 2;
  co_return std::optional<Duration>(middle - rows.time(0, 0));
}

}  // namespace mitral::store::postgres
