// kill -9 under load: what was acknowledged is there when the file is opened again, and the audit chain holds.
//
// The child is this program again, running the one disabled test below. It does acts from several threads and writes a
// line to its standard output for each one that returned success; the parent kills it in the middle.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <sstream>

#include "contract/sqlite_fixture.h"

namespace mitral::contract {
namespace {

constexpr const char* kPathVariable = "MITRAL_STORE_KILL_PATH";
constexpr int kThreads = 8;

/// One line, whole: shorter than PIPE_BUF.
void acknowledge(const std::string& line) {
  const std::string text = line + "\n";
  if (::write(STDOUT_FILENO, text.data(), text.size()) < 0) std::_Exit(3);
}

std::string hex(const Hash256& hash) {
  std::string out;
  for (const auto byte : hash) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

Hash256 named(const std::string& what, int thread, int round) {
  return crypto::sha256(what + std::to_string(thread) + ":" + std::to_string(round));
}

Id128 named_id(const std::string& what, int thread, int round) {
  const auto hash = named(what, thread, round);
  Id128 out;
  std::copy_n(hash.begin(), out.bytes.size(), out.bytes.begin());
  return out;
}

/// A user's whole life, again and again, until the kill.
void work(ports::Store& store, int thread) {
  Records records;
  for (int round = 0;; ++round) {
    const auto mark = " " + std::to_string(thread) + " " + std::to_string(round);
    auto code = records.code();
    code.handle = named("code", thread, round);
    ports::AuthorizationStore::Completion completion;
    completion.code = code;
    if (!run_sync(store.complete_authorization(kClinic, std::move(completion), {}, kStart))) std::_Exit(4);
    auto grant = records.grant();
    grant.id = named_id("grant", thread, round);
    auto event = Records::event(model::AuditKind::code_redeemed);
    event.grant = grant.id.text();
    const auto won =
        run_sync(store.redeem_code_once(kClinic, code.handle, grant, Records::family(grant), {event}, {}, kStart));
    if (!won || *won != Claim::won) std::_Exit(5);
    acknowledge("redeemed" + mark);
    if (!run_sync(store.rotate_once(
            kClinic, {.grant = grant.id, .presented = 0, .rotate = true, .retry_window = {}, .expires = kStart + 24h},
            {}, {}, kStart))) {
      std::_Exit(6);
    }
    acknowledge("rotated" + mark);
    if (round % 2 == 0) {
      if (!run_sync(store.revoke_grant(kClinic, grant.id, {}, kStart))) std::_Exit(7);
      acknowledge("revoked" + mark);
    }
    if (!run_sync(store.claim_once(kClinic, "x", named("claim", thread, round), kStart + 60s))) std::_Exit(8);
    acknowledge("claimed" + mark);
    auto fact = Records::event(model::AuditKind::fhir_access);
    fact.token = hex(named("fact", thread, round));
    if (!run_sync(store.append({fact}))) std::_Exit(9);
    acknowledge("audited" + mark);
  }
}

TEST(StoreKillChild, DISABLED_Run) {
  const char* path = std::getenv(kPathVariable);  // NOLINT(concurrency-mt-unsafe)
  if (path == nullptr) GTEST_SKIP() << "only as a child of StoreKill";
  const ManualClock clock(kStart);
  store::SqliteOptions options;
  options.path = path;
  const auto store = open_sqlite(std::move(options), clock);
  if (store == nullptr) std::_Exit(2);
  together(kThreads, [&](int i) { work(*store, i); });
}

struct Child {
  pid_t pid = -1;
  int out = -1;
};

Child start_child(const std::string& path) {
  int ends[2] = {-1, -1};
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  std::string filter = "--gtest_filter=StoreKillChild.DISABLED_Run";
  std::string disabled = "--gtest_also_run_disabled_tests";
  char* arguments[] = {self.data(), filter.data(), disabled.data(), nullptr};
  std::vector<std::string> kept;
  for (char** variable = environ; *variable != nullptr; ++variable) kept.emplace_back(*variable);
  kept.push_back(std::string(kPathVariable) + "=" + path);
  std::vector<char*> environment;
  for (auto& variable : kept) environment.push_back(variable.data());
  environment.push_back(nullptr);
  Child child;
  EXPECT_EQ(::posix_spawn(&child.pid, self.c_str(), &actions, nullptr, arguments, environment.data()), 0);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  child.out = ends[0];
  return child;
}

/// Everything the child acknowledged; kills it after some number of lines.
std::vector<std::string> acknowledged_before_kill(const Child& child, std::size_t lines) {
  std::string text;
  std::size_t count = 0;
  bool killed = false;
  char buffer[4096];
  for (;;) {
    const auto got = ::read(child.out, buffer, sizeof buffer);
    if (got <= 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
    count += static_cast<std::size_t>(std::count(buffer, buffer + got, '\n'));
    if (!killed && count >= lines) {
      ::kill(child.pid, SIGKILL);
      killed = true;
    }
  }
  ::close(child.out);
  int status = 0;
  ::waitpid(child.pid, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
      << "the child ended by itself: " << status << " " << text;
  std::vector<std::string> out;
  std::istringstream input(text);
  for (std::string line; std::getline(input, line);) out.push_back(line);
  return out;
}

class StoreKill : public SqliteTest {
 protected:
  void expect_there(ports::Store& store, const std::string& line, const std::vector<std::string>& facts) {
    std::istringstream input(line);
    std::string what;
    int thread = 0;
    int round = 0;
    if (!(input >> what >> thread >> round)) return;  // a line of the test runner
    const auto id = named_id("grant", thread, round);
    if (what == "redeemed") {
      EXPECT_TRUE(get(store.find_grant(kClinic, id))) << line;
      const auto code = get(store.find_code(kClinic, named("code", thread, round), kStart));
      EXPECT_TRUE(code && code->grant == id) << line;
      EXPECT_TRUE(std::ranges::binary_search(facts, id.text())) << "audit event of " << line;
    } else if (what == "rotated") {
      const auto family = get(store.find_family(kClinic, id));
      EXPECT_TRUE(family && family->generation == 1) << line;
    } else if (what == "revoked") {
      const auto grant = get(store.find_grant(kClinic, id));
      EXPECT_TRUE(grant && grant->revoked) << line;
    } else if (what == "claimed") {
      EXPECT_FALSE(get(store.claim_once(kClinic, "x", named("claim", thread, round), kStart + 60s))) << line;
    } else if (what == "audited") {
      EXPECT_TRUE(std::ranges::binary_search(facts, hex(named("fact", thread, round)))) << line;
    }
  }
};

TEST_F(StoreKill, NothingAcknowledgedIsLost) {
  for (int run = 0; run < 4; ++run) {
    path_ = dir_.file("killed" + std::to_string(run) + ".db");
    const auto lines = acknowledged_before_kill(start_child(path_), 150 + 333 * static_cast<std::size_t>(run));
    EXPECT_GE(lines.size(), 150U);
    const auto store = open();
    ASSERT_NE(store, nullptr);
    expect_intact(*store);
    std::vector<std::string> facts;
    for (std::int64_t after = 0;;) {
      const auto page = get(store->read(after, 1000));
      if (page.empty()) break;
      for (const auto& record : page)
        facts.push_back(record.event.token.empty() ? record.event.grant : record.event.token);
      after = page.back().seq;
    }
    std::ranges::sort(facts);
    for (const auto& line : lines) expect_there(*store, line, facts);
    // And the store goes on where it stopped.
    get(store->append({event()}));
    expect_intact(*store);
  }
}

}  // namespace
}  // namespace mitral::contract
