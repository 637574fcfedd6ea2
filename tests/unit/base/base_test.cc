#include <gtest/gtest.h>

#include <thread>

#include "base/ids.h"
#include "base/log.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/task.h"
#include "base/time.h"

namespace mitral {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return fail(ErrorCode::malformed, "odd number");
  return n / 2;
}
Result<int> quarter(int n) {
  MITRAL_TRY(const int h, half(n));
  return half(h);
}

TEST(Result, TryReturnsTheFirstError) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().code, ErrorCode::malformed);
  EXPECT_EQ(quarter(6).error().client.view(), "odd number");
}

TEST(Error, StatusAndWireNameFollowTheStandards) {
  EXPECT_EQ(http_status(ErrorCode::invalid_client), 401);
  EXPECT_EQ(http_status(ErrorCode::invalid_grant), 400);
  EXPECT_EQ(wire_name(ErrorCode::malformed), "invalid_request");
  EXPECT_EQ(wire_name(ErrorCode::unavailable), "temporarily_unavailable");
}

TEST(Secret, ComparesAndForgets) {
  Secret a("correct horse");
  Secret b = a;
  EXPECT_TRUE(a == b);
  EXPECT_FALSE(a == Secret("correct hors"));
  const Secret c = std::move(b);
  EXPECT_TRUE(b.empty());  // NOLINT(bugprone-use-after-move): a moved-from secret is wiped
  EXPECT_EQ(c.reveal(), "correct horse");
}

TEST(Id128, TextGoesThereAndBack) {
  SequenceRandom random;
  for (int i = 0; i < 100; ++i) {
    const Id128 id = Id128::random(random);
    EXPECT_EQ(Id128::parse(id.text()), id);
  }
  EXPECT_FALSE(Id128::parse("too short"));
  EXPECT_FALSE(Id128::parse("AAAAAAAAAAAAAAAAAAAAAB")) << "spare bits must be zero";
  EXPECT_FALSE(Id128::parse("AAAAAAAAAAAAAAAAAAAAA="));
}

// RFC 9562 §5.7: what is made together lies together, and is no easier to guess for it than 80 bits are.
TEST(Id128, OrderedIdsSortByTheMillisecondTheyWereMadeIn) {
  SequenceRandom random;
  const Instant start = from_micros(1'769'903'999'123'456);
  Id128 last;
  for (int i = 0; i < 1000; ++i) {
    const auto id = Id128::ordered(random, start + std::chrono::milliseconds(i));
    EXPECT_LT(last, id);
    last = id;
  }
  EXPECT_NE(Id128::ordered(random, start), Id128::ordered(random, start)) << "the rest is random";
  const auto id = Id128::ordered(random, start);
  const auto prefix = time_prefix(start);
  EXPECT_TRUE(std::equal(prefix.begin(), prefix.end(), id.bytes.begin()));
  EXPECT_EQ(prefix, (std::array<std::uint8_t, 6>{0x01, 0x9c, 0x16, 0x7f, 0xc8, 0x93}));
}

TEST(Time, Formats) {
  const Instant t = from_micros(1'769'903'999'123'456);
  EXPECT_EQ(to_rfc3339(t), "2026-01-31T23:59:59.123Z");
  EXPECT_EQ(to_http_date(t), "Sat, 31 Jan 2026 23:59:59 GMT");
}

TEST(Log, W27_ControlCharactersCannotForgeALine) {
  const auto line = log::render(log::Level::info, log::Format::text, 0, "x", {{"name", "a\nb\"c"}});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_NE(line.find(R"(name="a\u000ab\"c")"), std::string::npos) << line;
}

Task<int> add(int a, int b) { co_return a + b; }
Task<int> sum_to(int n) {
  int sum = 0;
  for (int i = 1; i <= n; ++i) sum = co_await add(sum, i);
  co_return sum;
}

TEST(Task, RunsInALoop) { EXPECT_EQ(run_sync(sum_to(10'000)), 50'005'000); }

Task<int> from_thread() {
  std::thread worker;
  const int value =
      co_await Completion<int>{[&](std::function<void(int)> done) { worker = std::thread([done] { done(42); }); }, {}};
  worker.join();
  co_return value;
}

TEST(Task, GoesOnAtItsScheduler) { EXPECT_EQ(run_sync(from_thread()), 42); }

Task<void> throws() {
  throw std::runtime_error("x");
  co_return;
}
TEST(Task, ExceptionsCrossAwait) { EXPECT_THROW(run_sync(throws()), std::runtime_error); }

}  // namespace
}  // namespace mitral
