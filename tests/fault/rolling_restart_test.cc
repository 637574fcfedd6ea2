// A rolling restart under load, with real processes: a new `mitral serve` takes the port of an old one while clients
// ask for tokens all the time. Nobody sees a failure, /readyz is red before the door closes, and the old one ends by
// itself with exit code 0.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>

#include "login/password_pool.h"
#include "support/nodes_rig.h"
#include "support/postgres_server.h"

namespace mitral::app {
namespace {

const std::string kProgram = std::string(MITRAL_BINARY_DIR) + "/mitral";

class Served {
 public:
  explicit Served(const std::string& config) {
    const std::string log = config + ".log";
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    std::string words[] = {kProgram, "-c", config, "serve"};
    char* arguments[] = {words[0].data(), words[1].data(), words[2].data(), words[3].data(), nullptr};
    EXPECT_EQ(posix_spawn(&pid_, kProgram.c_str(), &actions, nullptr, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
  }
  ~Served() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;
  void ask_to_end() const { ::kill(pid_, SIGTERM); }
  /// Exit code; -1 when it does not end within the limit.
  int ended(std::chrono::seconds limit) {
    int status = 0;
    if (!within(limit, [&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; })) return -1;
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -2;
  }

 private:
  pid_t pid_ = 0;
};

class Line {
 public:
  explicit Line(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;  // NOLINT
  }
  ~Line() { ::close(socket_); }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  /// Status of the answer, 0 for none; `closes`: it is the last one.
  int ask(const std::string& request, bool& closes) {
    closes = true;
    if (!connected_ || ::send(socket_, request.data(), request.size(), MSG_NOSIGNAL) < 0) return 0;
    std::string seen;
    std::size_t head = std::string::npos;
    std::size_t length = 0;
    char bytes[4096];
    while (head == std::string::npos || seen.size() < head + 4 + length) {
      const auto count = ::recv(socket_, bytes, sizeof bytes, 0);
      if (count <= 0) return 0;
      seen.append(bytes, static_cast<std::size_t>(count));
      head = seen.find("\r\n\r\n");
      if (head == std::string::npos) continue;
      const auto at = seen.find("Content-Length: ");
      if (at < head) length = static_cast<std::size_t>(std::atoll(seen.c_str() + at + 16));
    }
    closes = seen.find("Connection: close") < head;
    return std::atoi(seen.c_str() + 9);
  }

 private:
  int socket_;
  bool connected_ = false;
};

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), size);          // NOLINT
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);  // NOLINT
  ::close(fd);
  return ntohs(address.sin_port);
}

class RollingRestart : public ::testing::Test {
 protected:
  void prepare(StorageConfig storage) {
    ASSERT_TRUE(std::filesystem::exists(kProgram)) << kProgram << " is not built";
    ASSERT_TRUE(create_master_key(dir_.file("master.key"), crypto::system_random()));
    SystemClock clock;
    {
      const auto store = open_store(storage, clock, 1, false);
      ASSERT_TRUE(store) << store.error().detail;
      auto passwords = login::PasswordPool::create({}, crypto::system_random(), 1);
      ASSERT_TRUE(passwords);
      populate(**store, **passwords);
    }
    storage_ = std::move(storage);
    port_ = free_port();
  }
  /// The new one has another port for health, as it would have on another machine.
  std::string config(int number, int admin_port) {
    const auto path = dir_.file("node" + std::to_string(number) + ".toml");
    std::ofstream out(path);
    out << "[server]\nlisten = \"127.0.0.1:" << port_ << "\"\nadmin_listen = \"127.0.0.1:" << admin_port
        << "\"\nthreads = 2\nmaster_key_file = \"" << dir_.file("master.key")
        << "\"\ndrain_delay = \"500ms\"\nshare_port = true\n[server.storage]\n";
    if (storage_.postgres.empty()) {
      out << "path = \"" << storage_.path << "\"\n";
    } else {
      out << "postgres = \"" << storage_.postgres << "\"\nschema = \"" << storage_.schema << "\"\n";
      if (!storage_.password_file.empty()) out << "password_file = \"" << storage_.password_file << "\"\n";
    }
    out << "[[issuer]]\nid = \"" << kRigIssuer << "\"\nname = \"Clinic\"\n";
    return path;
  }
  static int ready(int admin_port) {
    bool closes = false;
    return Line(admin_port).ask("GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n", closes);
  }
  void restart_under_load(int rounds) {
    if (IsSkipped() || HasFatalFailure()) return;
    int admin = free_port();
    auto serving = std::make_unique<Served>(config(0, admin));
    ASSERT_TRUE(within(10s, [&] { return ready(admin) == 200; }));
    const std::string body = "grant_type=client_credentials&scope=jobs.run";
    const std::string request =
        "POST /t/clinic/token HTTP/1.1\r\nHost: as.example.org\r\nAuthorization: " + basic_header("app").value +
        "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n\r\n" + body;
    std::atomic<bool> over{false};
    std::atomic<int> answered{0};
    std::atomic<int> failed{0};
    std::atomic<int> last_status{0};
    std::vector<std::thread> clients;
    for (int i = 0; i < 4; ++i) {
      const bool keeps = i % 2 == 1;
      clients.emplace_back([&, keeps] {
        while (!over) {
          Line line(port_);
          bool closes = false;
          do {
            const int status = line.ask(request, closes);
            ++(status == 200 ? answered : failed);
            if (status != 200) last_status = status;
          } while (keeps && !closes && !over);
        }
      });
    }
    for (int round = 1; round <= rounds; ++round) {
      const int next_admin = free_port();
      auto next = std::make_unique<Served>(config(round, next_admin));
      EXPECT_TRUE(within(10s, [&] { return ready(next_admin) == 200; }));
      const auto before = answered.load();
      serving->ask_to_end();
      EXPECT_TRUE(within(400ms, [&] { return ready(admin) == 503; })) << "red before the door closes";
      EXPECT_EQ(serving->ended(15s), 0);
      serving = std::move(next);
      admin = next_admin;
      EXPECT_TRUE(within(5s, [&] { return answered > before; }));
    }
    over = true;
    for (auto& client : clients) client.join();
    EXPECT_EQ(failed, 0) << "last status " << last_status;
    EXPECT_GT(answered, 20);
    serving->ask_to_end();
    EXPECT_EQ(serving->ended(15s), 0);
  }

  RigDir dir_;
  StorageConfig storage_;
  int port_ = 0;
};

TEST_F(RollingRestart, LosesNoRequestOnSqlite) {
  StorageConfig storage;
  storage.path = dir_.file("mitral.db");
  prepare(storage);
  restart_under_load(2);
}

TEST_F(RollingRestart, LosesNoRequestOnPostgres) {
  MITRAL_NEEDS_POSTGRES();
  auto& server = testing_support::PostgresServer::shared();
  StorageConfig storage;
  storage.postgres = "postgresql://postgres@127.0.0.1:" + std::to_string(server.port()) + "/postgres";
  storage.schema = server.fresh().schema;
  storage.password_file = dir_.file("password");
  {
    std::ofstream(storage.password_file) << testing_support::PostgresServer::kPassword << "\n";
    std::filesystem::permissions(storage.password_file, std::filesystem::perms::owner_read);
  }
  prepare(storage);
  restart_under_load(2);
}

}  // namespace
}  // namespace mitral::app
