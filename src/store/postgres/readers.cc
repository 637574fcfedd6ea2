#include "store/postgres/readers.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <unordered_map>

#include "base/limits.h"
#include "base/reactor.h"
#include "store/postgres/lane.h"
#include "store/postgres/opener.h"

namespace mitral::store::postgres {
namespace {

using Steady = Connection::Steady;

ConnectOptions read_only(ConnectOptions options) {
  options.read_only = true;
  return options;
}

/// The connections for callers that have no event loop.
class Pool {
 public:
  explicit Pool(Opener& opener) : opener_(opener) {}

  [[nodiscard]] Result<std::vector<Rows>> read(std::span<const Statement> statements) {
    const auto deadline = Steady::now() + limits::kPostgresStatementTimeout;
    for (bool again = false;; again = true) {
      MITRAL_TRY(auto connection, take(deadline));
      auto rows = connection->exchange(statements);
      const bool lost = connection->lost();
      give(std::move(connection));
      // It may have been lost long before, with nobody looking.
      if (!lost || again || Steady::now() >= deadline) return rows;
    }
  }

 private:
  Result<std::unique_ptr<Connection>> take(Steady::time_point deadline) {
    std::unique_lock lock(shared_->mutex);
    const auto idle = [this] { return !shared_->idle.empty(); };
    if (!idle() && shared_->owned < limits::kPostgresReadersMax) {
      ++shared_->owned;
      opener_.ask([shared = shared_](std::unique_ptr<Connection> connection) {
        const std::lock_guard inner(shared->mutex);
        shared->idle.push_back(std::move(connection));
        shared->wake.notify_one();
      });
    }
    if (!shared_->wake.wait_until(lock, deadline, idle)) {
      return fail(ErrorCode::unavailable, {}, "no connection to read by: " + opener_.last_error());
    }
    auto connection = std::move(shared_->idle.back());
    shared_->idle.pop_back();
    return connection;
  }

  void give(std::unique_ptr<Connection> connection) {
    const std::lock_guard lock(shared_->mutex);
    if (connection->lost()) {
      --shared_->owned;
    } else {
      shared_->idle.push_back(std::move(connection));
    }
    shared_->wake.notify_one();
  }

  struct Shared {
    std::mutex mutex;
    std::condition_variable wake;
    std::vector<std::unique_ptr<Connection>> idle;
    std::size_t owned = 0;  ///< idle, in use or asked for
  };
  Opener& opener_;
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

std::atomic<std::uint64_t> next_serial{1};

}  // namespace

struct Readers::Impl {
  explicit Impl(ConnectOptions options) : opener(read_only(std::move(options)), "readers"), pool(opener) {}

  /// The lane of the calling thread's loop, or nullptr where one has to block.
  [[nodiscard]] Lane* lane() {
    Reactor* const reactor = Reactor::current();
    if (reactor == nullptr || Scheduler::current() != &reactor->scheduler()) return nullptr;
    struct Known {
      std::uint64_t readers = 0;
      std::uint64_t reactor = 0;
      Lane* lane = nullptr;
    };
    thread_local Known known;
    if (known.readers == serial && known.reactor == reactor->id()) return known.lane;
    const std::lock_guard lock(mutex);
    auto& mine = lanes[reactor->id()];
    if (!mine) mine = std::make_unique<Lane>(*reactor, opener);
    known = {serial, reactor->id(), mine.get()};
    return mine.get();
  }

  const std::uint64_t serial = next_serial.fetch_add(1, std::memory_order_relaxed);
  std::atomic<std::uint64_t> count{0};
  Opener opener;
  Pool pool;
  std::mutex mutex;
  std::unordered_map<std::uint64_t, std::unique_ptr<Lane>> lanes;
};

Readers::Readers(ConnectOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Readers::~Readers() = default;

std::uint64_t Readers::count() const noexcept { return impl_->count.load(std::memory_order_relaxed); }

Task<Result<std::vector<Rows>>> Readers::read(std::vector<Statement> statements) {
  if (!std::ranges::all_of(statements, &Statement::sendable)) {
    co_return fail(ErrorCode::malformed, {}, "a text is not UTF-8");
  }
  impl_->count.fetch_add(1, std::memory_order_relaxed);
  Lane* const lane = impl_->lane();
  if (lane == nullptr) co_return impl_->pool.read(statements);
  Lane::Read read{.statements = statements};
  co_await Lane::Wait{*lane, read};
  co_return std::move(read.outcome);
}

Task<Result<Rows>> Readers::read(Statement statement) {
  if (!statement.sendable()) co_return fail(ErrorCode::malformed, {}, "a text is not UTF-8");
  impl_->count.fetch_add(1, std::memory_order_relaxed);
  const std::span<const Statement> one(&statement, 1);
  Lane* const lane = impl_->lane();
  Result<std::vector<Rows>> rows;
  if (lane == nullptr) {
    rows = impl_->pool.read(one);
  } else {
    Lane::Read read{.statements = one};
    co_await Lane::Wait{*lane, read};
    rows = std::move(read.outcome);
  }
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  co_return std::move(rows->front());
}

}  // namespace mitral::store::postgres
