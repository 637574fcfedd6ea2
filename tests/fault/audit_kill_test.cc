// kill -9 while segments are written, shipped and released: afterwards segments, anchor and database are one chain, no
// record is missing, and nothing is in two files.
//
// The child is this program again, running the one disabled test below: it appends events, and a shipper with small
// segments works beside it. The parent kills it again and again, each time at another moment.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "support/shipping_rig.h"

namespace mitral::testing_support {
namespace {

constexpr const char* kFolderVariable = "MITRAL_AUDIT_KILL_FOLDER";

/// The same key in every life, so that one verifier knows all seals.
jose::SigningKey key_in(const std::string& folder) {
  const auto path = folder + "/key.jwk";
  if (!std::filesystem::exists(path)) {
    const auto made = crypto::PrivateKey::generate(crypto::KeyKind::p256);
    std::ofstream(path, std::ios::binary) << made->pkcs8_der().reveal();
  }
  std::ifstream in(path, std::ios::binary);
  const std::string der((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  return {.kid = "k1", .alg = jose::SignAlg::es256, .key = *crypto::PrivateKey::from_pkcs8_der(der)};
}

TEST(AuditKillChild, DISABLED_Run) {
  const char* folder = std::getenv(kFolderVariable);  // NOLINT(concurrency-mt-unsafe)
  if (folder == nullptr) GTEST_SKIP() << "only as a child of AuditKill";
  const std::string home = folder;
  SystemClock clock;
  store::SqliteOptions options;
  options.path = home + "/store.db";
  const auto store = contract::open_sqlite(std::move(options), clock);
  if (store == nullptr) std::_Exit(2);
  store->set_checkpoint_signer(audit::signer_of(key_in(home)));
  app::AuditSettings settings;
  settings.directory = home + "/segments";
  settings.records = 200;
  settings.keep = 1ms;
  SequenceRandom random;  // the same holder in each life: the lease of the one before is its own
  // A year later, so that everything is old enough to be closed and let go at once.
  ManualClock shifted(clock.now() + 24h * 365);
  std::thread appends([&] {
    for (;;) {
      ports::Events events;
      for (int i = 0; i < 50; ++i) {
        events.push_back(contract::Records::event());
        events.back().at = clock.now();
      }
      if (!run_sync(store->append(std::move(events))) || !run_sync(store->seal_audit())) std::_Exit(3);
      if (::write(STDOUT_FILENO, "50\n", 3) < 0) std::_Exit(4);
    }
  });
  auto shipper = app::AuditShipper::create(settings, contract::kClinic, *store, shifted, random);
  if (!shipper) std::_Exit(5);
  for (;;) {
    shifted.advance(61s);
    static_cast<void>((*shipper)->step());
  }
}

struct Child {
  pid_t pid = -1;
  int out = -1;
};

Child start_child(const std::string& folder) {
  int ends[2] = {-1, -1};
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  std::string filter = "--gtest_filter=AuditKillChild.DISABLED_Run";
  std::string disabled = "--gtest_also_run_disabled_tests";
  char* arguments[] = {self.data(), filter.data(), disabled.data(), nullptr};
  std::vector<std::string> kept;
  for (char** variable = environ; *variable != nullptr; ++variable) kept.emplace_back(*variable);
  kept.push_back(std::string(kFolderVariable) + "=" + folder);
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

/// Lets it live for a while after its first words; how many events it has acknowledged.
std::int64_t live_and_die(const std::string& folder, std::chrono::milliseconds life) {
  const Child child = start_child(folder);
  std::string text;
  char buffer[4096];
  bool killed = false;
  auto end = std::chrono::steady_clock::time_point::max();
  for (;;) {
    const auto got = ::read(child.out, buffer, sizeof buffer);
    if (got <= 0) break;
    if (end == std::chrono::steady_clock::time_point::max()) end = std::chrono::steady_clock::now() + life;
    text.append(buffer, static_cast<std::size_t>(got));
    if (!killed && std::chrono::steady_clock::now() >= end) {
      ::kill(child.pid, SIGKILL);
      killed = true;
    }
  }
  int status = 0;
  ::waitpid(child.pid, &status, 0);
  ::close(child.out);
  EXPECT_TRUE(WIFSIGNALED(status)) << "it ended by itself with " << WEXITSTATUS(status);
  std::int64_t lines = 0;
  for (std::size_t at = text.find("50\n"); at != std::string::npos; at = text.find("50\n", at + 3)) ++lines;
  return lines * 50;
}

TEST(AuditKill, NothingIsLostOrTwiceWhereverItStrikes) {
  const contract::TempDir dir;
  const std::string folder = dir.file("");
  const auto key = key_in(folder);
  std::int64_t acknowledged = 0;
  for (int life = 0; life < 12; ++life) acknowledged += live_and_die(folder, 40ms + life * 17ms);
  const SystemClock clock;
  store::SqliteOptions options;
  options.path = dir.file("store.db");
  const auto store = contract::open_sqlite(std::move(options), clock);
  ASSERT_NE(store, nullptr);
  const auto segments = app::SegmentFolder::open(dir.file("segments"));
  ASSERT_TRUE(segments);
  const auto ranges = *segments->list();
  ASSERT_GT(ranges.size(), 3U);
  EXPECT_EQ(ranges.front().from, 1);
  for (std::size_t i = 1; i < ranges.size(); ++i) EXPECT_EQ(ranges[i].from, ranges[i - 1].to + 1);
  const auto anchor = run_sync(store->anchor());
  ASSERT_TRUE(anchor);
  EXPECT_GT(anchor->seq, 0) << "something was let go, too";
  jose::JwkSet set;
  ASSERT_TRUE(set.add(jose::Jwk::from_key(key.key.public_key(), key.kid, "ES256")));
  const auto verdict =
      audit::verify_all(*segments->found(), *anchor,
                        [&](std::int64_t after, std::size_t limit) { return run_sync(store->read(after, limit)); },
                        {.checkpoints = audit::verifier_of({std::move(set)}), .expected = {}, .begins = {}});
  ASSERT_TRUE(verdict);
  EXPECT_TRUE(verdict->intact()) << audit::name(verdict->finding) << " at " << verdict->broken_at;
  EXPECT_GE(verdict->records, acknowledged);
}

}  // namespace
}  // namespace mitral::testing_support
