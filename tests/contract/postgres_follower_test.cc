// The follower: news of other nodes come by NOTIFY, and by the poll when that is lost.
#include <condition_variable>
#include <mutex>

#include "contract/postgres_rig.h"
#include "store/postgres/follower.h"

namespace mitral::contract {
namespace {

using store::postgres::Follower;

class PostgresFollowerTest : public PostgresTest {
 protected:
  /// Follows the feed as a store does: everything above what it has seen.
  struct Node {
    std::mutex mutex;
    std::condition_variable wake;
    std::int64_t seen = 0;
    int looks = 0;
    int ticks = 0;
    std::unique_ptr<Follower> follower;

    explicit Node(const ConnectOptions& options) {
      follower = std::make_unique<Follower>(
          options,
          [this](Connection& connection) -> Result<void> {
            MITRAL_TRY(const auto rows, connection.exchange(Statement("SELECT coalesce(max(seq), 0) FROM changes")));
            const std::lock_guard lock(mutex);
            seen = rows.integer(0, 0);
            ++looks;
            wake.notify_all();
            return {};
          },
          [this] {
            const std::lock_guard lock(mutex);
            ++ticks;
            wake.notify_all();
          });
      follower->start();
    }
    template <class Condition>
    bool await(Condition condition, std::chrono::milliseconds longest = 10s) {
      std::unique_lock lock(mutex);
      return wake.wait_for(lock, longest, condition);
    }
    bool await_seen(std::int64_t seq) {
      return await([&] { return seen >= seq; });
    }
  };
};

TEST_F(PostgresFollowerTest, NewsOfAnotherNodeArriveWithinTheBound) {
  Node node(options_);
  ASSERT_TRUE(node.await([&] { return node.looks > 0; }));
  const auto writing = writer();
  const auto events = event("e");
  for (int i = 1; i <= 20; ++i) {
    ASSERT_TRUE(run_sync(add_judged(*writing, fmt::format("k{}", i), events)));
    const auto began = std::chrono::steady_clock::now();
    ASSERT_TRUE(node.await_seen(i));
    EXPECT_LT(std::chrono::steady_clock::now() - began, limits::kRevocationBound);
  }
}

TEST_F(PostgresFollowerTest, NotifyComesSoonerThanThePoll) {
  Node node(options_);
  ASSERT_TRUE(node.await([&] { return node.looks > 0; }));
  const auto writing = writer();
  const auto events = event("e");
  // A poll alone would be late by half its period on average: 20 of them together take two seconds.
  const auto began = std::chrono::steady_clock::now();
  for (int i = 1; i <= 20; ++i) {
    ASSERT_TRUE(run_sync(add_judged(*writing, fmt::format("k{}", i), events)));
    ASSERT_TRUE(node.await_seen(i));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, 20 * limits::kRevocationPoll);
}

TEST_F(PostgresFollowerTest, ALostNotifyCostsAPoll) {
  Node node(options_);
  ASSERT_TRUE(node.await([&] { return node.looks > 0; }));
  intruder().run("INSERT INTO changes VALUES (7, 'i', 0, 's', 0, 0)");
  EXPECT_TRUE(node.await_seen(7));
}

TEST_F(PostgresFollowerTest, ItComesBackAfterItsSessionWasKilledAndTicksAllTheWhile) {
  PostgresServer own{PostgresServer::Options{}};
  use(own);
  Node node(options_);
  ASSERT_TRUE(node.await([&] { return node.looks > 0; }));
  own.stop();
  int ticks = 0;
  int looks = 0;
  {
    const std::lock_guard lock(node.mutex);
    ticks = node.ticks;
  }
  EXPECT_TRUE(node.await([&] { return node.ticks >= ticks + 5; })) << "ticks go on without a server";
  {
    const std::lock_guard lock(node.mutex);
    looks = node.looks;
  }
  EXPECT_FALSE(node.await([&] { return node.looks > looks; }, 500ms));
  ASSERT_TRUE(own.start());
  PostgresIntruder(own.url(), options_.schema).run("INSERT INTO changes VALUES (9, 'i', 0, 's', 0, 0)");
  EXPECT_TRUE(node.await_seen(9));
}

}  // namespace
}  // namespace mitral::contract
