// PostgresServer: a real PostgreSQL in a temporary folder, for tests.
//
//   MITRAL_NEEDS_POSTGRES();                                  // skips the test where Debian's `postgresql` is missing
//   PostgresServer& server = PostgresServer::shared();        // one for the process, started at its first use
//   auto options = server.fresh();                            // a schema of its own in it
//
// It listens on a Unix socket in its folder (anybody is let in) and on a port of 127.0.0.1 (user postgres, password
// kPassword). It runs without fsync unless asked, as `postgres` or `nobody` when the tests run as root (initdb refuses
// root), and ends with the process that started it, however that ends. Servers of one's own can be stopped, killed,
// followed by a standby and promoted.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "store/postgres/connection.h"

#define MITRAL_NEEDS_POSTGRES()                                \
  if (!::mitral::testing_support::PostgresServer::installed()) \
  GTEST_SKIP() << "no PostgreSQL server here (Debian: postgresql-15); see /usr/lib/postgresql/*/bin"

namespace mitral::testing_support {

/// A session of its own that plays an operator, another program or an attacker. Blocks without a deadline.
class PostgresIntruder {
 public:
  explicit PostgresIntruder(const std::string& url, const std::string& schema = {});
  ~PostgresIntruder() { PQfinish(connection_); }
  PostgresIntruder(const PostgresIntruder&) = delete;
  PostgresIntruder& operator=(const PostgresIntruder&) = delete;

  bool try_run(const std::string& sql);
  void run(const std::string& sql);
  std::string value(const std::string& sql);
  /// Waits until the query answers `wanted`; false after ten seconds.
  bool await(const std::string& sql, const std::string& wanted);
  [[nodiscard]] PGconn* raw() const noexcept { return connection_; }

 private:
  PGconn* connection_;
};

struct PostgresServerOptions {
  bool fsync = false;
  std::string certificate_file{};  ///< with key_file: TLS
  std::string key_file{};
  std::vector<std::string> settings{};  ///< "name=value"
};

class PostgresServer {
 public:
  /// A port at which nobody listens, unless another program takes it before the caller does.
  [[nodiscard]] static int free_port();

  static constexpr const char* kPassword = "a-password-of-tests";
  using Options = PostgresServerOptions;

  /// Folder of the newest server's programs, or empty.
  [[nodiscard]] static const std::string& programs();
  [[nodiscard]] static bool installed() { return !programs().empty(); }

  /// The server of this process.
  [[nodiscard]] static PostgresServer& shared();

  explicit PostgresServer(Options options);

  /// A streaming standby of the other one, named `name` for synchronous_standby_names.
  PostgresServer(const PostgresServer& primary, std::string name, Options options);

  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  // ---- its life

  /// Starts it and waits until it answers.
  bool start();
  /// SIGINT: fast, SIGQUIT: at once (as a crash, but with farewells). Waits for the end.
  void stop(int signal = SIGINT);
  /// kill -9 of all its processes, as when the machine loses power. None of them is left when it returns.
  void kill9();
  /// Holds every process of it still, as a frozen machine would; thaw() lets them go on.
  void freeze() { signal_all(SIGSTOP); }
  void thaw() { signal_all(SIGCONT); }
  void promote() { require(run({programs() + "/pg_ctl", "promote", "-D", data(), "-w"}), "promote"); }
  [[nodiscard]] bool running() const noexcept { return process_ > 0; }
  [[nodiscard]] pid_t process() const noexcept { return process_; }

  // ---- ways to it

  /// By the Unix socket.
  [[nodiscard]] std::string url(const std::string& database = "postgres") const;
  /// By TCP, with the password.
  [[nodiscard]] std::string tcp_url(const std::string& database = "postgres", const std::string& host = "127.0.0.1",
                                    const std::string& password = kPassword) const;
  [[nodiscard]] int port() const noexcept { return port_; }
  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_; }
  [[nodiscard]] std::string data() const { return folder_ / "data"; }
  /// What it wrote.
  [[nodiscard]] std::string log() const;

  /// Options with a schema that nobody else has. The schema does not exist yet.
  [[nodiscard]] store::postgres::ConnectOptions fresh() const;
  /// An empty database of its own; its name.
  [[nodiscard]] std::string new_database() const;
  /// Changes a setting of the running server.
  void configure(const std::string& name, const std::string& value) const;

 private:
  static void require(int status, const char* what);
  static void write(const std::filesystem::path& path, const std::string& text);
  /// Whom the server runs as, when this process is root.
  static const passwd* other_user();

  /// An empty cluster that servers of this process begin as copies of.
  struct Template {
    std::filesystem::path folder = new_folder();
    std::string data = folder / "data";
    Template();
    ~Template();
    Template(const Template&) = delete;
    Template& operator=(const Template&) = delete;
  };

  static std::filesystem::path new_folder();

  void make_folder();

  /// Folders of test processes that crashed.
  static void remove_leftovers();

  void finish_folder();
  static void copy_private(const std::string& from, const std::filesystem::path& to);

  /// Only calls that are safe between fork and exec.
  static pid_t fork_exec(const std::filesystem::path& folder, const std::vector<std::string>& words, bool dies_with_us);

  [[nodiscard]] int run(const std::vector<std::string>& words) const { return run_in(folder_, words); }
  static int run_in(const std::filesystem::path& folder, const std::vector<std::string>& words);

  void launch();

  bool await_ready();

  /// The words behind the name in /proc/<pid>/stat: state, parent ...
  static std::string stat_of(pid_t pid);
  static std::optional<char> state_of(pid_t pid);
  /// The server's own process first, then its children.
  [[nodiscard]] std::vector<pid_t> processes() const;
  void signal_all(int signal) const;

  const Options options_;
  const std::string name_;
  std::filesystem::path folder_;
  int port_ = 0;
  pid_t process_ = 0;
  static inline std::atomic<int> number_{1};
};

}  // namespace mitral::testing_support
